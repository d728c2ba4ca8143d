//! The layers together, over real files.

use std::path::{Path, PathBuf};

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::hint::Hint;

/// A state directory of a user, and the surroundings of a process in it.
struct Place {
    directory: tempfile::TempDir,
    environment: Environment,
}

impl Place {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let environment = Environment::new(Some("/home/u".into()), "/work".into())
            .with("OPENCLAW_STATE_DIR", directory.path().join("state").as_os_str());
        std::fs::create_dir(directory.path().join("state")).unwrap();
        Self { directory, environment }
    }

    fn file(self, name: &str, text: impl AsRef<[u8]>) -> Self {
        std::fs::write(self.path(name), text).unwrap();
        self
    }

    fn var(mut self, name: &str, value: impl Into<std::ffi::OsString>) -> Self {
        self.environment = self.environment.with(name, value);
        self
    }

    /// A variable that names a file with `text`.
    fn secret(self, variable: &str, text: &str) -> Self {
        let path = self.path(variable);
        std::fs::write(&path, text).unwrap();
        self.var(variable, path)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join("state").join(name)
    }

    fn load(&self, flags: &Flags) -> Loaded {
        load(&self.environment, flags).unwrap_or_else(|error| panic!("{error}"))
    }

    /// What keeps a gateway from starting, one line a problem, with paths made short.
    fn refusals(&self, flags: &Flags) -> Vec<String> {
        match load(&self.environment, flags) {
            Err(ConfigError::Invalid(problems)) => problems.iter().map(|problem| self.short(problem)).collect(),
            Err(error) => panic!("{error}"),
            Ok(_) => Vec::new(),
        }
    }

    fn warnings(&self) -> Vec<String> {
        self.load(&Flags::default()).warnings.iter().map(|warning| self.short(warning)).collect()
    }

    fn short(&self, text: &impl ToString) -> String {
        text.to_string().replace(&self.path("").display().to_string(), "")
    }

    fn entries(&self) -> usize {
        std::fs::read_dir(self.path("")).unwrap().count()
    }
}

fn token(text: &str) -> Flags {
    Flags { token: Some(Secret::new(text)), ..Flags::default() }
}

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
fn the_mode_follows_from_the_secrets_unless_it_is_written() {
    let password = || Place::new().var("OPENCLAW_GATEWAY_PASSWORD", "p");
    #[rustfmt::skip]
    let rows = [
        (Place::new(),                                                                          Flags::default(), AuthMode::Token),
        (Place::new().var("OPENCLAW_GATEWAY_TOKEN", "t"),                                       Flags::default(), AuthMode::Token),
        (password(),                                                                            Flags::default(), AuthMode::Password),
        (password().var("OPENCLAW_GATEWAY_TOKEN", "t"),                                         Flags::default(), AuthMode::Password),
        (password(),                                                                            token("t"),       AuthMode::Token), // typed just now
        (password().file("openclaw.json", "{ gateway: { auth: { mode: 'token' } } }"),          Flags::default(), AuthMode::Token),
        (password(), Flags { auth: Some(AuthMode::None), bind: Some(Bind::Loopback), ..Flags::default() },        AuthMode::None),
    ];
    for (index, (place, flags, mode)) in rows.into_iter().enumerate() {
        assert_eq!(place.load(&flags).settings.auth.mode, mode, "row {index}");
    }
}

#[test]
fn secrets_that_disagree_keep_a_gateway_from_starting() {
    let config = "{ gateway: { auth: { token: 'one' } } }";
    let place = Place::new().file("openclaw.json", config).var("OPENCLAW_GATEWAY_TOKEN", "two");
    let expected = "gateway.auth.token in OPENCLAW_GATEWAY_TOKEN: differs from the value in openclaw.json";
    assert_eq!(place.refusals(&Flags::default()), [expected]);

    let client = load_for_client(&place.environment, &Flags::default()).unwrap().settings.auth.token;
    assert_eq!(client.in_force().unwrap().secret.expose(), "two");
    assert_eq!(client.from_environment().unwrap().secret.expose(), "two");
    assert_eq!(client.from_files().unwrap().secret.expose(), "one");

    let flagged = place.load(&token("three")).settings;
    assert_eq!(flagged.auth.shared_secret().unwrap().secret.expose(), "three");
    assert_eq!(flagged.origin("gateway.auth.token"), Origin::Flag("--token"));

    let agreeing = Place::new()
        .file("openclaw.json", config)
        .var("OPENCLAW_GATEWAY_TOKEN", "one\n")
        .secret("OPENCLAW_GATEWAY_TOKEN_FILE", "one\r\n");
    assert_eq!(agreeing.refusals(&Flags::default()), [] as [&str; 0]);
    assert_eq!(agreeing.load(&Flags::default()).settings.auth.token.all().len(), 3);
}

