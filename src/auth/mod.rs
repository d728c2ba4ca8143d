//! Credentials: one mechanism a file, and the throttle.
