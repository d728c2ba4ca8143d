//! Tells the program what it was built from: commit, time and target. Nothing here can fail a build.

use std::{env, process::Command};

fn main() {
    for name in ["SOURCE_DATE_EPOCH", "OPENCLAW_BUILD_COMMIT"] {
        println!("cargo:rerun-if-env-changed={name}");
    }
    println!("cargo:rerun-if-changed=build.rs");
    // A build for work on the program names no commit: it would be made anew at each one, and is rarely of just that one.
    let released = env::var("PROFILE").is_ok_and(|profile| profile == "release");
    if released && let Some(head) = git(&["rev-parse", "--git-path", "logs/HEAD"]) {
        println!("cargo:rerun-if-changed={head}");
    }
    let commit =
        given("OPENCLAW_BUILD_COMMIT").or_else(|| git(&["rev-parse", "--short=12", "HEAD"]).filter(|_| released));
    // https://reproducible-builds.org/specs/source-date-epoch/
    let seconds =
        given("SOURCE_DATE_EPOCH").or_else(|| git(&["show", "-s", "--format=%ct", "HEAD"]).filter(|_| released));
    let target = given("TARGET");
    for (name, value) in [("COMMIT", commit), ("SECONDS", seconds), ("TARGET", target)] {
        let plain = |text: &String| text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
        if let Some(value) = value.filter(plain) {
            println!("cargo:rustc-env=OPENCLAW_BUILT_{name}={value}");
        }
    }
}

fn given(name: &str) -> Option<String> {
    env::var(name).ok().map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
}

fn git(words: &[&str]) -> Option<String> {
    let output = Command::new("git").args(words).output().ok().filter(|output| output.status.success())?;
    let text = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (!text.is_empty()).then_some(text)
}
