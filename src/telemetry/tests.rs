use std::{
    fmt, fs,
    sync::{Mutex, PoisonError},
};

use serde_json::{Value, json};
use tracing::{Level, debug, error, info, info_span, trace, warn};

use super::*;
use crate::{
    config::{ConsoleStyle, LogLevel, Logging},
    logs::{Location, Record},
    state::StateDir,
};

/// An output that can be looked at.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<u8>>>);

impl Seen {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    fn json(&self) -> Vec<Value> {
        let without_time = |line| {
            let mut line: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
            let time = line.as_object_mut().unwrap().shift_remove("time");
            assert!(time.is_some_and(|time| time.as_str().unwrap().parse::<jiff::Timestamp>().is_ok()), "{line}");
            line
        };
        self.text().lines().map(without_time).collect()
    }
}

impl Write for Seen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What `events` leave on a console of `style`, and in the file of `options`.
fn log(options: Options, style: Style, events: impl FnOnce(&Guard)) -> Seen {
    let seen = Seen::default();
    let lines = Arc::new(start(options, Some((seen.clone(), style))).unwrap());
    let guard = Guard { lines: Arc::clone(&lines) };
    tracing::subscriber::with_default(tracing_subscriber::registry().with(LineLayer(lines)), || events(&guard));
    drop(guard);
    seen
}

const HUMAN: Style = Style::Human { colour: false };

#[test]
fn events_are_json_lines_with_their_fields() {
    let cause = io::Error::other("cause");
    let failure = TelemetryError::Start(cause);
    let seen = log(Options::default(), Style::Json, |_| {
        info!(target: "gateway", "listening");
        warn!(target: "gateway/ws", code = 1008, late = true, ratio = 0.5, who = "a b", "closed {}", "early");
        warn!(target: "gateway", level = "x", nothing = f64::NAN, shown = %fmt::from_fn(|f| f.write_str("s")));
        error!(error = &failure as &dyn std::error::Error, "failed");
        warn!(target: "hyper::proto::h1", "of a library");
    });
    assert_eq!(
        seen.json(),
        [
            json!({"level": "info", "subsystem": "gateway", "message": "listening"}),
            json!({"level": "warn", "subsystem": "gateway/ws", "message": "closed early",
                   "code": 1008, "late": true, "ratio": 0.5, "who": "a b"}),
            json!({"level": "warn", "subsystem": "gateway", "message": "", "level_": "x", "nothing": "NaN", "shown": "s"}),
            json!({"level": "error", "subsystem": "gateway", "message": "failed", "error": "cannot start the log: cause"}),
            json!({"level": "warn", "subsystem": "hyper", "message": "of a library"}),
        ]
    );
}

