use std::env;
use std::io::{self, Write};
use std::process::{Command, Stdio};

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};

use super::*;

fn map(assignments: &[(&str, &str)]) -> BTreeMap<String, String> {
    assignments.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn values() {
    for (text, value) in [
        ("A=b", "b"),
        ("  A = b c  \n", "b c"),
        ("A=b # comment", "b"),
        ("A=b#c", "b"),
        ("A=", ""),
        ("A=#b", ""),
        ("A=$HOME ${X} `id`", "$HOME ${X} `id`"),
        ("A=it's", "it's"),
        (r"A=b\nc", r"b\nc"),
        ("\u{feff}A=b", "b"),
        ("export A=b", "b"),
        ("A: b", "b"),
        ("A='b # c'", "b # c"),
        ("A=\"b # c\" # d", "b # c"),
        ("A=`it's \"b\"`", "it's \"b\""),
        ("A=' b '", " b "),
        (r#"A="b\nc\rd""#, "b\nc\rd"),
        (r"A='b\nc'", r"b\nc"),
        ("A='b\nc'", "b\nc"),
        (r#"A="b\"c""#, r#"b\"c"#),
        ("A=''", ""),
        (r#"A="b\" # c""#, r#"b\" # c"#),
        // A quoted value may start on the next line.
        ("A=\n'b'", "b"),
        // More than a comment follows.
        ("A='b' c", "'b' c"),
        // A quote that is not closed still expands.
        (r#"A="b\nc"#, "\"b\nc"),
        // An escaped quote closes the value where no other does.
        (r"A='b\'", r"b\"),
    ] {
        assert_eq!(parse(text), map(&[("A", value)]), "{text:?}");
    }
}

#[test]
fn names_and_lines() {
    assert_eq!(parse("A:b"), map(&[]));
    assert_eq!(parse("A :b"), map(&[]));
    assert_eq!(parse("export=b"), map(&[("export", "b")]));
    assert_eq!(parse("A.B-C_1=x"), map(&[("A.B-C_1", "x")]));
    assert_eq!(parse("A='b'\nB='c'"), map(&[("A", "b"), ("B", "c")]));
    let text = "nothing\n# A=1\n=b\n{json: true}\r\nA=1\r\rB=2\rA=3";
    assert_eq!(parse(text), map(&[("A", "3"), ("B", "2")]));
}

#[test]
fn only_a_named_file_warns_if_it_has_no_setting() {
    let names =
        "an env file can set OUTSETA_BASE_URL, OUTSETA_SUBDOMAIN, OUTSETA_API_KEY, OUTSETA_API_SECRET";
    let variable = "a _FILE variable has an effect only in the environment";
    let values = parse("OUTSETA_API_KEY=\nOTHER=x\nOUTSETA_APIKEY=k\nOUTSETA_API_KEY_FILE=f\n");
    let file = EnvFile { values, ..EnvFile::default() };
    for (is_named, expected) in [(false, &[names, variable][..]), (true, &[names, names, variable])] {
        let warnings = file.warnings(is_named);
        assert_eq!(warnings.iter().filter_map(Error::hint).collect::<Vec<_>>(), expected);
    }
}

/// Files out of all that means something to dotenv, in any order, and out of lines that are nearly right.
fn files() -> impl Strategy<Value = String> {
    let pieces = [
        "A", "B", "=", ":", " ", "\t", "\n", "\r\n", "\r", "'", "\"", "`", "\\", "\\n", "\\r", "#", "$A",
        "export", "export ", "A=", "B: ", ".", "-", "é", "\u{a0}", "\u{feff}", "\u{85}", "x", "//",
    ];
    let soup = vec(select(pieces.to_vec()), 0..40).prop_map(|pieces| pieces.concat());
    let line = "[ \t]{0,2}(export +)?[AB]{1,2} ?(=|: ?) ?(['\"`])?\
        [ab #\\\\n'\"`$]{0,6}['\"`]?( ?#[ab'\"]{0,3})?(\n|\r\n|\n\n)";
    let lines = vec(line, 0..6).prop_map(|lines| lines.concat());
    prop_oneof![soup, lines]
}

proptest! {
    #![proptest_config(Config { failure_persistence: None, ..Config::with_cases(500) })]

    #[test]
    fn any_text_is_read(text in prop_oneof![files(), any::<String>()]) {
        for (name, _) in parse(&text) {
            prop_assert!(!name.is_empty());
            prop_assert!(name.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c)), "{name:?}");
        }
    }

    #[test]
    fn plain_values_are_read_back(
        name in "[A-Za-z_][A-Za-z0-9_]{0,9}",
        bare in "[!-~&&[^#'\"`]]{0,20}",
        // A backslash before the closing quote would be read as one that hides it.
        quoted in "([^'\r]{0,20}[^'\r\\\\])?",
    ) {
        prop_assert_eq!(parse(&format!("{name}={bare}\n")), map(&[(&name, &bare)]));
        prop_assert_eq!(parse(&format!("{name}='{quoted}'\n")), map(&[(&name, &quoted)]));
    }
}

/// Compares with dotenv itself, if the variable DOTENV names a folder in which `npm install dotenv@17` was
/// run.
#[test]
fn dotenv_reads_the_same() {
    // An object has no assignable property of this name.
    const LOST: &str = "__proto__";
    let Some(folder) = env::var_os("DOTENV") else {
        // Past the test harness, which keeps what a test prints to itself unless it fails.
        let why = "the variable DOTENV names no folder with npm's dotenv 17 in it";
        let _ = writeln!(io::stderr(), "dotenv_reads_the_same is skipped: {why}");
        return;
    };
    let mut runner = TestRunner::deterministic();
    let tree = vec(files(), 4_000).new_tree(&mut runner).expect("the strategy gives files");
    let files = tree.current();
    let script = "const {parse} = require('dotenv'); \
         const files = JSON.parse(require('fs').readFileSync(0, 'utf8')); \
         console.log(JSON.stringify(files.map(file => parse(file))))";
    let mut node = Command::new("node")
        .args(["-e", script])
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("node is installed where DOTENV is set");
    let mut stdin = node.stdin.take().expect("it is a pipe");
    stdin.write_all(&serde_json::to_vec(&files).expect("strings serialise")).expect("node reads the files");
    drop(stdin);
    let output = node.wait_with_output().expect("node ends");
    let expected: Vec<BTreeMap<String, String>> =
        serde_json::from_slice(&output.stdout).expect("node prints an object for each file");
    assert_eq!(expected.len(), files.len());
    for (file, expected) in files.iter().zip(expected) {
        let mut ours = parse(file);
        ours.remove(LOST);
        assert_eq!(ours, expected, "{file:?}");
    }
}
