//! `--check`: what is configured, from where, and whether it works. It makes no token.

use std::fmt::Display;
use std::fs;
use std::iter;
use std::os::unix::fs::PermissionsExt;
use std::process::ExitCode;

use super::Common;
use crate::api::Outseta;
use crate::config::PartialSettings;
use crate::error::{Error, Kind};
use crate::output;
use crate::stderr;
use crate::text::Sanitized;

/// A step of a token request, and what became of it.
type Step = (&'static str, Result<&'static str, Error>);

pub(super) fn run(common: &Common) -> Result<ExitCode, Error> {
    let found = common.find_settings()?;
    warn_if_readable(&found);
    for (name, value) in found.list() {
        print(name, &value)?;
    }
    let settings = match found.complete() {
        Ok(settings) => settings,
        // The list has just shown it.
        Err(error) => return Ok(ExitCode::from(error.status())),
    };
    let tls = settings.base.value.tls;
    let outseta = common.client(settings)?;
    let key = || ("key", outseta.read_with_key().map(|()| "ok (whether it may make tokens is not tested)"));
    for (name, result) in steps_to_account(&outseta, tls).into_iter().chain(iter::once_with(key)) {
        print(name, &result)?;
        if let Err(error) = result {
            return Ok(ExitCode::from(error.status()));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn warn_if_readable(found: &PartialSettings) {
    for path in found.files_with_secrets() {
        if fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o066 != 0) {
            let path = Sanitized::os(path);
            let warning = format!("{path} can be read or written by group or others");
            stderr::warning(warning, &format!("run: chmod 600 {path}"));
        }
    }
}

/// Prints a name, and its value or what is wrong with it.
fn print(name: &str, result: &Result<impl Display, Error>) -> Result<(), Error> {
    let text = match result {
        Ok(value) => value.to_string(),
        Err(error) => {
            let hint = error.hint().map(|hint| format!("; hint: {hint}"));
            format!("{error}{}", hint.unwrap_or_default())
        }
    };
    output::print(format!("{name}: {text}\n").as_bytes())
}

fn steps_to_account(outseta: &Outseta, tls: bool) -> Vec<Step> {
    let (connection, ok) = ("name and connection", Ok("ok"));
    let result = outseta.read_jwks().map(|()| "ok");
    match result.as_ref().map_err(Error::kind) {
        Err(Kind::Network | Kind::ConnectTimeout | Kind::Unreachable) => vec![(connection, result)],
        Err(Kind::Tls) => vec![(connection, ok), ("TLS", result)],
        _ => {
            let secured = if tls { "ok" } else { "none (plain http to this machine)" };
            vec![(connection, ok), ("TLS", Ok(secured)), ("account", result)]
        }
    }
}
