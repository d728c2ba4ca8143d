//! Measures a store of devices.

use std::{fmt, time::Instant};

use async_trait::async_trait;

use super::{Metrics, Operation};
use crate::{
    device::DeviceId,
    store::{DeviceRecord, DeviceStore, Revision, StoreError, StoreReport, Stored, Watch},
};

/// A store whose answers are timed.
#[derive(Debug)]
pub struct MeasuredStore<S> {
    inner: S,
    metrics: Metrics,
}

impl<S> MeasuredStore<S> {
    /// Times what `inner` does.
    pub fn new(inner: S, metrics: Metrics) -> Self {
        Self { inner, metrics }
    }

    async fn timed<T>(
        &self,
        operation: Operation,
        answer: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let began = Instant::now();
        let answer = answer.await;
        // Somebody else was first: that is an answer.
        let failed = answer.as_ref().is_err_and(|error| !matches!(error, StoreError::Conflict));
        self.metrics.store(operation, began.elapsed(), failed);
        answer
    }
}

#[async_trait]
impl<S: DeviceStore + fmt::Debug> DeviceStore for MeasuredStore<S> {
    async fn get(&self, device: &DeviceId) -> Result<Stored, StoreError> {
        self.timed(Operation::Read, self.inner.get(device)).await
    }

    async fn list(&self) -> Result<Vec<(DeviceId, Stored)>, StoreError> {
        self.timed(Operation::List, self.inner.list()).await
    }

    async fn waiting(&self) -> Result<Vec<(DeviceId, Stored)>, StoreError> {
        self.timed(Operation::List, self.inner.waiting()).await
    }

    async fn compare_and_set(
        &self,
        device: &DeviceId,
        expected: Revision,
        record: DeviceRecord,
    ) -> Result<Revision, StoreError> {
        self.timed(Operation::Write, self.inner.compare_and_set(device, expected, record)).await
    }

    fn watch(&self) -> Watch {
        self.inner.watch()
    }

    fn report(&self) -> StoreReport {
        self.inner.report()
    }

    async fn refresh(&self) -> Result<(), StoreError> {
        self.inner.refresh().await
    }
}
