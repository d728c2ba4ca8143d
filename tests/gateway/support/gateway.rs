//! A gateway process with a state directory of its own.

use std::{
    fmt::Write as _,
    fs,
    net::SocketAddr,
    path::PathBuf,
    process::{Child, ExitStatus},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use super::{Answer, Builder, Connect, Dial, Refused, Session, builder::reap, eventually, exchange};

/// A running gateway; killed when it is dropped.
pub(crate) struct TestGateway {
    builder: Builder,
    child: Child,
    /// Where it listens.
    pub(crate) address: SocketAddr,
    tls: bool,
}

impl TestGateway {
    pub(crate) fn builder() -> Builder {
        Builder::new()
    }

    pub(super) fn running(builder: Builder, child: Child, address: SocketAddr, tls: bool) -> Self {
        Self { builder, child, address, tls }
    }

    /// A gateway as it is on a fresh machine.
    pub(crate) async fn start() -> Self {
        Self::builder().start().await
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.builder.state()
    }

    /// The token that it generated for itself.
    pub(crate) fn token(&self) -> String {
        let path = self.state().join("identity/gateway-token");
        fs::read_to_string(path).expect("the gateway generated a token").trim().to_owned()
    }

    pub(crate) fn dial(&self) -> Dial {
        if self.tls { Dial::tls(self.address) } else { Dial::tcp(self.address) }
    }

    pub(crate) fn dial_unix(&self) -> Dial {
        Dial::unix(self.state().join("run/gateway.sock"))
    }

    /// Connects over loopback.
    pub(crate) async fn enter(&self, connect: &Connect) -> Result<Session, Refused> {
        self.dial().enter(connect).await
    }

    /// Connects over loopback, and has to be let in.
    pub(crate) async fn admit(&self, connect: &Connect) -> Session {
        self.enter(connect).await.unwrap_or_else(|refused| panic!("not let in: {refused:?}"))
    }

    /// Connects over loopback, and has to be refused.
    pub(crate) async fn refuse(&self, connect: &Connect) -> Refused {
        refused(self.enter(connect).await)
    }

    /// Connects with evidence of a proxy that nobody vouches for.
    pub(crate) async fn enter_from_afar(&self, connect: &Connect) -> Result<Session, Refused> {
        self.dial().with_evidence().enter(connect).await
    }

    /// Connects with such evidence, and has to be let in.
    pub(crate) async fn admit_from_afar(&self, connect: &Connect) -> Session {
        self.enter_from_afar(connect).await.unwrap_or_else(|refused| panic!("not let in: {refused:?}"))
    }

    /// Connects with such evidence, and has to be refused.
    pub(crate) async fn refuse_from_afar(&self, connect: &Connect) -> Refused {
        refused(self.enter_from_afar(connect).await)
    }

    /// An operator with every right, over the Unix socket.
    pub(crate) async fn owner(&self) -> Session {
        self.dial_unix().enter(&Connect::v4().scopes(&[])).await.unwrap_or_else(|refused| panic!("{refused:?}"))
    }

    /// `method path`, with these headers, on a connection of its own.
    pub(crate) async fn http(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = format!("{method} {path} HTTP/1.1\r\nconnection: close\r\n");
        if !headers.iter().any(|(name, _)| *name == "host") {
            let _ = write!(request, "host: {}\r\n", self.address);
        }
        for (name, value) in headers {
            let _ = write!(request, "{name}: {value}\r\n");
        }
        request += "\r\n";
        exchange(&self.dial(), request.as_bytes()).await.unwrap_or_else(|| panic!("no answer to {request:?}"))
    }

    /// Everything that it wrote so far: its output and its log files.
    pub(crate) fn log(&self) -> String {
        let files = fs::read_dir(self.state().join("logs")).into_iter().flatten().flatten();
        let files = files.map(|file| fs::read_to_string(file.path()).unwrap_or_default());
        files.fold(self.builder.output(), |log, file| log + &file)
    }

    /// Waits until the log has a line with every one of `parts`.
    pub(crate) async fn logs(&self, parts: &[&str]) {
        let line_has = |line: &str| parts.iter().all(|part| line.contains(part));
        eventually(format!("a log line with {parts:?}"), async || self.log().lines().any(line_has).then_some(())).await;
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).expect("a process id"));
        kill(pid, signal).expect("the gateway runs");
    }

    /// Waits until it ended.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        eventually("the gateway to end", async || self.child.try_wait().expect("the child can be asked")).await
    }

    /// Kills it and starts it again on the same state directory.
    pub(crate) async fn restart(self) -> Self {
        let builder = self.builder.clone();
        drop(self);
        builder.start().await
    }
}

/// The refusal that was expected.
pub(crate) fn refused(entered: Result<Session, Refused>) -> Refused {
    match entered {
        Err(refused) => refused,
        Ok(session) => panic!("let in: {}", session.hello),
    }
}

impl Drop for TestGateway {
    #[expect(clippy::print_stdout, reason = "the harness shows it when the test fails")]
    fn drop(&mut self) {
        reap(&mut self.child);
        let output = self.builder.output();
        if std::thread::panicking() {
            println!("the gateway wrote:\n{output}");
        } else {
            assert!(!output.contains("panicked at"), "a task of the gateway panicked:\n{output}");
        }
    }
}
