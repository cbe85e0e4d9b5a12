use std::env;
use std::fs::{self, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};
use tempfile::TempDir;

use super::*;
use crate::config::tests::{API_KEY, environment};

fn value_of(text: &str) -> String {
    let assignments = parse(text);
    assert_eq!(assignments.len(), 1, "{text:?}: {assignments:?}");
    assignments.into_values().next().unwrap()
}

fn map(assignments: &[(&str, &str)]) -> BTreeMap<String, String> {
    assignments.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn bare_values() {
    assert_eq!(value_of("A=b"), "b");
    assert_eq!(value_of("  A = b c  \n"), "b c");
    assert_eq!(value_of("A=b # comment"), "b");
    assert_eq!(value_of("A=b#c"), "b");
    assert_eq!(value_of("A="), "");
    assert_eq!(value_of("A=$HOME ${X} `id`"), "$HOME ${X} `id`");
    assert_eq!(value_of("A=it's"), "it's");
    assert_eq!(value_of("A=b\\nc"), "b\\nc");
    assert_eq!(value_of("\u{feff}A=b"), "b");
}

#[test]
fn other_ways_to_assign() {
    assert_eq!(value_of("export A=b"), "b");
    assert_eq!(value_of("A: b"), "b");
    assert_eq!(parse("A:b"), map(&[]));
    assert_eq!(parse("A :b"), map(&[]));
    assert_eq!(parse("export=b"), map(&[("export", "b")]));
    assert_eq!(parse("A.B-C_1=x"), map(&[("A.B-C_1", "x")]));
}

#[test]
fn quoted_values() {
    assert_eq!(value_of("A='b # c'"), "b # c");
    assert_eq!(value_of("A=\"b # c\" # d"), "b # c");
    assert_eq!(value_of("A=`it's \"b\"`"), "it's \"b\"");
    assert_eq!(value_of("A=' b '"), " b ");
    assert_eq!(value_of("A=\"b\\nc\\rd\""), "b\nc\rd");
    assert_eq!(value_of("A='b\\nc'"), "b\\nc");
    assert_eq!(value_of("A='b\nc'"), "b\nc");
    assert_eq!(value_of(r#"A="b\"c""#), r#"b\"c"#);
    assert_eq!(value_of("A=''"), "");
    assert_eq!(value_of(r#"A="b\" # c""#), r#"b\" # c"#);
    assert_eq!(parse("A='b'\nB='c'"), map(&[("A", "b"), ("B", "c")]));
}

#[test]
fn edges_follow_the_regular_expression() {
    assert_eq!(value_of("A=\n'b'"), "b", "a quoted value may start on the next line");
    assert_eq!(value_of("A='b' c"), "'b' c", "more than a comment follows");
    assert_eq!(value_of("A=\"b\\nc"), "\"b\nc", "a quote that is not closed still expands");
    assert_eq!(value_of(r"A='b\'"), r"b\", "an escaped quote closes where no other does");
    assert_eq!(value_of("A=#b"), "");
}

#[test]
fn lines_that_cannot_be_read_are_passed_over() {
    let text = "nothing\n# A=1\n=b\n{json: true}\r\nA=1\r\rB=2\rA=3";
    assert_eq!(parse(text), map(&[("A", "3"), ("B", "2")]));
}

/// What `--env-file` or, without it, the user's own file gives.
fn find(named: Option<&Path>, variables: &[(&str, &str)]) -> Result<EnvFile, Error> {
    named.map_or_else(|| EnvFile::of_user(&environment(variables)), EnvFile::named)
}

#[test]
fn the_users_file_is_where_xdg_says() {
    for (variables, expected) in [
        (vec![("XDG_CONFIG_HOME", "/x"), ("HOME", "/h")], Some("/x/outseta-token/env")),
        (vec![("XDG_CONFIG_HOME", "/x")], Some("/x/outseta-token/env")),
        (vec![("XDG_CONFIG_HOME", ""), ("HOME", "/h")], Some("/h/.config/outseta-token/env")),
        (vec![("XDG_CONFIG_HOME", "x"), ("HOME", "/h")], Some("/h/.config/outseta-token/env")),
        (vec![("HOME", "/h")], Some("/h/.config/outseta-token/env")),
        (vec![("HOME", "h")], None),
        (vec![("HOME", "")], None),
        (vec![], None),
    ] {
        let path = user_file(&environment(&variables));
        assert_eq!(path, expected.map(PathBuf::from), "{variables:?}");
    }
}

#[test]
fn the_users_file_must_be_regular_and_writable_by_nobody_else() {
    let folder = TempDir::new().unwrap();
    let config = folder.path().join("outseta-token");
    let path = config.join("env");
    fs::create_dir_all(&path).unwrap();
    let fault = || match find(None, &[("XDG_CONFIG_HOME", folder.path().to_str().unwrap())]) {
        Ok(file) => {
            assert_eq!(file.get(API_KEY).unwrap().value, "k");
            String::new()
        }
        Err(error) => format!("{error}; {}", error.hint().unwrap_or_default()),
    };
    let refused = |why: &str| format!("invalid env file (the user's settings in {}): {why}", path.display());
    let kind = refused("it is not a regular file; read another kind of file with --env-file FILE");
    assert_eq!(fault(), kind);
    fs::remove_dir(&path).unwrap();
    assert!(Command::new("mkfifo").args(["-m", "600"]).arg(&path).status().unwrap().success());
    assert_eq!(fault(), kind);
    fs::remove_file(&path).unwrap();
    fs::write(&path, "OUTSETA_API_KEY=k").unwrap();
    let mode = |mode| fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
    for (bits, writable) in [(0o600, false), (0o755, false), (0o620, true), (0o602, true)] {
        mode(bits);
        let writable = if writable {
            refused("it is writable by group or others; check its contents, then run: chmod go-w FILE")
        } else {
            String::new()
        };
        assert_eq!(fault(), writable, "{bits:o}");
    }
    // --env-file may name any file.
    mode(0o666);
    assert!(find(Some(&path), &[]).is_ok());
}

#[test]
fn warnings_and_refused_contents() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("env");
    let read = |text: &[u8]| {
        fs::write(&path, text).unwrap();
        find(Some(&path), &[])
    };
    let text = "OUTSETA_API_KEY=\nOTHER=x\nOUTSETA_APIKEY=k\nOUTSETA_API_KEY_FILE=f\n";
    let names =
        "an env file can set OUTSETA_BASE_URL, OUTSETA_SUBDOMAIN, OUTSETA_API_KEY, OUTSETA_API_SECRET";
    let variable = "a _FILE variable has an effect only in the environment";
    for (is_named, expected) in [(false, &[names, variable][..]), (true, &[names, names, variable])] {
        let warnings = read(text.as_bytes()).unwrap().warnings(is_named);
        let hints: Vec<_> = warnings.iter().map(|warning| warning.hint().unwrap()).collect();
        assert_eq!(hints, expected);
    }
    assert_eq!(read(b"OUTSETA_API_KEY=k").unwrap().warnings(true), []);
    let mut text = b"OUTSETA_API_KEY=k\n".to_vec();
    text.resize(64 * 1024, b'\n');
    assert!(read(&text).is_ok());
    text.push(b'\n');
    for (text, expected) in [
        (&text[..], "the file is larger than 64 KiB"),
        (b"# Schl\xfcssel\n", "it is not valid UTF-8"),
        // As PowerShell writes it.
        (b"\xff\xfeO\0", "it is not valid UTF-8"),
    ] {
        let error = read(text).err().expect("an error");
        assert!(error.to_string().ends_with(&format!("(--env-file)): {expected}")), "{error}");
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
