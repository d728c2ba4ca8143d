//! The target table.

use super::*;
use crate::{
    client::{GatewayUrl, Scheme},
    config::{Environment, Flags, Secret, Settings, load_for_client},
    hint::Hint as _,
};

/// The settings that `openclaw.json`, the generated token and variables come to.
fn settings(config: &str, generated: bool, variables: &[(&str, &str)]) -> Settings {
    let home = tempfile::tempdir().expect("a directory");
    let state = home.path().join(".openclaw");
    std::fs::create_dir_all(state.join("identity")).expect("writable");
    std::fs::write(state.join("openclaw.json"), config).expect("writable");
    if generated {
        let token = "0123456789abcdef0123456789abcdef0123456789abcdef";
        std::fs::write(state.join("identity/gateway-token"), token).expect("writable");
    }
    let mut environment = Environment::new(Some(home.path().into()), home.path().into());
    for (name, value) in variables {
        environment = environment.with(*name, *value);
    }
    load_for_client(&environment, &Flags::default()).expect("valid").settings
}

fn shown(plan: &Plan) -> String {
    let way = |way: &Way| match way {
        Way::Socket(_) => "socket".to_owned(),
        Way::Files => "files".to_owned(),
        Way::Network(remote) => {
            let secret = |name: &str, secret: &Option<Secret>| {
                secret.as_ref().map(|secret| format!(" {name}={}", &secret.expose()[..1])).unwrap_or_default()
            };
            let presented = &remote.presented;
            format!(
                "{} [{}]{}{}",
                remote.url,
                remote.source,
                secret("token", &presented.token),
                secret("password", &presented.password)
            )
        }
    };
    plan.ways.iter().map(way).collect::<Vec<_>>().join(", ")
}

