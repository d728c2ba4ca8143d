//! Checks of the configuration.

use super::super::{
    facts::Facts,
    finding::{Finding, Repair, Severity},
};
use crate::{
    config::{Origin, ProblemKind, WarningKind},
    hint::shell,
};

pub(super) fn configuration(facts: &Facts, found: &mut Vec<Finding>) {
    // A client machine starts no gateway, and nothing is wrong with that.
    for problem in facts.config.problems.iter().filter(|problem| !matches!(problem.what.kind, ProblemKind::RemoteMode))
    {
        let finding = Finding::error("config.invalid", problem.to_string());
        found.push(finding.fix(problem.hint()));
    }
    for warning in &facts.config.warnings {
        let severity = match &warning.what.kind {
            WarningKind::ServiceLink | WarningKind::SecretReference | WarningKind::NotSupported => Severity::Info,
            _ => Severity::Warning,
        };
        let mut finding = Finding::new("config.odd", severity, warning.to_string());
        if matches!(warning.what.kind, WarningKind::Misplaced) {
            finding = finding.fix("openclaw doctor --repair").repaired_by(Repair::Tidy);
        } else if let Some(hint) = warning.hint() {
            finding = finding.fix(hint);
        }
        found.push(finding);
    }
    for why in &facts.foreign_files {
        found.push(
            Finding::info("config.elsewhere", format!("settings are changed elsewhere: {why}"))
                .fix("edit the file where it comes from; environment variables win over it"),
        );
    }
}

/// Several sources of one secret: they agree, or the configuration would be invalid, and will not for ever.
pub(super) fn secrets(facts: &Facts, found: &mut Vec<Finding>) {
    let auth = &facts.settings.auth;
    for (key, credentials) in [("gateway.auth.token", &auth.token), ("gateway.auth.password", &auth.password)] {
        let sources: Vec<_> = credentials
            .all()
            .iter()
            .map(|known| &known.source)
            .filter(|source| !matches!(source, Origin::Generated(_)))
            .collect();
        if let [first, second, ..] = sources[..] {
            found.push(
                Finding::warning("auth.two-sources", format!("{key} is set in two places, which must always agree"))
                    .because(format!("{first} and {second}"))
                    .fix(format!("keep {first}, and remove it from {second}")),
            );
        }
    }
    if let (Some(_), Some(password)) = (auth.token.from_files(), auth.password.in_force()) {
        found.push(
            Finding::info(
                "auth.both",
                format!("a token and a password are configured; gateway.auth.mode is {}", auth.mode),
            )
            .because(format!("the password comes from {}", password.source))
            .fix("openclaw config unset gateway.auth.token, or gateway.auth.password"),
        );
    }
    if let Some(token) = auth.token.in_force()
        && token.secret.expose().chars().count() < crate::defaults::SHORT_SECRET_CHARS
    {
        found.push(
            Finding::warning("auth.short", "the gateway's token is short enough to be guessed")
                .because(format!("it comes from {}", token.source))
                .fix("openclaw doctor --generate-gateway-token"),
        );
    }
}

pub(super) fn certificate(facts: &Facts, found: &mut Vec<Finding>) {
    let Some(certificate) = &facts.certificate else { return };
    let path = certificate.path.display().to_string();
    match &certificate.remark {
        Ok(None) => {}
        Ok(Some((remark, refused))) => {
            let severity = if *refused { Severity::Error } else { Severity::Warning };
            let own = certificate.path.starts_with(&facts.state.path);
            found.push(Finding::new("tls.certificate", severity, remark.clone()).because(path.clone()).fix(if own {
                let key = certificate.path.with_file_name("key.pem").display().to_string();
                format!("rm {} {} && openclaw gateway restart   (a new one is made; clients that pinned it need its fingerprint)", shell(&path), shell(&key))
            } else {
                format!("renew {}: a running gateway reads it again", shell(&path))
            }));
        }
        Err(why) => found.push(
            Finding::error("tls.certificate", format!("the certificate cannot be used: {why}"))
                .because(path)
                .fix("openclaw config schema gateway.tls"),
        ),
    }
}
