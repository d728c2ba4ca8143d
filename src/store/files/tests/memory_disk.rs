//! A disk in memory that records what is done to it, can fail at any step, and can be cut off at any step.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use super::super::disk::{Disk, LockError, LockGuard, NewFile, Stamp};

pub(super) const DIRECTORY: &str = "/state/devices";

/// What was done, in order.
#[derive(Debug, Clone)]
pub(super) enum Step {
    Create(PathBuf, usize),
    Write(usize, Vec<u8>),
    SyncFile(usize),
    Rename(PathBuf, PathBuf),
    Remove(PathBuf),
    SyncDirectory,
    /// The test was told that everything up to its change of this number is done.
    Acknowledged(usize),
}

#[derive(Debug, Default)]
struct State {
    names: BTreeMap<PathBuf, usize>,
    contents: Vec<Vec<u8>>,
    versions: Vec<i128>,
    steps: Vec<Step>,
    /// Writing steps until one fails, and whether all later ones fail too.
    fails_after: Option<(usize, bool)>,
    unreadable: bool,
}

/// Clones share one content.
#[derive(Debug, Clone, Default)]
pub(super) struct MemoryDisk {
    state: Arc<Mutex<State>>,
}

struct MemoryFile {
    disk: MemoryDisk,
    inode: usize,
}

impl MemoryDisk {
    pub(super) fn put(&self, name: &str, bytes: &[u8]) {
        let mut state = self.state.lock().unwrap();
        let inode = state.contents.len();
        state.contents.push(bytes.to_vec());
        state.versions.push(0);
        state.names.insert(Path::new(DIRECTORY).join(name), inode);
    }

    pub(super) fn content(&self, name: &str) -> Option<String> {
        let bytes = self.read(&Path::new(DIRECTORY).join(name)).unwrap()?;
        Some(String::from_utf8(bytes).unwrap())
    }

    pub(super) fn files(&self) -> Vec<String> {
        self.names(Path::new(DIRECTORY)).unwrap()
    }

    /// Whether a file was begun and neither finished nor removed.
    pub(super) fn has_unfinished(&self) -> bool {
        self.files().iter().any(|name| Path::new(name).extension().is_some_and(|extension| extension == "tmp"))
    }

    pub(super) fn steps(&self) -> Vec<Step> {
        self.state.lock().unwrap().steps.clone()
    }

    pub(super) fn acknowledge(&self, number: usize) {
        self.state.lock().unwrap().steps.push(Step::Acknowledged(number));
    }

    /// Lets so many writing steps pass, then one or all of the next ones fail as on a full disk.
    pub(super) fn fail_after(&self, steps: usize, forever: bool) {
        self.state.lock().unwrap().fails_after = Some((steps, forever));
    }

    /// Whether a failure that was asked for did not come yet.
    pub(super) fn heal(&self) -> bool {
        self.state.lock().unwrap().fails_after.take().is_some_and(|(left, forever)| left > 0 || !forever)
    }

    pub(super) fn make_unreadable(&self) {
        self.state.lock().unwrap().unreadable = true;
    }

    /// Every content that a power cut after `steps` can leave: the names as of the last sync of the directory and any
    /// number of later changes in order; data that was not synced missing, torn or there.
    pub(super) fn after_power_cut(steps: &[Step]) -> Vec<Self> {
        let mut names = BTreeMap::new();
        let mut unsynced_names: Vec<&Step> = Vec::new();
        let mut data: BTreeMap<usize, (Vec<u8>, Vec<u8>)> = BTreeMap::new();
        for step in steps {
            match step {
                Step::Create(_, inode) => {
                    data.insert(*inode, (Vec::new(), Vec::new()));
                    unsynced_names.push(step);
                }
                Step::Rename(..) | Step::Remove(_) => unsynced_names.push(step),
                Step::Write(inode, bytes) => data.get_mut(inode).unwrap().1.extend(bytes),
                Step::SyncFile(inode) => {
                    let (synced, written) = data.get_mut(inode).unwrap();
                    synced.clone_from(written);
                }
                Step::SyncDirectory => unsynced_names.drain(..).for_each(|step| apply(&mut names, step)),
                Step::Acknowledged(_) => {}
            }
        }
        let mut disks = Vec::new();
        for kept in 0..=unsynced_names.len() {
            if kept > 0 {
                apply(&mut names, unsynced_names[kept - 1]);
            }
            for lost in [0, 1, 2] {
                let disk = Self::default();
                for (path, inode) in &names {
                    let (synced, written) = &data[inode];
                    let torn = synced.len() + (written.len() - synced.len()) * lost / 2;
                    disk.put(path.file_name().unwrap().to_str().unwrap(), &written[..torn]);
                }
                disks.push(disk);
            }
        }
        disks
    }

