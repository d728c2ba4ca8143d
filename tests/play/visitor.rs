//! Who comes to the gateway by the network, from a machine of its own.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use nix::sched::{CloneFlags, setns};
use openclaw::client::{Connection, Deadline, Endpoint, Failure, Login, Presented};
use openclaw::config::Secret;
use openclaw::device::Identity;
use openclaw::protocol::{Scope, Scopes};
use openclaw::state::StateDir;

use crate::network::Server;
use crate::place::PATIENCE;
use crate::support::home::Home;
use crate::support::our_gateway::OurGateway;
use crate::support::ran::Ran;

/// Where nginx listens on the visitor's machine.
const FRONT: u16 = 8080;

/// What one connection gets: on one machine it is there at once, or it leads nowhere.
const DIAL: Duration = Duration::from_secs(2);

/// Our command line with a device of its own, in a network namespace.
pub struct Visitor {
    home: Home,
    namespace: Option<String>,
    address: String,
    token: String,
}

impl Visitor {
    /// One in `namespace` (`None`: this machine's) for whom the gateway is at `address`, and who knows its secret.
    pub fn new(namespace: Option<&str>, address: &str, token: &str) -> Self {
        let namespace = namespace.map(ToOwned::to_owned);
        Self { home: Home::new(), namespace, address: address.to_owned(), token: token.to_owned() }
    }

    /// The gateway as `scheme://address`.
    pub fn url(&self, scheme: &str) -> String {
        format!("{scheme}://{}", self.address)
    }

    /// Runs `words` with the right secret.
    pub fn run(&self, words: &str) -> Ran {
        self.at(&self.url("ws"), words)
    }

    /// Runs `words` for the gateway at `url`.
    pub fn at(&self, url: &str, words: &str) -> Ran {
        self.with(url, &self.token, words)
    }

    /// As what the gateway sees it before it has proved anything: `CLASS from PEER`.
    #[track_caller]
    pub fn seen_as(&self, url: &str) -> String {
        let refused = self.with(url, "another-token", "gateway whoami --json").exited(1);
        let source = refused.json()["error"]["details"]["source"].clone();
        let member = |name: &str| source[name].as_str().unwrap_or_else(|| panic!("no {name}\n{refused}")).to_owned();
        format!("{} from {}", member("class"), member("peer"))
    }

    /// Runs `words` with the URL and nothing else.
    pub fn without_secret(&self, words: &str) -> Ran {
        Ran::to_end(self.openclaw(words).args(["--url", &self.url("ws")]), PATIENCE)
    }

    fn with(&self, url: &str, token: &str, words: &str) -> Ran {
        Ran::to_end(self.openclaw(words).args(["--url", url, "--token", token]), PATIENCE)
    }

    fn openclaw(&self, words: &str) -> Command {
        let mut command = self.command(OurGateway::program());
        command.env("OPENCLAW_ALLOW_INSECURE_PRIVATE_WS", "1").args(words.split_whitespace());
        command
    }

    fn command(&self, program: &Path) -> Command {
        let Some(namespace) = &self.namespace else { return self.home.command(program) };
        let mut command = self.home.command(Path::new("nsenter"));
        command.arg(format!("--net={namespace}")).arg("--").arg(program);
        command
    }

    /// Connects as a client that wants to read and nothing else, with the device of this home.
    pub fn reads(&self) -> Result<(), Failure> {
        let state = StateDir::new(self.home.state());
        fs::create_dir_all(state.path()).expect("it is ours");
        let device = Identity::load_or_create(&state).expect("a key");
        let mut login = Login::cli()
            .presenting(Presented { token: Some(Secret::new(self.token.clone())), password: None })
            .with_device(Some(Arc::new(device)));
        login.scopes = Scopes::from_iter([Scope::new("operator.read")]);
        let endpoint = Endpoint::network(self.url("ws").parse().expect("a URL"));
        self.on_its_machine(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let connection = Connection::open(&endpoint, &login, Deadline::after(PATIENCE)).await?;
                connection.close().await;
                Ok(())
            })
        })
    }

    /// What becomes of a connection of its own: taken, or why not.
    pub fn dials(&self) -> Result<(), ErrorKind> {
        let address: SocketAddr = self.address.parse().expect("an address and a port");
        let dial = move || TcpStream::connect_timeout(&address, DIAL).map(drop).map_err(|error| error.kind());
        self.on_its_machine(dial)
    }

    /// Runs `work` in its network, which is that of one thread and ends with it.
    fn on_its_machine<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        let namespace = self.namespace.as_ref().map(|path| File::open(path).expect("the namespace is there"));
        let thread = std::thread::spawn(move || {
            if let Some(namespace) = namespace {
                setns(namespace, CloneFlags::CLONE_NEWNET).expect("root may enter it");
            }
            work()
        });
        thread.join().expect("no panic")
    }

    /// nginx on its machine, before the gateway: passing WebSockets on, with the headers of its manual, or not.
    #[track_caller]
    pub fn nginx(&self, passes_upgrades: bool) -> Front {
        let home = Home::new();
        let configuration = home.path().join("nginx.conf");
        let tmp = home.path().join("tmp");
        fs::write(&configuration, nginx(&tmp, &self.address, passes_upgrades)).expect("it is ours");
        let mut command = self.command(Path::new("nginx"));
        command.arg("-p").arg(&tmp).arg("-c").arg(&configuration).env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        let namespace = self.namespace.clone().unwrap_or_else(|| "/proc/self/ns/net".into());
        let server = Server::start(command, home, &namespace, FRONT);
        Front { url: format!("ws://127.0.0.1:{FRONT}"), _server: server }
    }
}

/// nginx that runs.
pub struct Front {
    /// By which it is reached on its machine.
    pub url: String,
    _server: Server,
}

fn nginx(tmp: &Path, upstream: &str, passes_upgrades: bool) -> String {
    let tmp = tmp.display();
    let upgrade = "proxy_http_version 1.1;\n      proxy_set_header Upgrade $http_upgrade;\n      \
                   proxy_set_header Connection \"upgrade\";\n      ";
    let upgrade = if passes_upgrades { upgrade } else { "" };
    format!(
        "daemon off;\nuser root;\nworker_processes 1;\npid {tmp}/pid;\nerror_log stderr;\nevents {{ }}\n\
         http {{\n  access_log off;\n  client_body_temp_path {tmp}/body;\n  proxy_temp_path {tmp}/proxy;\n  \
         fastcgi_temp_path {tmp}/fastcgi;\n  uwsgi_temp_path {tmp}/uwsgi;\n  scgi_temp_path {tmp}/scgi;\n  \
         server {{\n    listen 127.0.0.1:{FRONT};\n    location / {{\n      proxy_pass http://{upstream};\n      \
         {upgrade}proxy_set_header Host $host;\n      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;\n    \
         }}\n  }}\n}}\n"
    )
}
