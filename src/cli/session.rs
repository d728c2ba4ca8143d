//! A connection of a command, and whom it leads to.

use std::time::Duration;

use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{
    CliError,
    error::{CallError, Target},
};
use crate::{
    client::{CallFailure, Connection, Deadline},
    protocol::HelloOk,
};

/// A connection of a command, and whom it leads to.
#[derive(Debug)]
pub struct Session {
    pub(super) connection: Connection,
    pub(super) target: Target,
    /// For one answer.
    pub(super) timeout: Duration,
    /// What the user should know about how it came to be.
    pub(super) remarks: Vec<String>,
}

impl Session {
    /// The gateway's greeting.
    pub fn hello(&self) -> &HelloOk {
        self.connection.hello()
    }

    /// Whom it leads to.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// Calls `method` and reads its answer.
    ///
    /// # Errors
    /// [`CliError::Call`].
    pub async fn call<T: DeserializeOwned>(
        &mut self,
        method: &str,
        params: Option<&(impl Serialize + ?Sized)>,
    ) -> Result<T, CliError> {
        let answer = self.connection.call_as(method, params, Deadline::after(self.timeout)).await;
        answer.map_err(|failure| self.failed(failure))
    }

    /// Calls `method` and waits for its final answer, where it first only accepts.
    ///
    /// # Errors
    /// [`CliError::Call`].
    pub async fn call_to_the_end(
        &mut self,
        method: &str,
        params: Option<&(impl Serialize + ?Sized)>,
    ) -> Result<Value, CliError> {
        let deadline = Deadline::after(self.timeout);
        let answer = match self.connection.send(method, params, deadline).await {
            Ok(call) => self.connection.final_answer(call, method, deadline).await,
            Err(failure) => Err(failure),
        };
        answer.map_err(|failure| self.failed(failure))
    }

    /// Calls several methods at once over the one connection; each has an answer of its own.
    pub async fn call_all(&mut self, methods: &[&str]) -> Vec<Result<Value, CallFailure>> {
        let deadline = Deadline::after(self.timeout);
        let mut sent = Vec::with_capacity(methods.len());
        for method in methods {
            sent.push(self.connection.send(method, Some(&json!({})), deadline).await);
        }
        let mut answers = Vec::with_capacity(methods.len());
        for (call, method) in sent.into_iter().zip(methods) {
            answers.push(match call {
                Ok(call) => self.connection.answer(call, method, deadline).await,
                Err(failure) => Err(failure),
            });
        }
        answers
    }

    fn failed(&self, failure: CallFailure) -> CliError {
        CliError::Call(Box::new(CallError { failure, target: self.target.clone() }))
    }

    /// Ends the connection.
    pub async fn close(self) {
        self.connection.close().await;
    }
}
