//! The `Email` type: its grammar, and reading it from an argument, from standard input or from a batch's
//! lines.
//!
//! The grammar is the HTML standard's "valid e-mail address" (section 4.10.5.1.5), with non-ASCII characters
//! (RFC 6531) and RFC 5321's limits. Which non-ASCII characters make sense is for the server to say.

use std::ffi::OsStr;
use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, Read};
use std::os::fd::AsFd;

use crate::error::{EmailFault, Error, Usage};
use crate::text::{self, Shown, reason};

/// The most bytes that are read of standard input.
const INPUT_LIMIT: u64 = 64 * 1024;

/// The most bytes of a batch's line, without its line feed.
const LINE_LIMIT: u64 = 4 * 1024;

/// A valid email address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Email(String);

impl Email {
    /// Parses an address, without the white space and the byte order mark around it.
    ///
    /// # Errors
    /// `Error::Email`.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        let text = trim(text);
        if text.is_empty() {
            return Err(Error::Email(EmailFault::Nothing));
        }
        match fault(text) {
            Some(why) => Err(Error::Email(EmailFault::In { email: Shown::new(text), why })),
            None => Ok(Self(text.to_owned())),
        }
    }

    /// Parses an argument, which may not be UTF-8.
    ///
    /// # Errors
    /// `Error::Email`.
    pub(crate) fn from_argument(argument: &OsStr) -> Result<Self, Error> {
        Self::parse(argument.to_str().ok_or(Error::Email(EmailFault::NotUtf8))?)
    }

    /// Reads the only line of standard input that is not blank.
    ///
    /// # Errors
    /// `Error::Email`, also for more than 64 KiB; `Error::Usage` for several lines; `Error::Unreadable`.
    pub(crate) fn from_input(input: impl Read) -> Result<Self, Error> {
        let mut bytes = Vec::new();
        input.take(INPUT_LIMIT + 1).read_to_end(&mut bytes).map_err(|error| unreadable(&error))?;
        let too_long = bytes.len() as u64 > INPUT_LIMIT;
        let Ok(text) = std::str::from_utf8(&bytes) else {
            return Err(Error::Email(if too_long { EmailFault::InputTooLong } else { EmailFault::NotUtf8 }));
        };
        let mut lines = text.split('\n').map(trim).filter(|line| !line.is_empty());
        let first = lines.next().unwrap_or_default();
        match lines.next() {
            Some(_) => Err(Error::Usage(Usage::ManyEmails)),
            None if too_long => Err(Error::Email(EmailFault::InputTooLong)),
            None => Self::parse(first),
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether two addresses differ in ASCII letter case at most. In Unicode a Kelvin sign would be the same
    /// as a `k`.
    pub(crate) fn is(&self, other: &str) -> bool {
        self.0.eq_ignore_ascii_case(other)
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A line of a batch and the email in it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Line {
    /// From 1; blank lines and comments count.
    pub(crate) number: u64,
    pub(crate) text: String,
    pub(crate) email: Result<Email, Error>,
}

/// The lines of a batch that are neither blank nor comments, read in constant memory.
pub(crate) struct Lines<R> {
    input: R,
    name: Shown,
    number: u64,
}

impl<R: BufRead> Lines<R> {
    /// `name` is what messages call the input.
    pub(crate) fn new(input: R, name: Shown) -> Self {
        Self { input, name, number: 0 }
    }

    /// The next line, or its first 4 KiB and that it is longer.
    fn read(&mut self) -> io::Result<Option<(Vec<u8>, bool)>> {
        let mut line = Vec::new();
        if self.input.by_ref().take(LINE_LIMIT + 1).read_until(b'\n', &mut line)? == 0 {
            return Ok(None);
        }
        self.number += 1;
        let too_long = line.len() as u64 > LINE_LIMIT && !line.ends_with(b"\n");
        if too_long {
            self.input.skip_until(b'\n')?;
        }
        Ok(Some((line, too_long)))
    }
}

impl<R: BufRead> Iterator for Lines<R> {
    /// # Errors
    /// `Error::Unreadable`.
    type Item = Result<Line, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (bytes, too_long) = match self.read().transpose()? {
                Ok(line) => line,
                Err(error) => {
                    return Some(Err(Error::Unreadable { what: self.name.clone(), why: reason(&error) }));
                }
            };
            let text = String::from_utf8_lossy(&bytes);
            let text = trim(&text);
            if text.is_empty() && !too_long || text.starts_with('#') {
                continue;
            }
            let email = if too_long {
                Err(Error::Email(EmailFault::LineTooLong))
            } else if std::str::from_utf8(&bytes).is_err() {
                Err(Error::Email(EmailFault::NotUtf8))
            } else {
                Email::parse(text)
            };
            return Some(Ok(Line { number: self.number, text: Shown::new(text).to_string(), email }));
        }
    }
}

/// Removes what editors, spreadsheets and Windows put around an address.
fn trim(text: &str) -> &str {
    text.trim_matches(|c: char| c == '\u{feff}' || c.is_whitespace() && !text::is_line_separator(c))
}

/// What is wrong with an address.
fn fault(text: &str) -> Option<&'static str> {
    let (local, domain) = text.split_once('@').unwrap_or((text, ""));
    let mut labels = domain.split('.');
    let is_allowed = |c: char, others: &str| c.is_ascii_alphanumeric() || !c.is_ascii() || others.contains(c);
    let faults = [
        (text.contains(['\n', '\r']), "it contains a line break"),
        (text.contains(char::is_control), "it contains a control character"),
        (text.contains(text::is_line_separator), "it contains a line separator"),
        (text.contains(text::is_invisible), "it contains an invisible character"),
        (text.contains(['<', '>']), "it has angle brackets: give the address alone, without a name"),
        (text.starts_with('"'), "a quoted name before the @ is not supported"),
        (text.contains(char::is_whitespace), "it contains a space"),
        (!text.contains('@'), "it has no @"),
        (domain.contains('@'), "it has more than one @"),
        (local.is_empty(), "there is nothing before the @"),
        (domain.is_empty(), "there is nothing after the @"),
        (local.len() > 64, "the part before the @ is longer than 64 bytes"),
        (text.len() > 254, "it is longer than 254 bytes"),
        // `atext` of RFC 5322 section 3.2.3, and dots anywhere.
        (
            !local.chars().all(|c| is_allowed(c, "!#$%&'*+/=?^_`{|}~-.")),
            "a character before the @ is not allowed there",
        ),
        (!domain.chars().all(|c| is_allowed(c, "-.")), "a character of the domain is not allowed there"),
        (labels.clone().any(str::is_empty), "the domain has an empty part: a dot too many"),
        (
            labels.clone().any(|label| label.chars().count() > 63),
            "a part of the domain is longer than 63 characters",
        ),
        (
            labels.any(|label| label.starts_with('-') || label.ends_with('-')),
            "a part of the domain starts or ends with a hyphen",
        ),
    ];
    faults.into_iter().find_map(|(found, why)| found.then_some(why))
}

/// What messages call standard input.
pub(crate) const STANDARD_INPUT: &str = "standard input";

/// Standard input as a file. (std's handle reads a closed one as empty.)
///
/// # Errors
/// `Error::Unreadable`.
pub(crate) fn standard_input() -> Result<File, Error> {
    io::stdin().as_fd().try_clone_to_owned().map(File::from).map_err(|error| unreadable(&error))
}

fn unreadable(error: &io::Error) -> Error {
    Error::Unreadable { what: Shown::new(STANDARD_INPUT), why: reason(error) }
}

#[cfg(test)]
mod tests;
