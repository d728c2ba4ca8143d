//! `openclaw completion` and `openclaw man`

use std::{fs, io, path::PathBuf};

use clap::CommandFactory as _;

use super::{Cli, CliError, Exit, Output};

/// Print a script that completes this command line in a shell
#[derive(Debug, clap::Args)]
#[command(after_help = "bash:  openclaw completion bash > ~/.local/share/bash-completion/completions/openclaw\n\
    zsh:   openclaw completion zsh > \"${fpath[1]}/_openclaw\"\n\
    fish:  openclaw completion fish > ~/.config/fish/completions/openclaw.fish")]
pub(crate) struct Completion {
    /// The shell
    shell: clap_complete::Shell,
}

/// Write the manual pages into a directory
#[derive(Debug, clap::Args)]
#[command(after_help = "openclaw man ~/.local/share/man/man1 && man openclaw")]
pub(crate) struct Man {
    /// The directory, for example ~/.local/share/man/man1; it is made where it is missing
    directory: PathBuf,
}

impl Completion {
    pub(crate) fn run(self, output: &mut Output) -> Result<Exit, CliError> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "openclaw", &mut script);
        output.raw(&script)?;
        Ok(Exit::Done)
    }
}

impl Man {
    pub(crate) fn run(self, output: &mut Output) -> Result<Exit, CliError> {
        let pages = pages()?;
        let write = || -> io::Result<()> {
            fs::create_dir_all(&self.directory)?;
            pages.iter().try_for_each(|(name, text)| fs::write(self.directory.join(name), text))
        };
        write().map_err(|error| CliError::Files {
            message: format!("cannot write the manual pages into {}: {error}", self.directory.display()),
            hint: "name a directory that this user may write in: openclaw man ./man1".into(),
        })?;
        output.line(&format!("wrote {} pages into {}", pages.len(), self.directory.display()))?;
        Ok(Exit::Done)
    }
}

/// Every manual page with its file name: one a command, like `openclaw-devices-list.1`.
fn pages() -> io::Result<Vec<(String, Vec<u8>)>> {
    fn walk(command: &clap::Command, name: &str, pages: &mut Vec<(String, Vec<u8>)>) -> io::Result<()> {
        // The page's title and synopsis go by the whole name.
        let mut page = command.clone().display_name(name.to_owned());
        if let Some(words) = command.get_bin_name() {
            page = page.bin_name(words.to_owned());
        }
        let mut text = Vec::new();
        clap_mangen::Man::new(page).render(&mut text)?;
        pages.push((format!("{name}.1"), text));
        for inner in command.get_subcommands().filter(|inner| inner.get_name() != "help" && !inner.is_hide_set()) {
            walk(inner, &format!("{name}-{}", inner.get_name()), pages)?;
        }
        Ok(())
    }
    let mut root = Cli::command().disable_help_subcommand(true);
    root.build();
    let mut pages = Vec::new();
    walk(&root, "openclaw", &mut pages)?;
    Ok(pages)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Format, output::tests::captured};

    #[test]
    fn a_script_for_each_shell() {
        for (shell, word) in [
            (clap_complete::Shell::Bash, "complete -F _openclaw"),
            (clap_complete::Shell::Zsh, "#compdef openclaw"),
            (clap_complete::Shell::Fish, "complete -c openclaw"),
        ] {
            let (mut output, out, _) = captured(Format::Text, None);
            Completion { shell }.run(&mut output).expect("in memory");
            let script = out.text();
            assert!(script.contains(word) && script.contains("doctor"), "{shell}");
        }
    }

    #[test]
    fn a_page_for_each_command() {
        let home = tempfile::tempdir().expect("a directory");
        let (mut output, ..) = captured(Format::Text, None);
        Man { directory: home.path().join("man1") }.run(&mut output).expect("writable");
        for name in ["openclaw.1", "openclaw-doctor.1", "openclaw-config-set.1", "openclaw-devices-list.1"] {
            let text = fs::read_to_string(home.path().join("man1").join(name))
                .unwrap_or_else(|error| panic!("{name}: {error}"));
            assert!(text.contains(".SH NAME") && text.contains(".SH SYNOPSIS"), "{name}: {text}");
        }
        let (mut output, ..) = captured(Format::Text, None);
        fs::write(home.path().join("file"), "").expect("writable");
        let error = Man { directory: home.path().join("file/x") }.run(&mut output).expect_err("no directory");
        assert!(crate::hint::Hint::hint(&error).contains("openclaw man"), "{error}");
    }
}
