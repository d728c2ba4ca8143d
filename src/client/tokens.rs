//! Device tokens that gateways gave us, by the gateway that gave them.
//!
//! They are in a file of our own, `identity/openclaw-device-tokens.json`: newer OpenClaw programs refuse a state directory
//! with the token file of the older ones. That older file is read where it exists, for the gateway of this machine.

use std::{collections::BTreeMap, io, path::PathBuf};

use serde::{Deserialize, Serialize};

use crate::{
    config::Secret,
    device::DeviceId,
    private_file,
    protocol::{HelloAuth, Role},
    state::StateDir,
};

/// The stored tokens of one state directory.
#[derive(Debug, Clone)]
pub struct DeviceTokens {
    own: PathBuf,
    foreign: PathBuf,
}

/// To whom a token belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenKey {
    /// Scheme, host and port of the gateway.
    pub origin: String,
    /// The device.
    pub device: DeviceId,
    /// The role.
    pub role: Role,
}

impl TokenKey {
    fn text(&self) -> String {
        format!("{} {} {}", self.origin, self.device, self.role)
    }
}

#[derive(Default, Serialize, Deserialize)]
struct File {
    version: u32,
    tokens: BTreeMap<String, Stored>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Stored {
    token: String,
    #[serde(default)]
    issued_at_ms: Option<i64>,
}

/// `identity/device-auth.json` of OpenClaw up to 2026.2.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ForeignFile {
    device_id: String,
    tokens: BTreeMap<String, Stored>,
}

impl DeviceTokens {
    /// The tokens stored in `state`. Nothing is read yet.
    pub fn of(state: &StateDir) -> Self {
        let identity = state.identity();
        Self { own: identity.join("openclaw-device-tokens.json"), foreign: identity.join("device-auth.json") }
    }

    /// The token for `key`, if there is one. A file that cannot be read holds none.
    pub fn get(&self, key: &TokenKey) -> Option<Secret> {
        let mut file = self.read();
        file.tokens.remove(&key.text()).map(|stored| Secret::new(stored.token))
    }

    /// The token that OpenClaw's own programs keep for this machine's gateway, if they have the same device.
    pub fn foreign(&self, device: DeviceId, role: Role) -> Option<Secret> {
        let text = private_file::read(&self.foreign).ok()??;
        let mut file: ForeignFile = serde_json::from_str(&text).ok()?;
        let stored = file.tokens.remove(role.as_str()).filter(|_| file.device_id == device.to_string())?;
        Some(Secret::new(stored.token))
    }

    /// Keeps the token of a greeting. A token that is there already is not written again.
    ///
    /// # Errors
    /// The file cannot be written; a command works without it.
    pub fn keep(&self, key: &TokenKey, auth: &HelloAuth) -> io::Result<()> {
        let Some(token) = &auth.device_token else { return Ok(()) };
        let mut file = self.read();
        let stored = file.tokens.get(&key.text());
        if stored.is_some_and(|stored| stored.token == *token) {
            return Ok(());
        }
        file.tokens.insert(key.text(), Stored { token: token.clone(), issued_at_ms: auth.issued_at_ms });
        self.write(file)
    }

    /// Forgets the token for `key`.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn forget(&self, key: &TokenKey) -> io::Result<()> {
        let mut file = self.read();
        match file.tokens.remove(&key.text()) {
            Some(_) => self.write(file),
            None => Ok(()),
        }
    }

    /// A damaged file costs a login with the shared secret, nothing else.
    fn read(&self) -> File {
        let text = private_file::read(&self.own).ok().flatten();
        text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default()
    }

    fn write(&self, file: File) -> io::Result<()> {
        let mut text = serde_json::to_string_pretty(&File { version: 1, ..file })?;
        text.push('\n');
        private_file::replace(&self.own, &text)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn key(origin: &str) -> TokenKey {
        TokenKey { origin: origin.into(), device: DeviceId::of_key_bytes(&[7; 32]), role: Role::Operator }
    }

    fn greeting(token: &str) -> HelloAuth {
        HelloAuth { device_token: Some(token.into()), issued_at_ms: Some(5), ..HelloAuth::default() }
    }

    #[test]
    fn a_token_is_kept_for_the_gateway_that_gave_it() {
        let directory = tempfile::tempdir().expect("a directory");
        let tokens = DeviceTokens::of(&StateDir::new(directory.path()));
        let (here, there) = (key("ws://127.0.0.1:18789"), key("wss://gw.example.test:443"));
        assert_eq!(tokens.get(&here), None);
        tokens.keep(&here, &greeting("one")).expect("writable");
        tokens.keep(&there, &greeting("two")).expect("writable");
        tokens.keep(&here, &greeting("three")).expect("writable");
        tokens.keep(&there, &HelloAuth::default()).expect("nothing to keep");
        assert_eq!(tokens.get(&here), Some(Secret::new("three")));
        assert_eq!(tokens.get(&there), Some(Secret::new("two")));
        tokens.forget(&here).expect("writable");
        assert_eq!(tokens.get(&here), None);
        assert_eq!(tokens.get(&there), Some(Secret::new("two")));
        let mode = std::fs::metadata(&tokens.own).expect("written").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "only its owner reads it");
    }

    #[test]
    fn a_damaged_file_holds_no_token_and_is_written_anew() {
        let directory = tempfile::tempdir().expect("a directory");
        let tokens = DeviceTokens::of(&StateDir::new(directory.path()));
        std::fs::create_dir(directory.path().join("identity")).expect("writable");
        std::fs::write(&tokens.own, "{\"version\":1,").expect("writable");
        let here = key("ws://127.0.0.1:18789");
        assert_eq!(tokens.get(&here), None);
        tokens.keep(&here, &greeting("one")).expect("writable");
        assert_eq!(tokens.get(&here), Some(Secret::new("one")));
    }

    #[test]
    fn the_token_of_another_program_counts_only_for_the_same_device() {
        let directory = tempfile::tempdir().expect("a directory");
        let tokens = DeviceTokens::of(&StateDir::new(directory.path()));
        let device = DeviceId::of_key_bytes(&[7; 32]);
        std::fs::create_dir(directory.path().join("identity")).expect("writable");
        let text = format!(
            r#"{{"version":1,"deviceId":"{device}","tokens":{{"operator":{{"token":"t","role":"operator","scopes":[],"updatedAtMs":1}}}}}}"#
        );
        std::fs::write(&tokens.foreign, text).expect("writable");
        assert_eq!(tokens.foreign(device, Role::Operator), Some(Secret::new("t")));
        assert_eq!(tokens.foreign(device, Role::Node), None);
        assert_eq!(tokens.foreign(DeviceId::of_key_bytes(&[8; 32]), Role::Operator), None);
    }
}
