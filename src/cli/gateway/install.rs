//! `gateway install`: the unit where systemd can use it, and the other ways where it cannot.

use std::{
    fs,
    io::{self, Write as _},
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

use nix::unistd::geteuid;
use serde_json::json;

use super::{
    super::{CliError, Context, Exit, Output, Tone},
    supervision,
    unit::{Account, MARKER, Manager, UNIT, UnitArgs, UnitPlan},
};
use crate::{
    net::LockState,
    supervisor::{Supervisor, UserManager},
};

/// Write the unit of systemd for the gateway; where there is no systemd, say how else to keep one running
#[derive(Debug, clap::Args)]
pub(crate) struct Install {
    #[command(flatten)]
    pub(super) args: UnitArgs,
}

/// What became of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Written {
    New,
    Replaced,
    Unchanged,
}

impl Written {
    const fn as_str(self) -> &'static str {
        match self {
            Self::New => "installed",
            Self::Replaced => "replaced",
            Self::Unchanged => "unchanged",
        }
    }
}

impl Install {
    pub(super) fn run(self, context: &Context, output: &mut Output) -> Result<Exit, CliError> {
        let uid = geteuid();
        let runtime_dir = context.environment.text("XDG_RUNTIME_DIR");
        let user_manager = UserManager::read(Path::new("/"), uid.as_raw(), runtime_dir);
        let manager = self.args.manager();
        if let Some(refusal) = refuse(manager, &user_manager, uid.is_root()) {
            return Err(refusal);
        }
        let plan = self.args.plan(context)?;
        let path = manager.path(&context.environment).ok_or_else(|| CliError::Usage {
            message: "there is no home directory to put the unit in".into(),
            hint: "set HOME or XDG_CONFIG_HOME".into(),
        })?;
        make_state(&plan)?;
        let installed = Installed {
            written: write(&path, &plan.text())?,
            path,
            manager,
            state: plan.state,
            next: next(manager, &user_manager, uid.as_raw()),
            warnings: warnings(context, manager),
        };
        installed.show(output)?;
        Ok(Exit::Done)
    }
}

/// What was done, and what is left to do.
struct Installed {
    written: Written,
    path: PathBuf,
    manager: Manager,
    state: PathBuf,
    next: Vec<String>,
    warnings: Vec<String>,
}

impl Installed {
    fn show(&self, output: &mut Output) -> io::Result<()> {
        if output.is_json() {
            return output.json(&json!({
                "ok": true, "action": "install", "result": self.written.as_str(), "path": self.path,
                "manager": self.manager.as_str(), "stateDir": self.state, "next": self.next, "warnings": self.warnings,
            }));
        }
        output.toned(Tone::Good, &format!("Unit {}: {}", self.written.as_str(), self.path.display()))?;
        output.field("State directory", Tone::Plain, &self.state.display().to_string())?;
        for warning in &self.warnings {
            output.note(Tone::Warning, warning)?;
        }
        output.field("Next", Tone::Plain, "")?;
        self.next.iter().try_for_each(|command| output.line(&format!("  {command}")))
    }
}

/// Why no unit would help here, and what does.
fn refuse(manager: Manager, found: &UserManager, root: bool) -> Option<CliError> {
    let refused = |hint: String| Some(CliError::Gateway { message: format!("no unit is written: {found}"), hint });
    match (manager, found) {
        (_, UserManager::NotSystemd { .. }) => refused(other_ways(&supervision::here())),
        (Manager::System, _) if !root => Some(CliError::Gateway {
            message: "no unit is written: /etc/systemd/system is root's".into(),
            hint: "sudo openclaw gateway install (the gateway runs as you, on your state directory); `openclaw gateway unit` \
                 prints the unit"
                    .into(),
        }),
        (Manager::System, _) | (Manager::User, UserManager::Works { .. }) => None,
        (Manager::User, UserManager::NoSession) => refused(
            "sudo openclaw gateway install (a unit of the system that runs as you needs no session); or in the foreground: \
             openclaw gateway run"
                .into(),
        ),
        (Manager::User, UserManager::NoBus) => refused(
            "sudo openclaw gateway install (a unit of the system that runs as you needs no bus); or in the foreground: \
             openclaw gateway run"
                .into(),
        ),
    }
}

