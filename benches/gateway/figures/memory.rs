//! Resident memory of an idle session: both servers freshly started, before and with all sessions.

use std::{sync::Arc, time::Duration};

use super::{Bench, open};
use crate::{
    fleet::Device,
    process::{Server, progress},
    report::{Table, float, ratio, whole},
    sizes::Sizes,
};

/// What a server gets to put things in order after the last session came.
const SETTLE: Duration = Duration::from_millis(500);

pub(crate) async fn measure(sizes: &'static Sizes, table: &mut Table) -> anyhow::Result<()> {
    progress("memory");
    let bench = Bench::start(sizes).await?;
    let ours = of_session(&bench.ours, &bench.devices, sizes.idle_sessions).await?;
    let bare = of_session(&bench.bare, &bench.devices, sizes.idle_sessions).await?;
    let figure = format!("resident bytes of an idle session, of {}", whole(float(sizes.idle_sessions as u64)));
    table.row(&figure, whole(ours), whole(bare), ratio(ours, bare), "≤ 1.50");
    Ok(())
}

async fn of_session(server: &Server, devices: &Arc<[Device]>, count: usize) -> anyhow::Result<f64> {
    let before = server.resident()?;
    let sessions = open(server, devices, count).await?;
    tokio::time::sleep(SETTLE).await;
    let after = server.resident()?;
    drop(sessions);
    Ok(float(after.saturating_sub(before)) / float(count as u64))
}
