use std::fs::{self, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::Command;

use super::atomic::{folder, open_device};
use super::format::pretty;
use super::reuse::check;
use super::*;
use crate::api::Token;
use crate::email::Email;
use crate::text;
use crate::unix;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proptest::prelude::*;
use rustix::fs::{OFlags, fcntl_getfl};
use serde_json::{Map, Number, Value, json};

#[test]
fn only_a_character_device_is_opened_as_one() {
    let folder = tempfile::tempdir().unwrap();
    let [file, link, fifo] = ["file", "link", "fifo"].map(|name| folder.path().join(name));
    fs::write(&file, "whole").unwrap();
    std::os::unix::fs::symlink("/dev/null", &link).unwrap();
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    for path in [&file, &link, &fifo] {
        assert!(open_device(path).is_err(), "{}", path.display());
    }
    // Somebody may read the FIFO.
    let reader = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(&fifo).unwrap();
    assert!(open_device(&fifo).is_err());
    drop(reader);
    let device = open_device(Path::new("/dev/null")).unwrap();
    assert!(!fcntl_getfl(&device).unwrap().contains(OFlags::NONBLOCK));
    assert_eq!(fs::read(&file).unwrap(), b"whole");
}

#[test]
fn json_escapes_invisible_characters() {
    let name = "\u{9b}31m\u{7f}\u{202e}é\u{e0001}\n";
    let value = json!({ "name": name });
    let expected = r#"{"name":"\u009b31m\u007f\u202eé\udb40\udc01\n"}"#;
    assert_eq!(compact(&value), format!("{expected}\n").into_bytes());
    let shown = String::from_utf8(pretty(&value)).unwrap();
    assert!(!shown.chars().any(|c| c != '\n' && text::is_invisible(c)), "{shown:?}");
    let read: Value = serde_json::from_str(&shown).expect("it is JSON");
    assert_eq!(read, value);
}

const FORMATS: [Format; 4] = [Format::Json, Format::Token, Format::Header, Format::Env];

fn token(fields: Value) -> Token {
    let Value::Object(fields) = fields else { panic!("fields are an object") };
    Token::new(fields).expect("a usable token")
}

fn jwt(claims: &Value) -> String {
    format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims.to_string()))
}

#[test]
fn only_rendered_bytes_are_recovered() {
    for (format, bytes) in [
        (Format::Token, &b""[..]),
        (Format::Token, b"t"),
        (Format::Token, b"\n"),
        (Format::Token, b"t\n\n"),
        (Format::Token, b"t\r\n"),
        (Format::Token, b"a b\n"),
        (Format::Token, b"\xff\n"),
        (Format::Header, b"t\n"),
        (Format::Header, b"authorization: Bearer t\n"),
        (Format::Env, b"OUTSETA_ACCESS_TOKEN='t'\n"),
        (Format::Json, b"{\"access_token\": \"t\"}\n"),
        (Format::Json, b"{\n  \"access_token\": \"t\"\n}"),
        (Format::Json, b"{\n  \"a\": 1,\n  \"access_token\": \"t\"\n}\n"),
        (Format::Json, b"[]\n"),
        (Format::Claims, b"{}\n"),
    ] {
        let shown = String::from_utf8_lossy(bytes);
        assert_eq!(format.parse_rendered(bytes), None, "{format:?} {shown:?}");
    }
    assert!(Format::Token.parse_rendered(b"t\n").is_some());
    assert!(Format::Json.parse_rendered(b"{\n  \"access_token\": \"t\"\n}\n").is_some());
}

#[test]
fn the_folder_that_a_path_needs() {
    for (path, needed) in
        [("a", "."), ("a/b", "a/"), ("/a", "/"), ("../a", "../"), ("a/", "a/"), ("a/.", "a/"), ("a//", "a//")]
    {
        assert_eq!(folder(Path::new(path)).as_os_str(), needed, "{path}");
    }
}

#[test]
fn paths_that_name_a_descriptor() {
    for (path, number) in [
        ("/dev/fd/3", Some(3)),
        ("/proc/self/fd/1", Some(1)),
        ("/dev//fd/0", Some(0)),
        ("/dev/stdin", Some(0)),
        ("/dev/stdout", Some(1)),
        ("/dev//./stdout", Some(1)),
        ("/dev/stderr", Some(2)),
        ("/dev/null", None),
        ("dev/fd/3", None),
        ("/dev/fd", None),
        ("/dev/fd/3/4", None),
        ("/dev/fd/-1", None),
        ("/dev/fd/03", None),
        ("/dev/fd/+3", None),
        ("/dev/fd/3/", None),
        ("/dev/stdout/", None),
        ("/dev/fd/4294967295", None),
        ("/proc/1/fd/1", None),
    ] {
        assert_eq!(unix::descriptor(Path::new(path)), number, "{path}");
    }
}

