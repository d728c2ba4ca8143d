//! What the gateway acknowledged, and the one change that was under way when it died.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// What is known of a device.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Known {
    /// It waits, under this request.
    Waiting(String),
    /// It is paired, with this label and perhaps a revoked token.
    Paired { label: Option<String>, revoked: bool },
    /// It was rejected or removed.
    Gone,
}

/// What the gateway acknowledged.
#[derive(Debug, Default)]
pub(crate) struct Model {
    devices: BTreeMap<String, Known>,
    /// The device of the change under way, as it is afterwards.
    under_way: Option<(String, Known)>,
    changes: u64,
}

impl Model {
    /// A request was acknowledged to its device.
    pub(crate) fn waiting(&mut self, request: String, device: String) {
        self.devices.insert(device, Known::Waiting(request));
    }

    /// A request was rejected.
    pub(crate) fn rejected(&mut self, request: &str) {
        let device = self.device_of(request);
        self.devices.insert(device, Known::Gone);
    }

    /// How many changes were acknowledged.
    pub(crate) fn acknowledged(&self) -> u64 {
        self.changes
    }

    /// The next change: what waits is approved first, then devices are renamed, revoked and removed.
    pub(crate) fn next_change(&self, chance: f64) -> Option<(&'static str, Value)> {
        let waiting = self.devices.values().find_map(|known| match known {
            Known::Waiting(request) => Some(request),
            Known::Paired { .. } | Known::Gone => None,
        });
        if let Some(request) = waiting {
            return Some(("device.pair.approve", json!({ "requestId": request })));
        }
        let paired: Vec<_> = self.devices.iter().filter(|(_, known)| matches!(known, Known::Paired { .. })).collect();
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a choice"
        )]
        let (device, known) = paired.get((chance * paired.len() as f64) as usize)?;
        let Known::Paired { revoked, .. } = known else { return None };
        Some(if paired.len() > 20 {
            ("device.pair.remove", json!({ "deviceId": device }))
        } else if *revoked || chance < 0.5 {
            ("device.pair.rename", json!({ "deviceId": device, "label": format!("label {}", self.changes) }))
        } else {
            ("device.token.revoke", json!({ "deviceId": device, "role": "operator" }))
        })
    }

    /// A change is sent.
    pub(crate) fn begin(&mut self, method: &str, params: &Value) {
        self.under_way = Some(self.after(method, params));
    }

    /// It was acknowledged.
    pub(crate) fn done(&mut self, method: &str, params: &Value) {
        let (device, known) = self.after(method, params);
        self.devices.insert(device, known);
        self.under_way = None;
        self.changes += 1;
    }

    /// Whether the gateway still knows everything; the change under way may have happened or not.
    pub(crate) fn check(&self, list: &Value) -> Result<(), String> {
        for (device, acknowledged) in &self.devices {
            let found = found(list, device);
            let changed =
                self.under_way.as_ref().is_some_and(|(under_way, after)| under_way == device && *after == found);
            if found != *acknowledged && !changed {
                return Err(format!(
                    "{device} was acknowledged as {acknowledged:?} and is {found:?}; {:?}",
                    self.under_way
                ));
            }
        }
        // Nobody asks a second time here: such a request was answered before, and came back.
        let asks = |device: &str| entries(list, "pending").any(|pending| pending["deviceId"] == device);
        if let Some(again) =
            entries(list, "paired").filter_map(|paired| paired["deviceId"].as_str()).find(|id| asks(id))
        {
            return Err(format!("{again} is paired and its request waits"));
        }
        let known = |entry: &Value| entry["deviceId"].as_str().is_some_and(|device| self.devices.contains_key(device));
        let listed = ["pending", "paired"].into_iter().flat_map(|name| entries(list, name));
        match listed.into_iter().find(|entry| !known(entry)) {
            Some(stranger) => Err(format!("nobody asked for {stranger}")),
            None => Ok(()),
        }
    }

    /// Takes what is there for acknowledged, and says which requests still wait.
    pub(crate) fn settle(&mut self, list: &Value) -> Vec<String> {
        self.under_way = None;
        for (device, known) in &mut self.devices {
            *known = found(list, device);
        }
        let waiting = self.devices.values().filter_map(|known| match known {
            Known::Waiting(request) => Some(request.clone()),
            Known::Paired { .. } | Known::Gone => None,
        });
        waiting.collect()
    }

    fn after(&self, method: &str, params: &Value) -> (String, Known) {
        let text = |name: &str| params[name].as_str().unwrap_or_default().to_owned();
        if method == "device.pair.approve" {
            return (self.device_of(&text("requestId")), Known::Paired { label: None, revoked: false });
        }
        let device = text("deviceId");
        let after = match (method, self.devices.get(&device)) {
            ("device.pair.remove", _) => Known::Gone,
            ("device.token.revoke", Some(Known::Paired { label, .. })) => {
                Known::Paired { label: label.clone(), revoked: true }
            }
            ("device.pair.rename", Some(Known::Paired { revoked, .. })) => {
                Known::Paired { label: Some(text("label")), revoked: *revoked }
            }
            (_, known) => panic!("{method} of a device that is {known:?}"),
        };
        (device, after)
    }

    fn device_of(&self, request: &str) -> String {
        let waits = |known: &Known| *known == Known::Waiting(request.to_owned());
        let (device, _) = self.devices.iter().find(|(_, known)| waits(known)).expect("the request waits");
        device.clone()
    }
}

/// The entries of one of a listing's two parts.
fn entries<'a>(list: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    list[name].as_array().into_iter().flatten()
}

/// What a listing says of a device.
fn found(list: &Value, device: &str) -> Known {
    let entry = |name: &str| entries(list, name).find(|entry| entry["deviceId"] == device);
    if let Some(paired) = entry("paired") {
        let label = paired["operatorLabel"].as_str().map(ToOwned::to_owned);
        let revoked = paired["tokens"].as_array().into_iter().flatten().any(|token| token["revokedAtMs"].is_number());
        return Known::Paired { label, revoked };
    }
    match entry("pending") {
        Some(pending) => Known::Waiting(pending["requestId"].as_str().unwrap_or_default().to_owned()),
        None => Known::Gone,
    }
}
