//! The text of the unit (`systemd.service(5)`, `systemd.exec(5)`).

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
    time::Duration,
};

use super::{Account, Manager};
use crate::{
    cli::{Context, text::shell},
    defaults::{STOP_SLACK, WATCHDOG_PERIOD},
};

/// The first line of every unit that we write, by which `gateway install` knows its own.
pub(in super::super) const MARKER: &str =
    "# Unit of `openclaw gateway install`, which replaces this file when it is run again.";

/// The state directory of a gateway whose account systemd makes.
const DYNAMIC_STATE: &str = "/var/lib/openclaw";

/// What a unit says.
#[derive(Debug, Clone)]
pub(in super::super) struct UnitPlan {
    program: PathBuf,
    manager: Manager,
    pub(in super::super) account: Account,
    /// The state directory.
    pub(in super::super) state: PathBuf,
    /// What the gateway writes outside of it.
    writes: Vec<PathBuf>,
    /// The time that open sessions get to finish.
    grace: Duration,
}

impl UnitPlan {
    /// The unit of this machine's gateway.
    pub(super) fn of(program: PathBuf, manager: Manager, account: Account, context: &Context) -> Self {
        let named = context.environment.variable("OPENCLAW_STATE_DIR").is_some();
        let own = || context.state().path().to_owned();
        let state = match &account {
            Account::Manager => own(),
            Account::Named { .. } | Account::Dynamic if named => own(),
            Account::Named { home, .. } => home.join(".openclaw"),
            Account::Dynamic => DYNAMIC_STATE.into(),
        };
        let settings = &context.settings;
        let outside = [settings.logging.file.as_deref(), settings.listen.socket.as_deref()].into_iter().flatten();
        let mut writes: Vec<_> = outside
            .filter(|path| !path.starts_with(&state))
            .filter_map(|path| path.parent().map(Path::to_owned))
            .collect();
        writes.dedup();
        Self { program, manager, account, state, writes, grace: settings.limits.drain() }
    }

    /// Whether systemd makes the state directory.
    fn makes_state(&self) -> bool {
        self.account == Account::Dynamic && self.state == Path::new(DYNAMIC_STATE)
    }

    /// The unit.
    pub(in super::super) fn text(&self) -> String {
        // Of all lines only those of commands know variables.
        let program = word(&self.program).replace('$', "$$");
        let mut text = format!("{MARKER}\n\n[Unit]\nDescription=OpenClaw gateway\n");
        if self.manager == Manager::System {
            text.push_str("Wants=network-online.target\nAfter=network-online.target\n");
        }
        text.push_str("StartLimitIntervalSec=60\nStartLimitBurst=10\n\n[Service]\nType=notify\nNotifyAccess=main\n");
        let mut line = |name: &str, value: &str| {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{name}={value}");
        };
        match &self.account {
            Account::Manager => {}
            Account::Named { name, .. } => line("User", name),
            Account::Dynamic => line("DynamicUser", "yes"),
        }
        if self.makes_state() {
            line("StateDirectory", "openclaw");
            line("StateDirectoryMode", "0700");
        }
        line("Environment", &quoted(&format!("OPENCLAW_STATE_DIR={}", self.state.display())));
        line("ExecStart", &format!("{program} gateway run"));
        line("ExecReload", &format!("{program} gateway reload"));
        line("Restart", "on-failure");
        line("RestartSec", "1");
        // What the configuration does not permit is not permitted a second later either.
        line("RestartPreventExitStatus", "78");
        line("TimeoutStartSec", "30");
        line("TimeoutStopSec", &(self.grace + STOP_SLACK + STOP_SLACK).as_secs().to_string());
        line("WatchdogSec", &WATCHDOG_PERIOD.as_secs().to_string());
        line("KillMode", "mixed");
        line("LimitNOFILE", "65536");
        line("UMask", "0077");
        line("NoNewPrivileges", "yes");
        for (name, value) in FENCES {
            line(name, value);
        }
        if self.manager == Manager::System {
            for (name, value) in SYSTEM_FENCES {
                line(name, value);
            }
            let is_home = |path: &Path| ["/home", "/root", "/run/user"].iter().any(|home| path.starts_with(home));
            let needs_home =
                is_home(&self.state) || is_home(&self.program) || self.writes.iter().any(|path| is_home(path));
            line("ProtectHome", if needs_home { "read-only" } else { "yes" });
            let state = (!self.makes_state()).then_some(self.state.as_path());
            let writes: Vec<_> = state.into_iter().chain(self.writes.iter().map(PathBuf::as_path)).map(word).collect();
            if !writes.is_empty() {
                if let Account::Named { name, .. } = &self.account {
                    let state = shell(&self.state.display().to_string());
                    // Writing to a String cannot fail.
                    let _ = writeln!(text, "# It must be there before the start: install -d -m 0700 -o {name} {state}");
                }
                let mut line = |name: &str, value: &str| {
                    let _ = writeln!(text, "{name}={value}");
                };
                line("ReadWritePaths", &writes.join(" "));
            }
        }
        let target = if self.manager == Manager::System { "multi-user.target" } else { "default.target" };
        let _ = write!(text, "\n[Install]\nWantedBy={target}\n");
        text
    }
}

