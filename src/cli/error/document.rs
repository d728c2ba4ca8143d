//! A failure as programs read it.

use serde_json::{Value, json};

use super::CliError;
use crate::{
    client::{CallFailure, Failure},
    hint::Hint as _,
    protocol::ErrorShape,
};

impl CliError {
    /// The document that programs read.
    pub fn document(&self) -> Value {
        let mut document = json!({ "ok": false, "error": self.error_document() });
        let target = match self {
            Self::Connect(error) => Some(&error.target),
            Self::Call(error) => Some(&error.target),
            _ => None,
        };
        if let Some(target) = target {
            document["gateway"] = json!({ "url": target.address, "urlSource": target.source.to_string() });
        }
        document["hint"] = json!(self.hint());
        document
    }

    fn error_document(&self) -> Value {
        let transport =
            |kind: &str| json!({ "type": "gateway_transport_error", "kind": kind, "message": self.lines()[0] });
        let closed = |closed: &crate::client::Closed| {
            let mut error = transport("closed");
            error["code"] = json!(closed.code.unwrap_or(1006));
            error["reason"] = json!(closed.reason);
            error
        };
        match self {
            Self::Connect(error) => match &error.failure {
                Failure::Refused { error, .. } => request_error(error),
                Failure::Closed { closed: how, .. } => closed(how),
                Failure::Timeout { .. } => transport("timeout"),
                Failure::NothingListens { .. } | Failure::NoSocket { .. } => transport("refused"),
                Failure::NotAGateway(_)
                | Failure::NotHttp(_)
                | Failure::WrongKey
                | Failure::NotTheProtocol(_)
                | Failure::SpeaksPlain { .. }
                | Failure::SpeaksTls { .. } => transport("not-a-gateway"),
                _ => transport("unreachable"),
            },
            Self::Call(error) => match &error.failure {
                CallFailure::Refused(error) => request_error(error),
                CallFailure::Lost(how) => closed(how),
                CallFailure::Timeout { .. } => transport("timeout"),
                CallFailure::Unreadable { .. } => transport("unreadable"),
            },
            _ => json!({ "type": "cli_error", "message": self.lines()[0] }),
        }
    }
}

fn request_error(error: &ErrorShape) -> Value {
    let mut document = json!({ "type": "gateway_request_error", "code": error.code, "message": error.message });
    if let Some(details) = &error.details {
        document["details"] = details.clone();
    }
    document["retryable"] = json!(error.retryable.unwrap_or(false));
    if let Some(after) = error.retry_after_ms {
        document["retryAfterMs"] = json!(after);
    }
    document
}
