//! What is wrong with a configuration.

use std::{fmt, io, path::PathBuf};

use super::{listen::Bind, origin::Origin, secret::SecretDefect};
use crate::hint::{Hint, shell};

/// A configuration that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConfigError {
    /// A path counts from the home directory, and there is none.
    NoHome {
        /// What needs it.
        wanted_by: &'static str,
    },
    /// Where the state directory should be, or above it, is something else.
    NotADirectory {
        /// What is there.
        path: PathBuf,
        /// The state directory.
        state: PathBuf,
    },
    /// Something in the layers is wrong; everything that is wrong is here.
    Invalid(Vec<Problem>),
}

impl ConfigError {
    /// Whether something is wrong with one of these settings.
    pub fn concerns(&self, keys: &[&str]) -> bool {
        let Self::Invalid(problems) = self else { return false };
        problems.iter().filter_map(|problem| problem.key.as_deref()).any(|key| keys.contains(&key))
    }
}

impl std::error::Error for ConfigError {}

impl fmt::Display for ConfigError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoHome { wanted_by } => write!(formatter, "no home directory for {wanted_by}"),
            Self::NotADirectory { path, state } if path == state => {
                write!(formatter, "the state directory {} is a file and not a directory", path.display())
            }
            Self::NotADirectory { path, state } => write!(
                formatter,
                "the state directory {} cannot be made: {} is a file and not a directory",
                state.display(),
                path.display()
            ),
            Self::Invalid(problems) if problems.len() == 1 => write!(formatter, "{}", problems[0]),
            Self::Invalid(problems) => {
                write!(formatter, "the configuration has {} problems", problems.len())?;
                problems.iter().try_for_each(|problem| write!(formatter, "\n  {problem}"))
            }
        }
    }
}

impl Hint for ConfigError {
    fn hint(&self) -> String {
        match self {
            Self::NoHome { .. } => "set OPENCLAW_STATE_DIR to a directory that this user can write to".into(),
            Self::NotADirectory { path, .. } => {
                let file = shell(&path.display().to_string());
                format!("name a directory in OPENCLAW_STATE_DIR, or move the file away: mv {file} {file}.old")
            }
            Self::Invalid(problems) => {
                let mut hints: Vec<String> = Vec::new();
                for hint in problems.iter().map(Problem::hint) {
                    if !hints.contains(&hint) {
                        hints.push(hint);
                    }
                }
                hints.join("; ")
            }
        }
    }
}

/// One thing that is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The key that is concerned, dotted; `None` for a file as a whole.
    pub key: Option<String>,
    /// The layer that it came from.
    pub origin: Origin,
    /// What is wrong.
    pub kind: ProblemKind,
}

impl Problem {
    pub(super) fn at(key: impl Into<String>, origin: Origin, kind: ProblemKind) -> Self {
        Self { key: Some(key.into()), origin, kind }
    }

    pub(super) fn of_file(origin: Origin, kind: ProblemKind) -> Self {
        Self { key: None, origin, kind }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.key, &self.origin) {
            (Some(key), Origin::Default) => write!(formatter, "{key}: {}", self.kind),
            (Some(key), origin) => write!(formatter, "{key} in {origin}: {}", self.kind),
            (None, origin) => write!(formatter, "{origin}: {}", self.kind),
        }
    }
}

