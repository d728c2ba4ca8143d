//! What is refused, and what to type instead.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

use crate::openclaw;
use crate::support::home::Home;
use crate::support::our_gateway::OurGateway;

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
