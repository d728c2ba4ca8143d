//! What would change the class of a connection, and what each class is granted, in words.

use std::net::IpAddr;

use serde_json::{Value, json};

use super::{Name, Place, Setting};
use crate::{
    defaults::MAX_ADVISED_ENTRIES,
    protocol::{Remedy, SourceReport},
    source::{ForwardedClient, Peer, ProxyHeader, PublishedOn, Rule, Silence, Source, SourceClass, Trust},
};

/// Of what kind the other end of a socket is by its address alone, whatever was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PeerKind {
    /// The Unix socket.
    Socket,
    /// A loopback address.
    Loopback,
    /// One of our own addresses.
    Own,
    /// The container's hop to its host.
    Bridge,
    /// An address on one of our own subnets.
    Neighbour,
    /// A private address elsewhere.
    Private,
    /// An address of a Tailscale network.
    Tailnet,
    /// Any other address.
    Public,
}

impl PeerKind {
    /// The kind that stands for the class which a connection from `peer` has when it brings no header at all.
    pub fn of(peer: Option<IpAddr>, bare: SourceClass) -> Self {
        match (peer, bare) {
            (None, _) | (_, SourceClass::UnixSocket) => Self::Socket,
            (Some(peer), _) if peer.is_loopback() => Self::Loopback,
            (_, SourceClass::OwnAddress) => Self::Own,
            (_, SourceClass::Bridge) => Self::Bridge,
            (_, SourceClass::Neighbour) => Self::Neighbour,
            (_, SourceClass::Private) => Self::Private,
            (_, SourceClass::Tailnet) => Self::Tailnet,
            _ => Self::Public,
        }
    }

    /// The name in answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Socket => "socket",
            Self::Loopback => "loopback",
            Self::Own => "own-address",
            Self::Bridge => "bridge",
            Self::Neighbour => "neighbour",
            Self::Private => "private",
            Self::Tailnet => "tailnet",
            Self::Public => "public",
        }
    }

    /// Whether a command that trusts such a peer may be suggested.
    const fn may_be_suggested(self) -> bool {
        !matches!(self, Self::Neighbour | Self::Public)
    }
}

/// For whom advice is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    /// Somebody who proved nothing: learns nothing of the configuration.
    Stranger,
    /// The operator: the log, and sessions with full rights.
    Operator,
}

/// A connection, and what the gateway goes by.
#[derive(Debug, Clone, Copy)]
pub struct Situation<'a> {
    /// Where the connection comes from.
    pub source: &'a Source,
    /// Of what kind its peer is by the address alone.
    pub peer_kind: PeerKind,
    /// Whom the configuration trusts.
    pub trust: &'a Trust,
    /// Whether the gateway stands in a container with a network of its own.
    pub in_container: bool,
    /// Where the gateway's command line is reached.
    pub place: &'a Place,
    /// For whom this is.
    pub reader: Reader,
}

/// What a connection is a case of, as far as advice goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Case {
    /// The Unix socket.
    Socket,
    /// Loopback or our own address: the shared secret is enough.
    Near,
    /// A bridge, and nobody said where the port is published, or it is on loopback only.
    Bridge,
    /// A bridge, and the port is published wider.
    WideBridge,
    /// A proxy's header from a peer that is no trusted proxy.
    UntrustedHeader(ProxyHeader),
    /// A mesh's sidecar.
    Mesh,
    /// A trusted proxy that names no client.
    SilentProxy,
    /// A client that a trusted proxy names.
    Proxied,
    /// Another machine or container, of which nothing is known but its address.
    Elsewhere,
}

impl Case {
    fn of(source: &Source) -> Self {
        match (source.class, source.silence, source.rule) {
            (SourceClass::UnixSocket, ..) => Self::Socket,
            (SourceClass::Bridge | SourceClass::OwnAddress, Silence::Never, _) => Self::WideBridge,
            (SourceClass::Bridge, ..) => Self::Bridge,
            (_, _, Rule::ProxyHeader(header)) => Self::UntrustedHeader(header),
            (_, _, Rule::MeshAddress) => Self::Mesh,
            (SourceClass::ProxyDirect | SourceClass::Unattributable, ..) => Self::SilentProxy,
            (SourceClass::Proxied, ..) => Self::Proxied,
            (SourceClass::Loopback | SourceClass::OwnAddress, ..) => Self::Near,
            (SourceClass::Neighbour | SourceClass::Private | SourceClass::Tailnet | SourceClass::Public, ..) => {
                Self::Elsewhere
            }
        }
    }
}

