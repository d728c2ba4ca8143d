//! `openclaw status`

use std::{io, time::Instant};

use serde_json::{Value, json};

use super::{
    CliError, Context, Exit, Output, Tone, Wish,
    dashboard::page,
    last_words::how_it_ended,
    reach::gateway,
    target::{TargetArgs, elsewhere},
    text::{ago, count, one_line},
};
use crate::{
    client::GatewayUrl,
    clock::now_ms,
    hint::Hint as _,
    net::{LockHolder, LockState},
    protocol::PairingList,
};

/// Show in a few lines how it stands: the gateway, who waits for approval, what is wrong. `gateway status` tells more
#[derive(Debug, clap::Args)]
pub(crate) struct Status {
    #[command(flatten)]
    pub(crate) target: TargetArgs,
}

/// What was found out.
struct Overview {
    now_ms: i64,
    state: std::path::PathBuf,
    lock: LockState,
    /// Whether another gateway than that of this state directory is meant.
    elsewhere: bool,
    url: GatewayUrl,
    dashboard: String,
    source: String,
    latency_ms: u128,
    asked: Result<Answers, CliError>,
    /// That the last gateway here was killed, where none runs and that one is meant.
    killed: Option<String>,
    /// What is wrong with the configuration.
    problem: Option<(String, String)>,
}

/// What the gateway said.
struct Answers {
    version: String,
    address: String,
    source: String,
    list: Result<PairingList, String>,
    status: Value,
}

impl Status {
    /// Runs the command.
    ///
    /// # Errors
    /// [`CliError`] where the output cannot be written; a gateway that does not answer is what it tells of.
    pub(crate) async fn run(self, context: &Context, output: &mut Output) -> Result<Exit, CliError> {
        let lock = context.lock();
        let began = Instant::now();
        // Which way it goes is told below, not on the way.
        let asked = self.ask(context, &mut Output::to_writers(io::sink(), io::sink(), output.format(), None)).await;
        let announced = Context::announced(&lock);
        let named = elsewhere(&self.target, &context.settings);
        let elsewhere = named.is_some();
        let url = named.unwrap_or_else(|| {
            announced.as_ref().map_or_else(|| super::target::local_url(&context.settings), GatewayUrl::dialable)
        });
        let source = match &asked {
            Ok(answers) => answers.source.clone(),
            Err(CliError::Connect(error)) => error.target.source.to_string(),
            Err(CliError::Target { error, .. }) => error.named_by().to_string(),
            Err(_) => String::new(),
        };
        let overview = Overview {
            now_ms: now_ms(),
            state: context.state().path().to_owned(),
            killed: how_it_ended(context, &lock).filter(|_| !elsewhere),
            lock,
            elsewhere,
            dashboard: page(&url, &context.settings.control_ui.base_path),
            url,
            source,
            latency_ms: began.elapsed().as_millis(),
            problem: context.problem.as_ref().map(|problem| (problem.to_string(), problem.hint())),
            asked,
        };
        if output.is_json() {
            output.json(&overview.document())?;
        } else {
            overview.show(output)?;
        }
        // As other gateways' command lines: it has told what it found, whatever that is.
        Ok(Exit::Done)
    }

    async fn ask(&self, context: &Context, output: &mut Output) -> Result<Answers, CliError> {
        let mut session = gateway(context, &self.target, Wish::CALL, output).await?;
        let list: Result<PairingList, CliError> = session.call("device.pair.list", Some(&json!({}))).await;
        let status = session.call("status", Some(&json!({}))).await.unwrap_or_default();
        let answers = Answers {
            version: session.hello().server.version.clone(),
            address: session.target().address.clone(),
            source: session.target().source.to_string(),
            list: list.map_err(|error| error.lines().swap_remove(0)),
            status,
        };
        session.close().await;
        Ok(answers)
    }
}

impl Overview {
    fn holder(&self) -> Option<&LockHolder> {
        match &self.lock {
            LockState::Held { holder, .. } => holder.as_deref(),
            _ => None,
        }
    }

    /// What is to be said of a gateway that could not be asked.
    fn unasked(&self, error: &CliError) -> (Tone, &'static str) {
        let (refused, absent) = match error {
            CliError::Connect(error) => (error.failure.is_refusal(), error.failure.is_absent()),
            _ => (false, false),
        };
        match &self.lock {
            _ if refused => (Tone::Bad, "running, and it refuses this command"),
            _ if self.elsewhere && absent => (Tone::Bad, "not running where it should be"),
            _ if self.elsewhere => (Tone::Bad, "not reached"),
            LockState::Free => (Tone::Warning, "not running"),
            LockState::Held { .. } => (Tone::Bad, "running, and not reached"),
            LockState::ForeignKernel | LockState::Closed { .. } | LockState::Unknown => (Tone::Warning, "not reached"),
        }
    }

