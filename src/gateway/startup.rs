//! From a configuration to a gateway that listens.

use std::{
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use hyper::header::HeaderName;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::sync::watch;
use tracing::{info, warn};

use super::{
    Gateway, GatewayError, InForce, Lobbies, Shared, Start,
    network::Network,
    policies::Maker,
    seats::Seats,
    surroundings::{Survey, hostname},
};
use crate::{
    advice::{Marks, Place},
    auth::{AuthPolicy, SharedSecret, Throttle, ThrottleRules, TokenKey, TrustedProxy},
    cgroup,
    config::{self, AuthMode, Credential, Environment, FileWatch, Flags, Loaded, Settings},
    control::Control,
    defaults::{MAX_SILENT_LOCAL_PEERS, MAX_SILENT_PEERS, NETWORK_SESSIONS_EIGHTHS},
    events::{Hub, Versions},
    greeting::{Constant, GatewayIdentity, Greeting},
    handshake::{Doors, LogBudget},
    health::Health,
    hint::Hint,
    http,
    logs::Location,
    methods::{self, ConfigMethods, ControlMethods, DeviceMethods, Handlers, LogMethods, SourceMethods, StateMethods},
    metrics::{CountedEvents, MeasuredStore, Metrics},
    net::{self, Announcement, ContainerMarks, GatewayLock, Lobby, LockHolder, SecretInForce},
    notify::Notify,
    observed::Observed,
    origin::OwnNames,
    pairing::Pairing,
    policy::Policy,
    presence::Presence,
    readiness::Readiness,
    shutdown::Tasks,
    signals::Listening,
    source::Surroundings,
    state::StateDir,
    store::{DeviceStore, FileStore, StoreReport, Use},
    telemetry,
};

impl Gateway {
    /// Takes the state directory, listens, and says so. The order matters: nothing in the directory is touched before its
    /// lock is held, and nothing is announced before it works.
    pub(super) async fn start(start: Start) -> Result<Self, GatewayError> {
        let Start { mut loaded, environment, flags, began } = start;
        let signals = Listening::start().map_err(|source| GatewayError::System { what: "handle signals", source })?;
        let open_files = raise_open_files();
        let mut lock = GatewayLock::acquire(&loaded.paths.state)?;
        let log = Location::new(loaded.settings.logging.file.clone(), &loaded.paths.state);
        let log_guard = telemetry::init(telemetry::Options::configured(&loaded.settings.logging, &loaded.paths.state))?;
        for warning in &loaded.warnings {
            warn!(target: "gateway", "{warning}");
        }
        if let Some(cut) = lock.cut() {
            warn!(target: "gateway", "{}", was_cut(cut));
        }
        let new_token = loaded.ensure_token()?;

        let hub = Hub::default();
        let metrics = Metrics::new(hub.clone());
        let pairing = open_pairing(&loaded.paths.state, &hub, &metrics)?;
        let survey = Survey::take(&environment, None).await;
        let first = policy(&loaded)?;
        let Network { listeners, introduced, bound, metrics: metrics_listeners, local, tls } =
            Network::open(&loaded, &environment, &survey.surroundings, first.trust.preamble.as_ref()).await?;

        let (environment, flags) = (Arc::new(environment), Arc::new(flags));
        let machine = Machine { place: place(&environment), began, log: log.clone() };
        let (control, orders) = Control::new();
        let handlers = OwnMethods {
            config: ConfigMethods { environment: Arc::clone(&environment), flags: Arc::clone(&flags) },
            control: ControlMethods {
                control,
                boot_id: uuid::Uuid::new_v4().to_string(),
                grace: loaded.settings.limits.drain(),
            },
        };
        let (maker, policies) = Maker::start(Arc::clone(&environment), survey, first).await;
        let policy = maker.published();
        let files = FileWatch::start(read_from(&environment, &flags).await, loaded.settings.reload.debounce()).await;
        let seats = Seats::new(open_files / 8 * NETWORK_SESSIONS_EIGHTHS);
        let served = Served { hub, pairing, metrics, seats };
        let shared = shared(&loaded, &policy, &machine, &bound, served, handlers);

        let scheme = if tls.is_some() { "wss" } else { "ws" };
        let urls: Vec<String> = bound.iter().map(|address| format!("{scheme}://{address}")).collect();
        let secret = secret_in_force(&loaded.settings, new_token.as_deref());
        lock.announce(Announcement {
            url: urls.first().cloned().unwrap_or_default(),
            socket: Some(local.path().to_owned()),
            log_file: Some(log.current()),
            auth: secret.clone(),
            given: loaded.settings.given(),
        })
        .map_err(|source| GatewayError::System { what: "write the gateway's lock file", source })?;
        shared.readiness.listening();
        for url in &urls {
            info!(target: "gateway", "listening on {url} (PID {})", std::process::id());
        }
        if let Some((certificate, _)) = &tls {
            info!(target: "gateway", "certificate SHA-256 fingerprint {}", certificate.fingerprint());
        }
        info!(target: "gateway", "local socket: {}", local.path().display());
        info!(target: "gateway", "state directory: {}", loaded.paths.state.path().display());
        info!(target: "gateway", "log file: {}", log.current().display());
        info!(target: "gateway", "{}", secret.described);
        let granted = cgroup::Limits::read(Path::new("/"));
        if granted.is_limited() {
            info!(target: "gateway", "limits: {granted}");
        }
        info!(target: "gateway", "next: {}", machine.place.command("devices list"));
        info!(target: "gateway", "ready in {} ms", began.elapsed().as_millis());

        let limits = &loaded.settings.limits;
        let lobby = |most: usize| Lobby::new(most.min(open_files / 4), limits.handshake_timeout());
        Ok(Self {
            shared: Arc::new(shared),
            listeners,
            introduced,
            metrics: metrics_listeners,
            local: Some(local),
            tls,
            lobbies: Lobbies { network: lobby(MAX_SILENT_PEERS), local: lobby(MAX_SILENT_LOCAL_PEERS) },
            tasks: Tasks::default(),
            maker: Some(maker),
            policies,
            files,
            environment,
            flags,
            grace: limits.drain(),
            signals,
            orders,
            notify: Notify::of_process(),
            in_force: InForce { started: loaded.settings.clone(), current: loaded.settings },
            lock,
            log: log_guard,
        })
    }
}

/// Where and since when this gateway runs.
struct Machine {
    place: Place,
    began: Instant,
    log: Location,
}

/// Methods about the gateway's own configuration and process.
struct OwnMethods {
    config: ConfigMethods,
    control: ControlMethods,
}

/// Services that are there before the network is.
struct Served {
    hub: Hub,
    pairing: Arc<Pairing>,
    metrics: Metrics,
    seats: Seats,
}

/// What every connection uses.
fn shared(
    loaded: &Loaded,
    policy: &watch::Sender<Arc<Policy>>,
    machine: &Machine,
    bound: &[SocketAddr],
    served: Served,
    own: OwnMethods,
) -> Shared {
    let Served { hub, pairing, metrics, seats } = served;
    let (settings, state) = (&loaded.settings, &loaded.paths.state);
    let own_addresses: Arc<[IpAddr]> = policy.borrow().surroundings.own_addresses().into();
    let address = own_addresses.first().copied().unwrap_or(IpAddr::from([127, 0, 0, 1]));
    let host = hostname();
    let versions = Arc::new(Versions::default());
    let observed = Observed::default();
    let own_entry = Presence::gateway_entry(&host, &address.to_string());
    let presence = Presence::new(own_entry, Arc::clone(&versions), hub.clone());
    let readiness = Readiness::new(state);
    let health = Health::new(Arc::clone(&versions), hub.clone(), readiness.clone());
    let methods = methods::table(&Handlers {
        state: StateMethods { health: health.clone(), presence: presence.clone(), state: state.clone() },
        devices: DeviceMethods { pairing: Arc::clone(&pairing), hub: hub.clone() },
        logs: LogMethods { location: Arc::new(machine.log.clone()) },
        config: own.config,
        control: own.control.clone(),
        sources: SourceMethods {
            policy: policy.subscribe(),
            observed: observed.clone(),
            place: Arc::new(machine.place.clone()),
        },
    });
    let names = methods.listing().into_iter().map(|(name, _)| name.to_owned()).collect();
    let identity = GatewayIdentity {
        host,
        boot_id: own.control.boot_id,
        started: machine.began,
        config_path: loaded.paths.config.display().to_string(),
        state_dir: state.path().display().to_string(),
        auth_mode: settings.auth.mode.as_str(),
    };
    let throttle = Throttle::new(ThrottleRules {
        free_failures: settings.auth.rate_limit.max_attempts,
        window: Duration::from_millis(settings.auth.rate_limit.window_ms),
    });
    let port = bound.first().map_or(settings.listen.port, SocketAddr::port);
    Shared {
        app: http::App { readiness: readiness.clone(), own_addresses, port },
        doors: Doors {
            pairing: Arc::clone(&pairing),
            throttle: Arc::new(throttle),
            place: machine.place.clone(),
            log: LogBudget::default(),
            current: policy.subscribe(),
        },
        greeting: Greeting {
            presence: presence.clone(),
            health: health.clone(),
            versions,
            identity: Arc::new(identity),
            constant: Arc::new(Constant::of(names)),
        },
        methods,
        observed,
        hub,
        presence,
        pairing,
        readiness,
        health,
        metrics,
        seats,
    }
}

/// What is to be said of a gateway that ended without a word.
fn was_cut(cut: &LockHolder) -> String {
    let since = jiff::Timestamp::from_millisecond(cut.started_at_ms).map(|since| format!(", started {since:.0}"));
    format!(
        "the gateway before this one was killed or crashed: version {}, pid {}{}; what it wrote last stands in the log before this",
        cut.version,
        cut.pid,
        since.unwrap_or_default()
    )
}

fn place(environment: &Environment) -> Place {
    let kubernetes = environment.variable("KUBERNETES_SERVICE_HOST").is_some();
    let hostname = hostname();
    // A pod is known by its name.
    let mounts = (!kubernetes).then(|| std::fs::read_to_string("/proc/self/mountinfo").ok()).flatten();
    Place::of(Marks {
        container: ContainerMarks::read(Path::new("/")).is_container(),
        kubernetes,
        compose_service: environment.text("OPENCLAW_CLI_SERVICE"),
        hostname: mounts.as_deref().and_then(net::container_id).unwrap_or(&hostname),
    })
}

/// The files that the configuration is read from.
pub(super) async fn read_from(environment: &Arc<Environment>, flags: &Arc<Flags>) -> Vec<PathBuf> {
    let (environment, flags) = (Arc::clone(environment), Arc::clone(flags));
    tokio::task::spawn_blocking(move || config::files(&environment, &flags)).await.unwrap_or_default()
}

/// The policy that a configuration stands for, before anything is known of the network and of what names stand for.
///
/// # Errors
/// [`GatewayError`] when the mode lacks what it needs.
pub(super) fn policy(loaded: &Loaded) -> Result<Policy, GatewayError> {
    let Settings { auth, control_ui, trust, .. } = &loaded.settings;
    let secret = |mode: &'static str| {
        let credential = auth.shared_secret().ok_or(GatewayError::NoSecret { mode })?;
        SharedSecret::new(credential.secret.expose()).ok_or(GatewayError::NoSecret { mode })
    };
    let policy = match auth.mode {
        AuthMode::None => AuthPolicy::None,
        AuthMode::Token => AuthPolicy::Token(secret("token")?),
        AuthMode::Password => AuthPolicy::Password(secret("password")?),
        AuthMode::TrustedProxy => {
            let settings = auth.trusted_proxy.clone().unwrap_or_default();
            let name = |text: &String| HeaderName::try_from(text.as_str()).map_err(|_| GatewayError::NoProxyHeader);
            let password = auth.password.in_force();
            AuthPolicy::TrustedProxy {
                proxy: TrustedProxy {
                    user_header: name(&settings.user_header)?,
                    required_headers: settings.required_headers.iter().map(name).collect::<Result<_, _>>()?,
                    allow_users: settings.allow_users,
                    allow_loopback: settings.allow_loopback,
                    any_trusted: !trust.trusted_proxies.is_empty(),
                },
                password: password.and_then(|credential| SharedSecret::new(credential.secret.expose())),
            }
        }
    };
    Ok(Policy {
        epoch: 1,
        auth: policy,
        auth_settings: auth.clone(),
        trust: loaded.settings.trusted(),
        surroundings: Surroundings::default(),
        allowed_origins: control_ui.allowed_origins.clone(),
        own_names: OwnNames::default(),
    })
}

