//! The access token and its claims. Its signature is not checked: it came from Outseta over TLS.

use std::time::{Duration, SystemTime};

use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::{Engine, alphabet};
use serde_json::{Map, Value};

/// A usable response of the token endpoint. No `Debug` in the program: any field may be secret.
#[cfg_attr(test, derive(Debug, PartialEq))]
pub(crate) struct Token {
    value: String,
    fields: Map<String, Value>,
    claims: Option<Claims>,
}

impl Token {
    /// The error completes "the response …".
    pub(crate) fn new(fields: Map<String, Value>) -> Result<Self, &'static str> {
        let token = match fields.get("access_token") {
            None | Some(Value::Null) => return Err("has no access_token"),
            Some(Value::String(token)) => token.as_str(),
            Some(_) => return Err("has an access_token that is not a string"),
        };
        if !is_token68(token) {
            return Err("has an access_token with invalid characters");
        }
        Ok(Self { value: token.to_owned(), claims: Claims::of(token), fields })
    }

    /// Adds `expires_at`, unless the response has one or it is unknown. `now`: when the response came.
    pub(super) fn with_expires_at(mut self, now: i64) -> Self {
        if let Some(expires_at) = self.expires_at(now) {
            self.fields.entry("expires_at").or_insert(expires_at.into());
        }
        self
    }

    pub(crate) fn access_token(&self) -> &str {
        &self.value
    }

    pub(crate) fn fields(&self) -> &Map<String, Value> {
        &self.fields
    }

    /// `None` if the token is not a JWT.
    pub(crate) fn claims(&self) -> Option<&Claims> {
        self.claims.as_ref()
    }

    /// Seconds after `now` (Unix seconds); negative if the token has expired.
    pub(crate) fn seconds_left(&self, now: i64) -> Option<i64> {
        Some(self.expires_at(now)?.saturating_sub(now))
    }

    /// Unix seconds: the JWT's `exp`, else `now` plus `expires_in`.
    pub(crate) fn expires_at(&self, now: i64) -> Option<i64> {
        let exp = self.claims.as_ref().and_then(Claims::expires_at);
        exp.or_else(|| Some(now.saturating_add(seconds(self.fields.get("expires_in")?)?)))
    }
}

/// RFC 9110 section 11.2: without line breaks, quotes and shell syntax, so that a server cannot inject any.
fn is_token68(text: &str) -> bool {
    let body = text.trim_end_matches('=');
    !body.is_empty() && body.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~+/".contains(&b))
}

/// The payload of a JWT.
#[cfg_attr(test, derive(Debug, PartialEq))]
pub(crate) struct Claims(Map<String, Value>);

impl Claims {
    /// Decodes the payload of a JWS in compact form (RFC 7515 section 7.1).
    fn of(token: &str) -> Option<Self> {
        let parts: Vec<&str> = token.split('.').collect();
        let [_header, payload, _signature] = parts[..] else { return None };
        // Lenient, since a laxer reader might otherwise see another user in the token.
        let payload = payload.trim_end_matches('=').replace('+', "-").replace('/', "_");
        let config = GeneralPurposeConfig::new()
            .with_encode_padding(false)
            .with_decode_padding_mode(DecodePaddingMode::RequireNone)
            .with_decode_allow_trailing_bits(true);
        let payload = GeneralPurpose::new(&alphabet::URL_SAFE, config).decode(payload).ok()?;
        serde_json::from_slice(&payload).ok().map(Self)
    }

    pub(crate) fn email(&self) -> Option<&str> {
        self.0.get("email")?.as_str()
    }

    /// The UID of the customer account that the token is for: one of those that the user belongs to.
    pub(crate) fn account(&self) -> Option<&str> {
        self.0.get("outseta:accountUid")?.as_str()
    }

    /// Unix seconds (RFC 7519 section 4.1.4).
    pub(crate) fn expires_at(&self) -> Option<i64> {
        seconds(self.0.get("exp")?)
    }

    /// The account's host, from `outseta:iss` or `iss`, with or without a scheme.
    pub(crate) fn issuer_host(&self) -> Option<&str> {
        ["outseta:iss", "iss"].iter().find_map(|name| {
            let issuer = self.0.get(*name)?.as_str()?;
            let rest = issuer.split_once("://").map_or(issuer, |(_, rest)| rest);
            rest.split(['/', '?', '#', ':']).next().filter(|host| !host.is_empty())
        })
    }

    pub(crate) fn as_map(&self) -> &Map<String, Value> {
        &self.0
    }
}

/// Whole seconds. RFC 7519 allows a fraction (section 2).
fn seconds(value: &Value) -> Option<i64> {
    #[expect(clippy::cast_possible_truncation, reason = "`as` saturates")]
    value.as_i64().or_else(|| value.as_f64().map(|seconds| seconds as i64))
}

/// Unix seconds.
pub(crate) fn now() -> i64 {
    second_after(Duration::ZERO) - 1
}

/// Unix time, rounded up, at which `duration` from now has passed.
pub(crate) fn second_after(duration: Duration) -> i64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.saturating_add(duration).as_secs()).unwrap_or(i64::MAX).saturating_add(1)
}

#[cfg(test)]
mod tests;
