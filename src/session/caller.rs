//! Who calls, and what answers.

use std::{fmt, sync::Arc};

use futures_util::future::BoxFuture;

use super::Approach;
use crate::{
    advice::seen_as,
    auth::Principal,
    pairing::Waiting,
    protocol::{ClientInfo, Dialect, ErrorShape, Json, Request, Scope, SourceReport},
    source::Source,
};

/// Names one connection in the log and in `hello-ok`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionId(String);

impl ConnectionId {
    /// A fresh random id.
    pub fn random() -> Self {
        Self(uuid::Uuid::new_v4().to_string())
    }

    /// The whole id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Who calls: what handlers may know of the session.
#[derive(Debug)]
pub struct Caller {
    /// The connection.
    pub id: ConnectionId,
    /// Who it is and what it may do.
    pub principal: Principal,
    /// What the program says of itself.
    pub client: ClientInfo,
    /// Where it comes from.
    pub source: Source,
    /// How it came.
    pub approach: Approach,
    /// The generation that it speaks.
    pub dialect: Dialect,
    /// The request for more permissions that waits, if any.
    pub waiting: Option<Waiting>,
    /// Why permissions that were asked for are missing, and what to do: appended to every `missing scope`.
    pub scope_advice: Option<String>,
}

impl Caller {
    /// Checks that the caller may do what `scope` covers.
    ///
    /// # Errors
    /// `missing scope: …`, with the advice that this connection was given.
    pub fn require(&self, scope: &Scope) -> Result<(), ErrorShape> {
        if self.principal.scopes.cover(scope) {
            Ok(())
        } else {
            let error = ErrorShape::missing_scope(self.dialect, scope, Some(&self.why_missing()));
            Err(error.with_detail("source", serde_json::json!(self.seen_as())))
        }
    }
}

impl Caller {
    /// How the gateway sees the caller.
    fn seen_as(&self) -> SourceReport {
        seen_as(&self.source, self.approach.peer_kind)
    }

    fn why_missing(&self) -> String {
        match &self.scope_advice {
            Some(advice) => advice.clone(),
            None => format!(
                "this connection did not ask for it, or is capped; {}; `openclaw gateway whoami` shows what a connection has",
                self.source.explain(),
            ),
        }
    }
}

/// The result of a call.
pub type Reply = Result<Json, ErrorShape>;

/// How a call is answered.
pub enum Answer {
    /// At once.
    Now(Reply),
    /// When this future ends; other calls of the session go on meanwhile.
    Later(BoxFuture<'static, Reply>),
    /// Never for this role: repeated calls end the session.
    Unauthorized(ErrorShape),
}

/// Whatever answers calls.
pub trait Dispatch: Send + Sync {
    /// Answers `request` of `caller`.
    fn call(&self, caller: &Arc<Caller>, request: &Request) -> Answer;
}
