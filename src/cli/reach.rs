//! Going the ways of a plan until one leads to a gateway.

use std::{path::Path, sync::Arc, time::Duration};

use rustls_pki_types::{CertificateDer, pem::PemObject as _};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{
    CliError, Context, Output, Tone,
    error::{CallError, ConnectError, Target},
    target::{Known, Remote, Source, TargetArgs, TargetError, Way, plan},
};
use crate::{
    client::{
        CallFailure, Connection, Deadline, Endpoint, Failure, Fingerprint, Login, Presented, Trust,
        tokens::{DeviceTokens, TokenKey},
    },
    config::{Origin, Secret},
    defaults::{CALL_TIMEOUT, LOCAL_ANSWER_TIMEOUT},
    device::Identity,
    hint::chain,
    net::LockState,
    protocol::{ClientMode, HelloOk},
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
    /// What it waits where `--timeout` says nothing.
    pub timeout: Duration,
}

impl Wish {
    /// A command that needs a gateway.
    pub const CALL: Self = Self { mode: ClientMode::Cli, files: false, offline: false, timeout: CALL_TIMEOUT };

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

/// A connection, and whom it leads to.
#[derive(Debug)]
pub struct Session {
    connection: Connection,
    target: Target,
    timeout: Duration,
}

impl Session {
    /// The gateway's greeting.
    pub fn hello(&self) -> &HelloOk {
        self.connection.hello()
    }

    /// Whom it leads to.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// Calls `method` and reads its answer.
    ///
    /// # Errors
    /// [`CliError::Call`].
    pub async fn call<T: DeserializeOwned>(
        &mut self,
        method: &str,
        params: Option<&(impl Serialize + ?Sized)>,
    ) -> Result<T, CliError> {
        let answer = self.connection.call_as(method, params, Deadline::after(self.timeout)).await;
        answer.map_err(|failure| self.failed(failure))
    }

    /// Calls `method` and waits for its final answer, where it first only accepts.
    ///
    /// # Errors
    /// [`CliError::Call`].
    pub async fn call_to_the_end(
        &mut self,
        method: &str,
        params: Option<&(impl Serialize + ?Sized)>,
    ) -> Result<Value, CliError> {
        let deadline = Deadline::after(self.timeout);
        let answer = match self.connection.send(method, params, deadline).await {
            Ok(call) => self.connection.final_answer(call, method, deadline).await,
            Err(failure) => Err(failure),
        };
        answer.map_err(|failure| self.failed(failure))
    }

    /// Calls several methods at once over the one connection; each has an answer of its own.
    pub async fn call_all(&mut self, methods: &[&str]) -> Vec<Result<Value, CallFailure>> {
        let deadline = Deadline::after(self.timeout);
        let mut sent = Vec::with_capacity(methods.len());
        for method in methods {
            sent.push(self.connection.send(method, Some(&serde_json::json!({})), deadline).await);
        }
        let mut answers = Vec::with_capacity(methods.len());
        for (call, method) in sent.into_iter().zip(methods) {
            answers.push(match call {
                Ok(call) => self.connection.answer(call, method, deadline).await,
                Err(failure) => Err(failure),
            });
        }
        answers
    }

    fn failed(&self, failure: CallFailure) -> CliError {
        CliError::Call(Box::new(CallError { failure, target: self.target.clone() }))
    }

    /// Ends the connection.
    pub async fn close(self) {
        self.connection.close().await;
    }
}

/// Finds the gateway that `args` and the surroundings mean, and connects to it.
///
/// # Errors
/// [`CliError`] says which way was gone, why it did not lead there, and what to type next.
pub async fn reach(context: &Context, args: &TargetArgs, wish: Wish, output: &mut Output) -> Result<Reached, CliError> {
    if let Some(problem) = &context.problem {
        output.note(Tone::Warning, &format!("the configuration cannot be used, going on without it: {problem}"))?;
    }
    let lock = context.lock();
    let announced = Context::announced(&lock);
    let sockets = context.sockets(&lock);
    let known =
        Known { settings: &context.settings, sockets: &sockets, announced: announced.as_ref(), files: wish.files };
    let plan = plan(args, known).map_err(|error| CliError::Target { error, config: context.paths.config.clone() })?;
    let traveller = Traveller { context, args, wish };
    if wish.offline {
        return traveller.only_files(&plan.ways, &lock, output).await;
    }
    let mut earlier = Vec::new();
    let mut last = None;
    for way in &plan.ways {
        match way {
            Way::Files => {
                traveller.check_lock(&lock)?;
                traveller.say(
                    output,
                    "no gateway runs: working on the files of ",
                    &context.state().path().display(),
                )?;
                return Ok(Reached::Files);
            }
            Way::Socket(path) => match traveller.socket(path).await {
                Ok(session) => {
                    if args.verbose {
                        output.note(Tone::Dim, &format!("via the local socket {}", path.display()))?;
                    }
                    return Ok(Reached::Gateway(Box::new(session)));
                }
                Err(error) if leads_on(&error.failure) => {
                    if !error.failure.is_absent() {
                        output.note(Tone::Warning, &format!("not using the local socket: {}", error.failure))?;
                    }
                    earlier.push(format!("local socket {}: {}", path.display(), in_short(&error.failure)));
                    last = Some(error);
                }
                Err(error) => return Err(CliError::Connect(Box::new(error))),
            },
            Way::Network(remote) => match traveller.network(remote).await {
                Ok(session) => {
                    if !plan.explicit || args.verbose {
                        traveller.say(output, "via ", &format_args!("{} ({})", remote.url, remote.source))?;
                    }
                    return Ok(Reached::Gateway(Box::new(session)));
                }
                Err(CliError::Connect(error)) if error.failure.is_absent() => last = Some(*error),
                Err(CliError::Connect(error)) => return Err(CliError::Connect(with(*error, earlier))),
                Err(error) => return Err(error),
            },
        }
    }
    Err(match last {
        Some(error) => CliError::Connect(with(error, earlier)),
        None => CliError::usage("there is no gateway to talk to"),
    })
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
        Reached::Files => Err(CliError::usage("there is no gateway to talk to")),
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
        Way::Network(remote) => traveller.network(remote).await,
        Way::Files => Err(CliError::usage("there is no gateway to talk to")),
    }
}

