//! Reports, as they are told.

use std::{fmt::Write as _, time::Duration};

use serde_json::json;

use super::{
    document::rpc,
    lock::Lock,
    probe::{Probe, Rpc},
    report::{Report, Setting},
};
use crate::{
    cli::{CliError, ConnectError, Format, Target, output::tests::captured, target::Source},
    client::{Closed, Failure, GatewayUrl, Scheme},
    config::Bind,
    net::{LastGateway, Listener, LockHolder, PortOwner, Process, SecretInForce},
    protocol::{ErrorShape, HelloAuth, HelloOk, Role, Scopes, SourceReport},
    supervisor::{ContainerKind, Supervisor},
};

const NOW: i64 = 1_767_225_600_000;

fn report(lock: Lock, probe: Probe) -> Report {
    Report {
        state: "/home/u/.openclaw".into(),
        config: "/home/u/.openclaw/openclaw.json".into(),
        config_exists: false,
        own_config: None,
        config_hint: None,
        problems: Vec::new(),
        values: Vec::new(),
        bind: Bind::Loopback,
        bind_source: "default".into(),
        bind_host: Some("127.0.0.1".into()),
        port: 18789,
        port_source: "default".into(),
        configured_port: 18789,
        listener: None,
        url: GatewayUrl::new(Scheme::Ws, "127.0.0.1", 18789),
        elsewhere: false,
        dashboard: "http://127.0.0.1:18789/".into(),
        urls: Vec::new(),
        published: None,
        socket: None,
        lock,
        process: None,
        supervisor: None,
        start: "openclaw gateway run".into(),
        log_file: "/home/u/.openclaw/logs/openclaw-2026-01-01.log".into(),
        last_words: Vec::new(),
        probe,
    }
}

fn failed(source: Source, address: &str, failure: Failure) -> Rpc {
    let target = Target {
        address: address.into(),
        source: source.clone(),
        config: "/home/u/.openclaw/openclaw.json".into(),
        bind: None,
        secret_from: Some("OPENCLAW_GATEWAY_TOKEN".into()),
    };
    let error = ConnectError { failure, target, remarks: Vec::new(), advice: None };
    Rpc { source, address: address.into(), result: Err(CliError::Connect(Box::new(error))), seen: None }
}

fn absent(source: Source, address: &str) -> Rpc {
    let failure = match source {
        Source::LocalSocket => Failure::NoSocket { path: address.into() },
        _ => Failure::NothingListens { at: address.into() },
    };
    failed(source, address, failure)
}

fn running() -> Lock {
    let holder = LockHolder {
        pid: 7,
        version: "0.1.0".into(),
        started_at_ms: NOW - 61_000,
        auth: Some(SecretInForce {
            mode: "token".into(),
            described: "token: from OPENCLAW_GATEWAY_TOKEN".into(),
            generated: false,
        }),
        ..LockHolder::default()
    };
    Lock::Held { holder: Some(Box::new(holder)), here: true }
}

fn greeted() -> Rpc {
    let mut hello: HelloOk = serde_json::from_value(json!({
        "type": "hello-ok", "protocol": 4, "server": {"version": "0.1.0", "connId": "c-1"},
    }))
    .expect("a greeting");
    hello.auth = Some(HelloAuth { role: Role::Operator, scopes: Scopes::full_operator(), ..HelloAuth::default() });
    let address = "/home/u/.openclaw/run/gateway.sock".to_owned();
    Rpc { source: Source::LocalSocket, address, result: Ok(Box::new(hello)), seen: None }
}

fn shown(report: &Report) -> String {
    let (mut output, out, _) = captured(Format::Text, None);
    report.show(NOW, &mut output).expect("in memory");
    out.text()
}

fn seen(class: &str, evidence: &str, grant: &str) -> Box<SourceReport> {
    Box::new(SourceReport {
        class: class.into(),
        rule: "r".into(),
        peer: None,
        peer_kind: class.into(),
        client: None,
        hops: Vec::new(),
        evidence: evidence.into(),
        grant: grant.into(),
        remedies: Vec::new(),
    })
}

