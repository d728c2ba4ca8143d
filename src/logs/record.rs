//! One line of the log file, as it is read, and how the CLI shows it.

use serde::Serialize;
use serde_json::{Map, Value};

use super::sanitize::push_visible;

/// A log line that was understood.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Record {
    /// When it was written, as the line has it (ISO form).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// `trace` to `fatal`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<String>,
    /// Which part of the gateway wrote it, for example `gateway/ws`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subsystem: Option<String>,
    /// A finer place than the subsystem, where the writer names one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub module: Option<String>,
    /// The arguments of the log call in order, joined by spaces; objects as compact JSON.
    pub message: String,
    /// The line itself.
    pub raw: String,
}

impl Record {
    /// Reads one line; `None` when it is not a JSON object, and is to be shown as it is.
    ///
    /// A log call's arguments are the members with numeric names. The first is often the name of the subsystem again, as
    /// JSON in a string: that one is no part of the message. Lines of the form that the gateway writes to its standard
    /// output (`level`, `subsystem`, `message`) are understood too.
    pub fn parse(line: &str) -> Option<Self> {
        let Value::Object(members) = serde_json::from_str(line).ok()? else { return None };
        let meta = members.get("_meta").and_then(Value::as_object);
        let of_meta = |name: &str| meta.and_then(|meta| text(meta, name));
        let name = of_meta("name");
        let bindings = name.and_then(|name| serde_json::from_str::<Map<String, Value>>(name).ok());
        let binding = |key: &str| {
            bindings
                .as_ref()
                .and_then(|bindings| text(bindings, key))
                .or_else(|| text(&members, key))
                .map(str::to_owned)
        };
        Some(Self {
            time: text(&members, "time").or_else(|| of_meta("date")).map(str::to_owned),
            level: of_meta("logLevelName").or_else(|| text(&members, "level")).map(str::to_lowercase),
            subsystem: binding("subsystem"),
            module: binding("module"),
            message: message(&members, name.filter(|_| bindings.is_some())),
            raw: line.to_owned(),
        })
    }

    /// The line for a person: `<time> <level> <subsystem> <message>` without what is absent, and with nothing in it that
    /// steers a terminal.
    pub fn text(&self) -> String {
        let parts = [self.time.as_deref(), self.level.as_deref(), self.subsystem.as_deref(), Some(&self.message)];
        visible(&parts.into_iter().flatten().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" "))
    }
}

/// A non-empty string member.
fn text<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    object.get(name)?.as_str().filter(|text| !text.is_empty())
}

fn message(members: &Map<String, Value>, bindings: Option<&str>) -> String {
    let mut arguments: Vec<_> = members.iter().filter_map(|(name, value)| Some((position(name)?, value))).collect();
    arguments.sort_unstable_by_key(|(at, _)| *at);
    if arguments.is_empty() {
        return text(members, "message").unwrap_or_default().to_owned();
    }
    let shown = arguments.into_iter().filter_map(|(at, value)| match value {
        Value::String(text) if at == 0 && Some(text.as_str()) == bindings => None,
        Value::String(text) => Some(text.clone()),
        Value::Null => None,
        other => Some(other.to_string()),
    });
    shown.collect::<Vec<_>>().join(" ")
}

/// The place of an argument, when the member's name is one.
fn position(name: &str) -> Option<u32> {
    name.bytes().all(|byte| byte.is_ascii_digit()).then(|| name.parse().ok())?
}

/// One line of `logs --json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum Entry {
    /// Which file is read, and how far. The first line.
    #[serde(rename_all = "camelCase")]
    Meta {
        /// The file's path on the gateway's machine.
        file: String,
        /// Where to go on, in bytes.
        cursor: u64,
        /// The file's size, in bytes.
        size: u64,
        /// Always `file`: the lines come from a log file.
        source_kind: &'static str,
    },
    /// A line that was understood.
    Log(Record),
    /// A line that is not JSON, as it is.
    Raw {
        /// The line.
        raw: String,
    },
    /// Something to know about what is shown.
    Notice {
        /// What there is to know.
        message: &'static str,
    },
}

impl Entry {
    /// Lines are missing because the limits were too small for them.
    pub const TRUNCATED: Self = Self::Notice { message: "Log tail truncated (increase --limit or --max-bytes)." };

    /// The file is a new one, or moved on by more than the limits: what came in between may be missing.
    pub const RESET: Self = Self::Notice { message: "Log cursor reset (file rotated)." };

    /// What is read, as the first line says it.
    pub fn meta(file: &str, cursor: u64, size: u64) -> Self {
        Self::Meta { file: file.to_owned(), cursor, size, source_kind: "file" }
    }

    /// One line of the file.
    pub fn line(line: &str) -> Self {
        Record::parse(line).map_or_else(|| Self::Raw { raw: line.to_owned() }, Self::Log)
    }

    /// The entry for a person, with nothing in it that steers a terminal.
    pub fn text(&self) -> String {
        match self {
            Self::Meta { file, .. } => visible(&format!("Log file: {file}")),
            Self::Log(record) => record.text(),
            Self::Raw { raw } => visible(raw),
            Self::Notice { message } => (*message).to_owned(),
        }
    }
}

fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    push_visible(&mut out, text);
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Real shapes: bindings first and again as the name, arguments that are objects, plain messages of the program itself.
    #[test]
    fn lines_of_every_writer() {
        #[rustfmt::skip]
        let rows = [
            // ours
            (r#"{"0":"listening","_meta":{"name":"{\"subsystem\":\"gateway\"}","date":"D","logLevelName":"INFO"},"time":"T"}"#,
             "T info gateway listening"),
            // 2026.2.19: bindings, message, then a structured argument
            (r#"{"0":"{\"subsystem\":\"gateway/ws\"}","1":{"cause":"pairing-required","durationMs":12},"2":"closed before connect code=1008","_meta":{"runtime":"node","runtimeVersion":"22.14.0","hostname":"unknown","name":"{\"subsystem\":\"gateway/ws\"}","parentNames":["openclaw"],"date":"D","logLevelId":4,"logLevelName":"WARN","path":{"fullFilePath":"/app/dist/a.js:1:2"}},"time":"T"}"#,
             r#"T warn gateway/ws {"cause":"pairing-required","durationMs":12} closed before connect code=1008"#),
            // 2026.9.6: bindings with a module, message, then a structured argument
            (r#"{"0":"{\"module\":\"cron\",\"subsystem\":\"gateway/cron\"}","1":"cron: started","2":{"jobs":0},"_meta":{"name":"{\"module\":\"cron\",\"subsystem\":\"gateway/cron\"}","logLevelName":"DEBUG","date":"D"},"time":"T","hostname":"h","message":"cron: started"}"#,
             r#"T debug gateway/cron cron: started {"jobs":0}"#),
            // a logger without bindings
            (r#"{"0":"plain","_meta":{"name":"openclaw","logLevelName":"ERROR"},"time":"T"}"#, "T error plain"),
            // bindings that are not the name are part of what was said
            (r#"{"0":"{\"a\":1}","1":"x","_meta":{"name":"openclaw","logLevelName":"INFO"},"time":"T"}"#, r#"T info {"a":1} x"#),
            // no `time`: the date of `_meta`
            (r#"{"0":"x","_meta":{"date":"D"}}"#, "D x"),
            // by number, not by text; null says nothing
            (r#"{"10":"last","2":"first","3":null,"4":[1,true],"01x":"not a number"}"#, "first [1,true] last"),
            // the gateway's standard output
            (r#"{"time":"T","level":"warn","subsystem":"gateway/ws","message":"m"}"#, "T warn gateway/ws m"),
            (r"{}", ""),
        ];
        for (line, expected) in rows {
            assert_eq!(Record::parse(line).map(|record| record.text()).as_deref(), Some(expected), "{line}");
        }
    }

    #[test]
    fn what_is_no_object_is_shown_as_it_is() {
        for line in ["plain text", "", "[1]", "\"text\"", "{\"cut", "12"] {
            assert_eq!(Entry::line(line), Entry::Raw { raw: line.to_owned() }, "{line}");
            assert_eq!(Entry::line(line).text(), line);
        }
    }

    #[test]
    fn a_line_cannot_steer_the_terminal() {
        let line = r#"{"0":"a\u001b]0;title\u0007\nb\u202e","time":"T"}"#;
        assert_eq!(Entry::line(line).text(), "T a\\u{1b}]0;title\\u{7}\n    b\\u{202e}");
        assert_eq!(Entry::line("raw \u{1b}c").text(), "raw \\u{1b}c");
    }

    #[test]
    fn json_shapes() {
        let log =
            r#"{"0":"m","_meta":{"name":"{\"subsystem\":\"s\",\"module\":\"d\"}","logLevelName":"INFO"},"time":"T"}"#;
        #[rustfmt::skip]
        let rows = [
            (Entry::meta("f", 3, 4), r#"{"type":"meta","file":"f","cursor":3,"size":4,"sourceKind":"file"}"#.to_owned()),
            (Entry::line(log), format!(
                r#"{{"type":"log","time":"T","level":"info","subsystem":"s","module":"d","message":"m","raw":{}}}"#,
                Value::from(log),
            )),
            (Entry::line("x"), r#"{"type":"raw","raw":"x"}"#.to_owned()),
            (Entry::RESET, r#"{"type":"notice","message":"Log cursor reset (file rotated)."}"#.to_owned()),
            (Entry::TRUNCATED, r#"{"type":"notice","message":"Log tail truncated (increase --limit or --max-bytes)."}"#.to_owned()),
        ];
        for (entry, expected) in rows {
            assert_eq!(serde_json::to_string(&entry).unwrap(), expected);
        }
    }

    proptest! {
        #[test]
        fn no_line_makes_the_parser_panic(line in any::<String>(), bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            for line in [line, String::from_utf8_lossy(&bytes).into_owned()] {
                let entry = Entry::line(&line);
                prop_assert!(serde_json::to_string(&entry).is_ok());
                entry.text();
            }
        }

        #[test]
        fn no_object_makes_the_parser_panic(key in "[0-9]{1,12}|_meta|time|[a-z]{1,4}", value in any::<String>()) {
            for inner in [Value::from(value.as_str()), serde_json::json!({"name": value})] {
                let line = serde_json::json!({ key.as_str(): inner }).to_string();
                prop_assert!(Record::parse(&line).is_some());
            }
        }
    }
}
