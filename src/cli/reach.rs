//! Going the ways of a plan until one leads to a gateway.

use std::{fmt::Display, path::Path, time::Duration};

use super::{
    CliError, Context, Output, Tone,
    awaited::{gateway_to_come, is_coming},
    error::{ConnectError, Target},
    keys::{Keys, Kind, trust},
    last_words::{how_it_ended, last_words},
    occupied::{check_closed, check_lock, why_absent},
    session::Session,
    target::{Known, Plan, Remote, Source, TargetArgs, TargetError, Way, plan},
};
use crate::{
    client::{Connection, Deadline, Endpoint, Failure, Login},
    defaults::{CALL_TIMEOUT, LOCAL_ANSWER_TIMEOUT, STARTING_PAUSE},
    net::LockState,
    protocol::ClientMode,
};

/// What a command wants of a gateway, besides what was typed.
#[derive(Debug, Clone, Copy)]
pub struct Wish {
    /// As what it presents itself.
    pub mode: ClientMode,
    /// Whether its work can be done on the files.
    pub files: bool,
    /// Whether it was told to work on the files.
    pub offline: bool,
    /// Whether it keeps its device to itself: what is only looked at, is not paired with.
    pub anonymous: bool,
    /// What it waits where `--timeout` says nothing.
    pub timeout: Duration,
}

impl Wish {
    /// A command that needs a gateway.
    pub const CALL: Self =
        Self { mode: ClientMode::Cli, files: false, offline: false, anonymous: false, timeout: CALL_TIMEOUT };

    /// A command that only asks whether, and as what, one can connect.
    pub const PROBE: Self = Self { mode: ClientMode::Probe, ..Self::CALL };
}

/// What a command found.
#[derive(Debug)]
pub enum Reached {
    /// A gateway.
    Gateway(Box<Session>),
    /// No gateway, and files that nobody else works on.
    Files,
}

/// Finds the gateway that `args` and the surroundings mean, and connects to it.
///
/// # Errors
/// [`CliError`] says which way was gone, why it did not lead there, and what to type next.
pub async fn reach(context: &Context, args: &TargetArgs, wish: Wish, output: &mut Output) -> Result<Reached, CliError> {
    if args.url.is_none() && !wish.offline {
        context.check_target()?;
    }
    for remark in context.remarks() {
        output.note(Tone::Warning, &remark)?;
    }
    let traveller = Traveller { context, args, wish };
    let mut lost_once = false;
    loop {
        let (mut lock, mut plan) = look(context, args, wish)?;
        // A probe tells what is, and files that are asked for are there.
        let may_wait = !plan.explicit && !wish.offline && wish.mode != ClientMode::Probe;
        if may_wait && gateway_to_come(context, &lock, output).await? {
            (lock, plan) = look(context, args, wish)?;
        }
        match traveller.go(&plan, &lock, output).await {
            // It went between the look at its lock and the way to it.
            Err(_) if may_wait && !lost_once && is_coming(context) => lost_once = true,
            reached => return reached,
        }
    }
}

/// Who holds the directory now, and the ways that follow from it.
fn look(context: &Context, args: &TargetArgs, wish: Wish) -> Result<(LockState, Plan), CliError> {
    let lock = context.lock();
    let announced = Context::announced(&lock);
    let sockets = context.sockets(&lock);
    let known =
        Known { settings: &context.settings, sockets: &sockets, announced: announced.as_ref(), files: wish.files };
    let plan = plan(args, known).map_err(|error| context.no_target(error))?;
    Ok((lock, plan))
}

/// A gateway for a command that cannot do without one.
///
/// # Errors
/// As [`reach`].
pub(super) async fn gateway(
    context: &Context,
    args: &TargetArgs,
    wish: Wish,
    output: &mut Output,
) -> Result<Session, CliError> {
    match reach(context, args, Wish { files: false, offline: false, ..wish }, output).await? {
        Reached::Gateway(session) => Ok(*session),
        Reached::Files => Err(CliError::usage("there is no gateway to talk to", NONE_TO_ASK)),
    }
}

