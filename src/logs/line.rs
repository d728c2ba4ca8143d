//! One line of the log file, as it is written.

use std::{fmt, str::FromStr};

use tracing::Level;

use super::sanitize::push_json;

/// How much a line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Per frame, with detail.
    Trace,
    /// Per frame or call.
    Debug,
    /// A step of a life.
    Info,
    /// What someone should look at.
    Warn,
    /// What wakes someone.
    Error,
    /// A panic.
    Fatal,
}

impl Severity {
    /// The name in the log file; consoles and the CLI show it in lower case.
    pub fn name(self) -> &'static str {
        match self {
            Self::Trace => "TRACE",
            Self::Debug => "DEBUG",
            Self::Info => "INFO",
            Self::Warn => "WARN",
            Self::Error => "ERROR",
            Self::Fatal => "FATAL",
        }
    }

    /// The name on the console and in the CLI's output.
    pub fn lower_name(self) -> &'static str {
        match self {
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
            Self::Fatal => "fatal",
        }
    }
}

impl FromStr for Severity {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let all = [Self::Trace, Self::Debug, Self::Info, Self::Warn, Self::Error, Self::Fatal];
        let name = if text.eq_ignore_ascii_case("warning") { "warn" } else { text };
        all.into_iter()
            .find(|severity| severity.name().eq_ignore_ascii_case(name))
            .ok_or("expected one of trace, debug, info, warn, error, fatal")
    }
}

impl From<Level> for Severity {
    fn from(level: Level) -> Self {
        match level {
            Level::TRACE => Self::Trace,
            Level::DEBUG => Self::Debug,
            Level::INFO => Self::Info,
            Level::WARN => Self::Warn,
            Level::ERROR => Self::Error,
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.lower_name())
    }
}

/// Appends one line of the log file, with its newline.
///
/// `time` is in ISO form; `texts` are joined to one message.
pub fn push_file_line(out: &mut String, time: &str, severity: Severity, subsystem: &str, texts: &[&str]) {
    out.push_str("{\"0\":");
    push_json(out, &texts.concat());
    // The name is a JSON document inside a JSON string: that is what every generation's CLI takes the subsystem from.
    let mut bindings = String::from("{\"subsystem\":");
    push_json(&mut bindings, subsystem);
    bindings.push('}');
    out.push_str(",\"_meta\":{\"name\":");
    push_json(out, &bindings);
    out.push_str(",\"date\":");
    push_json(out, time);
    out.push_str(",\"logLevelName\":\"");
    out.push_str(severity.name());
    out.push_str("\"},\"time\":");
    push_json(out, time);
    out.push_str("}\n");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::logs::Record;

    #[test]
    fn the_line_that_every_generation_renders() {
        let mut out = String::new();
        push_file_line(
            &mut out,
            "2026-02-19T10:00:00.000Z",
            Severity::Warn,
            "gateway/ws",
            &["closed", " before connect"],
        );
        assert_eq!(
            out,
            "{\"0\":\"closed before connect\",\"_meta\":{\"name\":\"{\\\"subsystem\\\":\\\"gateway/ws\\\"}\",\
             \"date\":\"2026-02-19T10:00:00.000Z\",\"logLevelName\":\"WARN\"},\"time\":\"2026-02-19T10:00:00.000Z\"}\n"
        );
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(message in any::<String>(), subsystem in any::<String>()) {
            let mut out = String::new();
            push_file_line(&mut out, "2026-02-19T10:00:00.000Z", Severity::Info, &subsystem, &[&message]);
            let line = out.strip_suffix('\n').unwrap();
            prop_assert!(!line.contains('\n'));
            let record = Record::parse(line).unwrap();
            prop_assert_eq!(record.message, message);
            prop_assert_eq!(record.subsystem, Some(subsystem).filter(|name| !name.is_empty()));
            prop_assert_eq!(record.level.as_deref(), Some("info"));
        }
    }
}
