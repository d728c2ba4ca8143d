//! Which of several secrets counts.

use super::{
    document::Document,
    origin::{Layer, Origin},
    problem::{Problem, ProblemKind},
    secret::Secret,
};

/// A secret and where it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// The secret.
    pub secret: Secret,
    /// Where it came from.
    pub source: Origin,
}

impl Credential {
    /// Whether it is the token that the gateway made itself.
    pub const fn is_generated(&self) -> bool {
        matches!(self.source, Origin::Generated(_))
    }
}

/// Everything that is known as one secret, the one in force first.
///
/// A flag wins. Files, environment and secret files must agree where a gateway starts, because an operator who set two
/// values cannot be asked which one he meant; a command that dials a gateway may know several, for several gateways. The
/// generated token counts only when there is no other.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Credentials {
    known: Vec<Credential>,
}

impl Credentials {
    /// The secret in force.
    pub fn in_force(&self) -> Option<&Credential> {
        self.known.first()
    }

    /// Everything that is known, the one in force first.
    pub fn all(&self) -> &[Credential] {
        &self.known
    }

    /// What a flag names.
    pub fn from_flag(&self) -> Option<&Credential> {
        self.known.iter().find(|credential| credential.source.layer() == Layer::Flag)
    }

    /// What the environment names, directly or through a file.
    pub fn from_environment(&self) -> Option<&Credential> {
        self.known.iter().find(|credential| credential.source.is_environment())
    }

    /// What `openclaw.json` or `gateway.json` names.
    pub fn from_files(&self) -> Option<&Credential> {
        self.known.iter().find(|credential| credential.source.is_file())
    }

    /// Collects what `documents` say at `key`.
    pub(super) fn collect(key: &str, documents: &[Document]) -> Self {
        let mut known: Vec<Credential> = Vec::new();
        for document in documents {
            if let Some(text) = document.get(key).and_then(serde_json::Value::as_str) {
                known.push(Credential { secret: Secret::new(text), source: document.origin.clone() });
            }
        }
        // Stable, so that of two from one layer the later one wins, as everywhere.
        known.reverse();
        known.sort_by_key(|credential| std::cmp::Reverse(credential.source.layer()));
        Self { known }
    }

    /// Adds what counts only when nothing else does.
    pub(super) fn fall_back_to(&mut self, credential: Credential) {
        self.known.push(credential);
    }

    /// The source in force and one that should have said the same and does not. `everywhere`: files and environment must
    /// agree with each other, not only each with itself.
    pub(super) fn disagreement(&self, key: &str, everywhere: bool) -> Option<Problem> {
        let top = self.in_force()?;
        let group = |credential: &Credential| match &credential.source {
            Origin::Flag(_) => Group::Flags,
            source if source.is_environment() => Group::Environment,
            _ => Group::Files,
        };
        let comparable = |other: &&Credential| match (group(top), group(other)) {
            (Group::Flags, other) => other == Group::Flags,
            (ours, other) => everywhere || ours == other,
        };
        let other = self.known.iter().filter(comparable).find(|other| other.secret != top.secret)?;
        Some(Problem::at(key, top.source.clone(), ProblemKind::SecretsDiffer { other: other.source.clone() }))
    }
}

#[derive(PartialEq, Eq)]
enum Group {
    Flags,
    Environment,
    Files,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const KEY: &str = "gateway.auth.token";

    fn credentials(sources: &[(&str, &str)]) -> Credentials {
        let origin = |name: &str| match name {
            "config" => Origin::ConfigFile("/c/openclaw.json".into()),
            "own" => Origin::OwnFile("/c/gateway.json".into()),
            "variable" => Origin::Variable("OPENCLAW_GATEWAY_TOKEN"),
            "file" => Origin::SecretFile { variable: "OPENCLAW_GATEWAY_TOKEN_FILE", path: "/run/secrets/t".into() },
            _ => Origin::Flag("--token"),
        };
        let made = sources.iter().map(|(name, secret)| Document::with(origin(name), KEY, json!(secret)));
        Credentials::collect(KEY, &made.collect::<Vec<_>>())
    }

    #[test]
    fn one_counts_and_the_others_agree_or_are_named() {
        use Layer::{ConfigFile, Flag, OwnFile, SecretFile, Variable};
        #[rustfmt::skip]
        let rows = [
            // sources                                                in force            a gateway refuses      a client refuses
            (vec![],                                                   None,               None,                  None),
            (vec![("config", "a")],                                    Some(ConfigFile),   None,                  None),
            (vec![("config", "a"), ("variable", "a")],                 Some(Variable),     None,                  None),
            (vec![("config", "a"), ("variable", "b")],                 Some(Variable),     Some(ConfigFile),      None),
            (vec![("config", "a"), ("own", "b")],                      Some(OwnFile),      Some(ConfigFile),      Some(ConfigFile)),
            (vec![("variable", "a"), ("file", "b")],                   Some(SecretFile),   Some(Variable),        Some(Variable)),
            (vec![("config", "a"), ("variable", "b"), ("file", "b")],  Some(SecretFile),   Some(ConfigFile),      None),
            (vec![("config", "a"), ("variable", "b"), ("flag", "c")],  Some(Flag),         None,                  None),
        ];
        for (sources, in_force, gateway, client) in rows {
            let known = credentials(&sources);
            assert_eq!(known.in_force().map(|credential| credential.source.layer()), in_force, "{sources:?}");
            for (everywhere, expected) in [(true, gateway), (false, client)] {
                let other = known.disagreement(KEY, everywhere).map(|problem| match problem.kind {
                    ProblemKind::SecretsDiffer { other } => other.layer(),
                    kind => panic!("{kind}"),
                });
                assert_eq!(other, expected, "{sources:?} everywhere: {everywhere}");
            }
        }
    }

    #[test]
    fn a_disagreement_names_both_sources_and_neither_value() {
        let problem = credentials(&[("config", "hunter2"), ("file", "hunter3")]).disagreement(KEY, true).unwrap();
        assert_eq!(
            problem.to_string(),
            "gateway.auth.token in OPENCLAW_GATEWAY_TOKEN_FILE (/run/secrets/t): differs from the value in /c/openclaw.json"
        );
    }
}
