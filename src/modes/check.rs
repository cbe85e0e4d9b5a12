//! `--check`: what is configured, from where, and whether it works. It makes no token.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::ExitCode;

use super::Common;
use crate::api::Outseta;
use crate::config::{PartialSettings, Settings};
use crate::error::{Error, Kind};
use crate::output;
use crate::stderr;
use crate::text::Sanitized;

/// One line of the report: a name, and its value or what is wrong with it.
type Line = (&'static str, Result<String, Error>);

pub(super) fn run(common: &Common) -> Result<ExitCode, Error> {
    let found = common.find_settings()?;
    warn_if_readable(&found);
    print(found.list())?;
    let failure = match found.complete() {
        Ok(settings) => try_out(settings, common)?,
        Err(error) => Some(error),
    };
    Ok(failure.map_or(ExitCode::SUCCESS, |error| ExitCode::from(error.status())))
}

fn warn_if_readable(found: &PartialSettings) {
    for path in found.files_with_secrets() {
        if fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o066 != 0) {
            let path = Sanitized::os(path);
            stderr::warning(format_args!("{path} can be read or written by group or others"));
            stderr::hint(format_args!("run: chmod 600 {path}"));
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
fn try_out(settings: Settings, common: &Common) -> Result<Option<Error>, Error> {
    let tls = settings.base.value.tls;
    let outseta = common.client(settings)?;
    let failure = print(steps_to_account(&outseta, tls))?;
    if failure.is_some() {
        return Ok(failure);
    }
    let ok = "ok (whether it may make tokens is not tested)".to_owned();
    print(vec![("key", outseta.read_with_key().map(|()| ok))])
}

fn steps_to_account(outseta: &Outseta, tls: bool) -> Vec<Line> {
    let ok = || Ok("ok".to_owned());
    let connection = "name and connection";
    let result = outseta.read_jwks().and_then(|()| ok());
    match result.as_ref().map_err(Error::kind) {
        Err(Kind::ConnectTimeout | Kind::Unreachable) => vec![(connection, result)],
        // A connection that was made and then lost counts for the account's line.
        Err(Kind::Network) if !outseta.was_connected() => vec![(connection, result)],
        Err(Kind::Tls) => vec![(connection, ok()), ("TLS", result)],
        _ => {
            let secured = if tls { "ok" } else { "none (plain http to this machine)" };
            vec![(connection, ok()), ("TLS", Ok(secured.to_owned())), ("account", result)]
        }
    }
}
