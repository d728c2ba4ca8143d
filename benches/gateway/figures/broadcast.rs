//! Deliveries a second: one session causes events, and every session hears each of them.

use std::time::Duration;

use anyhow::Context as _;
use tokio::{task::JoinSet, time::timeout};

use super::{Bench, SYSTEM_EVENT, finished, is_presence, open, timed};
use crate::{
    process::{Server, progress},
    report::{Round, Table},
    wire::Connection,
};

/// Events under way at once: enough that the server never waits for the driver, far below what a queue holds.
const AHEAD: u64 = 16;

pub(crate) async fn measure(bench: &Bench, table: &mut Table) -> anyhow::Result<()> {
    progress("broadcast");
    let (ours, bare) = bench.in_turn(async |server| drive(bench, server).await).await?;
    let figure = format!("broadcast deliveries a second to {} sessions", bench.sizes.listeners);
    table.rates(&figure, &ours, &bare, "≥ 0.90");
    Ok(())
}

async fn drive(bench: &Bench, server: &Server) -> anyhow::Result<Round> {
    let events = bench.sizes.events;
    let mut sessions = open(server, &bench.devices, bench.sizes.listeners).await?;
    let source = sessions.pop().context("no session")?;
    let work = async {
        let mut tasks = JoinSet::new();
        tasks.spawn(within(cause(source, events)));
        for session in sessions {
            tasks.spawn(within(listen(session, events)));
        }
        finished(tasks).await?;
        Ok(events * bench.sizes.listeners as u64)
    };
    timed(server, work).await
}

async fn within(work: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    timeout(Duration::from_secs(30), work).await.context("events got lost")?
}

/// Causes all events, each when an earlier one has come back.
async fn cause(mut session: Connection, events: u64) -> anyhow::Result<()> {
    let mut caused = 0;
    let mut heard = 0;
    while heard < events {
        while caused < events && caused < heard + AHEAD {
            session.say(SYSTEM_EVENT).await?;
            caused += 1;
        }
        if is_presence(&session.text().await?) {
            heard += 1;
        }
    }
    Ok(())
}

async fn listen(mut session: Connection, events: u64) -> anyhow::Result<()> {
    let mut heard = 0;
    while heard < events {
        if is_presence(&session.text().await?) {
            heard += 1;
        }
    }
    Ok(())
}
