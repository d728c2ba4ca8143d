//! What we can prove ourselves with: our device, what gateways gave it, and the shared secrets.

use std::{path::Path, sync::Arc};

use rustls_pki_types::{CertificateDer, pem::PemObject as _};

use super::{Context, target::Remote};
use crate::{
    client::{
        Fingerprint, Presented, Trust,
        tokens::{DeviceTokens, TokenKey},
    },
    config::{Origin, Secret},
    device::{Identity, IdentityError},
    hint::{Hint as _, chain},
    protocol::{HelloOk, Role},
};

/// A secret to try.
#[derive(Debug)]
pub(super) struct Candidate {
    pub(super) presented: Presented,
    /// Whether it is a token of the device and not the shared secret.
    pub(super) kind: Kind,
}

/// What kind of secret it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// It was typed or configured.
    Shared,
    /// It is the device's own token, from our file.
    Stored,
    /// It is the device's own token, from the file of OpenClaw's older programs, which is not ours to change.
    Foreign,
}

/// Our device, and the tokens that it was given.
#[derive(Debug)]
pub(super) struct Keys {
    pub(super) device: Option<Arc<Identity>>,
    tokens: DeviceTokens,
    key: Option<TokenKey>,
    /// What is wrong with the device's file, where there is one and it cannot be used.
    pub(super) damage: Option<String>,
}

impl Keys {
    /// Our keys for the gateway at `remote`.
    pub(super) fn of(context: &Context, remote: &Remote) -> Self {
        // Without a key the gateway decides what to make of us: a directory that cannot be written must not end everything.
        let (device, damage) = match Identity::load_or_create(context.state()) {
            Ok(device) => (Some(Arc::new(device)), None),
            Err(error @ IdentityError::Create { .. }) => {
                tracing::debug!(target: "cli", "no device key: {}", chain(&error));
                (None, None)
            }
            Err(error) => (None, Some(format!("no device is shown: {}; {}", chain(&error), error.hint()))),
        };
        let key = device.as_ref().map(|device| TokenKey {
            origin: remote.url.origin(),
            device: device.device_id(),
            role: Role::Operator,
        });
        Self { device, tokens: DeviceTokens::of(context.state()), key, damage }
    }

    /// None: no device is shown, and no file is made for one.
    pub(super) fn none(context: &Context) -> Self {
        Self { device: None, tokens: DeviceTokens::of(context.state()), key: None, damage: None }
    }

    /// What to present, in order: what was typed or configured, then the device's own token. What was typed is what is
    /// meant, so nothing is tried in its place. Nothing at all is presented to this machine's own gateway only: it may ask
    /// for nothing.
    pub(super) fn candidates(&self, remote: &Remote) -> Vec<Candidate> {
        let mut candidates = Vec::new();
        if !remote.presented.is_empty() {
            candidates.push(Candidate { presented: remote.presented.clone(), kind: Kind::Shared });
        }
        if !matches!(remote.secret_from, Some(Origin::Flag(_))) {
            candidates.extend(self.device_token(remote));
        }
        if candidates.is_empty() && remote.own {
            candidates.push(Candidate { presented: Presented::default(), kind: Kind::Shared });
        }
        candidates
    }

    fn device_token(&self, remote: &Remote) -> Option<Candidate> {
        let key = self.key.as_ref()?;
        let candidate = |token: Secret, kind| Candidate { presented: Presented::token(token), kind };
        if let Some(token) = self.tokens.get(key) {
            return Some(candidate(token, Kind::Stored));
        }
        // That file does not say which gateway gave the token; its programs mean this machine's.
        let ours = remote.own && remote.url.is_loopback();
        self.tokens.foreign(key.device, key.role).filter(|_| ours).map(|token| candidate(token, Kind::Foreign))
    }

    /// Keeps the token of a greeting.
    pub(super) fn keep(&self, hello: &HelloOk) {
        if let (Some(key), Some(auth)) = (&self.key, &hello.auth)
            // The command works without it; the next one presents the shared secret again.
            && let Err(error) = self.tokens.keep(key, auth)
        {
            tracing::debug!(target: "cli", "the device token cannot be kept: {error}");
        }
    }

    /// Forgets the token that no longer counts.
    pub(super) fn forget(&self) {
        if let Some(key) = &self.key {
            let _ = self.tokens.forget(key);
        }
    }
}

/// Which certificates `remote` may present.
pub(super) fn trust(context: &Context, remote: &Remote) -> Trust {
    let mut pins: Vec<_> = remote.fingerprint.into_iter().collect();
    let pins_only = !pins.is_empty();
    if !pins_only {
        // Whoever holds the key to this certificate can read our state directory, by whatever name it answers.
        let own = context.state().tls().join("cert.pem");
        let named = context.settings.tls.cert_path.clone();
        pins.extend(named.into_iter().chain([own]).filter_map(|path| leaf_of(&path)));
    }
    Trust { pins, pins_only, authorities: context.environment.variable("SSL_CERT_FILE").map(Into::into) }
}

/// The certificate that a server presents from this file.
fn leaf_of(path: &Path) -> Option<Fingerprint> {
    CertificateDer::pem_file_iter(path).ok()?.next()?.ok().map(|leaf| Fingerprint::of(&leaf))
}
