//! The command line as clap reads it.

use std::ffi::OsString;

use clap::Parser as _;

use super::{
    CliError, Context, Exit, Output,
    completion::{Completion, Man},
    config::ConfigCommand,
    dashboard::Dashboard,
    devices::DevicesCommand,
    doctor::Doctor,
    gateway::{GatewayCommand, Health, Run},
    idle::Idle,
    logs::Logs,
    status::Status,
    target::TargetArgs,
    version,
};

/// A container-native OpenClaw gateway, and the command line that operates it.
#[derive(Debug, clap::Parser)]
#[command(
    name = "openclaw",
    version = version::short(),
    long_version = version::long(),
    max_term_width = 120,
    after_help = "Without --url, commands talk to the gateway of \
    the state directory (OPENCLAW_STATE_DIR, else ~/.openclaw) over its local socket: no token, no pairing."
)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
    /// Never use colour
    #[arg(long, global = true)]
    no_color: bool,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Gateway(Box<GatewayArgs>),
    #[command(subcommand)]
    Devices(DevicesCommand),
    Logs(Logs),
    Health(Health),
    #[command(hide = true)]
    Idle(Idle),
    Status(Status),
    Doctor(Doctor),
    #[command(subcommand)]
    Config(ConfigCommand),
    Dashboard(Dashboard),
    Completion(Completion),
    Man(Man),
}

/// Run a gateway, or ask about one. Without a command it runs one
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
struct GatewayArgs {
    #[command(subcommand)]
    command: Option<GatewayCommand>,
    #[command(flatten)]
    run: Run,
}

impl Cli {
    /// Reads a command line, the program's name first. The name may come twice: an image's entry point is the program
    /// already, and people type it again.
    ///
    /// # Errors
    /// clap's own: also for `--help` and `--version`, which it prints.
    pub fn read(words: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        let mut words: Vec<_> = words.into_iter().collect();
        while words.get(1).is_some_and(|word| word == "openclaw") {
            words.remove(1);
        }
        Self::try_parse_from(words)
    }

    /// Whether colour is unwanted.
    pub fn no_color(&self) -> bool {
        self.no_color
    }

    /// Whether data is wanted as JSON.
    pub fn is_json(&self) -> bool {
        match &self.command {
            Command::Gateway(gateway) => gateway.command.as_ref().is_some_and(GatewayCommand::is_json),
            Command::Config(config) => config.json(),
            Command::Doctor(doctor) => doctor.json,
            Command::Dashboard(dashboard) => dashboard.json,
            _ => self.target().is_some_and(|target| target.json),
        }
    }

    /// How a gateway is to be run, where that is what was asked for.
    pub fn runs_gateway(&self) -> Option<&Run> {
        let Command::Gateway(gateway) = &self.command else { return None };
        match &gateway.command {
            Some(GatewayCommand::Run(run)) => Some(run),
            Some(_) => None,
            None => Some(&gateway.run),
        }
    }

    /// Whether the command heeds TERM and INT itself.
    pub fn ends_when_told(&self) -> bool {
        match &self.command {
            Command::Idle(_) => true,
            Command::Devices(devices) => devices.follows(),
            _ => false,
        }
    }

    fn target(&self) -> Option<&TargetArgs> {
        match &self.command {
            Command::Gateway(gateway) => gateway.command.as_ref()?.target(),
            Command::Devices(devices) => Some(devices.target()),
            Command::Logs(logs) => Some(&logs.target),
            Command::Health(health) => Some(&health.target),
            Command::Status(status) => Some(&status.target),
            Command::Idle(_)
            | Command::Config(_)
            | Command::Doctor(_)
            | Command::Dashboard(_)
            | Command::Completion(_)
            | Command::Man(_) => None,
        }
    }

    /// Runs a command that talks to a gateway.
    ///
    /// # Errors
    /// [`CliError`] tells why it failed.
    pub async fn run(self, context: &Context, output: &mut Output) -> Result<Exit, CliError> {
        let (what, waiting) = (self.waits_for(), output.waiting());
        let work = Box::pin(self.work(context, output));
        match what {
            Some(what) => waiting.during(what, work).await,
            None => work.await,
        }
    }

