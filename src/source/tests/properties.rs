//! What holds whatever is sent.

use proptest::prelude::*;

use super::*;
use crate::{
    defaults::{MAX_FORWARDING_HOPS, MAX_PREAMBLE_BYTES},
    source::{
        ForwardingHeader, Preamble, Silence, SourceClass, chain,
        preamble::{Progress, parse},
    },
};

const NAMES: &[&str] = &[
    "x-forwarded-for",
    "X-Forwarded-For",
    "x_forwarded_for",
    "forwarded",
    "x-real-ip",
    "via",
    "x-forwarded-proto",
    "x-forwarded-host",
    "x-client-ip",
    "x-cluster-client-ip",
    "true-client-ip",
    "cf-connecting-ip",
    "fly-client-ip",
    "x-envoy-external-address",
    "tailscale-user-login",
    "x-original-forwarded-for",
    "host",
    "origin",
    "sec-fetch-site",
    "user-agent",
    "x-any",
];

fn any_value() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        "[ -~]{0,40}".prop_map(String::into_bytes),
        prop::collection::vec(prop_oneof![Just(b'\t'), 0x20_u8..=0x7e, 0x80_u8..], 0..40),
        "(for=)?(127\\.0\\.0\\.1|172\\.17\\.0\\.[123]|10\\.0\\.0\\.1|203\\.0\\.113\\.7|\"\\[::1\\]\"|unknown)(, ?(for=)?(127\\.0\\.0\\.1|10\\.0\\.0\\.1|_x))?"
            .prop_map(String::into_bytes),
    ]
}

fn any_headers() -> impl Strategy<Value = HeaderMap> {
    prop::collection::vec((prop::sample::select(NAMES), any_value()), 0..6).prop_map(|lines| {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(
                HeaderName::from_bytes(name.as_bytes()).expect("a name"),
                HeaderValue::from_bytes(&value).expect("a value"),
            );
        }
        headers
    })
}

fn any_peer() -> impl Strategy<Value = Peer> {
    let known = prop::sample::select(vec![
        "127.0.0.1",
        "127.0.0.6",
        "::1",
        "172.17.0.1",
        "172.17.0.2",
        "172.17.0.3",
        "10.0.0.1",
        "192.0.2.1",
        "203.0.113.7",
        "fe80::a%2",
        "fe80::a%3",
        "[::ffff:172.17.0.1]:9",
    ]);
    prop_oneof![any::<IpAddr>().prop_map(Peer::from), known.prop_map(peer)]
}

fn any_trust() -> impl Strategy<Value = Trust> {
    let bridges = prop::sample::select(vec![
        TrustedBridges::Auto,
        TrustedBridges::Off,
        TrustedBridges::Listed(networks(&["172.17.0.1/32", "172.18.0.0/16"])),
    ]);
    let published =
        prop::sample::select(vec![None, Some(PublishedOn::Loopback), Some(PublishedOn::Wider([0, 0, 0, 0].into()))]);
    let trusted = prop::sample::subsequence(vec!["10.0.0.0/8", "127.0.0.1/32", "172.17.0.1/32", "::1/128"], 0..=4);
    (bridges, published, trusted, any::<bool>(), any::<bool>()).prop_map(
        |(bridges, published_on, trusted, loopback_is_proxy, real_ip_fallback)| Trust {
            bridges,
            published_on,
            loopback_is_proxy,
            real_ip_fallback,
            ..behind(&trusted)
        },
    )
}

fn any_surroundings() -> impl Strategy<Value = Surroundings> {
    prop_oneof![Just(host()), Just(container()), Just(pod())]
}

