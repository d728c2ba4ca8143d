//! `gateway status`

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::{
    super::{
        CliError, Context, Exit, Output, Session, Wish,
        last_words::log_file,
        reach::open_way,
        target::{TargetArgs, Way, local_url},
    },
    report::{Lock, Probe, Report, Rpc},
    ways::ways,
};
use crate::{
    client::GatewayUrl,
    clock::now_ms,
    config::{Bind, ConfigError},
    hint::Hint,
    net::port_owner,
};

/// Show what is known of the gateway: process, configuration, port, and whether it lets this command in. Exit code 0 even
/// where it does not
#[derive(Debug, clap::Args)]
pub(crate) struct Status {
    /// Do not connect
    #[arg(long)]
    no_probe: bool,
    /// Try every way to the gateway, not only the first one that leads there
    #[arg(long)]
    deep: bool,
    /// Fail where the gateway cannot be called
    #[arg(long, conflicts_with = "no_probe")]
    require_rpc: bool,
    #[command(flatten)]
    pub(super) target: TargetArgs,
}

impl Status {
    pub(super) async fn run(self, context: &Context, output: &mut Output) -> Result<Exit, CliError> {
        let report = self.gather(context).await?;
        if output.is_json() {
            output.json(&report.document())?;
        } else {
            report.show(now_ms(), output)?;
        }
        let failed = self.require_rpc && report.probe.rpc().is_none_or(|rpc| rpc.result.is_err());
        Ok(if failed { Exit::Failed } else { Exit::Done })
    }

    async fn gather(&self, context: &Context) -> Result<Report, CliError> {
        let lock = context.lock();
        let settings = &context.settings;
        let announced = Context::announced(&lock);
        let url = announced.as_ref().map_or_else(|| local_url(settings), GatewayUrl::dialable);
        let log_file = log_file(context, &lock);
        let problems = match &context.problem {
            Some(ConfigError::Invalid(problems)) => problems.iter().map(ToString::to_string).collect(),
            Some(problem) => vec![problem.to_string()],
            None => Vec::new(),
        };
        Ok(Report {
            state: context.state().path().to_owned(),
            config: context.paths.config.clone(),
            config_exists: context.paths.config.exists(),
            config_hint: context.problem.as_ref().and_then(Hint::hint),
            problems,
            bind: settings.listen.bind,
            bind_host: match &announced {
                Some(url) => Some(url.host().to_owned()),
                None => bind_host(settings.listen.bind, settings.listen.custom_bind_host),
            },
            port: url.port(),
            port_source: match &announced {
                Some(_) => "the running gateway".to_owned(),
                None => settings.origin("gateway.port").to_string(),
            },
            listener: port_owner(dialed(&url)).await,
            url,
            socket: context.sockets(&lock).into_iter().find(|path| path.exists()),
            lock: Lock::of(lock),
            log_file,
            probe: self.probe(context).await?,
        })
    }

    async fn probe(&self, context: &Context) -> Result<Probe, CliError> {
        if self.no_probe {
            return Ok(Probe::NotAsked);
        }
        let mut tried = Vec::new();
        for way in ways(context, &self.target)? {
            let rpc = self.try_way(context, &way).await;
            let ends = !self.deep && !rpc.is_absent();
            tried.push(rpc);
            if ends {
                break;
            }
        }
        Ok(Probe::Tried(tried))
    }

    async fn try_way(&self, context: &Context, way: &Way) -> Rpc {
        let (source, address) = (way.source(), way.address());
        let result = match open_way(context, &self.target, Wish::PROBE, way).await {
            Ok(session) => self.look_around(session).await,
            Err(error) => Err(error),
        };
        Rpc { source, address, result }
    }

    async fn look_around(&self, mut session: Session) -> Result<Box<crate::protocol::HelloOk>, CliError> {
        if self.require_rpc {
            session.call::<serde_json::Value>("status", Some(&serde_json::json!({}))).await?;
        }
        let hello = Box::new(session.hello().clone());
        session.close().await;
        Ok(hello)
    }
}

fn dialed(url: &GatewayUrl) -> SocketAddr {
    SocketAddr::new(url.address().unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)), url.port())
}

/// The address that stands for a bind mode; what `auto` comes to is the gateway's to say.
fn bind_host(bind: Bind, custom: Option<IpAddr>) -> Option<String> {
    match bind {
        Bind::Loopback => Some("127.0.0.1".into()),
        Bind::Lan => Some("0.0.0.0".into()),
        Bind::Custom => custom.map(|host| host.to_string()),
        Bind::Auto | Bind::Tailnet => None,
    }
}
