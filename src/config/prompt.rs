//! Prompts: when to ask, and asking again after a wrong answer. Questions go to standard error, answers come from
//! standard input.

use std::io::{self, BufRead, IsTerminal, Write};

use rpassword::ConfigBuilder;

use crate::error::Error;
use crate::log;
use crate::secret::Secret;
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
        until_valid(|| self.line(question), parse)
    }

    /// The same for a line that is not shown while it is typed.
    pub(crate) fn hidden_answer<T>(
        &self,
        question: &str,
        parse: impl Fn(Secret) -> Result<T, Error>,
    ) -> Option<Result<T, Error>> {
        until_valid(|| self.secret(question), parse)
    }

    fn line(&self, question: &str) -> Option<String> {
        ask(question);
        let mut line = String::new();
        // Input that cannot be read or is not UTF-8 counts as nothing.
        let read = io::stdin().lock().read_line(&mut line).unwrap_or(0);
        if read == 0 {
            ask("\n");
        }
        Some(line.trim().to_owned()).filter(|line| !line.is_empty())
    }

    /// A signal restores the terminal before it ends the process.
    fn secret(&self, question: &str) -> Option<Secret> {
        ask(question);
        // rpassword opens a terminal by its path. After `su`, standard input's terminal belongs to another
        // user and cannot be opened again; the controlling terminal can.
        let typed = unix::restoring_terminal(|| {
            hidden_line("/dev/stdin").or_else(|error| match error.kind() {
                io::ErrorKind::PermissionDenied | io::ErrorKind::NotFound => hidden_line("/dev/tty"),
                _ => Err(error),
            })
        });
        ask("\n");
        // After a hang-up rpassword returns the part that was typed.
        let whole = typed.ok().filter(|_| io::stdin().is_terminal());
        whole.map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).map(Secret::new)
    }
}

fn until_valid<A, T>(
    ask: impl Fn() -> Option<A>,
    parse: impl Fn(A) -> Result<T, Error>,
) -> Option<Result<T, Error>> {
    for _ in 1..ATTEMPTS {
        match parse(ask()?) {
            Err(error) => log::error(format_args!(""), &error),
            parsed => return Some(parsed),
        }
    }
    ask().map(parse)
}

fn hidden_line(terminal: &str) -> io::Result<String> {
    rpassword::read_password_with_config(
        ConfigBuilder::new().input_file_path(terminal).output_discard().build(),
    )
}

/// Writes to standard error. If that fails, so would any message about it.
fn ask(question: &str) {
    let mut stderr = io::stderr().lock();
    let _ = stderr.write_all(question.as_bytes()).and_then(|()| stderr.flush());
}
