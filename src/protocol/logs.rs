//! Parameters and result of `logs.tail`.

use serde::{Deserialize, Serialize};

use super::schema::{Kind, Object, optional};

/// What to read of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LogsTailParams {
    /// Byte offset after the last line that the caller has seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<u64>,
    /// Most lines to return; 500 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// Most bytes to read; 250,000 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_bytes: Option<u64>,
}

impl LogsTailParams {
    /// The shape on the wire.
    pub const SHAPE: Object = Object {
        fields: &[
            optional("cursor", Kind::Integer(0, i64::MAX)),
            optional("limit", Kind::Integer(1, 5000)),
            optional("maxBytes", Kind::Integer(1, 1_000_000)),
        ],
        closed: true,
    };
}

/// A piece of the log.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LogsTail {
    /// The file that was read.
    pub file: String,
    /// Where to go on, in bytes.
    pub cursor: u64,
    /// The file's size, in bytes.
    pub size: u64,
    /// Whole lines, oldest first.
    pub lines: Vec<String>,
    /// Whether older bytes or lines were left out.
    pub truncated: bool,
    /// Whether the caller's cursor no longer fitted the file.
    pub reset: bool,
}
