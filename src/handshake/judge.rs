//! From `connect` to an entry or a refusal.
//!
//! The order is fixed: version and role, then the page's origin (before any secret is read), then the device's proof, then
//! the secret behind the throttle, and only then pairing, so that a request for approval exists only after authentication.

use std::sync::Arc;

use tokio::sync::watch;

use super::{LogBudget, Refusal, Visitor, audience::Audience, log};
use crate::{
    advice::{PeerKind, Place, Reader, Situation},
    auth::{
        Accepted, Attempt, AuthFailure, DeviceStanding, Mechanism, Presented, Principal, Throttle, ThrottleKey, judge,
    },
    clock::now_ms,
    device::{ProofRules, ProvenDevice, signature},
    hint::chain,
    origin::{self, HostJudgement, Page},
    pairing::{Claim, Connecting, Grant, IssuedToken, Pairing, Verdict, Waiting},
    policy::Policy,
    protocol::{Challenge, ClientInfo, ClientMode, ConnectParams, Dialect, ProtocolRange, Role, Scopes},
    source::{Silence, Source},
    store::TokenRecord,
};

/// Whatever decides who may enter.
#[derive(Debug, Clone)]
pub struct Doors {
    /// Which devices are known.
    pub pairing: Arc<Pairing>,
    /// What slows down whoever guesses.
    pub throttle: Arc<Throttle>,
    /// Where the gateway's command line can be reached.
    pub place: Place,
    /// How much may be written of those who are not let in.
    pub log: LogBudget,
    /// The policy in force: the one that a connection was accepted under may be an earlier one.
    pub current: watch::Receiver<Arc<Policy>>,
}

/// As what a peer may enter.
#[derive(Debug)]
pub struct Entry {
    /// Who it is and what it may do.
    pub principal: Principal,
    /// What the program says of itself.
    pub client: ClientInfo,
    /// The generation that it speaks.
    pub dialect: Dialect,
    /// Its device token.
    pub token: Option<IssuedToken>,
    /// The request for more permissions that waits.
    pub waiting: Option<Waiting>,
    /// Why permissions that were asked for are missing, and what to do.
    pub scope_advice: Option<String>,
}

impl Doors {
    /// Writes down a request that was refused, for where it comes from, before it could become a WebSocket.
    pub fn refused_before_upgrade(&self, source: &Source, peer_kind: PeerKind, policy: &Policy) {
        let situation = Situation {
            source,
            peer_kind,
            trust: &policy.trust,
            in_container: policy.surroundings.in_container,
            place: &self.place,
            reader: Reader::Operator,
        };
        log::refused_before_upgrade(&situation, &self.log);
    }

    /// Judges a `connect`.
    ///
    /// # Errors
    /// The [`Refusal`], to be told to the peer.
    pub(super) async fn judge(
        &self,
        policy: &Policy,
        visitor: &Visitor,
        connect: &ConnectParams,
        challenge: &Challenge,
    ) -> Result<Entry, Refusal> {
        let range = ProtocolRange { min: connect.min_protocol, max: connect.max_protocol };
        let dialect = Dialect::negotiate(range).ok_or(Refusal::Protocol(range))?;
        let role: Role = connect.role.as_deref().unwrap_or("operator").parse().map_err(|_| Refusal::Role)?;
        if connect.client.mode == ClientMode::Worker {
            return Err(Refusal::params("at /client/mode: workers are served by agents only"));
        }
        check_origin(policy, visitor, connect)?;
        let proven = prove_device(visitor, connect, challenge)?;
        let scopes = visitor.capped(connect.wanted_scopes());
        let asked = Asked { visitor, connect, dialect, role, scopes };

        if visitor.source.silence == Silence::Always {
            return asked.by_local_socket(proven);
        }
        let (Accepted { mechanism, user }, token) = self.authenticate(policy, &asked, proven.as_ref()).await?;
        if let Some(user) = &user {
            log::vouched_for(visitor, user);
        }
        let mut entry = if let Some(device) = proven {
            self.pair(policy, &asked, mechanism, device, token).await?
        } else {
            let audience = Audience { visitor, connect: Some(connect), place: &self.place, policy };
            asked.without_device(mechanism, audience)?
        };
        entry.principal.user = user;
        Ok(entry)
    }

