//! From surroundings and flags to settings.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::{
    check,
    credential::Credential,
    document::Document,
    environment::Environment,
    extract, file,
    flags::Flags,
    foreign,
    generated_token::{self, TokenError},
    include, json5, keys,
    origin::Origin,
    paths::Paths,
    problem::{ConfigError, Problem, ProblemKind},
    secret::Secret,
    secret_file, secret_reference,
    sections::Sections,
    settings::Settings,
    substitute::{self, Lookup},
    variables,
    warning::{Warning, WarningKind},
};
use crate::config::AuthMode;

/// A configuration that can be used.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The settings in force.
    pub settings: Settings,
    /// What the operator should know all the same.
    pub warnings: Vec<Warning>,
    /// Where the files are.
    pub paths: Paths,
}

impl Loaded {
    /// Makes the gateway's token when mode is `token` and there is none, and takes it into the settings. Returns the file
    /// that it was just written to; `None` when there was nothing to make.
    ///
    /// # Errors
    ///
    /// The token could not be written, or the file that should hold it holds something else.
    pub fn ensure_token(&mut self) -> Result<Option<PathBuf>, TokenError> {
        let auth = &mut self.settings.auth;
        if auth.mode != AuthMode::Token || auth.token.in_force().is_some() {
            return Ok(None);
        }
        let token = generated_token::ensure(&self.paths.state)?;
        let path = self.paths.state.generated_token();
        auth.token.fall_back_to(Credential { secret: token.secret, source: Origin::Generated(path.clone()) });
        Ok(token.created.then_some(path))
    }
}

/// Reads every layer for a gateway that is to start. Creates nothing; see [`Loaded::ensure_token`].
///
/// # Errors
///
/// Everything that is wrong, at once: files that cannot be read or parsed, values of a wrong type, secrets that disagree or
/// are none, and combinations that a gateway must not start with.
pub fn load(environment: &Environment, flags: &Flags) -> Result<Loaded, ConfigError> {
    let layers = Layers::read(environment, flags, Purpose::Gateway, &Files::default())?;
    finish(layers, flags, Purpose::Gateway)
}

/// Reads every layer for a command that dials a gateway. Works without any file and creates none.
///
/// # Errors
///
/// As [`load`], without the rules about starting a gateway: a machine may know several secrets for several gateways, and a
/// variable that a file names may be set where the gateway runs and not here.
pub fn load_for_client(environment: &Environment, flags: &Flags) -> Result<Loaded, ConfigError> {
    let layers = Layers::read(environment, flags, Purpose::Client, &Files::default())?;
    finish(layers, flags, Purpose::Client)
}

/// The files that a gateway reads its configuration from, with those that they include and those that hold a secret. A file
/// that is not there yet counts too, and so does one that cannot be used.
pub fn files(environment: &Environment, flags: &Flags) -> Vec<PathBuf> {
    let mut files = Layers::read(environment, flags, Purpose::Gateway, &Files::default())
        .map(|layers| layers.files)
        .unwrap_or_default();
    files.sort_unstable();
    files.dedup();
    files
}

/// What the settings are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Gateway,
    Client,
}

/// Texts that stand in for the files: what would be, if they were written.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Files<'a> {
    /// For `openclaw.json`.
    pub(super) config: Option<&'a str>,
    /// For `gateway.json`.
    pub(super) own: Option<&'a str>,
}

/// Every layer, lowest first, with what was found wrong in each.
pub(super) struct Layers {
    pub(super) paths: Paths,
    /// `openclaw.json` as it was written; `None` when there is none or it cannot be parsed.
    pub(super) written: Option<Map<String, Value>>,
    /// `gateway.json` as it was written; see `written`.
    pub(super) written_own: Option<Map<String, Value>>,
    /// Its bytes; `None` when there is none or it cannot be read.
    pub(super) bytes: Option<Vec<u8>>,
    pub(super) documents: Vec<Document>,
    pub(super) problems: Vec<Problem>,
    pub(super) warnings: Vec<Warning>,
    /// Every file that says something, or would if it were there.
    pub(super) files: Vec<PathBuf>,
}

