//! `--batch`: one JSON line per email, in order, written as soon as it is known. What would fail alike for every email
//! ends it, after that email's record.

use std::fmt;
use std::io::BufRead;

use serde::Serialize;
use serde::ser::SerializeMap;

use crate::api::Outseta;
use crate::clock;
use crate::email::{Line, Lines};
use crate::error::Error;
use crate::log::{self, Log};
use crate::output::{self, FIRST_FIELDS};
use crate::token::Token;

/// How a batch went.
#[derive(Debug, Default)]
pub(crate) struct Summary {
    pub(crate) tokens: u64,
    pub(crate) failures: u64,
    /// The line of the first failure, and its error.
    pub(crate) first_failure: Option<(u64, Error)>,
    /// The line at which it ended early, and why.
    pub(crate) stopped: Option<(u64, Error)>,
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
pub(crate) fn run(
    lines: Lines<impl BufRead>,
    outseta: &Outseta,
    log: Log,
) -> Result<Summary, Error> {
    let mut summary = Summary::default();
    for line in lines {
        let Line {
            number,
            text,
            email,
        } = line.inspect_err(|_| clear_progress(log))?;
        let result = email.and_then(|email| outseta.token(&email));
        let record = Record {
            email: &text,
            result: &result,
        };
        let bytes = output::compact(&record);
        clear_progress(log);
        output::print(&bytes)?;
        match result {
            Ok(token) => {
                summary.tokens += 1;
                if token
                    .seconds_left(clock::now())
                    .is_some_and(|left| left <= 0)
                {
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
        Self {
            status: error.status().code(),
            name: error.status().name(),
            message: error.to_string(),
        }
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
        let Value::Object(fields) = json!({"refresh_token": "r", "expires_in": 60, "token_type": "bearer", "access_token": "t"})
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
        let error = Error::NoSuchUser {
            email: Shown::new("j@e.de"),
            message: Shown::new(""),
            confirmed: true,
        };
        assert_eq!(
            record("j@e.de", &Err(error)),
            r#"{"email":"j@e.de","error":{"status":67,"name":"EX_NOUSER","message":"no such user: j@e.de"}}"#
        );
    }
}
