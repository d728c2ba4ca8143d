//! What `gateway status` found out, for people and for programs.

use std::{io, path::PathBuf};

use serde_json::{Value, json};

use super::{
    super::{CliError, Output, Tone, target::Source, text::ago},
    capability::Capability,
};
use crate::{
    client::{Failure, GatewayUrl, Scheme},
    config::Bind,
    hint::Hint,
    net::{LockHolder, LockState, PortOwner},
    protocol::HelloOk,
};

/// What `gateway status` found out.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) state: PathBuf,
    pub(super) config: PathBuf,
    pub(super) config_exists: bool,
    pub(super) config_hint: Option<String>,
    /// What is wrong with the configuration.
    pub(super) problems: Vec<String>,
    pub(super) bind: Bind,
    pub(super) bind_host: Option<String>,
    pub(super) port: u16,
    pub(super) port_source: String,
    /// Who listens on the port.
    pub(super) listener: Option<PortOwner>,
    /// Where the gateway of this machine is.
    pub(super) url: GatewayUrl,
    /// The socket that is there, whoever left it.
    pub(super) socket: Option<PathBuf>,
    pub(super) lock: Lock,
    pub(super) log_file: PathBuf,
    pub(super) probe: Probe,
}

/// What the lock of the state directory tells.
#[derive(Debug)]
pub(super) enum Lock {
    Free,
    Held { holder: Option<Box<LockHolder>>, here: bool },
    Unclear(&'static str),
}

/// Whether this command could connect.
#[derive(Debug)]
pub(super) enum Probe {
    NotAsked,
    Tried(Vec<Rpc>),
}

/// One way, and what it led to.
#[derive(Debug)]
pub(super) struct Rpc {
    pub(super) source: Source,
    pub(super) address: String,
    pub(super) result: Result<Box<HelloOk>, CliError>,
}

impl Lock {
    pub(super) fn of(lock: LockState) -> Self {
        match lock {
            LockState::Free => Self::Free,
            LockState::Held { holder, same_kernel } => Self::Held { holder, here: same_kernel },
            LockState::ForeignKernel => Self::Unclear("the last gateway ran on another machine or before a reboot"),
            LockState::Unknown => Self::Unclear("the file system has no locks"),
        }
    }

    /// Which secret the gateway that runs goes by, and where that comes from.
    fn auth(&self) -> Option<&str> {
        match self {
            Self::Held { holder, .. } => holder.as_ref()?.auth.as_deref(),
            Self::Free | Self::Unclear(_) => None,
        }
    }

    const fn word(&self) -> &'static str {
        match self {
            Self::Free => "stopped",
            Self::Held { .. } => "running",
            Self::Unclear(_) => "unknown",
        }
    }

    fn holder(&self) -> Option<&LockHolder> {
        match self {
            Self::Held { holder, .. } => holder.as_deref(),
            _ => None,
        }
    }

    /// What there is to say of the process.
    fn detail(&self, now_ms: i64) -> String {
        match self {
            Self::Free => "no gateway holds the state directory".into(),
            Self::Unclear(why) => (*why).into(),
            Self::Held { holder, here } => {
                let place = if *here { "" } else { ", on another machine" };
                match holder {
                    Some(holder) => {
                        let since = ago(holder.started_at_ms, now_ms);
                        format!("pid {}, version {}, started {since}{place}", holder.pid, holder.version)
                    }
                    None => format!("it says nothing of itself{place}"),
                }
            }
        }
    }
}

impl Rpc {
    /// Whether it is this machine's own gateway that was tried.
    fn is_local(&self) -> bool {
        use Source::{CliUrl, ConfigRemote, EnvUrl, OwnConfig};
        !matches!(self.source, CliUrl | EnvUrl | OwnConfig | ConfigRemote)
    }

    /// Whether nobody is there at all.
    pub(super) fn is_absent(&self) -> bool {
        matches!(&self.result, Err(CliError::Connect(error)) if error.failure.is_absent())
    }
}

impl Probe {
    /// The way that tells most: the first that led to a gateway, else the last one.
    pub(super) fn rpc(&self) -> Option<&Rpc> {
        match self {
            Self::NotAsked => None,
            Self::Tried(tried) => tried
                .iter()
                .find(|rpc| rpc.result.is_ok())
                .or_else(|| tried.iter().find(|rpc| !rpc.is_absent()).or(tried.last())),
        }
    }
}

