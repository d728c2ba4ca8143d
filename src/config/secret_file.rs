//! Files that hold one secret.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use super::{problem::ProblemKind, secret::Secret, variables::strip_line_end};
use crate::defaults;

/// Reads a secret: the file's text without one line break at its end.
pub(super) fn read(path: &Path) -> Result<Secret, ProblemKind> {
    let unreadable = |error: io::Error| ProblemKind::SecretFileUnreadable {
        path: path.to_owned(),
        cause: error.to_string(),
        missing: error.kind() == io::ErrorKind::NotFound,
    };
    let limit = defaults::MAX_SECRET_FILE_BYTES;
    let mut text = String::new();
    let file = File::open(path).map_err(unreadable)?;
    // A pipe or a device has no size to ask for, so the bound is on what is read.
    let mut bounded = file.take(limit as u64 + 1);
    bounded.read_to_string(&mut text).map_err(unreadable)?;
    if text.len() > limit {
        return Err(ProblemKind::SecretFileTooLarge { path: path.to_owned(), limit });
    }
    let text = strip_line_end(&text);
    if text.trim().is_empty() {
        return Err(ProblemKind::SecretFileEmpty(path.to_owned()));
    }
    Ok(Secret::new(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_end_is_not_part_of_the_secret() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("token");
        for (text, secret) in [("abc", "abc"), ("abc\n", "abc"), ("abc\r\n", "abc"), (" a c ", " a c ")] {
            std::fs::write(&path, text).unwrap();
            assert_eq!(read(&path).unwrap().expose(), secret, "{text:?}");
        }
    }

    #[test]
    fn says_what_is_wrong_with_the_file() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str, bytes: &[u8]| {
            let path = directory.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            path
        };
        for (path, expected) in [
            (directory.path().join("absent"), "No such file"),
            (directory.path().to_owned(), "directory"),
            (at("empty", b""), "is empty"),
            (at("blank", b"  \n"), "is empty"),
            (at("large", &vec![b'x'; defaults::MAX_SECRET_FILE_BYTES + 1]), "is larger than"),
            (at("binary", b"\xff\xfe"), "valid UTF-8"),
        ] {
            let text = read(&path).unwrap_err().to_string();
            assert!(text.contains(expected), "{}: {text}", path.display());
        }
    }
}
