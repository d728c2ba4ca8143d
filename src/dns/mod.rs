//! Name resolution without NSS, for a static binary.
