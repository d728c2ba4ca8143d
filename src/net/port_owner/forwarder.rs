//! Docker's userland proxy, which listens on the host for a container.

use std::{
    fs,
    net::{IpAddr, SocketAddr},
    path::Path,
};

/// What a `docker-proxy` does with a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forward {
    /// Where it listens on the host.
    pub published: SocketAddr,
    /// Where it connects to in the container.
    pub container: SocketAddr,
}

impl Forward {
    /// Reads the command line of a process; `None` where it is another program.
    pub(super) fn parse<'a>(words: impl Iterator<Item = &'a str>) -> Option<Self> {
        let mut words = words;
        let program = words.next()?.rsplit('/').next()?;
        if program != "docker-proxy" {
            return None;
        }
        let words: Vec<_> = words.collect();
        let value = |flag: &str| words.windows(2).find(|pair| pair[0] == flag).map(|pair| pair[1]);
        let end = |side: &str| {
            let ip: IpAddr = value(&format!("-{side}-ip"))?.parse().ok()?;
            Some(SocketAddr::new(ip, value(&format!("-{side}-port"))?.parse().ok()?))
        };
        Some(Self { published: end("host")?, container: end("container")? })
    }
}

/// The process that publishes `port`. Command lines are told to everybody, also where open files are not.
pub(super) fn publisher(proc: &Path, port: u16) -> Option<u32> {
    let entries = fs::read_dir(proc).ok()?.flatten();
    entries.into_iter().find_map(|entry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        let line = fs::read(entry.path().join("cmdline")).ok()?;
        let line = String::from_utf8_lossy(&line);
        let forward = Forward::parse(line.trim_end_matches('\0').split('\0'))?;
        (forward.published.port() == port).then_some(pid)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_forwarded_where() {
        const OURS: &str = "/usr/bin/docker-proxy -proto tcp -host-ip 127.0.0.1 -host-port 18789 -container-ip 172.17.0.2 -container-port 80";
        #[rustfmt::skip]
        let rows = [
            (OURS,                                                              Some(("127.0.0.1:18789", "172.17.0.2:80"))),
            ("docker-proxy -proto tcp -host-ip :: -host-port 1 -container-ip fd00::2 -container-port 2 -use-listen-fd",
                                                                                Some(("[::]:1", "[fd00::2]:2"))),
            ("docker-proxy -proto tcp -host-ip 127.0.0.1",                      None),
            ("nginx -host-ip 127.0.0.1 -host-port 1 -container-ip ::1 -container-port 2", None),
            ("",                                                                None),
        ];
        for (line, expected) in rows {
            let found = Forward::parse(line.split(' '));
            let shown = found.map(|forward| (forward.published.to_string(), forward.container.to_string()));
            let expected = expected.map(|(a, b)| (a.to_owned(), b.to_owned()));
            assert_eq!(shown, expected, "{line}");
        }
        let dir = tempfile::tempdir().expect("a directory");
        fs::create_dir_all(dir.path().join("42")).expect("writable");
        fs::write(dir.path().join("42/cmdline"), OURS.replace(' ', "\0") + "\0").expect("writable");
        assert_eq!((publisher(dir.path(), 18789), publisher(dir.path(), 80)), (Some(42), None));
    }
}
