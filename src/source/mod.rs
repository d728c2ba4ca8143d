//! Stage 2: where a connection comes from, and what that grants.
