//! Assembly: the one file that knows every stage.

mod accept;
mod connection;
mod error;
mod network;
mod policies;
mod reload;
mod seats;
mod startup;
mod surroundings;
mod trust;
mod waiting;

use std::{sync::Arc, time::Instant};

use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tracing::{info, warn};

pub use error::GatewayError;

use self::{
    accept::Entrance,
    policies::{Maker, Policies},
    reload::Occasion,
    seats::Seats,
};

use crate::{
    clock::now_ms,
    config::{Environment, FileWatch, Flags, Loaded, ReloadMode, Settings},
    control::Order,
    defaults::{
        CERTIFICATE_POLL, HEALTH_REFRESH, LAST_WRITES_TIMEOUT, RESTART_EXPECTED, START_SLACK, STOP_SLACK, TICK_INTERVAL,
    },
    events::{Event, Hub},
    greeting::Greeting,
    handshake::Doors,
    health::Health,
    http,
    methods::MethodTable,
    metrics::{Metrics, MetricsServer},
    net::{Certificate, GatewayLock, Lobby, LocalSocket, is_not_coming},
    notify::Notify,
    observed::Observed,
    pairing::Pairing,
    presence::Presence,
    protocol::EventName,
    readiness::Readiness,
    shutdown::{self, Tasks},
    signals::{Asked, Listening},
    telemetry,
};

/// How a gateway is started.
#[derive(Debug)]
pub struct Start {
    /// The configuration.
    pub loaded: Loaded,
    /// The environment that it was read from, for reading it again.
    pub environment: Environment,
    /// The flags that it was read with.
    pub flags: Flags,
    /// When the process began.
    pub began: Instant,
}

/// A gateway that listens.
pub struct Gateway {
    shared: Arc<Shared>,
    listeners: Vec<tokio::net::TcpListener>,
    /// Those that require a PROXY preamble.
    introduced: Vec<tokio::net::TcpListener>,
    metrics: Vec<tokio::net::TcpListener>,
    local: Option<LocalSocket>,
    tls: Option<(Certificate, TlsAcceptor)>,
    lobbies: Lobbies,
    tasks: Tasks,
    /// Makes policies; taken when it begins to run.
    maker: Option<Maker>,
    policies: Policies,
    files: FileWatch,
    environment: Arc<Environment>,
    flags: Arc<Flags>,
    grace: std::time::Duration,
    signals: Listening,
    orders: mpsc::Receiver<Order>,
    notify: Notify,
    in_force: InForce,
    /// Held for as long as the gateway lives.
    lock: GatewayLock,
    /// What is said while everything else goes is written too.
    log: telemetry::Guard,
}

/// The settings that the gateway goes by, to tell what a reload changes.
struct InForce {
    /// Those of the start: what is not taken up while running stays as it was then.
    started: Settings,
    /// Those of the last reload.
    current: Settings,
}

/// What every connection uses.
struct Shared {
    app: http::App,
    doors: Doors,
    greeting: Greeting,
    methods: MethodTable,
    observed: Observed,
    hub: Hub,
    presence: Presence,
    pairing: Arc<Pairing>,
    readiness: Readiness,
    health: Health,
    metrics: Metrics,
    seats: Seats,
}

/// Peers that have proved nothing, by the way they came.
struct Lobbies {
    network: Lobby,
    local: Lobby,
}

/// Starts a gateway and serves until it is told to stop.
///
/// # Errors
/// [`GatewayError`] says what kept it from starting, with a hint.
pub async fn run(start: Start) -> Result<(), GatewayError> {
    let state = start.loaded.paths.state.clone();
    match Gateway::start(start).await?.serve().await {
        Next::End => Ok(()),
        // Everything was let go when the gateway was dropped: its lock, its socket, and what the log still held.
        Next::Again => {
            let source = shutdown::run_again();
            is_not_coming(&state);
            Err(GatewayError::System { what: "run the gateway again", source })
        }
    }
}

/// What comes after a gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    End,
    Again,
}

