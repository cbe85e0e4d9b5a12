//! `outseta-token`: prints an access token for a user of an Outseta account, made with the account's admin API key.
//!
//! The way of the data: argv → `options` → (`email`, `settings`) → `api` (with `client`, `retry`, `response`) →
//! `output` → exit status. This file alone puts the steps in order and ends the process with an error's text and status;
//! it knows how none of them works.

mod api;
mod base_url;
mod batch;
mod check;
mod client;
mod clock;
mod email;
mod env_file;
mod error;
mod exec;
mod help;
mod jwt;
mod log;
mod options;
mod origin;
mod output;
mod prompt;
mod proxy;
mod response;
mod retry;
mod secret;
mod settings;
mod text;
mod token;
mod unix;

#[cfg(not(unix))]
compile_error!("outseta-token needs a Unix system: signals, file modes and execve");

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal};
use std::os::fd::AsFd;
use std::panic;
use std::path::Path;
use std::process::{self, ExitCode};
use std::time::Duration;

use crate::api::Outseta;
use crate::email::{Email, Lines};
use crate::error::{Error, Status, Usage};
use crate::log::Log;
use crate::options::{Invocation, Mode, Options, Print};
use crate::output::{Destination, Wanted};
use crate::prompt::Prompt;
use crate::settings::{Environment, Found, Settings};
use crate::text::{Shown, reason};
use crate::token::Token;

/// In messages.
const STANDARD_INPUT: &str = "standard input";

fn main() -> ExitCode {
    // What a panic says may hold what must not be seen: only the place is shown.
    panic::set_hook(Box::new(|panic| {
        let place = panic
            .location()
            .map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
        log::error(
            format_args!("{place}: "),
            &Error::Bug("this should not have happened"),
        );
        process::exit(Status::Software.code().into());
    }));
    run().unwrap_or_else(|error| {
        log::error(format_args!(""), &error);
        ExitCode::from(error.status().code())
    })
}

fn run() -> Result<ExitCode, Error> {
    let options = match options::parse(env::args_os().skip(1))? {
        Invocation::Help => return print(&help::help()),
        Invocation::Version => return print(&help::version()),
        Invocation::Generate(what) => return print(&help::generate(what)),
        Invocation::Run(options) => options,
    };
    // Before the email, which may have to be read: a wrong option is a wrong command line.
    settings::check_options(&options)?;
    let log = Log::new(options.verbosity);
    match &options.mode {
        Mode::Print(print) => print_token(&options, print, log),
        Mode::Command { email, command } => run_command(&options, email, command, log),
        Mode::Batch { file, pause } => run_batch(&options, file.as_deref(), *pause, log),
        Mode::Check => {
            let status = check::run(find_settings(&options, log)?, &options, log)?;
            Ok(status.map_or(ExitCode::SUCCESS, |status| ExitCode::from(status.code())))
        }
    }
}

fn print(text: &str) -> Result<ExitCode, Error> {
    output::print(text.as_bytes()).map(|()| ExitCode::SUCCESS)
}

fn print_token(options: &Options, print: &Print, log: Log) -> Result<ExitCode, Error> {
    let prompt = Prompt::allowed(options.no_input);
    let email = take_email(print.email.as_deref(), prompt.as_ref())?;
    let found = find_settings(options, log)?;
    if let Some(token) = kept_token(print, &email, &found) {
        log.detail(format_args!("the file is kept, and no request made"));
        succeeded(&email, &token, log);
        return Ok(ExitCode::SUCCESS);
    }
    let settings = complete_settings(found, prompt.as_ref(), log)?;
    let destination = Destination::open(print.output.as_deref())?;
    let token = Outseta::new(settings, options, Duration::ZERO, log)?.token(&email)?;
    destination.write(&output::render(&token, print.format)?)?;
    succeeded(&email, &token, log);
    Ok(ExitCode::SUCCESS)
}

/// Returns only if COMMAND cannot be run.
fn run_command(
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
    Err(exec::become_command(command, &token, clock::now()))
}

