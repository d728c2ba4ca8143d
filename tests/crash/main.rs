//! The gateway is killed at random moments while devices ask, are approved, rejected, revoked and removed. After each restart
//! everything that was acknowledged is there, and no file is damaged.
//!
//! SIGKILL leaves the page cache as it is, so this shows that no order of steps in the process loses anything; the store's
//! own tests cut the recorded writes, syncs and renames after each step.

#![allow(unreachable_pub, reason = "a test binary has no outside")]

mod chance;
mod files;
mod gateway;
mod known;
#[path = "../support/mod.rs"]
mod support;
mod worker;

use std::env;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use chance::Chance;
use gateway::Door;
use support::home::Home;
use support::our_gateway::OurGateway;
use worker::{Acknowledged, Worker};

/// The gateway's token.
const TOKEN: &str = "token-of-the-crash-test";

/// How often the gateway is killed when `OPENCLAW_CRASH_KILLS` does not say.
const KILLS: u32 = 200;

/// Who works at the same time, each on devices of its own. Together they have fewer requests waiting than one client may.
const WORKERS: usize = 3;

/// Most acknowledgements before the gateway is killed.
const MAX_ACKNOWLEDGED: u32 = 6;

/// Longest time after the last of them, in microseconds; about what a change takes from request to disk.
const MAX_DELAY_MICROS: u32 = 4_000;

#[test]
fn what_was_acknowledged_survives_every_kill() {
    let kills = env::var("OPENCLAW_CRASH_KILLS").ok().map_or(KILLS, |kills| kills.parse().expect("a number"));
    let chance = Chance::from_environment();
    println!("to repeat the choices: OPENCLAW_CRASH_SEED={}", chance.seed());
    let runtime = tokio::runtime::Runtime::new().expect("a runtime can be made");

    let mut home = Home::new();
    home.configure(&json!({ "gateway": { "auth": { "mode": "token", "token": TOKEN } } }));
    let dice = chance.fork();
    let mut workers: Vec<Worker> = (0..WORKERS).map(|_| Worker::new(chance.fork())).collect();
    let mut acknowledged = 0;
    for round in 0..=kills {
        let gateway = OurGateway::start(home);
        let door = Door::of(&gateway);
        let context = || format!("after {round} kills\n{}", gateway.running().transcript());
        files::are_sound(&gateway.home().state(), &context);
        runtime.block_on(worker::check(&mut workers, &door, &context));
        if round == kills {
            gateway.stop();
            break;
        }
        let news = Arc::new(Acknowledged::default());
        let working: Vec<_> =
            workers.into_iter().map(|worker| runtime.spawn(worker.work(door.clone(), Arc::clone(&news)))).collect();
        let enough = dice.up_to(MAX_ACKNOWLEDGED);
        runtime.block_on(news.at_least(enough));
        std::thread::sleep(Duration::from_micros(dice.up_to(MAX_DELAY_MICROS).into()));
        home = gateway.kill();
        files::are_whole(&home.state());
        let joined = runtime.block_on(async {
            let mut joined = Vec::new();
            for worker in working {
                joined.push(worker.await.expect("a worker ends when the gateway does"));
            }
            joined
        });
        workers = joined;
        acknowledged += news.count();
    }
    assert!(acknowledged >= kills, "only {acknowledged} changes in {kills} rounds");
    println!("{kills} kills, {acknowledged} acknowledged changes");
}