    /// The secret, behind the throttle, and the record of the device token, where that is what was accepted.
    async fn authenticate(
        &self,
        policy: &Policy,
        asked: &Asked<'_>,
        proven: Option<&ProvenDevice>,
    ) -> Result<(Accepted, Option<TokenRecord>), Refusal> {
        let source = &asked.visitor.source;
        let presented = Presented::of(asked.connect.auth.as_ref());
        let token = match proven {
            Some(device) => {
                self.pairing.token(&device.id, asked.role).await.map_err(|error| Refusal::Store(chain(&error)))?
            }
            None => None,
        };
        let accepts = |text: &str| token.as_ref().is_some_and(|token| token.accepts(text));
        let (device, key) = match (proven, &token) {
            (Some(device), Some(_)) => (DeviceStanding::Known(&accepts), ThrottleKey::Device(device.id)),
            (Some(_), None) => (DeviceStanding::Stranger, ThrottleKey::of(source)),
            (None, _) => (DeviceStanding::Absent, ThrottleKey::of(source)),
        };
        let attempt = Attempt {
            presented,
            dialect: asked.dialect,
            silence: source.silence,
            device,
            proxy: asked.visitor.proxy_user.as_ref(),
        };
        let judged = self.throttle.judge(key, &presented, || judge(&policy.auth, &attempt)).await;
        // Nobody gets in by a secret that was replaced while the connection was being made.
        if policy.is_rotated_by(&self.current.borrow()) {
            return Err(Refusal::AuthChanged);
        }
        match judged {
            Ok(accepted) => {
                let token = token.filter(|_| accepted.mechanism == Mechanism::DeviceToken);
                Ok((accepted, token))
            }
            // Nothing was brought at all, not even a device: that is no wrong secret, but a program that does not know what
            // to bring.
            Err(AuthFailure::TokenMissing | AuthFailure::PasswordMissing) if proven.is_none() => {
                Err(Refusal::DeviceRequired)
            }
            Err(failure) => Err(Refusal::Auth(failure)),
        }
    }

    /// The pairing decision for a device that proved its key.
    async fn pair(
        &self,
        policy: &Policy,
        asked: &Asked<'_>,
        mechanism: Mechanism,
        device: ProvenDevice,
        token: Option<TokenRecord>,
    ) -> Result<Entry, Refusal> {
        let Asked { visitor, connect, dialect, role, .. } = *asked;
        let grant = Grant { pairs_silently: asked.pairs_silently(mechanism) };
        let client = &connect.client;
        let claim = Claim {
            device: device.id,
            key: device.key,
            role,
            scopes: asked.scopes.clone(),
            display_name: client.display_name.clone(),
            platform: Some(client.platform.clone()),
            device_family: client.device_family.clone(),
            client_id: client.id.clone(),
            client_mode: client.mode,
            browser_origin: visitor.browser.then(|| visitor.origin.clone()).flatten(),
            client: visitor.source.remote_address(),
        };
        let connecting = Connecting {
            connection: visitor.id.as_str(),
            mechanism,
            token: token.as_ref(),
            address: visitor.source.client,
        };
        let verdict =
            self.pairing.judge(&claim, grant, connecting).await.map_err(|error| Refusal::Store(chain(&error)))?;
        let admission = match verdict {
            Verdict::Admitted(admission) => admission,
            Verdict::Refused(refusal) => return Err(Refusal::Pairing(refusal)),
            Verdict::TokenEnded => return Err(Refusal::Auth(AuthFailure::DeviceTokenMismatch)),
        };
        let scope_advice = admission.waiting.as_ref().map(|waiting| {
            let command = self.place.command(&format!("devices approve {}", waiting.request));
            let audience = Audience { visitor, connect: Some(connect), place: &self.place, policy };
            let seen = audience.seen();
            format!("request {} waits for approval: `{command}`; {seen}", waiting.request)
        });
        Ok(Entry {
            principal: Principal {
                role,
                scopes: visitor.capped(admission.scopes),
                device: Some(device.id),
                mechanism,
                user: None,
            },
            client: client.clone(),
            dialect,
            // Without the header it would open more than the cap leaves.
            token: admission.token.filter(|token| visitor.permits(&token.scopes)),
            waiting: admission.waiting,
            scope_advice,
        })
    }
}