fn run_batch(
    options: &Options,
    file: Option<&Path>,
    pause: Duration,
    log: Log,
) -> Result<ExitCode, Error> {
    let (input, name): (Box<dyn BufRead>, Shown) = match file {
        None => (
            Box::new(BufReader::new(standard_input()?)),
            Shown::new(STANDARD_INPUT),
        ),
        Some(path) => {
            let name = Shown::os(path);
            let file = File::open(path).map_err(|error| Error::Unreadable {
                what: name.clone(),
                why: reason(&error),
            })?;
            (Box::new(BufReader::new(file)), name)
        }
    };
    let prompt = Prompt::allowed(options.no_input);
    let settings = complete_settings(find_settings(options, log)?, prompt.as_ref(), log)?;
    let outseta = Outseta::new(settings, options, pause, log)?;
    let summary = batch::run(Lines::new(input, name), &outseta, log)?;
    log.success(format_args!("{summary}"));
    let (context, error) = match (summary.stopped, summary.first_failure) {
        (Some((line, error)), _) => (format!("stopped at line {line}: "), error),
        (None, Some((line, error))) => (
            format!("{} failed, the first at line {line}: ", summary.failures),
            error,
        ),
        (None, None) => return Ok(ExitCode::SUCCESS),
    };
    log::error(format_args!("{context}"), &error);
    Ok(ExitCode::from(error.status().code()))
}

/// The email from the argument, else from standard input, where a person at a terminal is asked.
fn take_email(argument: Option<&OsStr>, prompt: Option<&Prompt>) -> Result<Email, Error> {
    match (argument, prompt) {
        (Some(argument), _) => Email::from_argument(argument),
        (None, Some(prompt)) => Email::parse(&prompt.line("Email: ").unwrap_or_default()),
        (None, None) if io::stdin().is_terminal() => Err(Error::Usage(Usage::NoEmail)),
        (None, None) => Email::from_input(standard_input()?),
    }
}

/// Standard input as a file: std's own handle says of one that is not open for reading, as `nohup` leaves it, that it is
/// empty.
fn standard_input() -> Result<File, Error> {
    let owned = io::stdin().as_fd().try_clone_to_owned();
    owned.map(File::from).map_err(|error| Error::Unreadable {
        what: Shown::new(STANDARD_INPUT),
        why: reason(&error),
    })
}

fn find_settings(options: &Options, log: Log) -> Result<Found, Error> {
    let found = Found::new(options, Environment::of_process())?;
    if let Some(file) = &found.env_file {
        log.detail(format_args!("{file}"));
    }
    if let Some(path) = &found.ignored_base_url {
        log::warning(format_args!(
            "OUTSETA_BASE_URL in {} is not used",
            Shown::os(path)
        ));
        log::hint(format_args!(
            "it counts only where key and secret come from that file too; --base-url always does"
        ));
    }
    Ok(found)
}

fn complete_settings(found: Found, prompt: Option<&Prompt>, log: Log) -> Result<Settings, Error> {
    let settings = found.complete(prompt)?;
    for line in settings.describe() {
        log.detail(format_args!("{line}"));
    }
    Ok(settings)
}

/// The token in the output file, where that is to be kept as long as it is good enough.
fn kept_token(print: &Print, email: &Email, found: &Found) -> Option<Token> {
    let (path, min_ttl) = (print.output.as_deref()?, print.min_ttl?);
    let base = found.base.as_ref().ok().and_then(Option::as_ref);
    let host = base
        .filter(|base| base.value.names_account())
        .map(|base| base.value.host());
    output::kept(
        path,
        print.format,
        &Wanted {
            email,
            host,
            valid_at: clock::second_after(min_ttl),
        },
    )
}

fn succeeded(email: &Email, token: &Token, log: Log) {
    match token.seconds_left(clock::now()) {
        Some(seconds) if seconds > 0 => {
            let left = text::rough(Duration::from_secs(seconds.unsigned_abs()));
            log.success(format_args!("token for {email}, valid for {left}"));
        }
        Some(_) => log::expired(format_args!(""), email.as_str()),
        None => log.success(format_args!("token for {email}")),
    }
}
