//! The proof that a device holds its key: signing and verifying (gateway protocol, device identity).

use std::time::Duration;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ed25519_dalek::{Signature, Verifier as _, VerifyingKey};

pub use super::payload::{PayloadVersion, Signed};
use super::{
    DeviceId, DeviceKey, Identity,
    key::{decode_base64, decode_key},
};
use crate::{defaults::MAX_SIGNATURE_SKEW, protocol::ConnectParams};

/// What a device says in `connect` and signs.
#[derive(Debug, Clone, Copy)]
pub struct Claim<'a> {
    /// The id that it claims.
    pub device_id: &'a str,
    /// Its public key as it was sent.
    pub public_key: &'a str,
    /// The signature as it was sent.
    pub signature: &'a str,
    /// The parts that are signed.
    pub signed: Signed<'a>,
}

impl<'a> Claim<'a> {
    /// The claim of the device in `connect`; `None` where it brings none.
    pub fn of(connect: &'a ConnectParams) -> Option<Self> {
        let device = connect.device.as_ref()?;
        Some(Self {
            device_id: &device.id,
            public_key: &device.public_key,
            signature: &device.signature,
            signed: Signed::of(connect),
        })
    }
}

/// What a proof must satisfy where the connection comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProofRules {
    /// Whether a signature without a nonce counts: only where nobody can listen in and replay it.
    pub nonce_optional: bool,
}

/// A device that holds the key which its id names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProvenDevice {
    /// Its id.
    pub id: DeviceId,
    /// Its key.
    pub key: DeviceKey,
    /// The payload that it signed.
    pub payload: PayloadVersion,
}

/// Why a device proof does not hold. `Display` is the wire text: message and close reason.
///
/// The protocol knows a sixth text, for a key that verifies and cannot be written in the normal form; here the normal form
/// is what is verified with, so there is no such key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DeviceProofError {
    /// The id is not the hash of the key.
    #[error("device identity mismatch")]
    IdMismatch,
    /// Signed too long ago, or too far in the future.
    #[error("device signature expired")]
    Expired,
    /// No nonce, where one is needed.
    #[error("device nonce required")]
    NonceMissing,
    /// Not the nonce of this connection.
    #[error("device nonce mismatch")]
    NonceMismatch,
    /// The signature does not fit the key and what was said.
    #[error("device signature invalid")]
    SignatureInvalid,
}

impl DeviceProofError {
    /// The cause in the log and in `details.reason`.
    pub const fn log_reason(self) -> &'static str {
        match self {
            Self::IdMismatch => "device-id-mismatch",
            Self::Expired => "device-signature-stale",
            Self::NonceMissing => "device-nonce-missing",
            Self::NonceMismatch => "device-nonce-mismatch",
            Self::SignatureInvalid => "device-signature",
        }
    }

    /// `details.code` on the wire.
    pub const fn detail_code(self) -> &'static str {
        match self {
            Self::IdMismatch => "DEVICE_AUTH_DEVICE_ID_MISMATCH",
            Self::Expired => "DEVICE_AUTH_SIGNATURE_EXPIRED",
            Self::NonceMissing => "DEVICE_AUTH_NONCE_REQUIRED",
            Self::NonceMismatch => "DEVICE_AUTH_NONCE_MISMATCH",
            Self::SignatureInvalid => "DEVICE_AUTH_SIGNATURE_INVALID",
        }
    }
}

impl crate::hint::Hint for DeviceProofError {
    fn hint(&self) -> String {
        match self {
            Self::Expired => format!(
                "set the clock of one of the two machines: they differ by more than {} s",
                MAX_SIGNATURE_SKEW.as_secs()
            ),
            Self::IdMismatch | Self::NonceMissing | Self::NonceMismatch | Self::SignatureInvalid => {
                "sign the challenge of this connection with the key whose hash is the device id; a client whose key is damaged gets \
                 a new one, to be paired anew, when its key file is moved away"
                    .into()
            }
        }
    }
}

