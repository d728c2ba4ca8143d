//! Texts before and after an edit.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn path(text: &str) -> KeyPath {
    text.parse().expect(text)
}

#[test]
fn everything_else_stays_as_it_is() {
    #[rustfmt::skip]
    let rows = [
        // before                                          path            value               after
        ("",                                               "a.b",          json!(1),           "{\n  \"a\": {\n    \"b\": 1\n  }\n}\n"),
        ("// mine\n",                                      "a",            json!("x"),         "// mine\n{\n  \"a\": \"x\"\n}\n"),
        ("{}",                                             "a",            json!(1),           "{\n  \"a\": 1\n}"),
        ("{ /* why */ }",                                  "a",            json!(1),           "{ /* why */\n  \"a\": 1\n}"),
        ("{ // why\n}\n",                                  "a",            json!(1),           "{ // why\n  \"a\": 1\n}\n"),
        ("{ a: 1 }",                                       "a",            json!(2),           "{ a: 2 }"),
        ("{ a: 1 }",                                       "b",            json!({"c": [1]}),  "{ a: 1, b: { c: [1] } }"),
        ("{ a: 1, }",                                      "b",            json!(2),           "{ a: 1, b: 2, }"),
        ("{\n  // one\n  a: 1 // uno\n}\n",                "b",            json!(2),           "{\n  // one\n  a: 1, // uno\n  b: 2\n}\n"),
        ("{\n  a: 1, // uno\n  // end\n}\n",               "b",            json!(2),           "{\n  a: 1, // uno\n  b: 2,\n  // end\n}\n"),
        ("{\n\t\"a\": 1\n}\n",                             "b.c",          json!(2),           "{\n\t\"a\": 1,\n\t\"b\": {\n\t\t\"c\": 2\n\t}\n}\n"),
        ("{\r\n  a: 1\r\n}\r\n",                           "b",            json!(2),           "{\r\n  a: 1,\r\n  b: 2\r\n}\r\n"),
        ("{\n  'a': { x: 1 } }",                           "b",            json!(2),           "{\n  'a': { x: 1 },\n  \"b\": 2 }"),
        ("{ a: 0x10, b: [1, 2,], c: 'it\\'s } // no' }",   "b[0]",         json!(7),           "{ a: 0x10, b: [7, 2,], c: 'it\\'s } // no' }"),
        ("{ b: [1, 2] }",                                  "b[2]",         json!(3),           "{ b: [1, 2, 3] }"),
        ("{ b: [] }",                                      "b[0]",         json!("x"),         "{ b: [\"x\"] }"),
        ("{ b: [\n    1, // one\n  ] }",                   "b[1]",         json!(3),           "{ b: [\n    1, // one\n    3,\n  ] }"),
        ("{ a: null }",                                    "a.b",          json!(1),           "{ a: {\n  b: 1\n} }"),
        ("{ a: 1, b: 2, a: 3 }",                           "a",            json!(4),           "{ a: 1, b: 2, a: 4 }"),
        ("{ \"a.b\": 1, \"\\u0061\": 2 }",                 "[\"a.b\"]",    json!(3),           "{ \"a.b\": 3, \"\\u0061\": 2 }"),
        ("{ \"\\u0061\": 2 }",                             "a",            json!(3),           "{ \"\\u0061\": 3 }"),
        ("{ a: Infinity }",                                "x",            json!(1),           ""),
    ];
    for (before, at, value, after) in rows {
        let edited = set(before, &path(at), &value);
        if after.is_empty() {
            assert!(matches!(edited, Err(EditError::Unreadable(_))), "{before:?}: {edited:?}");
        } else {
            assert_eq!(edited.as_deref(), Ok(after), "{before:?} {at}");
        }
    }
}

#[test]
fn what_is_taken_away_takes_its_line_along() {
    #[rustfmt::skip]
    let rows = [
        ("{ a: 1 }",                                   "a",       Some("{ }")),
        ("{ a: 1, b: 2 }",                             "a",       Some("{ b: 2 }")),
        ("{ a: 1, b: 2 }",                             "b",       Some("{ a: 1 }")),
        ("{\n  a: 1, // uno\n  // dos\n  b: 2,\n}\n",  "a",       Some("{\n  // dos\n  b: 2,\n}\n")),
        ("{\n  a: 1, // uno\n  b: 2 // dos\n}\n",      "b",       Some("{\n  a: 1 // uno\n}\n")),
        ("{\r\n  a: 1,\r\n  b: 2\r\n}\r\n",            "a",       Some("{\r\n  b: 2\r\n}\r\n")),
        ("{ a: { b: { c: 1 } } }",                     "a.b",     Some("{ a: { } }")),
        ("{ a: [1, 2, 3] }",                           "a[1]",    Some("{ a: [1, 3] }")),
        ("{ a: [1, 1] }",                              "a[0]",    Some("{ a: [1] }")),
        ("{ a: 1, b: 2, a: 3 }",                       "a",       Some("{ b: 2 }")),
        ("{ a: 1 }",                                   "b",       None),
        ("{ a: 1 }",                                   "a.b",     None),
        ("",                                           "a",       None),
    ];
    for (before, at, after) in rows {
        assert_eq!(unset(before, &path(at)), Ok(after.map(str::to_owned)), "{before:?} {at}");
    }
}

