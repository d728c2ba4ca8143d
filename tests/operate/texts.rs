//! What each command that acts on a gateway or on its files writes, as text and as JSON: a change of either shows in review.
//!
//! What differs from run to run and from machine to machine is redacted. Errors come with the rest: standard error stands below a
//! line of its own, and an exit code other than 0 is told.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use regex_lite::Regex;
use serde_json::{Value, json};

use crate::openclaw;
use crate::support::home::Home;
use crate::support::our_gateway::OurGateway;

/// Members of JSON documents that depend on the machine or the moment.
const VARIABLE: &[&str] =
    &["bootId", "connectLatencyMs", "connection", "limits", "os", "pid", "place", "runtimeVersion", "version"];

/// Runs command lines of one home and notes what they write.
struct Transcript<'a> {
    home: &'a Home,
    /// What else varies, and what stands for it.
    known: Vec<(String, &'static str)>,
    text: String,
}

impl<'a> Transcript<'a> {
    fn of(home: &'a Home) -> Self {
        let program = OurGateway::program().display().to_string();
        let known = vec![(home.path().display().to_string(), "~"), (program, "PROGRAM")];
        Self { home, known, text: String::new() }
    }

    /// Notes what the command writes, once for people and once for programs.
    fn both(&mut self, words: &[&str]) {
        self.note(words);
        self.note(&[words, &["--json"]].concat());
    }

    fn note(&mut self, words: &[&str]) {
        let ran = openclaw(self.home, words);
        let _ = writeln!(self.text, "$ openclaw {}", words.join(" "));
        let shown = match serde_json::from_str::<Value>(&ran.stdout) {
            Ok(mut document) if words.contains(&"--json") => {
                redact(&mut document);
                format!("{document:#}\n")
            }
            _ => ran.stdout.clone(),
        };
        self.text.push_str(&self.shown(&shown));
        // On a slow machine a command says that it waits.
        let told: String = ran.stderr.split_inclusive('\n').filter(|line| !line.ends_with("...\n")).collect();
        if !told.is_empty() {
            self.text.push_str("--- standard error\n");
            self.text.push_str(&self.shown(&told));
        }
        if ran.code != Some(0) {
            assert!(ran.code.is_some(), "{ran}");
            let _ = writeln!(self.text, "--- exit code {}", ran.code.unwrap_or_default());
        }
        self.text.push('\n');
    }

