//! What `config.get` answers.

use super::*;

#[test]
fn a_snapshot_shows_the_file_and_none_of_its_secrets() {
    let place = Place::new().file("openclaw.json", IN_USE).var("OPENCLAW_GATEWAY_PORT", "1");
    let shown = snapshot(&place.environment, &Flags::default()).unwrap();
    let text = shown.to_string();
    for secret in ["123:abc-secret", "sk-or-secret", "skill-secret", "env-secret", "token-from-vars"] {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
    assert_eq!(shown["path"], json!(place.path("openclaw.json")));
    assert_eq!((&shown["exists"], &shown["valid"]), (&json!(true), &json!(true)));
    assert_eq!(shown["config"]["channels"]["telegram"]["botToken"], REDACTED);
    assert_eq!(shown["config"]["gateway"]["port"], 18789, "the file's own value");
    assert_eq!(shown["runtimeConfig"]["gateway"]["port"], 1, "the value in force");
    assert_eq!(shown["runtimeConfig"]["gateway"]["auth"]["token"], REDACTED);
    let raw = shown["raw"].as_str().expect("the text can be shown");
    assert!(raw.contains("// was 8") && raw.contains(&format!("botToken: \"{REDACTED}\"")), "{raw}");
    assert_eq!(shown["hash"], hex::encode(&<sha2::Sha256 as sha2::Digest>::digest(IN_USE.as_bytes())));
}

#[test]
fn a_snapshot_of_nothing() {
    let shown = snapshot(&Place::new().environment, &Flags::default()).unwrap();
    assert_eq!(shown["hash"], "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_eq!((&shown["exists"], &shown["valid"], &shown["raw"]), (&json!(false), &json!(true), &Value::Null));
    assert_eq!((&shown["config"], &shown["issues"]), (&json!({}), &json!([])));
}

#[test]
fn a_snapshot_of_a_file_that_cannot_be_used_says_why() {
    let place = Place::new().file("openclaw.json", "{ gateway: { port: 'x', auth: { token: 'hunter2' } } }");
    let shown = snapshot(&place.environment, &Flags::default()).unwrap();
    assert_eq!(shown["valid"], false);
    assert_eq!(shown["issues"][0]["path"], "gateway.port");
    assert!(!shown.to_string().contains("hunter2"));
    let broken = Place::new().file("openclaw.json", "{ gateway: { auth: { token: 'hunter2' ");
    let shown = snapshot(&broken.environment, &Flags::default()).unwrap();
    assert_eq!((&shown["valid"], &shown["raw"], &shown["parsed"]), (&json!(false), &Value::Null, &json!({})));
    assert!(!shown.to_string().contains("hunter2"));
}

#[test]
fn a_text_whose_secrets_cannot_be_replaced_is_not_shown() {
    let rows = [
        "{ gateway: { mode: 'local', auth: { token: 'local' } } }", // the secret is also another value
        "{ gateway: { auth: { token: 'hunt\\x65r2' } } }",          // the text never spells it
        "{ channels: { x: { password: 12345 } }, gateway: { port: 1 } }", // a number has no quotes
        "{ a: 'it\\'s // no', /* botToken: 'hunter2' */ gateway: { port: 1 } }", // one that was taken out
    ];
    for text in rows {
        let place = Place::new().file("openclaw.json", text);
        let shown = snapshot(&place.environment, &Flags::default()).unwrap();
        assert_eq!(shown["raw"], Value::Null, "{text}");
        assert!(!shown.to_string().contains("hunter2") && !shown.to_string().contains("12345"), "{text}");
    }
    let commented =
        Place::new().file("openclaw.json", "// was hunter2 before\n{ gateway: { auth: { token: 'hunter2' } } }");
    let raw = snapshot(&commented.environment, &Flags::default()).unwrap()["raw"].clone();
    assert_eq!(raw, format!("// was {REDACTED} before\n{{ gateway: {{ auth: {{ token: '{REDACTED}' }} }} }}"));
}
