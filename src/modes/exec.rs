//! `-- COMMAND`: replaces the process by COMMAND, with the token and without the credentials.

use std::env;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use super::{prepare, report_success};
use crate::api::{Token, now};
use crate::cli::Options;
use crate::config::CREDENTIAL_VARIABLES;
use crate::email::Email;
use crate::error::{Error, Kind};
use crate::log::Log;
use crate::text::{Shown, io_reason};
use crate::unix;

const ACCESS_TOKEN: &str = "OUTSETA_ACCESS_TOKEN";
const EXPIRES_AT: &str = "OUTSETA_ACCESS_TOKEN_EXPIRES_AT";

/// Returns only on failure.
pub(crate) fn run(
    options: &Options,
    email: &OsStr,
    program: &OsStr,
    arguments: &[OsString],
    log: Log,
) -> Result<ExitCode, Error> {
    let email = Email::from_bytes(email.as_bytes())?;
    let token = prepare(options, Duration::ZERO, log)?.token(&email)?;
    report_success(&email, &token, log);
    Err(become_command(program, arguments, &token, options))
}

fn become_command(program: &OsStr, arguments: &[OsString], token: &Token, options: &Options) -> Error {
    let mut command = Command::new(program);
    command.args(arguments).env(ACCESS_TOKEN, token.access_token()).env_remove(EXPIRES_AT);
    if let Some(expiry) = token.expires_at(now()) {
        command.env(EXPIRES_AT, expiry.to_string());
    }
    for variable in CREDENTIAL_VARIABLES {
        command.env_remove(variable);
    }
    // COMMAND must not inherit a descriptor that credentials were read from.
    let files = CREDENTIAL_VARIABLES.iter().filter_map(env::var_os).map(PathBuf::from);
    for descriptor in files.chain(options.env_file.clone()).filter_map(|path| unix::descriptor(&path)) {
        match descriptor {
            libc::STDIN_FILENO => drop(command.stdin(Stdio::null())),
            libc::STDOUT_FILENO | libc::STDERR_FILENO => {}
            _ => unix::close_on_exec(descriptor),
        }
    }
    let error = command.exec();
    let program = Shown::os(program);
    match error.kind() {
        io::ErrorKind::NotFound => Error::new(
            Kind::CommandNotFound,
            format!("command not found: {program}"),
            "check the name and PATH; if it is a script, check the interpreter on its `#!` line",
        ),
        _ => Error::new(
            Kind::CannotExecute,
            format!("cannot execute {program}: {}", io_reason(&error)),
            "check that it is a program that this user may execute; a script needs a first line such as \
             #!/bin/sh",
        ),
    }
}
