//! Asks at the terminal, and asks again after a wrong answer. Questions go to standard error, answers come
//! from standard input.

use std::io::{self, BufRead, IsTerminal, Write};

use rpassword::ConfigBuilder;

use crate::error::Error;
use crate::log;
use crate::unix;

/// How often a question is asked if the answers are wrong.
const ATTEMPTS: usize = 3;

/// The permission to ask somebody at the terminal.
pub(crate) struct Prompt(());

#[expect(clippy::unused_self, reason = "having the value is the permission to ask")]
impl Prompt {
    /// Given only if standard input and standard error are terminals.
    pub(crate) fn allowed(no_input: bool) -> Option<Self> {
        (!no_input && io::stdin().is_terminal() && io::stderr().is_terminal()).then_some(Self(()))
    }

    /// Asks for a line that `parse` accepts; `None` if nothing was typed.
    pub(crate) fn answer<T>(
        &self,
        question: &str,
        parse: impl Fn(String) -> Result<T, Error>,
    ) -> Option<Result<T, Error>> {
        ask(question, line, parse)
    }

    /// The same for a line that is not shown while it is typed.
    pub(crate) fn hidden_answer<T>(
        &self,
        question: &str,
        parse: impl Fn(String) -> Result<T, Error>,
    ) -> Option<Result<T, Error>> {
        ask(question, hidden_line, parse)
    }
}

fn ask<T>(
    question: &str,
    read: fn() -> String,
    parse: impl Fn(String) -> Result<T, Error>,
) -> Option<Result<T, Error>> {
    let mut attempt = 1;
    loop {
        show(question);
        let answer = read().trim().to_owned();
        if answer.is_empty() {
            return None;
        }
        match parse(answer) {
            Err(error) if attempt < ATTEMPTS => log::error(format_args!(""), &error),
            parsed => return Some(parsed),
        }
        attempt += 1;
    }
}

/// Input that cannot be read or is not UTF-8 counts as nothing.
fn line() -> String {
    let mut line = String::new();
    if io::stdin().lock().read_line(&mut line).unwrap_or(0) == 0 {
        show("\n");
    }
    line
}

/// A signal restores the terminal before it ends the process.
fn hidden_line() -> String {
    let read = |terminal: &str| {
        let config = ConfigBuilder::new().input_file_path(terminal).output_discard();
        rpassword::read_password_with_config(config.build())
    };
    // rpassword opens a terminal by its path. After `su`, standard input's terminal belongs to another user
    // and cannot be opened again; the controlling terminal can.
    let typed = unix::restoring_terminal(|| {
        read("/dev/stdin").or_else(|error| match error.kind() {
            io::ErrorKind::PermissionDenied | io::ErrorKind::NotFound => read("/dev/tty"),
            _ => Err(error),
        })
    });
    show("\n");
    // After a hang-up rpassword returns the part that was typed.
    typed.ok().filter(|_| io::stdin().is_terminal()).unwrap_or_default()
}

/// Writes to standard error. If that fails, so would any message about it.
fn show(text: &str) {
    let mut stderr = io::stderr().lock();
    let _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
}
