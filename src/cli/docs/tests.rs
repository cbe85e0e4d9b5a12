//! The texts as a whole are compared with `tests/texts` by the black-box tests.

use super::*;

/// The statuses are those of `Kind::row`, which has a row for every kind of failure, and 0.
#[test]
fn every_status_is_explained() {
    let rows = include_str!("../../error.rs").split("=> (").skip(1);
    let mut statuses: Vec<&str> = rows.filter_map(|row| row.split(',').next()).chain(["0"]).collect();
    let help = text(Text::Help);
    let (_, explained) = help.split_once("Exit status:\n").expect("a list of statuses");
    let first_words = explained.lines().filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    let mut explained: Vec<&str> = first_words.filter(|word| word.parse::<u8>().is_ok()).collect();
    for list in [&mut statuses, &mut explained] {
        list.sort_unstable();
    }
    statuses.dedup();
    assert_eq!(statuses, explained);
}

#[test]
fn help_fits_a_terminal() {
    for text in [Text::ShortHelp, Text::Help].map(text) {
        for line in text.lines() {
            assert!(line.len() <= WIDTH && line.trim_end() == line, "{line:?}");
        }
    }
    assert!(text(Text::ShortHelp).lines().count() <= 30);
}

#[test]
fn short_help_has_the_usage_and_the_examples_of_help() {
    let help = text(Text::Help);
    let commands: Vec<&str> = help.lines().filter(|line| line.starts_with("  outseta-token")).collect();
    assert!(
        commands.len() == 8
            && commands.iter().all(|line| text(Text::ShortHelp).contains(&format!("{line}\n")))
    );
}

#[test]
fn a_wide_name_has_a_line_of_its_own() {
    let [narrow, wide] = ["n".repeat(24), "w".repeat(25)];
    assert_eq!(plain_row(&narrow, "why"), format!("  {narrow}  why"));
    assert_eq!(plain_row(&wide, "why"), format!("  {wide}\n{:28}why", ""));
}

#[test]
fn every_place_of_a_template_is_filled() {
    let generated = ["man", "complete-bash", "complete-zsh", "complete-fish"].map(generate);
    for text in [Text::ShortHelp, Text::Help, Text::Version]
        .map(text)
        .into_iter()
        .chain(generated.map(Option::unwrap))
    {
        let is_place = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_uppercase());
        assert!(!text.split('@').any(is_place), "{text}");
    }
}

#[test]
fn words_are_wrapped() {
    assert_eq!(wrapped("aa bb cc", 5), ["aa bb", "cc"]);
    assert_eq!(wrapped("aaaaaaa b", 3), ["aaaaaaa", "b"]);
    assert_eq!(wrapped("", 3), [""]);
}

#[test]
fn roff_has_nothing_to_interpret() {
    assert_eq!(escaped(".a \\b -c \"~\"  d"), "\\&.a \\eb \\-c \\(dq\\(ti\\(dq  d");
}
