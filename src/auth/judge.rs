//! Whether what a client brought lets it in: pure.

use super::{AuthFailure, AuthPolicy, Mechanism, Presented, ProxyUser, SharedSecret, TrustedProxyFailure};
use crate::{protocol::Dialect, source::Silence};

/// What a client brought, and what is known of it.
#[derive(Debug, Clone, Copy)]
pub struct Attempt<'a> {
    /// Its secrets.
    pub presented: Presented<'a>,
    /// The generation that it speaks.
    pub dialect: Dialect,
    /// What is granted where it is.
    pub silence: Silence,
    /// The device that proved its key on this connection.
    pub device: DeviceStanding<'a>,
    /// What the proxy before it said, in mode `trusted-proxy`; looked at in no other.
    pub proxy: Option<&'a Result<ProxyUser, TrustedProxyFailure>>,
}

/// The device that proved its key on this connection, as far as its token goes.
#[derive(Clone, Copy)]
pub enum DeviceStanding<'a> {
    /// There is none.
    Absent,
    /// It has no token for the role that it asks for, or a revoked one.
    Stranger,
    /// It has one, and this says whether a text is it. Must take the same time whichever text it is.
    Known(&'a (dyn Fn(&str) -> bool + Send + Sync)),
}

impl std::fmt::Debug for DeviceStanding<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Absent => "Absent",
            Self::Stranger => "Stranger",
            Self::Known(_) => "Known(…)",
        })
    }
}

/// A client that is let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// What let it in.
    pub mechanism: Mechanism,
    /// The user for whom a proxy vouched.
    pub user: Option<ProxyUser>,
}

impl From<Mechanism> for Accepted {
    fn from(mechanism: Mechanism) -> Self {
        Self { mechanism, user: None }
    }
}

/// Judges an attempt: the mode's own credential first, then the device token.
///
/// # Errors
/// The failure that helps most: of a device token where one was meant, otherwise of the mode's own credential.
pub fn judge(policy: &AuthPolicy, attempt: &Attempt<'_>) -> Result<Accepted, AuthFailure> {
    by_mode(policy, attempt).or_else(|failure| by_device_token(attempt, failure))
}

fn by_mode(policy: &AuthPolicy, attempt: &Attempt<'_>) -> Result<Accepted, AuthFailure> {
    let Presented { token, password, .. } = attempt.presented;
    match policy {
        AuthPolicy::None => Ok(Mechanism::None.into()),
        // Newer clients may send the secret in either member; its own comes first.
        AuthPolicy::Token(secret) => match token.or(password) {
            None => Err(AuthFailure::TokenMissing),
            Some(presented) if secret.matches(presented) => Ok(Mechanism::Token.into()),
            Some(_) => Err(AuthFailure::TokenMismatch { can_retry_with_device_token: can_retry(attempt) }),
        },
        AuthPolicy::Password(secret) => match password.or(token) {
            None => Err(AuthFailure::PasswordMissing),
            Some(presented) => by_password(secret, presented),
        },
        AuthPolicy::TrustedProxy { password: secret, .. } => {
            let failure = match attempt.proxy {
                Some(Ok(user)) => return Ok(Accepted { mechanism: Mechanism::TrustedProxy, user: Some(user.clone()) }),
                Some(Err(failure)) => failure.clone(),
                None => TrustedProxyFailure::UntrustedSource,
            };
            match (secret, password.or(token)) {
                (Some(secret), Some(presented)) if attempt.silence == Silence::WithSharedSecret => {
                    by_password(secret, presented)
                }
                _ => Err(failure.into()),
            }
        }
    }
}

fn by_password(secret: &SharedSecret, presented: &str) -> Result<Accepted, AuthFailure> {
    if secret.matches(presented) { Ok(Mechanism::Password.into()) } else { Err(AuthFailure::PasswordMismatch) }
}

/// Newer clients try again with the token of their device, once, if they are told that it was not looked at.
fn can_retry(attempt: &Attempt<'_>) -> bool {
    let Presented { token, device_token, .. } = attempt.presented;
    attempt.dialect == Dialect::V4
        && !matches!(attempt.device, DeviceStanding::Absent)
        && token.is_some()
        && device_token.is_none()
}