/// What is wrong. No text of it repeats a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProblemKind {
    /// The file is there and cannot be read.
    #[error("cannot be read: {cause}")]
    Unreadable {
        /// What kind of error it is.
        kind: io::ErrorKind,
        /// The error's own text.
        cause: String,
    },
    /// A file that another one includes is not there.
    #[error("does not exist")]
    Missing,
    /// A file includes another one that cannot be used.
    #[error("includes {}, which {cause}", .path.display())]
    Include {
        /// The other file.
        path: PathBuf,
        /// What is wrong with it.
        cause: Box<ProblemKind>,
    },
    /// A file includes a file that includes it.
    #[error("leads back to itself")]
    IncludesItself,
    /// Files include files that include files, and so on.
    #[error("is the end of more than {limit} includes")]
    TooManyIncludes {
        /// The limit.
        limit: usize,
    },
    /// The file is larger than any configuration.
    #[error("is larger than {limit} bytes")]
    TooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
    /// The file is not text.
    #[error("line {line}, column {column}: not UTF-8 text")]
    NotText {
        /// First line is 1.
        line: usize,
        /// First column is 1.
        column: usize,
    },
    /// The file is not JSON5.
    #[error("line {line}, column {column}: {what}")]
    Syntax {
        /// First line is 1.
        line: usize,
        /// First column is 1.
        column: usize,
        /// What was expected and found.
        what: String,
    },
    /// The value has another type or range than the setting.
    #[error("found {found}, expected {expected}")]
    Mistyped {
        /// What stands there; of a secret only its type.
        found: String,
        /// What would be right.
        expected: String,
    },
    /// An environment variable holds bytes that are not text.
    #[error("is not UTF-8 text")]
    NotUnicode,
    /// A path begins with `~` and there is no home directory.
    #[error("begins with ~, and there is no home directory")]
    NoHome,
    /// A value is to be filled in from a variable that is not set.
    #[error("names the environment variable {0}, which is not set")]
    MissingVariable(String),
    /// A secret is written as a reference into OpenClaw's secret store.
    #[error("is a secret reference, which this gateway cannot look up")]
    SecretReference,
    /// A text cannot be anybody's secret.
    #[error("{0}")]
    SecretDefect(#[from] SecretDefect),
    /// Two sources name different secrets.
    #[error("differs from the value in {other}")]
    SecretsDiffer {
        /// The source that it disagrees with.
        other: Origin,
    },
    /// The file of a secret cannot be read.
    #[error("cannot read {}: {cause}", .path.display())]
    SecretFileUnreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: String,
        /// Whether it is not there.
        missing: bool,
    },
    /// The file of a secret has nothing in it.
    #[error("{} is empty", .0.display())]
    SecretFileEmpty(PathBuf),
    /// The file of a secret is too large to be one.
    #[error("{} is larger than {limit} bytes", .path.display())]
    SecretFileTooLarge {
        /// The file.
        path: PathBuf,
        /// The limit, in bytes.
        limit: usize,
    },
    /// Mode `password` without a password.
    #[error("Gateway auth is set to password, but no password is configured.")]
    PasswordMissing,
    /// Mode `trusted-proxy` beside a shared token, which would be a second way in.
    #[error("a shared token is configured ({token}) while gateway.auth.mode is trusted-proxy")]
    TokenBesideTrustedProxy {
        /// Where the token came from.
        token: Origin,
    },
    /// Mode `trusted-proxy` without the header that names the user.
    #[error("gateway.auth.mode is trusted-proxy, but no header is named that carries the user")]
    UserHeaderMissing,
    /// Mode `trusted-proxy` without any trusted proxy.
    #[error("gateway.auth.mode is trusted-proxy, but no proxy is trusted")]
    TrustedProxiesMissing,
    /// An entry of a list of trusted addresses is none.
    #[error("{}{entry:?} {defect}", .line.map(|line| format!("line {line}: ")).unwrap_or_default())]
    TrustedEntry {
        /// The entry.
        entry: String,
        /// Where it stands in the file, if that is known; the first line is 1.
        line: Option<usize>,
        /// What is wrong.
        defect: super::trust::EntryDefect,
    },
    /// A list of trusted addresses covers the internet.
    #[error("{entries:?} covers most of the internet, so that anybody is trusted")]
    TrustsEverybody {
        /// The entries.
        entries: String,
        /// Whether there is a setting that permits it.
        may_be_permitted: bool,
    },
    /// A port for the PROXY protocol without its number.
    #[error("no port is named that takes the PROXY protocol")]
    PreamblePortMissing,
    /// The PROXY protocol on the gateway's own port.
    #[error("is the gateway's own port, where a preamble would be optional and anybody could bring one")]
    PreamblePortShared,
    /// A port for the PROXY protocol that nobody may use.
    #[error("no proxy is listed that may connect with the PROXY protocol")]
    PreambleFromNobody,
    /// An address that others can reach, and no authentication.
    #[error("Refusing to bind gateway to {bind} without auth.")]
    OpenBind {
        /// The bind mode.
        bind: Bind,
    },
    /// A bind mode that needs an address.
    #[error("gateway.bind is custom, but no address is named")]
    CustomBindHostMissing,
    /// The machine is configured to use a gateway elsewhere.
    #[error("Gateway start blocked: set gateway.mode=local (current: remote) or pass --allow-unconfigured.")]
    RemoteMode,
    /// Half of a certificate and key pair.
    #[error("needs {0} as well")]
    HalfKeyPair(&'static str),
    /// TLS without a certificate and without leave to make one.
    #[error("TLS is enabled without a certificate, and gateway.tls.autoGenerate is false")]
    CertificateMissing,
}

