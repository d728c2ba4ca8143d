//! `gateway probe`

use std::{io, time::Instant};

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::{
    super::{CliError, Context, Exit, Output, Tone, Wish, reach::open_way, target::TargetArgs, text::one_line},
    capability::Capability,
    ways::{Attempt, attempts},
};
use crate::{clock::now_ms, protocol::HelloOk};

/// Try every way to a gateway, and tell what answers there
#[derive(Debug, clap::Args)]
pub(crate) struct Probe {
    #[command(flatten)]
    pub(super) target: TargetArgs,
}

/// What one way led to.
struct Found {
    attempt: Attempt,
    latency_ms: u128,
    result: Result<Answers, CliError>,
}

/// What a gateway said.
struct Answers {
    hello: Box<HelloOk>,
    health: Value,
    summary: Value,
    presence: Value,
    config: Value,
    /// Whether a call failed for want of a scope.
    scope_limited: bool,
    /// Whether every call was answered.
    complete: bool,
}

const METHODS: [&str; 4] = ["health", "status", "system-presence", "config.get"];

impl Probe {
    pub(super) async fn run(self, context: &Context, output: &mut Output) -> Result<Exit, CliError> {
        let (began, ts) = (Instant::now(), now_ms());
        let attempts = attempts(context, &self.target)?;
        let found = join_all(attempts.into_iter().map(|attempt| ask(context, &self.target, attempt))).await;
        let reachable = found.iter().any(|found| found.result.is_ok());
        if output.is_json() {
            let timeout = self.target.timeout.unwrap_or(Wish::PROBE.timeout).as_millis();
            output.json(&document(&found, ts, began.elapsed().as_millis(), timeout))?;
        } else {
            show(&found, output)?;
        }
        Ok(if reachable { Exit::Done } else { Exit::Failed })
    }
}

async fn ask(context: &Context, target: &TargetArgs, attempt: Attempt) -> Found {
    let began = Instant::now();
    let session = open_way(context, target, Wish::PROBE, &attempt.way).await;
    let latency_ms = began.elapsed().as_millis();
    let result = match session {
        Ok(mut session) => {
            let mut answers = session.call_all(&METHODS).await;
            let scope_limited = answers
                .iter()
                .any(|answer| answer.as_ref().is_err_and(|failure| failure.to_string().contains("missing scope")));
            let complete = answers.iter().all(Result::is_ok);
            let hello = Box::new(session.hello().clone());
            session.close().await;
            let mut next = || answers.remove(0).unwrap_or(Value::Null);
            let (health, summary, presence, config) = (next(), next(), next(), next());
            Ok(Answers { hello, health, summary, presence, config, scope_limited, complete })
        }
        Err(error) => Err(error),
    };
    Found { attempt, latency_ms, result }
}

fn document(found: &[Found], ts: i64, duration_ms: u128, timeout_ms: u128) -> Value {
    let ok = found.iter().any(|found| found.result.is_ok());
    let primary = found.iter().find(|found| found.result.is_ok());
    let best = found.iter().filter_map(|found| found.result.as_ref().ok()).map(Answers::capability).max();
    let degraded = found.iter().any(|found| found.result.as_ref().is_ok_and(|answers| !answers.complete));
    json!({
        "ok": ok,
        "degraded": degraded,
        "capability": best.unwrap_or(Capability::Unknown).as_str(),
        "ts": ts,
        "durationMs": duration_ms,
        "timeoutMs": timeout_ms,
        "primaryTargetId": primary.map(|found| found.attempt.id()),
        "warnings": warnings(found),
        "network": {
            "localLoopbackUrl": found.iter().find(|found| found.attempt.id() == "localLoopback").map(|found| found.attempt.way.address()),
        },
        "discovery": { "timeoutMs": 0, "count": 0, "beacons": [] },
        "targets": found.iter().map(Found::document).collect::<Vec<_>>(),
    })
}

