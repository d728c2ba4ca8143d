//! From nothing to ready, on an empty state directory, and what an idle gateway holds then.

use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::{
    process::{Server, progress},
    report::{Table, float, median},
    sizes::Sizes,
};

/// When a gateway counts as idle.
const SETTLE: Duration = Duration::from_millis(500);

pub(crate) async fn measure(sizes: &'static Sizes, table: &mut Table) -> anyhow::Result<()> {
    progress("start");
    let mut times = Vec::with_capacity(sizes.starts);
    let mut resident = Vec::with_capacity(sizes.starts);
    for _ in 0..sizes.starts {
        let state = TempDir::new()?;
        let began = Instant::now();
        let gateway = Server::gateway(state).await?;
        times.push(began.elapsed().as_secs_f64() * 1000.0);
        tokio::time::sleep(SETTLE).await;
        resident.push(float(gateway.resident()?) / 1024.0 / 1024.0);
    }
    let time = format!("{:.1} ms", median(times.into_iter()));
    table.alone(&format!("first start to `/readyz`, median of {}", sizes.starts), time, "< 25 ms");
    table.alone("idle resident memory", format!("{:.1} MiB", median(resident.into_iter())), "< 10 MiB");
    Ok(())
}