impl Hint for Problem {
    fn hint(&self) -> String {
        let key = self.key.as_deref().unwrap_or_default();
        match &self.kind {
            ProblemKind::SecretReference => secret_hint(key),
            ProblemKind::SecretsDiffer { other } => {
                format!("keep one of {} and {other}, or give both the same value", self.origin)
            }
            ProblemKind::SecretDefect(_) if self.origin.layer() != super::Layer::Flag => {
                "write a secret there, for example from `openssl rand -hex 24`, or remove it".into()
            }
            ProblemKind::MissingVariable(name) => format!("set {name}, or write the value into {}", self.origin),
            ProblemKind::PasswordMissing => secret_hint("gateway.auth.password"),
            ProblemKind::TokenBesideTrustedProxy { token } => {
                format!("remove the token from {token}, or set gateway.auth.mode to token")
            }
            ProblemKind::UserHeaderMissing => {
                "set gateway.auth.trustedProxy.userHeader to the header that your proxy sets, for example x-forwarded-user".into()
            }
            ProblemKind::TrustedProxiesMissing => "list your proxy in gateway.trustedProxies".into(),
            ProblemKind::TrustsEverybody { may_be_permitted, .. } => format!(
                "list the addresses that are meant{}",
                if *may_be_permitted {
                    ", or set gateway.dangerouslyTrustAllProxies to true in gateway.json if nobody else can reach this port"
                } else {
                    ""
                }
            ),
            ProblemKind::PreamblePortMissing | ProblemKind::PreamblePortShared => {
                "set gateway.proxyProtocol.port to a port that nothing else uses, for example 18790".into()
            }
            ProblemKind::PreambleFromNobody => {
                "list the proxy's addresses or names in gateway.proxyProtocol.from".into()
            }
            ProblemKind::OpenBind { .. } => {
                "set gateway.auth.mode to token or password, or gateway.bind to loopback".into()
            }
            ProblemKind::CustomBindHostMissing => "set gateway.customBindHost to an address of this machine".into(),
            ProblemKind::CertificateMissing => {
                "set gateway.tls.certPath and gateway.tls.keyPath, or gateway.tls.autoGenerate to true".into()
            }
            ProblemKind::Unreadable { kind: io::ErrorKind::PermissionDenied, .. } => format!("make {} readable for this user", self.origin),
            ProblemKind::NoHome => "write the whole path, or set OPENCLAW_HOME".into(),
            ProblemKind::SecretDefect(_) => "give another one, for example from `openssl rand -hex 24`".into(),
            ProblemKind::SecretFileUnreadable { path, missing: true, .. } => format!(
                "there is no {}: write the secret there, or name another file",
                path.display()
            ),
            ProblemKind::SecretFileUnreadable { path, .. } => {
                format!("make {} readable for this user, or name another file", path.display())
            }
            ProblemKind::SecretFileEmpty(path) => format!("write the secret into {}", path.display()),
            ProblemKind::SecretFileTooLarge { .. } => {
                "name a file that holds the secret and nothing else".into()
            }
            ProblemKind::Mistyped { .. } | ProblemKind::TrustedEntry { .. } if self.key.is_some() => {
                format!("openclaw config schema {}", crate::hint::shell(key))
            }
            ProblemKind::HalfKeyPair(other) => format!("openclaw config set {other} PATH"),
            ProblemKind::RemoteMode => "openclaw config set gateway.mode local".into(),
            ProblemKind::NotUnicode => format!("set {} to text, or unset it", self.origin),
            ProblemKind::Missing => format!("make {}, or take out what names it", self.origin),
            ProblemKind::Include { path, .. } => {
                format!("mend {}, or take it out of the `$include` in {}", path.display(), self.origin)
            }
            ProblemKind::IncludesItself | ProblemKind::TooManyIncludes { .. } => {
                format!("take an `$include` out that leads to {}", self.origin)
            }
            ProblemKind::TooLarge { .. } => format!("leave nothing but settings in {}", self.origin),
            ProblemKind::Unreadable { .. } => format!("see that {} is a file on a disk that works", self.origin),
            ProblemKind::Mistyped { .. }
            | ProblemKind::TrustedEntry { .. }
            | ProblemKind::Syntax { .. }
            | ProblemKind::NotText { .. } => {
                format!("mend {} with an editor, then run `openclaw config validate`", self.origin)
            }
        }
    }
}

fn secret_hint(key: &str) -> String {
    match key {
        "gateway.auth.token" => {
            "set OPENCLAW_GATEWAY_TOKEN, or OPENCLAW_GATEWAY_TOKEN_FILE to a file that holds the token".into()
        }
        "gateway.auth.password" => {
            "set OPENCLAW_GATEWAY_PASSWORD, or OPENCLAW_GATEWAY_PASSWORD_FILE to a file that holds the password".into()
        }
        _ => format!("write the value itself as the text of {key}"),
    }
}
