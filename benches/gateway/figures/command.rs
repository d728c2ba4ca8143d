//! `openclaw devices list`, as a whole process.

use std::{process::Stdio, time::Instant};

use anyhow::{Context as _, ensure};

use super::Bench;
use crate::{
    process::{openclaw, progress},
    report::{Table, median},
};

pub(crate) async fn measure(bench: &Bench, table: &mut Table) -> anyhow::Result<()> {
    progress("the command line");
    let mut times = Vec::with_capacity(bench.sizes.starts);
    for _ in 0..bench.sizes.starts {
        let mut command = openclaw(bench.ours.directory());
        command.args(["devices", "list", "--json"]).stdin(Stdio::null());
        let run = tokio::task::spawn_blocking(move || {
            let began = Instant::now();
            command.output().map(|output| (output, began.elapsed()))
        });
        let (output, elapsed) = run.await?.context("openclaw devices list")?;
        ensure!(output.status.success(), "devices list: {}", String::from_utf8_lossy(&output.stderr));
        let list: serde_json::Value = serde_json::from_slice(&output.stdout).context("devices list --json")?;
        let listed = list["paired"].as_array().map_or(0, Vec::len);
        ensure!(listed >= bench.sizes.devices, "devices list shows {listed} of {} devices", bench.sizes.devices);
        times.push(elapsed.as_secs_f64() * 1000.0);
    }
    let figure =
        format!("`devices list`, {} devices, whole process, median of {}", bench.sizes.devices, bench.sizes.starts);
    table.alone(&figure, format!("{:.1} ms", median(times.into_iter())), "< 20 ms");
    Ok(())
}
