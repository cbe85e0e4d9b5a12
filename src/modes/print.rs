//! One email, one token, printed or written to a file.

use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use super::{Common, report_success};
use crate::api::{Token, now, second_after};
use crate::config::{PartialSettings, Prompt};
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
        let email = self.take_email(common.no_input)?;
        let found = common.find_settings()?;
        let token = match (&self.output, self.min_ttl) {
            (Some(file), Some(min_ttl)) => {
                let requirements = Requirements {
                    email: &email,
                    host: found.account_host()?,
                    account: common.policy.account.as_deref(),
                    valid_at: second_after(min_ttl),
                };
                match output::reusable_token(file, self.format, &requirements) {
                    Ok(token) => {
                        common.log.detail("the token in the file is still valid: nothing to do");
                        token
                    }
                    Err(reason) => {
                        common.log.detail(format_args!("the file is not kept: {reason}"));
                        let note = format!("{} is unchanged: {reason}", Sanitized::os(file));
                        let minted = self.mint(&email, found, common);
                        minted.map_err(|error| if file.is_file() { error.with_note(&note) } else { error })?
                    }
                }
            }
            _ => self.mint(&email, found, common)?,
        };
        report_success(&email, &token, common.log);
        Ok(ExitCode::SUCCESS)
    }

    /// The email from the argument, else from a prompt or standard input.
    fn take_email(&self, no_input: bool) -> Result<Email, Error> {
        if let Some(argument) = &self.email {
            return Email::from_bytes(argument.as_bytes());
        }
        if let Some(prompt) = Prompt::allowed(no_input) {
            let email = prompt.ask("Email: ", Prompt::line, |email| Email::parse(&email.value))?;
            return email.map_or_else(|| Email::parse(""), Ok);
        }
        if io::stdin().is_terminal() {
            let hint = "give the email as an argument: outseta-token jane@example.com";
            return Err(Error::usage("no email given", hint));
        }
        stdin::email(stdin::file()?)
    }

    /// Mints a token and writes it.
    fn mint(&self, email: &Email, found: PartialSettings, common: &Common) -> Result<Token, Error> {
        let settings = common.complete(found)?;
        let destination = Destination::open(self.output.as_deref())?;
        let token = common.client(settings)?.mint(email)?;
        destination.write(&self.format.render(&token)?)?;
        let is_short = |ttl| token.expires_at(now()).is_some_and(|expiry| expiry < second_after(ttl));
        if self.min_ttl.is_some_and(is_short) {
            stderr::warning(
                "the new token is valid for less than --min-ttl, so every run makes a new one",
                "use a shorter --min-ttl, or a longer lifetime of tokens in Outseta",
            );
        }
        Ok(token)
    }
}
