//! `openclaw --version`: what this program was built from.

use std::sync::LazyLock;

use jiff::{Timestamp, tz::TimeZone};

use crate::protocol::Dialect;

/// When the commit was made that this was built from, or what `SOURCE_DATE_EPOCH` said; in seconds since the Unix epoch.
pub(crate) const BUILT_AT: Option<i64> = match option_env!("OPENCLAW_BUILT_SECONDS") {
    Some(digits) => seconds(digits),
    None => None,
};

const COMMIT: Option<&str> = option_env!("OPENCLAW_BUILT_COMMIT");
const TARGET: Option<&str> = option_env!("OPENCLAW_BUILT_TARGET");

const fn seconds(digits: &str) -> Option<i64> {
    match i64::from_str_radix(digits, 10) {
        // Builds that do not know it say 0.
        Ok(0) | Err(_) => None,
        Ok(seconds) => Some(seconds),
    }
}

/// The version and the commit in one line, for `-V`.
pub(super) fn short() -> &'static str {
    static TEXT: LazyLock<String> = LazyLock::new(|| line(COMMIT, BUILT_AT));
    &TEXT
}

/// Everything that is known of the build, for `--version`.
pub(super) fn long() -> &'static str {
    static TEXT: LazyLock<String> = LazyLock::new(|| {
        let mut lines = vec![line(COMMIT, BUILT_AT)];
        lines.extend(TARGET.map(|target| format!("target: {target}")));
        let protocols = [Dialect::V3, Dialect::V4].map(|dialect| dialect.number().to_string());
        lines.push(format!("gateway protocol: {}", protocols.join(", ")));
        lines.join("\n")
    });
    &TEXT
}

fn line(commit: Option<&str>, built_at: Option<i64>) -> String {
    let date = built_at.and_then(|seconds| Timestamp::from_second(seconds).ok());
    let date = date.map(|time| time.to_zoned(TimeZone::UTC).date().to_string());
    let about: Vec<_> = commit.map(str::to_owned).into_iter().chain(date).collect();
    let version = env!("CARGO_PKG_VERSION");
    if about.is_empty() { version.to_owned() } else { format!("{version} ({})", about.join(" ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_is_left_out() {
        let version = env!("CARGO_PKG_VERSION");
        #[rustfmt::skip]
        let rows = [
            (None,        None,                version.to_string()),
            (Some("abc"), None,                format!("{version} (abc)")),
            (Some("abc"), Some(1_767_225_600), format!("{version} (abc 2026-01-01)")),
            (None,        Some(0),             format!("{version} (1970-01-01)")),
        ];
        for (commit, built_at, text) in rows {
            assert_eq!(line(commit, built_at), text, "{commit:?} {built_at:?}");
        }
        assert!(long().ends_with("gateway protocol: 3, 4"), "{}", long());
        assert_eq!(seconds("12"), Some(12));
        assert_eq!((seconds("x"), seconds("0")), (None, None));
    }
}
