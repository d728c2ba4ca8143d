//! JSON5 text to a tree of values.

use std::{cell::RefCell, fmt};

use serde::{
    Deserialize,
    de::{self, DeserializeSeed, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Number, Value};

use super::problem::ProblemKind;
use crate::defaults;

/// A parsed text.
#[derive(Debug, PartialEq)]
pub(super) struct Parsed {
    /// Its members; none for a text that is empty or holds only comments.
    pub(super) tree: Map<String, Value>,
    /// Dotted names of members that stand twice in one object; the last of each is in the tree.
    pub(super) twice: Vec<String>,
}

/// Reads a document whose top level is an object.
pub(super) fn parse(text: &str) -> Result<Parsed, ProblemKind> {
    if rest_is_blank(&mut json5::Deserializer::from_str(text)).map_err(|error| syntax(text, &error))? {
        return Ok(Parsed { tree: Map::new(), twice: Vec::new() });
    }
    let twice = RefCell::new(Vec::new());
    let mut deserializer = json5::Deserializer::from_str(text);
    let top = Node { depth: 0, path: String::new(), twice: &twice };
    let value = top.deserialize(&mut deserializer).map_err(|error| syntax(text, &error))?;
    if !rest_is_blank(&mut deserializer).map_err(|error| syntax(text, &error))? {
        // Read again, by the entry point that knows the place. It stops there, so the depth of what follows does no harm.
        let error = json5::from_str::<de::IgnoredAny>(text).err();
        let error = error.unwrap_or_else(|| json5::Error::new(json5::ErrorCode::TrailingCharacters));
        return Err(syntax(text, &error));
    }
    match value {
        Value::Object(tree) => Ok(Parsed { tree, twice: twice.into_inner() }),
        other => Err(ProblemKind::Mistyped { found: describe(&other), expected: "an object, { … }".into() }),
    }
}

/// Whether nothing but white space and comments follows.
fn rest_is_blank(deserializer: &mut json5::Deserializer<'_>) -> Result<bool, json5::Error> {
    /// A value that is there and is not read.
    struct Present;

    impl<'de> Deserialize<'de> for Present {
        fn deserialize<D: de::Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
            Ok(Self)
        }
    }

    match Option::<Present>::deserialize(deserializer) {
        Err(error) => match error.code() {
            Some(json5::ErrorCode::EofParsingValue) => Ok(true),
            Some(json5::ErrorCode::EofParsingComment | json5::ErrorCode::ExpectedComment) => Err(error),
            _ => Ok(false),
        },
        Ok(_) => Ok(false),
    }
}

fn syntax(text: &str, error: &json5::Error) -> ProblemKind {
    use json5::ErrorCode::{EofParsingArray, EofParsingObject, TrailingCharacters};

    let position = error.position().unwrap_or_else(|| json5::Position::from_offset(text.len(), text));
    let found = text.lines().nth(position.line).and_then(|line| line.chars().nth(position.column));
    let found = found.map_or_else(|| "the end of the line".to_owned(), |found| format!("{found:?}"));
    let what = match error.code() {
        // The parser places these where the innermost object or list begins.
        Some(EofParsingObject) if error.position().is_some() => "this object is not closed".into(),
        Some(EofParsingArray) if error.position().is_some() => "this list is not closed".into(),
        Some(code) if code.to_string().starts_with("EOF") => {
            let begun = if error.position().is_some() { "what begins here" } else { "it" };
            format!("the file ends before {begun} is complete")
        }
        Some(TrailingCharacters) => format!("expected the end of the file, found {found}"),
        Some(code) => format!("{code}, found {found}"),
        // A text of our own, or of a number's; the place is told apart from it.
        None => error.to_string().split(" at line ").next().unwrap_or_default().to_owned(),
    };
    ProblemKind::Syntax { line: position.line + 1, column: position.column + 1, what }
}

/// A value in words, for a message; texts are cut.
pub(super) fn describe(value: &Value) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) if text.chars().count() > 40 => {
            format!("{:?}…", text.chars().take(40).collect::<String>())
        }
        Value::String(text) => format!("{text:?}"),
        Value::Array(_) => "a list".into(),
        Value::Object(_) => "an object".into(),
    }
}

/// Builds one value, and bounds how deep values nest: the parser and every walk over the tree recurse.
struct Node<'a> {
    depth: usize,
    path: String,
    twice: &'a RefCell<Vec<String>>,
}

