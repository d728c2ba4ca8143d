//! From what was typed and what is known to the ways to take.

use std::path::PathBuf;

use super::{
    Source, TargetArgs, TargetError,
    secrets::{for_local, for_remote, from_environment_or_typed, typed},
};
use crate::{
    client::{Fingerprint, GatewayUrl, Presented, Scheme},
    config::{Bind, GatewayMode, Origin, Settings},
};

/// A gateway to dial by its URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remote {
    /// Where.
    pub url: GatewayUrl,
    /// Why there.
    pub source: Source,
    /// The secrets to present there.
    pub presented: Presented,
    /// Where these came from, for messages.
    pub secret_from: Option<Origin>,
    /// The certificate that was named for it.
    pub fingerprint: Option<Fingerprint>,
    /// Whether it is the gateway of this state directory, so that its certificate and stored tokens are ours.
    pub own: bool,
}

/// One way to a gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// A Unix socket.
    Socket(PathBuf),
    /// A URL.
    Network(Box<Remote>),
    /// The files, without a gateway.
    Files,
}

impl Way {
    /// Whether it leads to this machine's own gateway, if anywhere.
    pub fn is_local(&self) -> bool {
        match self {
            Self::Socket(_) | Self::Files => true,
            Self::Network(remote) => remote.own,
        }
    }

    /// Where it came from.
    pub fn source(&self) -> Source {
        match self {
            Self::Socket(_) => Source::LocalSocket,
            Self::Network(remote) => remote.source.clone(),
            Self::Files => Source::Files,
        }
    }

    /// URL or path; nothing for the files.
    pub fn address(&self) -> String {
        match self {
            Self::Socket(path) => path.display().to_string(),
            Self::Network(remote) => remote.url.to_string(),
            Self::Files => String::new(),
        }
    }
}

/// The ways to take, in order: the next one where nothing listens at the one before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The ways.
    pub ways: Vec<Way>,
    /// Whether the target was named by the user or the configuration, so that there is nothing to fall back to.
    pub explicit: bool,
}

/// What a plan is made from, besides what was typed.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// The settings in force.
    pub settings: &'a Settings,
    /// Where the socket may be.
    pub sockets: &'a [PathBuf],
    /// Where the gateway that holds the directory says that it listens.
    pub announced: Option<&'a GatewayUrl>,
    /// Whether the command can do its work on the files.
    pub files: bool,
}

/// Makes the plan.
///
/// # Errors
/// [`TargetError`] where a setting cannot be read.
pub fn plan(args: &TargetArgs, known: Known<'_>) -> Result<Plan, TargetError> {
    let settings = known.settings;
    let named = |url: &GatewayUrl, source: Source, presented: (Presented, Option<Origin>), fingerprint| {
        let remote = Remote {
            url: url.clone(),
            source,
            presented: presented.0,
            secret_from: presented.1,
            fingerprint,
            own: false,
        };
        Plan { ways: vec![Way::Network(Box::new(remote))], explicit: true }
    };
    if let Some(url) = &args.url {
        return Ok(named(url, Source::CliUrl, typed(args), args.tls_fingerprint));
    }
    if let Some(text) = &settings.client.url {
        let from_environment = settings.origin("gateway.client.url").is_environment();
        let source = if from_environment { Source::EnvUrl } else { Source::OwnConfig };
        let url = text.parse().map_err(|problem| TargetError::BadUrl { named_by: source.clone(), problem })?;
        return Ok(named(&url, source, from_environment_or_typed(args, settings), args.tls_fingerprint));
    }
    let is_remote = settings.mode == Some(GatewayMode::Remote);
    if let (true, Some(text)) = (is_remote, &settings.remote.url) {
        let source = Source::ConfigRemote;
        let url = text.parse().map_err(|problem| TargetError::BadUrl { named_by: source.clone(), problem })?;
        let fingerprint = match (&args.tls_fingerprint, &settings.remote.tls_fingerprint) {
            (Some(typed), _) => Some(*typed),
            (None, Some(text)) => Some(text.parse().map_err(TargetError::BadFingerprint)?),
            (None, None) => None,
        };
        return Ok(named(&url, source, for_remote(args, settings), fingerprint));
    }
    let url = known.announced.map_or_else(|| local_url(settings), GatewayUrl::dialable);
    let (presented, secret_from) = for_local(args, settings);
    let source = if is_remote { Source::MissingRemoteUrl } else { local_source(&url) };
    let local = Remote { url, source, presented, secret_from, fingerprint: args.tls_fingerprint, own: true };
    let mut ways: Vec<Way> = known.sockets.iter().cloned().map(Way::Socket).collect();
    ways.push(Way::Network(Box::new(local)));
    if known.files {
        ways.push(Way::Files);
    }
    Ok(Plan { ways, explicit: false })
}

/// The gateway that the command line or the configuration names; `None` where that of this state directory is meant.
pub fn elsewhere(args: &TargetArgs, settings: &Settings) -> Option<GatewayUrl> {
    let plan = plan(args, Known { settings, sockets: &[], announced: None, files: false }).ok()?;
    plan.ways.into_iter().find_map(|way| match way {
        Way::Network(remote) if plan.explicit => Some(remote.url),
        _ => None,
    })
}

/// Where the configuration says that the gateway of this machine listens.
pub fn local_url(settings: &Settings) -> GatewayUrl {
    let listen = &settings.listen;
    let scheme = if settings.tls.enabled { Scheme::Wss } else { Scheme::Ws };
    // Every other mode listens on loopback too.
    let custom = listen.custom_bind_host.filter(|host| listen.bind == Bind::Custom && !host.is_unspecified());
    match custom {
        Some(host) => GatewayUrl::new(scheme, &host.to_string(), listen.port),
        None => GatewayUrl::new(scheme, "127.0.0.1", listen.port),
    }
}

fn local_source(url: &GatewayUrl) -> Source {
    let host = url.host().to_owned();
    let in_tailnet = url.address().is_some_and(|address| match address.to_canonical() {
        std::net::IpAddr::V4(v4) => v4.octets()[0] == 100 && (64..128).contains(&v4.octets()[1]),
        std::net::IpAddr::V6(v6) => v6.segments()[..3] == [0xfd7a, 0x115c, 0xa1e0],
    });
    if url.is_loopback() {
        Source::LocalLoopback
    } else if in_tailnet {
        Source::LocalTailnet(host)
    } else {
        Source::LocalLan(host)
    }
}
