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

/// Proof that there is a terminal to ask at.
pub(crate) struct Prompt(());

impl Prompt {
    pub(crate) fn allowed(no_input: bool) -> Option<Self> {
        // Some runners have a terminal, and the job would wait for ever.
        let in_ci = env::var_os("CI").is_some_and(|value| !value.is_empty());
        (!no_input && !in_ci && io::stdin().is_terminal() && io::stderr().is_terminal()).then_some(Self(()))
    }

    /// Asks for a line that `parse` accepts; `None` if nothing was typed.
    #[expect(clippy::unused_self, reason = "having the value is the permission to ask")]
    pub(crate) fn ask<T>(
        &self,
        question: &str,
        read: fn() -> String,
        parse: impl Fn(Sourced<String>) -> Result<T, Error>,
    ) -> Result<Option<T>, Error> {
        let ask_once = || {
            show(question);
            let answer = read().trim().to_owned();
            let typed = (!answer.is_empty()).then(|| Sourced::new(answer, Origin::Prompt));
            typed.map(&parse).transpose()
        };
        for _ in 1..ATTEMPTS {
            match ask_once() {
                Err(error) => stderr::error("", &error),
                answered => return answered,
            }
        }
        ask_once()
    }

    /// Input that cannot be read or is not UTF-8 counts as an empty answer.
    pub(crate) fn line() -> String {
        let mut line = String::new();
        if io::stdin().lock().read_line(&mut line).unwrap_or(0) == 0 {
            show("\n");
        }
        line
    }

    pub(super) fn hidden_line() -> String {
        let read = |terminal: &str| {
            let config = ConfigBuilder::new().input_file_path(terminal).output_discard();
            rpassword::read_password_with_config(config.build())
        };
        // rpassword opens the terminal by its path. After `su`, /dev/stdin may be another user's terminal, which
        // only /dev/tty opens.
        let typed = unix::restoring_terminal(|| {
            read("/dev/stdin").or_else(|error| match error.kind() {
                io::ErrorKind::PermissionDenied | io::ErrorKind::NotFound => read("/dev/tty"),
                _ => Err(error),
            })
        });
        show("\n");
        // If the terminal has gone (a hang-up), rpassword returns the part that was typed: discard it.
        typed.ok().filter(|_| io::stdin().is_terminal()).unwrap_or_default()
    }
}

fn show(text: &str) {
    let mut stderr = io::stderr().lock();
    let _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
}
