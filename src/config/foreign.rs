//! Keys of the files that no setting of ours reads.

use serde_json::{Map, Value};

use super::{
    document::Document,
    keys,
    origin::Layer,
    schema::{self, Known},
    variables::MAX_SLIPS,
    warning::{Warning, WarningKind},
};

/// Keys that OpenClaw knows and that are none of our business: agents, tools, its own user interface.
#[rustfmt::skip]
const OPENCLAWS_OWN: &[&str] = &[
    "gateway.publicOrigin", "gateway.portals", "gateway.tools", "gateway.channelHealthCheckMinutes", "gateway.http",
    "gateway.nodes", "gateway.push", "gateway.terminal", "gateway.cliAgents", "gateway.tailscale.resetOnExit",
    "gateway.tailscale.preserveFunnel", "gateway.remote.transport", "gateway.remote.sshTarget", "gateway.remote.sshIdentity",
    "gateway.remote.remotePort", "gateway.remote.sshHostKeyPolicy", "gateway.remote.edgeAuth",
    "gateway.controlUi.embedSandbox",
    "gateway.controlUi.allowExternalEmbedUrls", "gateway.controlUi.automaticallyFetchFavicons",
    "gateway.controlUi.communityInvite", "gateway.controlUi.sessionObserver", "gateway.controlUi.experimental",
    "gateway.controlUi.environment", "gateway.controlUi.github", "gateway.controlUi.dangerouslyAllowHostHeaderOriginFallback",
    "logging.audit", "logging.redactSensitive", "logging.redactPatterns",
];

/// Keys that OpenClaw knows, that change who gets in or what they may do, and that this gateway does not have.
const NOT_SUPPORTED: &[&str] = &[
    "gateway.roles",
    "gateway.auth.identityScopes",
    "gateway.auth.allowTailscale",
    "gateway.auth.trustedProxy.cloudflareAccessOidc",
    "gateway.auth.trustedProxy.deviceAutoApprove",
    "gateway.tailscale.mode",
];

/// Keys that switched a protection off, and what serves their purpose.
const RETIRED: &[(&str, &str)] = &[
    (
        "gateway.controlUi.allowInsecureAuth",
        "approve the browser with `openclaw devices approve`, and set gateway.tls.enabled so that it can make a device key",
    ),
    (
        "gateway.controlUi.dangerouslyDisableDeviceAuth",
        "approve the browser with `openclaw devices approve`, which needs no pairing of its own over the local socket",
    ),
];

/// What should be known about the keys of a file.
pub(super) fn examine(document: &Document) -> Vec<Warning> {
    let known = schema::known();
    let mut warnings = Vec::new();
    walk(&document.tree, "", &known, &mut |key, value| {
        let kind = match known.iter().find(|known| known.key == key) {
            Some(known) if known.own && document.origin.layer() == Layer::ConfigFile => Some(WarningKind::Misplaced),
            Some(_) => None,
            None => judge(key, value),
        };
        warnings.extend(kind.map(|kind| Warning::at(key, document.origin.clone(), kind)));
    });
    warnings
}