fn by_device_token(attempt: &Attempt<'_>, failure: AuthFailure) -> Result<Accepted, AuthFailure> {
    let Presented { token, device_token, setup_code, .. } = attempt.presented;
    let accepts = match attempt.device {
        DeviceStanding::Absent => return Err(failure),
        DeviceStanding::Stranger => &|_: &str| false,
        DeviceStanding::Known(accepts) => accepts,
    };
    match device_token.or(token) {
        Some(presented) if accepts(presented) => Ok(Mechanism::DeviceToken.into()),
        // Older clients send the device token as `token`, and throw a stale one away only when they read these words.
        Some(_) if device_token.is_some() || attempt.dialect == Dialect::V3 => Err(AuthFailure::DeviceTokenMismatch),
        None if setup_code.is_some() => Err(AuthFailure::SetupCodeInvalid),
        _ => Err(failure),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::TrustedProxy;

    const DEVICE_TOKEN: &str = "device-token";

    fn secret() -> SharedSecret {
        SharedSecret::new("s3cret").expect("a secret")
    }

    fn trusted_proxy(password: Option<SharedSecret>) -> AuthPolicy {
        let proxy = TrustedProxy {
            user_header: "x-user".parse().expect("a name"),
            required_headers: Vec::new(),
            allow_users: Vec::new(),
            allow_loopback: false,
            any_trusted: true,
        };
        AuthPolicy::TrustedProxy { proxy, password }
    }

    fn none() -> Presented<'static> {
        Presented::default()
    }
    fn token(text: &str) -> Presented<'_> {
        Presented { token: Some(text), ..none() }
    }
    fn password(text: &str) -> Presented<'_> {
        Presented { password: Some(text), ..none() }
    }
    fn device_token(text: &str) -> Presented<'_> {
        Presented { device_token: Some(text), ..none() }
    }

    fn outcome(policy: &AuthPolicy, attempt: &Attempt<'_>) -> Result<&'static str, String> {
        judge(policy, attempt).map(|accepted| accepted.mechanism.as_str()).map_err(|failure| {
            let retry = failure == AuthFailure::TokenMismatch { can_retry_with_device_token: true };
            format!("{}{}", failure.reason(), if retry { " (retry)" } else { "" })
        })
    }

    #[test]
    fn every_credential_in_every_mode() {
        use DeviceStanding as D;
        use Dialect::{V3, V4};
        let known = |text: &str| text == DEVICE_TOKEN;
        let known = D::Known(&known);
        let by_token = AuthPolicy::Token(secret());
        let by_password = AuthPolicy::Password(secret());
        let both = |token, device_token| Presented { token: Some(token), device_token: Some(device_token), ..none() };
        let code = Presented { setup_code: Some("c"), ..none() };
        #[rustfmt::skip]
        let rows = [
            // The shared secret, in its own member or the other, with and without a device.
            (&by_token,    token("s3cret"),                V3, D::Absent,   Ok("token")),
            (&by_token,    token("s3cret"),                V4, D::Stranger, Ok("token")),
            (&by_token,    password("s3cret"),             V3, D::Absent,   Ok("token")),
            (&by_token,    password("s3cret"),             V4, known,       Ok("token")),
            (&by_password, password("s3cret"),             V4, D::Absent,   Ok("password")),
            (&by_password, token("s3cret"),                V3, D::Absent,   Ok("password")),
            // It wins even beside a wrong device token, and its own member over the other.
            (&by_token,    both("s3cret", "stale"),        V4, known,       Ok("token")),
            (&by_password, Presented { token: Some("stale"), ..password("s3cret") }, V3, known, Ok("password")),
            // Nothing.
            (&by_token,    none(),                         V4, D::Absent,   Err("token_missing")),
            (&by_token,    none(),                         V3, known,       Err("token_missing")),
            (&by_password, none(),                         V4, known,       Err("password_missing")),
            (&AuthPolicy::None, none(),                    V4, D::Absent,   Ok("none")),
            (&AuthPolicy::None, token("any"),              V3, D::Stranger, Ok("none")),
            // The device token, in either member.
            (&by_token,    device_token(DEVICE_TOKEN),     V4, known,       Ok("device-token")),
            (&by_token,    token(DEVICE_TOKEN),            V3, known,       Ok("device-token")),
            (&by_token,    token(DEVICE_TOKEN),            V4, known,       Ok("device-token")),
            (&by_password, token(DEVICE_TOKEN),            V3, known,       Ok("device-token")),
            (&by_token,    both(DEVICE_TOKEN, DEVICE_TOKEN), V4, known,     Ok("device-token")),
            (&by_token,    both("wrong", DEVICE_TOKEN),    V4, known,       Ok("device-token")),
            // Without the proof of its key it is worth nothing.
            (&by_token,    device_token(DEVICE_TOKEN),     V4, D::Absent,   Err("token_missing")),
            (&by_token,    token(DEVICE_TOKEN),            V3, D::Absent,   Err("token_mismatch")),
            (&by_token,    device_token(DEVICE_TOKEN),     V4, D::Stranger, Err("device_token_mismatch")),
            // Wrong: older clients learn that their stored token is stale, newer ones which of the two it was.
            (&by_token,    token("wrong"),                 V3, known,       Err("device_token_mismatch")),
            (&by_token,    token("wrong"),                 V3, D::Stranger, Err("device_token_mismatch")),
            (&by_token,    token("wrong"),                 V3, D::Absent,   Err("token_mismatch")),
            (&by_token,    token("wrong"),                 V4, D::Absent,   Err("token_mismatch")),
            (&by_token,    token("wrong"),                 V4, known,       Err("token_mismatch (retry)")),
            (&by_token,    password("wrong"),              V4, known,       Err("token_mismatch")),
            (&by_token,    device_token("wrong"),          V4, known,       Err("device_token_mismatch")),
            (&by_token,    both("wrong", "wrong"),         V4, known,       Err("device_token_mismatch")),
            (&by_password, password("wrong"),              V3, known,       Err("password_mismatch")),
            (&by_password, token("wrong"),                 V4, D::Absent,   Err("password_mismatch")),
            // Setup codes are not made here.
            (&by_token,    code,                           V4, known,       Err("bootstrap_token_invalid")),
            (&by_token,    code,                           V4, D::Absent,   Err("token_missing")),
            (&by_token,    Presented { setup_code: Some("c"), ..token("s3cret") }, V4, known, Ok("token")),
        ];
        for (index, (policy, presented, dialect, device, expected)) in rows.into_iter().enumerate() {
            let attempt = Attempt { presented, dialect, silence: Silence::Never, device, proxy: None };
            assert_eq!(
                outcome(policy, &attempt),
                expected.map_err(str::to_owned),
                "row {index}: {:?} {presented:?} {dialect:?} {device:?}",
                policy.mode()
            );
        }
    }

    #[test]
    fn a_proxy_vouches_and_a_password_lets_in_clients_on_this_machine() {
        let known = |text: &str| text == DEVICE_TOKEN;
        let known = DeviceStanding::Known(&known);
        let absent = DeviceStanding::Absent;
        let (with, without) = (trusted_proxy(Some(secret())), trusted_proxy(None));
        let refused = Err(TrustedProxyFailure::UserMissing);
        #[rustfmt::skip]
        let rows = [
            (&with,    Silence::WithSharedSecret, password("s3cret"),         absent, Ok("password")),
            (&with,    Silence::WithSharedSecret, password("wrong"),          absent, Err("password_mismatch")),
            (&with,    Silence::Never,            password("s3cret"),         absent, Err("trusted_proxy_user_missing")),
            (&with,    Silence::Never,            password("s3cret"),         absent, Err("trusted_proxy_user_missing")),
            (&without, Silence::WithSharedSecret, password("s3cret"),         absent, Err("trusted_proxy_user_missing")),
            (&without, Silence::Never,            none(),                     absent, Err("trusted_proxy_user_missing")),
            (&without, Silence::Never,            device_token(DEVICE_TOKEN), known,  Ok("device-token")),
        ];
        for (index, (policy, silence, presented, device, expected)) in rows.into_iter().enumerate() {
            let attempt = Attempt { presented, dialect: Dialect::V4, silence, device, proxy: Some(&refused) };
            assert_eq!(outcome(policy, &attempt), expected.map_err(str::to_owned), "row {index}");
        }
    }
}
