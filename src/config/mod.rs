//! Configuration: layers, provenance, secrets, validation.
