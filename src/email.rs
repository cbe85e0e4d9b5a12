//! The `Email` type: its grammar, and reading it from an argument or from standard input.
//!
//! The grammar is the HTML standard's "valid e-mail address" (section 4.10.5.1.5), with non-ASCII characters
//! (RFC 6531) and RFC 5321's limits. Which non-ASCII characters make sense is for the server to say.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::str;

use crate::error::Error;
use crate::text::{self, Shown, io_reason};

/// The most bytes that are read of standard input.
const INPUT_LIMIT: u64 = 64 * 1024;

/// A valid email address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Email(String);

impl Email {
    /// Parses an address, without the white space and the byte order mark around it.
    ///
    /// # Errors
    /// `Kind::InvalidEmail`.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        let text = trim(text);
        if text.is_empty() {
            return Err(Error::email(
                "invalid email: it is empty",
                "give it as an argument or on standard input; in a script, check that the variable is set",
            ));
        }
        match fault(text) {
            Some(fault) => Err(Error::email(
                format!("invalid email '{}': {fault}", Shown::new(text)),
                "give a plain address, such as jane@example.com",
            )),
            None => Ok(Self(text.to_owned())),
        }
    }

    /// Parses an argument or a line, which may not be UTF-8.
    ///
    /// # Errors
    /// `Kind::InvalidEmail`.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        Self::parse(str::from_utf8(bytes).map_err(|_| invalid(NOT_UTF8))?)
    }

    /// Reads the only line of standard input that is not blank.
    ///
    /// # Errors
    /// `Kind::InvalidEmail`, also for more than 64 KiB; `Kind::Usage` for several lines; `Kind::Unreadable`.
    pub(crate) fn from_input(input: impl Read) -> Result<Self, Error> {
        let mut bytes = Vec::new();
        input.take(INPUT_LIMIT + 1).read_to_end(&mut bytes).map_err(|error| unreadable(&error))?;
        let too_long = bytes.len() as u64 > INPUT_LIMIT;
        let Ok(text) = str::from_utf8(&bytes) else {
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

const NOT_UTF8: &str = "it is not valid UTF-8";
const INPUT_TOO_LONG: &str = "standard input has more than 64 KiB";

/// For an address that cannot be shown.
pub(crate) fn invalid(reason: &str) -> Error {
    Error::email(format!("invalid email: {reason}"), "give one plain address, such as jane@example.com")
}

/// Removes what editors, spreadsheets and Windows put around an address.
pub(crate) fn trim(text: &str) -> &str {
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
    let fault = faults.into_iter().find_map(|(found, reason)| found.then(|| reason.to_owned()));
    // `atext` of RFC 5322 section 3.2.3, and dots anywhere.
    let fault = fault.or_else(|| forbidden(local, "!#$%&'*+/=?^_`{|}~-.", "before"));
    fault.or_else(|| forbidden(domain, "-.", "after"))
}

/// What messages call standard input.
pub(crate) const STANDARD_INPUT: &str = "standard input";

/// Standard input as a file. (std's handle reads a closed one as empty.)
///
/// # Errors
/// `Kind::Unreadable`.
pub(crate) fn standard_input() -> Result<File, Error> {
    io::stdin().as_fd().try_clone_to_owned().map(File::from).map_err(|error| unreadable(&error))
}

fn unreadable(error: &io::Error) -> Error {
    Error::unreadable(&Shown::new(STANDARD_INPUT), &io_reason(error))
}

#[cfg(test)]
mod tests;
