//! Where the gateway runs, and how its command line is reached there.

use std::fmt;

use serde_json::Value;

use super::{Setting, quoted};

/// Where the gateway runs, and so where its command line can be reached without the network.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Place {
    /// On a host: the command line is in the user's shell.
    #[default]
    Host,
    /// In a container of this name or id.
    Container(Option<Name>),
    /// In a compose project with a service for the command line.
    Compose(Name),
    /// In a pod of this name.
    Pod(Option<Name>),
}

/// A name that is safe in any command: lower-case letters, digits, dots and hyphens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name(String);

impl Name {
    /// Takes a text that is a name.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '-' | '_');
        let name = text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.len() <= 253 && text.chars().all(fits);
        name.then(|| Self(text.to_owned()))
    }

    /// Whether this is the id that a container runtime gives as a host name. Any other host name need not be the
    /// container's name.
    fn is_container_id(&self) -> bool {
        self.0.len() == 12 && self.0.chars().all(|c| c.is_ascii_hexdigit())
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What is known of the machine when the gateway starts.
#[derive(Debug, Clone, Copy, Default)]
pub struct Marks<'a> {
    /// A container runtime left its mark (`/.dockerenv`, `/run/.containerenv`).
    pub container: bool,
    /// Kubernetes left its mark (`KUBERNETES_SERVICE_HOST`).
    pub kubernetes: bool,
    /// The compose service of the command line, which the compose file tells in `OPENCLAW_CLI_SERVICE`.
    pub compose_service: Option<&'a str>,
    /// The machine's name: a container's id, a pod's name.
    pub hostname: &'a str,
}

impl Place {
    /// Where a gateway with these marks runs.
    pub fn of(marks: Marks<'_>) -> Self {
        if marks.kubernetes {
            return Self::Pod(Name::parse(marks.hostname));
        }
        match marks.compose_service.and_then(Name::parse) {
            Some(service) => Self::Compose(service),
            None if marks.container => Self::Container(Name::parse(marks.hostname).filter(Name::is_container_id)),
            None => Self::Host,
        }
    }

    /// What it is, in a word.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Container(_) => "container",
            Self::Compose(_) => "compose",
            Self::Pod(_) => "pod",
        }
    }

    /// The command that runs `openclaw WORDS` next to the gateway.
    pub fn command(&self, words: &str) -> String {
        match self {
            Self::Host | Self::Container(None) | Self::Pod(None) => format!("openclaw {words}"),
            Self::Container(Some(name)) => format!("docker exec {name} openclaw {words}"),
            Self::Compose(service) => format!("docker compose run --rm {service} {words}"),
            Self::Pod(Some(name)) => format!("kubectl exec {name} -- openclaw {words}"),
        }
    }

    /// The command that sets `setting` to `value` for the gateway.
    pub fn configure(&self, setting: Setting, value: &Value) -> String {
        let value = match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        self.command(&format!("config set {setting} {}", quoted(&value)))
    }

    /// [`Self::command`], or without the way there where it would not fit into `most` bytes.
    pub fn command_within(&self, words: &str, most: usize) -> String {
        let whole = self.command(words);
        if whole.len() <= most { whole } else { format!("openclaw {words}") }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_command_for_the_place() {
        let marks = |container, kubernetes, compose_service, hostname| Marks {
            container,
            kubernetes,
            compose_service,
            hostname,
        };
        #[rustfmt::skip]
        let rows = [
            (marks(false, false, None,            "box"),          "openclaw devices list"),
            (marks(true,  false, None,            "0123456789ab"), "docker exec 0123456789ab openclaw devices list"),
            (marks(true,  false, None,            "a; rm -rf"),    "openclaw devices list"),
            (marks(true,  false, None,            "my-host"),      "openclaw devices list"),
            (marks(true,  false, Some("cli"),     "0123456789ab"), "docker compose run --rm cli devices list"),
            (marks(true,  false, Some("$(x)"),    "0123456789ab"), "docker exec 0123456789ab openclaw devices list"),
            (marks(true,  true,  None,            "openclaw-0"),   "kubectl exec openclaw-0 -- openclaw devices list"),
        ];
        for (marks, command) in rows {
            assert_eq!(Place::of(marks).command("devices list"), command, "{marks:?}");
        }
    }

    #[test]
    fn a_setting_is_quoted_for_the_shell() {
        let pod = Place::Pod(Name::parse("openclaw-0"));
        #[rustfmt::skip]
        let rows = [
            (Place::Host, Setting::TrustedProxies, json!(["10.0.0.1", "traefik"]), r#"openclaw config set gateway.trustedProxies '["10.0.0.1","traefik"]'"#),
            (Place::Host, Setting::PublishedOn,    json!("loopback"),              "openclaw config set gateway.publishedOn loopback"),
            (pod,         Setting::LoopbackIsProxy, json!(false),                  "kubectl exec openclaw-0 -- openclaw config set gateway.loopbackIsProxy false"),
        ];
        for (place, setting, value, command) in rows {
            assert_eq!(place.configure(setting, &value), command, "{place:?}");
        }
    }

    #[test]
    fn a_command_that_does_not_fit_is_shortened_not_cut() {
        let pod = Place::Pod(Name::parse(&"p".repeat(63)));
        assert_eq!(pod.command_within("devices list", 60), "openclaw devices list");
        assert_eq!(Place::Host.command_within("devices list", 3), "openclaw devices list");
    }
}
