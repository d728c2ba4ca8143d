//! Which layer a value comes from.

use super::*;

#[test]
fn a_machine_without_any_file_has_the_defaults_and_stays_without() {
    let place = Place::new();
    for loaded in [place.load(&Flags::default()), load_for_client(&place.environment, &Flags::default()).unwrap()] {
        assert_eq!(loaded.settings, Settings::default());
        assert_eq!(loaded.settings.origin("gateway.port"), Origin::Default);
        assert_eq!(loaded.settings.listen.port, 18789);
        assert_eq!(loaded.settings.auth.mode, AuthMode::Token);
        assert_eq!(loaded.warnings, []);
    }
    assert_eq!(place.entries(), 0, "loading creates nothing");
    std::fs::remove_dir(place.path("")).unwrap();
    assert_eq!(place.load(&Flags::default()).settings, Settings::default());
    assert!(!place.path("").exists());
}

#[test]
fn files_without_anything_in_them_are_valid() {
    for text in ["", "\n", "// nothing\n", "{}", "{ gateway: null }", "{ gateway: {}, logging: { level: null } }"] {
        let loaded = Place::new().file("openclaw.json", text).file("gateway.json", text).load(&Flags::default());
        assert_eq!(loaded.settings, Settings::default(), "{text:?}");
        assert_eq!(loaded.warnings, [], "{text:?}");
    }
}

#[test]
fn a_later_layer_wins_and_every_value_tells_where_it_came_from() {
    let config = "{ gateway: { port: 1 } }";
    let own = "{ gateway: { port: 2 } }";
    let flags = Flags { port: Some(4), ..Flags::default() };
    #[rustfmt::skip]
    let rows = [
        // openclaw.json  gateway.json  variable   flags                port   layer
        (None,            None,         None,      Flags::default(),    18789, Layer::Default),
        (Some(config),    None,         None,      Flags::default(),    1,     Layer::ConfigFile),
        (Some(config),    Some(own),    None,      Flags::default(),    2,     Layer::OwnFile),
        (Some(config),    Some(own),    Some("3"), Flags::default(),    3,     Layer::Variable),
        (Some(config),    Some(own),    Some("3"), flags.clone(),       4,     Layer::Flag),
        (Some(config),    None,         Some(" "), Flags::default(),    1,     Layer::ConfigFile), // blank: not set
        (None,            None,         None,      flags,               4,     Layer::Flag),
    ];
    for (index, (config, own, variable, flags, port, layer)) in rows.into_iter().enumerate() {
        let mut place = Place::new();
        if let Some(text) = config {
            place = place.file("openclaw.json", text);
        }
        if let Some(text) = own {
            place = place.file("gateway.json", text);
        }
        if let Some(value) = variable {
            place = place.var("OPENCLAW_GATEWAY_PORT", value);
        }
        let settings = place.load(&flags).settings;
        assert_eq!((settings.listen.port, settings.origin("gateway.port").layer()), (port, layer), "row {index}");
    }
}

#[test]
fn an_origin_names_the_file_the_variable_or_the_flag() {
    let place = Place::new()
        .file("openclaw.json", "{ gateway: { bind: 'lan' }, logging: { level: 'debug' } }")
        .file("gateway.json", "{ gateway: { trustedBridges: 'auto' } }")
        .var("OPENCLAW_GATEWAY_PORT", "1")
        .secret("OPENCLAW_GATEWAY_TOKEN_FILE", "abc\n");
    let loaded = place.load(&Flags { tls: Some(true), ..Flags::default() });
    #[rustfmt::skip]
    let rows = [
        ("gateway.bind",           "openclaw.json"),
        ("logging.level",          "openclaw.json"),
        ("gateway.trustedBridges", "gateway.json"),
        ("gateway.port",           "OPENCLAW_GATEWAY_PORT"),
        ("gateway.auth.token",     "OPENCLAW_GATEWAY_TOKEN_FILE (OPENCLAW_GATEWAY_TOKEN_FILE)"),
        ("gateway.tls.enabled",    "--tls"),
        ("gateway.reload.mode",    "default"),
        ("no.such.key",            "default"),
    ];
    for (key, origin) in rows {
        assert_eq!(place.short(&loaded.settings.origin(key)), origin, "{key}");
    }
}

