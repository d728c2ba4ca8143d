//! What is wrong, and what is only odd.

use proptest::prelude::*;

use super::*;
use crate::hint::Hint as _;

#[test]
fn what_a_gateway_refuses_to_start_with() {
    let with = |text: &str| Place::new().file("openclaw.json", text);
    let bound = |bind| Flags { bind: Some(bind), auth: Some(AuthMode::None), ..Flags::default() };
    #[rustfmt::skip]
    let rows: Vec<(Place, Flags, &str)> = vec![
        (with("{ gateway: { port: 1, }"), Flags::default(),
            "openclaw.json: line 1, column 1: this object is not closed"),
        (with("[]"), Flags::default(),
            "openclaw.json: found a list, expected an object, { … }"),
        (Place::new().file("openclaw.json", b"{ a: '\xff' }"), Flags::default(),
            "openclaw.json: line 1, column 7: not UTF-8 text"),
        (Place::new().file("gateway.json", "{ gateway: { publishedOn: 5 } }"), Flags::default(),
            "gateway.publishedOn in gateway.json: found 5, expected a text"),
        (Place::new().var("OPENCLAW_GATEWAY_PORT", "high"), Flags::default(),
            "gateway.port in OPENCLAW_GATEWAY_PORT: found \"high\", expected a whole number from 0 to 65535"),
        (Place::new().var("OPENCLAW_GATEWAY_TLS", "perhaps"), Flags::default(),
            "gateway.tls.enabled in OPENCLAW_GATEWAY_TLS: found \"perhaps\", expected true or false"),
        (with("{ gateway: { auth: { token: { source: 'exec', provider: 'vault', id: 'T' } } } }"), Flags::default(),
            "gateway.auth.token in openclaw.json: is a secret reference, which this gateway cannot look up"),
        (with("{ gateway: { auth: { token: { source: 'env', provider: 'default', id: 'NOT_SET' } } } }"), Flags::default(),
            "gateway.auth.token in openclaw.json: names the environment variable NOT_SET, which is not set"),
        (with("{ gateway: { $include: 'absent.json' } }"), Flags::default(),
            "openclaw.json: includes absent.json, which does not exist"),
        (with("{ gateway: { auth: { token: '${NOT_SET}' } } }"), Flags::default(),
            "gateway.auth.token in openclaw.json: names the environment variable NOT_SET, which is not set"),
        (with("{ gateway: { auth: { token: ' ' } } }"), Flags::default(),
            "gateway.auth.token in openclaw.json: is blank"),
        (with("{ gateway: { auth: { token: 'undefined' } } }"), Flags::default(),
            "gateway.auth.token in openclaw.json: is the placeholder \"undefined\", not a secret"),
        (with("{ gateway: { auth: { password: '__OPENCLAW_REDACTED__' } } }"), Flags::default(),
            "gateway.auth.password in openclaw.json: is the placeholder \"__OPENCLAW_REDACTED__\", not a secret"),
        (Place::new().var("OPENCLAW_GATEWAY_TOKEN", "null"), Flags::default(),
            "gateway.auth.token in OPENCLAW_GATEWAY_TOKEN: is the placeholder \"null\", not a secret"),
        (Place::new(), token(""),
            "gateway.auth.token in --token: is blank"),
        (Place::new().secret("OPENCLAW_GATEWAY_PASSWORD_FILE", "\n"), Flags::default(),
            "gateway.auth.password in OPENCLAW_GATEWAY_PASSWORD_FILE (OPENCLAW_GATEWAY_PASSWORD_FILE): OPENCLAW_GATEWAY_PASSWORD_FILE is empty"),
        (Place::new().var("OPENCLAW_GATEWAY_TOKEN_FILE", "/nowhere/token"), Flags::default(),
            "gateway.auth.token in OPENCLAW_GATEWAY_TOKEN_FILE (/nowhere/token): cannot read /nowhere/token: No such file or directory (os error 2)"),
        (Place::new(), Flags { password_file: Some("/nowhere/password".into()), ..Flags::default() },
            "gateway.auth.password in --password-file: cannot read /nowhere/password: No such file or directory (os error 2)"),
        (with("{ gateway: { auth: { mode: 'password' } } }"), Flags::default(),
            "gateway.auth.mode in openclaw.json: Gateway auth is set to password, but no password is configured."),
        (Place::new(), bound(Bind::Lan),
            "gateway.bind in --bind: Refusing to bind gateway to lan without auth."),
        (Place::new(), bound(Bind::Tailnet),
            "gateway.bind in --bind: Refusing to bind gateway to tailnet without auth."),
        (Place::new().var("OPENCLAW_GATEWAY_BIND_HOST", "192.0.2.1"), bound(Bind::Custom),
            "gateway.bind in --bind: Refusing to bind gateway to custom without auth."),
        (Place::new(), Flags { bind: Some(Bind::Custom), ..Flags::default() },
            "gateway.bind in --bind: gateway.bind is custom, but no address is named"),
        (with("{ gateway: { mode: 'remote', remote: { url: 'wss://g:1' } } }"), Flags::default(),
            "gateway.mode in openclaw.json: Gateway start blocked: set gateway.mode=local (current: remote) or pass --allow-unconfigured."),
        (with("{ gateway: { tls: { enabled: true, certPath: '/c' } } }"), Flags::default(),
            "gateway.tls.certPath in openclaw.json: needs gateway.tls.keyPath as well"),
        (with("{ gateway: { tls: { keyPath: '/k' } } }"), Flags::default(),
            "gateway.tls.keyPath in openclaw.json: needs gateway.tls.certPath as well"),
        (with("{ gateway: { tls: { enabled: true, autoGenerate: false } } }"), Flags::default(),
            "gateway.tls.enabled in openclaw.json: TLS is enabled without a certificate, and gateway.tls.autoGenerate is false"),
    ];
    let mut told = String::new();
    for (place, flags, text) in rows {
        assert_eq!(place.refusals(&flags), [text]);
        let next = place.short(&load(&place.environment, &flags).unwrap_err().hint());
        assert!(!next.is_empty(), "{text}");
        told.extend([text, "\n  -> ", &next, "\n"]);
    }
    insta::assert_snapshot!("next_steps", told);
}