impl Report {
    fn dashboard(&self) -> String {
        let scheme = if self.url.scheme() == Scheme::Wss { "https" } else { "http" };
        format!("{scheme}://{}/", self.url.authority())
    }

    /// The document that programs read.
    pub(super) fn document(&self) -> Value {
        let config = json!({
            "path": self.config, "exists": self.config_exists, "valid": self.problems.is_empty(), "issues": self.problems,
        });
        let listeners = self.listener.iter().map(|owner| {
            json!({
                "pid": owner.process.as_ref().map(|process| process.pid),
                "command": owner.process.as_ref().map(|process| &process.command),
                "openclaw": owner.is_openclaw(),
            })
        });
        let hints: Vec<_> = self.hint().into_iter().collect();
        json!({
            "service": {
                "label": "foreground",
                "loaded": false,
                "loadedText": "runs in the foreground",
                "notLoadedText": "runs in the foreground",
                "command": null,
                "runtime": {
                    "status": self.lock.word(),
                    "detail": self.lock.detail(crate::clock::now_ms()),
                    "pid": self.lock.holder().map(|holder| holder.pid),
                },
            },
            "config": { "cli": config, "daemon": config },
            "gateway": {
                "bindMode": self.bind.as_str(),
                "bindHost": self.bind_host,
                "port": self.port,
                "portSource": self.port_source,
                "probeUrl": self.probe.rpc().map_or_else(|| self.url.to_string(), |rpc| rpc.address.clone()),
                "controlUiLinks": { "httpUrl": self.dashboard(), "wsUrl": self.url.to_string() },
                "version": self.lock.holder().map(|holder| &holder.version),
            },
            "port": {
                "port": self.port,
                "status": if self.listener.is_some() { "busy" } else { "free" },
                "listeners": listeners.collect::<Vec<_>>(),
                "hints": hints,
            },
            "rpc": self.rpc_document(),
            "cli": {
                "version": env!("CARGO_PKG_VERSION"),
                "entrypoint": std::env::current_exe().ok(),
            },
            "logFile": self.log_file,
            "auth": self.lock.auth(),
            "state": { "dir": self.state, "socket": self.socket, "lock": self.lock.word() },
            "extraServices": [],
        })
    }

    fn rpc_document(&self) -> Value {
        let Some(rpc) = self.probe.rpc() else { return Value::Null };
        match &rpc.result {
            Ok(hello) => json!({
                "ok": true,
                "kind": "connect",
                "url": rpc.address,
                "urlSource": rpc.source.to_string(),
                "version": hello.server.version,
                "capability": Capability::of(hello).as_str(),
                "auth": {
                    "role": hello.auth.as_ref().map(|auth| auth.role),
                    "scopes": hello.auth.as_ref().map(|auth| &auth.scopes),
                    "method": hello.auth.as_ref().and_then(|auth| auth.method.as_ref()),
                    "capability": Capability::of(hello).as_str(),
                },
                "server": { "version": hello.server.version, "connId": hello.server.conn_id },
            }),
            Err(error) => {
                let mut document = error.document();
                json!({
                    "ok": false,
                    "kind": "connect",
                    "url": rpc.address,
                    "urlSource": rpc.source.to_string(),
                    "capability": Capability::of_failure(error).as_str(),
                    "error": error.lines()[0],
                    "cause": document["error"].take(),
                    "hint": error.hint(),
                })
            }
        }
    }