#[test]
fn a_secret_in_two_places_of_the_environment_is_ambiguous_for_everybody() {
    let place = Place::new().var("OPENCLAW_GATEWAY_TOKEN", "one").secret("OPENCLAW_GATEWAY_TOKEN_FILE", "two");
    let error = load_for_client(&place.environment, &Flags::default()).unwrap_err();
    assert!(error.to_string().contains("differs from the value in OPENCLAW_GATEWAY_TOKEN"), "{error}");
    assert!(error.hint().is_some());
}

#[test]
fn the_generated_token_counts_only_when_there_is_no_other() {
    let place = Place::new();
    let mut loaded = place.load(&Flags::default());
    let path = loaded.ensure_token().unwrap().expect("a token was made");
    assert_eq!(path, place.path("identity/gateway-token"));
    let generated = loaded.settings.auth.shared_secret().unwrap().clone();
    assert_eq!(generated.source, Origin::Generated(path));
    assert_eq!(loaded.ensure_token().unwrap(), None, "there is one now");

    assert_eq!(place.load(&Flags::default()).settings.auth.shared_secret(), Some(&generated));
    let client = load_for_client(&place.environment, &Flags::default()).unwrap();
    assert_eq!(client.settings.auth.shared_secret(), Some(&generated));
    let configured = place.var("OPENCLAW_GATEWAY_TOKEN", "t");
    let mut loaded = configured.load(&Flags::default());
    assert_eq!(loaded.settings.auth.token.all().len(), 1);
    assert_eq!(loaded.ensure_token().unwrap(), None);
}

#[test]
fn no_token_is_made_for_a_mode_without_one() {
    let place = Place::new().var("OPENCLAW_GATEWAY_PASSWORD", "p");
    assert_eq!(place.load(&Flags::default()).ensure_token().unwrap(), None);
    assert_eq!(place.entries(), 0);
}

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
        (with("{ gateway: { auth: { token: { source: 'env', provider: 'default', id: 'T' } } } }"), Flags::default(),
            "gateway.auth.token in openclaw.json: is a secret reference, which this gateway cannot look up"),
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
    for (place, flags, text) in rows {
        assert_eq!(place.refusals(&flags), [text]);
    }
}

#[test]
fn trusted_proxy_needs_a_header_and_proxies_and_no_token() {
    let place = Place::new().file("openclaw.json", "{ gateway: { auth: { mode: 'trusted-proxy', token: 't' } } }");
    let expected = [
        "gateway.auth.mode in openclaw.json: a shared token is configured (DIRopenclaw.json) while gateway.auth.mode is trusted-proxy",
        "gateway.auth.trustedProxy.userHeader: gateway.auth.mode is trusted-proxy, but no header is named that carries the user",
        "gateway.trustedProxies: gateway.auth.mode is trusted-proxy, but no proxy is trusted",
    ];
    assert_eq!(place.refusals(&Flags::default()), expected.map(|text| text.replace("DIR", "")));
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
        "{ gateway: { mode: 'remote', bind: 'custom', auth: { mode: 'password', token: '${NOT_SET}' }, tls: { keyPath: '/k' } } }",
    );
    let loaded = load_for_client(&place.environment, &Flags::default()).unwrap();
    assert_eq!(loaded.settings.mode, Some(GatewayMode::Remote));
    let kinds: Vec<_> = loaded.warnings.into_iter().map(|warning| warning.kind).collect();
    assert_eq!(kinds, [WarningKind::MissingVariable("NOT_SET".into())]);
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
        (Place::new().var("OPENCLAW_GATEWAY_TOKEN", " t"),
            "gateway.auth.token in OPENCLAW_GATEWAY_TOKEN: begins or ends with white space, which belongs to the secret here; other programs may cut it off"),
        (Place::new().var("OPENCLAW_CONFIG_PATH", "/nowhere/openclaw.json"),
            "OPENCLAW_CONFIG_PATH: names a file that does not exist; it counts as empty"),
    ];
    for (place, text) in rows {
        assert_eq!(place.warnings(), [text]);
    }
}

