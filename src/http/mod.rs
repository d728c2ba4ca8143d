//! The routes on the gateway port, up to the WebSocket upgrade.
