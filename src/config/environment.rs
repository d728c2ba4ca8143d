//! The process's surroundings as a value.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    fmt,
    path::{Path, PathBuf},
};

/// Variables, home and working directory of a process. Nothing else in the crate asks the process for them, so a test makes
/// its own and never touches those of its process.
#[derive(Clone, Default)]
pub struct Environment {
    variables: BTreeMap<String, OsString>,
    user_home: Option<PathBuf>,
    working_directory: PathBuf,
}

impl Environment {
    /// What this process was started with. The home directory is `$HOME`, else the one that `/etc/passwd` names; a process
    /// of an arbitrary uid has neither.
    pub fn of_process() -> Self {
        let variables: BTreeMap<String, OsString> =
            std::env::vars_os().filter_map(|(name, value)| name.into_string().ok().map(|name| (name, value))).collect();
        let user_home =
            variables.get("HOME").filter(|home| !home.is_empty()).map(PathBuf::from).or_else(home_in_passwd);
        Self { variables, user_home, working_directory: std::env::current_dir().unwrap_or_default() }
    }

    /// Surroundings without any variable, for a user whose home is `home`.
    pub fn new(user_home: Option<PathBuf>, working_directory: PathBuf) -> Self {
        Self { variables: BTreeMap::new(), user_home, working_directory }
    }

    /// The same with `name` set to `value`.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<OsString>) -> Self {
        self.variables.insert(name.into(), value.into());
        self
    }

    /// The value of `name`; a blank one counts as not set, as in OpenClaw.
    pub fn variable(&self, name: &str) -> Option<&OsStr> {
        let value = self.variables.get(name)?;
        let blank = value.to_str().is_some_and(|text| text.trim().is_empty());
        (!blank).then_some(value.as_os_str())
    }

    /// The value of `name` where it is text; see [`Environment::variable`].
    pub fn text(&self, name: &str) -> Option<&str> {
        self.variable(name)?.to_str()
    }

    /// The names that begin with `prefix` and have a value.
    pub fn names<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = &'a str> {
        self.variables
            .keys()
            .map(String::as_str)
            .filter(move |name| name.starts_with(prefix) && self.variable(name).is_some())
    }

    /// Where relative paths count from.
    pub fn working_directory(&self) -> &Path {
        &self.working_directory
    }

    /// The directory that `~` and the state directory count from: `$OPENCLAW_HOME`, else the user's home.
    pub fn home(&self) -> Option<PathBuf> {
        let user_home = self.user_home.as_deref();
        match self.variable("OPENCLAW_HOME") {
            Some(named) => expand(named, user_home, &self.working_directory),
            None => user_home.map(Path::to_path_buf),
        }
    }

    /// Makes an absolute path of `path`: `~` is [`Environment::home`], a relative path counts from `base`.
    /// `None` when it begins with `~` and there is no home.
    pub fn expand(&self, path: impl AsRef<OsStr>, base: &Path) -> Option<PathBuf> {
        expand(path.as_ref(), self.home().as_deref(), base)
    }
}

fn expand(path: &OsStr, home: Option<&Path>, base: &Path) -> Option<PathBuf> {
    let path = Path::new(path);
    match path.strip_prefix("~") {
        // `join("")` would add a slash at the end.
        Ok(rest) if rest.as_os_str().is_empty() => home.map(Path::to_path_buf),
        Ok(rest) => home.map(|home| home.join(rest)),
        Err(_) => Some(base.join(path)),
    }
}

/// The home directory of our uid in `/etc/passwd`. Read as a file because a static binary has no name service to ask.
fn home_in_passwd() -> Option<PathBuf> {
    let uid = nix::unistd::geteuid().as_raw().to_string();
    home_of(&uid, &std::fs::read_to_string("/etc/passwd").ok()?)
}

fn home_of(uid: &str, passwd: &str) -> Option<PathBuf> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':').skip(2);
        let same = fields.next() == Some(uid);
        let home = fields.nth(2)?;
        (same && !home.is_empty()).then(|| PathBuf::from(home))
    })
}

impl fmt::Debug for Environment {
    /// Names only: values hold secrets.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Environment")
            .field("variables", &self.variables.keys())
            .field("user_home", &self.user_home)
            .field("working_directory", &self.working_directory)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(home: Option<&str>) -> Environment {
        Environment::new(home.map(PathBuf::from), "/work".into())
    }

    #[test]
    fn home_is_the_named_one_or_the_users() {
        let rows = [
            // HOME          OPENCLAW_HOME  home
            (Some("/home/u"), None, Some("/home/u")),
            (Some("/home/u"), Some("/srv"), Some("/srv")),
            (Some("/home/u"), Some("~"), Some("/home/u")),
            (Some("/home/u"), Some("~/claw"), Some("/home/u/claw")),
            (Some("/home/u"), Some("claw"), Some("/work/claw")),
            (Some("/home/u"), Some("  "), Some("/home/u")),
            (None, Some("/srv"), Some("/srv")),
            (None, Some("~/claw"), None),
            (None, None, None),
        ];
        for (home, named, expected) in rows {
            let mut environment = at(home);
            if let Some(named) = named {
                environment = environment.with("OPENCLAW_HOME", named);
            }
            assert_eq!(environment.home().as_deref(), expected.map(Path::new), "{home:?} {named:?}");
        }
    }

    #[test]
    fn a_tilde_is_a_home_only_at_the_start_of_a_path() {
        let rows = [
            ("~/a", "/home/u/a"),
            ("~", "/home/u"),
            ("~other/a", "/base/~other/a"),
            ("a/~", "/base/a/~"),
            ("/a", "/a"),
        ];
        for (path, expected) in rows {
            assert_eq!(at(Some("/home/u")).expand(path, Path::new("/base")), Some(expected.into()), "{path}");
        }
        assert_eq!(at(None).expand("~/a", Path::new("/base")), None);
    }

    #[test]
    fn finds_a_home_in_passwd() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\nbroken\nnobody:x:65534:65534::/:/sbin/nologin\nempty:x:7:7:::\n";
        for (uid, home) in [("0", Some("/root")), ("65534", Some("/")), ("7", None), ("1000", None)] {
            assert_eq!(home_of(uid, passwd).as_deref(), home.map(Path::new), "uid {uid}");
        }
    }

    #[test]
    fn debug_names_variables_but_not_their_values() {
        let shown = format!("{:?}", at(None).with("OPENCLAW_GATEWAY_TOKEN", "hunter2"));
        assert!(shown.contains("OPENCLAW_GATEWAY_TOKEN") && !shown.contains("hunter2"), "{shown}");
    }
}
