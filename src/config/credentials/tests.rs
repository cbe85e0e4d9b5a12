use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

use super::*;
use crate::config::{API_KEY, API_KEY_FILE, API_SECRET, API_SECRET_FILE};

#[test]
fn only_the_request_has_the_whole_secret() {
    let sourced = |text| Sourced::new(Secret::new(text), Origin::Prompt);
    let credentials = Credentials { key: sourced("key-of-acme"), secret: sourced("s3cr3t") };
    assert_eq!(credentials.authorization().reveal(), "Outseta key-of-acme:s3cr3t");
    assert_eq!(credentials.masked_authorization(), "Outseta key-…:[hidden]");
    assert_eq!(credentials.secrets().map(Secret::reveal), ["s3cr3t", "key-of-acme"]);
    assert_eq!(masked_key(&Secret::new("12345678")), "[hidden]");
    assert_eq!(masked_key(&Secret::new("123456789")), "1234…");
}

/// Why the text cannot be used; empty if it can.
fn fault(setting: Setting, text: &str, origin: Origin) -> String {
    match check(setting, Sourced::new(text.to_owned(), origin)) {
        Ok(secret) => {
            assert_eq!(secret.value.reveal(), text);
            String::new()
        }
        Err(error) => error.to_string().rsplit_once("): ").unwrap().1.to_owned(),
    }
}

#[test]
fn what_could_forge_a_header_is_refused() {
    let all: String = ('!'..='~').filter(|c| !"\"'`:".contains(*c)).collect();
    for (setting, variable) in [(Setting::API_KEY, API_KEY), (Setting::API_SECRET, API_SECRET)] {
        for (text, expected) in [
            (&*all, ""),
            ("", "it is blank"),
            (" \t", "it is blank"),
            ("a b", "it contains a space"),
            (" a", "it contains a space"),
            ("'a b'", "it has quotes around it: remove them"),
            ("\"a\"", "it has quotes around it: remove them"),
            ("\"a", "its opening quote is not closed"),
            ("\"", "its opening quote is not closed"),
            ("a`b", "it contains a quote"),
            ("a\n", "it ends with a line break: echo adds one, printf %s does not"),
            ("a\r\n\r\n", "it ends with a line break: echo adds one, printf %s does not"),
            ("a\rb\n", "it contains a line break or another control character"),
            ("a\r\nX-Forged= yes", "it contains a line break or another control character"),
            ("a\0", "it contains a line break or another control character"),
            ("a\u{7f}", "it contains a line break or another control character"),
            ("a\u{80}", "it contains a line break or another control character"),
            ("\u{201c}a", "it contains U+201C, which is not an ASCII character"),
            ("a\u{a0}b", "it contains U+00A0, which is not an ASCII character"),
        ] {
            assert_eq!(fault(setting, text, Origin::Environment(variable)), expected, "{text:?}");
        }
    }
    let file = Origin::EnvFile(API_KEY, PathBuf::new());
    let quote = "it contains a line break: its closing quote may be missing";
    assert_eq!(fault(Setting::API_KEY, "a\nB=b", file), quote);
}

#[test]
fn a_colon_is_refused_in_the_key_only() {
    let colon = "it contains a colon: put the part before it in OUTSETA_API_KEY and the part after it in \
        OUTSETA_API_SECRET";
    for text in ["a:b", "Outseta a:b\n"] {
        assert_eq!(fault(Setting::API_KEY, text, Origin::Environment(API_KEY)), colon);
    }
    let colon = "it contains a colon: the part before it is the key, the part after it the secret";
    assert_eq!(fault(Setting::API_KEY, "a:b", Origin::Prompt), colon);
    assert_eq!(fault(Setting::API_SECRET, ":a:b:", Origin::Environment(API_SECRET)), "");
}

#[test]
fn a_file_loses_one_newline_and_may_have_64_kib() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("key");
    let read = |contents: &[u8]| {
        fs::write(&path, contents).unwrap();
        match from_file(Setting::API_KEY, API_KEY_FILE, &path) {
            Ok(sourced) => sourced.value,
            Err(error) => {
                let prefix = format!("invalid API key (the file {} ({API_KEY_FILE})): ", path.display());
                error.to_string().strip_prefix(&prefix).unwrap().to_owned()
            }
        }
    };
    for (contents, expected) in [
        ("key", "key"),
        ("key\n", "key"),
        ("key\r\n", "key"),
        ("key\n\n", "key\n"),
        ("key\r\n\r\n", "key\r\n"),
        (" key \n", " key "),
        ("", ""),
    ] {
        assert_eq!(read(contents.as_bytes()), expected, "{contents:?}");
    }
    assert_eq!(read(b"key\xff"), "it is not valid UTF-8");
    let limit = 64 * 1024;
    assert_eq!(read(&b"k".repeat(limit)).len(), limit);
    assert_eq!(read(&b"k".repeat(limit + 1)), "the file is larger than 64 KiB");
    for (path, message) in [
        ("/", "cannot read the file / (OUTSETA_API_SECRET_FILE): is a directory"),
        ("s3cr3t", "cannot read the file that OUTSETA_API_SECRET_FILE names: no such file or directory"),
    ] {
        let error = from_file(Setting::API_SECRET, API_SECRET_FILE, Path::new(path)).unwrap_err();
        assert_eq!(error.to_string(), message);
    }
}
