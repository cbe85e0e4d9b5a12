//! `--batch`: one JSON line per email, in order, written as soon as it is known. What would fail alike for every email
//! ends it, after that email's record.

use std::fmt;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use serde::Serialize;
use serde::ser::SerializeMap;

use super::{complete_settings, find_settings};
use crate::api::{Outseta, Token, now};
use crate::cli::Options;
use crate::config::Prompt;
use crate::email::{self, Line, Lines};
use crate::error::Error;
use crate::log::{self, Log};
use crate::output::{self, FIRST_FIELDS};
use crate::text::{Shown, reason};

pub(crate) fn run(
    options: &Options,
    file: Option<&Path>,
    pause: Duration,
    log: Log,
) -> Result<ExitCode, Error> {
    let (input, name): (Box<dyn BufRead>, Shown) = match file {
        None => (Box::new(BufReader::new(email::standard_input()?)), Shown::new(email::STANDARD_INPUT)),
        Some(path) => {
            let name = Shown::os(path);
            let file = File::open(path)
                .map_err(|error| Error::Unreadable { what: name.clone(), why: reason(&error) })?;
            (Box::new(BufReader::new(file)), name)
        }
    };
    let prompt = Prompt::allowed(options.no_input);
    let settings = complete_settings(find_settings(options, log)?, prompt.as_ref(), log)?;
    let outseta = Outseta::new(settings, options, pause, log)?;
    let summary = answer_all(Lines::new(input, name.clone()), &outseta, log)?;
    if summary.tokens + summary.failures == 0 {
        log::warning(format_args!("no email in {name}"));
    }
    log.success(format_args!("{summary}"));
    let (context, error) = match (summary.stopped, summary.first_failure) {
        (Some((line, error)), _) => (format!("stopped at line {line}: "), error),
        (None, Some((line, error))) => {
            (format!("{} failed, the first at line {line}: ", summary.failures), error)
        }
        (None, None) => return Ok(ExitCode::SUCCESS),
    };
    log::error(format_args!("{context}"), &error);
    Ok(ExitCode::from(error.status().code()))
}

/// How a batch went.
#[derive(Debug, Default)]
struct Summary {
    tokens: u64,
    failures: u64,
    /// The line of the first failure, and its error.
    first_failure: Option<(u64, Error)>,
    /// The line at which it ended early, and why.
    stopped: Option<(u64, Error)>,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} done, {} failed", self.tokens, self.failures)
    }
}

/// Answers line after line until the input ends or going on makes no sense.
///
/// # Errors
/// `Error::Unreadable` for the input, `Error::CannotWrite` or `Error::BrokenPipe` for a record.
fn answer_all(lines: Lines<impl BufRead>, outseta: &Outseta, log: Log) -> Result<Summary, Error> {
    let mut summary = Summary::default();
    for line in lines {
        let Line { number, text, email } = line.inspect_err(|_| clear_progress(log))?;
        let result = email.and_then(|email| outseta.token(&email));
        let record = Record { email: &text, result: &result };
        let bytes = output::compact(&record);
        clear_progress(log);
        output::print(&bytes)?;
        match result {
            Ok(token) => {
                summary.tokens += 1;
                if token.seconds_left(now()).is_some_and(|left| left <= 0) {
                    log::expired(format_args!("line {number}: "), &text);
                }
            }
            Err(error) => {
                summary.failures += 1;
                if error.concerns_all() {
                    summary.stopped = Some((number, error));
                    return Ok(summary);
                }
                summary.first_failure.get_or_insert((number, error));
            }
        }
        if log.draws_progress() {
            log::progress(format_args!("{summary}"));
        }
    }
    clear_progress(log);
    Ok(summary)
}

fn clear_progress(log: Log) {
    if log.draws_progress() {
        log::progress(format_args!(""));
    }
}

/// A line of the result.
struct Record<'a> {
    email: &'a str,
    result: &'a Result<Token, Error>,
}

impl Serialize for Record<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("email", self.email)?;
        match self.result {
            Ok(token) => {
                for name in FIRST_FIELDS {
                    if let Some(value) = token.fields().get(name) {
                        map.serialize_entry(name, value)?;
                    }
                }
            }
            Err(error) => map.serialize_entry("error", &ErrorRecord::of(error))?,
        }
        map.end()
    }
}

#[derive(Serialize)]
struct ErrorRecord {
    status: u8,
    name: &'static str,
    message: String,
}

impl ErrorRecord {
    fn of(error: &Error) -> Self {
        Self { status: error.status().code(), name: error.status().name(), message: error.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Shown;
    use serde_json::{Value, json};

    fn record(email: &str, result: &Result<Token, Error>) -> String {
        serde_json::to_string(&Record { email, result }).unwrap()
    }

    #[test]
    fn a_record_of_a_token_has_four_fields() {
        let Value::Object(fields) =
            json!({"refresh_token": "r", "expires_in": 60, "token_type": "bearer", "access_token": "t"})
        else {
            panic!()
        };
        assert_eq!(
            record("j@e.de", &Token::new(fields).map_err(Error::Bug)),
            r#"{"email":"j@e.de","access_token":"t","token_type":"bearer","expires_in":60}"#
        );
    }

    #[test]
    fn a_record_of_a_failure_has_status_name_and_message() {
        let error =
            Error::NoSuchUser { email: Shown::new("j@e.de"), message: Shown::new(""), confirmed: true };
        assert_eq!(
            record("j@e.de", &Err(error)),
            r#"{"email":"j@e.de","error":{"status":67,"name":"EX_NOUSER","message":"no such user: j@e.de"}}"#
        );
    }
}