#[test]
fn people_read_fields_after_the_message() {
    let seen = log(Options::default(), HUMAN, |_| {
        warn!(target: "gateway/ws", conn = "c1", reason = "not \"paired\"", empty = "", "closed");
        info!(target: "gateway", "a\u{1b}[31m\nb");
    });
    let text = seen.text();
    let lines: Vec<_> = text.lines().map(|line| line.split_once(' ').unwrap().1).collect();
    assert_eq!(
        lines,
        [r#"[ws] closed conn=c1 reason="not \"paired\"" empty="""#, "[gateway] a\\u{1b}[31m", "   b"],
        "{text}"
    );
}

#[test]
fn fields_of_spans_stand_in_json_lines() {
    let seen = log(Options::default(), Style::Json, |_| {
        let connection = info_span!(target: "gateway", "connection", connection.id = "c1", device.id = "unknown");
        connection.record("device.id", "d1");
        let call =
            connection.in_scope(|| info_span!(target: "gateway", "call", method = "status", connection.id = "inner"));
        call.in_scope(|| info!(target: "gateway", method = "health", "answered"));
    });
    let expected = json!({"level": "info", "subsystem": "gateway", "message": "answered",
                          "method": "health", "connection.id": "inner", "device.id": "d1"});
    assert_eq!(seen.json(), [expected]);
    assert_eq!(seen.text().matches("connection.id").count(), 1, "no member twice: {}", seen.text());
}

#[test]
fn events_of_the_log_crate_keep_their_origin() {
    let seen = log(Options::default(), Style::Json, |_| {
        warn!(target: "log", { "log.target" = "rustls::conn", "log.module_path" = "rustls::conn", "log.line" = 7 }, "of a library");
    });
    assert_eq!(seen.json(), [json!({"level": "warn", "subsystem": "rustls", "message": "of a library"})]);
}

/// Set for the process that panics for the sake of the test.
const PANICS: &str = "OPENCLAW_TEST_PANICS";

#[test]
fn a_panic_is_a_line_like_every_other() {
    let directory = env::var_os(PANICS).map(std::path::PathBuf::from);
    if let Some(directory) = directory {
        let file = Some(Location::Fixed(directory.join("gateway.log")));
        let _guard = init(Options { console: Console::Json, file, ..Options::default() }).unwrap();
        info!("before");
        std::thread::Builder::new()
            .name("worker".into())
            .spawn(|| panic!("no \"luck\"\u{1b}\n"))
            .unwrap()
            .join()
            .unwrap_err();
        assert!(matches!(init(Options::default()), Err(TelemetryError::Twice)));
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let child = std::process::Command::new(env::current_exe().unwrap())
        .args(["--exact", "telemetry::tests::a_panic_is_a_line_like_every_other"])
        .env(PANICS, directory.path())
        .env_remove("RUST_BACKTRACE")
        .output()
        .unwrap();
    let text = String::from_utf8(child.stdout).unwrap();
    assert!(child.status.success(), "{text}");
    assert_eq!(String::from_utf8(child.stderr).unwrap(), "", "nothing beside the log");
    // The test harness has its say on the same output.
    let lines: Vec<Value> =
        text.lines().filter_map(|line| serde_json::from_str(&line[line.find('{')?..]).ok()).collect();
    assert_eq!(lines.len(), 2, "{text}");
    assert_eq!((&lines[0]["level"], &lines[0]["subsystem"]), (&json!("info"), &json!("gateway")), "{text}");
    assert_eq!((&lines[1]["level"], &lines[1]["subsystem"]), (&json!("fatal"), &json!("gateway")), "{text}");
    let message = lines[1]["message"].as_str().unwrap();
    assert!(message.starts_with("thread worker panicked at src/telemetry/tests.rs:"), "{message}");
    assert!(message.ends_with(": no \"luck\"\u{1b}\n"), "{message}");
    let file = fs::read_to_string(directory.path().join("gateway.log")).unwrap();
    let levels: Vec<_> = file.lines().map(|line| Record::parse(line).unwrap().level.unwrap()).collect();
    assert_eq!(levels, ["info", "fatal"]);
}

#[test]
fn each_place_has_its_own_level() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("gateway.log");
    #[rustfmt::skip]
    let rows = [
        // file                    console                 in the file       on the console
        (Some(Severity::Trace), Some(Severity::Error), "trace debug warn error", "error"),
        (Some(Severity::Warn),  Some(Severity::Debug), "warn error",             "debug warn error"),
        (None,                  Some(Severity::Warn),  "",                       "warn error"),
        (Some(Severity::Fatal), None,                  "",                       ""),
    ];
    for (level, console_level, in_file, on_console) in rows {
        let _ = fs::remove_file(&file);
        let location = Some(Location::Fixed(file.clone()));
        let options = Options { level, console_level, file: location, ..Options::default() };
        let seen = log(options, Style::Json, |_| {
            trace!(target: "gateway", "t");
            debug!(target: "gateway", "d");
            warn!(target: "gateway", "w");
            error!(target: "gateway", "e");
        });
        let row = format!("file {level:?}, console {console_level:?}");
        let levels: Vec<_> = seen.json().iter().map(|line| line["level"].as_str().unwrap().to_owned()).collect();
        assert_eq!(levels.join(" "), on_console, "{row}");
        let text = fs::read_to_string(&file).unwrap_or_default();
        let levels: Vec<_> = text.lines().map(|line| Record::parse(line).unwrap().level.unwrap()).collect();
        assert_eq!(levels.join(" "), in_file, "{row}");
    }
}

#[test]
fn levels_change_while_the_gateway_runs() {
    let seen = log(Options::default(), Style::Json, |guard| {
        let speak = || debug!(target: "gateway", "d");
        speak();
        guard.set_levels(None, Some(Severity::Debug));
        speak();
    });
    assert_eq!(seen.json().len(), 1);
}

#[test]
fn a_disabled_level_costs_nothing_and_libraries_only_warn() {
    struct Costly;
    impl fmt::Display for Costly {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            panic!("formatted although nobody reads it");
        }
    }
    let everything =
        Options { level: Some(Severity::Trace), console_level: Some(Severity::Trace), ..Options::default() };
    log(Options::default(), Style::Json, |_| debug!(target: "gateway", "{Costly}"));
    let seen = log(everything, Style::Json, |_| {
        info!(target: "tungstenite::protocol", "{Costly}");
        assert!(!tracing::enabled!(target: "rustls", Level::INFO));
        assert!(tracing::enabled!(target: "openclaw::net", Level::TRACE));
    });
    assert_eq!(seen.text(), "");
}

#[test]
fn the_file_holds_what_the_cli_renders() {
    let state = tempfile::tempdir().unwrap();
    let location = Location::Daily(state.path().join("logs"));
    let options = Options { file: Some(location.clone()), ..Options::default() };
    log(options, Style::Json, |_| warn!(target: "gateway/ws", conn = "c1", "closed before connect"));
    let tail = crate::logs::tail(&location.current(), &crate::protocol::LogsTailParams::default()).unwrap();
    let record = Record::parse(&tail.lines[0]).unwrap();
    assert_eq!(
        (record.subsystem.as_deref(), record.level.as_deref(), record.message.as_str()),
        (Some("gateway/ws"), Some("warn"), "closed before connect conn=c1")
    );
}

