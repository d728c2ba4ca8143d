//! Dotted keys as people type them: `gateway.trustedProxies[0]`, `agents["a.b"].model`.

use std::{fmt, str::FromStr};

use serde_json::{Map, Value};

/// One step into a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A member of an object; digits also name an item of a list.
    Name(String),
    /// An item of a list, the first is 0.
    Index(usize),
}

/// The way to a value of a document; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPath(Vec<Step>);

/// A text that is no way to a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("column {column}: {what}")]
pub struct InvalidPath {
    /// The first column is 1.
    column: usize,
    what: &'static str,
}

impl KeyPath {
    pub(super) fn from_steps(steps: Vec<Step>) -> Self {
        Self(steps)
    }

    /// The steps, the first from the top.
    pub fn steps(&self) -> &[Step] {
        &self.0
    }

    /// The dotted key without what follows the first index: settings are known by it.
    pub fn setting(&self) -> String {
        let names = self.0.iter().map_while(|step| match step {
            Step::Name(name) => Some(name.as_str()),
            Step::Index(_) => None,
        });
        names.collect::<Vec<_>>().join(".")
    }

    /// Whether a member is named so that nobody should write one: OpenClaw's programs are JavaScript.
    pub fn is_dangerous(&self) -> bool {
        let dangerous = |step: &Step| matches!(step, Step::Name(name) if matches!(name.as_str(), "__proto__" | "constructor" | "prototype"));
        self.0.iter().any(dangerous)
    }

    /// The value there.
    pub fn find<'a>(&self, tree: &'a Map<String, Value>) -> Option<&'a Value> {
        let (first, rest) = self.0.split_first()?;
        let Step::Name(name) = first else { return None };
        rest.iter().try_fold(tree.get(name)?, |value, step| match (value, step) {
            (Value::Object(members), Step::Name(name)) => members.get(name),
            (Value::Array(items), step) => items.get(step.index()?),
            _ => None,
        })
    }
}

impl Step {
    /// The place in a list that it names.
    pub fn index(&self) -> Option<usize> {
        match self {
            Self::Index(index) => Some(*index),
            Self::Name(name) => name.parse().ok(),
        }
    }
}

impl FromStr for KeyPath {
    type Err = InvalidPath;

    fn from_str(text: &str) -> Result<Self, InvalidPath> {
        let mut steps = Vec::new();
        let mut rest = text;
        let fail = |rest: &str, what| {
            let column = text[..text.len() - rest.len()].chars().count() + 1;
            Err(InvalidPath { column, what })
        };
        loop {
            if let Some(inside) = rest.strip_prefix('[') {
                let quote = inside.chars().next().filter(|c| matches!(c, '"' | '\''));
                let (step, after) = if let Some(quote) = quote {
                    let Some((name, after)) = inside[1..].split_once(quote) else {
                        return fail(rest, "this quotation mark is not closed");
                    };
                    (Step::Name(name.to_owned()), after)
                } else {
                    let digits = inside.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default();
                    let Ok(index) = digits.parse() else {
                        return fail(inside, "expected the number of an item, or a name in quotes");
                    };
                    (Step::Index(index), &inside[digits.len()..])
                };
                let Some(after) = after.strip_prefix(']') else { return fail(after, "expected ]") };
                steps.push(step);
                rest = after;
            } else {
                let end = rest.find(['.', '[', ']']).unwrap_or(rest.len());
                if end == 0 {
                    return fail(rest, "expected a name");
                }
                steps.push(Step::Name(rest[..end].to_owned()));
                rest = &rest[end..];
            }
            match rest.chars().next() {
                None => break,
                Some('.') => {
                    rest = &rest[1..];
                    if rest.starts_with('[') {
                        return fail(rest, "expected a name");
                    }
                }
                Some('[') => {}
                Some(_) => return fail(rest, "expected . or ["),
            }
        }
        if matches!(steps.first(), Some(Step::Index(_))) {
            return fail(text, "the document is an object: expected a name");
        }
        Ok(Self(steps))
    }
}

impl fmt::Display for KeyPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, step) in self.0.iter().enumerate() {
            match step {
                Step::Index(index) => write!(f, "[{index}]")?,
                Step::Name(name) if name.is_empty() || name.contains(['.', '[', ']']) => write!(f, "[{name:?}]")?,
                Step::Name(name) if at == 0 => f.write_str(name)?,
                Step::Name(name) => write!(f, ".{name}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn paths() {
        #[rustfmt::skip]
        let rows = [
            ("gateway",                     Ok("gateway")),
            ("gateway.port",                Ok("gateway.port")),
            ("gateway.trustedProxies[0]",   Ok("gateway.trustedProxies[0]")),
            ("gateway.trustedProxies.0",    Ok("gateway.trustedProxies.0")),
            ("agents[\"a.b\"].model",       Ok("agents[\"a.b\"].model")),
            ("agents['x'].y[2][3]",         Ok("agents.x.y[2][3]")),
            ("",                            Err("column 1: expected a name")),
            (".a",                          Err("column 1: expected a name")),
            ("a..b",                        Err("column 3: expected a name")),
            ("a.",                          Err("column 3: expected a name")),
            ("a.[0]",                       Err("column 3: expected a name")),
            ("a[x]",                        Err("column 3: expected the number of an item, or a name in quotes")),
            ("a[0",                         Err("column 4: expected ]")),
            ("a[\"b",                       Err("column 2: this quotation mark is not closed")),
            ("a]b",                         Err("column 2: expected . or [")),
            ("[0]",                         Err("column 1: the document is an object: expected a name")),
        ];
        for (text, expected) in rows {
            let path = text.parse::<KeyPath>();
            let shown = path.as_ref().map(ToString::to_string).map_err(ToString::to_string);
            assert_eq!(shown.as_deref().map_err(String::as_str), expected, "{text}");
        }
    }

    #[test]
    fn finds_values() {
        let document = json!({ "a": { "b": [1, { "c": 2 }], "0": 3 } });
        let tree = document.as_object().expect("an object");
        #[rustfmt::skip]
        let rows = [
            ("a.b[0]", Some(json!(1))), ("a.b.0", Some(json!(1))), ("a.b[1].c", Some(json!(2))), ("a.0", Some(json!(3))),
            ("a.b[2]", None), ("a.b.c", None), ("x", None), ("a[0]", None),
        ];
        for (path, expected) in rows {
            assert_eq!(path.parse::<KeyPath>().expect(path).find(tree), expected.as_ref(), "{path}");
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read_again(names in proptest::collection::vec("[a-z.\\[\\]]{1,6}", 1..5)) {
            let path = KeyPath(names.into_iter().map(Step::Name).collect());
            prop_assert_eq!(path.to_string().parse::<KeyPath>(), Ok(path));
        }

        #[test]
        fn no_text_makes_it_panic(text in "[a.\\[\\]\"'0é]{0,20}") {
            let _ = text.parse::<KeyPath>();
        }
    }
}
