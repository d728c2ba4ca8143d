//! Which secret counts.

use super::*;

#[test]
fn the_mode_follows_from_the_secrets_unless_it_is_written() {
    let password = || Place::new().var("OPENCLAW_GATEWAY_PASSWORD", "p");
    #[rustfmt::skip]
    let rows = [
        (Place::new(),                                                                          Flags::default(), AuthMode::Token),
        (Place::new().var("OPENCLAW_GATEWAY_TOKEN", "t"),                                       Flags::default(), AuthMode::Token),
        (password(),                                                                            Flags::default(), AuthMode::Password),
        (password().var("OPENCLAW_GATEWAY_TOKEN", "t"),                                         Flags::default(), AuthMode::Password),
        (password(),                                                                            token("t"),       AuthMode::Token), // typed just now
        (password().file("openclaw.json", "{ gateway: { auth: { mode: 'token' } } }"),          Flags::default(), AuthMode::Token),
        (password(), Flags { auth: Some(AuthMode::None), bind: Some(Bind::Loopback), ..Flags::default() },        AuthMode::None),
    ];
    for (index, (place, flags, mode)) in rows.into_iter().enumerate() {
        assert_eq!(place.load(&flags).settings.auth.mode, mode, "row {index}");
    }
}

#[test]
fn secrets_that_disagree_keep_a_gateway_from_starting() {
    let config = "{ gateway: { auth: { token: 'one' } } }";
    let place = Place::new().file("openclaw.json", config).var("OPENCLAW_GATEWAY_TOKEN", "two");
    let expected = "gateway.auth.token in OPENCLAW_GATEWAY_TOKEN: differs from the value in openclaw.json";
    assert_eq!(place.refusals(&Flags::default()), [expected]);

    let client = load_for_client(&place.environment, &Flags::default()).unwrap().settings.auth.token;
    assert_eq!(client.in_force().unwrap().secret.expose(), "two");
    assert_eq!(client.from_environment().unwrap().secret.expose(), "two");
    assert_eq!(client.from_files().unwrap().secret.expose(), "one");

    let flagged = place.load(&token("three")).settings;
    assert_eq!(flagged.auth.shared_secret().unwrap().secret.expose(), "three");
    assert_eq!(flagged.origin("gateway.auth.token"), Origin::Flag("--token"));

    let agreeing = Place::new()
        .file("openclaw.json", config)
        .var("OPENCLAW_GATEWAY_TOKEN", "one\n")
        .secret("OPENCLAW_GATEWAY_TOKEN_FILE", "one\r\n");
    assert_eq!(agreeing.refusals(&Flags::default()), [] as [&str; 0]);
    assert_eq!(agreeing.load(&Flags::default()).settings.auth.token.all().len(), 3);
}

#[test]
fn a_secret_in_two_places_of_the_environment_is_ambiguous_for_everybody() {
    let place = Place::new().var("OPENCLAW_GATEWAY_TOKEN", "one").secret("OPENCLAW_GATEWAY_TOKEN_FILE", "two");
    let error = load_for_client(&place.environment, &Flags::default()).unwrap_err();
    assert!(error.to_string().contains("differs from the value in OPENCLAW_GATEWAY_TOKEN"), "{error}");
    assert!(!error.hint().is_empty());
}

#[test]
fn the_generated_token_counts_only_when_there_is_no_other() {
    let place = Place::new();
    let mut loaded = place.load(&Flags::default());
    let path = loaded.ensure_token().unwrap().expect("a token was made");
    assert_eq!(path, place.path("identity/gateway-token"));
    let generated = loaded.settings.auth.shared_secret().unwrap().clone();
    assert_eq!(generated.source, Origin::Generated(path));
    assert_eq!(loaded.ensure_token().unwrap(), None, "there is one now");

    assert_eq!(place.load(&Flags::default()).settings.auth.shared_secret(), Some(&generated));
    let client = load_for_client(&place.environment, &Flags::default()).unwrap();
    assert_eq!(client.settings.auth.shared_secret(), Some(&generated));
    let configured = place.var("OPENCLAW_GATEWAY_TOKEN", "t");
    let mut loaded = configured.load(&Flags::default());
    assert_eq!(loaded.settings.auth.token.all().len(), 1);
    assert_eq!(loaded.ensure_token().unwrap(), None);
}

#[test]
fn no_token_is_made_for_a_mode_without_one() {
    let place = Place::new().var("OPENCLAW_GATEWAY_PASSWORD", "p");
    assert_eq!(place.load(&Flags::default()).ensure_token().unwrap(), None);
    assert_eq!(place.entries(), 0);
}

#[test]
fn nothing_that_is_printed_shows_a_secret() {
    let place = Place::new()
        .file("openclaw.json", "{ gateway: { auth: { token: 'hunter2' }, remote: { token: 'hunter3' } } }")
        .var("OPENCLAW_GATEWAY_PASSWORD", "hunter4");
    let loaded = place.load(&Flags { password: Some(Secret::new("hunter5")), ..Flags::default() });
    assert!(!format!("{loaded:?} {:?}", place.environment).contains("hunter"));
}
