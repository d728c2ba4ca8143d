//! Where the files are.

use std::path::PathBuf;

use super::{environment::Environment, problem::ConfigError};
use crate::state::StateDir;

/// Where the files are. Naming them creates nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths {
    /// The state directory: `$OPENCLAW_STATE_DIR`, else `.openclaw` in `$OPENCLAW_HOME` or the user's home.
    pub state: StateDir,
    /// `openclaw.json`: `$OPENCLAW_CONFIG_PATH`, else in the state directory.
    pub config: PathBuf,
    /// Whether `$OPENCLAW_CONFIG_PATH` named it.
    pub config_named: bool,
    /// `gateway.json`, beside `openclaw.json`.
    pub own: PathBuf,
}

impl Paths {
    /// Finds the files of `environment`.
    ///
    /// # Errors
    ///
    /// [`ConfigError::NoHome`] when a path counts from a home directory and there is none, and [`ConfigError::NotADirectory`] when
    /// no state directory can be where it should be.
    pub fn resolve(environment: &Environment) -> Result<Self, ConfigError> {
        let base = environment.working_directory();
        let state = match environment.variable("OPENCLAW_STATE_DIR") {
            Some(named) => environment.expand(named, base),
            None => environment.home().map(|home| home.join(".openclaw")),
        };
        let state = state.ok_or(ConfigError::NoHome { wanted_by: "the state directory" })?;
        if let Some(path) = state.ancestors().find(|path| path.exists()).filter(|path| !path.is_dir()) {
            return Err(ConfigError::NotADirectory { path: path.to_owned(), state });
        }
        let state = StateDir::new(state);
        let named = environment.variable("OPENCLAW_CONFIG_PATH");
        let config = match named {
            Some(named) => {
                environment.expand(named, base).ok_or(ConfigError::NoHome { wanted_by: "OPENCLAW_CONFIG_PATH" })?
            }
            None => state.config(),
        };
        let own = match named {
            Some(_) => config.with_file_name("gateway.json"),
            None => state.own_config(),
        };
        Ok(Self { state, config, config_named: named.is_some(), own })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hint::Hint;

    #[test]
    fn follows_the_variables() {
        #[rustfmt::skip]
        let rows = [
            // home             variables                                                  state                 config                        own
            (Some("/home/u"), vec![],                                                    "/home/u/.openclaw", "/home/u/.openclaw/openclaw.json", "/home/u/.openclaw/gateway.json"),
            (Some("/home/u"), vec![("OPENCLAW_HOME", "/srv")],                           "/srv/.openclaw",    "/srv/.openclaw/openclaw.json",    "/srv/.openclaw/gateway.json"),
            (Some("/home/u"), vec![("OPENCLAW_STATE_DIR", "~/s")],                       "/home/u/s",         "/home/u/s/openclaw.json",         "/home/u/s/gateway.json"),
            (None,            vec![("OPENCLAW_STATE_DIR", "/data")],                     "/data",             "/data/openclaw.json",             "/data/gateway.json"),
            (None,            vec![("OPENCLAW_STATE_DIR", "data")],                      "/work/data",        "/work/data/openclaw.json",        "/work/data/gateway.json"),
            (None,            vec![("OPENCLAW_STATE_DIR", "/data"), ("OPENCLAW_CONFIG_PATH", "/etc/openclaw/c.json")],
                                                                                         "/data",             "/etc/openclaw/c.json",            "/etc/openclaw/gateway.json"),
        ];
        for (home, variables, state, config, own) in rows {
            let mut environment = Environment::new(home.map(PathBuf::from), "/work".into());
            for (name, value) in &variables {
                environment = environment.with(*name, *value);
            }
            let paths = Paths::resolve(&environment).unwrap();
            let found = (paths.state.path().to_owned(), paths.config, paths.own);
            assert_eq!(found, (state.into(), config.into(), own.into()), "{home:?} {variables:?}");
        }
    }

    #[test]
    fn without_a_home_the_error_names_the_variable_to_set() {
        let error = Paths::resolve(&Environment::new(None, "/".into())).unwrap_err();
        assert!(error.hint().contains("OPENCLAW_STATE_DIR"), "{error}");
    }

    #[test]
    fn a_file_is_no_state_directory() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("a file");
        std::fs::write(&file, "").expect("writable");
        let resolve = |state: &std::path::Path| {
            Paths::resolve(&Environment::new(None, "/".into()).with("OPENCLAW_STATE_DIR", state.as_os_str()))
        };
        for (state, said) in [(file.clone(), "is a file"), (file.join("below/it"), "cannot be made")] {
            let error = resolve(&state).expect_err("nothing can be kept there");
            assert!(error.to_string().contains(said), "{error}");
            let hint = error.hint();
            assert!(hint.contains(&format!("mv '{0}' '{0}'.old", file.display())), "{hint}");
        }
        assert!(resolve(directory.path()).is_ok(), "a directory");
        assert!(resolve(&directory.path().join("not/yet")).is_ok(), "one that can be made");
    }
}
