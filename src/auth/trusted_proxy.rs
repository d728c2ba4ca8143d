//! Users for whom a trusted proxy vouches (gateway protocol, trusted-proxy).

use std::{borrow::Cow, net::IpAddr};

use hyper::{HeaderMap, header::HeaderName};

use crate::source::{Peer, Source, SourceClass};

/// What a proxy must say of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedProxy {
    /// The header that names the user.
    pub user_header: HeaderName,
    /// Headers that must be present and not blank.
    pub required_headers: Vec<HeaderName>,
    /// The users who are let in, to the letter; empty for every user that the proxy names.
    pub allow_users: Vec<String>,
    /// Whether a proxy on this machine, at a loopback address, may vouch too.
    pub allow_loopback: bool,
    /// Whether any proxy is trusted at all.
    pub any_trusted: bool,
}

/// The connection by which a user comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hop {
    /// Its class; only `proxied` will do.
    pub class: SourceClass,
    /// The other end of the socket.
    pub peer: Option<IpAddr>,
    /// Whether that is one of our own addresses: then anybody on this machine, or behind its engine, may stand there.
    pub peer_is_ours: bool,
}

impl Hop {
    /// The hop of a connection from `source`.
    pub fn of(source: &Source, peer_is_ours: bool) -> Self {
        Self { class: source.class, peer: source.peer.map(Peer::ip), peer_is_ours }
    }
}

/// A user for whom a trusted proxy vouches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxyUser(Box<str>);

impl ProxyUser {
    /// The name that the proxy gave.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TrustedProxy {
    /// The user of a request that came by `hop` with these headers.
    ///
    /// # Errors
    /// The first check that fails, in the protocol's order.
    pub fn user(&self, hop: Hop, headers: &HeaderMap) -> Result<ProxyUser, TrustedProxyFailure> {
        if !self.any_trusted {
            return Err(TrustedProxyFailure::NoProxiesConfigured);
        }
        if hop.class != SourceClass::Proxied {
            return Err(TrustedProxyFailure::UntrustedSource);
        }
        if hop.peer.is_some_and(|peer| peer.is_loopback()) && !self.allow_loopback {
            return Err(TrustedProxyFailure::LoopbackSource);
        }
        if hop.peer_is_ours && !hop.peer.is_some_and(|peer| peer.is_loopback()) {
            return Err(TrustedProxyFailure::LocalInterfaceSource);
        }
        let value = |name: &HeaderName| {
            let mut values = headers.get_all(name).iter();
            let value = values.next()?.to_str().ok()?.trim();
            // Twice the same header: one of them is not the proxy's.
            (!value.is_empty() && values.next().is_none()).then_some(value)
        };
        if let Some(missing) = self.required_headers.iter().find(|name| value(name).is_none()) {
            return Err(TrustedProxyFailure::MissingHeader(missing.clone()));
        }
        let user = value(&self.user_header).ok_or(TrustedProxyFailure::UserMissing)?;
        if !self.allow_users.is_empty() && !self.allow_users.iter().any(|allowed| allowed == user) {
            return Err(TrustedProxyFailure::UserNotAllowed);
        }
        Ok(ProxyUser(user.into()))
    }
}

/// Why no proxy vouches for a user.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TrustedProxyFailure {
    /// No proxy is trusted.
    #[error("no proxy is trusted to vouch for users")]
    NoProxiesConfigured,
    /// The request did not come through a trusted proxy that names its client.
    #[error("the request did not come through a trusted proxy that names its client")]
    UntrustedSource,
    /// The proxy stands at a loopback address, and such a proxy may not vouch.
    #[error("the proxy stands at a loopback address, where it may not vouch for users")]
    LoopbackSource,
    /// The proxy stands at one of our own addresses.
    #[error("the proxy stands at one of the gateway's own addresses, where anybody on this machine may stand")]
    LocalInterfaceSource,
    /// A required header is missing, blank or repeated.
    #[error("the proxy did not send the header {0} exactly once")]
    MissingHeader(HeaderName),
    /// No user is named.
    #[error("the proxy names no user")]
    UserMissing,
    /// The user is not on the list.
    #[error("the user is not allowed")]
    UserNotAllowed,
}

