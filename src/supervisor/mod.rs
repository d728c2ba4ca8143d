//! What supervises a process, and so what starts it again: read from /proc and the environment, never asked of a bus.

mod cgroup;
mod traces;
mod user_manager;

use std::fmt;

pub use self::{
    traces::{Ancestor, Traces},
    user_manager::UserManager,
};

/// What kind of container it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContainerKind {
    /// Kubernetes started it.
    Pod,
    /// Podman, or another runtime that leaves Podman's mark.
    Podman,
    /// Docker, or another runtime that leaves Docker's mark.
    Docker,
    /// Some other one.
    Other,
}

impl ContainerKind {
    /// The name in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pod => "pod",
            Self::Podman => "podman",
            Self::Docker => "docker",
            Self::Other => "container",
        }
    }
}

impl fmt::Display for ContainerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pod => "pod",
            Self::Podman => "Podman container",
            Self::Docker => "Docker container",
            Self::Other => "container",
        })
    }
}

/// What supervises a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Supervisor {
    /// A unit of systemd.
    Unit {
        /// Its name, for example `openclaw.service`.
        name: String,
        /// The user whose manager has it; `None` for the system's.
        user: Option<u32>,
    },
    /// A container's runtime.
    Container {
        /// Which kind.
        kind: ContainerKind,
        /// The program that is its first process, where that can be read.
        pid_one: Option<String>,
        /// Whether the process itself is the first.
        first: bool,
    },
    /// Another program.
    Program {
        /// Its name.
        name: String,
        /// Its process id.
        pid: u32,
        /// Whether it starts the process again when it ends.
        restarts: bool,
    },
    /// Nothing: somebody started it by hand.
    Nothing {
        /// The program that started it, where that lives.
        parent: Option<Ancestor>,
        /// The machine's first process.
        pid_one: Option<String>,
    },
}

/// Programs that keep others running, and whether they start them again, by the names that the kernel knows them by (15 bytes
/// at most).
const PROGRAMS: &[(&str, bool)] = &[
    ("supervisord", true),
    ("runsv", true),
    ("s6-supervise", true),
    ("supervise", true),
    ("supervise-daemo", true),
    ("dinit", true),
    ("circusd", true),
    ("monit", true),
    ("nomad", true),
    ("PM2", true),
    ("tmux", false),
    ("screen", false),
    ("SCREEN", false),
];

impl Supervisor {
    /// What supervises the process that left these traces.
    pub fn of(traces: &Traces) -> Self {
        let unit = cgroup::unit(&traces.cgroup);
        // The unit of a container's runtime contains the container too, so a unit counts only under its own manager.
        if let (Some(cgroup::Unit { name, user }), true) = (unit, traces.pid_one.as_deref() == Some("systemd"))
            && cgroup::container(&traces.cgroup).is_none()
        {
            return Self::Unit { name, user };
        }
        if let Some(kind) = traces.container.or_else(|| cgroup::container(&traces.cgroup)) {
            return Self::Container { kind, pid_one: traces.pid_one.clone(), first: traces.first };
        }
        let known = traces.ancestors.iter().find_map(|ancestor| {
            let first_word = ancestor.name.split([' ', ':']).next().unwrap_or_default();
            let (_, restarts) = PROGRAMS.iter().find(|(name, _)| *name == first_word)?;
            Some(Self::Program { name: first_word.to_owned(), pid: ancestor.pid, restarts: *restarts })
        });
        known.unwrap_or_else(|| Self::Nothing {
            parent: traces.ancestors.first().filter(|parent| parent.pid > 1).cloned(),
            pid_one: traces.pid_one.clone(),
        })
    }

    /// The name of its kind in JSON.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Unit { .. } => "systemd",
            Self::Container { .. } => "container",
            Self::Program { .. } => "program",
            Self::Nothing { .. } => "none",
        }
    }
}

impl fmt::Display for Supervisor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unit { name, user: None } => write!(f, "systemd unit {name}"),
            Self::Unit { name, user: Some(user) } => write!(f, "systemd unit {name} of user {user}"),
            Self::Container { kind, first: true, .. } => write!(f, "{kind}; the gateway is its first process"),
            Self::Container { kind, pid_one: Some(name), .. } => write!(f, "{kind}; its first process is {name}"),
            Self::Container { kind, pid_one: None, .. } => write!(f, "{kind}"),
            Self::Program { name, pid, restarts: true } => write!(f, "{name} (pid {pid})"),
            Self::Program { name, pid, restarts: false } => {
                write!(f, "nothing; it runs in {name} (pid {pid}) and ends with it")
            }
            Self::Nothing { parent: Some(parent), .. } => {
                write!(f, "nothing; it was started by hand ({}, pid {})", parent.name, parent.pid)
            }
            Self::Nothing { parent: None, .. } => f.write_str("nothing; it was started by hand"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNIT: &str = "0::/system.slice/openclaw.service\n";
    const IN_DOCKER: &str =
        "0::/system.slice/docker-0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef.scope\n";

    fn traces(pid_one: &str, container: Option<ContainerKind>, cgroup: &str, ancestors: &[(u32, &str)]) -> Traces {
        let ancestors = ancestors.iter().map(|(pid, name)| Ancestor { pid: *pid, name: (*name).to_owned() });
        Traces {
            pid_one: Some(pid_one.to_owned()),
            first: false,
            container,
            cgroup: cgroup.to_owned(),
            ancestors: ancestors.collect(),
        }
    }

    #[test]
    fn what_supervises() {
        use ContainerKind::{Docker, Pod};
        #[rustfmt::skip]
        let rows = [
            (traces("systemd", None, UNIT, &[(1, "systemd")]),                        "systemd unit openclaw.service"),
            (traces("systemd", Some(Docker), UNIT, &[(1, "systemd")]),                "systemd unit openclaw.service"), // systemd in a container
            (traces("openclaw", Some(Docker), UNIT, &[]),                             "Docker container; its first process is openclaw"),
            (traces("systemd", None, IN_DOCKER, &[(9, "containerd-shim")]),           "Docker container; its first process is systemd"),
            (traces("tini", Some(Pod), "0::/\n", &[(1, "tini")]),                     "pod; its first process is tini"),
            (traces("systemd", None, "0::/user.slice/user-7.slice/session-3.scope\n", &[(5, "bash"), (1, "systemd")]),
                                                                                      "nothing; it was started by hand (bash, pid 5)"),
            (traces("systemd", None, "0::/user.slice/user-7.slice/user@7.service/app.slice/oc.service\n", &[(5, "systemd")]),
                                                                                      "systemd unit oc.service of user 7"),
            (traces("sysvinit", None, "", &[(5, "tmux: server"), (1, "sysvinit")]),   "nothing; it runs in tmux (pid 5) and ends with it"),
            (traces("sysvinit", None, "", &[(8, "bash"), (5, "tmux: server")]),       "nothing; it runs in tmux (pid 5) and ends with it"),
            (traces("runit", None, "", &[(5, "runsv"), (1, "runit")]),                "runsv (pid 5)"),
            (traces("init", None, "", &[(1, "init")]),                                "nothing; it was started by hand"),
        ];
        for (traces, expected) in rows {
            assert_eq!(Supervisor::of(&traces).to_string(), expected, "{traces:?}");
        }
        let first = Traces { first: true, ..traces("openclaw", Some(Docker), "0::/\n", &[]) };
        assert_eq!(Supervisor::of(&first).to_string(), "Docker container; the gateway is its first process");
    }
}
