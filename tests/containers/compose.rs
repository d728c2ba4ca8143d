//! The compose file: the gateway, its command line beside it, and what comes and goes.

use std::fs;

use crate::{
    driver::{Connect, Device, Dial, eventually as soon},
    engine::{DEADLINE, Engine, Project, eventually, host_cli, listens},
    support::ran::Ran,
};

#[test]
fn every_way_in_works_at_once() {
    let Some(engine) = Engine::of_suite() else { return };
    let project = Project::new(engine);
    project.up();
    assert!(listens(project.address()), "it is ready when `up --wait` returns");
    for words in [&["devices", "list"][..], &["openclaw", "devices", "list"]] {
        project.cli(words).succeeded().says(&["No device pairing entries"]).never_says(&["files", "waiting"]);
    }
    let container = project.container();
    for user in ["1000", "0"] {
        engine.docker(&["exec", "--user", user, &container, "openclaw", "devices", "list"]).succeeded();
    }
    let state = engine.docker(&["inspect", "--format", "{{.State.Health.Status}}", &container]).succeeded();
    assert_eq!(state.stdout.trim(), "healthy");
    // What a container beside the gateway's cannot see is no problem of the gateway's.
    project.cli(&["gateway", "status"]).succeeded().says(&["Connectivity probe: ok"]).never_says(&["Problem:"]);
    project.cli(&["doctor"]).succeeded().says(&["Healthy"]).never_says(&["port is published"]);
    // The advice is for this place.
    project.compose(&["logs"]).succeeded().says(&["docker compose run --rm openclaw-cli devices list"]);
}

#[test]
fn a_gateway_that_is_being_recreated_is_waited_for() {
    let Some(engine) = Engine::of_suite() else { return };
    let project = Project::new(engine);
    project.up();
    project.compose(&["stop", "--timeout", "5"]).succeeded();
    let waiting = project.begin(&["run", "--rm", "--no-TTY", "openclaw-cli", "devices", "list"]);
    waiting.expect("word that it waits", DEADLINE, |seen| seen.stderr.contains("waiting up to").then_some(()));
    project.compose(&["up", "--detach", "--force-recreate"]).succeeded();
    let seen = waiting.expect("end", DEADLINE, |seen| seen.is_complete().then(|| seen.clone()));
    assert!(seen.status.is_some_and(|status| status.success()), "{}", waiting.transcript());
    assert!(seen.stdout.contains("No device pairing entries"), "{}", waiting.transcript());
    assert!(!seen.stderr.contains("working on the files"), "{}", waiting.transcript());
}

#[test]
fn without_a_gateway_the_command_line_works_on_the_files() {
    let Some(engine) = Engine::of_suite() else { return };
    let project = Project::new(engine);
    project.up();
    let request = request_of(&project, &Device::fresh());
    project.compose(&["rm", "--stop", "--force", "openclaw-gateway"]).succeeded();
    let offline = |words: &[&str]| {
        let mut all = vec!["run", "--rm", "--no-TTY", "--env", "OPENCLAW_GATEWAY_WAIT_SECONDS=1", "openclaw-cli"];
        all.extend(words);
        project.compose(&all).succeeded().says(&["working on the files"])
    };
    offline(&["devices", "list"]);
    offline(&["devices", "approve", &request]);
    project.up();
    project.cli(&["devices", "list"]).succeeded().says(&["Paired (1)"]);
}

#[test]
fn what_was_paired_outlives_the_container() {
    let Some(engine) = Engine::of_suite() else { return };
    let project = Project::new(engine);
    project.up();
    let (token, device) = (project.token(), Device::fresh());
    let request = request_of(&project, &device);
    project.cli(&["devices", "approve", &request]).succeeded();
    for words in
        [&["restart"][..], &["up", "--detach", "--wait", "--force-recreate"], &["down"], &["up", "--detach", "--wait"]]
    {
        project.compose(words).succeeded();
        if words == ["down"] {
            continue;
        }
        project.cli(&["devices", "list"]).succeeded().says(&["Paired (1)"]);
        assert_eq!(project.token(), token, "{words:?}");
    }
    runtime().block_on(async {
        // From afar, where nobody is paired silently.
        let session =
            Dial::tcp(project.address()).with_evidence().enter(&Connect::v3().token(&token).device(&device)).await;
        session.unwrap_or_else(|refused| panic!("not let in: {refused:?}")).socket.close().await;
    });
}

