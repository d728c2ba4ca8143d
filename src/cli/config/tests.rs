//! `openclaw config` over real files.

use std::fs;

use clap::Parser as _;

use super::{super::output::tests::captured, *};
use crate::{cli::Format, config::Environment};

#[derive(clap::Parser)]
struct Line {
    #[command(subcommand)]
    command: ConfigCommand,
}

/// A state directory, and what commands see there.
struct Place {
    home: tempfile::TempDir,
    environment: Environment,
}

/// How a command ended: exit code, standard output, and the error's lines and hint.
struct Ran {
    code: u8,
    out: String,
    err: String,
    error: String,
}

impl Place {
    fn new() -> Self {
        let home = tempfile::tempdir().expect("a directory");
        fs::create_dir(home.path().join(".openclaw")).expect("writable");
        let environment = Environment::new(Some(home.path().into()), "/".into());
        Self { home, environment }
    }

    fn with(self, name: &str, text: &str) -> Self {
        fs::write(self.home.path().join(".openclaw").join(name), text).expect("writable");
        self
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.home.path().join(".openclaw").join(name)).unwrap_or_default()
    }

    async fn run(&self, words: &[&str]) -> Ran {
        let line = Line::try_parse_from(["config"].iter().chain(words)).unwrap_or_else(|error| panic!("{error}"));
        let format = if line.command.json() { Format::Json } else { Format::Text };
        let (mut output, out, err) = captured(format, None);
        let context = Context::new(self.environment.clone()).expect("a home");
        let ended = line.command.run(&context, &mut output).await;
        let short = |text: String| text.replace(&self.home.path().display().to_string(), "~");
        let (code, error) = match ended {
            Ok(exit) => (exit.code(), String::new()),
            Err(error) => (error.exit().code(), format!("{}\nHint: {}", error.lines().join("\n"), error.hint())),
        };
        Ran { code, out: short(out.text()), err: short(err.text()), error: short(error) }
    }
}

const WRITTEN: &str = "// Ours.\n{\n  gateway: {\n    port: 18790, // moved\n    auth: { token: 'hunter2' },\n  },\n  \
                       agents: { list: [{ id: 'main', apiKey: 'sk-1' }] }, // theirs\n}\n";

#[tokio::test]
async fn a_change_keeps_the_file_and_a_backup() {
    let place = Place::new().with("openclaw.json", WRITTEN);
    let ran = place.run(&["set", "gateway.port", "18791"]).await;
    assert_eq!(ran.code, 0, "{}", ran.error);
    assert_eq!(
        ran.out,
        "Updated gateway.port in ~/.openclaw/openclaw.json (was 18790)\nBackup: ~/.openclaw/openclaw.json.bak\n\
         No gateway runs here: it counts from the next start\n"
    );
    assert_eq!(place.text("openclaw.json"), WRITTEN.replace("18790", "18791"));
    assert_eq!(place.text("openclaw.json.bak"), WRITTEN);
    let again = place.run(&["set", "gateway.port", "18791"]).await;
    assert_eq!((again.code, again.out.as_str()), (0, "gateway.port is so already\n"));
    let dry = place.run(&["set", "gateway.port", "1", "--dry-run", "--json"]).await;
    insta::assert_snapshot!("dry_run", dry.out);
    assert_eq!(place.text("openclaw.json"), WRITTEN.replace("18790", "18791"));
}

#[tokio::test]
async fn each_key_goes_where_it_belongs() {
    let place = Place::new().with("openclaw.json", "{ gateway: { publishedOn: 'loopback', port: 1 } }");
    assert_eq!(place.run(&["set", "gateway.publishedOn", "0.0.0.0"]).await.code, 0);
    assert_eq!(place.text("openclaw.json"), "{ gateway: { port: 1 } }");
    assert!(place.text("gateway.json").contains("\"publishedOn\": \"0.0.0.0\""), "{}", place.text("gateway.json"));
    assert_eq!(
        place.run(&["set", "gateway", "{ port: 2, limits: { drainSeconds: 7 }, bind: 'loopback' }"]).await.code,
        0
    );
    let (config, own) = (place.text("openclaw.json"), place.text("gateway.json"));
    assert!(!config.contains("limits") && config.contains("port: 2"), "{config}");
    assert!(own.contains("\"drainSeconds\": 7") && own.contains("0.0.0.0"), "{own}");
    let ran = place.run(&["path", "gateway.publishedOn"]).await;
    assert_eq!(ran.out, "~/.openclaw/gateway.json\n");
    assert_eq!(place.run(&["unset", "gateway.publishedOn"]).await.code, 0);
    assert!(!place.text("gateway.json").contains("publishedOn"));
}

