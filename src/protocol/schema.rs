//! Closed parameter objects: what a method takes, and what is wrong with what it got.
//!
//! Parameters are checked against a small table before they are read into a type, so that a caller learns every problem
//! at once, in the words that OpenClaw's own gateways use (operators and tests compare their beginnings).

use std::fmt;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{ErrorShape, Params};
use crate::defaults::MAX_PARAMS_BYTES;

/// The shape of a JSON object.
#[derive(Debug)]
pub struct Object {
    /// Its members.
    pub fields: &'static [Field],
    /// Whether other members are refused.
    pub closed: bool,
}

/// A member of an [`Object`].
#[derive(Debug)]
pub struct Field {
    name: &'static str,
    kind: Kind,
    required: bool,
}

/// What a member may hold. Lengths are in characters, bounds inclusive.
#[derive(Debug)]
pub enum Kind {
    /// Anything.
    Any,
    /// A text of at least and at most so many characters.
    Text(usize, usize),
    /// A whole number within bounds.
    Integer(i64, i64),
    /// True or false.
    Flag,
    /// One of these texts.
    OneOf(&'static [&'static str]),
    /// A list of texts, each of at least so many characters.
    Texts(usize),
    /// An object with members of its own.
    Nested(&'static Object),
    /// An object whose values are all flags.
    Flags,
    /// An object of whatever shape.
    Open,
}

/// No parameter at all is taken.
pub const EMPTY: Object = Object { fields: &[], closed: true };

/// Whatever is sent is ignored: some methods are called with parameters that differ from release to release.
pub const IGNORED: Object = Object { fields: &[], closed: false };

/// Longest text accepted where the protocol names no bound of its own; the frame limit holds anyway.
pub const UNBOUNDED: usize = usize::MAX;

/// A member that must be there.
pub const fn required(name: &'static str, kind: Kind) -> Field {
    Field { name, kind, required: true }
}

/// A member that may be absent or null.
pub const fn optional(name: &'static str, kind: Kind) -> Field {
    Field { name, kind, required: false }
}

/// Reads the parameters of `method` into a `T` after checking them against `object`.
///
/// # Errors
/// `INVALID_REQUEST` that lists every problem: unexpected, missing, mistyped or out of bounds.
pub fn read<T: DeserializeOwned>(method: &str, params: &Params, object: &Object) -> Result<T, ErrorShape> {
    read_changed(method, params, object, |value| value)
}

/// The same after `change` has put right what clients are known to write otherwise.
///
/// # Errors
/// As [`read`].
pub fn read_changed<T: DeserializeOwned>(
    method: &str,
    params: &Params,
    object: &Object,
    change: impl FnOnce(Value) -> Value,
) -> Result<T, ErrorShape> {
    let wrong = |error: serde_json::Error| ErrorShape::invalid_params(method, &[format!("at root: {error}")]);
    if params.bytes() > MAX_PARAMS_BYTES {
        let problem = format!("at root: must NOT have more than {MAX_PARAMS_BYTES} bytes");
        return Err(ErrorShape::invalid_params(method, &[problem]));
    }
    let value = change(params.value().map_err(wrong)?);
    let problems = object.problems(&value);
    if !problems.is_empty() {
        return Err(ErrorShape::invalid_params(method, &problems));
    }
    serde_json::from_value(value).map_err(wrong)
}

impl Object {
    /// Everything that is wrong with `value`; empty when it has this shape.
    pub fn problems(&self, value: &Value) -> Vec<String> {
        let mut problems = Vec::new();
        self.check(value, Place::Root, &mut problems);
        problems
    }

    fn check(&self, value: &Value, place: Place<'_>, problems: &mut Vec<String>) {
        let Value::Object(members) = value else {
            problems.push(place.problem("must be object"));
            return;
        };
        if self.closed {
            let strange = members.keys().filter(|key| !self.fields.iter().any(|field| field.name == key.as_str()));
            for key in strange {
                let place = if matches!(place, Place::Root) { "root".to_owned() } else { place.to_string() };
                problems.push(format!("at {place}: unexpected property '{key}'"));
            }
        }
        for field in self.fields {
            match members.get(field.name) {
                None | Some(Value::Null) if !field.required => {}
                None => problems.push(place.problem(&format!("must have required property '{}'", field.name))),
                Some(member) => field.kind.check(member, Place::Member(&place, field.name), problems),
            }
        }
    }
}

