//! From a name to the handler that answers.

use std::{collections::HashMap, sync::Arc};

use futures_util::FutureExt;
use tokio::task::JoinError;

use super::Access;
use crate::{
    protocol::{ErrorShape, Request},
    session::{Answer, Caller, Dispatch, Reply},
};

/// Answers one method.
pub(super) type Handler = Box<dyn Fn(&Arc<Caller>, &Request) -> Answer + Send + Sync>;

/// A handler that answers at once.
pub(super) fn now<S, F>(state: &S, method: F) -> Handler
where
    S: Clone + Send + Sync + 'static,
    F: Fn(&S, &Caller, &Request) -> Reply + Send + Sync + 'static,
{
    let state = state.clone();
    Box::new(move |caller, request| Answer::Now(method(&state, caller, request)))
}

/// A handler that answers at once where it can.
pub(super) fn either<S, F>(state: &S, method: F) -> Handler
where
    S: Clone + Send + Sync + 'static,
    F: Fn(&S, &Arc<Caller>, &Request) -> Answer + Send + Sync + 'static,
{
    let state = state.clone();
    Box::new(move |caller, request| method(&state, caller, request))
}

/// A handler that waits for something. What it does is done to the end although its caller goes: a change that was written
/// has to be told as well.
pub(super) fn later<S, F, Fut>(state: &S, method: F) -> Handler
where
    S: Clone + Send + Sync + 'static,
    F: Fn(S, Arc<Caller>, Request) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Reply> + Send + 'static,
{
    let state = state.clone();
    Box::new(move |caller, request| {
        let work = tokio::spawn(method(state.clone(), Arc::clone(caller), request.clone()));
        Answer::Later(async move { work.await.unwrap_or_else(|error| Err(broke_off(&error))) }.boxed())
    })
}

/// A handler that panicked, or that the end of the gateway overtook.
fn broke_off(error: &JoinError) -> ErrorShape {
    tracing::warn!(target: "gateway", "a call broke off: {error}");
    ErrorShape::unavailable("the call broke off, whether it had an effect is not known; `openclaw logs` says why")
}

/// Every method that this gateway serves.
pub struct MethodTable {
    methods: HashMap<&'static str, (Access, Handler)>,
}

impl MethodTable {
    pub(super) fn new<const N: usize>(methods: [(&'static str, Access, Handler); N]) -> Self {
        Self { methods: methods.into_iter().map(|(name, access, handler)| (name, (access, handler))).collect() }
    }

    /// The names of all methods with what they require, sorted.
    pub fn listing(&self) -> Vec<(&'static str, Access)> {
        let mut listing: Vec<_> = self.methods.iter().map(|(name, (access, _))| (*name, access.clone())).collect();
        listing.sort_by_key(|(name, _)| *name);
        listing
    }
}

impl Dispatch for MethodTable {
    fn call(&self, caller: &Arc<Caller>, request: &Request) -> Answer {
        match self.methods.get(request.method.as_str()) {
            Some((access, handler)) => match access.check(caller) {
                Ok(()) => handler(caller, request),
                Err(answer) => answer,
            },
            None if request.method == "connect" => {
                Answer::Now(Err(ErrorShape::invalid("connect is only valid as the first request")))
            }
            None => Answer::Now(Err(ErrorShape::unknown_method(&request.method))),
        }
    }
}

impl std::fmt::Debug for MethodTable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.methods.keys()).finish()
    }
}
