//! `gateway.whoami` and `gateway.sources`: how the gateway sees a connection, and what it has seen of all of them.

use std::sync::Arc;

use tokio::sync::watch;

use super::state::no_params;
use crate::{
    advice::{Place, Reader, Situation},
    observed::{Observed, View},
    policy::Policy,
    protocol::{Json, PlaceReport, Request, RequestReport, Scope, SessionReport, WhoAmI},
    session::{Caller, Reply},
};

/// Answers methods about where connections come from.
#[derive(Debug, Clone)]
pub struct SourceMethods {
    /// What the gateway goes by.
    pub policy: watch::Receiver<Arc<Policy>>,
    /// What it has seen.
    pub observed: Observed,
    /// Where its command line is reached.
    pub place: Arc<Place>,
}

impl SourceMethods {
    /// How the gateway sees the caller. Advice that repeats settings is for operators with full rights.
    pub(super) fn who_am_i(&self, caller: &Caller, request: &Request) -> Reply {
        no_params(&request.method, request)?;
        let policy = Arc::clone(&self.policy.borrow());
        let (principal, approach) = (&caller.principal, &caller.approach);
        let reader = if principal.scopes.cover(&Scope::ADMIN) { Reader::Operator } else { Reader::Stranger };
        let situation = Situation {
            source: &caller.source,
            peer_kind: approach.peer_kind,
            trust: &policy.trust,
            in_container: policy.surroundings.in_container,
            place: &self.place,
            reader,
        };
        Ok(Json::of(&WhoAmI {
            source: situation.report(),
            request: RequestReport {
                host: approach.host.as_deref().map(str::to_owned),
                host_judgement: approach.judgement.as_str().to_owned(),
                origin: approach.origin.as_deref().map(str::to_owned),
                browser: approach.browser,
                tls: approach.tls,
            },
            session: SessionReport {
                mechanism: principal.mechanism.as_str().to_owned(),
                user: principal.user.as_ref().map(|user| user.as_str().to_owned()),
                mode: policy.auth.mode().as_str().to_owned(),
                role: principal.role,
                scopes: principal.scopes.clone(),
                device: principal.device.map(|device| device.to_string()),
                connection: caller.id.as_str().to_owned(),
                waiting: caller.waiting.as_ref().map(|waiting| waiting.request.clone()),
                advice: caller.scope_advice.clone(),
            },
            place: PlaceReport { kind: self.place.kind().to_owned(), command: self.place.command("devices list") },
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }))
    }

    pub(super) fn sources(&self, _: &Caller, request: &Request) -> Reply {
        no_params(&request.method, request)?;
        let policy = Arc::clone(&self.policy.borrow());
        Ok(Json::of(&self.observed.report(View {
            trust: &policy.trust,
            epoch: policy.epoch,
            in_container: policy.surroundings.in_container,
            place: &self.place,
        })))
    }
}