#[test]
fn a_token_fits_by_email_expiry_and_account() {
    let email = Email::parse("jane@example.com").expect("an email");
    let fits = |access_token: &str, host| {
        let token = token(json!({"access_token": access_token, "expires_in": 9_000}));
        check(&token, &Requirements { email: &email, host, account: None, valid_at: 5_000 }).is_ok()
    };
    let acme = Some("acme.outseta.com");
    for (issuer, host, expected) in [
        ("http://acme.outseta.com", acme, true),
        ("http://ACME.outseta.com/", acme, true),
        ("https://auth.example.com", acme, true),
        ("http://other.outseta.com", None, true),
        ("http://other.outseta.com", acme, false),
    ] {
        let claims = json!({"email": "JANE@example.com", "exp": 5_000, "iss": issuer});
        assert_eq!(fits(&jwt(&claims), host), expected, "{issuer}");
    }
    for (claims, expected) in [
        (json!({"email": "jane@example.com", "exp": 5_000}), true),
        (json!({"email": "jane@example.com", "exp": 4_999}), false),
        (json!({"email": "john@example.com", "exp": 5_000}), false),
        (json!({"email": "jane@example.com", "exp": null}), false),
        (json!({"exp": 5_000}), false),
    ] {
        assert_eq!(fits(&jwt(&claims), acme), expected, "{claims}");
    }
    assert!(!fits("opaque", None));
}

#[test]
fn a_token_of_another_customer_account_does_not_fit() {
    let email = Email::parse("jane@example.com").expect("an email");
    let required = Requirements { email: &email, host: None, account: Some("Uid1"), valid_at: 0 };
    for (account, expected) in [(json!("Uid1"), true), (json!("uid1"), false), (Value::Null, false)] {
        let claims = json!({"email": "jane@example.com", "exp": 1, "outseta:accountUid": account});
        let token = token(json!({"access_token": jwt(&claims)}));
        assert_eq!(check(&token, &required).is_ok(), expected, "{account}");
    }
}

/// Responses with numbers that a float cannot represent and any other field.
fn any_token() -> impl Strategy<Value = Token> {
    let number = "-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,4})?"
        .prop_map(|text| Value::from(serde_json::from_str::<Number>(&text).expect("a number")));
    let text = any::<String>().prop_map(Value::from);
    let leaf = prop_oneof![Just(Value::Null), any::<bool>().prop_map(Value::from), number, text];
    let value = leaf.prop_recursive(2, 8, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(any::<String>(), inner, 0..4)
                .prop_map(|fields| fields.into_iter().collect()),
        ]
    });
    let name = prop_oneof![
        any::<String>(),
        prop::sample::select(&["token_type", "expires_in", "expires_at"]).prop_map(Into::into)
    ];
    let fields = prop::collection::btree_map(name, value, 0..6);
    ("[A-Za-z0-9._~+/-]{1,40}={0,2}", fields).prop_map(|(access_token, fields)| {
        let mut fields: Map<String, Value> = fields.into_iter().collect();
        fields.insert("access_token".to_owned(), access_token.into());
        Token::new(fields).expect("a usable token")
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn rendered_bytes_are_recovered_in_their_format_alone(token in any_token()) {
        for format in FORMATS {
            let bytes = format.render(&token).expect("it can be rendered");
            let lines = bytes.split_inclusive(|byte| *byte == b'\n').count();
            prop_assert!(bytes.ends_with(b"\n") && (lines == 1 || format == Format::Json));
            let recovered = format.parse_rendered(&bytes).expect("it can be recovered");
            prop_assert_eq!(recovered.access_token(), token.access_token());
            if format == Format::Json {
                prop_assert_eq!(&recovered, &token);
            }
            for other in FORMATS.into_iter().filter(|other| *other != format) {
                prop_assert!(other.parse_rendered(&bytes).is_none());
            }
        }
    }

    #[test]
    fn edited_bytes_are_recovered_only_if_rendered(
        token in any_token(),
        format in prop::sample::select(&FORMATS),
        place in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut bytes = format.render(&token).expect("it can be rendered");
        let place = place.index(bytes.len());
        bytes[place] = byte;
        if let Some(token) = format.parse_rendered(&bytes) {
            prop_assert_eq!(format.render(&token).expect("it can be rendered"), bytes);
        }
    }
}
