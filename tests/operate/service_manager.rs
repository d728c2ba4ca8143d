//! What a gateway tells the service manager that started it (`sd_notify(3)`).

use std::os::unix::net::UnixDatagram;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::support::home::Home;
use crate::support::our_gateway::OurGateway;
use crate::{PATIENCE, openclaw};

/// The service manager's end.
struct Manager {
    socket: UnixDatagram,
    heard: Vec<String>,
}

impl Manager {
    /// Waits for a message with each of these lines.
    #[track_caller]
    fn hears(&mut self, lines: &[&str]) -> String {
        let deadline = Instant::now() + PATIENCE;
        let mut buffer = [0; 1024];
        while Instant::now() < deadline {
            let Ok(length) = self.socket.recv(&mut buffer) else { continue };
            let message = String::from_utf8_lossy(&buffer[..length]).into_owned();
            self.heard.push(message.clone());
            if lines.iter().all(|line| message.lines().any(|told| told.starts_with(line))) {
                return message;
            }
        }
        panic!("{lines:?} was not told: {:?}", self.heard);
    }
}

fn start(watchdog: Option<Duration>) -> (Manager, OurGateway) {
    let home = Home::new();
    let path = home.path().join("notify");
    let socket = UnixDatagram::bind(&path).expect("a socket can be made");
    socket.set_read_timeout(Some(Duration::from_millis(100))).expect("a timeout can be set");
    let gateway = OurGateway::start_with(home, |command| {
        command.env("NOTIFY_SOCKET", &path);
        if let Some(patience) = watchdog {
            command.env("WATCHDOG_USEC", patience.as_micros().to_string());
        }
        command
    });
    (Manager { socket, heard: Vec::new() }, gateway)
}

#[test]
fn ready_reloading_restarting_stopping() {
    let (mut manager, gateway) = start(None);
    manager.hears(&["READY=1", "STATUS="]);
    gateway.running().signal(Signal::SIGHUP);
    let told = manager.hears(&["RELOADING=1", "MONOTONIC_USEC="]);
    assert!(
        told.lines().any(|line| line.strip_prefix("MONOTONIC_USEC=").is_some_and(|at| at.parse::<u64>().is_ok())),
        "{told}"
    );
    manager.hears(&["READY=1"]);
    openclaw(gateway.home(), &["gateway", "restart"]).succeeded();
    manager.hears(&["RELOADING=1"]);
    manager.hears(&["READY=1"]);
    openclaw(gateway.home(), &["gateway", "stop"]).succeeded();
    manager.hears(&["STOPPING=1"]);
}

#[test]
fn alive_as_often_as_the_watchdog_asks() {
    let (mut manager, gateway) = start(Some(Duration::from_millis(400)));
    manager.hears(&["READY=1"]);
    let since = Instant::now();
    for _ in 0..3 {
        manager.hears(&["WATCHDOG=1"]);
    }
    assert!(since.elapsed() >= Duration::from_millis(400), "not in one burst");
    gateway.stop();
}
