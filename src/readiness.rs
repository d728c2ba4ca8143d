//! Whether the gateway is ready: listening, state directory writable, not draining.
