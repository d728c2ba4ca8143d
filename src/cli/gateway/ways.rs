//! The ways to a gateway, for commands that try each by itself.

use super::super::{
    CliError, Context,
    target::{Known, Source, TargetArgs, Way, plan},
};

/// One way to try.
#[derive(Debug)]
pub(super) struct Attempt {
    pub(super) way: Way,
    /// Whether it is the way that commands take first.
    pub(super) active: bool,
}

impl Attempt {
    /// The name in JSON.
    pub(super) fn id(&self) -> &'static str {
        match &self.way {
            Way::Socket(_) => "localSocket",
            Way::Files => "files",
            Way::Network(remote) => match remote.source {
                Source::CliUrl | Source::EnvUrl | Source::OwnConfig => "explicit",
                Source::ConfigRemote => "configRemote",
                _ => "localLoopback",
            },
        }
    }
}

/// Every way that commands could take here: what was named, then the gateway of this machine.
pub(super) fn attempts(context: &Context, args: &TargetArgs) -> Result<Vec<Attempt>, CliError> {
    let lock = context.lock();
    let announced = Context::announced(&lock);
    let sockets = context.sockets(&lock);
    let known = Known { settings: &context.settings, sockets: &sockets, announced: announced.as_ref(), files: false };
    let planned = |args: &TargetArgs, known: Known<'_>| plan(args, known).map_err(|error| context.no_target(error));
    let first = planned(args, known)?;
    let mut ways = first.ways;
    if first.explicit {
        let mut local = context.settings.clone();
        local.client.url = None;
        local.mode = None;
        let own = TargetArgs { url: None, token: None, password: None, tls_fingerprint: None, ..args.clone() };
        ways.extend(planned(&own, Known { settings: &local, ..known })?.ways);
    }
    // A socket that is not there is no way; where none is, the first place is named.
    let exists = |way: &Way| !matches!(way, Way::Socket(path) if !path.exists());
    if ways.iter().any(|way| matches!(way, Way::Socket(_)) && exists(way)) {
        ways.retain(exists);
    } else if let Some(first) = ways.iter().position(|way| matches!(way, Way::Socket(_))) {
        let mut at = 0;
        ways.retain(|way| {
            at += 1;
            !matches!(way, Way::Socket(_)) || at == first + 1
        });
    }
    Ok(ways.into_iter().enumerate().map(|(at, way)| Attempt { way, active: at == 0 }).collect())
}

/// The ways that a command would take, in order.
///
/// # Errors
/// [`CliError::Target`] where a setting cannot be read.
pub(super) fn ways(context: &Context, args: &TargetArgs) -> Result<Vec<Way>, CliError> {
    let lock = context.lock();
    let announced = Context::announced(&lock);
    let sockets = context.sockets(&lock);
    let known = Known { settings: &context.settings, sockets: &sockets, announced: announced.as_ref(), files: false };
    plan(args, known).map(|plan| plan.ways).map_err(|error| context.no_target(error))
}
