//! `-- COMMAND`: the process becomes COMMAND, with the token in its environment and without the admin credentials, so
//! that it can act as the user and as nobody else.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

use crate::error::Error;
use crate::output;
use crate::settings::CREDENTIAL_VARIABLES;
use crate::text::{Shown, reason};
use crate::token::Token;

const EXPIRES_AT: &str = "OUTSETA_ACCESS_TOKEN_EXPIRES_AT";

/// Replaces this process (execve); returns only if that fails. `now` is in Unix seconds.
pub(crate) fn become_command(command: &[OsString], token: &Token, now: i64) -> Error {
    let Some((program, arguments)) = command.split_first() else {
        return Error::Bug("there is no command to run");
    };
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env(output::VARIABLE, token.access_token())
        .env_remove(EXPIRES_AT);
    if let Some(expiry) = token.expires_at(now) {
        command.env(EXPIRES_AT, expiry.to_string());
    }
    for variable in CREDENTIAL_VARIABLES {
        command.env_remove(variable);
    }
    let error = command.exec();
    let program = Shown::os(program);
    match error.kind() {
        io::ErrorKind::NotFound => Error::CommandNotFound { command: program },
        _ => Error::CannotExecute {
            command: program,
            why: reason(&error),
        },
    }
}
