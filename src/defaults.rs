//! Every limit, timeout and port, with its unit and reason.
