//! `--generate`: the man page and the completions, tried in the programs that they are for. Where
//! one of those is not installed, its tests say so and do nothing.

use std::time::Duration;

use crate::support::pty::{Session, Streams};
use crate::support::run::Run;
use crate::support::skip;

/// Every option, listed here once more.
const SHORT: [&str; 9] = ["-f", "-r", "-o", "-s", "-e", "-q", "-v", "-h", "-V"];
const LONG: [&str; 20] = [
    "--format",
    "--raw",
    "--output",
    "--min-ttl",
    "--subdomain",
    "--base-url",
    "--env-file",
    "--cacert",
    "--timeout",
    "--retries",
    "--batch",
    "--rate",
    "--check",
    "--no-activity-log",
    "--no-input",
    "--quiet",
    "--verbose",
    "--generate",
    "--help",
    "--version",
];
const FORMATS: [&str; 5] = ["json", "token", "header", "env", "claims"];
const TEXTS: [&str; 4] = ["man", "complete-bash", "complete-zsh", "complete-fish"];

fn generated(what: &str) -> String {
    let outcome = Run::new().env_remove("HOME").args(["--generate", what]).stdout_contains("").run();
    outcome.stdout_text()
}

/// Whether a program is installed; says so if not.
fn installed(name: &str) -> bool {
    let there = Run::by_shell(&format!("command -v {name}")).outcome().status == Some(0);
    if !there {
        skip(&format!("{name} is not installed"));
    }
    there
}

/// A program that is found where a shell finds it.
fn program(name: &str) -> Run {
    let path = Run::by_shell(&format!("command -v {name}")).outcome();
    Run::of(path.stdout_text().trim_end().into())
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

fn all_options() -> Vec<String> {
    sorted(&[&SHORT[..], &LONG[..]].concat())
}

mod everywhere {
    use super::*;

    #[test]
    fn every_option_and_choice_is_in_each_text() {
        for what in TEXTS {
            let text = generated(what).replace("\\-", "-");
            let texts = TEXTS.iter().chain(&FORMATS);
            for choice in texts {
                assert!(text.contains(choice), "{what} lacks {choice}");
            }
            for option in SHORT.iter().chain(&LONG) {
                let shown = match (what, option.trim_start_matches('-')) {
                    ("complete-fish", name) if name.len() == 1 => format!(" -s {name} "),
                    ("complete-fish", name) => format!(" -l {name} "),
                    _ => (*option).to_owned(),
                };
                assert!(text.contains(&shown), "{what} lacks {shown}");
            }
        }
    }

    #[test]
    fn a_text_ends_with_a_line_feed_and_holds_no_control_character() {
        for what in TEXTS {
            let text = generated(what);
            assert!(text.ends_with('\n') && !text.ends_with("\n\n"), "{what}");
            assert!(!text.contains(|c: char| c.is_control() && c != '\n'), "{what}");
        }
    }

    #[test]
    fn it_stands_alone_and_knows_its_texts() {
        for (args, line) in [
            (&["--generate", "man", "-q"][..], "outseta-token: option --generate stands alone"),
            (&["--generate", "man", "jane@example.com"], "outseta-token: option --generate stands alone"),
            (
                &["--generate", "pdf"],
                "outseta-token: invalid value 'pdf' for --generate: it needs man, complete-bash, complete-zsh or complete-fish",
            ),
        ] {
            Run::new()
                .args(args)
                .status(64)
                .stderr_lines(&[line, "outseta-token: hint: see outseta-token --help"])
                .run();
        }
    }
}

mod man {
    use super::*;

    #[test]
    fn mandoc_has_nothing_to_say_against_it() {
        if !installed("mandoc") {
            return;
        }
        program("mandoc").args(["-T", "lint", "-W", "warning"]).stdin(generated("man")).run();
    }

    #[test]
    fn it_reads_as_a_manual_page() {
        if !installed("mandoc") {
            return;
        }
        let page = program("mandoc")
            .args(["-T", "ascii", "-O", "width=200"])
            .stdin(generated("man"))
            .outcome()
            .stdout_text();
        // Without overstriking, which stands for bold.
        let mut text = String::new();
        for c in page.chars() {
            if c == '\u{8}' {
                text.pop();
            } else {
                text.push(c);
            }
        }
        for line in [
            "outseta-token - print an access token for a user of an Outseta account",
            "-f, --format FORMAT",
            "--min-ttl DURATION",
            "outseta-token -f header -- \"$EMAIL\" | curl -H @- https://api.example.com/",
        ] {
            let shown = text.lines().any(|shown| shown.trim() == line);
            assert!(shown, "it should have the line {line:?}\n{text}");
        }
        let synopsis: Vec<&str> = text
            .lines()
            .skip_while(|line| *line != "SYNOPSIS")
            .skip(1)
            .take_while(|line| *line != "DESCRIPTION")
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .collect();
        assert_eq!(
            synopsis,
            [
                "outseta-token [OPTION]... [EMAIL]",
                "outseta-token [OPTION]... EMAIL -- COMMAND [ARG]...",
                "outseta-token --batch [OPTION]... [FILE]",
                "outseta-token --check [OPTION]...",
            ]
        );
        let sections: Vec<&str> = text
            .lines()
            .filter(|line| line.starts_with(|c: char| c.is_ascii_uppercase()))
            .filter(|line| !line.starts_with("OUTSETA-TOKEN(1)"))
            .collect();
        assert_eq!(
            sections,
            ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "ENVIRONMENT", "EXIT STATUS", "EXAMPLES"]
        );
        assert!(text.contains(".config/outseta-token/env") && !text.contains('\\'), "{text}");
    }
}

