//! What is typed about the gateway.

use std::time::Duration;

use crate::{
    client::{Fingerprint, GatewayUrl},
    config::{Secret, SecretDefect},
};

/// What every command that talks to a gateway takes.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Gateway")]
pub struct TargetArgs {
    /// The gateway's URL, ws://HOST:PORT or wss://HOST:PORT; needs --token or --password. Without it: the gateway of this
    /// state directory, or what OPENCLAW_GATEWAY_URL or gateway.remote.url name
    #[arg(long, value_name = "URL")]
    pub url: Option<GatewayUrl>,
    /// The gateway's token
    #[arg(long, value_name = "TOKEN", value_parser = secret)]
    pub token: Option<Secret>,
    /// The gateway's password
    #[arg(long, value_name = "PASSWORD", value_parser = secret)]
    pub password: Option<Secret>,
    /// SHA-256 fingerprint of the gateway's certificate, which then needs no authority
    #[arg(long, value_name = "SHA256")]
    pub tls_fingerprint: Option<Fingerprint>,
    /// How long to wait for an answer, in milliseconds [default: 10000; logs: 30000]
    #[arg(long, value_name = "MS", value_parser = milliseconds)]
    pub timeout: Option<Duration>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Say which way the command goes
    #[arg(long, short)]
    pub verbose: bool,
}

fn secret(text: &str) -> Result<Secret, SecretDefect> {
    let secret = Secret::new(text);
    match secret.defect() {
        // What looks like a forgotten placeholder may be somebody's secret after all; the gateway decides.
        None | Some(SecretDefect::Placeholder(_)) => Ok(secret),
        Some(defect) => Err(defect),
    }
}

pub(in super::super) fn milliseconds(text: &str) -> Result<Duration, &'static str> {
    match text.parse() {
        Ok(0) | Err(_) => Err("expected a number of milliseconds above 0"),
        Ok(number) => Ok(Duration::from_millis(number)),
    }
}
