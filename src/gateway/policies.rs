//! The one task that makes policies: from the configuration, the names that it trusts, and the network.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    sync::Arc,
};

use tokio::{
    sync::{mpsc, oneshot, watch},
    time::timeout,
};
use tracing::{info, warn};

use super::{
    surroundings::{Survey, list},
    trust::{self, Unusable},
    waiting::Waiting,
};
use crate::{
    config::Environment,
    defaults::{MAX_WAITING_FOR_NAMES, NAMES_AT_START, NAMES_NOW_WAIT},
    dns::{NameServers, NameState, Names},
    net::NetworkWatch,
    policy::Policy,
};

/// Where policies are had, and asked for.
#[derive(Debug, Clone)]
pub(super) struct Policies {
    current: watch::Receiver<Arc<Policy>>,
    wishes: mpsc::Sender<Wish>,
}

/// What the task is asked for.
#[derive(Debug)]
enum Wish {
    /// A policy with another configuration.
    Configure(Box<Policy>, oneshot::Sender<Configured>),
    /// Names that are asked for anew, now.
    Names(oneshot::Sender<()>),
}

/// What came of another configuration.
#[derive(Debug, Clone, Copy)]
pub(super) struct Configured {
    /// The policy that is in force now.
    pub(super) epoch: u64,
    /// Whether the shared secret is another one than before.
    pub(super) rotated: bool,
}

impl Policies {
    /// The policy in force.
    pub(super) fn current(&self) -> Arc<Policy> {
        Arc::clone(&self.current.borrow())
    }

    /// The policy in force after the trusted names were asked for anew, as far as they were answered at once. Calls that come
    /// within [`NAMES_NOW_PAUSE`](crate::defaults::NAMES_NOW_PAUSE) share a question.
    pub(super) async fn with_fresh_names(&self) -> Arc<Policy> {
        let (answer, answered) = oneshot::channel();
        if self.wishes.try_send(Wish::Names(answer)).is_ok() {
            // Without an answer in time the names stand for what they stood for.
            let _ = timeout(NAMES_NOW_WAIT, answered).await;
        }
        self.current()
    }

    /// Puts a policy in force whose configuration is another one. `None` when the gateway is ending.
    pub(super) async fn configure(&self, policy: Policy) -> Option<Configured> {
        let (answer, answered) = oneshot::channel();
        self.wishes.send(Wish::Configure(Box::new(policy), answer)).await.ok()?;
        answered.await.ok()
    }
}

/// Makes policies.
pub(super) struct Maker {
    published: watch::Sender<Arc<Policy>>,
    environment: Arc<Environment>,
    survey: Survey,
    network: NetworkWatch,
    names: Names,
    /// What the log was told of each name.
    told: BTreeMap<String, Told>,
    wishes: mpsc::Receiver<Wish>,
    waiting: Waiting,
    /// Until then the line about trust is still to come.
    started: bool,
}

/// What the log was told of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Told {
    state: NameState,
    addresses: Vec<IpAddr>,
    refused: BTreeSet<(IpAddr, Unusable)>,
}

impl Maker {
    /// Begins with the policy `first`, with what is known of the network, and with what its names stand for as far as that is
    /// answered soon.
    pub(super) async fn start(environment: Arc<Environment>, survey: Survey, mut first: Policy) -> (Self, Policies) {
        first.surroundings = survey.surroundings.clone();
        first.own_names = survey.own_names.clone();
        let (sender, wishes) = mpsc::channel(MAX_WAITING_FOR_NAMES);
        let in_cluster = survey.in_cluster;
        let published = watch::Sender::new(Arc::new(first));
        let policies = Policies { current: published.subscribe(), wishes: sender };
        let mut maker = Self {
            published,
            environment,
            survey,
            network: NetworkWatch::start(),
            names: Names::new(move || NameServers::of_system(in_cluster)),
            told: BTreeMap::new(),
            wishes,
            waiting: Waiting::default(),
            started: false,
        };
        info!(target: "gateway", "{}", maker.survey.describe());
        maker.names.follow(trust::names(&policies.current().trust));
        let _ = timeout(NAMES_AT_START, async {
            while !maker.names.is_settled() {
                maker.names.answered().await;
            }
        })
        .await;
        maker.refresh();
        maker.started = true;
        let policy = policies.current();
        info!(target: "gateway", "{}", trust::describe(&policy.trust, &policy.surroundings));
        (maker, policies)
    }

    /// The policies that are published.
    pub(super) fn published(&self) -> watch::Sender<Arc<Policy>> {
        self.published.clone()
    }

