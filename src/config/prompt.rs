//! Asks at the terminal.

use std::env;
use std::io::{self, BufRead, IsTerminal, Write};

use rpassword::ConfigBuilder;

use super::{Origin, Sourced};
use crate::error::Error;
use crate::stderr;
use crate::unix;

/// For each question.
const ATTEMPTS: usize = 3;

/// The terminal to ask at. Questions go to standard error.
pub(crate) struct Prompt(io::Stderr);

impl Prompt {
    pub(crate) fn allowed(no_input: bool) -> Option<Self> {
        // Some runners have a terminal, and the job would wait for ever.
        let in_ci = env::var_os("CI").is_some_and(|value| !value.is_empty());
        let is_terminal = io::stdin().is_terminal() && io::stderr().is_terminal();
        (!no_input && !in_ci && is_terminal).then(|| Self(io::stderr()))
    }

    /// Asks for a line that `parse` accepts; `None` if nothing was typed.
    pub(crate) fn ask<T>(
        &self,
        question: &str,
        read: fn(&Self) -> String,
        parse: impl Fn(Sourced<String>) -> Result<T, Error>,
    ) -> Result<Option<T>, Error> {
        let mut attempt = 1;
        loop {
            self.show(question);
            let answer = read(self).trim().to_owned();
            if answer.is_empty() {
                return Ok(None);
            }
            match parse(Sourced::new(answer, Origin::Prompt)) {
                Err(error) if attempt < ATTEMPTS => stderr::error("", &error),
                parsed => return parsed.map(Some),
            }
            attempt += 1;
        }
    }

    /// Input that cannot be read or is not UTF-8 counts as an empty answer.
    pub(crate) fn line(&self) -> String {
        let mut line = String::new();
        if io::stdin().lock().read_line(&mut line).unwrap_or(0) == 0 {
            self.show("\n");
        }
        line
    }

    pub(super) fn hidden_line(&self) -> String {
        // rpassword opens /dev/tty, which works after `su` too: /dev/stdin is another user's terminal then.
        let config = ConfigBuilder::new().output_discard().build();
        let typed = unix::restoring_terminal(|| rpassword::read_password_with_config(config));
        self.show("\n");
        // If the terminal has gone (a hang-up), rpassword returns the part that was typed: discard it.
        typed.ok().filter(|_| io::stdin().is_terminal()).unwrap_or_default()
    }

    fn show(&self, text: &str) {
        let mut stderr = self.0.lock();
        let _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
    }
}
