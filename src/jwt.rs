//! The claims of a JWT (RFC 7519), read and not verified: the token came from Outseta over TLS, and its signature is
//! for those who receive it. Pure.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

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
            rest.split(['/', '?', '#', ':'])
                .next()
                .filter(|host| !host.is_empty())
        })
    }

    pub(crate) fn as_map(&self) -> &Map<String, Value> {
        &self.0
    }
}

/// A number of seconds, its fraction dropped.
pub(crate) fn seconds(value: &Value) -> Option<i64> {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "`as` saturates, and no clock comes near"
    )]
    value
        .as_i64()
        .or_else(|| value.as_f64().map(|seconds| seconds as i64))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims(payload: &str) -> Option<Claims> {
        Claims::of(&format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(payload)))
    }

    #[test]
    fn reads_what_it_is_asked_for() {
        let claims =
            claims(r#"{"email":"j@e.de","exp":1700000000,"iss":"http://acme.outseta.com"}"#)
                .unwrap();
        assert_eq!(claims.email(), Some("j@e.de"));
        assert_eq!(claims.expires_at(), Some(1_700_000_000));
        assert_eq!(claims.issuer_host(), Some("acme.outseta.com"));
        assert_eq!(claims.as_map().len(), 3);
    }

    #[test]
    fn other_types_are_no_claims() {
        let claims = claims(r#"{"email":["j@e.de"],"exp":"soon","iss":7}"#).unwrap();
        assert_eq!(
            (claims.email(), claims.expires_at(), claims.issuer_host()),
            (None, None, None)
        );
    }

    #[test]
    fn an_expiry_may_have_a_fraction_or_be_absurd() {
        let at = |exp: &str| claims(&format!(r#"{{"exp":{exp}}}"#)).unwrap().expires_at();
        assert_eq!(at("1700000000.9"), Some(1_700_000_000));
        assert_eq!(at("1.7e9"), Some(1_700_000_000));
        assert_eq!(at("-1"), Some(-1));
        assert_eq!(at("1e300"), Some(i64::MAX));
        assert_eq!(at("99999999999999999999"), Some(i64::MAX));
    }

    #[test]
    fn the_account_is_named_by_outsetas_claim_first() {
        let host = |payload: &str| claims(payload).unwrap().issuer_host().map(str::to_owned);
        assert_eq!(
            host(r#"{"iss":"https://a/","outseta:iss":"https://b:443/x"}"#).as_deref(),
            Some("b")
        );
        assert_eq!(host(r#"{"iss":"https://a?x"}"#).as_deref(), Some("a"));
        assert_eq!(
            host(r#"{"iss":"https://a/","outseta:iss":"b.outseta.com"}"#).as_deref(),
            Some("b.outseta.com"),
            "without a scheme"
        );
        assert_eq!(
            host(r#"{"iss":"https://a/","outseta:iss":null}"#).as_deref(),
            Some("a")
        );
        assert_eq!(host(r#"{"iss":""}"#), None);
        assert_eq!(host("{}"), None);
    }

    #[test]
    fn what_is_no_jwt() {
        for token in [
            "",
            "a",
            "a.b",
            "e30.e30",
            "e30.e30.a.b",
            "e30.!.c",
            "e30.W10.c",
            "e30.eyI.c",
            "e30..c",
            "e30.e30=.c",
        ] {
            assert_eq!(Claims::of(token), None, "{token}");
        }
        assert!(
            Claims::of("e30.e30.").is_some(),
            "an unsigned JWT has an empty signature"
        );
    }
}

#[cfg(test)]
mod properties {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn whatever_comes_is_read_or_not(text in ".*") {
            let _ = Claims::of(&text);
        }

        #[test]
        fn any_payload_between_two_dots_is_read_or_not(payload in prop::collection::vec(any::<u8>(), 0..100)) {
            let token = format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(&payload));
            let object = serde_json::from_slice::<Map<String, Value>>(&payload).ok();
            prop_assert_eq!(Claims::of(&token).map(|claims| claims.0), object);
        }

        #[test]
        fn claims_come_back_as_they_were(email in ".*", exp in any::<i64>(), issuer in ".*") {
            let object = serde_json::json!({"email": email, "exp": exp, "iss": issuer});
            let token = format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(object.to_string()));
            let claims = Claims::of(&token).expect("a JWT");
            prop_assert_eq!(claims.email(), Some(email.as_str()));
            prop_assert_eq!(claims.expires_at(), Some(exp));
            // A host holds neither of them.
            prop_assert!(claims.issuer_host().is_none_or(|host| !host.contains(['/', '?', '#', ':'])));
            prop_assert_eq!(claims.as_map().len(), 3);
        }

        #[test]
        fn any_number_is_an_expiry(number in any::<f64>().prop_filter("JSON has no others", |number| number.is_finite())) {
            let token = format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(format!("{{\"exp\":{number:e}}}")));
            let exp = Claims::of(&token).expect("a JWT").expires_at().expect("a number");
            // Seconds, without the fraction.
            #[expect(clippy::cast_possible_truncation, reason = "`as` saturates")]
            let truncated = number as i64;
            prop_assert_eq!(exp, truncated);
        }

        #[test]
        fn what_has_not_three_parts_is_no_jwt(parts in prop::collection::vec("[a-zA-Z0-9_-]*", 0..6)) {
            prop_assume!(parts.len() != 3);
            prop_assert_eq!(Claims::of(&parts.join(".")), None);
        }
    }
}
