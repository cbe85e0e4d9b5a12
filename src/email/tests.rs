use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::Config;
use regex_lite::Regex;

use super::*;

fn why(text: &str) -> &'static str {
    match Email::parse(text) {
        Err(Error::Email(EmailFault::In { why, .. })) => why,
        other => panic!("{text:?} gave {other:?}"),
    }
}

fn input(bytes: &[u8]) -> Result<Email, Error> {
    Email::from_input(bytes)
}

#[test]
fn addresses_that_are_valid() {
    for text in [
        "jane@example.com",
        "jane@localhost",
        "j@e",
        ".jane..doe.@example.com",
        "!#$%&'*+/=?^_`{|}~-@example.com",
        "jane+tag@mail-1.example.co.uk",
        "jürgen@müller.example",
        "用户@例子.广告",
        "संपर्क@उदाहरण.भारत",
        "e\u{301}💡@example.com",
    ] {
        assert_eq!(Email::parse(text).unwrap().as_str(), text);
    }
}

#[test]
fn what_stands_around_it_is_dropped() {
    for text in ["\u{feff}jane@example.com\r\n", " \t jane@example.com\u{a0}", "\u{feff} jane@example.com \r"]
    {
        assert_eq!(Email::parse(text).unwrap().as_str(), "jane@example.com");
    }
}

#[test]
fn every_refusal_says_what_is_wrong() {
    for (text, expected) in [
        ("jane", "no @"),
        ("@example.com", "before the @"),
        ("jane@", "after the @"),
        ("jane@doe@example.com", "more than one @"),
        ("Jane <jane@example.com>", "angle brackets"),
        ("\"jane doe\"@example.com", "quoted"),
        ("jane doe@example.com", "space"),
        ("jane@exa mple.com", "space"),
        ("jane\u{3000}@example.com", "space"),
        ("jane@example.com\nbob@example.com", "line break"),
        ("jane\0@example.com", "control"),
        ("jane\u{7f}@example.com", "control"),
        ("jane\u{202e}@example.com", "invisible"),
        ("jane@example\u{2028}.com", "line separator"),
        ("jane@example.com\u{2028}", "line separator"),
        ("jane\u{200b}@example.com", "invisible"),
        ("jane\u{3164}@example.com", "invisible"),
        ("jane\u{34f}@example.com", "invisible"),
        ("jane@example..com", "dot too many"),
        ("jane@example.com.", "dot too many"),
        ("jane@.example.com", "dot too many"),
        ("jane@-example.com", "hyphen"),
        ("jane@example-.com", "hyphen"),
        ("jane@exa_mple.com", "domain is not allowed"),
        ("ja,ne@example.com", "before the @ is not allowed"),
        ("ja\"ne@example.com", "before the @ is not allowed"),
    ] {
        assert!(why(text).contains(expected), "{text:?}: {}", why(text));
    }
}

#[test]
fn the_limits_are_exact() {
    let label = "d".repeat(63);
    let domain = format!("{label}.{label}.{}", "d".repeat(61));
    assert_eq!(domain.len(), 189);
    let longest = format!("{}@{domain}", "l".repeat(64));
    assert_eq!(longest.len(), 254);
    assert!(Email::parse(&longest).is_ok());
    assert!(why(&format!("{}@{domain}d", "l".repeat(64))).contains("254"));
    assert!(why(&format!("{}@e.de", "l".repeat(65))).contains("64 bytes"));
    assert!(why(&format!("{}@e.de", "é".repeat(33))).contains("64 bytes"));
    assert!(why(&format!("j@{}", "d".repeat(64))).contains("63 characters"));
}

#[test]
fn nothing_is_an_invalid_email() {
    for text in ["", "  ", "\u{feff}", "\r\n"] {
        assert_eq!(Email::parse(text), Err(Error::Email(EmailFault::Nothing)), "{text:?}");
    }
    assert_eq!(input(b""), Err(Error::Email(EmailFault::Nothing)));
    assert_eq!(input(b"\n \r\n\n"), Err(Error::Email(EmailFault::Nothing)));
}

#[test]
fn input_holds_one_email() {
    assert_eq!(input(b"\xef\xbb\xbf\r\n\n jane@example.com \r\n\n").unwrap().as_str(), "jane@example.com");
    assert_eq!(input(b"jane@example.com").unwrap().as_str(), "jane@example.com");
    assert_eq!(input(b"jane@example.com\nbob@example.com\n"), Err(Error::Usage(Usage::ManyEmails)));
    assert_eq!(input(b"j\xff@example.com"), Err(Error::Email(EmailFault::NotUtf8)));
}

