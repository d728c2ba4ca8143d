//! The first process of a container, and one that is not: signals, orphans, limits.

use std::time::{Duration, Instant};

use crate::engine::{DEADLINE, Engine, eventually};
use crate::support::ran::Ran;

/// Well below what `docker stop` waits before it kills.
const AT_ONCE: Duration = Duration::from_secs(5);

#[test]
fn each_signal_does_what_it_should_as_first_process_and_below_another() {
    let Some(engine) = Engine::of_suite() else { return };
    for options in [&[][..], &["--init"]] {
        for signal in ["TERM", "INT"] {
            let gateway = engine.gateway(options);
            gateway.kill("HUP");
            gateway.logs("configuration");
            gateway.exec(&["openclaw", "devices", "list"]).succeeded();
            let began = Instant::now();
            gateway.kill(signal);
            assert_eq!(gateway.ended(), 0, "{options:?} {signal}\n{}", gateway.log());
            assert!(began.elapsed() < AT_ONCE, "{options:?} {signal}: {:?}", began.elapsed());
        }
    }
}

#[test]
fn a_restart_keeps_the_container() {
    let Some(engine) = Engine::of_suite() else { return };
    let gateway = engine.gateway(&[]);
    let started = gateway.inspect("{{.State.StartedAt}}");
    gateway.kill("USR1");
    gateway.ready_again(2);
    gateway.exec(&["openclaw", "gateway", "health"]).succeeded();
    assert_eq!(gateway.inspect("{{.State.StartedAt}} {{.State.Running}}"), format!("{started} true"));
    assert!(gateway.log().contains("(PID 1)"), "{}", gateway.log());
}

#[test]
fn orphans_are_reaped() {
    let Some(engine) = Engine::of_suite() else { return };
    let gateway = engine.gateway(&["--volume=/bin/busybox:/busybox:ro"]);
    let shell = |script: &str| gateway.exec(&["/busybox", "sh", "-c", script]).succeeded();
    // The shell ends at once and leaves a child, whose parent is then the first process.
    let orphan = shell("/busybox sleep 3 < /dev/null > /dev/null 2>&1 & echo $!").stdout.trim().to_owned();
    let status = shell(&format!("/busybox cat /proc/{orphan}/status")).stdout;
    assert!(status.lines().any(|line| line == "PPid:\t1"), "it is an orphan: {status}");
    eventually("the orphan to be gone", || {
        let processes = gateway.exec(&["/busybox", "ls", "/proc"]).succeeded().stdout;
        (!processes.lines().any(|entry| entry == orphan)).then_some(())
    });
    let zombies = shell("/busybox grep -l '^State:.*Z' /proc/[0-9]*/status 2> /dev/null; true").stdout;
    assert_eq!(zombies.trim(), "");
}

#[test]
fn the_limits_of_the_container_are_told() {
    let Some(engine) = Engine::of_suite() else { return };
    let gateway = engine.gateway(&["--memory=96m", "--cpus=0.5", "--pids-limit=77"]);
    assert!(gateway.log().contains("limits: memory 96 MiB, 0.5 processors, 77 processes"), "{}", gateway.log());
    let status = gateway.exec(&["openclaw", "gateway", "call", "status", "--json"]).succeeded().stdout;
    for part in ["100663296", "77"] {
        assert!(status.contains(part), "{part}: {status}");
    }
    // Told of none, it says nothing.
    let free = engine.gateway(&[]);
    assert!(!free.log().contains("memory "), "{}", free.log());
}

#[test]
fn a_command_that_is_a_container_of_its_own_can_be_stopped() {
    let Some(engine) = Engine::of_suite() else { return };
    let volume = engine.volume();
    let gateway = engine.gateway(&[&volume.mounted()]);
    for (words, code) in [(&["logs", "--follow"][..], 143), (&["idle"], 0)] {
        let command = engine.container(&[&volume.mounted()], &engine.image("cli"), words);
        match words[0] {
            "logs" => command.logs("listening on"),
            // It says nothing; what runs beside it shows that it is there.
            _ => drop(command.exec(&["openclaw", "devices", "list"]).succeeded().says(&["No device"])),
        }
        let began = Instant::now();
        engine.docker(&["stop", &command.name]).succeeded();
        assert_eq!(command.ended(), code, "{words:?}");
        assert!(began.elapsed() < AT_ONCE, "{words:?}: {:?}", began.elapsed());
    }
    drop(gateway);
}

#[test]
fn the_health_check_tells_a_gateway_from_one_that_hangs() {
    let Some(engine) = Engine::of_suite() else { return };
    let gateway = engine.gateway(&["--health-interval=1s", "--health-timeout=2s", "--health-retries=1"]);
    let health = |wanted: &str| {
        eventually(wanted, || (gateway.inspect("{{.State.Health.Status}}") == wanted).then_some(()));
    };
    health("healthy");
    gateway.kill("STOP");
    health("unhealthy");
    gateway.kill("CONT");
    health("healthy");
}

#[test]
fn another_port_needs_no_other_health_check() {
    let Some(engine) = Engine::of_suite() else { return };
    let gateway = engine.gateway(&["--env=OPENCLAW_GATEWAY_PORT=4711", "--env=OPENCLAW_GATEWAY_TLS=on"]);
    gateway.exec(&["openclaw", "gateway", "health"]).succeeded();
    let ran =
        Ran::to_end(engine.command("docker").args(["run", "--rm", &engine.image("gateway"), "--version"]), DEADLINE);
    ran.succeeded().says(&[env!("CARGO_PKG_VERSION")]);
}
