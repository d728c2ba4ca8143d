//! What the control group grants this process: memory, processor time, processes.
//!
//! Both generations (Linux, `Documentation/admin-guide/cgroup-v1` and `cgroup-v2.rst`), seen from inside a container with a
//! control group namespace of its own or without one. A limit may be set on any group above ours, and the least one counts.

mod mounts;

use std::{
    fmt, fs,
    path::{Path, PathBuf},
};

use serde::Serialize;

use self::mounts::{Generation, Mount};

/// The limits in force; `None` where there is none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Limits {
    /// Most memory, in bytes.
    pub memory_bytes: Option<u64>,
    /// Most processor time, in thousandths of a processor.
    pub cpu_millis: Option<u64>,
    /// Most processes and threads.
    pub processes: Option<u64>,
}

/// Memory limits of the first generation that mean none: the kernel rounds 2^63 down to a page, whatever its size.
const NO_MEMORY_LIMIT: u64 = i64::MAX as u64 / (64 * 1024) * (64 * 1024);

impl Limits {
    /// Reads them below `root` (`/` outside tests). What cannot be read limits nothing.
    pub fn read(root: &Path) -> Self {
        let text = |path: &str| fs::read_to_string(root.join(path)).unwrap_or_default();
        let groups = text("proc/self/cgroup");
        let mounts = mounts::parse(&text("proc/self/mountinfo"));
        let mut limits = Self::default();
        for mount in &mounts {
            for directory in directories(root, mount, &groups) {
                limits.narrow(&found(mount, &directory));
            }
        }
        limits
    }

    fn narrow(&mut self, other: &Self) {
        let least = |one: Option<u64>, other: Option<u64>| one.into_iter().chain(other).min();
        self.memory_bytes = least(self.memory_bytes, other.memory_bytes);
        self.cpu_millis = least(self.cpu_millis, other.cpu_millis);
        self.processes = least(self.processes, other.processes);
    }

    /// Whether there is any.
    pub fn is_limited(&self) -> bool {
        *self != Self::default()
    }
}

impl fmt::Display for Limits {
    /// For people: `memory 256 MiB, 0.5 processors, 128 processes`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MIB: u64 = 1024 * 1024;
        let mut parts = Vec::new();
        parts.extend(self.memory_bytes.map(|bytes| match bytes / MIB {
            0 => format!("memory {} KiB", bytes / 1024),
            mib => format!("memory {mib} MiB"),
        }));
        parts.extend(self.cpu_millis.map(|millis| match (millis / 1000, millis % 1000) {
            (1, 0) => "1 processor".to_owned(),
            (whole, 0) => format!("{whole} processors"),
            (whole, rest) => format!("{whole}.{} processors", format!("{rest:03}").trim_end_matches('0')),
        }));
        parts.extend(self.processes.map(|count| format!("{count} processes")));
        if parts.is_empty() { f.write_str("none") } else { f.write_str(&parts.join(", ")) }
    }
}

/// Our own directory of a hierarchy and those above it, as far as they can be seen from here.
fn directories(root: &Path, mount: &Mount, groups: &str) -> Vec<PathBuf> {
    let top = root.join(mount.point.strip_prefix("/").unwrap_or(&mount.point));
    // Without a namespace of its own a container is told the host's path, and sees its own directory at the mount.
    let own = mounts::group_of(mount, groups)
        .and_then(|group| Path::new(group).strip_prefix(&mount.root).ok())
        .filter(|below| below.components().all(|part| matches!(part, std::path::Component::Normal(_))))
        .map(|below| top.join(below))
        .filter(|directory| directory.is_dir())
        .unwrap_or_else(|| top.clone());
    own.ancestors().take_while(|directory| directory.starts_with(&top)).map(Path::to_path_buf).collect()
}

fn found(mount: &Mount, directory: &Path) -> Limits {
    let text = |name: &str| fs::read_to_string(directory.join(name)).ok();
    let number = |name: &str| text(name)?.trim().parse::<u64>().ok();
    match mount.generation {
        Generation::Second => Limits {
            memory_bytes: number("memory.max"),
            cpu_millis: text("cpu.max").as_deref().and_then(cpu_max),
            processes: number("pids.max"),
        },
        Generation::First => Limits {
            memory_bytes: number("memory.limit_in_bytes").filter(|bytes| *bytes < NO_MEMORY_LIMIT),
            // A quota of -1 means none, and is no `u64`.
            cpu_millis: number("cpu.cfs_quota_us")
                .zip(number("cpu.cfs_period_us"))
                .and_then(|(quota, period)| cpu_millis(quota, period)),
            processes: number("pids.max"),
        },
    }
}

/// `QUOTA PERIOD`, in microseconds; a quota of `max` means none.
fn cpu_max(text: &str) -> Option<u64> {
    let (quota, period) = text.trim().split_once(' ')?;
    cpu_millis(quota.parse().ok()?, period.parse().ok()?)
}

