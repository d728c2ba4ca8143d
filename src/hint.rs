//! Advice as a channel of its own beside an error's text.
//!
//! An error's `Display` says what happened at its own level; its hint says what to type or which setting to change. The
//! printer joins the chain of causes and ends with the hint, so no error text mixes the two.

/// What to do about an error.
pub trait Hint {
    /// The next command to type or the setting to change, as one sentence or command line. There always is one: where nothing
    /// is known, it is where to look.
    fn hint(&self) -> String;
}

/// `word` quoted for a shell where it needs it.
pub fn shell(word: &str) -> String {
    let plain =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | ':' | '@' | '%' | '+' | ',' | '=');
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// The command that makes a directory which is missing, for one user and closed to all others.
///
/// What is above it stays whose it is: giving a directory away because something in it could not be made takes it, and all
/// else in it, from its owner.
pub fn make_directory(path: &str, uid: impl std::fmt::Display, gid: impl std::fmt::Display) -> String {
    format!("sudo install -d -o {uid} -g {gid} -m 700 {}", shell(path))
}

/// An error and its causes in one line, outermost first.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}
