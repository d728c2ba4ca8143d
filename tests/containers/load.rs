//! A gateway that is stopped or replaced while it is used.

use std::{net::SocketAddr, os::unix::fs::chown, path::Path, thread, time::Instant};

use futures_util::future::join_all;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    compose::runtime,
    driver::{Close, Connect, Device, Dial, Frame, Session},
    engine::{Engine, Project},
};

/// Sessions that change something without a pause, each a device of its own.
const WRITERS: usize = 8;

/// Changes that each has acknowledged before the gateway is stopped.
const WARM: u32 = 3;

/// What a client has seen when its session is over.
struct Seen {
    device: String,
    /// The last change that was acknowledged.
    acknowledged: u32,
    /// Whether it was told before it was closed.
    told: bool,
    close: Close,
}

#[test]
fn under_load_everybody_is_told_and_nothing_acknowledged_is_lost() {
    let Some(engine) = Engine::of_suite() else { return };
    let folder = TempDir::new().expect("a directory");
    chown(folder.path(), Some(1000), Some(0)).expect("we are root");
    let mounted = format!("--volume={}:/home/node/.openclaw", folder.path().display());
    let socket = folder.path().join("run/gateway.sock");
    let gateway = engine.gateway(&[&mounted, "--publish=127.0.0.1:0:18789"]);
    let published = engine.docker(&["port", &gateway.name, "18789/tcp"]).succeeded().stdout;
    let address = published.trim().parse().expect("an address");
    let token = crate::engine::token_in(engine, &gateway.name);
    let (seen, stopped) = runtime().block_on(async {
        let mut writers = Vec::new();
        for _ in 0..WRITERS {
            writers.push(paired(address, &socket, &token).await);
        }
        let (warm, mut warmed) = tokio::sync::mpsc::channel(WRITERS);
        let working = join_all(writers.into_iter().map(|(device, session)| work(device, session, warm.clone())));
        let name = gateway.name.clone();
        let stop = async {
            for _ in 0..WRITERS {
                warmed.recv().await.expect("every writer gets on");
            }
            let began = Instant::now();
            // As compose, Kubernetes and people do it: SIGTERM, and SIGKILL after ten seconds.
            let stopping =
                tokio::task::spawn_blocking(move || engine.docker(&["stop", "--time", "10", &name]).succeeded());
            stopping.await.expect("no panic");
            began.elapsed()
        };
        tokio::join!(working, stop)
    });
    assert_eq!(gateway.ended(), 0, "{}", gateway.log());
    assert!(stopped.as_secs() < 10, "{stopped:?}");
    for writer in &seen {
        assert_eq!(writer.close, Close::new(1012, "service restart"), "{}", writer.device);
        assert!(writer.told, "{}: closed without a word", writer.device);
        assert!(writer.acknowledged >= WARM, "{}", writer.device);
    }

    engine.docker(&["start", &gateway.name]).succeeded();
    gateway.ready_again(2);
    let list = runtime().block_on(async {
        let mut owner = owner(&socket).await;
        owner.call("device.pair.list", json!({})).await.expect("it lists")
    });
    let label = |device: &str| {
        let paired = list["paired"].as_array().expect("a list");
        let record = paired.iter().find(|record| record["deviceId"] == device);
        let label = record.unwrap_or_else(|| panic!("{device} is lost: {list}"));
        ["operatorLabel", "label", "displayName"].iter().find_map(|name| label[name].as_str()?.parse::<u32>().ok())
    };
    for writer in &seen {
        let kept = label(&writer.device).unwrap_or_else(|| panic!("no label of {}: {list:#}", writer.device));
        // One more may have been written whose answer the stop overtook.
        let right = [writer.acknowledged, writer.acknowledged + 1];
        assert!(right.contains(&kept), "{}: {kept}, acknowledged {}", writer.device, writer.acknowledged);
    }
}

