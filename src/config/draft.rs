//! An edit of the configuration that is not written yet: which files it changes, and whether the result can be used.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::{
    diagnose::{Diagnosis, Located, examine},
    edit::{self, EditError},
    environment::Environment,
    file, json5, keys,
    load::Files,
    manual::{Named, Setting, lookup},
    path::{KeyPath, Step},
    paths::Paths,
    problem::{ConfigError, Problem, ProblemKind},
    warning::{Warning, WarningKind},
    write::{self, WriteError},
};
use crate::hint::Hint;

/// An edit that is not written yet.
///
/// Not `Debug`: the texts hold secrets.
pub struct Draft {
    environment: Environment,
    before: Diagnosis,
    config: Sheet,
    own: Sheet,
}

/// One file, as it is and as it would be.
struct Sheet {
    path: PathBuf,
    bytes: Option<Vec<u8>>,
    text: String,
}

/// What an edit comes to.
#[derive(Debug, Default)]
pub struct Verdict {
    /// What would be wrong, and is not wrong now: reason enough to refuse it.
    pub problems: Vec<Located<Problem>>,
    /// What would be odd and is not odd now, or waits for another edit.
    pub remarks: Vec<String>,
    /// What is wrong before and after.
    pub left: Vec<Located<Problem>>,
}

/// A file that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The file.
    pub path: PathBuf,
    /// What was there before.
    pub backup: Option<PathBuf>,
}

/// Why there is no edit.
#[derive(Debug, thiserror::Error)]
pub enum DraftError {
    /// The files cannot be found.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A file cannot be read.
    #[error("{}: {kind}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        kind: ProblemKind,
    },
    /// The text cannot be edited so.
    #[error("{}: {error}", .path.display())]
    Edit {
        /// The file.
        path: PathBuf,
        /// Why.
        error: EditError,
    },
    /// It cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
}

impl Hint for DraftError {
    fn hint(&self) -> String {
        match self {
            Self::Config(error) => error.hint(),
            Self::Unreadable { .. } => "openclaw config validate".into(),
            Self::Edit { error, .. } => error.hint(),
            Self::Write(error) => error.hint(),
        }
    }
}

impl Draft {
    /// An edit of the files of `environment`.
    ///
    /// # Errors
    /// [`DraftError`] when they cannot be found or read.
    pub fn new(environment: &Environment) -> Result<Self, DraftError> {
        let paths = Paths::resolve(environment)?;
        Ok(Self {
            environment: environment.clone(),
            before: examine(environment, &Files::default())?,
            config: Sheet::read(paths.config)?,
            own: Sheet::read(paths.own)?,
        })
    }

    /// Puts `value` at `path`, each setting into the file where it belongs. Returns the files that change.
    ///
    /// # Errors
    /// [`DraftError::Edit`].
    pub fn set(&mut self, path: &KeyPath, value: &Value) -> Result<(), DraftError> {
        match lookup(&path.setting()) {
            Named::Setting(setting) | Named::Inside(setting) => self.set_setting(&setting, path, value),
            // A section of settings that belong in two files.
            Named::Section(settings) if settings.iter().any(|setting| setting.own) && value.is_object() => {
                let key = path.setting();
                let mut rest = value.clone();
                for setting in settings.iter().filter(|setting| setting.own) {
                    let Some(inner) = setting.key.strip_prefix(&key).map(|inner| inner.trim_start_matches('.')) else {
                        continue;
                    };
                    let Value::Object(members) = &mut rest else { continue };
                    if let Some(value) = keys::remove(members, inner)
                        && let Ok(path) = setting.key.parse()
                    {
                        self.set_setting(setting, &path, &value)?;
                    }
                }
                if let Value::Object(members) = &mut rest {
                    drop_empty(members);
                }
                let nothing_left =
                    rest.as_object().is_some_and(Map::is_empty) && settings.iter().all(|setting| setting.own);
                if nothing_left { Ok(()) } else { self.config.set(path, &rest) }
            }
            Named::Section(_) | Named::Foreign | Named::Unknown => self.config.set(path, value),
        }
    }

