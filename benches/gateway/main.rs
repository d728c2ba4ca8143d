//! What the gateway costs beside a bare WebSocket server that speaks the same frames and knows nothing.
//!
//! `cargo bench --bench gateway` starts the release binary and a bare tokio-tungstenite server, drives both in turn over
//! loopback in one run, and prints a table for the README. `-- --smoke` does the same with tiny sizes, to see that every
//! figure can be produced; its numbers mean nothing. Names of figures after `--` leave the others out.
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`bare`] | the server to compare with, a process of its own |
//! | [`process`] | starting both, and what the kernel says of their memory and time |
//! | [`fleet`] | paired devices, and the state directory that knows them |
//! | [`wire`] | the client's side of a connection, the same against both |
//! | [`figures`] | one figure a file |
//! | [`report`] | medians, ratios and the table |
//!
//! Driver and server share the machine, so the driver's own cost is in every rate and pulls each ratio towards 1. The
//! server's processor time for one operation is printed beside it: nothing of the driver is in that.

mod bare;
mod figures;
mod fleet;
mod process;
mod report;
mod sizes;
mod wire;

use std::{
    io::{self, Write},
    process::ExitCode,
};

use anyhow::Context as _;

use crate::{
    figures::Bench,
    report::Table,
    sizes::{FULL, SMOKE},
};

/// What can be asked for by name: the modules of [`figures`].
const FIGURES: [&str; 7] = ["command", "handshakes", "requests", "broadcast", "memory", "many_devices", "start"];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [bare::ARGUMENT, script] => bare::serve(script.as_ref(), false),
        [bare::CHECKING_ARGUMENT, script] => bare::serve(script.as_ref(), true),
        words => {
            let (flags, names): (Vec<&str>, Vec<&str>) = words.iter().partition(|word| word.starts_with("--"));
            // Cargo passes `--bench` when it measures, and does not when it only tests that benches run.
            let smoke = flags.contains(&"--smoke") || !flags.contains(&"--bench");
            bench(if smoke { &SMOKE } else { &FULL }, &names)
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn bench(sizes: &'static sizes::Sizes, names: &[&str]) -> anyhow::Result<()> {
    if let Some(name) = names.iter().find(|name| !FIGURES.contains(name)) {
        anyhow::bail!("no figure is called {name}; there are {}", FIGURES.join(", "));
    }
    process::raise_open_files(sizes.idle_sessions)?;
    // As many threads as the servers have: where the machine is the limit, both sides get their share of it.
    let runtime = tokio::runtime::Runtime::new().context("the driver's runtime")?;
    let table = runtime.block_on(async {
        tokio::time::timeout(sizes.longest_run, run(sizes, names)).await.context("the whole run took too long")?
    })?;
    let mut out = io::stdout().lock();
    writeln!(out, "{table}")?;
    if sizes.smoke {
        writeln!(out, "A smoke run: every figure was produced, and none of them means anything.")?;
    }
    Ok(())
}

async fn run(sizes: &'static sizes::Sizes, names: &[&str]) -> anyhow::Result<Table> {
    let wants = |name| names.is_empty() || names.contains(&name);
    let bench = Bench::start(sizes).await?;
    let mut table = Table::default();
    // First: the connections that the others leave behind stay in the kernel's tables for a minute, where commands look.
    if wants("command") {
        figures::command::measure(&bench, &mut table).await.context("the command line")?;
    }
    if wants("handshakes") {
        figures::handshakes::measure(&bench, &mut table).await.context("handshakes")?;
    }
    if wants("requests") {
        figures::requests::measure(&bench, &mut table).await.context("requests")?;
    }
    if wants("broadcast") {
        figures::broadcast::measure(&bench, &mut table).await.context("broadcast")?;
    }
    drop(bench);
    if wants("memory") {
        figures::memory::measure(sizes, &mut table).await.context("memory")?;
    }
    if wants("many_devices") {
        figures::many_devices::measure(sizes, &mut table).await.context("many devices")?;
    }
    if wants("start") {
        figures::start::measure(sizes, &mut table).await.context("start")?;
    }
    Ok(table)
}
