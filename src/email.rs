//! The `Email` type: its grammar, and taking it from an argument or from standard input. It knows no settings and no
//! terminal: a prompt's answer comes in as an argument does.
//!
//! The grammar is the HTML standard's "valid e-mail address" (section 4.10.5.1.5), widened by non-ASCII letters in
//! both parts (RFC 6531), with RFC 5321's limits: 64 bytes before the `@`, 254 in all.

use std::ffi::OsStr;
use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, Read};
use std::os::fd::AsFd;

use crate::error::{EmailFault, Error, Usage};
use crate::text::{self, Shown, reason};

/// Bytes that are read of standard input, at most.
const INPUT_LIMIT: u64 = 64 * 1024;

/// Bytes of one line of a batch, at most: far more than an email and the white space around it.
const LINE_LIMIT: u64 = 4 * 1024;

const LOCAL_LIMIT: usize = 64;
const EMAIL_LIMIT: usize = 254;
const LABEL_LIMIT: usize = 63;

/// A valid email address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Email(String);

impl Email {
    /// Takes an address with or without white space, carriage returns and a byte order mark around it.
    ///
    /// # Errors
    /// `Error::Email`, which says what is wrong with it.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        let text = clean(text);
        if text.is_empty() {
            return Err(Error::Email(EmailFault::Nothing));
        }
        match fault(text) {
            Some(why) => Err(Error::Email(EmailFault::In { email: Shown::new(text), why })),
            None => Ok(Self(text.to_owned())),
        }
    }

    /// The same for an argument, which need not be UTF-8.
    ///
    /// # Errors
    /// `Error::Email`.
    pub(crate) fn from_argument(argument: &OsStr) -> Result<Self, Error> {
        Self::parse(argument.to_str().ok_or(Error::Email(EmailFault::NotUtf8))?)
    }

    /// Takes the only line of an input that is not blank, reading 64 KiB at most.
    ///
    /// # Errors
    /// `Error::Email` for no line, for a malformed one and for more than 64 KiB, `Error::Usage` for more than one,
    /// `Error::Unreadable`.
    pub(crate) fn from_input(input: impl Read) -> Result<Self, Error> {
        let mut bytes = Vec::new();
        input
            .take(INPUT_LIMIT + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| unreadable("standard input", &error))?;
        let too_long = bytes.len() as u64 > INPUT_LIMIT;
        let Ok(text) = std::str::from_utf8(&bytes) else {
            return Err(Error::Email(if too_long { EmailFault::InputTooLong } else { EmailFault::NotUtf8 }));
        };
        let mut lines = text.split('\n').map(clean).filter(|line| !line.is_empty());
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

    /// Whether another address is this one, ASCII letter case aside. (Some letters lead to the same lower-case letter.)
    pub(crate) fn is(&self, other: &str) -> bool {
        self.0.eq_ignore_ascii_case(other)
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One line of a batch that is to be answered: what stood there, and the email in it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Line {
    /// Counted from 1, blank lines and comments too.
    pub(crate) number: u64,
    pub(crate) text: String,
    pub(crate) email: Result<Email, Error>,
}

/// The lines of a batch that hold an email: neither blank nor starting with `#`. Constant memory, whatever comes.
pub(crate) struct Lines<R> {
    input: R,
    name: Shown,
    number: u64,
}

impl<R: BufRead> Lines<R> {
    /// `name` is what the input is called in a message.
    pub(crate) fn new(input: R, name: Shown) -> Self {
        Self { input, name, number: 0 }
    }

    /// A whole line, or its first 4 KiB and whether there was more.
    fn read(&mut self) -> io::Result<Option<(Vec<u8>, bool)>> {
        let mut line = Vec::new();
        if self.input.by_ref().take(LINE_LIMIT).read_until(b'\n', &mut line)? == 0 {
            return Ok(None);
        }
        self.number += 1;
        let cut = !line.ends_with(b"\n") && line.len() as u64 == LINE_LIMIT;
        let longer = cut && self.skip_line()? > 0;
        Ok(Some((line, longer)))
    }

    /// Reads up to the next line and says how many bytes of this one were left before its line feed.
    fn skip_line(&mut self) -> io::Result<usize> {
        let mut skipped = 0;
        loop {
            let buffer = self.input.fill_buf()?;
            let (length, ended) = match buffer.iter().position(|&byte| byte == b'\n') {
                Some(at) => (at, true),
                None => (buffer.len(), buffer.is_empty()),
            };
            let line_feed = usize::from(ended && !buffer.is_empty());
            self.input.consume(length + line_feed);
            skipped += length;
            if ended {
                return Ok(skipped);
            }
        }
    }
}

impl<R: BufRead> Iterator for Lines<R> {
    /// # Errors
    /// `Error::Unreadable`.
    type Item = Result<Line, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (bytes, longer) = match self.read() {
                Ok(line) => line?,
                Err(error) => {
                    return Some(Err(Error::Unreadable { what: self.name.clone(), why: reason(&error) }));
                }
            };
            let text = String::from_utf8_lossy(&bytes);
            let text = clean(&text);
            if text.is_empty() && !longer || text.starts_with('#') {
                continue;
            }
            let email = if longer {
                Err(Error::Email(EmailFault::LineTooLong))
            } else if std::str::from_utf8(&bytes).is_err() {
                Err(Error::Email(EmailFault::NotUtf8))
            } else {
                Email::parse(text)
            };
            let text = match &email {
                Ok(email) => email.to_string(),
                Err(_) => Shown::new(text).to_string(),
            };
            return Some(Ok(Line { number: self.number, text, email }));
        }
    }
}

