//! Names whose addresses change, such as those of containers and pods.
//!
//! Whether an address that a name stands for may be used is not decided here.

mod ask;
mod known;
mod question;
#[cfg(test)]
mod tests;

pub use ask::{Answer, NameServers, Reply};
pub use known::NameState;

use std::{collections::BTreeMap, net::IpAddr, sync::Arc};

use tokio::{
    task::JoinSet,
    time::{Instant, sleep_until},
};

use self::known::Known;

/// Where the name servers are found, anew for each question: a container is told of others while it runs.
type Source = Arc<dyn Fn() -> NameServers + Send + Sync>;

/// Follows the addresses of names.
pub struct Names {
    source: Source,
    known: BTreeMap<String, Known>,
    asking: JoinSet<(String, u64, Reply)>,
}

impl std::fmt::Debug for Names {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Names").field("known", &self.known).finish_non_exhaustive()
    }
}

impl Names {
    /// Follows nothing yet. `source` is asked for the name servers before each question.
    pub fn new(source: impl Fn() -> NameServers + Send + Sync + 'static) -> Self {
        Self { source: Arc::new(source), known: BTreeMap::new(), asking: JoinSet::new() }
    }

    /// Follows these names and no others; the ones that are new are asked for next.
    pub fn follow<'a>(&mut self, names: impl IntoIterator<Item = &'a str>) {
        let mut before = std::mem::take(&mut self.known);
        for name in names {
            let known = before.remove(name).unwrap_or_else(|| Known::new(Instant::now()));
            self.known.insert(name.to_owned(), known);
        }
    }

    /// Asks for every name next, however fresh its answer is, and also where a question is under way: the answer to that one
    /// may be about a container that was not there yet when it was put.
    pub fn ask_now(&mut self) {
        for known in self.known.values_mut() {
            known.ask_now(Instant::now());
        }
    }

    /// The names that are followed, in alphabetical order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.known.keys().map(String::as_str)
    }

    /// The addresses that a name stands for now, IPv4 before IPv6.
    pub fn addresses(&self, name: &str) -> Vec<IpAddr> {
        self.known.get(name).map(Known::addresses).unwrap_or_default()
    }

    /// How it stands with a name; `None` for one that is not followed.
    pub fn state(&self, name: &str) -> Option<&NameState> {
        self.known.get(name).map(|known| &known.state)
    }

    /// Whether every name has been answered since it was last due.
    pub fn is_settled(&self) -> bool {
        let now = Instant::now();
        self.known.values().all(|known| known.due > now)
    }

    /// Asks for what is due, and returns when something was answered; never when there is nothing to follow. A caller that
    /// gives up waiting loses nothing.
    pub async fn answered(&mut self) {
        loop {
            self.ask_for_what_is_due();
            let next = self.known.values().filter(|known| !known.is_asking()).map(|known| known.due).min();
            tokio::select! {
                Some(answer) = self.asking.join_next() => {
                    let Ok((name, question, reply)) = answer else {
                        // A question that panicked is asked once more when the others are done.
                        if self.asking.is_empty() {
                            self.ask_now();
                        }
                        continue;
                    };
                    if self.known.get_mut(&name).is_some_and(|known| known.take(question, reply, Instant::now())) {
                        return;
                    }
                }
                () = until(next) => {}
            }
        }
    }

    fn ask_for_what_is_due(&mut self) {
        let now = Instant::now();
        for (name, known) in self.known.iter_mut().filter(|(_, known)| !known.is_asking() && known.due <= now) {
            let question = known.ask();
            let (source, name) = (Arc::clone(&self.source), name.clone());
            self.asking.spawn(async move {
                let reply = match tokio::task::spawn_blocking(move || source()).await {
                    Ok(servers) => servers.ask(&name).await,
                    Err(_) => Reply::unanswered("the resolver's settings could not be read"),
                };
                (name, question, reply)
            });
        }
    }
}

async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}
