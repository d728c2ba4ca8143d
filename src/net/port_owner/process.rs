//! The process that holds a listening socket, read from /proc.

use std::{
    fs,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::Path,
};

use jiff::{SignedDuration, Timestamp};

use super::forwarder::publisher;
use crate::{logs::sanitize, net::proc_text};

/// Clock ticks a second in /proc. The kernel's own choice for every architecture that we build for.
const TICKS_PER_SECOND: i64 = 100;

/// A process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// Its id.
    pub pid: u32,
    /// Its command line, on one line and without secrets.
    pub command: String,
    /// When it began.
    pub since: Option<Timestamp>,
}

impl Process {
    /// The process with this id; `None` where there is none.
    pub fn of(pid: u32) -> Option<Self> {
        let proc = Path::new("/proc");
        let directory = proc.join(pid.to_string());
        directory.exists().then(|| Self { pid, command: command(&directory), since: since(proc, &directory) })
    }

    /// Whether its program, or the script that its program runs, is named for OpenClaw.
    pub(super) fn names_openclaw(&self) -> bool {
        let mut programs = self.command.split(' ').take(2).filter_map(|word| word.rsplit('/').next());
        programs.any(|name| name.to_ascii_lowercase().starts_with("openclaw"))
    }
}

/// What /proc tells of a listening socket.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) process: Option<Process>,
    pub(super) uid: Option<u32>,
}

/// A line of /proc/net/tcp.
struct Socket {
    uid: u32,
    inode: u64,
}

/// Finds who listens where `address` cannot be had, below `proc`, and looks at the process `likely` first. Processes of other
/// users are not told to everybody; then only the user is known.
pub(super) fn find(proc: &Path, address: SocketAddr, likely: Option<u32>) -> Found {
    let in_table = |table: &str| {
        let table = proc_text::text(&proc.join(table));
        table.lines().skip(1).find_map(|line| in_the_way(line, address))
    };
    let Some(socket) = ["net/tcp", "net/tcp6"].into_iter().find_map(in_table) else { return Found::default() };
    let link = format!("socket:[{}]", socket.inode);
    let holds = |directory: &Path| {
        let descriptors = fs::read_dir(directory.join("fd")).ok().into_iter().flatten().flatten();
        descriptors
            .into_iter()
            .any(|fd| fs::read_link(fd.path()).is_ok_and(|target| target.as_os_str() == link.as_str()))
    };
    let anybody = || {
        fs::read_dir(proc).ok().into_iter().flatten().flatten().find_map(|entry| {
            let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
            holds(&entry.path()).then_some(pid)
        })
    };
    let holder = likely.filter(|pid| holds(&proc.join(pid.to_string()))).or_else(anybody);
    let process = holder.or_else(|| publisher(proc, address.port())).map(|pid| {
        let directory = proc.join(pid.to_string());
        Process { pid, command: command(&directory), since: since(proc, &directory) }
    });
    Found { process, uid: Some(socket.uid) }
}

/// The socket of a line, if it listens where `address` cannot be had because of it.
fn in_the_way(line: &str, address: SocketAddr) -> Option<Socket> {
    /// The kernel's number for a socket that listens.
    const LISTEN: &str = "0A";
    let columns: Vec<_> = line.split_whitespace().collect();
    let (local, state) = (columns.get(1)?, columns.get(3)?);
    let (ip, port) = local.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    if *state != LISTEN || port != address.port() || !conflicts(parse_ip(ip)?, address.ip()) {
        return None;
    }
    Some(Socket { uid: columns.get(7)?.parse().ok()?, inode: columns.get(9)?.parse().ok()? })
}

/// Whether a socket at `taken` keeps one at `wanted` from the same port. Every address of IPv6 commonly includes IPv4.
fn conflicts(taken: IpAddr, wanted: IpAddr) -> bool {
    let (taken, wanted) = (taken.to_canonical(), wanted.to_canonical());
    let covers = |any: IpAddr, one: IpAddr| any.is_unspecified() && (any.is_ipv6() || one.is_ipv4());
    taken == wanted || covers(taken, wanted) || covers(wanted, taken)
}

