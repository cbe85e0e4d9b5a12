//! One email, one token, printed or written to a file.

use std::ffi::OsStr;
use std::io::{self, IsTerminal};
use std::os::unix::ffi::OsStrExt;
use std::process::ExitCode;
use std::time::Duration;

use super::{complete_settings, find_settings, report_success};
use crate::api::{Outseta, Token, second_after};
use crate::cli::{Options, Print};
use crate::config::{Found, Prompt};
use crate::email::{self, Email};
use crate::error::Error;
use crate::log::Log;
use crate::output::{self, Destination, Wanted};

pub(crate) fn run(options: &Options, print: &Print, log: Log) -> Result<ExitCode, Error> {
    let prompt = Prompt::allowed(options.no_input);
    let email = take_email(print.email.as_deref(), prompt.as_ref())?;
    let found = find_settings(options, log)?;
    if let Some(token) = kept_token(options, print, &email, &found) {
        log.detail("the file is kept, and no request made");
        report_success(&email, &token, log);
        return Ok(ExitCode::SUCCESS);
    }
    let settings = complete_settings(found, prompt.as_ref(), log)?;
    let destination = Destination::open(print.output.as_deref())?;
    let token = Outseta::new(settings, options, Duration::ZERO, log)?.token(&email)?;
    destination.write(&output::render(&token, print.format)?)?;
    report_success(&email, &token, log);
    Ok(ExitCode::SUCCESS)
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
        (None, None) => Email::from_input(email::standard_input()?),
    }
}

/// The token in the output file, if `--min-ttl` keeps it.
fn kept_token(options: &Options, print: &Print, email: &Email, found: &Found) -> Option<Token> {
    let (path, min_ttl) = (print.output.as_deref()?, print.min_ttl?);
    let wanted = Wanted {
        email,
        host: found.account_host(),
        account: options.account.as_deref(),
        valid_at: second_after(min_ttl),
    };
    output::kept(path, print.format, &wanted)
}