    /// What takes its time, where something may and the command does not tell of it itself.
    fn waits_for(&self) -> Option<&'static str> {
        match &self.command {
            Command::Devices(devices) => (!devices.follows()).then_some("waiting for the gateway"),
            Command::Logs(logs) => (!logs.follows()).then_some("waiting for the gateway"),
            Command::Gateway(gateway) => match &gateway.command {
                Some(
                    GatewayCommand::Health(_)
                    | GatewayCommand::Status(_)
                    | GatewayCommand::Probe(_)
                    | GatewayCommand::Call(_),
                ) => Some("waiting for the gateway"),
                _ => None,
            },
            Command::Health(_) | Command::Status(_) | Command::Config(_) => Some("waiting for the gateway"),
            Command::Doctor(_) => Some("looking at files, names and the gateway"),
            Command::Idle(_) | Command::Dashboard(_) | Command::Completion(_) | Command::Man(_) => None,
        }
    }

    async fn work(self, context: &Context, output: &mut Output) -> Result<Exit, CliError> {
        match self.command {
            Command::Gateway(gateway) => match gateway.command {
                Some(command) => command.run(context, output).await,
                None => Err(CliError::usage("a gateway is run by the program itself", "openclaw gateway run")),
            },
            Command::Devices(devices) => devices.run(context, output).await,
            Command::Logs(logs) => logs.run(context, output).await,
            Command::Health(health) => health.run(context, output).await,
            Command::Idle(idle) => idle.run().await,
            Command::Config(config) => config.run(context, output).await,
            Command::Status(status) => status.run(context, output).await,
            Command::Doctor(doctor) => doctor.run(context, output).await,
            Command::Dashboard(dashboard) => dashboard.run(context, output),
            Command::Completion(completion) => completion.run(output),
            Command::Man(man) => man.run(output),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    fn read(line: &str) -> Result<Cli, clap::Error> {
        Cli::read(line.split_whitespace().map(OsString::from))
    }

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn lines_that_are_in_the_wild() {
        #[rustfmt::skip]
        let rows = [
            // line                                                                    runs a gateway, JSON, readable
            ("openclaw gateway",                                                       true,  false, true),
            ("openclaw gateway run",                                                   true,  false, true),
            ("openclaw gateway --bind lan --port 18789",                               true,  false, true),
            ("openclaw gateway run --port 1 --bind loopback --allow-unconfigured --token T", true, false, true),
            ("openclaw gateway run --force --verbose --dev --reset --ws-log full",     true,  false, true),
            ("openclaw openclaw devices list",                                         false, false, true),
            ("openclaw devices list --json --url ws://127.0.0.1:1 --token T",          false, true,  true),
            ("openclaw devices approve",                                               false, false, true),
            ("openclaw devices approve --latest",                                      false, false, true),
            ("openclaw devices approve 6f1d-1 --token T --url ws://127.0.0.1:1",       false, false, true),
            ("openclaw devices reject 6f1d-1 --offline",                               false, false, true),
            ("openclaw devices clear --yes --pending",                                 false, false, true),
            ("openclaw devices rotate --no-scopes",                                    false, false, true),
            ("openclaw gateway health --json",                                         false, true,  true),
            ("openclaw gateway status --deep --no-probe",                              false, false, true),
            ("openclaw gateway status --require-rpc --json",                           false, true,  true),
            ("openclaw gateway probe --json --timeout 500",                            false, true,  true),
            ("openclaw gateway call health --params {} --json --expect-final",         false, true,  true),
            ("openclaw logs --follow --limit 5 --max-bytes 10 --interval 5 --plain --utc --timeout 9", false, false, true),
            ("openclaw logs --local-time --json --no-color --expect-final",            false, true,  true),
            ("openclaw health --json",                                                 false, true,  true),
            ("openclaw idle",                                                          false, false, true),
            ("openclaw",                                                               false, false, false),
            ("openclaw gateway --bind everywhere",                                     false, false, false),
            ("openclaw devices approve ../x",                                          false, false, false),
            ("openclaw devices remove abc",                                            false, false, false),
            ("openclaw logs --limit 0",                                                false, false, false),
            ("openclaw logs --utc --local-time",                                       false, false, false),
            ("openclaw devices list --url gateway:1",                                  false, false, false),
            ("openclaw devices list --timeout 0",                                      false, false, false),
        ];
        for (line, runs, json, readable) in rows {
            match read(line) {
                Ok(cli) => {
                    assert!(readable, "{line}");
                    assert_eq!((cli.runs_gateway().is_some(), cli.is_json()), (runs, json), "{line}");
                }
                Err(error) => assert!(!readable, "{line}: {error}"),
            }
        }
    }

    #[test]
    fn a_secret_on_the_command_line_is_not_repeated() {
        let cli = read("openclaw devices list --url ws://127.0.0.1:1 --token hunter2").expect("readable");
        assert!(!format!("{cli:?}").contains("hunter2"));
    }

    #[test]
    fn every_help_text() {
        fn walk(command: &mut clap::Command, path: &str, texts: &mut Vec<(String, String)>) {
            texts.push((path.to_owned(), command.render_help().to_string()));
            for inner in command.get_subcommands_mut().filter(|inner| inner.get_name() != "help") {
                let path = format!("{path}_{}", inner.get_name());
                walk(inner, &path, texts);
            }
        }
        let mut root = Cli::command().term_width(100);
        root.build();
        let mut texts = Vec::new();
        walk(&mut root, "openclaw", &mut texts);
        assert!(texts.len() > 15, "{}", texts.len());
        for (path, text) in texts {
            insta::assert_snapshot!(path, text);
        }
    }
}
