//! What opening and reading the files brought to light.

use std::path::PathBuf;

use crate::hint::Hint;

/// What opening and reading the files brought to light, for the start of a program and its diagnosis.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StoreReport {
    /// What could not be read as records, oldest first.
    pub damage: Vec<Damage>,
    /// What was kept aside at earlier times and still lies there.
    pub kept_earlier: Vec<PathBuf>,
    /// Whether two processes exclude each other here.
    pub locks: Locks,
    /// Whether tokens in clear, written by another gateway, were replaced by their hashes.
    pub took_over_tokens: bool,
    /// How many unfinished files an earlier process left behind; they are removed.
    pub removed_unfinished: usize,
}

/// Whether the file system keeps two processes from changing the files at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Locks {
    /// It does.
    #[default]
    Kernel,
    /// It has no locks: a gateway and an offline command that change a device at the same moment may lose one change.
    Unsupported,
}

/// A file, or entries of one, that could not be read as records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// The file.
    pub file: PathBuf,
    /// What is wrong with it; nothing of its content.
    pub problem: String,
    /// Where it lies now. `None` while it lies where it was, which it does until its place is written.
    pub kept_aside: Option<PathBuf>,
}

impl Hint for Damage {
    fn hint(&self) -> String {
        let file = self.file.display();
        match &self.kept_aside {
            Some(aside) => format!(
                "repair {} and move it to {file} (a running gateway notices), or pair the devices anew and delete it",
                aside.display()
            ),
            None => format!("repair {file}; it is moved aside, not lost, when a device changes before that"),
        }
    }
}

impl Locks {
    /// What to do where there are none.
    pub fn advice(self) -> Option<String> {
        match self {
            Self::Kernel => None,
            Self::Unsupported => Some(
                "put the state directory on a local file system, or never use `--offline` beside a running gateway"
                    .to_owned(),
            ),
        }
    }
}