/// Changes the label of a device until the gateway goes.
async fn work(device: String, mut session: Session, warm: tokio::sync::mpsc::Sender<()>) -> Seen {
    let mut seen = Seen { device, acknowledged: 0, told: false, close: Close::new(0, "") };
    loop {
        let label = (seen.acknowledged + 1).to_string();
        let id = session.send("device.pair.rename", json!({ "deviceId": seen.device, "label": label })).await;
        loop {
            match session.socket.next().await {
                Frame::Json(frame) if frame["id"] == id.as_str() => {
                    assert_eq!(frame["ok"], true, "{frame}");
                    seen.acknowledged += 1;
                    break;
                }
                Frame::Json(frame) => seen.told |= frame["event"] == "shutdown",
                Frame::Closed(close) => {
                    seen.close = close;
                    return seen;
                }
            }
        }
        if seen.acknowledged == WARM {
            warm.send(()).await.expect("somebody waits for it");
        }
    }
}

/// A device that asked from afar and was approved, connected through the published port.
async fn paired(address: SocketAddr, socket: &Path, token: &str) -> (String, Session) {
    let (device, afar) = (Device::fresh(), Dial::tcp(address).with_evidence());
    let connect = Connect::v4().token(token).device(&device);
    let refused = afar.enter(&connect).await.err().expect("nobody approved it");
    let mut owner = owner(socket).await;
    owner.call("device.pair.approve", json!({ "requestId": refused.request_id() })).await.expect("approved");
    let session = afar.enter(&connect).await.unwrap_or_else(|refused| panic!("{refused:?}"));
    (device.id(), session)
}

async fn owner(socket: &Path) -> Session {
    let entered = Dial::unix(socket.to_path_buf()).enter(&Connect::v4().scopes(&[])).await;
    entered.unwrap_or_else(|refused| panic!("{refused:?}"))
}

#[test]
fn a_rolling_update_brings_an_old_client_back_as_what_it_was() {
    let Some(engine) = Engine::of_suite() else { return };
    let (version, next) = (env!("CARGO_PKG_VERSION"), engine.name("next"));
    let tag = |which: &str| format!("openclaw-{which}:{next}");
    for which in ["gateway", "cli"] {
        engine.docker(&["tag", &format!("openclaw-{which}:{version}"), &tag(which)]).succeeded();
    }
    let project = Project::new(engine);
    project.up();
    let (token, device) = (project.token(), Device::fresh());
    let afar = Dial::tcp(project.address()).with_evidence();
    let runtime = runtime();
    // The older generation, which knows nothing of this gateway.
    let connect = Connect::v3().token(&token).device(&device);
    let request = runtime.block_on(afar.enter(&connect)).err().expect("nobody approved it").request_id();
    project.cli(&["devices", "approve", &request]).succeeded();
    let mut session = runtime.block_on(afar.enter(&connect)).unwrap_or_else(|refused| panic!("{refused:?}"));
    let before = session.hello.clone();

    let mut update = project.command(&["up", "--detach", "--wait"]);
    update.env("OPENCLAW_VERSION", &next);
    let update = thread::spawn(move || crate::support::ran::Ran::to_end(&mut update, crate::engine::DEADLINE));
    let (told, close) = runtime.block_on(async {
        let mut told = false;
        loop {
            match session.socket.next().await {
                Frame::Json(frame) => told |= frame["event"] == "shutdown",
                Frame::Closed(close) => return (told, close),
            }
        }
    });
    assert!(told, "closed without a word");
    assert_eq!(close, Close::new(1012, "service restart"));
    update.join().expect("no panic").succeeded();
    let image = engine.docker(&["inspect", "--format", "{{.Config.Image}}", &project.container()]).succeeded();
    assert_eq!(image.stdout.trim(), tag("gateway"));

    let device_token = before["auth"]["deviceToken"].as_str().expect("a device token").to_owned();
    let connect = Connect::v3().device_token(&device_token).device(&device);
    let after = runtime.block_on(afar.enter(&connect)).unwrap_or_else(|refused| panic!("{refused:?}")).hello;
    let granted = |hello: &Value| (hello["auth"]["role"].clone(), hello["auth"]["scopes"].clone());
    assert_eq!(granted(&after), granted(&before));
    // The command line of the version before, beside the gateway of the one after.
    project.cli(&["devices", "list"]).succeeded().says(&["Paired (1)"]);
    drop(project);
    engine.docker(&["rmi", &tag("gateway"), &tag("cli")]).succeeded();
}
