//! From when until when a certificate counts (RFC 5280, section 4.1.2.5).
//!
//! The TLS library asks nobody about a server's own certificate, so this is read here, to warn before clients refuse it.

use jiff::{SignedDuration, Timestamp, civil::DateTime, tz::TimeZone};

use crate::defaults::CERTIFICATE_EXPIRY_NOTICE;

/// Where a certificate stands in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// It counts, and will for a while.
    Good,
    /// It will count from this time.
    NotYet(Timestamp),
    /// It counts until this time, which is near.
    Ending(Timestamp),
    /// It counted until this time.
    Ended(Timestamp),
    /// It does not say so in a way that is understood here.
    Unknown,
}

impl Standing {
    /// The standing at `now` of the certificate with this encoding.
    pub(super) fn of(der: &[u8], now: Timestamp) -> Self {
        let Some((from, until)) = validity(der) else { return Self::Unknown };
        let notice = SignedDuration::try_from(CERTIFICATE_EXPIRY_NOTICE).unwrap_or(SignedDuration::ZERO);
        if now < from {
            Self::NotYet(from)
        } else if now > until {
            Self::Ended(until)
        } else if until.duration_since(now) < notice {
            Self::Ending(until)
        } else {
            Self::Good
        }
    }

    /// What the log should say, if anything.
    pub(super) fn warning(self) -> Option<String> {
        match self {
            Self::Good | Self::Unknown => None,
            Self::NotYet(from) => {
                Some(format!("the certificate counts only from {from:.0}: is this machine's clock right?"))
            }
            Self::Ending(until) => {
                Some(format!("the certificate expires at {until:.0}: renew its files, they are read again"))
            }
            Self::Ended(until) => Some(format!(
                "the certificate expired at {until:.0}: clients refuse it; renew its files, they are read again"
            )),
        }
    }
}

/// Both ends of a certificate's life.
fn validity(der: &[u8]) -> Option<(Timestamp, Timestamp)> {
    /// Tags of DER (ITU-T X.690).
    const SEQUENCE: u8 = 0x30;
    const VERSION: u8 = 0xa0;
    let certificate = Element::read(der)?.1.inside(SEQUENCE)?;
    let (_, body) = Element::read(certificate)?;
    let mut rest = body.inside(SEQUENCE)?;
    if rest.first() == Some(&VERSION) {
        rest = Element::read(rest)?.0;
    }
    // Serial number, signature algorithm and issuer come before it.
    for _ in 0..3 {
        rest = Element::read(rest)?.0;
    }
    let validity = Element::read(rest)?.1.inside(SEQUENCE)?;
    let (rest, from) = Element::read(validity)?;
    let (_, until) = Element::read(rest)?;
    Some((from.time()?, until.time()?))
}

/// A tag with what belongs to it.
struct Element<'a> {
    tag: u8,
    content: &'a [u8],
}

impl<'a> Element<'a> {
    /// The first element, after what follows it.
    fn read(bytes: &'a [u8]) -> Option<(&'a [u8], Self)> {
        let (&tag, rest) = bytes.split_first()?;
        let (&first, mut rest) = rest.split_first()?;
        let mut length = usize::from(first);
        if first & 0x80 != 0 {
            let (digits, after) = rest.split_at_checked(usize::from(first & 0x7f))?;
            if digits.is_empty() || digits.len() > 4 {
                return None;
            }
            length = digits.iter().fold(0, |sum, digit| sum << 8 | usize::from(*digit));
            rest = after;
        }
        let (content, rest) = rest.split_at_checked(length)?;
        Some((rest, Self { tag, content }))
    }

    fn inside(self, tag: u8) -> Option<&'a [u8]> {
        (self.tag == tag).then_some(self.content)
    }

    /// A time in one of the two forms. Two digits of a year stand for 1950 to 2049.
    fn time(&self) -> Option<Timestamp> {
        const UTC_TIME: u8 = 0x17;
        const GENERALIZED_TIME: u8 = 0x18;
        let text = std::str::from_utf8(self.content).ok()?.strip_suffix('Z')?;
        let text = match self.tag {
            GENERALIZED_TIME => text.to_owned(),
            UTC_TIME => format!("{}{text}", if text.get(..2)? < "50" { "20" } else { "19" }),
            _ => return None,
        };
        DateTime::strptime("%Y%m%d%H%M%S", &text).ok()?.to_zoned(TimeZone::UTC).ok().map(|time| time.timestamp())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rcgen::{CertificateParams, KeyPair};

    use super::*;

    fn certificate(from: i32, until: i32) -> Vec<u8> {
        let mut params = CertificateParams::new(vec!["localhost".into()]).expect("a name");
        params.not_before = rcgen::date_time_ymd(from, 1, 1);
        params.not_after = rcgen::date_time_ymd(until, 1, 1);
        let key = KeyPair::generate().expect("a key");
        params.self_signed(&key).expect("signed").der().to_vec()
    }

    #[test]
    fn a_certificate_warns_in_time() {
        let at = |text: &str| text.parse::<Timestamp>().expect("a time");
        #[rustfmt::skip]
        let rows = [
            // from  until  now                      standing
            (2020,   2030,  "2025-01-01T00:00:00Z",  Standing::Good),
            (2020,   2030,  "2019-12-31T23:59:59Z",  Standing::NotYet(at("2020-01-01T00:00:00Z"))),
            (2020,   2030,  "2029-12-31T00:00:00Z",  Standing::Ending(at("2030-01-01T00:00:00Z"))),
            (2020,   2030,  "2030-01-01T00:00:01Z",  Standing::Ended(at("2030-01-01T00:00:00Z"))),
            (1975,   2060,  "2059-12-31T00:00:00Z",  Standing::Ending(at("2060-01-01T00:00:00Z"))), // both forms of a time
        ];
        for (from, until, now, standing) in rows {
            let found = Standing::of(&certificate(from, until), at(now));
            assert_eq!(found, standing, "{from} to {until} at {now}");
            assert_eq!(found.warning().is_none(), standing == Standing::Good);
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), cut in 0usize..400) {
            let _ = Standing::of(&bytes, Timestamp::UNIX_EPOCH);
            let whole = certificate(2020, 2030);
            let _ = Standing::of(&whole[..cut.min(whole.len())], Timestamp::UNIX_EPOCH);
        }
    }
}
