//! Each check over facts that were never seen on this machine.

use std::{collections::BTreeMap, path::PathBuf};

use super::{
    super::{
        command::{document, show},
        facts::{Certificate, Directory, Disk, Entry, Facts, Mendable, Remote},
        finding::{Finding, Repair, Severity},
        network::Network,
    },
    run,
};
use crate::{
    advice::Place,
    cli::{Format, output::tests::captured},
    config::{Diagnosis, OneOrMany, Settings},
    net::{Listener, LockHolder, LockState, PortOwner, Process},
    protocol::{Remedy, SourceFinding},
    store::{Damage, StoreReport},
};

/// A machine on which nothing is wrong.
fn healthy() -> Facts {
    Facts {
        now: "2026-06-01T12:00:00Z".parse().expect("a time"),
        uid: 1000,
        gid: 1000,
        place: Place::Host,
        state: Directory {
            path: "/home/u/.openclaw".into(),
            exists: true,
            uid: 1000,
            gid: 1000,
            mode: 0o700,
            writable: true,
            read_only: false,
        },
        entries: vec![entry("identity/gateway-token", 1000, 0o600, true)],
        disk: Some(Disk { free_bytes: 10 << 30, free_files: Some(1000) }),
        config: Diagnosis::default(),
        foreign_files: Vec::new(),
        settings: Settings::default(),
        store: Some(Ok(StoreReport::default())),
        keys: Vec::new(),
        certificate: None,
        names: Vec::new(),
        network: Network::default(),
        lock: held(),
        cut: None,
        answer: Some(Ok(env!("CARGO_PKG_VERSION").into())),
        remote: None,
        seen: Vec::new(),
        port: 18789,
        owner: Some(PortOwner { process: None, uid: Some(1000), kind: Listener::OurGateway }),
        database: None,
    }
}

fn mendable(problem: &str, fix: &str) -> Mendable {
    Mendable { problem: problem.into(), fix: fix.into() }
}

/// A machine that uses a gateway elsewhere. Another program's port is none of its business.
fn client() -> Facts {
    let remote = Some(Remote::Answers);
    Facts { lock: LockState::Free, answer: None, remote, owner: Some(owner(Listener::Other, "nginx")), ..healthy() }
}

fn held() -> LockState {
    LockState::Held { holder: Some(Box::new(LockHolder { pid: 7, ..LockHolder::default() })), same_kernel: true }
}

fn entry(path: &str, uid: u32, mode: u32, secret: bool) -> Entry {
    Entry { path: PathBuf::from("/home/u/.openclaw").join(path), uid, mode, is_directory: false, secret, written: None }
}

fn owner(kind: Listener, command: &str) -> PortOwner {
    PortOwner { process: Some(Process { pid: 42, command: command.into(), since: None }), uid: Some(0), kind }
}

/// A proxy that nobody trusts.
fn seen(before_change: bool) -> SourceFinding {
    SourceFinding {
        kind: "untrusted-proxy".into(),
        class: "unattributable".into(),
        rule: "header x-forwarded-for from a peer that is no trusted proxy".into(),
        peer_kind: "remote".into(),
        count: 3,
        first_at: 0,
        last_at: 1,
        peers: vec!["192.0.2.7".parse().expect("an address")],
        hosts: vec!["gw.example\u{202e}".into()],
        before_change,
        text: "a proxy that nobody trusts names clients".into(),
        remedies: vec![Remedy {
            setting: Some("gateway.trustedProxies".into()),
            text: "trust it".into(),
            command: Some("openclaw config set gateway.trustedProxies '[\"192.0.2.7\"]'".into()),
        }],
    }
}

fn proxies(items: &[&str]) -> Settings {
    let mut settings = Settings::default();
    settings.trust.trusted_proxies = items.iter().map(ToString::to_string).collect();
    settings
}

fn bridges(items: &[&str]) -> Settings {
    let mut settings = Settings::default();
    settings.trust.trusted_bridges = Some(OneOrMany(items.iter().map(ToString::to_string).collect()));
    settings
}

