//! Messages on standard error: lines that start with `outseta-token: `, and a batch's progress. Write errors
//! are ignored: the exit status tells the result.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};

use crate::error::{Error, Kind};

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Verbosity {
    Quiet,
    Normal,
    Verbose,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Log {
    verbosity: Verbosity,
}

impl Log {
    pub(crate) fn new(verbosity: Verbosity) -> Self {
        Self { verbosity }
    }

    /// Sanitized with -v.
    pub(crate) fn detail(self, text: impl Display) {
        if self.is_verbose() {
            line(text);
        }
    }

    /// Sanitized with -v, and on a terminal unless -q.
    pub(crate) fn success(self, text: impl Display) {
        if self.is_verbose() || self.is_watched() {
            line(text);
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
        self.verbosity == Verbosity::Normal && io::stderr().is_terminal()
    }

    pub(crate) fn is_verbose(self) -> bool {
        self.verbosity == Verbosity::Verbose
    }
}

pub(crate) fn warning(text: impl Display) {
    line(format_args!("warning: {text}"));
}

pub(crate) fn hint(text: impl Display) {
    line(format_args!("hint: {text}"));
}

pub(crate) fn error(context: impl Display, error: &Error) {
    // The reader has closed the pipe, as `| head` does.
    if error.kind() == Kind::BrokenPipe {
        return;
    }
    line(format_args!("{context}{error}"));
    if let Some(text) = error.hint() {
        hint(text);
    }
}

fn line(text: impl Display) {
    let _ = io::stderr().lock().write_all(format!("outseta-token: {text}\n").as_bytes());
}
