use std::fs;

use tempfile::TempDir;

use super::*;
use crate::config::Origin;
use crate::config::tests::API_KEY_FILE;

#[test]
fn only_the_request_has_the_whole_secret() {
    let sourced = |text| Sourced::new(Secret::new(text), Origin::Prompt);
    let credentials = Credentials { key: sourced("key-of-acme"), secret: sourced("s3cr3t") };
    assert_eq!(credentials.authorization().reveal(), "Outseta key-of-acme:s3cr3t");
    assert_eq!(credentials.masked_authorization(), "Outseta key-…:[hidden]");
    assert_eq!(masked(&Secret::new("12345678")), "[hidden]");
    assert_eq!(masked(&Secret::new("123456789")), "1234…");
}

#[test]
fn what_could_forge_a_header_is_refused() {
    const PLACEHOLDER: &str = "it looks like a placeholder that was not replaced";
    const REFERENCE: &str = "it looks like a reference to a secret that was not resolved";
    let all: String = ('!'..='~').filter(|c| !"\"'`:{}<>".contains(*c)).collect();
    for (text, expected) in [
        (&*all, ""),
        ("", "it is blank"),
        (" \t", "it is blank"),
        ("{{key}}", PLACEHOLDER),
        ("{{ secrets.KEY }}", PLACEHOLDER),
        ("<api-key>", PLACEHOLDER),
        ("<api key", PLACEHOLDER),
        ("key>", PLACEHOLDER),
        ("${KEY}", PLACEHOLDER),
        ("a$(cat key)", PLACEHOLDER),
        ("$OUTSETA_API_KEY", PLACEHOLDER),
        ("***", PLACEHOLDER),
        ("***a", ""),
        ("op://vault/outseta/key", REFERENCE),
        ("a b", "it contains a space"),
        (" a", "it contains a space"),
        ("'a b'", "it contains quotes: remove them, or close them"),
        ("\"", "it contains quotes: remove them, or close them"),
        ("a`b", "it contains quotes: remove them, or close them"),
        ("a\n", "it ends with a line break: echo adds one, printf %s does not"),
        ("a\r\n\r\n", "it ends with a line break: echo adds one, printf %s does not"),
        ("a\rb\n", "it contains a line break: check for a missing closing quote or a second line"),
        (
            "a\r\nX-Forged= yes",
            "it contains a line break: check for a missing closing quote or a second line",
        ),
        ("a\0", "it contains U+0000, which is not printable ASCII"),
        ("a\u{7f}", "it contains U+007F, which is not printable ASCII"),
        ("a\u{80}", "it contains U+0080, which is not printable ASCII"),
        ("\u{201c}a", "it contains U+201C, which is not printable ASCII"),
        ("a\u{a0}b", "it contains U+00A0, which is not printable ASCII"),
    ] {
        for setting in [Setting::API_KEY, Setting::API_SECRET] {
            assert_eq!(fault(setting, text).unwrap_or_default(), expected, "{text:?}");
        }
    }
}

#[test]
fn a_colon_is_refused_in_the_key_only() {
    let colon = "it contains a colon: the part before it is the key, the part after it is the secret";
    for text in ["a:b", "Outseta a:b\n"] {
        assert_eq!(fault(Setting::API_KEY, text).as_deref(), Some(colon));
    }
    assert_eq!(fault(Setting::API_SECRET, ":a:b:"), None);
}

#[test]
fn a_refused_value_is_not_shown() {
    let check = |text: &str| check(Setting::API_KEY, Sourced::new(text.to_owned(), Origin::Prompt));
    assert_eq!(check("key").unwrap().value.reveal(), "key");
    assert_eq!(
        check("s3 cr3t").unwrap_err().to_string(),
        "invalid API key (the prompt): it contains a space"
    );
    let message = "invalid API key (the prompt): it is not valid UTF-8";
    assert_eq!(check("a\u{fffd}").unwrap_err().to_string(), message);
}

#[test]
fn a_file_loses_one_newline_and_may_have_64_kib() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("key");
    let read = |contents: &[u8]| {
        fs::write(&path, contents).unwrap();
        match from_file("API key", API_KEY_FILE, &path) {
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
        ("\n", ""),
        ("", "the file is empty"),
    ] {
        assert_eq!(read(contents.as_bytes()), expected, "{contents:?}");
    }
    assert_eq!(read(b"key\xff"), "key\u{fffd}");
    let limit = 64 * 1024;
    assert_eq!(read(&b"k".repeat(limit)).len(), limit);
    assert_eq!(read(&b"k".repeat(limit + 1)), "the file is larger than 64 KiB");
    for (path, message) in [
        ("/", "cannot read the file / (OUTSETA_API_SECRET_FILE): is a directory"),
        ("s3cr3t", "cannot read the file that OUTSETA_API_SECRET_FILE names: no such file or directory"),
    ] {
        let error = from_file("API secret", "OUTSETA_API_SECRET_FILE", Path::new(path)).unwrap_err();
        assert_eq!(error.to_string(), message);
    }
}