#[test]
fn a_setting_in_the_wrong_file_counts_all_the_same() {
    let place = Place::new().file("openclaw.json", "{ gateway: { trustedBridges: ['172.17.0.1'] } }");
    let settings = place.load(&Flags::default()).settings;
    assert_eq!(settings.trust.trusted_bridges, Some(OneOrMany(vec!["172.17.0.1".into()])));
}

/// Shaped like a file that has been in use for months, agents and channels included.
const IN_USE: &str = r#"// made by the wizard, edited since
{
  meta: { lastTouchedVersion: "2026.2.19", lastTouchedAt: "2026-02-20T09:00:00.000Z" },
  wizard: { lastRunAt: "2026-02-01T09:00:00.000Z", lastRunCommand: "onboard", lastRunMode: "local" },
  env: { vars: { GATEWAY_TOKEN: "token-from-vars" }, OPENROUTER_API_KEY: "sk-or-secret" },
  agents: {
    defaults: {
      model: { primary: "anthropic/claude", fallbacks: [], },
      workspace: "~/.openclaw/workspace", maxConcurrent: 4, // was 8
      heartbeat: { every: "30m" },
    },
    list: [{ id: "main", default: true }],
  },
  channels: {
    telegram: { enabled: true, botToken: "123:abc-secret", allowFrom: ["tg:1"], groups: { "*": { requireMention: true } } },
    discord: { token: "${DISCORD_BOT_TOKEN}", dm: { policy: 'pairing' } },
  },
  plugins: { entries: { telegram: { enabled: true } } },
  skills: { entries: { "image-lab": { apiKey: "skill-secret", env: { KEY: "env-secret" } } } },
  gateway: {
    port: 18789,
    mode: "local",
    bind: "loopback",
    auth: { mode: "token", token: "${GATEWAY_TOKEN}", allowTailscale: false },
    tailscale: { mode: "off", resetOnExit: false },
    controlUi: { enabled: true, allowedOrigins: ["https://ui.example"], },
    nodes: { denyCommands: ["camera.snap"], pairing: { autoApproveLocal: true } },
    http: { endpoints: { chatCompletions: { enabled: false } } },
    reload: { mode: "hybrid" },
    trustedProxies: ["10.0.0.2"],
  },
  logging: { level: "info", file: "/tmp/openclaw/openclaw.log", redactSensitive: "tools" },
}
"#;

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

