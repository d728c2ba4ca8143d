//! The configuration, read only.

use std::sync::Arc;

use super::state::no_params;
use crate::{
    config::{self, Environment, Flags},
    protocol::{ErrorShape, Json, Request, Scope},
    session::{Caller, Reply},
};

/// Answers methods about the configuration.
#[derive(Debug, Clone)]
pub struct ConfigMethods {
    /// The environment that the gateway was started in.
    pub environment: Arc<Environment>,
    /// The flags that it was started with.
    pub flags: Arc<Flags>,
}

impl ConfigMethods {
    /// The files as they are now; every secret is replaced, and for others than administrators everything that could be one.
    pub(super) async fn get(self, caller: Arc<Caller>, request: Request) -> Reply {
        no_params(&request.method, &request)?;
        let snapshot = tokio::task::spawn_blocking(move || config::snapshot(&self.environment, &self.flags)).await;
        match snapshot {
            Ok(Ok(snapshot)) if caller.principal.scopes.cover(&Scope::ADMIN) => Ok(Json::of(&snapshot)),
            Ok(Ok(snapshot)) => Ok(Json::of(&config::for_readers(snapshot))),
            Ok(Err(error)) => Err(ErrorShape::unavailable(crate::hint::chain(&error))),
            Err(_) => Err(ErrorShape::unavailable("the gateway is stopping")),
        }
    }

    pub(super) fn schema(_: &Self, _: &Caller, request: &Request) -> Reply {
        no_params(&request.method, request)?;
        Ok(Json::of(&config::schema()))
    }
}
