//! The layers together, over real files.

mod layers;
mod problems;
mod secrets;
mod snapshots;

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::*;
use crate::hint::Hint;

/// A state directory of a user, and the surroundings of a process in it.
struct Place {
    directory: tempfile::TempDir,
    environment: Environment,
}

impl Place {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let environment = Environment::new(Some("/home/u".into()), "/work".into())
            .with("OPENCLAW_STATE_DIR", directory.path().join("state").as_os_str());
        std::fs::create_dir(directory.path().join("state")).unwrap();
        Self { directory, environment }
    }

    fn file(self, name: &str, text: impl AsRef<[u8]>) -> Self {
        std::fs::write(self.path(name), text).unwrap();
        self
    }

    fn var(mut self, name: &str, value: impl Into<std::ffi::OsString>) -> Self {
        self.environment = self.environment.with(name, value);
        self
    }

    /// A variable that names a file with `text`.
    fn secret(self, variable: &str, text: &str) -> Self {
        let path = self.path(variable);
        std::fs::write(&path, text).unwrap();
        self.var(variable, path)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join("state").join(name)
    }

    fn load(&self, flags: &Flags) -> Loaded {
        load(&self.environment, flags).unwrap_or_else(|error| panic!("{error}"))
    }

    /// What keeps a gateway from starting, one line a problem, with paths made short.
    fn refusals(&self, flags: &Flags) -> Vec<String> {
        match load(&self.environment, flags) {
            Err(ConfigError::Invalid(problems)) => problems.iter().map(|problem| self.short(problem)).collect(),
            Err(error) => panic!("{error}"),
            Ok(_) => Vec::new(),
        }
    }

    fn warnings(&self) -> Vec<String> {
        self.load(&Flags::default()).warnings.iter().map(|warning| self.short(warning)).collect()
    }

    fn short(&self, text: &impl ToString) -> String {
        text.to_string().replace(&self.path("").display().to_string(), "")
    }

    fn entries(&self) -> usize {
        std::fs::read_dir(self.path("")).unwrap().count()
    }
}

fn token(text: &str) -> Flags {
    Flags { token: Some(Secret::new(text)), ..Flags::default() }
}

/// Shaped like a file that has been in use for months, agents and channels included.
const IN_USE: &str = r#"// made by the wizard, edited since
{
  meta: { lastTouchedVersion: "2026.2.19", lastTouchedAt: "2026-02-20T09:00:00.000Z" },
  wizard: { lastRunAt: "2026-02-01T09:00:00.000Z", lastRunCommand: "onboard", lastRunMode: "local" },
  env: { vars: { GATEWAY_TOKEN: "token-from-vars" }, OPENROUTER_API_KEY: "sk-or-secret" },
  agents: {
    defaults: {
      model: { primary: "anthropic/claude", fallbacks: [], },
      workspace: "~/.openclaw/workspace", maxConcurrent: 4, // was 8
      heartbeat: { every: "30m" },
    },
    list: [{ id: "main", default: true }],
  },
  channels: {
    telegram: { enabled: true, botToken: "123:abc-secret", allowFrom: ["tg:1"], groups: { "*": { requireMention: true } } },
    discord: { token: "${DISCORD_BOT_TOKEN}", dm: { policy: 'pairing' } },
  },
  plugins: { entries: { telegram: { enabled: true } } },
  skills: { entries: { "image-lab": { apiKey: "skill-secret", env: { KEY: "env-secret" } } } },
  gateway: {
    port: 18789,
    mode: "local",
    bind: "loopback",
    auth: { mode: "token", token: "${GATEWAY_TOKEN}", allowTailscale: false },
    tailscale: { mode: "off", resetOnExit: false },
    controlUi: { enabled: true, allowedOrigins: ["https://ui.example"], },
    nodes: { denyCommands: ["camera.snap"], pairing: { autoApproveLocal: true } },
    http: { endpoints: { chatCompletions: { enabled: false } } },
    reload: { mode: "hybrid" },
    trustedProxies: ["10.0.0.2"],
  },
  logging: { level: "info", file: "/tmp/openclaw/openclaw.log", redactSensitive: "tools" },
}
"#;
