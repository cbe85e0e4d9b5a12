//! `--generate`: the man page and the completions, tried in mandoc, bash, zsh and fish. If one of them is not
//! installed, its tests are skipped.

use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::support::pty::{Session, Streams};
use crate::support::run::Run;
use crate::support::skip;

/// The texts, each with its copy in `tests/texts`.
const TEXTS: [(&[&str], &str); 6] = [
    (&["-h"], "short-help.txt"),
    (&["--help"], "help.txt"),
    (&["--generate", "man"], "outseta-token.1"),
    (&["--generate", "complete-bash"], "complete.bash"),
    (&["--generate", "complete-zsh"], "complete.zsh"),
    (&["--generate", "complete-fish"], "complete.fish"),
];

/// The copies are committed, so that a reviewer sees what changes.
#[test]
fn each_text_is_its_committed_copy() {
    for (args, name) in TEXTS {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/texts").join(name);
        let text = Run::new().env_remove("HOME").args(args).stdout_contains("").run().stdout_text();
        if std::env::var_os("UPDATE_TEXTS").is_some() {
            fs::write(&path, &text).expect("the copy is written");
        }
        let copy = fs::read_to_string(&path).unwrap_or_default();
        assert!(
            text == copy,
            "{name} has changed; if it should, run: \
             UPDATE_TEXTS=1 cargo test --test integration committed_copy\n{text}"
        );
    }
}

const FORMATS: [&str; 5] = ["json", "token", "header", "env", "claims"];

/// The options in the committed help.
fn options() -> Vec<String> {
    let help = include_str!("../texts/help.txt");
    let (_, options) = help.split_once("\nOptions:\n").expect("a list of options");
    let lines =
        options.lines().take_while(|line| !line.is_empty()).filter(|line| !line.starts_with("        "));
    let words = lines.flat_map(|line| line.split_whitespace().take(2).map(|word| word.trim_end_matches(',')));
    sorted(&words.filter(|word| word.starts_with('-')).collect::<Vec<_>>())
}

fn long_options() -> Vec<String> {
    options().into_iter().filter(|option| option.starts_with("--")).collect()
}

fn generated(what: &str) -> String {
    let outcome = Run::new().env_remove("HOME").args(["--generate", what]).stdout_contains("").run();
    outcome.stdout_text()
}

/// A program in the default PATH; if it is not there, skip the test.
fn program(name: &str) -> Option<Run> {
    let path = Run::by_shell(&format!("command -v {name}")).outcome();
    if path.status != Some(0) {
        skip(&format!("{name} is not installed"));
        return None;
    }
    Some(Run::of(path.stdout_text().trim_end().into()))
}

/// What a completion offers, a line each, sorted.
fn offered(run: Run) -> Vec<String> {
    let outcome = run.outcome();
    assert_eq!((outcome.status, &*outcome.stderr), (Some(0), ""), "{outcome}");
    let text = outcome.stdout_text();
    let mut lines: Vec<String> = text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect();
    lines.sort();
    lines
}

fn sorted(words: &[&str]) -> Vec<String> {
    let mut words: Vec<String> = words.iter().map(ToString::to_string).collect();
    words.sort();
    words
}

/// The files in the working directory of a shell.
const FILES: [&str; 3] = ["alpha file", "beta", "completion"];

/// A shell that has the completion in a file.
fn with_completion(shell: Run, name: &str) -> Run {
    let shell = shell.env("PATH", "/usr/local/bin:/usr/bin:/bin").file("alpha file", "").file("beta", "");
    shell.file("completion", generated(&format!("complete-{name}")))
}

/// What bash and fish both offer, given the words of a command line.
fn offers_options_formats_and_files(offers: impl Fn(&[&str]) -> Vec<String>) {
    assert_eq!(offers(&["--"]), long_options());
    assert_eq!(offers(&["--no-"]), sorted(&["--no-activity-log", "--no-input"]));
    assert_eq!(offers(&["-q", "--che"]), ["--check"]);
    for option in ["-f", "--format"] {
        assert_eq!(offers(&[option, ""]), sorted(&FORMATS));
        assert_eq!(offers(&[option, "t"]), ["token"]);
    }
    let texts = ["man", "complete-bash", "complete-zsh", "complete-fish"];
    assert_eq!(offers(&["--generate", ""]), sorted(&texts));
    for option in ["-o", "--output", "-e", "--env-file", "--cacert"] {
        assert_eq!(offers(&[option, ""]), FILES, "{option}");
        assert_eq!(offers(&[option, "b"]), ["beta"], "{option}");
    }
    for option in
        ["--min-ttl", "--account", "-s", "--subdomain", "--base-url", "--timeout", "--retries", "--rate"]
    {
        assert_eq!(offers(&[option, ""]), [""; 0], "{option}");
    }
    assert_eq!(offers(&["--batch", "b"]), ["beta"]);
}

#[test]
fn mandoc_accepts_the_man_page() {
    if let Some(mandoc) = program("mandoc") {
        mandoc.args(["-T", "lint", "-W", "warning"]).stdin(generated("man")).run();
    }
}

/// A shell on a terminal, where the completion is loaded and the program prints its arguments.
fn shell(run: Run, setup: &str) -> Session {
    let mut session = run
        // A shell starts slowly on a busy machine.
        .deadline(Duration::from_secs(60))
        .env("TERM", "dumb")
        .on_terminal(Streams::ALL);
    // The quotes keep the echoed command from matching the prompt.
    session.send(&format!("{setup}; PS1='ne''xt: '\r")).wait_for(PROMPT);
    session
}

