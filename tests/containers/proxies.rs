//! The compose files that put a reverse proxy in front, with Debian's proxies in the place of the images that they name: where the
//! tests run, no registry is reached.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

use crate::{
    compose::runtime,
    driver::{Connect, Device, Dial, eventually as soon},
    engine::{DEADLINE, Engine, Project, eventually},
    support::ran::Ran,
};

/// A proxy as its compose file names it, and what stands in for the image.
struct Proxy {
    name: &'static str,
    image: &'static str,
    program: PathBuf,
    entry: &'static str,
}

fn proxies() -> Vec<Proxy> {
    let mut proxies = vec![
        Proxy {
            name: "nginx",
            image: "nginx:1",
            program: "/usr/sbin/nginx".into(),
            entry: r#"["/usr/sbin/nginx", "-g", "daemon off;"]"#,
        },
        Proxy {
            name: "caddy",
            image: "caddy:2",
            program: "/usr/bin/caddy".into(),
            entry: r#"["/usr/bin/caddy", "run", "--config", "/etc/caddy/Caddyfile"]"#,
        },
    ];
    // Debian has none; the suite builds it.
    match env::var_os("OPENCLAW_TRAEFIK") {
        Some(program) => proxies.push(Proxy {
            name: "traefik",
            image: "traefik:v3.5",
            program: program.into(),
            entry: r#"["/usr/local/bin/proxy"]"#,
        }),
        None => eprintln!("not with Traefik: OPENCLAW_TRAEFIK names none"),
    }
    proxies
}

#[test]
fn behind_each_proxy_the_client_is_found_and_the_proxy_trusted_by_its_name() {
    let Some(engine) = Engine::of_suite() else { return };
    for proxy in proxies() {
        let name = proxy.name;
        let stand_in = Image::of(engine, &proxy);
        let project = Project::new(engine);
        let (cert, key) = certificate(project.home());
        let project = project
            .beside(name)
            // For names below localhost Caddy signs a certificate by itself.
            .with("OPENCLAW_HOSTNAME", "localhost")
            .with("OPENCLAW_TLS_CERT", cert.to_str().expect("text"))
            .with("OPENCLAW_TLS_KEY", key.to_str().expect("text"));
        project.up();
        let dial = Dial::tls(([127, 0, 0, 1], 443).into()).header("host", "localhost");
        let token = project.token();
        let request = runtime().block_on(async {
            // It listens before it has read its configuration.
            soon("the way through the proxy", async || {
                dial.connect().await.ok()?;
                dial.try_open().await.ok()
            })
            .await;
            let connect = Connect::v4().token(&token).device(&Device::fresh());
            // The right token from behind a proxy pairs nobody, whatever the client writes into a header.
            let dial = dial.header("x-forwarded-for", "127.0.0.1");
            let refused = dial.enter(&connect).await.err().expect("nobody approved it");
            refused.request_id()
        });
        let line = eventually("the refusal", || {
            let log = project.compose(&["logs", "--no-log-prefix", "openclaw-gateway"]).succeeded().stdout;
            log.lines().find(|line| line.contains("class=") && line.contains(&request)).map(ToOwned::to_owned)
        });
        assert!(line.contains("class=proxied"), "{name}: {line}");
        assert!(!line.contains("remote=127.0.0.1"), "{name}: {line}");
        project.cli(&["devices", "approve", &request]).succeeded();
        project.cli(&["devices", "list"]).succeeded().says(&["Paired (1)"]);
        drop(project);
        drop(stand_in);
    }
}

/// An image of one of this machine's programs with the libraries that it needs; removed with this value.
struct Image {
    engine: Engine,
    name: String,
}

impl Image {
    fn of(engine: Engine, proxy: &Proxy) -> Self {
        let (name, program) = (proxy.image, proxy.program.as_path());
        let context = TempDir::new().expect("a directory");
        let root = context.path().join("root");
        let libraries = Command::new("ldd").arg(program).output().expect("ldd is there");
        let libraries = String::from_utf8_lossy(&libraries.stdout).into_owned();
        let paths = libraries.split_whitespace().filter(|word| word.starts_with('/')).map(PathBuf::from);
        let own = if program.starts_with("/usr") { program.to_path_buf() } else { "/usr/local/bin/proxy".into() };
        let copies = paths.map(|path| (path.clone(), path)).chain([(program.to_path_buf(), own)]);
        for (path, to) in copies {
            let to = root.join(to.strip_prefix("/").expect("absolute"));
            fs::create_dir_all(to.parent().expect("below the root")).expect("ours");
            fs::copy(&path, &to).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        }
        for directory in ["var/log/nginx", "var/lib/nginx", "run", "etc", "data", "config", "acme", "tmp"] {
            fs::create_dir_all(root.join(directory)).expect("ours");
            fs::write(root.join(directory).join(".keep"), "").expect("ours");
        }
        let users = "root:x:0:0::/:\nwww-data:x:33:33::/:\nnobody:x:65534:65534::/:\n";
        fs::write(root.join("etc/passwd"), users).expect("ours");
        fs::write(root.join("etc/group"), "root:x:0:\nwww-data:x:33:\nnogroup:x:65534:\n").expect("ours");
        let environment = "XDG_DATA_HOME=/data XDG_CONFIG_HOME=/config HOME=/tmp";
        let text = format!("FROM scratch\nCOPY root/ /\nENV {environment}\nENTRYPOINT {}\n", proxy.entry);
        fs::write(context.path().join("Dockerfile"), text).expect("ours");
        let path = context.path().to_str().expect("text");
        Ran::to_end(engine.command("docker").args(["build", "--quiet", "--tag", name, path]), DEADLINE).succeeded();
        Self { engine, name: name.to_owned() }
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        self.engine.docker(&["rmi", "--force", &self.name]);
    }
}

/// A certificate for localhost and its key, in files that the container's user can read.
fn certificate(directory: &Path) -> (PathBuf, PathBuf) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let (cert, key) = (directory.join("cert.pem"), directory.join("key.pem"));
    fs::write(&cert, made.cert.pem()).expect("ours");
    fs::write(&key, made.signing_key.serialize_pem()).expect("ours");
    (cert, key)
}
