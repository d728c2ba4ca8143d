//! The PROXY protocol, versions 1 and 2.

use crate::{
    defaults::MAX_PREAMBLE_BYTES,
    source::{
        Preamble,
        preamble::{PreambleError as E, Progress, parse},
    },
};

const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// A preamble of version 2 with everything that the length says.
fn binary(command: u8, family: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len()).expect("short").to_be_bytes();
    [SIGNATURE, &[command, family], &length, body].concat()
}

fn v4(extensions: &[u8]) -> Vec<u8> {
    let ends = [203, 0, 113, 7, 10, 0, 0, 1, 0x12, 0x34, 0x49, 0x65];
    binary(0x21, 0x11, &[&ends, extensions].concat())
}

fn v6(source: &str) -> Vec<u8> {
    let source: std::net::Ipv6Addr = source.parse().expect("an address");
    binary(0x21, 0x21, &[&source.octets()[..], &[0; 16], &[0x12, 0x34, 0x49, 0x65]].concat())
}

#[expect(clippy::unnecessary_wraps, reason = "it stands in rows beside what fails")]
fn client(text: &str) -> Result<Preamble, E> {
    Ok(Preamble::Client(text.parse().expect("a socket address")))
}

/// Fed byte by byte and then more, a preamble is told at its last byte and never takes one of what follows.
fn check(name: &str, bytes: &[u8], expected: Result<Preamble, E>) {
    let followed = [bytes, b"GET / HTTP/1.1\r\n"].concat();
    match expected {
        Ok(preamble) => {
            for end in 0..bytes.len() {
                assert_eq!(parse(&bytes[..end]), Ok(Progress::NeedsMore), "{name}, {end} bytes");
            }
            let done = Ok(Progress::Done { preamble, consumed: bytes.len() });
            assert_eq!((parse(bytes), parse(&followed)), (done, done), "{name}");
        }
        Err(error) => {
            assert_eq!(parse(&followed), Err(error), "{name}");
            // Once wrong, always wrong.
            let first = (0..=followed.len()).find(|end| parse(&followed[..*end]).is_err()).expect("wrong somewhere");
            for end in first..followed.len() {
                assert!(parse(&followed[..end]).is_err(), "{name}, {end} bytes");
            }
        }
    }
}

