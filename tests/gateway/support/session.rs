//! A connected client, or why it was not connected.

use std::collections::VecDeque;

use serde_json::{Value, json};

use super::{Close, Connect, Frame, Socket};

/// A client that was let in. Events that come while it waits for an answer are kept in order.
pub(crate) struct Session {
    pub(crate) socket: Socket,
    /// The payload of `hello-ok`.
    pub(crate) hello: Value,
    events: VecDeque<Value>,
    calls: u32,
}

/// What a client was told that was not let in.
#[derive(Debug)]
pub(crate) struct Refused {
    /// The `error` member of the answer; null where there was none.
    pub(crate) error: Value,
    pub(crate) close: Close,
}

impl Refused {
    pub(crate) fn message(&self) -> &str {
        self.error["message"].as_str().unwrap_or_default()
    }

    pub(crate) fn detail(&self, name: &str) -> &Value {
        &self.error["details"][name]
    }

    /// The id of the request that waits for an operator.
    pub(crate) fn request_id(&self) -> String {
        self.detail("requestId").as_str().unwrap_or_else(|| panic!("no request id in {self:?}")).to_owned()
    }
}

impl Session {
    /// Answers the challenge.
    pub(crate) async fn enter(mut socket: Socket, connect: &Connect) -> Result<Self, Refused> {
        let challenge = socket.challenge().await;
        socket.send_json(&connect.request("connect", &challenge)).await;
        match socket.next().await {
            Frame::Json(mut answer) if answer["ok"] == true => {
                assert_eq!((&answer["type"], &answer["id"]), (&json!("res"), &json!("connect")), "{answer}");
                Ok(Self { socket, hello: answer["payload"].take(), events: VecDeque::new(), calls: 0 })
            }
            Frame::Json(mut answer) => {
                assert_eq!((&answer["type"], &answer["id"]), (&json!("res"), &json!("connect")), "{answer}");
                Err(Refused { error: answer["error"].take(), close: socket.closed_at_once().await })
            }
            Frame::Closed(close) => Err(Refused { error: Value::Null, close }),
        }
    }

    /// Calls a method: its payload, or the error object.
    pub(crate) async fn call(&mut self, method: &str, params: Value) -> Result<Value, Value> {
        let id = self.send(method, params).await;
        self.answer(&id).await
    }

    /// Sends a request without waiting; returns its id.
    pub(crate) async fn send(&mut self, method: &str, params: Value) -> String {
        self.calls += 1;
        let id = format!("{}:{method}", self.calls);
        self.socket.send_json(&json!({"type": "req", "id": id, "method": method, "params": params})).await;
        id
    }

    /// The answer to the request `id`.
    pub(crate) async fn answer(&mut self, id: &str) -> Result<Value, Value> {
        loop {
            let mut frame = self.socket.next_json().await;
            if frame["type"] == "event" {
                self.events.push_back(frame);
                continue;
            }
            assert_eq!(frame["id"], id, "an answer to something else: {frame}");
            return if frame["ok"] == true { Ok(frame["payload"].take()) } else { Err(frame["error"].take()) };
        }
    }

    /// Calls a method that has to succeed.
    pub(crate) async fn ok(&mut self, method: &str, params: Value) -> Value {
        let shown = params.to_string();
        match self.call(method, params).await {
            Ok(payload) => payload,
            Err(error) => panic!("{method} {shown} failed: {error}"),
        }
    }

    /// Calls a method that has to fail, and returns the error object.
    pub(crate) async fn fails(&mut self, method: &str, params: Value) -> Value {
        let shown = params.to_string();
        match self.call(method, params).await {
            Ok(payload) => panic!("{method} {shown} succeeded: {payload}"),
            Err(error) => error,
        }
    }

    /// The next event of this name, with its envelope; others stay where they are.
    pub(crate) async fn event(&mut self, name: &str) -> Value {
        loop {
            if let Some(position) = self.events.iter().position(|event| event["event"] == name) {
                return self.events.remove(position).expect("it was just found");
            }
            let frame = self.socket.next_json().await;
            assert_eq!(frame["type"], "event", "waited for the event {name}, got {frame}");
            self.events.push_back(frame);
        }
    }

    /// The events of this name that came so far, without waiting; taken out.
    pub(crate) fn events_so_far(&mut self, name: &str) -> Vec<Value> {
        let (found, others) = std::mem::take(&mut self.events).into_iter().partition(|event| event["event"] == name);
        self.events = others;
        Vec::from(found)
    }

    /// Every event that came so far, in order; taken out.
    pub(crate) fn all_events(&mut self) -> Vec<Value> {
        std::mem::take(&mut self.events).into()
    }

    /// How the session ends.
    pub(crate) async fn closed(&mut self) -> Close {
        self.socket.closed().await
    }

    /// Ends the session as clients do.
    pub(crate) async fn leave(self) {
        self.socket.close().await;
    }

    pub(crate) fn auth(&self, name: &str) -> &Value {
        &self.hello["auth"][name]
    }

    /// The device token of `hello-ok`.
    pub(crate) fn device_token(&self) -> String {
        self.auth("deviceToken").as_str().unwrap_or_else(|| panic!("no device token in {}", self.hello)).to_owned()
    }

    /// The scopes of `hello-ok`, sorted.
    pub(crate) fn scopes(&self) -> Vec<String> {
        let mut scopes: Vec<String> = serde_json::from_value(self.auth("scopes").clone())
            .unwrap_or_else(|_| panic!("no scopes in {}", self.hello));
        scopes.sort();
        scopes
    }
}
