//! The decision, row by row.
//!
//! | module | what its rows are |
//! | --- | --- |
//! | `peers` | classes by the peer alone |
//! | `networks` | what `accept` sees in container networks, meshes and tunnels |
//! | `chains` | headers of trusted proxies |
//! | `spoofing` | headers of everybody else |
//! | `forwarded` | the grammar of RFC 7239 |
//! | `nodes` | spellings of addresses |
//! | `preambles` | the PROXY protocol |
//! | `properties` | what holds whatever is sent |

mod chains;
mod forwarded;
mod networks;
mod nodes;
mod peers;
mod preambles;
mod properties;
mod spoofing;

use std::net::{IpAddr, SocketAddr, SocketAddrV6};

use hyper::{
    HeaderMap,
    header::{HeaderName, HeaderValue},
};

use super::{
    Arrival, Link, Peer, PublishedOn, Source, Surroundings, Trust, TrustedBridges, TrustedName, TrustedProxies,
    classify,
};
use crate::net::PeerAddr;

/// What `accept` returned, in the notation of `SocketAddr`, or an address alone.
fn peer(text: &str) -> Peer {
    let socket = text.parse::<SocketAddr>().or_else(|_| {
        let (address, zone) = text.split_once('%').unwrap_or((text, "0"));
        address.parse().map(|ip: IpAddr| match ip {
            IpAddr::V4(_) => SocketAddr::new(ip, 40000),
            IpAddr::V6(v6) => SocketAddrV6::new(v6, 40000, 0, zone.parse().expect("a zone")).into(),
        })
    });
    PeerAddr::new(socket.expect("an address")).into()
}

fn tcp(text: &str) -> Arrival {
    Arrival::Tcp(peer(text))
}

type Lines = &'static [(&'static str, &'static str)];

fn headers(lines: &[(&str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        headers.append(
            HeaderName::try_from(*name).expect("a name"),
            HeaderValue::from_bytes(value.as_bytes()).expect("a value"),
        );
    }
    headers
}

fn networks<N: std::str::FromStr<Err: std::fmt::Debug>>(texts: &[&str]) -> Vec<N> {
    texts.iter().map(|text| text.parse().expect("a network")).collect()
}

fn addresses(texts: &[&str]) -> Vec<IpAddr> {
    texts.iter().map(|text| text.parse().expect("an address")).collect()
}

/// A host with two cards.
fn host() -> Surroundings {
    Surroundings {
        interfaces: networks(&["192.0.2.1/24", "172.17.0.1/16", "2001:db8:1::2/64", "fe80::a/64"]),
        links: vec![
            Link { zone: 2, name: "eth0".into(), address: "fe80::a".parse().expect("an address") },
            Link { zone: 3, name: "eth1".into(), address: "fe80::b".parse().expect("an address") },
        ],
        in_container: false,
        hops: Vec::new(),
    }
}

/// A container on the default bridge of its engine.
fn container() -> Surroundings {
    Surroundings {
        interfaces: networks(&["172.17.0.2/16"]),
        links: Vec::new(),
        in_container: true,
        hops: addresses(&["172.17.0.1"]),
    }
}

/// A pod, whose default router is no bridge.
fn pod() -> Surroundings {
    Surroundings { interfaces: networks(&["10.244.0.7/24"]), links: Vec::new(), in_container: true, hops: Vec::new() }
}

fn proxies(entries: &[&str]) -> TrustedProxies {
    TrustedProxies { networks: networks(entries), ..TrustedProxies::default() }
}

/// The trust of somebody who has proxies.
fn behind(entries: &[&str]) -> Trust {
    Trust { proxies: proxies(entries), ..Trust::default() }
}
