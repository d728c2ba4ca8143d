//! The gateway is killed at random moments while devices are approved and revoked, and nothing that it acknowledged is lost.
//!
//! SIGKILL keeps the page cache, so this shows that no moment leaves the files half changed; what a power cut leaves is shown
//! beside the store, by replaying its recorded writes cut after each step.
//!
//! `OPENCLAW_CRASH_ROUNDS` says how often (200), `OPENCLAW_CRASH_SEED` repeats a run.

#[path = "../gateway/support/mod.rs"]
#[allow(dead_code, unused_imports, reason = "the suite of the whole gateway uses more of its driver")]
mod support;

mod model;

use std::{env, fs, path::Path, time::Duration};

use model::Model;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use openclaw::client::{Connection, Deadline, Endpoint, Login};
use serde_json::{Value, json};
use support::{Connect, Device, TestGateway};

/// How long the gateway lives at most once the changes began. Each change takes several flushes to the disk.
const LONGEST_LIFE: Duration = Duration::from_millis(150);

/// For everything that should happen soon.
const DEADLINE: Duration = Duration::from_secs(30);

#[tokio::test]
async fn nothing_acknowledged_is_lost() {
    let setting = |name: &str| env::var(name).ok().map(|text| text.parse::<u64>().expect("a number"));
    let rounds = setting("OPENCLAW_CRASH_ROUNDS").unwrap_or(200);
    let seed = setting("OPENCLAW_CRASH_SEED").unwrap_or_else(|| u64::from(std::process::id()));
    println!("{rounds} rounds; repeat them with OPENCLAW_CRASH_SEED={seed}");
    let mut chance = Chance(seed | 1);
    let mut model = Model::default();
    let mut gateway = TestGateway::start().await;
    let token = gateway.token();
    for round in 0..rounds {
        ask_for_approval(&gateway, &token, &mut model).await;
        let mut changing = owner(&gateway).await;
        let life = LONGEST_LIFE.mul_f64(chance.next());
        let pid = Pid::from_raw(i32::try_from(gateway.pid()).expect("a process id"));
        let killer = async {
            tokio::time::sleep(life).await;
            kill(pid, Signal::SIGKILL).expect("the gateway runs");
        };
        tokio::join!(change_until_it_dies(&mut changing, &mut model, &mut chance), killer);
        gateway = gateway.restart().await;
        no_file_is_damaged(&gateway.state(), &format!("round {round}, seed {seed}"));
        let mut owner = owner(&gateway).await;
        let list = call(&mut owner, "device.pair.list", json!({})).await.expect("the gateway lives");
        if let Err(loss) = model.check(&list) {
            panic!("round {round}, seed {seed}, killed after {life:?}: {loss}\n{list:#}\n{}", gateway.log());
        }
        // What was in flight is known by now, and the next round starts with a clean list.
        for request in model.settle(&list) {
            call(&mut owner, "device.pair.reject", json!({ "requestId": request })).await.expect("it waits");
            model.rejected(&request);
        }
        owner.close().await;
    }
    let changes = model.acknowledged();
    assert!(changes > rounds, "only {changes} changes in {rounds} rounds: the gateway died before it did anything");
}

/// A number between 0 and 1, from a seed (xorshift).
struct Chance(u64);

impl Chance {
    #[allow(clippy::cast_precision_loss, reason = "a delay need not be exact")]
    fn next(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// Two new devices come from where nobody is let in silently, so that each leaves a request.
async fn ask_for_approval(gateway: &TestGateway, token: &str, model: &mut Model) {
    for _ in 0..2 {
        let device = Device::fresh();
        let refused = gateway.refuse_from_afar(&Connect::v4().token(token).device(&device)).await;
        model.waiting(refused.request_id(), refused.detail("deviceId").as_str().expect("a device").to_owned());
    }
}

/// Approves, renames, revokes and removes until the gateway is gone.
async fn change_until_it_dies(owner: &mut Connection, model: &mut Model, chance: &mut Chance) {
    while let Some((method, params)) = model.next_change(chance.next()) {
        model.begin(method, &params);
        match call(owner, method, params.clone()).await {
            Ok(_) => model.done(method, &params),
            Err(None) => return,
            Err(Some(refused)) => panic!("{method} {params} was refused: {refused}"),
        }
    }
}

async fn owner(gateway: &TestGateway) -> Connection {
    let endpoint = Endpoint::Socket(gateway.state().join("run/gateway.sock"));
    Connection::open(&endpoint, &Login::cli(), Deadline::after(DEADLINE)).await.expect("the gateway lives")
}

/// An answer; `Err(None)` when the gateway is gone.
async fn call(owner: &mut Connection, method: &str, params: Value) -> Result<Value, Option<String>> {
    use openclaw::client::CallFailure;
    owner.call(method, Some(&params), Deadline::after(DEADLINE)).await.map_err(|failure| match failure {
        CallFailure::Refused(error) => Some(error.message),
        _ => None,
    })
}

/// Every file is whole JSON without a token in clear, and nothing is kept aside or left half written.
fn no_file_is_damaged(state: &Path, when: &str) {
    for entry in fs::read_dir(state.join("devices")).expect("there are devices") {
        let path = entry.expect("a name").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        match name.as_str() {
            "paired.json" | "pending.json" | "refused.json" => {
                let text = fs::read_to_string(&path).expect("readable");
                let value: Value =
                    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{when}: {name}: {error}"));
                assert!(!value.to_string().contains(r#""token":"#), "{when}: {name} has a token in clear");
            }
            ".lock" => {}
            _ => panic!("{when}: {name} was left behind"),
        }
    }
}
