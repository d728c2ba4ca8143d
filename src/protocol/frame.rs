//! The three envelopes: request, response, event.

use std::borrow::Cow;

use serde::{Deserialize, Serialize, de::IgnoredAny};
use serde_json::{Value, value::RawValue};

use super::{ErrorShape, Json};

/// The parameters of a request, not yet read.
#[derive(Debug, Clone, Default)]
pub struct Params(Option<Box<RawValue>>);

impl Params {
    /// No parameters.
    pub const fn none() -> Self {
        Self(None)
    }

    /// Encodes `value` as parameters.
    ///
    /// # Panics
    /// Never for JSON values, see [`Json::of`].
    pub fn of<T: Serialize + ?Sized>(value: &T) -> Self {
        Self(Some(serde_json::value::to_raw_value(value).expect("wire types have string keys only")))
    }

    /// Whether the request carries any.
    pub const fn is_given(&self) -> bool {
        self.0.is_some()
    }

    /// How long they are, in bytes of JSON.
    pub fn bytes(&self) -> usize {
        self.0.as_ref().map_or(0, |raw| raw.get().len())
    }

    /// The parameters as a value; absent and `null` are an empty object.
    ///
    /// # Errors
    /// Some JSON is no value: nesting without end, a number beyond all bounds, half a surrogate pair.
    pub fn value(&self) -> Result<Value, serde_json::Error> {
        let value = self.0.as_ref().map(|raw| serde_json::from_str(raw.get())).transpose()?;
        Ok(match value {
            None | Some(Value::Null) => Value::Object(serde_json::Map::new()),
            Some(value) => value,
        })
    }
}

/// A call from a client.
#[derive(Debug, Clone)]
pub struct Request {
    /// Chosen by the client, echoed in the response.
    pub id: String,
    /// The method's name.
    pub method: String,
    /// Its parameters.
    pub params: Params,
}

/// A text that is no request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotARequest {
    /// It is not JSON at all.
    #[error("the frame is not JSON")]
    NotJson,
    /// It is JSON, but no request frame.
    #[error("invalid request frame: {problem}")]
    Invalid {
        /// The frame's id, where it has one.
        id: Option<String>,
        /// What is wrong.
        problem: String,
    },
}

/// The envelope as it is on the wire. Closed, like every envelope of the protocol.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct RequestEnvelope<'a> {
    #[serde(borrow)]
    r#type: Cow<'a, str>,
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    method: Cow<'a, str>,
    #[serde(borrow, default)]
    params: Option<&'a RawValue>,
    /// Tracing of newer clients; not used.
    #[serde(default)]
    #[allow(dead_code, reason = "accepted because newer clients may send it")]
    traceparent: Option<IgnoredAny>,
    /// Profiles of newer clients; not used.
    #[serde(default)]
    #[allow(dead_code, reason = "accepted because newer clients may send it")]
    expected_profile_id: Option<IgnoredAny>,
}

impl Request {
    /// Reads a text frame.
    ///
    /// # Errors
    /// [`NotARequest`] says what the frame is instead.
    pub fn parse(text: &str) -> Result<Self, NotARequest> {
        // A list of the members would do for the library.
        let is_object = text.trim_start().starts_with('{');
        let problem = match serde_json::from_str::<RequestEnvelope<'_>>(text) {
            _ if !is_object => "at root: must be object".to_owned(),
            Ok(frame) if frame.r#type != "req" => "at /type: must be equal to constant".to_owned(),
            Ok(frame) if frame.id.is_empty() => "at /id: must NOT have fewer than 1 characters".to_owned(),
            Ok(frame) if frame.method.is_empty() => "at /method: must NOT have fewer than 1 characters".to_owned(),
            Ok(frame) => {
                let params = Params(frame.params.map(ToOwned::to_owned));
                return Ok(Self { id: frame.id.into_owned(), method: frame.method.into_owned(), params });
            }
            Err(error) => error.to_string(),
        };
        // The slow path: only here is it worth telling a broken frame from one of another shape. Nothing of it is kept but the
        // id: as a value it would take forty times the room.
        if serde_json::from_str::<IgnoredAny>(text).is_err() {
            return Err(NotARequest::NotJson);
        }
        let labelled = is_object.then(|| serde_json::from_str::<Labelled<'_>>(text));
        let id = labelled.and_then(Result::ok).and_then(|labelled| labelled.id).filter(|id| !id.is_empty());
        Err(NotARequest::Invalid { id: id.map(Cow::into_owned), problem })
    }
}