/// A shell on a terminal, where the completion is loaded and the program prints its arguments.
fn shell(run: Run, setup: &str) -> Session {
    let mut session = run
        // A shell's own set-up takes its time on a busy machine.
        .deadline(Duration::from_secs(60))
        .env("TERM", "dumb")
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .file("alpha file", "")
        .file("beta", "")
        .on_terminal(Streams::ALL);
    // Not what is echoed, but what the shell makes of it.
    session.send(&format!("{setup}; PS1='ne''xt: '\r")).wait_for(PROMPT);
    session
}

/// Types a command line and waits until the program has got these arguments.
#[track_caller]
fn types(session: &mut Session, keys: &str, arguments: &[&str]) {
    let expected = format!("<{}>", arguments.join("><"));
    session.send(&format!("outseta-token {keys}\r")).wait_for(&format!("{expected}\r\n")).wait_for(PROMPT);
}

const PROMPT: &str = "next: ";
const PRINTS: &str = "outseta-token() { printf '<%s>' \"$@\"; printf '\\n'; }";

mod bash {
    use super::*;

    /// What the function offers for these words, in a bash that is not interactive.
    fn offers(words: &[&str]) -> Vec<String> {
        // compopt works only while a line is completed.
        let script = "compopt() { :; }; source ./completion; COMP_WORDS=(outseta-token \"$@\"); \
            COMP_CWORD=$#; _outseta_token; printf '%s\\n' \"${COMPREPLY[@]}\"";
        let run = program("bash")
            .args(["--norc", "--noprofile", "-c", script, "bash"])
            .args(words)
            .env("PATH", "/usr/bin:/bin")
            .file("completion", generated("complete-bash"))
            .file("alpha file", "")
            .file("beta", "");
        offered(run)
    }

    const FILES: [&str; 3] = ["alpha file", "beta", "completion"];

    #[test]
    fn options_formats_and_files_are_offered() {
        if !installed("bash") {
            return;
        }
        assert_eq!(offers(&["-"]), all_options());
        assert_eq!(offers(&["--"]), sorted(&LONG));
        assert_eq!(offers(&["--no-"]), sorted(&["--no-activity-log", "--no-input"]));
        assert_eq!(offers(&["-q", "--che"]), ["--check"]);
        for option in ["-f", "--format"] {
            assert_eq!(offers(&[option, ""]), sorted(&FORMATS));
            assert_eq!(offers(&[option, "t"]), ["token"]);
        }
        // Bash takes the = as a word of its own.
        assert_eq!(offers(&["--format", "="]), sorted(&FORMATS));
        assert_eq!(offers(&["--format", "=", "c"]), ["claims"]);
        assert_eq!(offers(&["--generate", ""]), sorted(&TEXTS));
        for option in ["-o", "--output", "-e", "--env-file", "--cacert"] {
            assert_eq!(offers(&[option, ""]), FILES, "{option}");
            assert_eq!(offers(&[option, "b"]), ["beta"], "{option}");
        }
        assert_eq!(offers(&["--output", "=", "b"]), ["beta"]);
        for option in ["--min-ttl", "-s", "--subdomain", "--base-url", "--timeout", "--retries", "--rate"] {
            assert_eq!(offers(&[option, ""]), [""; 0], "{option}");
        }
        assert_eq!(offers(&["--batch", "b"]), ["beta"]);
    }

