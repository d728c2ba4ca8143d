//! The report as people read it.

use std::io;

use super::{
    super::capability::Capability,
    lock::Lock,
    probe::{Probe, Rpc},
    report::Report,
    trouble::troubles,
};
use crate::{
    cli::{Output, Tone, text::one_line},
    client::Scheme,
};

impl Report {
    /// What people read.
    pub(super) fn show(&self, now_ms: i64, output: &mut Output) -> io::Result<()> {
        self.show_process(now_ms, output)?;
        self.show_configuration(output)?;
        self.show_network(output)?;
        self.show_probe(output)?;
        for trouble in troubles(self) {
            output.line("")?;
            output.field("Problem", Tone::Bad, &trouble.cause)?;
            for line in &trouble.evidence {
                output.toned(Tone::Dim, &format!("  {line}"))?;
            }
            output.field("Next", Tone::Plain, &trouble.next)?;
        }
        Ok(())
    }

    fn show_process(&self, now_ms: i64, output: &mut Output) -> io::Result<()> {
        let tone = match self.lock {
            Lock::Held { .. } => Tone::Good,
            Lock::Free(_) => Tone::Plain,
            Lock::Closed { .. } | Lock::Unclear(_) => Tone::Warning,
        };
        output.field("Runtime", tone, &format!("{} ({})", self.lock.word(), self.lock.detail(now_ms)))?;
        if let Some(process) = &self.process {
            let text = format!("pid {}: {}", process.pid, one_line(&process.command, 160));
            output.field("Process", Tone::Plain, &text)?;
        }
        let found_by = self.found_by();
        if !found_by.is_empty() {
            output.field("Found by", Tone::Plain, &found_by.join(", "))?;
        }
        output.field("Supervisor", Tone::Plain, &self.supervised_by())?;
        output.field("State directory", Tone::Plain, &self.state.display().to_string())?;
        if let Some(socket) = &self.socket {
            output.field("Local socket", Tone::Plain, &socket.display().to_string())?;
        }
        output.field("File logs", Tone::Plain, &self.log_file.display().to_string())
    }

    fn show_configuration(&self, output: &mut Output) -> io::Result<()> {
        let config = self.config.display();
        let (config, tone) = match (self.config_exists, self.problems.is_empty()) {
            (true, true) => (config.to_string(), Tone::Plain),
            (false, true) => (format!("{config} (none, defaults apply)"), Tone::Plain),
            (_, false) => (format!("{config} (cannot be used)"), Tone::Bad),
        };
        output.field("Config (cli)", tone, &config)?;
        if let Some(own) = &self.own_config {
            output.field("Config (own keys)", Tone::Plain, &own.display().to_string())?;
        }
        for problem in &self.problems {
            output.toned(Tone::Bad, &format!("  {problem}"))?;
        }
        for value in &self.values {
            output.line(&format!("  {} = {} ({})", value.key, value.value, value.from))?;
        }
        if let Some(auth) = self.lock.auth() {
            output.field("Authentication", Tone::Plain, auth)?;
        }
        Ok(())
    }

    fn show_network(&self, output: &mut Output) -> io::Result<()> {
        let host = self.bind_host.as_deref().unwrap_or("decided at start");
        let tls = if self.url.scheme() == Scheme::Wss { "on" } else { "off" };
        let gateway = format!(
            "bind={} ({host}; {}), port={} ({}), TLS {tls}",
            self.bind, self.bind_source, self.port, self.port_source
        );
        output.field("Gateway", Tone::Plain, &gateway)?;
        if !self.urls.is_empty() {
            output.field("Reached at", Tone::Plain, &self.urls.join(", "))?;
        }
        if let Some(published) = &self.published {
            output.field("Published on", Tone::Plain, published)?;
        }
        output.field("Dashboard", Tone::Plain, &self.dashboard)?;
        let listener = match &self.listener {
            Some(owner) => owner.to_string(),
            None => "nobody".into(),
        };
        output.field("Listening on the port", Tone::Plain, &listener)
    }

    fn show_probe(&self, output: &mut Output) -> io::Result<()> {
        let Probe::Tried(_) = &self.probe else { return Ok(()) };
        let Some(told) = self.probe.rpc() else { return Ok(()) };
        output.field("Probe target", Tone::Plain, &format!("{} ({})", told.address, told.source))?;
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
        if let Some(seen) = &told.seen {
            output.field("This connection", Tone::Plain, &format!("{}; {}", seen.evidence, seen.grant))?;
        }
        for rpc in self.probe.others() {
            output.line(&format!("  {} {}: {}", rpc.source, rpc.address, result(rpc)))?;
        }
        Ok(())
    }
}

fn result(rpc: &Rpc) -> String {
    let seen = rpc.seen.as_ref().map(|seen| format!("; {}; {}", seen.evidence, seen.grant)).unwrap_or_default();
    match &rpc.result {
        Ok(_) => format!("ok{seen}"),
        Err(error) => format!("{}{seen}", error.lines().swap_remove(0)),
    }
}
