//! What a client says of itself.

use serde::{Deserialize, Serialize};

/// The program that connects; a closed list (gateway protocol, connect).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ClientId(String);

impl ClientId {
    /// Every id that the protocol knows, of either generation.
    pub const KNOWN: [&'static str; 17] = [
        "webchat-ui",
        "openclaw-control-ui",
        "webchat",
        "cli",
        "gateway-client",
        "openclaw-macos",
        "openclaw-ios",
        "openclaw-android",
        "node-host",
        "test",
        "fingerprint",
        "openclaw-probe",
        "openclaw-browser-copilot",
        "openclaw-tui",
        "openclaw-linux",
        "openclaw-watchos",
        "openclaw-worker",
    ];

    /// The command line's own id.
    pub fn cli() -> Self {
        Self("cli".into())
    }

    /// The name on the wire.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// In which way the program uses the gateway; a closed list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClientMode {
    /// A chat in a browser, the Control UI included.
    Webchat,
    /// A command line.
    Cli,
    /// A native application.
    Ui,
    /// A program that calls on behalf of another.
    Backend,
    /// A node host.
    Node,
    /// Asking whether and as what one can connect.
    Probe,
    /// Tests.
    Test,
    /// A worker; known on the wire, served by agents only.
    Worker,
}

impl ClientMode {
    /// Every mode's name on the wire.
    pub const KNOWN: [&'static str; 8] = ["webchat", "cli", "ui", "backend", "node", "probe", "test", "worker"];

    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Webchat => "webchat",
            Self::Cli => "cli",
            Self::Ui => "ui",
            Self::Backend => "backend",
            Self::Node => "node",
            Self::Probe => "probe",
            Self::Test => "test",
            Self::Worker => "worker",
        }
    }
}

/// The `client` member of `connect`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClientInfo {
    /// The program.
    pub id: ClientId,
    /// A name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// The program's version.
    pub version: String,
    /// The Control UI's build.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build_id: Option<String>,
    /// The operating system.
    pub platform: String,
    /// The kind of machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_family: Option<String>,
    /// The machine's model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model_identifier: Option<String>,
    /// The user's time zone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    /// The way it uses the gateway.
    pub mode: ClientMode,
    /// Tells two runs of the same program apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance_id: Option<String>,
}

impl ClientInfo {
    /// Whether this is a Control UI or another page in a browser.
    pub fn is_browser_ui(&self) -> bool {
        self.id.as_str() == "openclaw-control-ui" || self.mode == ClientMode::Webchat
    }

    /// Whether this program keeps its scopes without a device where a device would be paired silently
    /// (`cli/cli`, `cli/probe`, `gateway-client/backend`).
    pub fn may_come_without_device(&self) -> bool {
        matches!(
            (self.id.as_str(), self.mode),
            ("cli", ClientMode::Cli | ClientMode::Probe) | ("gateway-client", ClientMode::Backend)
        )
    }
}
