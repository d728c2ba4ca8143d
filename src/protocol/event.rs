//! The events that the gateway sends, and who may see them.

use super::{Role, Scope, Scopes};

/// An event that the gateway broadcasts or sends to one session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventName {
    /// A sign of life.
    Tick,
    /// A fresh health snapshot.
    Health,
    /// The presence list changed.
    Presence,
    /// The gateway stops; the close frame follows.
    Shutdown,
    /// A device asks to be approved.
    DevicePairRequested,
    /// A pairing request was decided.
    DevicePairResolved,
    /// A paired device's label changed.
    DevicePairChanged,
}

/// Who may see an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventGuard {
    /// Every session.
    Everyone,
    /// Operators that may read.
    Read,
    /// Operators that may decide on pairing.
    Pairing,
}

impl EventName {
    /// Every event, for the `features` of `hello-ok`.
    pub const ALL: [Self; 7] = [
        Self::Tick,
        Self::Health,
        Self::Presence,
        Self::Shutdown,
        Self::DevicePairRequested,
        Self::DevicePairResolved,
        Self::DevicePairChanged,
    ];

    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tick => "tick",
            Self::Health => "health",
            Self::Presence => "presence",
            Self::Shutdown => "shutdown",
            Self::DevicePairRequested => "device.pair.requested",
            Self::DevicePairResolved => "device.pair.resolved",
            Self::DevicePairChanged => "device.pair.changed",
        }
    }

    /// Who may see it (gateway protocol, event catalogue; where the generations differ, the narrower holds).
    pub const fn guard(self) -> EventGuard {
        match self {
            Self::Tick | Self::Health | Self::Shutdown => EventGuard::Everyone,
            Self::Presence => EventGuard::Read,
            Self::DevicePairRequested | Self::DevicePairResolved | Self::DevicePairChanged => EventGuard::Pairing,
        }
    }

    /// Whether a session that cannot keep up loses this event instead of its connection: the next one makes up for it.
    pub const fn is_droppable(self) -> bool {
        !matches!(self, Self::Shutdown)
    }
}

impl EventGuard {
    /// Every guard, in the order of their numbers.
    pub const ALL: [Self; 3] = [Self::Everyone, Self::Read, Self::Pairing];

    /// Whether a session of `role` that holds `scopes` may see the event.
    pub fn admits(self, role: Role, scopes: &Scopes) -> bool {
        let needed = match self {
            Self::Everyone => return true,
            Self::Read => Scope::READ,
            Self::Pairing => Scope::PAIRING,
        };
        role == Role::Operator && scopes.cover(&needed)
    }
}