#[test]
fn trusted_proxy_needs_a_header_and_proxies_and_no_token() {
    let place = Place::new().file("openclaw.json", "{ gateway: { auth: { mode: 'trusted-proxy', token: 't' } } }");
    let expected = [
        "gateway.auth.mode in openclaw.json: a shared token is configured (openclaw.json) while gateway.auth.mode is trusted-proxy",
        "gateway.auth.trustedProxy.userHeader: gateway.auth.mode is trusted-proxy, but no header is named that carries the user",
        "gateway.trustedProxies: gateway.auth.mode is trusted-proxy, but no proxy is trusted",
    ];
    assert_eq!(place.refusals(&Flags::default()), expected);
    let good = "{ gateway: { auth: { mode: 'trusted-proxy', trustedProxy: { userHeader: 'x-user' } }, trustedProxies: ['10.0.0.1'] } }";
    let settings = Place::new().file("openclaw.json", good).load(&Flags::default()).settings;
    assert_eq!(settings.auth.trusted_proxy.unwrap().user_header, "x-user");
    assert_eq!(settings.auth.token, Credentials::default());
}

#[test]
fn without_authentication_loopback_is_allowed() {
    let none = |bind| Flags { bind: Some(bind), auth: Some(AuthMode::None), ..Flags::default() };
    assert_eq!(Place::new().refusals(&none(Bind::Loopback)), [] as [&str; 0]);
    let place = Place::new().var("OPENCLAW_GATEWAY_BIND_HOST", "127.0.0.1");
    assert_eq!(place.refusals(&none(Bind::Custom)), [] as [&str; 0]);
    // Only the network's own facts can tell what `auto` means, so the listener asks again.
    assert_eq!(Place::new().refusals(&none(Bind::Auto)), [] as [&str; 0]);
    assert_eq!(Place::new().load(&none(Bind::Auto)).settings.listen.loopback_only(), None);
}

#[test]
fn every_problem_is_reported_at_once() {
    let place = Place::new()
        .file("openclaw.json", "{ gateway: { port: 'x', bind: 'y', auth: { token: 5 } }, logging: { level: 'z' } }")
        .file("gateway.json", "{ gateway: ")
        .var("OPENCLAW_GATEWAY_PORT", "w")
        .var("OPENCLAW_GATEWAY_PASSWORD_FILE", "/nowhere");
    assert_eq!(place.refusals(&Flags::default()).len(), 7, "{:#?}", place.refusals(&Flags::default()));
    let error = load(&place.environment, &Flags::default()).unwrap_err();
    assert!(error.to_string().starts_with("the configuration has 7 problems\n  gateway."), "{error}");
}

#[test]
fn a_client_is_not_kept_by_what_concerns_starting_a_gateway() {
    let place = Place::new().file(
        "openclaw.json",
        "{ gateway: { mode: 'remote', bind: 'custom', auth: { mode: 'password', token: '${NOT_SET}', password: { source: 'exec' } }, tls: { keyPath: '/k' } } }",
    );
    let loaded = load_for_client(&place.environment, &Flags::default()).unwrap();
    assert_eq!(loaded.settings.mode, Some(GatewayMode::Remote));
    let kinds: Vec<_> = loaded.warnings.into_iter().map(|warning| warning.kind).collect();
    assert_eq!(kinds, [WarningKind::SecretReference, WarningKind::MissingVariable("NOT_SET".into())]);
}

