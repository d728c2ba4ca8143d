//! Commands as whole processes: from the start of the program to its end.

use std::{process::Stdio, time::Instant};

use anyhow::{Context as _, ensure};
use serde_json::Value;
use tempfile::TempDir;

use super::Bench;
use crate::{
    process::{openclaw, progress},
    report::{Table, median},
};

/// A port on which no gateway listens, whatever else this machine runs.
const NOBODYS_PORT: &str = "1";

pub(crate) async fn measure(bench: &Bench, table: &mut Table) -> anyhow::Result<()> {
    progress("the command line");
    let starts = bench.sizes.starts;

    let list = whole_process(starts, &["devices", "list", "--json"], bench.ours.directory(), &[], |list| {
        let listed = list["paired"].as_array().map_or(0, Vec::len);
        ensure!(listed >= bench.sizes.devices, "devices list shows {listed} of {} devices", bench.sizes.devices);
        Ok(())
    });
    let figure = format!("`devices list`, {} devices, whole process, median of {starts}", bench.sizes.devices);
    table.alone(&figure, list.await?, "< 20 ms");

    let status = ["gateway", "status", "--json"];
    let running = whole_process(starts, &status, bench.ours.directory(), &[], |status| {
        ensure!(status["service"]["runtime"]["status"] == "running", "the gateway does not run: {status:#}");
        ensure!(status["rpc"]["ok"] == true, "the gateway does not answer: {status:#}");
        Ok(())
    });
    table.alone(&format!("`gateway status`, whole process, median of {starts}"), running.await?, "< 30 ms");

    let nothing = TempDir::new()?;
    let port = [("OPENCLAW_GATEWAY_PORT", NOBODYS_PORT)];
    let none = whole_process(starts, &status, nothing.path(), &port, |status| {
        ensure!(status["service"]["runtime"]["status"] == "stopped", "a gateway runs: {status:#}");
        ensure!(status["rpc"]["ok"] == false, "a gateway answers: {status:#}");
        Ok(())
    });
    let figure = format!("`gateway status` without a gateway, whole process, median of {starts}");
    table.alone(&figure, none.await?, "< 300 ms");
    Ok(())
}

/// The median time of `starts` runs of the command on the state directory; `check` sees to it that each did its work.
async fn whole_process(
    starts: usize,
    words: &[&str],
    state: &std::path::Path,
    environment: &[(&str, &str)],
    check: impl Fn(&Value) -> anyhow::Result<()>,
) -> anyhow::Result<String> {
    let name = words.join(" ");
    let mut times = Vec::with_capacity(starts);
    for _ in 0..starts {
        let mut command = openclaw(state);
        command.args(words).envs(environment.iter().copied()).stdin(Stdio::null());
        let run = tokio::task::spawn_blocking(move || {
            let began = Instant::now();
            command.output().map(|output| (output, began.elapsed()))
        });
        let (output, elapsed) = run.await?.with_context(|| format!("openclaw {name}"))?;
        ensure!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
        check(&serde_json::from_slice(&output.stdout).with_context(|| name.clone())?)?;
        times.push(elapsed.as_secs_f64() * 1000.0);
    }
    Ok(format!("{:.1} ms", median(times.into_iter())))
}
