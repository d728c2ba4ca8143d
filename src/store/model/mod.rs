//! What is known of a device.

mod paired;
mod pending;
mod refused;
mod token;

pub use paired::{Paired, scopes_of};
pub use pending::Pending;
pub use refused::Refused;
pub use token::{TokenHash, TokenRecord};

/// Members of a record that this program does not know. They are kept as they are.
pub(crate) type Unknown = serde_json::Map<String, serde_json::Value>;

/// Everything that is known of one device. Each part may be absent; with none, there is no record.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DeviceRecord {
    /// What was approved.
    pub paired: Option<Paired>,
    /// What it asks for.
    pub pending: Option<Pending>,
    /// That it was rejected, or removed after a revocation.
    pub refused: Option<Refused>,
}

impl DeviceRecord {
    /// Whether nothing is known.
    pub const fn is_empty(&self) -> bool {
        self.paired.is_none() && self.pending.is_none() && self.refused.is_none()
    }

    /// Without what a later part has settled: a request that an approval covers already, a refusal that is older than an
    /// approval. The parts lie in several files, and a crash between two writes leaves such remains.
    #[must_use]
    pub fn settled(mut self) -> Self {
        if let Some(paired) = &self.paired {
            let approved_at = paired.approved_at_ms;
            self.pending =
                self.pending.take_if(|pending| !(approved_at >= pending.request.ts && paired.covers(pending)));
            self.refused = self.refused.take_if(|refused| refused.refused_at_ms >= approved_at);
        }
        self
    }
}
