//! A real OpenClaw gateway.

use std::net::TcpListener;
use std::time::Duration;

use serde_json::json;

use crate::installed::{Installed, OLD};
use crate::proxy;
use crate::support::home::Home;
use crate::support::running::Running;

/// From start to answering: 3 to 10 s on an idle machine.
const START: Duration = Duration::from_mins(3);

/// A running gateway with a home of its own.
pub struct RealGateway {
    running: Running,
    port: u16,
    /// Removed when the gateway has ended.
    _home: Home,
}

impl RealGateway {
    /// Its token.
    pub const TOKEN: &str = "token-of-the-real-gateway";

    /// Starts one on a free loopback port.
    ///
    /// # Panics
    /// When it does not answer in time.
    pub fn start(installed: &Installed) -> Self {
        let port = free_port();
        let home = Home::new();
        home.configure(&json!({
            "gateway": {
                "mode": "local",
                "port": port,
                "bind": "loopback",
                "auth": { "mode": "token", "token": Self::TOKEN },
                "trustedProxies": [proxy::TRUSTABLE],
            },
            "plugins": { "enabled": false },
            "logging": { "file": home.path().join("gateway.log") },
            "update": { "checkOnStart": false },
            "discovery": { "mdns": { "mode": "off" } },
        }));
        let running = Running::start(installed.command(&home).args(["gateway", "run"]));
        // The newer one listens before it can answer.
        let ready = if installed.version == OLD { "[gateway] listening on ws://" } else { "[gateway] ready" };
        running.expect("gateway that is ready", START, |seen| seen.stdout.contains(ready).then_some(()));
        Self { running, port, _home: home }
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("ws://127.0.0.1:{}", self.port)
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for RealGateway {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.running.transcript());
        }
        // It has children in other process groups, which it ends itself when it is asked to end.
        self.running.stop();
    }
}

/// A port that nothing listens on. Real gateways cannot be given port 0.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    listener.local_addr().expect("it is bound").port()
}
