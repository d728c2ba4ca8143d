//! The two ways to the gateway: as its owner, and from afar.

use std::path::PathBuf;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use openclaw::client::{CallFailure, Connection, Deadline, Endpoint, Failure, Login, Presented};
use openclaw::config::Secret;
use openclaw::protocol::{Challenge, Json, encode_request};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::TOKEN;
use crate::known::Known;
use crate::support::our_gateway::OurGateway;

/// For one step; a gateway that is being killed ends it sooner.
const DEADLINE: Duration = Duration::from_mins(1);

/// An address for documentation: with it in a header, the connection counts as one from elsewhere.
const AFAR: &str = "203.0.113.7";

/// The gateway has gone.
#[derive(Debug)]
pub struct Gone;

/// Where the gateway of this round is.
#[derive(Clone)]
pub struct Door {
    port: u16,
    socket: PathBuf,
}

impl Door {
    /// Of a gateway that runs.
    pub fn of(gateway: &OurGateway) -> Self {
        Self { port: gateway.port(), socket: gateway.socket() }
    }

    /// Comes in through the Unix socket.
    pub async fn owner(&self) -> Result<Owner, Gone> {
        let endpoint = Endpoint::Socket(self.socket.clone());
        match Connection::open(&endpoint, &Login::cli(), Deadline::after(DEADLINE)).await {
            Ok(connection) => Ok(Owner(connection)),
            Err(failure @ (Failure::Refused { .. } | Failure::Timeout { .. })) => panic!("the owner: {failure}"),
            Err(_) => Err(Gone),
        }
    }

    /// Connects as `device` from elsewhere with the token: `Ok(None)` when it is let in, else the id of its request.
    pub async fn ask(&self, device: &Known) -> Result<Option<String>, Gone> {
        let answer = self.connect_from_afar(device).await.map_err(|_| Gone)?;
        if answer["ok"] == true {
            return Ok(None);
        }
        let request = answer["error"]["details"]["requestId"].as_str();
        Ok(Some(request.unwrap_or_else(|| panic!("refused without a request: {answer:#}")).to_owned()))
    }

    async fn connect_from_afar(&self, device: &Known) -> anyhow::Result<Value> {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).await?;
        let mut upgrade = format!("ws://127.0.0.1:{}/", self.port).into_client_request()?;
        upgrade.headers_mut().insert("X-Forwarded-For", AFAR.parse()?);
        let (mut socket, _) = tokio::time::timeout(DEADLINE, client_async(upgrade, stream)).await??;
        let challenge: Challenge = serde_json::from_value(next(&mut socket).await?["payload"].take())?;
        let login =
            Login::cli().presenting(Presented::token(Secret::new(TOKEN))).with_device(Some(device.identity.clone()));
        let connect = encode_request("connect", "connect", Some(&Json::of(&login.answer(&challenge))));
        socket.send(Message::Text(connect.into())).await?;
        next(&mut socket).await
    }
}

async fn next(socket: &mut WebSocketStream<TcpStream>) -> anyhow::Result<Value> {
    let message = tokio::time::timeout(DEADLINE, socket.next()).await?;
    let message = message.ok_or_else(|| anyhow::anyhow!("gone"))??;
    Ok(serde_json::from_str(message.to_text()?)?)
}

/// A full operator.
pub struct Owner(Connection);

impl Owner {
    /// Calls a method that cannot be refused.
    pub async fn call(&mut self, method: &str, params: &Value) -> Result<Value, Gone> {
        match self.0.call(method, Some(params), Deadline::after(DEADLINE)).await {
            Ok(answer) => Ok(answer),
            Err(CallFailure::Lost(_)) => Err(Gone),
            Err(failure) => panic!("{method} {params}: {failure}"),
        }
    }
}
