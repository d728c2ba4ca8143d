//! Draining: stop accepting, tell sessions, wait for the grace, end.