fn with(mut error: ConnectError, earlier: Vec<String>) -> Box<ConnectError> {
    error.earlier = earlier;
    Box::new(error)
}

/// Whether a socket that failed so does not keep us from trying the network.
fn leads_on(failure: &Failure) -> bool {
    failure.is_absent() || matches!(failure, Failure::PermissionDenied { .. } | Failure::ForeignSocket { .. })
}

fn in_short(failure: &Failure) -> String {
    if failure.is_absent() { "nothing listens there".into() } else { failure.to_string() }
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
    fn say(&self, output: &mut Output, what: &str, way: &dyn std::fmt::Display) -> Result<(), CliError> {
        if !output.is_json() || self.args.verbose {
            output.note(Tone::Dim, &format!("{what}{way}"))?;
        }
        Ok(())
    }

    async fn socket(&self, path: &Path) -> Result<Session, ConnectError> {
        let target = Target {
            address: path.display().to_string(),
            source: Source::LocalSocket,
            config: self.context.paths.config.clone(),
            bind: None,
            secret_from: None,
        };
        let timeout = self.timeout();
        // Who may use the socket needs neither device nor secret.
        let opened = Connection::open(&Endpoint::Socket(path.into()), &self.login(), Deadline::after(timeout)).await;
        match opened {
            Ok(connection) => Ok(Session { connection, target, timeout }),
            Err(failure) => {
                let advice = (matches!(failure, Failure::Timeout { .. }) && self.wish.files)
                    .then(|| "the gateway hangs: add --offline to work on its files instead".to_owned());
                Err(ConnectError { failure, target, earlier: Vec::new(), advice })
            }
        }
    }

    async fn network(&self, remote: &Remote) -> Result<Session, CliError> {
        let mut target = Target {
            address: remote.url.to_string(),
            source: remote.source.clone(),
            config: self.context.paths.config.clone(),
            bind: remote.own.then_some(self.context.settings.listen.bind),
            secret_from: remote.secret_from.clone(),
        };
        let keys = Keys::of(self.context, remote);
        let secrets = keys.secrets(remote);
        // Probes may ask without a secret: the gateway's answer is what they are after.
        if secrets.iter().all(|secret| secret.presented.is_empty())
            && !remote.own
            && self.wish.mode != ClientMode::Probe
        {
            let error = TargetError::NeedsCredentials { url: remote.url.clone(), named_by: remote.source.clone() };
            return Err(CliError::Target { error, config: self.context.paths.config.clone() });
        }
        let endpoint = self.endpoint(remote);
        let mut first: Option<ConnectError> = None;
        for secret in secrets {
            let login = self.login().presenting(secret.presented).with_device(keys.device.clone());
            let timeout = self.timeout();
            match Connection::open(&endpoint, &login, Deadline::after(timeout)).await {
                Ok(connection) => {
                    keys.keep(connection.hello());
                    return Ok(Session { connection, target, timeout });
                }
                Err(failure) => {
                    let worth_another = failure.is_wrong_secret() || failure.is_stale_device_token();
                    if secret.stored {
                        target.secret_from = None;
                        if failure.is_stale_device_token() {
                            keys.forget();
                        }
                    }
                    let error = ConnectError { failure, target: target.clone(), earlier: Vec::new(), advice: None };
                    // The configured secret's failure tells more than that of a stored token tried after it.
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
            None => Err(CliError::usage("there is no secret to present")),
        }
    }

    fn endpoint(&self, remote: &Remote) -> Endpoint {
        let mut pins: Vec<_> = remote.fingerprint.into_iter().collect();
        let pins_only = !pins.is_empty();
        if remote.own && !pins_only {
            // Who can write the state directory could also hand us the gateway's key.
            let own = self.context.state().tls().join("cert.pem");
            let named = self.context.settings.tls.cert_path.clone();
            pins.extend(named.into_iter().chain([own]).filter_map(|path| leaf_of(&path)));
        }
        let authorities = self.context.environment.variable("SSL_CERT_FILE").map(Into::into);
        Endpoint::Network {
            url: remote.url.clone(),
            trust: Trust { pins, pins_only, authorities },
            plain_to_any_name: self.context.settings.client.allow_insecure_private_ws,
        }
    }

    /// Whether the files may be worked on although nobody asked for it: nothing answers, and no gateway lives.
    fn check_lock(&self, lock: &LockState) -> Result<(), CliError> {
        let state = self.context.state().path().display();
        let offline = "add --offline to work on the files all the same";
        match lock {
            LockState::Free => Ok(()),
            LockState::Held { holder, same_kernel } => {
                let who = holder.as_ref().map(|holder| format!(" (version {}, pid {})", holder.version, holder.pid));
                let at = holder.as_ref().and_then(|holder| holder.url.as_ref().map(|url| format!(" at {url}")));
                let place = if *same_kernel { "" } else { " on another machine" };
                Err(CliError::Occupied {
                    message: format!(
                        "a gateway{}{}{place} holds {state} and does not answer",
                        who.unwrap_or_default(),
                        at.unwrap_or_default()
                    ),
                    hint: format!("give --url and --token to reach it over the network, or {offline}"),
                })
            }
            LockState::ForeignKernel => Err(CliError::Occupied {
                message: format!(
                    "the last gateway on {state} ran on another machine or before a reboot, and whether it still does \
                     cannot be told from here"
                ),
                hint: format!("if it does, give --url and --token; if it does not, {offline}"),
            }),
            LockState::Unknown => Err(CliError::Occupied {
                message: format!("the file system of {state} has no locks, so whether a gateway runs cannot be told"),
                hint: format!("if none does, {offline}"),
            }),
        }
    }

    /// Work on the files was asked for. A gateway that answers does it better, and would be worked against.
    async fn only_files(&self, ways: &[Way], lock: &LockState, output: &mut Output) -> Result<Reached, CliError> {
        if self.args.url.is_some() {
            return Err(CliError::usage("--offline works on the files here, so it cannot go together with --url"));
        }
        if !self.wish.files {
            return Err(CliError::usage("this command needs a gateway: leave --offline out"));
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
                    Err(error) => {
                        self.say(output, "the gateway does not answer: ", &error.failure)?;
                    }
                }
            }
        }
        self.say(output, "working on the files of ", &self.context.state().path().display())?;
        Ok(Reached::Files)
    }
}