/// What is wrong, and with it the machine.
fn broken() -> Vec<(&'static str, Severity, Facts)> {
    use Severity::{Error, Info, Warning};
    let now = healthy().now;
    let state = |change: fn(&mut Directory)| {
        let mut facts = healthy();
        change(&mut facts.state);
        facts
    };
    let damage = Damage {
        file: "/home/u/.openclaw/devices/paired.json".into(),
        problem: "line 1: not JSON".into(),
        kept_aside: None,
    };
    let report = |report: StoreReport| Facts { store: Some(Ok(report)), ..healthy() };
    let certificate =
        |remark| Facts { certificate: Some(Certificate { path: "/tls/tls.crt".into(), remark }), ..healthy() };
    let container = Network {
        in_container: true,
        routers: vec!["10.5.0.1".parse().expect("an address")],
        bridges: BTreeMap::new(),
    };
    #[rustfmt::skip]
    let rows = vec![
        ("state.read-only",       Error,   state(|state| state.read_only = true)),
        ("state.unwritable",      Error,   state(|state| { state.writable = false; state.uid = 0; state.gid = 0; })),
        ("state.missing",         Info,    Facts { state: Directory { exists: false, ..healthy().state }, entries: vec![], ..healthy() }),
        ("files.open",            Warning, Facts { entries: vec![entry("identity/gateway-token", 1000, 0o644, true)], ..healthy() }),
        ("files.owner",           Error,   Facts { entries: vec![entry("devices/paired.json", 0, 0o600, true)], ..healthy() }),
        ("disk.full",             Error,   Facts { disk: Some(Disk { free_bytes: 1 << 20, free_files: None }), ..healthy() }),
        ("disk.low",              Warning, Facts { disk: Some(Disk { free_bytes: 100 << 20, free_files: Some(5) }), ..healthy() }),
        ("disk.files",            Error,   Facts { disk: Some(Disk { free_bytes: 10 << 30, free_files: Some(0) }), ..healthy() }),
        ("records.damaged",       Error,   report(StoreReport { damage: vec![damage], ..StoreReport::default() })),
        ("records.aside",         Warning, report(StoreReport { kept_earlier: vec!["/home/u/.openclaw/devices/paired.json.damaged-1".into()], ..StoreReport::default() })),
        ("records.unreadable",    Error,   Facts { store: Some(Err("permission denied".into())), ..healthy() }),
        ("clock.ahead",           Warning, Facts { entries: vec![Entry { written: Some(now + jiff::SignedDuration::from_hours(9)), ..entry("devices/paired.json", 1000, 0o600, true) }], ..healthy() }),
        ("tls.certificate",       Error,   certificate(Ok(Some(("the certificate expired at 2026-01-01T00:00:00Z".into(), true))))),
        ("tls.certificate",       Warning, certificate(Ok(Some(("the certificate expires at 2026-06-02T00:00:00Z".into(), false))))),
        ("tls.certificate",       Error,   certificate(Err("no certificate in it".into()))),
        ("dns.name",              Error,   Facts { names: vec![("proxy.test".into(), Err("no such name".into()))], ..healthy() }),
        ("trust.bridge-as-proxy", Warning, Facts { settings: proxies(&["172.17.0.1"]), ..healthy() }),
        ("trust.bridge-as-proxy", Warning, Facts { settings: { let mut settings = proxies(&["10.5.0.1"]); settings.trust.published_on = Some("loopback".into()); settings }, network: container.clone(), ..healthy() }),
        ("trust.everybody",       Error,   Facts { settings: proxies(&["0.0.0.0/0"]), ..healthy() }),
        ("trust.broad",           Warning, Facts { settings: proxies(&["172.16.0.0/12"]), ..healthy() }),
        ("trust.published-on",    Info,    Facts { network: container, ..healthy() }),
        ("trust.seen",            Warning, Facts { seen: vec![seen(false)], ..healthy() }),
        ("trust.seen",            Info,    Facts { seen: vec![seen(true)], ..healthy() }),
        ("trust.bridge-network",  Warning, Facts { settings: bridges(&["172.17.0.0/16"]), ..healthy() }),
        ("trust.bridge-network",  Error,   Facts { settings: bridges(&["::/0"]), ..healthy() }),
        ("port.openclaw",         Error,   Facts { lock: LockState::Free, answer: None, owner: Some(owner(Listener::OpenClawGateway, "node openclaw.mjs gateway")), ..healthy() }),
        ("port.other",            Warning, Facts { lock: LockState::Free, answer: None, owner: Some(owner(Listener::OurGateway, "openclaw gateway run")), ..healthy() }),
        ("port.taken",            Error,   Facts { lock: LockState::Free, answer: None, owner: Some(owner(Listener::Other, "nginx: master")), ..healthy() }),
        ("keys.damaged",          Error,   Facts { keys: vec![mendable("the key of the device tokens, /home/u/.openclaw/identity/token.key, is damaged", "restore it from a backup")], ..healthy() }),
        ("gateway.cut",           Warning, Facts { lock: LockState::Free, answer: None, owner: None, cut: Some(mendable("The last gateway here (pid 7, version 1) was killed or crashed", "openclaw gateway run")), ..healthy() }),
        ("gateway.stopped",       Info,    Facts { lock: LockState::Free, answer: None, owner: None, ..healthy() }),
        ("gateway.silent",        Error,   Facts { answer: Some(Err("timeout".into())), ..healthy() }),
        ("gateway.version",       Warning, Facts { answer: Some(Ok("0.0.1".into())), ..healthy() }),
        ("gateway.elsewhere",     Warning, Facts { lock: LockState::ForeignKernel, answer: None, ..healthy() }),
        ("gateway.unknown",       Warning, Facts { lock: LockState::Unknown, answer: None, ..healthy() }),
        ("gateway.closed",        Warning, Facts { lock: LockState::Closed { owner: 7 }, answer: None, ..healthy() }),
        ("remote.unnamed",        Warning, Facts { remote: Some(Remote::Unnamed), ..client() }),
        ("remote.fails",          Error,   Facts { remote: Some(Remote::Fails { why: "nothing listens there".into(), evidence: vec!["Source: config gateway.remote.url".into()], fix: "check host and port".into() }), ..client() }),
        ("state.openclaw",        Warning, Facts { database: Some("/home/u/.openclaw/state/openclaw.sqlite".into()), ..healthy() }),
        ("config.elsewhere",      Info,    Facts { foreign_files: vec!["/c/openclaw.json comes from a ConfigMap".into()], ..healthy() }),
    ];
    rows
}

