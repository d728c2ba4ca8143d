//! Where the hierarchies of control groups are mounted (proc(5), `/proc/self/mountinfo` and `/proc/self/cgroup`).

use std::path::PathBuf;

/// The two kinds of hierarchies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Generation {
    First,
    Second,
}

/// A hierarchy that is mounted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mount {
    pub(super) generation: Generation,
    /// Which group of the hierarchy is seen at the mount.
    pub(super) root: PathBuf,
    /// Where.
    pub(super) point: PathBuf,
    /// The controllers of a hierarchy of the first generation.
    controllers: Vec<String>,
}

/// The hierarchies in the text of `mountinfo`; lines that cannot be read are left out.
pub(super) fn parse(text: &str) -> Vec<Mount> {
    text.lines().filter_map(mount).collect()
}

/// `ID PARENT MAJOR:MINOR ROOT POINT OPTIONS [TAG...] - TYPE SOURCE SUPER-OPTIONS`
fn mount(line: &str) -> Option<Mount> {
    let (before, after) = line.split_once(" - ")?;
    let mut before = before.split(' ').skip(3);
    let (root, point) = (PathBuf::from(before.next()?), PathBuf::from(before.next()?));
    let mut after = after.split(' ');
    let generation = match after.next()? {
        "cgroup" => Generation::First,
        "cgroup2" => Generation::Second,
        _ => return None,
    };
    let controllers = after.nth(1).unwrap_or_default().split(',').map(ToOwned::to_owned).collect();
    Some(Mount { generation, root, point, controllers })
}

/// Our group in the hierarchy, from the text of `/proc/self/cgroup`: lines `ID:CONTROLLERS:PATH`, the second generation's
/// without controllers.
pub(super) fn group_of<'a>(mount: &Mount, groups: &'a str) -> Option<&'a str> {
    groups.lines().find_map(|line| {
        let (controllers, path) = line.split_once(':')?.1.split_once(':')?;
        let ours = match mount.generation {
            Generation::Second => controllers.is_empty(),
            Generation::First => {
                controllers.split(',').any(|controller| mount.controllers.iter().any(|of_mount| of_mount == controller))
            }
        };
        ours.then_some(path)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_hierarchies_count() {
        let text = "1 0 8:1 / / rw - ext4 /dev/sda rw\n\
            2 1 0:27 / /sys/fs/cgroup/unified rw shared:9 - cgroup2 cgroup2 rw\n\
            3 1 0:30 /a\\040b /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n\
            broken\n4 1 0:30 - cgroup\n";
        let mounts = parse(text);
        let seen: Vec<_> = mounts.iter().map(|mount| (mount.generation, mount.point.to_str().expect("text"))).collect();
        assert_eq!(
            seen,
            [(Generation::Second, "/sys/fs/cgroup/unified"), (Generation::First, "/sys/fs/cgroup/cpu,cpuacct")]
        );
        let groups = "3:cpuacct,cpu:/c\n2:cpuset:/s\n0::/u\nbroken\n";
        assert_eq!(group_of(&mounts[0], groups), Some("/u"));
        assert_eq!(group_of(&mounts[1], groups), Some("/c"));
        assert_eq!(group_of(&mounts[1], ""), None);
    }
}
