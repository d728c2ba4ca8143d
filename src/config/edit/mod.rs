//! Edits of a JSON5 text that leave everything else in it as it is: comments, order, blanks, names that nobody knows.
//!
//! The text is edited where the value stands, and never written anew from a tree. What comes out is read again and compared
//! with what was meant, so that no edit can do damage that nobody sees.

mod editor;
mod render;
mod scan;
#[cfg(test)]
mod tests;

pub(super) use self::scan::comments;

use serde_json::{Map, Value};

use self::{
    editor::Editor,
    render::Style,
    scan::{Kind, scan},
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
    fn hint(&self) -> String {
        match self {
            Self::Unreadable(_) => {
                "mend the file with an editor; `openclaw config validate` tells what is wrong with it".into()
            }
            Self::NoSuchPlace { path, .. } => format!("set {path} as a whole"),
            Self::BeyondTheEnd { path, length } => format!("set {path}[{length}], or {path} as a whole"),
            Self::NotUnderstood => "change the value with an editor, then run `openclaw config validate`".into(),
        }
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
