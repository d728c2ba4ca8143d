//! How a line looks on the console.

use super::fields::Scratch;
use crate::logs::{
    Severity,
    sanitize::{push_json, push_visible},
};

/// The form of the console's lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// `<ISO time> [<subsystem>] <message> <key=value>…`
    Human {
        /// Whether the severity shows as a colour.
        colour: bool,
    },
    /// One JSON object.
    Json,
}

const DIM: &str = "\u{1b}[2m";
const RESET: &str = "\u{1b}[0m";

impl Style {
    /// Puts the line together in `scratch.line`, with its newline.
    pub(super) fn write(self, severity: Severity, subsystem: &str, scratch: &mut Scratch) {
        let Scratch { message, pairs, members, time, line, .. } = scratch;
        line.clear();
        match self {
            Self::Human { colour } => {
                let on = |code| if colour { code } else { "" };
                let end = on(RESET);
                line.push_str(on(DIM));
                line.push_str(time);
                line.push_str(end);
                line.push(' ');
                line.push_str(on(colour_of(severity)));
                line.push('[');
                push_visible(line, subsystem.strip_prefix("gateway/").unwrap_or(subsystem));
                line.push(']');
                line.push_str(end);
                line.push(' ');
                push_visible(line, message);
                push_visible(line, pairs);
                line.push('\n');
            }
            Self::Json => {
                line.push_str("{\"time\":");
                push_json(line, time);
                line.push_str(",\"level\":\"");
                line.push_str(severity.lower_name());
                line.push_str("\",\"subsystem\":");
                push_json(line, subsystem);
                line.push_str(",\"message\":");
                push_json(line, message);
                line.push_str(members);
                line.push_str("}\n");
            }
        }
    }
}

fn colour_of(severity: Severity) -> &'static str {
    match severity {
        Severity::Trace | Severity::Debug => DIM,
        Severity::Info => "\u{1b}[36m",
        Severity::Warn => "\u{1b}[33m",
        Severity::Error | Severity::Fatal => "\u{1b}[1;31m",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_each_style() {
        #[rustfmt::skip]
        let rows = [
            (Style::Human { colour: false }, "gateway/ws", "T [ws] m\n    2nd \\u{1b}[1m key=value\n"),
            (Style::Human { colour: false }, "gateway",    "T [gateway] m\n    2nd \\u{1b}[1m key=value\n"),
            (Style::Human { colour: true },  "gateway",
             "\u{1b}[2mT\u{1b}[0m \u{1b}[33m[gateway]\u{1b}[0m m\n    2nd \\u{1b}[1m key=value\n"),
            (Style::Json,                    "gateway/ws",
             "{\"time\":\"T\",\"level\":\"warn\",\"subsystem\":\"gateway/ws\",\"message\":\"m\\n2nd \\u001b[1m\",\"key\":\"value\"}\n"),
        ];
        for (style, subsystem, expected) in rows {
            let mut scratch = Scratch::default();
            scratch.message.push_str("m\n2nd \u{1b}[1m");
            scratch.pairs.push_str(" key=value");
            scratch.members.push_str(",\"key\":\"value\"");
            scratch.time.push('T');
            style.write(Severity::Warn, subsystem, &mut scratch);
            assert_eq!(scratch.line, expected, "{style:?} {subsystem}");
        }
    }
}