impl Layers {
    pub(super) fn read(
        environment: &Environment,
        flags: &Flags,
        purpose: Purpose,
        files: &Files<'_>,
    ) -> Result<Self, ConfigError> {
        let paths = Paths::resolve(environment)?;
        let mut layers = Self {
            written: None,
            written_own: None,
            bytes: None,
            documents: Vec::new(),
            problems: Vec::new(),
            warnings: Vec::new(),
            files: vec![paths.config.clone(), paths.own.clone(), paths.state.generated_token()],
            paths: paths.clone(),
        };
        let config = (paths.config.as_path(), files.config);
        let (bytes, written) = layers.add_file(Origin::ConfigFile(paths.config.clone()), config, environment, purpose);
        if bytes.is_none() && paths.config_named && !paths.config.exists() {
            let origin = Origin::Variable("OPENCLAW_CONFIG_PATH");
            layers.warnings.push(Warning { key: None, origin, kind: WarningKind::MissingFile });
        }
        (layers.bytes, layers.written) = (bytes, written);
        let own = (paths.own.as_path(), files.own);
        (_, layers.written_own) = layers.add_file(Origin::OwnFile(paths.own.clone()), own, environment, purpose);
        let base = environment.working_directory();
        for document in variables::documents(environment, &mut layers.problems, &mut layers.warnings) {
            layers.add(document, base, environment);
        }
        layers.warnings.extend(variables::misspelled(environment));
        for variable in variables::SECRET_FILES {
            if let Some(path) = environment.variable(variable.name) {
                let Some(path) = environment.expand(path, base) else {
                    let origin = Origin::Variable(variable.name);
                    layers.problems.push(Problem::at(variable.key, origin, ProblemKind::NoHome));
                    continue;
                };
                let origin = Origin::SecretFile { variable: variable.name, path: path.clone() };
                layers.add_secret_file(origin, variable.key, &path);
            }
        }
        for document in flags.documents() {
            layers.add(document, base, environment);
        }
        for (flag, key, path) in flags.secret_files() {
            layers.add_secret_file(Origin::Flag(flag), key, &base.join(path));
        }
        Ok(layers)
    }

    /// Adds what a file says about our settings; returns its bytes and its members.
    fn add_file(
        &mut self,
        origin: Origin,
        (path, text): (&Path, Option<&str>),
        environment: &Environment,
        purpose: Purpose,
    ) -> (Option<Vec<u8>>, Option<Map<String, Value>>) {
        let bytes = match text.map_or_else(|| file::read(path), |text| Ok(Some(text.as_bytes().to_vec()))) {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return (None, None),
            Err(kind) => {
                self.problems.push(Problem::of_file(origin, kind));
                return (None, None);
            }
        };
        let parsed = match file::text(&bytes).and_then(json5::parse) {
            Ok(parsed) => parsed,
            Err(kind) => {
                self.problems.push(Problem::of_file(origin, kind));
                return (Some(bytes), None);
            }
        };
        let ours = |key: &str| OURS.contains(&key.split('.').next().unwrap_or(key));
        for key in parsed.twice.iter().filter(|key| ours(key)) {
            self.warnings.push(Warning::at(key, origin.clone(), WarningKind::Twice));
        }
        let mut whole = parsed.tree.clone();
        let includes = include::resolve(&mut whole, path, OURS);
        self.files.extend(includes.files);
        self.problems.extend(includes.problems.into_iter().map(|kind| Problem::of_file(origin.clone(), kind)));
        let mut tree: Map<String, Value> =
            OURS.iter().filter_map(|name| Some(((*name).to_owned(), whole.get(*name)?.clone()))).collect();
        keys::drop_nulls(&mut tree);
        for key in secret_reference::rewrite(&mut tree) {
            if purpose == Purpose::Client {
                keys::remove(&mut tree, key);
                self.warnings.push(Warning::at(key, origin.clone(), WarningKind::SecretReference));
            }
        }
        let mut missing = Vec::new();
        let lookup = Lookup { environment, file: &whole };
        substitute::fill(&mut tree, "", &lookup, &mut |key, name| missing.push((key.to_owned(), name.to_owned())));
        for (key, name) in missing {
            if purpose == Purpose::Gateway {
                self.problems.push(Problem::at(key, origin.clone(), ProblemKind::MissingVariable(name)));
            } else {
                self.warnings.push(Warning::at(key, origin.clone(), WarningKind::MissingVariable(name)));
            }
        }
        let document = Document { origin, tree };
        self.warnings.extend(foreign::examine(&document));
        self.add(document, path.parent().unwrap_or(Path::new("/")), environment);
        (Some(bytes), Some(parsed.tree))
    }

