//! What a gateway writes into its log from some moment on.

use std::{fs, path::PathBuf, time::Duration};

use tokio::time::{Instant, sleep};

use super::super::super::{Context, last_words::log_file};
use crate::{
    defaults::RESULT_POLL,
    logs::{Record, tail},
    protocol::LogsTailParams,
};

/// A place in the log of this machine's gateway.
#[derive(Debug)]
pub(in super::super) struct LogMark {
    file: PathBuf,
    size: u64,
}

impl LogMark {
    /// Its end as it is now.
    pub(in super::super) fn now(context: &Context) -> Self {
        let file = log_file(context, &context.lock());
        let size = fs::metadata(&file).map_or(0, |found| found.len());
        Self { file, size }
    }

    /// The first line after it that holds one of `texts`; `None` when the patience ends before.
    pub(in super::super) async fn wait_for(&self, texts: &[&str], patience: Duration) -> Option<String> {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(line) = self.find(texts) {
                return Some(line);
            }
            if Instant::now() >= deadline {
                return None;
            }
            sleep(RESULT_POLL).await;
        }
    }

    fn find(&self, texts: &[&str]) -> Option<String> {
        let after = LogsTailParams { cursor: Some(self.size), ..LogsTailParams::default() };
        let piece = tail(&self.file, &after).ok()?;
        let said = piece.lines.iter().filter_map(|line| Record::parse(line)).map(|record| record.text());
        said.into_iter().find(|line| texts.iter().any(|text| line.contains(text)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_what_comes_after_the_mark_counts() {
        let dir = tempfile::tempdir().expect("a directory");
        let file = dir.path().join("openclaw.log");
        let line = |text: &str| format!("{{\"0\":\"{text}\",\"time\":\"2026-01-01T00:00:00Z\"}}\n");
        fs::write(&file, line("configuration reloaded; before")).expect("writable");
        let mark = LogMark { file: file.clone(), size: fs::metadata(&file).expect("there").len() };
        assert_eq!(mark.wait_for(&["configuration reloaded"], Duration::ZERO).await, None);
        let after = format!("{}{}", line("configuration reloaded; before"), line("configuration reloaded; after"));
        fs::write(&file, after).expect("writable");
        let found = mark.wait_for(&["configuration reloaded"], Duration::ZERO).await.expect("it is there");
        assert!(found.contains("after"), "{found}");
    }
}
