//! Finding out what there is to report.

use std::{
    fs,
    net::{IpAddr, Ipv4Addr, SocketAddr},
};

use futures_util::future::join_all;

use super::{
    super::{supervision, ways::ways},
    Status,
    lock::Lock,
    probe::{Probe, Rpc},
    report::{Report, Setting},
};
use crate::{
    cli::{
        CliError, Context, Session, Wish,
        dashboard::page,
        last_words::{last_words, log_file},
        reach::open_way,
        target::{Way, elsewhere, local_url},
    },
    client::GatewayUrl,
    config::{Bind, ConfigError, Settings},
    net::{LockState, PortOwner, lock_process, own_interfaces, port_owner},
    protocol::{HelloOk, SourceReport, WhoAmI},
    supervisor::{Supervisor, Traces},
};

impl Status {
    /// Everything that can be found out; what cannot is left open.
    ///
    /// # Errors
    /// [`CliError::Target`] where a setting cannot be read.
    pub(super) async fn gather(&self, context: &Context) -> Result<Report, CliError> {
        let lock = context.lock();
        let settings = &context.settings;
        let announced = Context::announced(&lock);
        let url = announced.as_ref().map_or_else(|| local_url(settings), GatewayUrl::dialable);
        let process = match &lock {
            LockState::Held { holder, same_kernel: true } => {
                lock_process(context.state(), holder.as_ref().map(|holder| holder.pid))
            }
            _ => None,
        };
        let supervisor = process.as_ref().map(|process| Supervisor::of(&Traces::read("/".as_ref(), Some(process.pid))));
        let (probe, listener) =
            tokio::join!(self.probe(context), port_owner(dialed(&url), process.as_ref().map(|process| process.pid)));
        let problems = match &context.problem {
            Some(ConfigError::Invalid(problems)) => problems.iter().map(ToString::to_string).collect(),
            Some(problem) => vec![problem.to_string()],
            None => Vec::new(),
        };
        let shares_network = process.as_ref().is_some_and(|process| same_network(process.pid));
        let named = elsewhere(&self.target, settings);
        let typed = process.as_ref().and_then(|process| named_bind(&process.command));
        let (bind, bind_source) = match (typed, &announced) {
            (Some(bind), _) => (bind, "the running gateway".to_owned()),
            // It may have been started with another configuration than this command reads.
            (None, Some(_)) => {
                (settings.listen.bind, format!("this command's configuration: {}", settings.origin("gateway.bind")))
            }
            (None, None) => (settings.listen.bind, settings.origin("gateway.bind").to_string()),
        };
        Ok(Report {
            state: context.state().path().to_owned(),
            config: context.paths.config.clone(),
            config_exists: context.paths.config.exists(),
            own_config: Some(context.paths.own.clone()).filter(|path| path.exists()),
            config_hint: context.problem.as_ref().map(crate::hint::Hint::hint),
            problems,
            values: values(settings, self.deep),
            bind,
            bind_source,
            bind_host: match &announced {
                Some(url) => Some(url.host().to_owned()),
                None => bind_host(settings.listen.bind, settings.listen.custom_bind_host),
            },
            port: url.port(),
            port_source: match &announced {
                Some(_) => "the running gateway".to_owned(),
                None => settings.origin("gateway.port").to_string(),
            },
            // A restart keeps the command line, and the port that it names.
            configured_port: match &process {
                Some(process) if names_a_port(&process.command) => url.port(),
                _ => settings.listen.port,
            },
            urls: announced.as_ref().filter(|_| shares_network).map(reached_at).unwrap_or_default(),
            published: published(settings, listener.as_ref()),
            listener,
            dashboard: page(named.as_ref().unwrap_or(&url), &settings.control_ui.base_path),
            elsewhere: named.is_some(),
            url,
            socket: context.sockets(&lock).into_iter().find(|path| path.exists()),
            log_file: log_file(context, &lock),
            last_words: if lock == LockState::Free { last_words(context, &lock) } else { Vec::new() },
            lock: Lock::of(lock, context.state()),
            process,
            supervisor,
            start: supervision::how_to_start(context),
            probe: probe?,
        })
    }

    /// Tries the socket and the configured URL at once; with `--deep` every other place too.
    async fn probe(&self, context: &Context) -> Result<Probe, CliError> {
        if self.no_probe {
            return Ok(Probe::NotAsked);
        }
        let mut ways = ways(context, &self.target)?;
        if !self.deep {
            let there = |way: &Way| !matches!(way, Way::Socket(path) if !path.exists());
            let kept = ways.iter().position(|way| matches!(way, Way::Socket(_)) && there(way)).unwrap_or(0);
            let mut at = 0;
            ways.retain(|way| {
                at += 1;
                !matches!(way, Way::Socket(_)) || at == kept + 1
            });
        }
        // A look at the port of a gateway that takes us over its socket is no reason to be paired there.
        let has_socket = ways.iter().any(|way| matches!(way, Way::Socket(path) if path.exists()));
        let tried = join_all(ways.iter().map(|way| self.try_way(context, way, has_socket))).await;
        Ok(Probe::Tried(tried))
    }

    async fn try_way(&self, context: &Context, way: &Way, has_socket: bool) -> Rpc {
        let anonymous = has_socket && matches!(way, Way::Network(_));
        let wish = Wish { anonymous, ..Wish::PROBE };
        let (result, seen) = match open_way(context, &self.target, wish, way).await {
            Ok(session) => match self.look_around(session).await {
                Ok((hello, seen)) => (Ok(hello), seen),
                Err(error) => (Err(error), None),
            },
            Err(error) => {
                let seen = match &error {
                    CliError::Connect(failed) => failed.failure.source_report().map(Box::new),
                    _ => None,
                };
                (Err(error), seen)
            }
        };
        Rpc { source: way.source(), address: way.address(), result, seen }
    }

