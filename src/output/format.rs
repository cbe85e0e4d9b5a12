//! The output formats: what each is called, how it renders a token, and how a token is read back from it.

use std::fmt::Write;

use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use crate::api::Token;
use crate::error::{Error, Kind};
use crate::text;

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Format {
    Json,
    Token,
    Header,
    Env,
    Claims,
}

enum Shape {
    /// This text and the token in one line.
    Line(&'static str),
    ResponseAsJson,
    ClaimsAsJson,
}

/// The fields of a response that come first, in this order.
const FIRST_FIELDS: [&str; 4] = ["access_token", "token_type", "expires_in", "expires_at"];

impl Format {
    /// In the order of help. The compiler warns of a variant that is missing here: nothing constructs it.
    pub(crate) const ALL: [Self; 5] = [Self::Json, Self::Token, Self::Header, Self::Env, Self::Claims];

    /// The name, the help and the shape.
    fn row(self) -> (&'static str, &'static str, Shape) {
        match self {
            Self::Json => (
                "json",
                "the response: access_token, token_type, expires_in, expires_at, then any other fields",
                Shape::ResponseAsJson,
            ),
            Self::Token => ("token", "the token (a JWT)", Shape::Line("")),
            Self::Header => (
                "header",
                "Authorization: Bearer TOKEN, for curl -H @-",
                Shape::Line("Authorization: Bearer "),
            ),
            Self::Env => (
                "env",
                "OUTSETA_ACCESS_TOKEN=TOKEN, for export \"$(...)\", docker --env-file and systemd",
                Shape::Line("OUTSETA_ACCESS_TOKEN="),
            ),
            Self::Claims => (
                "claims",
                "the token's payload as JSON; its signature is not checked (it came from Outseta over TLS)",
                Shape::ClaimsAsJson,
            ),
        }
    }

    pub(crate) fn name(self) -> &'static str {
        self.row().0
    }

    pub(crate) fn help(self) -> &'static str {
        self.row().1
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }

    /// Whether `parse_rendered` can find a token in this format.
    pub(crate) fn has_token(self) -> bool {
        match self.row().2 {
            Shape::Line(_) | Shape::ResponseAsJson => true,
            Shape::ClaimsAsJson => false,
        }
    }

    /// Fails only for `claims`, if the token is not a JWT.
    pub(crate) fn render(self, token: &Token) -> Result<Vec<u8>, Error> {
        match self.row().2 {
            Shape::ResponseAsJson => {
                let fields = token.fields().iter().map(|(name, value)| (name.as_str(), value));
                let further = fields.filter(|(name, _)| !FIRST_FIELDS.contains(name));
                Ok(pretty(&Ordered(first_fields(token.fields()).chain(further).collect())))
            }
            Shape::Line(prefix) => Ok(format!("{prefix}{}\n", token.access_token()).into_bytes()),
            Shape::ClaimsAsJson => {
                let message = "the token is not a JWT: it has no claims to print";
                let hint = "use another --format to print the token";
                let claims = token.claims().ok_or_else(|| Error::new(Kind::BadResponse, message, hint))?;
                Ok(pretty(claims.as_map()))
            }
        }
    }

    /// The inverse of `render`: `None` unless rendering the token gives exactly these bytes.
    pub(super) fn parse_rendered(self, bytes: &[u8]) -> Option<Token> {
        let fields = match self.row().2 {
            Shape::ResponseAsJson => serde_json::from_slice(bytes).ok()?,
            Shape::Line(prefix) => {
                let jwt = std::str::from_utf8(bytes).ok()?.strip_prefix(prefix)?.strip_suffix('\n')?;
                Map::from_iter([(FIRST_FIELDS[0].to_owned(), jwt.into())])
            }
            Shape::ClaimsAsJson => return None,
        };
        let token = Token::new(fields).ok()?;
        (self.render(&token).ok()? == bytes).then_some(token)
    }
}

/// Those of the first fields that a response has, in their order.
pub(crate) fn first_fields(fields: &Map<String, Value>) -> impl Iterator<Item = (&str, &Value)> {
    FIRST_FIELDS.iter().filter_map(|name| Some((*name, fields.get(*name)?)))
}

/// A JSON object with its fields in this order.
pub(crate) struct Ordered<'a>(pub(crate) Vec<(&'a str, &'a Value)>);

impl Serialize for Ordered<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().copied())
    }
}

pub(super) fn pretty(value: &impl Serialize) -> Vec<u8> {
    printable(serde_json::to_string_pretty(value))
}

/// JSON in one line.
pub(crate) fn compact(value: &impl Serialize) -> Vec<u8> {
    printable(serde_json::to_string(value))
}

/// Escapes control and invisible characters as `\uXXXX` (RFC 8259 section 7).
fn printable(json: serde_json::Result<String>) -> Vec<u8> {
    // A raw line feed is indentation; inside strings it is already escaped.
    let must_be_escaped = |c| c != '\n' && text::is_invisible(c);
    let json = json.expect("JSON values serialise into memory");
    let mut escaped = String::with_capacity(json.len() + 1);
    for part in json.split_inclusive(must_be_escaped) {
        let (shown, last) = part.split_at(part.trim_end_matches(must_be_escaped).len());
        escaped.push_str(shown);
        for unit in last.encode_utf16() {
            let _ = write!(escaped, "\\u{unit:04x}");
        }
    }
    escaped.push('\n');
    escaped.into_bytes()
}