proptest! {
    #[test]
    fn no_header_ever_earns_a_grant(
        peer in any_peer(), headers in any_headers(), trust in any_trust(), surroundings in any_surroundings(),
    ) {
        let bare = classify(Arrival::Tcp(peer), &HeaderMap::new(), &trust, &surroundings);
        let with = classify(Arrival::Tcp(peer), &headers, &trust, &surroundings);
        prop_assert!(
            with == bare || with.silence == Silence::Never,
            "{headers:?} turned {bare:?} into {with:?}"
        );
        prop_assert_eq!(with.peer, Some(peer));
        prop_assert!(with.hops.len() < MAX_FORWARDING_HOPS);
        let trusted = trust.proxies.matching(peer, &surroundings).is_some();
        prop_assert_eq!(trusted, with.entry.is_some() && with.class != SourceClass::Bridge, "{:?}", with);
        // Only a trusted proxy names a client, and what it names is never granted anything.
        prop_assert!(with.forwarded.is_none() || (trusted && with.class == SourceClass::Proxied), "{with:?}");
        if with.silence != Silence::Never {
            prop_assert!(
                matches!(with.class, SourceClass::Loopback | SourceClass::OwnAddress | SourceClass::Bridge),
                "{with:?}"
            );
        }
    }

    #[test]
    fn no_preamble_ever_earns_a_grant(
        peer in any_peer(), headers in any_headers(), trust in any_trust(), surroundings in any_surroundings(),
        client in prop::option::of((any::<IpAddr>(), any::<u16>())),
    ) {
        let preamble = client.map_or(Preamble::Itself, |client| Preamble::Client(client.into()));
        let source = classify(Arrival::Preamble { peer, preamble }, &headers, &trust, &surroundings);
        prop_assert_eq!(source.silence, Silence::Never);
        prop_assert_eq!(source.peer, Some(peer));
    }

    #[test]
    fn no_bytes_make_a_chain_panic_or_grow(lines in prop::collection::vec(any_value(), 0..60), header in 0_usize..3) {
        let header = [ForwardingHeader::XForwardedFor, ForwardingHeader::Forwarded, ForwardingHeader::XRealIp][header];
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header.name(), HeaderValue::from_bytes(&line).expect("a value"));
        }
        if let Ok(chain) = chain::read(&headers, header) {
            prop_assert!(chain.len() <= MAX_FORWARDING_HOPS);
            prop_assert!(chain.iter().all(|hop| hop.to_canonical() == *hop));
        }
    }

    /// What is written in the one spelling is read as what it was.
    #[test]
    fn a_chain_is_read_as_it_was_written(
        hops in prop::collection::vec(any::<IpAddr>().prop_filter("connects", |hop| connects(*hop)), 1..8), lines in any::<u8>(),
        port in prop::option::of(any::<u16>()),
    ) {
        let canonical: Vec<IpAddr> = hops.iter().map(IpAddr::to_canonical).collect();
        let written = |brackets: bool| canonical.iter().map(|hop| match (hop, port) {
            (IpAddr::V6(v6), None) if !brackets => v6.to_string(),
            (IpAddr::V6(v6), None) => format!("[{v6}]"),
            (_, Some(port)) => SocketAddr::new(*hop, port).to_string(),
            (_, None) => hop.to_string(),
        }).collect::<Vec<_>>();
        let split = usize::from(lines) % canonical.len();
        let mut headers = HeaderMap::new();
        for (header, members) in [
            ("x-forwarded-for", written(false)),
            ("forwarded", written(true).into_iter().map(|node| format!("for=\"{node}\";proto=https")).collect()),
        ] {
            for part in [&members[..split], &members[split..]] {
                if !part.is_empty() {
                    headers.append(header, HeaderValue::try_from(part.join(", ")).expect("a value"));
                }
            }
        }
        prop_assert_eq!(chain::read(&headers, ForwardingHeader::XForwardedFor), Ok(canonical.clone()));
        prop_assert_eq!(chain::read(&headers, ForwardingHeader::Forwarded), Ok(canonical));
    }

    #[test]
    fn no_bytes_make_a_preamble_panic_or_wait_for_ever(bytes in any_preamble()) {
        match parse(&bytes) {
            Ok(Progress::NeedsMore) => prop_assert!(bytes.len() < MAX_PREAMBLE_BYTES),
            Ok(Progress::Done { consumed, .. }) => prop_assert!(consumed <= bytes.len().min(MAX_PREAMBLE_BYTES)),
            Err(_) => {}
        }
    }

    /// The answer does not depend on how the bytes come in.
    #[test]
    fn a_preamble_in_pieces_is_the_same(bytes in any_preamble()) {
        let whole = parse(&bytes);
        let first = (0..=bytes.len()).map(|end| parse(&bytes[..end])).find(|answer| *answer != Ok(Progress::NeedsMore));
        prop_assert_eq!(first.unwrap_or(Ok(Progress::NeedsMore)).is_ok(), whole.is_ok());
        if let Ok(Progress::Done { .. }) = whole {
            prop_assert_eq!(first, Some(whole));
        }
    }

    #[test]
    fn a_preamble_is_read_as_it_was_written(source in any::<SocketAddr>(), destination in any::<SocketAddr>(), after in ".{0,20}") {
        let source = SocketAddr::new(source.ip().to_canonical(), source.port());
        prop_assume!(connects(source.ip()));
        let (family, ends) = match source.ip() {
            IpAddr::V4(v4) => (("TCP4", 0x11), [v4.octets().to_vec(), vec![10, 0, 0, 1]].concat()),
            IpAddr::V6(v6) => (("TCP6", 0x21), [v6.octets().to_vec(), vec![0; 16]].concat()),
        };
        let local = if source.is_ipv4() { "10.0.0.1" } else { "::1" };
        let line = format!("PROXY {} {} {local} {} {}\r\n", family.0, source.ip(), source.port(), destination.port());
        let body = [&ends[..], &source.port().to_be_bytes(), &destination.port().to_be_bytes()].concat();
        let length = u16::try_from(body.len()).expect("short").to_be_bytes();
        let binary = [b"\r\n\r\n\0\r\nQUIT\n\x21", &[family.1][..], &length, &body].concat();
        for written in [line.into_bytes(), binary] {
            let done = Ok(Progress::Done { preamble: Preamble::Client(source), consumed: written.len() });
            prop_assert_eq!(parse(&[&written, after.as_bytes()].concat()), done);
        }
    }
}

/// Whether a connection can come from there, and its spelling is nothing else's.
fn connects(address: IpAddr) -> bool {
    let address = address.to_canonical();
    let compatible = matches!(address, IpAddr::V6(v6) if v6.segments()[..6] == [0; 6] && !v6.is_loopback());
    !(address.is_unspecified() || address.is_multicast() || address == IpAddr::from([255; 4]) || compatible)
}

/// Bytes that begin like a preamble more often than chance would have it.
fn any_preamble() -> impl Strategy<Value = Vec<u8>> {
    let text = "PROXY (TCP4|TCP6|UNKNOWN|UDP4)[ 0-9a-f:.]{0,60}(\r\n|\n|\r)?".prop_map(String::into_bytes);
    let binary = (
        0x1f_u8..0x23,
        prop::sample::select(vec![0_u8, 0x11, 0x12, 0x21, 0x31]),
        prop::collection::vec(any::<u8>(), 0..260),
        -3_i32..3,
    )
        .prop_map(|(command, family, body, off)| {
            let length = i32::try_from(body.len()).expect("short").saturating_add(off).max(0);
            let length = u16::try_from(length).expect("short").to_be_bytes();
            [b"\r\n\r\n\0\r\nQUIT\n", &[command, family][..], &length, &body].concat()
        });
    prop_oneof![text, binary, prop::collection::vec(any::<u8>(), 0..200)]
}
