//! What goes into the pairing decision and what comes out.

use std::net::IpAddr;

use secrecy::SecretString;

use crate::{
    auth::Mechanism,
    defaults::{MAX_SCOPE_CHARS, MAX_SCOPES},
    device::{DeviceId, DeviceKey},
    protocol::{ClientId, ClientMode, RequestId, Role, Scope, Scopes},
    store::{TokenRecord, scopes_of},
};

/// What a device that proved its key, and passed authentication, asks for.
#[derive(Debug, Clone)]
pub struct Claim {
    /// Names the device.
    pub device: DeviceId,
    /// Its proven key.
    pub key: DeviceKey,
    /// The role asked for.
    pub role: Role,
    /// The permissions asked for.
    pub scopes: Scopes,
    /// What the device calls itself.
    pub display_name: Option<String>,
    /// The operating system.
    pub platform: Option<String>,
    /// The kind of machine.
    pub device_family: Option<String>,
    /// The program.
    pub client_id: ClientId,
    /// How it uses the gateway.
    pub client_mode: ClientMode,
    /// The page's origin, for browsers.
    pub browser_origin: Option<String>,
    /// The client's address; `None` for local clients and where a header hides it.
    pub client: Option<IpAddr>,
}

impl Claim {
    /// The scopes that can be granted: those of the role, of a plain name, and no more than a record holds. Anything else
    /// that was asked for is as if it had not been, so that it can neither be approved by accident nor stand in the way.
    pub fn wanted(&self) -> Scopes {
        let plain = |scope: &&Scope| {
            let name = scope.as_str();
            name.len() <= MAX_SCOPE_CHARS && name.bytes().all(|byte| byte.is_ascii_graphic())
        };
        scopes_of(self.role, &self.scopes).iter().filter(plain).take(MAX_SCOPES).cloned().collect()
    }
}

/// The connection on which a claim is made, for the decision and the log.
#[derive(Debug, Clone, Copy)]
pub struct Connecting<'a> {
    /// Names the connection.
    pub connection: &'a str,
    /// What let it in. What the device's token permits bounds a connect that rests on the token.
    pub mechanism: Mechanism,
    /// The record by which its device token was accepted, where that let it in.
    pub token: Option<&'a TokenRecord>,
    /// The address in the audit line, of local clients too.
    pub address: Option<IpAddr>,
}

/// What the source and the credential of this very connect permit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grant {
    /// A new device is approved at once, and so is a widening of a known one.
    pub pairs_silently: bool,
}

/// What a connecting device gets.
#[derive(Debug)]
pub enum Verdict {
    /// It is let in.
    Admitted(Admission),
    /// It has to wait for an operator.
    Refused(PairingRefusal),
    /// The device token that let it in was rotated or revoked meanwhile.
    TokenEnded,
}

/// As what a device is let in.
#[derive(Debug)]
pub struct Admission {
    /// What it may do: what it asked for, or while a widening waits, what was approved of that.
    pub scopes: Scopes,
    /// Its token for the role; `None` where one would have to be made and the store cannot be written.
    pub token: Option<IssuedToken>,
    /// The request for more, while one waits.
    pub waiting: Option<Waiting>,
}

/// A device token as the device gets it. The same at every connect until it is rotated.
#[derive(Debug)]
pub struct IssuedToken {
    /// The secret.
    pub secret: SecretString,
    /// What it permits.
    pub scopes: Scopes,
    /// When it was made or last replaced, in milliseconds since the Unix epoch.
    pub issued_at_ms: i64,
}

/// A pairing request that waits for an operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// Names the request.
    pub request: RequestId,
    /// Why there is one.
    pub reason: PairingReason,
}

/// Why a device is not simply let in (gateway protocol, pairing).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PairingReason {
    /// The device is not known, or has another key.
    NotPaired,
    /// It asks for a role that was not approved.
    RoleUpgrade,
    /// It asks for scopes that were not approved.
    ScopeUpgrade,
}

impl PairingReason {
    /// The name on the wire and in the log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotPaired => "not-paired",
            Self::RoleUpgrade => "role-upgrade",
            Self::ScopeUpgrade => "scope-upgrade",
        }
    }
}

/// Whether there is a request to approve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// This request waits.
    Request(RequestId),
    /// None was made: as many wait as may.
    ListFull,
}

/// A device has to wait for an operator.
#[derive(Debug, Clone)]
pub struct PairingRefusal {
    /// Why.
    pub reason: PairingReason,
    /// What an operator can approve.
    pub asked: Asked,
    /// The roles approved so far, where the key matches the record.
    pub approved_roles: Vec<Role>,
    /// The scopes approved so far, where the key matches the record.
    pub approved_scopes: Scopes,
    /// Whether an operator took back what it had in the role that it asks for.
    pub revoked: bool,
}

/// Who decides on a request: never grants more than it holds.
#[derive(Debug, Clone)]
pub struct Approver {
    /// What it may do.
    pub scopes: Scopes,
    /// Its device, where it has one.
    pub device: Option<DeviceId>,
    /// Whether a device token proved it: without admin it then sees and manages its own device only.
    pub by_device_token: bool,
}

impl Approver {
    /// Whoever can write the state directory: the Unix socket and the offline CLI.
    pub fn owner() -> Self {
        Self { scopes: Scopes::full_operator(), device: None, by_device_token: false }
    }

    /// Whether it may do everything.
    pub fn is_admin(&self) -> bool {
        self.scopes.cover(&Scope::ADMIN)
    }

    /// Whether it may hand on `scope`.
    pub fn holds(&self, scope: &Scope) -> bool {
        self.is_admin() || self.scopes.cover(scope)
    }

    /// Whether it may see and manage `device`.
    pub fn manages(&self, device: &DeviceId) -> bool {
        !self.by_device_token || self.is_admin() || self.device.as_ref() == Some(device)
    }
}