    #[test]
    fn behind_two_hyphens_commands_and_files_are_offered() {
        if !installed("bash") {
            return;
        }
        let commands = offers(&["jane@example.com", "--", "en"]);
        assert!(commands.contains(&"env".to_owned()), "{commands:?}");
        assert_eq!(offers(&["jane@example.com", "--", "alpha"]), ["alpha file"]);
        let later = offers(&["jane@example.com", "--", "env", "-f", "bet"]);
        assert!(later.contains(&"beta".to_owned()), "{later:?}");
    }

    #[test]
    fn it_completes_a_line_that_is_typed() {
        if !installed("bash") {
            return;
        }
        let run = program("bash")
            .args(["--norc", "--noprofile", "-i"])
            .env("INPUTRC", "/dev/null")
            .file("completion", generated("complete-bash"));
        let mut session = shell(run, &format!("{PRINTS}; source ./completion"));
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
        session.send("exit\r");
        let outcome = session.outcome();
        assert_eq!(outcome.status, Some(0), "{outcome}");
    }
}

mod zsh {
    use super::*;

    #[test]
    fn it_is_found_by_compinit_and_completes_a_line_that_is_typed() {
        if !installed("zsh") {
            return;
        }
        let run = program("zsh").args(["-f", "-i"]).file("_outseta-token", generated("complete-zsh"));
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
        session.send("exit\r");
        let outcome = session.outcome();
        assert_eq!(outcome.status, Some(0), "{outcome}");
    }

    #[test]
    fn it_has_no_syntax_error() {
        if !installed("zsh") {
            return;
        }
        program("zsh").args(["-f", "-n", "completion"]).file("completion", generated("complete-zsh")).run();
    }
}

mod fish {
    use super::*;

    /// What fish offers for a line, without the descriptions.
    fn offers(line: &str) -> Vec<String> {
        let script = format!("source ./completion; complete -C '{line}'");
        let run = program("fish")
            .args(["--no-config", "-c", &script])
            .env("PATH", "/usr/bin:/bin")
            .file("completion", generated("complete-fish"))
            .file("alpha file", "")
            .file("beta", "");
        let mut offered = offered(run);
        for line in &mut offered {
            let end = line.find('\t').unwrap_or(line.len());
            line.truncate(end);
        }
        offered
    }

    const FILES: [&str; 3] = ["alpha file", "beta", "completion"];

    #[test]
    fn options_formats_and_files_are_offered() {
        if !installed("fish") {
            return;
        }
        assert_eq!(offers("outseta-token --"), sorted(&LONG));
        assert_eq!(offers("outseta-token --no-"), sorted(&["--no-activity-log", "--no-input"]));
        assert_eq!(offers("outseta-token -f "), sorted(&FORMATS));
        assert_eq!(offers("outseta-token --format t"), ["token"]);
        assert_eq!(offers("outseta-token --format=c"), ["--format=claims"]);
        assert_eq!(offers("outseta-token --generate "), sorted(&TEXTS));
        for option in ["-o", "--output", "-e", "--env-file", "--cacert"] {
            assert_eq!(offers(&format!("outseta-token {option} ")), FILES, "{option}");
        }
        for option in ["--min-ttl", "-s", "--subdomain", "--base-url", "--timeout", "--retries", "--rate"] {
            assert_eq!(offers(&format!("outseta-token {option} ")), [""; 0], "{option}");
        }
        assert_eq!(offers("outseta-token --batch b"), ["beta"]);
    }

    #[test]
    fn each_option_has_its_description() {
        if !installed("fish") {
            return;
        }
        let described = program("fish")
            .args(["--no-config", "-c", "source ./completion; complete -C 'outseta-token --base'"])
            .env("PATH", "/usr/bin:/bin")
            .file("completion", generated("complete-fish"));
        assert_eq!(
            offered(described),
            ["--base-url\tanother host that serves Outseta's API: a custom domain, a test server"]
        );
    }
}