#[test]
fn a_gateway_that_answers() {
    let by_port = Rpc {
        source: Source::LocalLoopback,
        address: "ws://127.0.0.1:18789".into(),
        seen: Some(seen("loopback", "seen as loopback from 127.0.0.1", "pairs silently with the shared secret")),
        ..greeted()
    };
    let by_socket = Rpc { seen: Some(seen("unix-socket", "seen as unix-socket", "full operator")), ..greeted() };
    let mut report = report(running(), Probe::Tried(vec![by_socket, by_port]));
    report.process = Some(Process { pid: 4711, command: "openclaw gateway run".into(), since: None });
    report.supervisor = Some(Supervisor::Container { kind: ContainerKind::Docker, pid_one: None, first: true });
    report.urls = vec!["ws://127.0.0.1:18789".into(), "ws://192.0.2.7:18789".into()];
    report.published = Some("loopback (gateway.publishedOn, OPENCLAW_GATEWAY_PUBLISHED_ON)".into());
    report.values = vec![Setting { key: "gateway.bind", value: "lan".into(), from: "OPENCLAW_GATEWAY_BIND".into() }];
    let process = Process { pid: 7, command: "openclaw gateway run".into(), since: None };
    report.listener = Some(PortOwner { process: Some(process), uid: None, kind: Listener::OurGateway });
    report.socket = Some("/home/u/.openclaw/run/gateway.sock".into());
    insta::assert_snapshot!(shown(&report));
    insta::assert_json_snapshot!(report.document(NOW), {
        ".cli.version" => "…", ".cli.entrypoint" => "…", ".service.runtime.detail" => "…",
    });
}

#[test]
fn no_gateway_at_all() {
    let tried = vec![
        absent(Source::LocalSocket, "/home/u/.openclaw/run/gateway.sock"),
        absent(Source::LocalLoopback, "ws://127.0.0.1:18789"),
    ];
    let report = report(Lock::Free(LastGateway::Never), Probe::Tried(tried));
    insta::assert_snapshot!(shown(&report));
    insta::assert_json_snapshot!("no_gateway_json", report.document(NOW), {
        ".cli.version" => "…", ".cli.entrypoint" => "…",
    });
}

#[test]
fn a_gateway_that_refuses_us() {
    let error = ErrorShape::invalid("unauthorized: gateway token mismatch (x)");
    let closed = Some(Closed { code: Some(1008), reason: "unauthorized: gateway token mismatch (x)".into() });
    let refused = Failure::Refused { error: Box::new(error), closed };
    let tried = vec![
        absent(Source::LocalSocket, "/home/u/.openclaw/run/gateway.sock"),
        failed(Source::LocalLoopback, "ws://127.0.0.1:18789", refused),
    ];
    let report = report(Lock::Unclear("the file system has no locks"), Probe::Tried(tried));
    insta::assert_snapshot!(shown(&report));
    insta::assert_json_snapshot!(report.probe.rpc().map(rpc));
}

#[test]
fn what_a_bad_configuration_leaves() {
    let mut report = report(Lock::Free(LastGateway::Never), Probe::NotAsked);
    report.problems = vec!["/home/u/.openclaw/openclaw.json: line 3, column 1: expected a value".into()];
    report.config_exists = true;
    insta::assert_snapshot!(shown(&report));
}