impl Node<'_> {
    fn inside<E: de::Error>(&self, name: &str) -> Result<Self, E> {
        if self.depth >= defaults::MAX_CONFIG_DEPTH {
            return Err(E::custom(format_args!("nested deeper than {} levels", defaults::MAX_CONFIG_DEPTH)));
        }
        let path = if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) };
        Ok(Self { depth: self.depth + 1, path, twice: self.twice })
    }
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;

    fn deserialize<D: de::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Value, E> {
        Ok(Value::Bool(flag))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Value, E> {
        // OpenClaw's numbers are of one kind: `1e4` and `300.0` are whole to it. Beyond 2^53 not every whole number exists.
        if number.fract() == 0.0 && number.abs() <= 9_007_199_254_740_992.0 {
            #[expect(clippy::cast_possible_truncation, reason = "whole and in range")]
            return Ok((number as i64).into());
        }
        Number::from_f64(number).map(Value::Number).ok_or_else(|| E::custom("a number must be finite"))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(self.inside(&list.len().to_string())?)? {
            list.push(item);
        }
        Ok(list.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut tree = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            let node = self.inside(&name)?;
            let path = node.path.clone();
            let value = members.next_value_seed(node)?;
            if tree.insert(name, value).is_some() {
                self.twice.borrow_mut().push(path);
            }
        }
        Ok(tree.into())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn reads_json5() {
        let text =
            "// first\n{ gateway: { port: 0x4965, 'bind': \"lan\", /* x */ list: [1, .5, -2, 1e4, 3.0,], }, a: null }";
        let expected =
            json!({ "gateway": { "port": 18789, "bind": "lan", "list": [1, 0.5, -2, 10000, 3] }, "a": null });
        assert_eq!(Value::Object(parse(text).unwrap().tree), expected);
    }

    #[test]
    fn nothing_is_an_empty_document() {
        for text in ["", " \n\t", "// a comment", "/* a\ncomment */\n", "\u{feff}", "// one\n// two\n"] {
            assert_eq!(parse(text), Ok(Parsed { tree: Map::new(), twice: vec![] }), "{text:?}");
        }
    }

    #[test]
    fn a_syntax_error_says_where_and_what() {
        #[rustfmt::skip]
        let rows = [
            ("{\n  a: 1\n  b: 2\n}",   3, 3,  "expected comma, found 'b'"),
            ("{ a: 1 } x",             1, 10, "expected the end of the file, found 'x'"),
            ("{ a: tru }",             1, 9, "expected bool, found ' '"),
            ("{ a: \"x\n\" }",         1, 8,  "line terminator in string, found the end of the line"),
            ("{ a: [1, 2",             1, 6, "this list is not closed"),
            ("{ a: 1, ",               1, 1, "this object is not closed"),
            ("{\n  a: { b: ",          2, 6, "the file ends before what begins here is complete"),
            ("/* never closed",        1, 16, "the file ends before it is complete"),
            ("{ a: NaN }",             1, 6,  "a number must be finite"),
        ];
        for (text, line, column, what) in rows {
            let expected = ProblemKind::Syntax { line, column, what: what.into() };
            assert_eq!(parse(text), Err(expected), "{text:?}");
        }
    }

    #[test]
    fn the_top_level_is_an_object() {
        for (text, found) in [("[]", "a list"), ("5", "5"), ("null", "null"), ("'x'", "\"x\"")] {
            let expected = ProblemKind::Mistyped { found: found.into(), expected: "an object, { … }".into() };
            assert_eq!(parse(text), Err(expected), "{text}");
        }
    }

    #[test]
    fn a_member_that_stands_twice_is_reported_and_the_last_counts() {
        let parsed =
            parse("{ gateway: { port: 1, port: 2 }, gateway: { port: 3, bind: 'lan', bind: 'auto' } }").unwrap();
        assert_eq!(Value::Object(parsed.tree), json!({ "gateway": { "port": 3, "bind": "auto" } }));
        assert_eq!(parsed.twice, ["gateway.port", "gateway.bind", "gateway"]);
    }

    #[test]
    fn nesting_is_bounded() {
        for open in ["[", "{a:"] {
            let text = format!("{{ a: {} ", open.repeat(100_000));
            assert!(
                matches!(parse(&text), Err(ProblemKind::Syntax { what, .. }) if what.contains("nested deeper")),
                "{open}"
            );
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in any::<String>()) {
            let _ = parse(&text);
        }

        #[test]
        fn nothing_like_json5_makes_it_panic(text in "[\\[\\]{}:,'\"\\\\/*\n\u{2028}a0-9eExX+.u-]{0,64}") {
            let _ = parse(&text);
        }

        #[test]
        fn what_json_says_json5_says_too(texts in proptest::collection::btree_map("[a-z]{1,5}", any::<String>(), 0..8)) {
            let json = serde_json::to_value(&texts).unwrap();
            prop_assert_eq!(Value::Object(parse(&json.to_string()).unwrap().tree), json);
        }
    }
}
