//! What would change the class of a connection, and what each class is granted, in words.

use serde_json::{Value, json};

use super::{Name, PeerKind, Place, Setting, seen_as};
use crate::{
    defaults::MAX_ADVISED_ENTRIES,
    protocol::{Remedy, SourceReport},
    source::{
        Caveat, ChainDefect, ForwardingHeader, ProxyHeader, PublishedOn, Rule, Silence, Source, Trust, TrustedEntry,
    },
};

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
    /// A bridge that is granted as much as loopback.
    Bridge,
    /// A bridge, or our own address in a container, that is granted nothing, for this reason.
    Ambiguous(Caveat),
    /// A proxy's header from a peer that is no trusted proxy.
    UntrustedHeader(ProxyHeader),
    /// A header beside a PROXY preamble.
    HeaderBesidePreamble(ProxyHeader),
    /// A trusted proxy's chain that names no client.
    Chain(ForwardingHeader, ChainDefect),
    /// A trusted proxy that names no client; the header that it sends instead.
    SilentProxy(Option<ProxyHeader>),
    /// A preamble that names no client.
    SilentPreamble,
    /// A mesh's sidecar.
    Mesh,
    /// A forwarder on loopback, by configuration.
    Forwarder,
    /// A client that a trusted proxy names.
    Proxied,
    /// Another machine or container, of which nothing is known but its address.
    Elsewhere,
}

impl Case {
    pub(super) fn of(source: &Source) -> Self {
        match (source.rule, source.silence, source.caveat) {
            (Rule::PeerCredentials, ..) => Self::Socket,
            (Rule::Preamble | Rule::TrustedProxy(_), ..) => Self::Proxied,
            (Rule::PreambleWithoutClient, ..) => Self::SilentPreamble,
            (Rule::HeaderBesidePreamble(header), ..) => Self::HeaderBesidePreamble(header),
            (Rule::TrustedProxyAlone { ignored }, ..) => Self::SilentProxy(ignored),
            (Rule::Chain { header, defect }, ..) => Self::Chain(header, defect),
            (Rule::ProxyHeader(header), ..) => Self::UntrustedHeader(header),
            (Rule::MeshAddress, ..) => Self::Mesh,
            (Rule::LoopbackIsProxy, ..) | (_, Silence::Never, Some(Caveat::LoopbackIsProxy)) => Self::Forwarder,
            (Rule::OwnAddress | Rule::ListedBridge | Rule::FoundBridge, Silence::Never, Some(caveat)) => {
                Self::Ambiguous(caveat)
            }
            (Rule::ListedBridge | Rule::FoundBridge, ..) | (Rule::OwnAddress, _, Some(_)) => Self::Bridge,
            (Rule::LoopbackPeer | Rule::OwnAddress, ..) => Self::Near,
            (Rule::OwnSubnet | Rule::TailnetRange | Rule::PrivateRange | Rule::OtherAddress, ..) => Self::Elsewhere,
        }
    }
}

