//! Stage 1: listeners, peers, TLS, the Unix socket.