#[test]
fn what_is_odd_is_said_and_stops_nothing() {
    let with = |text: &str| Place::new().file("openclaw.json", text);
    #[rustfmt::skip]
    let rows: Vec<(Place, &str)> = vec![
        (with("{ gateway: { bogus: 1 } }"),
            "gateway.bogus in openclaw.json: unknown key, kept and ignored"),
        (with("{ gateway: { portt: 1 } }"),
            "gateway.portt in openclaw.json: unknown key, kept and ignored; did you mean gateway.port?"),
        (Place::new().file("gateway.json", "{ gateway: { bogus: 1 } }"),
            "gateway.bogus in gateway.json: unknown key, kept and ignored"),
        (with("{ gateway: { publishedOn: 'loopback' } }"),
            "gateway.publishedOn in openclaw.json: belongs in gateway.json: OpenClaw's own programs refuse openclaw.json with a key that they do not know"),
        (with("{ gateway: { controlUi: { dangerouslyDisableDeviceAuth: true } } }"),
            "gateway.controlUi.dangerouslyDisableDeviceAuth in openclaw.json: has no effect; approve the browser with `openclaw devices approve`, which needs no pairing of its own over the local socket"),
        (with("{ gateway: { port: 1, port: 2 } }"),
            "gateway.port in openclaw.json: is written more than once; the last one counts"),
        (with("{ gateway: { controlUi: { allowedOrigins: ['ui.example'] } } }"),
            "gateway.controlUi.allowedOrigins in openclaw.json: no browser sends \"ui.example\" as an origin; write scheme, host and port only, for example \"https://ui.example:8443\""),
        (Place::new().var("OPENCLAW_GATEWAY_PORT", "tcp://10.0.0.1:18789"),
            "gateway.port in OPENCLAW_GATEWAY_PORT: is the address of a Kubernetes Service, not a setting, and is ignored; `enableServiceLinks: false` ends this"),
        (Place::new().var("OPENCLAW_LOG_LEVEL", "loud"),
            "logging.level in OPENCLAW_LOG_LEVEL: is not understood and is ignored; expected one of silent, fatal, error, warn, info, debug, trace"),
        (Place::new().var("OPENCLAW_GATEWY_TOKEN", "t"),
            "gateway.auth.token in OPENCLAW_GATEWAY_TOKEN: is not set, and OPENCLAW_GATEWY_TOKEN is not read; did you mean that?"),
        (Place::new().var("OPENCLAW_CONFIGPATH", "/s"),
            "OPENCLAW_CONFIG_PATH: is not set, and OPENCLAW_CONFIGPATH is not read; did you mean that?"),
        (Place::new().var("OPENCLAW_GATEWAY_TOKEN", " t"),
            "gateway.auth.token in OPENCLAW_GATEWAY_TOKEN: begins or ends with white space, which belongs to the secret here; other programs may cut it off"),
        (Place::new().var("OPENCLAW_CONFIG_PATH", "/nowhere/openclaw.json"),
            "OPENCLAW_CONFIG_PATH: names a file that does not exist; it counts as empty"),
    ];
    for (place, text) in rows {
        assert_eq!(place.warnings(), [text]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_bytes_make_the_loader_panic(config in any::<Vec<u8>>(), own in any::<Vec<u8>>()) {
        let place = Place::new().file("openclaw.json", config).file("gateway.json", own);
        let _ = load(&place.environment, &Flags::default());
        let _ = snapshot(&place.environment, &Flags::default()).unwrap();
    }

    #[test]
    fn no_values_make_the_loader_panic(
        key in proptest::sample::select(schema_keys()),
        value in prop_oneof![
            Just(json!(null)), Just(json!([])), Just(json!({})), Just(json!(-1)), Just(json!(1.5)), Just(json!(true)),
            any::<u64>().prop_map(|number| json!(number)),
            any::<String>().prop_map(|text| json!(text)),
            proptest::collection::vec(any::<String>(), 0..3).prop_map(|texts| json!(texts)),
            any::<String>().prop_map(|name| json!({ name: 1 })),
        ],
    ) {
        let text = Value::Object(keys::nest(&key, value)).to_string();
        let place = Place::new().file("openclaw.json", &text);
        let _ = load(&place.environment, &Flags::default());
        let _ = snapshot(&place.environment, &Flags::default()).unwrap();
    }

    #[test]
    fn no_variable_makes_the_loader_panic(value in proptest::collection::vec(1_u8.., 0..24)) {
        use std::os::unix::ffi::OsStringExt;
        for variable in variables::VARIABLES {
            let place = Place::new().var(variable.name, std::ffi::OsString::from_vec(value.clone()));
            let _ = load(&place.environment, &Flags::default());
        }
    }
}

fn schema_keys() -> Vec<String> {
    super::super::schema::known().into_iter().map(|known| known.key).collect()
}
