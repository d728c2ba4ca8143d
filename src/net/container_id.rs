//! The id of the container that we run in, where what its runtime mounted tells it.

/// How the runtimes write an id: 64 hexadecimal digits.
const ID_CHARS: usize = 64;

/// How much of it commands take, and people read.
const SHORT_ID_CHARS: usize = 12;

/// The short id of the container that the mounts in `mountinfo` (proc(5), `/proc/self/mountinfo`) belong to.
///
/// Docker and Podman keep the files that they mount over `/etc/hostname`, `/etc/hosts` and `/etc/resolv.conf` in a directory
/// that bears the container's id. The machine's name need not: users choose another one, and in the host's network it is the
/// host's.
pub fn container_id(mountinfo: &str) -> Option<&str> {
    mountinfo.lines().find_map(|line| {
        let mut fields = line.split(' ');
        let (source, target) = (fields.nth(3)?, fields.next()?);
        let of_runtime = matches!(target, "/etc/hostname" | "/etc/hosts" | "/etc/resolv.conf");
        let id = source.split('/').find(|part| is_id(part)).filter(|_| of_runtime)?;
        id.get(..SHORT_ID_CHARS)
    })
}

fn is_id(part: &str) -> bool {
    part.len() == ID_CHARS && part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_in_mounts() {
        let id = "0123456789abcdef".repeat(4);
        #[rustfmt::skip]
        let rows = [
            // source                                                     target              found
            (format!("/var/lib/docker/containers/{id}/hostname"),         "/etc/hostname",    true),
            (format!("/containers/{id}/resolv.conf"),                     "/etc/resolv.conf", true),  // a file system of its own
            (format!("/containers/overlay-containers/{id}/userdata/hosts"), "/etc/hosts",     true),  // Podman
            (format!("/data/{id}/file"),                                  "/data",            false), // somebody's volume
            (format!("/data/{id}0/hosts"),                                "/etc/hosts",       false),
            (format!("/data/{}/hosts", id.to_uppercase()),                "/etc/hosts",       false),
            ("/etc/hosts".to_owned(),                                     "/etc/hosts",       false),
        ];
        for (source, target, found) in rows {
            let line = format!(
                "1 2 254:0 / / rw - ext4 /dev/vda rw\n3 4 254:0 {source} {target} rw,relatime - ext4 /dev/vda rw\n"
            );
            assert_eq!(container_id(&line), found.then_some("0123456789ab"), "{source} {target}");
        }
        for text in ["", "\n", "1 2 3", "x"] {
            assert_eq!(container_id(text), None, "{text:?}");
        }
    }
}
