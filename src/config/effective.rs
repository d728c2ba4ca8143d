//! Which value a key has, and which layer it came from.

use serde_json::{Map, Value};

use super::{
    environment::Environment,
    flags::Flags,
    keys,
    load::{Files, Layers, OURS, Purpose, settings_of},
    manual::{Named, lookup},
    origin::Origin,
    path::KeyPath,
    paths::Paths,
    problem::ConfigError,
    redact::{is_secret_key, redact},
    settings::Settings,
};

/// The values that every layer together comes to, for a person who asks for one.
///
/// Not `Debug`: what the files say of sections that are not ours holds secrets.
pub struct Effective {
    /// Our own sections, defaults included and secrets replaced.
    tree: Map<String, Value>,
    /// Both files together as they are written.
    written: Map<String, Value>,
    /// `gateway.json` alone.
    own: Map<String, Value>,
    paths: Paths,
    settings: Settings,
}

/// A value, and where it came from.
#[derive(Clone, PartialEq)]
pub struct Found {
    /// The value.
    pub value: Value,
    /// Where it came from.
    pub origin: Origin,
}

impl Effective {
    /// Reads every layer. What cannot be used is left out; [`super::diagnose()`] tells of it.
    ///
    /// # Errors
    /// [`ConfigError::NoHome`] when the files cannot be found.
    pub fn read(environment: &Environment) -> Result<Self, ConfigError> {
        let mut layers = Layers::read(environment, &Flags::default(), Purpose::Client, &Files::default())?;
        let mut written = layers.written.take().unwrap_or_default();
        let own = layers.written_own.take().unwrap_or_default();
        keys::merge(&mut written, own.clone());
        let mut tree = layers.sections().to_tree();
        let settings = settings_of(&mut layers);
        keys::merge(&mut tree, keys::nest("gateway.auth.mode", settings.auth.mode.as_str().into()));
        // What is not set has no value, and a secret's place says nothing.
        for (key, secret) in secrets(&settings) {
            match secret {
                Some(_) => keys::merge(&mut tree, keys::nest(key, super::REDACTED.into())),
                None => drop(keys::remove(&mut tree, key)),
            }
        }
        Ok(Self { tree, written, own, settings, paths: layers.paths })
    }

    /// The settings in force.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The value at `path`; `None` where nothing is set and there is no default. A secret that was asked for by its own name
    /// is in it in clear, those below an object or a list are not.
    pub fn get(&self, path: &KeyPath) -> Option<Found> {
        let key = path.setting();
        let at = |value| Some(Found { value, origin: self.origin_of(path) });
        if let Some((_, secret)) = secrets(&self.settings).into_iter().find(|(name, _)| *name == key) {
            return at(Value::from(secret?));
        }
        let found = match lookup(&key) {
            Named::Foreign | Named::Unknown => path.find(&self.written),
            _ => path.find(&self.tree).or_else(|| path.find(&self.written)),
        }?;
        match found {
            Value::Object(_) | Value::Array(_) if is_secret_key(&key) => at(super::REDACTED.into()),
            Value::Object(_) | Value::Array(_) => at(redact(found)),
            scalar => at(scalar.clone()),
        }
    }

    /// Every value that somebody set, ours first; secrets are replaced.
    pub fn listing(&self) -> Vec<(String, Found)> {
        let mut rows = Vec::new();
        keys::leaves(&self.tree, &mut |key, value| {
            let origin = self.origin(key);
            if origin != Origin::Default {
                rows.push((key.to_owned(), Found { value: value.clone(), origin }));
            }
        });
        let shown = redact(&Value::Object(self.written.clone()));
        keys::leaves(shown.as_object().unwrap_or(&Map::new()), &mut |key, value| {
            if !rows.iter().any(|(listed, _)| listed == key || key.starts_with(&format!("{listed}."))) {
                let origin = key.parse().map_or_else(|_| self.origin(key), |path| self.origin_of(&path));
                rows.push((key.to_owned(), Found { value: value.clone(), origin }));
            }
        });
        rows
    }

    /// Everything as one document; secrets are replaced.
    pub fn document(&self) -> Value {
        let mut document = redact(&Value::Object(self.written.clone()));
        if let Value::Object(document) = &mut document {
            for name in OURS {
                if let Some(Value::Object(section)) = self.tree.get(*name) {
                    keys::merge(document, Map::from_iter([((*name).to_owned(), Value::Object(section.clone()))]));
                }
            }
        }
        redact(&document)
    }

    /// Where a value comes from: for sections that are not ours, the file that holds it.
    fn origin_of(&self, path: &KeyPath) -> Origin {
        match lookup(&path.setting()) {
            Named::Foreign | Named::Unknown if path.find(&self.own).is_some() => {
                Origin::OwnFile(self.paths.own.clone())
            }
            Named::Foreign | Named::Unknown => Origin::ConfigFile(self.paths.config.clone()),
            _ => self.origin(&path.setting()),
        }
    }

    fn origin(&self, key: &str) -> Origin {
        self.settings.origin(key)
    }
}

/// Our secrets, in clear.
fn secrets(settings: &Settings) -> [(&'static str, Option<&str>); 4] {
    [
        ("gateway.auth.token", settings.auth.token.in_force().map(|known| known.secret.expose())),
        ("gateway.auth.password", settings.auth.password.in_force().map(|known| known.secret.expose())),
        ("gateway.remote.token", settings.remote.token.as_ref().map(super::Secret::expose)),
        ("gateway.remote.password", settings.remote.password.as_ref().map(super::Secret::expose)),
    ]
}