    fn shown(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (known, word) in &self.known {
            text = text.replace(known, word);
        }
        #[rustfmt::skip]
        let varying = [
            (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "UUID"),
            (r"\b[0-9a-f]{64}\b",                                              "HEX"),
            (r"\d{4}-\d\d-\d\dT[0-9:.+Z-]+",                                   "TIME"),
            (r"\b\d+ ms\b",                                                    "N ms"),
            (r#""(\w+AtMs|durationMs|tookMs|ts)": \d+"#,                        "\"$1\": N"),
            (r"\bpid \d+",                                                     "pid N"),
            (r"started .* ago|started just now",                               "started AGO"),
            (r"version \d[0-9A-Za-z.+-]*",                                     "version V"),
            // A restart chooses another one.
            (r"127\.0\.0\.1:\d{4,5}",                                          "127.0.0.1:PORT"),
            (r"on an? (container|host|pod)\b.*",                               "on a PLACE"),
            (r"(Always works there): .*",                                      "$1: COMMAND"),
        ];
        for (pattern, word) in varying {
            text = Regex::new(pattern).expect(pattern).replace_all(&text, word).into_owned();
        }
        text
    }
}

/// Replaces the members that vary, wherever they stand; that they are there stays to be seen.
fn redact(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                if VARIABLE.contains(&name.as_str()) && !value.is_null() {
                    *value = json!(format!("<{name}>"));
                } else {
                    redact(value);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(redact),
        _ => {}
    }
}

#[test]
fn a_running_gateway() {
    let gateway = OurGateway::start(Home::new());
    let mut transcript = Transcript::of(gateway.home());
    transcript.both(&["status"]);
    // Where to open it is told as the machine is: there may be a desktop, or none.
    transcript.note(&["dashboard", "--json"]);
    transcript.both(&["gateway", "whoami"]);
    transcript.both(&["gateway", "health"]);
    transcript.both(&["gateway", "call", "health"]);
    transcript.both(&["gateway", "reload"]);
    transcript.both(&["gateway", "restart"]);
    transcript.both(&["devices", "list"]);
    insta::assert_snapshot!(transcript.text);
}

#[test]
fn a_gateway_that_is_stopped() {
    for (name, words) in [("stopped_text", &["gateway", "stop"][..]), ("stopped_json", &["gateway", "stop", "--json"])]
    {
        let gateway = OurGateway::start(Home::new());
        let mut transcript = Transcript::of(gateway.home());
        transcript.note(words);
        // What would start it again depends on the machine.
        let text: String = transcript
            .text
            .lines()
            .take_while(|line| !line.contains("hints"))
            .fold(String::new(), |text, line| text + line + "\n");
        let text = if words.contains(&"--json") { text } else { text.lines().take(2).collect::<Vec<_>>().join("\n") };
        insta::assert_snapshot!(name, text);
    }
}

#[test]
fn no_gateway() {
    let home = Home::new();
    home.configure(&json!({"gateway": {"port": 1}}));
    let mut transcript = Transcript::of(&home);
    for words in [
        &["status"][..],
        &["dashboard", "--no-open"],
        &["gateway", "whoami"],
        &["gateway", "health"],
        &["gateway", "probe"],
        &["gateway", "call", "health"],
        &["gateway", "unit", "--user"],
        &["devices", "list"],
        &["devices", "approve"],
        &["devices", "clear"],
    ] {
        transcript.both(words);
    }
    transcript.note(&["logs"]);
    transcript.note(&["logs", "--json"]);
    let logs = home.state().join("logs");
    fs::create_dir_all(&logs).expect("it is ours");
    let line = r#"{"0":"{\"subsystem\":\"gateway\"}","1":"listening","_meta":{"logLevelName":"INFO","date":"2026-01-01T00:00:00.000Z"},"time":"2026-01-01T00:00:00.000Z"}"#;
    fs::write(logs.join("openclaw-2026-01-01.log"), format!("{line}\n")).expect("it is ours");
    transcript.note(&["logs", "--plain", "--utc"]);
    transcript.note(&["logs", "--json"]);
    insta::assert_snapshot!(transcript.text);
}

/// On the files: what a gateway answers is told in the same words.
#[test]
fn devices() {
    const REQUEST: &str = "dba1219c-61d4-40e0-a528-0e85ed4c11c2";
    const OPERATOR: &str = "00c6ef24034c4a0863187e048f6ef719410864b3bd8dafb90bfbe5b47cb7b194";
    for json in [false, true] {
        let home =
            Home::with_state(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/state-2026.2.19/gateway"));
        let pending = home.state().join("devices/pending.json");
        let mut waiting: Value = serde_json::from_slice(&fs::read(&pending).expect("there")).expect("JSON");
        // A request is forgotten five minutes after its device last asked; one of the next minute came just now until then.
        let soon = std::time::SystemTime::now() + std::time::Duration::from_mins(1);
        let soon = soon.duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_millis();
        waiting[REQUEST]["ts"] = json!(u64::try_from(soon).expect("small"));
        fs::write(&pending, waiting.to_string()).expect("it is ours");
        let mut transcript = Transcript::of(&home);
        for words in [
            &["devices", "list"][..],
            &["devices", "approve"],
            &["devices", "approve", REQUEST],
            &["devices", "approve", REQUEST],
            &["devices", "rename", "--device", OPERATOR, "--name", "desk"],
            &["devices", "rotate", "--device", OPERATOR, "--role", "operator"],
            &["devices", "revoke", "--device", OPERATOR, "--role", "operator"],
            &["devices", "revoke", "--device", OPERATOR],
            &["devices", "remove", OPERATOR],
            &["devices", "reject", REQUEST],
            &["devices", "clear", "--yes", "--pending"],
        ] {
            transcript.note(&[words, if json { &["--json"][..] } else { &[] }].concat());
        }
        insta::assert_snapshot!(if json { "devices_json" } else { "devices_text" }, transcript.text);
    }
}
