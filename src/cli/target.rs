//! Which gateway a command talks to, by which way, with which secret. Pure: from what was typed and what is known to a plan.

use std::{fmt, path::PathBuf, time::Duration};

use crate::{
    client::{Fingerprint, GatewayUrl, InvalidFingerprint, InvalidUrl, Presented, Scheme},
    config::{AuthMode, Bind, Credential, GatewayMode, Origin, Secret, SecretDefect, Settings},
    hint::Hint,
};

/// What every command that talks to a gateway takes.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Gateway")]
pub struct TargetArgs {
    /// The gateway's URL, ws://HOST:PORT or wss://HOST:PORT; needs --token or --password. Without it: the gateway of this
    /// state directory, or what OPENCLAW_GATEWAY_URL or gateway.remote.url name
    #[arg(long, value_name = "URL")]
    pub url: Option<GatewayUrl>,
    /// The gateway's token
    #[arg(long, value_name = "TOKEN", value_parser = secret)]
    pub token: Option<Secret>,
    /// The gateway's password
    #[arg(long, value_name = "PASSWORD", value_parser = secret)]
    pub password: Option<Secret>,
    /// SHA-256 fingerprint of the gateway's certificate, which then needs no authority
    #[arg(long, value_name = "SHA256")]
    pub tls_fingerprint: Option<Fingerprint>,
    /// How long to wait for an answer, in milliseconds [default: 10000; logs: 30000]
    #[arg(long, value_name = "MS", value_parser = milliseconds)]
    pub timeout: Option<Duration>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Say which way the command goes
    #[arg(long, short)]
    pub verbose: bool,
}

fn secret(text: &str) -> Result<Secret, SecretDefect> {
    let secret = Secret::new(text);
    match secret.defect() {
        // What looks like a forgotten placeholder may be somebody's secret after all; the gateway decides.
        None | Some(SecretDefect::Placeholder(_)) => Ok(secret),
        Some(defect) => Err(defect),
    }
}

pub(super) fn milliseconds(text: &str) -> Result<Duration, &'static str> {
    match text.parse() {
        Ok(0) | Err(_) => Err("expected a number of milliseconds above 0"),
        Ok(number) => Ok(Duration::from_millis(number)),
    }
}

/// Where a target came from, in the words that operators know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The Unix socket of the state directory.
    LocalSocket,
    /// The loopback address of the configured port.
    LocalLoopback,
    /// This machine's address in its network.
    LocalLan(String),
    /// This machine's address in its tailnet.
    LocalTailnet(String),
    /// `--url`.
    CliUrl,
    /// `OPENCLAW_GATEWAY_URL`.
    EnvUrl,
    /// `gateway.client.url` of our own file.
    OwnConfig,
    /// `gateway.remote.url`.
    ConfigRemote,
    /// `gateway.mode` is remote and no URL is named.
    MissingRemoteUrl,
    /// The files of the state directory.
    Files,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LocalSocket => f.write_str("local socket"),
            Self::LocalLoopback => f.write_str("local loopback"),
            Self::LocalLan(address) => write!(f, "local lan {address}"),
            Self::LocalTailnet(address) => write!(f, "local tailnet {address}"),
            Self::CliUrl => f.write_str("cli --url"),
            Self::EnvUrl => f.write_str("env OPENCLAW_GATEWAY_URL"),
            Self::OwnConfig => f.write_str("config gateway.client.url"),
            Self::ConfigRemote => f.write_str("config gateway.remote.url"),
            Self::MissingRemoteUrl => f.write_str("missing gateway.remote.url (fallback local)"),
            Self::Files => f.write_str("state directory"),
        }
    }
}

/// A gateway to dial by its URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remote {
    /// Where.
    pub url: GatewayUrl,
    /// Why there.
    pub source: Source,
    /// The secrets to present there.
    pub presented: Presented,
    /// Where these came from, for messages.
    pub secret_from: Option<Origin>,
    /// The certificate that was named for it.
    pub fingerprint: Option<Fingerprint>,
    /// Whether it is the gateway of this state directory, so that its certificate and stored tokens are ours.
    pub own: bool,
}

/// One way to a gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// A Unix socket.
    Socket(PathBuf),
    /// A URL.
    Network(Box<Remote>),
    /// The files, without a gateway.
    Files,
}

