//! An access token with what came beside it, and what makes one usable. Pure.

use std::fmt;

use serde_json::{Map, Value};

use crate::jwt::{self, Claims};
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
        Ok(Self {
            value: Secret::new(token),
            claims: Claims::of(token),
            fields,
        })
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
        exp.or_else(|| Some(now.saturating_add(jwt::seconds(self.fields.get("expires_in")?)?)))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token")
            .field("value", &self.value)
            .finish_non_exhaustive()
    }
}

/// RFC 9110 section 11.2: what may stand in an Authorization header, and so never a line break, a quote or a shell's
/// syntax.
fn is_token68(text: &str) -> bool {
    let body = text.trim_end_matches('=');
    !body.is_empty()
        && body
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-._~+/".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn token(fields: Value) -> Result<Token, &'static str> {
        let Value::Object(fields) = fields else {
            panic!()
        };
        Token::new(fields)
    }

    #[test]
    fn token68() {
        for text in ["a", "A-Z._~+/09==", "eyJ.eyJ.sig"] {
            assert!(is_token68(text), "{text}");
        }
        for text in [
            "",
            "=",
            "a=b",
            "a b",
            "a\n",
            "a\r\nX: y",
            "a\"b",
            "$(id)",
            "a'b",
            "ä",
            "a;b",
            "a\0",
        ] {
            assert!(!is_token68(text), "{text:?}");
        }
    }

    #[test]
    fn what_is_no_token() {
        assert!(token(json!({"access_token": "t"})).is_ok());
        for fields in [
            json!({}),
            json!({"access_token": null}),
            json!({"access_token": 7}),
            json!({"access_token": ""}),
            json!({"access_token": "a b"}),
            json!({"token": "t"}),
        ] {
            assert!(token(fields.clone()).is_err(), "{fields}");
        }
    }

    #[test]
    fn expiry_comes_from_the_jwt_first() {
        let exp = "e30.eyJleHAiOjUwMDB9.s";
        let at = |fields| token(fields).unwrap().expires_at(1000);
        assert_eq!(
            at(json!({"access_token": exp, "expires_in": 60})),
            Some(5000)
        );
        assert_eq!(
            at(json!({"access_token": "t", "expires_in": 60})),
            Some(1060)
        );
        assert_eq!(
            at(json!({"access_token": "t", "expires_in": i64::MAX})),
            Some(i64::MAX)
        );
        assert_eq!(at(json!({"access_token": "t", "expires_in": "60"})), None);
        assert_eq!(
            at(json!({"access_token": "t", "expires_in": 60.9})),
            Some(1060)
        );
        assert_eq!(at(json!({"access_token": "t"})), None);
        let token = token(json!({"access_token": exp})).unwrap();
        assert_eq!(
            (token.seconds_left(4_999), token.seconds_left(5_001)),
            (Some(1), Some(-1))
        );
    }

    #[test]
    fn debug_shows_nothing() {
        let token = token(json!({"access_token": "s3cr3t", "refresh_token": "r3fr3sh"})).unwrap();
        let debug = format!("{token:?}");
        assert!(
            !debug.contains("s3cr3t") && !debug.contains("r3fr3sh"),
            "{debug}"
        );
    }
}

#[cfg(test)]
mod properties {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn of(value: Value) -> Result<Token, &'static str> {
        Token::new(Map::from_iter([("access_token".to_owned(), value)]))
    }

    /// RFC 9110 section 11.2, told in another way: letters, then padding.
    fn expected(text: &str) -> bool {
        let padding = text.bytes().rev().take_while(|b| *b == b'=').count();
        let (letters, _) = text.split_at(text.len() - padding);
        !letters.is_empty() && letters.chars().all(|c| matches!(c, 'a'..='z' | 'A'..='Z' | '0'..='9' | '-' | '.' | '_' | '~' | '+' | '/'))
    }

    #[test]
    fn debug_shows_that_there_is_something_and_not_what() {
        let token = of(json!("s3cr3t")).expect("a token");
        assert_eq!(format!("{token:?}"), "Token { value: REDACTED, .. }");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_token_is_token68_and_nothing_else_is(text in prop_oneof![".*", "[-a-zA-Z0-9._~+/=]*", "[a-z]+=*", "[a-z.]+[\\x00-\\x7f]"]) {
            match of(json!(text)) {
                Ok(token) => {
                    prop_assert!(expected(&text), "{:?}", text);
                    prop_assert_eq!(token.access_token(), text.as_str());
                }
                Err(_) => prop_assert!(!expected(&text), "{:?}", text),
            }
        }

        #[test]
        fn bytes_are_never_more_than_their_text(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            let text = String::from_utf8_lossy(&bytes);
            let body = json!({"access_token": text}).to_string();
            let fields: Map<String, Value> = serde_json::from_str(&body).expect("JSON");
            prop_assert_eq!(Token::new(fields).is_ok(), expected(&text));
        }

        #[test]
        fn the_expiry_never_overflows(expires_in in any::<i64>(), now in any::<i64>()) {
            let fields = json!({"access_token": "t", "expires_in": expires_in});
            let Value::Object(fields) = fields else { unreachable!() };
            let token = Token::new(fields).expect("a token");
            prop_assert_eq!(token.expires_at(now), Some(now.saturating_add(expires_in)));
        }
    }
}