#[test]
fn every_variable_reaches_its_setting() {
    let settings = |name: &str, value: &str| Place::new().var(name, value).load(&Flags::default()).settings;
    assert_eq!(settings("OPENCLAW_GATEWAY_BIND", "loopback").listen.bind, Bind::Loopback);
    assert_eq!(settings("OPENCLAW_GATEWAY_BIND_HOST", "::1").listen.custom_bind_host, Some("::1".parse().unwrap()));
    assert_eq!(settings("OPENCLAW_GATEWAY_AUTH", "token").auth.mode, AuthMode::Token);
    assert!(settings("OPENCLAW_GATEWAY_TLS", "on").tls.enabled);
    let origins =
        settings("OPENCLAW_GATEWAY_ALLOWED_ORIGINS", "https://a.example, https://b.example").control_ui.allowed_origins;
    assert_eq!(origins, ["https://a.example", "https://b.example"]);
    assert_eq!(settings("OPENCLAW_GATEWAY_TRUSTED_PROXIES", "10.0.0.1").trust.trusted_proxies, ["10.0.0.1"]);
    let bridges = settings("OPENCLAW_GATEWAY_TRUSTED_BRIDGES", "auto").trust.trusted_bridges;
    assert_eq!(bridges, Some(OneOrMany(vec!["auto".into()])));
    assert_eq!(settings("OPENCLAW_GATEWAY_PUBLISHED_ON", "loopback").trust.published_on, Some("loopback".into()));
    assert!(settings("OPENCLAW_GATEWAY_LOOPBACK_IS_PROXY", "1").trust.loopback_is_proxy);
    assert_eq!(settings("OPENCLAW_GATEWAY_UNATTRIBUTED", "refuse").trust.unattributed, Unattributed::Refuse);
    assert_eq!(settings("OPENCLAW_GATEWAY_RELOAD", "off").reload.mode, ReloadMode::Off);
    assert_eq!(settings("OPENCLAW_GATEWAY_DRAIN_SECONDS", "3").limits.drain().as_secs(), 3);
    assert_eq!(settings("OPENCLAW_HANDSHAKE_TIMEOUT_MS", "9").limits.handshake_timeout().as_millis(), 9);
    assert_eq!(settings("OPENCLAW_SOCKET", "~/s.sock").listen.socket, Some("/home/u/s.sock".into()));
    assert_eq!(settings("OPENCLAW_GATEWAY_URL", "wss://g:1").client.url, Some("wss://g:1".into()));
    assert!(settings("OPENCLAW_ALLOW_INSECURE_PRIVATE_WS", "1").client.allow_insecure_private_ws);
    let challenge = settings("OPENCLAW_CONNECT_CHALLENGE_TIMEOUT_MS", "7").client.challenge_timeout_ms;
    assert_eq!(challenge.map(std::num::NonZeroU64::get), Some(7));
    let logging = settings("OPENCLAW_LOG_LEVEL", "Trace").logging;
    assert_eq!((logging.level, logging.console_level), (LogLevel::Trace, Some(LogLevel::Trace)));
    assert_eq!(settings("OPENCLAW_LOG_STYLE", "json").logging.console_style, Some(ConsoleStyle::Json));
    assert_eq!(settings("OPENCLAW_LOG_FILE", "l.log").logging.file, Some("/work/l.log".into()));
}

#[test]
fn a_path_counts_from_the_layer_that_names_it() {
    let place = Place::new()
        .file("openclaw.json", "{ gateway: { tls: { certPath: 'tls/c.pem', keyPath: '~/k.pem', caPath: '/ca.pem' } } }")
        .var("OPENCLAW_LOG_FILE", "l.log");
    let settings = place.load(&Flags { socket: Some("s.sock".into()), ..Flags::default() }).settings;
    assert_eq!(settings.tls.cert_path, Some(place.path("tls/c.pem")));
    assert_eq!(settings.tls.key_path, Some("/home/u/k.pem".into()));
    assert_eq!(settings.tls.ca_path, Some("/ca.pem".into()));
    assert_eq!(settings.logging.file, Some("/work/l.log".into()));
    assert_eq!(settings.listen.socket, Some("/work/s.sock".into()));
}

#[test]
fn configuration_may_lie_apart_from_state() {
    let place = Place::new()
        .file("elsewhere.json", "{ gateway: { port: 5 } }")
        .file("gateway.json", "{ gateway: { publishedOn: 'loopback' } }");
    let path = place.path("elsewhere.json");
    let place = place.var("OPENCLAW_CONFIG_PATH", path).var("OPENCLAW_STATE_DIR", "/another");
    let loaded = place.load(&Flags::default());
    assert_eq!(loaded.settings.listen.port, 5);
    assert_eq!(
        loaded.settings.trust.published_on,
        Some("loopback".into()),
        "gateway.json lies beside the file that was named"
    );
    assert_eq!(loaded.paths.state.path(), Path::new("/another"));
}

#[test]
fn a_setting_in_the_wrong_file_counts_all_the_same() {
    let place = Place::new().file("openclaw.json", "{ gateway: { trustedBridges: ['172.17.0.1'] } }");
    let settings = place.load(&Flags::default()).settings;
    assert_eq!(settings.trust.trusted_bridges, Some(OneOrMany(vec!["172.17.0.1".into()])));
}

#[test]
fn a_file_in_use_is_taken_over_without_a_word() {
    let place = Place::new().file("openclaw.json", IN_USE);
    let loaded = place.load(&Flags::default());
    assert_eq!(loaded.warnings, []);
    let settings = loaded.settings;
    assert_eq!(settings.auth.shared_secret().unwrap().secret.expose(), "token-from-vars");
    assert_eq!(settings.listen.bind, Bind::Loopback);
    assert_eq!(settings.trust.trusted_proxies, ["10.0.0.2"]);
    assert_eq!(settings.logging.file.as_deref(), Some(Path::new("/tmp/openclaw/openclaw.log")));
}