/// How to keep a gateway running without systemd.
fn other_ways(here: &Supervisor) -> String {
    let ways = [
        ("in the foreground", "openclaw gateway run"),
        ("in tmux", "tmux new-session -d -s openclaw 'openclaw gateway run'"),
        ("under a supervisor (supervisord, runit, s6)", "the command `openclaw gateway run`, stopped by TERM"),
    ];
    let container = match here {
        Supervisor::Container { kind, .. } => {
            Some(format!("this is a {kind}: make `openclaw gateway run` its command, and give it a restart policy"))
        }
        _ => None,
    };
    let ways = ways.into_iter().map(|(way, command)| format!("{way}: {command}"));
    container.into_iter().chain(ways).collect::<Vec<_>>().join("\n")
}

/// What to type so that the unit runs.
fn next(manager: Manager, found: &UserManager, uid: u32) -> Vec<String> {
    match manager {
        Manager::System => {
            vec!["systemctl daemon-reload".into(), format!("systemctl enable --now {UNIT}")]
        }
        Manager::User => {
            let unknown = *found == (UserManager::Works { known: false });
            let variable = unknown.then(|| format!("export XDG_RUNTIME_DIR=/run/user/{uid}"));
            let commands = [
                "systemctl --user daemon-reload".to_owned(),
                format!("systemctl --user enable --now {UNIT}"),
                "loginctl enable-linger   # so that it outlives the session".to_owned(),
            ];
            variable.into_iter().chain(commands).collect()
        }
    }
}

/// What would keep the unit from doing what this shell does.
fn warnings(context: &Context, manager: Manager) -> Vec<String> {
    let mut warnings = Vec::new();
    let carried =
        ["OPENCLAW_GATEWAY_TOKEN", "OPENCLAW_GATEWAY_PASSWORD", "OPENCLAW_GATEWAY_PORT", "OPENCLAW_CONFIG_PATH"];
    let set: Vec<_> = carried.into_iter().filter(|name| context.environment.variable(name).is_some()).collect();
    if !set.is_empty() {
        warnings.push(format!(
            "{} is set in this shell and not in the unit: put the setting into {}",
            set.join(", "),
            context.paths.config.display()
        ));
    }
    let by_unit = matches!(supervision::of_gateway(context), Some(Supervisor::Unit { .. }));
    if matches!(context.lock(), LockState::Held { .. }) && !by_unit {
        let user = if manager == Manager::User { " --user" } else { "" };
        warnings.push(format!(
            "a gateway runs already, and the unit's cannot start beside it: openclaw gateway stop, then systemctl{user} start {UNIT}"
        ));
    }
    warnings
}

/// Makes the state directory of another account: systemd takes no path for writable that is not there.
fn make_state(plan: &UnitPlan) -> Result<(), CliError> {
    let Account::Named { ids: (uid, gid), .. } = &plan.account else { return Ok(()) };
    if plan.state.exists() {
        return Ok(());
    }
    let make = || -> io::Result<()> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&plan.state)?;
        std::os::unix::fs::chown(&plan.state, Some(*uid), Some(*gid))
    };
    make().map_err(|error| CliError::Gateway {
        message: format!("cannot make the state directory {}: {error}", plan.state.display()),
        hint: "make it by hand, owned by the account that the gateway runs as".into(),
    })
}

