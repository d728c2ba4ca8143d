//! Commands against small gateways that follow a script, and against files.

use std::{path::Path, sync::Arc};

use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::{
    Cli, CliError, Context, Exit, Format,
    output::tests::{Captured, captured},
};
use crate::{
    client::{
        GatewayUrl,
        testing::{Server, admit, gateways, hear, refuse, say},
    },
    config::Environment,
    net::{Announcement, GatewayLock},
    state::StateDir,
};

/// What a command did: how it ended, standard output, standard error.
struct Ran {
    ended: Result<Exit, CliError>,
    out: Captured,
    err: Captured,
}

/// Runs a command line in a home of its own.
async fn run(environment: &Environment, line: &str) -> Ran {
    let cli = Cli::read(line.split_whitespace().map(Into::into)).expect(line);
    let format = if cli.is_json() { Format::Json } else { Format::Text };
    let (mut output, out, err) = captured(format, None);
    let context = Context::new(environment.clone()).expect("a home");
    let ended = cli.run(&context, &mut output).await;
    if let Err(error) = &ended {
        error.print(&mut output).expect("in memory");
    }
    Ran { ended, out, err }
}

impl Ran {
    fn exit(&self) -> Exit {
        self.ended.as_ref().map_or_else(CliError::exit, |exit| *exit)
    }
}

fn home(directory: &Path) -> Environment {
    // Never the port on which a gateway of this machine may listen.
    Environment::new(Some(directory.into()), directory.into()).with("OPENCLAW_GATEWAY_PORT", "1")
}

/// Greets like a gateway that knows the device, and answers each call by its method's name.
async fn serve(mut socket: Server, device_token: Option<&str>) -> Value {
    let connect = hear(&mut socket).await;
    let mut hello = json!({"type":"hello-ok","protocol":4,"server":{"version":"test","connId":"c"}});
    hello["auth"] = json!({"role":"operator","scopes":["operator.admin"],"deviceToken":device_token});
    say(&mut socket, &json!({"type":"res","id":connect["id"],"ok":true,"payload":hello})).await;
    answer_calls(&mut socket).await;
    connect["params"].clone()
}

async fn answer_calls(socket: &mut Server) {
    use futures_util::StreamExt as _;
    while let Some(Ok(message)) = socket.next().await {
        let Ok(call) = serde_json::from_str::<Value>(message.to_text().unwrap_or_default()) else { continue };
        let payload = match call["method"].as_str() {
            Some("device.pair.list") => json!({"pending":[],"paired":[]}),
            _ => json!({"ok":true}),
        };
        say(socket, &json!({"type":"res","id":call["id"],"ok":true,"payload":payload})).await;
    }
}

/// A gateway that serves everybody and tells what each presented.
async fn open_gateway(device_token: Option<&'static str>) -> (GatewayUrl, mpsc::UnboundedReceiver<Value>) {
    let (tell, told) = mpsc::unbounded_channel();
    let tell = Arc::new(tell);
    let url = gateways(move |socket, _| {
        let tell = Arc::clone(&tell);
        async move {
            let _ = tell.send(serve(socket, device_token).await);
        }
    })
    .await;
    (url, told)
}

#[tokio::test]
async fn the_token_of_a_greeting_is_what_later_commands_present() {
    let directory = tempfile::tempdir().expect("a directory");
    let environment = home(directory.path());
    let (url, mut told) = open_gateway(Some("device-token")).await;
    let ran = run(&environment, &format!("openclaw gateway health --url {url} --token T")).await;
    assert_eq!(ran.exit(), Exit::Done, "{}", ran.err.text());
    let first = told.recv().await.expect("a connection");
    assert_eq!(first["auth"], json!({"token": "T"}));

    let ran = run(&environment, &format!("openclaw gateway health --url {url}")).await;
    assert_eq!(ran.exit(), Exit::Done, "{}", ran.err.text());
    let second = told.recv().await.expect("a connection");
    assert_eq!(second["auth"], json!({"token": "device-token"}));
    assert_eq!(first["device"]["id"], second["device"]["id"]);
    assert_eq!(first["scopes"], second["scopes"]);

    let elsewhere = format!("openclaw gateway health --url ws://127.0.0.1:1/?port={}", url.port());
    let ran = run(&environment, &elsewhere).await;
    assert!(ran.err.text().starts_with("gateway url override requires explicit credentials\n"), "{}", ran.err.text());
}

