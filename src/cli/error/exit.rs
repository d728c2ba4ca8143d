//! How a command ended.

/// How a command ended that did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// It did what it was asked for.
    Done,
    /// It has told why not, and the exit code says so too.
    Failed,
    /// It did, and there is something to look at.
    Warned,
    /// The configuration does not permit it; what supervises us need not try again.
    Misconfigured,
    /// A signal ended it, with the exit code that stands for that.
    Interrupted(u8),
}

impl Exit {
    /// The process's exit code. 78 is what OpenClaw's gateways end with, and `EX_CONFIG` of sysexits.
    pub const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Warned => 2,
            Self::Misconfigured => 78,
            Self::Interrupted(code) => code,
        }
    }
}
