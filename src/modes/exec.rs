//! `-- COMMAND`: the process becomes COMMAND, with the token in its environment and without the admin credentials, so
//! that it can act as the user and as nobody else.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};
use std::time::Duration;

use super::{complete_settings, find_settings, succeeded};
use crate::api::{Outseta, Token, now};
use crate::cli::Options;
use crate::config::CREDENTIAL_VARIABLES;
use crate::config::Prompt;
use crate::email::Email;
use crate::error::Error;
use crate::log::Log;
use crate::output;
use crate::text::{Shown, reason};

const EXPIRES_AT: &str = "OUTSETA_ACCESS_TOKEN_EXPIRES_AT";

/// Returns only if COMMAND cannot be run.
pub(crate) fn run(
    options: &Options,
    email: &OsStr,
    command: &[OsString],
    log: Log,
) -> Result<ExitCode, Error> {
    let email = Email::from_argument(email)?;
    let prompt = Prompt::allowed(options.no_input);
    let settings = complete_settings(find_settings(options, log)?, prompt.as_ref(), log)?;
    let token = Outseta::new(settings, options, Duration::ZERO, log)?.token(&email)?;
    succeeded(&email, &token, log);
    Err(become_command(command, &token, now()))
}

/// Replaces this process (execve); returns only if that fails. `now` is in Unix seconds.
fn become_command(command: &[OsString], token: &Token, now: i64) -> Error {
    let Some((program, arguments)) = command.split_first() else {
        return Error::Bug("there is no command to run");
    };
    let mut command = Command::new(program);
    command.args(arguments).env(output::VARIABLE, token.access_token()).env_remove(EXPIRES_AT);
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
        _ => Error::CannotExecute { command: program, why: reason(&error) },
    }
}
