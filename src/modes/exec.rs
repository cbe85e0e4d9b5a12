//! `-- COMMAND`: replaces the process by COMMAND, with the token and without the credentials.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::RawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use super::{complete_settings, find_settings, report_success};
use crate::api::{Outseta, Token, now};
use crate::cli::Options;
use crate::config::{CREDENTIAL_VARIABLES, Prompt};
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
    let prompt = Prompt::allowed(options.no_input);
    let settings = complete_settings(find_settings(options, log)?, prompt.as_ref(), log)?;
    let files = settings.credential_files.clone();
    let token = Outseta::new(settings, options, Duration::ZERO, log)?.token(&email)?;
    report_success(&email, &token, log);
    Err(become_command(program, arguments, &token, &files))
}

/// `files`: what credentials were read from, by device and inode.
fn become_command(program: &OsStr, arguments: &[OsString], token: &Token, files: &[(u64, u64)]) -> Error {
    let mut command = Command::new(program);
    command.args(arguments).env(ACCESS_TOKEN, token.access_token()).env_remove(EXPIRES_AT);
    if let Some(expiry) = token.expires_at(now()) {
        command.env(EXPIRES_AT, expiry.to_string());
    }
    for variable in CREDENTIAL_VARIABLES {
        command.env_remove(variable);
    }
    // COMMAND must not inherit a descriptor that credentials were read from, however it was named.
    let was_read = |descriptor: &RawFd| {
        !files.is_empty()
            && unix::inherited(*descriptor)
                .metadata()
                .is_ok_and(|metadata| files.contains(&(metadata.dev(), metadata.ino())))
    };
    for descriptor in unix::possible_descriptors().filter(was_read) {
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