impl Kind {
    fn check(&self, value: &Value, place: Place<'_>, problems: &mut Vec<String>) {
        let problem = match self {
            Self::Any => None,
            Self::Nested(object) => return object.check(value, place, problems),
            Self::Text(min, max) => match value.as_str().map(|text| text.chars().count()) {
                None => Some("must be string".to_owned()),
                Some(length) if length < *min => Some(format!("must NOT have fewer than {min} characters")),
                Some(length) if length > *max => Some(format!("must NOT have more than {max} characters")),
                Some(_) => None,
            },
            Self::Integer(min, max) => match value.as_i64() {
                None => Some("must be integer".to_owned()),
                Some(number) if number < *min => Some(format!("must be >= {min}")),
                Some(number) if number > *max => Some(format!("must be <= {max}")),
                Some(_) => None,
            },
            Self::Flag => (!value.is_boolean()).then(|| "must be boolean".to_owned()),
            Self::OneOf(choices) => (!value.as_str().is_some_and(|text| choices.contains(&text)))
                .then(|| "must be equal to one of the allowed values".to_owned()),
            Self::Texts(min) => match value.as_array() {
                None => Some("must be array".to_owned()),
                Some(items) => {
                    for (index, item) in items.iter().enumerate() {
                        Self::Text(*min, UNBOUNDED).check(item, Place::Item(&place, index), problems);
                    }
                    None
                }
            },
            Self::Flags => match value.as_object() {
                None => Some("must be object".to_owned()),
                Some(members) => {
                    for (key, member) in members {
                        Self::Flag.check(member, Place::Member(&place, key), problems);
                    }
                    None
                }
            },
            Self::Open => (!value.is_object()).then(|| "must be object".to_owned()),
        };
        problems.extend(problem.map(|problem| place.problem(&problem)));
    }
}

/// Where in the parameters a value is (RFC 6901). Written out for a problem only: nearly every `connect` has none.
#[derive(Debug, Clone, Copy)]
enum Place<'a> {
    Root,
    Member(&'a Place<'a>, &'a str),
    Item(&'a Place<'a>, usize),
}

impl Place<'_> {
    fn problem(self, problem: &str) -> String {
        if matches!(self, Self::Root) { problem.to_owned() } else { format!("at {self}: {problem}") }
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Member(parent, name) => write!(f, "{parent}/{name}"),
            Self::Item(parent, index) => write!(f, "{parent}/{index}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const INNER: Object = Object { fields: &[required("id", Kind::OneOf(&["cli"]))], closed: true };
    const OUTER: Object = Object {
        fields: &[
            required("client", Kind::Nested(&INNER)),
            optional("limit", Kind::Integer(1, 5000)),
            optional("name", Kind::Text(1, 4)),
            optional("scopes", Kind::Texts(1)),
            optional("permissions", Kind::Flags),
        ],
        closed: true,
    };

    #[test]
    fn parameters_beyond_the_limit_are_not_made_values() {
        for (bytes, taken) in [(MAX_PARAMS_BYTES, true), (MAX_PARAMS_BYTES + 1, false)] {
            let params = Params::of(&json!({"x": "y".repeat(bytes - r#"{"x":""}"#.len())}));
            let read = read::<Value>("m", &params, &IGNORED);
            assert_eq!(read.is_ok(), taken, "{bytes}");
        }
    }

    #[test]
    fn problems_are_told_in_the_words_of_the_protocol() {
        #[rustfmt::skip]
        let rows = [
            (json!({"client": {"id": "cli"}}),                            vec![]),
            (json!({"client": {"id": "cli"}, "limit": null}),             vec![]),
            (json!([]),                                                   vec!["must be object"]),
            (json!({}),                                                   vec!["must have required property 'client'"]),
            (json!({"client": {}}),                                       vec!["at /client: must have required property 'id'"]),
            (json!({"client": {"id": "x"}}),                              vec!["at /client/id: must be equal to one of the allowed values"]),
            (json!({"client": {"id": "cli", "x": 1}}),                    vec!["at /client: unexpected property 'x'"]),
            (json!({"client": {"id": "cli"}, "y": 1}),                    vec!["at root: unexpected property 'y'"]),
            (json!({"client": {"id": "cli"}, "limit": 0}),                vec!["at /limit: must be >= 1"]),
            (json!({"client": {"id": "cli"}, "limit": 5001}),             vec!["at /limit: must be <= 5000"]),
            (json!({"client": {"id": "cli"}, "limit": 1.5}),              vec!["at /limit: must be integer"]),
            (json!({"client": {"id": "cli"}, "name": ""}),                vec!["at /name: must NOT have fewer than 1 characters"]),
            (json!({"client": {"id": "cli"}, "name": "ééééé"}),           vec!["at /name: must NOT have more than 4 characters"]),
            (json!({"client": {"id": "cli"}, "scopes": ["a", ""]}),       vec!["at /scopes/1: must NOT have fewer than 1 characters"]),
            (json!({"client": {"id": "cli"}, "permissions": {"a": 1}}),   vec!["at /permissions/a: must be boolean"]),
            (json!({"client": {"id": "cli"}, "limit": 0, "name": 1}),     vec!["at /limit: must be >= 1", "at /name: must be string"]),
        ];
        for (value, problems) in rows {
            assert_eq!(OUTER.problems(&value), problems, "{value}");
        }
    }
}
