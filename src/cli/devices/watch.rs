//! `devices watch`

use std::{
    io::{self, IsTerminal as _, Read as _},
    os::fd::AsFd as _,
    time::Duration,
};

use nix::sys::termios::{LocalFlags, SetArg, SpecialCharacterIndices, Termios, tcgetattr, tcsetattr};
use serde_json::json;
use tokio::sync::mpsc;

use super::{
    super::{CliError, Context, Exit, Output, Session, Tone, Wish, reach::gateway, text::one_line},
    DevicesArgs,
    candidate::{Standing, roles_of, scopes_of},
};
use crate::{
    defaults::{RECONNECT_MAX, RECONNECT_MIN},
    protocol::{PairingList, PendingRequest, RequestId},
    signals::Listening,
};

/// Show pairing requests as they come; on a terminal a key approves or rejects the one that is shown
#[derive(Debug, clap::Args)]
pub(crate) struct Watch {
    #[command(flatten)]
    pub(super) devices: DevicesArgs,
}

/// What a key stroke asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Key {
    Approve,
    Reject,
    Skip,
    Quit,
}

impl Key {
    fn of(byte: u8) -> Option<Self> {
        match byte {
            b'a' | b'A' => Some(Self::Approve),
            b'r' | b'R' => Some(Self::Reject),
            b's' | b'S' | b'n' => Some(Self::Skip),
            // Ctrl-C and Ctrl-D too: the terminal makes no signal of them meanwhile.
            b'q' | b'Q' | 3 | 4 => Some(Self::Quit),
            _ => None,
        }
    }
}

/// The requests that were shown, and those that were passed over.
#[derive(Debug, Default)]
struct Queue {
    shown: Vec<RequestId>,
    skipped: Vec<RequestId>,
    current: Option<RequestId>,
}

/// What there is to tell after a look at the list.
#[derive(Debug, Default, PartialEq, Eq)]
struct News {
    come: Vec<RequestId>,
    gone: Vec<RequestId>,
}

impl Queue {
    /// Compares with what waits now.
    fn update(&mut self, waiting: &[RequestId]) -> News {
        let come: Vec<_> = waiting.iter().filter(|id| !self.shown.contains(id)).cloned().collect();
        let gone: Vec<_> = self.shown.iter().filter(|id| !waiting.contains(id)).cloned().collect();
        self.shown.retain(|id| waiting.contains(id));
        self.shown.extend(come.iter().cloned());
        self.skipped.retain(|id| waiting.contains(id));
        if self.current.as_ref().is_some_and(|id| !waiting.contains(id)) {
            self.current = None;
        }
        self.choose();
        News { come, gone }
    }

    /// The oldest one that was not passed over.
    fn choose(&mut self) {
        if self.current.is_none() {
            self.current = self.shown.iter().find(|id| !self.skipped.contains(id)).cloned();
        }
    }

    fn skip(&mut self) {
        if let Some(id) = self.current.take() {
            self.skipped.push(id);
        }
        self.choose();
    }
}

/// Reads single keys, and gives the terminal back as it was.
struct Keys {
    before: Option<Termios>,
    strokes: mpsc::Receiver<Key>,
}

impl Keys {
    /// `None` where there is no terminal to press keys at.
    fn read() -> Option<Self> {
        if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
            return None;
        }
        let before = tcgetattr(io::stdin().as_fd()).ok()?;
        let mut raw = before.clone();
        raw.local_flags.remove(LocalFlags::ICANON | LocalFlags::ECHO | LocalFlags::ISIG);
        raw.control_chars[SpecialCharacterIndices::VMIN as usize] = 1;
        raw.control_chars[SpecialCharacterIndices::VTIME as usize] = 0;
        tcsetattr(io::stdin().as_fd(), SetArg::TCSANOW, &raw).ok()?;
        let (sender, strokes) = mpsc::channel(8);
        // A read from a terminal cannot be given up: the thread ends with the process.
        std::thread::spawn(move || {
            for byte in io::stdin().lock().bytes() {
                let Ok(byte) = byte else { return };
                if let Some(key) = Key::of(byte)
                    && sender.blocking_send(key).is_err()
                {
                    return;
                }
            }
        });
        Some(Self { before: Some(before), strokes })
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        if let Some(before) = self.before.take() {
            let _ = tcsetattr(io::stdin().as_fd(), SetArg::TCSANOW, &before);
        }
    }
}

