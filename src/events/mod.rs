//! The hub: events from services to sessions.
