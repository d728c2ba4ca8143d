//! Advice as a channel of its own beside an error's text.
