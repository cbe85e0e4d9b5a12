use super::*;

#[test]
fn invisible_characters_are_escaped_and_others_are_not() {
    for (text, shown) in [
        ("a\nb\r\0\u{1b}[31m\u{7f}\u{85}", r"a\nb\r\u{0}\u{1b}[31m\u{7f}\u{85}"),
        ("\u{ad}\u{200b}\u{202e}\u{2028}\u{2029}\u{feff}", r"\u{ad}\u{200b}\u{202e}\u{2028}\u{2029}\u{feff}"),
        ("\u{34f}\u{115f}\u{3164}\u{ffa0}\u{e0041}", r"\u{34f}\u{115f}\u{3164}\u{ffa0}\u{e0041}"),
        ("  Ungültig: \"x\" – 例\u{200a} ", "  Ungültig: \"x\" – 例\u{200a} "),
    ] {
        assert_eq!(Sanitized::new(text).to_string(), shown);
    }
}

#[test]
fn at_most_300_characters_are_shown() {
    assert_eq!(Sanitized::new(&"é".repeat(300)).to_string(), "é".repeat(300));
    assert_eq!(Sanitized::new(&"é".repeat(301)).to_string(), "é".repeat(300) + "…");
}

#[test]
fn secrets_are_hidden_in_a_servers_text() {
    let (key, secret, none) = (Secret::new("the-key"), Secret::new("s3cr3t"), Secret::new(""));
    let shown = Sanitized::without(" bad Outseta the-key:s3cr3t", &[key, secret, none]);
    assert_eq!(shown.to_string(), " bad Outseta [hidden]:[hidden]");
}

#[test]
fn approximate_durations() {
    for (seconds, text) in [
        (0, "0 seconds"),
        (1, "1 second"),
        (89, "89 seconds"),
        (90, "2 minutes"),
        (3_600, "60 minutes"),
        (5_400, "2 hours"),
        (86_399, "24 hours"),
        (604_799, "7 days"),
        (31_536_000, "365 days"),
    ] {
        assert_eq!(approximate(seconds), text, "{seconds}");
    }
}

#[test]
fn a_reason_is_lower_case_without_the_error_number() {
    assert_eq!(io_reason(&io::Error::from_raw_os_error(2)), "no such file or directory");
    assert_eq!(io_reason(&io::Error::other("Odd")), "odd");
}
