//! What a process's surroundings left of what started it.

use std::{fs, path::Path};

use super::ContainerKind;

/// How many generations are looked at. A service is rarely more than a shell and a wrapper away from what supervises it.
const GENERATIONS: usize = 16;

/// A process that started the one before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ancestor {
    /// Its id.
    pub pid: u32,
    /// The program's name, as the kernel keeps it.
    pub name: String,
}

/// What is known of where a process came from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Traces {
    /// The name of the first process of our namespace.
    pub pid_one: Option<String>,
    /// Whether the process itself is the first of its namespace.
    pub first: bool,
    /// The container that we stand in, by the marks that its runtime left. None where systemd is its first process: its
    /// runtime then starts systemd, and a gateway no more than a machine does.
    pub container: Option<ContainerKind>,
    /// Its `/proc/PID/cgroup`.
    pub cgroup: String,
    /// Who started it, who started those, nearest first.
    pub ancestors: Vec<Ancestor>,
}

impl Traces {
    /// Those of the process `pid`, or of this one, below `root` (`/` outside tests).
    pub fn read(root: &Path, pid: Option<u32>) -> Self {
        let proc = root.join("proc");
        let pid = pid.unwrap_or_else(std::process::id);
        let directory = proc.join(pid.to_string());
        let elsewhere = {
            let namespace = |path: &Path| fs::read_link(path.join("ns/pid")).ok();
            let (its, ours) = (namespace(&directory), namespace(&proc.join("self")));
            its.is_some() && ours.is_some() && its != ours
        };
        let pid_one = name(&proc.join("1")).filter(|_| !elsewhere);
        Self {
            first: is_first(&directory, pid),
            container: container(root).filter(|_| !elsewhere && !is_machine(root, pid_one.as_deref())),
            pid_one,
            cgroup: fs::read_to_string(directory.join("cgroup")).unwrap_or_default(),
            ancestors: ancestors(&proc, pid),
        }
    }
}

/// The marks that a runtime leaves in the file system of its containers.
fn container(root: &Path) -> Option<ContainerKind> {
    let exists = |path: &str| root.join(path).exists();
    let kubelet_hosts = || {
        fs::read_to_string(root.join("etc/hosts")).is_ok_and(|text| text.starts_with("# Kubernetes-managed hosts file"))
    };
    // Kubernetes first: its runtime may leave another's mark as well.
    if exists("var/run/secrets/kubernetes.io/serviceaccount") || kubelet_hosts() {
        Some(ContainerKind::Pod)
    } else if exists("run/.containerenv") {
        Some(ContainerKind::Podman)
    } else if exists(".dockerenv") {
        Some(ContainerKind::Docker)
    } else if exists("run/systemd/container") {
        // What systemd noted of the container that it is the first process of.
        Some(ContainerKind::Other)
    } else {
        None
    }
}

/// Whether systemd started what runs here. Its directory alone would not tell: containers are given that of their host to see.
/// Nor would the first process alone: containers may share the process ids of their host.
fn is_machine(root: &Path, pid_one: Option<&str>) -> bool {
    pid_one == Some("systemd") && root.join("run/systemd/system").exists()
}

fn name(directory: &Path) -> Option<String> {
    let text = fs::read_to_string(directory.join("comm")).ok()?;
    let shown: String = text.trim().chars().filter(|c| !crate::logs::sanitize::is_unprintable(*c)).collect();
    (!shown.is_empty()).then_some(shown)
}

/// Whether the process is the first of its own namespace, by the last of the ids that the kernel lists.
fn is_first(directory: &Path, pid: u32) -> bool {
    let status = fs::read_to_string(directory.join("status")).unwrap_or_default();
    let ids = status.lines().find_map(|line| line.strip_prefix("NSpid:"));
    ids.and_then(|ids| ids.split_whitespace().last()).map_or(pid == 1, |id| id == "1")
}

fn ancestors(proc: &Path, pid: u32) -> Vec<Ancestor> {
    let parent = |pid: &u32| {
        let stat = fs::read_to_string(proc.join(pid.to_string()).join("stat")).ok()?;
        // The name in parentheses may hold anything, so the columns are counted from its end. The second is the parent.
        stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse::<u32>().ok().filter(|parent| *parent != 0)
    };
    std::iter::successors(parent(&pid), parent)
        .take(GENERATIONS)
        .filter_map(|pid| Some(Ancestor { pid, name: name(&proc.join(pid.to_string()))? }))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(root: &Path, path: &str, text: &str) {
        let path = root.join(path);
        fs::create_dir_all(path.parent().expect("below the root")).expect("writable");
        fs::write(path, text).expect("writable");
    }

    #[test]
    fn traces_of_a_process_in_a_container() {
        let dir = tempfile::tempdir().expect("a directory");
        let root = dir.path();
        write(root, ".dockerenv", "");
        write(root, "proc/1/comm", "tini\n");
        write(root, "proc/1/stat", "1 (tini) S 0 1");
        write(root, "proc/6/comm", "sh\u{1b}\n");
        write(root, "proc/6/stat", "6 (sh) ) S 1 1");
        write(root, "proc/7/stat", "7 (openclaw) S 6 1");
        write(root, "proc/7/status", "Name:\topenclaw\nNSpid:\t4711\t7\n");
        write(root, "proc/7/cgroup", "0::/\n");
        let traces = Traces::read(root, Some(7));
        let ancestor = |pid, name: &str| Ancestor { pid, name: name.into() };
        assert_eq!(
            traces,
            Traces {
                pid_one: Some("tini".into()),
                first: false,
                container: Some(ContainerKind::Docker),
                cgroup: "0::/\n".into(),
                ancestors: vec![ancestor(6, "sh"), ancestor(1, "tini")],
            }
        );
        write(root, "proc/7/status", "NSpid:\t4711\t1\n");
        assert!(Traces::read(root, Some(7)).first);
        write(root, "etc/hosts", "# Kubernetes-managed hosts file.\n");
        assert_eq!(Traces::read(root, Some(7)).container, Some(ContainerKind::Pod));
    }

    #[test]
    fn a_container_that_systemd_started_is_a_machine() {
        for (mark, kind) in [("run/systemd/container", ContainerKind::Other), (".dockerenv", ContainerKind::Docker)] {
            let dir = tempfile::tempdir().expect("a directory");
            let root = dir.path();
            write(root, mark, "");
            write(root, "proc/1/comm", "systemd\n");
            let traces = Traces::read(root, Some(7));
            assert_eq!(
                (traces.container, traces.pid_one.as_deref()),
                (Some(kind), Some("systemd")),
                "the host's processes"
            );
            write(root, "run/systemd/system/x", "");
            assert_eq!(Traces::read(root, Some(7)).container, None, "{mark}");
            write(root, "proc/1/comm", "tini\n");
            assert_eq!(Traces::read(root, Some(7)).container, Some(kind), "the host's directory");
        }
    }

    #[test]
    fn this_kernel_tells_of_this_process() {
        let traces = Traces::read(Path::new("/"), None);
        assert!(traces.pid_one.is_some(), "{traces:?}");
        assert!(!traces.cgroup.is_empty(), "{traces:?}");
    }
}
