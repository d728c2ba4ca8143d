//! Rules about several settings at once.

use super::{
    auth::AuthMode,
    flags::Flags,
    listen::Bind,
    problem::{Problem, ProblemKind},
    remote::GatewayMode,
    settings::Settings,
    warning::{Warning, WarningKind},
};

/// Everything that keeps a gateway from starting with these settings.
pub(super) fn start(settings: &Settings, flags: &Flags) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut refuse = |key: &str, kind: ProblemKind| problems.push(Problem::at(key, settings.origin(key), kind));
    if settings.mode == Some(GatewayMode::Remote) && !flags.allow_unconfigured {
        refuse("gateway.mode", ProblemKind::RemoteMode);
    }
    listen(settings, &mut refuse);
    auth(settings, &mut refuse);
    tls(settings, &mut refuse);
    problems.extend(settings.parsed_trust().problems);
    let differing = [("gateway.auth.token", &settings.auth.token), ("gateway.auth.password", &settings.auth.password)];
    problems.extend(differing.iter().filter_map(|(key, known)| known.disagreement(key, true)));
    problems
}

/// What even a command that dials a gateway cannot know: which of two secrets from one place is meant.
pub(super) fn ambiguity(settings: &Settings) -> Vec<Problem> {
    let secrets = [("gateway.auth.token", &settings.auth.token), ("gateway.auth.password", &settings.auth.password)];
    secrets.iter().filter_map(|(key, known)| known.disagreement(key, false)).collect()
}

fn listen(settings: &Settings, refuse: &mut impl FnMut(&str, ProblemKind)) {
    let bind = settings.listen.bind;
    if bind == Bind::Custom && settings.listen.custom_bind_host.is_none() {
        refuse("gateway.bind", ProblemKind::CustomBindHostMissing);
    } else if settings.auth.mode == AuthMode::None && settings.listen.loopback_only() == Some(false) {
        refuse("gateway.bind", ProblemKind::OpenBind { bind });
    }
}

fn auth(settings: &Settings, refuse: &mut impl FnMut(&str, ProblemKind)) {
    let auth = &settings.auth;
    match auth.mode {
        AuthMode::Password if auth.password.in_force().is_none() => {
            refuse("gateway.auth.mode", ProblemKind::PasswordMissing);
        }
        AuthMode::TrustedProxy => {
            if let Some(token) = auth.token.in_force() {
                let token = token.source.clone();
                refuse("gateway.auth.mode", ProblemKind::TokenBesideTrustedProxy { token });
            }
            if auth.trusted_proxy.as_ref().is_none_or(|proxy| proxy.user_header.trim().is_empty()) {
                refuse("gateway.auth.trustedProxy.userHeader", ProblemKind::UserHeaderMissing);
            }
            if settings.trust.trusted_proxies.is_empty() {
                refuse("gateway.trustedProxies", ProblemKind::TrustedProxiesMissing);
            }
        }
        AuthMode::None | AuthMode::Token | AuthMode::Password => {}
    }
}

fn tls(settings: &Settings, refuse: &mut impl FnMut(&str, ProblemKind)) {
    let tls = &settings.tls;
    match (&tls.cert_path, &tls.key_path) {
        (Some(_), None) => refuse("gateway.tls.certPath", ProblemKind::HalfKeyPair("gateway.tls.keyPath")),
        (None, Some(_)) => refuse("gateway.tls.keyPath", ProblemKind::HalfKeyPair("gateway.tls.certPath")),
        (None, None) if tls.enabled && !tls.auto_generate => {
            refuse("gateway.tls.enabled", ProblemKind::CertificateMissing);
        }
        _ => {}
    }
}

/// What is odd about these settings, and stops nothing.
pub(super) fn oddities(settings: &Settings) -> Vec<Warning> {
    let key = "gateway.controlUi.allowedOrigins";
    let doubtful = settings.control_ui.allowed_origins.iter().filter(|origin| !looks_like_origin(origin));
    let mut warnings: Vec<Warning> = doubtful
        .map(|origin| Warning::at(key, settings.origin(key), WarningKind::DoubtfulOrigin(origin.clone())))
        .collect();
    let secrets = [("gateway.auth.token", &settings.auth.token), ("gateway.auth.password", &settings.auth.password)];
    for (key, known) in secrets {
        if let Some(credential) = known.in_force()
            && credential.secret.expose().trim() != credential.secret.expose()
        {
            warnings.push(Warning::at(key, credential.source.clone(), WarningKind::PaddedSecret));
        }
    }
    warnings.extend(settings.parsed_trust().warnings);
    warnings
}

/// `scheme://host`, with a port or without, and nothing behind it; or `*`.
fn looks_like_origin(text: &str) -> bool {
    let Some((scheme, rest)) = text.trim().split_once("://") else { return text.trim() == "*" };
    !scheme.is_empty() && !rest.is_empty() && !rest.contains(['/', '?', '#', '@', ' '])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        #[rustfmt::skip]
        let rows = [
            ("https://ui.example", true), ("http://[::1]:8080", true), ("*", true), ("app://localhost", true),
            ("ui.example", false), ("https://ui.example/", false), ("https://ui.example/path", false), ("https://", false),
            ("https://user@ui.example", false), ("", false),
        ];
        for (text, good) in rows {
            assert_eq!(looks_like_origin(text), good, "{text:?}");
        }
    }
}