/// Connects by one way and no other.
///
/// # Errors
/// As [`reach`].
pub(super) async fn open_way(context: &Context, args: &TargetArgs, wish: Wish, way: &Way) -> Result<Session, CliError> {
    let traveller = Traveller { context, args, wish };
    match way {
        Way::Socket(path) => traveller.socket(path).await.map_err(|error| CliError::Connect(Box::new(error))),
        Way::Network(remote) => traveller.network(remote).await.map_err(|error| match error {
            CliError::Connect(mut error) if !remote.own && error.failure.is_absent() => {
                error.advice = Some(ELSEWHERE.into());
                CliError::Connect(error)
            }
            error => error,
        }),
        Way::Files => Err(CliError::usage("there is no gateway to talk to", NONE_TO_ASK)),
    }
}

/// What helps a device whose token does not count any more.
const OWN_TOKEN_ENDED: &str = "this device's own token was revoked or replaced, or the device was removed: give the gateway's token once \
                               (--token or OPENCLAW_GATEWAY_TOKEN), and approve this device where the gateway runs (openclaw devices list)";

/// What helps where nothing is known of a gateway.
const NONE_TO_ASK: &str = "openclaw gateway run starts one; --url and --token name one elsewhere";

/// What helps against a gateway that hangs.
const RESTART: &str = "`openclaw logs` reads its log all the same; `openclaw gateway restart` sends a signal, and says what to do \
                       where that does not help either";

/// Where a named gateway is not there, starting one here is no help.
const ELSEWHERE: &str = "check host and port, and that the gateway runs there; one that listens on loopback only (gateway.bind) \
                         is reached from its own machine only";

/// The error with all that is known besides. `own` is the lock of this machine's gateway, where that one was meant: a gateway
/// elsewhere has its log elsewhere.
fn finished(mut error: ConnectError, earlier: Vec<String>, context: &Context, own: Option<&LockState>) -> CliError {
    error.remarks.extend(earlier);
    let cut = matches!(&error.failure, Failure::Closed { closed, .. } if closed.code.is_none());
    if own.is_none() && error.failure.is_absent() {
        error.advice = Some(ELSEWHERE.into());
    }
    if let Some(lock) = own.filter(|_| cut || error.failure.is_absent()) {
        error.remarks.extend(how_it_ended(context, lock));
        error.remarks.extend(last_words(context, lock));
    }
    CliError::Connect(Box::new(error))
}

/// Whether a way that failed so does not keep us from trying the next one.
fn leads_on(failure: &Failure) -> bool {
    failure.is_absent() || matches!(failure, Failure::PermissionDenied { .. } | Failure::ForeignSocket { .. })
}

struct Traveller<'a> {
    context: &'a Context,
    args: &'a TargetArgs,
    wish: Wish,
}