#[test]
fn a_sibling_needs_an_approval_once() {
    let Some(engine) = Engine::of_suite() else { return };
    let project = Project::new(engine);
    project.up();
    let (volume, network) = (engine.volume(), format!("--network={}_default", project.name));
    let (token, image) = (project.token(), engine.image("cli"));
    let sibling = |token: &str| {
        let url = ["--url", "ws://openclaw-gateway:18789", "--token", token];
        let mut words = vec!["run", "--rm", &network];
        let mounted = volume.mounted();
        words.extend([mounted.as_str(), &image, "devices", "list"]);
        words.extend(url);
        engine.docker(&words)
    };
    sibling("not-the-token-at-all").exited(1).says(&["unauthorized"]);
    let refused = sibling(&token).exited(1).says(&["pairing required", "docker compose run --rm openclaw-cli"]);
    let output = refused.output();
    let advice = output.split("docker compose run --rm openclaw-cli ").nth(1).expect("a command");
    let words: Vec<_> = advice.split_whitespace().take(3).collect();
    assert_eq!(words[..2], ["devices", "approve"], "{output}");
    let request = words[2].trim_matches(|char: char| !char.is_ascii_alphanumeric() && char != '-');
    project.cli(&["devices", "approve", request]).succeeded();
    sibling(&token).succeeded().says(&["Paired (1)"]);
}

#[test]
fn a_command_line_on_the_host_comes_in_through_the_published_port() {
    let Some(engine) = Engine::of_suite() else { return };
    let project = Project::new(engine);
    project.up();
    let url = format!("ws://127.0.0.1:{}", project.port);
    let host = |token: &str| {
        Ran::to_end(host_cli(project.home()).args(["devices", "list", "--url", &url, "--token", token]), DEADLINE)
    };
    host("not-the-token-at-all").exited(1).says(&["unauthorized"]);
    host(&project.token()).succeeded().says(&["Paired (1)"]);
}

#[test]
fn published_on_every_address_the_bridge_grants_nothing() {
    let Some(engine) = Engine::of_suite() else { return };
    let project = Project::new(engine).with("OPENCLAW_GATEWAY_PUBLISHED_ON", "0.0.0.0");
    project.up();
    let url = format!("ws://127.0.0.1:{}", project.port);
    let token = project.token();
    let ran =
        Ran::to_end(host_cli(project.home()).args(["devices", "list", "--url", &url, "--token", &token]), DEADLINE);
    ran.exited(1).says(&["pairing required"]);
}

#[test]
fn a_token_of_ones_own_is_a_file() {
    let Some(engine) = Engine::of_suite() else { return };
    let project = Project::new(engine);
    let file = project.home().join("token");
    fs::write(&file, "a-token-of-my-own-making\n").expect("ours");
    let project = project.with("OPENCLAW_GATEWAY_TOKEN_FILE", file.to_str().expect("text"));
    project.up();
    project.compose(&["logs"]).succeeded().says(&["OPENCLAW_GATEWAY_TOKEN_FILE"]).never_says(&["a-token-of-my-own"]);
    runtime().block_on(async {
        let connect = |token: &str| Connect::v4().token(token).device(&Device::fresh());
        let dial = Dial::tcp(project.address()).with_evidence();
        let wrong = dial.enter(&connect("another-token-entirely")).await.err().expect("a wrong token");
        assert!(wrong.message().contains("unauthorized"), "{wrong:?}");
        let right = dial.enter(&connect("a-token-of-my-own-making")).await.err().expect("from afar");
        assert!(right.message().contains("pairing required"), "{right:?}");
    });
}

#[test]
fn tls_by_the_gateway_itself() {
    let Some(engine) = Engine::of_suite() else { return };
    let project = Project::new(engine).beside("tls");
    project.up();
    runtime().block_on(async {
        soon("a TLS listener", async || Dial::tls(project.address()).connect().await.ok()).await;
    });
    project.cli(&["devices", "list"]).succeeded();
}

#[test]
fn the_state_in_a_folder() {
    let Some(engine) = Engine::of_suite() else { return };
    let project = Project::new(engine);
    let folder = project.home().join("state");
    fs::create_dir(&folder).expect("ours");
    std::os::unix::fs::chown(&folder, Some(4321), Some(4321)).expect("we are root");
    let project = project
        .beside("folder")
        .with("OPENCLAW_STATE_FOLDER", folder.to_str().expect("text"))
        .with("OPENCLAW_USER", "4321:4321");
    project.up();
    project.cli(&["devices", "list"]).succeeded().never_says(&["files"]);
    assert!(folder.join("identity/gateway-token").exists());
    assert!(!folder.join("run/gateway.sock").exists(), "the socket is in a volume");
}

#[test]
fn on_the_hosts_network() {
    let Some(engine) = Engine::of_suite() else { return };
    let project = Project::new(engine).beside("host-network");
    project.up();
    project.cli(&["devices", "list"]).succeeded();
    let url = format!("ws://127.0.0.1:{}", project.port);
    let token = project.token();
    let ran =
        Ran::to_end(host_cli(project.home()).args(["devices", "list", "--url", &url, "--token", &token]), DEADLINE);
    ran.succeeded().says(&["Paired (1)"]);
}

/// Lets a device ask from afar; returns the id of its request.
fn request_of(project: &Project, device: &Device) -> String {
    let token = project.token();
    let refused = runtime().block_on(async {
        let connect = Connect::v3().token(&token).device(device);
        Dial::tcp(project.address()).with_evidence().enter(&connect).await.err().expect("nobody approved it")
    });
    eventually("the request", || {
        project.cli(&["devices", "list"]).succeeded().stdout.contains("Pending (1)").then_some(())
    });
    refused.request_id()
}

pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}