    fn set_setting(&mut self, setting: &Setting, path: &KeyPath, value: &Value) -> Result<(), DraftError> {
        if setting.own {
            // In the other file it would stand in OpenClaw's way, and have no effect beside this one.
            if let Ok(whole) = setting.key.parse::<KeyPath>()
                && let Some(misplaced) = self.config.value(&whole)
            {
                if self.own.value(&whole).is_none() {
                    self.own.set(&whole, &misplaced)?;
                }
                self.config.unset(&whole)?;
            }
            return self.own.set(path, value);
        }
        // What stands in `gateway.json` wins, so an edit elsewhere would have no effect.
        if self.own.value(path).is_some() { self.own.set(path, value) } else { self.config.set(path, value) }
    }

    /// Takes away what stands at `path`, in both files. Returns whether anything did.
    ///
    /// # Errors
    /// [`DraftError::Edit`].
    pub fn unset(&mut self, path: &KeyPath) -> Result<bool, DraftError> {
        let own = self.own.unset(path)?;
        Ok(self.config.unset(path)? || own)
    }

    /// Puts every setting into the file where it belongs. Returns the keys that moved.
    ///
    /// # Errors
    /// [`DraftError::Edit`].
    pub fn tidy(&mut self) -> Result<Vec<String>, DraftError> {
        let mut moved = Vec::new();
        for setting in super::manual::settings().into_iter().filter(|setting| setting.own) {
            let Ok(path) = setting.key.parse::<KeyPath>() else { continue };
            if let Some(value) = self.config.value(&path) {
                if self.own.value(&path).is_none() {
                    self.own.set(&path, &value)?;
                }
                self.config.unset(&path)?;
                moved.push(setting.key);
            }
        }
        Ok(moved)
    }

    /// The value at `path` as it stands in the files now.
    pub fn value(&self, path: &KeyPath) -> Option<Value> {
        self.own.value(path).or_else(|| self.config.value(path))
    }

    /// The files that would change.
    pub fn changes(&self) -> Vec<&Path> {
        self.sheets().into_iter().filter(|sheet| sheet.is_changed()).map(|sheet| sheet.path.as_path()).collect()
    }

    /// What the edit comes to.
    ///
    /// # Errors
    /// [`DraftError::Config`].
    pub fn judge(&self) -> Result<Verdict, DraftError> {
        let files = Files { config: self.config.changed_text(), own: self.own.changed_text() };
        let after = examine(&self.environment, &files)?;
        let mut verdict = Verdict::default();
        for problem in after.problems {
            let known = self.before.problems.iter().any(|before| before.what == problem.what);
            match (&problem.what.kind, known) {
                (_, true) => verdict.left.push(problem),
                // Another machine's gateway is meant, the other half comes next, the variable is set where the gateway runs.
                (ProblemKind::RemoteMode, false) => {
                    verdict.remarks.push("this machine's own gateway does not start in this mode".into());
                }
                (ProblemKind::HalfKeyPair(_) | ProblemKind::MissingVariable(_), false) => {
                    verdict.remarks.push(format!("{problem}; {}", problem.hint()));
                }
                (_, false) => verdict.problems.push(problem),
            }
        }
        for warning in after.warnings {
            if !self.before.warnings.iter().any(|before| before.what == warning.what) {
                let refused = |key: &Option<String>| verdict.problems.iter().any(|problem| problem.what.key == *key);
                match refusal(&warning) {
                    Some(problem) if refused(&problem.what.key) => {}
                    Some(problem) => verdict.problems.push(problem),
                    None => verdict.remarks.push(warning.to_string()),
                }
            }
        }
        Ok(verdict)
    }

