//! `gateway run`

use std::path::PathBuf;

use clap::builder::{StringValueParser, TypedValueParser};

use super::super::{Output, Tone};
use crate::config::{AuthMode, Bind, Flags, LogLevel, Secret};

/// Run a gateway in the foreground, until SIGTERM or SIGINT
#[derive(Debug, Clone, Default, clap::Args)]
#[allow(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct Run {
    /// TCP port; 0 lets the system choose one [default: 18789]
    #[arg(long, value_name = "PORT")]
    port: Option<u16>,
    /// Which addresses to listen on: auto, loopback, lan, tailnet or custom (gateway.customBindHost)
    #[arg(long, value_name = "MODE", value_parser = bind)]
    bind: Option<Bind>,
    /// How clients prove themselves: token, password, none or trusted-proxy
    #[arg(long, value_name = "MODE", value_parser = auth)]
    auth: Option<AuthMode>,
    /// The shared token; others on this machine can see it in the process list
    #[arg(long, value_name = "TOKEN", value_parser = secret())]
    token: Option<Secret>,
    /// File that holds the shared token
    #[arg(long, value_name = "FILE", conflicts_with = "token")]
    token_file: Option<PathBuf>,
    /// The shared password; others on this machine can see it in the process list
    #[arg(long, value_name = "PASSWORD", value_parser = secret())]
    password: Option<Secret>,
    /// File that holds the shared password
    #[arg(long, value_name = "FILE", conflicts_with = "password")]
    password_file: Option<PathBuf>,
    /// Speak TLS, with the configured certificate or a self-signed one
    #[arg(long)]
    tls: bool,
    /// Path of the local socket [default: run/gateway.sock in the state directory]
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,
    /// Start although gateway.mode is remote
    #[arg(long)]
    allow_unconfigured: bool,
    /// Log every call
    #[arg(long, short)]
    verbose: bool,
    #[command(flatten)]
    other: Other,
}

/// Flags of other OpenClaw gateways, so that their command lines go on working.
#[derive(Debug, Clone, Default, clap::Args)]
#[allow(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
struct Other {
    #[arg(long, hide = true)]
    dev: bool,
    #[arg(long, hide = true)]
    reset: bool,
    #[arg(long, hide = true)]
    force: bool,
    #[arg(long, hide = true, value_name = "MODE")]
    tailscale: Option<String>,
    #[arg(long, hide = true)]
    tailscale_reset_on_exit: bool,
    #[arg(long, hide = true, value_name = "MODE")]
    ws_log: Option<String>,
    #[arg(long, hide = true)]
    compact: bool,
    #[arg(long, hide = true)]
    raw_stream: bool,
    #[arg(long, hide = true, value_name = "PATH")]
    raw_stream_path: Option<String>,
    #[arg(long, hide = true)]
    claude_cli_logs: bool,
    #[arg(long, hide = true)]
    cli_backend_logs: bool,
}

/// Whether it can be one is for the configuration to say, with everything else that is wrong.
fn secret() -> impl TypedValueParser<Value = Secret> {
    StringValueParser::new().map(Secret::new)
}

fn bind(text: &str) -> Result<Bind, &'static str> {
    text.parse().map_err(|_| "Invalid --bind. Use \"loopback\", \"lan\", \"tailnet\", \"auto\", or \"custom\".")
}

fn auth(text: &str) -> Result<AuthMode, &'static str> {
    text.parse().map_err(|_| "Invalid --auth. Use \"none\", \"token\", \"password\", or \"trusted-proxy\".")
}

impl Run {
    /// The flags that the configuration reads.
    pub fn flags(&self) -> Flags {
        Flags {
            port: self.port,
            bind: self.bind,
            auth: self.auth,
            token: self.token.clone(),
            token_file: self.token_file.clone(),
            password: self.password.clone(),
            password_file: self.password_file.clone(),
            tls: self.tls.then_some(true),
            socket: self.socket.clone(),
            log_level: self.verbose.then_some(LogLevel::Debug),
            allow_unconfigured: self.allow_unconfigured,
        }
    }

    /// Says which flags have no meaning here, and what stands for them.
    ///
    /// # Errors
    /// As writing fails.
    pub fn explain(&self, output: &mut Output) -> std::io::Result<()> {
        for (flag, instead) in self.without_meaning() {
            output.note(Tone::Warning, &format!("{flag} has no effect here: {instead}"))?;
        }
        Ok(())
    }

    fn without_meaning(&self) -> Vec<(&'static str, &'static str)> {
        let other = &self.other;
        let logs = "the log level is logging.level, or --verbose";
        let rows = [
            ("--dev", other.dev, "set OPENCLAW_STATE_DIR to a directory of its own"),
            ("--reset", other.reset, "nothing is removed; `openclaw devices clear` removes paired devices"),
            ("--force", other.force, "a port that is taken is named with its process, and nothing is killed"),
            (
                "--tailscale",
                other.tailscale.as_deref().is_some_and(|mode| mode != "off"),
                "start `tailscale serve` beside the gateway and name it in gateway.trustedProxies",
            ),
            ("--tailscale-reset-on-exit", other.tailscale_reset_on_exit, "start `tailscale serve` beside the gateway"),
            ("--ws-log", other.ws_log.is_some(), logs),
            ("--compact", other.compact, "set logging.consoleStyle"),
            ("--raw-stream", other.raw_stream, "there are no model streams here"),
            ("--raw-stream-path", other.raw_stream_path.is_some(), "there are no model streams here"),
            ("--claude-cli-logs", other.claude_cli_logs, logs),
            ("--cli-backend-logs", other.cli_backend_logs, logs),
        ];
        rows.into_iter().filter(|(_, given, _)| *given).map(|(flag, _, instead)| (flag, instead)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_without_meaning_are_named() {
        let run =
            Run { other: Other { force: true, tailscale: Some("off".into()), ..Other::default() }, ..Run::default() };
        let flags: Vec<_> = run.without_meaning().into_iter().map(|(flag, _)| flag).collect();
        assert_eq!(flags, ["--force"]);
    }
}
