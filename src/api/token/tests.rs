mod token {
    use super::super::*;
    use serde_json::json;

    fn token(fields: Value) -> Result<Token, &'static str> {
        let Value::Object(fields) = fields else { panic!() };
        Token::new(fields)
    }

    #[test]
    fn token68() {
        for text in ["a", "A-Z._~+/09==", "eyJ.eyJ.sig"] {
            assert!(is_token68(text), "{text}");
        }
        for text in ["", "=", "a=b", "a b", "a\n", "a\r\nX: y", "a\"b", "$(id)", "a'b", "ä", "a;b", "a\0"] {
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
    fn debug_shows_nothing() {
        let token = token(json!({"access_token": "s3cr3t", "refresh_token": "r3fr3sh"})).unwrap();
        let debug = format!("{token:?}");
        assert!(!debug.contains("s3cr3t") && !debug.contains("r3fr3sh"), "{debug}");
    }
}

mod token_properties {
    use super::super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn of(value: Value) -> Result<Token, &'static str> {
        Token::new(Map::from_iter([("access_token".to_owned(), value)]))
    }

    /// RFC 9110 section 11.2, told in another way: letters, then padding.
    fn expected(text: &str) -> bool {
        let padding = text.bytes().rev().take_while(|b| *b == b'=').count();
        let (letters, _) = text.split_at(text.len() - padding);
        !letters.is_empty()
            && letters
                .chars()
                .all(|c| matches!(c, 'a'..='z' | 'A'..='Z' | '0'..='9' | '-' | '.' | '_' | '~' | '+' | '/'))
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

mod jwt {
    use super::super::*;

    fn claims(payload: &str) -> Option<Claims> {
        Claims::of(&format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(payload)))
    }

    #[test]
    fn reads_what_it_is_asked_for() {
        let claims =
            claims(r#"{"email":"j@e.de","exp":1700000000,"iss":"http://acme.outseta.com"}"#).unwrap();
        assert_eq!(claims.email(), Some("j@e.de"));
        assert_eq!(claims.expires_at(), Some(1_700_000_000));
        assert_eq!(claims.issuer_host(), Some("acme.outseta.com"));
        assert_eq!(claims.as_map().len(), 3);
    }

    #[test]
    fn other_types_are_no_claims() {
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
    fn the_account_is_named_by_outsetas_claim_first() {
        let host = |payload: &str| claims(payload).unwrap().issuer_host().map(str::to_owned);
        assert_eq!(host(r#"{"iss":"https://a/","outseta:iss":"https://b:443/x"}"#).as_deref(), Some("b"));
        assert_eq!(host(r#"{"iss":"https://a?x"}"#).as_deref(), Some("a"));
        assert_eq!(
            host(r#"{"iss":"https://a/","outseta:iss":"b.outseta.com"}"#).as_deref(),
            Some("b.outseta.com"),
            "without a scheme"
        );
        assert_eq!(host(r#"{"iss":"https://a/","outseta:iss":null}"#).as_deref(), Some("a"));
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
        assert!(Claims::of("e30.e30.").is_some(), "an unsigned JWT has an empty signature");
    }
}

mod jwt_properties {
    use super::super::*;
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

mod clock {
    use super::super::*;

    #[test]
    fn a_fraction_of_a_second_is_not_lost() {
        let before = now();
        let after = second_after(Duration::from_secs(1));
        assert!(after >= before + 2 && after <= now() + 2);
        assert!(second_after(Duration::ZERO) > before);
        assert_eq!(second_after(Duration::MAX), i64::MAX);
        assert!(before > 1_700_000_000);
    }
}
