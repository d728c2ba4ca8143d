//! Everything that is wrong or odd with the configuration, and the line where it stands.

use std::{fmt, path::PathBuf};

use serde::Serialize;

use super::{
    Flags, Loaded, edit,
    environment::Environment,
    file,
    generated_token::{self, TokenError},
    load::{Files, Layers, Purpose, finish},
    origin::Origin,
    paths::Paths,
    problem::{ConfigError, Problem},
    warning::{Warning, WarningKind},
};
use crate::hint::Hint;

/// Everything that is wrong or odd.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Diagnosis {
    /// What keeps a gateway from starting.
    pub problems: Vec<Located<Problem>>,
    /// What stops nothing.
    pub warnings: Vec<Located<Warning>>,
}

/// Something about a key, and where the key stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located<T> {
    /// What there is to say.
    pub what: T,
    /// The file, the line and the column; the first are 1.
    pub place: Option<Place>,
}

/// A place in a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The file.
    pub file: PathBuf,
    /// The first is 1.
    pub line: usize,
    /// The first is 1.
    pub column: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file.display(), self.line, self.column)
    }
}

impl fmt::Display for Located<Problem> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        located(f, self.place.as_ref(), self.what.key.as_deref(), &self.what.kind, &self.what)
    }
}

impl fmt::Display for Located<Warning> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        located(f, self.place.as_ref(), self.what.key.as_deref(), &self.what.kind, &self.what)
    }
}

fn located(
    f: &mut fmt::Formatter<'_>,
    place: Option<&Place>,
    key: Option<&str>,
    kind: &dyn fmt::Display,
    whole: &dyn fmt::Display,
) -> fmt::Result {
    match (place, key) {
        (Some(place), Some(key)) => write!(f, "{place}: {key}: {kind}"),
        _ => write!(f, "{whole}"),
    }
}

/// Reads every layer as a gateway does that starts, and tells everything about them.
///
/// # Errors
/// [`ConfigError::NoHome`] when the files cannot be found.
pub fn diagnose(environment: &Environment) -> Result<Diagnosis, ConfigError> {
    let mut found = examine(environment, &Files::default())?;
    // Told only where that token would be the one in force: then a start stops at it.
    let of_token = |each: &Located<Warning>| matches!(each.what.kind, WarningKind::GeneratedToken(_));
    if found.warnings.iter().any(of_token)
        && let Err(TokenError::NoToken { path, defect }) = generated_token::read(&Paths::resolve(environment)?.state)
    {
        let problem = Problem::at("gateway.auth.token", Origin::Generated(path), defect.into());
        found.warnings.retain(|each| !of_token(each));
        found.problems.push(Located { what: problem, place: None });
    }
    Ok(found)
}

/// The same with other texts in the place of the files.
pub(super) fn examine(environment: &Environment, files: &Files<'_>) -> Result<Diagnosis, ConfigError> {
    let flags = Flags::default();
    let layers = Layers::read(environment, &flags, Purpose::Gateway, files)?;
    let (paths, found) = (layers.paths.clone(), layers.warnings.clone());
    let (problems, warnings) = match finish(layers, &flags, Purpose::Gateway) {
        Ok(Loaded { warnings, .. }) => (Vec::new(), warnings),
        Err(ConfigError::Invalid(problems)) => (problems, found),
        Err(error) => return Err(error),
    };
    let disk = |path| file::read(path).ok().flatten().and_then(|bytes| String::from_utf8(bytes).ok());
    let config = files.config.map(str::to_owned).or_else(|| disk(&paths.config));
    let own = files.own.map(str::to_owned).or_else(|| disk(&paths.own));
    let place = |origin: &Origin, key: Option<&str>| {
        let (file, text) = match origin {
            Origin::ConfigFile(file) => (file, config.as_deref()?),
            Origin::OwnFile(file) => (file, own.as_deref()?),
            _ => return None,
        };
        let (line, column) = edit::place(text, &key?.parse().ok()?)?;
        Some(Place { file: file.clone(), line, column })
    };
    Ok(Diagnosis {
        problems: problems
            .into_iter()
            .map(|what| Located { place: place(&what.origin, what.key.as_deref()), what })
            .collect(),
        warnings: warnings
            .into_iter()
            .map(|what| Located { place: place(&what.origin, what.key.as_deref()), what })
            .collect(),
    })
}

impl Located<Problem> {
    /// What to do about it.
    pub fn hint(&self) -> String {
        self.what.hint()
    }
}

impl Located<Warning> {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        if let WarningKind::MisspelledVariable(strange) = &self.what.kind {
            return Some(format!("set {} in place of {strange}", self.what.origin));
        }
        let key = self.what.key.as_deref()?;
        // Names that files hold are shown, but a command is made only of those that are known.
        let known = !matches!(super::manual::lookup(key), super::Named::Unknown | super::Named::Foreign);
        match &self.what.kind {
            WarningKind::Misplaced if known => {
                Some(format!("openclaw doctor --repair moves it, or: openclaw config set {key} VALUE"))
            }
            WarningKind::UnknownKey { nearest: Some(nearest) } => Some(format!("openclaw config set {nearest} VALUE")),
            WarningKind::UnknownKey { nearest: None } => {
                Some("openclaw config schema lists the keys that there are".into())
            }
            WarningKind::NotSupported | WarningKind::Retired { .. } if known => {
                Some(format!("openclaw config unset {key}"))
            }
            WarningKind::MissingVariable(name) => Some(format!("set {name} where the gateway runs")),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problems_have_a_place() {
        let home = tempfile::tempdir().expect("a directory");
        let state = home.path().join(".openclaw");
        std::fs::create_dir(&state).expect("writable");
        std::fs::write(state.join("openclaw.json"), "// mine\n{\n  gateway: { prot: 1,\n    port: 'many' },\n}\n")
            .expect("writable");
        std::fs::write(state.join("gateway.json"), "{ gateway: {\n publishedOn: 5 } }").expect("writable");
        let environment = Environment::new(Some(home.path().into()), "/".into());
        let found = diagnose(&environment).expect("a home");
        let short = |text: String| text.replace(&format!("{}/", state.display()), "");
        let problems: Vec<_> = found.problems.iter().map(|each| short(each.to_string())).collect();
        assert_eq!(
            problems,
            [
                "openclaw.json:4:11: gateway.port: found \"many\", expected a whole number from 0 to 65535",
                "gateway.json:2:15: gateway.publishedOn: found 5, expected a text",
            ]
        );
        assert_eq!(found.problems[0].hint(), "openclaw config schema gateway.port");
        let warnings: Vec<_> = found.warnings.iter().map(|each| short(each.to_string())).collect();
        assert_eq!(
            warnings,
            ["openclaw.json:3:20: gateway.prot: unknown key, kept and ignored; did you mean gateway.port?"]
        );
    }
}
