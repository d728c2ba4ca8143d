//! Who changes devices until the gateway is gone.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use serde_json::json;
use tokio::sync::Notify;

use crate::chance::Chance;
use crate::gateway::{Door, Gone, Owner};
use crate::known::{Known, Perhaps, Standing};

/// Devices of one worker.
const DEVICES: usize = 6;

/// For a gateway to acknowledge something.
const PATIENCE: Duration = Duration::from_mins(1);

/// How many changes the gateway of this round has acknowledged.
#[derive(Default)]
pub struct Acknowledged {
    count: AtomicU32,
    another: Notify,
}

impl Acknowledged {
    /// Until now.
    pub fn count(&self) -> u32 {
        self.count.load(Ordering::SeqCst)
    }

    fn add(&self) {
        self.count.fetch_add(1, Ordering::SeqCst);
        self.another.notify_one();
    }

    /// Waits until there are `enough`.
    pub async fn at_least(&self, enough: u32) {
        while self.count() < enough {
            let another = tokio::time::timeout(PATIENCE, self.another.notified()).await;
            assert!(another.is_ok(), "{} of {enough} changes acknowledged within {PATIENCE:?}", self.count());
        }
    }
}

/// A worker with its devices.
pub struct Worker {
    chance: Chance,
    devices: Vec<Known>,
}

impl Worker {
    /// One whose devices no gateway knows.
    pub fn new(chance: Chance) -> Self {
        Self { chance, devices: (0..DEVICES).map(|_| Known::fresh()).collect() }
    }

    /// Works until the gateway is gone.
    pub async fn work(mut self, door: Door, news: Arc<Acknowledged>) -> Self {
        let gone: Result<(), Gone> = async {
            let mut owner = door.owner().await?;
            loop {
                self.change_one(&door, &mut owner).await?;
                news.add();
            }
        }
        .await;
        gone.expect_err("it works until then");
        self
    }

    /// Changes one device. Whoever asks is decided on first: so one request at most waits for each worker.
    async fn change_one(&mut self, door: &Door, owner: &mut Owner) -> Result<(), Gone> {
        let asking = self
            .devices
            .iter()
            .position(|device| matches!(device.standing, Standing::Asking(_) | Standing::AskingAgain(_)));
        let any = usize::try_from(self.chance.up_to(u32::try_from(DEVICES).expect("few")) - 1).expect("few");
        let often = !self.chance.once_in(4);
        let device = &mut self.devices[asking.unwrap_or(any)];
        let id = device.id();
        let revoked = json!({ "deviceId": id, "role": "operator" });
        let (method, params, after) = match (&device.standing, often) {
            (Standing::Asking(request) | Standing::AskingAgain(request), true) => {
                ("device.pair.approve", json!({ "requestId": request }), Standing::Paired)
            }
            (Standing::Asking(request), false) => {
                ("device.pair.reject", json!({ "requestId": request }), Standing::Unknown)
            }
            (Standing::AskingAgain(request), false) => {
                ("device.pair.reject", json!({ "requestId": request }), Standing::Revoked)
            }
            (Standing::Paired, true) => ("device.token.revoke", revoked, Standing::Revoked),
            (Standing::Paired | Standing::Revoked, false) => {
                ("device.pair.remove", json!({ "deviceId": id }), Standing::Unknown)
            }
            (Standing::Unknown, _) | (Standing::Revoked, true) => return ask(door, device).await,
        };
        device.perhaps = Some(Perhaps::Standing(after.clone()));
        owner.call(method, &params).await?;
        device.standing = after;
        device.perhaps = None;
        Ok(())
    }
}

async fn ask(door: &Door, device: &mut Known) -> Result<(), Gone> {
    device.perhaps = Some(Perhaps::SomeRequest);
    let request = door.ask(device).await?;
    let request = request.unwrap_or_else(|| panic!("{} came in from afar as {:?}", device.id(), device.standing));
    device.perhaps = None;
    device.standing = match device.standing {
        Standing::Revoked => Standing::AskingAgain(request),
        _ => Standing::Asking(request),
    };
    Ok(())
}

/// Checks that the gateway that has just started knows what was acknowledged, and nothing else.
pub async fn check(workers: &mut [Worker], door: &Door, context: &dyn Fn() -> String) {
    let list = async { door.owner().await?.call("device.pair.list", &json!({})).await };
    let list = list.await.unwrap_or_else(|Gone| panic!("the gateway is gone {}", context()));
    let mut devices: Vec<&mut Known> = workers.iter_mut().flat_map(|worker| &mut worker.devices).collect();
    for device in &mut devices {
        device.reconcile(&list, context);
    }
    for name in ["pending", "paired"] {
        for entry in list[name].as_array().expect("a list") {
            let known = devices.iter().any(|device| entry["deviceId"] == device.id());
            assert!(known, "nobody made this device {}\n{entry:#}", context());
        }
    }
    // A list could be right and the gateway act otherwise: one of the paired devices comes in, too.
    if let Some(paired) = devices.iter().find(|device| device.standing == Standing::Paired) {
        let request = door.ask(paired).await.unwrap_or_else(|Gone| panic!("the gateway is gone {}", context()));
        assert_eq!(request, None, "a paired device has to ask {}", context());
    }
}
