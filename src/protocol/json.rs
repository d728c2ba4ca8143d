//! A JSON value that is already encoded.

use std::sync::Arc;

use serde::Serialize;

/// An encoded JSON value, shared without copying: a broadcast payload or a cached answer is encoded once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Json(Arc<str>);

impl Json {
    /// Encodes `value`.
    ///
    /// # Panics
    /// Never for the types of this crate: encoding to memory fails only for maps whose keys are not strings and for
    /// `Serialize` implementations that return an error, and there are none of either.
    pub fn of<T: Serialize + ?Sized>(value: &T) -> Self {
        Self(serde_json::to_string(value).expect("wire types have string keys only").into())
    }

    /// The encoded text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
