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

use crate::error::Error;
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
            return Err(Error::email(
                "invalid email: it is empty",
                "give it as an argument or on standard input; in a script, check that the variable is set",
            ));
        }
        match fault(text) {
            Some(why) => Err(Error::email(
                format!("invalid email '{}': {why}", Shown::new(text)),
                "give a plain address, such as jane@example.com",
            )),
            None => Ok(Self(text.to_owned())),
        }
    }

    /// Parses an argument, which may not be UTF-8.
    ///
    /// # Errors
    /// `Error::Email`.
    pub(crate) fn from_argument(argument: &OsStr) -> Result<Self, Error> {
        Self::parse(argument.to_str().ok_or_else(|| invalid(NOT_UTF8))?)
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
            return Err(invalid(if too_long { INPUT_TOO_LONG } else { NOT_UTF8 }));
        };
        let mut lines = text.split('\n').map(trim).filter(|line| !line.is_empty());
        let first = lines.next().unwrap_or_default();
        match lines.next() {
            Some(_) => Err(Error::usage(
                "more than one email on standard input",
                "give one email, or use --batch for many",
            )),
            None if too_long => Err(invalid(INPUT_TOO_LONG)),
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
                Err(invalid("the line is too long"))
            } else if std::str::from_utf8(&bytes).is_err() {
                Err(invalid(NOT_UTF8))
            } else {
                Email::parse(text)
            };
            return Some(Ok(Line { number: self.number, text: Shown::new(text).to_string(), email }));
        }
    }
}

const NOT_UTF8: &str = "it is not valid UTF-8";
const INPUT_TOO_LONG: &str = "standard input has more than 64 KiB";

/// For an address that cannot be shown.
fn invalid(why: &str) -> Error {
    Error::email(format!("invalid email: {why}"), "give one plain address, such as jane@example.com")
}

/// Removes what editors, spreadsheets and Windows put around an address.
fn trim(text: &str) -> &str {
    text.trim_matches(|c: char| c == '\u{feff}' || c.is_whitespace() && !text::is_line_separator(c))
}

/// What is wrong with an address.
fn fault(text: &str) -> Option<String> {
    let (local, domain) = text.split_once('@').unwrap_or((text, ""));
    let mut labels = domain.split('.');
    let quotes = ['"', '\''];
    let faults = [
        (text.contains(['\n', '\r']), "it contains a line break"),
        (text.contains(['\t', ',', ';']), "it looks like a row of a table: give the address alone"),
        (text.contains(char::is_control), "it contains a control character"),
        (text.contains(text::is_line_separator), "it contains a line separator"),
        (text.contains(text::is_invisible), "it contains an invisible character"),
        (text.contains(['<', '>']), "it has angle brackets: give the address alone, without a name"),
        (text.starts_with(quotes) && text.ends_with(quotes), "it is in quotes: remove them"),
        (text.starts_with('"'), "a quoted name before the @ is not supported"),
        (
            !text.contains('@') && text.to_lowercase().contains("mail"),
            "it has no @; it looks like the header of a table",
        ),
        (!text.contains('@'), "it has no @"),
        (text.contains(char::is_whitespace), "it contains a space"),
        (domain.contains('@'), "it has more than one @"),
        (local.is_empty(), "there is nothing before the @"),
        (domain.is_empty(), "there is nothing after the @"),
        (local.len() > 64, "the part before the @ is longer than 64 bytes"),
        (text.len() > 254, "it is longer than 254 bytes"),
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
    let forbidden = |part: &str, allowed: &str, place: &str| {
        let c = part.chars().find(|c| c.is_ascii() && !c.is_ascii_alphanumeric() && !allowed.contains(*c))?;
        Some(format!("'{c}' is not allowed {place} the @"))
    };
    let fixed = faults.into_iter().find_map(|(found, why)| found.then(|| why.to_owned()));
    // `atext` of RFC 5322 section 3.2.3, and dots anywhere.
    let local = fixed.or_else(|| forbidden(local, "!#$%&'*+/=?^_`{|}~-.", "before"));
    local.or_else(|| forbidden(domain, "-.", "after"))
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
