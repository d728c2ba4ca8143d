//! The first frame on every connection.

use crate::{
    clock::now_ms,
    protocol::{Challenge, EventFrame, Json},
};

impl Challenge {
    /// A fresh challenge: whoever answers it signed just now, for this connection.
    pub(super) fn fresh() -> Self {
        Self { nonce: uuid::Uuid::new_v4().to_string(), ts: now_ms() }
    }

    /// The `connect.challenge` event.
    pub(super) fn frame(&self) -> String {
        EventFrame::new("connect.challenge", &Json::of(self), None).unnumbered()
    }
}
