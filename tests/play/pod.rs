//! The pod of a release of the chart, which `tests/kubernetes/test_play.py` installs.

use std::fs;
use std::io::ErrorKind;
use std::process::Command;

use nix::errno::Errno;
use nix::sys::signal::{self, Signal};
use nix::unistd::Pid;
use serde_json::{Value, json};

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

/// The processes of the container `id`, wherever its node keeps them.
fn processes_of(id: &str) -> Vec<Pid> {
    let processes = fs::read_dir("/proc").expect("it is mounted").flatten();
    let of_container = |process: &fs::DirEntry| {
        fs::read_to_string(process.path().join("cgroup")).is_ok_and(|groups| groups.contains(id))
    };
    let numbers = processes.filter(of_container).filter_map(|process| process.file_name().to_str()?.parse().ok());
    numbers.map(Pid::from_raw).collect()
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
            comes_back: true,
        }
    }

    fn command(&self, words: &str) -> Command {
        let mut command = Command::new("kubectl");
        command.args(["exec", &self.name(), "-c", "cli", "--", "openclaw"]).args(words.split_whitespace());
        command
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

    fn kill(&self) {
        let restarts = || {
            let pod = kubectl(&["get", "pod", &self.name(), "--output", "json"]).succeeded().json();
            let statuses = pod["status"]["containerStatuses"].as_array().expect("a list").clone();
            let gateway = statuses.into_iter().find(|status| status["name"] == "gateway").expect("a gateway");
            (gateway["restartCount"].as_u64(), gateway["ready"] == true, gateway["containerID"].clone())
        };
        let (before, _, id) = restarts();
        let id = id.as_str().and_then(|id| id.rsplit('/').next()).expect("it runs").to_owned();
        let processes = processes_of(&id);
        assert!(!processes.is_empty(), "no process of the container {id}");
        for process in processes {
            // The first one takes the others along.
            if let Err(error) = signal::kill(process, Signal::SIGKILL) {
                assert_eq!(error, Errno::ESRCH, "kill {process}");
            }
        }
        eventually("a gateway that came back", || {
            let (now, ready, _) = restarts();
            (now > before && ready).then_some(())
        });
        let visitor = self.visitor();
        eventually("a service that leads to it", || visitor.dials().ok());
    }

    /// In its `ConfigMap`.
    fn trust(&self, proxies: &[&str]) {
        let taken_up = || self.log().matches("configuration reloaded; applied: gateway.trustedProxies").count();
        let before = taken_up();
        let name = format!("configmap/{}", self.release);
        let map = kubectl(&["get", &name, "--output", "json"]).succeeded().json();
        let written = map["data"]["openclaw.json"].as_str().expect("a file");
        let mut config: Value = serde_json::from_str(written).expect("the chart writes JSON");
        config["gateway"]["trustedProxies"] = json!(proxies);
        let patch = json!({"data": {"openclaw.json": config.to_string()}}).to_string();
        kubectl(&["patch", &name, "--type=merge", "--patch", &patch]).succeeded();
        // The kubelet brings it to the pod in a minute or so, and at once where the pod changes too.
        kubectl(&["annotate", "pod", &self.name(), "--overwrite", &format!("trust={}", proxies.len())]).succeeded();
        eventually("a gateway that took it up", || (taken_up() > before).then_some(()));
    }

    fn log(&self) -> String {
        kubectl(&["logs", &self.name(), "-c", "gateway"]).succeeded().output()
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
