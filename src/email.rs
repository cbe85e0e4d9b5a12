//! The `Email` type and its grammar.
//!
//! The grammar is the HTML standard's "valid e-mail address" (section 4.10.5.1.5), with non-ASCII characters
//! (RFC 6531) and RFC 5321's limits. Which non-ASCII characters make sense is for the server to say.

use std::fmt;
use std::str;

use crate::error::{Error, Kind};
use crate::text::{Sanitized, is_invisible};

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
                let message = format!("invalid email '{}': {fault}", Sanitized::new(text));
                Err(Error::new(Kind::InvalidEmail, message, PLAIN))
            }
            None => Ok(Self(text.to_owned())),
        }
    }

    /// Parses an argument or a line, which may not be UTF-8.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        Self::parse(str::from_utf8(bytes).map_err(|_| invalid("it is not valid UTF-8"))?)
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

/// The quotes that word processors and chats put around a text.
const TYPOGRAPHIC_QUOTES: [char; 10] = ['“', '”', '„', '‘', '’', '‚', '«', '»', '‹', '›'];

/// Why an address is invalid. The first reason that applies is told.
fn fault(text: &str) -> Option<String> {
    let (local, domain) = text.split_once('@').unwrap_or((text, ""));
    let is_between = |quote| text.starts_with(quote) && text.ends_with(quote);
    let has_typographic_quote = text.starts_with(TYPOGRAPHIC_QUOTES) || text.ends_with(TYPOGRAPHIC_QUOTES);
    let reason = if text.contains(['\n', '\r', '\u{2028}', '\u{2029}']) {
        "it contains a line break"
    } else if text.contains(char::is_control) {
        "it contains a control character"
    } else if text.contains(is_invisible) {
        "it contains an invisible character"
    } else if text.contains(['<', '>']) {
        "it has angle brackets: give the address alone, without a name"
    } else if is_between('"') || is_between('\'') || has_typographic_quote {
        "it is in quotes: remove them"
    } else if text.starts_with('"') {
        "a quoted name before the @ is not supported"
    } else if !text.contains('@') && text.starts_with('$') {
        "the shell did not replace this variable: use double quotes around it"
    } else if !text.contains('@') {
        "it has no @"
    } else if text.contains(char::is_whitespace) {
        "it contains a space"
    } else if domain.contains('@') {
        "it has more than one @"
    } else if local.is_empty() {
        "there is nothing before the @"
    } else if local.len() > 64 {
        "the part before the @ is longer than 64 bytes"
    } else if text.len() > 254 {
        "it is longer than 254 bytes"
    } else if domain.split('.').any(str::is_empty) {
        "the domain, or a part of it, is empty"
    } else if domain.split('.').any(|label| label.chars().count() > 63) {
        "a part of the domain is longer than 63 characters"
    } else if domain.split('.').any(|label| label.starts_with('-') || label.ends_with('-')) {
        "a part of the domain starts or ends with a hyphen"
    } else {
        // The first list is `atext` of RFC 5322 section 3.2.3. Dots may be anywhere.
        return forbidden(local, "!#$%&'*+/=?^_`{|}~-.", "before")
            .or_else(|| forbidden(domain, "-.", "after"));
    };
    Some(reason.to_owned())
}

fn forbidden(part: &str, allowed: &str, side: &str) -> Option<String> {
    let is_forbidden = |c: &char| c.is_ascii() && !c.is_ascii_alphanumeric() && !allowed.contains(*c);
    part.chars().find(is_forbidden).map(|c| format!("'{c}' is not allowed {side} the @"))
}

#[cfg(test)]
mod tests;
