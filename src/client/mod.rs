//! The protocol's client side, used by the CLI and the tests.
