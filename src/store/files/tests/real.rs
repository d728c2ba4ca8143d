//! The file store on this machine's file system.

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::Path,
    sync::Arc,
    time::Duration,
};

use super::super::{
    FileStore, Use,
    disk::{Disk as _, LockError, RealDisk},
};
use crate::{
    defaults::STORE_LOCK_TIMEOUT,
    state::StateDir,
    store::{
        DeviceRecord, DeviceStore, Revision, contract,
        testing::{device, paired, pending, scopes},
    },
};

fn approved(number: u32) -> DeviceRecord {
    DeviceRecord { paired: Some(paired(number, &scopes("admin"))), ..DeviceRecord::default() }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test(flavor = "multi_thread")]
async fn the_contract() {
    let directories = std::sync::Mutex::new(Vec::new());
    contract::run(async || {
        let directory = tempfile::tempdir().unwrap();
        let state = StateDir::new(directory.path());
        directories.lock().unwrap().push(directory);
        let open = || Arc::new(FileStore::open(&state, Use::Gateway).unwrap());
        (open() as Arc<dyn DeviceStore>, open() as Arc<dyn DeviceStore>)
    })
    .await;
}

#[tokio::test]
async fn files_are_private_readable_and_made_when_needed() {
    #[rustfmt::skip]
    let rows = [
        // state directory   devices/   files
        (0o700,              0o700,     0o600),
        (0o755,              0o700,     0o600),
        (0o770,              0o770,     0o660),  // any uid with group 0
        (0o775,              0o770,     0o660),
    ];
    for (of_state, of_directory, of_files) in rows {
        let temporary = tempfile::tempdir().unwrap();
        fs::set_permissions(temporary.path(), fs::Permissions::from_mode(of_state)).unwrap();
        let state = StateDir::new(temporary.path());
        let store = FileStore::open(&state, Use::Gateway).unwrap();
        assert!(store.list().await.unwrap().is_empty());
        assert!(!state.devices().exists(), "nothing is made before there is something to write");

        let record = DeviceRecord { pending: Some(pending(1, &scopes("read"))), ..approved(1) };
        store.compare_and_set(&device(1), Revision::ABSENT, record).await.unwrap();
        assert_eq!(mode(&state.devices()), of_directory, "{of_state:o}");
        for name in ["paired.json", "pending.json", ".lock"] {
            assert_eq!(mode(&state.devices().join(name)), of_files, "{of_state:o} {name}");
        }
        assert!(!state.devices().join("refused.json").exists());
        let text = fs::read_to_string(state.devices().join("paired.json")).unwrap();
        assert!(text.starts_with("{\n  \"") && text.ends_with("\n}"), "{text}");
    }
}

#[tokio::test]
async fn what_an_editor_writes_is_noticed_at_once() {
    let temporary = tempfile::tempdir().unwrap();
    let state = StateDir::new(temporary.path());
    let store = FileStore::open(&state, Use::Gateway).unwrap();
    store.compare_and_set(&device(1), Revision::ABSENT, approved(1)).await.unwrap();
    let file = state.devices().join("paired.json");
    let text = fs::read_to_string(&file).unwrap();

    fs::write(&file, text.replace("device 1", "renamed!")).unwrap();
    let record = store.get(&device(1)).await.unwrap().record;
    assert_eq!(record.paired.as_ref().unwrap().display_name.as_deref(), Some("renamed!"));

    fs::remove_file(&file).unwrap();
    assert!(store.get(&device(1)).await.unwrap().record.is_empty());
}

#[tokio::test]
async fn what_a_crash_left_unfinished_is_removed_by_the_gateway_only() {
    let temporary = tempfile::tempdir().unwrap();
    let state = StateDir::new(temporary.path());
    fs::create_dir(state.devices()).unwrap();
    let [unfinished, foreign] = ["paired.json.1f0e.tmp", "notes.tmp"].map(|name| state.devices().join(name));
    fs::write(&unfinished, "{").unwrap();
    fs::write(&foreign, "").unwrap();
    FileStore::open(&state, Use::Offline).unwrap();
    assert!(unfinished.exists());
    let store = FileStore::open(&state, Use::Gateway).unwrap();
    assert!(!unfinished.exists() && foreign.exists());
    assert_eq!(store.report().removed_unfinished, 1);
}