#[test]
fn a_snapshot_shows_the_file_and_none_of_its_secrets() {
    let place = Place::new().file("openclaw.json", IN_USE).var("OPENCLAW_GATEWAY_PORT", "1");
    let shown = snapshot(&place.environment, &Flags::default()).unwrap();
    let text = shown.to_string();
    for secret in ["123:abc-secret", "sk-or-secret", "skill-secret", "env-secret", "token-from-vars"] {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
    assert_eq!(shown["path"], json!(place.path("openclaw.json")));
    assert_eq!((&shown["exists"], &shown["valid"]), (&json!(true), &json!(true)));
    assert_eq!(shown["config"]["channels"]["telegram"]["botToken"], REDACTED);
    assert_eq!(shown["config"]["gateway"]["port"], 18789, "the file's own value");
    assert_eq!(shown["runtimeConfig"]["gateway"]["port"], 1, "the value in force");
    assert_eq!(shown["runtimeConfig"]["gateway"]["auth"]["token"], REDACTED);
    let raw = shown["raw"].as_str().expect("the text can be shown");
    assert!(raw.contains("// was 8") && raw.contains(&format!("botToken: \"{REDACTED}\"")), "{raw}");
    assert_eq!(shown["hash"], hex::encode(&<sha2::Sha256 as sha2::Digest>::digest(IN_USE.as_bytes())));
}

#[test]
fn a_snapshot_of_nothing() {
    let shown = snapshot(&Place::new().environment, &Flags::default()).unwrap();
    assert_eq!(shown["hash"], "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_eq!((&shown["exists"], &shown["valid"], &shown["raw"]), (&json!(false), &json!(true), &Value::Null));
    assert_eq!((&shown["config"], &shown["issues"]), (&json!({}), &json!([])));
}

#[test]
fn a_snapshot_of_a_file_that_cannot_be_used_says_why() {
    let place = Place::new().file("openclaw.json", "{ gateway: { port: 'x', auth: { token: 'hunter2' } } }");
    let shown = snapshot(&place.environment, &Flags::default()).unwrap();
    assert_eq!(shown["valid"], false);
    assert_eq!(shown["issues"][0]["path"], "gateway.port");
    assert!(!shown.to_string().contains("hunter2"));
    let broken = Place::new().file("openclaw.json", "{ gateway: { auth: { token: 'hunter2' ");
    let shown = snapshot(&broken.environment, &Flags::default()).unwrap();
    assert_eq!((&shown["valid"], &shown["raw"], &shown["parsed"]), (&json!(false), &Value::Null, &json!({})));
    assert!(!shown.to_string().contains("hunter2"));
}

#[test]
fn a_text_whose_secrets_cannot_be_replaced_is_not_shown() {
    let rows = [
        "{ gateway: { mode: 'local', auth: { token: 'local' } } }", // the secret is also another value
        "{ gateway: { auth: { token: 'hunt\\x65r2' } } }",          // the text never spells it
        "{ channels: { x: { password: 12345 } }, gateway: { port: 1 } }", // a number has no quotes
    ];
    for text in rows {
        let place = Place::new().file("openclaw.json", text);
        let shown = snapshot(&place.environment, &Flags::default()).unwrap();
        assert_eq!(shown["raw"], Value::Null, "{text}");
        assert!(!shown.to_string().contains("hunter2") && !shown.to_string().contains("12345"), "{text}");
    }
    let commented =
        Place::new().file("openclaw.json", "// was hunter2 before\n{ gateway: { auth: { token: 'hunter2' } } }");
    let raw = snapshot(&commented.environment, &Flags::default()).unwrap()["raw"].clone();
    assert_eq!(raw, format!("// was {REDACTED} before\n{{ gateway: {{ auth: {{ token: '{REDACTED}' }} }} }}"));
}

#[test]
fn nothing_that_is_printed_shows_a_secret() {
    let place = Place::new()
        .file("openclaw.json", "{ gateway: { auth: { token: 'hunter2' }, remote: { token: 'hunter3' } } }")
        .var("OPENCLAW_GATEWAY_PASSWORD", "hunter4");
    let loaded = place.load(&Flags { password: Some(Secret::new("hunter5")), ..Flags::default() });
    assert!(!format!("{loaded:?} {:?}", place.environment).contains("hunter"));
}

#[test]
fn configuration_may_lie_apart_from_state() {
    let place = Place::new()
        .file("elsewhere.json", "{ gateway: { port: 5 } }")
        .file("gateway.json", "{ gateway: { publishedOn: 'x' } }");
    let path = place.path("elsewhere.json");
    let place = place.var("OPENCLAW_CONFIG_PATH", path).var("OPENCLAW_STATE_DIR", "/another");
    let loaded = place.load(&Flags::default());
    assert_eq!(loaded.settings.listen.port, 5);
    assert_eq!(
        loaded.settings.trust.published_on,
        Some("x".into()),
        "gateway.json lies beside the file that was named"
    );
    assert_eq!(loaded.paths.state.path(), Path::new("/another"));
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
    super::schema::known().into_iter().map(|known| known.key).collect()
}
