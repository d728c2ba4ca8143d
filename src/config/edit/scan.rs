//! Where the values of a JSON5 text stand.
//!
//! Only for texts that the parser has accepted: what is not allowed there is not looked for here.

use std::ops::Range;

/// A value and its place, in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) span: Range<usize>,
    pub(super) kind: Kind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    Object(Vec<Member>),
    List(Vec<Item>),
    Scalar,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) name: String,
    /// The name as it is written, quotation marks included.
    pub(super) key: Range<usize>,
    pub(super) item: Item,
}

/// A value of an object or a list, and the comma behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) value: Node,
    pub(super) comma: Option<usize>,
}

/// The document's value; `None` where there are only comments, or where the text is none that the parser accepts.
pub(super) fn scan(text: &str) -> Option<Node> {
    let mut scanner = Scanner { text, at: 0 };
    scanner.blank();
    scanner.value()
}

/// The place behind white space and comments that begin at `at`.
pub(super) fn skip_blank(text: &str, at: usize) -> usize {
    let mut scanner = Scanner { text, at };
    scanner.blank();
    scanner.at
}

/// The place behind blanks and comments that begin at `at` and end on its line.
pub(super) fn skip_line(text: &str, at: usize) -> usize {
    let mut scanner = Scanner { text, at };
    let mut end = at;
    loop {
        let rest = scanner.rest();
        let Some(next) = rest.chars().next() else { return end };
        if is_line_end(next) {
            return end;
        } else if is_blank(next) {
            scanner.at += next.len_utf8();
        } else if let Some(length) = comment(rest) {
            if rest.starts_with("/*") && rest[..length].contains(is_line_end) {
                return end;
            }
            scanner.at += length;
            end = scanner.at;
        } else {
            return end;
        }
    }
}

pub(super) fn is_line_end(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\u{2028}' | '\u{2029}')
}

fn is_blank(c: char) -> bool {
    c.is_whitespace() || c == '\u{feff}'
}

/// The length of the comment that `rest` begins with.
fn comment(rest: &str) -> Option<usize> {
    if rest.starts_with("//") {
        return Some(rest.find(is_line_end).unwrap_or(rest.len()));
    }
    let inside = rest.strip_prefix("/*")?;
    Some(inside.find("*/").map_or(rest.len(), |end| end + 4))
}

/// Every comment of the text.
pub(in crate::config) fn comments(text: &str) -> Vec<&str> {
    let (mut at, mut quoted, mut found) = (0, None, Vec::new());
    while let Some(next) = text[at..].chars().next() {
        match (quoted, next) {
            (Some(_), '\\') => at += text[at + 1..].chars().next().map_or(0, char::len_utf8),
            (Some(quote), _) if quote == next => quoted = None,
            (None, '"' | '\'') => quoted = Some(next),
            (None, '/') => {
                if let Some(length) = comment(&text[at..]) {
                    found.push(&text[at..at + length]);
                    at += length;
                    continue;
                }
            }
            _ => {}
        }
        at += next.len_utf8();
    }
    found
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn blank(&mut self) {
        loop {
            let rest = self.rest();
            match rest.chars().next() {
                Some(c) if is_blank(c) => self.at += c.len_utf8(),
                _ => match comment(rest) {
                    Some(length) => self.at += length,
                    None => return,
                },
            }
        }
    }

    /// Goes on behind `c` where it stands next.
    fn take(&mut self, c: char) -> bool {
        let there = self.rest().starts_with(c);
        if there {
            self.at += c.len_utf8();
        }
        there
    }

    fn value(&mut self) -> Option<Node> {
        let start = self.at;
        let kind = match self.rest().chars().next()? {
            '{' => Kind::Object(self.members()?),
            '[' => Kind::List(self.items()?),
            quote @ ('"' | '\'') => {
                self.string(quote)?;
                Kind::Scalar
            }
            _ => {
                self.word()?;
                Kind::Scalar
            }
        };
        Some(Node { span: start..self.at, kind })
    }

    fn members(&mut self) -> Option<Vec<Member>> {
        let mut members = Vec::new();
        self.take('{');
        loop {
            self.blank();
            if self.take('}') {
                return Some(members);
            }
            let start = self.at;
            match self.rest().chars().next()? {
                quote @ ('"' | '\'') => self.string(quote)?,
                _ => self.word()?,
            }
            let key = start..self.at;
            let name = name(&self.text[key.clone()])?;
            self.blank();
            if !self.take(':') {
                return None;
            }
            let item = self.item('}')?;
            members.push(Member { name, key, item });
        }
    }

    fn items(&mut self) -> Option<Vec<Item>> {
        let mut items = Vec::new();
        self.take('[');
        loop {
            self.blank();
            if self.take(']') {
                return Some(items);
            }
            items.push(self.item(']')?);
        }
    }

    /// A value and the comma behind it, up to where the next one or `close` stands.
    fn item(&mut self, close: char) -> Option<Item> {
        self.blank();
        let value = self.value()?;
        self.blank();
        let comma = self.rest().starts_with(',').then_some(self.at);
        if !self.take(',') && !self.rest().starts_with(close) {
            return None;
        }
        Some(Item { value, comma })
    }

    fn string(&mut self, quote: char) -> Option<()> {
        self.at += 1;
        let mut chars = self.rest().char_indices();
        while let Some((at, c)) = chars.next() {
            if c == '\\' {
                chars.next()?;
            } else if c == quote {
                self.at += at + 1;
                return Some(());
            }
        }
        None
    }

    /// A name, a number or a word such as `true`.
    fn word(&mut self) -> Option<()> {
        let rest = self.rest();
        let ends = |c: char| is_blank(c) || matches!(c, ',' | ':' | ']' | '}' | '{' | '[' | '/' | '"' | '\'');
        let length = rest.find(ends).unwrap_or(rest.len());
        self.at += length;
        (length > 0).then_some(())
    }
}

/// What a member's name means: quotation marks and escapes resolved by the parser itself.
fn name(written: &str) -> Option<String> {
    let quoted = |quote| written.strip_prefix(quote)?.strip_suffix(quote);
    let plain = quoted('"').or_else(|| quoted('\'')).unwrap_or(written);
    if plain.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '$' | '-')) {
        return Some(plain.to_owned());
    }
    let members: serde_json::Map<String, serde_json::Value> = json5::from_str(&format!("{{{written}:0}}")).ok()?;
    members.into_iter().next().map(|(name, _)| name)
}
