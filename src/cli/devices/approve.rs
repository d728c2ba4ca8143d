//! `devices approve`

use std::io;

use serde_json::json;

use super::{
    super::{
        CliError, Context, Exit, Output, Tone,
        target::TargetArgs,
        text::{one_line, shell},
    },
    DevicesArgs,
    candidate::{Standing, approval_state, roles_of, scopes_of},
};
use crate::protocol::{PairingList, PendingRequest, RequestId};

/// Approve a pairing request. Without an id it shows the newest request and the command that approves it, and approves
/// nothing
#[derive(Debug, clap::Args)]
pub(crate) struct Approve {
    /// Request id, as `devices list` shows it
    request: Option<RequestId>,
    /// Approve the newest request, whatever it is
    #[arg(long, conflicts_with = "request")]
    latest: bool,
    #[command(flatten)]
    pub(super) devices: DevicesArgs,
}

impl Approve {
    pub(super) async fn run(self, context: &Context, output: &mut Output) -> Result<Exit, CliError> {
        let devices = self.devices.open(context, output).await?;
        let request = if let Some(request) = self.request {
            request
        } else {
            let list = devices.list().await?;
            let Some(newest) = list.pending.first() else {
                devices.close().await;
                return Err(CliError::usage(
                    "No pending device pairing requests to approve",
                    "let the device connect, which makes a request; openclaw devices watch shows it as it comes",
                ));
            };
            if !self.latest {
                devices.close().await;
                propose(newest, &list, &self.devices.target, output)?;
                return Ok(Exit::Failed);
            }
            newest.request_id.clone()
        };
        let approved = devices.approve(&request).await?;
        devices.close().await;
        if output.is_json() {
            output.json(&approved)?;
        } else {
            output.toned(Tone::Good, &format!("Approved {} ({})", approved.device.device_id, approved.request_id))?;
        }
        Ok(Exit::Done)
    }
}

fn propose(request: &PendingRequest, list: &PairingList, target: &TargetArgs, output: &mut Output) -> io::Result<()> {
    let known = list.paired.iter().find(|device| device.device_id == request.device_id);
    let command = match &target.url {
        Some(url) => format!("openclaw devices approve {} --url {}", request.request_id, shell(&url.to_string())),
        None => format!("openclaw devices approve {}", request.request_id),
    };
    if output.is_json() {
        output.json(&json!({
            "selected": request,
            "approvalState": approval_state(request, list),
            "approveCommand": command,
            "requiresAuthFlags": { "token": target.token.is_some(), "password": target.password.is_some() },
        }))?;
    } else {
        let granted = |roles: &str, scopes: &str| format!("roles: {roles}; scopes: {scopes}");
        output.line(&format!("Selected pending device request {}", request.request_id))?;
        let name = request.display_name.as_deref().or(request.client_id.as_deref()).unwrap_or("no name");
        output.line(&format!("  Device: {} ({})", one_line(name, 80), one_line(&request.device_id, 80)))?;
        if let Some(address) = &request.remote_ip {
            output.line(&format!("  IP:     {}", one_line(address, 80)))?;
        }
        let asked = granted(&roles_of(&request.asked_roles()), &scopes_of(request.scopes.as_ref()));
        output.line(&format!("  Requested: {asked}"))?;
        if let Some(device) = known {
            let approved = granted(&roles_of(&device.roles), &scopes_of(Some(&device.scopes)));
            output.line(&format!("  Approved: {approved}"))?;
        }
        output.line(&format!("  Note: {}", Standing::of(request, known).kind.note()))?;
        if list.pending.len() > 1 {
            output.line(&format!("  {} more wait: openclaw devices list", list.pending.len() - 1))?;
        }
    }
    output.note(Tone::Plain, &format!("Approve this exact request with: {command}"))?;
    for (given, flag) in [(target.token.is_some(), "--token"), (target.password.is_some(), "--password")] {
        if given {
            output.note(Tone::Dim, &format!("Reuse the same {flag} *** when rerunning."))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        cli::{Format, devices::candidate::tests::example, output::tests::captured},
        config::Secret,
    };

    #[test]
    fn the_newest_request_and_the_command_that_approves_it() {
        let list = example(1_000_000);
        let (mut output, out, err) = captured(Format::Text, None);
        propose(&list.pending[0], &list, &TargetArgs::default(), &mut output).expect("in memory");
        insta::assert_snapshot!(out.text(), @r"
        Selected pending device request 11111111-2222-4333-8444-555555555555
          Device: cli (a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1)
          IP:     192.0.2.7
          Requested: roles: operator; scopes: operator.admin, operator.pairing
          Approved: roles: operator; scopes: operator.read
          Note: Known device that asks for more scopes; what it was granted goes on working.
          1 more wait: openclaw devices list
        ");
        let command =
            "Approve this exact request with: openclaw devices approve 11111111-2222-4333-8444-555555555555\n";
        assert_eq!(err.text(), command);
    }

    #[test]
    fn the_command_repeats_the_target_and_never_the_secret() {
        let list = example(1_000_000);
        let (mut output, out, err) = captured(Format::Json, None);
        let url = Some("ws://gateway:1/?a&b".parse().expect("a URL"));
        let target = TargetArgs { url, token: Some(Secret::new("hunter2")), ..TargetArgs::default() };
        propose(&list.pending[1], &list, &target, &mut output).expect("in memory");
        let document: serde_json::Value = serde_json::from_str(&out.text()).expect("one document");
        assert_eq!(document["approvalState"]["kind"], "new-pairing");
        assert_eq!(document["requiresAuthFlags"], json!({ "token": true, "password": false }));
        assert!(err.text().contains("--url 'ws://gateway:1/?a&b'\nReuse the same --token *** when"), "{}", err.text());
        assert!(!format!("{}{}", out.text(), err.text()).contains("hunter2"));
    }
}