    fn show(&self, output: &mut Output) -> io::Result<()> {
        let process = self
            .holder()
            .filter(|_| !self.elsewhere)
            .map(|holder| format!(", pid {}, started {}", holder.pid, ago(holder.started_at_ms, self.now_ms)));
        match &self.asked {
            Ok(answers) => {
                let version = one_line(&answers.version, 40);
                let text = format!("running, version {version}{}", process.unwrap_or_default());
                output.field("Gateway", Tone::Good, &text)?;
                output.field(
                    "Reached",
                    Tone::Plain,
                    &format!("{} ({}, {} ms)", one_line(&answers.address, 120), answers.source, self.latency_ms),
                )?;
                output.field("Dashboard", Tone::Plain, &self.dashboard)?;
                match &answers.list {
                    Ok(list) => {
                        let connected = list.paired.iter().filter(|device| device.connected == Some(true)).count();
                        output.field(
                            "Devices",
                            Tone::Plain,
                            &format!("{} paired, {connected} connected", list.paired.len()),
                        )?;
                        if !list.pending.is_empty() {
                            let waiting = count(list.pending.len(), "request");
                            output.field(
                                "Waiting",
                                Tone::Warning,
                                &format!("{waiting}: openclaw devices list, openclaw devices watch"),
                            )?;
                        }
                    }
                    Err(why) => output.field("Devices", Tone::Warning, &one_line(why, 200))?,
                }
            }
            Err(error) => {
                let (tone, word) = self.unasked(error);
                output.field("Gateway", tone, &format!("{word}{}", process.unwrap_or_default()))?;
                if self.elsewhere {
                    output.field("Asked", Tone::Plain, &format!("{} ({})", self.url, self.source))?;
                }
                if let Some(killed) = &self.killed {
                    output.field("Before", Tone::Warning, killed)?;
                }
                output.field("Cause", Tone::Plain, &error.lines().swap_remove(0))?;
                output.field("Next", Tone::Plain, &error.hint())?;
            }
        }
        if let Some((problem, hint)) = &self.problem {
            output.field("Config", Tone::Bad, problem)?;
            output.field("Next", Tone::Plain, hint)?;
        }
        output.field("State", Tone::Dim, &self.state.display().to_string())?;
        output.toned(Tone::Dim, "More: openclaw gateway status, openclaw doctor, openclaw logs --follow")
    }

    /// The gateway's own answer, and what programs look for beside it.
    fn document(&self) -> Value {
        let mut document = match &self.asked {
            Ok(Answers { status: Value::Object(status), .. }) => Value::Object(status.clone()),
            _ => json!({}),
        };
        let failure = self.asked.as_ref().err();
        let answers = self.asked.as_ref().ok();
        document["os"] = json!({ "platform": std::env::consts::OS, "arch": std::env::consts::ARCH });
        document["gateway"] = json!({
            "mode": if self.elsewhere { "remote" } else { "local" },
            "url": answers.map_or_else(|| self.url.to_string(), |answers| answers.address.clone()),
            "urlSource": self.source,
            "reachable": answers.is_some(),
            "connectLatencyMs": answers.map(|_| self.latency_ms),
            "self": answers.map(|answers| json!({ "version": answers.version })),
            "error": failure.map(|error| error.lines().swap_remove(0)),
            "dashboard": self.dashboard,
        });
        document["gatewayService"] = json!({
            "label": "foreground",
            "installed": false,
            "runtime": { "status": if self.holder().is_some() { "running" } else { "stopped" }, "pid": self.holder().map(|holder| holder.pid) },
        });
        document["devices"] = match answers.map(|answers| &answers.list) {
            Some(Ok(list)) => json!({ "paired": list.paired.len(), "pending": list.pending.len() }),
            _ => Value::Null,
        };
        document["config"] =
            json!({ "valid": self.problem.is_none(), "error": self.problem.as_ref().map(|(problem, _)| problem) });
        document["stateDir"] = json!(self.state);
        document["hint"] = json!(failure.map(crate::hint::Hint::hint));
        document
    }
}
