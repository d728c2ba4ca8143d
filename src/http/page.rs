//! The page for people at `/`, until there is a dashboard.

use super::App;
use crate::origin::HostName;

const STYLE: &str = "
:root { color-scheme: light dark; --line: color-mix(in srgb, currentColor 18%, transparent); --good: #1a7f37; --bad: #b35900; }
@media (prefers-color-scheme: dark) { :root { --good: #3fb950; --bad: #e3a54b; } }
body { font: 16px/1.55 system-ui, sans-serif; max-width: 42rem; margin: 12vh auto 4rem; padding: 0 1.25rem; }
h1 { font-size: 1.5rem; letter-spacing: -.01em; margin: 0 0 .25rem; }
p { margin: .75rem 0; }
.state { display: inline-flex; align-items: center; gap: .5rem; font-weight: 600; }
.state::before { content: ''; width: .6rem; height: .6rem; border-radius: 50%; background: var(--tone); }
section { border: 1px solid var(--line); border-radius: .6rem; padding: .25rem 1.1rem .6rem; margin: 1.5rem 0; }
h2 { font-size: 1rem; margin: .8rem 0 0; }
pre { overflow-x: auto; padding: .6rem .8rem; border-radius: .4rem; background: color-mix(in srgb, currentColor 8%, transparent); }
code, pre { font: .875rem/1.5 ui-monospace, monospace; }
footer { color: color-mix(in srgb, currentColor 60%, transparent); font-size: .875rem; }
";

/// The page, for a request that named `host`. Nothing of the request is shown, so nothing of it can do harm.
pub(super) fn render(host: &str, tls: bool, app: &App) -> String {
    let failing = app.readiness.failing();
    let (tone, state) = if failing.is_empty() {
        ("--good", "ready".to_owned())
    } else {
        ("--bad", format!("not ready: {}", failing.join(", ")))
    };
    let is_loopback = HostName::parse(host).is_some_and(|host| host.is_local(&[]));
    let warning = if tls || is_loopback { String::new() } else { insecure(app.port) };
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>openclaw gateway</title><style>{STYLE}</style></head><body><main>\
         <h1>openclaw gateway</h1><p class=\"state\" style=\"--tone: var({tone})\">{state}</p>\
         <p>This port speaks the OpenClaw gateway protocol. Command lines, Control UIs and node hosts connect here over a \
         WebSocket.</p>{warning}\
         <section><h2>From a shell next to the gateway</h2><pre>openclaw devices list</pre>\
         <p>No token is needed there: the command line uses the gateway's Unix socket.</p></section>\
         <footer>version {version}</footer></main></body></html>",
        version = env!("CARGO_PKG_VERSION"),
    )
}

/// Why a browser cannot pair over plain HTTP from another machine, and the two ways out.
fn insecure(port: u16) -> String {
    format!(
        "<section><h2>A browser cannot pair here</h2>\
         <p>This page came over plain HTTP from another machine. Browsers lend their keys only to pages that came over HTTPS or \
         from the same machine, and without a key a browser cannot prove which device it is.</p>\
         <p>Either forward the port, and open <code>http://localhost:{port}/</code>:</p>\
         <pre>ssh -N -L {port}:127.0.0.1:{port} USER@HOST</pre>\
         <p>or switch TLS on with <code>gateway.tls</code> in <code>openclaw.json</code> on the gateway, and use <code>https://</code>:</p>\
         <pre>{{ \"gateway\": {{ \"tls\": {{ \"enabled\": true }} }} }}</pre></section>"
    )
}
