//! `devices list`

use std::io;

use serde_json::json;

use super::{
    super::{
        CliError, Context, Exit, Output, Tone,
        table::table,
        text::{ago, one_line},
    },
    DevicesArgs,
    candidate::{Standing, roles_of},
};
use crate::{
    clock::now_ms,
    hint::Hint as _,
    protocol::{PairedDevice, PairingList, Role, Scope, Scopes, TokenSummary},
};

/// Longest name of a device in a table, in characters.
const MAX_NAME_CHARS: usize = 40;

/// List pairing requests and paired devices
#[derive(Debug, clap::Args)]
pub(crate) struct List {
    #[command(flatten)]
    pub(super) devices: DevicesArgs,
}

impl List {
    pub(super) async fn run(self, context: &Context, output: &mut Output) -> Result<Exit, CliError> {
        let devices = self.devices.open(context, output).await?;
        let list = devices.list().await?;
        let damage = devices.damage();
        devices.close().await;
        if output.is_json() {
            let damaged = damage
                .iter()
                .map(|damage| json!({ "file": damage.file, "problem": damage.problem, "hint": damage.hint() }));
            let mut document = json!(list);
            if !damage.is_empty() {
                document["damaged"] = damaged.collect();
            }
            output.json(&document)?;
        } else if damage.is_empty() || !(list.pending.is_empty() && list.paired.is_empty()) {
            show(&list, now_ms(), output)?;
        } else {
            output.line("No device pairing entries can be read.")?;
        }
        Ok(if damage.is_empty() { Exit::Done } else { Exit::Failed })
    }
}

fn show(list: &PairingList, now_ms: i64, output: &mut Output) -> io::Result<()> {
    if list.pending.is_empty() && list.paired.is_empty() {
        return output.line("No device pairing entries.");
    }
    if !list.pending.is_empty() {
        output.toned(Tone::Heading, &format!("Pending ({})", list.pending.len()))?;
        show_pending(list, now_ms, output)?;
    }
    if !list.paired.is_empty() {
        output.toned(Tone::Heading, &format!("Paired ({})", list.paired.len()))?;
        show_paired(&list.paired, now_ms, output)?;
    }
    Ok(())
}

fn show_pending(list: &PairingList, now_ms: i64, output: &mut Output) -> io::Result<()> {
    let rows = list.pending.iter().map(|request| {
        let known = list.paired.iter().find(|device| device.device_id == request.device_id);
        let name = request.display_name.as_deref().or(request.client_id.as_deref());
        [
            request.request_id.to_string(),
            called(name, &request.device_id, request.remote_ip.as_deref()),
            granted(&request.asked_roles(), request.scopes.as_ref()),
            known.map_or_else(|| "none".to_owned(), |device| granted(&device.roles, Some(&device.scopes))),
            ago(request.ts, now_ms),
            Standing::of(request, known).to_string(),
        ]
    });
    let header = ["Request", "Device", "Requested", "Approved", "Age", "Status"];
    let text = table(output, header, rows.collect(), Some(0));
    output.line(&text)
}

fn show_paired(paired: &[PairedDevice], now_ms: i64, output: &mut Output) -> io::Result<()> {
    let name = |device: &PairedDevice| {
        let label = device.operator_label.as_deref().or(device.display_name.as_deref()).or(device.client_id.as_deref());
        label.map(|name| one_line(name, MAX_NAME_CHARS))
    };
    let row = |device: &PairedDevice| {
        [
            called(name(device).as_deref(), &device.device_id, None),
            roles_of(&device.roles),
            short(Some(&device.scopes)),
            device.tokens.iter().map(token).collect::<Vec<_>>().join(", "),
            device.remote_ip.clone().unwrap_or_default(),
            match (device.connected, device.last_seen_at_ms) {
                (Some(true), _) => "connected".to_owned(),
                (_, Some(then)) => ago(then, now_ms),
                (_, None) => String::new(),
            },
        ]
    };
    // A full id has 64 characters: on a terminal it would leave no room for anything else, so the ids follow the table.
    if output.width().is_none() {
        let rows = paired.iter().map(|device| {
            let [called, roles, scopes, tokens, address, seen] = row(device);
            [called, roles, scopes, tokens, address, seen, device.device_id.clone()]
        });
        let text =
            table(output, ["Device", "Roles", "Scopes", "Tokens", "IP", "Seen", "Device ID"], rows.collect(), None);
        return output.line(&text);
    }
    let rows = paired.iter().map(row).collect();
    let text = table(output, ["Device", "Roles", "Scopes", "Tokens", "IP", "Seen"], rows, None);
    output.line(&text)?;
    output.toned(Tone::Heading, "Full device IDs")?;
    for device in paired {
        let id = one_line(&device.device_id, usize::MAX);
        output.line(&match name(device) {
            Some(name) => format!("{id}  {name}"),
            None => id,
        })?;
    }
    Ok(())
}

/// `name · ip`, or the beginning of the id where there is no name.
fn called(name: Option<&str>, id: &str, address: Option<&str>) -> String {
    let name = name.map_or_else(|| one_line(id, 13), |name| one_line(name, MAX_NAME_CHARS));
    match address {
        Some(address) => format!("{name} · {address}"),
        None => name,
    }
}

/// `operator: admin, read`: in a table there is no room for the prefix that every scope has.
fn granted(roles: &[Role], scopes: Option<&Scopes>) -> String {
    let (roles, scopes) = (roles_of(roles), short(scopes));
    if scopes.is_empty() { roles } else { format!("{roles}: {scopes}") }
}

fn short(scopes: Option<&Scopes>) -> String {
    let names = scopes.into_iter().flatten().map(Scope::as_str);
    names.map(|name| name.strip_prefix("operator.").unwrap_or(name)).collect::<Vec<_>>().join(", ")
}

fn token(token: &TokenSummary) -> String {
    if token.revoked_at_ms.is_some() { format!("{} (revoked)", token.role) } else { token.role.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Format, devices::candidate::tests::example, output::tests::captured};

    const NOW: i64 = 1_767_225_600_000;

    fn shown(list: &PairingList, width: Option<u16>) -> String {
        let (mut output, out, err) = captured(Format::Text, width);
        show(list, NOW, &mut output).expect("in memory");
        assert_eq!(err.text(), "");
        out.text()
    }

    #[test]
    fn on_a_terminal() {
        insta::assert_snapshot!(shown(&example(NOW), Some(110)));
    }

    #[test]
    fn in_a_pipe() {
        insta::assert_snapshot!(shown(&example(NOW), None));
    }

    #[test]
    fn nothing_at_all() {
        assert_eq!(shown(&PairingList::default(), Some(80)), "No device pairing entries.\n");
    }

    #[test]
    fn on_terminals_of_every_width() {
        for width in [40, 60, 80, 120] {
            let text = shown(&example(NOW), Some(width));
            for line in text.lines() {
                let is_id = line.starts_with("Request: ") || line.split(' ').next().is_some_and(|id| id.len() == 64);
                assert!(is_id || line.chars().count() <= usize::from(width), "{width}: {line}");
            }
            insta::assert_snapshot!(format!("width_{width}"), text);
        }
    }

    #[test]
    fn full_ids_survive_a_narrow_terminal() {
        let text = shown(&example(NOW), Some(60));
        for device in &example(NOW).paired {
            assert!(text.lines().any(|line| line.starts_with(&device.device_id)), "{text}");
        }
        let text = shown(&example(NOW), Some(80));
        for request in &example(NOW).pending {
            assert!(text.lines().any(|line| line.contains(request.request_id.as_str())), "{text}");
        }
    }
}
