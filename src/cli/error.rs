//! Why a command failed, and how that is told: cause, target, and the next command to type.

use std::{fmt::Write as _, io, path::PathBuf};

use serde_json::{Value, json};

use super::{
    Output, Tone,
    target::{Source, TargetError},
};
use crate::{
    client::{CallFailure, Failure},
    config::{Bind, ConfigError},
    gateway::GatewayError,
    hint::{Hint, chain},
    protocol::ErrorShape,
};

/// How a command ended that did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// It did what it was asked for.
    Done,
    /// It has told why not, and the exit code says so too.
    Failed,
    /// The configuration does not permit it; what supervises us need not try again.
    Misconfigured,
    /// A signal ended it, with the exit code that stands for that.
    Interrupted(u8),
}

impl Exit {
    /// The process's exit code. 78 is what OpenClaw's gateways end with, and `EX_CONFIG` of sysexits.
    pub const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Misconfigured => 78,
            Self::Interrupted(code) => code,
        }
    }
}

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// The command line does not say what is needed.
    #[error("{message}")]
    Usage {
        /// What is missing or wrong.
        message: String,
        /// What to type instead.
        hint: Option<String>,
    },
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// There is no telling which gateway is meant.
    #[error("{error}")]
    Target {
        /// Why.
        #[source]
        error: TargetError,
        /// The configuration file.
        config: PathBuf,
    },
    /// No connection.
    #[error(transparent)]
    Connect(Box<ConnectError>),
    /// A connection, but no answer.
    #[error(transparent)]
    Call(Box<CallError>),
    /// A gateway holds the state directory, so its files are not to be touched.
    #[error("{message}")]
    Occupied {
        /// Which one, and why nothing is done.
        message: String,
        /// What can be done.
        hint: String,
    },
    /// The work on the files failed.
    #[error("{message}")]
    Files {
        /// Why, with its causes.
        message: String,
        /// What can be done.
        hint: Option<String>,
    },
    /// The gateway did not start.
    #[error("{message}")]
    Gateway {
        /// Why, with its causes.
        message: String,
        /// What can be done.
        hint: Option<String>,
    },
    /// Nobody reads our output, or it cannot be written.
    #[error("cannot write the output")]
    Output(#[from] io::Error),
}

impl From<GatewayError> for CliError {
    fn from(error: GatewayError) -> Self {
        Self::Gateway { message: format!("Gateway failed to start: {}", chain(&error)), hint: error.hint() }
    }
}

/// No connection to a gateway, with all that a user needs to find out why.
#[derive(Debug, thiserror::Error)]
#[error("{failure}")]
pub struct ConnectError {
    /// What went wrong.
    #[source]
    pub failure: Failure,
    /// To whom, and why to them.
    pub target: Target,
    /// What else is known, a line each: ways that were tried before, last words of the gateway.
    pub remarks: Vec<String>,
    /// Advice that fits this command better than the failure's own.
    pub advice: Option<String>,
}

/// A connection without an answer.
#[derive(Debug, thiserror::Error)]
#[error("{failure}")]
pub struct CallError {
    /// What went wrong.
    #[source]
    pub failure: CallFailure,
    /// Of whom.
    pub target: Target,
}

/// Whom a command talked to, in the words of the detail block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// URL or path.
    pub address: String,
    /// Why that one.
    pub source: Source,
    /// The configuration file.
    pub config: PathBuf,
    /// The configured bind mode, where the gateway is this machine's own.
    pub bind: Option<Bind>,
    /// Which secret was presented, by where it came from.
    pub secret_from: Option<String>,
}

impl Target {
    fn lines(&self) -> Vec<String> {
        let mut lines = vec![
            format!("Gateway target: {}", self.address),
            format!("Source: {}", self.source),
            format!("Config: {}", self.config.display()),
        ];
        lines.extend(self.bind.map(|bind| format!("Bind: {bind}")));
        lines
    }
}

impl Hint for CliError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Usage { hint, .. } | Self::Files { hint, .. } | Self::Gateway { hint, .. } => hint.clone(),
            Self::Config(error) => error.hint(),
            Self::Target { error, .. } => error.hint(),
            Self::Connect(error) => error.advice.clone().or_else(|| error.failure.hint()),
            Self::Call(error) => error.failure.hint(),
            Self::Occupied { hint, .. } => Some(hint.clone()),
            Self::Output(_) => None,
        }
    }
}

