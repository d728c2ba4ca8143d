//! The edit itself: one place of the text is replaced, and nothing else.

use std::ops::Range;

use serde_json::Value;

use super::{
    nested,
    render::Style,
    scan::{Item, Kind, Member, Node, is_line_end, skip_blank, skip_line},
};
use crate::config::path::Step;

/// A text, and the style in which it is written.
pub(super) struct Editor<'a> {
    text: &'a str,
    style: Style,
}

impl<'a> Editor<'a> {
    pub(super) fn new(text: &'a str, root: &Node) -> Self {
        let first = match &root.kind {
            Kind::Object(members) => members.first(),
            _ => None,
        };
        let quoted = first.is_none_or(|member| text[member.key.clone()].starts_with(['"', '\'']));
        let mut editor = Self { text, style: Style { unit: "  ".into(), quoted, line_end: "\n" } };
        if text.contains("\r\n") {
            editor.style.line_end = "\r\n";
        }
        if let Some(indent) =
            first.and_then(|member| editor.indent(member.key.start)).filter(|indent| !indent.is_empty())
        {
            editor.style.unit = indent.to_owned();
        }
        editor
    }

    /// What stands before `at` on its line, where that is only blanks.
    fn indent(&self, at: usize) -> Option<&'a str> {
        let before = &self.text[..at];
        let line = &before
            [before.rfind(is_line_end).map_or(0, |end| end + before[end..].chars().next().map_or(1, char::len_utf8))..];
        line.chars().all(|c| c == ' ' || c == '\t').then_some(line)
    }

    /// The blanks that the line of `at` begins with.
    fn line_indent(&self, at: usize) -> &'a str {
        let before = &self.text[..at];
        let line = &self.text
            [before.rfind(is_line_end).map_or(0, |end| end + before[end..].chars().next().map_or(1, char::len_utf8))..];
        &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]
    }

    fn replaced(&self, range: Range<usize>, with: &str) -> String {
        format!("{}{with}{}", &self.text[..range.start], &self.text[range.end..])
    }

    pub(super) fn set(&self, node: &Node, steps: &[Step], value: &Value) -> Option<String> {
        let Some((step, rest)) = steps.split_first() else {
            let indent = self.line_indent(node.span.start);
            return Some(self.replaced(node.span.clone(), &self.style.render(value, indent)));
        };
        match (&node.kind, step) {
            (Kind::Object(members), Step::Name(name)) => {
                match members.iter().rev().find(|member| member.name == *name) {
                    Some(member) if &self.text[member.item.value.span.clone()] == "null" => {
                        let value = nested(rest, value);
                        self.set(&member.item.value, &[], &value)
                    }
                    Some(member) => self.set(&member.item.value, rest, value),
                    None => {
                        let value = nested(rest, value);
                        let items: Vec<_> = members.iter().map(|member| (member.key.start, &member.item)).collect();
                        let name = self.style.name(name);
                        Some(self.append(node, &items, |style, indent| match indent {
                            Some(indent) => format!("{name}: {}", style.render(&value, indent)),
                            None => format!("{name}: {}", style.on_one_line(&value)),
                        }))
                    }
                }
            }
            (Kind::List(items), step) => {
                if let Some(item) = items.get(step.index()?) {
                    return self.set(&item.value, rest, value);
                }
                let value = nested(rest, value);
                let items: Vec<_> = items.iter().map(|item| (item.value.span.start, item)).collect();
                Some(self.append(node, &items, |style, indent| match indent {
                    Some(indent) => style.render(&value, indent),
                    None => style.on_one_line(&value),
                }))
            }
            _ => None,
        }
    }

    /// Adds an entry at the end of an object or a list. `entry` writes it: at an indent, or on the line.
    fn append(
        &self,
        node: &Node,
        entries: &[(usize, &Item)],
        entry: impl Fn(&Style, Option<&str>) -> String,
    ) -> String {
        let is_object = matches!(node.kind, Kind::Object(_));
        let close = node.span.end - 1;
        let outer = self.line_indent(node.span.start);
        let end = self.style.line_end;
        let Some((_, last)) = entries.last() else {
            let inside = self.text[node.span.start + 1..close].trim_end();
            if !is_object && inside.trim().is_empty() {
                return self.replaced(node.span.start + 1..close, &entry(&self.style, None));
            }
            let indent = format!("{outer}{}", self.style.unit);
            let entry = entry(&self.style, Some(&indent));
            return self.replaced(node.span.start + 1..close, &format!("{inside}{end}{indent}{entry}{end}{outer}"));
        };
        // An entry that begins its line is followed by one that does.
        let indent = entries.iter().rev().find_map(|(start, _)| self.indent(*start));
        let Some(indent) = indent else {
            let entry = entry(&self.style, None);
            return match last.comma {
                Some(comma) => self.replaced(comma + 1..comma + 1, &format!(" {entry},")),
                None => self.replaced(last.value.span.end..last.value.span.end, &format!(", {entry}")),
            };
        };
        let entry = entry(&self.style, Some(indent));
        if let Some(comma) = last.comma {
            let at = skip_line(self.text, comma + 1);
            return self.replaced(at..at, &format!("{end}{indent}{entry},"));
        }
        let value_end = last.value.span.end;
        let at = skip_line(self.text, value_end);
        let between = &self.text[value_end..at];
        self.replaced(value_end..at, &format!(",{between}{end}{indent}{entry}"))
    }

    pub(super) fn unset(&self, node: &Node, steps: &[Step]) -> Option<String> {
        let (step, rest) = steps.split_first()?;
        match (&node.kind, step) {
            (Kind::Object(members), Step::Name(name)) => {
                let at = members.iter().rposition(|member| member.name == *name)?;
                if rest.is_empty() {
                    let entry = |member: &Member| (member.key.start, member.item.clone());
                    return Some(self.without(&members.iter().map(entry).collect::<Vec<_>>(), at));
                }
                self.unset(&members[at].item.value, rest)
            }
            (Kind::List(items), step) => {
                let at = step.index()?;
                let item = items.get(at)?;
                if rest.is_empty() {
                    let entry = |item: &Item| (item.value.span.start, item.clone());
                    return Some(self.without(&items.iter().map(entry).collect::<Vec<_>>(), at));
                }
                self.unset(&item.value, rest)
            }
            _ => None,
        }
    }

    /// The text without one entry, its comma, and its line where nothing else stands there.
    fn without(&self, entries: &[(usize, Item)], at: usize) -> String {
        let (start, item) = &entries[at];
        let end = item.comma.map_or(item.value.span.end, |comma| comma + 1);
        let line_end = skip_line(self.text, end);
        let after = self.text[line_end..].trim_start_matches([' ', '\t']);
        let ends_line = after.is_empty() || after.starts_with(is_line_end);
        let range = match self.indent(*start) {
            // The whole line, with the comment behind the entry, which was about it.
            Some(indent) if ends_line => {
                let newline =
                    after.chars().next().map_or(0, |c| if after.starts_with("\r\n") { 2 } else { c.len_utf8() });
                start - indent.len()..self.text.len() - after.len() + newline
            }
            _ => {
                let next = skip_blank(self.text, end);
                let blanks = self.text[end..next].len() - self.text[end..next].trim_start_matches([' ', '\t']).len();
                *start..end + blanks
            }
        };
        // Where the last entry goes and had no comma, the one before it ends the list as that did.
        match (item.comma, at.checked_sub(1).and_then(|before| entries[before].1.comma)) {
            (None, Some(comma)) if at + 1 == entries.len() => {
                format!("{}{}{}", &self.text[..comma], &self.text[comma + 1..range.start], &self.text[range.end..])
            }
            _ => self.replaced(range, ""),
        }
    }
}