impl Situation<'_> {
    /// What would change the class of this connection, most likely first. Empty where nothing has to change.
    pub fn remedies(&self) -> Vec<Remedy> {
        match Case::of(self.source) {
            Case::Socket | Case::Near | Case::Proxied => Vec::new(),
            Case::Bridge => self.bridge().into_iter().collect(),
            Case::Ambiguous(caveat) => vec![self.ambiguous(caveat)],
            Case::UntrustedHeader(header) => vec![self.untrusted_header(header)],
            Case::HeaderBesidePreamble(header) => vec![self.header_beside_preamble(header)],
            Case::Chain(header, defect) => vec![self.chain(header, defect)],
            Case::SilentProxy(ignored) => self.silent_proxy(ignored),
            Case::SilentPreamble => vec![self.silent_preamble()],
            Case::Mesh => vec![mesh()],
            Case::Forwarder => vec![self.forwarder()],
            Case::Elsewhere => self.elsewhere(),
        }
    }

    /// Which settings decide how the connection is seen, and the command that changes it; `None` where there is nothing to
    /// change.
    pub fn in_short(&self) -> Option<String> {
        let remedies = self.remedies();
        let settings: Vec<&str> = remedies.iter().filter_map(|remedy| remedy.setting.as_deref()).collect();
        if settings.is_empty() {
            return None;
        }
        let command = remedies.iter().find_map(|remedy| remedy.command.as_deref());
        let command = command.map(|command| format!(" (`{command}`)")).unwrap_or_default();
        Some(format!("how it is seen is decided by {}{command}", settings.join(" and ")))
    }

    /// Everything about the source, as refusals and answers carry it.
    pub fn report(&self) -> SourceReport {
        SourceReport { grant: self.grant(), remedies: self.remedies(), ..seen_as(self.source, self.peer_kind) }
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

    fn ambiguous(&self, caveat: Caveat) -> Remedy {
        let peer = self.peer();
        match caveat {
            Caveat::BridgesUntrusted => advice(
                Some(Setting::TrustedBridges),
                format!(
                    "only if none but this container's own programs and the users of its host come from {peer}, add it to \
                     gateway.trustedBridges (with RootlessKit every remote client comes from there)"
                ),
            ),
            Caveat::PublishedWider(_) | Caveat::PublishedUnknown | Caveat::LoopbackIsProxy => {
                let on = match (caveat, self.reader) {
                    (Caveat::PublishedWider(address), Reader::Operator) => format!(" ({address})"),
                    _ => String::new(),
                };
                // Whoever reaches the port stands there too, so no command is made.
                advice(
                    Some(Setting::PublishedOn),
                    format!(
                        "the port is published on more than loopback{on}, so others than the users of this host come \
                         through {peer}; publish it on 127.0.0.1 only (`127.0.0.1:18789:18789`), then set \
                         gateway.publishedOn to loopback"
                    ),
                )
            }
        }
    }

    fn header_beside_preamble(&self, header: ProxyHeader) -> Remedy {
        advice(
            Some(Setting::ProxyProtocol),
            format!(
                "{} sends the header {} on the port of gateway.proxyProtocol, where only the preamble counts: let it drop the \
                 header, or let it use the gateway's own port without a preamble and add it to gateway.trustedProxies",
                self.peer(),
                header.name()
            ),
        )
    }

    fn chain(&self, header: ForwardingHeader, defect: ChainDefect) -> Remedy {
        let peer = self.peer();
        if defect == ChainDefect::Exhausted {
            let remedy = advice(
                Some(Setting::TrustedProxies),
                "gateway.trustedProxies covers the clients: list the proxies themselves there, by address or DNS name, and not \
                 the network that their clients are in"
                    .into(),
            );
            return Remedy { command: Some(self.place.command("config get gateway.trustedProxies")), ..remedy };
        }
        if defect == ChainDefect::Contradictory {
            return advice(
                None,
                format!(
                    "the trusted proxy {peer} lets X-Forwarded-For and Forwarded disagree: let it remove the one that it does \
                     not write (nginx: `proxy_set_header Forwarded \"\";`)"
                ),
            );
        }
        advice(
            None,
            format!(
                "the trusted proxy {peer} sends {header} in a form that nobody can read: let it overwrite what clients sent (nginx: \
                 `proxy_set_header X-Forwarded-For $remote_addr;`)"
            ),
        )
    }

    fn silent_proxy(&self, ignored: Option<ProxyHeader>) -> Vec<Remedy> {
        let peer = self.peer();
        if ignored.is_some_and(|header| header.name() == "x-real-ip") {
            let text = format!(
                "the trusted proxy {peer} names its client in X-Real-IP only: let it send X-Forwarded-For, or let \
                 X-Real-IP count if {peer} overwrites it"
            );
            return vec![self.configure(Setting::AllowRealIpFallback, text, Some(json!(true)))];
        }
        vec![advice(
            Some(Setting::TrustedProxies),
            format!(
                "{peer} is in gateway.trustedProxies and names no client: let it send X-Forwarded-For (nginx: \
                 `proxy_set_header X-Forwarded-For $remote_addr;`), or take it out if it is none"
            ),
        )]
    }

    fn silent_preamble(&self) -> Remedy {
        advice(
            Some(Setting::ProxyProtocol),
            format!(
                "{} is listed in gateway.proxyProtocol and its preamble names no client, as health checks do: let it send the \
                 client's address (HAProxy: `send-proxy-v2`)",
                self.peer()
            ),
        )
    }

    fn forwarder(&self) -> Remedy {
        let text = "gateway.loopbackIsProxy says that a forwarder connects from this machine, so nobody there is taken for its \
                    user; if none does, switch it off; to tell the forwarder's clients apart, let it send a PROXY preamble \
                    (gateway.proxyProtocol)";
        self.configure(Setting::LoopbackIsProxy, text.into(), Some(json!(false)))
    }

    fn untrusted_header(&self, header: ProxyHeader) -> Remedy {
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
        self.configure(Setting::TrustedProxies, text, value)
    }

    fn elsewhere(&self) -> Vec<Remedy> {
        let peer = self.peer();
        let mut remedies = Vec::new();
        // In a pod the default router brings strangers too: no address there is the host's own users'.
        let may_be_bridge = self.in_container && !matches!(self.place, Place::Pod(_));
        if may_be_bridge && matches!(self.peer_kind, PeerKind::Neighbour | PeerKind::Private) {
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
        let networks = proxies.networks.iter().map(|network| TrustedEntry::Network(*network).to_string());
        let links = proxies.links.iter().map(ToString::to_string);
        let mut entries: Vec<String> = networks.chain(links).collect();
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

fn mesh() -> Remedy {
    advice(
        None,
        "to see callers by their own addresses, take the gateway's port out of the sidecar (the pod annotation \
         traffic.sidecar.istio.io/excludeInboundPorts)"
            .into(),
    )
}
