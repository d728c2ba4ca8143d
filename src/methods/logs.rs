//! `logs.tail`.

use std::sync::Arc;

use crate::{
    logs,
    protocol::{ErrorShape, Json, LogsTailParams, Request, schema},
    session::{Caller, Reply},
};

/// Answers methods about the log file.
#[derive(Debug, Clone)]
pub struct LogMethods {
    /// Where the log lies.
    pub location: Arc<logs::Location>,
}

impl LogMethods {
    pub(super) async fn tail(self, _: Arc<Caller>, request: Request) -> Reply {
        let params: LogsTailParams = schema::read("logs.tail", &request.params, &LogsTailParams::SHAPE)?;
        match tokio::task::spawn_blocking(move || logs::tail(&self.location.current(), &params)).await {
            Ok(Ok(tail)) => Ok(Json::of(&tail)),
            Ok(Err(error)) => Err(ErrorShape::unavailable(format!("the log cannot be read: {error}"))),
            Err(_) => Err(ErrorShape::unavailable("the gateway is stopping")),
        }
    }
}
