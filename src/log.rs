//! Messages on standard error: lines that start with `outseta-token: `, and a batch's progress. What cannot
//! be written is dropped: the exit status still tells the result.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};

use crate::cli::Verbosity;
use crate::error::{Error, Kind};

#[derive(Debug, Clone, Copy)]
pub(crate) struct Log {
    verbosity: Verbosity,
}

impl Log {
    pub(crate) fn new(verbosity: Verbosity) -> Self {
        Self { verbosity }
    }

    /// Shown only with `-v`.
    pub(crate) fn detail(self, text: impl Display) {
        if self.is_verbose() {
            line(text);
        }
    }

    /// Shown on a terminal or with `-v`.
    pub(crate) fn success(self, text: impl Display) {
        if self.is_verbose() || self.draws_progress() {
            line(text);
        }
    }

    /// Replaces the progress line on a terminal. An empty one clears it.
    pub(crate) fn progress(self, text: impl Display) {
        if self.draws_progress() {
            let _ = io::stderr().write_all(format!("\r\x1b[K{text}").as_bytes());
        }
    }

    /// Not with `-v`: the progress line and the log would mix.
    fn draws_progress(self) -> bool {
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

pub(crate) fn expired(context: impl Display, email: &str) {
    warning(format_args!("{context}the token for {email} has expired by this machine's clock"));
    hint("check the clock, and the lifetime of tokens in Outseta");
}

pub(crate) fn error(context: impl Display, error: &Error) {
    // A closed pipe (`| head`) is usual.
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
