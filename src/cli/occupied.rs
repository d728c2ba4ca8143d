//! What the lock of a state directory says to a command that reached no gateway.

use super::{CliError, Context};
use crate::net::{LockHolder, LockState};

/// Whether the files may be worked on although nobody asked for it: nothing answers, and no gateway lives.
pub(super) fn check_lock(context: &Context, lock: &LockState) -> Result<(), CliError> {
    let state = context.state().path().display();
    let offline = "add --offline to work on the files all the same";
    let occupied = |message: String, hint: String| Err(CliError::Occupied { message, hint });
    check_closed(context, lock)?;
    match lock {
        LockState::Free | LockState::Closed { .. } => Ok(()),
        LockState::Held { holder, same_kernel } => occupied(
            format!("{} holds {state} and does not answer", describe(holder.as_deref(), *same_kernel)),
            format!("give --url and --token to reach it over the network, or {offline}"),
        ),
        LockState::ForeignKernel => occupied(
            format!(
                "the last gateway on {state} ran on another machine or before a reboot, and whether it still does \
                 cannot be told from here"
            ),
            format!("if it does, give --url and --token; if it does not, {offline}"),
        ),
        LockState::Unknown => occupied(
            format!("the file system of {state} has no locks, so whether a gateway runs cannot be told"),
            format!("if none does, {offline}"),
        ),
    }
}

/// Whether the state directory is this user's to look at.
pub(super) fn check_closed(context: &Context, lock: &LockState) -> Result<(), CliError> {
    context.closed(lock).map_or(Ok(()), |(message, hint)| Err(CliError::Occupied { message, hint }))
}

/// What to do where nothing answers although a gateway lives.
pub(super) fn why_absent(context: &Context, lock: &LockState) -> Option<String> {
    if let Some((what, hint)) = context.closed(lock) {
        return Some(format!("{hint}; {what}"));
    }
    let LockState::Held { holder, same_kernel } = lock else { return None };
    Some(format!(
        "{} holds {} and cannot be reached from here: run this where it runs, or give --url and --token",
        describe(holder.as_deref(), *same_kernel),
        context.state().path().display()
    ))
}

fn describe(holder: Option<&LockHolder>, same_kernel: bool) -> String {
    let who = holder.map(|holder| format!(" (version {}, pid {})", holder.version, holder.pid));
    let at = holder.and_then(|holder| holder.url.as_ref().map(|url| format!(" at {url}")));
    let place = if same_kernel { "" } else { " on another machine" };
    format!("a gateway{}{}{place}", who.unwrap_or_default(), at.unwrap_or_default())
}