#[tokio::test]
async fn a_token_that_no_longer_counts_is_forgotten() {
    let directory = tempfile::tempdir().expect("a directory");
    let url = gateways(|mut socket, nth| async move {
        if nth == 0 {
            serve(socket, Some("device-token")).await;
        } else {
            let message = "unauthorized: device token mismatch (rotate/reissue device token)";
            let error = json!({"code":"INVALID_REQUEST","message":message});
            let presented = refuse(&mut socket, error, "unauthorized: device token mismatch").await;
            assert_eq!(presented["auth"], json!({"token": "device-token"}));
        }
    })
    .await;
    let environment = home(directory.path());
    let ran = run(&environment, &format!("openclaw gateway health --url {url} --token T")).await;
    assert_eq!(ran.exit(), Exit::Done, "{}", ran.err.text());
    let ran = run(&environment, &format!("openclaw gateway health --url {url}")).await;
    let text = ran.err.text();
    assert!(text.contains("gateway closed (1008): unauthorized: device token mismatch\n"), "{text}");
    assert!(text.contains("Secret: this device's stored token\n"), "{text}");
    // The third finds nothing to present.
    let ran = run(&environment, &format!("openclaw gateway health --url {url}")).await;
    assert!(ran.err.text().starts_with("gateway url override requires"), "{}", ran.err.text());
}

#[tokio::test]
async fn a_configured_secret_that_is_wrong_gives_way_to_the_devices_own_token() {
    let directory = tempfile::tempdir().expect("a directory");
    let url = gateways(|mut socket, nth| async move {
        match nth {
            0 | 2 => {
                let presented = serve(socket, Some("device-token")).await;
                let token = if nth == 0 { "old" } else { "device-token" };
                assert_eq!(presented["auth"], json!({"token": token}));
            }
            _ => {
                let error = json!({"code":"INVALID_REQUEST","message":"unauthorized: gateway token mismatch (x)"});
                refuse(&mut socket, error, "unauthorized: gateway token mismatch (x)").await;
            }
        }
    })
    .await;
    let environment = home(directory.path()).with("OPENCLAW_GATEWAY_URL", url.to_string());
    let environment = environment.with("OPENCLAW_GATEWAY_TOKEN", "old");
    assert_eq!(run(&environment, "openclaw health").await.exit(), Exit::Done);
    let ran = run(&environment, "openclaw health").await;
    assert_eq!(ran.exit(), Exit::Done, "{}", ran.err.text());
    assert!(
        ran.err.text().contains("the secret from OPENCLAW_GATEWAY_TOKEN is not the gateway's"),
        "{}",
        ran.err.text()
    );
    // What was typed is what is meant.
    let ran = run(&environment, "openclaw health --token typed").await;
    assert_eq!(ran.exit(), Exit::Failed, "{}", ran.out.text());
    assert!(ran.err.text().contains("Secret: --token\n"), "{}", ran.err.text());
}

