//! One figure a file, and what they share.

pub(crate) mod broadcast;
pub(crate) mod command;
pub(crate) mod handshakes;
pub(crate) mod many_devices;
pub(crate) mod memory;
pub(crate) mod requests;
pub(crate) mod start;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use crate::{
    bare::{self, Script},
    fleet::{self, Device},
    process::Server,
    report::{Round, Rounds},
    sizes::Sizes,
    wire::Connection,
};

/// The request of a closed loop.
const HEALTH: Utf8Bytes = Utf8Bytes::from_static(r#"{"type":"req","id":"1","method":"health"}"#);

/// What makes the gateway tell every session of the presence.
const SYSTEM_EVENT: Utf8Bytes = Utf8Bytes::from_static(
    r#"{"type":"req","id":"2","method":"system-event","params":{"text":"Node: bench","instanceId":"bench","host":"bench","mode":"test"}}"#,
);

/// Both servers, and devices that ours knows.
pub(crate) struct Bench {
    pub(crate) sizes: &'static Sizes,
    pub(crate) ours: Server,
    pub(crate) bare: Server,
    /// The bare server once more, which checks one signature at each handshake.
    pub(crate) checking: Server,
    pub(crate) devices: Arc<[Device]>,
}

impl Bench {
    pub(crate) async fn start(sizes: &'static Sizes) -> anyhow::Result<Self> {
        let (state, devices) = fleet::pair(sizes.devices)?;
        let ours = Server::gateway(state).await?;
        let script = record(&ours, &devices[0]).await.context("recording what our gateway says")?;
        let [bare, checking] =
            [bare::ARGUMENT, bare::CHECKING_ARGUMENT].map(|argument| Server::bare(&script, argument));
        Ok(Self { sizes, ours, bare: bare?, checking: checking?, devices: devices.into() })
    }

    /// Drives our server and the bare one in turn, so that what else happens on the machine meets both.
    async fn in_turn(&self, drive: impl AsyncFn(&Server) -> anyhow::Result<Round>) -> anyhow::Result<(Rounds, Rounds)> {
        let [ours, bare] = self.each_in_turn([&self.ours, &self.bare], drive).await?;
        Ok((ours, bare))
    }

    /// Drives all of `servers` in turn.
    async fn each_in_turn<const N: usize>(
        &self,
        servers: [&Server; N],
        drive: impl AsyncFn(&Server) -> anyhow::Result<Round>,
    ) -> anyhow::Result<[Rounds; N]> {
        let mut all = [(); N].map(|()| Rounds::default());
        for _ in 0..self.sizes.rounds {
            for (server, rounds) in servers.iter().zip(&mut all) {
                rounds.push(drive(server).await?);
            }
        }
        Ok(all)
    }
}

/// Times `work`, which says how many operations it was. What has to be there before it is no part of it.
async fn timed(server: &Server, work: impl Future<Output = anyhow::Result<u64>>) -> anyhow::Result<Round> {
    let (before, began) = (server.processor_time()?, Instant::now());
    let operations = work.await?;
    let elapsed = began.elapsed();
    anyhow::ensure!(operations > 0, "nothing was done in a round");
    Ok(Round { operations, elapsed, processor: server.processor_time()?.saturating_sub(before) })
}

/// Everything that the bare server will have to say, as our gateway says it.
async fn record(ours: &Server, device: &Device) -> anyhow::Result<Script> {
    let (mut connection, opening) = Connection::open(ours.address, device).await?;
    let answer = connection.ask(HEALTH).await?;
    anyhow::ensure!(answer.contains(r#""ok":true"#), "no health: {answer}");
    // The second event is the first one whose list holds the entry already, like every one after it.
    let mut event = Utf8Bytes::default();
    let mut event_answer = Utf8Bytes::default();
    for _ in 0..2 {
        connection.say(SYSTEM_EVENT).await?;
        for _ in 0..2 {
            let text = connection.text().await?;
            if is_presence(&text) { event = text } else { event_answer = text }
        }
    }
    anyhow::ensure!(is_presence(&event) && event_answer.contains(r#""ok":true"#), "no event: {event_answer}");
    connection.close().await?;
    Ok(Script { challenge: opening.challenge, hello: opening.hello, request: HEALTH, answer, event, event_answer })
}

fn is_presence(text: &str) -> bool {
    text.starts_with(r#"{"type":"event","event":"presence","#)
}

/// Opens `count` sessions.
async fn open(server: &Server, devices: &Arc<[Device]>, count: usize) -> anyhow::Result<Vec<Connection>> {
    const AT_ONCE: usize = 32;
    let mut tasks = JoinSet::new();
    for first in 0..AT_ONCE.min(count) {
        let (address, devices) = (server.address, Arc::clone(devices));
        tasks.spawn(async move {
            let mut opened = Vec::new();
            for number in (first..count).step_by(AT_ONCE) {
                opened.push(Connection::open(address, &devices[number % devices.len()]).await?.0);
            }
            anyhow::Ok(opened)
        });
    }
    Ok(finished(tasks).await?.into_iter().flatten().collect())
}

/// Runs `workers` for `duration`; each repeats its operation. Says how many operations there were.
async fn closed_loop<F>(workers: impl Iterator<Item = F>, duration: Duration) -> anyhow::Result<u64>
where
    F: Repeated + Send + 'static,
{
    let began = Instant::now();
    let mut tasks = JoinSet::new();
    for mut worker in workers {
        tasks.spawn(async move {
            let mut done = 0;
            while began.elapsed() < duration {
                worker.once().await?;
                done += 1;
            }
            anyhow::Ok(done)
        });
    }
    Ok(finished(tasks).await?.into_iter().sum())
}

/// One operation after the other.
trait Repeated {
    fn once(&mut self) -> impl Future<Output = anyhow::Result<()>> + Send;
}

async fn finished<T: 'static>(mut tasks: JoinSet<anyhow::Result<T>>) -> anyhow::Result<Vec<T>> {
    let mut results = Vec::with_capacity(tasks.len());
    while let Some(result) = tasks.join_next().await {
        results.push(result??);
    }
    Ok(results)
}