    fn add_secret_file(&mut self, origin: Origin, key: &str, path: &Path) {
        self.files.push(path.to_owned());
        match secret_file::read(path) {
            Ok(secret) => {
                let mut document = Document::with(origin, key, json!(secret.expose()));
                self.problems.extend(take_defective_secrets(&mut document));
                self.documents.push(document);
            }
            Err(kind) => self.problems.push(Problem::at(key, origin, kind)),
        }
    }

    /// Adds a document after taking out of it what cannot be used. Relative paths in it count from `base`.
    fn add(&mut self, mut document: Document, base: &Path, environment: &Environment) {
        self.problems.extend(extract::check(&mut document));
        self.problems.extend(take_defective_secrets(&mut document));
        self.problems.extend(expand_paths(&mut document, base, environment));
        self.documents.push(document);
    }

    /// The settings that the layers come to.
    pub(super) fn sections(&mut self) -> Sections {
        extract::merge(&self.documents).unwrap_or_else(|problem| {
            self.problems.push(problem);
            Sections::default()
        })
    }
}

/// The sections that are ours; everything else in a file is somebody else's.
pub(super) const OURS: &[&str] = &["gateway", "logging"];

/// Keys whose values are paths.
const PATHS: &[&str] = &[
    "gateway.socket",
    "gateway.tls.certPath",
    "gateway.tls.keyPath",
    "gateway.tls.caPath",
    "gateway.controlUi.root",
    "logging.file",
];

/// Makes every path absolute while it is known which layer it stands in.
fn expand_paths(document: &mut Document, base: &Path, environment: &Environment) -> Vec<Problem> {
    let mut problems = Vec::new();
    for key in PATHS {
        let Some(text) = document.get(key).and_then(Value::as_str) else { continue };
        // JSON text cannot hold every path; one that came in as text goes out as text.
        if let Some(path) = environment.expand(text, base) {
            keys::merge(&mut document.tree, keys::nest(key, path.to_string_lossy().into()));
        } else {
            problems.push(Problem::at(*key, document.origin.clone(), ProblemKind::NoHome));
            keys::remove(&mut document.tree, key);
        }
    }
    problems
}

/// Takes out every text that stands where a secret should and cannot be one.
fn take_defective_secrets(document: &mut Document) -> Vec<Problem> {
    let mut problems = Vec::new();
    for key in secret_reference::SECRETS {
        let Some(text) = document.get(key).and_then(Value::as_str) else { continue };
        if let Some(defect) = Secret::new(text).defect() {
            problems.push(Problem::at(*key, document.origin.clone(), defect.into()));
            keys::remove(&mut document.tree, key);
        }
    }
    problems
}

/// The settings that the layers come to, the generated token among them.
pub(super) fn settings_of(layers: &mut Layers) -> Settings {
    let mut settings = Settings::of(layers.sections(), &layers.documents);
    if settings.auth.mode == AuthMode::Token && settings.auth.token.in_force().is_none() {
        let path = layers.paths.state.generated_token();
        match generated_token::read(&layers.paths.state) {
            Ok(Some(secret)) => {
                settings.auth.token.fall_back_to(Credential { secret, source: Origin::Generated(path) });
            }
            Ok(None) => {}
            // A gateway meets the same error again when it asks for the token, and stops there.
            Err(error) => layers.warnings.push(Warning::at(
                "gateway.auth.token",
                Origin::Generated(path),
                WarningKind::GeneratedToken(error.to_string()),
            )),
        }
    }
    settings
}

pub(super) fn finish(mut layers: Layers, flags: &Flags, purpose: Purpose) -> Result<Loaded, ConfigError> {
    let settings = settings_of(&mut layers);
    // A secret that was taken out is missed by the rules about several settings; naming the first cause is enough.
    if layers.problems.is_empty() || purpose == Purpose::Client {
        layers.problems.extend(match purpose {
            Purpose::Gateway => check::start(&settings, flags),
            Purpose::Client => check::ambiguity(&settings),
        });
    }
    layers.warnings.extend(check::oddities(&settings));
    if !layers.problems.is_empty() {
        return Err(ConfigError::Invalid(layers.problems));
    }
    Ok(Loaded { settings, warnings: layers.warnings, paths: layers.paths })
}