#[test]
fn a_file_that_cannot_be_written_is_reported_once_and_comes_back() {
    let directory = tempfile::tempdir().unwrap();
    let blocked = directory.path().join("logs");
    fs::write(&blocked, "in the way").unwrap();
    let file = blocked.join("gateway.log");
    let options = Options { file: Some(Location::Fixed(file.clone())), ..Options::default() };
    let seen = log(options, HUMAN, |guard| {
        for _ in 0..3 {
            info!(target: "gateway", "lost");
            guard.flush();
        }
        fs::remove_file(&blocked).unwrap();
        info!(target: "gateway", "kept");
    });
    let text = seen.text();
    assert_eq!(text.matches("cannot write the log file").count(), 1, "{text}");
    assert_eq!(text.matches("3 lines are missing in it").count(), 1, "{text}");
    let written = fs::read_to_string(file).unwrap();
    let messages: Vec<_> = written.lines().map(|line| Record::parse(line).unwrap().message).collect();
    assert_eq!(messages.len(), 2, "{messages:?}");
    assert!(messages[0].starts_with("3 log lines are missing here"), "{messages:?}");
    assert_eq!(messages[1], "kept");
}

#[test]
fn a_closed_pipe_ends_the_console_and_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("gateway.log");
    let (reader, writer) = io::pipe().unwrap();
    drop(reader);
    let options = Options { file: Some(Location::Fixed(file.clone())), ..Options::default() };
    let lines = Arc::new(start(options, Some((writer, Style::Json))).unwrap());
    let guard = Guard { lines: Arc::clone(&lines) };
    tracing::subscriber::with_default(tracing_subscriber::registry().with(LineLayer(lines)), || {
        for _ in 0..3 {
            info!(target: "gateway", "m");
            guard.flush();
        }
    });
    drop(guard);
    assert_eq!(fs::read_to_string(file).unwrap().lines().count(), 3);
}

#[test]
fn a_field_that_logs_while_it_is_shown_harms_nothing() {
    struct Talks;
    impl fmt::Display for Talks {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            info!(target: "gateway", "inner");
            f.write_str("outer")
        }
    }
    let seen = log(Options::default(), Style::Json, |_| info!(target: "gateway", "{Talks}"));
    assert!(seen.json().iter().any(|line| line["message"] == "outer"), "{}", seen.text());
}

#[test]
fn what_is_long_is_cut() {
    let seen = log(Options::default(), Style::Json, |_| {
        info!(target: "gateway", field = "y".repeat(1 << 20), "{}", "x".repeat(1 << 20));
    });
    let lines = seen.json();
    assert!(seen.text().len() < 50_000);
    assert!(lines[0]["message"].as_str().unwrap().ends_with("x… (1032192 more bytes)"));
    assert!(lines[0]["field"].as_str().unwrap().ends_with("y… (1032192 more bytes)"));
}

#[test]
fn the_form_of_the_console() {
    #[rustfmt::skip]
    let rows = [
        // asked          terminal variable                    form
        (Console::Auto,  true,  None,                   Some(Style::Human { colour: true })),
        (Console::Auto,  true,  Some(("NO_COLOR", "1")), Some(Style::Human { colour: false })),
        (Console::Auto,  true,  Some(("NO_COLOR", "")), Some(Style::Human { colour: true })),
        (Console::Auto,  true,  Some(("TERM", "dumb")), Some(Style::Human { colour: false })),
        (Console::Auto,  false, None,                   Some(Style::Json)),
        (Console::Human, false, None,                   Some(Style::Human { colour: false })),
        (Console::Plain, true,  None,                   Some(Style::Human { colour: false })),
        (Console::Json,  true,  None,                   Some(Style::Json)),
        (Console::Off,   true,  None,                   None),
    ];
    for (console, is_terminal, set, expected) in rows {
        let variable = |name: &str| set.filter(|(key, _)| *key == name).map(|(_, value)| value.to_owned());
        assert_eq!(style(console, is_terminal, variable), expected, "{console:?} {is_terminal} {set:?}");
    }
}

#[test]
fn the_configuration_says_what_is_logged_where() {
    let state = StateDir::new("/state");
    let options = Options::configured(&Logging::default(), &state);
    assert_eq!(options.console, Console::Auto);
    assert_eq!((options.level, options.console_level), (Some(Severity::Info), Some(Severity::Info)));
    assert_eq!(options.file, Some(Location::Daily("/state/logs".into())));
    let logging = Logging {
        file: Some("/elsewhere/gateway.log".into()),
        level: LogLevel::Fatal,
        console_level: Some(LogLevel::Silent),
        console_style: Some(ConsoleStyle::Compact),
        ..Logging::default()
    };
    let options = Options::configured(&logging, &state);
    assert_eq!(options.console, Console::Plain);
    assert_eq!((options.level, options.console_level), (Some(Severity::Fatal), None));
    assert_eq!(options.file, Some(Location::Fixed("/elsewhere/gateway.log".into())));
}