#[test]
fn what_is_wrong_is_told_with_what_to_type() {
    let socket = || absent(Source::LocalSocket, "/home/u/.openclaw/run/gateway.sock");
    let nobody = || vec![socket(), absent(Source::LocalLoopback, "ws://127.0.0.1:18789")];
    let listener = |command: &str, kind| {
        let process = Process { pid: 9, command: command.into(), since: None };
        Some(PortOwner { process: Some(process), uid: None, kind })
    };
    let proxy = "docker-proxy -host-ip 127.0.0.1 -host-port 18789 -container-ip 172.17.0.2 -container-port 18789";
    let mut shown = String::new();
    let mut row = |name: &str, report: &Report| {
        let troubles: Vec<_> = super::trouble::troubles(report);
        let _ = writeln!(shown, "## {name}");
        for trouble in troubles {
            assert!(!trouble.next.is_empty(), "{name}: {trouble:?}");
            let _ = writeln!(shown, "{}", trouble.cause);
            for line in &trouble.evidence {
                let _ = writeln!(shown, "  {line}");
            }
            let _ = writeln!(shown, "  -> {}", trouble.next);
        }
    };
    row("all is well", &report(running(), Probe::Tried(vec![greeted()])));
    row("no gateway", &report(Lock::Free(LastGateway::Never), Probe::Tried(nobody())));
    let killed = LockHolder { pid: 7, version: "0.1.0".into(), started_at_ms: NOW - 61_000, ..LockHolder::default() };
    let killed = report(Lock::Free(LastGateway::Cut(Box::new(killed))), Probe::Tried(nobody()));
    row("a gateway that was killed", &Report { last_words: vec!["Last in its log: ready".into()], ..killed });
    let restarting = LastGateway::Restarting { left: Duration::ZERO };
    row("a gateway that restarts", &report(Lock::Free(restarting), Probe::Tried(nobody())));
    let taken = |owner| Report { listener: owner, ..report(Lock::Free(LastGateway::Never), Probe::Tried(nobody())) };
    row("the port is another program's", &taken(listener("nginx", Listener::Other)));
    row("the port is another gateway's", &taken(listener("openclaw gateway", Listener::OurGateway)));
    row("the port is a container's", &taken(listener(proxy, Listener::OurGateway)));
    row(
        "a gateway whose socket is gone",
        &report(running(), Probe::Tried(vec![socket(), Rpc { source: Source::LocalLoopback, ..greeted() }])),
    );
    let unused = || absent(Source::LocalSocket, "/tmp/openclaw-1000/gateway.sock");
    row("a place where its socket could be and is not", &report(running(), Probe::Tried(vec![greeted(), unused()])));
    let elsewhere = absent(Source::LocalLoopback, "ws://127.0.0.1:18789");
    row("a container beside the gateway's", &report(running(), Probe::Tried(vec![greeted(), elsewhere])));
    let mismatch = ErrorShape::invalid("unauthorized: gateway token mismatch (x)");
    let mismatch = mismatch.with_details(json!({"nextCommand": "openclaw gateway status"}));
    let refused = || Failure::Refused { error: Box::new(mismatch.clone()), closed: None };
    let by_url = || failed(Source::CliUrl, "ws://127.0.0.1:18789", refused());
    let remote = || Rpc { source: Source::ConfigRemote, address: "wss://gw.test:443".into(), ..greeted() };
    let client = report(Lock::Free(LastGateway::Never), Probe::Tried(vec![remote()]));
    row("a gateway elsewhere, and none here", &Report { elsewhere: true, ..client });
    row("a wrong secret", &report(running(), Probe::Tried(vec![by_url()])));
    let elsewhere = Lock::Held { holder: None, here: false };
    row("a gateway on another machine", &report(elsewhere, Probe::Tried(nobody())));
    row("a state directory of another user", &report(Lock::Closed { owner: 7 }, Probe::Tried(nobody())));
    row(
        "another port than configured",
        &Report { configured_port: 1, ..report(running(), Probe::Tried(vec![greeted()])) },
    );
    let holder = LockHolder { version: "0.0.9".into(), ..LockHolder::default() };
    let older = Lock::Held { holder: Some(Box::new(holder)), here: true };
    row("another version", &report(older, Probe::Tried(vec![greeted()])));
    let broken = vec!["/home/u/.openclaw/openclaw.json: line 3, column 1: expected a value".into()];
    row("a broken file", &Report { problems: broken, ..report(running(), Probe::Tried(vec![greeted()])) });
    let wrong = Failure::SpeaksTls { right: GatewayUrl::new(Scheme::Wss, "127.0.0.1", 18789) };
    row(
        "a wrong scheme",
        &report(running(), Probe::Tried(vec![greeted(), failed(Source::CliUrl, "ws://127.0.0.1:18789", wrong)])),
    );
    insta::assert_snapshot!(shown);
}
