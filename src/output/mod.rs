//! The output formats, and writing a result.

mod atomic;
mod format;
mod reuse;

use std::fmt::Write;

use serde::Serialize;
use serde::ser::SerializeMap;
use serde_json::{Map, Value};

pub(crate) use self::atomic::Destination;
pub(crate) use self::format::Format;
pub(crate) use self::reuse::{Requirements, reusable_token};
use crate::api::Token;
use crate::error::{Error, Kind};
use crate::text;

pub(crate) const FIRST_FIELDS: [&str; 4] = ["access_token", "token_type", "expires_in", "expires_at"];

/// What comes before the token in a format of one line.
fn prefix(format: Format) -> Option<&'static str> {
    match format {
        Format::Token => Some(""),
        Format::Header => Some("Authorization: Bearer "),
        Format::Env => Some("OUTSETA_ACCESS_TOKEN="),
        Format::Json | Format::Claims => None,
    }
}

/// Only `claims` can fail: if the token is not a JWT.
pub(crate) fn render(token: &Token, format: Format) -> Result<Vec<u8>, Error> {
    if let Some(prefix) = prefix(format) {
        return Ok(format!("{prefix}{}\n", token.access_token()).into_bytes());
    }
    if format == Format::Json {
        return Ok(pretty(&Ordered(token.fields())));
    }
    let claims = token.claims().ok_or_else(|| {
        let message = "the token is not a JWT: it has no claims to print";
        Error::new(Kind::BadResponse, message, "use another --format to print the token")
    })?;
    Ok(pretty(claims.as_map()))
}

fn pretty(value: &impl Serialize) -> Vec<u8> {
    printable(serde_json::to_string_pretty(value))
}

pub(crate) fn compact(value: &impl Serialize) -> Vec<u8> {
    printable(serde_json::to_string(value))
}

/// Escapes what a terminal would obey or hide (RFC 8259 section 7).
fn printable(json: serde_json::Result<String>) -> Vec<u8> {
    let mut escaped = String::new();
    for c in json.expect("JSON values serialise into memory").chars() {
        // Raw line feeds are layout: strings escape them.
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
struct Ordered<'a>(&'a Map<String, Value>);

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

/// Does not use std's handle, which reports success if standard output cannot be written (EBADF).
pub(crate) fn print(bytes: &[u8]) -> Result<(), Error> {
    Destination::standard_output()?.write(bytes)
}

#[cfg(test)]
mod tests;
