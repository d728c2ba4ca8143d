//! Which devices may connect, as what: the decision and the service that applies it.
