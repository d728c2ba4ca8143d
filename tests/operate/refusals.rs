//! What is refused, and what to type instead.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

use crate::support::home::Home;
use crate::support::our_gateway::OurGateway;
use crate::support::ran::Ran;
use crate::{PATIENCE, openclaw};

#[test]
fn a_second_gateway_is_told_of_the_first() {
    let gateway = OurGateway::start(Home::new());
    let ran = openclaw(gateway.home(), &["gateway", "run", "--bind", "loopback"]).exited(1);
    ran.says(&[
        "another gateway holds",
        &format!("pid {} since ", gateway.running().pid()),
        &format!("version {}", env!("CARGO_PKG_VERSION")),
        &gateway.url(),
        "openclaw gateway restart",
    ]);
    // The same port with a state directory of its own.
    let other = Home::new();
    let port = gateway.port().to_string();
    let ran = openclaw(&other, &["gateway", "run", "--bind", "loopback", "--port", &port]).exited(1);
    let pid = gateway.running().pid();
    ran.says(&[
        &format!("pid {pid} since "),
        &port,
        "of another state directory",
        "another --port",
        &format!("`kill {pid}`"),
    ])
    .never_says(&["openclaw gateway restart"]);
    openclaw(gateway.home(), &["devices", "list"]).succeeded();
}

#[test]
fn without_systemd_no_unit_is_written_and_the_other_ways_are_told() {
    if std::path::Path::new("/run/systemd/system").exists() {
        println!("skipped: systemd runs here; the suite of systemd tests what it is told");
        return;
    }
    let home = Home::new();
    for words in [&["gateway", "install"][..], &["gateway", "install", "--user"]] {
        openclaw(&home, words).exited(1).says(&["and not systemd", "openclaw gateway run", "tmux", "supervisord"]);
    }
    assert!(!home.path().join(".config").exists(), "nothing was written");
    openclaw(&home, &["gateway", "unit", "--user"]).succeeded().says(&["Type=notify", "gateway reload"]);
}

#[test]
fn a_gateway_that_is_not_known_is_not_replaced_by_the_one_here() {
    let gateway = OurGateway::start(Home::new());
    let without_scheme = |words: &[&str]| {
        let mut command = gateway.home().command(OurGateway::program());
        Ran::to_end(command.args(words).env("OPENCLAW_GATEWAY_URL", "gw.example:18789"), PATIENCE)
    };
    for words in [&["devices", "clear", "--yes", "--pending"][..], &["devices", "list"], &["gateway", "health"]] {
        without_scheme(words).exited(1).says(&["which gateway is meant is not known", "--url"]);
    }
    let token = std::fs::read_to_string(gateway.home().state().join("identity/gateway-token")).expect("it made one");
    without_scheme(&["devices", "list", "--url", &gateway.url(), "--token", token.trim()]).succeeded();
}

#[test]
fn a_misspelled_variable_is_told_of() {
    let gateway = OurGateway::start(Home::new());
    let mut command = gateway.home().command(OurGateway::program());
    let ran = Ran::to_end(command.args(["devices", "list"]).env("OPENCLAW_GATEWY_URL", "ws://gw.example"), PATIENCE);
    ran.succeeded().says(&["OPENCLAW_GATEWAY_URL: is not set, and OPENCLAW_GATEWY_URL is not read"]);
}

#[test]
fn a_device_whose_token_was_revoked_is_told_of_its_own_token() {
    let gateway = OurGateway::start(Home::new());
    let token = std::fs::read_to_string(gateway.home().state().join("identity/gateway-token")).expect("it made one");
    let client = Home::new();
    let lists = |more: &[&str]| openclaw(&client, &[&["devices", "list", "--url", &gateway.url()], more].concat());
    lists(&["--token", token.trim()]).succeeded();
    let listed = lists(&["--json"]).succeeded().json();
    let device = listed["paired"][0]["deviceId"].as_str().expect("it is paired").to_owned();
    openclaw(gateway.home(), &["devices", "revoke", "--device", &device, "--role", "operator"]).succeeded();
    lists(&[]).exited(1).says(&["this device's own token was revoked or replaced", "--token", "openclaw devices list"]);
}

#[test]
fn damaged_records_are_not_taken_for_none() {
    let gateway = OurGateway::start(Home::new());
    let token = std::fs::read_to_string(gateway.home().state().join("identity/gateway-token")).expect("it made one");
    let words = ["devices", "list", "--url", &gateway.url(), "--token", token.trim()];
    openclaw(&Home::new(), &words).succeeded();
    let home = gateway.stop();
    let records = home.state().join("devices/paired.json");
    let whole = std::fs::read(&records).expect("a device is paired");
    std::fs::write(&records, &whole[..whole.len() / 2]).expect("it is ours");
    let said = [&records.display().to_string(), "is damaged: ", "line ", "repair "];
    let list = openclaw(&home, &["devices", "list"]).exited(1);
    list.says(&said).says(&["No device pairing entries can be read."]);
    let listed = openclaw(&home, &["devices", "list", "--json"]).exited(1).says(&said).json();
    assert_eq!(listed["damaged"][0]["file"], records.display().to_string());
    openclaw(&home, &["devices", "clear", "--yes"]).says(&said);
    std::fs::write(&records, whole).expect("it is ours");
    let listed = openclaw(&home, &["devices", "list", "--json"]).succeeded().never_says(&["damaged"]).json();
    assert_eq!(listed["paired"].as_array().map(Vec::len), Some(1));
}

