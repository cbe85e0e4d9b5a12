//! Makes text safe and short enough for messages.

use std::ffi::OsStr;
use std::fmt;
use std::io;

use crate::secret::Secret;

/// Unicode 17's general categories Cc, Cf, Zl and Zp, the grapheme joiner and the Hangul fillers.
pub(crate) fn is_invisible(c: char) -> bool {
    // For speed: almost all text is ASCII.
    if c.is_ascii() {
        return c.is_ascii_control();
    }
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{890}'
            | '\u{891}' | '\u{8e2}' | '\u{115f}' | '\u{1160}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff9}'..='\u{fffb}' | '\u{110bd}' | '\u{110cd}' | '\u{13430}'..='\u{1343f}'
            | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e007f}')
}

/// Text from outside, cut to 300 characters and safe to print.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sanitized(String);

impl Sanitized {
    pub(crate) fn new(text: &str) -> Self {
        let mut shown = String::new();
        let mut characters = text.chars();
        for c in characters.by_ref().take(300) {
            if is_invisible(c) {
                shown.extend(c.escape_default());
            } else {
                shown.push(c);
            }
        }
        if characters.next().is_some() {
            shown.push('…');
        }
        Self(shown)
    }

    pub(crate) fn os(text: impl AsRef<OsStr>) -> Self {
        Self::new(&text.as_ref().to_string_lossy())
    }

    /// For a server's text, which may repeat secrets that were sent to it.
    pub(crate) fn without(text: &str, secrets: &[Secret]) -> Self {
        let mut text = text.to_owned();
        for secret in secrets.iter().map(Secret::reveal).filter(|secret| !secret.is_empty()) {
            text = text.replace(secret, "[hidden]");
        }
        Self::new(&text)
    }
}

impl fmt::Display for Sanitized {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A number of seconds in one unit, rounded: the largest unit that gives at least 1.5.
pub(crate) fn approximate(seconds: i64) -> String {
    let (unit, name) = [(86_400, "day"), (3_600, "hour"), (60, "minute")]
        .into_iter()
        .find(|(unit, _)| seconds >= unit + unit / 2)
        .unwrap_or((1, "second"));
    let number = (seconds + unit / 2) / unit;
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {name}{plural}")
}

/// The system's reason, in lower case and without `(os error 2)`.
pub(crate) fn io_reason(error: &io::Error) -> String {
    let text = error.to_string().to_lowercase();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests;
