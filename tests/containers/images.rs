//! The images themselves.

use serde_json::Value;

use crate::engine::{Engine, root};

#[test]
fn each_image_is_one_program_small_and_documented() {
    let Some(engine) = Engine::of_suite() else { return };
    for which in ["gateway", "cli"] {
        let image = engine.image(which);
        let found = engine.docker(&["image", "inspect", &image]).succeeded().json();
        let image = &found[0];
        let size = image["Size"].as_u64().expect("a size");
        assert!(size < 12 * 1024 * 1024, "{which}: {size} bytes");
        let config = &image["Config"];
        assert_eq!(config["User"], "1000:0", "{which}");
        assert_eq!(config["Entrypoint"], serde_json::json!(["/usr/local/bin/openclaw"]), "{which}");
        let label = |name: &str| config["Labels"][format!("org.opencontainers.image.{name}")].clone();
        assert_eq!(label("version"), env!("CARGO_PKG_VERSION"), "{which}");
        assert_eq!(label("licenses"), "MIT", "{which}");
        for name in ["title", "description", "revision", "created"] {
            assert!(label(name).as_str().is_some_and(|text| !text.is_empty()), "{which}: {name}");
        }
        match which {
            "gateway" => {
                assert_eq!(config["Healthcheck"]["Test"][0], "CMD", "without a shell");
                assert_eq!(config["StopSignal"], "SIGTERM");
                assert!(config["Volumes"]["/home/node/.openclaw"].is_object());
            }
            _ => assert_eq!(config["Healthcheck"], Value::Null, "a command line has no health of its own"),
        }
    }
}

#[test]
fn compose_brings_the_images_that_were_built() {
    let compose = std::fs::read_to_string(root().join("compose.yaml")).expect("there");
    let version = format!("${{OPENCLAW_VERSION:-{}}}", env!("CARGO_PKG_VERSION"));
    assert_eq!(compose.matches(&version).count(), 2, "{version}");
}

#[test]
fn every_compose_file_can_be_read() {
    let Some(engine) = Engine::of_suite() else { return };
    let mut names: Vec<_> = std::fs::read_dir(root().join("docker"))
        .expect("there")
        .filter_map(|entry| {
            let name = entry.expect("readable").file_name().into_string().expect("text");
            Some(name.strip_prefix("compose.")?.strip_suffix(".yaml")?.to_owned())
        })
        .collect();
    names.sort();
    assert!(names.len() >= 7, "{names:?}");
    for name in names {
        let project = crate::engine::Project::new(engine)
            .beside(&name)
            .with("OPENCLAW_HOSTNAME", "gateway.test")
            .with("OPENCLAW_STATE_FOLDER", "/nowhere")
            .with("OPENCLAW_TLS_CERT", "/nowhere/cert.pem")
            .with("OPENCLAW_TLS_KEY", "/nowhere/key.pem");
        let config = project.compose(&["config", "--format", "json"]).succeeded().json();
        let gateway = &config["services"]["openclaw-gateway"];
        let environment = &gateway["environment"];
        let ports = gateway["ports"].as_array().cloned().unwrap_or_default();
        match name.as_str() {
            "host-network" => assert!(ports.is_empty() && environment["OPENCLAW_GATEWAY_PUBLISHED_ON"] == "", "{name}"),
            // What is said of the port is what is done with it.
            _ => assert!(
                ports.len() == 1 && ports[0]["host_ip"] == environment["OPENCLAW_GATEWAY_PUBLISHED_ON"],
                "{name}: {ports:?} {environment}"
            ),
        }
        if let Some(proxy) = ["traefik", "caddy", "nginx"].into_iter().find(|proxy| *proxy == name) {
            assert!(config["services"][proxy].is_object(), "{name}");
            assert_eq!(environment["OPENCLAW_GATEWAY_TRUSTED_PROXIES"], proxy, "proxy and trust come together");
        }
        assert_eq!(gateway["cap_drop"], serde_json::json!(["ALL"]), "{name}");
        assert_eq!(gateway["read_only"], true, "{name}");
    }
}
