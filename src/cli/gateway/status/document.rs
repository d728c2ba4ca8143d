//! The report as programs read it. The members of OpenClaw's own `gateway status --json` are where they are there.

use serde_json::{Value, json};

use super::{
    super::capability::Capability,
    lock::Lock,
    probe::Rpc,
    report::Report,
    trouble::{Trouble, troubles},
};
use crate::{client::Scheme, hint::Hint as _, supervisor::Supervisor};

impl Report {
    /// The document that programs read.
    pub(super) fn document(&self, now_ms: i64) -> Value {
        let config = json!({
            "path": self.config, "exists": self.config_exists, "valid": self.problems.is_empty(), "issues": self.problems,
        });
        let listeners = self.listener.iter().map(|owner| {
            json!({
                "pid": owner.process.as_ref().map(|process| process.pid),
                "command": owner.process.as_ref().map(|process| &process.command),
                "openclaw": owner.is_openclaw(),
                "description": owner.to_string(),
                "forwardsTo": owner.forward().map(|forward| forward.container.to_string()),
            })
        });
        let troubles = troubles(self);
        let hints: Vec<_> = troubles.iter().map(|trouble| &trouble.next).collect();
        let values: Vec<_> = self
            .values
            .iter()
            .map(|value| json!({ "key": value.key, "value": value.value, "from": value.from }))
            .collect();
        json!({
            "service": self.service(now_ms),
            "supervisor": self.supervisor.as_ref().map(supervisor),
            "config": { "cli": config, "daemon": config, "own": self.own_config, "values": values },
            "gateway": {
                "bindMode": self.bind.as_str(),
                "bindSource": self.bind_source,
                "bindHost": self.bind_host,
                "port": self.port,
                "portSource": self.port_source,
                "tls": self.url.scheme() == Scheme::Wss,
                "probeUrl": self.probe.rpc().map_or_else(|| self.url.to_string(), |rpc| rpc.address.clone()),
                "controlUiLinks": { "httpUrl": self.dashboard, "wsUrl": self.url.to_string() },
                "urls": self.urls,
                "publishedOn": self.published,
                "version": self.lock.holder().map(|holder| &holder.version),
            },
            "port": {
                "port": self.port,
                "status": if self.listener.is_some() { "busy" } else { "free" },
                "listeners": listeners.collect::<Vec<_>>(),
                "hints": hints,
            },
            "rpc": self.probe.rpc().map(rpc),
            "probes": self.probe.tried().iter().map(rpc).collect::<Vec<_>>(),
            "troubles": troubles.iter().map(Trouble::document).collect::<Vec<_>>(),
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

    fn service(&self, now_ms: i64) -> Value {
        let unit = match &self.supervisor {
            Some(Supervisor::Unit { name, .. }) => Some(name.clone()),
            _ => None,
        };
        let text = self.supervised_by();
        let since = self.process.as_ref().and_then(|process| process.since);
        json!({
            "label": unit.clone().unwrap_or_else(|| "foreground".into()),
            "loaded": unit.is_some(),
            "loadedText": text,
            "notLoadedText": text,
            "command": self.process.as_ref().map(|process| &process.command),
            "runtime": {
                "status": self.lock.word(),
                "detail": self.lock.detail(now_ms),
                "pid": self.process.as_ref().map(|process| process.pid).or(self.lock.holder().map(|holder| holder.pid)),
                "since": since.map(|since| since.to_string()),
                "startedAtMs": self.lock.holder().map(|holder| holder.started_at_ms),
                "uptimeMs": self.lock.holder().map(|holder| now_ms.saturating_sub(holder.started_at_ms).max(0)),
                "foundBy": self.found_by(),
                "elsewhere": matches!(self.lock, Lock::Held { here: false, .. }),
            },
        })
    }
}

fn supervisor(supervisor: &Supervisor) -> Value {
    let mut document = json!({ "kind": supervisor.kind(), "description": supervisor.to_string() });
    match supervisor {
        Supervisor::Unit { name, user } => {
            document["unit"] = json!(name);
            document["user"] = json!(user);
        }
        Supervisor::Container { kind, pid_one, first } => {
            document["container"] = json!(kind.as_str());
            document["pidOne"] = json!(pid_one);
            document["first"] = json!(first);
        }
        Supervisor::Program { name, pid, restarts } => {
            document["program"] = json!({ "name": name, "pid": pid, "restarts": restarts });
        }
        Supervisor::Nothing { pid_one, .. } => document["pidOne"] = json!(pid_one),
    }
    document
}

/// One way, as programs read it.
pub(super) fn rpc(rpc: &Rpc) -> Value {
    let mut document = match &rpc.result {
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
    };
    if let Some(seen) = &rpc.seen {
        document["seenAs"] = json!(seen);
    }
    document
}
