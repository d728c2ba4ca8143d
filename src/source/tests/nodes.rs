//! Spellings of addresses (pitfalls 5 and 6), as a trusted proxy's `X-Forwarded-For` and `Forwarded` bring them.

use super::*;
use crate::source::{
    ChainDefect, ForwardingHeader as F,
    chain::{self, read},
};

#[test]
fn an_address_has_one_spelling() {
    #[rustfmt::skip]
    let rows = [
        // Written                    in X-Forwarded-For        in Forwarded, quoted
        ("203.0.113.7",               Some("203.0.113.7"),      Some("203.0.113.7")),
        ("203.0.113.7:443",           Some("203.0.113.7"),      Some("203.0.113.7")),
        ("203.0.113.7:0",             Some("203.0.113.7"),      Some("203.0.113.7")),
        ("203.0.113.7:65536",         None,                     None),
        ("203.0.113.7:",              None,                     None),
        ("203.0.113.7:http",          None,                     None),
        ("203.0.113.7:_port",         None,                     Some("203.0.113.7")),
        ("203.0.113.7:-1",            None,                     None),
        ("203.0.113.7:000443",        None,                     None),
        ("[203.0.113.7]",             None,                     None),
        ("203.0.113.7.",              None,                     None),
        ("127.1",                     None,                     None),
        ("0177.0.0.1",                None,                     None),
        ("127.0.0.01",                None,                     None),
        ("0x7f000001",                None,                     None),
        ("0x7f.0.0.1",                None,                     None),
        ("2130706433",                None,                     None),
        ("256.0.0.1",                 None,                     None),
        ("1.2.3.4/32",                None,                     None),
        ("2001:db8::1",               Some("2001:db8::1"),      None),
        ("2001:DB8::1",               Some("2001:db8::1"),      None),
        ("2001:0db8:0:0:0:0:0:1",     Some("2001:db8::1"),      None),
        ("[2001:db8::1]",             Some("2001:db8::1"),      Some("2001:db8::1")),
        ("[2001:db8::1]:443",         Some("2001:db8::1"),      Some("2001:db8::1")),
        ("[2001:db8::1]:_p",          None,                     Some("2001:db8::1")),
        ("[2001:db8::1]443",          None,                     None),
        ("[2001:db8::1]:",            None,                     None),
        ("[2001:db8::1",              None,                     None),
        ("2001:db8::1]",              None,                     None),
        ("[[2001:db8::1]]",           None,                     None),
        ("2001:db8::1:443",           Some("2001:db8::1:443"),  None), // an address, and no port
        ("2001:db8:0:0:0:0:0:1:443",  None,                     None),
        ("fe80::1",                   Some("fe80::1"),          None),
        ("fe80::1%eth0",              None,                     None), // a zone is a name on another machine
        ("[fe80::1%eth0]:80",         None,                     None),
        ("[fe80::1%251]",             None,                     None),
        ("::ffff:203.0.113.7",        Some("203.0.113.7"),      None),
        ("[::ffff:203.0.113.7]:9",    Some("203.0.113.7"),      Some("203.0.113.7")),
        ("::FFFF:7f00:1",             Some("127.0.0.1"),        None),
        ("::ffff:0:203.0.113.7",      Some("::ffff:0:cb00:7107"), None), // translated, not mapped
        ("::203.0.113.7",             None,                     None), // IPv4-compatible
        ("[::127.0.0.1]",             None,                     None),
        ("::2",                       None,                     None),
        ("::1",                       Some("::1"),              None),
        ("64:ff9b::7f00:1",           Some("64:ff9b::7f00:1"),  None), // NAT64 is no loopback
        ("[64:ff9b::203.0.113.7]",    Some("64:ff9b::cb00:7107"), Some("64:ff9b::cb00:7107")),
        ("0.0.0.0",                   None,                     None),
        ("::",                        None,                     None),
        ("255.255.255.255",           None,                     None),
        ("224.0.0.1",                 None,                     None),
        ("[ff02::1]",                 None,                     None),
        ("::ffff:0.0.0.0",            None,                     None),
        ("unknown",                   None,                     None),
        ("UNKNOWN",                   None,                     None),
        ("unknown:443",               None,                     None),
        ("_hidden",                   None,                     None),
        ("_",                         None,                     None),
        ("localhost",                 None,                     None),
        ("",                          None,                     None),
        (":443",                      None,                     None),
        ("1.2.3.4 ",                  Some("1.2.3.4"),          None),
        ("1.2.3.4\u{a0}",             None,                     None),
        ("+1.2.3.4",                  None,                     None),
        ("1.2.3.4%00",                None,                     None),
    ];
    for (text, bare, quoted) in rows {
        for (header, value, expected) in
            [(F::XForwardedFor, text.to_owned(), bare), (F::Forwarded, format!("for=\"{text}\""), quoted)]
        {
            let found = read(&headers(&[(header.name(), &value)]), header).ok();
            assert_eq!(found, expected.map(|text: &str| addresses(&[text])), "{header}: {value}");
        }
    }
}

#[test]
fn a_header_that_is_no_text_is_malformed() {
    for bytes in [&b"203.0.113.7\xff"[..], b"\x80", b"203.0.113.7,\xc2\xa010.0.0.2"] {
        for header in [F::XForwardedFor, F::Forwarded, F::XRealIp] {
            let mut map = HeaderMap::new();
            map.insert(header.name(), HeaderValue::from_bytes(bytes).expect("a value"));
            assert_eq!(chain::read(&map, header), Err(ChainDefect::Malformed { member: 0 }), "{header} {bytes:?}");
        }
    }
}
