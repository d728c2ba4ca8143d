//! The error object of a response.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Dialect, Scope};

/// The class of an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ErrorCode {
    /// Schema, unknown method or id, wrong role, failed authentication.
    InvalidRequest,
    /// The device is not known, or asks for more than was approved.
    NotPaired,
    /// Something failed or is not there at the moment.
    Unavailable,
    /// A scope is missing (protocol 4 only).
    Forbidden,
    /// A code of the agent or channel domain, or one that is newer than this program.
    #[serde(other)]
    Other,
}

impl ErrorCode {
    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "INVALID_REQUEST",
            Self::NotPaired => "NOT_PAIRED",
            Self::Unavailable => "UNAVAILABLE",
            Self::Forbidden => "FORBIDDEN",
            Self::Other => "OTHER",
        }
    }
}

/// The `error` member of a response.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ErrorShape {
    /// The class of the error.
    pub code: ErrorCode,
    /// What happened, for a person.
    pub message: String,
    /// What a program can read about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<Value>,
    /// Whether the same request may succeed later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retryable: Option<bool>,
    /// When to try again, in milliseconds from now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
}

impl ErrorShape {
    /// An error without details.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), details: None, retryable: None, retry_after_ms: None }
    }

    /// An `INVALID_REQUEST`.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::InvalidRequest, message)
    }

    /// An `UNAVAILABLE`.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::Unavailable, message)
    }

    /// With details for programs.
    #[must_use]
    pub fn with_details(mut self, details: Value) -> Self {
        self.details = Some(details);
        self
    }

    /// With one more detail for programs.
    #[must_use]
    pub fn with_detail(mut self, name: &str, detail: Value) -> Self {
        match &mut self.details {
            Some(Value::Object(members)) => drop(members.insert(name.to_owned(), detail)),
            details => *details = Some(serde_json::json!({ name: detail })),
        }
        self
    }

    /// The parameters of `method` do not have its shape; `problems` are joined by semicolons.
    pub fn invalid_params(method: &str, problems: &[String]) -> Self {
        Self::invalid(format!("invalid {method} params: {}", problems.join("; ")))
    }

    /// A method that nobody here serves.
    pub fn unknown_method(method: &str) -> Self {
        Self::invalid(format!("unknown method: {method}"))
    }

    /// A permission that the caller does not hold; `why` says where it could come from.
    ///
    /// Clients print the message as it is, and only the first words are matched, so the advice is appended there.
    pub fn missing_scope(dialect: Dialect, scope: &Scope, why: Option<&str>) -> Self {
        let message = match why {
            Some(why) => format!("missing scope: {scope} ({why})"),
            None => format!("missing scope: {scope}"),
        };
        match dialect {
            Dialect::V3 => Self::invalid(message),
            Dialect::V4 => Self::new(ErrorCode::Forbidden, message).with_details(serde_json::json!({
                "code": "MISSING_SCOPE", "missingScope": scope, "requiredScopes": [scope],
            })),
        }
    }
}