#[test]
fn version_1() {
    let text = Err(E::MalformedText);
    let longest = format!("PROXY UNKNOWN {}\r\n", "x".repeat(107 - 16));
    let too_long = format!("PROXY UNKNOWN {}\r\n", "x".repeat(108 - 16));
    #[rustfmt::skip]
    let rows = [
        ("IPv4",                  "PROXY TCP4 203.0.113.7 10.0.0.1 4660 18789\r\n",       client("203.0.113.7:4660")),
        ("IPv6",                  "PROXY TCP6 2001:db8::1 ::1 4660 18789\r\n",            client("[2001:db8::1]:4660")),
        ("IPv6, mapped",          "PROXY TCP6 ::ffff:203.0.113.7 ::1 4660 18789\r\n",     client("203.0.113.7:4660")),
        ("port 0",                "PROXY TCP4 203.0.113.7 10.0.0.1 0 0\r\n",              client("203.0.113.7:0")),
        ("unknown",               "PROXY UNKNOWN\r\n",                                    Ok(Preamble::Itself)),
        ("unknown with more",     "PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n",                Ok(Preamble::Itself)),
        ("nobody's address",      "PROXY TCP4 0.0.0.0 10.0.0.1 1 2\r\n",                  Ok(Preamble::Itself)),
        ("the longest line",      &longest,                                               Ok(Preamble::Itself)),
        ("a byte more",           &too_long,                                              text),
        ("UNKNOWNish",            "PROXY UNKNOWNS\r\n",                                   text),
        ("UDP",                   "PROXY UDP4 203.0.113.7 10.0.0.1 1 2\r\n",              text),
        ("lower case",            "PROXY tcp4 203.0.113.7 10.0.0.1 1 2\r\n",              text),
        ("families mixed",        "PROXY TCP4 2001:db8::1 10.0.0.1 1 2\r\n",              text),
        ("families mixed, 6",     "PROXY TCP6 203.0.113.7 ::1 1 2\r\n",                   text),
        ("short address",         "PROXY TCP4 127.1 10.0.0.1 1 2\r\n",                    text),
        ("octal address",         "PROXY TCP4 0177.0.0.1 10.0.0.1 1 2\r\n",               text),
        ("a zone",                "PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n",                  text),
        ("brackets",              "PROXY TCP6 [::1] ::1 1 2\r\n",                         text),
        ("no ports",              "PROXY TCP4 203.0.113.7 10.0.0.1\r\n",                  text),
        ("one port",              "PROXY TCP4 203.0.113.7 10.0.0.1 1\r\n",                text),
        ("three ports",           "PROXY TCP4 203.0.113.7 10.0.0.1 1 2 3\r\n",            text),
        ("too large a port",      "PROXY TCP4 203.0.113.7 10.0.0.1 65536 2\r\n",          text),
        ("a port with zeros",     "PROXY TCP4 203.0.113.7 10.0.0.1 01 2\r\n",             text),
        ("a port with a sign",    "PROXY TCP4 203.0.113.7 10.0.0.1 +1 2\r\n",             text),
        ("an empty port",         "PROXY TCP4 203.0.113.7 10.0.0.1  2\r\n",               text),
        ("two blanks",            "PROXY TCP4  203.0.113.7 10.0.0.1 1 2\r\n",             text),
        ("blank at the end",      "PROXY TCP4 203.0.113.7 10.0.0.1 1 2 \r\n",             text),
        ("only a line feed",      "PROXY TCP4 203.0.113.7 10.0.0.1 1 2\n",                text),
        ("only a carriage return", "PROXY TCP4 203.0.113.7 10.0.0.1 1 2\rX",              text),
        ("a tab",                 "PROXY TCP4\t203.0.113.7 10.0.0.1 1 2\r\n",             text),
        ("nothing",               "PROXY \r\n",                                           text),
        ("another word",          "PROXYTCP4",                                            Err(E::Missing)),
        ("HTTP",                  "GET / HTTP/1.1\r\n",                                   Err(E::Missing)),
        ("HTTP beginning alike",  "PROPFIND / HTTP/1.1\r\n",                              Err(E::Missing)),
        ("TLS",                   "\u{16}\u{3}\u{1}",                                     Err(E::Missing)),
        ("a blank line",          "\r\nPROXY UNKNOWN\r\n",                                Err(E::Missing)),
    ];
    for (name, line, expected) in rows {
        check(name, line.as_bytes(), expected);
    }
}

