//! The `Forwarded` header (RFC 7239).

use std::{borrow::Cow, net::IpAddr};

use super::{
    Members,
    node::{self, NodeError},
};
use crate::source::ChainDefect;

/// Reads one field line into its hops, left to right.
///
/// Stricter than the grammar in two ways. Every element must name a hop in `for`: one that does not would let its left
/// neighbour slide into its place. And no parameter may stand twice in an element, as the grammar's text demands. More
/// lenient in one: blanks around `;`, which many proxies write.
///
/// # Errors
/// [`ChainDefect`] as soon as anything is not as it should be.
pub(super) fn read_line(line: &str, members: &mut Members) -> Result<(), ChainDefect> {
    let mut rest = Scanner(line);
    loop {
        members.push(element(&mut rest).ok_or(UNREADABLE)?)?;
        if rest.0.is_empty() {
            return Ok(());
        }
        if !rest.take(b',') {
            return Err(UNREADABLE);
        }
    }
}

const UNREADABLE: ChainDefect = ChainDefect::Malformed { member: 0 };

/// One element, with the blanks after it; `None` where it does not follow the grammar.
fn element(rest: &mut Scanner<'_>) -> Option<Result<IpAddr, NodeError>> {
    /// What RFC 7239 names, and a few more that extensions may add.
    const MAX_PARAMETERS: usize = 16;
    let mut hop = Err(NodeError::Malformed);
    let mut seen: [&str; MAX_PARAMETERS] = [""; MAX_PARAMETERS];
    for place in 0..MAX_PARAMETERS {
        rest.blanks();
        let name = rest.token()?;
        if seen[..place].iter().any(|other| other.eq_ignore_ascii_case(name)) || !rest.take(b'=') {
            return None;
        }
        seen[place] = name;
        let value = rest.value()?;
        if name.eq_ignore_ascii_case("for") {
            hop = node::of_forwarded(&value);
        }
        rest.blanks();
        if !rest.take(b';') {
            return Some(hop);
        }
    }
    None
}

/// The part of the line that is not read yet.
struct Scanner<'a>(&'a str);

impl<'a> Scanner<'a> {
    fn blanks(&mut self) {
        self.0 = self.0.trim_start_matches([' ', '\t']);
    }

    fn take(&mut self, expected: u8) -> bool {
        let found = self.0.as_bytes().first() == Some(&expected);
        if found {
            self.0 = &self.0[1..];
        }
        found
    }

    /// One or more of the characters that need no quotes (RFC 9110, section 5.6.2).
    fn token(&mut self) -> Option<&'a str> {
        let is_token = |byte: u8| {
            byte.is_ascii_alphanumeric()
                || matches!(byte, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^'..=b'`' | b'|' | b'~')
        };
        let end = self.0.bytes().position(|byte| !is_token(byte)).unwrap_or(self.0.len());
        let (token, rest) = self.0.split_at(end);
        self.0 = rest;
        (!token.is_empty()).then_some(token)
    }

    fn value(&mut self) -> Option<Cow<'a, str>> {
        if !self.take(b'"') {
            return self.token().map(Cow::Borrowed);
        }
        let mut value = Cow::Borrowed("");
        loop {
            let end = self.0.find(['"', '\\'])?;
            let (plain, rest) = self.0.split_at(end);
            if !plain.is_empty() {
                value += plain;
            }
            let escaped = rest.starts_with('\\');
            self.0 = &rest[1..];
            if !escaped {
                return Some(value);
            }
            let character = self.0.chars().next()?;
            value += &self.0[..character.len_utf8()];
            self.0 = &self.0[character.len_utf8()..];
        }
    }
}