#[tokio::test]
async fn a_lock_that_others_hold_delays_writers_and_no_reader() {
    let temporary = tempfile::tempdir().unwrap();
    let state = StateDir::new(temporary.path());
    let store = FileStore::open(&state, Use::Gateway).unwrap();
    store.compare_and_set(&device(1), Revision::ABSENT, approved(1)).await.unwrap();
    let path = state.devices().join(".lock");
    let held = RealDisk.lock(&path, STORE_LOCK_TIMEOUT).unwrap();
    assert!(matches!(RealDisk.lock(&path, Duration::from_millis(30)), Err(LockError::TimedOut)));

    fs::write(state.devices().join("paired.json"), "{}").unwrap();
    assert!(store.get(&device(1)).await.unwrap().record.is_empty());
    let writer = {
        let store = store.clone();
        tokio::spawn(async move { store.compare_and_set(&device(2), Revision::ABSENT, approved(2)).await })
    };
    tokio::task::yield_now().await;
    assert!(!writer.is_finished());
    drop(held);
    writer.await.unwrap().unwrap();
    assert_eq!(store.list().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_pipe_or_directory_in_a_files_place_is_an_error_at_once() {
    let temporary = tempfile::tempdir().unwrap();
    let state = StateDir::new(temporary.path());
    fs::create_dir(state.devices()).unwrap();
    nix::unistd::mkfifo(&state.devices().join("paired.json"), nix::sys::stat::Mode::S_IRUSR).unwrap();
    FileStore::open(&state, Use::Gateway).unwrap_err();
    fs::remove_file(state.devices().join("paired.json")).unwrap();
    fs::create_dir(state.devices().join("paired.json")).unwrap();
    FileStore::open(&state, Use::Gateway).unwrap_err();
}

#[tokio::test]
async fn what_lies_above_the_state_directory_says_nothing_of_its_files() {
    use std::os::unix::fs::PermissionsExt as _;
    for (above_mode, made) in [(0o775, false), (0o2775, false), (0o755, true)] {
        let above = tempfile::tempdir().unwrap();
        fs::set_permissions(above.path(), fs::Permissions::from_mode(above_mode)).unwrap();
        let state = StateDir::new(above.path().join("state"));
        // One that is there and meant for a group goes on being so.
        if made {
            fs::create_dir(state.path()).unwrap();
            fs::set_permissions(state.path(), fs::Permissions::from_mode(0o770)).unwrap();
        }
        let store = FileStore::open(&state, Use::Offline).unwrap();
        store.compare_and_set(&device(1), Revision::ABSENT, approved(1)).await.unwrap();
        let group = if made { 0o070 } else { 0 };
        for path in [state.path().to_owned(), state.devices(), state.devices().join("paired.json")] {
            let mode = fs::metadata(&path).unwrap().mode();
            assert_eq!(mode & 0o070 & !0o010, group & !0o010, "{} below {above_mode:o}: {mode:o}", path.display());
        }
    }
}

#[tokio::test]
async fn what_root_writes_belongs_to_the_directorys_owner() {
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let temporary = tempfile::tempdir().unwrap();
    std::os::unix::fs::chown(temporary.path(), Some(1000), Some(1000)).unwrap();
    let state = StateDir::new(temporary.path());
    let store = FileStore::open(&state, Use::Offline).unwrap();
    store.compare_and_set(&device(1), Revision::ABSENT, approved(1)).await.unwrap();
    for path in [state.devices(), state.devices().join("paired.json"), state.devices().join(".lock")] {
        assert_eq!(fs::metadata(&path).unwrap().uid(), 1000, "{}", path.display());
    }
}
