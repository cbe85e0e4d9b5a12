//! `-- COMMAND`: replaces the process with COMMAND, which gets the token but not the credentials.

use std::ffi::OsString;
use std::io;
use std::os::fd::RawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::process::{self, ExitCode, Stdio};

use super::{Common, report_success};
use crate::api::{Token, now};
use crate::config;
use crate::email::Email;
use crate::error::{Error, Kind};
use crate::text::{Sanitized, io_reason};
use crate::unix;

const ACCESS_TOKEN: &str = "OUTSETA_ACCESS_TOKEN";
const EXPIRES_AT: &str = "OUTSETA_ACCESS_TOKEN_EXPIRES_AT";

#[derive(Debug, PartialEq)]
pub(crate) struct Command {
    pub(crate) email: OsString,
    pub(crate) program: OsString,
    pub(crate) arguments: Vec<OsString>,
}

impl Command {
    /// Returns only on failure.
    pub(super) fn run(&self, common: &Common) -> Result<ExitCode, Error> {
        let email = Email::from_bytes(self.email.as_bytes())?;
        let settings = common.complete(common.find_settings()?, common.prompt().as_ref())?;
        let files = settings.credential_files.clone();
        let token = common.client(settings)?.mint(&email)?;
        report_success(&email, &token, common.log);
        Err(self.replace_process(&token, &files))
    }

    /// `credential_files` are devices and inodes.
    fn replace_process(&self, token: &Token, credential_files: &[(u64, u64)]) -> Error {
        let mut command = process::Command::new(&self.program);
        command.args(&self.arguments).env(ACCESS_TOKEN, token.access_token()).env_remove(EXPIRES_AT);
        if let Some(expiry) = token.expires_at(now()) {
            command.env(EXPIRES_AT, expiry.to_string());
        }
        for variable in config::credential_variables() {
            command.env_remove(variable);
        }
        // COMMAND must not inherit a descriptor that credentials were read from, however it was named.
        let was_read = |descriptor: &RawFd| {
            !credential_files.is_empty()
                && unix::inherited(*descriptor)
                    .metadata()
                    .is_ok_and(|metadata| credential_files.contains(&(metadata.dev(), metadata.ino())))
        };
        for descriptor in unix::possible_descriptors().filter(was_read) {
            match descriptor {
                libc::STDIN_FILENO => drop(command.stdin(Stdio::null())),
                libc::STDOUT_FILENO | libc::STDERR_FILENO => {}
                _ => unix::close_on_exec(descriptor),
            }
        }
        let error = command.exec();
        let program = Sanitized::os(&self.program);
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
}