#[tokio::test]
async fn a_gateway_that_is_starting_is_asked_again() {
    let directory = tempfile::tempdir().expect("a directory");
    let environment = home(directory.path());
    let starting =
        || json!({"code":"UNAVAILABLE","message":"gateway starting; retry shortly","retryable":true,"retryAfterMs":1});
    let url = gateways(move |mut socket, nth| async move {
        if nth < 2 {
            refuse(&mut socket, starting(), "gateway starting").await;
        } else {
            serve(socket, None).await;
        }
    })
    .await;
    let ran = run(&environment, &format!("openclaw gateway health --url {url} --token T")).await;
    assert_eq!(ran.exit(), Exit::Done, "{}", ran.err.text());

    // A probe tells what is.
    let url = gateways(move |mut socket, _| async move {
        refuse(&mut socket, starting(), "gateway starting").await;
    })
    .await;
    let ran = run(&environment, &format!("openclaw gateway status --url {url} --token T --json")).await;
    let document: Value = serde_json::from_str(&ran.out.text()).expect("one document");
    assert_eq!(ran.exit(), Exit::Done);
    assert_eq!(document["rpc"]["error"], "gateway connect failed: gateway starting; retry shortly");
    let ran = run(&environment, &format!("openclaw gateway status --url {url} --token T --require-rpc")).await;
    assert_eq!(ran.exit(), Exit::Failed);
}

#[tokio::test]
async fn devices_are_managed_on_the_files_only_when_no_gateway_lives() {
    let directory = tempfile::tempdir().expect("a directory");
    let environment = home(directory.path());
    let ran = run(&environment, "openclaw devices list").await;
    assert_eq!((ran.exit(), ran.out.text().as_str()), (Exit::Done, "No device pairing entries.\n"));
    assert!(ran.err.text().starts_with("no gateway runs: working on the files of "), "{}", ran.err.text());
    let ran = run(&environment, "openclaw devices list --json").await;
    assert_eq!(ran.err.text(), "", "programs are told nothing that they did not ask for");
    assert_eq!(serde_json::from_str::<Value>(&ran.out.text()).expect("json"), json!({"pending": [], "paired": []}));

    // Other commands have nothing to do on files.
    let ran = run(&environment, "openclaw gateway health").await;
    assert!(
        ran.err.text().starts_with("Gateway not reachable at ws://127.0.0.1:1 (ECONNREFUSED)"),
        "{}",
        ran.err.text()
    );

    let mut lock = GatewayLock::acquire(&StateDir::new(directory.path().join(".openclaw"))).expect("free");
    lock.announce(Announcement { url: "ws://127.0.0.1:1".into(), ..Announcement::default() }).expect("writable");
    let ran = run(&environment, "openclaw devices list").await;
    assert_eq!(ran.exit(), Exit::Failed);
    assert!(ran.err.text().contains("holds") && ran.err.text().contains("--offline"), "{}", ran.err.text());
    let ran = run(&environment, "openclaw devices list --offline").await;
    assert_eq!(ran.exit(), Exit::Done, "it does not answer: {}", ran.err.text());
    let ran = run(&environment, "openclaw devices list --offline --url ws://127.0.0.1:1 --token T").await;
    assert_eq!(ran.exit(), Exit::Failed);
    drop(lock);
    assert_eq!(run(&environment, "openclaw devices list").await.exit(), Exit::Done);
}

#[tokio::test]
async fn a_gateway_that_is_starting_is_waited_for() {
    let directory = tempfile::tempdir().expect("a directory");
    let environment = home(directory.path());
    let lock = GatewayLock::acquire(&StateDir::new(directory.path().join(".openclaw"))).expect("free");
    // It has not said yet where it listens, and ends without ever having done so as soon as somebody waits for it.
    let (ran, ()) = tokio::join!(biased; run(&environment, "openclaw devices list"), async { drop(lock) });
    assert_eq!(ran.exit(), Exit::Done, "{}", ran.err.text());
    let text = ran.err.text();
    assert!(text.contains("for the gateway to start") && text.contains("working on the files"), "{text}");
}