/// What is odd although something answers.
fn warnings(found: &[Found]) -> Vec<Value> {
    let limited: Vec<_> = found
        .iter()
        .filter(|found| found.result.as_ref().is_ok_and(|answers| answers.scope_limited))
        .map(|found| found.attempt.id())
        .collect();
    if limited.is_empty() {
        return Vec::new();
    }
    let message = "connected with fewer scopes than the probe's calls need";
    vec![json!({ "code": "scope-limited", "message": message, "targetIds": limited })]
}

impl Answers {
    fn capability(&self) -> Capability {
        Capability::of(&self.hello)
    }

    /// The gateway's own entry of the presence list.
    fn own_entry(&self) -> Option<&Value> {
        self.presence.as_array()?.iter().find(|entry| entry["reason"] == "self")
    }
}

impl Found {
    fn document(&self) -> Value {
        let mut target = json!({
            "id": self.attempt.id(),
            "kind": self.attempt.id(),
            "url": self.attempt.way.address(),
            "active": self.attempt.active,
            "tunnel": null,
        });
        let (connect, rest) = match &self.result {
            Ok(answers) => (
                json!({
                    "ok": true, "rpcOk": answers.complete, "scopeLimited": answers.scope_limited,
                    "latencyMs": self.latency_ms, "error": null, "close": null,
                }),
                json!({
                    "self": answers.own_entry(),
                    "config": answers.config,
                    "health": answers.health,
                    "summary": answers.summary,
                    "presence": answers.presence,
                    "auth": {
                        "capability": answers.capability().as_str(),
                        "role": answers.hello.auth.as_ref().map(|auth| auth.role),
                        "scopes": answers.hello.auth.as_ref().map(|auth| &auth.scopes),
                    },
                    "server": { "version": answers.hello.server.version, "connId": answers.hello.server.conn_id },
                }),
            ),
            Err(error) => (
                json!({
                    "ok": false, "rpcOk": false, "scopeLimited": false, "latencyMs": null,
                    "error": error.lines()[0], "close": closed(error),
                }),
                json!({
                    "self": null, "config": null, "health": null, "summary": null, "presence": null,
                    "auth": { "capability": Capability::of_failure(error).as_str(), "role": null, "scopes": [] },
                    "server": { "version": null, "connId": null },
                }),
            ),
        };
        target["connect"] = connect;
        if let (Some(target), Value::Object(rest)) = (target.as_object_mut(), rest) {
            target.extend(rest);
        }
        target
    }
}

fn closed(error: &CliError) -> Option<Value> {
    let CliError::Connect(error) = error else { return None };
    let closed = error.failure.closed()?;
    Some(json!({ "code": closed.code.unwrap_or(1006), "reason": closed.reason }))
}

fn show(found: &[Found], output: &mut Output) -> io::Result<()> {
    let reachable = found.iter().any(|found| found.result.is_ok());
    let (word, tone) = if reachable { ("yes", Tone::Good) } else { ("no", Tone::Bad) };
    output.field("Reachable", tone, word)?;
    for found in found {
        output.line("")?;
        output.toned(Tone::Heading, &format!("{} {}", found.attempt.way.source(), found.attempt.way.address()))?;
        match &found.result {
            Ok(answers) => {
                let version = one_line(&answers.hello.server.version, 40);
                output.field(
                    "  Connect",
                    Tone::Good,
                    &format!("ok ({} ms, version {version}, protocol {})", found.latency_ms, answers.hello.protocol),
                )?;
                output.field("  Capability", Tone::Plain, &answers.capability().as_str().replace('_', "-"))?;
                let calls = if answers.complete { ("ok", Tone::Good) } else { ("limited", Tone::Warning) };
                output.field("  Calls", calls.1, calls.0)?;
            }
            Err(error) => {
                let lines = error.lines();
                output.field("  Connect", Tone::Bad, &format!("failed: {}", lines[0]))?;
                output.line(&format!("  Hint: {}", crate::hint::Hint::hint(error)))?;
            }
        }
    }
    Ok(())
}
