//! Edits of a JSON5 text that leave everything else in it as it is: comments, order, blanks, names that nobody knows.
//!
//! The text is edited where the value stands, and never written anew from a tree. What comes out is read again and compared
//! with what was meant, so that no edit can do damage that nobody sees.

mod render;
mod scan;
#[cfg(test)]
mod tests;

use std::ops::Range;

use serde_json::{Map, Value};

use self::{
    render::Style,
    scan::{Item, Kind, Member, Node, is_line_end, scan, skip_blank, skip_line},
};
use super::{
    json5,
    path::{KeyPath, Step},
    problem::ProblemKind,
};
use crate::hint::Hint;

/// Why a text was not edited.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// The text cannot be read as it is.
    #[error("{0}")]
    Unreadable(ProblemKind),
    /// The way leads through a value that has no members or items.
    #[error("{path} is {found}, which has no {wanted}")]
    NoSuchPlace {
        /// The value in the way, dotted.
        path: String,
        /// What it is.
        found: &'static str,
        /// What was looked for in it.
        wanted: String,
    },
    /// A list has no such item, and the new one would not be its next.
    #[error("{path} has {length} items, so the next one is [{length}]")]
    BeyondTheEnd {
        /// The list, dotted.
        path: String,
        /// How many items it has.
        length: usize,
    },
    /// The text is written in a way that these edits do not understand.
    #[error("the file is written in a way that cannot be edited here")]
    NotUnderstood,
}

impl Hint for EditError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Unreadable(_) => {
                "mend the file with an editor; `openclaw config validate` tells what is wrong with it".into()
            }
            Self::NoSuchPlace { path, .. } => format!("set {path} as a whole"),
            Self::BeyondTheEnd { path, length } => format!("set {path}[{length}], or {path} as a whole"),
            Self::NotUnderstood => "change the value with an editor, then run `openclaw config validate`".into(),
        })
    }
}

/// `text` with `value` at `path`; the objects on the way are made where they are missing.
///
/// # Errors
/// [`EditError`]; nothing was changed then.
pub fn set(text: &str, path: &KeyPath, value: &Value) -> Result<String, EditError> {
    let before = json5::parse(text).map_err(EditError::Unreadable)?.tree;
    let mut meant = Value::Object(before);
    put(&mut meant, path.steps(), value, &mut Vec::new())?;
    let edited = if let Some(root) = scan(text) {
        Editor::new(text, &root).set(&root, path.steps(), value)
    } else {
        let style = Style { unit: "  ".into(), quoted: true, line_end: "\n" };
        let kept = text.trim_start_matches('\u{feff}').trim_end();
        let gap = if kept.is_empty() { "" } else { "\n" };
        Some(format!("{kept}{gap}{}\n", style.render(&nested(path.steps(), value), "")))
    };
    checked(edited, &meant)
}

/// `text` without what stands at `path`; `None` where nothing does.
///
/// # Errors
/// [`EditError`]; nothing was changed then.
pub fn unset(text: &str, path: &KeyPath) -> Result<Option<String>, EditError> {
    let tree = json5::parse(text).map_err(EditError::Unreadable)?.tree;
    if path.find(&tree).is_none() {
        return Ok(None);
    }
    let mut meant = Value::Object(tree);
    take(&mut meant, path.steps());
    let mut edited = Some(text.to_owned());
    // A member that stands twice is taken away twice.
    while let Some(current) = &edited {
        let again = json5::parse(current).map_err(EditError::Unreadable)?.tree;
        if Value::Object(again.clone()) == meant || path.find(&again).is_none() {
            break;
        }
        let shorter = scan(current).and_then(|root| Editor::new(current, &root).unset(&root, path.steps()));
        edited = shorter.filter(|shorter| shorter.len() < current.len());
        if matches!(path.steps().last(), Some(Step::Index(_))) {
            break;
        }
    }
    checked(edited, &meant).map(Some)
}

