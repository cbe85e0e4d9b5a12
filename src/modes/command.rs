//! `-- COMMAND`: replaces the process with COMMAND, which gets the token but not the credentials.

use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::io;
use std::mem::ManuallyDrop;
use std::os::fd::RawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::process::{self, ExitCode, Stdio};

use super::{Common, report_success};
use crate::api::now;
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
        let settings = common.complete(common.find_settings()?)?;
        let credential_files = settings.credential_files.clone();
        let token = common.client(settings)?.mint(&email)?;
        report_success(&email, &token, common.log);
        let mut command = process::Command::new(&self.program);
        command.args(&self.arguments).env(ACCESS_TOKEN, token.access_token()).env_remove(EXPIRES_AT);
        if let Some(expiry) = token.expires_at(now()) {
            command.env(EXPIRES_AT, expiry.to_string());
        }
        for variable in config::credential_variables() {
            command.env_remove(variable);
        }
        for descriptor in open_descriptors_of(&credential_files) {
            match descriptor {
                libc::STDIN_FILENO => drop(command.stdin(Stdio::null())),
                libc::STDOUT_FILENO | libc::STDERR_FILENO => {}
                _ => drop(ManuallyDrop::into_inner(unix::inherited(descriptor))),
            }
        }
        Err(self.cannot_run(&command.exec()))
    }

    fn cannot_run(&self, error: &io::Error) -> Error {
        let program = Sanitized::os(&self.program);
        if error.kind() == io::ErrorKind::NotFound {
            let hint = "check the name and PATH; if it is a script, check the interpreter on its `#!` line";
            return Error::new(Kind::CommandNotFound, format!("command not found: {program}"), hint);
        }
        let hint = "check that it is a program that this user may execute; a script needs a first line \
                    such as #!/bin/sh";
        Error::new(Kind::CannotExecute, format!("cannot execute {program}: {}", io_reason(error)), hint)
    }
}

/// The descriptors that are open on one of these files, which are devices and inodes: COMMAND could read the
/// credentials from them again. On FreeBSD without fdescfs(4), `/dev/fd` has three descriptors only; then no
/// other one can have been named as the file of a credential.
fn open_descriptors_of(files: &[(u64, u64)]) -> Vec<RawFd> {
    let listed = fs::read_dir("/dev/fd").into_iter().flatten().flatten();
    let listed = listed.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let is_of = |metadata: Metadata| files.contains(&(metadata.dev(), metadata.ino()));
    listed.filter(|descriptor| unix::inherited(*descriptor).metadata().is_ok_and(is_of)).collect()
}