/// Everything about one `connect` that later steps ask for.
#[derive(Debug)]
struct Asked<'a> {
    visitor: &'a Visitor,
    connect: &'a ConnectParams,
    dialect: Dialect,
    role: Role,
    scopes: Scopes,
}

impl Asked<'_> {
    /// A device is approved at once where its class grants that to a bearer of the shared secret, and this very connect
    /// carries it. A browser, whose origin was checked before, has to have come to a Host of ours as well: under another one
    /// somebody may stand in between who says nothing of it.
    fn pairs_silently(&self, mechanism: Mechanism) -> bool {
        match self.visitor.source.silence {
            Silence::Always => true,
            Silence::WithSharedSecret => {
                mechanism.is_shared_secret() && (!self.visitor.browser || self.visitor.judgement.is_ours())
            }
            Silence::Never => false,
        }
    }

    /// The kernel vouches for the user: a full operator, without token or pairing.
    fn by_local_socket(&self, proven: Option<ProvenDevice>) -> Result<Entry, Refusal> {
        if self.role == Role::Node && proven.is_none() {
            return Err(Refusal::DeviceRequired);
        }
        let scopes = match (self.role, self.scopes.is_empty()) {
            (Role::Operator, true) => Scopes::full_operator(),
            _ => self.scopes.clone(),
        };
        Ok(self.entry(Mechanism::UnixSocket, scopes, None))
    }

    /// Without a device: a command line keeps what it asked for where its device would have been approved at once;
    /// elsewhere it is connected with no scopes, and each `missing scope` says what to do.
    fn without_device(&self, mechanism: Mechanism, audience: Audience<'_>) -> Result<Entry, Refusal> {
        let client = &self.connect.client;
        if client.is_browser_ui() {
            return Err(Refusal::UiWithoutDevice);
        }
        if self.role == Role::Node || !mechanism.is_shared_secret() {
            return Err(Refusal::DeviceRequired);
        }
        let keeps = client.may_come_without_device() && !self.visitor.browser && self.pairs_silently(mechanism);
        if keeps {
            return Ok(self.entry(mechanism, self.scopes.clone(), None));
        }
        let advice = self.advice_without_device(audience);
        Ok(self.entry(mechanism, Scopes::none(), Some(advice)))
    }

    /// Newer command lines never send a device to a loopback address, and elsewhere only one that they have already.
    fn advice_without_device(&self, audience: Audience<'_>) -> String {
        let seen = audience.seen();
        let list = audience.place.command("devices list");
        let get_one = if self.visitor.judgement == HostJudgement::Local {
            "this program sends no device to a loopback address, so dial the gateway by another name of its machine, and run \
             `openclaw logs` once, which makes a device"
        } else {
            "run `openclaw logs` once here, which makes a device"
        };
        format!(
            "no device came with this connection, {seen}; run this command where the gateway is: `{list}`; or to use it from \
             here, {get_one}, and approve its request there"
        )
    }

    fn entry(&self, mechanism: Mechanism, scopes: Scopes, scope_advice: Option<String>) -> Entry {
        Entry {
            principal: Principal {
                role: self.role,
                scopes: self.visitor.capped(scopes),
                device: None,
                mechanism,
                user: None,
            },
            client: self.connect.client.clone(),
            dialect: self.dialect,
            token: None,
            waiting: None,
            scope_advice,
        }
    }
}

fn check_origin(policy: &Policy, visitor: &Visitor, connect: &ConnectParams) -> Result<(), Refusal> {
    if !visitor.browser && !connect.client.is_browser_ui() {
        return Ok(());
    }
    let own = policy.surroundings.own_addresses();
    let page =
        Page { origin: visitor.origin.as_deref(), host: visitor.host.as_deref(), behind_tls: visitor.behind_tls() };
    origin::check(page, policy.hosts(&own)).map_err(Refusal::Origin)
}

fn prove_device(
    visitor: &Visitor,
    connect: &ConnectParams,
    challenge: &Challenge,
) -> Result<Option<ProvenDevice>, Refusal> {
    let Some(claim) = signature::Claim::of(connect) else { return Ok(None) };
    let rules = ProofRules { nonce_optional: visitor.source.class.accepts_signature_without_nonce() };
    signature::verify(&claim, &challenge.nonce, now_ms(), rules).map(Some).map_err(Refusal::Proof)
}
