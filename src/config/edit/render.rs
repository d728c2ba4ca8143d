//! Values as text, in the manner of the text that they are put into.

use serde_json::Value;

/// Longest list that is written on one line, in characters.
const ONE_LINE_CHARS: usize = 80;

/// How a text is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Style {
    /// What one level is indented by.
    pub(super) unit: String,
    /// Whether names are written in quotation marks.
    pub(super) quoted: bool,
    /// How lines end.
    pub(super) line_end: &'static str,
}

impl Style {
    /// `value` as text; its first line stands behind something else, the others at `indent` and deeper.
    pub(super) fn render(&self, value: &Value, indent: &str) -> String {
        let short = self.on_one_line(value);
        let wide = short.chars().count() > ONE_LINE_CHARS;
        let deeper = format!("{indent}{}", self.unit);
        let lines = |open: &str, close: &str, parts: Vec<String>| {
            let (end, parts) = (self.line_end, parts.join(&format!(",{}{deeper}", self.line_end)));
            format!("{open}{end}{deeper}{parts}{end}{indent}{close}")
        };
        match value {
            Value::Object(members) if !members.is_empty() => {
                let member =
                    |(name, value): (&String, &Value)| format!("{}: {}", self.name(name), self.render(value, &deeper));
                lines("{", "}", members.iter().map(member).collect())
            }
            Value::Array(items)
                if wide
                    || items.iter().any(|item| item.is_object() && item != &Value::Object(serde_json::Map::new())) =>
            {
                lines("[", "]", items.iter().map(|item| self.render(item, &deeper)).collect())
            }
            _ => short,
        }
    }

    /// `value` as text without line ends.
    pub(super) fn on_one_line(&self, value: &Value) -> String {
        match value {
            Value::Object(members) if members.is_empty() => "{}".into(),
            Value::Object(members) => {
                let member =
                    |(name, value): (&String, &Value)| format!("{}: {}", self.name(name), self.on_one_line(value));
                format!("{{ {} }}", members.iter().map(member).collect::<Vec<_>>().join(", "))
            }
            Value::Array(items) => {
                format!("[{}]", items.iter().map(|item| self.on_one_line(item)).collect::<Vec<_>>().join(", "))
            }
            scalar => scalar.to_string(),
        }
    }

    /// A member's name.
    pub(super) fn name(&self, name: &str) -> String {
        let plain = name.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '_' | '$'))
            && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '$'));
        if plain && !self.quoted { name.to_owned() } else { Value::from(name).to_string() }
    }
}
