//! Prompts: when to ask, and asking. Questions go to standard error, answers come from standard input.

use std::io::{self, BufRead, IsTerminal, Write};

use rpassword::ConfigBuilder;

use crate::secret::Secret;
use crate::unix;

/// The permission to ask somebody at the terminal.
pub(crate) struct Prompt(());

#[expect(clippy::unused_self, reason = "having the value is the permission to ask")]
impl Prompt {
    /// Given only if standard input and standard error are terminals.
    pub(crate) fn allowed(no_input: bool) -> Option<Self> {
        (!no_input && io::stdin().is_terminal() && io::stderr().is_terminal()).then_some(Self(()))
    }

    /// Asks for a line. `None`: nothing was typed.
    pub(crate) fn line(&self, question: &str) -> Option<String> {
        ask(question);
        let mut line = String::new();
        // Neither is input that cannot be read or is not UTF-8.
        let read = io::stdin().lock().read_line(&mut line).unwrap_or(0);
        if read == 0 {
            ask("\n");
        }
        Some(line.trim().to_owned()).filter(|line| !line.is_empty())
    }

    /// Asks for a line that is not shown. A signal restores the terminal before it ends the process.
    pub(crate) fn secret(&self, question: &str) -> Option<Secret> {
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
