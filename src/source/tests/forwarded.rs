//! The grammar of `Forwarded` (RFC 7239, pitfall 7).

use super::*;
use crate::source::{ChainDefect as D, ForwardingHeader, chain::read};

#[test]
fn elements_and_parameters() {
    let ok = |texts: &[&str]| Ok(addresses(texts));
    let no = |member| Err(D::Malformed { member });
    let hidden = |member| Err(D::Hidden { member });
    #[rustfmt::skip]
    let rows: Vec<(Lines, Result<Vec<IpAddr>, D>)> = vec![
        // The RFC's own examples.
        (&[("forwarded", "for=\"_gazonk\"")],                                            hidden(1)),
        (&[("forwarded", "For=\"[2001:db8:cafe::17]:4711\"")],                           ok(&["2001:db8:cafe::17"])),
        (&[("forwarded", "for=192.0.2.60;proto=http;by=203.0.113.43")],                  ok(&["192.0.2.60"])),
        (&[("forwarded", "for=192.0.2.43, for=198.51.100.17")],                          ok(&["192.0.2.43", "198.51.100.17"])),
        (&[("forwarded", "for=192.0.2.43,for=\"[2001:db8:cafe::17]\",for=unknown")],     hidden(1)),
        (&[("forwarded", "for=_hidden, for=_SEVKISEK")],                                 hidden(1)),
        (&[("forwarded", "for=192.0.2.43"), ("forwarded", "for=198.51.100.17;by=203.0.113.60;proto=http;host=example.com")],
                                                                                         ok(&["192.0.2.43", "198.51.100.17"])),
        // Names in any case, parameters in any order, quotes where none are needed.
        (&[("forwarded", "PROTO=https;FOR=192.0.2.1")],                                  ok(&["192.0.2.1"])),
        (&[("forwarded", "host=\"a,b;c\";for=\"192.0.2.1\"")],                           ok(&["192.0.2.1"])),
        (&[("forwarded", "for=192.0.2.1; proto=https ; by=_x , for=192.0.2.2")],         ok(&["192.0.2.1", "192.0.2.2"])),
        (&[("forwarded", "for=192.0.2.1;secret=\"\"")],                                  ok(&["192.0.2.1"])),
        // Escapes.
        (&[("forwarded", "for=\"\\192.0.2.1\"")],                                        ok(&["192.0.2.1"])),
        (&[("forwarded", "host=\"a\\\"b\";for=192.0.2.1")],                              ok(&["192.0.2.1"])),
        (&[("forwarded", "host=\"a\\\\\";for=192.0.2.1")],                               ok(&["192.0.2.1"])),
        // A quoted text hides what looks like an element.
        (&[("forwarded", "host=\", for=127.0.0.1\";for=192.0.2.1")],                     ok(&["192.0.2.1"])),
        (&[("forwarded", "by=\"for=127.0.0.1\"")],                                       no(1)),
        // Quotes that do not end, within a line or over two.
        (&[("forwarded", "for=\"192.0.2.1")],                                            no(0)),
        (&[("forwarded", "for=192.0.2.1;host=\"a")],                                     no(0)),
        (&[("forwarded", "host=\"a"), ("forwarded", "b\";for=192.0.2.1")],               no(0)),
        (&[("forwarded", "for=\"192.0.2.1\\")],                                          no(0)),
        (&[("forwarded", "for=\"192.0.2.1\"x")],                                         no(0)),
        // An element that names no hop, or two.
        (&[("forwarded", "proto=https")],                                                no(1)),
        (&[("forwarded", "for=192.0.2.1, proto=https")],                                 no(1)),
        (&[("forwarded", "proto=https, for=192.0.2.1")],                                 no(2)),
        (&[("forwarded", "for=127.0.0.1;for=192.0.2.1")],                                no(0)),
        (&[("forwarded", "for=192.0.2.1;FOR=192.0.2.1")],                                no(0)),
        (&[("forwarded", "for=192.0.2.1;proto=http;proto=https")],                       no(0)),
        // Empty members and what is no grammar at all.
        (&[("forwarded", "")],                                                           no(0)),
        (&[("forwarded", " ")],                                                          no(0)),
        (&[("forwarded", ",for=192.0.2.1")],                                             no(0)),
        (&[("forwarded", "for=192.0.2.1,")],                                             no(0)),
        (&[("forwarded", "for=192.0.2.1,,for=192.0.2.2")],                               no(0)),
        (&[("forwarded", "for=192.0.2.1;")],                                             no(0)),
        (&[("forwarded", ";for=192.0.2.1")],                                             no(0)),
        (&[("forwarded", "for")],                                                        no(0)),
        (&[("forwarded", "for=")],                                                       no(0)),
        (&[("forwarded", "=192.0.2.1")],                                                 no(0)),
        (&[("forwarded", "for = 192.0.2.1")],                                            no(0)),
        (&[("forwarded", "for=192.0.2.1 for=192.0.2.2")],                                no(0)),
        (&[("forwarded", "192.0.2.1")],                                                  no(0)),
        // Without quotes there is no colon and no bracket.
        (&[("forwarded", "for=192.0.2.1:80")],                                           no(0)),
        (&[("forwarded", "for=[2001:db8::1]")],                                          no(0)),
        // IPv6 is always in brackets.
        (&[("forwarded", "for=\"2001:db8::1\"")],                                        no(1)),
        (&[("forwarded", "for=\"\"")],                                                   no(1)),
        (&[("forwarded", "for=192.0.2.1, for=\"\", for=192.0.2.2")],                     no(2)),
    ];
    for (lines, expected) in rows {
        assert_eq!(read(&headers(lines), ForwardingHeader::Forwarded), expected, "{lines:?}");
    }
    let many = (0..20).map(|number| format!("p{number}=1")).collect::<Vec<_>>().join(";");
    let long = format!("for=192.0.2.1;{many}");
    assert_eq!(read(&headers(&[("forwarded", &long)]), ForwardingHeader::Forwarded), no(0), "more parameters than any");
}