#[tokio::test]
async fn what_would_not_validate_is_refused() {
    let place = Place::new().with("openclaw.json", WRITTEN);
    #[rustfmt::skip]
    let rows: &[&[&str]] = &[
        &["set", "gateway.port", "many"],
        &["set", "gateway.bind", "public"],
        &["set", "gateway.trustedProxies", "10.0.0.1"],
        &["set", "gateway.trustedProxies", "[10.0.0.1]"],
        &["set", "gateway.prot", "1"],
        &["set", "gateway.port.x", "1"],
        &["set", "gateway.trustedProxies[3]", "x"],
        &["set", "gateway.tls", "true"],
        &["set", "gateway.auth.token", "undefined"],
        &["set", "gateway.auth.token", "__OPENCLAW_REDACTED__"],
        &["set", "gateway.auth.mode", "trusted-proxy"],
        &["set", "__proto__.x", "1"],
        &["unset", "gateway.bind"],
        &["unset", "agents.list[7]"],
        &["get", "gateway.tls.certPath"],
        &["get", "gateway.bogus"],
        &["get", "agents.bogus"],
        &["schema", "gateway.bogus"],
    ];
    let mut shown = String::new();
    for row in rows {
        let ran = place.run(row).await;
        assert_eq!(ran.code, 1, "{row:?}: {}", ran.out);
        assert!(!ran.error.ends_with("Hint: "), "{row:?} names no next step: {}", ran.error);
        shown.extend(["$ openclaw config ", &row.join(" "), "\n", &ran.error, "\n\n"]);
    }
    assert_eq!(place.text("openclaw.json"), WRITTEN);
    assert!(!fs::exists(place.home.path().join(".openclaw/openclaw.json.bak")).expect("looked"));
    insta::assert_snapshot!("refusals", shown);
}

#[tokio::test]
async fn what_is_left_for_later_is_said_and_not_refused() {
    let place = Place::new();
    for (words, remark) in [
        (&["set", "gateway.tls.certPath", "/tls/tls.crt"][..], "needs gateway.tls.keyPath as well"),
        (&["set", "gateway.tls.keyPath", "/tls/tls.key"], ""),
        (&["set", "gateway.mode", "remote"], "own gateway does not start"),
        (&["set", "gateway.auth.password", "${ABSENT}"], "set ABSENT"),
        (&["set", "gateway.trustedProxies", "[\"172.17.0.1\"]"], "openclaw config set gateway.trustedBridges"),
        (&["set", "gateway.trustedProxies[1]", "10.0.0.7"], ""),
        (&["set", "agents.defaults.model", "some/model"], ""),
    ] {
        let ran = place.run(words).await;
        assert_eq!(ran.code, 0, "{words:?}: {}", ran.error);
        assert!(ran.err.contains(remark), "{words:?}: {}", ran.err);
    }
    let got = place.run(&["get", "gateway.trustedProxies"]).await;
    assert_eq!(got.out, "[\n  \"172.17.0.1\",\n  \"10.0.0.7\"\n]\n");
}

#[tokio::test]
async fn values_and_where_they_come_from() {
    let mut place = Place::new().with("openclaw.json", WRITTEN);
    place.environment = place.environment.with("OPENCLAW_GATEWAY_BIND", "lan");
    #[rustfmt::skip]
    let rows: &[(&[&str], &str)] = &[
        (&["get", "gateway.port"],                    "18790\n"),
        (&["get", "gateway.tls.enabled"],             "false\n"),
        (&["get", "gateway.bind"],                    "lan\n"),
        (&["get", "gateway.bind", "--json"],          "\"lan\"\n"),
        (&["get", "gateway.auth.token"],              "hunter2\n"),
        (&["get", "gateway.auth.mode"],               "token\n"),
        (&["get", "agents.list[0].apiKey"],           "sk-1\n"),
        (&["get", "agents.list[0].id"],               "main\n"),
    ];
    for (words, out) in rows {
        let ran = place.run(words).await;
        assert_eq!((ran.code, ran.out.as_str()), (0, *out), "{words:?} {}", ran.error);
    }
    for words in [
        &["get"][..],
        &["get", "--json"],
        &["get", "gateway"],
        &["get", "gateway.auth"],
        &["get", "agents"],
        &["get", "agents.list"],
    ] {
        let ran = place.run(words).await;
        assert!(ran.code == 0 && !ran.out.contains("hunter2") && !ran.out.contains("sk-1"), "{words:?}: {}", ran.out);
    }
    insta::assert_snapshot!("listing", place.run(&["get"]).await.out);
    insta::assert_snapshot!("listing_json", place.run(&["get", "--json"]).await.out);
    let shadowed = place.run(&["set", "gateway.bind", "loopback"]).await;
    assert!(shadowed.err.contains("OPENCLAW_GATEWAY_BIND is set and wins"), "{}", shadowed.err);
}