#[test]
fn input_is_read_up_to_64_kib() {
    let mut bytes = vec![b'\n'; 64 * 1024 - 16];
    bytes.extend(b"jane@example.com");
    assert_eq!(input(&bytes).unwrap().as_str(), "jane@example.com");
    bytes.push(b'\n');
    assert_eq!(input(&bytes), Err(Error::Email(EmailFault::InputTooLong)));
    assert_eq!(Email::from_input(io::repeat(0)), Err(Error::Email(EmailFault::InputTooLong)));
    assert_eq!(Email::from_input(io::repeat(0xff)), Err(Error::Email(EmailFault::InputTooLong)));
}

#[test]
fn only_ascii_case_makes_no_other_user() {
    let email = Email::parse("kate@Example.com").unwrap();
    assert!(email.is("KATE@eXAMPLE.COM"));
    for other in ["\u{212a}ate@example.com", "cate@example.com", " kate@example.com"] {
        assert!(!email.is(other), "{other}");
    }
}

fn lines(bytes: &[u8]) -> Vec<(u64, String, bool)> {
    Lines::new(bytes, Shown::new("the input"))
        .map(Result::unwrap)
        .map(|line| (line.number, line.text, line.email.is_ok()))
        .collect()
}

#[test]
fn a_batch_skips_blank_lines_and_comments() {
    assert_eq!(
        lines(b"\xef\xbb\xbfa@e.de\r\n\n# no\n  # nor this\n x \n\xff@e.de\nb@e.de"),
        [
            (1, "a@e.de".to_owned(), true),
            (5, "x".to_owned(), false),
            (6, "\u{fffd}@e.de".to_owned(), false),
            (7, "b@e.de".to_owned(), true),
        ]
    );
}

#[test]
fn a_batch_line_may_be_4_kib_long() {
    let padded = |spaces: usize| [b" ".repeat(spaces).as_slice(), b"a@e.de\nb@e.de\n"].concat();
    assert_eq!(lines(&padded(4096 - 6)), [(1, "a@e.de".to_owned(), true), (2, "b@e.de".to_owned(), true)]);
    // With its line feed just as long as what is read at once.
    assert_eq!(lines(&padded(4096 - 7)).len(), 2);
    let too_long = lines(&padded(4096 - 5));
    assert_eq!(too_long.iter().map(|line| (line.0, line.2)).collect::<Vec<_>>(), [(1, false), (2, true)]);
    let endless = lines(&[b"x".repeat(1 << 20).as_slice(), b"\nb@e.de"].concat());
    assert_eq!(endless.iter().map(|line| (line.0, line.2)).collect::<Vec<_>>(), [(1, false), (2, true)]);
    // The input may end within such a line.
    let last = lines(&b"x".repeat(5_000));
    assert_eq!(last.iter().map(|line| (line.0, line.2)).collect::<Vec<_>>(), [(1, false)]);
}

/// As the HTML standard prints it (section 4.10.5.1.5), the `/` as a plain one.
const HTML: &str = concat!(
    r"^[a-zA-Z0-9.!#$%&'*+/=?^_`{|}~-]+@[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?",
    r"(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)*$"
);

/// Texts that are an address, or nearly, or not at all.
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

/// Any character, and more often one of those by which the classes are known.
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
    fn ascii_is_judged_as_by_the_html_standard(text in texts()) {
        let html = Regex::new(HTML).expect("a regular expression");
        let address = text.trim();
        let local = address.split('@').next().unwrap_or_default();
        let valid = html.is_match(address) && local.len() <= 64 && address.len() <= 254;
        prop_assert_eq!(Email::parse(&text).is_ok(), valid, "{:?}", Email::parse(&text));
    }

    #[test]
    fn what_is_accepted_cannot_deceive(local in character(), domain in character()) {
        if let Ok(email) = Email::parse(&format!("j{local}@e{domain}x")) {
            let email = email.as_str();
            prop_assert_eq!(email.matches('@').count(), 1);
            prop_assert!(!email.chars().any(|c| c.is_whitespace() || text::is_invisible(c)), "{email:?}");
            prop_assert_eq!(Shown::new(email).to_string(), email);
        }
    }
}