/// Writes the unit, whole or not at all, unless somebody else's stands there.
fn write(path: &Path, text: &str) -> Result<Written, CliError> {
    let failed = |error: io::Error| CliError::Gateway {
        message: format!("cannot write {}: {error}", path.display()),
        hint: "`openclaw gateway unit` prints the unit, to be put there by hand".into(),
    };
    let written = match fs::read_to_string(path) {
        Ok(found) if found == text => return Ok(Written::Unchanged),
        Ok(found) if found.starts_with(MARKER) => Written::Replaced,
        Ok(_) => {
            return Err(CliError::Gateway {
                message: format!("{} is somebody else's: it does not begin as our units do", path.display()),
                hint: "move it away, then `openclaw gateway install` again".into(),
            });
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Written::New,
        Err(error) => return Err(failed(error)),
    };
    let directory = path.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(directory).map_err(failed)?;
    let beside: PathBuf = directory.join(format!(".{UNIT}.{}", std::process::id()));
    let put = || -> io::Result<()> {
        let mut file = fs::File::create(&beside)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&beside, path)
    };
    put().map_err(|error| {
        let _ = fs::remove_file(&beside);
        failed(error)
    })?;
    Ok(written)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        cli::{Format, output::tests::captured},
        hint::Hint as _,
    };

    #[test]
    fn what_was_done_is_told_with_what_is_left_to_do() {
        let mut told = String::new();
        for (manager, written) in [(Manager::System, Written::New), (Manager::User, Written::Replaced)] {
            let installed = Installed {
                written,
                path: "/units/openclaw.service".into(),
                manager,
                state: "/home/u/.openclaw".into(),
                next: next(manager, &UserManager::Works { known: true }, 7),
                warnings: vec!["OPENCLAW_GATEWAY_PORT is set in this shell".into()],
            };
            for format in [Format::Text, Format::Json] {
                let (mut output, out, err) = captured(format, None);
                installed.show(&mut output).expect("in memory");
                told.extend([out.text(), err.text(), "\n".into()]);
            }
        }
        insta::assert_snapshot!(told);
    }

    #[test]
    fn each_case_is_told_with_the_way_that_works() {
        let no_systemd = || UserManager::NotSystemd { pid_one: Some("tini".into()) };
        #[rustfmt::skip]
        let rows = [
            (Manager::System, no_systemd(),                         true,  Some(("first process here is tini", "tmux new-session"))),
            (Manager::User,   no_systemd(),                         false, Some(("first process here is tini", "openclaw gateway run"))),
            (Manager::User,   UserManager::NoSession,               false, Some(("no session", "sudo openclaw gateway install"))),
            (Manager::User,   UserManager::NoBus,                   false, Some(("dbus-user-session", "sudo openclaw gateway install"))),
            (Manager::System, UserManager::NoSession,               false, Some(("root's", "sudo openclaw gateway install"))),
            (Manager::System, UserManager::NoSession,               true,  None),
            (Manager::User,   UserManager::Works { known: false },  false, None),
        ];
        for (manager, found, root, expected) in rows {
            match (refuse(manager, &found, root), expected) {
                (None, None) => {}
                (Some(error), Some((cause, hint))) => {
                    assert!(error.to_string().contains(cause), "{found:?}: {error}");
                    assert!(error.hint().contains(hint), "{found:?}: {}", error.hint());
                }
                (refused, expected) => panic!("{manager:?} {found:?} {root}: {refused:?}, expected {expected:?}"),
            }
        }
    }

    #[test]
    fn only_our_own_file_is_replaced() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("systemd/user").join(UNIT);
        let unit = |text: &str| format!("{MARKER}\n{text}\n");
        assert_eq!(write(&path, &unit("one")).expect("writable"), Written::New);
        assert_eq!(write(&path, &unit("one")).expect("writable"), Written::Unchanged);
        assert_eq!(write(&path, &unit("two")).expect("writable"), Written::Replaced);
        assert_eq!(fs::read_to_string(&path).expect("there"), unit("two"));
        fs::write(&path, "[Unit]\n").expect("writable");
        write(&path, &unit("three")).expect_err("somebody else's");
        assert_eq!(fs::read_to_string(&path).expect("there"), "[Unit]\n");
        assert_eq!(
            fs::read_dir(path.parent().expect("below")).expect("readable").count(),
            1,
            "nothing is left beside it"
        );
    }

    #[test]
    fn a_shell_that_does_not_know_its_manager_is_told_where_it_is() {
        let next = next(Manager::User, &UserManager::Works { known: false }, 7);
        assert_eq!(next[0], "export XDG_RUNTIME_DIR=/run/user/7");
    }
}
