//! Standard input: as a file, and as the source of one email.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd;

use crate::email::{Email, invalid, trim};
use crate::error::Error;
use crate::text::Sanitized;

pub(crate) const NAME: &str = "standard input";

/// Bytes.
const LIMIT: u64 = 64 * 1024;

/// Not std's handle, which reads a closed standard input as empty.
pub(crate) fn file() -> Result<File, Error> {
    io::stdin().as_fd().try_clone_to_owned().map(File::from).map_err(|error| unreadable(&error))
}

/// The email in the input, which must have exactly one line that is not blank.
pub(crate) fn email(input: impl Read) -> Result<Email, Error> {
    let mut bytes = Vec::new();
    input.take(LIMIT + 1).read_to_end(&mut bytes).map_err(|error| unreadable(&error))?;
    let text = String::from_utf8_lossy(&bytes);
    if text.split('\n').filter(|line| !trim(line).is_empty()).count() > 1 {
        let hint = "give one email, or use --batch for many";
        return Err(Error::usage("more than one email on standard input", hint));
    }
    if bytes.len() as u64 > LIMIT {
        return Err(invalid("standard input has more than 64 KiB"));
    }
    // Text without an @ may be a secret, piped in by mistake: do not show it.
    if !text.contains('@') && !trim(&text).is_empty() {
        return Err(invalid("it has no @"));
    }
    Email::from_bytes(&bytes)
}

fn unreadable(error: &io::Error) -> Error {
    Error::unreadable(&Sanitized::new(NAME), error)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The email, or what is wrong.
    fn from_input(bytes: impl Read) -> Result<Email, String> {
        email(bytes).map_err(|error| error.to_string())
    }

    #[test]
    fn standard_input_has_one_email() {
        for input in [&b""[..], b"  ", b"\xef\xbb\xbf\r\n", b"\n \r\n\n"] {
            assert_eq!(from_input(input), Err("invalid email: it is empty".to_owned()));
        }
        let padded = b"\xef\xbb\xbf\r\n\n jane@example.com \r\n\n";
        assert_eq!(from_input(&padded[..]).unwrap().as_str(), "jane@example.com");
        let two = b"jane@example.com\nbob@example.com\n";
        assert_eq!(from_input(&two[..]), Err("more than one email on standard input".to_owned()));
        assert_eq!(from_input(&b"S3cr3t\n"[..]), Err("invalid email: it has no @".to_owned()));
        assert_eq!(from_input(&b"j\xff@e.de"[..]), Err("invalid email: it is not valid UTF-8".to_owned()));
    }

    #[test]
    fn standard_input_has_at_most_64_kib() {
        let mut bytes = vec![b'\n'; 64 * 1024 - 16];
        bytes.extend(b"jane@example.com");
        assert_eq!(from_input(bytes.as_slice()).unwrap().as_str(), "jane@example.com");
        bytes.push(b'\n');
        let too_long = Err("invalid email: standard input has more than 64 KiB".to_owned());
        assert_eq!(from_input(bytes.as_slice()), too_long);
        assert_eq!(from_input(io::repeat(0xff)), too_long);
    }
}
