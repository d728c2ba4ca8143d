//! Words and numbers for people.

pub(super) use crate::hint::shell;
use crate::logs::sanitize::is_unprintable;

/// `text` as a terminal may show it: everything but a line end that steers instead of being shown is escaped.
pub(super) fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if c != '\n' && is_unprintable(c) { shown.extend(c.escape_unicode()) } else { shown.push(c) }
    }
    shown
}

/// `text` as one line of at most `most` characters.
pub(crate) fn one_line(text: &str, most: usize) -> String {
    let flat = visible(text).replace('\n', "\\n");
    if flat.chars().count() <= most {
        return flat;
    }
    flat.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

/// How long ago, in the unit that says it best.
pub(super) fn ago(then_ms: i64, now_ms: i64) -> String {
    match now_ms.saturating_sub(then_ms) / 1000 {
        ..1 => "just now".into(),
        seconds @ 1..60 => format!("{seconds}s ago"),
        seconds @ 60..3600 => format!("{}m ago", seconds / 60),
        seconds @ 3600..86_400 => format!("{}h ago", seconds / 3600),
        seconds => format!("{}d ago", seconds / 86_400),
    }
}

/// `1 device`, `2 devices`.
pub(super) fn count(number: usize, one: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {one}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages() {
        #[rustfmt::skip]
        let rows = [
            (0, "just now"), (999, "just now"), (-5000, "just now"), (1000, "1s ago"), (59_999, "59s ago"), (60_000, "1m ago"),
            (3_599_000, "59m ago"), (3_600_000, "1h ago"), (86_400_000, "1d ago"), (8_640_000_000, "100d ago"),
        ];
        for (age, text) in rows {
            assert_eq!(ago(10_000, 10_000 + age), text, "{age}");
        }
    }

    #[test]
    fn words_for_a_shell() {
        #[rustfmt::skip]
        let rows = [
            ("ws://127.0.0.1:1", "ws://127.0.0.1:1"), ("", "''"), ("a b", "'a b'"), ("$(x)", "'$(x)'"), ("it's", r"'it'\''s'"),
            ("ws://h/?a&b", "'ws://h/?a&b'"),
        ];
        for (word, quoted) in rows {
            assert_eq!(shell(word), quoted);
        }
    }

    #[test]
    fn a_name_stays_on_its_line() {
        assert_eq!(one_line("a\nb\u{7}", 20), "a\\nb\\u{7}");
        assert_eq!(one_line("abcdef", 4), "abc…");
        assert_eq!(one_line("abcd", 4), "abcd");
    }
}
