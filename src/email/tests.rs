use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::Config;
use regex_lite::Regex;

use super::*;

fn fault_of(text: &str) -> String {
    let message = Email::parse(text).expect_err(text).to_string();
    message.split_once("': ").expect("it shows the address").1.to_owned()
}

#[test]
fn valid_addresses() {
    for text in [
        "j@e",
        ".jane..doe.@mail-1.example.co.uk",
        "!#$%&'*+/=?^_`{|}~-@example.com",
        "jürgen@müller.example",
        "संपर्क@उदाहरण.भारत",
        "e\u{301}💡@例子.广告",
    ] {
        assert_eq!(Email::parse(text).unwrap().as_str(), text);
        assert_eq!(Email::parse(&format!("\u{feff} \t{text}\u{a0}\u{3000}\r\n")).unwrap().as_str(), text);
    }
}

#[test]
fn each_fault_has_its_message() {
    let (label, local) = ("d".repeat(63), "l".repeat(64));
    let domain = format!("{label}.{label}.{}", "d".repeat(61));
    assert_eq!(local.len() + 1 + domain.len(), 254);
    assert!(Email::parse(&format!("{local}@{domain}")).is_ok());
    let long = format!("{local}@{domain}d");
    let (long_local, long_wide_local) = (format!("{local}l@e.de"), format!("{}@e.de", "é".repeat(33)));
    let long_label = format!("j@{label}d");
    let rows: [(&[&str], &str); 20] = [
        (
            &["j@e.de\nk@e.de", "j@e.de\rk@e.de", "j@e\u{2028}.de", "j@e.de\u{2029}", "j<\nk"],
            "it contains a line break",
        ),
        (&["j\0@e.de", "Jane\tj@e.de", "j\u{1b}[2J@e.de", "j\u{7f}@e.de"], "it contains a control character"),
        (
            &["j\u{202e}@e.de", "j\u{200b}@e.de", "j@e\u{3164}.de", "j\u{ad}@e.de"],
            "it contains an invisible character",
        ),
        (&["Jane <j@e.de>", "<j@e.de>"], "it has angle brackets: give the address alone, without a name"),
        (&["\"jane doe\"@e.de"], "a quoted name before the @ is not supported"),
        (&["j d@e.de", "j@e x.de", "j\u{3000}@e.de"], "it contains a space"),
        (&["jane", "Jane Doe"], "it has no @"),
        (
            &["\"j@e.de\"", "'j@e.de'", "“j@e.de”", "„j@e.de“", "‘j@e.de’", "«j@e.de»", "j@e.de”", "‹j@e.de"],
            "it is in quotes: remove them",
        ),
        (&["$EMAIL", "${email}"], "the shell did not replace this variable: use double quotes around it"),
        (&["j@d@e.de"], "it has more than one @"),
        (&["@e.de"], "there is nothing before the @"),
        (&[&long_local, &long_wide_local], "the part before the @ is longer than 64 bytes"),
        (&[&long], "it is longer than 254 bytes"),
        (&["j(d@e.de", "j(d@e_x.de"], "'(' is not allowed before the @"),
        (&["j\"d@e.de"], "'\"' is not allowed before the @"),
        (&["j@e.de,Jane"], "',' is not allowed after the @"),
        (&["j@e_x.de"], "'_' is not allowed after the @"),
        (&["j@", "j@e..de", "j@e.de.", "j@.e.de"], "the domain, or a part of it, is empty"),
        (&[&long_label], "a part of the domain is longer than 63 characters"),
        (&["j@-e.de", "j@e-.de"], "a part of the domain starts or ends with a hyphen"),
    ];
    for (texts, expected) in rows {
        for text in texts {
            assert_eq!(fault_of(text), expected, "{text:?}");
        }
    }
}

#[test]
fn addresses_are_the_same_if_only_ascii_case_differs() {
    let email = Email::parse("kate@Example.com").unwrap();
    assert!(email.is("KATE@eXAMPLE.COM"));
    for other in ["\u{212a}ate@example.com", "cate@example.com", " kate@example.com"] {
        assert!(!email.is(other), "{other}");
    }
}

/// From the HTML standard (section 4.10.5.1.5), without the escape before `/`.
const HTML: &str = concat!(
    r"^[a-zA-Z0-9.!#$%&'*+/=?^_`{|}~-]+@[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?",
    r"(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)*$"
);

/// Addresses, near misses and other texts.
fn texts() -> impl Strategy<Value = String> {
    let local = "([a-z0-9.!#$%&'*+/=?^_`{|}~-]{0,8}|[a-z\"(),:;<> ]{0,4})";
    let label = "([a-zA-Z0-9]|[a-z0-9-]{1,4}|[a-z0-9]{60,65})";
    let address = format!("{local}@{label}?(\\.{label}){{0,4}}(\\.{label}?)?");
    prop_oneof![
        3 => proptest::string::string_regex(&address).expect("a regular expression"),
        1 => "[ \t]?[a-z]{62,66}@[a-z]{1,3}[ \r]?",
        1 => "[ -~]{0,12}@?[ -~]{0,12}",
        1 => "[\0-\x7f]{0,12}@[\0-\x7f]{0,12}",
    ]
}

/// Any character, but often a special one.
fn character() -> impl Strategy<Value = char> {
    let known = [
        'a', 'é', '例', '\u{301}', '\0', '\u{7f}', '\u{85}', '\u{a0}', '\u{ad}', '\u{200b}', '\u{202e}',
        '\u{2028}', '\u{3164}', '\u{feff}',
    ];
    prop_oneof![any::<char>(), select(known.to_vec())]
}

proptest! {
    #![proptest_config(Config { failure_persistence: None, ..Config::with_cases(1000) })]

    #[test]
    fn ascii_addresses_are_those_of_the_html_standard(text in texts()) {
        let html = Regex::new(HTML).expect("a regular expression");
        let address = text.trim();
        let local = address.split('@').next().unwrap_or_default();
        let valid = html.is_match(address) && local.len() <= 64 && address.len() <= 254;
        prop_assert_eq!(Email::parse(&text).is_ok(), valid, "{:?}", Email::parse(&text));
    }

    #[test]
    fn valid_addresses_have_no_invisible_characters(local in character(), domain in character()) {
        if let Ok(email) = Email::parse(&format!("j{local}@e{domain}x")) {
            let email = email.as_str();
            prop_assert_eq!(email.matches('@').count(), 1);
            prop_assert!(!email.chars().any(|c| c.is_whitespace() || is_invisible(c)), "{email:?}");
            prop_assert_eq!(Sanitized::new(email).to_string(), email);
        }
    }
}
