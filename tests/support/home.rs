//! A home directory of one program.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

/// A home directory with nothing in it but a directory for temporary files; removed with this value.
pub struct Home {
    root: TempDir,
}

impl Home {
    /// An empty one.
    pub fn new() -> Self {
        // Short: a Unix socket below it must fit 107 bytes.
        let root = tempfile::Builder::new().prefix("oc").tempdir().expect("the temporary directory is writable");
        fs::create_dir(root.path().join("tmp")).expect("it is ours");
        Self { root }
    }

    /// One whose state directory is a copy of `state`.
    pub fn with_state(state: &Path) -> Self {
        let home = Self::new();
        copy(state, &home.state());
        home
    }

    /// The directory itself.
    pub fn path(&self) -> &Path {
        self.root.path()
    }

    /// The state directory where programs look for it by themselves.
    pub fn state(&self) -> PathBuf {
        self.path().join(".openclaw")
    }

    /// Writes the configuration file.
    pub fn configure(&self, config: &Value) {
        fs::create_dir_all(self.state()).expect("it is ours");
        fs::write(self.state().join("openclaw.json"), format!("{config:#}\n")).expect("it is ours");
    }

    /// A command that sees this home and nothing else of the environment.
    pub fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(self.path())
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("HOME", self.path())
            .env("TMPDIR", self.path().join("tmp"));
        command
    }
}

/// Copies a directory with what is in it.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("the target is ours");
    for entry in fs::read_dir(from).unwrap_or_else(|error| panic!("{}: {error}", from.display())) {
        let entry = entry.expect("a directory that nobody writes to");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("it was just listed").is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("the target is ours");
        }
    }
}