impl CliError {
    /// A command line that does not say what is needed.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::Usage { message: message.into(), hint: None }
    }

    /// Whether only our reader went away, which is no failure of ours.
    pub fn is_closed_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }

    /// What the process ends with.
    pub fn exit(&self) -> Exit {
        if self.is_closed_pipe() { Exit::Done } else { Exit::Failed }
    }

    /// Everything that a user is told, a line each, the cause first.
    pub fn lines(&self) -> Vec<String> {
        match self {
            Self::Connect(error) => {
                let mut lines = vec![cause_of(&error.failure)];
                if let (Failure::Refused { .. }, Some(closed)) = (&error.failure, error.failure.closed()) {
                    lines.push(closed.to_string());
                }
                lines.extend(error.target.lines());
                // Which of several secrets it was is worth knowing only where it was read.
                if let (Failure::Refused { .. }, Some(origin)) = (&error.failure, &error.target.secret_from) {
                    lines.push(format!("Secret: {origin}"));
                }
                lines.extend(error.remarks.iter().cloned());
                lines
            }
            Self::Call(error) => {
                let mut lines = vec![cause_of(&error.failure)];
                // A refusal came from a gateway that works; where that is helps only with the others.
                if !matches!(error.failure, CallFailure::Refused(_)) {
                    lines.extend(error.target.lines());
                }
                lines
            }
            Self::Target { error, config } => {
                let mut lines = vec![cause_of(error)];
                lines.push(format!("Config: {}", config.display()));
                lines
            }
            // Their text repeats the cause.
            Self::Config(_)
            | Self::Usage { .. }
            | Self::Occupied { .. }
            | Self::Files { .. }
            | Self::Gateway { .. } => vec![self.to_string()],
            Self::Output(_) => vec![chain(self)],
        }
    }

    /// Tells the user: text on standard error, and with `--json` a document on standard output too.
    ///
    /// # Errors
    /// As writing fails.
    pub fn print(&self, output: &mut Output) -> io::Result<()> {
        if output.is_json() {
            output.json(&self.document())?;
        }
        for (at, line) in self.lines().iter().enumerate() {
            output.note(if at == 0 { Tone::Bad } else { Tone::Dim }, line)?;
        }
        if let Some(hint) = self.hint() {
            output.note(Tone::Plain, &format!("Hint: {hint}"))?;
        }
        output.flush()
    }

    /// The document that programs read.
    pub fn document(&self) -> Value {
        let mut document = json!({ "ok": false, "error": self.error_document() });
        let target = match self {
            Self::Connect(error) => Some(&error.target),
            Self::Call(error) => Some(&error.target),
            _ => None,
        };
        if let Some(target) = target {
            document["gateway"] = json!({ "url": target.address, "urlSource": target.source.to_string() });
        }
        if let Some(hint) = self.hint() {
            document["hint"] = json!(hint);
        }
        document
    }

    fn error_document(&self) -> Value {
        let transport =
            |kind: &str| json!({ "type": "gateway_transport_error", "kind": kind, "message": self.lines()[0] });
        let closed = |closed: &crate::client::Closed| {
            let mut error = transport("closed");
            error["code"] = json!(closed.code.unwrap_or(1006));
            error["reason"] = json!(closed.reason);
            error
        };
        match self {
            Self::Connect(error) => match &error.failure {
                Failure::Refused { error, .. } => request_error(error),
                Failure::Closed { closed: how, .. } => closed(how),
                Failure::Timeout { .. } => transport("timeout"),
                Failure::NothingListens { .. } | Failure::NoSocket { .. } => transport("refused"),
                Failure::NotAGateway(_)
                | Failure::NotHttp(_)
                | Failure::WrongKey
                | Failure::NotTheProtocol(_)
                | Failure::SpeaksPlain { .. }
                | Failure::SpeaksTls { .. } => transport("not-a-gateway"),
                _ => transport("unreachable"),
            },
            Self::Call(error) => match &error.failure {
                CallFailure::Refused(error) => request_error(error),
                CallFailure::Lost(how) => closed(how),
                CallFailure::Timeout { .. } => transport("timeout"),
                CallFailure::Unreadable { .. } => transport("unreadable"),
            },
            _ => json!({ "type": "cli_error", "message": self.lines()[0] }),
        }
    }
}

fn request_error(error: &ErrorShape) -> Value {
    let mut document = json!({ "type": "gateway_request_error", "code": error.code, "message": error.message });
    if let Some(details) = &error.details {
        document["details"] = details.clone();
    }
    document["retryable"] = json!(error.retryable.unwrap_or(false));
    if let Some(after) = error.retry_after_ms {
        document["retryAfterMs"] = json!(after);
    }
    document
}

