//! `--batch`: one JSON line per email, in order, as soon as it is known. A failure that would be the same for
//! every email ends the batch.

use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::iter;
use std::path::Path;
use std::process::ExitCode;

use serde::Serialize;
use serde_json::Value;

use super::{Common, warn_if_expired};
use crate::api::{Outseta, Token};
use crate::email::{self, Email};
use crate::error::{Error, Kind};
use crate::output;
use crate::stderr::{self, Log};
use crate::stdin;
use crate::text::Sanitized;

/// The longest line in bytes, not counting the line feed.
const LINE_LIMIT: usize = 4 * 1024;

/// So many emails in a row that end with 75 end the batch: an outage must not be met with a request for each
/// email that is left.
const BUSY_LIMIT: u32 = 3;

pub(super) fn run(file: Option<&Path>, common: &Common) -> Result<ExitCode, Error> {
    let log = common.log;
    let name = file.map_or(Sanitized::new(stdin::NAME), Sanitized::os);
    let input = match file {
        None => stdin::file()?,
        Some(path) => File::open(path).map_err(|error| Error::unreadable(&name, &error))?,
    };
    let settings = common.complete(common.find_settings()?)?;
    let outseta = common.client(settings)?;
    output::Destination::open(None)?;
    let result = process(BufReader::new(input), &name, &outseta, log);
    log.progress("");
    let summary = result?;
    if summary.tokens + summary.failures == 0 && summary.stopped.is_none() {
        stderr::warning(format_args!("no email in {name}"), "");
    }
    log.success(&summary);
    let (context, error) = match (summary.stopped, summary.first_failure) {
        (Some((line, error)), _) => (format!("stopped at line {line}: "), error),
        (None, Some((line, error))) => {
            (format!("{} failed, the first at line {line}: ", summary.failures), error)
        }
        (None, None) => return Ok(ExitCode::SUCCESS),
    };
    stderr::error(context, &error);
    Ok(ExitCode::from(error.status()))
}

#[derive(Default)]
struct Summary {
    tokens: u64,
    failures: u64,
    /// The line and the failure.
    first_failure: Option<(u64, Error)>,
    /// The line and the failure that ended the batch.
    stopped: Option<(u64, Error)>,
    /// How many emails in a row, up to the last one, ended with 75.
    busy_in_a_row: u32,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} done, {} failed", self.tokens, self.failures)
    }
}

impl Summary {
    fn add(&mut self, line: u64, result: Result<Token, Error>) {
        let Err(error) = result else {
            self.tokens += 1;
            self.busy_in_a_row = 0;
            return;
        };
        self.failures += 1;
        self.busy_in_a_row = if matches!(error.kind(), Kind::Busy(_)) { self.busy_in_a_row + 1 } else { 0 };
        if error.ends_batch() || self.busy_in_a_row == BUSY_LIMIT {
            self.stopped = Some((line, error));
        } else {
            self.first_failure.get_or_insert((line, error));
        }
    }
}

/// Prints a record for each email, until the input or a failure ends the batch.
fn process(mut input: impl BufRead, name: &Sanitized, outseta: &Outseta, log: Log) -> Result<Summary, Error> {
    let mut summary = Summary::default();
    for number in 1.. {
        let line = match read_line(&mut input) {
            Ok(Some(line)) => line,
            Ok(None) => break,
            Err(error) if number == 1 => return Err(Error::unreadable(name, &error)),
            Err(error) => {
                summary.stopped = Some((number, Error::unreadable(name, &error)));
                break;
            }
        };
        let Some((text, email)) = parse(&line) else { continue };
        let result = email.and_then(|email| outseta.mint(&email));
        let record = record(&text, &result);
        log.progress("");
        output::print(&record)?;
        if let Ok(token) = &result {
            warn_if_expired(&format!("line {number}: "), &text, token);
        }
        summary.add(number, result);
        if summary.stopped.is_some() {
            break;
        }
        log.progress(&summary);
    }
    Ok(summary)
}

/// The next line without its line feed. A line that is too long is cut to `LINE_LIMIT` + 1 bytes, by which
/// `parse` recognises it.
fn read_line(input: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    if input.take(LINE_LIMIT as u64 + 1).read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    if line.ends_with(b"\n") {
        line.pop();
    } else if line.len() > LINE_LIMIT {
        input.skip_until(b'\n')?;
    }
    Ok(Some(line))
}

/// A line's text and its email; `None` for a blank line or a comment.
fn parse(line: &[u8]) -> Option<(String, Result<Email, Error>)> {
    let text = String::from_utf8_lossy(line);
    let text = email::trim(&text);
    let too_long = line.len() > LINE_LIMIT;
    if text.is_empty() && !too_long || text.starts_with('#') {
        return None;
    }
    let email = if too_long { Err(email::invalid("the line is too long")) } else { Email::from_bytes(line) };
    Some((Sanitized::new(text).to_string(), email))
}

#[derive(Serialize)]
struct FailureRecord<'a> {
    email: &'a str,
    error: ErrorRecord,
}

#[derive(Serialize)]
struct ErrorRecord {
    status: u8,
    name: &'static str,
    message: String,
}

fn record(email: &str, result: &Result<Token, Error>) -> Vec<u8> {
    match result {
        Ok(token) => {
            let email = Value::from(email);
            let fields = iter::once(("email", &email)).chain(output::first_fields(token.fields()));
            output::compact(&output::Ordered(fields.collect()))
        }
        Err(error) => {
            let (status, name, message) = (error.status(), error.status_name(), error.to_string());
            output::compact(&FailureRecord { email, error: ErrorRecord { status, name, message } })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each line's number, text and whether it has a valid email.
    fn lines(mut input: &[u8]) -> Vec<(usize, String, bool)> {
        let lines = std::iter::from_fn(|| read_line(&mut input).unwrap());
        let parsed =
            (1..).zip(lines).filter_map(|(number, line)| parse(&line).map(|parsed| (number, parsed)));
        parsed.map(|(number, (text, email))| (number, text, email.is_ok())).collect()
    }

    #[test]
    fn blank_lines_and_comments_are_skipped() {
        assert_eq!(
            lines(b"\xef\xbb\xbfa@e.de\r\n\n# no\n  # nor this\n x \n\xff@e.de\n\xe2\x80\xaeb@e.de\nb@e.de"),
            [
                (1, "a@e.de".to_owned(), true),
                (5, "x".to_owned(), false),
                (6, "\u{fffd}@e.de".to_owned(), false),
                (7, "\\u{202e}b@e.de".to_owned(), false),
                (8, "b@e.de".to_owned(), true),
            ]
        );
    }

    #[test]
    fn a_line_has_at_most_4_kib() {
        for (first, first_is_valid) in [
            (" ".repeat(4096 - 6) + "a@e.de", true),
            (" ".repeat(4096 - 5) + "a@e.de", false),
            (" ".repeat(5_000), false),
            ("x".repeat(1 << 20), false),
        ] {
            let found = lines(format!("{first}\nb@e.de\n").as_bytes());
            let found: Vec<_> = found.into_iter().map(|(number, _, is_valid)| (number, is_valid)).collect();
            assert_eq!(found, [(1, first_is_valid), (2, true)]);
            assert_eq!(lines(first.as_bytes()).len(), 1);
        }
        assert_eq!(lines(format!("# {}\nb@e.de", "x".repeat(5_000)).as_bytes()).len(), 1);
    }
}
