//! Waiting for what an order comes to.

use std::{path::PathBuf, time::Duration};

use tokio::time::{Instant, sleep};

use super::{
    super::{
        super::{Context, Wish, reach::open_way, target::TargetArgs},
        ways::ways,
    },
    Taken,
};
use crate::{
    defaults::RESULT_POLL,
    net::{LockState, connect_socket},
    protocol::HelloOk,
};

/// Which run of a gateway it is, as far as is known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in super::super) struct Running {
    /// Names the run.
    pub(in super::super) boot_id: Option<String>,
    /// When it took the lock, in milliseconds since the Unix epoch.
    pub(in super::super) since_ms: Option<i64>,
    /// Its process, as its own namespace numbers it.
    pub(in super::super) pid: Option<u32>,
    /// Its version.
    pub(in super::super) version: Option<String>,
    /// Where it listens, once it does.
    pub(in super::super) url: Option<String>,
}

impl Running {
    /// What a greeting and the lock tell.
    pub(super) fn of(hello: &HelloOk, lock: Option<&LockState>) -> Self {
        let version = Some(hello.server.version.clone());
        Self { boot_id: hello.server.boot_id.clone(), version, ..lock.map(Self::of_lock).unwrap_or_default() }
    }

    /// What the lock tells.
    pub(super) fn of_lock(lock: &LockState) -> Self {
        let LockState::Held { holder: Some(holder), .. } = lock else { return Self::default() };
        Self {
            boot_id: None,
            since_ms: Some(holder.started_at_ms),
            pid: Some(holder.pid),
            version: Some(holder.version.clone()),
            url: holder.url.clone(),
        }
    }

    /// Whether `later` is another run. Where nothing that both tell can say so, it is not.
    fn is_followed_by(&self, later: &Self) -> bool {
        fn differ<T: PartialEq>(before: Option<&T>, after: Option<&T>) -> Option<bool> {
            Some(before? != after?)
        }
        differ(self.boot_id.as_ref(), later.boot_id.as_ref())
            .or_else(|| differ(self.since_ms.as_ref(), later.since_ms.as_ref()))
            .unwrap_or(false)
    }

    /// For people, with what is known of it.
    pub(in super::super) fn describe(&self) -> String {
        let mut known = Vec::new();
        known.extend(self.pid.map(|pid| format!("pid {pid}")));
        known.extend(self.version.as_ref().map(|version| format!("version {version}")));
        known.extend(self.url.as_ref().map(|url| format!("at {url}")));
        if known.is_empty() { String::new() } else { format!(": {}", known.join(", ")) }
    }
}

/// Waiting for a gateway to be gone.
pub(in super::super) struct Gone<'a> {
    pub(in super::super) context: &'a Context,
    /// The socket over which it was told, where it was.
    pub(in super::super) socket: Option<PathBuf>,
}

impl Gone<'_> {
    /// Waits until the gateway's lock is free and nobody answers its socket; `false` when the patience ends before.
    pub(in super::super) async fn wait(&self, patience: Duration) -> bool {
        let deadline = Instant::now() + patience;
        loop {
            let holds = matches!(self.context.lock(), LockState::Held { .. });
            if !holds && !self.answers().await {
                return true;
            }
            if Instant::now() >= deadline {
                return false;
            }
            sleep(RESULT_POLL).await;
        }
    }

    async fn answers(&self) -> bool {
        match &self.socket {
            Some(path) => connect_socket(path).await.is_ok(),
            None => false,
        }
    }
}

/// Waits until another run of the gateway than the one that took the order lets us in, and tells which. `None` when the
/// patience ends before.
pub(in super::super) async fn another_run(
    context: &Context,
    args: &TargetArgs,
    taken: &Taken,
    patience: Duration,
) -> Option<Running> {
    let deadline = Instant::now() + patience;
    loop {
        let after = match greeted(context, args, deadline).await {
            Some(after) => Some(after),
            // Where no way led to it before, none need lead to it now: its lock says that it listens.
            None if taken.channel == "signal" => {
                Some(Running::of_lock(&context.lock())).filter(|run| run.url.is_some())
            }
            None => None,
        };
        if let Some(after) = after.filter(|after| taken.before.is_followed_by(after)) {
            return Some(after);
        }
        if Instant::now() >= deadline {
            return None;
        }
        sleep(RESULT_POLL).await;
    }
}

/// The gateway that lets us in now, by the first way that leads to one.
async fn greeted(context: &Context, args: &TargetArgs, deadline: Instant) -> Option<Running> {
    let left = deadline.saturating_duration_since(Instant::now()).max(RESULT_POLL);
    let args = TargetArgs { timeout: Some(left), ..args.clone() };
    for way in ways(context, &args).ok()? {
        if let Ok(session) = open_way(context, &args, Wish::PROBE, &way).await {
            let lock = way.is_local().then(|| context.lock());
            let running = Running::of(session.hello(), lock.as_ref());
            session.close().await;
            return Some(running);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn which_runs_follow_which() {
        let run = |boot_id: Option<&str>, since_ms| Running {
            boot_id: boot_id.map(ToOwned::to_owned),
            since_ms,
            ..Running::default()
        };
        #[rustfmt::skip]
        let rows = [
            (run(Some("a"), Some(1)), run(Some("b"), Some(1)), true),
            (run(Some("a"), Some(1)), run(Some("a"), Some(2)), false), // the same run says another time: the clock was set
            (run(None,      Some(1)), run(Some("b"), Some(2)), true),  // told by a signal, so its id was not known
            (run(None,      Some(1)), run(Some("b"), Some(1)), false),
            (run(None,      None),    run(Some("b"), Some(2)), false),
            (run(Some("a"), None),    run(None,      Some(2)), false),
        ];
        for (before, after, follows) in rows {
            assert_eq!(before.is_followed_by(&after), follows, "{before:?} {after:?}");
        }
    }
}
