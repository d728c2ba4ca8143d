//! Finding the facts out.

use std::{
    fs,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use ipnet::IpNet;
use jiff::Timestamp;
use nix::{
    sys::statvfs::{FsFlags, statvfs},
    unistd::{AccessFlags, access, getegid, geteuid, gethostname},
};

use super::{
    super::{
        CliError, Context, Format, Output, Wish,
        gateway::how_to_start,
        last_words::how_it_ended,
        reach::{gateway, open_way},
        target::{Source, TargetArgs, Way},
    },
    facts::{Certificate, Directory, Disk, Entry, Facts, Mendable, Remote},
    network::Network,
};
use crate::{
    advice::{Marks, Place},
    auth::TokenKey,
    config::{GatewayMode, check_writable, diagnose},
    defaults::{LOCAL_ANSWER_TIMEOUT, MAX_DOCTOR_ENTRIES, RESOLVE_TIMEOUT},
    device::Identity,
    dns::Resolver,
    hint::{Hint as _, chain},
    net::{CertificateFiles, ContainerMarks, LockState, certificate_remark, port_owner},
    protocol::{SourceFinding, SourcesReport},
    state::StateDir,
    store::{DeviceStore as _, FileStore, Use},
};

/// What helps where the remote gateway does not take the secret that is configured for it.
const SET_REMOTE_TOKEN: &str =
    "openclaw config set gateway.remote.token --stdin   (it is gateway.auth.token on the gateway's machine)";

/// Asks the system everything that the checks go by.
pub(super) async fn gather(context: &Context) -> Result<Facts, CliError> {
    let settings = context.settings.clone();
    let lock = context.lock();
    let port = Context::announced(&lock).map_or(settings.listen.port, |url| url.port());
    let state = context.state().clone();
    let files = [&context.paths.config, &context.paths.own];
    let (answer, seen) = ask(context, &lock).await;
    Ok(Facts {
        now: Timestamp::now(),
        uid: geteuid().as_raw(),
        gid: getegid().as_raw(),
        place: place(context),
        entries: entries(&state),
        disk: disk(state.path()),
        config: diagnose(&context.environment)?,
        foreign_files: files.into_iter().filter(|path| path.exists()).filter_map(|path| foreign(path)).collect(),
        store: store(&state).await,
        keys: keys(&state),
        certificate: certificate(&state, &settings),
        names: names(&settings.trust.trusted_proxies).await,
        network: Network::read(Path::new("/")),
        answer,
        remote: remote(context).await,
        seen,
        port,
        owner: port_owner(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port), None).await,
        database: Some(state.path().join("state/openclaw.sqlite")).filter(|path| path.exists()),
        state: directory(state.path()),
        cut: how_it_ended(context, &lock).map(|problem| Mendable { problem, fix: how_to_start(context) }),
        lock,
        settings,
    })
}

fn place(context: &Context) -> Place {
    let marks = ContainerMarks::read(Path::new("/"));
    let hostname = gethostname().unwrap_or_default().to_string_lossy().into_owned();
    Place::of(Marks {
        container: marks.is_container(),
        kubernetes: context.environment.variable("KUBERNETES_SERVICE_HOST").is_some(),
        compose_service: context.environment.text("OPENCLAW_CLI_SERVICE"),
        hostname: &hostname,
    })
}

fn directory(path: &Path) -> Directory {
    let found = fs::metadata(path);
    let above = path.ancestors().find(|above| above.is_dir()).unwrap_or(Path::new("/"));
    let about = found.as_ref().ok();
    Directory {
        path: path.to_owned(),
        exists: about.is_some(),
        uid: about.map_or(0, MetadataExt::uid),
        gid: about.map_or(0, MetadataExt::gid),
        mode: about.map_or(0, |about| about.mode() & 0o7777),
        writable: access(above, AccessFlags::W_OK | AccessFlags::X_OK).is_ok(),
        read_only: statvfs(above).is_ok_and(|found| found.flags().contains(FsFlags::ST_RDONLY)),
    }
}

/// What lies in the directories whose rights matter. Links are not followed.
fn entries(state: &StateDir) -> Vec<Entry> {
    let mut found = Vec::new();
    let directories = [state.identity(), state.devices(), state.run(), state.tls(), state.logs()];
    let mut look = |path: PathBuf, secret: bool| {
        if let Ok(about) = fs::symlink_metadata(&path)
            && !about.is_symlink()
            && found.len() < MAX_DOCTOR_ENTRIES
        {
            found.push(Entry {
                uid: about.uid(),
                mode: about.mode() & 0o7777,
                is_directory: about.is_dir(),
                secret,
                written: about.modified().ok().and_then(|time| Timestamp::try_from(time).ok()),
                path,
            });
        }
    };
    for path in [state.config(), state.own_config()] {
        look(path, true);
    }
    for directory in directories {
        let secret = directory == state.identity() || directory == state.devices() || directory == state.tls();
        for entry in fs::read_dir(&directory).into_iter().flatten().flatten() {
            // A certificate is for everybody.
            let open = entry.file_name() == "cert.pem";
            look(entry.path(), secret && !open);
        }
        look(directory, false);
    }
    found
}

