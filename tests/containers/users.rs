//! Whoever runs it, on whatever it finds.

use std::{fs, os::unix::fs::chown, path::Path};

use tempfile::TempDir;

use crate::{
    engine::{DEADLINE, Engine},
    support::ran::Ran,
};

/// As little as a container can have.
const HARDENED: [&str; 5] =
    ["--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges", "--env=HOME=/nonexistent", "--network=none"];

#[test]
fn any_user_on_a_new_volume() {
    let Some(engine) = Engine::of_suite() else { return };
    for user in ["1000:0", "12345:0", "12345:12345", "65532:65532", "0:0"] {
        for options in [&[][..], &HARDENED] {
            let volume = engine.volume();
            let (user, mounted) = (format!("--user={user}"), volume.mounted());
            let mut all = vec![user.as_str(), mounted.as_str()];
            all.extend(options);
            let gateway = engine.gateway(&all);
            gateway.exec(&["openclaw", "devices", "list"]).succeeded().says(&["No device pairing entries"]);
            gateway.exec(&["openclaw", "gateway", "health"]).succeeded();
            // The command line's container, and again as its own first word.
            for words in [&["devices", "list"][..], &["openclaw", "devices", "list"]] {
                let mut run = vec!["run", "--rm", &user, &mounted];
                run.extend(options);
                let image = engine.image("cli");
                run.push(&image);
                run.extend(words);
                engine.docker(&run).succeeded().says(&["No device pairing entries"]).never_says(&["files"]);
            }
            engine.docker(&["stop", &gateway.name]).succeeded();
            assert_eq!(gateway.ended(), 0, "{all:?}");
        }
    }
}

#[test]
fn root_of_the_container_is_let_in_and_others_are_not() {
    let Some(engine) = Engine::of_suite() else { return };
    let gateway = engine.gateway(&[]);
    for user in ["0", "root", "1000", "node"] {
        let ran = gateway.exec_with(&["--user", user], &["openclaw", "devices", "list"]);
        ran.succeeded().says(&["No device pairing entries"]);
    }
    // Neither the socket nor the token is for them.
    gateway.exec_with(&["--user", "777:777"], &["openclaw", "devices", "list"]).exited(1);
}

#[test]
fn a_folder_of_somebody_else_is_told_in_one_line_with_what_mends_it() {
    let Some(engine) = Engine::of_suite() else { return };
    let folder = TempDir::new().expect("a directory");
    let state = folder.path().join("state of mine");
    for mode in [0o755, 0o700] {
        let _ = fs::remove_dir_all(&state);
        fs::create_dir(&state).expect("ours");
        set_mode(&state, mode);
        chown(&state, Some(4242), Some(4242)).expect("we are root");
        let mounted = format!("--volume={}:/home/node/.openclaw", state.display());
        let ran = engine.docker(&["run", "--rm", &mounted, &engine.image("gateway")]).exited(1);
        let line = ran.stderr.lines().next().unwrap_or_default().to_owned();
        for part in ["/home/node/.openclaw", "owner 4242:4242", "we are 1000:0"] {
            assert!(line.contains(part), "{part} is missing: {ran}");
        }
        // What it says to type is what mends it.
        let at = line.find("chown -R 1000:0 '").unwrap_or_else(|| panic!("no command: {ran}"));
        let command = &line[at..=at + line[at..].rfind('\'').expect("a quoted path")];
        Ran::to_end(engine.command("sh").args(["-c", command]), DEADLINE).succeeded();
        engine.gateway(&[&mounted]);
    }
}

#[test]
fn a_state_that_cannot_be_written_is_told_from_one_that_is_somebody_elses() {
    let Some(engine) = Engine::of_suite() else { return };
    let volume = engine.volume();
    let ran = engine.docker(&["run", "--rm", &format!("{}:ro", volume.mounted()), &engine.image("gateway")]);
    ran.exited(1).says(&["Read-only file system", "mount the volume writable"]).never_says(&["chown"]);
}

#[test]
fn a_state_directory_of_openclaws_own_container_is_taken_over() {
    let Some(engine) = Engine::of_suite() else { return };
    let folder = TempDir::new().expect("a directory");
    // As the incumbent leaves it: user 1000, group 1000, closed to others.
    let files = [("openclaw.json", r#"{ "gateway": { "auth": { "token": "a-token-of-the-old-one" } } }"#)];
    for (name, text) in files {
        fs::write(folder.path().join(name), text).expect("ours");
        chown(folder.path().join(name), Some(1000), Some(1000)).expect("we are root");
        set_mode(&folder.path().join(name), 0o600);
    }
    chown(folder.path(), Some(1000), Some(1000)).expect("we are root");
    set_mode(folder.path(), 0o700);
    let gateway = engine.gateway(&[&format!("--volume={}:/home/node/.openclaw", folder.path().display())]);
    gateway.exec(&["openclaw", "devices", "list"]).succeeded();
    assert!(!folder.path().join("identity/gateway-token").exists(), "the configured token counts");
}

fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("ours");
}
