//! What a device signs: the parts of a `connect`, joined to a payload string (gateway protocol, device identity).

use std::fmt::{self, Write as _};

use super::DeviceId;
use crate::protocol::{ConnectParams, Role};

/// Which payload was signed. Independent of the protocol number: a newer node host signs the newest payload in an old
/// envelope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PayloadVersion {
    /// Without a nonce.
    V1,
    /// With the nonce.
    V2,
    /// With the nonce, the platform and the device family.
    V3,
}

impl PayloadVersion {
    /// The name in payloads and logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V1 => "v1",
            Self::V2 => "v2",
            Self::V3 => "v3",
        }
    }
}

impl fmt::Display for PayloadVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The parts of a `connect` that a device signs.
#[derive(Clone, Copy)]
pub struct Signed<'a> {
    /// `client.id`.
    pub client_id: &'a str,
    /// `client.mode`.
    pub client_mode: &'a str,
    /// The role, after defaulting.
    pub role: &'a str,
    /// The scopes in the order in which they were sent, repeats included.
    pub scopes: &'a [String],
    /// Milliseconds since the Unix epoch.
    pub signed_at: i64,
    /// The token that enters the payload; empty for none. Never a password.
    pub token: &'a str,
    /// The nonce of the challenge that the device answers.
    pub nonce: Option<&'a str>,
    /// `client.platform`.
    pub platform: &'a str,
    /// `client.deviceFamily`.
    pub device_family: Option<&'a str>,
}

impl fmt::Debug for Signed<'_> {
    /// Leaves the token out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signed")
            .field("client_id", &self.client_id)
            .field("role", &self.role)
            .field("scopes", &self.scopes)
            .field("signed_at", &self.signed_at)
            .field("nonce", &self.nonce)
            .finish_non_exhaustive()
    }
}

impl<'a> Signed<'a> {
    /// What `connect` would have a device sign; the time and the nonce are those of its `device` member, where it has one.
    pub fn of(connect: &'a ConnectParams) -> Self {
        let device = connect.device.as_ref();
        Self {
            client_id: connect.client.id.as_str(),
            client_mode: connect.client.mode.as_str(),
            role: connect.role.as_deref().unwrap_or(Role::Operator.as_str()),
            scopes: &connect.scopes,
            signed_at: device.map_or(0, |device| device.signed_at),
            token: connect.signed_token(),
            nonce: device.and_then(|device| device.nonce.as_deref()),
            platform: &connect.client.platform,
            device_family: connect.client.device_family.as_deref(),
        }
    }

    pub(super) fn payload(&self, version: PayloadVersion, device: DeviceId) -> String {
        let mut payload = String::with_capacity(320);
        let Self { client_id, client_mode, role, signed_at, token, .. } = self;
        // Writing to a `String` cannot fail.
        let _ = write!(payload, "{version}|{device}|{client_id}|{client_mode}|{role}|");
        for (index, scope) in self.scopes.iter().enumerate() {
            if index > 0 {
                payload.push(',');
            }
            payload.push_str(scope);
        }
        let _ = write!(payload, "|{signed_at}|{token}");
        if version >= PayloadVersion::V2 {
            let _ = write!(payload, "|{}", self.nonce.unwrap_or_default().trim());
        }
        if version >= PayloadVersion::V3 {
            for part in [self.platform, self.device_family.unwrap_or_default()] {
                payload.push('|');
                payload.push_str(&part.trim().to_ascii_lowercase());
            }
        }
        payload
    }
}
