//! The `openclaw` binary: parse, run the command, print the error chain and its hint, exit.

use std::{env, ffi::OsString, io, process::ExitCode, time::Instant};

use openclaw::{
    cli::{Cli, CliError, Context, Exit, Format, Output, Run},
    config::{self, Environment, Paths},
    defaults::MAX_BLOCKING_THREADS,
    gateway::{self, GatewayError, Start},
    net, signals,
};

fn main() -> ExitCode {
    let began = Instant::now();
    let words: Vec<OsString> = env::args_os().collect();
    let environment = Environment::of_process();
    let asks_for_json = words.iter().any(|word| word == "--json");
    match Cli::read(words) {
        Ok(cli) => {
            let plain = cli.no_color() || environment.variable("NO_COLOR").is_some();
            let format = if cli.is_json() { Format::Json } else { Format::Text };
            let mut output = Output::of_process(format, plain);
            let ended = match cli.runs_gateway() {
                Some(run) => run_gateway(run, environment, began, &mut output),
                None => run_command(cli, environment, &mut output),
            };
            let ended = ended.and_then(|exit| output.flush().map(|()| exit).map_err(CliError::from));
            ExitCode::from(ended.unwrap_or_else(|error| tell(&error, &mut output)).code())
        }
        Err(error) => refuse(&error, asks_for_json),
    }
}

/// Commands wait for one gateway at a time: one thread does, and starts in no time.
fn run_command(cli: Cli, environment: Environment, output: &mut Output) -> Result<Exit, CliError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let context = Context::new(environment)?;
    let ended = runtime.block_on(async {
        if cli.ends_when_told() {
            return cli.run(&context, output).await;
        }
        tokio::select! {
            ended = cli.run(&context, output) => ended,
            signal = signals::interrupted_as_first_process() => Ok(Exit::Interrupted(signals::exit_code(signal?))),
        }
    });
    // A look-up or a read that nobody waits for any more must not keep us.
    runtime.shutdown_background();
    ended
}

fn run_gateway(run: &Run, environment: Environment, began: Instant, output: &mut Output) -> Result<Exit, CliError> {
    run.explain(output)?;
    output.flush()?;
    let flags = run.flags();
    // Where there is no home, the configuration says so.
    let state = Paths::resolve(&environment).ok().map(|paths| paths.state);
    if let Some(state) = &state {
        net::check_state_directory(state).map_err(GatewayError::from)?;
    }
    let loaded = match config::load(&environment, &flags) {
        Ok(loaded) => loaded,
        Err(error) => {
            state.iter().for_each(net::is_not_coming);
            tell(&CliError::Config(error), output);
            return Ok(Exit::Misconfigured);
        }
    };
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().max_blocking_threads(MAX_BLOCKING_THREADS).build()?;
    match runtime.block_on(gateway::run(Start { loaded, environment, flags, began })) {
        Ok(()) => Ok(Exit::Done),
        Err(error) => {
            let misconfigured = matches!(error, GatewayError::Config(_));
            tell(&CliError::from(error), output);
            Ok(if misconfigured { Exit::Misconfigured } else { Exit::Failed })
        }
    }
}

/// Tells the user why it failed; a reader that went away is told nothing.
fn tell(error: &CliError, output: &mut Output) -> Exit {
    if !error.is_closed_pipe() {
        // There is nobody left to tell that telling failed.
        let _ = error.print(output);
    }
    error.exit()
}

/// A command line that cannot be read, or one that asks for help or the version.
fn refuse(error: &clap::Error, asks_for_json: bool) -> ExitCode {
    if error.use_stderr() && asks_for_json {
        let text = error.render().to_string();
        let message = text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned();
        let mut output = Output::to_writers(io::stdout(), io::sink(), Format::Json, None);
        let _ = CliError::usage(message, "openclaw --help, or --help after the command, lists what there is")
            .print(&mut output);
    }
    let _ = error.print();
    if error.use_stderr() { ExitCode::from(Exit::Failed.code()) } else { ExitCode::SUCCESS }
}