fn cpu_millis(quota: u64, period: u64) -> Option<u64> {
    quota.checked_mul(1000)?.checked_div(period)
}

#[cfg(test)]
mod tests {
    use super::*;

    type Files = &'static [(&'static str, &'static str)];

    fn limits(files: Files) -> Limits {
        let root = tempfile::tempdir().expect("a directory");
        for (path, text) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().expect("below the root")).expect("writable");
            fs::write(path, text).expect("writable");
        }
        Limits::read(root.path())
    }

    const V2: &str = "31 24 0:27 / /sys/fs/cgroup ro,nosuid - cgroup2 cgroup rw\n";
    const V1: &str = "40 39 0:35 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n\
        41 39 0:36 /docker/abc /sys/fs/cgroup/cpu,cpuacct ro - cgroup cgroup rw,cpu,cpuacct\n\
        42 39 0:37 /docker/abc /sys/fs/cgroup/pids ro - cgroup cgroup rw,pids\n";
    const V1_GROUPS: &str =
        "9:name=systemd:/docker/abc\n8:pids:/docker/abc\n4:memory:/docker/abc\n2:cpu,cpuacct:/docker/abc\n";

    #[test]
    fn what_each_container_is_granted() {
        let some = |memory_bytes, cpu_millis, processes| Limits { memory_bytes, cpu_millis, processes };
        #[rustfmt::skip]
        let rows: &[(&str, Files, Limits)] = &[
            ("nothing to read", &[], Limits::default()),
            ("second generation, own namespace", &[
                ("proc/self/cgroup", "0::/\n"), ("proc/self/mountinfo", V2),
                ("sys/fs/cgroup/memory.max", "268435456\n"), ("sys/fs/cgroup/cpu.max", "50000 100000\n"), ("sys/fs/cgroup/pids.max", "128\n"),
            ], some(Some(268_435_456), Some(500), Some(128))),
            ("second generation, no limits", &[
                ("proc/self/cgroup", "0::/\n"), ("proc/self/mountinfo", V2),
                ("sys/fs/cgroup/memory.max", "max\n"), ("sys/fs/cgroup/cpu.max", "max 100000\n"), ("sys/fs/cgroup/pids.max", "max\n"),
            ], Limits::default()),
            ("second generation, the least of those above counts", &[
                ("proc/self/cgroup", "0::/a/b\n"), ("proc/self/mountinfo", V2),
                ("sys/fs/cgroup/a/memory.max", "1000\n"), ("sys/fs/cgroup/a/b/memory.max", "2000\n"), ("sys/fs/cgroup/a/b/pids.max", "7\n"),
            ], some(Some(1000), None, Some(7))),
            ("first generation, no namespace", &[
                ("proc/self/cgroup", V1_GROUPS), ("proc/self/mountinfo", V1),
                ("sys/fs/cgroup/memory/memory.limit_in_bytes", "134217728\n"), ("sys/fs/cgroup/pids/pids.max", "64\n"),
                ("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "150000\n"), ("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n"),
            ], some(Some(134_217_728), Some(1500), Some(64))),
            ("first generation, no limits", &[
                ("proc/self/cgroup", V1_GROUPS), ("proc/self/mountinfo", V1),
                ("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"), ("sys/fs/cgroup/pids/pids.max", "max\n"),
                ("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "-1\n"), ("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n"),
            ], Limits::default()),
            ("a path that leads out of the mount is not followed", &[
                ("proc/self/cgroup", "0::/../../etc\n"), ("proc/self/mountinfo", V2),
                ("etc/memory.max", "1\n"), ("sys/fs/cgroup/memory.max", "5\n"),
            ], some(Some(5), None, None)),
            ("a period of nothing", &[
                ("proc/self/cgroup", "0::/\n"), ("proc/self/mountinfo", V2), ("sys/fs/cgroup/cpu.max", "5 0\n"),
            ], Limits::default()),
        ];
        for (name, files, expected) in rows {
            assert_eq!(limits(files), *expected, "{name}");
        }
    }

    #[test]
    fn what_people_read() {
        #[rustfmt::skip]
        let rows = [
            (None,                 None,       None,      "none"),
            (Some(268_435_456),    Some(500),  Some(128), "memory 256 MiB, 0.5 processors, 128 processes"),
            (Some(4096),           Some(1000), None,      "memory 4 KiB, 1 processor"),
            (None,                 Some(2250), Some(99),  "2.25 processors, 99 processes"),
            (None,                 Some(2000), None,      "2 processors"),
        ];
        for (memory_bytes, cpu_millis, processes, text) in rows {
            assert_eq!(Limits { memory_bytes, cpu_millis, processes }.to_string(), text);
        }
    }
}
