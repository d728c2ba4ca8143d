//! Having the running gateway do something: over its socket, and by a signal where the socket is dead.
//!
//! Nothing here starts a gateway, and nothing is done until its result is seen.

mod log_mark;
mod signal;
mod wait;

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::super::{
    CliError, Context, Exit, Output, Session, Tone, Wish,
    error::CallError,
    reach::gateway,
    target::{Source, TargetArgs},
};
use crate::{
    client::{CallFailure, Failure},
    defaults::LOCAL_ANSWER_TIMEOUT,
    hint::chain,
    net::LockState,
};

pub(super) use log_mark::LogMark;
pub(super) use wait::{Gone, Running, another_run};

/// What the running gateway is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    Stop,
    Restart,
    Reload,
}

impl Verb {
    /// The word on the command line.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Restart => "restart",
            Self::Reload => "reload",
        }
    }

    /// The method that asks for it.
    const fn method(self) -> &'static str {
        match self {
            Self::Stop => "gateway.stop",
            Self::Restart => "gateway.restart",
            Self::Reload => "gateway.reload",
        }
    }
}

/// An order that the gateway took.
#[derive(Debug)]
pub(super) struct Taken {
    /// How it got there, for people.
    pub(super) via: String,
    /// The same for programs: `localSocket`, `url` or `signal`.
    pub(super) channel: &'static str,
    /// URL, path, or process id.
    pub(super) address: String,
    /// The gateway as it was before.
    pub(super) before: Running,
    /// What it answered; a signal has no answer.
    pub(super) answer: Option<Value>,
    /// When the order was given.
    pub(super) since: Instant,
}

impl Taken {
    /// The time that its open sessions get to finish.
    pub(super) fn grace(&self, context: &Context) -> Duration {
        let told = self.answer.as_ref().and_then(|answer| answer["graceMs"].as_u64()).map(Duration::from_millis);
        told.unwrap_or_else(|| context.settings.limits.drain())
    }

    /// What every answer to programs has in common.
    pub(super) fn document(&self, verb: Verb, result: &str) -> Value {
        json!({
            "ok": true, "action": verb.word(), "result": result,
            "via": { "channel": self.channel, "address": self.address },
            "tookMs": u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX),
        })
    }
}

/// Has the running gateway do it.
///
/// # Errors
/// [`CliError`] where no gateway runs, or where it does not take the order.
pub(super) async fn give(
    context: &Context,
    target: &TargetArgs,
    verb: Verb,
    output: &mut Output,
) -> Result<Taken, CliError> {
    let wish = Wish { timeout: LOCAL_ANSWER_TIMEOUT, ..Wish::CALL };
    let since = Instant::now();
    let error = match gateway(context, target, wish, output).await {
        Ok(session) => return by_session(context, session, verb, since).await,
        Err(error) if is_explicit(&error) => return Err(error),
        Err(error) => error,
    };
    let lock = context.lock();
    match signal::give(context, &lock, verb, &error)? {
        Some(taken) => {
            output.note(Tone::Warning, &format!("the gateway cannot be asked: {}", error.lines()[0]))?;
            output.note(Tone::Warning, &format!("going {}", taken.via))?;
            Ok(taken)
        }
        None => Err(no_gateway(context, &lock, verb, error)),
    }
}

/// Whether the target was named, so that what is known of this machine's own gateway does not help.
fn is_explicit(error: &CliError) -> bool {
    match error {
        CliError::Connect(error) => {
            matches!(error.target.source, Source::CliUrl | Source::EnvUrl | Source::OwnConfig | Source::ConfigRemote)
        }
        CliError::Target { .. } => true,
        _ => false,
    }
}