impl Watch {
    pub(super) async fn run(self, context: &Context, output: &mut Output) -> Result<Exit, CliError> {
        let mut signals = Listening::start()?;
        let mut queue = Queue::default();
        let mut session = self.open(context, output).await?;
        // JSON is for programs, which press no keys.
        let mut keys = if output.is_json() { None } else { Keys::read() };
        if !output.is_json() {
            let how = if keys.is_some() { "a approve, r reject, s skip, q quit" } else { "ends with Ctrl-C" };
            output.note(Tone::Dim, &format!("watching for pairing requests ({how})"))?;
        }
        let ended = loop {
            let stop = tokio::select! {
                ended = self.watch(&mut session, &mut queue, keys.as_mut(), output) => ended?,
                () = signals.until_stop() => true,
            };
            if stop {
                break Exit::Done;
            }
            let again = tokio::select! {
                session = self.reconnect(context, output) => Some(session?),
                () = signals.until_stop() => None,
            };
            match again {
                Some(again) => session = again,
                None => return Ok(Exit::Done),
            }
        };
        session.close().await;
        Ok(ended)
    }

    async fn open(&self, context: &Context, output: &mut Output) -> Result<Session, CliError> {
        gateway(context, &self.devices.target, Wish::CALL, output).await
    }

    /// Shows what comes until the user has enough (`true`) or the connection ends (`false`).
    async fn watch(
        &self,
        session: &mut Session,
        queue: &mut Queue,
        mut keys: Option<&mut Keys>,
        output: &mut Output,
    ) -> Result<bool, CliError> {
        loop {
            let list: PairingList = match session.call("device.pair.list", Some(&json!({}))).await {
                Ok(list) => list,
                Err(error) if is_lost(&error) => return Ok(false),
                Err(error) => return Err(error),
            };
            let waiting: Vec<_> = list.pending.iter().rev().map(|request| request.request_id.clone()).collect();
            let news = queue.update(&waiting);
            tell(&news, &list, output)?;
            prompt(queue, keys.is_some(), output)?;
            let asked = wait(session, &mut keys).await;
            match asked {
                Asked::Look => {}
                Asked::Lost => return Ok(false),
                Asked::Key(Key::Quit) => return Ok(true),
                Asked::Key(Key::Skip) => queue.skip(),
                Asked::Key(key) => {
                    let Some(request) = queue.current.clone() else { continue };
                    match decide(session, key, &request).await {
                        Ok(()) => {
                            let what = if key == Key::Approve { "approved" } else { "rejected" };
                            output.toned(Tone::Good, &format!("{what} {request}"))?;
                        }
                        Err(error) if is_lost(&error) => return Ok(false),
                        // Somebody else was faster, or we may not: the next one may still be decided.
                        Err(error) => output.note(Tone::Bad, &error.lines().swap_remove(0))?,
                    }
                }
            }
        }
    }

    async fn reconnect(&self, context: &Context, output: &mut Output) -> Result<Session, CliError> {
        let mut pause = RECONNECT_MIN;
        loop {
            output.note(Tone::Warning, &format!("gateway disconnected, reconnecting in {}s...", pause.as_secs()))?;
            output.flush()?;
            tokio::time::sleep(pause).await;
            match self.open(context, output).await {
                Ok(session) => {
                    output.note(Tone::Good, "gateway reconnected")?;
                    return Ok(session);
                }
                Err(error) if error.is_closed_pipe() => return Err(error),
                Err(_) => pause = (pause * 2).min(RECONNECT_MAX),
            }
        }
    }
}

enum Asked {
    Look,
    Lost,
    Key(Key),
}

/// How often the list is looked at when nothing happens: requests expire without an event.
const LOOK_AGAIN: Duration = Duration::from_secs(15);

/// Waits for an event about pairing, a key, or the time for another look.
async fn wait(session: &mut Session, keys: &mut Option<&mut Keys>) -> Asked {
    let stroke = async {
        match keys {
            Some(keys) => match keys.strokes.recv().await {
                Some(key) => key,
                // The terminal is gone, and with it the user.
                None => Key::Quit,
            },
            None => std::future::pending().await,
        }
    };
    let event = async {
        loop {
            match session.connection.next_event().await {
                Ok(event) if event.name.starts_with("device.pair.") => return Asked::Look,
                Ok(_) => {}
                Err(_) => return Asked::Lost,
            }
        }
    };
    tokio::select! {
        key = stroke => Asked::Key(key),
        asked = event => asked,
        () = tokio::time::sleep(LOOK_AGAIN) => Asked::Look,
    }
}

async fn decide(session: &mut Session, key: Key, request: &RequestId) -> Result<(), CliError> {
    let method = if key == Key::Approve { "device.pair.approve" } else { "device.pair.reject" };
    session.call::<serde_json::Value>(method, Some(&json!({ "requestId": request }))).await.map(drop)
}

fn is_lost(error: &CliError) -> bool {
    matches!(error, CliError::Call(error) if !matches!(error.failure, crate::client::CallFailure::Refused(_)))
}

