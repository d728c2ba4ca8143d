//! `gateway status`

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
};

use super::{
    super::{
        CliError, Context, Exit, Output, Session, Wish,
        reach::open_way,
        target::{Known, TargetArgs, Way, local_url, plan},
    },
    facts::Capability,
    report::{Lock, Probe, Report, Rpc},
};
use crate::{
    client::GatewayUrl,
    clock::now_ms,
    config::{Bind, ConfigError},
    hint::Hint,
    logs::Location,
    net::{LockState, port_owner},
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
        let log_file = match &lock {
            LockState::Held { holder: Some(holder), .. } => holder.log_file.clone(),
            _ => None,
        };
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
            log_file: log_file.unwrap_or_else(|| log_location(context).current()),
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
        let (source, address) = match way {
            Way::Socket(path) => (super::super::target::Source::LocalSocket, path.display().to_string()),
            Way::Network(remote) => (remote.source.clone(), remote.url.to_string()),
            Way::Files => (super::super::target::Source::Files, String::new()),
        };
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

/// The ways that a command would take.
fn ways(context: &Context, args: &TargetArgs) -> Result<Vec<Way>, CliError> {
    let lock = context.lock();
    let announced = Context::announced(&lock);
    let sockets = context.sockets(&lock);
    let known = Known { settings: &context.settings, sockets: &sockets, announced: announced.as_ref(), files: false };
    plan(args, known).map(|plan| plan.ways).map_err(|error| context.no_target(error))
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

fn log_location(context: &Context) -> Location {
    let configured: Option<PathBuf> = context.settings.logging.file.clone();
    Location::new(configured, context.state())
}

impl Capability {
    /// For people.
    pub(super) fn spoken(self) -> String {
        self.as_str().replace('_', "-")
    }
}
