//! The settings that decide what becomes of a source, by name.

use std::fmt;

/// A setting that decides what becomes of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Setting {
    /// Proxies whose forwarding headers count.
    TrustedProxies,
    /// The container's hops, behind which the host's own users stand.
    TrustedBridges,
    /// Where the container's port is published.
    PublishedOn,
    /// Whether a forwarder connects from loopback.
    LoopbackIsProxy,
    /// Whether `X-Real-IP` counts.
    AllowRealIpFallback,
    /// Listeners that require a PROXY preamble.
    ProxyProtocol,
    /// What becomes of connections that nobody vouches for.
    Unattributed,
    /// Pages that may connect.
    AllowedOrigins,
    /// Whether a proxy at a loopback address may vouch for users.
    ProxyOnLoopback,
}

impl Setting {
    /// The key in the configuration.
    pub const fn key(self) -> &'static str {
        match self {
            Self::TrustedProxies => "gateway.trustedProxies",
            Self::TrustedBridges => "gateway.trustedBridges",
            Self::PublishedOn => "gateway.publishedOn",
            Self::LoopbackIsProxy => "gateway.loopbackIsProxy",
            Self::AllowRealIpFallback => "gateway.allowRealIpFallback",
            Self::ProxyProtocol => "gateway.proxyProtocol",
            Self::Unattributed => "gateway.unattributed",
            Self::AllowedOrigins => "gateway.controlUi.allowedOrigins",
            Self::ProxyOnLoopback => "gateway.auth.trustedProxy.allowLoopback",
        }
    }
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.key())
    }
}

/// A word for a POSIX shell: as it is where nothing in it means anything to a shell, else in single quotes.
pub fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@%+,=".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_for_a_shell() {
        #[rustfmt::skip]
        let rows = [
            ("loopback",        "loopback"),
            ("https://a.b:1",   "https://a.b:1"),
            ("",                "''"),
            ("a b",             "'a b'"),
            ("$(x)",            "'$(x)'"),
            (r#"["a"]"#,        r#"'["a"]'"#),
            ("it's",            r"'it'\''s'"),
            ("a;b",             "'a;b'"),
            ("~",               "'~'"),
        ];
        for (word, shown) in rows {
            assert_eq!(quoted(word), shown, "{word}");
        }
    }
}
