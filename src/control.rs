//! What operators ask of the running process: stop, restart, reload.
//!
//! Whoever asks hands an order to the gateway and waits for its answer; the gateway carries orders out one at a time, between
//! its signals. A service: it knows no stage.

use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};

use crate::defaults::MAX_WAITING_ORDERS;

/// What a reload came to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Reloaded {
    /// Settings that had changed and are in force now, as dotted keys.
    pub applied: Vec<String>,
    /// Settings that had changed since the start and wait for a restart, as dotted keys.
    pub needs_restart: Vec<String>,
    /// What the operator should know all the same.
    pub warnings: Vec<String>,
}

/// Why an order was not carried out; what was in force stays.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
    /// The configuration cannot be used.
    #[error("the configuration cannot be used, the last one stays in force: {0}")]
    Configuration(String),
    /// Too many orders wait, or the gateway is stopping.
    #[error("the gateway is stopping, or busy with other orders")]
    Busy,
}

/// Something to be done, and where its result goes.
#[derive(Debug)]
pub enum Order {
    /// Drain and end.
    Stop(oneshot::Sender<Result<(), OrderError>>),
    /// Drain and begin anew, if the configuration permits it.
    Restart(oneshot::Sender<Result<(), OrderError>>),
    /// Read the configuration again.
    Reload(oneshot::Sender<Result<Reloaded, OrderError>>),
}

/// Hands orders to the gateway.
#[derive(Debug, Clone)]
pub struct Control {
    orders: mpsc::Sender<Order>,
}

impl Control {
    /// A desk for orders, and where they come out.
    pub fn new() -> (Self, mpsc::Receiver<Order>) {
        let (orders, waiting) = mpsc::channel(MAX_WAITING_ORDERS);
        (Self { orders }, waiting)
    }

    /// Has the gateway drain and end.
    ///
    /// # Errors
    /// [`OrderError::Busy`].
    pub async fn stop(&self) -> Result<(), OrderError> {
        self.give(Order::Stop).await
    }

    /// Has the gateway drain and begin anew in the same process.
    ///
    /// # Errors
    /// [`OrderError::Configuration`] when it could not start again with the configuration as it is now.
    pub async fn restart(&self) -> Result<(), OrderError> {
        self.give(Order::Restart).await
    }

    /// Has the gateway read its configuration again.
    ///
    /// # Errors
    /// [`OrderError::Configuration`] when it cannot be used.
    pub async fn reload(&self) -> Result<Reloaded, OrderError> {
        self.give(Order::Reload).await
    }

    async fn give<T>(
        &self,
        order: impl FnOnce(oneshot::Sender<Result<T, OrderError>>) -> Order,
    ) -> Result<T, OrderError> {
        let (answer, answered) = oneshot::channel();
        self.orders.try_send(order(answer)).map_err(|_| OrderError::Busy)?;
        answered.await.unwrap_or(Err(OrderError::Busy))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_order_is_answered_or_refused_and_never_lost() {
        let (control, mut orders) = Control::new();
        let asked = tokio::spawn({
            let control = control.clone();
            async move { control.reload().await }
        });
        let Some(Order::Reload(answer)) = orders.recv().await else { panic!("a reload was asked for") };
        let reloaded = Reloaded { applied: vec!["logging.level".into()], ..Reloaded::default() };
        answer.send(Ok(reloaded.clone())).expect("somebody waits");
        assert_eq!(asked.await.expect("no panic"), Ok(reloaded));

        let unheard: Vec<_> = (0..MAX_WAITING_ORDERS)
            .map(|_| {
                let control = control.clone();
                tokio::spawn(async move { control.stop().await })
            })
            .collect();
        while orders.len() < MAX_WAITING_ORDERS {
            tokio::task::yield_now().await;
        }
        assert_eq!(control.restart().await, Err(OrderError::Busy), "the queue is full");
        drop(orders);
        for order in unheard {
            assert_eq!(order.await.expect("no panic"), Err(OrderError::Busy), "the gateway ended before it was done");
        }
        assert_eq!(control.stop().await, Err(OrderError::Busy), "there is no gateway any more");
    }
}
