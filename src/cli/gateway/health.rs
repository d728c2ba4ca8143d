//! `gateway health` and `health`

use std::{io, time::Instant};

use serde_json::Value;

use super::super::{
    CliError, Context, Exit, Output, Tone, Wish,
    reach::gateway,
    target::TargetArgs,
    text::{count, one_line},
};

/// Ask a gateway for its health; exit code 0 means that it serves
#[derive(Debug, clap::Args)]
pub(crate) struct Health {
    #[command(flatten)]
    pub(in super::super) target: TargetArgs,
}

impl Health {
    /// Runs the command.
    ///
    /// # Errors
    /// [`CliError`] tells why it failed.
    pub(crate) async fn run(self, context: &Context, output: &mut Output) -> Result<Exit, CliError> {
        let began = Instant::now();
        let mut session = gateway(context, &self.target, Wish::CALL, output).await?;
        let health: Value = session.call("health", None::<&()>).await?;
        let milliseconds = began.elapsed().as_millis();
        let version = session.hello().server.version.clone();
        session.close().await;
        let serves = health.get("ok").and_then(Value::as_bool).unwrap_or(true);
        if output.is_json() {
            output.json(&health)?;
        } else {
            show(&health, serves, &version, milliseconds, output)?;
        }
        Ok(if serves { Exit::Done } else { Exit::Failed })
    }
}

fn show(health: &Value, serves: bool, version: &str, milliseconds: u128, output: &mut Output) -> io::Result<()> {
    let (word, tone) = if serves { ("ok", Tone::Good) } else { ("not ok", Tone::Bad) };
    output.field("Gateway", tone, &format!("{word} ({milliseconds} ms, version {})", one_line(version, 40)))?;
    let failing: Vec<_> = health["failing"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if !failing.is_empty() {
        let failing = one_line(&failing.join(", "), 80);
        output.field(
            "Failing",
            Tone::Bad,
            &format!("{failing}; `openclaw doctor` where it runs says what mends it"),
        )?;
    }
    let members = |name: &str| health.get(name).and_then(Value::as_object).map_or(0, serde_json::Map::len);
    let items = |name: &str| health.get(name).and_then(Value::as_array).map_or(0, Vec::len);
    if members("channels") > 0 {
        let label = |id: &str| health["channelLabels"][id].as_str().unwrap_or(id).to_owned();
        let names: Vec<_> = health["channels"].as_object().into_iter().flat_map(serde_json::Map::keys).collect();
        let names = names.into_iter().map(|id| one_line(&label(id), 40)).collect::<Vec<_>>().join(", ");
        output.field("Channels", Tone::Plain, &names)?;
    }
    if items("agents") > 0 {
        let sessions = health["sessions"]["count"].as_u64().unwrap_or(0);
        let sessions = count(usize::try_from(sessions).unwrap_or(usize::MAX), "session");
        output.field("Agents", Tone::Plain, &format!("{}, {sessions}", items("agents")))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cli::{Format, output::tests::captured};

    #[test]
    fn what_a_person_reads() {
        #[rustfmt::skip]
        let rows = [
            (json!({"ok": true, "channels": {}, "agents": []}), true, "Gateway: ok (3 ms, version 1.2.3)\n"),
            (json!({}),                                         true, "Gateway: ok (3 ms, version 1.2.3)\n"),
            (json!({"ok": false}),                              false, "Gateway: not ok (3 ms, version 1.2.3)\n"),
            (json!({"ok": false, "failing": ["state-directory"]}), false,
             "Gateway: not ok (3 ms, version 1.2.3)\nFailing: state-directory; `openclaw doctor` where it runs says what mends it\n"),
            (json!({"ok": true, "channels": {"a": {}, "b": {}}, "channelLabels": {"a": "Alpha"}, "agents": [{}],
                    "sessions": {"count": 2}}),                 true,
             "Gateway: ok (3 ms, version 1.2.3)\nChannels: Alpha, b\nAgents: 1, 2 sessions\n"),
        ];
        for (health, serves, text) in rows {
            let (mut output, out, _) = captured(Format::Text, None);
            show(&health, serves, "1.2.3", 3, &mut output).expect("in memory");
            assert_eq!(out.text(), text, "{health}");
        }
    }
}
