//! Guessing is slowed down, and the owner is never locked out.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use serde_json::json;

use crate::support::{Connect, Device, Dial, TestGateway, eventually, refused};

/// More wrong answers than are given at once.
const GUESSES: usize = 40;

/// Guesses all at once; returns how many of them were answered so far.
fn guess(dial: &Dial) -> (Arc<AtomicUsize>, Vec<tokio::task::JoinHandle<()>>) {
    let answered = Arc::new(AtomicUsize::new(0));
    let tasks = (0..GUESSES).map(|number| {
        let (dial, answered) = (dial.clone(), Arc::clone(&answered));
        let connect = Connect::v4().token(&format!("guess {number}")).device(&Device::fresh());
        tokio::task::spawn_local(async move {
            let refused = refused(dial.enter(&connect).await);
            assert!(refused.message().starts_with("unauthorized: "), "{refused:?}");
            answered.fetch_add(1, Ordering::Relaxed);
        })
    });
    let tasks = tasks.collect();
    (answered, tasks)
}

#[tokio::test]
async fn a_flood_of_guesses_from_elsewhere_does_not_lock_the_owner_out() {
    let gateway = TestGateway::start().await;
    let right = || Connect::v4().token(&gateway.token()).device(&Device::fresh());
    tokio::task::LocalSet::new()
        .run_until(async {
            let (answered, tasks) = guess(&gateway.dial().with_evidence());
            eventually("the first guesses to be answered", async || {
                (answered.load(Ordering::Relaxed) > 0).then_some(())
            })
            .await;
            gateway.admit(&right()).await.ok("device.pair.list", json!({})).await;
            gateway.owner().await.ok("device.pair.list", json!({})).await;
            assert!(answered.load(Ordering::Relaxed) < GUESSES, "the owner was in before the last guess was answered");
            // From where the guesses come, the right secret is the right one too.
            let refused = gateway.refuse_from_afar(&right()).await;
            assert_eq!(refused.error["code"], "NOT_PAIRED", "{refused:?}");
            for task in tasks {
                task.abort();
            }
        })
        .await;
}

#[tokio::test]
async fn a_paired_device_comes_in_while_others_guess_from_its_own_address() {
    let gateway = TestGateway::start().await;
    let device = Device::fresh();
    let token = gateway.admit(&Connect::v4().token(&gateway.token()).device(&device)).await.device_token();
    tokio::task::LocalSet::new()
        .run_until(async {
            let (answered, tasks) = guess(&gateway.dial());
            eventually("the first guesses to be answered", async || {
                (answered.load(Ordering::Relaxed) > 0).then_some(())
            })
            .await;
            for generation in [3, 4] {
                gateway.admit(&Connect::of_generation(generation).device_token(&token).device(&device)).await;
            }
            assert!(answered.load(Ordering::Relaxed) < GUESSES, "the device was in before the last guess was answered");
            for task in tasks {
                task.abort();
            }
        })
        .await;
}

#[tokio::test]
async fn whoever_waits_with_a_token_while_it_is_rotated_does_not_get_the_new_one() {
    let gateway = TestGateway::start().await;
    let device = Device::fresh();
    let token = gateway.admit(&Connect::v4().token(&gateway.token()).device(&device)).await.device_token();
    tokio::task::LocalSet::new()
        .run_until(async {
            let answered = Arc::new(AtomicUsize::new(0));
            // With the device's own key, so that its own line is what fills.
            let guesses: Vec<_> = (0..GUESSES)
                .map(|number| {
                    let (dial, answered) = (gateway.dial(), Arc::clone(&answered));
                    let connect = Connect::v4().device_token(&format!("guess {number}")).device(&device);
                    tokio::task::spawn_local(async move {
                        refused(dial.enter(&connect).await);
                        answered.fetch_add(1, Ordering::Relaxed);
                    })
                })
                .collect();
            eventually("the first guesses to be answered", async || {
                (answered.load(Ordering::Relaxed) > 0).then_some(())
            })
            .await;
            let (dial, connect) = (gateway.dial(), Connect::v4().device_token(&token).device(&device));
            let waits = tokio::task::spawn_local(async move { dial.enter(&connect).await });
            let params = json!({"deviceId": device.id(), "role": "operator"});
            gateway.owner().await.ok("device.token.rotate", params).await;
            match waits.await.expect("no panic") {
                // It was in before the token was rotated, and is out again.
                Ok(mut session) => {
                    assert_eq!(session.device_token(), token);
                    assert_eq!(session.closed().await.code, 4001);
                }
                Err(refused) => assert_ne!(refused.close.code, 1000, "{refused:?}"),
            }
            guesses.iter().for_each(tokio::task::JoinHandle::abort);
        })
        .await;
}