/// Where the value at `path` stands: line and column, the first are 1. The value on the way that is there, where it is not.
pub fn place(text: &str, path: &KeyPath) -> Option<(usize, usize)> {
    let mut node = &scan(text)?;
    for step in path.steps() {
        let next = match (&node.kind, step) {
            (Kind::Object(members), Step::Name(name)) => {
                members.iter().rev().find(|member| member.name == *name).map(|member| &member.item.value)
            }
            (Kind::List(items), step) => step.index().and_then(|at| items.get(at)).map(|item| &item.value),
            _ => None,
        };
        match next {
            Some(next) => node = next,
            None => break,
        }
    }
    let before = &text[..node.span.start];
    let line = before.matches('\n').count() + 1;
    Some((line, before.rsplit('\n').next().unwrap_or_default().chars().count() + 1))
}

/// The edited text, where it says what was meant.
fn checked(edited: Option<String>, meant: &Value) -> Result<String, EditError> {
    let edited = edited.ok_or(EditError::NotUnderstood)?;
    match json5::parse(&edited) {
        Ok(parsed) if Value::Object(parsed.tree.clone()) == *meant => Ok(edited),
        _ => Err(EditError::NotUnderstood),
    }
}

/// An object that holds `value` at `steps`.
fn nested(steps: &[Step], value: &Value) -> Value {
    steps.iter().rev().fold(value.clone(), |inner, step| match step {
        Step::Name(name) => Value::Object(Map::from_iter([(name.clone(), inner)])),
        Step::Index(_) => Value::Array(vec![inner]),
    })
}

/// Puts `value` into a tree, as [`set`] does into a text.
fn put(tree: &mut Value, steps: &[Step], value: &Value, way: &mut Vec<Step>) -> Result<(), EditError> {
    let Some((step, rest)) = steps.split_first() else {
        *tree = value.clone();
        return Ok(());
    };
    let here = |way: &[Step]| {
        way.iter().fold(String::new(), |path, step| match step {
            Step::Index(index) => format!("{path}[{index}]"),
            Step::Name(name) if path.is_empty() => name.clone(),
            Step::Name(name) => format!("{path}.{name}"),
        })
    };
    match (&mut *tree, step) {
        (Value::Object(members), Step::Name(name)) => {
            way.push(step.clone());
            match members.get_mut(name) {
                Some(inner) if !inner.is_null() => put(inner, rest, value, way),
                _ => {
                    if rest.iter().any(|step| matches!(step, Step::Index(index) if *index > 0)) {
                        return Err(EditError::BeyondTheEnd { path: here(way), length: 0 });
                    }
                    members.insert(name.clone(), nested(rest, value));
                    Ok(())
                }
            }
        }
        (Value::Array(items), step) => {
            let length = items.len();
            match step.index() {
                Some(index) if index < length => {
                    way.push(Step::Index(index));
                    put(&mut items[index], rest, value, way)
                }
                Some(index) if index == length => {
                    items.push(nested(rest, value));
                    Ok(())
                }
                Some(_) => Err(EditError::BeyondTheEnd { path: here(way), length }),
                None => Err(no_such_place(here(way), "a list", step)),
            }
        }
        (other, step) => {
            Err(no_such_place(here(way), if other.is_object() { "an object" } else { "a single value" }, step))
        }
    }
}

fn no_such_place(path: String, found: &'static str, step: &Step) -> EditError {
    let wanted = match step {
        Step::Name(name) => format!("member {name:?}"),
        Step::Index(_) => "items".into(),
    };
    EditError::NoSuchPlace { path, found, wanted }
}

/// Takes a value out of a tree, as [`unset`] does out of a text.
fn take(tree: &mut Value, steps: &[Step]) {
    let Some((step, rest)) = steps.split_first() else { return };
    match (tree, step) {
        (Value::Object(members), Step::Name(name)) if rest.is_empty() => {
            members.shift_remove(name);
        }
        (Value::Object(members), Step::Name(name)) => {
            if let Some(inner) = members.get_mut(name) {
                take(inner, rest);
            }
        }
        (Value::Array(items), step) => match step.index().filter(|index| *index < items.len()) {
            Some(index) if rest.is_empty() => {
                items.remove(index);
            }
            Some(index) => take(&mut items[index], rest),
            None => {}
        },
        _ => {}
    }
}

struct Editor<'a> {
    text: &'a str,
    style: Style,
}

impl<'a> Editor<'a> {
    fn new(text: &'a str, root: &Node) -> Self {
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

    fn set(&self, node: &Node, steps: &[Step], value: &Value) -> Option<String> {
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

    fn unset(&self, node: &Node, steps: &[Step]) -> Option<String> {
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