    async fn look_around(&self, mut session: Session) -> Result<(Box<HelloOk>, Option<Box<SourceReport>>), CliError> {
        if self.require_rpc {
            session.call::<serde_json::Value>("status", Some(&serde_json::json!({}))).await?;
        }
        let hello = Box::new(session.hello().clone());
        // OpenClaw's own gateways know no such method.
        let tells = hello.features.methods.iter().any(|method| method == "gateway.whoami");
        let seen = if tells { session.call::<WhoAmI>("gateway.whoami", None::<&()>).await.ok() } else { None };
        session.close().await;
        Ok((hello, seen.map(|who| Box::new(who.source))))
    }
}

/// The settings that say who reaches the gateway and how: those that somebody set, with `all` the defaults too.
fn values(settings: &Settings, all: bool) -> Vec<Setting> {
    let list = |items: &[String]| format!("[{}]", items.join(", "));
    let (listen, trust) = (&settings.listen, &settings.trust);
    let bridges = trust.trusted_bridges.as_ref().map(|bridges| list(&bridges.0));
    let unset = || "unset".to_owned();
    let rows = [
        ("gateway.mode", settings.mode.map_or_else(unset, |mode| mode.as_str().to_owned())),
        ("gateway.bind", listen.bind.to_string()),
        ("gateway.customBindHost", listen.custom_bind_host.map_or_else(unset, |host| host.to_string())),
        ("gateway.port", listen.port.to_string()),
        ("gateway.socket", listen.socket.as_ref().map_or_else(unset, |path| path.display().to_string())),
        ("gateway.tls.enabled", settings.tls.enabled.to_string()),
        ("gateway.auth.mode", settings.auth.mode.as_str().to_owned()),
        ("gateway.trustedProxies", list(&trust.trusted_proxies)),
        ("gateway.trustedBridges", bridges.unwrap_or_else(unset)),
        ("gateway.publishedOn", trust.published_on.clone().unwrap_or_else(unset)),
        ("gateway.loopbackIsProxy", trust.loopback_is_proxy.to_string()),
        ("gateway.unattributed", trust.unattributed.as_str().to_owned()),
        ("gateway.client.url", settings.client.url.clone().unwrap_or_else(unset)),
        ("gateway.remote.url", settings.remote.url.clone().unwrap_or_else(unset)),
        ("logging.file", settings.logging.file.as_ref().map_or_else(unset, |path| path.display().to_string())),
    ];
    let is_set = |key: &str| settings.origin(key) != crate::config::Origin::default();
    rows.into_iter()
        .filter(|(key, _)| all || is_set(key))
        .map(|(key, value)| Setting { key, value, from: settings.origin(key).to_string() })
        .collect()
}

/// Where a container's port is published: what was said, else what Docker's proxy shows.
fn published(settings: &Settings, listener: Option<&PortOwner>) -> Option<String> {
    let said = settings.trust.published_on.as_ref();
    let said = said.map(|on| format!("{on} (gateway.publishedOn, {})", settings.origin("gateway.publishedOn")));
    said.or_else(|| Some(format!("{} (docker-proxy)", listener?.forward()?.published)))
}

/// The URLs of a gateway that listens on `announced`, in a network that is also ours.
fn reached_at(announced: &GatewayUrl) -> Vec<String> {
    let Some(address) = announced.address().filter(IpAddr::is_unspecified) else {
        return vec![announced.to_string()];
    };
    let fits = |ip: &IpAddr| address.is_ipv6() || ip.is_ipv4();
    let own = own_interfaces().into_iter().map(|interface| interface.addr()).filter(fits);
    std::iter::once(IpAddr::V4(Ipv4Addr::LOCALHOST))
        .chain(own)
        .filter(|ip| !is_link_local(*ip))
        .map(|ip| GatewayUrl::new(announced.scheme(), &ip.to_string(), announced.port()).to_string())
        .collect()
}

/// Such an address is none without the name of the interface.
fn is_link_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    }
}

/// What follows a flag in a command line, which then counts before the configuration.
fn flag<'a>(command: &'a str, name: &str) -> Option<&'a str> {
    let mut words = command.split_whitespace();
    while let Some(word) = words.next() {
        match word.strip_prefix(name) {
            Some("") => return words.next(),
            Some(rest) if rest.starts_with('=') => return rest.strip_prefix('='),
            _ => {}
        }
    }
    None
}

/// Whether a command line names a port.
fn names_a_port(command: &str) -> bool {
    flag(command, "--port").is_some()
}

/// The bind mode that a command line names.
fn named_bind(command: &str) -> Option<Bind> {
    flag(command, "--bind")?.parse().ok()
}

/// Whether the process is in our own network.
fn same_network(pid: u32) -> bool {
    let network = |process: &str| fs::read_link(format!("/proc/{process}/ns/net")).ok();
    network("self").is_some_and(|ours| network(&pid.to_string()) == Some(ours))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_line_may_name_port_and_bind_mode() {
        #[rustfmt::skip]
        let rows = [
            ("openclaw gateway run --port 19001",            true,  None),
            ("openclaw gateway run --port=19001 --bind lan", true,  Some(Bind::Lan)),
            ("openclaw gateway run --bind=loopback",         false, Some(Bind::Loopback)),
            ("openclaw gateway run --portable --bind",       false, None),
            ("openclaw gateway run",                         false, None),
        ];
        for (command, port, bind) in rows {
            assert_eq!(names_a_port(command), port, "{command}");
            assert_eq!(named_bind(command), bind, "{command}");
        }
    }
}
