//! The commands of the README, literally.

use std::{env, fs, path::Path};

use tempfile::TempDir;

use crate::{
    engine::{DEADLINE, Engine, root},
    support::ran::Ran,
};

/// The section whose commands are run.
const SECTION: &str = "## In containers";

#[test]
fn the_commands_of_the_readme_work_as_they_stand() {
    let Some(engine) = Engine::of_suite() else { return };
    let readme = fs::read_to_string(root().join("README.md")).expect("there");
    let blocks = commands(&readme, SECTION);
    assert!(blocks.len() >= 3, "{blocks:?}");
    let home = TempDir::new().expect("a directory");
    let program = Path::new(env!("CARGO_BIN_EXE_openclaw")).parent().expect("a directory");
    let path = format!("{}:{}", program.display(), env::var("PATH").expect("set"));
    // One shell, as one person types it: what a block sets and starts, the next one uses.
    let script = format!("set -eu -o pipefail\n{}", blocks.join("\n"));
    let mut command = engine.command("bash");
    // What Cargo tells a test is in nobody's shell, and has ring built once more.
    for (name, _) in env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
            command.env_remove(name.as_ref());
        }
    }
    // Builders keep what they know in the home directory, and so does our program.
    command.args(["-xc", &script]).env("PATH", path).env("OPENCLAW_STATE_DIR", home.path().join("state"));
    let ran = Ran::to_end(&mut command, 5 * DEADLINE);
    for words in [&["compose", "down", "--volumes", "--timeout", "2"][..], &["rm", "--force", "--volumes", "openclaw"]]
    {
        engine.docker(words);
    }
    engine.docker(&["volume", "rm", "--force", "openclaw"]);
    let ran = ran.succeeded();
    let listed = ran.stdout.matches("No device pairing entries").count() + ran.stdout.matches("Paired (1)").count();
    let asked = blocks.iter().map(|block| block.matches("devices list").count()).sum::<usize>();
    assert_eq!(listed, asked, "every list was answered:\n{ran}");
    assert!(asked >= 5, "{blocks:?}");
}

/// The shell commands of a section, a string a block.
fn commands(text: &str, section: &str) -> Vec<String> {
    let from = text.split(&format!("{section}\n")).nth(1).unwrap_or_else(|| panic!("no section {section}"));
    let within = from.split("\n## ").next().expect("the section");
    let mut blocks = Vec::new();
    for block in within.split("```sh\n").skip(1) {
        blocks.push(block.split("```").next().expect("the block").to_owned());
    }
    blocks
}
