//! The pod of a release of the chart, which `tests/kubernetes/test_play.py` installs.

use std::io::ErrorKind;
use std::process::Command;

use crate::place::{Facts, Kind, PATIENCE, Place, eventually};
use crate::support::ran::Ran;
use crate::visitor::Visitor;

/// The gateway's pod. `kubectl` means its namespace.
pub struct Pod {
    release: String,
    node: String,
}

impl Pod {
    /// That of `release`; `node` is the network namespace of the node.
    pub fn new(release: &str, node: &str) -> Self {
        Self { release: release.to_owned(), node: node.to_owned() }
    }

    fn name(&self) -> String {
        format!("{}-0", self.release)
    }

    fn scale(&self, replicas: u8) {
        let set = format!("statefulset/{}", self.release);
        kubectl(&["scale", &set, &format!("--replicas={replicas}")]).succeeded();
    }
}

fn kubectl(words: &[&str]) -> Ran {
    Ran::to_end(Command::new("kubectl").args(words), PATIENCE)
}

impl Place for Pod {
    fn kind(&self) -> Kind {
        Kind::Pod
    }

    fn facts(&self) -> Facts {
        Facts {
            // The address of the pod's default router, which everybody has who comes by the node.
            visitor_seen_as: "neighbour from 10.244.0.1".into(),
            // The kubelet writes the pod's own address beside its name.
            own_name: self.name(),
            own_name_class: "own-address",
            own_name_is_silent: false,
            // The command line's container has process ids of its own.
            supervisor: None,
            no_unit: &["and not systemd", "openclaw gateway run"],
            starts_with: None,
        }
    }

    fn operator(&self, words: &str) -> Ran {
        let words: Vec<_> = words.split_whitespace().collect();
        kubectl(&[&["exec", &self.name(), "-c", "cli", "--", "openclaw"], words.as_slice()].concat())
    }

    fn types(&self, line: &str) -> Ran {
        Ran::to_end(Command::new("sh").args(["-c", line]), PATIENCE)
    }

    fn start(&self) {
        self.scale(1);
        let pod = format!("pod/{}", self.name());
        eventually("a pod that is ready", || {
            (kubectl(&["wait", "--for=condition=Ready", &pod, "--timeout=5s"]).code == Some(0)).then_some(())
        });
        // The node learns a moment later where the service leads to now.
        let visitor = self.visitor();
        eventually("a service that leads to it", || visitor.dials().ok());
    }

    fn stop(&self) {
        let visitor = self.visitor();
        self.scale(0);
        let pod = format!("pod/{}", self.name());
        kubectl(&["wait", "--for=delete", &pod, "--timeout=110s"]).succeeded();
        // Until then packets go to an address that nobody has.
        eventually("a service that leads nowhere", || {
            (visitor.dials() == Err(ErrorKind::ConnectionRefused)).then_some(())
        });
    }

    fn log(&self) -> String {
        kubectl(&["logs", &self.name(), "-c", "gateway"]).succeeded().output()
    }

    fn token(&self) -> String {
        let token = self.operator("config get gateway.auth.token --json").succeeded().json();
        token.as_str().expect("a text").to_owned()
    }

    fn visitor(&self) -> Visitor {
        let service = kubectl(&["get", "service", &self.release, "--output", "json"]).succeeded().json();
        let address = service["spec"]["clusterIP"].as_str().expect("an address").to_owned();
        Visitor::new(Some(&self.node), &format!("{address}:18789"), &self.token())
    }

    fn another_gateway(&self) -> Option<String> {
        // Its containers have no shell, and `kubectl exec` sets no variables: the row's first line is all that can be typed.
        None
    }
}

impl Drop for Pod {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", kubectl(&["logs", &self.name(), "-c", "gateway"]));
        }
    }
}
