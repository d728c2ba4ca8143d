//! Requests a second: `health` in a closed loop on many connections.

use anyhow::ensure;

use super::{Bench, HEALTH, Repeated, closed_loop, open, timed};
use crate::{process::progress, report::Table, wire::Connection};

pub(crate) async fn measure(bench: &Bench, table: &mut Table) -> anyhow::Result<()> {
    progress("requests");
    let sizes = bench.sizes;
    let (ours, bare) = bench
        .in_turn(async |server| {
            let sessions = open(server, &bench.devices, sizes.request_connections).await?;
            timed(server, closed_loop(sessions.into_iter().map(Worker), sizes.round)).await
        })
        .await?;
    let figure = format!("requests a second, `health` on {} connections", sizes.request_connections);
    table.rates(&figure, &ours, &bare, "≥ 0.80");
    Ok(())
}

struct Worker(Connection);

impl Repeated for Worker {
    async fn once(&mut self) -> anyhow::Result<()> {
        let answer = self.0.ask(HEALTH).await?;
        ensure!(answer.starts_with(r#"{"type":"res","id":"1","ok":true,"#), "no health: {answer}");
        Ok(())
    }
}