#[tokio::test]
async fn a_configuration_that_cannot_be_used_keeps_nobody_from_the_gateway() {
    let directory = tempfile::tempdir().expect("a directory");
    let state = directory.path().join(".openclaw");
    std::fs::create_dir(&state).expect("writable");
    std::fs::write(state.join("openclaw.json"), "{\n  broken").expect("writable");
    let (url, _told) = open_gateway(None).await;
    let ran = run(&home(directory.path()), &format!("openclaw devices list --url {url} --token T")).await;
    assert_eq!(ran.exit(), Exit::Done, "{}", ran.err.text());
    assert!(ran.err.text().starts_with("the configuration cannot be used, going on"), "{}", ran.err.text());
}

#[tokio::test]
async fn probes_tell_what_answers_on_each_way() {
    let directory = tempfile::tempdir().expect("a directory");
    let (url, _told) = open_gateway(None).await;
    let environment = home(directory.path());
    let ran = run(&environment, &format!("openclaw gateway probe --url {url} --token T --json")).await;
    assert_eq!(ran.exit(), Exit::Done, "{}", ran.err.text());
    let document: Value = serde_json::from_str(&ran.out.text()).expect("one document");
    assert_eq!((&document["ok"], &document["capability"]), (&json!(true), &json!("admin_capable")));
    let targets = document["targets"].as_array().expect("targets");
    let ids: Vec<_> = targets.iter().map(|target| (target["id"].as_str(), target["connect"]["ok"].as_bool())).collect();
    assert_eq!(
        ids,
        [(Some("explicit"), Some(true)), (Some("localSocket"), Some(false)), (Some("localLoopback"), Some(false)),]
    );
    let ran = run(&environment, "openclaw gateway probe").await;
    assert_eq!(ran.exit(), Exit::Failed);
    assert!(ran.out.text().starts_with("Reachable: no\n"), "{}", ran.out.text());
}

#[tokio::test]
async fn a_method_that_first_only_accepts_is_waited_for() {
    let directory = tempfile::tempdir().expect("a directory");
    let url = gateways(|mut socket, _| async move {
        admit(&mut socket).await;
        let call = hear(&mut socket).await;
        assert_eq!(call["params"], json!({"a": 1}));
        for payload in [json!({"status": "accepted"}), json!({"status": "ok"})] {
            say(&mut socket, &json!({"type":"res","id":call["id"],"ok":true,"payload":payload})).await;
        }
    })
    .await;
    let line = format!("openclaw gateway call x.y --params {{a:1}} --expect-final --json --url {url} --token T");
    let ran = run(&home(directory.path()), &line).await;
    assert_eq!(serde_json::from_str::<Value>(&ran.out.text()).expect("json"), json!({"status": "ok"}));
}

#[tokio::test]
async fn logs_come_from_the_file_when_no_gateway_answers() {
    let directory = tempfile::tempdir().expect("a directory");
    let environment = home(directory.path());
    let ran = run(&environment, "openclaw logs").await;
    assert_eq!(ran.exit(), Exit::Failed);
    assert!(ran.err.text().starts_with("Gateway not reachable. Is it running and accessible?\n"), "{}", ran.err.text());
    let ran = run(&environment, "openclaw logs --json").await;
    assert_eq!(ran.out.text(), "");
    let error: Value = serde_json::from_str(ran.err.text().lines().next().expect("a line")).expect("json");
    assert_eq!(error["type"], "error");

    let logs = directory.path().join(".openclaw/logs");
    std::fs::create_dir_all(&logs).expect("writable");
    std::fs::write(logs.join("openclaw-2026-01-01.log"), "{\"0\":\"stopped\"}\n").expect("writable");
    let ran = run(&environment, "openclaw logs").await;
    assert_eq!((ran.exit(), ran.out.text().as_str()), (Exit::Done, "stopped\n"));
    assert!(ran.err.text().contains("openclaw-2026-01-01.log itself: Gateway not reachable"), "{}", ran.err.text());
    // Another gateway's log is not in our file.
    let ran = run(&environment, "openclaw logs --url ws://127.0.0.1:1 --token T").await;
    assert_eq!((ran.exit(), ran.out.text().as_str()), (Exit::Failed, ""));
}
