//! What a client brings to be let in.

use std::fmt;

use sha2::{Digest, Sha256};

use super::throttle::Fingerprint;
use crate::protocol::ConnectAuth;

/// The secrets in a `connect`. Empty texts count as absent.
#[derive(Clone, Copy, Default)]
pub struct Presented<'a> {
    /// The shared token, or from older clients the device token.
    pub token: Option<&'a str>,
    /// The shared password.
    pub password: Option<&'a str>,
    /// The device token, from newer clients.
    pub device_token: Option<&'a str>,
    /// A setup code. This gateway makes none, so none is valid here.
    pub setup_code: Option<&'a str>,
}

impl<'a> Presented<'a> {
    /// The secrets in the `auth` member of `connect`.
    pub fn of(auth: Option<&'a ConnectAuth>) -> Self {
        let Some(auth) = auth else { return Self::default() };
        let text = |member: &'a Option<String>| member.as_deref().filter(|text| !text.is_empty());
        Self {
            token: text(&auth.token),
            password: text(&auth.password),
            device_token: text(&auth.device_token),
            setup_code: text(&auth.bootstrap_token),
        }
    }

    /// Tells one guess from another; `None` where nothing was brought that could be right.
    pub(super) fn fingerprint(&self) -> Option<Fingerprint> {
        let parts = [self.token, self.password, self.device_token];
        if parts.iter().all(Option::is_none) {
            return None;
        }
        let mut digest = Sha256::new();
        for part in parts {
            let part = part.unwrap_or_default();
            digest.update(part.len().to_le_bytes());
            digest.update(part);
        }
        Some(Fingerprint(digest.finalize().into()))
    }
}

impl fmt::Debug for Presented<'_> {
    /// Says which secrets there are, and nothing of them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Presented")
            .field("token", &self.token.is_some())
            .field("password", &self.password.is_some())
            .field("device_token", &self.device_token.is_some())
            .field("setup_code", &self.setup_code.is_some())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_text_is_absent() {
        let auth = ConnectAuth { token: Some(String::new()), password: Some("p".into()), ..ConnectAuth::default() };
        let presented = Presented::of(Some(&auth));
        assert_eq!((presented.token, presented.password), (None, Some("p")));
        assert!(Presented::of(None).fingerprint().is_none());
    }

    #[test]
    fn guesses_are_told_apart() {
        let as_token = Presented { token: Some("ab"), ..Presented::default() };
        let as_password = Presented { password: Some("ab"), ..Presented::default() };
        let split = Presented { token: Some("a"), password: Some("b"), ..Presented::default() };
        assert!(as_token.fingerprint().is_some_and(|print| Some(print) == as_token.fingerprint()));
        assert_ne!(as_token.fingerprint(), as_password.fingerprint());
        assert_ne!(as_token.fingerprint(), split.fingerprint());
    }

    #[test]
    fn shows_nothing_of_a_secret() {
        let presented = Presented { token: Some("hunter2"), ..Presented::default() };
        assert!(!format!("{presented:?}").contains("hunter2"));
    }
}
