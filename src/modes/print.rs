//! One email, one token, printed or written to a file.

use std::ffi::{OsStr, OsString};
use std::io::{self, IsTerminal};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use super::{Common, report_success};
use crate::api::{Token, now, second_after};
use crate::config::Prompt;
use crate::email::Email;
use crate::error::Error;
use crate::output::{self, Destination, Format, Requirements};
use crate::text::Sanitized;
use crate::{stderr, stdin};

#[derive(Debug, PartialEq)]
pub(crate) struct Print {
    /// `None`: standard input, or a prompt.
    pub(crate) email: Option<OsString>,
    pub(crate) format: Format,
    /// `None`: standard output.
    pub(crate) output: Option<PathBuf>,
    pub(crate) min_ttl: Option<Duration>,
}

impl Print {
    pub(super) fn run(&self, common: &Common) -> Result<ExitCode, Error> {
        let prompt = common.prompt();
        let email = take_email(self.email.as_deref(), prompt.as_ref())?;
        let found = common.find_settings()?;
        let mut unchanged = None;
        if let (Some(path), Some(min_ttl)) = (&self.output, self.min_ttl) {
            let requirements = Requirements {
                email: &email,
                host: found.account_host()?,
                account: common.policy.account.as_deref(),
                valid_at: second_after(min_ttl),
            };
            match output::reusable_token(path, self.format, &requirements) {
                Ok(token) => {
                    common.log.detail("the token in the file is still valid: nothing to do");
                    report_success(&email, &token, common.log);
                    return Ok(ExitCode::SUCCESS);
                }
                Err(reason) => {
                    common.log.detail(format_args!("the file is not kept: {reason}"));
                    let note = format!("{} is unchanged: {reason}", Sanitized::os(path));
                    unchanged = Some(note).filter(|_| path.is_file());
                }
            }
        }
        let mint = || {
            let settings = common.complete(found, prompt.as_ref())?;
            let destination = Destination::open(self.output.as_deref())?;
            let token = common.client(settings)?.mint(&email)?;
            Ok((destination, output::render(&token, self.format)?, token))
        };
        let (destination, bytes, token) = mint().map_err(|error: Error| match &unchanged {
            Some(note) => error.with_note(note),
            None => error,
        })?;
        destination.write(&bytes)?;
        warn_if_short(&token, self.min_ttl);
        report_success(&email, &token, common.log);
        Ok(ExitCode::SUCCESS)
    }
}

fn warn_if_short(token: &Token, min_ttl: Option<Duration>) {
    let ends_before = |valid_at| token.expires_at(now()).is_some_and(|expiry| expiry < valid_at);
    if min_ttl.map(second_after).is_some_and(ends_before) {
        stderr::warning("the new token is valid for less than --min-ttl, so every run makes a new one");
        stderr::hint("use a shorter --min-ttl, or a longer lifetime of tokens in Outseta");
    }
}

/// The email from the argument, else from a prompt or standard input.
fn take_email(argument: Option<&OsStr>, prompt: Option<&Prompt>) -> Result<Email, Error> {
    match (argument, prompt) {
        (Some(argument), _) => Email::from_bytes(argument.as_bytes()),
        (None, Some(prompt)) => prompt
            .ask("Email: ", Prompt::line, |email| Email::parse(&email.value))?
            .map_or_else(|| Email::parse(""), Ok),
        (None, None) if io::stdin().is_terminal() => Err(Error::usage(
            "no email given",
            "give the email as an argument: outseta-token jane@example.com",
        )),
        (None, None) => stdin::email(stdin::file()?),
    }
}