    /// What people read.
    pub(super) fn show(&self, now_ms: i64, output: &mut Output) -> io::Result<()> {
        output.field("Service", Tone::Plain, "foreground (nothing to install; what started it supervises it)")?;
        output.field("State directory", Tone::Plain, &self.state.display().to_string())?;
        output.field("File logs", Tone::Plain, &self.log_file.display().to_string())?;
        if let Some(auth) = self.lock.auth() {
            output.field("Authentication", Tone::Plain, auth)?;
        }
        let config = self.config.display();
        let (config, tone) = match (self.config_exists, self.problems.is_empty()) {
            (true, true) => (config.to_string(), Tone::Plain),
            (false, true) => (format!("{config} (none, defaults apply)"), Tone::Plain),
            (_, false) => (format!("{config} (cannot be used)"), Tone::Bad),
        };
        output.field("Config (cli)", tone, &config)?;
        for problem in &self.problems {
            output.toned(Tone::Bad, &format!("  {problem}"))?;
        }
        if let Some(hint) = &self.config_hint {
            output.line(&format!("  Hint: {hint}"))?;
        }
        let host = self.bind_host.as_deref().unwrap_or("decided at start");
        let gateway = format!("bind={} ({host}), port={} ({})", self.bind, self.port, self.port_source);
        output.field("Gateway", Tone::Plain, &gateway)?;
        if let Some(rpc) = self.probe.rpc() {
            output.field("Probe target", Tone::Plain, &format!("{} ({})", rpc.address, rpc.source))?;
        }
        output.field("Dashboard", Tone::Plain, &self.dashboard())?;
        let tone = match self.lock {
            Lock::Held { .. } => Tone::Good,
            Lock::Free => Tone::Plain,
            Lock::Unclear(_) => Tone::Warning,
        };
        output.field("Runtime", tone, &format!("{} ({})", self.lock.word(), self.lock.detail(now_ms)))?;
        if let Some(socket) = &self.socket {
            output.field("Local socket", Tone::Plain, &socket.display().to_string())?;
        }
        let listener = match &self.listener {
            Some(owner) => owner.to_string(),
            None => "nobody".into(),
        };
        output.field("Listening on the port", Tone::Plain, &listener)?;
        self.show_probe(output)?;
        if let Some(hint) = self.hint() {
            output.line("")?;
            output.field("Next", Tone::Plain, &hint)?;
        }
        Ok(())
    }

    fn show_probe(&self, output: &mut Output) -> io::Result<()> {
        let Probe::Tried(tried) = &self.probe else { return Ok(()) };
        let Some(told) = self.probe.rpc() else { return Ok(()) };
        match &told.result {
            Ok(hello) => {
                output.field("Connectivity probe", Tone::Good, "ok")?;
                output.field("Capability", Tone::Plain, &Capability::of(hello).spoken())?;
            }
            Err(error) => {
                output.field("Connectivity probe", Tone::Bad, "failed")?;
                for line in error.lines() {
                    output.line(&format!("  {line}"))?;
                }
            }
        }
        let no_socket = |rpc: &&Rpc| matches!(&rpc.result, Err(CliError::Connect(error)) if matches!(error.failure, Failure::NoSocket { .. }));
        // Of the places where a socket could be and is not, the first one is enough to name.
        let first = tried.iter().find(no_socket).map(std::ptr::from_ref);
        let worth_it = |rpc: &&Rpc| !no_socket(rpc) || first == Some(std::ptr::from_ref(*rpc));
        for rpc in tried.iter().filter(|rpc| !std::ptr::eq(*rpc, told)).filter(worth_it) {
            let result = match &rpc.result {
                Ok(_) => "ok".to_owned(),
                Err(error) => error.lines().swap_remove(0),
            };
            output.line(&format!("  {} {}: {result}", rpc.source, rpc.address))?;
        }
        Ok(())
    }

