//! Text that may reach a terminal or a log: which characters could forge a line, hide or reorder what stands there,
//! and how foreign text is shown with them made visible. It knows neither emails nor answers.

use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::time::Duration;

use crate::secret::Secret;

/// Characters of foreign text that are shown, at most.
const SHOWN: usize = 300;

/// What stands where a secret stood in foreign text.
const HIDDEN: &str = "[hidden]";

/// Whether a character controls a terminal, breaks a line or cannot be seen: Unicode's general categories Cc, Cf, Zl
/// and Zp, and the few others that are drawn as nothing at all (the grapheme joiner and the Hangul fillers).
pub(crate) fn is_invisible(c: char) -> bool {
    c.is_control()
        || is_format(c)
        || is_line_separator(c)
        || matches!(c, '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}')
}

/// Whether a character ends a line somewhere though it is not a control character: Unicode's Zl and Zp.
pub(crate) fn is_line_separator(c: char) -> bool {
    matches!(c, '\u{2028}' | '\u{2029}')
}

/// Whether a character changes the direction of the text around it (Unicode's UAX 9, section 2).
pub(crate) fn is_bidirectional(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Unicode's general category Cf (format), as of Unicode 17.
pub(crate) fn is_format(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{890}' | '\u{891}' | '\u{8e2}'
        | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}' | '\u{110bd}' | '\u{110cd}' | '\u{13430}'..='\u{1343f}'
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e007f}')
}

/// Foreign text (a server's, a file's, an argument) in a form that is safe to print: invisible characters as
/// `\u{…}`, and at most 300 characters of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shown(String);

impl Shown {
    pub(crate) fn new(text: &str) -> Self {
        let mut shown = String::new();
        let mut characters = text.chars();
        for c in characters.by_ref().take(SHOWN) {
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

    /// The same for a path or an argument, which need not be UTF-8.
    pub(crate) fn os(text: impl AsRef<OsStr>) -> Self {
        Self::new(&text.as_ref().to_string_lossy())
    }

    /// The same for a server's text, which could repeat what was sent to it; blanks around it say nothing.
    pub(crate) fn without(text: &str, secrets: &[&Secret]) -> Self {
        let mut text = text.to_owned();
        for secret in secrets {
            if !secret.reveal().is_empty() {
                text = text.replace(secret.reveal(), HIDDEN);
            }
        }
        Self::new(text.trim())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A duration for a person: in the largest unit of which it holds one and a half at least, rounded.
pub(crate) fn rough(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (unit, name) = [(86_400, "day"), (3_600, "hour"), (60, "minute")]
        .into_iter()
        .find(|(unit, _)| 2 * seconds >= 3 * unit)
        .unwrap_or((1, "second"));
    let number = (seconds + unit / 2) / unit;
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {name}{plural}")
}

/// Why the system refused something, in the voice of our messages and without std's `(os error N)`.
pub(crate) fn reason(error: &io::Error) -> String {
    let text = error.to_string().to_lowercase();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests;
