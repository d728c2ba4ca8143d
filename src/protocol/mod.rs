//! The OpenClaw gateway protocol's wire types, for the server, the client and the tests.
