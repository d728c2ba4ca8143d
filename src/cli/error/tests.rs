//! Every failure, as it is told.

use std::{fmt::Write as _, time::Duration};

use serde_json::{Value, json};

use super::*;
use crate::{
    cli::{Format, output::tests::captured, target::Source},
    client::{Answer, CallFailure, Closed, Failure, Fingerprint, GatewayUrl, Scheme, Step},
    config::Bind,
    dns::ResolveError,
    protocol::ErrorShape,
};

fn target(url: &str, source: Source) -> Target {
    let own = source == Source::LocalLoopback;
    Target {
        address: url.into(),
        source,
        config: "/home/u/.openclaw/openclaw.json".into(),
        bind: own.then_some(Bind::Loopback),
        secret_from: Some("OPENCLAW_GATEWAY_TOKEN".into()),
    }
}

fn connect(failure: Failure) -> CliError {
    let target = target("ws://127.0.0.1:18789", Source::LocalLoopback);
    let remarks = vec!["Tried before: local socket /home/u/.openclaw/run/gateway.sock: nothing listens".to_owned()];
    CliError::Connect(Box::new(ConnectError { failure, target, remarks, advice: None }))
}

fn call(failure: CallFailure) -> CliError {
    CliError::Call(Box::new(CallError { failure, target: target("wss://gw.test:443", Source::ConfigRemote) }))
}

fn url(text: &str) -> GatewayUrl {
    text.parse().expect(text)
}

fn every_failure() -> Vec<(&'static str, CliError)> {
    let fingerprint: Fingerprint = "ab".repeat(32).parse().expect("64 digits");
    let answer = Answer {
        status: hyper::http::StatusCode::NOT_FOUND,
        server: Some("nginx/1.22".into()),
        location: None,
        body: "no such\u{1b}[2J page\n".into(),
    };
    let refused = |message: &str, reason: &str| Failure::Refused {
        error: Box::new(ErrorShape::invalid(message)),
        closed: Some(Closed { code: Some(1008), reason: reason.into() }),
    };
    let after = Duration::from_secs(10);
    vec![
        ("nothing listens", connect(Failure::NothingListens { at: "ws://127.0.0.1:18789".into() })),
        (
            "unreachable",
            connect(Failure::Unreachable {
                at: "ws://gateway:18789".into(),
                source: io::ErrorKind::HostUnreachable.into(),
            }),
        ),
        ("no such host", connect(Failure::Unresolved(ResolveError::NoAddress { host: "gatway".into() }))),
        ("permission", connect(Failure::PermissionDenied { path: "/s/gateway.sock".into() })),
        ("foreign", connect(Failure::ForeignSocket { path: "/s/gateway.sock".into(), owner: 7, own: 1000 })),
        ("plaintext", connect(Failure::Plaintext { url: url("ws://gw.test:18789"), public: None })),
        ("ws to wss", connect(Failure::SpeaksTls { right: url("wss://127.0.0.1:18789") })),
        ("wss to ws", connect(Failure::SpeaksPlain { right: url("ws://127.0.0.1:18789") })),
        ("untrusted", connect(Failure::Untrusted { presented: Some(fingerprint), source: None })),
        ("other certificate", connect(Failure::OtherCertificate { presented: fingerprint, expected: vec![] })),
        ("not a gateway", connect(Failure::NotAGateway(answer))),
        ("not http", connect(Failure::NotHttp(b"SSH-2.0-OpenSSH\r\n".to_vec()))),
        ("cut", connect(Failure::Closed { step: Step::Upgrade, closed: Closed::cut() })),
        ("silence", connect(Failure::Timeout { step: Step::Challenge, after })),
        ("wrong token", connect(refused("unauthorized: gateway token mismatch (x)", "unauthorized: gateway"))),
        ("pairing", connect(refused("pairing required: x (requestId: r-1)", "pairing required: approve with …"))),
        ("missing scope", call(CallFailure::Refused(Box::new(ErrorShape::invalid("missing scope: operator.read"))))),
        ("restart", call(CallFailure::Lost(Closed { code: Some(1012), reason: "service restart".into() }))),
        ("no answer", call(CallFailure::Timeout { method: "health".into(), after })),
        (
            "no secret",
            CliError::Target {
                error: TargetError::NeedsCredentials {
                    url: GatewayUrl::new(Scheme::Ws, "gateway", 1),
                    named_by: Source::CliUrl,
                },
                config: "/home/u/.openclaw/openclaw.json".into(),
            },
        ),
        (
            "no secret for the remote",
            CliError::Target {
                error: TargetError::RemoteWithoutCredentials { url: GatewayUrl::new(Scheme::Wss, "gw.test", 443) },
                config: "/home/u/.openclaw/openclaw.json".into(),
            },
        ),
        ("usage", CliError::usage("--device and --role required", "openclaw devices list shows both")),
    ]
}

#[test]
fn every_failure_names_cause_target_and_next_step() {
    let mut texts = String::new();
    for (name, error) in every_failure() {
        let (mut output, out, err) = captured(Format::Text, None);
        error.print(&mut output).expect("in memory");
        assert_eq!(out.text(), "", "{name}: standard output is for data");
        let _ = writeln!(texts, "## {name}\n{}", err.text());
        assert_eq!(error.exit().code(), 1, "{name}");
        assert!(!error.hint().trim().is_empty(), "{name} says what to do");
    }
    insta::assert_snapshot!(texts);
}

#[test]
fn programs_get_one_document() {
    let mut documents = Vec::new();
    for (name, error) in every_failure() {
        let (mut output, out, err) = captured(Format::Json, None);
        error.print(&mut output).expect("in memory");
        let document: Value = serde_json::from_str(&out.text()).expect(name);
        assert_eq!(document["ok"], false, "{name}");
        assert!(!err.text().is_empty(), "{name}: people read standard error");
        documents.push(json!({ name: document["error"] }));
    }
    insta::assert_json_snapshot!(documents);
}

#[test]
fn a_reader_that_went_away_is_no_failure() {
    let gone = CliError::from(io::Error::from(io::ErrorKind::BrokenPipe));
    assert!(gone.is_closed_pipe());
    assert_eq!(gone.exit(), Exit::Done);
    assert_eq!(CliError::from(io::Error::from(io::ErrorKind::StorageFull)).exit(), Exit::Failed);
}
