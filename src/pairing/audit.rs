//! The log lines of pairing, in the words that operators search for.

use super::{Claim, Connecting, PairingReason};
use crate::{
    protocol::{Role, Scopes},
    store::{DeviceRecord, Paired},
};

/// A value for a `key=value` line. What would break the line apart, or look like another key, becomes `_`.
pub(super) fn field(text: &str) -> String {
    let plain = |c: char| c.is_ascii_graphic() && !matches!(c, '=' | '"' | '\'' | '`');
    text.chars().map(|c| if plain(c) { c } else { '_' }).collect()
}

/// That a known device asks for more, if that is why.
pub(super) fn upgrade(reason: PairingReason, claim: &Claim, record: &DeviceRecord, connecting: Connecting<'_>) {
    if reason == PairingReason::NotPaired {
        return;
    }
    let paired = record.paired.as_ref();
    let mut roles = paired.map(Paired::roles).unwrap_or_default();
    roles.sort_unstable_by_key(|role| role.as_str());
    let roles: Vec<_> = roles.into_iter().map(Role::as_str).collect();
    let held = paired.map(|paired| paired.scopes.clone()).unwrap_or_default();
    tracing::warn!(
        target: "gateway",
        "security audit: device access upgrade requested reason={} device={} ip={} auth={} roleFrom={} roleTo={} \
         scopesFrom={} scopesTo={} client={} conn={}",
        reason.as_str(),
        claim.device,
        connecting.address.map_or_else(|| "unknown-ip".to_owned(), |address| address.to_string()),
        connecting.mechanism,
        or_none(roles.join(",")),
        claim.role,
        scopes(&held),
        scopes(&claim.wanted()),
        field(claim.client_id.as_str()),
        field(connecting.connection),
    );
}

pub(super) fn scopes(scopes: &Scopes) -> String {
    or_none(field(&scopes.join()))
}

fn or_none(text: String) -> String {
    if text.is_empty() { "<none>".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::field;

    #[test]
    fn a_value_stays_one_word() {
        for (text, word) in [
            ("operator.read,operator.write", "operator.read,operator.write"),
            ("a b=c\"d'e`f", "a_b_c_d_e_f"),
            ("kitchen\n\u{202e}é", "kitchen___"),
        ] {
            assert_eq!(field(text), word);
        }
    }
}