/// An error and its causes, without a cause whose text is in the one before already.
fn cause_of(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let own = inner.to_string();
        if !text.contains(&own) {
            // Writing to a String cannot fail.
            let _ = write!(text, ": {own}");
        }
        cause = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        cli::{Format, output::tests::captured},
        client::{Answer, Closed, Fingerprint, GatewayUrl, Scheme, Step},
        dns::ResolveError,
        protocol::ErrorShape,
    };

    fn target(url: &str, source: Source) -> Target {
        let own = source == Source::LocalLoopback;
        Target {
            address: url.into(),
            source,
            config: "/home/u/.openclaw/openclaw.json".into(),
            bind: own.then_some(Bind::Loopback),
            secret_from: Some("OPENCLAW_GATEWAY_TOKEN".into()),
        }
    }

    fn connect(failure: Failure) -> CliError {
        let target = target("ws://127.0.0.1:18789", Source::LocalLoopback);
        let remarks = vec!["Tried before: local socket /home/u/.openclaw/run/gateway.sock: nothing listens".to_owned()];
        CliError::Connect(Box::new(ConnectError { failure, target, remarks, advice: None }))
    }

    fn call(failure: CallFailure) -> CliError {
        CliError::Call(Box::new(CallError { failure, target: target("wss://gw.test:443", Source::ConfigRemote) }))
    }

    fn url(text: &str) -> GatewayUrl {
        text.parse().expect(text)
    }

    fn every_failure() -> Vec<(&'static str, CliError)> {
        let fingerprint: Fingerprint = "ab".repeat(32).parse().expect("64 digits");
        let answer = Answer {
            status: hyper::http::StatusCode::NOT_FOUND,
            server: Some("nginx/1.22".into()),
            location: None,
            body: "no such\u{1b}[2J page\n".into(),
        };
        let refused = |message: &str, reason: &str| Failure::Refused {
            error: Box::new(ErrorShape::invalid(message)),
            closed: Some(Closed { code: Some(1008), reason: reason.into() }),
        };
        let after = Duration::from_secs(10);
        vec![
            ("nothing listens", connect(Failure::NothingListens { at: "ws://127.0.0.1:18789".into() })),
            (
                "unreachable",
                connect(Failure::Unreachable {
                    at: "ws://gateway:18789".into(),
                    source: io::ErrorKind::HostUnreachable.into(),
                }),
            ),
            ("no such host", connect(Failure::Unresolved(ResolveError::NoAddress { host: "gatway".into() }))),
            ("permission", connect(Failure::PermissionDenied { path: "/s/gateway.sock".into() })),
            ("foreign", connect(Failure::ForeignSocket { path: "/s/gateway.sock".into(), owner: 7, own: 1000 })),
            ("plaintext", connect(Failure::Plaintext { url: url("ws://gw.test:18789"), public: None })),
            ("ws to wss", connect(Failure::SpeaksTls { right: url("wss://127.0.0.1:18789") })),
            ("wss to ws", connect(Failure::SpeaksPlain { right: url("ws://127.0.0.1:18789") })),
            ("untrusted", connect(Failure::Untrusted { presented: Some(fingerprint), source: None })),
            ("other certificate", connect(Failure::OtherCertificate { presented: fingerprint, expected: vec![] })),
            ("not a gateway", connect(Failure::NotAGateway(answer))),
            ("not http", connect(Failure::NotHttp(b"SSH-2.0-OpenSSH\r\n".to_vec()))),
            ("cut", connect(Failure::Closed { step: Step::Upgrade, closed: Closed::cut() })),
            ("silence", connect(Failure::Timeout { step: Step::Challenge, after })),
            ("wrong token", connect(refused("unauthorized: gateway token mismatch (x)", "unauthorized: gateway"))),
            ("pairing", connect(refused("pairing required: x (requestId: r-1)", "pairing required: approve with …"))),
            (
                "missing scope",
                call(CallFailure::Refused(Box::new(ErrorShape::invalid("missing scope: operator.read")))),
            ),
            ("restart", call(CallFailure::Lost(Closed { code: Some(1012), reason: "service restart".into() }))),
            ("no answer", call(CallFailure::Timeout { method: "health".into(), after })),
            (
                "no secret",
                CliError::Target {
                    error: TargetError::NeedsCredentials {
                        url: GatewayUrl::new(Scheme::Ws, "gateway", 1),
                        named_by: Source::CliUrl,
                    },
                    config: "/home/u/.openclaw/openclaw.json".into(),
                },
            ),
            ("usage", CliError::usage("--device and --role required")),
        ]
    }

    #[test]
    fn every_failure_names_cause_target_and_next_step() {
        let mut texts = String::new();
        for (name, error) in every_failure() {
            let (mut output, out, err) = captured(Format::Text, None);
            error.print(&mut output).expect("in memory");
            assert_eq!(out.text(), "", "{name}: standard output is for data");
            let _ = writeln!(texts, "## {name}\n{}", err.text());
            assert_eq!(error.exit().code(), 1, "{name}");
            assert!(error.hint().is_some() || matches!(error, CliError::Usage { .. }), "{name} says what to do");
        }
        insta::assert_snapshot!(texts);
    }

    #[test]
    fn programs_get_one_document() {
        let mut documents = Vec::new();
        for (name, error) in every_failure() {
            let (mut output, out, err) = captured(Format::Json, None);
            error.print(&mut output).expect("in memory");
            let document: Value = serde_json::from_str(&out.text()).expect(name);
            assert_eq!(document["ok"], false, "{name}");
            assert!(!err.text().is_empty(), "{name}: people read standard error");
            documents.push(json!({ name: document["error"] }));
        }
        insta::assert_json_snapshot!(documents);
    }

    #[test]
    fn a_reader_that_went_away_is_no_failure() {
        let gone = CliError::from(io::Error::from(io::ErrorKind::BrokenPipe));
        assert!(gone.is_closed_pipe());
        assert_eq!(gone.exit(), Exit::Done);
        assert_eq!(CliError::from(io::Error::from(io::ErrorKind::StorageFull)).exit(), Exit::Failed);
    }
}