#[test]
fn a_device_key_that_is_damaged_is_named() {
    let gateway = OurGateway::start(Home::new());
    let token = std::fs::read_to_string(gateway.home().state().join("identity/gateway-token")).expect("it made one");
    let client = Home::new();
    let key = client.state().join("identity/openclaw-device.json");
    std::fs::create_dir_all(key.parent().expect("it has one")).expect("it is ours");
    std::fs::write(&key, "{").expect("it is ours");
    let words = ["devices", "list", "--url", &gateway.url(), "--token", token.trim()];
    let named = ["no device is shown", &key.display().to_string(), "line 1", "move it away"];
    openclaw(&client, &words).says(&named);
    openclaw(&client, &["devices", "list", "--url", &gateway.url(), "--token", "wrong"]).exited(1).says(&named);
    assert_eq!(std::fs::read_to_string(&key).expect("kept"), "{");
}

#[test]
fn a_file_in_the_place_of_the_state_directory_is_called_one() {
    let home = Home::new();
    std::fs::write(home.state(), "").expect("it is ours");
    let (file, home) = (home.state(), &home);
    for (words, code) in [
        (&["gateway", "run", "--bind", "loopback", "--port", "0"][..], 78),
        (&["devices", "list"], 1),
        (&["gateway", "status"], 1),
        (&["config", "set", "gateway.bind", "lan"], 1),
    ] {
        let said = format!("the state directory {} is a file and not a directory", file.display());
        openclaw(home, words).exited(code).says(&[&said, "OPENCLAW_STATE_DIR", "mv "]).never_says(&["chown"]);
    }
}

#[test]
fn whoever_may_not_look_at_a_gateway_is_told_whose_it_is() {
    use std::os::unix::{fs::PermissionsExt as _, process::CommandExt as _};
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let home = Home::new();
    let open = std::fs::Permissions::from_mode(0o755);
    std::fs::create_dir(home.state()).expect("it is ours");
    for path in [home.path().to_owned(), home.state()] {
        std::fs::set_permissions(path, open.clone()).expect("it is ours");
    }
    let gateway = OurGateway::start(home);
    let state = gateway.home().state();
    // Where the tests are built, another user may not be let in.
    let program = gateway.home().path().join("openclaw");
    std::fs::copy(OurGateway::program(), &program).expect("there is room");
    let as_another = |words: &[&str]| {
        let mut command = gateway.home().command(&program);
        super::Ran::to_end(command.uid(1234).gid(1234).env("OPENCLAW_STATE_DIR", &state).args(words), super::PATIENCE)
    };
    let whose = format!("run this as uid 0, which owns {}", state.display());
    for words in [
        &["devices", "list"][..],
        &["gateway", "status"],
        &["gateway", "stop"],
        &["logs"],
        &["config", "get", "gateway.auth.token"],
        &["doctor"],
    ] {
        as_another(words).says(&[whose.as_str()]).never_says(&["has no locks", "first start"]);
    }
}

/// A proxy that drops the wish for a WebSocket: it asks the gateway with `headers` instead, and names itself in the answer.
/// Returns its port; it serves one connection.
fn proxy(gateway: &OurGateway, headers: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let (port, behind) = (listener.local_addr().expect("it is bound").port(), gateway.port());
    std::thread::spawn(move || {
        let (mut client, _) = listener.accept().expect("it is called");
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            client.read_exact(&mut byte).expect("a whole request");
            head.extend(byte);
        }
        let mut gateway = TcpStream::connect(("127.0.0.1", behind)).expect("it listens");
        write!(gateway, "GET / HTTP/1.1\r\nHost: 127.0.0.1:{behind}\r\n{headers}\r\n").expect("it reads");
        let mut answer = Vec::new();
        gateway.read_to_end(&mut answer).expect("an answer");
        let answer = String::from_utf8_lossy(&answer).replacen("\r\n", "\r\nServer: nginx/1.22.1\r\n", 1);
        client.write_all(answer.as_bytes()).expect("it reads");
    });
    port
}

#[test]
fn a_proxy_that_passes_no_websockets_on_is_named_with_what_makes_it() {
    let gateway = OurGateway::start(Home::new());
    for headers in [
        // As nginx asks without the lines of its manual about WebSockets, and with the first of them only.
        "Connection: close\r\n",
        "Connection: close\r\nUpgrade: websocket\r\n",
    ] {
        let url = format!("ws://127.0.0.1:{}", proxy(&gateway, headers));
        openclaw(&Home::new(), &["devices", "list", "--url", &url, "--token", "any"]).exited(1).says(&[
            "nginx/1.22.1 did not pass the WebSocket upgrade on",
            "Hint: the proxy (nginx/1.22.1) does not pass WebSockets on",
            "proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection \"upgrade\";",
        ]);
    }
}
