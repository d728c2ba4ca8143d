//! What the name of a process's control group tells (`cgroups(7)`, `/proc/PID/cgroup`).

use super::ContainerKind;

/// A unit of systemd.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unit {
    pub(super) name: String,
    /// The user whose manager has it.
    pub(super) user: Option<u32>,
}

/// The service that the process belongs to; `None` where it belongs to none, such as in a login session.
pub(super) fn unit(text: &str) -> Option<Unit> {
    let path = path(text)?;
    let mut services = path.split('/').filter(|part| part.ends_with(".service"));
    let (mut name, mut user) = (None, None);
    for part in &mut services {
        match part.strip_prefix("user@").and_then(|rest| rest.strip_suffix(".service")?.parse().ok()) {
            // What it runs is its units' and not its own.
            Some(uid) => (name, user) = (None, Some(uid)),
            None => name = Some(part),
        }
    }
    name.map(|name| Unit { name: name.to_owned(), user })
}

/// The kind of container that the process is in, by the names that runtimes give their groups.
pub(super) fn container(text: &str) -> Option<ContainerKind> {
    let path = path(text)?;
    let is_id = |text: &str| text.len() >= 32 && text.chars().all(|c| c.is_ascii_hexdigit());
    let scope = |part: &str, prefix: &str| {
        part.strip_prefix(prefix).is_some_and(|rest| is_id(rest.strip_suffix(".scope").unwrap_or(rest)))
    };
    let parts: Vec<_> = path.split('/').collect();
    let below = |name: &str| parts.windows(2).any(|pair| pair[0] == name && is_id(pair[1]));
    let any = |prefix: &str| parts.iter().any(|part| scope(part, prefix));
    if parts.iter().any(|part| part.starts_with("kubepods")) {
        Some(ContainerKind::Pod)
    } else if below("docker") || any("docker-") {
        Some(ContainerKind::Docker)
    } else if any("libpod-") || below("libpod_parent") {
        Some(ContainerKind::Podman)
    } else if any("crio-") || any("cri-containerd-") || parts.iter().any(|part| part.starts_with("lxc.payload")) {
        Some(ContainerKind::Other)
    } else {
        None
    }
}

/// The group in the hierarchy that systemd keeps: the only one of version 2, the one of its name of version 1.
fn path(text: &str) -> Option<&str> {
    let field = |prefix: &str| {
        text.lines().find_map(|line| {
            let (_, rest) = line.split_once(':')?;
            rest.strip_prefix(prefix)
        })
    };
    field("name=systemd:").or_else(|| field(":")).filter(|path| *path != "/").or_else(|| {
        // A container of version 1 without a namespace for its groups is named in every hierarchy but systemd's.
        field("memory:").or_else(|| field("pids:"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn which_unit() {
        #[rustfmt::skip]
        let rows = [
            ("0::/system.slice/openclaw.service",                                          Some(("openclaw.service", None))),
            ("0::/system.slice/system-oc.slice/oc@a.service/sub",                          Some(("oc@a.service", None))),
            ("0::/user.slice/user-7.slice/user@7.service/app.slice/openclaw.service",      Some(("openclaw.service", Some(7)))),
            ("0::/user.slice/user-7.slice/user@7.service/init.scope",                      None),
            ("0::/user.slice/user-7.slice/session-3.scope",                                None),
            ("12:pids:/x\n1:name=systemd:/system.slice/openclaw.service\n0::/",            Some(("openclaw.service", None))),
            ("0::/",                                                                       None),
            ("",                                                                           None),
            ("garbage",                                                                    None),
        ];
        for (text, expected) in rows {
            let expected = expected.map(|(name, user)| Unit { name: name.to_owned(), user });
            assert_eq!(unit(text), expected, "{text}");
        }
    }

    #[test]
    fn which_container() {
        let id = "0123456789abcdef".repeat(4);
        #[rustfmt::skip]
        let rows = [
            (format!("0::/system.slice/docker-{id}.scope"),                     Some(ContainerKind::Docker)),
            (format!("4:memory:/docker/{id}\n1:name=systemd:/docker/{id}"),     Some(ContainerKind::Docker)),
            (format!("4:memory:/docker/{id}\n1:name=systemd:/\n0::/"),          Some(ContainerKind::Docker)),
            (format!("0::/machine.slice/libpod-{id}.scope/container"),          Some(ContainerKind::Podman)),
            (format!("0::/kubepods.slice/kubepods-pod1.slice/cri-containerd-{id}.scope"), Some(ContainerKind::Pod)),
            ("0::/kubepods/besteffort/pod1/abc".to_owned(),                     Some(ContainerKind::Pod)),
            ("0::/lxc.payload.box/init.scope".to_owned(),                       Some(ContainerKind::Other)),
            ("0::/system.slice/docker.service".to_owned(),                      None),
            ("0::/system.slice/docker-compose.service".to_owned(),              None),
            ("0::/".to_owned(),                                                 None),
        ];
        for (text, expected) in rows {
            assert_eq!(container(&text), expected, "{text}");
        }
    }
}