    /// Writes the files that changed.
    ///
    /// # Errors
    /// [`DraftError::Write`]. Of two files the second may be as it was, and neither is ever half written.
    pub fn write(self) -> Result<Vec<Written>, DraftError> {
        let changed: Vec<_> = self.sheets().into_iter().filter(|sheet| sheet.is_changed()).collect();
        for sheet in &changed {
            write::check_writable(&sheet.path)?;
        }
        let mut written = Vec::new();
        for sheet in changed {
            let backup = write::replace(&sheet.path, sheet.bytes.as_deref(), &sheet.text)?;
            written.push(Written { path: sheet.path.clone(), backup });
        }
        Ok(written)
    }

    /// `gateway.json` first: what moves there must be there before it goes elsewhere.
    fn sheets(&self) -> [&Sheet; 2] {
        [&self.own, &self.config]
    }
}

/// A key that nobody knows, where keys are ours: OpenClaw's programs would refuse the file, and it is a slip nearly always.
fn refusal(warning: &Located<Warning>) -> Option<Located<Problem>> {
    let WarningKind::UnknownKey { nearest } = &warning.what.kind else { return None };
    let nearest = nearest.clone().map(|nearest| format!("{nearest}, which looks most like it"));
    let kind = ProblemKind::Mistyped {
        found: "a key that neither OpenClaw nor this gateway knows".into(),
        expected: nearest.unwrap_or_else(|| "one that `openclaw config schema` lists".into()),
    };
    let what = Problem { key: warning.what.key.clone(), origin: warning.what.origin.clone(), kind };
    Some(Located { what, place: warning.place.clone() })
}

/// Takes out the objects that are empty now: what was in them has gone to the other file.
fn drop_empty(members: &mut Map<String, Value>) {
    members.retain(|_, value| match value {
        Value::Object(inner) => {
            drop_empty(inner);
            !inner.is_empty()
        }
        _ => true,
    });
}

impl Sheet {
    fn read(path: PathBuf) -> Result<Self, DraftError> {
        let bytes = match file::read(&path) {
            Ok(bytes) => bytes,
            Err(kind) => return Err(DraftError::Unreadable { path, kind }),
        };
        let text = match file::text(bytes.as_deref().unwrap_or_default()) {
            Ok(text) => text.to_owned(),
            Err(kind) => return Err(DraftError::Unreadable { path, kind }),
        };
        Ok(Self { path, bytes, text })
    }

    fn set(&mut self, path: &KeyPath, value: &Value) -> Result<(), DraftError> {
        self.text = edit::set(&self.text, path, value).map_err(|error| self.failed(error))?;
        Ok(())
    }

    fn unset(&mut self, path: &KeyPath) -> Result<bool, DraftError> {
        let shorter = edit::unset(&self.text, path).map_err(|error| self.failed(error))?;
        let there = shorter.is_some();
        if let Some(shorter) = shorter {
            self.text = shorter;
            self.drop_empty_parents(path);
        }
        Ok(there)
    }

    /// An object that an edit left empty says nothing; the section itself stays where it is the file's own.
    fn drop_empty_parents(&mut self, path: &KeyPath) {
        let steps = path.steps();
        for length in (2..steps.len()).rev() {
            let Some(parent) = KeyPath::of(&steps[..length]) else { return };
            if self.value(&parent) != Some(Value::Object(Map::new())) {
                return;
            }
            match edit::unset(&self.text, &parent) {
                Ok(Some(shorter)) => self.text = shorter,
                _ => return,
            }
        }
    }

    fn value(&self, path: &KeyPath) -> Option<Value> {
        path.find(&json5::parse(&self.text).ok()?.tree).cloned()
    }

    fn is_changed(&self) -> bool {
        self.text.as_bytes() != self.bytes.as_deref().unwrap_or_default()
    }

    fn changed_text(&self) -> Option<&str> {
        self.is_changed().then_some(self.text.as_str())
    }

    fn failed(&self, error: EditError) -> DraftError {
        DraftError::Edit { path: self.path.clone(), error }
    }
}

impl KeyPath {
    fn of(steps: &[Step]) -> Option<Self> {
        (!steps.is_empty()).then(|| Self::from_steps(steps.to_vec()))
    }
}