/// The kernel prints each 32 bits of an address as a number in its own byte order.
fn parse_ip(hex: &str) -> Option<IpAddr> {
    let word = |at: usize| u32::from_str_radix(hex.get(at * 8..at * 8 + 8)?, 16).ok().map(u32::to_ne_bytes);
    match hex.len() {
        8 => word(0).map(|bytes| Ipv4Addr::from(bytes).into()),
        32 => {
            let words = [word(0)?, word(1)?, word(2)?, word(3)?];
            let mut bytes = [0; 16];
            bytes.copy_from_slice(words.as_flattened());
            Some(Ipv6Addr::from(bytes).into())
        }
        _ => None,
    }
}

/// The command line of the process at `directory`, as it may be shown: a stranger chose it, and it may hold secrets.
fn command(directory: &Path) -> String {
    let bytes = fs::read(directory.join("cmdline")).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let mut hidden = false;
    let words = text.trim_end_matches('\0').split('\0').map(|word| {
        if std::mem::take(&mut hidden) {
            return "***".to_owned();
        }
        let (flag, value) = word.split_once('=').map_or((word, None), |(flag, value)| (flag, Some(value)));
        let is_secret =
            ["token", "password", "secret", "key"].iter().any(|name| flag.to_ascii_lowercase().contains(name));
        match value {
            Some(_) if is_secret => format!("{flag}=***"),
            None if is_secret && flag.starts_with('-') => {
                hidden = true;
                word.to_owned()
            }
            _ => word.to_owned(),
        }
    });
    sanitize::header(&words.collect::<Vec<_>>().join(" "))
}