    /// Makes policies until nobody can ask for one any more.
    pub(super) async fn run(mut self) {
        // What the first look left out.
        self.look_around("looked around").await;
        loop {
            tokio::select! {
                () = self.network.changed() => self.look_around("the network changed").await,
                () = self.names.answered() => self.refresh(),
                () = self.waiting.is_due() => {
                    self.names.ask_now();
                    self.waiting.put();
                }
                wish = self.wishes.recv() => match wish {
                    Some(Wish::Configure(policy, answer)) => {
                        let _ = answer.send(self.configure(*policy));
                    }
                    Some(Wish::Names(answer)) => self.waiting.push(answer),
                    None => return,
                },
            }
            if self.names.is_settled() {
                self.waiting.answered();
            }
        }
    }

    async fn look_around(&mut self, why: &str) {
        let survey = Survey::take(&self.environment, Some(&self.survey)).await;
        if survey != self.survey {
            info!(target: "gateway", "{why}; {}", survey.describe());
            self.survey = survey;
            // Whom names mean may be another matter on another network.
            self.names.ask_now();
            self.refresh();
        }
    }

    fn configure(&mut self, policy: Policy) -> Configured {
        let before = Arc::clone(&self.published.borrow());
        let rotated = before.is_rotated_by(&policy);
        self.names.follow(trust::names(&policy.trust));
        self.told.retain(|name, _| trust::names(&policy.trust).any(|followed| followed == name));
        self.publish(policy);
        Configured { epoch: self.published.borrow().epoch, rotated }
    }

    /// Publishes the configuration in force anew, if the names or the network make another policy of it.
    fn refresh(&mut self) {
        let before = Arc::clone(&self.published.borrow());
        self.tell_names(&before);
        let fresh = self.complete(Policy::clone(&before));
        let same = fresh.trust == before.trust
            && fresh.surroundings == before.surroundings
            && fresh.own_names == before.own_names;
        if !same {
            self.publish(fresh);
        }
    }

    fn publish(&mut self, policy: Policy) {
        let before = Arc::clone(&self.published.borrow());
        let mut policy = self.complete(policy);
        policy.epoch = before.epoch + 1;
        let line = trust::describe(&policy.trust, &policy.surroundings);
        if line != trust::describe(&before.trust, &before.surroundings) && self.started {
            info!(target: "gateway", "{line}");
        }
        self.published.send_replace(Arc::new(policy));
    }

    /// Puts in what is known of names and the network.
    fn complete(&self, mut policy: Policy) -> Policy {
        policy.surroundings = self.survey.surroundings.clone();
        policy.own_names = self.survey.own_names.clone();
        trust::fill(&mut policy.trust, &policy.surroundings, |name| self.names.addresses(name));
        policy
    }

    /// Tells the log what changed about names.
    fn tell_names(&mut self, policy: &Policy) {
        for name in self.names.names() {
            let (addresses, mut refused) = (self.names.addresses(name), BTreeSet::new());
            let (surroundings, bridges) = (&self.survey.surroundings, &policy.trust.bridges);
            for address in &addresses {
                refused.extend(trust::unusable(*address, bridges, surroundings).map(|why| (*address, why)));
            }
            let Some(state) = self.names.state(name).filter(|state| **state != NameState::New) else { continue };
            let now = Told { state: state.clone(), addresses, refused };
            let before = self.told.get(name);
            if before == Some(&now) {
                continue;
            }
            tell_name(name, before, &now);
            self.told.insert(name.to_owned(), now);
        }
    }
}

fn tell_name(name: &str, before: Option<&Told>, now: &Told) {
    for (address, why) in &now.refused {
        if before.is_none_or(|before| !before.refused.contains(&(*address, *why))) {
            warn!(target: "gateway", "the trusted proxy {name} stands for {address}, which is not trusted: {why}");
        }
    }
    let addresses_before = before.map(|before| before.addresses.as_slice()).unwrap_or_default();
    match &now.state {
        NameState::Unanswered(why) => {
            let left = if now.addresses.is_empty() {
                "no address is trusted for it".to_owned()
            } else {
                format!("trusted for now: {}", list(&now.addresses))
            };
            // The reason may read differently each time.
            if !before.is_some_and(|before| {
                matches!(before.state, NameState::Unanswered(_)) && before.addresses == now.addresses
            }) {
                warn!(target: "gateway", "the trusted proxy {name} cannot be resolved: {why}; {left}");
            }
        }
        NameState::Nothing => warn!(target: "gateway", "the trusted proxy {name} has no address"),
        NameState::Found | NameState::New => {
            if addresses_before != now.addresses {
                info!(
                    target: "gateway", "the trusted proxy {name} is {}; before: {}",
                    list(&now.addresses), list(addresses_before),
                );
            }
        }
    }
}
