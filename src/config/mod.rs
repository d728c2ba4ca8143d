//! Configuration: layers, provenance, secrets, validation.
//!
//! A value comes from the first of these that names it:
//!
//! 1. a flag ([`Flags`]),
//! 2. a secret file (`OPENCLAW_GATEWAY_TOKEN_FILE`, `OPENCLAW_GATEWAY_PASSWORD_FILE`),
//! 3. an environment variable of the table in [`variables`],
//! 4. `gateway.json`, which holds the keys that only this product knows,
//! 5. `openclaw.json` (JSON5), which OpenClaw's own programs read too and refuse with keys that are strange to them,
//! 6. the default, written beside its field.
//!
//! Secrets have a rule of their own: a flag wins, and everything else that names one must agree (see [`Credentials`]).
//!
//! [`load()`] is what a gateway starts with: it reports every problem at once, each with its key, the layer it came from and
//! what would be right. [`load_for_client`] reads the same layers for a command that only dials a gateway, and leaves out
//! the rules that concern starting one. Neither creates anything, and neither needs a file to be there.
//!
//! Texts in the files may name environment variables (`${NAME}`), and objects other files (`$include`), as in OpenClaw.
//!
//! Every section is one struct in a file of its own, and its fields are the manual: [`Listen`], [`Tls`], [`AuthKeys`],
//! [`Trust`], [`ControlUi`], [`Remote`], [`Client`], [`Limits`], [`Reload`], [`Logging`]. The schema that
//! `config.schema` answers with, the list of known keys and the typed [`Settings`] are all made from these structs.

mod auth;
mod changes;
mod check;
mod client;
mod control_ui;
mod credential;
mod diagnose;
mod document;
mod draft;
pub mod edit;
mod effective;
mod environment;
mod extract;
mod file;
mod flags;
mod foreign;
pub mod generated_token;
mod hex;
mod include;
mod json5;
mod keys;
mod limits;
mod listen;
mod load;
mod logging;
mod manual;
mod metrics;
mod origin;
mod path;
mod paths;
mod problem;
mod redact;
mod reload;
mod remote;
mod schema;
mod secret;
mod secret_file;
mod secret_reference;
mod sections;
mod settings;
mod snapshot;
mod substitute;
#[cfg(test)]
mod tests;
mod tls;
mod trust;
pub mod variables;
mod warning;
mod watch;
mod words;
mod write;

pub use auth::{Auth, AuthKeys, AuthMode, RateLimit, TrustedProxyAuth};
pub use changes::changed_keys;
pub use client::Client;
pub use control_ui::ControlUi;
pub use credential::{Credential, Credentials};
pub use diagnose::{Diagnosis, Located, Place, diagnose};
pub use draft::{Draft, DraftError, Verdict, Written};
pub use effective::{Effective, Found};
pub use environment::Environment;
pub use flags::Flags;
pub use limits::Limits;
pub use listen::{Bind, Listen};
pub use load::{Loaded, files, load, load_for_client};
pub use logging::{ConsoleStyle, LogLevel, Logging};
pub use manual::{Named, Setting, lookup, schema_of, settings};
pub use metrics::Metrics;
pub use origin::{Layer, Origin};
pub use path::{InvalidPath, KeyPath, Step};
pub use paths::Paths;
pub use problem::{ConfigError, Problem, ProblemKind};
pub use redact::{REDACTED, redact};
pub use reload::{Reload, ReloadMode};
pub use remote::{GatewayMode, Remote};
pub use schema::schema;
pub use secret::{Secret, SecretDefect};
pub use settings::Settings;
pub use snapshot::{for_readers, snapshot};
pub use tls::Tls;
pub use trust::{EntryDefect, EntryOddity, OneOrMany, ProxyProtocol, Trust, Unattributed};
pub use warning::{Warning, WarningKind};
pub use watch::FileWatch;
pub use words::UnknownWord;
pub use write::{WriteError, check_writable};
