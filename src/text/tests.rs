use super::*;

#[test]
fn what_could_forge_a_line_is_escaped() {
    assert_eq!(
        Shown::new("a\nb\r\u{1b}[31m\u{202e}\u{2028}\u{85}\u{feff}é\u{3164}").to_string(),
        r"a\nb\r\u{1b}[31m\u{202e}\u{2028}\u{85}\u{feff}é\u{3164}"
    );
}

#[test]
fn ordinary_text_stays() {
    assert_eq!(Shown::new("  Ungültig: \"x\" – 例 ").to_string(), "  Ungültig: \"x\" – 例 ");
    // It may be what is complained about.
    assert_eq!(Shown::new("jane@example.com\u{2029}").to_string(), r"jane@example.com\u{2029}");
}

#[test]
fn at_most_300_characters() {
    assert_eq!(Shown::new(&"é".repeat(300)).to_string(), "é".repeat(300));
    assert_eq!(Shown::new(&"é".repeat(301)).to_string(), "é".repeat(300) + "…");
}

#[test]
fn what_was_sent_is_hidden() {
    let (key, secret, none) = (Secret::new("the-key"), Secret::new("s3cr3t"), Secret::new(""));
    let shown = Shown::without(" bad Outseta the-key:s3cr3t\n", &[&key, &secret, &none]);
    assert_eq!(shown.to_string(), "bad Outseta [hidden]:[hidden]");
}

#[test]
fn rough_durations() {
    for (seconds, text) in [
        (0, "0 seconds"),
        (1, "1 second"),
        (89, "89 seconds"),
        (90, "2 minutes"),
        (3_599, "60 minutes"),
        (3_600, "60 minutes"),
        (5_400, "2 hours"),
        (86_399, "24 hours"),
        (604_799, "7 days"),
        (604_800, "7 days"),
        (31_536_000, "365 days"),
    ] {
        assert_eq!(rough(Duration::from_secs(seconds)), text, "{seconds}");
    }
}

#[test]
fn a_reason_is_a_clause() {
    assert_eq!(reason(&io::Error::from_raw_os_error(2)), "no such file or directory");
    assert_eq!(reason(&io::Error::other("Odd")), "odd");
}

#[test]
fn each_class_has_its_members() {
    assert!(is_bidirectional('\u{202e}') && !is_bidirectional('\u{200b}'));
    assert!(is_format('\u{200b}') && !is_format('\u{2028}') && !is_format('\u{200a}') && !is_format('a'));
    assert!(is_line_separator('\u{2029}') && !is_line_separator('\n'));
    assert!(is_invisible('\0') && is_invisible('\u{7f}') && is_invisible('\u{ffa0}') && !is_invisible(' '));
}