#[test]
fn what_is_in_the_way_is_named() {
    #[rustfmt::skip]
    let rows = [
        ("{ a: 1 }",     "a.b",   "a is a single value, which has no member \"b\""),
        ("{ a: [1] }",   "a.b",   "a is a list, which has no member \"b\""),
        ("{ a: {} }",    "a[0]",  "a is an object, which has no items"),
        ("{ a: [1] }",   "a[5]",  "a has 1 items, so the next one is [1]"),
        ("{}",           "a[1]",  "a has 0 items, so the next one is [0]"),
        ("{ a: ",        "a",     "line 1, column 1: the file ends before what begins here is complete"),
    ];
    for (text, at, message) in rows {
        let error = set(text, &path(at), &json!(1)).expect_err(text);
        assert_eq!(error.to_string(), message, "{text}");
        assert!(!error.hint().is_empty(), "{text}");
    }
}

#[test]
fn places() {
    let text = "// first\n{\n  gateway: {\n    port: 'many', list: [1, true]\n  }\n}\n";
    #[rustfmt::skip]
    let rows = [
        ("gateway.port", Some((4, 11))), ("gateway.list[1]", Some((4, 29))), ("gateway.absent", Some((3, 12))), ("x", Some((2, 1))),
    ];
    for (at, expected) in rows {
        assert_eq!(place(text, &path(at)), expected, "{at}");
    }
    assert_eq!(place("", &path("a")), None);
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        ".{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map("[a-d]|.{0,2}", inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn document() -> impl Strategy<Value = Value> {
    proptest::collection::btree_map("[a-d]", value(), 0..4)
        .prop_map(|members| Value::Object(members.into_iter().collect()))
}

/// The document as somebody may have written it.
fn written(document: &Value, manner: u8) -> String {
    let text = match manner % 3 {
        0 => document.to_string(),
        1 => serde_json::to_string_pretty(document).expect("values"),
        _ => Style { unit: "\t".into(), quoted: false, line_end: "\r\n" }.render(document, ""),
    };
    let commented = text.replace('\n', " // c\n").replace(": ", ": /* , } */ ");
    // Only where it is still the same document: texts may hold what looks like structure.
    let same = json5::parse(&commented).is_ok_and(|parsed| Value::Object(parsed.tree) == *document);
    if manner > 127 && same { commented } else { text }
}

proptest! {
    #[test]
    fn a_set_says_what_was_meant_and_keeps_every_comment(
        document in document(), manner in any::<u8>(), name in "[a-e]", inner in proptest::option::of("[a-c]"), value in value(),
    ) {
        let text = written(&document, manner);
        let at = path(&inner.map_or(name.clone(), |inner| format!("{name}.{inner}")));
        match set(&text, &at, &value) {
            Ok(edited) => {
                let tree = json5::parse(&edited).expect("readable").tree;
                prop_assert_eq!(at.find(&tree), Some(&value));
            }
            Err(error) => prop_assert!(!matches!(error, EditError::NotUnderstood), "{}: {:?}", error, text),
        }
    }

    #[test]
    fn an_unset_takes_one_value_and_no_other(document in document(), manner in any::<u8>(), name in "[a-e]", inner in proptest::option::of("[a-c]")) {
        let text = written(&document, manner);
        let at = path(&inner.map_or(name.clone(), |inner| format!("{name}.{inner}")));
        let edited = unset(&text, &at);
        prop_assert!(!matches!(edited, Err(EditError::NotUnderstood)), "{text:?}");
        if let Ok(Some(edited)) = edited {
            let tree = json5::parse(&edited).expect("readable").tree;
            prop_assert_eq!(at.find(&tree), None);
        }
    }

    #[test]
    fn no_text_makes_it_panic(text in "[\\[\\]{}:,'\"\\\\/* \n\u{2028}a0]{0,40}") {
        let at = path("a.b");
        let _ = (set(&text, &at, &json!(1)), unset(&text, &at), place(&text, &at));
    }
}
