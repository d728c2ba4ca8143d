//! Numbers on events, and the versions that some carry.

use serde_json::{Value, json};

use crate::support::{Connect, Device, Session, TestGateway};

/// The numbers of the events that came so far.
fn numbers(events: &[Value]) -> Vec<u64> {
    events.iter().map(|event| event["seq"].as_u64().unwrap_or_else(|| panic!("no number: {event}"))).collect()
}

async fn report(owner: &mut Session, times: usize) {
    for number in 0..times {
        owner.ok("system-event", json!({"text": format!("event {number}"), "deviceId": "x"})).await;
    }
}

#[tokio::test]
async fn each_connection_counts_from_one_without_gaps() {
    let gateway = TestGateway::start().await;
    let mut owner = gateway.owner().await;
    report(&mut owner, 3).await;
    // Who comes later begins at one as well, and events that it may not see leave no gap.
    let mut sessions = vec![owner];
    for generation in [3, 4] {
        for scopes in [&["operator.read"][..], &["operator.pairing"], &["operator.admin"]] {
            let connect = Connect::of_generation(generation).scopes(scopes);
            sessions.push(gateway.dial_unix().enter(&connect).await.expect("the socket lets all in"));
        }
    }
    report(&mut sessions[0], 5).await;
    gateway.refuse_from_afar(&Connect::v4().token(&gateway.token()).device(&Device::fresh())).await;
    for (index, session) in sessions.iter_mut().enumerate() {
        // Its answer comes after everything that was published before.
        let _ = session.call("health", json!({})).await;
        let events = session.all_events();
        let numbers = numbers(&events);
        assert!(!numbers.is_empty(), "session {index} was told nothing");
        assert_eq!(numbers, (1..).take(numbers.len()).collect::<Vec<_>>(), "session {index}: {events:?}");
    }
}

#[tokio::test]
async fn whoever_reads_late_gets_everything_whole_and_in_order() {
    /// Together more than a kernel keeps for a peer that does not read.
    const EVENTS: usize = 60;
    const MACHINES: usize = 150;
    for tls in [false, true] {
        let gateway = TestGateway::builder().config(&json!({"gateway": {"tls": {"enabled": tls}}})).start().await;
        let mut owner = gateway.owner().await;
        let text = |number: usize| format!("{number}-{}", "é".repeat(1000));
        // Every event carries the whole list.
        for machine in 0..MACHINES {
            owner.ok("system-event", json!({"text": text(0), "deviceId": format!("machine {machine}")})).await;
        }
        let connect = Connect::v4().token(&gateway.token()).device(&Device::fresh());
        let mut readers = [gateway.admit(&connect).await, gateway.owner().await];
        for number in 0..EVENTS {
            owner.ok("system-event", json!({"text": text(number), "deviceId": "x"})).await;
        }
        for reader in &mut readers {
            reader.ok("health", json!({})).await;
            let events = reader.all_events();
            assert_eq!(numbers(&events), (1..).take(events.len()).collect::<Vec<_>>(), "tls {tls}");
            let entry = |event: &Value| {
                let entries = event["payload"]["presence"].as_array()?;
                Some(entries.iter().find(|entry| entry["deviceId"] == "x")?["text"].as_str()?.to_owned())
            };
            let texts: Vec<_> = events.iter().filter_map(entry).collect();
            let expected: Vec<_> = (0..EVENTS).map(text).collect();
            assert!(texts == expected, "{} texts, tls {tls}", texts.len());
        }
    }
}

#[tokio::test]
async fn presence_and_health_carry_versions_that_only_grow() {
    let gateway = TestGateway::start().await;
    let mut owner = gateway.owner().await;
    let mut last = owner.hello["snapshot"]["stateVersion"]["presence"].as_u64().expect("a version");
    report(&mut owner, 4).await;
    owner.ok("health", json!({"probe": true})).await;
    owner.event("health").await;
    let presence = owner.events_so_far("presence");
    assert!(presence.len() >= 4, "{presence:?}");
    for event in presence {
        let version = event["stateVersion"]["presence"].as_u64().expect("a version");
        assert!(version > last, "{version} after {last}: {event}");
        assert!(event["stateVersion"]["health"].is_u64(), "{event}");
        last = version;
    }
}

#[tokio::test]
async fn envelopes_carry_no_member_that_older_clients_refuse() {
    let gateway = TestGateway::start().await;
    for generation in [3, 4] {
        let mut session = gateway.dial_unix().enter(&Connect::of_generation(generation)).await.expect("let in");
        session.send("system-event", json!({"text": "x"})).await;
        session.send("no.such.method", json!({})).await;
        let mut answers = 0;
        while answers < 2 {
            let frame = session.socket.next_json().await;
            let keys = frame.as_object().expect("an object").keys().map(String::as_str);
            let allowed: &[&str] = if frame["type"] == "event" {
                &["type", "event", "payload", "seq", "stateVersion"]
            } else {
                answers += 1;
                &["type", "id", "ok", "payload", "error"]
            };
            let strange: Vec<_> = keys.filter(|key| !allowed.contains(key)).collect();
            assert!(strange.is_empty(), "{strange:?} in {frame}");
        }
    }
}

#[tokio::test]
async fn no_machine_fills_the_presence_of_all() {
    let gateway = TestGateway::start().await;
    let mut owner = gateway.owner().await;
    let long = "é".repeat(4_000);
    let event = json!({"text": long, "deviceId": long, "host": long, "roles": vec!["node"; 5000], "tags": vec![long.as_str(); 100], "scopes": [long, "operator.read"]});
    owner.ok("system-event", event).await;
    let listed = owner.ok("system-presence", json!({})).await;
    let entry = listed.as_array().expect("a list").iter().find(|entry| entry["tags"].is_array()).expect("it is listed");
    assert_eq!(entry["text"].as_str().map(|text| text.chars().count()), Some(1024));
    assert_eq!((entry["tags"].as_array().map(Vec::len), &entry["scopes"]), (Some(32), &json!(["operator.read"])));
    assert!(entry.to_string().chars().count() < 12_000, "{} characters", entry.to_string().chars().count());
}
