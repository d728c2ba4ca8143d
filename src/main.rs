//! The `openclaw` binary: parse, run the command, print the error chain and its hint, exit.

use std::{process::ExitCode, time::Instant};

use clap::{Parser, Subcommand};
use openclaw::{
    config::{self, AuthMode, Bind, Environment, Flags, Secret},
    gateway::{self, Start},
    hint::{Hint, chain},
};

#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Gateway {
        #[command(subcommand)]
        command: GatewayCommand,
    },
}

#[derive(Subcommand)]
enum GatewayCommand {
    Run {
        #[arg(long)]
        port: Option<u16>,
        #[arg(long)]
        bind: Option<Bind>,
        #[arg(long)]
        auth: Option<AuthMode>,
        #[arg(long)]
        token: Option<String>,
        #[arg(long)]
        password: Option<String>,
        #[arg(long)]
        allow_unconfigured: bool,
    },
}

fn main() -> ExitCode {
    let began = Instant::now();
    let Command::Gateway { command: GatewayCommand::Run { port, bind, auth, token, password, allow_unconfigured } } =
        Cli::parse().command;
    let environment = Environment::of_process();
    let flags = Flags {
        port,
        bind,
        auth,
        token: token.map(Secret::new),
        password: password.map(Secret::new),
        allow_unconfigured,
        ..Flags::default()
    };
    let (text, hint) = match config::load(&environment, &flags) {
        Err(error) => (chain(&error), error.hint()),
        Ok(loaded) => {
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
            match runtime.block_on(gateway::run(Start { loaded, environment, flags, began })) {
                Ok(()) => return ExitCode::SUCCESS,
                Err(error) => (chain(&error), error.hint()),
            }
        }
    };
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr(), "{text}\n{}", hint.unwrap_or_default());
    ExitCode::FAILURE
}
