//! Accepting: from each listener to the stages that a connection goes through.

use std::sync::Arc;

use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::{Shared, connection, policies::Policies};
use crate::{
    net::{Accepted, Arriving, Lobby, LocalSocket, accept_local, accept_tcp},
    policy::Policy,
    shutdown::Tasks,
    source::{
        Peer, Preamble,
        preamble::{self, Progress},
    },
};

/// What the log says of peers that a listed proxy did not introduce.
const CUT: &str = "cut a connection on the PROXY protocol port";

/// What every way in needs.
#[derive(Clone)]
pub(super) struct Entrance {
    pub(super) shared: Arc<Shared>,
    pub(super) policies: Policies,
    pub(super) lobby: Lobby,
    pub(super) tasks: Tasks,
}

impl Entrance {
    /// Accepts on the Unix socket until the gateway drains.
    pub(super) async fn local(self, socket: LocalSocket) {
        let accept = async {
            loop {
                let accepted = accept_local(&socket, &self.lobby).await;
                let (entrance, policy) = (self.clone(), self.policies.current());
                self.tasks.connections.spawn(async move { entrance.serve(accepted, None, policy).await });
            }
        };
        self.tasks.accepting.run_until_cancelled(accept).await;
    }

    /// Accepts on a TCP port until the gateway drains.
    pub(super) async fn tcp(self, listener: TcpListener, tls: Option<TlsAcceptor>) {
        let accept = async {
            loop {
                let arriving = accept_tcp(&listener, &self.lobby).await;
                let (entrance, tls, policy) = (self.clone(), tls.clone(), self.policies.current());
                self.tasks.connections.spawn(async move {
                    if let Some(accepted) = entrance.secure(arriving, tls.as_ref()).await {
                        entrance.serve(accepted, None, policy).await;
                    }
                });
            }
        };
        self.tasks.accepting.run_until_cancelled(accept).await;
    }

    /// Accepts on the port that requires a PROXY preamble until the gateway drains.
    pub(super) async fn introduced(self, listener: TcpListener, tls: Option<TlsAcceptor>) {
        let accept = async {
            loop {
                let arriving = accept_tcp(&listener, &self.lobby).await;
                let (entrance, tls) = (self.clone(), tls.clone());
                self.tasks.connections.spawn(async move {
                    let stop = &entrance.tasks.sessions;
                    let introduced = stop.run_until_cancelled(Box::pin(entrance.introduce(arriving))).await;
                    let Some(Some((preamble, arriving, policy))) = introduced else { return };
                    if let Some(accepted) = entrance.secure(arriving, tls.as_ref()).await {
                        entrance.serve(accepted, Some(preamble), policy).await;
                    }
                });
            }
        };
        self.tasks.accepting.run_until_cancelled(accept).await;
    }

    /// Hears what a listed proxy says of the connection. Whoever is not listed, or says something else, is cut.
    async fn introduce(&self, arriving: Arriving) -> Option<(Preamble, Arriving, Arc<Policy>)> {
        let peer = arriving.peer();
        let Some(policy) = self.listed(peer.into()).await else {
            self.lobby.notices().warn(CUT, format_args!("peer={peer}: gateway.proxyProtocol does not list it"));
            return None;
        };
        let parse = |bytes: &[u8]| {
            preamble::parse(bytes).map(|progress| match progress {
                Progress::NeedsMore => None,
                Progress::Done { preamble, consumed } => Some((preamble, consumed)),
            })
        };
        match arriving.introduced(parse).await {
            Ok((preamble, arriving)) => {
                let arriving = match preamble {
                    Preamble::Client(client) => arriving.counted_by(client.ip(), &self.lobby),
                    Preamble::Itself => arriving,
                };
                Some((preamble, arriving, policy))
            }
            Err(refused) => {
                self.lobby.notices().warn(CUT, format_args!("peer={peer}: it {refused}"));
                None
            }
        }
    }

    /// The policy that lists `peer`, if any does. A listed name may have got another address: it is asked for anew before a
    /// peer on a network of ours is turned away.
    async fn listed(&self, peer: Peer) -> Option<Arc<Policy>> {
        let lists = |policy: &Policy| {
            let listener = policy.trust.preamble.as_ref();
            listener.is_some_and(|listener| listener.from.matching(peer, &policy.surroundings).is_some())
        };
        let policy = self.policies.current();
        if lists(&policy) {
            return Some(policy);
        }
        let names = policy.trust.preamble.as_ref().is_some_and(|listener| !listener.from.names.is_empty());
        if !names || !policy.surroundings.neighbours(peer) {
            return None;
        }
        Some(self.policies.with_fresh_names().await).filter(|policy| lists(policy))
    }

    async fn secure(&self, arriving: Arriving, tls: Option<&TlsAcceptor>) -> Option<Accepted> {
        // Whoever said nothing yet has nothing to finish.
        self.tasks.sessions.run_until_cancelled(Box::pin(arriving.secure(tls))).await.flatten()
    }

    async fn serve(&self, accepted: Accepted, preamble: Option<Preamble>, policy: Arc<Policy>) {
        let arrived = connection::Arrived { accepted, preamble, policy };
        connection::serve(arrived, &self.shared, &self.policies, &self.tasks.sessions).await;
    }
}
