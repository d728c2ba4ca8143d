//! The service over a real file store.

mod administration;
mod connects;
mod others;
mod requests;
mod takeover;

use std::{
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use serde_json::Value;

use super::{
    Admission, Approver, Asked, Claim, Clock, Connecting, Grant, Pairing, PairingError, PairingEvents, PairingRefusal,
    Verdict,
};
use crate::{
    auth::{Mechanism, TokenKey},
    device::DeviceId,
    events::{Event, Invalidate},
    protocol::{ClientId, ClientMode, RequestId, Role},
    state::StateDir,
    store::{
        DeviceStore, FileStore, Use,
        testing::{device, key, scopes},
    },
};

/// A claim of the device with this number: a command line that asks for everything, from 192.0.2.50.
pub(super) fn claim(number: u32) -> Claim {
    Claim {
        device: device(number),
        key: key(number).parse().unwrap(),
        role: Role::Operator,
        scopes: scopes("admin approvals pairing"),
        display_name: Some(format!("laptop {number}")),
        platform: Some("linux".into()),
        device_family: None,
        client_id: ClientId::cli(),
        client_mode: ClientMode::Cli,
        browser_origin: None,
        client: Some("192.0.2.50".parse().unwrap()),
    }
}

/// The same, asking for these scopes only.
fn asking(number: u32, names: &str) -> Claim {
    Claim { scopes: scopes(names), ..claim(number) }
}

fn as_node(number: u32) -> Claim {
    Claim { role: Role::Node, ..asking(number, "") }
}

const SILENT: Grant = Grant { pairs_silently: true };
const REMOTE: Grant = Grant { pairs_silently: false };

fn by(mechanism: Mechanism) -> Connecting<'static> {
    Connecting { connection: "c0ffee", mechanism, token: None, address: "192.0.2.50".parse().ok() }
}

/// What sessions were told.
#[derive(Debug, Default)]
struct Recorder {
    told: Mutex<Vec<String>>,
    arrived: tokio::sync::Notify,
}

impl Recorder {
    fn add(&self, text: String) {
        self.told.lock().unwrap().push(text);
        self.arrived.notify_one();
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.told.lock().unwrap())
    }

    async fn next(&self) -> Vec<String> {
        loop {
            let told = self.take();
            if !told.is_empty() {
                return told;
            }
            tokio::time::timeout(Duration::from_secs(30), self.arrived.notified()).await.expect("nothing was told");
        }
    }
}

impl PairingEvents for Recorder {
    fn publish(&self, event: Event) {
        let payload: Value = serde_json::from_str(event.payload.as_str()).unwrap();
        let short = |name: &str| payload[name].as_str().unwrap_or_default().to_owned();
        self.add(match event.name.as_str() {
            "device.pair.resolved" => format!("{} {}", short("decision"), short("requestId")),
            name => format!("{name} {}", short("requestId")).trim().to_owned(),
        });
    }

    fn invalidate(&self, invalidate: Invalidate) {
        let role = invalidate.role.map_or("every role", Role::as_str);
        self.add(format!("ended {role} {:?}", invalidate.why));
    }
}

/// A service over a state directory, with a clock that stands still.
struct Fixture {
    state: StateDir,
    _directory: tempfile::TempDir,
    store: FileStore,
    pairing: Arc<Pairing>,
    told: Arc<Recorder>,
    now: Arc<AtomicI64>,
}

impl Fixture {
    fn new() -> Self {
        Self::prepared(|_| ())
    }

    /// Over files that were there before.
    fn prepared(prepare: impl FnOnce(&StateDir)) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let state = StateDir::new(directory.path());
        prepare(&state);
        let store = FileStore::open(&state, Use::Gateway).unwrap();
        let (told, now) = (Arc::new(Recorder::default()), Arc::new(AtomicI64::new(1_000_000)));
        let pairing = Self::service(Arc::new(store.clone()), &told, &now);
        Self { state, _directory: directory, store, pairing, told, now }
    }

    fn service(store: Arc<dyn DeviceStore>, told: &Arc<Recorder>, now: &Arc<AtomicI64>) -> Arc<Pairing> {
        let clock = Arc::clone(now);
        let clock = Clock::new(move || clock.load(Ordering::SeqCst));
        Arc::new(Pairing::new(store, TokenKey::from_bytes([7; 32]), Arc::clone(told) as _).with_clock(clock))
    }

    fn pass(&self, time: Duration) {
        self.now.fetch_add(i64::try_from(time.as_millis()).unwrap(), Ordering::SeqCst);
    }

    async fn judge(&self, claim: &Claim, grant: Grant) -> Verdict {
        self.pairing.judge(claim, grant, by(Mechanism::Token)).await.unwrap()
    }

    async fn admitted(&self, claim: &Claim, grant: Grant) -> Admission {
        admitted(self.judge(claim, grant).await)
    }

    async fn refused(&self, claim: &Claim, grant: Grant) -> PairingRefusal {
        match self.judge(claim, grant).await {
            Verdict::Refused(refusal) => refusal,
            other => panic!("not refused: {other:?}"),
        }
    }

    /// The request that a refused device is told of.
    async fn request(&self, claim: &Claim) -> RequestId {
        match self.refused(claim, REMOTE).await.asked {
            Asked::Request(request) => request,
            Asked::ListFull => panic!("the list is full"),
        }
    }

    async fn approve(&self, request: &RequestId) {
        self.pairing.approve(&Approver::owner(), request).await.unwrap();
    }

    fn file(&self, name: &str) -> String {
        std::fs::read_to_string(self.state.devices().join(name)).unwrap_or_default()
    }

    async fn accepts(&self, number: u32, token: &str) -> bool {
        let record = self.pairing.token(&device(number), Role::Operator).await.unwrap();
        record.is_some_and(|record| record.accepts(token))
    }
}

fn admitted(verdict: Verdict) -> Admission {
    match verdict {
        Verdict::Admitted(admission) => admission,
        other => panic!("not admitted: {other:?}"),
    }
}

fn secret(admission: &Admission) -> String {
    use secrecy::ExposeSecret as _;
    admission.token.as_ref().expect("a token").secret.expose_secret().to_owned()
}

/// Runs `act` and returns what it logs.
async fn logged(act: impl Future<Output = ()>) -> Vec<String> {
    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);
    impl std::io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    // With a single subscriber in the process, tracing asks only the thread that first meets a line whether anybody wants it,
    // and that may be another test's.
    static SECOND: OnceLock<tracing::Dispatch> = OnceLock::new();
    SECOND.get_or_init(|| tracing_subscriber::fmt().with_writer(std::io::sink).finish().into());
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber =
        tracing_subscriber::fmt().without_time().with_ansi(false).with_writer(move || writer.clone()).finish();
    let guard = tracing::subscriber::set_default(subscriber);
    act.await;
    drop(guard);
    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    text.lines().map(|line| line.trim().to_owned()).collect()
}

fn assert_denied<T: std::fmt::Debug>(outcome: Result<T, PairingError>, message: &str, at: &str) {
    assert_eq!(outcome.unwrap_err().to_string(), message, "{at}");
}

/// A caller that its device's token proved.
fn by_token(number: u32, names: &str) -> Approver {
    Approver { scopes: scopes(names), device: Some(device(number)), by_device_token: true }
}

fn operator(names: &str) -> Approver {
    Approver { scopes: scopes(names), device: None, by_device_token: false }
}

fn text(device: DeviceId) -> String {
    device.to_string()
}
