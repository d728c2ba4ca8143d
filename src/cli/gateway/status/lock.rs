//! What the lock of the state directory tells.

use crate::{
    cli::text::ago,
    net::{LastGateway, LockHolder, LockState, last_gateway},
    state::StateDir,
};

/// What the lock of the state directory tells.
#[derive(Debug)]
pub(super) enum Lock {
    Free(LastGateway),
    Held {
        holder: Option<Box<LockHolder>>,
        here: bool,
    },
    /// Not this user's to look at.
    Closed {
        owner: u32,
    },
    Unclear(&'static str),
}

impl Lock {
    pub(super) fn of(lock: LockState, state: &StateDir) -> Self {
        match lock {
            LockState::Free => Self::Free(last_gateway(state)),
            LockState::Held { holder, same_kernel } => Self::Held { holder, here: same_kernel },
            LockState::ForeignKernel => Self::Unclear("the last gateway ran on another machine or before a reboot"),
            LockState::Closed { owner } => Self::Closed { owner },
            LockState::Unknown => Self::Unclear("its lock cannot be read, or the file system has no locks"),
        }
    }

    /// Which secret the gateway that runs goes by, and where that comes from.
    pub(super) fn auth(&self) -> Option<&str> {
        match self {
            Self::Held { holder, .. } => Some(&holder.as_ref()?.auth.as_ref()?.described),
            Self::Free(_) | Self::Closed { .. } | Self::Unclear(_) => None,
        }
    }

    pub(super) const fn word(&self) -> &'static str {
        match self {
            Self::Free(LastGateway::Restarting { .. }) => "restarting",
            Self::Free(_) => "stopped",
            Self::Held { holder: Some(holder), .. } if holder.restart.is_some() => "restarting",
            Self::Held { .. } => "running",
            Self::Closed { .. } | Self::Unclear(_) => "unknown",
        }
    }

    pub(super) fn holder(&self) -> Option<&LockHolder> {
        match self {
            Self::Held { holder, .. } => holder.as_deref(),
            _ => None,
        }
    }

    /// What there is to say of the process.
    pub(super) fn detail(&self, now_ms: i64) -> String {
        match self {
            Self::Free(LastGateway::Cut(holder)) => format!(
                "no gateway holds the state directory; the last one (pid {}, version {}, started {}) was killed or crashed",
                holder.pid,
                holder.version,
                ago(holder.started_at_ms, now_ms)
            ),
            Self::Free(LastGateway::Ended { ago: since }) => {
                let ended_ms = now_ms.saturating_sub(i64::try_from(since.as_millis()).unwrap_or(i64::MAX));
                format!("no gateway holds the state directory; the last one ended in order {}", ago(ended_ms, now_ms))
            }
            Self::Free(_) => "no gateway holds the state directory".into(),
            Self::Closed { owner } => {
                format!("permission denied: the state directory is closed to this user, and belongs to uid {owner}")
            }
            Self::Unclear(why) => (*why).into(),
            Self::Held { holder, here } => {
                let place = if *here { "" } else { ", on another machine" };
                match holder {
                    Some(holder) => {
                        let since = ago(holder.started_at_ms, now_ms);
                        format!("pid {}, version {}, started {since}{place}", holder.pid, holder.version)
                    }
                    None => format!("it says nothing of itself{place}"),
                }
            }
        }
    }
}
