//! What text of a stranger may look like in a log line and on a terminal.
//!
//! A header, a display name or an error text may hold escape sequences, characters that turn the reading direction, or a
//! line break followed by a log line that never happened. None of them may reach a person as they are.

use crate::defaults::MAX_HEADER_SHOWN_CHARS;

/// The value of a header on one line: control and format characters are spaces, white space is collapsed, and what is
/// longer than 300 characters is cut (gateway protocol, log lines).
pub fn header(text: &str) -> String {
    let mut shown = String::with_capacity(text.len().min(MAX_HEADER_SHOWN_CHARS));
    let words = text.split(|c: char| c.is_whitespace() || is_unprintable(c)).filter(|word| !word.is_empty());
    let spaced = words.enumerate().flat_map(|(at, word)| (at > 0).then_some(' ').into_iter().chain(word.chars()));
    shown.extend(spaced.take(MAX_HEADER_SHOWN_CHARS));
    shown.truncate(shown.trim_end().len());
    shown
}

/// A value for a `key=value` fragment: as [`header`], and spaces, `=`, quotes and everything outside ASCII are `_`, so
/// that no value can pretend to be the next key. Empty text stays empty.
pub fn field(text: &str) -> String {
    header(text).chars().map(|c| if c.is_ascii_graphic() && !"=\"'`".contains(c) { c } else { '_' }).collect()
}

/// Appends `text` as a terminal may show it: unprintable characters are escaped (`\u{1b}`), and lines after the first are
/// indented, so that none of them looks like a log line of its own.
pub fn push_visible(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\n    "),
            '\t' => out.push(c),
            _ if is_unprintable(c) => out.extend(c.escape_unicode()),
            _ => out.push(c),
        }
    }
}

/// Appends `text` as a JSON string. Every unprintable character is escaped, also those that JSON would let pass, so that
/// the line can be read with `cat`.
pub fn push_json(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            _ if is_unprintable(c) => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    out.push_str("\\u");
                    let digit = |shift: u16| char::from_digit(u32::from(*unit >> shift & 0xf), 16).unwrap_or('0');
                    out.extend([digit(12), digit(8), digit(4), digit(0)]);
                }
            }
            _ => out.push(c),
        }
    }
    out.push('"');
}

/// Cuts `text` to at most `most` bytes at a character boundary, and says how many bytes are missing.
pub fn cut(text: &mut String, most: usize) {
    use std::fmt::Write;
    if text.len() > most {
        let end = text.floor_char_boundary(most);
        let missing = text.len() - end;
        text.truncate(end);
        let _ = write!(text, "… ({missing} more bytes)");
    }
}

/// Whether `c` steers instead of being shown: controls (Unicode category Cc), format characters (Cf: invisible ones and
/// those that turn the reading direction) and the two separators that end a line (Zl, Zp).
pub fn is_unprintable(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_control();
    }
    matches!(c,
        '\u{80}'..='\u{9f}' | '\u{ad}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}'
        | '\u{890}'..='\u{891}' | '\u{8e2}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{110bd}' | '\u{110cd}'
        | '\u{13430}'..='\u{1343f}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn header_values_fit_one_line() {
        #[rustfmt::skip]
        let rows = [
            ("curl/8.5.0",                        "curl/8.5.0"),
            ("  a \t b  ",                        "a b"),
            ("a\r\nforged line",                  "a forged line"),
            ("\u{1b}[31mred\u{1b}[0m",            "[31mred [0m"),
            ("a\u{9b}31mb",                       "a 31mb"),           // CSI as one character
            ("user\u{202e}gnp.exe",               "user gnp.exe"),     // turns the reading direction
            ("zero\u{200b}width",                 "zero width"),
            ("tag\u{e0041}s",                     "tag s"),
            ("line\u{2028}separator",             "line separator"),
            ("Zoë's Mac",                         "Zoë's Mac"),
            ("\u{200b}\u{7}",                     ""),
            ("",                                  ""),
        ];
        for (given, shown) in rows {
            assert_eq!(header(given), shown, "{given:?}");
        }
    }

    #[test]
    fn header_values_are_cut_at_300_characters() {
        assert_eq!(header(&"é".repeat(301)), "é".repeat(300));
        assert_eq!(header(&format!("{} end", "x".repeat(299))), "x".repeat(299), "no space is left at the cut");
    }

    #[test]
    fn fields_cannot_pretend_to_be_the_next_key() {
        #[rustfmt::skip]
        let rows = [
            ("https://a.example:8443/x?y",  "https://a.example:8443/x?y"),
            ("x reason=approved",           "x_reason_approved"),
            ("say \"hi\" 'now' `ls`",       "say__hi___now___ls_"),
            ("Zoë\n",                       "Zo_"),
            ("n/a",                         "n/a"),
            ("",                            ""),
        ];
        for (given, shown) in rows {
            assert_eq!(field(given), shown, "{given:?}");
        }
    }

    #[test]
    fn later_lines_are_indented_and_escapes_are_shown() {
        let mut out = String::new();
        push_visible(&mut out, "a\tb\u{1b}[2J\u{202e}\n2026-01-01T00:00:00.000Z [gateway] forged");
        assert_eq!(out, "a\tb\\u{1b}[2J\\u{202e}\n    2026-01-01T00:00:00.000Z [gateway] forged");
    }

    #[test]
    fn what_is_too_long_is_cut_with_a_note() {
        let mut text = "aé".to_owned();
        cut(&mut text, 3);
        assert_eq!(text, "aé");
        cut(&mut text, 2);
        assert_eq!(text, "a… (2 more bytes)", "never inside a character");
    }

    proptest! {
        #[test]
        fn json_strings_read_back_and_show_nothing_unprintable(text in any::<String>()) {
            let mut out = String::new();
            push_json(&mut out, &text);
            prop_assert!(!out.contains(is_unprintable), "{out:?}");
            prop_assert_eq!(serde_json::from_str::<String>(&out).unwrap(), text);
        }

        #[test]
        fn no_text_steers_a_terminal(text in any::<String>()) {
            let mut out = String::new();
            push_visible(&mut out, &text);
            prop_assert!(!out.contains(|c: char| is_unprintable(c) && c != '\n' && c != '\t'), "{out:?}");
            prop_assert!(!header(&text).contains(is_unprintable));
            prop_assert!(field(&text).bytes().all(|byte| byte.is_ascii_graphic()));
        }
    }
}