impl Traveller<'_> {
    fn timeout(&self) -> Duration {
        self.args.timeout.unwrap_or(self.wish.timeout)
    }

    fn login(&self) -> Login {
        let mut login = if self.wish.mode == ClientMode::Probe { Login::probe() } else { Login::cli() };
        if let Some(milliseconds) = self.context.settings.client.challenge_timeout_ms {
            login.challenge_timeout = Duration::from_millis(milliseconds.get());
        }
        login
    }

    /// Says which way it goes; JSON is for programs, which did not ask.
    fn say(&self, output: &mut Output, what: &str, way: &dyn Display) -> Result<(), CliError> {
        if !output.is_json() || self.args.verbose {
            output.note(Tone::Dim, &format!("{what}{way}"))?;
        }
        Ok(())
    }

    /// Connects, and comes back to a gateway that is starting when it says so. A probe tells what is, and does not wait.
    async fn open(&self, endpoint: &Endpoint, login: &Login) -> Result<Connection, Failure> {
        let deadline = Deadline::after(self.timeout());
        loop {
            let failure = match Connection::open(endpoint, login, deadline).await {
                Err(failure) if self.wish.mode != ClientMode::Probe => failure,
                opened => return opened,
            };
            match failure.retry_after() {
                Some(pause) if pause < deadline.left() => tokio::time::sleep(pause.max(STARTING_PAUSE)).await,
                _ => return Err(failure),
            }
        }
    }

    /// Goes the ways of `plan` until one leads there; `lock` tells who holds the directory.
    async fn go(&self, plan: &Plan, lock: &LockState, output: &mut Output) -> Result<Reached, CliError> {
        if self.wish.offline {
            return self.only_files(&plan.ways, lock, output).await;
        }
        let mut earlier: Vec<String> = Vec::new();
        let mut last: Option<ConnectError> = None;
        for way in &plan.ways {
            let failed = match way {
                Way::Files => {
                    check_lock(self.context, lock)?;
                    self.say(
                        output,
                        "no gateway runs: working on the files of ",
                        &self.context.state().path().display(),
                    )?;
                    return Ok(Reached::Files);
                }
                Way::Socket(path) => match self.socket(path).await {
                    Ok(session) => {
                        if self.args.verbose {
                            output.note(Tone::Dim, &format!("via the local socket {}", path.display()))?;
                        }
                        return Ok(Reached::Gateway(Box::new(session)));
                    }
                    Err(error) => error,
                },
                Way::Network(remote) => match self.network(remote).await {
                    Ok(session) => {
                        if !plan.explicit || self.args.verbose {
                            self.say(output, "via ", &format_args!("{} ({})", remote.url, remote.source))?;
                        }
                        for remark in &session.remarks {
                            output.note(Tone::Warning, remark)?;
                        }
                        return Ok(Reached::Gateway(Box::new(session)));
                    }
                    Err(CliError::Connect(error)) => *error,
                    // The secret may lie where this user cannot see it.
                    Err(error @ CliError::Target { .. }) if !plan.explicit => {
                        check_closed(self.context, lock)?;
                        return Err(error);
                    }
                    Err(error) => return Err(error),
                },
            };
            if !leads_on(&failed.failure) {
                earlier
                    .extend(last.map(|before| format!("Tried before: {}: {}", before.target.source, before.failure)));
                return Err(finished(failed, earlier, self.context, (!plan.explicit).then_some(lock)));
            }
            if !failed.failure.is_absent() {
                output.note(Tone::Warning, &format!("not using the local socket: {}", failed.failure))?;
            }
            // Of the places where a socket could be and is not, the first one is enough to name.
            if let Some(before) = last.replace(failed)
                && (earlier.is_empty() || !matches!(before.failure, Failure::NoSocket { .. }))
            {
                earlier.push(format!("Tried before: {}: {}", before.target.source, before.failure));
            }
        }
        Err(match last {
            Some(mut error) => {
                if !plan.explicit {
                    error.advice = why_absent(self.context, lock).or(error.advice);
                }
                finished(error, earlier, self.context, (!plan.explicit).then_some(lock))
            }
            None => CliError::usage("there is no gateway to talk to", NONE_TO_ASK),
        })
    }

    async fn socket(&self, path: &Path) -> Result<Session, ConnectError> {
        let target = Target {
            address: path.display().to_string(),
            source: Source::LocalSocket,
            config: self.context.paths.config.clone(),
            bind: None,
            secret_from: None,
        };
        // Who may use the socket needs neither device nor secret.
        match self.open(&Endpoint::Socket(path.into()), &self.login()).await {
            Ok(connection) => Ok(Session { connection, target, timeout: self.timeout(), remarks: Vec::new() }),
            Err(failure) => {
                let advice = matches!(failure, Failure::Timeout { .. }).then(|| {
                    let instead = if self.wish.files { "add --offline to work on its files instead" } else { RESTART };
                    format!("the gateway hangs: {instead}")
                });
                Err(ConnectError { failure, target, remarks: Vec::new(), advice })
            }
        }
    }

    async fn network(&self, remote: &Remote) -> Result<Session, CliError> {
        let keys = if self.wish.anonymous { Keys::none(self.context) } else { Keys::of(self.context, remote) };
        let mut candidates = keys.candidates(remote);
        if candidates.is_empty() {
            // Probes may ask without a secret: the gateway's answer is what they are after.
            if self.wish.mode != ClientMode::Probe {
                let error = TargetError::without_credentials(remote.url.clone(), remote.source.clone());
                return Err(self.context.no_target(error));
            }
            candidates.push(super::keys::Candidate { presented: remote.presented.clone(), kind: Kind::Shared });
        }
        let endpoint = Endpoint::Network {
            url: remote.url.clone(),
            trust: trust(self.context, remote),
            plain_to_any_name: self.context.settings.client.allow_insecure_private_ws,
        };
        let mut first: Option<ConnectError> = None;
        for candidate in candidates {
            let target = Target {
                address: remote.url.to_string(),
                source: remote.source.clone(),
                config: self.context.paths.config.clone(),
                bind: remote.own.then_some(self.context.settings.listen.bind),
                secret_from: match candidate.kind {
                    Kind::Shared => remote.secret_from.as_ref().map(ToString::to_string),
                    Kind::Stored | Kind::Foreign => Some("this device's stored token".into()),
                },
            };
            let login = self.login().presenting(candidate.presented).with_device(keys.device.clone());
            match self.open(&endpoint, &login).await {
                Ok(connection) => {
                    keys.keep(connection.hello());
                    let wrong = first.and_then(|error| error.target.secret_from).map(|origin| {
                        format!("the secret from {origin} is not the gateway's: connected with this device's own token")
                    });
                    let remarks = wrong.into_iter().chain(keys.damage).collect();
                    return Ok(Session { connection, target, timeout: self.timeout(), remarks });
                }
                Err(failure) => {
                    let worth_another = failure.is_wrong_secret() || failure.is_stale_device_token();
                    // Sent in the place of a shared token, a device token gets the refusal of one from newer gateways.
                    if candidate.kind == Kind::Stored && worth_another {
                        keys.forget();
                    }
                    let remarks = keys.damage.clone().into_iter().collect();
                    let advice = (worth_another && candidate.kind != Kind::Shared).then(|| OWN_TOKEN_ENDED.to_owned());
                    let error = ConnectError { failure, target, remarks, advice };
                    // What is wrong with the shared secret tells more than what is wrong with a token tried after it.
                    let error = first.take().unwrap_or(error);
                    if !worth_another {
                        return Err(CliError::Connect(Box::new(error)));
                    }
                    first = Some(error);
                }
            }
        }
        match first {
            Some(error) => Err(CliError::Connect(Box::new(error))),
            None => Err(CliError::usage(
                "there is no secret to present",
                "give the gateway's token with --token or OPENCLAW_GATEWAY_TOKEN",
            )),
        }
    }

    /// Work on the files was asked for. A gateway that answers does it better, and would be worked against.
    async fn only_files(&self, ways: &[Way], lock: &LockState, output: &mut Output) -> Result<Reached, CliError> {
        if self.args.url.is_some() {
            return Err(CliError::usage(
                "--offline works on the files here, so it cannot go together with --url",
                "leave --url out to work on the files, or --offline to ask the gateway there",
            ));
        }
        if matches!(lock, LockState::Held { same_kernel: true, .. }) {
            let args = TargetArgs { timeout: Some(LOCAL_ANSWER_TIMEOUT), ..self.args.clone() };
            let impatient = Traveller { args: &args, ..*self };
            for way in ways {
                let Way::Socket(path) = way else { continue };
                match impatient.socket(path).await {
                    Ok(session) => {
                        session.close().await;
                        return Err(CliError::Occupied {
                            message: "the gateway answers: its files are not to be worked on behind its back".into(),
                            hint: "leave --offline out".into(),
                        });
                    }
                    Err(error) if error.failure.is_absent() => {}
                    Err(error) => self.say(output, "the gateway does not answer: ", &error.failure)?,
                }
            }
        }
        self.say(output, "working on the files of ", &self.context.state().path().display())?;
        Ok(Reached::Files)
    }
}
