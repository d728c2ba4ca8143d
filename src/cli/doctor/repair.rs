//! What `--repair` and `--generate-gateway-token` do.

use std::{
    fs::{self, Permissions},
    os::unix::fs::{PermissionsExt as _, lchown},
};

use serde_json::json;

use super::{
    super::{CliError, Context, config::tell_gateway},
    finding::{Finding, Repair},
};
use crate::{
    config::{AuthMode, Draft, DraftError, KeyPath, generated_token, generated_token::TokenError},
    hint::{Hint as _, chain},
    net::LockState,
};

/// Does what the findings say can be done. Returns what was done, and what could not be.
pub(super) fn repair(context: &Context, findings: &[Finding]) -> Vec<String> {
    let mut done = Vec::new();
    let mut tidied = false;
    for repair in findings.iter().filter_map(|finding| finding.repair.as_ref()) {
        match repair {
            Repair::Close { path, mode } => {
                let result = fs::set_permissions(path, Permissions::from_mode(*mode));
                done.push(told(&format!("chmod {mode:o} {}", path.display()), result));
            }
            Repair::GiveBack { path, uid, gid } => {
                // Never through a link that somebody put there.
                let result = lchown(path, Some(*uid), Some(*gid));
                done.push(told(&format!("chown {uid}:{gid} {}", path.display()), result));
            }
            Repair::Tidy if tidied => {}
            Repair::Tidy => {
                tidied = true;
                done.extend(tidy(context).unwrap_or_else(|error| vec![format!("not done: {}", chain(&error))]));
            }
        }
    }
    done
}

fn told(what: &str, result: std::io::Result<()>) -> String {
    match result {
        Ok(()) => what.to_owned(),
        Err(error) => format!("not done: {what}: {error}"),
    }
}

/// Moves settings into the file where they belong.
fn tidy(context: &Context) -> Result<Vec<String>, DraftError> {
    let mut draft = Draft::new(&context.environment)?;
    let moved = draft.tidy()?;
    draft.write()?;
    let own = context.paths.own.display();
    Ok(moved.into_iter().map(|key| format!("moved {key} into {own}")).collect())
}

/// Makes a token, writes it into `openclaw.json`, and has the gateway go by it.
///
/// Where that file is a `ConfigMap`, and the gateway goes by the token that it made itself, another one takes that one's place.
pub(super) async fn generate_token(context: &Context) -> Result<Vec<String>, CliError> {
    let key = |name: &str| name.parse().map_err(|_| CliError::usage("no key", "openclaw config schema"));
    let (mode, path): (KeyPath, KeyPath) = (key("gateway.auth.mode")?, key("gateway.auth.token")?);
    if let Some(contradiction) = super::super::config::contradiction(context, &path).or_else(|| other_mode(context)) {
        return Err(contradiction);
    }
    let token = generated_token::fresh().map_err(|error| no_token(&error))?;
    let mut draft = Draft::new(&context.environment)?;
    draft.set(&mode, &json!("token"))?;
    draft.set(&path, &json!(token.expose()))?;
    let verdict = draft.judge()?;
    if let Some(refusal) = super::super::config::refusal(&path, &verdict) {
        return Err(refusal);
    }
    let written = match draft.write() {
        Err(DraftError::Write(error)) if error.is_not_ours() && goes_by_its_own(context) => {
            generated_token::replace(context.state()).map_err(|error| no_token(&error))?;
            vec![context.state().generated_token()]
        }
        written => written?.into_iter().map(|file| file.path).collect(),
    };
    let mut done = vec!["Gateway token configured.".to_owned()];
    done.extend(written.iter().map(|path| format!("Wrote {}", path.display())));
    done.push(tell_gateway(context, &path).await);
    Ok(done)
}

/// Why a gateway gets no token that has another mode from elsewhere.
fn other_mode(context: &Context) -> Option<CliError> {
    let LockState::Held { holder: Some(holder), .. } = context.lock() else { return None };
    let by = holder.given.get("gateway.auth.mode")?;
    let auth = holder.auth.as_ref().filter(|auth| auth.mode != AuthMode::Token.as_str())?;
    Some(CliError::Usage {
        message: format!(
            "nothing was changed: the running gateway does not go by a token ({}), as {by} says",
            auth.described
        ),
        hint: format!("take {by} away where the gateway is started, then do this again"),
    })
}

fn no_token(error: &TokenError) -> CliError {
    CliError::Files { message: chain(error), hint: error.hint() }
}

/// Whether the token is the one that the gateway made: nobody gave it another. One that runs knows, and may have been given one
/// that is not seen from here.
fn goes_by_its_own(context: &Context) -> bool {
    if let LockState::Held { holder: Some(holder), .. } = context.lock()
        && let Some(auth) = holder.auth
    {
        return auth.generated;
    }
    let auth = &context.settings.auth;
    let given = auth.token.in_force().filter(|token| !token.is_generated());
    // Of a configuration that cannot be used nothing is known.
    context.problem.is_none() && auth.mode == AuthMode::Token && given.is_none()
}