fn open_pairing(state: &StateDir, hub: &Hub, metrics: &Metrics) -> Result<Arc<Pairing>, GatewayError> {
    let key = TokenKey::load_or_create(state)?;
    let store = FileStore::open(state, Use::Gateway)?;
    report(&store.report());
    let store = MeasuredStore::new(store, metrics.clone());
    let events = CountedEvents::new(hub.clone(), metrics.clone());
    Ok(Arc::new(Pairing::new(Arc::new(store), key, Arc::new(events))))
}

fn report(report: &StoreReport) {
    for damage in &report.damage {
        warn!(
            target: "gateway", "{} is damaged: {}; {}",
            damage.file.display(), damage.problem, damage.hint(),
        );
    }
    for earlier in &report.kept_earlier {
        warn!(target: "gateway", "a damaged file still lies aside: {}", earlier.display());
    }
    if let Some(hint) = report.locks.advice() {
        warn!(target: "gateway", "the file system of the state directory has no locks; {hint}");
    }
    if report.took_over_tokens {
        info!(target: "gateway", "device tokens of another gateway were taken over and are kept as hashes only");
    }
}

/// Which secret counts. `new_token` is the file of one that was made just now.
pub(super) fn secret_in_force(settings: &Settings, new_token: Option<&Path>) -> SecretInForce {
    let mode = settings.auth.mode.as_str();
    let secret = settings.auth.shared_secret();
    let described = match (new_token, secret) {
        (Some(path), _) => format!("token: none was configured, so one was made: {}", path.display()),
        (None, Some(credential)) => format!("{mode}: from {}", credential.source),
        (None, None) => format!("authentication mode: {mode}"),
    };
    SecretInForce { mode: mode.to_owned(), described, generated: secret.is_some_and(Credential::is_generated) }
}

/// Takes as many open files as the system allows, and says how many that is.
fn raise_open_files() -> usize {
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return 1024 };
    let raised = setrlimit(Resource::RLIMIT_NOFILE, hard, hard).is_ok();
    usize::try_from(if raised { hard } else { soft }).unwrap_or(usize::MAX)
}
