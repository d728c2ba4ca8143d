//! Stage 4: one authenticated connection.