fn disk(path: &Path) -> Option<Disk> {
    let above = path.ancestors().find(|above| above.is_dir())?;
    let found = statvfs(above).ok()?;
    Some(Disk {
        free_bytes: found.blocks_available().saturating_mul(found.fragment_size()),
        free_files: (found.files() > 0).then(|| found.files_available()),
    })
}

fn foreign(path: &Path) -> Option<String> {
    check_writable(path).err().map(|error| error.to_string())
}

/// Reads the pairing records as an offline command does, which writes nothing.
async fn store(state: &StateDir) -> Option<Result<crate::store::StoreReport, String>> {
    if !state.devices().is_dir() {
        return None;
    }
    let state = state.clone();
    let opened = tokio::task::spawn_blocking(move || FileStore::open(&state, Use::Offline).map(|store| store.report()));
    Some(opened.await.ok()?.map_err(|error| chain(&error)))
}

/// What is wrong with the keys of this machine: no gateway starts without the first, no command has a device without the second.
/// None is made.
fn keys(state: &StateDir) -> Vec<Mendable> {
    let of_tokens = TokenKey::check(state).err().map(|error| Mendable { problem: chain(&error), fix: error.hint() });
    let of_device = Identity::load(state).err().map(|error| Mendable { problem: chain(&error), fix: error.hint() });
    of_tokens.into_iter().chain(of_device).collect()
}

fn certificate(state: &StateDir, settings: &crate::config::Settings) -> Option<Certificate> {
    let tls = &settings.tls;
    if !tls.enabled {
        return None;
    }
    let files = match (&tls.cert_path, &tls.key_path) {
        (Some(chain), Some(key)) => CertificateFiles { chain: chain.clone(), key: key.clone() },
        _ => CertificateFiles { chain: state.tls().join("cert.pem"), key: state.tls().join("key.pem") },
    };
    // The one that is made at the first start is not there before it.
    if tls.cert_path.is_none() && !files.chain.exists() {
        return None;
    }
    let remark = certificate_remark(&files, Timestamp::now()).map_err(|error| chain(&error));
    Some(Certificate { path: files.chain, remark })
}

async fn names(proxies: &[String]) -> Vec<(String, Result<Vec<IpAddr>, String>)> {
    let is_name = |item: &&String| item.parse::<IpAddr>().is_err() && item.parse::<IpNet>().is_err();
    let resolver = Resolver::from_system();
    let mut found = Vec::new();
    for name in proxies.iter().filter(is_name) {
        let addresses = resolver.lookup(name, RESOLVE_TIMEOUT).await.map_err(|error| chain(&error));
        found.push((name.clone(), addresses));
    }
    found
}

/// How the gateway fares that this machine is a client of. `None` on a machine that runs its own.
async fn remote(context: &Context) -> Option<Remote> {
    if context.settings.mode != Some(GatewayMode::Remote) {
        return None;
    }
    if context.settings.remote.url.is_none() && context.settings.client.url.is_none() {
        return Some(Remote::Unnamed);
    }
    let mut unread = Output::to_writers(std::io::sink(), std::io::sink(), Format::Json, None);
    Some(match gateway(context, &TargetArgs::default(), Wish::CALL, &mut unread).await {
        Ok(session) => {
            session.close().await;
            Remote::Answers
        }
        Err(error) => {
            let wrong_secret = matches!(&error, CliError::Connect(error)
                if error.failure.is_wrong_secret() && error.target.source == Source::ConfigRemote);
            let mut lines = error.lines();
            let why = lines.remove(0);
            let fix = if wrong_secret { SET_REMOTE_TOKEN.into() } else { error.hint() };
            Remote::Fails { why, evidence: lines, fix }
        }
    })
}

/// Whether the gateway that runs here answers over its socket, and what it has seen.
async fn ask(context: &Context, lock: &LockState) -> (Option<Result<String, String>>, Vec<SourceFinding>) {
    let LockState::Held { same_kernel: true, .. } = lock else { return (None, Vec::new()) };
    let args = TargetArgs { timeout: Some(LOCAL_ANSWER_TIMEOUT), ..TargetArgs::default() };
    let wish = Wish { timeout: LOCAL_ANSWER_TIMEOUT, ..Wish::CALL };
    let mut why = "there is no socket where the gateway would have it".to_owned();
    for socket in context.sockets(lock).into_iter().filter(|socket| socket.exists()) {
        match open_way(context, &args, wish, &Way::Socket(socket)).await {
            Ok(mut session) => {
                let version = session.hello().server.version.clone();
                // An older gateway has no such record.
                let seen: Result<SourcesReport, CliError> = session.call("gateway.sources", None::<&()>).await;
                session.close().await;
                return (Some(Ok(version)), seen.map(|report| report.findings).unwrap_or_default());
            }
            Err(error) => why = error.lines().swap_remove(0),
        }
    }
    (Some(Err(why)), Vec::new())
}