/// Checks that the device in `claim` holds its key, answered the challenge with `challenge_nonce`, and signed about `now_ms`,
/// milliseconds since the Unix epoch.
///
/// # Errors
/// The first check that fails, in the protocol's order: id, time, nonce, signature.
pub fn verify(
    claim: &Claim<'_>,
    challenge_nonce: &str,
    now_ms: i64,
    rules: ProofRules,
) -> Result<ProvenDevice, DeviceProofError> {
    let raw = decode_key(claim.public_key).ok_or(DeviceProofError::IdMismatch)?;
    let id = DeviceId::of_key_bytes(&raw);
    if claim.device_id.parse() != Ok(id) {
        return Err(DeviceProofError::IdMismatch);
    }
    let skew = Duration::from_millis(now_ms.abs_diff(claim.signed.signed_at));
    if skew > MAX_SIGNATURE_SKEW {
        return Err(DeviceProofError::Expired);
    }
    let versions: &[PayloadVersion] = match claim.signed.nonce.map(str::trim).filter(|nonce| !nonce.is_empty()) {
        Some(nonce) if nonce == challenge_nonce => &[PayloadVersion::V3, PayloadVersion::V2],
        Some(_) => return Err(DeviceProofError::NonceMismatch),
        None if rules.nonce_optional => &[PayloadVersion::V1],
        None => return Err(DeviceProofError::NonceMissing),
    };
    let raw: [u8; 32] = raw.try_into().map_err(|_| DeviceProofError::SignatureInvalid)?;
    let key = VerifyingKey::from_bytes(&raw).map_err(|_| DeviceProofError::SignatureInvalid)?;
    // With a key of small order one signature would fit many payloads.
    if key.is_weak() {
        return Err(DeviceProofError::SignatureInvalid);
    }
    let signature = decode_base64(claim.signature.trim())
        .and_then(|bytes| Signature::from_slice(&bytes).ok())
        .ok_or(DeviceProofError::SignatureInvalid)?;
    versions
        .iter()
        // What the strict check asks beyond this, that R be of no small order, only the holder of the key can bring about.
        .find(|version| key.verify(claim.signed.payload(**version, id).as_bytes(), &signature).is_ok())
        .map(|version| ProvenDevice { id, key: key.into(), payload: *version })
        .ok_or(DeviceProofError::SignatureInvalid)
}

