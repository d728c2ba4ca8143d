//! What a check found.

use std::path::PathBuf;

use serde::Serialize;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Severity {
    /// Worth knowing.
    Info,
    /// It works, and will not for everybody or for ever.
    Warning,
    /// It does not work.
    Error,
}

/// What a check found: what is wrong, what makes us think so, and what to type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    /// A name that stays the same.
    pub(super) id: &'static str,
    pub(super) severity: Severity,
    /// What is wrong, in one line.
    pub(super) title: String,
    /// What makes us think so.
    pub(super) evidence: Vec<String>,
    /// The next command or setting.
    pub(super) fix: Option<String>,
    /// What `--repair` can do about it.
    #[serde(skip)]
    pub(super) repair: Option<Repair>,
}

/// Something that can be done without losing anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Repair {
    /// Takes rights to a file away from others.
    Close {
        /// The file.
        path: PathBuf,
        /// Its new mode.
        mode: u32,
    },
    /// Gives a file to the owner of the state directory.
    GiveBack {
        /// The file.
        path: PathBuf,
        /// The owner's ids.
        uid: u32,
        gid: u32,
    },
    /// Moves settings into the file where they belong.
    Tidy,
}

impl Finding {
    pub(super) fn new(id: &'static str, severity: Severity, title: impl Into<String>) -> Self {
        Self { id, severity, title: title.into(), evidence: Vec::new(), fix: None, repair: None }
    }

    pub(super) fn error(id: &'static str, title: impl Into<String>) -> Self {
        Self::new(id, Severity::Error, title)
    }

    pub(super) fn warning(id: &'static str, title: impl Into<String>) -> Self {
        Self::new(id, Severity::Warning, title)
    }

    pub(super) fn info(id: &'static str, title: impl Into<String>) -> Self {
        Self::new(id, Severity::Info, title)
    }

    pub(super) fn because(mut self, evidence: impl Into<String>) -> Self {
        self.evidence.push(evidence.into());
        self
    }

    pub(super) fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into());
        self
    }

    pub(super) fn repaired_by(mut self, repair: Repair) -> Self {
        self.repair = Some(repair);
        self
    }
}
