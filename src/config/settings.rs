//! The settings in force.

use std::collections::BTreeMap;

use super::{
    auth::{Auth, AuthMode},
    client::Client,
    control_ui::ControlUi,
    credential::Credentials,
    document::Document,
    keys,
    limits::Limits,
    listen::Listen,
    logging::Logging,
    metrics::Metrics,
    origin::{Layer, Origin},
    reload::Reload,
    remote::{GatewayMode, Remote},
    sections::Sections,
    tls::Tls,
    trust::{self, Trust},
};

/// The settings in force. Every value can tell where it came from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// What this machine is, if it was said.
    pub mode: Option<GatewayMode>,
    /// Where the gateway listens.
    pub listen: Listen,
    /// TLS on the gateway port.
    pub tls: Tls,
    /// Who may connect.
    pub auth: Auth,
    /// Which addresses mean what.
    pub trust: Trust,
    /// The browser's user interface.
    pub control_ui: ControlUi,
    /// The gateway that commands dial when `mode` is remote.
    pub remote: Remote,
    /// What only the commands that dial a gateway read.
    pub client: Client,
    /// Limits that an operator may have to move.
    pub limits: Limits,
    /// How an edit to the files is taken up.
    pub reload: Reload,
    /// The port that Prometheus reads.
    pub metrics: Metrics,
    /// Logs.
    pub logging: Logging,
    origins: BTreeMap<String, Origin>,
}

impl Settings {
    /// Where the value at a dotted key came from, for example `gateway.port`.
    pub fn origin(&self, key: &str) -> Origin {
        let secret = match key {
            "gateway.auth.token" => self.auth.token.in_force(),
            "gateway.auth.password" => self.auth.password.in_force(),
            _ => None,
        };
        match secret {
            Some(credential) => credential.source.clone(),
            None => self.origins.get(key).cloned().unwrap_or_default(),
        }
    }

    /// The settings that flags and the environment give, by their keys, and what gives each.
    pub fn given(&self) -> BTreeMap<String, String> {
        let origins = super::settings().into_iter().map(|setting| (self.origin(&setting.key), setting.key));
        let given = origins.filter(|(origin, _)| origin.layer() >= Layer::Variable);
        given.map(|(origin, key)| (key, origin.to_string())).collect()
    }

    /// Whom these settings trust, as connections are classified by it. Names in it stand for no addresses yet. What is wrong in
    /// it has stopped [`load`](super::load()) already, and is left out.
    pub fn trusted(&self) -> crate::source::Trust {
        self.parsed_trust().trust
    }

    /// The same, with everything that is wrong and odd in it.
    pub(super) fn parsed_trust(&self) -> trust::Outcome {
        trust::parse(&self.trust, self.listen.port, &|key| self.origin(key))
    }

    /// Puts the layers' values and what is known of their places together.
    pub(super) fn of(sections: Sections, documents: &[Document]) -> Self {
        let mut origins = BTreeMap::new();
        for document in documents {
            keys::leaves(&document.tree, &mut |key, _| {
                origins.insert(key.to_owned(), document.origin.clone());
            });
        }
        let token = Credentials::collect("gateway.auth.token", documents);
        let password = Credentials::collect("gateway.auth.password", documents);
        let auth = Auth {
            mode: sections.auth.mode.unwrap_or_else(|| implied_mode(&token, &password)),
            rate_limit_configured: documents.iter().any(|document| document.get("gateway.auth.rateLimit").is_some()),
            rate_limit: sections.auth.rate_limit,
            trusted_proxy: sections.auth.trusted_proxy,
            token,
            password,
        };
        Self {
            mode: sections.general.mode,
            listen: sections.listen,
            tls: sections.tls,
            auth,
            trust: sections.trust,
            control_ui: sections.control_ui,
            remote: sections.remote,
            client: sections.client,
            limits: sections.limits,
            reload: sections.reload,
            metrics: sections.metrics,
            logging: sections.logging,
            origins,
        }
    }
}

/// The mode when none is written: a password beats a token, but what was typed just now beats what lies in a file.
fn implied_mode(token: &Credentials, password: &Credentials) -> AuthMode {
    match (password.in_force(), password.from_flag(), token.from_flag()) {
        (None, _, _) | (Some(_), None, Some(_)) => AuthMode::Token,
        (Some(_), _, _) => AuthMode::Password,
    }
}
