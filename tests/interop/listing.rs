//! What `devices list --json` and `device.pair.list` answer.

use serde_json::Value;

/// The ids of the paired devices. Two answers differ at least in when a device was last seen.
pub fn paired_ids(list: &Value) -> Vec<&str> {
    let paired = list["paired"].as_array().expect("a list");
    paired.iter().map(|device| device["deviceId"].as_str().expect("an id")).collect()
}

/// The requests that wait.
pub fn pending(list: &Value) -> &[Value] {
    list["pending"].as_array().expect("a list")
}
