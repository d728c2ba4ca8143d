//! Tables of /proc as text.

use std::{fs::File, io::Read as _, path::Path};

/// Room for a table of a busy machine, in bytes.
const ROOM: usize = 64 * 1024;

/// The text of a table below /proc, empty where it cannot be read.
///
/// The kernel looks through its table anew for every read, and stops whoever would change it meanwhile: with room from the start
/// there are few, where a string that grows from nothing takes a dozen, of milliseconds each.
pub(super) fn text(path: &Path) -> String {
    let mut text = String::with_capacity(ROOM);
    // What was read before a failure would be half of a table.
    match File::open(path).and_then(|mut file| file.read_to_string(&mut text)) {
        Ok(_) => text,
        Err(_) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_read_whole() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("table");
        let long = "a line of the table\n".repeat(ROOM / 10);
        std::fs::write(&path, &long).expect("writable");
        assert_eq!(text(&path), long);
        assert_eq!(text(&directory.path().join("missing")), "");
        std::fs::write(&path, b"half\xff").expect("writable");
        assert_eq!(text(&path), "");
    }
}
