//! What the command line may set.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::{auth::AuthMode, document::Document, listen::Bind, logging::LogLevel, origin::Origin, secret::Secret};

/// What the command line may set. The command fills it; a field that is `None` or `false` was not typed.
#[derive(Debug, Clone, Default)]
pub struct Flags {
    /// `--port`.
    pub port: Option<u16>,
    /// `--bind`.
    pub bind: Option<Bind>,
    /// `--auth`.
    pub auth: Option<AuthMode>,
    /// `--token`.
    pub token: Option<Secret>,
    /// `--token-file`.
    pub token_file: Option<PathBuf>,
    /// `--password`.
    pub password: Option<Secret>,
    /// `--password-file`.
    pub password_file: Option<PathBuf>,
    /// `--tls`.
    pub tls: Option<bool>,
    /// `--socket`.
    pub socket: Option<PathBuf>,
    /// `--log-level`, or what `--verbose` stands for.
    pub log_level: Option<LogLevel>,
    /// `--allow-unconfigured`: start although `gateway.mode` is `remote`.
    pub allow_unconfigured: bool,
}

impl Flags {
    /// One document a flag, so that each value can tell which one set it.
    pub(super) fn documents(&self) -> Vec<Document> {
        let values: [(&'static str, &'static str, Option<Value>); 9] = [
            ("--port", "gateway.port", self.port.map(Value::from)),
            ("--bind", "gateway.bind", self.bind.map(|bind| json!(bind.as_str()))),
            ("--auth", "gateway.auth.mode", self.auth.map(|mode| json!(mode.as_str()))),
            ("--token", "gateway.auth.token", self.token.as_ref().map(|token| json!(token.expose()))),
            ("--password", "gateway.auth.password", self.password.as_ref().map(|password| json!(password.expose()))),
            ("--tls", "gateway.tls.enabled", self.tls.map(Value::from)),
            ("--socket", "gateway.socket", self.socket.as_ref().map(|path| json!(path))),
            ("--log-level", "logging.level", self.log_level.map(|level| json!(level.as_str()))),
            ("--log-level", "logging.consoleLevel", self.log_level.map(|level| json!(level.as_str()))),
        ];
        let set = values.into_iter().filter_map(|(flag, key, value)| Some((flag, key, value?)));
        set.map(|(flag, key, value)| Document::with(Origin::Flag(flag), key, value)).collect()
    }

    /// Flags that name a file with a secret: flag, key, file.
    pub(super) fn secret_files(&self) -> Vec<(&'static str, &'static str, &PathBuf)> {
        let token = self.token_file.as_ref().map(|path| ("--token-file", "gateway.auth.token", path));
        let password = self.password_file.as_ref().map(|path| ("--password-file", "gateway.auth.password", path));
        token.into_iter().chain(password).collect()
    }
}
