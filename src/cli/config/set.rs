//! `config set`, and what it has in common with `config unset`.

use std::io::Read as _;

use serde_json::{Value, json};

use super::{
    super::{CliError, Context, Exit, Output, Tone, doctor::bridge_as_proxy},
    apply::{Applied, apply, overridden},
    value::typed,
};
use crate::{
    config::{Draft, Effective, KeyPath, Located, Named, Problem, REDACTED, Verdict, lookup},
    defaults::MAX_CONFIG_BYTES,
};

/// Change a setting: the file keeps its comments and everything else, and a backup of it is made. A running gateway goes by
/// it at once where it can
#[derive(Debug, clap::Args)]
#[command(after_help = "Values are JSON5; what is none is a text.\n\n\
    openclaw config set gateway.port 18790\n\
    openclaw config set gateway.trustedProxies '[\"10.42.0.0/16\"]'\n\
    openclaw config set gateway.trustedProxies[0] 10.42.0.7\n\
    openclaw config set gateway.auth.token --stdin < token.txt")]
pub(crate) struct Set {
    /// The setting, for example `gateway.port`; `openclaw config schema` lists them
    #[arg(value_name = "KEY")]
    path: KeyPath,
    /// Its new value
    #[arg(
        value_name = "VALUE",
        required_unless_present = "stdin",
        conflicts_with = "stdin",
        allow_hyphen_values = true
    )]
    value: Option<String>,
    /// Read the value from standard input: a secret on a command line can be seen by others
    #[arg(long)]
    stdin: bool,
    #[command(flatten)]
    pub(super) edit: EditArgs,
}

/// What every edit takes.
#[derive(Debug, clap::Args)]
pub(crate) struct EditArgs {
    /// Say what would be changed, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Leave the running gateway alone
    #[arg(long)]
    no_reload: bool,
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
}

impl Set {
    pub(super) async fn run(self, context: &Context, output: &mut Output) -> Result<Exit, CliError> {
        if self.path.is_dangerous() {
            return Err(CliError::Usage {
                message: format!("{} is no key for a setting", self.path),
                hint: "openclaw config schema".into(),
            });
        }
        let text = match self.value {
            Some(text) => text,
            None => from_stdin()?,
        };
        let value = typed(&self.path, &text)?;
        if !self.edit.no_reload
            && let Some(refusal) = contradiction(context, &self.path)
        {
            return Err(refusal);
        }
        let mut draft = Draft::new(&context.environment)?;
        let before = draft.value(&self.path);
        if value == REDACTED {
            return Err(CliError::Usage {
                message: format!("{REDACTED} stands where a secret is not shown; it is no secret itself"),
                hint: format!("openclaw config set {} --stdin", self.path),
            });
        }
        draft.set(&self.path, &value)?;
        let mut remarks = remarks(&self.path, &value);
        remarks.extend(hidden_by(context, &self.path));
        finish(context, output, &self.edit, Edit { path: self.path, draft, before, remarks }, "Updated").await
    }
}

/// An edit that is ready.
pub(super) struct Edit {
    pub(super) path: KeyPath,
    pub(super) draft: Draft,
    pub(super) before: Option<Value>,
    pub(super) remarks: Vec<String>,
}

/// Judges an edit, writes it, and tells the gateway.
pub(super) async fn finish(
    context: &Context,
    output: &mut Output,
    args: &EditArgs,
    edit: Edit,
    done: &str,
) -> Result<Exit, CliError> {
    let Edit { path, draft, before, mut remarks } = edit;
    let verdict = draft.judge()?;
    if let Some(refusal) = refusal(&path, &verdict) {
        return Err(refusal);
    }
    remarks.extend(verdict.remarks);
    // That no gateway starts here is what a client machine is set up for.
    let left =
        verdict.left.iter().filter(|problem| !matches!(problem.what.kind, crate::config::ProblemKind::RemoteMode));
    remarks.extend(left.map(|problem| format!("still wrong: {problem}")));
    let changes: Vec<_> = draft.changes().into_iter().map(|path| path.display().to_string()).collect();
    let (written, applied) = if args.dry_run || changes.is_empty() {
        (Vec::new(), None)
    } else {
        let written = draft.write()?;
        let applied = if args.no_reload { None } else { Some(apply(context, &path).await) };
        (written, applied)
    };
    let failed = matches!(applied, Some(Applied::Refused(_)));
    if output.is_json() {
        output.json(&json!({
            "ok": !failed,
            "key": path.to_string(),
            "files": changes,
            "backups": written.iter().filter_map(|file| file.backup.as_ref()).collect::<Vec<_>>(),
            "changed": !changes.is_empty() && !args.dry_run,
            "takesEffect": applied.as_ref().map(Applied::word),
            "detail": applied.as_ref().map(Applied::text),
            "warnings": remarks,
        }))?;
    } else {
        let files = changes.join(" and ");
        if changes.is_empty() {
            output.line(&format!("{path} is so already"))?;
        } else if args.dry_run {
            output.line(&format!("{path} would be changed in {files}"))?;
        } else {
            output.toned(Tone::Good, &format!("{done} {path} in {files}{}", was(&path, before.as_ref())))?;
        }
        for file in &written {
            if let Some(backup) = &file.backup {
                output.toned(Tone::Dim, &format!("Backup: {}", backup.display()))?;
            }
        }
        if let Some(applied) = &applied {
            let tone = match applied {
                Applied::Refused(_) => Tone::Bad,
                Applied::AfterRestart | Applied::ByRestart(_) | Applied::Overridden(_) | Applied::Untold(_) => {
                    Tone::Warning
                }
                _ => Tone::Plain,
            };
            output.toned(tone, &capital(&applied.text()))?;
        }
        for remark in &remarks {
            output.note(Tone::Warning, &format!("Note: {remark}"))?;
        }
    }
    Ok(if failed { Exit::Failed } else { Exit::Done })
}

