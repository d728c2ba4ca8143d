//! Everything that the checks go by. No check asks the system anything.

use std::{net::IpAddr, path::PathBuf};

use jiff::Timestamp;

use super::network::Network;
use crate::{
    advice::Place,
    config::{Diagnosis, Settings},
    net::{LockState, PortOwner},
    protocol::SourceFinding,
    store::StoreReport,
};

/// Everything that the checks go by.
#[derive(Debug)]
pub(super) struct Facts {
    pub(super) now: Timestamp,
    /// Who we are.
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) place: Place,
    pub(super) state: Directory,
    /// What lies in the state directory.
    pub(super) entries: Vec<Entry>,
    pub(super) disk: Option<Disk>,
    pub(super) config: Diagnosis,
    /// Files of the configuration that are not ours to write, and why.
    pub(super) foreign_files: Vec<String>,
    pub(super) settings: Settings,
    /// What reading the pairing records brought to light; why they could not be read.
    pub(super) store: Option<Result<StoreReport, String>>,
    /// What is wrong with the keys of this machine, and what mends each.
    pub(super) keys: Vec<Mendable>,
    pub(super) certificate: Option<Certificate>,
    /// Names in `gateway.trustedProxies`, and what they stand for.
    pub(super) names: Vec<(String, Result<Vec<IpAddr>, String>)>,
    pub(super) network: Network,
    pub(super) lock: LockState,
    /// That the last gateway was killed or crashed, where none runs.
    pub(super) cut: Option<Mendable>,
    /// Whether the gateway answers over its socket; its version. `None` where none runs here.
    pub(super) answer: Option<Result<String, String>>,
    /// The gateway that commands of this machine use, where it is set up as the client of one elsewhere.
    pub(super) remote: Option<Remote>,
    /// What the gateway that runs here has seen that speaks against the trust that is configured.
    pub(super) seen: Vec<SourceFinding>,
    pub(super) port: u16,
    pub(super) owner: Option<PortOwner>,
    /// OpenClaw's own database, which this gateway does not read.
    pub(super) database: Option<PathBuf>,
}

/// The state directory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Directory {
    pub(super) path: PathBuf,
    pub(super) exists: bool,
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) mode: u32,
    /// Whether we may write there.
    pub(super) writable: bool,
    pub(super) read_only: bool,
}

/// A file or a directory below the state directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) path: PathBuf,
    pub(super) uid: u32,
    pub(super) mode: u32,
    pub(super) is_directory: bool,
    /// Whether a secret is in it.
    pub(super) secret: bool,
    /// When it was last written.
    pub(super) written: Option<Timestamp>,
}

/// The file system of the state directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Disk {
    pub(super) free_bytes: u64,
    /// `None` where the file system does not count them.
    pub(super) free_files: Option<u64>,
}

/// The certificate that is served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Certificate {
    pub(super) path: PathBuf,
    /// What is to be said of it, and whether clients refuse it.
    pub(super) remark: Result<Option<(String, bool)>, String>,
}

/// The gateway elsewhere that this machine is a client of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Remote {
    /// None is named.
    Unnamed,
    /// It takes us.
    Answers,
    /// It does not.
    Fails {
        /// What happened.
        why: String,
        /// Where it was looked for, and with what.
        evidence: Vec<String>,
        /// The next command.
        fix: String,
    },
}

/// Something that is wrong, and what mends it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mendable {
    pub(super) problem: String,
    pub(super) fix: String,
}