fn unreadable(what: &str, error: &io::Error) -> Error {
    Error::Unreadable { what: Shown::new(what), why: reason(error) }
}

/// Drops what editors, spreadsheets and Windows leave around an address.
fn clean(text: &str) -> &str {
    text.trim_matches(|c: char| c == '\u{feff}' || c.is_whitespace() && !text::is_line_separator(c))
}

/// What is wrong with an address, the most telling fault first.
fn fault(text: &str) -> Option<&'static str> {
    if text.contains(['\n', '\r']) {
        return Some("it holds a line break");
    }
    if let Some(why) = text.chars().find_map(forbidden) {
        return Some(why);
    }
    if text.contains(['<', '>']) {
        return Some("it has angle brackets: give the address alone, without a name");
    }
    if text.starts_with('"') {
        return Some("a quoted name before the @ is not supported");
    }
    if text.contains(char::is_whitespace) {
        return Some("it holds a space");
    }
    let Some((local, domain)) = text.split_once('@') else {
        return Some("it has no @");
    };
    if domain.contains('@') {
        return Some("it has more than one @");
    }
    if local.is_empty() {
        return Some("nothing stands before the @");
    }
    if domain.is_empty() {
        return Some("nothing stands behind the @");
    }
    if local.len() > LOCAL_LIMIT {
        return Some("more than 64 bytes stand before the @");
    }
    if text.len() > EMAIL_LIMIT {
        return Some("it is longer than 254 bytes");
    }
    if !local.chars().all(|c| is_atext(c) || c == '.') {
        return Some("a character before the @ is not allowed there");
    }
    domain.split('.').find_map(label_fault)
}

/// Characters that no address holds and that could deceive whoever reads it.
fn forbidden(c: char) -> Option<&'static str> {
    if c.is_control() {
        Some("it holds a control character")
    } else if text::is_bidirectional(c) {
        Some("it holds a bidirectional control character")
    } else if text::is_line_separator(c) {
        Some("it holds a line separator")
    } else if text::is_invisible(c) {
        Some("it holds an invisible format character")
    } else {
        None
    }
}

/// `atext` of RFC 5322 section 3.2.3, and RFC 6531's letters.
fn is_atext(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+/=?^_`{|}~-".contains(c) || is_letter(c)
}

/// A non-ASCII letter, digit, or a mark that some script's words cannot be written without.
fn is_letter(c: char) -> bool {
    !c.is_ascii() && (c.is_alphanumeric() || is_mark(c))
}

/// Combining marks that Unicode does not count as alphabetic: accents of decomposed letters, and the viramas, nuktas
/// and tone marks of South and South-East Asian scripts and of Japanese.
fn is_mark(c: char) -> bool {
    let indic = matches!(c, '\u{900}'..='\u{d7f}') && matches!(u32::from(c) & 0x7f, 0x3c | 0x4d);
    indic
        || matches!(c,
            '\u{300}'..='\u{36f}' | '\u{d3b}' | '\u{dca}' | '\u{e3a}' | '\u{e47}'..='\u{e4e}' | '\u{eba}'
            | '\u{ec8}'..='\u{ece}' | '\u{f39}' | '\u{f84}' | '\u{1037}' | '\u{1039}' | '\u{103a}' | '\u{17d2}'
            | '\u{3099}' | '\u{309a}')
}

fn label_fault(label: &str) -> Option<&'static str> {
    if label.is_empty() {
        Some("the domain has an empty part: a dot too many")
    } else if label.chars().count() > LABEL_LIMIT {
        Some("a part of the domain is longer than 63 characters")
    } else if label.starts_with('-') || label.ends_with('-') {
        Some("a part of the domain starts or ends with a hyphen")
    } else if label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || is_letter(c)) {
        None
    } else {
        Some("a character of the domain is not allowed there")
    }
}

/// In messages.
pub(crate) const STANDARD_INPUT: &str = "standard input";

/// Standard input as a file: std's own handle says of one that is not open for reading, as `nohup` leaves it, that it is
/// empty.
pub(crate) fn standard_input() -> Result<File, Error> {
    let owned = io::stdin().as_fd().try_clone_to_owned();
    owned
        .map(File::from)
        .map_err(|error| Error::Unreadable { what: Shown::new(STANDARD_INPUT), why: reason(&error) })
}

#[cfg(test)]
mod tests;