#[tokio::test]
async fn each_command_in_text_and_in_json() {
    let mut shown = String::new();
    let rows: &[&[&str]] = &[
        &["get", "gateway.port"],
        &["get", "gateway"],
        &["get", "gateway.auth.token"],
        &["set", "gateway.port", "18791"],
        &["set", "gateway.trustedProxies", "[\"172.17.0.1\"]"],
        &["unset", "gateway.port"],
        &["path"],
        &["path", "gateway.trustedBridges"],
        &["validate"],
        &["schema", "gateway.port"],
    ];
    for row in rows {
        for json in [&[][..], &["--json"]] {
            let place = Place::new().with("openclaw.json", WRITTEN);
            let ran = place.run(&[row, json].concat()).await;
            assert_eq!(ran.code, 0, "{row:?}: {}", ran.error);
            shown.extend(["$ openclaw config ", &[row, json].concat().join(" "), "\n", &ran.out, &ran.err, "\n"]);
        }
    }
    insta::assert_snapshot!("each_command", shown);
}

#[tokio::test]
async fn the_generated_token_is_shown() {
    let place = Place::new();
    let before = place.run(&["get", "gateway.auth.token"]).await;
    assert_eq!(before.code, 1);
    assert!(before.error.contains("valid but unset") && before.error.contains("gateway-token"), "{}", before.error);
    fs::create_dir(place.home.path().join(".openclaw/identity")).expect("writable");
    fs::write(place.home.path().join(".openclaw/identity/gateway-token"), "0123abc\n").expect("writable");
    let ran = place.run(&["get", "gateway.auth.token", "--verbose"]).await;
    assert_eq!(ran.out, "0123abc\n");
    assert!(ran.err.contains("identity/gateway-token"), "{}", ran.err);
}

#[tokio::test]
async fn a_token_file_without_a_token_keeps_a_gateway_from_starting() {
    let place = Place::new();
    fs::create_dir(place.home.path().join(".openclaw/identity")).expect("writable");
    fs::write(place.home.path().join(".openclaw/identity/gateway-token"), "").expect("writable");
    let got = place.run(&["get", "gateway.auth.token"]).await;
    assert!(got.code == 1 && got.error.contains("identity/gateway-token"), "{}", got.error);
    assert!(!got.error.contains("first start"), "{}", got.error);
    let checked = place.run(&["validate"]).await;
    assert!(checked.code == 1 && checked.out.contains("identity/gateway-token"), "{}", checked.out);
    // Where another one counts, it stops nothing.
    let place = place.with("openclaw.json", "{ gateway: { auth: { token: 'a-token-of-some-length' } } }");
    assert_eq!(place.run(&["validate"]).await.code, 0);
}

#[tokio::test]
async fn validation_and_manual() {
    let place =
        Place::new().with("openclaw.json", "{\n  gateway: { prot: 1, port: 'many', publishedOn: 'loopback' },\n}\n");
    let ran = place.run(&["validate"]).await;
    assert_eq!(ran.code, 1);
    insta::assert_snapshot!("validate", ran.out);
    insta::assert_snapshot!("validate_json", place.run(&["validate", "--json"]).await.out);
    let good = Place::new();
    assert_eq!(good.run(&["validate"]).await.code, 0);
    insta::assert_snapshot!("schema_of_one", good.run(&["schema", "gateway.trustedBridges"]).await.out);
    insta::assert_snapshot!("schema_of_a_section", good.run(&["schema", "gateway.tls"]).await.out);
    let json = good.run(&["schema", "--json"]).await.out;
    assert!(
        serde_json::from_str::<serde_json::Value>(&json).expect("JSON")["schema"]["properties"]["gateway"].is_object()
    );
}