#[test]
fn version_2() {
    let binary_error = Err(E::MalformedBinary);
    let ends = [0; 216];
    #[rustfmt::skip]
    let rows = [
        ("IPv4",                    v4(&[]),                              client("203.0.113.7:4660")),
        ("IPv6",                    v6("2001:db8::1"),                    client("[2001:db8::1]:4660")),
        ("IPv6, mapped",            v6("::ffff:203.0.113.7"),             client("203.0.113.7:4660")),
        ("nobody's address",        v6("::"),                             Ok(Preamble::Itself)),
        ("LOCAL",                   binary(0x20, 0x00, &[]),              Ok(Preamble::Itself)),
        ("LOCAL with addresses",    binary(0x20, 0x11, &ends[..12]),      Ok(Preamble::Itself)),
        ("LOCAL with anything",     binary(0x20, 0xff, b"anything"),      Ok(Preamble::Itself)),
        ("no family",               binary(0x21, 0x00, &[]),              Ok(Preamble::Itself)),
        ("a Unix socket",           binary(0x21, 0x31, &ends),            Ok(Preamble::Itself)),
        ("a Unix socket, short",    binary(0x21, 0x31, &ends[..215]),     binary_error),
        ("datagrams",               binary(0x21, 0x12, &ends[..12]),      binary_error),
        ("no such family",          binary(0x21, 0x41, &ends),            binary_error),
        ("no such transport",       binary(0x21, 0x13, &ends[..12]),      binary_error),
        ("no such command",         binary(0x22, 0x11, &ends[..12]),      binary_error),
        ("version 1",               binary(0x11, 0x11, &ends[..12]),      binary_error),
        ("version 3",               binary(0x31, 0x11, &ends[..12]),      binary_error),
        ("too short for IPv4",      binary(0x21, 0x11, &ends[..11]),      binary_error),
        ("too short for IPv6",      binary(0x21, 0x21, &ends[..35]),      binary_error),
        ("extensions",              v4(&[0x01, 0, 2, b'h', b'2', 0x04, 0, 0]), client("203.0.113.7:4660")),
        ("an unknown extension",    v4(&[0xea, 0, 1, 7]),                 client("203.0.113.7:4660")),
        ("an extension cut short",  v4(&[0x01, 0, 2, b'h']),              binary_error),
        ("an extension's head cut", v4(&[0x01, 0]),                       binary_error),
        ("a checksum of no size",   v4(&[0x03, 0, 3, 0, 0, 0]),           binary_error),
        ("a wrong checksum",        v4(&[0x03, 0, 4, 0, 0, 0, 0]),        Err(E::Checksum)),
        ("as large as may be",      v4(&padding(MAX_PREAMBLE_BYTES - 28)), client("203.0.113.7:4660")),
        ("a byte more",             v4(&padding(MAX_PREAMBLE_BYTES - 27)), Err(E::TooLarge)),
        ("as large as can be said", binary(0x21, 0x11, &vec![0; 65535]),      Err(E::TooLarge)),
        ("a signature cut short",   b"\r\n\r\n\0\r\nQUIX\n".to_vec(),     Err(E::Missing)),
    ];
    for (name, bytes, expected) in rows {
        check(name, &bytes, expected);
    }
}

/// One extension without meaning that fills so many bytes.
fn padding(bytes: usize) -> Vec<u8> {
    let length = u16::try_from(bytes - 3).expect("short").to_be_bytes();
    [&[0x04, length[0], length[1]][..], &vec![0; bytes - 3]].concat()
}

#[test]
fn a_checksum_that_holds() {
    // Computed bit by bit, apart from the code under test.
    let sum = |bytes: &[u8]| {
        !bytes.iter().fold(!0_u32, |value, byte| {
            (0..8).fold(value ^ u32::from(*byte), |value, _| (value >> 1) ^ (0x82f6_3b78 & (value & 1).wrapping_neg()))
        })
    };
    for (before, after) in [(&[][..], &[][..]), (&[0x01, 0, 2, b'h', b'2'], &[0x04, 0, 1, 0])] {
        let mut bytes = v4(&[before, &[0x03, 0, 4, 0, 0, 0, 0], after].concat());
        let place = 28 + before.len() + 3;
        let value = sum(&bytes).to_be_bytes();
        bytes[place..place + 4].copy_from_slice(&value);
        check("a checksum", &bytes, client("203.0.113.7:4660"));
        bytes[16] ^= 1;
        check("of other bytes", &bytes, Err(E::Checksum));
    }
}

/// What may be read wrongly in between the two, byte by byte.
#[test]
fn an_error_is_told_early() {
    #[rustfmt::skip]
    let rows: [(&[u8], usize); 6] = [
        (b"GET / HTTP/1.1\r\n",          1),
        (b"PROXX",                       5),
        (b"PROXY UDP4 ",                 8),
        (b"PROXY TCP4 1.2.3.4\x00",      19),
        (b"\r\n\r\n\0\r\nQUIT\n\x31",    13),
        (b"\r\n\r\n\0\r\nQUIT\n\x21\x12", 14),
    ];
    for (bytes, first) in rows {
        assert_eq!((0..=bytes.len()).find(|end| parse(&bytes[..*end]).is_err()), Some(first), "{bytes:?}");
    }
}