/// Types a command line and waits until the program has received these arguments.
#[track_caller]
fn types(session: &mut Session, keys: &str, arguments: &[&str]) {
    let expected = format!("<{}>", arguments.join("><"));
    session.send(&format!("outseta-token {keys}\r")).wait_for(&format!("{expected}\r\n")).wait_for(PROMPT);
}

const PROMPT: &str = "next: ";
const PRINTS: &str = "outseta-token() { printf '<%s>' \"$@\"; printf '\\n'; }";

/// Ends the shell.
fn exit(mut session: Session) {
    session.send("exit\r");
    let outcome = session.outcome();
    assert_eq!(outcome.status, Some(0), "{outcome}");
}

mod bash {
    use super::*;

    /// What the function offers for these words, in a bash that is not interactive.
    fn offers(words: &[&str]) -> Vec<String> {
        // compopt works only while a line is completed.
        let script = "compopt() { :; }; source ./completion; COMP_WORDS=(outseta-token \"$@\"); \
            COMP_CWORD=$#; _outseta_token; printf '%s\\n' \"${COMPREPLY[@]}\"";
        let bash = with_completion(program("bash").expect("bash is installed"), "bash");
        offered(bash.args(["--norc", "--noprofile", "-c", script, "bash"]).args(words))
    }

    #[test]
    fn options_formats_files_and_commands_are_offered() {
        if program("bash").is_none() {
            return;
        }
        offers_options_formats_and_files(offers);
        assert_eq!(offers(&["-"]), options());
        // For bash, = is a word.
        assert_eq!(offers(&["--format", "="]), sorted(&FORMATS));
        assert_eq!(offers(&["--format", "=", "c"]), ["claims"]);
        assert_eq!(offers(&["--output", "=", "b"]), ["beta"]);
        let commands = offers(&["jane@example.com", "--", "en"]);
        assert!(commands.contains(&"env".to_owned()), "{commands:?}");
        assert_eq!(offers(&["jane@example.com", "--", "alpha"]), ["alpha file"]);
        let later = offers(&["jane@example.com", "--", "env", "-f", "bet"]);
        assert!(later.contains(&"beta".to_owned()), "{later:?}");
    }

    #[test]
    fn a_line_that_is_typed_is_completed() {
        let Some(bash) = program("bash") else { return };
        let run = bash.args(["--norc", "--noprofile", "-i"]).env("INPUTRC", "/dev/null");
        let mut session = shell(with_completion(run, "bash"), &format!("{PRINTS}; source ./completion"));
        let mut types = |keys: &str, arguments: &[&str]| types(&mut session, keys, arguments);
        types("--min\t1h", &["--min-ttl", "1h"]);
        types("--format=to\t", &["--format=token"]);
        types("--format hea\t", &["--format", "header"]);
        types("-f cl\tx", &["-f", "claims", "x"]);
        types("-o al\t", &["-o", "alpha file"]);
        types("--output=be\t", &["--output=beta"]);
        types("--cacert al\t-q", &["--cacert", "alpha file", "-q"]);
        types("--batch be\t", &["--batch", "beta"]);
        types("jane -- alph\t", &["jane", "--", "alpha file"]);
        exit(session);
    }
}

mod zsh {
    use super::*;

    #[test]
    fn a_line_that_is_typed_is_completed() {
        let Some(zsh) = program("zsh") else { return };
        let run =
            with_completion(zsh.args(["-f", "-i"]), "zsh").file("_outseta-token", generated("complete-zsh"));
        let load = "fpath=($PWD $fpath); autoload -U compinit; compinit -u -D";
        let mut session = shell(run, &format!("{PRINTS}; {load}"));
        let mut types = |keys: &str, arguments: &[&str]| types(&mut session, keys, arguments);
        types("--min\t1h", &["--min-ttl=1h"]);
        types("--format=to\t", &["--format=token"]);
        types("--format hea\t", &["--format", "header"]);
        types("-f cl\tx", &["-f", "claims", "x"]);
        types("-o al\t", &["-o", "alpha file"]);
        types("--output=be\t", &["--output=beta"]);
        types("--no-act\t", &["--no-activity-log"]);
        types("--batch be\t", &["--batch", "beta"]);
        types("jane -- setsi\tcat al\t", &["jane", "--", "setsid", "cat", "alpha file"]);
        types("-- j@e.de setsi\tx", &["--", "j@e.de", "setsid", "x"]);
        types("-- j@e.de -- cat al\t", &["--", "j@e.de", "--", "cat", "alpha file"]);
        exit(session);
    }
}

mod fish {
    use super::*;

    /// What fish offers for this command line, with the descriptions.
    fn described(line: &str) -> Vec<String> {
        let script = format!("source ./completion; complete -C 'outseta-token {line}'");
        let fish = with_completion(program("fish").expect("fish is installed"), "fish");
        offered(fish.args(["--no-config", "-c", &script]))
    }

    fn offers(words: &[&str]) -> Vec<String> {
        let name = |line: String| line.split('\t').next().map(str::to_owned);
        described(&words.join(" ")).into_iter().filter_map(name).collect()
    }

    #[test]
    fn options_formats_files_and_commands_are_offered() {
        if program("fish").is_none() {
            return;
        }
        offers_options_formats_and_files(offers);
        assert_eq!(offers(&["--format=c"]), ["--format=claims"]);
        for start in ["jane --", "-q jane --", "-- j@e.de", "-- j@e.de --"] {
            assert_eq!(offers(&[start, "setsi"]), ["setsid"], "{start}");
            assert_eq!(offers(&[start, "cat", "al"]), ["alpha file"], "{start}");
        }
        let base_url =
            "--base-url\tanother host that serves Outseta's API, such as a custom domain or a test server";
        assert_eq!(described("--base"), [base_url]);
    }
}
