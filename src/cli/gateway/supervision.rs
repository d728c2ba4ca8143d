//! What supervises this machine's gateway, and what to type to have it started.

use std::path::{Path, PathBuf};

use super::{
    super::{Context, text::shell},
    unit::{Manager, UNIT},
};
use crate::{
    net::{LockState, lock_process},
    supervisor::{ContainerKind, Supervisor, Traces},
};

/// What supervises the gateway that holds the state directory; `None` where none does, or its process is not to be seen.
pub(super) fn of_gateway(context: &Context) -> Option<Supervisor> {
    let LockState::Held { holder, same_kernel: true } = context.lock() else { return None };
    let process = lock_process(context.state(), holder.map(|holder| holder.pid))?;
    Some(Supervisor::of(&Traces::read(Path::new("/"), Some(process.pid))))
}

/// What would supervise a gateway that was started here, judged by our own process.
pub(super) fn here() -> Supervisor {
    Supervisor::of(&Traces::read(Path::new("/"), None))
}

/// How to have a gateway started where there is none, in one line.
pub(in crate::cli) fn how_to_start(context: &Context) -> String {
    match (installed_unit(context), here()) {
        (Some((_, Manager::System)), _) => format!("systemctl start {UNIT}"),
        (Some((_, Manager::User)), _) => format!("systemctl --user start {UNIT}"),
        (None, Supervisor::Container { kind: ContainerKind::Pod, .. }) => {
            "the pod's own restart starts it; in the foreground: openclaw gateway run".into()
        }
        (None, Supervisor::Container { .. }) => {
            "start its container (docker start NAME, docker compose up -d); in the foreground: openclaw gateway run"
                .into()
        }
        (None, _) => "openclaw gateway run".into(),
    }
}

/// Our unit, where one is written.
pub(super) fn installed_unit(context: &Context) -> Option<(PathBuf, Manager)> {
    [Manager::System, Manager::User].into_iter().find_map(|manager| {
        let path = manager.path(&context.environment)?;
        path.exists().then_some((path, manager))
    })
}

/// What starts a gateway again that was told to stop, in one line; `None` where nothing does.
pub(super) fn what_starts_it_again(supervisor: &Supervisor) -> Option<String> {
    match supervisor {
        Supervisor::Unit { name, user } => {
            let user = if user.is_some() { " --user" } else { "" };
            Some(format!("To start it again: systemctl{user} start {}", shell(name)))
        }
        Supervisor::Container { kind: ContainerKind::Pod, .. } => {
            Some("Its pod starts it again; to keep it stopped, scale it to 0 replicas.".into())
        }
        Supervisor::Container { .. } => {
            Some("A restart policy of its container starts it again; `docker stop NAME` keeps it stopped.".into())
        }
        Supervisor::Program { name, restarts: true, .. } => Some(format!("{name} may start it again.")),
        Supervisor::Program { restarts: false, .. } | Supervisor::Nothing { .. } => None,
    }
}