/// Tells what came and what went.
fn tell(news: &News, list: &PairingList, output: &mut Output) -> io::Result<()> {
    for id in &news.gone {
        if output.is_json() {
            output.json_line(&json!({ "type": "resolved", "requestId": id }))?;
        } else {
            output.toned(Tone::Dim, &format!("- {id} no longer waits"))?;
        }
    }
    for id in &news.come {
        let Some(request) = list.pending.iter().find(|request| request.request_id == *id) else { continue };
        if output.is_json() {
            output.json_line(&json!({ "type": "requested", "request": request }))?;
        } else {
            output.toned(Tone::Heading, &line(request, list))?;
        }
    }
    output.flush()
}

/// A request in one line: everything that a decision goes by.
fn line(request: &PendingRequest, list: &PairingList) -> String {
    let known = list.paired.iter().find(|device| device.device_id == request.device_id);
    let name = request.display_name.as_deref().or(request.client_id.as_deref()).unwrap_or("no name");
    let from =
        request.remote_ip.as_deref().map_or_else(String::new, |address| format!(" from {}", one_line(address, 60)));
    let scopes = scopes_of(request.scopes.as_ref());
    format!(
        "+ {} {}{from}: {} ({}) [{}]",
        request.request_id,
        one_line(name, 40),
        roles_of(&request.asked_roles()),
        one_line(&scopes, 200),
        Standing::of(request, known)
    )
}

/// Says which request the keys are about, or which command approves.
fn prompt(queue: &Queue, keys: bool, output: &mut Output) -> io::Result<()> {
    if output.is_json() {
        return Ok(());
    }
    match &queue.current {
        Some(id) if keys => output.note(Tone::Plain, &format!("{id}: [a]pprove [r]eject [s]kip [q]uit"))?,
        Some(id) => output.note(Tone::Plain, &format!("approve with: openclaw devices approve {id}"))?,
        None => {}
    }
    output.flush()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Format, devices::candidate::tests::example, output::tests::captured};

    #[test]
    fn keys() {
        #[rustfmt::skip]
        let rows = [
            (b'a', Some(Key::Approve)), (b'R', Some(Key::Reject)), (b's', Some(Key::Skip)), (b'q', Some(Key::Quit)),
            (3, Some(Key::Quit)), (b'x', None), (27, None), (b'\n', None),
        ];
        for (byte, key) in rows {
            assert_eq!(Key::of(byte), key, "{byte}");
        }
    }

    #[test]
    fn each_request_is_told_once_and_the_oldest_is_decided_first() {
        let id = |text: &str| text.parse::<RequestId>().expect(text);
        let mut queue = Queue::default();
        assert_eq!(queue.update(&[id("r-1"), id("r-2")]), News { come: vec![id("r-1"), id("r-2")], gone: vec![] });
        assert_eq!(queue.current, Some(id("r-1")));
        queue.skip();
        assert_eq!(queue.current, Some(id("r-2")));
        assert_eq!(queue.update(&[id("r-1"), id("r-2")]), News::default());
        assert_eq!(queue.update(&[id("r-1"), id("r-3")]), News { come: vec![id("r-3")], gone: vec![id("r-2")] });
        assert_eq!(queue.current, Some(id("r-3")), "what was passed over stays so");
        queue.update(&[]);
        assert_eq!(queue.current, None);
    }

    #[test]
    fn lines_for_people_and_programs() {
        let list = example(1_000_000);
        let news = News {
            come: list.pending.iter().map(|request| request.request_id.clone()).collect(),
            gone: vec!["r-9".parse().expect("an id")],
        };
        let (mut output, out, _) = captured(Format::Text, None);
        tell(&news, &list, &mut output).expect("in memory");
        insta::assert_snapshot!("watch_lines", out.text());
        let (mut output, out, _) = captured(Format::Json, None);
        tell(&news, &list, &mut output).expect("in memory");
        let types: Vec<_> = out
            .text()
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).expect(line)["type"].clone())
            .collect();
        assert_eq!(types, ["resolved", "requested", "requested"]);
        insta::assert_snapshot!("watch_lines_json", out.text());
    }

    #[test]
    fn what_to_do_about_a_request() {
        let mut queue = Queue::default();
        queue.update(&["r-1".parse().expect("an id")]);
        let (mut output, _, err) = captured(Format::Text, None);
        prompt(&queue, false, &mut output).expect("in memory");
        prompt(&queue, true, &mut output).expect("in memory");
        assert_eq!(err.text(), "approve with: openclaw devices approve r-1\nr-1: [a]pprove [r]eject [s]kip [q]uit\n");
    }
}