impl TrustedProxyFailure {
    /// The reason in logs and on the wire.
    pub fn reason(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::NoProxiesConfigured => "trusted_proxy_no_proxies_configured",
            Self::UntrustedSource => "trusted_proxy_untrusted_source",
            Self::LoopbackSource => "trusted_proxy_loopback_source",
            Self::LocalInterfaceSource => "trusted_proxy_local_interface_source",
            Self::MissingHeader(name) => return Cow::Owned(format!("trusted_proxy_missing_header_{name}")),
            Self::UserMissing => "trusted_proxy_user_missing",
            Self::UserNotAllowed => "trusted_proxy_user_not_allowed",
        })
    }

    /// The setting that decides.
    pub(super) const fn setting(&self) -> &'static str {
        match self {
            Self::NoProxiesConfigured | Self::UntrustedSource | Self::LocalInterfaceSource => "gateway.trustedProxies",
            Self::LoopbackSource => "gateway.auth.trustedProxy.allowLoopback",
            Self::MissingHeader(_) => "gateway.auth.trustedProxy.requiredHeaders",
            Self::UserMissing => "gateway.auth.trustedProxy.userHeader",
            Self::UserNotAllowed => "gateway.auth.trustedProxy.allowUsers",
        }
    }
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    type Row<'a> = (&'a TrustedProxy, Hop, &'a [(&'static str, &'static str)], Result<&'static str, &'static str>);

    fn proxy() -> TrustedProxy {
        TrustedProxy {
            user_header: HeaderName::from_static("x-forwarded-user"),
            required_headers: vec![HeaderName::from_static("x-forwarded-proto")],
            allow_users: vec!["ann@example.com".into()],
            allow_loopback: false,
            any_trusted: true,
        }
    }

    fn hop(class: SourceClass, peer: &str) -> Hop {
        Hop { class, peer: Some(peer.parse().expect("an address")), peer_is_ours: false }
    }

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in lines {
            map.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        map
    }

    #[test]
    fn the_first_check_that_fails_is_told() {
        let proxied = hop(SourceClass::Proxied, "10.0.0.1");
        let ann: &[_] = &[("x-forwarded-proto", "https"), ("x-forwarded-user", " ann@example.com ")];
        let any = TrustedProxy { allow_users: Vec::new(), ..proxy() };
        let at_home = TrustedProxy { allow_loopback: true, ..proxy() };
        let none = TrustedProxy { any_trusted: false, ..proxy() };
        let loopback = hop(SourceClass::Proxied, "127.0.0.1");
        let ours = Hop { peer_is_ours: true, ..proxied };
        #[rustfmt::skip]
        let rows: &[Row<'_>] = &[
            (&proxy(), proxied,  ann, Ok("ann@example.com")),
            (&any,     proxied,  &[("x-forwarded-proto", "https"), ("x-forwarded-user", "bob")], Ok("bob")),
            (&at_home, loopback, ann, Ok("ann@example.com")),
            (&none,    proxied,  ann, Err("trusted_proxy_no_proxies_configured")),
            (&proxy(), hop(SourceClass::ProxyDirect, "10.0.0.1"), ann, Err("trusted_proxy_untrusted_source")),
            (&proxy(), hop(SourceClass::Unattributable, "10.0.0.1"), ann, Err("trusted_proxy_untrusted_source")),
            (&proxy(), hop(SourceClass::Loopback, "127.0.0.1"), ann, Err("trusted_proxy_untrusted_source")),
            (&proxy(), loopback, ann, Err("trusted_proxy_loopback_source")),
            (&proxy(), ours,     ann, Err("trusted_proxy_local_interface_source")),
            (&proxy(), proxied,  &[("x-forwarded-user", "ann@example.com")], Err("trusted_proxy_missing_header_x-forwarded-proto")),
            (&proxy(), proxied,  &[("x-forwarded-proto", " ")], Err("trusted_proxy_missing_header_x-forwarded-proto")),
            (&proxy(), proxied,  &[("x-forwarded-proto", "https")], Err("trusted_proxy_user_missing")),
            (&proxy(), proxied,  &[("x-forwarded-proto", "https"), ("x-forwarded-user", " ")], Err("trusted_proxy_user_missing")),
            (&proxy(), proxied,  &[("x-forwarded-proto", "https"), ("x-forwarded-user", "ANN@example.com")], Err("trusted_proxy_user_not_allowed")),
            (&proxy(), proxied,  &[("x-forwarded-proto", "https"), ("x-forwarded-user", "eve"), ("x-forwarded-user", "ann@example.com")], Err("trusted_proxy_user_missing")),
        ];
        for (index, (proxy, hop, lines, expected)) in rows.iter().enumerate() {
            let found = proxy.user(*hop, &headers(lines));
            let found = found.as_ref().map(ProxyUser::as_str).map_err(|failure| failure.reason().into_owned());
            assert_eq!(found, expected.map_err(str::to_owned), "row {index}: {hop:?} {lines:?}");
        }
    }
}
