//! Which secrets are presented to which gateway.

use super::TargetArgs;
use crate::{
    client::Presented,
    config::{AuthMode, Credential, Origin, Secret, Settings},
};

/// Secrets and where the first of them came from.
pub(super) type Secrets = (Presented, Option<Origin>);

pub(super) fn typed(args: &TargetArgs) -> Secrets {
    let token = args.token.clone().map(|token| (token, Origin::Flag("--token")));
    let password = args.password.clone().map(|password| (password, Origin::Flag("--password")));
    presented(token, password)
}

fn presented(token: Option<(Secret, Origin)>, password: Option<(Secret, Origin)>) -> Secrets {
    let from = token.as_ref().or(password.as_ref()).map(|(_, origin)| origin.clone());
    (Presented { token: token.map(|(secret, _)| secret), password: password.map(|(secret, _)| secret) }, from)
}

fn known(credential: Option<&Credential>) -> Option<(Secret, Origin)> {
    credential.map(|credential| (credential.secret.clone(), credential.source.clone()))
}

/// What was typed, if anything was: a typed token is not accompanied by a configured password.
fn typed_or(args: &TargetArgs, otherwise: impl FnOnce() -> Secrets) -> Secrets {
    if args.token.is_some() || args.password.is_some() { typed(args) } else { otherwise() }
}

pub(super) fn from_environment_or_typed(args: &TargetArgs, settings: &Settings) -> Secrets {
    typed_or(args, || {
        presented(known(settings.auth.token.from_environment()), known(settings.auth.password.from_environment()))
    })
}

/// The secrets of the remote's own keys; those of the environment where it has none.
pub(super) fn for_remote(args: &TargetArgs, settings: &Settings) -> Secrets {
    let remote = &settings.remote;
    let own = |secret: &Option<Secret>, key| secret.clone().map(|secret| (secret, settings.origin(key)));
    typed_or(args, || {
        let token = own(&remote.token, "gateway.remote.token");
        let password = known(settings.auth.password.from_environment())
            .or_else(|| own(&remote.password, "gateway.remote.password"));
        if token.is_none() && remote.password.is_none() {
            presented(known(settings.auth.token.from_environment()), password)
        } else {
            presented(token, password)
        }
    })
}

/// The secret of the mode in force: environment before files, since the command's own surroundings are nearest to it.
pub(super) fn for_local(args: &TargetArgs, settings: &Settings) -> Secrets {
    typed_or(args, || {
        let auth = &settings.auth;
        let token = known(auth.token.from_environment().or(auth.token.in_force()));
        let password = known(auth.password.from_environment().or(auth.password.in_force()));
        match auth.mode {
            AuthMode::Token => presented(token, None),
            AuthMode::Password => presented(None, password),
            AuthMode::None | AuthMode::TrustedProxy => presented(None, None),
        }
    })
}
