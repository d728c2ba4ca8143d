//! What becomes of an edit in the gateway that runs.

use std::time::Duration;

use serde::Deserialize;
use serde_json::json;

use super::super::{
    CliError, Context, Session, Wish,
    reach::open_way,
    target::{TargetArgs, Way},
};
use crate::{
    client::CallFailure,
    config::{KeyPath, ReloadMode},
    defaults::LOCAL_ANSWER_TIMEOUT,
    net::LockState,
};

/// What became of an edit.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Applied {
    /// No gateway runs here: it counts from the next start.
    NotRunning,
    /// The gateway goes by it.
    Now,
    /// The gateway goes by it after a restart.
    AfterRestart,
    /// The gateway is about to restart for it by itself.
    ByRestart(ReloadMode),
    /// What its flags or its environment give wins over the files: what that is.
    Overridden(String),
    /// The edit is none of the gateway's business: only commands read the setting.
    ForCommands,
    /// Somebody else's section: this gateway does not read it.
    NotOurs,
    /// It could not be told, and why.
    Untold(String),
    /// The gateway does not take it up, and why.
    Refused(String),
}

/// What a gateway says about reading its configuration again.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Reloaded {
    needs_restart: Vec<String>,
}

/// Has the gateway that runs read its files again, over its socket.
pub(super) async fn apply(context: &Context, path: &KeyPath) -> Applied {
    let key = path.setting();
    if !is_below("gateway", &key) && !is_below("logging", &key) {
        return Applied::NotOurs;
    }
    if ["gateway.remote", "gateway.client"].iter().any(|section| is_below(section, &key)) {
        return Applied::ForCommands;
    }
    let lock = context.lock();
    match &lock {
        LockState::Free => return Applied::NotRunning,
        LockState::Held { same_kernel: true, .. } => {}
        LockState::Closed { owner } => {
            return Applied::Untold(format!("its state directory belongs to uid {owner} and is closed to this user"));
        }
        _ => return Applied::Untold("a gateway may run on this directory from another machine".into()),
    }
    let args = TargetArgs { timeout: Some(LOCAL_ANSWER_TIMEOUT), ..TargetArgs::default() };
    let wish = Wish { timeout: LOCAL_ANSWER_TIMEOUT, ..Wish::CALL };
    let mut why = "its socket is not where it should be".to_owned();
    for socket in context.sockets(&lock).into_iter().filter(|socket| socket.exists()) {
        match open_way(context, &args, wish, &Way::Socket(socket)).await {
            Ok(session) => {
                return match (ask(session, &key).await, context.settings.reload.mode) {
                    (Applied::AfterRestart, mode @ (ReloadMode::Hybrid | ReloadMode::Restart)) => {
                        Applied::ByRestart(mode)
                    }
                    (Applied::Now, _) => overridden(&lock, &key).map_or(Applied::Now, Applied::Overridden),
                    (applied, _) => applied,
                };
            }
            Err(error) => why = error.lines().swap_remove(0),
        }
    }
    Applied::Untold(why)
}

/// What gives `key`, or a part of it, to the gateway that runs, over any file.
pub(in crate::cli) fn overridden(lock: &LockState, key: &str) -> Option<String> {
    let LockState::Held { holder: Some(holder), .. } = lock else { return None };
    let given = holder.given.iter().find(|(given, _)| is_below(key, given) || is_below(given, key));
    given.map(|(_, by)| by.clone())
}

async fn ask(mut session: Session, key: &str) -> Applied {
    session.timeout = session.timeout.max(Duration::from_secs(1));
    let answer: Result<Reloaded, CliError> = session.call("gateway.reload", Some(&json!({}))).await;
    let applied = match answer {
        Ok(reloaded) => {
            let waits = reloaded.needs_restart.iter().any(|waiting| is_below(key, waiting) || is_below(waiting, key));
            if waits { Applied::AfterRestart } else { Applied::Now }
        }
        Err(CliError::Call(error)) => match &error.failure {
            CallFailure::Refused(refusal) if refusal.message.starts_with("unknown method") => {
                Applied::Untold("it is of a version that cannot be asked".into())
            }
            CallFailure::Refused(refusal) => Applied::Refused(refusal.message.clone()),
            other => Applied::Untold(other.to_string()),
        },
        Err(error) => Applied::Untold(error.to_string()),
    };
    session.close().await;
    applied
}

/// Whether `key` is `section` or stands below it.
fn is_below(section: &str, key: &str) -> bool {
    key.strip_prefix(section).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

impl Applied {
    /// One line for a person.
    pub(super) fn text(&self) -> String {
        match self {
            Self::NotRunning => "no gateway runs here: it counts from the next start".into(),
            Self::Now => "the running gateway goes by it now".into(),
            Self::AfterRestart => "the running gateway goes by it after a restart: openclaw gateway restart".into(),
            Self::ByRestart(mode) => {
                format!("the running gateway restarts for it by itself, as gateway.reload.mode is {}", mode.as_str())
            }
            Self::Overridden(by) => {
                format!("the running gateway goes on as before: it has that from {by}, which wins over the files")
            }
            Self::ForCommands => "commands go by it now".into(),
            Self::NotOurs => "this gateway does not read that section; OpenClaw's own programs do".into(),
            Self::Untold(why) => {
                format!("the running gateway could not be told ({why}): openclaw gateway reload, or restart it")
            }
            Self::Refused(why) => format!("the running gateway goes on as before: {why}"),
        }
    }

    /// The word in JSON.
    pub(super) const fn word(&self) -> &'static str {
        match self {
            Self::NotRunning => "at-start",
            Self::Now => "now",
            Self::AfterRestart => "after-restart",
            Self::ByRestart(_) => "by-restart",
            Self::Overridden(_) => "overridden",
            Self::ForCommands => "for-commands",
            Self::NotOurs => "not-ours",
            Self::Untold(_) => "untold",
            Self::Refused(_) => "refused",
        }
    }
}