#[test]
fn the_target_table() {
    const T: &str = r#"{"gateway":{"auth":{"token":"file-token"}}}"#;
    const P: &str = r#"{"gateway":{"auth":{"password":"pass"}}}"#;
    const R: &str = r#"{"gateway":{"mode":"remote","remote":{"url":"wss://gw.test","token":"remote"},"auth":{"token":"file-token"}}}"#;
    const RU: &str = r#"{"gateway":{"mode":"remote","remote":{"url":"wss://gw.test"},"auth":{"token":"file-token"}}}"#;
    const RM: &str = r#"{"gateway":{"mode":"remote"}}"#;
    const TLS: &str = r#"{"gateway":{"port":7,"tls":{"enabled":true}}}"#;
    const CUSTOM: &str = r#"{"gateway":{"bind":"custom","customBindHost":"10.1.2.3"}}"#;
    const NONE: &str = r#"{"gateway":{"auth":{"mode":"none","token":"file-token"}}}"#;
    let env = |name| (name, "env-value");
    let env_token = env("OPENCLAW_GATEWAY_TOKEN");
    let env_url = ("OPENCLAW_GATEWAY_URL", "ws://gateway:1");
    #[rustfmt::skip]
    let rows = [
        // config, generated token, variables, typed                 plan
        ("{}",   false, vec![],                  "",                 "socket, ws://127.0.0.1:18789 [local loopback], files"),
        ("{}",   true,  vec![],                  "",                 "socket, ws://127.0.0.1:18789 [local loopback] token=0, files"),
        (T,      true,  vec![],                  "",                 "socket, ws://127.0.0.1:18789 [local loopback] token=f, files"),
        ("{}",   true,  vec![env_token],         "",                 "socket, ws://127.0.0.1:18789 [local loopback] token=e, files"),
        (T,      false, vec![env_token],         "",                 "socket, ws://127.0.0.1:18789 [local loopback] token=e, files"),
        (T,      false, vec![env_token],         "token",            "socket, ws://127.0.0.1:18789 [local loopback] token=t, files"),
        (P,      false, vec![],                  "",                 "socket, ws://127.0.0.1:18789 [local loopback] password=p, files"),
        (P,      false, vec![],                  "token",            "socket, ws://127.0.0.1:18789 [local loopback] token=t, files"),
        (NONE,   false, vec![],                  "",                 "socket, ws://127.0.0.1:18789 [local loopback], files"),
        (TLS,    false, vec![],                  "",                 "socket, wss://127.0.0.1:7 [local loopback], files"),
        (CUSTOM, false, vec![],                  "",                 "socket, ws://10.1.2.3:18789 [local lan 10.1.2.3], files"),
        ("{}",   false, vec![("OPENCLAW_GATEWAY_PORT", "99")], "",   "socket, ws://127.0.0.1:99 [local loopback], files"),
        // a named URL never gets a configured secret
        (T,      true,  vec![env_token],         "url",              "ws://typed:1 [cli --url]"),
        (T,      true,  vec![env_token],         "url token",        "ws://typed:1 [cli --url] token=t"),
        (T,      true,  vec![env_url],           "url password",     "ws://typed:1 [cli --url] password=t"),
        (T,      true,  vec![env_url],           "",                 "ws://gateway:1 [env OPENCLAW_GATEWAY_URL]"),
        (T,      true,  vec![env_url, env_token], "",                "ws://gateway:1 [env OPENCLAW_GATEWAY_URL] token=e"),
        (T,      true,  vec![env_url, env_token], "token",           "ws://gateway:1 [env OPENCLAW_GATEWAY_URL] token=t"),
        (R,      true,  vec![env_url],           "",                 "ws://gateway:1 [env OPENCLAW_GATEWAY_URL]"),
        // the remote has secrets of its own
        (R,      true,  vec![],                  "",                 "wss://gw.test:443 [config gateway.remote.url] token=r"),
        (R,      true,  vec![env_token],         "",                 "wss://gw.test:443 [config gateway.remote.url] token=r"),
        (R,      true,  vec![],                  "password",         "wss://gw.test:443 [config gateway.remote.url] password=t"),
        (RU,     true,  vec![],                  "",                 "wss://gw.test:443 [config gateway.remote.url]"),
        (RU,     true,  vec![env_token],         "",                 "wss://gw.test:443 [config gateway.remote.url] token=e"),
        (RM,     true,  vec![],                  "",                 "socket, ws://127.0.0.1:18789 [missing gateway.remote.url (fallback local)] token=0, files"),
    ];
    for (config, generated, variables, typed, expected) in rows {
        let settings = settings(config, generated, &variables);
        let args = TargetArgs {
            url: typed.contains("url").then(|| "ws://typed:1".parse().expect("a URL")),
            token: typed.contains("token").then(|| Secret::new("typed")),
            password: typed.contains("password").then(|| Secret::new("typed")),
            ..TargetArgs::default()
        };
        let known = Known { settings: &settings, sockets: &["/s".into()], announced: None, files: true };
        let plan = plan(&args, known).expect("a plan");
        assert_eq!(shown(&plan), expected, "{config} {generated} {variables:?} {typed:?}");
    }
}

#[test]
fn a_gateway_that_lives_says_itself_where_it_listens() {
    let settings = Settings::default();
    let announced = GatewayUrl::new(Scheme::Ws, "127.0.0.1", 4711);
    let known = Known { settings: &settings, sockets: &[], announced: Some(&announced), files: false };
    let plan = plan(&TargetArgs::default(), known).expect("a plan");
    assert_eq!(shown(&plan), "ws://127.0.0.1:4711 [local loopback]");
}

#[test]
fn the_refusal_says_where_the_token_is_found() {
    let url = GatewayUrl::new(Scheme::Ws, "gateway", 1);
    let refusal = |named_by| TargetError::NeedsCredentials { url: url.clone(), named_by };
    let text = refusal(Source::CliUrl).to_string();
    assert!(text.starts_with("gateway url override requires explicit credentials\nFix: pass --token"), "{text}");
    assert!(refusal(Source::EnvUrl).to_string().contains("OPENCLAW_GATEWAY_TOKEN"));
    assert!(refusal(Source::CliUrl).hint().contains("identity/gateway-token"));
}
