//! What `scripts/test networks` prepares, and what becomes of a test where it is missing.

use std::env;
use std::path::PathBuf;
use std::sync::OnceLock;

/// What was prepared.
#[derive(Debug)]
pub struct Needs {
    /// Our program as one static binary.
    pub binary: PathBuf,
    /// The images that were built from it.
    pub gateway_image: String,
    /// See `gateway_image`.
    pub cli_image: String,
    /// HAProxy as an image: on port 8080, before `$UPSTREAM`.
    pub proxy_image: String,
    /// The network namespace of what is the host to the engine; `None` where it is this machine.
    pub host: Option<String>,
    /// That of another machine in the host's network.
    pub lan: Option<String>,
}

impl Needs {
    /// What was prepared, or `None`, having said that the test cannot run.
    ///
    /// # Panics
    /// When it is missing where a suite that cannot run is a failure.
    pub fn find() -> Option<&'static Self> {
        static FOUND: OnceLock<Option<Needs>> = OnceLock::new();
        let found = FOUND.get_or_init(Self::read).as_ref();
        if found.is_none() {
            cannot_run("nothing is prepared; `scripts/test networks` does that");
        }
        found
    }

    fn read() -> Option<Self> {
        let given = |name| env::var(name).ok().filter(|value| !value.is_empty());
        Some(Self {
            binary: given("OPENCLAW_STATIC_BINARY")?.into(),
            gateway_image: given("OPENCLAW_GATEWAY_IMAGE")?,
            cli_image: given("OPENCLAW_CLI_IMAGE")?,
            proxy_image: given("OPENCLAW_PROXY_IMAGE")?,
            host: given("OPENCLAW_ENGINE_HOST"),
            lan: given("OPENCLAW_ENGINE_LAN"),
        })
    }
}

/// Says why a test cannot run.
///
/// # Panics
/// Where that is a failure.
pub fn cannot_run(why: &str) {
    let required = env::var("OPENCLAW_NETWORKS").is_ok_and(|value| value == "required");
    assert!(!required && env::var("CI").as_deref() != Ok("true"), "cannot run: {why}");
    eprintln!("cannot run: {why}");
}