/// Why an edit is refused, if it is.
pub(crate) fn refusal(path: &KeyPath, verdict: &Verdict) -> Option<CliError> {
    (!verdict.problems.is_empty()).then(|| refused(path, &verdict.problems))
}

/// Why a secret is not edited that the gateway has from elsewhere: with two that differ it does not start.
pub(crate) fn contradiction(context: &Context, path: &KeyPath) -> Option<CliError> {
    let key = path.setting();
    let Named::Setting(setting) = lookup(&key) else { return None };
    let by = overridden(&context.lock(), &key).filter(|_| setting.is_secret())?;
    Some(CliError::Usage {
        message: format!(
            "nothing was changed: the running gateway has {key} from {by}, which no edit of a file changes"
        ),
        hint: format!(
            "change it where {by} comes from; --no-reload of `openclaw config set` writes the file all the same"
        ),
    })
}

/// The edit as an error: every reason, the place of each, and what would be right.
fn refused(path: &KeyPath, problems: &[Located<Problem>]) -> CliError {
    let lines: Vec<_> = problems.iter().map(|problem| format!("  {}", would_be(problem))).collect();
    let known = !matches!(lookup(&path.setting()), Named::Unknown);
    let hint = problems.first().map(Located::<Problem>::hint).filter(|_| known);
    let environment = problems.iter().find_map(|problem| match &problem.what.kind {
        crate::config::ProblemKind::SecretsDiffer { other } if other.is_environment() || problem.what.origin.is_environment() => {
            Some(format!(
                "change it where {} comes from; if only this shell has it and the gateway does not, run this without it",
                if other.is_environment() { other } else { &problem.what.origin }
            ))
        }
        _ => None,
    });
    CliError::Usage {
        message: format!("Config validation failed, nothing was changed: {path}\n{}", lines.join("\n")),
        hint: environment.or(hint).unwrap_or_else(|| schema_command(path)),
    }
}

/// What tells about the setting, or about its neighbours where it is none.
fn schema_command(path: &KeyPath) -> String {
    let mut key = path.setting();
    while matches!(lookup(&key), Named::Unknown) {
        match key.rsplit_once('.') {
            Some((section, _)) => key = section.to_owned(),
            None => return "openclaw config schema".into(),
        }
    }
    format!("openclaw config schema {key}")
}

/// A problem of a text that was not written: the line is the one that it would have.
fn would_be(problem: &Located<Problem>) -> String {
    match (&problem.place, &problem.what.key) {
        (Some(place), Some(key)) => format!(
            "{key}: {} (it would be line {}, column {} of {})",
            problem.what.kind,
            place.line,
            place.column,
            place.file.display()
        ),
        _ => problem.to_string(),
    }
}

/// What it was before; a secret is not said.
fn was(path: &KeyPath, before: Option<&Value>) -> String {
    let secret = match lookup(&path.setting()) {
        Named::Setting(setting) => setting.is_secret(),
        Named::Foreign | Named::Unknown => true,
        Named::Inside(_) | Named::Section(_) => false,
    };
    match before {
        Some(value) if !secret && !value.is_object() => format!(" (was {value})"),
        _ => String::new(),
    }
}

/// What the operator should know about this value of this setting.
fn remarks(path: &KeyPath, value: &Value) -> Vec<String> {
    if path.setting() != "gateway.trustedProxies" {
        return Vec::new();
    }
    let items = match value {
        Value::Array(items) => items.iter().filter_map(Value::as_str).collect(),
        Value::String(text) => vec![text.as_str()],
        _ => Vec::new(),
    };
    bridge_as_proxy(&items)
}

/// Which layer keeps the edit from having an effect.
fn hidden_by(context: &Context, path: &KeyPath) -> Option<String> {
    let Named::Setting(setting) = lookup(&path.setting()) else { return None };
    let variable = setting.variables().into_iter().rev().find(|name| context.environment.variable(name).is_some())?;
    let in_force = Effective::read(&context.environment).ok()?.get(path)?;
    (!setting.is_secret() && in_force.origin.is_environment()).then(|| {
        format!("{variable} is set and wins over the file: a gateway that has it too does not see this change")
    })
}

fn from_stdin() -> Result<String, CliError> {
    let mut text = String::new();
    std::io::stdin().take(MAX_CONFIG_BYTES as u64).read_to_string(&mut text)?;
    let text = text.strip_suffix('\n').map_or(text.as_str(), |text| text.strip_suffix('\r').unwrap_or(text));
    Ok(text.to_owned())
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}
