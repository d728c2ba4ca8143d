//! `gateway whoami`

use std::io;

use super::super::{CliError, Context, Exit, Output, Session, Tone, Wish, reach::gateway, target::TargetArgs};
use crate::{
    client::CallFailure,
    protocol::{HelloOk, Remedy, Scope, Scopes, SourceReport, WhoAmI},
};

/// Show how the gateway sees this connection: class, rule, addresses, what is granted and why, and what to change. Tells
/// what a refusal tells too; exit code 0 means that the gateway lets this command in
#[derive(Debug, clap::Args)]
pub(crate) struct WhoAmICommand {
    #[command(flatten)]
    pub(super) target: TargetArgs,
}

impl WhoAmICommand {
    pub(super) async fn run(self, context: &Context, output: &mut Output) -> Result<Exit, CliError> {
        // As a probe: without a secret, the gateway's refusal is the answer.
        let session = match gateway(context, &self.target, Wish::PROBE, output).await {
            Ok(session) => session,
            Err(error) => {
                if let CliError::Connect(failed) = &error
                    && let Some(source) = failed.failure.source_report()
                    && !output.is_json()
                {
                    show_source(&source, output)?;
                    show_remedies(&source.remedies, output)?;
                }
                return Err(error);
            }
        };
        self.ask(session, output).await
    }

    async fn ask(&self, mut session: Session, output: &mut Output) -> Result<Exit, CliError> {
        let answer = session.call::<WhoAmI>("gateway.whoami", None::<&()>).await;
        let hello = session.hello().clone();
        let target = session.target().clone();
        session.close().await;
        let document = |mut document: serde_json::Value| {
            document["ok"] = true.into();
            document["gateway"] = serde_json::json!({ "url": target.address, "urlSource": target.source.to_string() });
            document
        };
        match answer {
            Ok(who) => {
                if output.is_json() {
                    output.json(&document(serde_json::to_value(&who).map_err(io::Error::from)?))?;
                } else {
                    show(&who, output)?;
                }
            }
            Err(CliError::Call(failed)) if is_unknown(&failed.failure) => {
                if output.is_json() {
                    output.json(&document(serde_json::json!({ "supported": false, "hello": hello_of(&hello) })))?;
                } else {
                    show_hello(&hello, output)?;
                }
            }
            Err(error) => return Err(error),
        }
        Ok(Exit::Done)
    }
}

/// OpenClaw's own gateways have no such method.
fn is_unknown(failure: &CallFailure) -> bool {
    matches!(failure, CallFailure::Refused(error) if error.message.starts_with("unknown method"))
}

fn hello_of(hello: &HelloOk) -> serde_json::Value {
    let auth = hello.auth.as_ref();
    serde_json::json!({
        "version": hello.server.version, "protocol": hello.protocol,
        "mechanism": auth.and_then(|auth| auth.method.clone()),
        "role": auth.map(|auth| auth.role), "scopes": auth.map(|auth| auth.scopes.clone()),
    })
}

fn show_hello(hello: &HelloOk, output: &mut Output) -> io::Result<()> {
    let version = format!("version {}, protocol {}", hello.server.version, hello.protocol);
    output.field("Gateway", Tone::Good, &format!("{version}; it lets this command in"))?;
    if let Some(auth) = &hello.auth {
        let by = auth.method.as_deref().unwrap_or("not told");
        output.field("Auth", Tone::Plain, &format!("{by}, {} with {}", auth.role, scopes(&auth.scopes)))?;
    }
    output.field(
        "Source",
        Tone::Warning,
        "this gateway does not tell how it sees a connection (it has no gateway.whoami): it is no gateway of this program, or \
         an older one",
    )
}

fn show(who: &WhoAmI, output: &mut Output) -> io::Result<()> {
    show_source(&who.source, output)?;
    let request = &who.request;
    let host = match (&request.host, request.host_judgement.as_str()) {
        (None, judgement) => judgement.to_owned(),
        (Some(host), judgement) => format!("{host} ({})", explain_judgement(judgement)),
    };
    output.field("Host", Tone::Plain, &host)?;
    if let Some(origin) = &request.origin {
        output.field("Origin", Tone::Plain, &format!("{origin} (allowed)"))?;
    }
    output.field("Encrypted", Tone::Plain, if request.tls { "yes" } else { "no" })?;
    let session = &who.session;
    let auth =
        format!("{} (mode {}), {} with {}", session.mechanism, session.mode, session.role, scopes(&session.scopes));
    output.field("Auth", if session.scopes.is_empty() { Tone::Warning } else { Tone::Good }, &auth)?;
    if let Some(user) = &session.user {
        output.field("User", Tone::Plain, &format!("{user}, as the proxy says"))?;
    }
    output.field("Device", Tone::Plain, session.device.as_deref().unwrap_or("none"))?;
    if let Some(waiting) = &session.waiting {
        output.field("Waiting", Tone::Warning, &format!("request {waiting}"))?;
    }
    if let Some(advice) = &session.advice {
        output.field("Missing scopes", Tone::Warning, advice)?;
    }
    let place = &who.place;
    output.field("Gateway", Tone::Plain, &format!("version {}, on a {}", who.version, place.kind))?;
    show_remedies(&who.source.remedies, output)?;
    output.field("Always works there", Tone::Plain, &place.command)
}

fn explain_judgement(judgement: &str) -> &str {
    match judgement {
        "listed" => "that of an origin in gateway.controlUi.allowedOrigins",
        "own-name" => "a name of the gateway's machine",
        "fixed" => "no name that a stranger could make point here",
        "foreign" => "foreign: browsers under it need their origin in gateway.controlUi.allowedOrigins",
        other => other,
    }
}

fn show_source(source: &SourceReport, output: &mut Output) -> io::Result<()> {
    output.field("Class", Tone::Heading, &source.class)?;
    output.field("Rule", Tone::Plain, &source.rule)?;
    if let Some(peer) = source.peer {
        output.field("Peer", Tone::Plain, &format!("{peer} ({})", source.peer_kind))?;
    }
    match source.client {
        Some(client) if Some(client) != source.peer => output.field("Client", Tone::Plain, &client.to_string())?,
        None if source.peer.is_some() => {
            output.field("Client", Tone::Plain, "not told apart from others behind the peer")?;
        }
        _ => {}
    }
    if !source.hops.is_empty() {
        let hops = source.hops.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        output.field("Trusted hops", Tone::Plain, &hops)?;
    }
    output.field("Granted", Tone::Plain, &source.grant)
}

fn show_remedies(remedies: &[Remedy], output: &mut Output) -> io::Result<()> {
    for Remedy { setting, text, command } in remedies {
        output.field(setting.as_deref().unwrap_or("To change it"), Tone::Plain, text)?;
        if let Some(command) = command {
            output.line(&format!("    {command}"))?;
        }
    }
    Ok(())
}

fn scopes(scopes: &Scopes) -> String {
    if scopes.is_empty() {
        return "no scopes".into();
    }
    scopes.iter().map(Scope::as_str).collect::<Vec<_>>().join(", ")
}
