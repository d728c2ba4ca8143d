//! Whom a refusal is told to, and what they brought.

use super::Visitor;
use crate::{
    advice::{Place, Reader, Situation},
    policy::Policy,
    protocol::{ClientInfo, ConnectParams, Dialect},
};

/// What the answer depends on beside the refusal.
#[derive(Debug, Clone, Copy)]
pub(super) struct Audience<'a> {
    pub(super) visitor: &'a Visitor,
    /// `None` until `connect` was read.
    pub(super) connect: Option<&'a ConnectParams>,
    pub(super) place: &'a Place,
    pub(super) policy: &'a Policy,
}

impl<'a> Audience<'a> {
    /// The visitor's source, and what the gateway goes by.
    pub(super) fn situation(&self, reader: Reader) -> Situation<'a> {
        let visitor = self.visitor;
        Situation {
            source: &visitor.source,
            peer_kind: visitor.peer_kind,
            trust: &self.policy.trust,
            in_container: self.policy.surroundings.in_container,
            place: self.place,
            reader,
        }
    }

    pub(super) fn dialect(&self) -> Option<Dialect> {
        self.connect.and_then(ConnectParams::dialect)
    }

    pub(super) fn client(&self) -> Option<&ClientInfo> {
        self.connect.map(|connect| &connect.client)
    }

    /// With what secret the `connect` came, by its kind.
    pub(super) fn presented(&self) -> &'static str {
        let Some(auth) = self.connect.and_then(|connect| connect.auth.as_ref()) else { return "none" };
        let given = |value: &Option<String>| value.as_deref().is_some_and(|text| !text.is_empty());
        if given(&auth.token) {
            "token"
        } else if given(&auth.password) {
            "password"
        } else if given(&auth.device_token) {
            "device-token"
        } else if given(&auth.bootstrap_token) {
            "bootstrap-token"
        } else {
            "none"
        }
    }

    /// How the peer is seen, and which setting decides that.
    pub(super) fn seen(&self) -> String {
        let situation = self.situation(Reader::Stranger);
        let decides = situation.in_short().map(|short| format!("; {short}")).unwrap_or_default();
        format!("{}{decides}", self.visitor.source.explain())
    }
}
