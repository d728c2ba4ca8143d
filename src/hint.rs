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
