//! The configuration files as they lie on disk.

use std::{
    fs::File,
    io::{ErrorKind, Read},
    path::Path,
};

use super::problem::ProblemKind;
use crate::defaults;

/// The bytes of a file; `None` when there is none.
pub(super) fn read(path: &Path) -> Result<Option<Vec<u8>>, ProblemKind> {
    let unreadable = |error: std::io::Error| ProblemKind::Unreadable { kind: error.kind(), cause: error.to_string() };
    let limit = defaults::MAX_CONFIG_BYTES;
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(error)),
    };
    let mut bytes = Vec::new();
    file.take(limit as u64 + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() > limit {
        return Err(ProblemKind::TooLarge { limit });
    }
    Ok(Some(bytes))
}

/// The text of a file's bytes.
pub(super) fn text(bytes: &[u8]) -> Result<&str, ProblemKind> {
    std::str::from_utf8(bytes).map_err(|error| {
        let good = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
        let line = good.matches('\n').count() + 1;
        let column = good.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        ProblemKind::NotText { line, column }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_not_there_is_none() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(read(&directory.path().join("absent")), Ok(None));
        assert!(matches!(read(directory.path()), Err(ProblemKind::Unreadable { .. })));
    }

    #[test]
    fn a_file_is_bounded() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("large");
        std::fs::write(&path, vec![b' '; defaults::MAX_CONFIG_BYTES + 1]).unwrap();
        assert_eq!(read(&path), Err(ProblemKind::TooLarge { limit: defaults::MAX_CONFIG_BYTES }));
    }

    #[test]
    fn bytes_that_are_no_text_are_found() {
        assert_eq!(text("{ä}".as_bytes()), Ok("{ä}"));
        assert_eq!(text(b"{\n \xc3\xa4\xff }"), Err(ProblemKind::NotText { line: 2, column: 3 }));
    }
}
