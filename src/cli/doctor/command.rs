//! `openclaw doctor`, the command.

use std::{
    collections::BTreeMap,
    io::{self, IsTerminal as _},
};

use serde_json::{Value, json};

use super::{
    super::{CliError, Context, Exit, Output, Tone, text::count},
    checks,
    facts::Facts,
    finding::{Finding, Severity},
    gather::gather,
    repair::{generate_token, repair},
};

/// Look for everything that is wrong, and say what to type. Exit code 0: healthy, 2: warnings, 1: errors. With --repair 0
/// unless errors are left
#[derive(Debug, clap::Args)]
#[allow(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(crate) struct Doctor {
    /// Repair what can be repaired without losing anything, and say what was done
    #[arg(long, alias = "fix")]
    repair: bool,
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
    /// Do not ask, and do nothing that needs a question
    #[arg(long)]
    non_interactive: bool,
    /// Make a new token for the gateway, and write it into openclaw.json; sessions that came in by the old one end
    #[arg(long)]
    generate_gateway_token: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

impl Doctor {
    /// Runs the command.
    ///
    /// # Errors
    /// [`CliError`] tells why it failed.
    pub(crate) async fn run(self, context: &Context, output: &mut Output) -> Result<Exit, CliError> {
        if self.generate_gateway_token {
            let question = "Make a new gateway token? Sessions that came in by the old one end.";
            if !self.may(question, output)? {
                return Err(CliError::Usage {
                    message: "the token stays as it is".into(),
                    hint: "openclaw doctor --generate-gateway-token --yes".into(),
                });
            }
            let done = generate_token(context).await?;
            if output.is_json() {
                output.json(&json!({ "ok": true, "repaired": done }))?;
            } else {
                for line in done {
                    output.toned(Tone::Good, &line)?;
                }
                output.line("Show it with: openclaw config get gateway.auth.token")?;
            }
            return Ok(Exit::Done);
        }
        let mut facts = gather(context).await?;
        let mut findings = checks::run(&facts);
        let mut repaired = Vec::new();
        if self.repair && findings.iter().any(|finding| finding.repair.is_some()) {
            let question = "Repair what can be repaired without losing anything?";
            if self.may(question, output)? {
                repaired = repair(context, &findings);
                facts = gather(context).await?;
                findings = checks::run(&facts);
            }
        }
        if output.is_json() {
            output.json(&document(&facts, &findings, &repaired))?;
        } else {
            show(&findings, &repaired, output)?;
        }
        Ok(exit(&findings, self.repair))
    }

    /// Whether something may be done: it was said, or the user is asked.
    fn may(&self, question: &str, output: &mut Output) -> Result<bool, CliError> {
        // What was asked for by a flag is done in scripts; a person at a terminal is asked once more.
        if self.yes || self.non_interactive || !io::stdin().is_terminal() || output.is_json() {
            return Ok(true);
        }
        output.note(Tone::Plain, &format!("{question} [y/N]"))?;
        output.flush()?;
        let mut answer = String::new();
        io::stdin().read_line(&mut answer)?;
        Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
    }
}

fn exit(findings: &[Finding], repairs: bool) -> Exit {
    match findings.iter().map(|finding| finding.severity).max() {
        Some(Severity::Error) => Exit::Failed,
        Some(Severity::Warning) if !repairs => Exit::Warned,
        _ => Exit::Done,
    }
}

pub(super) fn show(findings: &[Finding], repaired: &[String], output: &mut Output) -> io::Result<()> {
    for line in repaired {
        output.toned(Tone::Good, &format!("repaired: {line}"))?;
    }
    for finding in findings {
        let (tone, word) = match finding.severity {
            Severity::Error => (Tone::Bad, "error"),
            Severity::Warning => (Tone::Warning, "warning"),
            Severity::Info => (Tone::Plain, "note"),
        };
        output.toned(tone, &format!("{word}: {}", finding.title))?;
        for line in &finding.evidence {
            output.toned(Tone::Dim, &format!("  {line}"))?;
        }
        if let Some(fix) = &finding.fix {
            output.line(&format!("  Fix: {fix}"))?;
        }
    }
    let number = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
    let (errors, warnings) = (number(Severity::Error), number(Severity::Warning));
    let checks = count(checks::CHECKS.len(), "check");
    let (tone, text) = match (errors, warnings) {
        (0, 0) => (Tone::Good, format!("Healthy: {checks}, nothing wrong")),
        (0, _) => (Tone::Warning, format!("{checks}: {}", count(warnings, "warning"))),
        _ => (Tone::Bad, format!("{checks}: {}, {}", count(errors, "error"), count(warnings, "warning"))),
    };
    output.toned(tone, &text)?;
    let repairable = findings.iter().filter(|finding| finding.repair.is_some()).count();
    if repairable > 0 {
        output.line(&format!("{repairable} of them can be repaired: openclaw doctor --repair"))?;
    }
    Ok(())
}

pub(super) fn document(facts: &Facts, findings: &[Finding], repaired: &[String]) -> Value {
    let worst = findings.iter().map(|finding| finding.severity).max();
    let status = match worst {
        Some(Severity::Error) => "errors",
        Some(Severity::Warning) => "warnings",
        _ => "healthy",
    };
    let mut counts: BTreeMap<&str, usize> = BTreeMap::from([("error", 0), ("warning", 0), ("info", 0)]);
    for finding in findings {
        let word = match finding.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Info => "info",
        };
        *counts.entry(word).or_default() += 1;
    }
    json!({
        "ok": worst < Some(Severity::Error),
        "status": status,
        "counts": counts,
        "checks": checks::CHECKS.iter().map(|(name, _)| name).collect::<Vec<_>>(),
        "findings": findings,
        "repaired": repaired,
        "facts": {
            "uid": facts.uid,
            "gid": facts.gid,
            "stateDir": facts.state.path,
            "port": facts.port,
            "inContainer": facts.network.in_container,
            "defaultRouters": facts.network.routers,
            "bridges": facts.network.bridges,
            "freeBytes": facts.disk.map(|disk| disk.free_bytes),
            "gateway": match &facts.answer {
                None => json!(null),
                Some(Ok(version)) => json!({ "answers": true, "version": version }),
                Some(Err(why)) => json!({ "answers": false, "error": why }),
            },
        },
    })
}
