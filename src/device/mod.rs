//! Device keys: identity and signatures.
