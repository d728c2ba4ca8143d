//! What a device is to the gateway, as far as it was acknowledged.

use std::sync::Arc;

use openclaw::device::Identity;
use serde_json::Value;

/// What a device is to the gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// Nothing.
    Unknown,
    /// It asks, and was not known before; the id of its request.
    Asking(String),
    /// It is paired.
    Paired,
    /// It is known, and its token was revoked.
    Revoked,
    /// It is known, its token was revoked, and it asks again; the id of its request.
    AskingAgain(String),
}

/// A device and what is known of it.
pub struct Known {
    /// Its key.
    pub identity: Arc<Identity>,
    /// What was acknowledged.
    pub standing: Standing,
    /// What a change that got no answer would make of it.
    pub perhaps: Option<Perhaps>,
}

/// The outcome of a change that got no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Perhaps {
    /// This standing.
    Standing(Standing),
    /// It asks, under an id that nobody was told.
    SomeRequest,
}

impl Known {
    /// A device that no gateway knows.
    pub fn fresh() -> Self {
        let identity = Arc::new(Identity::random().expect("the system has randomness"));
        Self { identity, standing: Standing::Unknown, perhaps: None }
    }

    /// Its id.
    pub fn id(&self) -> String {
        self.identity.device_id().to_string()
    }

    /// Compares what was acknowledged with `list`, the answer of `device.pair.list`, and goes on from there.
    pub fn reconcile(&mut self, list: &Value, context: &dyn Fn() -> String) {
        let found = standing_in(list, &self.id());
        let uncertain = match &self.perhaps {
            None => false,
            Some(Perhaps::Standing(standing)) => *standing == found,
            Some(Perhaps::SomeRequest) => match self.standing {
                Standing::Unknown => matches!(found, Standing::Asking(_)),
                Standing::Revoked => matches!(found, Standing::AskingAgain(_)),
                _ => false,
            },
        };
        assert!(
            found == self.standing || uncertain,
            "the device {} was acknowledged as {:?}, perhaps {:?}, and is {found:?} {}\n{list:#}",
            self.id(),
            self.standing,
            self.perhaps,
            context()
        );
        self.standing = found;
        self.perhaps = None;
    }
}

fn standing_in(list: &Value, id: &str) -> Standing {
    let entry = |name: &str| {
        let entries = list[name].as_array().expect("a list");
        entries.iter().find(|entry| entry["deviceId"] == id)
    };
    let request = entry("pending").map(|pending| pending["requestId"].as_str().expect("an id").to_owned());
    let revoked = entry("paired").map(|paired| paired["tokens"][0]["revokedAtMs"].is_number());
    match (request, revoked) {
        (None, None) => Standing::Unknown,
        (Some(request), None) => Standing::Asking(request),
        (None, Some(false)) => Standing::Paired,
        (None, Some(true)) => Standing::Revoked,
        (Some(request), Some(true)) => Standing::AskingAgain(request),
        (Some(request), Some(false)) => panic!("{id} is paired and still asks by {request}: {list:#}"),
    }
}