impl Situation<'_> {
    /// What would change the class of this connection, most likely first. Empty where nothing has to change.
    pub fn remedies(&self) -> Vec<Remedy> {
        match Case::of(self.source) {
            Case::Socket | Case::Near | Case::Proxied => Vec::new(),
            Case::Bridge => self.bridge().into_iter().collect(),
            Case::WideBridge => vec![self.wide_bridge()],
            Case::UntrustedHeader(header) => self.untrusted_header(header),
            Case::Mesh => mesh(),
            Case::SilentProxy => vec![advice(
                None,
                format!("{} is a trusted proxy and names no client: let it send X-Forwarded-For", self.peer()),
            )],
            Case::Elsewhere => self.elsewhere(),
        }
    }

    /// Everything about the source, as refusals and answers carry it.
    pub fn report(&self) -> SourceReport {
        let source = self.source;
        SourceReport {
            class: source.class.as_str().to_owned(),
            rule: source.rule.to_string(),
            peer: source.peer.map(Peer::ip),
            peer_kind: self.peer_kind.as_str().to_owned(),
            client: source.forwarded.map(ForwardedClient::ip).or(source.client),
            hops: source.hops.clone(),
            evidence: source.explain(),
            grant: self.grant(),
            remedies: self.remedies(),
        }
    }

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
            Case::WideBridge => "everybody who reaches the published port comes from this address",
            Case::Mesh => "a sidecar brings every caller of the mesh from this address",
            Case::SilentProxy => "many clients may stand behind it",
            Case::Proxied => "the client is another machine, which a trusted proxy vouches for",
            _ => "it is another machine or container",
        }
    }

    fn peer(&self) -> String {
        self.source.peer.map_or_else(|| "the peer".to_owned(), |peer| peer.to_string())
    }

    fn bridge(&self) -> Option<Remedy> {
        if self.trust.published_on.is_some() {
            return None;
        }
        let text = "say where the port is published: if it is on 127.0.0.1 only (`127.0.0.1:18789:18789`), set \
                    gateway.publishedOn to loopback; if it is on more, set it to that address (0.0.0.0 for all), and nobody \
                    is paired silently through the bridge";
        Some(self.configure(Setting::PublishedOn, text.into(), Some(json!("loopback"))))
    }

    /// What makes loopback grant nothing any more. It only takes away, so its command may be suggested to everybody.
    pub fn distrust_loopback(&self) -> Remedy {
        let setting = Setting::LoopbackIsProxy;
        Remedy {
            command: Some(self.place.configure(setting, &json!(true))),
            ..advice(
                Some(setting),
                "if a mesh, a tunnel or an L4 forwarder (socat, nginx stream, frp) connects from loopback, set \
                 gateway.loopbackIsProxy: nobody is then paired silently from there (the Unix socket stays the operator's way in)"
                    .into(),
            )
        }
    }

    /// What makes bridges grant nothing any more.
    pub fn distrust_bridge(&self) -> Remedy {
        let setting = Setting::PublishedOn;
        Remedy {
            command: Some(self.place.configure(setting, &json!("0.0.0.0"))),
            ..advice(
                Some(setting),
                "if the port is published on more than 127.0.0.1, or a proxy on the host stands in front of it, say so: \
                 nobody is then paired silently through the bridge"
                    .into(),
            )
        }
    }

    fn wide_bridge(&self) -> Remedy {
        let on = match (self.trust.published_on, self.reader) {
            (Some(PublishedOn::Wider(address)), Reader::Operator) => format!(" ({address})"),
            _ => String::new(),
        };
        // Whoever reaches the port stands there too, so no command is made.
        advice(
            Some(Setting::PublishedOn),
            format!(
                "the port is published on more than loopback{on}, so others than the users of this host come through \
                 {}; publish it on 127.0.0.1 only (`127.0.0.1:18789:18789`), then set gateway.publishedOn to loopback",
                self.peer()
            ),
        )
    }

    fn untrusted_header(&self, header: ProxyHeader) -> Vec<Remedy> {
        let (peer, name) = (self.peer(), header.name());
        let text = match self.peer_kind {
            PeerKind::Loopback => {
                let who = match name.as_str() {
                    "tailscale-*" => "Tailscale Serve or Funnel on this machine",
                    "cf-*" => "cloudflared on this machine",
                    "x-envoy-*" => "a mesh's sidecar or an Envoy in this pod",
                    _ => "a reverse proxy on this machine or in this pod",
                };
                format!(
                    "if {who} sent {name}, add {peer} to gateway.trustedProxies; its clients then wait for approval once, and \
                     what comes from {peer} without such a header counts as the proxy itself (the Unix socket stays the \
                     operator's way in)"
                )
            }
            PeerKind::Bridge | PeerKind::Own => format!(
                "{peer} sent {name}, and is the container's way to its host: everybody who reaches the published port comes \
                 from there. Only if the port is published on 127.0.0.1 alone and a proxy on the host is its one user, add \
                 {peer} to gateway.trustedProxies; otherwise let the proxy join the container's network and add its name, or \
                 let it speak the PROXY protocol (gateway.proxyProtocol)"
            ),
            PeerKind::Neighbour => format!(
                "if {peer} is your reverse proxy, add it to gateway.trustedProxies, best by its DNS name (the name of its \
                 compose service, or of a headless service); if it is not, somebody made {name} up"
            ),
            PeerKind::Public => format!(
                "if {peer} is your own reverse proxy, add it to gateway.trustedProxies; if it is not, somebody made {name} up"
            ),
            PeerKind::Private | PeerKind::Tailnet | PeerKind::Socket => format!(
                "if {peer} is your reverse proxy, add it to gateway.trustedProxies, by its DNS name where its address \
                 changes; if it is not, somebody made {name} up"
            ),
        };
        let ambiguous = matches!(self.peer_kind, PeerKind::Bridge | PeerKind::Own)
            && self.trust.published_on != Some(PublishedOn::Loopback);
        let value = (!ambiguous).then(|| self.proxies_with_peer()).flatten();
        vec![self.configure(Setting::TrustedProxies, text, value)]
    }

    fn elsewhere(&self) -> Vec<Remedy> {
        let peer = self.peer();
        let mut remedies = Vec::new();
        if self.in_container && matches!(self.peer_kind, PeerKind::Neighbour | PeerKind::Private) {
            remedies.push(advice(
                Some(Setting::TrustedBridges),
                format!(
                    "only if {peer} is the container's way to its host, and not another container or machine, add it to \
                     gateway.trustedBridges, and say in gateway.publishedOn where the port is published"
                ),
            ));
        }
        if self.peer_kind != PeerKind::Tailnet {
            remedies.push(advice(
                Some(Setting::TrustedProxies),
                format!(
                    "only if {peer} is your reverse proxy, add it to gateway.trustedProxies, and let it send \
                     X-Forwarded-For: what it forwards is then told apart"
                ),
            ));
        }
        remedies
    }

    /// The list of trusted proxies with the peer in it; `None` where it cannot be shown to this reader.
    fn proxies_with_peer(&self) -> Option<Value> {
        let peer = self.source.peer?;
        let proxies = &self.trust.proxies;
        if self.reader == Reader::Stranger && !proxies.is_empty() {
            return None;
        }
        let mut entries: Vec<String> = proxies
            .networks
            .iter()
            .map(|network| {
                if network.prefix_len() == network.max_prefix_len() {
                    network.addr().to_string()
                } else {
                    network.to_string()
                }
            })
            .collect();
        for name in &proxies.names {
            entries.push(Name::parse(&name.name)?.to_string());
        }
        entries.push(peer.to_string());
        (entries.len() <= MAX_ADVISED_ENTRIES).then(|| json!(entries))
    }

    /// A remedy with the command for it, where one may be suggested.
    fn configure(&self, setting: Setting, text: String, value: Option<Value>) -> Remedy {
        let command =
            value.filter(|_| self.peer_kind.may_be_suggested()).map(|value| self.place.configure(setting, &value));
        Remedy { command, ..advice(Some(setting), text) }
    }
}

fn advice(setting: Option<Setting>, text: String) -> Remedy {
    Remedy { setting: setting.map(|setting| setting.key().to_owned()), text, command: None }
}

fn mesh() -> Vec<Remedy> {
    vec![advice(
        None,
        "to see callers by their own addresses, take the gateway's port out of the sidecar (the pod annotation \
         traffic.sidecar.istio.io/excludeInboundPorts)"
            .into(),
    )]
}
