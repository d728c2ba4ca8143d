//! `openclaw dashboard`

use std::{
    io::IsTerminal as _,
    path::Path,
    process::{Command, Stdio},
};

use serde_json::json;

use super::{
    CliError, Context, Exit, Output, Tone,
    target::{TargetArgs, elsewhere, local_url},
};
use crate::{
    client::{GatewayUrl, Scheme},
    net::{ContainerMarks, LockState},
};

/// Print the dashboard's URL, and open it in a browser on a desktop
#[derive(Debug, clap::Args)]
pub(crate) struct Dashboard {
    /// Only print the URL
    #[arg(long)]
    no_open: bool,
    /// Put the gateway's token behind the URL: whoever sees it is in
    #[arg(long)]
    with_token: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Where this command runs, as far as browsers are concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Screen {
    Desktop,
    Ssh,
    Container,
    None,
}

impl Dashboard {
    /// Runs the command.
    ///
    /// # Errors
    /// [`CliError`] tells why it failed.
    pub(crate) fn run(self, context: &Context, output: &mut Output) -> Result<Exit, CliError> {
        let lock = context.lock();
        let announced = Context::announced(&lock);
        let url = elsewhere(&TargetArgs::default(), &context.settings);
        let elsewhere = url.is_some();
        let url = url
            .unwrap_or_else(|| announced.as_ref().map_or_else(|| local_url(&context.settings), GatewayUrl::dialable));
        let page = page(&url, &context.settings.control_ui.base_path);
        let token = context.settings.auth.token.in_force().filter(|_| self.with_token && !elsewhere);
        let shown = match token {
            Some(token) => format!("{page}#token={}", percent(token.secret.expose())),
            None => page.clone(),
        };
        let runs = elsewhere || !matches!(lock, LockState::Free);
        let screen = screen(context);
        let opens = !self.no_open && !output.is_json() && runs && screen == Screen::Desktop;
        // The token stays out of the browser's command line, which others can see.
        let opened = opens && std::io::stdout().is_terminal() && open(context, &page);
        if output.is_json() {
            output.json(&json!({ "url": shown, "running": runs, "opened": opened }))?;
            return Ok(Exit::Done);
        }
        output.line(&format!("Dashboard URL: {shown}"))?;
        match token {
            Some(token) => {
                if let Some(remark) = context.other_token(&token.source) {
                    output.note(Tone::Warning, &format!("of the token in it: {remark}"))?;
                }
            }
            None if self.with_token && !elsewhere => {
                output
                    .note(Tone::Warning, "no token is known here: `openclaw gateway status` says which one counts")?;
            }
            None => {}
        }
        if !runs {
            output.note(Tone::Warning, "Gateway is not running.")?;
            output.note(Tone::Plain, "Hint: openclaw gateway run")?;
            return Ok(Exit::Done);
        }
        let where_else = match screen {
            _ if opened => Some("opened in the browser".to_owned()),
            Screen::Ssh => {
                let port = url.port();
                Some(format!("From your own machine: ssh -N -L {port}:127.0.0.1:{port} USER@HOST, then open it there"))
            }
            Screen::Container => Some("From the host: the same with the port that the container publishes".into()),
            Screen::Desktop | Screen::None => None,
        };
        if let Some(text) = where_else {
            output.note(Tone::Plain, &text)?;
        }
        if let Some(host) = insecure(&url) {
            output.note(
                Tone::Warning,
                &format!("A browser cannot make a device key on plain HTTP from {host}: set gateway.tls.enabled, or use ssh -L"),
            )?;
        }
        output.note(Tone::Dim, "If the page asks for pairing: openclaw devices list, or openclaw devices watch")?;
        Ok(Exit::Done)
    }
}

/// The page of the gateway at `url`.
pub(super) fn page(url: &GatewayUrl, base: &str) -> String {
    let scheme = if url.scheme() == Scheme::Wss { "https" } else { "http" };
    let base = base.trim_matches('/');
    let slash = if base.is_empty() { "" } else { "/" };
    format!("{scheme}://{}/{base}{slash}", url.authority())
}

/// The host of a page that browsers count as insecure (W3C, Secure Contexts).
fn insecure(url: &GatewayUrl) -> Option<String> {
    let local = url.address().is_some_and(|address| address.is_loopback()) || url.host() == "localhost";
    (url.scheme() == Scheme::Ws && !local).then(|| url.host().to_owned())
}

/// A token in a URL's fragment.
fn percent(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

fn screen(context: &Context) -> Screen {
    let set = |name: &str| context.environment.variable(name).is_some();
    if ContainerMarks::read(Path::new("/")).is_container() {
        Screen::Container
    } else if set("SSH_CONNECTION") {
        Screen::Ssh
    } else if set("DISPLAY") || set("WAYLAND_DISPLAY") || cfg!(target_os = "macos") {
        Screen::Desktop
    } else {
        Screen::None
    }
}

/// Hands the page to the desktop's browser. What that says is not for this terminal.
fn open(context: &Context, page: &str) -> bool {
    let named = context.environment.text("BROWSER").map(|name| name.split(':').next().unwrap_or(name).to_owned());
    let usual = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let start = |program: &str| {
        let mut command = Command::new(program);
        command.arg(page).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().is_ok()
    };
    named.is_some_and(|name| start(&name)) || start(usual)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages() {
        #[rustfmt::skip]
        let rows = [
            // URL                      base      page                              insecure for browsers
            ("ws://127.0.0.1:18789",    "",       "http://127.0.0.1:18789/",        None),
            ("wss://gw.test:8443",      "",       "https://gw.test:8443/",          None),
            ("ws://192.0.2.7:18789",    "/ui/",   "http://192.0.2.7:18789/ui/",     Some("192.0.2.7")),
            ("ws://[::1]:18789",        "ui",     "http://[::1]:18789/ui/",         None),
            ("ws://localhost:1",        "",       "http://localhost:1/",            None),
        ];
        for (url, base, expected, host) in rows {
            let url: GatewayUrl = url.parse().expect(url);
            assert_eq!(page(&url, base), expected);
            assert_eq!(insecure(&url).as_deref(), host, "{url}");
        }
        assert_eq!(percent("a+b/c=%"), "a%2Bb%2Fc%3D%25");
    }
}