#[test]
fn a_healthy_machine_has_no_findings() {
    assert_eq!(run(&healthy()), Vec::<Finding>::new());
    assert_eq!(run(&client()), Vec::<Finding>::new());
    // Beside the gateway, in a container without its environment.
    let given = [("gateway.publishedOn".to_owned(), "OPENCLAW_GATEWAY_PUBLISHED_ON".to_owned())];
    let holder = LockHolder { pid: 7, given: given.into(), ..LockHolder::default() };
    let lock = LockState::Held { holder: Some(Box::new(holder)), same_kernel: true };
    let sidecar = Facts { network: Network { in_container: true, ..Network::default() }, lock, ..healthy() };
    assert_eq!(run(&sidecar), Vec::<Finding>::new());
}

#[test]
fn each_fault_is_found_once_and_names_the_next_command() {
    for (id, severity, facts) in broken() {
        let found = run(&facts);
        let finding = found.iter().find(|finding| finding.id == id).unwrap_or_else(|| panic!("{id}: {found:?}"));
        assert_eq!(finding.severity, severity, "{finding:?}");
        assert!(finding.fix.as_ref().is_some_and(|fix| !fix.is_empty()), "{id} says nothing about what to do");
        assert_eq!(found.iter().filter(|other| other.id == id).count(), 1, "{found:?}");
        assert!(found.iter().all(|finding| finding.fix.is_some()), "{found:?}");
    }
}

#[test]
fn what_a_person_reads() {
    let findings: Vec<_> = broken().iter().flat_map(|(_, _, facts)| run(facts)).collect();
    let (mut output, out, _) = captured(Format::Text, None);
    show(&findings, &["chmod 600 /home/u/.openclaw/identity/gateway-token".into()], &mut output).expect("in memory");
    insta::assert_snapshot!(out.text());
}

#[test]
fn what_a_program_reads() {
    let of_another = Facts { entries: vec![entry("devices/paired.json", 0, 0o600, true)], ..healthy() };
    for (name, facts) in [("errors_json", of_another), ("healthy_json", healthy())] {
        let document = document(&facts, &run(&facts), &["chmod 600 /home/u/.openclaw/identity/gateway-token".into()]);
        insta::assert_json_snapshot!(name, document, { ".facts.gateway.version" => "…" });
    }
    let facts = healthy();
    let (mut output, out, _) = captured(Format::Text, None);
    show(&run(&facts), &[], &mut output).expect("in memory");
    insta::assert_snapshot!("healthy", out.text());
}

#[test]
fn rights_that_a_group_was_given_on_purpose_are_no_fault() {
    let mut facts = healthy();
    facts.state.mode = 0o770;
    facts.state.uid = 0;
    facts.entries =
        vec![entry("identity/gateway-token", 4242, 0o660, true), entry("devices/paired.json", 1000, 0o660, true)];
    assert_eq!(run(&facts), Vec::<Finding>::new(), "arbitrary uids share gid 0");
    facts.entries = vec![entry("identity/gateway-token", 0, 0o664, true)];
    let found = run(&facts);
    let close = Repair::Close { path: "/home/u/.openclaw/identity/gateway-token".into(), mode: 0o660 };
    assert_eq!(found[0].repair, Some(close), "{found:?}");
}

#[test]
fn root_can_give_files_back_and_others_are_told_the_command() {
    let mut facts = healthy();
    facts.entries = vec![entry("devices/paired.json", 0, 0o600, true)];
    let finding = run(&facts).remove(0);
    assert_eq!(finding.fix.as_deref(), Some("sudo chown 1000:1000 /home/u/.openclaw/devices/paired.json"));
    assert_eq!(finding.repair, None);
    facts.uid = 0;
    assert!(matches!(run(&facts).remove(0).repair, Some(Repair::GiveBack { uid: 1000, .. })));
}

#[test]
fn two_sources_of_one_secret_are_named() {
    let environment = crate::config::Environment::new(Some("/nonexistent".into()), "/".into())
        .with("OPENCLAW_GATEWAY_TOKEN", "a-token-of-some-length");
    let home = tempfile::tempdir().expect("a directory");
    std::fs::write(home.path().join("openclaw.json"), "{gateway:{auth:{token:'a-token-of-some-length'}}}")
        .expect("writable");
    let environment = environment.with("OPENCLAW_STATE_DIR", home.path().as_os_str());
    let loaded = crate::config::load_for_client(&environment, &crate::config::Flags::default()).expect("valid");
    let found = run(&Facts { settings: loaded.settings, ..healthy() });
    assert_eq!(found.iter().map(|finding| finding.id).collect::<Vec<_>>(), ["auth.two-sources"], "{found:?}");
}