/// The ways to take, in order: the next one where nothing listens at the one before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The ways.
    pub ways: Vec<Way>,
    /// Whether the target was named by the user or the configuration, so that there is nothing to fall back to.
    pub explicit: bool,
}

/// What a plan is made from, besides what was typed.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// The settings in force.
    pub settings: &'a Settings,
    /// Where the socket may be.
    pub sockets: &'a [PathBuf],
    /// Where the gateway that holds the directory says that it listens.
    pub announced: Option<&'a GatewayUrl>,
    /// Whether the command can do its work on the files.
    pub files: bool,
}

/// Why there is no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// A configured URL is none.
    #[error("{named_by} names no gateway")]
    BadUrl {
        /// Which setting.
        named_by: Source,
        /// What is wrong with it.
        #[source]
        problem: InvalidUrl,
    },
    /// A configured fingerprint is none.
    #[error("gateway.remote.tlsFingerprint cannot be read")]
    BadFingerprint(#[source] InvalidFingerprint),
    /// A URL was named without a secret; secrets of the configuration are not sent there.
    #[error(
        "gateway url override requires explicit credentials\nFix: pass --token or --password{}.\n\
         The configured secrets are for the configured gateway, and are not sent to {url}.",
        if *.named_by == Source::EnvUrl { ", or set OPENCLAW_GATEWAY_TOKEN or OPENCLAW_GATEWAY_PASSWORD" } else { "" }
    )]
    NeedsCredentials {
        /// Where it would have gone.
        url: GatewayUrl,
        /// Which setting.
        named_by: Source,
    },
}

impl Hint for TargetError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::BadUrl { problem, .. } => return problem.hint(),
            Self::BadFingerprint(_) => "copy the fingerprint that the gateway printed at its start".into(),
            Self::NeedsCredentials { .. } => {
                "the token is gateway.auth.token on the gateway's machine: in openclaw.json, OPENCLAW_GATEWAY_TOKEN, or \
                 identity/gateway-token of its state directory"
                    .into()
            }
        })
    }
}

/// Makes the plan.
///
/// # Errors
/// [`TargetError`] where a setting cannot be read.
pub fn plan(args: &TargetArgs, known: Known<'_>) -> Result<Plan, TargetError> {
    let settings = known.settings;
    let named = |url: &GatewayUrl, source: Source, presented: (Presented, Option<Origin>), fingerprint| {
        let remote = Remote {
            url: url.clone(),
            source,
            presented: presented.0,
            secret_from: presented.1,
            fingerprint,
            own: false,
        };
        Plan { ways: vec![Way::Network(Box::new(remote))], explicit: true }
    };
    if let Some(url) = &args.url {
        return Ok(named(url, Source::CliUrl, typed(args), args.tls_fingerprint));
    }
    if let Some(text) = &settings.client.url {
        let from_environment = settings.origin("gateway.client.url").is_environment();
        let source = if from_environment { Source::EnvUrl } else { Source::OwnConfig };
        let url = text.parse().map_err(|problem| TargetError::BadUrl { named_by: source.clone(), problem })?;
        return Ok(named(&url, source, from_environment_or_typed(args, settings), args.tls_fingerprint));
    }
    let is_remote = settings.mode == Some(GatewayMode::Remote);
    if let (true, Some(text)) = (is_remote, &settings.remote.url) {
        let source = Source::ConfigRemote;
        let url = text.parse().map_err(|problem| TargetError::BadUrl { named_by: source.clone(), problem })?;
        let fingerprint = match (&args.tls_fingerprint, &settings.remote.tls_fingerprint) {
            (Some(typed), _) => Some(*typed),
            (None, Some(text)) => Some(text.parse().map_err(TargetError::BadFingerprint)?),
            (None, None) => None,
        };
        return Ok(named(&url, source, for_remote(args, settings), fingerprint));
    }
    let url = known.announced.map_or_else(|| local_url(settings), GatewayUrl::dialable);
    let (presented, secret_from) = for_local(args, settings);
    let source = if is_remote { Source::MissingRemoteUrl } else { local_source(&url) };
    let local = Remote { url, source, presented, secret_from, fingerprint: args.tls_fingerprint, own: true };
    let mut ways: Vec<Way> = known.sockets.iter().cloned().map(Way::Socket).collect();
    ways.push(Way::Network(Box::new(local)));
    if known.files {
        ways.push(Way::Files);
    }
    Ok(Plan { ways, explicit: false })
}

