//! Messages on standard error: lines that start with `outseta-token: `, and a batch's progress. Write errors
//! are ignored: the exit status tells the result.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};

use crate::error::{Error, Kind};

/// How much is said besides warnings and errors.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Log {
    Quiet,
    Normal,
    Verbose,
}

impl Log {
    /// Shown with -v.
    pub(crate) fn detail(self, text: impl Display) {
        if self.is_verbose() {
            message(text, "");
        }
    }

    /// Shown with -v, and on a terminal unless -q.
    pub(crate) fn success(self, text: impl Display) {
        if self.is_verbose() || self.is_watched() {
            message(text, "");
        }
    }

    /// Overwrites the progress line on a terminal. Empty text clears it.
    pub(crate) fn progress(self, text: impl Display) {
        if self.is_watched() {
            let _ = io::stderr().write_all(format!("\r\x1b[K{text}").as_bytes());
        }
    }

    /// Whether somebody watches. With -v, the progress line and the log would mix.
    fn is_watched(self) -> bool {
        self == Self::Normal && io::stderr().is_terminal()
    }

    pub(crate) fn is_verbose(self) -> bool {
        self == Self::Verbose
    }
}

/// An empty hint is left out.
pub(crate) fn warning(text: impl Display, hint: &str) {
    message(format_args!("warning: {text}"), hint);
}

pub(crate) fn error(context: impl Display, error: &Error) {
    // Nothing is said about a closed pipe: its reader wants no more, as `| head` does.
    if error.kind() != Kind::BrokenPipe {
        message(format_args!("{context}{error}"), error.hint().unwrap_or_default());
    }
}

fn message(text: impl Display, hint: &str) {
    let hint = if hint.is_empty() { "" } else { &format!("outseta-token: hint: {hint}\n") };
    let _ = io::stderr().lock().write_all(format!("outseta-token: {text}\n{hint}").as_bytes());
}
