//! Process signals as events.
