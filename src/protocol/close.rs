//! Why a connection ends, as the peer reads it.

/// A WebSocket close status (RFC 6455, section 7.4, and the protocol's own 4000s).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloseCode {
    /// The connection has done its work, or never began it.
    Normal,
    /// No common protocol version.
    ProtocolMismatch,
    /// A rule was broken or access refused; the reason says which.
    Policy,
    /// A frame was larger than allowed.
    TooBig,
    /// The gateway failed.
    Internal,
    /// The gateway stops or restarts: come back soon.
    ServiceRestart,
    /// The gateway is not ready yet: come back soon.
    TryAgainLater,
    /// The device, its token or the shared secret no longer counts.
    Invalidated,
}

impl CloseCode {
    /// The number on the wire.
    pub const fn number(self) -> u16 {
        match self {
            Self::Normal => 1000,
            Self::ProtocolMismatch => 1002,
            Self::Policy => 1008,
            Self::TooBig => 1009,
            Self::Internal => 1011,
            Self::ServiceRestart => 1012,
            Self::TryAgainLater => 1013,
            Self::Invalidated => 4001,
        }
    }
}

/// A close frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Close {
    /// Its status.
    pub code: CloseCode,
    /// Its reason; cut to [`crate::defaults::MAX_CLOSE_REASON_BYTES`] at a character boundary.
    pub reason: String,
}

impl Close {
    /// A close frame with `reason` cut to what peers show.
    pub fn new(code: CloseCode, reason: impl Into<String>) -> Self {
        let mut reason = reason.into();
        reason.truncate(reason.floor_char_boundary(crate::defaults::MAX_CLOSE_REASON_BYTES));
        Self { code, reason }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_reason_is_cut_at_a_character() {
        let close = Close::new(CloseCode::Policy, "é".repeat(100));
        assert_eq!(close.reason, "é".repeat(60));
        let odd = Close::new(CloseCode::Policy, format!("x{}", "é".repeat(100)));
        assert_eq!(odd.reason.len(), 119);
    }
}