/// Any object with an id.
#[derive(Deserialize)]
struct Labelled<'a> {
    #[serde(borrow, default)]
    id: Option<Cow<'a, str>>,
}

/// The pair of versions that `presence` and `health` events carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateVersion {
    /// Counts changes of the presence list.
    pub presence: u64,
    /// Counts health snapshots.
    pub health: u64,
}

/// What a client receives.
#[derive(Debug, Clone)]
pub enum ServerFrame {
    /// The answer to a request.
    Response {
        /// The request's id.
        id: String,
        /// The payload, or why there is none.
        result: Result<Value, ErrorShape>,
    },
    /// Something happened.
    Event {
        /// The event's name.
        name: String,
        /// What it carries.
        payload: Value,
        /// Its number on this connection.
        seq: Option<u64>,
    },
}

impl ServerFrame {
    /// Reads a text frame as a client does: strange members are ignored.
    ///
    /// # Errors
    /// The JSON error of a frame that is neither response nor event.
    pub fn parse(text: &str) -> Result<Self, serde_json::Error> {
        #[derive(Deserialize)]
        #[serde(tag = "type", rename_all = "lowercase")]
        enum Wire {
            Res { id: String, ok: bool, payload: Option<Value>, error: Option<ErrorShape> },
            Event { event: String, payload: Option<Value>, seq: Option<u64> },
        }
        Ok(match serde_json::from_str(text)? {
            Wire::Res { id, ok: true, payload, .. } => Self::Response { id, result: Ok(payload.unwrap_or_default()) },
            Wire::Res { id, error, .. } => Self::Response {
                id,
                result: Err(error.unwrap_or_else(|| ErrorShape::unavailable("the gateway gave no reason"))),
            },
            Wire::Event { event, payload, seq } => {
                Self::Event { name: event, payload: payload.unwrap_or_default(), seq }
            }
        })
    }
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("memory takes every text")
}

/// Encodes the response `{"type":"res","id":…,"ok":true,"payload":…}`.
pub fn encode_ok(id: &str, payload: &Json) -> String {
    let id = quoted(id);
    let payload = payload.as_str();
    let mut frame = String::with_capacity(payload.len() + id.len() + 40);
    for part in [r#"{"type":"res","id":"#, &id, r#","ok":true,"payload":"#, payload, "}"] {
        frame.push_str(part);
    }
    frame
}