/// Signs what a client says in `connect`; base64url, as `device.signature` takes it.
///
/// The payload is the newest one, except for a gateway of protocol 3, which knows no [`PayloadVersion::V3`], and where no
/// challenge came: then there is no nonce and [`PayloadVersion::V1`] is all that is left.
pub fn sign(identity: &Identity, signed: &Signed<'_>, version: PayloadVersion) -> String {
    URL_SAFE_NO_PAD.encode(identity.sign(signed.payload(version, identity.device_id()).as_bytes()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NONCE: &str = "11111111-2222-4333-8444-555555555555";
    const DEVICE: &str = "56475aa75463474c0285df5dbf2bcab73da651358839e9b77481b2eab107708c";
    const KEY: &str = "A6EHv_POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg";
    const SIGNED_AT: i64 = 1_767_225_600_000;
    const V1: &str = "7rUY6SlrTGKvYCX3lsfm7nkkyB3Cc4szi2_a0J1oCDtU-ekjL7OmJkgmqcSTInchdkOrpzNeG_J2xH_9Ki5iCQ";
    const V2: &str = "rZ3F8D0HrQ-n5CLS8Lu56hFxAajPmkc7R9Av2vH_viiZ6kkeR73c02CNQtqyh-IO_MN-Cjdx0gpN02s5I-tAAQ";
    const V3: &str = "Rqw77oq6mnpbGyayAJq1n-H1Wv8uOEE1dpU-t2rnN9Q6-YhbCMjC97usGUYt0JqCeLpPb9E2vgNyo8_9Sem9BA";
    const NODE_V3: &str = "fZVLvcEhlOrYN_L7FpD2cKeuMLwgUsZEttUYkUBIQsVXIFzzeu6z5pyYVWTDr71Ztv8r8S6xlcUlp1_PCmZrCQ";

    const ANYWHERE: ProofRules = ProofRules { nonce_optional: false };
    const ON_LOOPBACK: ProofRules = ProofRules { nonce_optional: true };

    fn identity() -> Identity {
        Identity::from_seed(&std::array::from_fn(|index| u8::try_from(index).expect("below 32")))
    }

    fn scopes() -> Vec<String> {
        vec!["operator.admin".into(), "operator.pairing".into()]
    }

    fn cli(scopes: &[String]) -> Signed<'_> {
        Signed {
            client_id: "cli",
            client_mode: "cli",
            role: "operator",
            scopes,
            signed_at: SIGNED_AT,
            token: "secret-token",
            nonce: Some(NONCE),
            platform: "linux",
            device_family: None,
        }
    }

    fn node() -> Signed<'static> {
        Signed {
            client_id: "node-host",
            client_mode: "node",
            role: "node",
            token: "",
            device_family: Some("Linux"),
            ..cli(&[])
        }
    }

    fn claim<'a>(signed: Signed<'a>, signature: &'a str) -> Claim<'a> {
        Claim { device_id: DEVICE, public_key: KEY, signature, signed }
    }

    fn outcome(claim: &Claim<'_>, rules: ProofRules) -> Result<PayloadVersion, DeviceProofError> {
        verify(claim, NONCE, SIGNED_AT, rules).map(|proven| proven.payload)
    }

    #[test]
    fn the_worked_example() {
        use PayloadVersion::{V1 as First, V2 as Second, V3 as Third};
        let scopes = scopes();
        let cli = cli(&scopes);
        #[rustfmt::skip]
        let rows = [
            (cli,    First,  V1,      "v1|ID|cli|cli|operator|operator.admin,operator.pairing|1767225600000|secret-token"),
            (cli,    Second, V2,      "v2|ID|cli|cli|operator|operator.admin,operator.pairing|1767225600000|secret-token|NONCE"),
            (cli,    Third,  V3,      "v3|ID|cli|cli|operator|operator.admin,operator.pairing|1767225600000|secret-token|NONCE|linux|"),
            (node(), Third,  NODE_V3, "v3|ID|node-host|node|node||1767225600000||NONCE|linux|linux"),
        ];
        for (signed, version, signature, payload) in rows {
            let payload = payload.replace("ID", DEVICE).replace("NONCE", NONCE);
            assert_eq!(signed.payload(version, identity().device_id()), payload);
            assert_eq!(sign(&identity(), &signed, version), signature, "{payload}");
        }
    }

    #[test]
    fn what_is_accepted_where() {
        use DeviceProofError as E;
        let scopes = scopes();
        let with = cli(&scopes);
        let without = Signed { nonce: None, ..with };
        let blank = Signed { nonce: Some("  "), ..with };
        let other = Signed { nonce: Some("22222222-2222-4333-8444-555555555555"), ..with };
        let spaced = format!(" {NONCE} ");
        let spaced = Signed { nonce: Some(&spaced), ..with };
        let padded = format!("{V2}==");
        let standard = V2.replace('-', "+").replace('_', "/");
        let shouting = Signed { platform: " LINUX ", ..with };
        let elsewhere = Signed { platform: "darwin", ..with };
        let more = vec![scopes[0].clone()];
        let fewer_scopes = Signed { scopes: &more, ..with };
        #[rustfmt::skip]
        let rows = [
            ("v3",                  with,     V3,        ANYWHERE,    Ok(PayloadVersion::V3)),
            ("v2",                  with,     V2,        ANYWHERE,    Ok(PayloadVersion::V2)),
            ("v2 on loopback",      with,     V2,        ON_LOOPBACK, Ok(PayloadVersion::V2)),
            ("padded",              with,     &padded,   ANYWHERE,    Ok(PayloadVersion::V2)),
            ("standard base64",     with,     &standard, ANYWHERE,    Ok(PayloadVersion::V2)),
            ("spaces in the nonce", spaced,   V3,        ANYWHERE,    Ok(PayloadVersion::V3)),
            ("platform normalised", shouting, V3,        ANYWHERE,    Ok(PayloadVersion::V3)),
            ("node",                node(),   NODE_V3,   ANYWHERE,    Ok(PayloadVersion::V3)),
            ("v1 on loopback",      without,  V1,        ON_LOOPBACK, Ok(PayloadVersion::V1)),
            ("v1, blank nonce",     blank,    V1,        ON_LOOPBACK, Ok(PayloadVersion::V1)),
            ("v1 elsewhere",        without,  V1,        ANYWHERE,    Err(E::NonceMissing)),
            ("v1 with a nonce",     with,     V1,        ON_LOOPBACK, Err(E::SignatureInvalid)),
            ("v2 without a nonce",  without,  V2,        ON_LOOPBACK, Err(E::SignatureInvalid)),
            ("another nonce",       other,    V2,        ON_LOOPBACK, Err(E::NonceMismatch)),
            ("another platform",    elsewhere, V3,       ANYWHERE,    Err(E::SignatureInvalid)),
            ("other scopes",        fewer_scopes, V2,    ANYWHERE,    Err(E::SignatureInvalid)),
            ("not base64",          with,     "?",       ANYWHERE,    Err(E::SignatureInvalid)),
            ("too short",           with,     "AAAA",    ANYWHERE,    Err(E::SignatureInvalid)),
        ];
        for (name, signed, signature, rules, expected) in rows {
            assert_eq!(outcome(&claim(signed, signature), rules), expected, "{name}");
        }
    }

    #[test]
    fn the_first_failure_is_told() {
        use DeviceProofError as E;
        let scopes = scopes();
        let good = claim(cli(&scopes), V3);
        let short = DeviceId::of_key_bytes(&[0; 3]).to_string();
        let late = Signed { signed_at: SIGNED_AT - 600_001, ..good.signed };
        let early = Signed { signed_at: SIGNED_AT + 600_001, nonce: None, ..good.signed };
        let wrong_id = DEVICE.replace('5', "6");
        let upper = DEVICE.to_uppercase();
        #[rustfmt::skip]
        let rows = [
            ("another id",      Claim { device_id: &wrong_id, signed: late, ..good },                   E::IdMismatch),
            ("uppercase id",    Claim { device_id: &upper, ..good },                                    E::IdMismatch),
            ("key undecodable", Claim { public_key: "?", ..good },                                      E::IdMismatch),
            ("late",            Claim { signed: late, ..good },                                         E::Expired),
            ("early",           Claim { signed: early, ..good },                                        E::Expired),
            ("garbage key",     Claim { device_id: &short, public_key: "AAAA", ..good },                E::SignatureInvalid),
        ];
        for (name, claim, expected) in rows {
            assert_eq!(outcome(&claim, ANYWHERE), Err(expected), "{name}");
        }
    }

    #[test]
    fn ten_minutes_of_skew_are_forgiven() {
        let scopes = scopes();
        let claim = claim(cli(&scopes), V3);
        for (offset, ok) in [(-600_001, false), (-600_000, true), (0, true), (600_000, true), (600_001, false)] {
            assert_eq!(verify(&claim, NONCE, SIGNED_AT + offset, ANYWHERE).is_ok(), ok, "{offset}");
        }
        let ages = Claim { signed: Signed { signed_at: i64::MIN, ..claim.signed }, ..claim };
        assert_eq!(outcome(&ages, ANYWHERE), Err(DeviceProofError::Expired));
    }

    #[test]
    fn a_key_of_small_order_proves_nothing() {
        // The neutral element: with it, the all-zero scalar and R = neutral verify for every message in a lax check.
        let mut neutral = [0; 32];
        neutral[0] = 1;
        let mut forged = [0; 64];
        forged[0] = 1;
        let (key, signature) = (URL_SAFE_NO_PAD.encode(neutral), URL_SAFE_NO_PAD.encode(forged));
        let id = DeviceId::of_key_bytes(&neutral).to_string();
        let scopes = scopes();
        let claim = Claim { device_id: &id, public_key: &key, signature: &signature, signed: cli(&scopes) };
        assert_eq!(outcome(&claim, ANYWHERE), Err(DeviceProofError::SignatureInvalid));
    }

    #[test]
    fn wire_words() {
        use DeviceProofError as E;
        #[rustfmt::skip]
        let rows = [
            (E::IdMismatch,       "device identity mismatch",  "device-id-mismatch",     "DEVICE_AUTH_DEVICE_ID_MISMATCH"),
            (E::Expired,          "device signature expired",  "device-signature-stale", "DEVICE_AUTH_SIGNATURE_EXPIRED"),
            (E::NonceMissing,     "device nonce required",     "device-nonce-missing",   "DEVICE_AUTH_NONCE_REQUIRED"),
            (E::NonceMismatch,    "device nonce mismatch",     "device-nonce-mismatch",  "DEVICE_AUTH_NONCE_MISMATCH"),
            (E::SignatureInvalid, "device signature invalid",  "device-signature",       "DEVICE_AUTH_SIGNATURE_INVALID"),
        ];
        for (error, text, reason, code) in rows {
            assert_eq!((error.to_string().as_str(), error.log_reason(), error.detail_code()), (text, reason, code));
        }
    }

    proptest! {
        #[test]
        fn what_is_signed_verifies(
            seed in any::<[u8; 32]>(),
            platform in "\\PC{0,12}",
            family in proptest::option::of("\\PC{0,12}"),
            scopes in proptest::collection::vec("[a-z.]{1,20}", 0..4),
            token in "[ -~]{0,24}",
        ) {
            let identity = Identity::from_seed(&seed);
            let (id, key) = (identity.device_id().to_string(), identity.key().to_string());
            let signed =
                Signed { platform: &platform, device_family: family.as_deref(), token: &token, ..cli(&scopes) };
            for version in [PayloadVersion::V2, PayloadVersion::V3] {
                let signature = sign(&identity, &signed, version);
                let claim = Claim { device_id: &id, public_key: &key, signature: &signature, signed };
                prop_assert_eq!(outcome(&claim, ANYWHERE), Ok(version));
            }
        }

        #[test]
        fn no_claim_makes_the_check_panic(id in "\\PC*", key in "\\PC*", signature in "\\PC*", time in any::<i64>()) {
            let signed = Signed { signed_at: time, ..cli(&[]) };
            let claim = Claim { device_id: &id, public_key: &key, signature: &signature, signed };
            prop_assert!(outcome(&claim, ANYWHERE).is_err());
        }
    }
}
