//! Standard error: every message is a line that starts with `outseta-token: `, written at once; only a batch's progress
//! on a terminal is none. What cannot be written there is lost, and changes nothing: the exit status says how it went.

use std::fmt;
use std::io::{self, IsTerminal, Write};

use crate::cli::Verbosity;
use crate::error::Error;

/// Where messages go, and which.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Log {
    verbosity: Verbosity,
}

impl Log {
    pub(crate) fn new(verbosity: Verbosity) -> Self {
        Self { verbosity }
    }

    /// A line that only `-v` shows.
    pub(crate) fn detail(self, text: fmt::Arguments<'_>) {
        if self.verbosity == Verbosity::Verbose {
            line(text);
        }
    }

    /// The line that says it worked: on a terminal, or with `-v`.
    pub(crate) fn success(self, text: fmt::Arguments<'_>) {
        if self.verbosity == Verbosity::Verbose || self.is_watched() {
            line(text);
        }
    }

    /// Whether a progress line may be drawn: with `-v` it would run into the log's lines.
    pub(crate) fn draws_progress(self) -> bool {
        self.verbosity == Verbosity::Normal && io::stderr().is_terminal()
    }

    /// Whether somebody watches.
    fn is_watched(self) -> bool {
        self.verbosity != Verbosity::Quiet && io::stderr().is_terminal()
    }

    /// Whether `-v` was given, for details that take work to gather.
    pub(crate) fn is_verbose(self) -> bool {
        self.verbosity == Verbosity::Verbose
    }
}

pub(crate) fn warning(text: fmt::Arguments<'_>) {
    line(format_args!("warning: {text}"));
}

pub(crate) fn hint(text: fmt::Arguments<'_>) {
    line(format_args!("hint: {text}"));
}

/// The warning that a token has expired, with what led to it in front.
pub(crate) fn expired(context: fmt::Arguments<'_>, email: &str) {
    warning(format_args!("{context}the token for {email} has expired by this machine's clock"));
    hint(format_args!("check the clock, and the lifetime of tokens in Outseta"));
}

/// An error and its hint, with what led to it in front.
pub(crate) fn error(context: fmt::Arguments<'_>, error: &Error) {
    if *error == Error::BrokenPipe {
        return;
    }
    line(format_args!("{context}{error}"));
    if let Some(text) = error.hint() {
        hint(format_args!("{text}"));
    }
}

/// One line, in one write.
fn line(text: fmt::Arguments<'_>) {
    let _ = io::stderr().lock().write_all(format!("outseta-token: {text}\n").as_bytes());
}

/// The progress line of a batch, over the one before; an empty one clears it.
pub(crate) fn progress(text: fmt::Arguments<'_>) {
    let mut stderr = io::stderr().lock();
    let _ = stderr.write_all(format!("\r\x1b[K{text}").as_bytes()).and_then(|()| stderr.flush());
}
