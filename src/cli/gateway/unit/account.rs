//! As whom a unit's gateway runs.

use std::{fs, path::PathBuf};

use nix::unistd::{Uid, geteuid};

use crate::{cli::CliError, config::Environment};

/// As whom a unit's gateway runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) enum Account {
    /// As the user whose systemd it is.
    Manager,
    /// As this account.
    Named {
        /// Its name.
        name: String,
        /// Its user id and that of its group.
        ids: (u32, u32),
        /// Its home.
        home: PathBuf,
    },
    /// As an account that systemd makes for it.
    Dynamic,
}

impl Account {
    /// The account that was named, else the one that called sudo, else the one that calls; systemd makes one for root.
    ///
    /// # Errors
    /// [`CliError::Usage`] where this machine does not know the account.
    pub(super) fn choose(named: Option<&str>, environment: &Environment) -> Result<Self, CliError> {
        let accounts = fs::read_to_string("/etc/passwd").unwrap_or_default();
        Self::choose_from(&accounts, named, environment.text("SUDO_USER"), geteuid())
    }

    fn choose_from(accounts: &str, named: Option<&str>, sudo: Option<&str>, caller: Uid) -> Result<Self, CliError> {
        let by_name = |name: &str| entries(accounts).find(|entry| entry.name == name);
        let own = |entry: Entry<'_>| Self::Named {
            name: entry.name.to_owned(),
            ids: (entry.uid, entry.gid),
            home: entry.home.into(),
        };
        if let Some(name) = named {
            return by_name(name).map(own).ok_or_else(|| CliError::Usage {
                message: format!("--run-as {name}: /etc/passwd has no such account"),
                hint: "`useradd --system --create-home NAME` makes one; without --run-as systemd makes one itself"
                    .into(),
            });
        }
        let called_sudo = sudo.filter(|name| caller.is_root() && *name != "root").and_then(by_name);
        let calls = entries(accounts).find(|entry| !caller.is_root() && entry.uid == caller.as_raw());
        Ok(called_sudo.or(calls).map_or(Self::Dynamic, own))
    }
}

struct Entry<'a> {
    name: &'a str,
    uid: u32,
    gid: u32,
    home: &'a str,
}

/// The lines of /etc/passwd: a static program has no other way to ask.
fn entries(text: &str) -> impl Iterator<Item = Entry<'_>> {
    text.lines().filter_map(|line| {
        let fields: Vec<_> = line.split(':').collect();
        let [name, _, uid, gid, _, home, ..] = fields[..] else { return None };
        Some(Entry { name, uid: uid.parse().ok()?, gid: gid.parse().ok()?, home })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whose_gateway_it_is() {
        const ACCOUNTS: &str = "root:x:0:0:root:/root:/bin/sh\nann:x:1000:1000::/home/ann:/bin/sh\nbroken\n";
        #[rustfmt::skip]
        let rows = [
            // --run-as     SUDO_USER      caller  account
            (None,          None,          0,      Some("dynamic")),
            (None,          Some("ann"),   0,      Some("ann")),
            (None,          Some("root"),  0,      Some("dynamic")),
            (None,          Some("bob"),   0,      Some("dynamic")),
            (None,          None,          1000,   Some("ann")),
            (None,          Some("root"),  1000,   Some("ann")), // sudo -u ann: she did not call it
            (None,          None,          4711,   Some("dynamic")), // an account of another directory
            (Some("ann"),   None,          0,      Some("ann")),
            (Some("root"),  Some("ann"),   0,      Some("root")),
            (Some("bob"),   None,          0,      None),
        ];
        for (named, sudo, caller, expected) in rows {
            let chosen = Account::choose_from(ACCOUNTS, named, sudo, Uid::from_raw(caller)).ok();
            let shown = chosen.map(|account| match account {
                Account::Named { name, .. } => name,
                Account::Dynamic => "dynamic".into(),
                Account::Manager => "manager".into(),
            });
            assert_eq!(shown.as_deref(), expected, "{named:?} {sudo:?} {caller}");
        }
    }
}