/// Where the configuration says that the gateway of this machine listens.
pub fn local_url(settings: &Settings) -> GatewayUrl {
    let listen = &settings.listen;
    let scheme = if settings.tls.enabled { Scheme::Wss } else { Scheme::Ws };
    // Every other mode listens on loopback too.
    let custom = listen.custom_bind_host.filter(|host| listen.bind == Bind::Custom && !host.is_unspecified());
    match custom {
        Some(host) => GatewayUrl::new(scheme, &host.to_string(), listen.port),
        None => GatewayUrl::new(scheme, "127.0.0.1", listen.port),
    }
}

fn local_source(url: &GatewayUrl) -> Source {
    let host = url.host().to_owned();
    let in_tailnet = url.address().is_some_and(|address| match address.to_canonical() {
        std::net::IpAddr::V4(v4) => v4.octets()[0] == 100 && (64..128).contains(&v4.octets()[1]),
        std::net::IpAddr::V6(v6) => v6.segments()[..3] == [0xfd7a, 0x115c, 0xa1e0],
    });
    if url.is_loopback() {
        Source::LocalLoopback
    } else if in_tailnet {
        Source::LocalTailnet(host)
    } else {
        Source::LocalLan(host)
    }
}

/// Secrets and where the first of them came from.
type Secrets = (Presented, Option<Origin>);

fn typed(args: &TargetArgs) -> Secrets {
    let token = args.token.clone().map(|token| (token, Origin::Flag("--token")));
    let password = args.password.clone().map(|password| (password, Origin::Flag("--password")));
    presented(token, password)
}

fn presented(token: Option<(Secret, Origin)>, password: Option<(Secret, Origin)>) -> Secrets {
    let from = token.as_ref().or(password.as_ref()).map(|(_, origin)| origin.clone());
    (Presented { token: token.map(|(secret, _)| secret), password: password.map(|(secret, _)| secret) }, from)
}

fn known(credential: Option<&Credential>) -> Option<(Secret, Origin)> {
    credential.map(|credential| (credential.secret.clone(), credential.source.clone()))
}

/// What was typed, if anything was: a typed token is not accompanied by a configured password.
fn typed_or(args: &TargetArgs, otherwise: impl FnOnce() -> Secrets) -> Secrets {
    if args.token.is_some() || args.password.is_some() { typed(args) } else { otherwise() }
}

fn from_environment_or_typed(args: &TargetArgs, settings: &Settings) -> Secrets {
    typed_or(args, || {
        presented(known(settings.auth.token.from_environment()), known(settings.auth.password.from_environment()))
    })
}

/// The secrets of the remote's own keys; those of the environment where it has none.
fn for_remote(args: &TargetArgs, settings: &Settings) -> Secrets {
    let remote = &settings.remote;
    let own = |secret: &Option<Secret>, key| secret.clone().map(|secret| (secret, settings.origin(key)));
    typed_or(args, || {
        let token = own(&remote.token, "gateway.remote.token");
        let password = known(settings.auth.password.from_environment())
            .or_else(|| own(&remote.password, "gateway.remote.password"));
        if token.is_none() && remote.password.is_none() {
            presented(known(settings.auth.token.from_environment()), password)
        } else {
            presented(token, password)
        }
    })
}

/// The secret of the mode in force: environment before files, since the command's own surroundings are nearest to it.
fn for_local(args: &TargetArgs, settings: &Settings) -> Secrets {
    typed_or(args, || {
        let auth = &settings.auth;
        let token = known(auth.token.from_environment().or(auth.token.in_force()));
        let password = known(auth.password.from_environment().or(auth.password.in_force()));
        match auth.mode {
            AuthMode::Token => presented(token, None),
            AuthMode::Password => presented(None, password),
            AuthMode::None | AuthMode::TrustedProxy => presented(None, None),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Environment, Flags, load_for_client};

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
        const RU: &str =
            r#"{"gateway":{"mode":"remote","remote":{"url":"wss://gw.test"},"auth":{"token":"file-token"}}}"#;
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
        assert!(refusal(Source::CliUrl).hint().is_some_and(|hint| hint.contains("identity/gateway-token")));
    }
}
