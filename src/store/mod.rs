//! Device records at rest: the trait, the model, and the file store.
