use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proptest::prelude::*;
use serde_json::json;

use super::*;

fn token(fields: Value) -> Result<Token, &'static str> {
    let Value::Object(fields) = fields else { panic!("fields are an object") };
    Token::new(fields)
}

fn claims(payload: &str) -> Option<Claims> {
    Claims::of(&format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(payload)))
}

#[test]
fn expiry_comes_from_the_jwt_first() {
    let exp = "e30.eyJleHAiOjUwMDB9.s";
    let at = |fields| token(fields).unwrap().expires_at(1000);
    assert_eq!(at(json!({"access_token": exp, "expires_in": 60})), Some(5000));
    assert_eq!(at(json!({"access_token": "t", "expires_in": 60})), Some(1060));
    assert_eq!(at(json!({"access_token": "t", "expires_in": i64::MAX})), Some(i64::MAX));
    assert_eq!(at(json!({"access_token": "t", "expires_in": "60"})), None);
    assert_eq!(at(json!({"access_token": "t", "expires_in": 60.9})), Some(1060));
    assert_eq!(at(json!({"access_token": "t"})), None);
    let token = token(json!({"access_token": exp})).unwrap();
    assert_eq!((token.seconds_left(4_999), token.seconds_left(5_001)), (Some(1), Some(-1)));
}

#[test]
fn the_expiry_is_added_unless_the_response_has_it() {
    let exp = "e30.eyJleHAiOjUwMDB9.s";
    for (fields, expires_at) in [
        (json!({"access_token": exp, "expires_in": 60}), Some(json!(5000))),
        (json!({"access_token": "t", "expires_in": 60}), Some(json!(1060))),
        (json!({"access_token": exp, "expires_at": "soon"}), Some(json!("soon"))),
        (json!({"access_token": exp, "expires_at": null}), Some(Value::Null)),
        (json!({"access_token": "t", "expires_in": "60"}), None),
    ] {
        let token = token(fields.clone()).unwrap().with_expires_at(1000);
        assert_eq!(token.fields().get("expires_at"), expires_at.as_ref(), "{fields}");
    }
}

#[test]
fn a_claim_of_another_type_does_not_count() {
    let claims = claims(r#"{"email":["j@e.de"],"exp":"soon","iss":7}"#).unwrap();
    assert_eq!((claims.email(), claims.expires_at(), claims.issuer_host()), (None, None, None));
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
fn the_issuer_is_outsetas_claim_or_iss() {
    for (payload, host) in [
        (r#"{"iss":"http://acme.outseta.com"}"#, Some("acme.outseta.com")),
        (r#"{"iss":"https://a/","outseta:iss":"https://b:443/x"}"#, Some("b")),
        (r#"{"iss":"https://a?x"}"#, Some("a")),
        (r#"{"iss":"https://a#x","outseta:iss":null}"#, Some("a")),
        (r#"{"iss":"https://a/","outseta:iss":"b.outseta.com"}"#, Some("b.outseta.com")),
        (r#"{"iss":""}"#, None),
        ("{}", None),
    ] {
        assert_eq!(claims(payload).unwrap().issuer_host(), host, "{payload}");
    }
}

#[test]
fn only_three_parts_with_a_json_object_in_the_middle_are_a_jwt() {
    for token in ["", "a", "a.b", "e30.e30", "e30.e30.a.b", "e30.!.c", "e30.W10.c", "e30.eyI.c", "e30..c"] {
        assert_eq!(Claims::of(token), None, "{token}");
    }
    assert!(Claims::of("e30.e30.").is_some(), "an unsigned JWT has an empty signature");
}

#[test]
fn a_payload_in_sloppy_base64_is_read_too() {
    // Padding, bits that should be zero, and the standard alphabet.
    for payload in [
        "eyJlbWFpbCI6ImpAZS5kZSJ9==",
        "eyJlbWFpbCI6ImpAZS5kZSIgfR",
        "eyJlbWFpbCI6ImpAZS5kZSIsImEiOiI/Pz8/In0",
    ] {
        let claims = Claims::of(&format!("e30.{payload}.c2ln")).expect("claims");
        assert_eq!(claims.email(), Some("j@e.de"), "{payload}");
    }
}

#[test]
fn a_fraction_of_a_second_is_not_lost() {
    let before = now();
    let after = second_after(Duration::from_secs(1));
    assert!(after >= before + 2 && after <= now() + 2);
    assert!(second_after(Duration::ZERO) > before);
    assert_eq!(second_after(Duration::MAX), i64::MAX);
    assert!(before > 1_700_000_000);
}

/// RFC 9110 section 11.2, stated in another way: letters, then padding.
fn is_letters_then_padding(text: &str) -> bool {
    let padding = text.bytes().rev().take_while(|b| *b == b'=').count();
    let (letters, _) = text.split_at(text.len() - padding);
    let is_letter = |c| matches!(c, 'a'..='z' | 'A'..='Z' | '0'..='9' | '-' | '.' | '_' | '~' | '+' | '/');
    !letters.is_empty() && letters.chars().all(is_letter)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn only_token68_is_a_token(
        text in prop_oneof![".*", "[-a-zA-Z0-9._~+/=]*", "[a-z]+=*", "[a-z.]+[\\x00-\\x7f]"]
    ) {
        let token = token(json!({"access_token": text}));
        prop_assert_eq!(token.is_ok(), is_letters_then_padding(&text), "{:?}", text);
        prop_assert!(token.is_err() || token.is_ok_and(|token| token.access_token() == text));
    }

    #[test]
    fn any_payload_is_read_or_refused(payload in prop::collection::vec(any::<u8>(), 0..100)) {
        let token = format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(&payload));
        let object = serde_json::from_slice::<Map<String, Value>>(&payload).ok();
        prop_assert_eq!(Claims::of(&token).map(|claims| claims.0), object);
    }

    #[test]
    fn claims_are_read_as_they_are(email in ".*", exp in any::<i64>(), issuer in ".*") {
        let claims = claims(&json!({"email": email, "exp": exp, "iss": issuer}).to_string()).expect("a JWT");
        prop_assert_eq!(claims.email(), Some(email.as_str()));
        prop_assert_eq!(claims.expires_at(), Some(exp));
        prop_assert!(claims.issuer_host().is_none_or(|host| !host.contains(['/', '?', '#', ':'])));
        prop_assert_eq!(claims.as_map().len(), 3);
    }
}