impl Gateway {
    /// Serves until a signal says stop; then drains.
    async fn serve(mut self) -> Next {
        let tasks = self.tasks.clone();
        let entrance = |lobby: &Lobby| Entrance {
            shared: Arc::clone(&self.shared),
            policies: self.policies.clone(),
            lobby: lobby.clone(),
            tasks: tasks.clone(),
        };
        let acceptor = || self.tls.as_ref().map(|(_, acceptor)| acceptor.clone());
        for listener in std::mem::take(&mut self.listeners) {
            tokio::spawn(entrance(&self.lobbies.network).tcp(listener, acceptor()));
        }
        for listener in std::mem::take(&mut self.introduced) {
            tokio::spawn(entrance(&self.lobbies.network).introduced(listener, acceptor()));
        }
        if let Some(socket) = self.local.take() {
            tokio::spawn(entrance(&self.lobbies.local).local(socket));
        }
        for listener in std::mem::take(&mut self.metrics) {
            let shared = Arc::clone(&self.shared);
            let server = MetricsServer::new(listener, move || {
                let shared = Arc::clone(&shared);
                async move { shared.metrics_text().await }
            });
            // Answered while the gateway drains, when it is most worth knowing.
            tokio::spawn(tasks.services.clone().run_until_cancelled_owned(server.serve()));
        }
        tokio::spawn(tasks.accepting.clone().run_until_cancelled_owned(housekeeping(
            Arc::clone(&self.shared),
            self.tls.as_ref().map(|(certificate, _)| certificate.clone()),
            self.notify,
        )));
        if let Some(maker) = self.maker.take() {
            tokio::spawn(tasks.services.clone().run_until_cancelled_owned(maker.run()));
        }
        let (pairing, services) = (Arc::clone(&self.shared.pairing), tasks.services.clone());
        tasks.background.spawn(async move { pairing.follow(services).await });
        tasks.background.close();
        self.notify.ready();
        let next = loop {
            tokio::select! {
                asked = self.signals.next() => match asked {
                    Asked::Stop => break Next::End,
                    Asked::Restart => match self.restartable().await {
                        Ok(()) => break Next::Again,
                        Err(refused) => warn!(target: "gateway", "not restarting: {refused}"),
                    },
                    Asked::Reload => if let Some(next) = self.take_up_edits(Occasion::Signal).await {
                        break next;
                    },
                },
                () = self.files.changed(), if self.in_force.current.reload.mode != ReloadMode::Off => {
                    if let Some(next) = self.take_up_edits(Occasion::Files).await {
                        break next;
                    }
                },
                Some(order) = self.orders.recv() => if let Some(next) = self.carry_out(order).await {
                    break next;
                },
            }
        };
        self.stop(next).await
    }

    /// Does what an operator asked for; whether the gateway ends with it is the result.
    async fn carry_out(&mut self, order: Order) -> Option<Next> {
        // Whoever asked and did not wait for the answer has what was asked for all the same.
        match order {
            Order::Stop(answer) => {
                let _ = answer.send(Ok(()));
                Some(Next::End)
            }
            Order::Restart(answer) => {
                let restartable = self.restartable().await;
                let next = restartable.is_ok().then_some(Next::Again);
                let _ = answer.send(restartable);
                next
            }
            Order::Reload(answer) => {
                let _ = answer.send(self.reload().await);
                None
            }
        }
    }

    /// Drains: not ready, no new peers, everybody told, then the grace. Told to stop once more, it ends at once.
    async fn stop(mut self, mut next: Next) -> Next {
        let (what, expected) = match next {
            Next::End => ("stopping", None),
            Next::Again => ("restarting", Some(RESTART_EXPECTED.as_millis())),
        };
        info!(target: "gateway", "{what}");
        match next {
            Next::End => self.notify.stopping(),
            // The process stays, and is ready again before long.
            Next::Again => self.notify.reloading("restarting"),
        }
        self.shared.readiness.draining();
        self.tell_lock(next);
        let farewell = serde_json::json!({ "reason": format!("gateway {what}"), "restartExpectedMs": expected });
        self.shared.hub.publish(Event::new(EventName::Shutdown, &farewell));
        tokio::select! {
            () = self.tasks.drain(self.grace) => {}
            () = self.signals.until_stop() => {
                warn!(target: "gateway", "told to stop while {what}: ending at once");
                next = Next::End;
                self.tell_lock(next);
            }
        }
        self.tasks.services.cancel();
        if tokio::time::timeout(LAST_WRITES_TIMEOUT, self.tasks.background.wait()).await.is_err() {
            warn!(target: "gateway", "when devices were last seen could not be written in time");
        }
        info!(target: "gateway", "stopped");
        next
    }

    /// Says in the lock whether this process comes back, for commands to wait for it.
    fn tell_lock(&mut self, next: Next) {
        let within = (next == Next::Again).then(|| self.grace + STOP_SLACK + START_SLACK);
        if let Err(error) = self.lock.set_restart(within) {
            warn!(target: "gateway", "the gateway's lock file cannot be written: {error}");
        }
    }
}

impl Shared {
    async fn metrics_text(&self) -> String {
        if let Ok(waiting) = self.pairing.waiting_requests().await {
            self.metrics.waiting(waiting);
        }
        self.metrics.text()
    }
}

/// What is done now and then.
async fn housekeeping(shared: Arc<Shared>, certificate: Option<Certificate>, notify: Notify) {
    let every = |period| {
        let mut interval = tokio::time::interval_at(tokio::time::Instant::now() + period, period);
        interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        interval
    };
    let (mut tick, mut health) = (every(TICK_INTERVAL), every(HEALTH_REFRESH));
    let mut files = every(CERTIFICATE_POLL);
    let mut watchdog = notify.watchdog().map(every);
    loop {
        tokio::select! {
            _ = tick.tick() => shared.hub.publish(Event::new(EventName::Tick, &serde_json::json!({ "ts": now_ms() }))),
            _ = health.tick() => {
                // What is known of the state directory is told with the rest.
                let _ = shared.readiness.check().await;
                shared.health.refresh();
            }
            () = beat(watchdog.as_mut()) => notify.alive(),
            _ = files.tick() => {
                if let Some(certificate) = certificate.clone() {
                    let _ = tokio::task::spawn_blocking(move || certificate.reload_if_changed()).await;
                }
            }
        }
    }
}

/// The next time that the service manager wants to hear from us; never where it does not.
async fn beat(watchdog: Option<&mut tokio::time::Interval>) {
    match watchdog {
        Some(interval) => drop(interval.tick().await),
        None => std::future::pending().await,
    }
}
