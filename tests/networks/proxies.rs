//! Debian's reverse proxies, each configured as its manual shows it.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::machine::{Machine, Server};
use crate::support::home::Home;

/// Where each of them listens.
pub const FRONT: u16 = 8080;

/// A reverse proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proxy {
    /// nginx, with the headers that its manual adds.
    Nginx,
    /// Caddy's `reverse_proxy`.
    Caddy,
    /// HAProxy with `option forwardfor`.
    Haproxy,
    /// HAProxy passing on bytes, and nothing else.
    Tcp,
    /// The same with a PROXY preamble, version 1.
    TcpProxyV1,
    /// The same with a PROXY preamble, version 2.
    TcpProxyV2,
}

impl Proxy {
    /// Starts it on `machine`, before the gateway at `upstream` (`ADDRESS:PORT`). It listens on every address.
    #[track_caller]
    pub fn start(self, machine: &Machine, upstream: &str) -> Server {
        let home = Home::new();
        let configuration = home.path().join("configuration");
        fs::write(&configuration, self.configuration(home.path(), upstream)).expect("it is ours");
        let mut command = machine.command(Path::new(self.program()));
        self.arguments(&mut command, &configuration);
        command.env("HOME", home.path());
        Server::start(command, home, &machine.namespace(), FRONT)
    }

    fn program(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::Caddy => "caddy",
            Self::Haproxy | Self::Tcp | Self::TcpProxyV1 | Self::TcpProxyV2 => "haproxy",
        }
    }

    fn arguments(self, command: &mut Command, configuration: &Path) {
        match self {
            Self::Nginx => command.arg("-p").arg(configuration.with_file_name("tmp")).arg("-c").arg(configuration),
            Self::Caddy => command.args(["run", "--adapter", "caddyfile", "--config"]).arg(configuration),
            _ => command.args(["-db", "-f"]).arg(configuration),
        };
    }

    fn configuration(self, home: &Path, upstream: &str) -> String {
        let tmp = home.join("tmp");
        let tmp = tmp.display();
        let tcp = |option: &str| {
            format!(
                "defaults\n  mode tcp\n  timeout connect 5s\n  timeout client 1m\n  timeout server 1m\n\
                 listen front\n  bind :::{FRONT} v4v6\n  server gateway {upstream} {option}\n"
            )
        };
        match self {
            Self::Nginx => format!(
                "daemon off;\nuser root;\nworker_processes 1;\npid {tmp}/pid;\nerror_log stderr;\nevents {{ }}\n\
                 http {{\n  access_log off;\n  client_body_temp_path {tmp}/body;\n  proxy_temp_path {tmp}/proxy;\n  \
                 fastcgi_temp_path {tmp}/fastcgi;\n  uwsgi_temp_path {tmp}/uwsgi;\n  scgi_temp_path {tmp}/scgi;\n  \
                 server {{\n    listen [::]:{FRONT} ipv6only=off;\n    location / {{\n      proxy_pass http://{upstream};\n      \
                 proxy_http_version 1.1;\n      proxy_set_header Upgrade $http_upgrade;\n      \
                 proxy_set_header Connection \"upgrade\";\n      proxy_set_header Host $host;\n      \
                 proxy_set_header X-Real-IP $remote_addr;\n      \
                 proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;\n      \
                 proxy_set_header X-Forwarded-Proto $scheme;\n    }}\n  }}\n}}\n"
            ),
            Self::Caddy => format!(
                "{{\n  admin off\n  auto_https off\n  storage file_system {tmp}\n}}\n\
                 http://:{FRONT} {{\n  reverse_proxy {upstream}\n}}\n"
            ),
            Self::Haproxy => format!(
                "defaults\n  mode http\n  option forwardfor\n  timeout connect 5s\n  timeout client 1m\n  \
                 timeout server 1m\n  timeout tunnel 1m\nlisten front\n  bind :::{FRONT} v4v6\n  server gateway {upstream}\n"
            ),
            Self::Tcp => tcp(""),
            Self::TcpProxyV1 => tcp("send-proxy"),
            Self::TcpProxyV2 => tcp("send-proxy-v2"),
        }
    }
}