/// When the process at `directory` began: the kernel counts from its own start.
fn since(proc: &Path, directory: &Path) -> Option<Timestamp> {
    let stat = fs::read_to_string(directory.join("stat")).ok()?;
    // The name in parentheses may hold anything, so the columns are counted from its end. The 22nd is the start.
    let (_, columns) = stat.rsplit_once(')')?;
    let ticks: i64 = columns.split_whitespace().nth(19)?.parse().ok()?;
    let boot = fs::read_to_string(proc.join("stat")).ok()?;
    let boot = boot.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()?;
    Timestamp::from_second(boot).ok()?.checked_add(SignedDuration::from_secs(ticks / TICKS_PER_SECOND)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> SocketAddr {
        text.parse().expect("an address")
    }

    /// A line as the kernel writes it, for a socket that listens.
    fn line(ip: IpAddr, port: u16, state: &str) -> String {
        let bytes = match ip {
            IpAddr::V4(ip) => ip.octets().to_vec(),
            IpAddr::V6(ip) => ip.octets().to_vec(),
        };
        let words = bytes.as_chunks::<4>().0.iter().map(|word| format!("{:08X}", u32::from_ne_bytes(*word)));
        format!(
            "   0: {}:{port:04X} 00000000:0000 {state} 00000000:00000000 00:00000000 00000000  1000        0 4711 1 0 100 0 0 10 0",
            words.collect::<String>()
        )
    }

    #[test]
    fn which_sockets_are_in_the_way() {
        #[rustfmt::skip]
        let rows = [
            // taken                  state  wanted            in the way
            ("127.0.0.1:80",          "0A",  "127.0.0.1:80",   true),
            ("127.0.0.1:80",          "01",  "127.0.0.1:80",   false), // a connection, not a listener
            ("127.0.0.1:81",          "0A",  "127.0.0.1:80",   false),
            ("127.0.0.2:80",          "0A",  "127.0.0.1:80",   false),
            ("0.0.0.0:80",            "0A",  "127.0.0.1:80",   true),
            ("127.0.0.1:80",          "0A",  "0.0.0.0:80",     true),
            ("[::]:80",               "0A",  "127.0.0.1:80",   true),
            ("127.0.0.1:80",          "0A",  "[::]:80",        true),
            ("[::1]:80",              "0A",  "[::1]:80",       true),
            ("[::1]:80",              "0A",  "127.0.0.1:80",   false),
            ("[::1]:80",              "0A",  "[::]:80",        true),
            ("0.0.0.0:80",            "0A",  "[::1]:80",       false),
            ("[::ffff:127.0.0.1]:80", "0A",  "127.0.0.1:80",   true),
        ];
        for (taken, state, wanted, expected) in rows {
            let taken = address(taken);
            let line = line(taken.ip(), taken.port(), state);
            assert_eq!(in_the_way(&line, address(wanted)).is_some(), expected, "{line} for {wanted}");
        }
        for broken in ["", "0: 0100007F", "0: zz:zz 0 0A", "0: 0100007F:0050 0 0A"] {
            assert!(in_the_way(broken, address("127.0.0.1:80")).is_none(), "{broken}");
        }
    }

    #[test]
    fn the_process_is_found_and_its_secrets_are_not_shown() {
        let root = tempfile::tempdir().expect("a directory");
        let proc = root.path();
        let process = proc.join("42");
        fs::create_dir_all(process.join("fd")).expect("writable");
        fs::create_dir_all(proc.join("net")).expect("writable");
        let listening = line(Ipv4Addr::LOCALHOST.into(), 80, "0A");
        fs::write(proc.join("net/tcp"), format!("header\n{listening}\n")).expect("writable");
        fs::write(proc.join("stat"), "cpu 1 2\nbtime 1780000000\n").expect("writable");
        fs::write(process.join("stat"), "42 (a) b) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 200 20")
            .expect("writable");
        std::os::unix::fs::symlink("socket:[4711]", process.join("fd/9")).expect("writable");
        #[rustfmt::skip]
        let rows = [
            ("run\0--token\0s3cret\0--port\x0080\0",  "run --token *** --port 80"),
            ("run\0--password=s3cret\0x\0",           "run --password=*** x"),
            ("TOKEN=s3cret\0x",                       "TOKEN=*** x"),
            ("run\0\x1b[31mred\0",                    "run [31mred"),
        ];
        fs::create_dir_all(proc.join("43/fd")).expect("writable");
        for (at, (line, shown)) in rows.into_iter().enumerate() {
            fs::write(process.join("cmdline"), line).expect("writable");
            // Whoever is likely and is not it, or is gone, keeps nobody from being found.
            let likely = [None, Some(42), Some(41), Some(43)][at];
            let found = find(proc, address("127.0.0.1:80"), likely);
            assert_eq!(found.uid, Some(1000));
            let process = found.process.expect("found");
            assert_eq!((process.pid, process.command.as_str()), (42, shown), "{line:?}");
            assert_eq!(process.since.expect("told").as_second(), 1_780_000_002);
        }
        assert!(find(proc, address("127.0.0.1:81"), Some(42)).process.is_none());
    }

    #[test]
    fn which_programs_are_named_for_us() {
        #[rustfmt::skip]
        let rows = [
            ("/usr/bin/openclaw gateway run",          true),
            ("openclaw-gateway",                       true),
            ("node /app/openclaw.mjs gateway",         true),
            ("nginx -c /etc/openclaw/nginx.conf",      false),
            ("",                                       false),
        ];
        for (command, expected) in rows {
            let process = Process { pid: 1, command: command.into(), since: None };
            assert_eq!(process.names_openclaw(), expected, "{command}");
        }
    }

    #[test]
    fn this_kernel_tells_of_this_process() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback");
        let found = find(Path::new("/proc"), listener.local_addr().expect("bound"), None).process.expect("found");
        assert_eq!(found.pid, std::process::id());
        let age = Timestamp::now().duration_since(found.since.expect("told"));
        assert!((0..3600).contains(&age.as_secs()), "{age:?}");
    }
}