    /// The one thing to do next.
    fn hint(&self) -> Option<String> {
        let failed = self.probe.rpc().and_then(|rpc| rpc.result.as_ref().err().map(|error| (rpc, error)));
        match (&self.lock, failed) {
            (Lock::Free, Some((rpc, _))) if rpc.is_absent() && rpc.is_local() => Some(match &self.listener {
                Some(owner) if !owner.is_openclaw() => {
                    format!("port {} is taken by {owner}: openclaw gateway run --port PORT", self.port)
                }
                _ => "openclaw gateway run".into(),
            }),
            (Lock::Held { here: false, .. }, Some((rpc, _))) if rpc.is_absent() => {
                Some("the gateway runs on another machine: give --url and --token".into())
            }
            (_, Some((_, error))) => error.hint(),
            (_, None) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        cli::{ConnectError, Format, Target, output::tests::captured},
        client::Closed,
        net::{Listener, Process},
        protocol::{ErrorShape, HelloAuth, Role, Scopes},
    };

    const NOW: i64 = 1_767_225_600_000;

    fn report(lock: Lock, probe: Probe) -> Report {
        Report {
            state: "/home/u/.openclaw".into(),
            config: "/home/u/.openclaw/openclaw.json".into(),
            config_exists: false,
            config_hint: None,
            problems: Vec::new(),
            bind: Bind::Loopback,
            bind_host: Some("127.0.0.1".into()),
            port: 18789,
            port_source: "default".into(),
            listener: None,
            url: GatewayUrl::new(Scheme::Ws, "127.0.0.1", 18789),
            socket: None,
            lock,
            log_file: "/home/u/.openclaw/logs/openclaw-2026-01-01.log".into(),
            probe,
        }
    }

    fn failed(source: Source, address: &str, failure: Failure) -> Rpc {
        let target = Target {
            address: address.into(),
            source: source.clone(),
            config: "/home/u/.openclaw/openclaw.json".into(),
            bind: None,
            secret_from: Some("OPENCLAW_GATEWAY_TOKEN".into()),
        };
        let error = ConnectError { failure, target, remarks: Vec::new(), advice: None };
        Rpc { source, address: address.into(), result: Err(CliError::Connect(Box::new(error))) }
    }

    fn absent(source: Source, address: &str) -> Rpc {
        let failure = match source {
            Source::LocalSocket => Failure::NoSocket { path: address.into() },
            _ => Failure::NothingListens { at: address.into() },
        };
        failed(source, address, failure)
    }

    fn running() -> Lock {
        let holder = LockHolder {
            pid: 7,
            version: "0.1.0".into(),
            started_at_ms: NOW - 61_000,
            auth: Some("token: from OPENCLAW_GATEWAY_TOKEN".into()),
            ..LockHolder::default()
        };
        Lock::Held { holder: Some(Box::new(holder)), here: true }
    }

    fn greeted() -> Rpc {
        let mut hello: HelloOk = serde_json::from_value(json!({
            "type": "hello-ok", "protocol": 4, "server": {"version": "0.1.0", "connId": "c-1"},
        }))
        .expect("a greeting");
        hello.auth = Some(HelloAuth { role: Role::Operator, scopes: Scopes::full_operator(), ..HelloAuth::default() });
        let address = "/home/u/.openclaw/run/gateway.sock".to_owned();
        Rpc { source: Source::LocalSocket, address, result: Ok(Box::new(hello)) }
    }

    fn shown(report: &Report) -> String {
        let (mut output, out, _) = captured(Format::Text, None);
        report.show(NOW, &mut output).expect("in memory");
        out.text()
    }

    #[test]
    fn a_gateway_that_answers() {
        let mut report = report(running(), Probe::Tried(vec![greeted()]));
        let process = Process { pid: 7, command: "openclaw gateway run".into(), since: None };
        report.listener = Some(PortOwner { process: Some(process), uid: None, kind: Listener::OurGateway });
        report.socket = Some("/home/u/.openclaw/run/gateway.sock".into());
        insta::assert_snapshot!(shown(&report));
        insta::assert_json_snapshot!(report.document(), {
            ".cli.version" => "…", ".cli.entrypoint" => "…", ".service.runtime.detail" => "…",
        });
    }

    #[test]
    fn no_gateway_at_all() {
        let tried = vec![
            absent(Source::LocalSocket, "/home/u/.openclaw/run/gateway.sock"),
            absent(Source::LocalLoopback, "ws://127.0.0.1:18789"),
        ];
        insta::assert_snapshot!(shown(&report(Lock::Free, Probe::Tried(tried))));
    }

    #[test]
    fn a_gateway_that_refuses_us() {
        let error = ErrorShape::invalid("unauthorized: gateway token mismatch (x)");
        let closed = Some(Closed { code: Some(1008), reason: "unauthorized: gateway token mismatch (x)".into() });
        let refused = Failure::Refused { error: Box::new(error), closed };
        let tried = vec![
            absent(Source::LocalSocket, "/home/u/.openclaw/run/gateway.sock"),
            failed(Source::LocalLoopback, "ws://127.0.0.1:18789", refused),
        ];
        let report = report(Lock::Unclear("the file system has no locks"), Probe::Tried(tried));
        insta::assert_snapshot!(shown(&report));
        insta::assert_json_snapshot!(report.rpc_document());
    }

    #[test]
    fn what_a_bad_configuration_leaves() {
        let mut report = report(Lock::Free, Probe::NotAsked);
        report.problems = vec!["/home/u/.openclaw/openclaw.json: line 3, column 1: expected a value".into()];
        report.config_exists = true;
        insta::assert_snapshot!(shown(&report));
    }
}
