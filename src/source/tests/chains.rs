//! Headers of trusted proxies.

use super::*;
use crate::source::{
    ChainDefect as D, ForwardedClient, ForwardingHeader as F, ProxyHeader, Rule, Silence, SourceClass as C,
};

/// What a chain comes to: its client, and where it was named; or what is wrong with it.
type Outcome = Result<(&'static str, F), Rule>;

fn check(name: &str, source: &Source, outcome: Outcome) {
    match outcome {
        Ok((client, header)) => {
            let client: IpAddr = client.parse().expect("an address");
            assert_eq!((source.class, source.rule), (C::Proxied, Rule::TrustedProxy(header)), "{name}: {source:?}");
            assert_eq!(source.forwarded.map(ForwardedClient::ip), Some(client), "{name}: {source:?}");
        }
        Err(rule) => {
            let class = if matches!(rule, Rule::Chain { .. }) { C::Unattributable } else { C::ProxyDirect };
            assert_eq!((source.class, source.rule, source.forwarded), (class, rule, None), "{name}: {source:?}");
        }
    }
    assert_eq!(source.silence, Silence::Never, "{name}");
}

fn x(defect: D) -> Outcome {
    Err(Rule::Chain { header: F::XForwardedFor, defect })
}

#[expect(clippy::unnecessary_wraps, reason = "it stands in rows beside what fails")]
fn xff(client: &'static str) -> Outcome {
    Ok((client, F::XForwardedFor))
}

#[test]
fn x_forwarded_for_is_walked_from_the_right() {
    let malformed = |member| x(D::Malformed { member });
    let hidden = |member| x(D::Hidden { member });
    #[rustfmt::skip]
    let rows: Vec<(&str, Lines, Outcome)> = vec![
        ("one hop",                          &[("x-forwarded-for", "203.0.113.7")],                          xff("203.0.113.7")),
        ("two proxies",                      &[("x-forwarded-for", "203.0.113.7, 10.0.0.2")],                xff("203.0.113.7")),
        ("no blanks",                        &[("x-forwarded-for", "203.0.113.7,10.0.0.2")],                 xff("203.0.113.7")),
        ("tabs and blanks",                  &[("x-forwarded-for", " 203.0.113.7\t , 10.0.0.2 ")],           xff("203.0.113.7")),
        // Pitfall 1: what the client itself wrote is furthest left.
        ("leftmost spoof of loopback",       &[("x-forwarded-for", "127.0.0.1, 203.0.113.7")],               xff("203.0.113.7")),
        ("leftmost spoof of a bridge",       &[("x-forwarded-for", "172.17.0.1, 203.0.113.7, 10.0.0.2")],    xff("203.0.113.7")),
        ("leftmost spoof of a proxy",        &[("x-forwarded-for", "10.0.0.9, 203.0.113.7")],                xff("203.0.113.7")),
        ("spoofed chain of proxies",         &[("x-forwarded-for", "192.0.2.9, 10.0.0.9, 203.0.113.7")],     xff("203.0.113.7")),
        // Pitfall 2: an address in a header is no place.
        ("loopback client",                  &[("x-forwarded-for", "127.0.0.1")],                            xff("127.0.0.1")),
        ("IPv6 loopback client",             &[("x-forwarded-for", "::1")],                                  xff("::1")),
        ("bridge client",                    &[("x-forwarded-for", "172.17.0.1")],                           xff("172.17.0.1")),
        ("our own address as client",        &[("x-forwarded-for", "172.17.0.2")],                           xff("172.17.0.2")),
        // Pitfall 3: a member is never left out.
        ("empty",                            &[("x-forwarded-for", "")],                                     malformed(1)),
        ("blank",                            &[("x-forwarded-for", "   ")],                                  malformed(1)),
        ("only a comma",                     &[("x-forwarded-for", ",")],                                    malformed(1)),
        ("comma at the end",                 &[("x-forwarded-for", "203.0.113.7,")],                         malformed(1)),
        ("comma at the beginning",           &[("x-forwarded-for", ",203.0.113.7")],                         malformed(2)),
        ("two commas",                       &[("x-forwarded-for", "203.0.113.7,,10.0.0.2")],                malformed(2)),
        ("unknown at the right",             &[("x-forwarded-for", "203.0.113.7, unknown")],                 hidden(1)),
        ("unknown in between",               &[("x-forwarded-for", "127.0.0.1, unknown, 10.0.0.2")],         hidden(2)),
        ("unknown at the left",              &[("x-forwarded-for", "unknown, 203.0.113.7")],                 hidden(2)),
        ("hidden",                           &[("x-forwarded-for", "203.0.113.7, _secret")],                 hidden(1)),
        ("a name",                           &[("x-forwarded-for", "203.0.113.7, localhost")],               malformed(1)),
        ("text",                             &[("x-forwarded-for", "203.0.113.7 10.0.0.2")],                 malformed(1)),
        ("semicolons",                       &[("x-forwarded-for", "203.0.113.7; 10.0.0.2")],                malformed(1)),
        ("quotes",                           &[("x-forwarded-for", "\"203.0.113.7\"")],                      malformed(1)),
        ("a comma in quotes",                &[("x-forwarded-for", "\"127.0.0.1, 203.0.113.7\"")],           malformed(1)),
        ("non-ASCII",                        &[("x-forwarded-for", "203.0.113.７")],                         malformed(0)),
        ("a no-break space",                 &[("x-forwarded-for", "203.0.113.7,\u{a0}10.0.0.2")],           malformed(0)),
        ("a form of the other header",       &[("x-forwarded-for", "for=203.0.113.7")],                      malformed(1)),
        // Pitfall 4: all lines, in their order.
        ("lines are joined",                 &[("x-forwarded-for", "127.0.0.1"), ("x-forwarded-for", "203.0.113.7")], xff("203.0.113.7")),
        ("lines are joined, trusted last",   &[("x-forwarded-for", "203.0.113.7"), ("x-forwarded-for", "10.0.0.2")],  xff("203.0.113.7")),
        ("an empty line is a member",        &[("x-forwarded-for", "203.0.113.7"), ("x-forwarded-for", "")],          malformed(1)),
        ("an empty line first",              &[("x-forwarded-for", ""), ("x-forwarded-for", "203.0.113.7")],          malformed(2)),
        ("case of the name",                 &[("X-Forwarded-FOR", "203.0.113.7")],                          xff("203.0.113.7")),
        ("an alias is no line of it",        &[("x-forwarded-for", "203.0.113.7"), ("x_forwarded_for", "127.0.0.1")], xff("203.0.113.7")),
        // Pitfall 11: everybody is trusted.
        ("every hop is trusted",             &[("x-forwarded-for", "10.0.0.3, 10.0.0.2")],                   x(D::Exhausted)),
        ("trusted by name",                  &[("x-forwarded-for", "172.17.0.9, 10.0.0.2")],                 x(D::Exhausted)),
        ("trusted, mapped",                  &[("x-forwarded-for", "203.0.113.7, ::ffff:10.0.0.2")],         xff("203.0.113.7")),
    ];
    let trust = Trust {
        proxies: TrustedProxies {
            names: vec![TrustedName { name: "traefik".into(), addresses: addresses(&["172.17.0.9"]) }],
            ..proxies(&["10.0.0.0/8"])
        },
        ..Trust::default()
    };
    for (name, lines, outcome) in rows {
        for from in ["10.0.0.1", "[::ffff:10.0.0.1]:5", "172.17.0.9"] {
            let source = classify(tcp(from), &headers(lines), &trust, &container());
            check(name, &source, outcome);
        }
    }
}

/// Pitfalls 4, 8 and 12.
#[test]
fn several_headers_and_none() {
    let contradictory = Err(Rule::Chain { header: F::Forwarded, defect: D::Contradictory });
    let exhausted = |header| Err(Rule::Chain { header, defect: D::Exhausted });
    let real = |defect| Err(Rule::Chain { header: F::XRealIp, defect });
    let alone =
        |ignored: Lines| Err(Rule::TrustedProxyAlone { ignored: ProxyHeader::naming_a_client(&headers(ignored)) });
    let fwd = |client| Ok((client, F::Forwarded));
    #[rustfmt::skip]
    let rows: Vec<(&str, bool, Lines, Outcome)> = vec![
        ("nothing: the proxy itself",        false, &[],                                                     alone(&[])),
        ("only a scheme",                    false, &[("x-forwarded-proto", "https")],                       alone(&[])),
        ("forwarded alone",                  false, &[("forwarded", "for=203.0.113.7")],                     fwd("203.0.113.7")),
        ("both agree",                       false, &[("forwarded", "for=203.0.113.7"), ("x-forwarded-for", "203.0.113.7")], xff("203.0.113.7")),
        ("both agree in other spellings",    false, &[("forwarded", "for=\"[::ffff:cb00:7107]:9\""), ("x-forwarded-for", "203.0.113.7:1")], xff("203.0.113.7")),
        ("both agree on the client",         false, &[("forwarded", "for=127.0.0.1, for=203.0.113.7"), ("x-forwarded-for", "203.0.113.7, 10.0.0.2")], xff("203.0.113.7")),
        ("the client spoofs the other",      false, &[("forwarded", "for=127.0.0.1"), ("x-forwarded-for", "203.0.113.7")], contradictory),
        ("one is exhausted",                 false, &[("forwarded", "for=10.0.0.2"), ("x-forwarded-for", "203.0.113.7")], exhausted(F::Forwarded)),
        ("the other is exhausted",           false, &[("forwarded", "for=203.0.113.7"), ("x-forwarded-for", "10.0.0.2")], exhausted(F::XForwardedFor)),
        ("one is malformed",                 false, &[("forwarded", "for"), ("x-forwarded-for", "203.0.113.7")], Err(Rule::Chain { header: F::Forwarded, defect: D::Malformed { member: 0 } })),
        ("X-Real-IP, not allowed",           false, &[("x-real-ip", "203.0.113.7")],                         alone(&[("x-real-ip", "")])),
        ("Cloudflare's, not named",          true,  &[("cf-connecting-ip", "203.0.113.7")],                  alone(&[("cf-connecting-ip", "")])),
        ("another alias",                    true,  &[("x_forwarded_for", "203.0.113.7")],                   alone(&[("x-forwarded-for", "")])),
        ("X-Real-IP, allowed",               true,  &[("x-real-ip", "203.0.113.7")],                         Ok(("203.0.113.7", F::XRealIp))),
        ("X-Real-IP, allowed, loopback",     true,  &[("x-real-ip", "127.0.0.1")],                           Ok(("127.0.0.1", F::XRealIp))),
        ("X-Real-IP, a trusted proxy",       true,  &[("x-real-ip", "10.0.0.2")],                            real(D::Exhausted)),
        ("X-Real-IP twice",                  true,  &[("x-real-ip", "203.0.113.7"), ("x-real-ip", "203.0.113.7")], real(D::Malformed { member: 0 })),
        ("X-Real-IP, a list",                true,  &[("x-real-ip", "203.0.113.7, 10.0.0.2")],               real(D::Malformed { member: 1 })),
        ("X-Real-IP, empty",                 true,  &[("x-real-ip", "")],                                    real(D::Malformed { member: 1 })),
        ("X-Real-IP beside a chain",         true,  &[("x-real-ip", "127.0.0.1"), ("x-forwarded-for", "203.0.113.7")], xff("203.0.113.7")),
        ("X-Real-IP beside a bad chain",     true,  &[("x-real-ip", "203.0.113.7"), ("x-forwarded-for", "unknown")], x(D::Hidden { member: 1 })),
        ("X-Real-IP beside an empty chain",  true,  &[("x-real-ip", "203.0.113.7"), ("x-forwarded-for", "")], x(D::Malformed { member: 1 })),
    ];
    for (name, real_ip_fallback, lines, outcome) in rows {
        let trust = Trust { real_ip_fallback, ..behind(&["10.0.0.0/8"]) };
        check(name, &classify(tcp("10.0.0.1"), &headers(lines), &trust, &container()), outcome);
    }
}

/// Pitfall 12: wherever a trusted proxy stands, it never is what its address would be otherwise.
#[test]
fn a_trusted_proxy_is_nothing_else() {
    let trust = behind(&["127.0.0.1/32", "127.0.0.6/32", "::1/128", "172.17.0.1/32", "172.17.0.2/32"]);
    for from in ["127.0.0.1", "127.0.0.6", "::1", "172.17.0.1", "172.17.0.2"] {
        let of = |lines| classify(tcp(from), &headers(lines), &trust, &container());
        check(from, &of(&[]), Err(Rule::TrustedProxyAlone { ignored: None }));
        check(from, &of(&[("x-forwarded-for", "203.0.113.7")]), xff("203.0.113.7"));
        check(from, &of(&[("x-forwarded-for", "127.0.0.1")]), x(D::Exhausted));
        assert_eq!(of(&[]).client, None, "{from}");
    }
}

/// Pitfall 9.
#[test]
fn a_chain_has_limits() {
    let trust = behind(&["10.0.0.0/8"]);
    let chain = |hops: usize| {
        std::iter::once("203.0.113.7").chain(std::iter::repeat_n("10.0.0.2", hops - 1)).collect::<Vec<_>>().join(",")
    };
    let padded = |bytes: usize| format!("203.0.113.7,{}10.0.0.2", " ".repeat(bytes - "203.0.113.7,10.0.0.2".len() - 1));
    #[rustfmt::skip]
    let rows = [
        ("as many hops as may be", chain(32),   xff("203.0.113.7")),
        ("one more",               chain(33),   x(D::TooManyHops)),
        ("many more",              chain(300),  x(D::TooManyHops)),
        ("as long as may be",      padded(4096), xff("203.0.113.7")),
        ("a byte more",            padded(4097), x(D::TooLong)),
        ("only commas",            ",".repeat(4000), x(D::TooManyHops)),
    ];
    for (name, value, outcome) in rows {
        let source = classify(tcp("10.0.0.1"), &headers(&[("x-forwarded-for", &value)]), &trust, &host());
        check(name, &source, outcome);
        assert!(source.hops.len() < 32, "{name}");
    }
    let lines: Vec<_> = std::iter::repeat_n(("x-forwarded-for", "10.0.0.2"), 33).collect();
    check("hops over many lines", &classify(tcp("10.0.0.1"), &headers(&lines), &trust, &host()), x(D::TooManyHops));
}

/// Pitfall 15: who is counted together.
#[test]
fn nobody_far_away_is_counted_as_somebody_near() {
    let trust = Trust { bridges: TrustedBridges::Listed(networks(&["172.18.0.1/32"])), ..behind(&["10.0.0.0/8"]) };
    #[rustfmt::skip]
    let rows = [
        ("203.0.113.7", Some("203.0.113.7")),
        ("127.0.0.1",   None),
        ("::1",         None),
        ("172.17.0.2",  None),
        ("172.17.0.1",  None),
        ("172.18.0.1",  None),
        ("172.17.0.3",  Some("172.17.0.3")),
    ];
    for (client, counted) in rows {
        let source = classify(tcp("10.0.0.1"), &headers(&[("x-forwarded-for", client)]), &trust, &container());
        let counted = counted.map(|text: &str| text.parse::<IpAddr>().expect("an address"));
        assert_eq!((source.class, source.client), (C::Proxied, counted), "{client}");
        assert_eq!(source.remote_address(), Some(client.parse().expect("an address")), "{client}");
    }
}
