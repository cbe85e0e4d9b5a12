//! An access token with what came beside it, and what makes one usable. Pure.

use std::fmt;
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use crate::secret::Secret;

/// A usable answer of the token endpoint. All its fields are as secret as the token: a refresh token may be among them.
#[derive(Clone, PartialEq)]
pub(crate) struct Token {
    value: Secret,
    fields: Map<String, Value>,
    claims: Option<Claims>,
}

impl Token {
    /// Takes the fields of an answer, among them `access_token`.
    ///
    /// # Errors
    /// Why they hold no usable token, in words.
    pub(crate) fn new(fields: Map<String, Value>) -> Result<Self, &'static str> {
        let token = match fields.get("access_token") {
            None | Some(Value::Null) => return Err("there is no access_token in it"),
            Some(Value::String(token)) => token.as_str(),
            Some(_) => return Err("its access_token is not a string"),
        };
        if !is_token68(token) {
            return Err("its access_token has characters that no token has");
        }
        Ok(Self { value: Secret::new(token), claims: Claims::of(token), fields })
    }

    pub(crate) fn access_token(&self) -> &str {
        self.value.reveal()
    }

    /// All fields of the answer, `access_token` among them.
    pub(crate) fn fields(&self) -> &Map<String, Value> {
        &self.fields
    }

    /// `None` if the token is not a JWT.
    pub(crate) fn claims(&self) -> Option<&Claims> {
        self.claims.as_ref()
    }

    /// Seconds for which it is still valid at `now`, in Unix seconds; negative if it has expired.
    pub(crate) fn seconds_left(&self, now: i64) -> Option<i64> {
        Some(self.expires_at(now)?.saturating_sub(now))
    }

    /// Unix seconds at which it expires: the JWT's `exp`, else `expires_in` from `now`.
    pub(crate) fn expires_at(&self, now: i64) -> Option<i64> {
        let exp = self.claims.as_ref().and_then(Claims::expires_at);
        exp.or_else(|| Some(now.saturating_add(seconds(self.fields.get("expires_in")?)?)))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token").field("value", &self.value).finish_non_exhaustive()
    }
}

/// RFC 9110 section 11.2: what may stand in an Authorization header, and so never a line break, a quote or a shell's
/// syntax.
fn is_token68(text: &str) -> bool {
    let body = text.trim_end_matches('=');
    !body.is_empty() && body.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~+/".contains(&b))
}

/// The payload of a JWT.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Claims(Map<String, Value>);

impl Claims {
    /// Reads the second of the three parts of a JWS in compact form (RFC 7515 section 7.1); `None` if it is no JWT.
    pub(crate) fn of(token: &str) -> Option<Self> {
        let mut parts = token.split('.');
        let (Some(_header), Some(payload), Some(_signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return None;
        };
        let payload = URL_SAFE_NO_PAD.decode(payload).ok()?;
        serde_json::from_slice(&payload).ok().map(Self)
    }

    pub(crate) fn email(&self) -> Option<&str> {
        self.0.get("email")?.as_str()
    }

    /// Unix seconds at which the token expires (RFC 7519 section 4.1.4, which allows a fraction).
    pub(crate) fn expires_at(&self) -> Option<i64> {
        seconds(self.0.get("exp")?)
    }

    /// The host of the account that issued it: Outseta gives its address as `outseta:iss` or `iss`, with a scheme or
    /// without.
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

/// A number of seconds, its fraction dropped.
fn seconds(value: &Value) -> Option<i64> {
    #[expect(clippy::cast_possible_truncation, reason = "`as` saturates, and no clock comes near")]
    value.as_i64().or_else(|| value.as_f64().map(|seconds| seconds as i64))
}

/// The second that has begun.
pub(crate) fn now() -> i64 {
    whole_seconds(since_epoch())
}

/// The first full second after `duration` from now: what expires then or later stays valid at least so long.
pub(crate) fn second_after(duration: Duration) -> i64 {
    whole_seconds(since_epoch().saturating_add(duration)).saturating_add(1)
}

fn since_epoch() -> Duration {
    let now = SystemTime::now();
    now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

fn whole_seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