/// The certificate that a server presents from this file.
fn leaf_of(path: &Path) -> Option<Fingerprint> {
    CertificateDer::pem_file_iter(path).ok()?.next()?.ok().map(|leaf| Fingerprint::of(&leaf))
}

/// A secret to try.
struct Candidate {
    presented: Presented,
    /// Whether it is the device's own token, from our file.
    stored: bool,
}

/// Our device and what gateways gave it.
struct Keys {
    device: Option<Arc<Identity>>,
    tokens: DeviceTokens,
    key: Option<TokenKey>,
}

impl Keys {
    fn of(context: &Context, remote: &Remote) -> Self {
        // Without a key the gateway decides what to make of us; a directory that cannot be written must not end everything.
        let device = Identity::load_or_create(context.state())
            .inspect_err(|error| tracing::debug!(target: "cli", "no device key: {}", chain(error)))
            .ok()
            .map(Arc::new);
        let key = device.as_ref().map(|device| TokenKey {
            origin: remote.url.origin(),
            device: device.device_id(),
            role: crate::protocol::Role::Operator,
        });
        Self { device, tokens: DeviceTokens::of(context.state()), key }
    }

    /// What to present, in order: what was typed or configured, then the device's own token. What was typed is what is
    /// meant, so nothing is tried in its place.
    fn secrets(&self, remote: &Remote) -> Vec<Candidate> {
        let stored = |secret: Secret| Candidate { presented: Presented::token(secret), stored: true };
        let configured = Candidate { presented: remote.presented.clone(), stored: false };
        let own = self.key.as_ref().and_then(|key| self.tokens.get(key));
        let foreign = || {
            let key = self.key.as_ref().filter(|_| remote.own && remote.url.is_loopback())?;
            self.tokens.foreign(key.device, key.role)
        };
        let token = own
            .map(stored)
            .or_else(|| foreign().map(|secret| Candidate { presented: Presented::token(secret), stored: false }));
        match token {
            Some(_) if matches!(remote.secret_from, Some(Origin::Flag(_))) => vec![configured],
            Some(token) if configured.presented.is_empty() => vec![token, configured],
            Some(token) => vec![configured, token],
            None => vec![configured],
        }
    }

    fn keep(&self, hello: &HelloOk) {
        if let (Some(key), Some(auth)) = (&self.key, &hello.auth) {
            // The command works without it; the next one presents the shared secret again.
            if let Err(error) = self.tokens.keep(key, auth) {
                tracing::debug!(target: "cli", "the device token cannot be kept: {error}");
            }
        }
    }

    fn forget(&self) {
        if let Some(key) = &self.key {
            let _ = self.tokens.forget(key);
        }
    }
}