/// Calls `visit` with every member that is no section: sections are looked into, what is strange is named as a whole.
fn walk(tree: &Map<String, Value>, prefix: &str, known: &[Known<'_>], visit: &mut impl FnMut(&str, &Value)) {
    for (name, value) in tree {
        let key = keys::join(prefix, name);
        let mut members_listed = known.iter().map(|known| known.key.as_str()).chain(NOT_SUPPORTED.iter().copied());
        let is_section = members_listed.any(|listed| listed != key && covers(&key, listed));
        match value {
            Value::Object(members) if is_section => walk(members, &key, known, visit),
            value => visit(&key, value),
        }
    }
}

/// What to say about a key that is not ours; `None` for those that OpenClaw reads and nobody will miss here.
fn judge(key: &str, value: &Value) -> Option<WarningKind> {
    if let Some((_, instead)) = RETIRED.iter().find(|(name, _)| *name == key) {
        return Some(WarningKind::Retired { instead });
    }
    if OPENCLAWS_OWN.iter().any(|name| covers(name, key)) {
        return None;
    }
    if NOT_SUPPORTED.iter().any(|name| covers(name, key)) {
        let switched_off = matches!(value, Value::Bool(false)) || value == "off";
        return (!switched_off).then_some(WarningKind::NotSupported);
    }
    Some(WarningKind::UnknownKey { nearest: nearest(key) })
}

/// Whether `key` is `name` or stands below it.
fn covers(name: &str, key: &str) -> bool {
    key.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// The known key beside `key` that looks most like it, if any does.
fn nearest(key: &str) -> Option<String> {
    let (parent, name) = key.rsplit_once('.')?;
    let beside = schema::known().into_iter().filter_map(|known| {
        let (other_parent, other) = known.key.rsplit_once('.')?;
        let steps = strsim::levenshtein(&name.to_ascii_lowercase(), &other.to_ascii_lowercase());
        (other_parent == parent && steps <= MAX_SLIPS).then_some((steps, known.key))
    });
    beside.min_by_key(|(steps, _)| *steps).map(|(_, known)| known)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::origin::Origin;
    use super::*;

    fn warnings(tree: &Value) -> Vec<(String, WarningKind)> {
        let origin = Origin::ConfigFile("/c/openclaw.json".into());
        let document = Document { origin, tree: tree.as_object().unwrap().clone() };
        examine(&document).into_iter().map(|warning| (warning.key.unwrap(), warning.kind)).collect()
    }

    #[test]
    fn judges_keys() {
        let unknown = |nearest: Option<&str>| WarningKind::UnknownKey { nearest: nearest.map(str::to_owned) };
        #[rustfmt::skip]
        let rows = [
            (json!({ "gateway": { "port": 1, "tls": { "enabled": true } } }),       None),
            (json!({ "gateway": { "prot": 1 } }),                                    Some(("gateway.prot", unknown(Some("gateway.port"))))),
            (json!({ "gateway": { "trustedproxies": [] } }),                         Some(("gateway.trustedproxies", unknown(Some("gateway.trustedProxies"))))),
            (json!({ "gateway": { "tls": { "cert": "x" } } }),                       Some(("gateway.tls.cert", unknown(None)))),
            (json!({ "gateway": { "bogus": { "a": 1, "b": 2 } } }),                  Some(("gateway.bogus", unknown(None)))),
            (json!({ "logging": { "levle": "info" } }),                              Some(("logging.levle", unknown(Some("logging.level"))))),
            (json!({ "gateway": { "trustedBridges": "auto" } }),                     Some(("gateway.trustedBridges", WarningKind::Misplaced))),
            (json!({ "gateway": { "limits": { "drainSeconds": 5 } } }),              Some(("gateway.limits.drainSeconds", WarningKind::Misplaced))),
            (json!({ "gateway": { "nodes": { "browser": { "mode": "auto" } } } }),  None),
            (json!({ "gateway": { "tailscale": { "mode": "off", "resetOnExit": false } } }), None),
            (json!({ "gateway": { "tailscale": { "mode": "serve" } } }),             Some(("gateway.tailscale.mode", WarningKind::NotSupported))),
            (json!({ "gateway": { "auth": { "allowTailscale": false } } }),          None),
            (json!({ "gateway": { "roles": { "default": "x" } } }),                  Some(("gateway.roles", WarningKind::NotSupported))),
            (json!({ "logging": { "redactSensitive": "tools" } }),                   None),
        ];
        for (tree, expected) in rows {
            let expected: Vec<_> = expected.into_iter().map(|(key, kind)| (key.to_owned(), kind)).collect();
            assert_eq!(warnings(&tree), expected, "{tree}");
        }
    }

    #[test]
    fn a_retired_key_names_its_replacement() {
        for key in ["allowInsecureAuth", "dangerouslyDisableDeviceAuth"] {
            let found = warnings(&json!({ "gateway": { "controlUi": { key: true } } }));
            assert!(
                matches!(&found[..], [(_, WarningKind::Retired { instead })] if instead.contains("devices approve")),
                "{key}"
            );
        }
    }

    #[test]
    fn no_key_of_openclaw_is_strange() {
        let known = schema::known();
        for key in include_str!("openclaw_keys.txt").lines() {
            let ours = known.iter().any(|known| covers(&known.key, key) || covers(key, &known.key));
            let unknown = matches!(judge(key, &json!("x")), Some(WarningKind::UnknownKey { .. }));
            assert!(ours || !unknown, "{key}");
        }
    }

    #[test]
    fn the_lists_name_no_key_that_we_have() {
        let listed: Vec<_> =
            OPENCLAWS_OWN.iter().chain(NOT_SUPPORTED).chain(RETIRED.iter().map(|(name, _)| name)).collect();
        for known in schema::known() {
            assert_eq!(listed.iter().find(|name| covers(name, &known.key)), None, "{}", known.key);
        }
    }
}