    fn step(&self, step: Step) -> io::Result<()> {
        let mut state = self.state.lock().unwrap();
        match &mut state.fails_after {
            Some((0, forever)) => {
                if !*forever {
                    state.fails_after = None;
                }
                return Err(io::ErrorKind::StorageFull.into());
            }
            Some((left, _)) => *left -= 1,
            None => {}
        }
        match &step {
            Step::Write(inode, bytes) => {
                state.contents[*inode].extend(bytes);
                state.versions[*inode] += 1;
            }
            name => {
                let mut names = std::mem::take(&mut state.names);
                apply(&mut names, name);
                state.names = names;
            }
        }
        state.steps.push(step);
        Ok(())
    }
}

fn apply(names: &mut BTreeMap<PathBuf, usize>, step: &Step) {
    match step {
        Step::Create(path, inode) => {
            names.insert(path.clone(), *inode);
        }
        Step::Rename(from, to) => {
            let inode = names.remove(from).expect("renames what is there");
            names.insert(to.clone(), inode);
        }
        Step::Remove(path) => {
            names.remove(path);
        }
        _ => {}
    }
}

impl Disk for MemoryDisk {
    fn read(&self, path: &Path) -> io::Result<Option<Vec<u8>>> {
        let state = self.state.lock().unwrap();
        if state.unreadable && state.names.contains_key(path) {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        Ok(state.names.get(path).map(|inode| state.contents[*inode].clone()))
    }

    fn stamp(&self, path: &Path) -> io::Result<Option<Stamp>> {
        let state = self.state.lock().unwrap();
        Ok(state.names.get(path).map(|inode| Stamp {
            device: 0,
            inode: *inode as u64,
            size: state.contents[*inode].len() as u64,
            modified_ns: state.versions[*inode],
            changed_ns: 0,
        }))
    }

    fn names(&self, directory: &Path) -> io::Result<Vec<String>> {
        let state = self.state.lock().unwrap();
        let here = state.names.keys().filter(|path| path.parent() == Some(directory));
        Ok(here.map(|path| path.file_name().unwrap().to_string_lossy().into_owned()).collect())
    }

    fn ensure_directory(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn NewFile>> {
        let inode = {
            let mut state = self.state.lock().unwrap();
            assert!(!state.names.contains_key(path), "{} is there already", path.display());
            state.contents.push(Vec::new());
            state.versions.push(0);
            state.contents.len() - 1
        };
        self.step(Step::Create(path.to_owned(), inode))?;
        Ok(Box::new(MemoryFile { disk: self.clone(), inode }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.step(Step::Rename(from.to_owned(), to.to_owned()))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.step(Step::Remove(path.to_owned()))
    }

    fn sync_directory(&self, _: &Path) -> io::Result<()> {
        self.step(Step::SyncDirectory)
    }

    fn lock(&self, _: &Path, _: Duration) -> Result<LockGuard, LockError> {
        Ok(Box::new(()))
    }

    fn owner(&self, _: &Path) -> Option<u32> {
        Some(1000)
    }

    fn uid(&self) -> u32 {
        65532
    }

    fn time_for_name(&self) -> String {
        "20260101T120000Z".into()
    }
}

impl NewFile for MemoryFile {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        // In two steps, so that a cut falls between them too.
        let (first, second) = bytes.split_at(bytes.len() / 2);
        self.disk.step(Step::Write(self.inode, first.to_vec()))?;
        self.disk.step(Step::Write(self.inode, second.to_vec()))
    }

    fn sync(&mut self) -> io::Result<()> {
        self.disk.step(Step::SyncFile(self.inode))
    }
}
