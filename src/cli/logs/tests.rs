//! What is shown of a piece of a log.

use super::*;
use crate::cli::{Format, output::tests::captured};

fn logs() -> Logs {
    Logs {
        follow: false,
        limit: 200,
        max_bytes: 250_000,
        interval: Duration::from_secs(1),
        since: None,
        level: None,
        grep: None,
        plain: false,
        local_time: false,
        utc: true,
        expect_final: false,
        target: TargetArgs::default(),
    }
}

fn piece() -> LogsTail {
    let line = r#"{"0":"closed before connect","_meta":{"name":"{\"subsystem\":\"gateway/ws\"}","logLevelName":"WARN"},"time":"2026-01-01T10:00:00.5+02:00"}"#;
    LogsTail {
        file: "/state/logs/openclaw-2026-01-01.log".into(),
        cursor: 40,
        size: 40,
        lines: vec![line.into(), "not \u{1b}[2J json".into()],
        truncated: true,
        reset: false,
    }
}

#[test]
fn lines_for_people_and_notices_apart() {
    let (mut output, out, err) = captured(Format::Text, None);
    let mut position = Position::default();
    logs().show(&piece(), &mut position, &mut output).expect("in memory");
    let text = "2026-01-01T08:00:00.500Z warn gateway/ws closed before connect\nnot \\u{1b}[2J json\n";
    assert_eq!(out.text(), text);
    assert_eq!(err.text(), "Log tail truncated (increase --limit or --max-bytes).\n");
    assert_eq!((position.cursor, position.file.as_str()), (Some(40), "/state/logs/openclaw-2026-01-01.log"));
}

#[test]
fn lines_for_programs_begin_with_the_file() {
    let (mut output, out, err) = captured(Format::Json, None);
    let mut position = Position::default();
    let reset = LogsTail { reset: true, ..piece() };
    logs().show(&reset, &mut position, &mut output).expect("in memory");
    logs()
        .show(&LogsTail { lines: vec![], truncated: false, ..piece() }, &mut position, &mut output)
        .expect("in memory");
    assert_eq!(err.text(), "");
    let types: Vec<String> = out
        .text()
        .lines()
        .map(|line| {
            serde_json::from_str::<serde_json::Value>(line).expect(line)["type"].as_str().expect(line).to_owned()
        })
        .collect();
    assert_eq!(types, ["meta", "notice", "notice", "log", "raw"]);
}

#[test]
fn only_the_lines_that_are_asked_for() {
    let line = |level: &str| {
        format!(r#"{{"0":"{level} line","_meta":{{"logLevelName":"{level}"}},"time":"2026-01-01T10:00:00Z"}}"#)
    };
    let lines = ["INFO", "WARN", "DEBUG", "ERROR", "WARN"].map(line).to_vec();
    let piece = LogsTail { lines, truncated: false, ..piece() };
    let rows: [(Option<&str>, Option<&str>, u16, &str); 4] = [
        (None, None, 2, "ERROR WARN"),
        (Some("warn"), None, 200, "WARN ERROR WARN"),
        (Some("warn"), None, 1, "WARN"),
        (None, Some("^2026.*DEBUG"), 200, "DEBUG"),
    ];
    for (level, grep, limit, expected) in rows {
        let (mut output, out, _) = captured(Format::Text, None);
        let level = level.map(|level| level.parse().expect("a level"));
        let grep = grep.map(|pattern| Regex::new(pattern).expect("a pattern"));
        let logs = Logs { limit, level, grep, ..logs() };
        logs.show(&piece, &mut Position::default(), &mut output).expect("in memory");
        let text = out.text();
        let shown: Vec<_> = text.lines().filter_map(|line| line.split(' ').nth(2)).collect();
        assert_eq!(shown.join(" "), expected, "{level:?} {limit}");
    }
}

#[test]
fn times_in_a_zone() {
    let zone = TimeZone::fixed(jiff::tz::offset(2));
    assert_eq!(in_zone("2026-01-01T10:00:00Z", zone).as_deref(), Some("2026-01-01T12:00:00.000+02:00"));
    assert_eq!(in_zone("yesterday", TimeZone::UTC), None);
}

#[test]
fn lines_that_are_left_out_are_told_of_whatever_is_looked_for() {
    let piece =
        || LogsTail { lines: ["one", "two", "other"].map(ToOwned::to_owned).into(), truncated: false, ..piece() };
    #[rustfmt::skip]
    let rows = [
        // limit, shown,   notice
        (1,       "two\n", "Log tail truncated (increase --limit or --max-bytes).\n"),
        (2,       "one\ntwo\n", ""),
    ];
    for (limit, shown, notice) in rows {
        let (mut output, out, err) = captured(Format::Text, None);
        let grep = Some(Regex::new("one|two").expect("a pattern"));
        let logs = Logs { limit, grep, ..logs() };
        logs.show(&piece(), &mut Position::default(), &mut output).expect("in memory");
        assert_eq!((out.text().as_str(), err.text().as_str()), (shown, notice), "{limit}");
    }
}
