//! Whether a user's own systemd can be used, and what is missing where it cannot.

use std::{fmt, path::Path};

/// A user's own systemd (`systemctl --user`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserManager {
    /// It runs and can be asked.
    Works {
        /// Whether this shell knows where (`XDG_RUNTIME_DIR`); after `sudo -iu` or `su` it does not.
        known: bool,
    },
    /// The machine was not started by systemd.
    NotSystemd {
        /// Its first process.
        pid_one: Option<String>,
    },
    /// systemd runs, and nothing of this user's does: the user has no session.
    NoSession,
    /// The user's manager runs without a bus.
    NoBus,
}

impl UserManager {
    /// What is there for the user `uid`, below `root` (`/` outside tests). `runtime_dir` is the shell's `XDG_RUNTIME_DIR`.
    pub fn read(root: &Path, uid: u32, runtime_dir: Option<&str>) -> Self {
        // What libsystemd itself asks to know whether systemd is the system manager (`sd_booted(3)`).
        if !root.join("run/systemd/system").is_dir() {
            let name = std::fs::read_to_string(root.join("proc/1/comm")).ok();
            return Self::NotSystemd { pid_one: name.map(|name| name.trim().to_owned()) };
        }
        let run = root.join(format!("run/user/{uid}"));
        if !run.join("systemd/private").exists() {
            Self::NoSession
        } else if run.join("bus").exists() {
            Self::Works { known: runtime_dir.is_some_and(|dir| !dir.is_empty()) }
        } else {
            Self::NoBus
        }
    }
}

impl fmt::Display for UserManager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Works { known: true } => f.write_str("the user's systemd can be used"),
            Self::Works { known: false } => {
                f.write_str("the user's systemd runs, and this shell does not know where (XDG_RUNTIME_DIR is not set)")
            }
            Self::NotSystemd { pid_one: Some(name) } => {
                write!(f, "the first process here is {name} and not systemd, so there are no units")
            }
            Self::NotSystemd { pid_one: None } => f.write_str("systemd does not run here, so there are no units"),
            Self::NoSession => f.write_str("systemd runs here, and this user has no session of it"),
            Self::NoBus => f.write_str("this user's systemd has no bus: the package dbus-user-session is missing"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing() {
        #[rustfmt::skip]
        let rows: &[(&[&str], Option<&str>, UserManager)] = &[
            (&[],                                                                        None,      UserManager::NotSystemd { pid_one: Some("init".into()) }),
            (&["run/systemd/system/x"],                                                  None,      UserManager::NoSession),
            (&["run/systemd/system/x", "run/user/7/x"],                                  None,      UserManager::NoSession),
            (&["run/systemd/system/x", "run/user/7/systemd/private"],                    Some("x"), UserManager::NoBus),
            (&["run/systemd/system/x", "run/user/7/systemd/private", "run/user/7/bus"],  None,      UserManager::Works { known: false }),
            (&["run/systemd/system/x", "run/user/7/systemd/private", "run/user/7/bus"],  Some("x"), UserManager::Works { known: true }),
            (&["run/systemd/system/x", "run/user/8/systemd/private", "run/user/8/bus"],  Some("x"), UserManager::NoSession),
        ];
        for (files, runtime_dir, expected) in rows {
            let root = tempfile::tempdir().expect("a directory");
            for path in files.iter().chain(&["proc/1/comm"]) {
                let path = root.path().join(path);
                std::fs::create_dir_all(path.parent().expect("below the root")).expect("writable");
                std::fs::write(path, "init\n").expect("writable");
            }
            assert_eq!(UserManager::read(root.path(), 7, *runtime_dir), *expected, "{files:?}");
        }
    }
}