async fn by_session(context: &Context, mut session: Session, verb: Verb, since: Instant) -> Result<Taken, CliError> {
    let target = session.target().clone();
    let own = target.bind.is_some() || target.source == Source::LocalSocket;
    let channel = if target.source == Source::LocalSocket { "localSocket" } else { "url" };
    let via = format!("over {} ({})", target.address, target.source);
    let before = Running::of(session.hello(), own.then(|| context.lock()).as_ref());
    let answer = match session.call::<Value>(verb.method(), Some(&json!({}))).await {
        Ok(answer) => Some(answer),
        // It began so soon that its answer was overtaken; whoever waits for the result sees whether it did.
        Err(CliError::Call(error)) if was_overtaken(&error, verb) => None,
        Err(error) => return Err(refused(error, verb)),
    };
    // A gateway that ends is not waited for here: it closes the connection itself.
    if verb == Verb::Reload {
        session.close().await;
    }
    Ok(Taken { via, channel, address: target.address, before, answer, since })
}

fn was_overtaken(error: &CallError, verb: Verb) -> bool {
    matches!(&error.failure, CallFailure::Lost(closed) if verb != Verb::Reload && closed.code == Some(1012))
}

/// A refusal in terms of what was asked for.
fn refused(error: CliError, verb: Verb) -> CliError {
    let CliError::Call(call) = &error else { return error };
    let CallFailure::Refused(shape) = &call.failure else { return error };
    let word = verb.word();
    if shape.message.contains("unknown method") {
        return CliError::Gateway {
            message: format!(
                "the gateway at {} takes no order to {word}: it is another product's",
                call.target.address
            ),
            hint: format!("`openclaw gateway {word}` of its own program, or a signal to its process"),
        };
    }
    if shape.message.contains("configuration cannot be used") {
        return CliError::Gateway {
            message: format!("Gateway {word} refused: {}", shape.message),
            hint: format!(
                "the gateway goes on as it was; mend the file (`openclaw config validate` checks it), then \
                 `openclaw gateway {word}` again"
            ),
        };
    }
    error
}

/// Why nothing could be asked, in terms of what was asked for.
fn no_gateway(context: &Context, lock: &LockState, verb: Verb, error: CliError) -> CliError {
    let CliError::Connect(connect) = &error else { return error };
    let absent = connect.failure.is_absent() || matches!(connect.failure, Failure::Closed { .. });
    if !absent || *lock != LockState::Free {
        return error;
    }
    let state = context.state().path().display();
    let mut message = format!("no gateway runs on {state}: there is nothing to {}", verb.word());
    for remark in connect.remarks.iter().filter(|remark| remark.starts_with("Last in its log")) {
        message.push('\n');
        message.push_str(remark);
    }
    let hint = super::supervision::how_to_start(context);
    CliError::Gateway { message, hint }
}

/// A result that did not come.
pub(super) fn not_seen(verb: Verb, taken: &Taken, what: &str, context: &Context) -> CliError {
    let mut message = format!("Gateway {} not finished: the order went {}, and {what}", verb.word(), taken.via);
    for line in super::super::last_words::last_words(context, &context.lock()) {
        message.push('\n');
        message.push_str(&line);
    }
    let look = "`openclaw gateway status` shows what is there now; --timeout waits longer";
    CliError::Gateway { message, hint: format!("{look}; {}", by_force(taken)) }
}

/// How a gateway that hangs is ended.
fn by_force(taken: &Taken) -> String {
    // A signal reaches processes of our own container only, so its number is the one that `kill` takes here.
    let kill = taken.before.pid.filter(|_| taken.channel == "signal").map(|pid| format!("kill -9 {pid}, or "));
    format!("one that hangs is ended by force: {}restart its container (docker restart NAME)", kill.unwrap_or_default())
}

/// What a person is told of a success.
pub(super) fn tell(output: &mut Output, taken: &Taken, text: &str) -> Result<Exit, CliError> {
    let milliseconds = taken.since.elapsed().as_millis();
    output.toned(Tone::Good, &format!("{text} ({}, {milliseconds} ms)", taken.via))?;
    Ok(Exit::Done)
}

/// An error that is not a command's own.
pub(super) fn system(what: &str, error: &dyn std::error::Error) -> CliError {
    CliError::Gateway {
        message: format!("{what}: {}", chain(error)),
        hint: "run this as the gateway's user or as root".into(),
    }
}
