//! `--check`: what is configured, from where, and whether it works. It makes no token.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::ExitCode;
use std::time::Duration;

use super::find_settings;
use crate::api::Outseta;
use crate::cli::Options;
use crate::config::{Found, Settings};
use crate::error::{Error, Kind};
use crate::log::{self, Log};
use crate::output;
use crate::text::Shown;

/// A setting or a step, and its value or failure.
type Line = (&'static str, Result<String, Error>);

pub(crate) fn run(options: &Options, log: Log) -> Result<ExitCode, Error> {
    let found = find_settings(options, log)?;
    warn_if_readable(&found);
    print(found.list())?;
    let failure = match found.settings() {
        Ok(settings) => try_out(settings, options, log)?,
        Err(error) => Some(error),
    };
    Ok(failure.map_or(ExitCode::SUCCESS, |error| ExitCode::from(error.status())))
}

fn warn_if_readable(found: &Found) {
    for path in found.files_with_secrets() {
        if fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o044 != 0) {
            let path = Shown::os(path);
            log::warning(format_args!("{path} is readable by others"));
            log::hint(format_args!("run: chmod go-r {path}"));
        }
    }
}

/// Prints the lines. Returns the first failure among them.
fn print(lines: Vec<Line>) -> Result<Option<Error>, Error> {
    let mut failure = None;
    for (name, result) in lines {
        let text = match &result {
            Ok(text) => text.clone(),
            Err(error) => match error.hint() {
                Some(hint) => format!("{error}; hint: {hint}"),
                None => error.to_string(),
            },
        };
        output::print(format!("{name}: {text}\n").as_bytes())?;
        failure = failure.or(result.err());
    }
    Ok(failure)
}

/// Prints a line for each step, until one fails. Returns the failure.
fn try_out(settings: Settings, options: &Options, log: Log) -> Result<Option<Error>, Error> {
    let tls = settings.base.value.tls;
    let outseta = Outseta::new(settings, options, Duration::ZERO, log)?;
    let failure = print(steps_to_account(&outseta, tls))?;
    if failure.is_some() {
        return Ok(failure);
    }
    let ok = "ok (a read-only key passes too, but cannot make tokens)".to_owned();
    print(vec![("key", outseta.read_with_key().map(|()| ok))])
}

fn steps_to_account(outseta: &Outseta<'_>, tls: bool) -> Vec<Line> {
    let ok = || Ok("ok".to_owned());
    let connection = "name and connection";
    let result = outseta.read_jwks().and_then(|()| ok());
    match result.as_ref().map_err(Error::kind) {
        Err(Kind::ConnectTimeout | Kind::Unreachable) => vec![(connection, result)],
        // A connection that was made and then lost counts for the account's line.
        Err(Kind::Network) if !outseta.was_connected() => vec![(connection, result)],
        Err(Kind::Tls) => vec![(connection, ok()), ("TLS", result)],
        _ => {
            let secured = if tls { "ok" } else { "not used with a loopback host" };
            vec![(connection, ok()), ("TLS", Ok(secured.to_owned())), ("account", result)]
        }
    }
}
