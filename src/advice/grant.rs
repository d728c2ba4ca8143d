//! What each class is granted, in words.

use super::{PeerKind, Situation, remedy::Case};
use crate::{
    protocol::SourceReport,
    source::{Caveat, ChainDefect, ForwardedClient, Peer, Silence, Source},
};

impl Situation<'_> {
    /// What the class is granted, and why that much.
    pub fn grant(&self) -> String {
        match self.source.silence {
            Silence::Always => "full operator, without token and without pairing".into(),
            Silence::WithSharedSecret => {
                "a device that brings the shared secret (token or password) in this very connect is paired at once"
                    .into()
            }
            Silence::Never => format!("a device waits for approval, once, whatever it brings: {}", self.why_never()),
        }
    }

    fn why_never(&self) -> &'static str {
        match Case::of(self.source) {
            Case::UntrustedHeader(_) => "somebody forwards for others here, and nobody who is trusted says for whom",
            Case::HeaderBesidePreamble(_) => "two things name the client here, and only the preamble is to be believed",
            Case::Chain(_, ChainDefect::Exhausted) => {
                "the trusted proxies cover the clients, so nobody is left to be one"
            }
            Case::Chain(..) => "a trusted proxy does not say clearly for whom it connects",
            Case::Ambiguous(Caveat::BridgesUntrusted) => {
                "in a container, remote clients can come from the container's own address"
            }
            Case::Ambiguous(_) => "everybody who reaches the published port comes from this address",
            Case::Mesh => "a sidecar brings every caller of the mesh from this address",
            Case::Forwarder => "a forwarder on this machine brings others from here",
            Case::SilentProxy(_) | Case::SilentPreamble => "many clients may stand behind it",
            Case::Proxied => "the client is elsewhere, and a trusted proxy vouches for its address only",
            _ => "it is another machine or container",
        }
    }
}

/// What is known of a source, without any advice.
pub fn seen_as(source: &Source, peer_kind: PeerKind) -> SourceReport {
    SourceReport {
        class: source.class.as_str().to_owned(),
        rule: source.rule.to_string(),
        peer: source.peer.map(Peer::ip),
        peer_kind: peer_kind.as_str().to_owned(),
        client: source.forwarded.map(ForwardedClient::ip).or(source.client),
        hops: source.hops.clone(),
        evidence: source.explain(),
        grant: String::new(),
        remedies: Vec::new(),
    }
}
