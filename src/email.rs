//! The `Email` type: its grammar, and reading it from an argument or from standard input.
//!
//! The grammar is the HTML standard's "valid e-mail address" (section 4.10.5.1.5), with non-ASCII characters
//! (RFC 6531) and RFC 5321's limits. Which non-ASCII characters make sense is for the server to say.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::str;

use crate::error::{Error, Kind};
use crate::text::{Shown, is_invisible};

const INPUT_LIMIT: u64 = 64 * 1024;

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Email(String);

impl Email {
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        let text = trim(text);
        if text.is_empty() {
            return Err(Error::new(
                Kind::InvalidEmail,
                "invalid email: it is empty",
                "give it as an argument or on standard input; in a script, check that the variable is set",
            ));
        }
        match fault(text) {
            Some(fault) => {
                let message = format!("invalid email '{}': {fault}", Shown::new(text));
                Err(Error::new(Kind::InvalidEmail, message, PLAIN))
            }
            None => Ok(Self(text.to_owned())),
        }
    }

    /// Parses an argument or a line, which may not be UTF-8.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        Self::parse(str::from_utf8(bytes).map_err(|_| invalid("it is not valid UTF-8"))?)
    }

    /// Standard input must have exactly one line that is not blank.
    pub(crate) fn from_input(input: impl Read) -> Result<Self, Error> {
        let mut bytes = Vec::new();
        input.take(INPUT_LIMIT + 1).read_to_end(&mut bytes).map_err(|error| unreadable(&error))?;
        let text = String::from_utf8_lossy(&bytes);
        if text.split('\n').filter(|line| !trim(line).is_empty()).count() > 1 {
            let hint = "give one email, or use --batch for many";
            return Err(Error::usage("more than one email on standard input", hint));
        }
        if bytes.len() as u64 > INPUT_LIMIT {
            return Err(invalid("standard input has more than 64 KiB"));
        }
        // It may be a secret, piped in by mistake.
        if !text.contains('@') && !trim(&text).is_empty() {
            return Err(invalid("it has no @"));
        }
        Self::from_bytes(&bytes)
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Ignores ASCII case only: in Unicode, a Kelvin sign would be the same as a `k`.
    pub(crate) fn is(&self, other: &str) -> bool {
        self.0.eq_ignore_ascii_case(other)
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

const PLAIN: &str = "give one plain address, such as jane@example.com";

/// For an address that cannot be shown.
pub(crate) fn invalid(reason: &str) -> Error {
    Error::new(Kind::InvalidEmail, format!("invalid email: {reason}"), PLAIN)
}

/// Removes white space and byte order marks around an address, except U+2028 and U+2029.
pub(crate) fn trim(text: &str) -> &str {
    text.trim_matches(|c: char| c == '\u{feff}' || c.is_whitespace() && !matches!(c, '\u{2028}' | '\u{2029}'))
}

fn fault(text: &str) -> Option<String> {
    let (local, domain) = text.split_once('@').unwrap_or((text, ""));
    let has_label = |wrong: fn(&str) -> bool| domain.split('.').any(wrong);
    let quotes = ['"', '\''];
    // The quotes that word processors and chats put around a text.
    let typographic = ['“', '”', '„', '‘', '’', '‚', '«', '»', '‹', '›'];
    let faults = [
        (text.contains(['\n', '\r', '\u{2028}', '\u{2029}']), "it contains a line break"),
        (text.contains(['\t', ',', ';']), "it looks like a row of a table: give the address alone"),
        (text.contains(char::is_control), "it contains a control character"),
        (text.contains(is_invisible), "it contains an invisible character"),
        (text.contains(['<', '>']), "it has angle brackets: give the address alone, without a name"),
        (
            text.starts_with(quotes) && text.ends_with(quotes)
                || text.starts_with(typographic)
                || text.ends_with(typographic),
            "it is in quotes: remove them",
        ),
        (text.starts_with('"'), "a quoted name before the @ is not supported"),
        (
            text.starts_with('$') && !text.contains('@'),
            "the shell did not replace this variable: use double quotes around it",
        ),
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
        (has_label(str::is_empty), "the domain has an empty part: one dot too many"),
        (has_label(|label| label.chars().count() > 63), "a part of the domain is longer than 63 characters"),
        (
            has_label(|label| label.starts_with('-') || label.ends_with('-')),
            "a part of the domain starts or ends with a hyphen",
        ),
    ];
    if let Some((_, reason)) = faults.iter().find(|(found, _)| *found) {
        return Some((*reason).to_owned());
    }
    // `atext` of RFC 5322 section 3.2.3, and dots anywhere.
    for (part, allowed, side) in [(local, "!#$%&'*+/=?^_`{|}~-.", "before"), (domain, "-.", "after")] {
        let forbidden = |c: &char| c.is_ascii() && !c.is_ascii_alphanumeric() && !allowed.contains(*c);
        if let Some(c) = part.chars().find(forbidden) {
            return Some(format!("'{c}' is not allowed {side} the @"));
        }
    }
    None
}

pub(crate) const STANDARD_INPUT: &str = "standard input";

/// Standard input as a file. (std's handle reads a closed one as empty.)
pub(crate) fn standard_input() -> Result<File, Error> {
    io::stdin().as_fd().try_clone_to_owned().map(File::from).map_err(|error| unreadable(&error))
}

fn unreadable(error: &io::Error) -> Error {
    Error::unreadable(&Shown::new(STANDARD_INPUT), error)
}

#[cfg(test)]
mod tests;