/// Encodes the response `{"type":"res","id":…,"ok":false,"error":…}`.
pub fn encode_error(id: &str, error: &ErrorShape) -> String {
    format!(r#"{{"type":"res","id":{},"ok":false,"error":{}}}"#, quoted(id), Json::of(error).as_str())
}

/// An event, encoded but for its number, which is another one on every connection.
#[derive(Debug)]
pub struct EventFrame {
    /// All before the number.
    head: String,
    /// All after it.
    tail: String,
}

impl EventFrame {
    /// Encodes the event `{"type":"event","event":…,"payload":…}`.
    pub fn new(name: &str, payload: &Json, state_version: Option<StateVersion>) -> Self {
        let head = [r#"{"type":"event","event":""#, name, r#"","payload":"#, payload.as_str()].concat();
        let tail = match state_version {
            Some(StateVersion { presence, health }) => {
                format!(r#","stateVersion":{{"presence":{presence},"health":{health}}}}}"#)
            }
            None => "}".to_owned(),
        };
        Self { head, tail }
    }

    /// The first of those pieces.
    pub fn shared(&self) -> &[u8] {
        self.head.as_bytes()
    }

    /// How long it is without its number, in bytes.
    pub fn bytes(&self) -> usize {
        self.head.len() + self.tail.len()
    }

    /// The frame before any number counts: on a connection that is no session yet.
    pub fn unnumbered(&self) -> String {
        [self.head.as_str(), &self.tail].concat()
    }

    /// The frame as the `seq`th of its connection, in pieces: the long one first, which is the same on every connection.
    pub fn numbered<'a>(&'a self, seq: &'a str) -> [&'a str; 4] {
        [&self.head, r#","seq":"#, seq, &self.tail]
    }
}

/// Encodes the request `{"type":"req","id":…,"method":…,"params":…}`.
pub fn encode_request(id: &str, method: &str, params: Option<&Json>) -> String {
    match params {
        Some(params) => {
            format!(r#"{{"type":"req","id":{},"method":{},"params":{}}}"#, quoted(id), quoted(method), params.as_str())
        }
        None => format!(r#"{{"type":"req","id":{},"method":{}}}"#, quoted(id), quoted(method)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn requests() {
        #[rustfmt::skip]
        let rows = [
            (r#"{"type":"req","id":"1","method":"health"}"#,                        Ok(("1", "health"))),
            (r#"{"type":"req","id":"1:a","method":"m","params":{"a":1}}"#,          Ok(("1:a", "m"))),
            (r#"{"type":"req","id":"1","method":"m","traceparent":"00-x"}"#,        Ok(("1", "m"))),
            (r#"{"type":"req","id":"a\"b","method":"m"}"#,                          Ok(("a\"b", "m"))),
            (r#"{"type":"req","id":"1","method":"m","x":1}"#,                       Err(Some("1"))),
            (r#"{"type":"res","id":"1","method":"m"}"#,                             Err(Some("1"))),
            (r#"{"type":"req","id":"","method":"m"}"#,                              Err(None)),
            (r#"{"type":"req","method":"m"}"#,                                      Err(None)),
            (r#"{"type":"req","id":7,"method":"m"}"#,                               Err(None)),
            ("[]",                                                                  Err(None)),
            (r#" ["req","1","m"]"#,                                                 Err(None)),
            (r#" {"type":"req","id":"1","method":"m"}"#,                            Ok(("1", "m"))),
        ];
        for (text, expected) in rows {
            let parsed = Request::parse(text);
            match expected {
                Ok((id, method)) => {
                    let request = parsed.expect(text);
                    assert_eq!((request.id.as_str(), request.method.as_str()), (id, method), "{text}");
                }
                Err(id) => match parsed.expect_err(text) {
                    NotARequest::Invalid { id: found, .. } => assert_eq!(found.as_deref(), id, "{text}"),
                    NotARequest::NotJson => panic!("{text} is JSON"),
                },
            }
        }
        assert_eq!(Request::parse("{").expect_err("not JSON"), NotARequest::NotJson);
    }

    #[test]
    fn null_parameters_are_none() {
        let request = Request::parse(r#"{"type":"req","id":"1","method":"m","params":null}"#).expect("valid");
        assert_eq!(request.params.value().expect("a value"), serde_json::json!({}));
    }

    #[test]
    fn parameters_that_are_no_value_are_not_taken_for_none() {
        let deep = format!("{}{}", "[".repeat(1000), "]".repeat(1000));
        for params in [deep.as_str(), "1e999", r#""\ud800""#] {
            let text = format!(r#"{{"type":"req","id":"1","method":"m","params":{params}}}"#);
            let request = Request::parse(&text).expect("a request all the same");
            request.params.value().expect_err(params);
        }
    }

    #[test]
    fn events_carry_only_what_they_have() {
        let payload = Json::of(&serde_json::json!({"ts": 1}));
        assert_eq!(
            EventFrame::new("tick", &payload, None).unnumbered(),
            r#"{"type":"event","event":"tick","payload":{"ts":1}}"#
        );
        assert_eq!(
            EventFrame::new("tick", &payload, Some(StateVersion { presence: 2, health: 3 })).numbered("4").concat(),
            r#"{"type":"event","event":"tick","payload":{"ts":1},"seq":4,"stateVersion":{"presence":2,"health":3}}"#
        );
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parsers_panic(text in ".{0,200}") {
            let _ = Request::parse(&text);
            let _ = ServerFrame::parse(&text);
        }

        #[test]
        fn a_request_survives_the_wire(id in ".{1,20}", method in ".{1,20}", value in ".{0,20}") {
            let text = encode_request(&id, &method, Some(&Json::of(&serde_json::json!({"v": value}))));
            let request = Request::parse(&text).expect("our own encoding");
            prop_assert_eq!(request.id, id);
            prop_assert_eq!(request.method, method);
            prop_assert_eq!(request.params.value().expect("a value"), serde_json::json!({"v": value}));
        }

        #[test]
        fn a_response_survives_the_wire(id in ".{1,20}", value in ".{0,20}") {
            let text = encode_ok(&id, &Json::of(&value));
            let ServerFrame::Response { id: echoed, result: Ok(payload) } = ServerFrame::parse(&text).expect("ours") else {
                panic!("not a success: {text}");
            };
            prop_assert_eq!(echoed, id);
            prop_assert_eq!(payload, serde_json::json!(value));
        }
    }
}
