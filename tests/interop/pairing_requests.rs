//! A client whose source may not pair silently: it is told what to do, and an operator decides.

use rstest::rstest;
use serde_json::{Value, json};

use crate::cli::Cli;
use crate::installed::{Installed, NEW, OLD};
use crate::listing;
use crate::proxy::ForwardingProxy;
use crate::support::home::Home;
use crate::support::our_gateway::OurGateway;
use crate::support::ran::Ran;

const SECRET: &str = "secret-of-our-gateway";

/// How a CLI of `version` comes from afar as a device: with a token the newer one would leave its device at home, because the
/// proxy is on loopback.
struct Far {
    mode: &'static str,
    /// Makes an identity, where the CLI has none yet, and is refused.
    first: &'static str,
}

fn far(version: &str) -> Far {
    if version == OLD { Far { mode: "token", first: "devices list" } } else { Far { mode: "password", first: "logs" } }
}

/// Our gateway, a proxy that it does not know, and the CLIs of an operator before it and of somebody behind the proxy.
struct Scene {
    _gateway: OurGateway,
    operator: Cli,
    stranger: Cli,
    far: Far,
}

impl Scene {
    fn of(version: &'static str) -> Option<Self> {
        let real = Installed::find(version)?;
        let far = far(version);
        let home = Home::new();
        home.configure(&json!({ "gateway": { "auth": { "mode": far.mode, far.mode: SECRET } } }));
        let gateway = OurGateway::start(home);
        let proxy = ForwardingProxy::before(gateway.port());
        let at = |url: &str| Cli::real(&real).with_target(&["--url", url, &format!("--{}", far.mode), SECRET]);
        let (operator, stranger) = (at(&gateway.url()), at(&proxy.url()));
        Some(Self { _gateway: gateway, operator, stranger, far })
    }

    /// The requests that wait, as the operator sees them.
    fn pending(&self) -> Vec<Value> {
        let list = self.operator.run("devices list --json").succeeded().json();
        listing::pending(&list).to_vec()
    }

    /// The stranger is refused, and told the request's id and the command that approves it.
    fn refused(&self) -> (Value, Ran) {
        let refused = self.stranger.run(self.far.first).exited(1);
        let pending = self.pending();
        assert_eq!(pending.len(), 1, "{refused}\n{pending:#?}");
        let request = pending[0]["requestId"].as_str().expect("an id");
        let refused = refused.says(&["pairing required", &format!("openclaw devices approve {request}")]);
        (pending[0].clone(), refused)
    }
}

#[rstest]
fn approved(#[values(OLD, NEW)] version: &'static str) {
    let Some(scene) = Scene::of(version) else { return };
    let (request, _) = scene.refused();
    let (id, device) = (request["requestId"].as_str().expect("an id"), request["deviceId"].as_str().expect("an id"));
    scene.operator.run("devices list").succeeded().says(&["Pending (1)", id]);
    scene.operator.run(&format!("devices approve {id}")).succeeded().says(&[&format!("Approved {device}")]);
    scene.stranger.run(scene.far.first).succeeded();
    let list = scene.operator.run("devices list --json").succeeded().json();
    assert!(listing::pending(&list).is_empty(), "{list:#}");
    assert!(listing::paired_ids(&list).contains(&device), "{list:#}");
}

#[rstest]
fn rejected(#[values(OLD, NEW)] version: &'static str) {
    let Some(scene) = Scene::of(version) else { return };
    let (request, _) = scene.refused();
    let (id, device) = (request["requestId"].as_str().expect("an id"), request["deviceId"].as_str().expect("an id"));
    scene.operator.run(&format!("devices reject {id}")).succeeded().says(&[&format!("Rejected {device}")]);
    assert_eq!(scene.pending(), Vec::<Value>::new());
    scene.operator.run(&format!("devices approve {id}")).exited(1);
    // Nobody is shut out for good: the next attempt asks again.
    let (again, _) = scene.refused();
    assert_ne!(again["requestId"], request["requestId"]);
}

#[rstest]
fn repeated_attempts_are_one_request(#[values(OLD, NEW)] version: &'static str) {
    let Some(scene) = Scene::of(version) else { return };
    let (first, _) = scene.refused();
    let (second, _) = scene.refused();
    assert_eq!(first["requestId"], second["requestId"]);
}
