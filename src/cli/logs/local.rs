//! The log file itself, followed over rotations.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use crate::{
    defaults::MAX_LOG_FILES_ASIDE,
    logs::{TailError, aside, tail},
    protocol::{LogsTail, LogsTailParams},
};

/// Which file was read last. A path stands for another file after a rotation.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Followed {
    identity: Option<(u64, u64)>,
    path: Option<PathBuf>,
}

impl Followed {
    /// What `file` has to say after `params`: first the rest of the file that was read before, where it was set aside or
    /// another day began, then the new one from its beginning.
    pub(super) fn read(&mut self, file: &Path, params: LogsTailParams) -> Result<Vec<LogsTail>, TailError> {
        let mut pieces = Vec::new();
        let mut params = params;
        let now = identity(file);
        if let (Some(before), Some(path), Some(_)) = (self.identity, self.path.take(), params.cursor)
            && now.is_some()
            && now != Some(before)
        {
            let rest =
                std::iter::once(path.clone()).chain((1..=MAX_LOG_FILES_ASIDE).map(|number| aside(&path, number)));
            if let Some(moved) = rest.into_iter().find(|path| identity(path) == Some(before)) {
                pieces.push(tail(&moved, &params)?);
            }
            params.cursor = Some(0);
        }
        pieces.push(tail(file, &params)?);
        self.identity = now;
        self.path = Some(file.to_owned());
        Ok(pieces)
    }
}

fn identity(path: &Path) -> Option<(u64, u64)> {
    fs::metadata(path).ok().map(|found| (found.dev(), found.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(pieces: &[LogsTail]) -> Vec<&str> {
        pieces.iter().flat_map(|piece| &piece.lines).map(String::as_str).collect()
    }

    #[test]
    fn nothing_is_lost_when_the_file_is_set_aside_or_the_day_ends() {
        let home = tempfile::tempdir().expect("a directory");
        let file = home.path().join("openclaw-2026-01-01.log");
        let after = |cursor| LogsTailParams { cursor, ..LogsTailParams::default() };
        let mut followed = Followed::default();
        fs::write(&file, "one\n").expect("writable");
        let first = followed.read(&file, after(None)).expect("readable");
        assert_eq!(lines(&first), ["one"]);

        fs::write(&file, "one\ntwo\n").expect("writable");
        fs::rename(&file, aside(&file, 1)).expect("renamed");
        fs::write(&file, "three, which is longer than what was there before\n").expect("writable");
        let second = followed.read(&file, after(Some(4))).expect("readable");
        assert_eq!(lines(&second), ["two", "three, which is longer than what was there before"]);

        let cursor = second.last().map(|piece| piece.cursor);
        let mut text = fs::read_to_string(&file).expect("readable");
        text.push_str("four\n");
        fs::write(&file, text).expect("writable");
        let next_day = home.path().join("openclaw-2026-01-02.log");
        fs::write(&next_day, "five\n").expect("writable");
        let third = followed.read(&next_day, after(cursor)).expect("readable");
        assert_eq!(lines(&third), ["four", "five"]);
        let cursor = third.last().map(|piece| piece.cursor);
        assert_eq!(lines(&followed.read(&next_day, after(cursor)).expect("readable")), Vec::<&str>::new());
    }
}
