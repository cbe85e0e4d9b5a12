//! The output formats, and writing a result. Knows neither settings nor HTTP.

mod file;
mod kept;

use std::fmt::Write;

use serde::Serialize;
use serde::ser::SerializeMap;
use serde_json::{Map, Value};

pub(crate) use self::file::Destination;
pub(crate) use self::kept::{Wanted, kept};
use crate::api::Token;
use crate::cli::Format;
use crate::error::{Error, Kind};
use crate::text;

const HEADER: &str = "Authorization: Bearer ";
/// The environment variable for the token.
pub(crate) const VARIABLE: &str = "OUTSETA_ACCESS_TOKEN";

/// The fields that come first in JSON, in this order.
pub(crate) const FIRST_FIELDS: [&str; 3] = ["access_token", "token_type", "expires_in"];

/// The result in a format.
///
/// # Errors
/// `Kind::BadResponse` if the format is `claims` and the token is not a JWT.
pub(crate) fn render(token: &Token, format: Format) -> Result<Vec<u8>, Error> {
    let jwt = token.access_token();
    Ok(match format {
        Format::Json => pretty(&Ordered(token.fields())),
        Format::Token => format!("{jwt}\n").into_bytes(),
        Format::Header => format!("{HEADER}{jwt}\n").into_bytes(),
        Format::Env => format!("{VARIABLE}={jwt}\n").into_bytes(),
        Format::Claims => {
            let Some(claims) = token.claims() else {
                let message = "the token is not a JWT: it has no claims to print";
                return Err(Error::new(
                    Kind::BadResponse,
                    message,
                    "use another --format to print the token",
                ));
            };
            pretty(claims.as_map())
        }
    })
}

/// JSON that is indented by two.
fn pretty(value: &impl Serialize) -> Vec<u8> {
    printable(serde_json::to_string_pretty(value))
}

/// JSON on one line.
pub(crate) fn compact(value: &impl Serialize) -> Vec<u8> {
    printable(serde_json::to_string(value))
}

/// Escapes the characters in strings that a terminal would obey or hide (RFC 8259 section 7), and ends with a
/// line feed.
fn printable(json: serde_json::Result<String>) -> Vec<u8> {
    let json = json.expect("JSON values serialise into memory");
    let mut escaped = String::with_capacity(json.len() + 1);
    for c in json.chars() {
        // Outside strings, the line feed is the only one.
        if c != '\n' && text::is_invisible(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(escaped, "\\u{unit:04x}");
            }
        } else {
            escaped.push(c);
        }
    }
    escaped.push('\n');
    escaped.into_bytes()
}

/// A response's fields, `FIRST_FIELDS` first.
pub(crate) struct Ordered<'a>(pub(crate) &'a Map<String, Value>);

impl Serialize for Ordered<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let first = FIRST_FIELDS.iter().filter_map(|name| self.0.get_key_value(*name));
        let further = self.0.iter().filter(|(name, _)| !FIRST_FIELDS.contains(&name.as_str()));
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in first.chain(further) {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

/// Writes to standard output. (std's handle ignores that it is not open for writing.)
///
/// # Errors
/// `Kind::BrokenPipe`, `Kind::CannotWrite`.
pub(crate) fn print(bytes: &[u8]) -> Result<(), Error> {
    Destination::standard_output().write(bytes)
}

#[cfg(test)]
mod tests;
