//! One email, one token, printed or written to a file.

use std::ffi::OsStr;
use std::io::{self, IsTerminal};
use std::os::unix::ffi::OsStrExt;
use std::process::ExitCode;
use std::time::Duration;

use super::{complete_settings, find_settings, report_success};
use crate::api::{Outseta, Token, now, second_after};
use crate::cli::{Options, Print};
use crate::config::{Found, Prompt};
use crate::email::{self, Email};
use crate::error::Error;
use crate::log::{self, Log};
use crate::output::{self, Destination, Wanted};
use crate::text::Shown;

pub(crate) fn run(options: &Options, print: &Print, log: Log) -> Result<ExitCode, Error> {
    let prompt = Prompt::allowed(options.no_input);
    let email = take_email(print.email.as_deref(), prompt.as_ref())?;
    let found = find_settings(options, log)?;
    let kept = kept_token(options, print, &email, &found)?;
    match &kept {
        Some(Ok(token)) => {
            log.detail("the file is kept, and no request made");
            report_success(&email, token, log);
            return Ok(ExitCode::SUCCESS);
        }
        Some(Err(reason)) => log.detail(format_args!("the file is not kept: {reason}")),
        None => {}
    }
    let mint = || {
        let settings = complete_settings(found, prompt.as_ref(), log)?;
        let destination = Destination::open(print.output.as_deref())?;
        let token = Outseta::new(settings, options, Duration::ZERO, log)?.token(&email)?;
        Ok((destination, output::render(&token, print.format)?, token))
    };
    let (destination, bytes, token) = mint().map_err(|error: Error| match (&print.output, &kept) {
        (Some(path), Some(Err(reason))) if path.is_file() => {
            let message = format!("{error}; {} is unchanged: {reason}", Shown::os(path));
            Error::new(error.kind(), message, error.hint().unwrap_or_default())
        }
        _ => error,
    })?;
    destination.write(&bytes)?;
    warn_if_short(&token, print.min_ttl);
    report_success(&email, &token, log);
    Ok(ExitCode::SUCCESS)
}

fn warn_if_short(token: &Token, min_ttl: Option<Duration>) {
    let ends_before = |valid_at| token.expires_at(now()).is_some_and(|expiry| expiry < valid_at);
    if min_ttl.map(second_after).is_some_and(ends_before) {
        log::warning("the new token is valid for less than --min-ttl, so every run makes a new one");
        log::hint("use a shorter --min-ttl, or a longer lifetime of tokens in Outseta");
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
        (None, None) => Email::from_input(email::standard_input()?),
    }
}

/// With `--min-ttl`: the token in the output file, or why the file cannot be kept.
fn kept_token(
    options: &Options,
    print: &Print,
    email: &Email,
    found: &Found,
) -> Result<Option<Result<Token, String>>, Error> {
    let (Some(path), Some(min_ttl)) = (print.output.as_deref(), print.min_ttl) else { return Ok(None) };
    let wanted = Wanted {
        email,
        host: found.account_host()?,
        account: options.account.as_deref(),
        valid_at: second_after(min_ttl),
    };
    Ok(Some(output::kept(path, print.format, &wanted)))
}