/// What the gateway does without, and any manager can take away.
const FENCES: &[(&str, &str)] = &[
    ("LockPersonality", "yes"),
    ("MemoryDenyWriteExecute", "yes"),
    ("RestrictAddressFamilies", "AF_UNIX AF_INET AF_INET6 AF_NETLINK"),
    ("RestrictNamespaces", "yes"),
    ("RestrictRealtime", "yes"),
    ("RestrictSUIDSGID", "yes"),
    ("SystemCallArchitectures", "native"),
    ("SystemCallFilter", "@system-service"),
    ("SystemCallErrorNumber", "EPERM"),
];

/// What only the machine's manager can take away.
const SYSTEM_FENCES: &[(&str, &str)] = &[
    ("CapabilityBoundingSet", ""),
    ("AmbientCapabilities", ""),
    ("PrivateDevices", "yes"),
    ("PrivateTmp", "yes"),
    ("ProtectClock", "yes"),
    ("ProtectControlGroups", "yes"),
    ("ProtectHostname", "yes"),
    ("ProtectKernelLogs", "yes"),
    ("ProtectKernelModules", "yes"),
    ("ProtectKernelTunables", "yes"),
    ("ProtectSystem", "strict"),
    ("RemoveIPC", "yes"),
];

/// A path as a word of a unit's line.
fn word(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_' | '-' | '+' | ':' | '@');
    if text.chars().all(plain) { text } else { quoted(&text) }
}

/// A text as one word of a unit's line: quotes and specifiers mean themselves.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '%' => quoted.push_str("%%"),
            c if c.is_control() => {
                let _ = write!(quoted, "\\x{:02x}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(manager: Manager, account: Account, state: &str) -> UnitPlan {
        UnitPlan {
            program: "/usr/local/bin/openclaw".into(),
            manager,
            account,
            state: state.into(),
            writes: Vec::new(),
            grace: Duration::from_secs(8),
        }
    }

    #[test]
    fn the_units() {
        let ann = Account::Named { name: "ann".into(), ids: (1000, 1000), home: "/home/ann".into() };
        insta::assert_snapshot!("system", plan(Manager::System, ann, "/home/ann/.openclaw").text());
        insta::assert_snapshot!("dynamic", plan(Manager::System, Account::Dynamic, DYNAMIC_STATE).text());
        insta::assert_snapshot!("user", plan(Manager::User, Account::Manager, "/home/ann/.openclaw").text());
    }

    #[test]
    fn words_mean_themselves() {
        #[rustfmt::skip]
        let rows = [
            ("/usr/bin/openclaw",   "/usr/bin/openclaw"),
            ("/home/a b/openclaw",  "\"/home/a b/openclaw\""),
            ("/x/%h/$HOME\"\\\n",   "\"/x/%%h/$HOME\\\"\\\\\\x0a\""),
        ];
        for (path, expected) in rows {
            assert_eq!(word(Path::new(path)), expected, "{path}");
        }
    }
}
