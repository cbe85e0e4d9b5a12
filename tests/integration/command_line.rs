//! The command line: every option in every mode, what is a mistake and how it is named, what `--` does, help and
//! version, and which of several errors is reported.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;

use serde_json::Value;

use crate::support::fake::Server;
use crate::support::http::Answer;
use crate::support::jwt;
use crate::support::listener::dead_address;
use crate::support::model::Account;
use crate::support::proxy::Detour;
use crate::support::run::{Outcome, Run};
use crate::support::script::{Fault, On};
use crate::support::tls::{Authority, NAMES};
use crate::support::{KEY, SECRET, set_mode};

const JANE: &str = "jane@example.com";

/// Ways to call the program that make it print a token, run a command, and so on, to be completed by options.
const PRINT: &[&str] = &[JANE];
const COMMAND: &[&str] = &[JANE, "--", "/bin/true"];
const BATCH: &[&str] = &["--batch"];
const CHECK: &[&str] = &["--check"];
const ALL: &[&[&str]] = &[PRINT, COMMAND, BATCH, CHECK];

/// What `--help` shows of the options.
const OPTIONS: [&str; 20] = [
    "-f, --format FORMAT",
    "-r, --raw",
    "-o, --output FILE",
    "--min-ttl DURATION",
    "-s, --subdomain NAME",
    "--base-url URL",
    "-e, --env-file FILE",
    "--cacert FILE",
    "--timeout DURATION",
    "--retries N",
    "--batch",
    "--rate N",
    "--check",
    "--no-activity-log",
    "--no-input",
    "-q, --quiet",
    "-v, --verbose",
    "--generate WHAT",
    "-h, --help",
    "-V, --version",
];

/// A run in this mode, with Jane on standard input where she is no argument.
fn called(options: &[&str], mode: &[&str]) -> Run {
    Run::new().args(options).args(mode).stdin(format!("{JANE}\n"))
}

/// The users for whom a token was asked for.
fn users(server: &Server) -> Vec<String> {
    let body = |body: &[u8]| serde_json::from_slice::<Value>(body).expect("a JSON body");
    let requests = server.requests();
    let users = requests.iter().map(|request| body(&request.body)["username"].clone());
    users.map(|user| user.as_str().expect("a name").to_owned()).collect()
}

/// Expects a usage error with this message and the general hint, and no request.
#[track_caller]
fn mistake<I: IntoIterator<Item: AsRef<OsStr>>>(args: I, message: &str) {
    let server = Server::generous();
    Run::new()
        .server(&server)
        .args(args)
        .status(64)
        .stderr_lines(&[
            &format!("outseta-token: {message}"),
            "outseta-token: hint: see outseta-token --help",
        ])
        .run();
    assert_eq!(server.connections(), 0);
}

mod success {
    use super::*;

    #[test]
    fn options_stand_before_or_behind_the_email_with_a_space_or_an_equals_sign() {
        let server = Server::generous();
        let url = server.url();
        let url_with_equals = format!("--base-url={url}");
        let rows: [&[&str]; 6] = [
            &["--format", "token", "--base-url", &url, JANE],
            &["--format=token", &url_with_equals, JANE],
            &[JANE, "--format", "token", "--base-url", &url],
            &["-f", "token", JANE, &url_with_equals],
            &["-ftoken", "--base-url", &url, "--", JANE],
            &["-qrf=json", JANE, &url_with_equals],
        ];
        for row in &rows[..5] {
            Run::new().credentials().args(*row).stdout("t0ken\n").run();
        }
        assert_eq!(users(&server), [JANE; 5]);
        // The cluster was read as its options: two of them contradict each other.
        mistake(rows[5], "options --raw and --format contradict each other");
    }

    #[test]
    fn each_format_is_printed() {
        let rows = [
            ("json", "{\n  \"access_token\": \"t0ken\"\n}\n"),
            ("token", "t0ken\n"),
            ("header", "Authorization: Bearer t0ken\n"),
            ("env", "OUTSETA_ACCESS_TOKEN=t0ken\n"),
        ];
        let server = Server::generous();
        let run = || Run::new().server(&server).arg(JANE);
        for (format, expected) in rows {
            run().args(["--format", format]).stdout(expected).run();
        }
        run().arg("-r").stdout(rows[1].1).run();
        run().stdout(rows[0].1).run();
        let real = Server::http(Account::acme());
        let claims = Run::new().server(&real).args([JANE, "-f", "claims"]);
        let claims = claims.stdout_contains("{\n  \"").run().json();
        assert_eq!(claims["email"], JANE);
    }

    #[test]
    fn output_goes_to_the_file_or_with_a_hyphen_to_standard_output() {
        let server = Server::generous();
        let run = || Run::new().server(&server).args(["-r", JANE]);
        run().args(["-o", "-"]).stdout("t0ken\n").run();
        let outcome = run().args(["--output", "file"]).run();
        assert_eq!(read(&outcome, "file"), "t0ken\n");
    }

    #[test]
    fn a_file_is_kept_as_long_as_its_token_lasts() {
        let server = Server::http(Account::acme().lifetime(7200));
        for (min_ttl, kept) in [("1h", true), ("3h", false)] {
            let args = ["-r", "-o", "file", "--min-ttl", min_ttl, JANE];
            let token = jwt::encode(&jwt::claims("acme", JANE, 7200), 99) + "\n";
            let run = Run::new().server(&server).args(args).file("file", &token);
            // As the program writes it: a file that others may write is not kept.
            set_mode(&run.work().join("file"), 0o600);
            let outcome = run.run();
            assert_eq!(read(&outcome, "file") == token, kept, "{min_ttl}");
        }
        assert_eq!(server.requests().len(), 1);
    }

    #[test]
    fn an_account_is_named_by_its_subdomain_or_by_another_base_url() {
        let detour = Detour::new(Account::acme());
        let run = || Run::new().detour(&detour).env_remove("OUTSETA_SUBDOMAIN");
        run().args(["-s", "acme", JANE]).stdout_contains("access_token").run();
        run()
            .args(["--base-url", "https://auth.example.com", JANE])
            .status(69)
            .stderr_contains("auth.example.com")
            .run();
        let targets: Vec<_> = detour.proxy.requests();
        assert_eq!(targets[0].target, "acme.outseta.com:443");
        assert_eq!(targets[1].target, "auth.example.com:443");
    }

    #[test]
    fn an_env_file_and_certificates_are_read() {
        let authority = Authority::new();
        let server = Server::https(Account::acme(), authority.server(&NAMES));
        let settings = format!("OUTSETA_API_KEY={KEY}\nOUTSETA_API_SECRET={SECRET}\n");
        let (url, pem_file) = (server.url(), authority.pem_file());
        let pem_file = pem_file.to_str().expect("a path in UTF-8");
        for mode in ALL {
            let options = ["-e", ".env", "--base-url", &url, "--cacert", pem_file];
            let outcome = called(&options, mode).file(".env", &settings).outcome();
            assert_eq!(outcome.status, Some(0), "{outcome}");
        }
        // One for a token, two for a check.
        assert_eq!(server.requests().len(), 5);
    }

    #[test]
    fn time_and_attempts_are_limited() {
        for mode in ALL {
            let server = Server::http(Account::acme());
            server.on(On::Any, Fault::Stall).always(On::Any, Answer::empty(503).header("Retry-After", "0"));
            for (options, status, message, requests) in [
                (["--timeout", "500ms"], 69, "no answer from 127.0.0.1 within 500 ms", 1),
                (["--retries", "0"], 75, "failing", 1),
                (["--retries", "1"], 75, "failing", 2),
            ] {
                let before = server.requests().len();
                let outcome = called(&options, mode).server(&server).outcome();
                assert_eq!(outcome.status, Some(status), "{outcome}");
                let told = outcome.stdout_text() + &outcome.stderr;
                assert!(told.contains(message), "{outcome}");
                assert_eq!(server.requests().len() - before, requests, "{outcome}");
            }
        }
    }

    #[test]
    fn the_activity_log_is_left_out_only_if_asked_for() {
        for mode in [PRINT, COMMAND, BATCH] {
            let server = Server::generous();
            for options in [&[][..], &["--no-activity-log"]] {
                let outcome = called(options, mode).server(&server).outcome();
                assert_eq!(outcome.status, Some(0), "{outcome}");
            }
            let targets: Vec<_> = server.requests().into_iter().map(|r| r.target).collect();
            assert_eq!(targets, ["/api/v1/tokens", "/api/v1/tokens?donotlog=1"]);
        }
    }

    #[test]
    fn only_verbose_writes_to_standard_error() {
        let server = Server::generous();
        let base_url = "outseta-token: base URL http://";
        for (mode, start) in [
            (PRINT, base_url),
            (COMMAND, base_url),
            (BATCH, base_url),
            // Its settings are its result.
            (CHECK, "outseta-token: > GET http://"),
        ] {
            for options in [&[][..], &["-q"], &["--no-input"]] {
                let outcome = called(options, mode).server(&server).outcome();
                assert_eq!(outcome.status, Some(0), "{outcome}");
                assert_eq!(outcome.stderr, "", "{outcome}");
            }
            let outcome = called(&["-v"], mode).server(&server).outcome();
            assert!(outcome.stderr.starts_with(start), "{outcome}");
            for part in ["> Authorization: Outseta KQx7…:[hidden]\n", "< 200 after "] {
                assert!(outcome.stderr.contains(part), "{outcome}");
            }
        }
    }

    #[test]
    fn quiet_silences_neither_errors_nor_warnings() {
        let server = Server::http(Account::acme());
        let expired = Server::http(Account::acme().lifetime(-60));
        let read_only = Server::http(Account::acme().read_only());
        let emails = |server, emails: &str| Run::new().server(server).args(BATCH).stdin(emails);
        let cases: [(&dyn Fn() -> Run, &str); 6] = [
            (
                &|| Run::new().server(&server).arg("nobody@example.com"),
                "outseta-token: no such user: nobody@example.com\noutseta-token: hint: ",
            ),
            (
                &|| {
                    let run = Run::new().credentials().args([JANE, "-e", "file.env"]);
                    run.file("file.env", "OUTSETA_BASE_URL=https://auth.example.com\n")
                },
                "outseta-token: warning: OUTSETA_BASE_URL in file.env is not used\noutseta-token: hint: ",
            ),
            (
                &|| {
                    let run = Run::new().server(&server).env_remove("OUTSETA_API_KEY");
                    let run = run.env("OUTSETA_API_KEY_FILE", "key").file("key", KEY);
                    set_mode(&run.work().join("key"), 0o644);
                    run.args(CHECK)
                },
                "outseta-token: warning: key is readable by others\noutseta-token: hint: ",
            ),
            (
                &|| emails(&expired, JANE),
                "outseta-token: warning: line 1: the token for jane@example.com has expired ",
            ),
            (
                &|| emails(&server, "jane"),
                "outseta-token: 1 failed, the first at line 1: invalid email 'jane'",
            ),
            (
                &|| emails(&read_only, JANE),
                "outseta-token: stopped at line 1: Outseta rejected the API key (403)",
            ),
        ];
        for (run, part) in cases {
            let (loud, quiet) = (run().outcome(), run().arg("-q").outcome());
            assert!(quiet.stderr.contains(part), "{quiet}");
            assert_eq!((quiet.status, quiet.stderr), (loud.status, loud.stderr));
        }
    }

    #[test]
    fn an_option_is_taken_in_every_mode_that_uses_it() {
        let server = Server::http(Account::acme());
        let authority = Authority::new();
        let url = server.url();
        let pem_file = authority.pem_file();
        let pem_file = pem_file.to_str().expect("a path in UTF-8");
        let rows: [(&[&str], &[&[&str]]); 15] = [
            (&["--format", "token"], &[PRINT]),
            (&["--raw"], &[PRINT]),
            (&["--output", "file"], &[PRINT]),
            (&["--output", "file", "--min-ttl", "1h"], &[PRINT]),
            (&["--base-url", &url], ALL),
            (&["--env-file", "file.env"], ALL),
            (&["--cacert", pem_file], ALL),
            (&["--timeout", "20"], ALL),
            (&["--retries", "1"], ALL),
            (&["--rate", "0.5"], &[BATCH]),
            (&["--no-activity-log"], &[PRINT, COMMAND, BATCH]),
            (&["--no-input"], ALL),
            (&["--quiet"], ALL),
            (&["--verbose"], ALL),
            (&[], ALL),
        ];
        for (options, modes) in rows {
            for mode in modes {
                let run = Run::new().server(&server).file("file.env", "");
                let outcome = run.args(options).args(*mode).outcome();
                assert_eq!(outcome.status, Some(0), "{outcome}");
            }
        }
        let detour = Detour::new(Account::acme());
        for mode in ALL {
            let run = Run::new().detour(&detour).args(["--subdomain", "acme"]);
            let outcome = run.args(*mode).outcome();
            assert_eq!(outcome.status, Some(0), "{outcome}");
        }
    }

    #[test]
    fn texts_are_generated() {
        for (what, part) in [
            ("man", ".TH OUTSETA-TOKEN 1 "),
            ("complete-bash", "complete -F _outseta_token outseta-token\n"),
            ("complete-zsh", "#compdef outseta-token\n"),
            ("complete-fish", "complete -c outseta-token -s f -l format"),
        ] {
            Run::new().args(["--generate", what]).stdout_contains(part).run();
        }
    }
}

mod two_hyphens {
    use super::*;

    #[test]
    fn behind_them_an_address_is_never_an_option() {
        let server = Server::generous();
        let run = || Run::new().server(&server).arg("-r");
        run().args(["--", "-v@example.com"]).stdout("t0ken\n").run();
        assert_eq!(users(&server), ["-v@example.com"]);
        let elsewhere = Server::http(Account::acme());
        run()
            .arg("--")
            .arg(format!("--base-url={}", elsewhere.url()))
            .status(65)
            .stderr_lines(&[
                &format!("outseta-token: invalid email '--base-url={}': it has no @", elsewhere.url()),
                "outseta-token: hint: give a plain address, such as jane@example.com",
            ])
            .run();
        assert_eq!((elsewhere.connections(), server.requests().len()), (0, 1));
        mistake(["-v@example.com"], "unknown option -@");
    }

    #[test]
    fn behind_them_comes_the_email_if_it_was_not_given_and_then_the_command() {
        let server = Server::generous();
        let rows: [&[&str]; 4] = [
            &[JANE, "--", "/bin/echo", "-r", "--", "x"],
            &["--no-input", JANE, "--", "/bin/echo", "-r", "--", "x"],
            &["--no-input", "--", JANE, "/bin/echo", "-r", "--", "x"],
            &["--", JANE, "--", "/bin/echo", "-r", "--", "x"],
        ];
        for row in rows {
            Run::new().server(&server).args(row).stdout("-r -- x\n").run();
        }
        assert_eq!(users(&server), [JANE; 4]);
    }

    #[test]
    fn an_option_behind_them_is_the_commands() {
        Run::new()
            .server(&Server::generous())
            .args([JANE, "--", "/bin/echo", "--help", "--bogus"])
            .stdout("--help --bogus\n")
            .run();
    }

    #[test]
    fn behind_them_a_hyphen_is_an_address_and_none_of_standard_input() {
        let server = Server::generous();
        let run = || Run::new().server(&server).arg("--").stdin("bob@example.com\n");
        run().stdout_contains("t0ken").run();
        for args in [["-"].as_slice(), &["-", "/bin/true"]] {
            run().args(args).status(65).stderr_contains("invalid email '-': ").run();
        }
        assert_eq!(users(&server), ["bob@example.com"]);
    }

    #[test]
    fn as_the_value_of_an_option_they_are_a_value() {
        let server = Server::generous();
        let outcome = Run::new().server(&server).args(["-r", "-o", "--", JANE]).run();
        assert_eq!(read(&outcome, "--"), "t0ken\n");
    }

    #[test]
    fn behind_them_comes_the_file_of_a_batch() {
        Run::new()
            .server(&Server::generous())
            .file("-f", "jane@example.com\n")
            .args(["--batch", "--", "-f"])
            .stdout("{\"email\":\"jane@example.com\",\"access_token\":\"t0ken\"}\n")
            .run();
    }

    #[test]
    fn a_command_must_follow_a_given_email() {
        for args in [[JANE, "--"].as_slice(), &["--", JANE, "--"]] {
            Run::new()
                .args(args)
                .status(64)
                .stderr_lines(&[
                    "outseta-token: no command behind --",
                    "outseta-token: hint: write the command behind it: outseta-token jane@example.com -- COMMAND",
                ])
                .run();
        }
    }
}

mod mistakes {
    use super::*;

    #[test]
    fn a_usage_error_names_what_is_wrong() {
        let rows: [(&[&str], &str); 24] = [
            // An unknown option; what stands behind it could be a secret and is not repeated.
            (&["--bogus"], "unknown option --bogus"),
            (&["--api-secret=hunter2", JANE], "unknown option --api-secret"),
            (&["-x", JANE], "unknown option -x"),
            (&["-rx", JANE], "unknown option -x"),
            (&["--form", "json", JANE], "unknown option --form"),
            (&["--=x"], "unknown option --"),
            (&["--\u{1b}[31m"], r"unknown option --\u{1b}[31m"),
            // Given twice.
            (&["-r", "--raw", JANE], "option --raw was given twice"),
            (&["-s", "a", "--subdomain=a"], "option --subdomain was given twice"),
            (&["-vv", JANE], "option --verbose was given twice"),
            // Contradictions.
            (&["-f", "token", "-r", JANE], "options --raw and --format contradict each other"),
            (&["-v", "-q", JANE], "options --quiet and --verbose contradict each other"),
            (
                &["-s", "acme", "--base-url", "https://acme.outseta.com", JANE],
                "options --base-url and --subdomain contradict each other",
            ),
            (&["--check", "--batch"], "options --batch and --check contradict each other"),
            // Empty, missing and unwanted values.
            (
                &["--subdomain=", JANE],
                "option --subdomain has an empty value: it needs an Outseta subdomain such as acme",
            ),
            (
                &["-o", "", JANE],
                "option --output has an empty value: it needs a file, or - for standard output",
            ),
            (&["--format"], "option --format needs a value: json, token, header, env or claims"),
            (&["-e"], "option --env-file needs a value: a file"),
            (&["--quiet=yes", JANE], "option --quiet takes no value"),
            (&["-r=yes", JANE], "option -r takes no value"),
            // More than one EMAIL, and other arguments too many.
            (&[JANE, "bob@example.com"], "unexpected argument 'bob@example.com': there is one EMAIL"),
            (&["-", JANE], "unexpected argument 'jane@example.com': there is one EMAIL"),
            (&["--batch", "a", "b"], "unexpected argument 'b': --batch takes one FILE"),
            (&["--check", JANE], "unexpected argument 'jane@example.com': --check takes no argument"),
        ];
        for (args, message) in rows {
            mistake(args, message);
        }
    }

    #[test]
    fn a_value_that_the_option_does_not_take_is_named_with_what_it_takes() {
        let durations =
            "it needs a duration such as 500ms, 10s, 2m, 1h, 7d, or a number of seconds; at most 3660d";
        let formats = "json, token, header, env or claims";
        let rows: [(&[&str], &str); 8] = [
            (&["-f", "JSON", JANE], &format!("invalid value 'JSON' for --format: it needs {formats}")),
            (&["--timeout", "0", JANE], &format!("invalid value '0' for --timeout: {durations}")),
            (&["--timeout=0ms", JANE], &format!("invalid value '0ms' for --timeout: {durations}")),
            (&["--timeout", "1.5s", JANE], &format!("invalid value '1.5s' for --timeout: {durations}")),
            (
                &["-o", "x", "--min-ttl", "1w", JANE],
                &format!("invalid value '1w' for --min-ttl: {durations}"),
            ),
            (&["--retries", "-1", JANE], "invalid value '-1' for --retries: it needs a whole number"),
            (
                &["--batch", "--rate", "-1"],
                "invalid value '-1' for --rate: it needs a number of requests a second, or 0",
            ),
            (
                &["--generate", "html"],
                "invalid value 'html' for --generate: it needs man, complete-bash, complete-zsh or complete-fish",
            ),
        ];
        for (args, message) in rows {
            mistake(args, message);
        }
    }

    #[test]
    fn an_option_of_no_use_in_the_mode_is_refused() {
        let only_print: [&[&str]; 4] =
            [&["--format", "token"], &["--raw"], &["--output", "x"], &["--min-ttl", "1h"]];
        for options in only_print {
            for (mode, phrase) in
                [(COMMAND, "with a command"), (BATCH, "with --batch"), (CHECK, "with --check")]
            {
                let message = format!("option {} is of no use {phrase}", options[0]);
                mistake([options, mode].concat(), &message);
                // In a place behind, where the mode allows one.
                if mode != COMMAND {
                    mistake([mode, options].concat(), &message);
                }
            }
        }
        for (mode, phrase) in
            [(PRINT, "without --batch"), (COMMAND, "with a command"), (CHECK, "with --check")]
        {
            let message = format!("option --rate is of no use {phrase}");
            mistake([&["--rate", "1"], mode].concat(), &message);
        }
        mistake(["--check", "--no-activity-log"], "option --no-activity-log is of no use with --check");
    }

    #[test]
    fn generating_a_text_stands_alone() {
        let others: [&[&str]; 5] = [&["-q"], &["--batch"], &[JANE], &["--"], &["--generate", "man"]];
        for other in &others[..4] {
            mistake([&["--generate", "man"], *other].concat(), "option --generate stands alone");
        }
        mistake([&["--generate", "man"], others[4]].concat(), "option --generate was given twice");
    }

    #[test]
    fn a_least_lifetime_needs_a_file_that_can_hold_a_token() {
        let rows: [(&[&str], &str); 3] = [
            (&[], "without -o FILE"),
            (&["-o", "-"], "without -o FILE"),
            (&["-o", "file", "-f", "claims"], "with --format claims, which holds no token"),
        ];
        for (args, why) in rows {
            Run::new()
                .args(["--min-ttl", "1h", JANE])
                .args(args)
                .status(64)
                .stderr_lines(&[
                    &format!("outseta-token: option --min-ttl is of no use {why}"),
                    "outseta-token: hint: --min-ttl goes with -o FILE: the file is kept while its token is valid at least so long",
                ])
                .run();
        }
    }

    #[test]
    fn a_value_that_is_not_utf8_is_refused_where_text_is_needed() {
        let bad = OsStr::from_bytes(b"\xff");
        for option in ["--format", "--min-ttl", "--subdomain", "--base-url", "--timeout", "--retries"] {
            mistake(
                [OsStr::new(option), bad, JANE.as_ref(), "-o".as_ref(), "x".as_ref()],
                &format!("the value of {option} is not valid UTF-8"),
            );
        }
        // The name of a file may be any.
        let outcome =
            Run::new().server(&Server::generous()).args([OsStr::new("-ro"), bad, JANE.as_ref()]).run();
        assert!(outcome.work().join(bad).is_file());
    }

    #[test]
    fn an_empty_name_of_a_file_is_an_unset_variable() {
        mistake(
            ["--batch", ""],
            "option --batch has an empty value: it needs a file, or - for standard input",
        );
    }

    #[test]
    fn a_long_argument_is_cut_and_made_visible() {
        let long = format!("\n{}", "x".repeat(400));
        let shown = "x".repeat(299);
        mistake([JANE, long.as_str()], &format!("unexpected argument '\\n{shown}…': there is one EMAIL"));
        mistake([JANE, "a\nb\u{202e}"], r"unexpected argument 'a\nb\u{202e}': there is one EMAIL");
    }
}

mod help {
    use super::*;

    /// `--help`, or part of it, tells that it is the help and not an error.
    const SUMMARY: &str = ": print an access token for a user of an Outseta account\n\nUsage:\n";

    fn text(args: &[&str]) -> String {
        Run::new().args(args).stdout_contains("").run().stdout_text()
    }

    #[test]
    fn help_and_version_are_printed_whatever_else_is_given() {
        let help = text(&["--help"]);
        assert!(help.contains(SUMMARY));
        let rows: [&[&str]; 9] = [
            &["-h"],
            &["-h", "-V"],
            &["--bogus", "-r", "-r", "--quiet=1", "--timeout=", "a", "b", "--help"],
            &["-qvh"],
            &["--generate", "nothing", "-h"],
            &["--help=yes"],
            &["--batch", "--check", "-h", "--", "x"],
            &["--base-url", "http://evil", "-h"],
            &["-h", "not an email"],
        ];
        for args in rows {
            Run::new().env("OUTSETA_API_KEY", "a b").args(args).stdout(&*help).run();
        }
        let version = format!("outseta-token {}\n", env!("CARGO_PKG_VERSION"));
        for args in [["-V"].as_slice(), &["--version"], &["x", "y", "-V", "-h"]] {
            Run::new().args(args).stdout(&*version).run();
        }
    }

    #[test]
    fn a_value_or_a_commands_argument_is_no_call_for_help() {
        let server = Server::generous();
        let run = || Run::new().server(&server);
        let outcome = run().args(["-r", "-o", "--help", JANE]).run();
        assert_eq!(read(&outcome, "--help"), "t0ken\n");
        run().args([JANE, "--", "/bin/echo", "-h"]).stdout("-h\n").run();
        run().args(["--", "--help"]).status(65).stderr_contains("invalid email '--help': it has no @").run();
    }

    #[test]
    fn a_text_that_cannot_be_written_is_a_failure() {
        for args in [["--help"].as_slice(), &["-V"], &["--generate", "man"]] {
            Run::new()
                .args(args)
                .stdout_file("/dev/full")
                .status(74)
                .stderr_lines(&[
                    "outseta-token: cannot write to standard output: no space left on device",
                    "outseta-token: hint: check the space on the device and whose file it is; a file that -o names is as it was, any other output may be cut short",
                ])
                .run();
            Run::new().args(args).stdout_broken().status(74).run();
        }
    }

    #[test]
    fn help_and_man_page_know_every_option_with_its_default() {
        let help = text(&["--help"]);
        let (_, rest) = help.split_once("\nOptions:\n").expect("a list of options");
        let (options, _) = rest.split_once("\n\n").expect("an end of the list");
        let rows: Vec<(&str, String)> = options
            .lines()
            .filter(|line| line.trim_start().starts_with('-') && line.find('-') < Some(8))
            .map(|line| line.split_at(line.len().min(28)))
            .map(|(name, text)| (name.trim(), text.to_owned()))
            .collect();
        let names: Vec<&str> = rows.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, OPTIONS);

        let words = options.split_whitespace().collect::<Vec<_>>().join(" ");
        for part in [
            "json (default), token, header, env or claims",
            "the same as --format token",
            "(mode 0600, atomically, only on success); - is standard output",
            "make no request, while its token is valid at least so long",
            "acme, acme.outseta.com or a pasted https:// address",
            "instead of the user's own",
            "instead of the built-in roots",
            "every attempt and wait included (default 30s)",
            "(default 2; 0: none)",
            "(may be a fraction; default 4, Outseta's limit; 0: no limit)",
        ] {
            assert!(words.contains(part), "{part:?} is missing in\n{options}");
        }

        let man = text(&["--generate", "man"]).replace("\\-", "-");
        for name in OPTIONS {
            assert!(man.contains(&format!(".TP\n.B {name}\n")), "{name}");
        }
        for mode in [
            "[OPTION]... [EMAIL]",
            "[OPTION]... EMAIL -- COMMAND [ARG]...",
            "--batch [OPTION]... [FILE]",
            "--check [OPTION]...",
        ] {
            assert!(help.contains(&format!("\n  outseta-token {mode}\n")), "{mode}");
            assert!(man.contains(&format!(".B outseta-token\n{mode}\n")), "{mode}");
        }
    }

    #[test]
    fn help_and_man_page_say_where_settings_come_from_and_what_is_not_checked() {
        let words = |text: String| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let help = words(text(&["--help"]));
        let man = words(text(&["--generate", "man"]).replace("\\-", "-").replace("\\(ti", "~"));
        for part in [
            "subdomain or base URL --subdomain or --base-url; OUTSETA_BASE_URL, OUTSETA_SUBDOMAIN in the environment; \
             the same in the env file; a prompt",
            "API key OUTSETA_API_KEY, OUTSETA_API_KEY_FILE in the environment; OUTSETA_API_KEY in the env file; a prompt",
            "API secret OUTSETA_API_SECRET, OUTSETA_API_SECRET_FILE in the environment; OUTSETA_API_SECRET in the env \
             file; a hidden prompt",
            "env file --env-file; $XDG_CONFIG_HOME/outseta-token/env, else ~/.config/outseta-token/env",
            "roots --cacert; SSL_CERT_FILE; built in",
            "proxy https_proxy, HTTPS_PROXY, all_proxy, ALL_PROXY, but for hosts in no_proxy, NO_PROXY",
            "came from Outseta over TLS; the token's signature is not checked.",
        ] {
            assert!(help.contains(part), "{part:?} is missing in\n{help}");
            assert!(man.contains(part), "{part:?} is missing in\n{man}");
        }
    }
}

mod order {
    use super::*;

    const USAGE: &str = "outseta-token: unknown option --bogus";
    const BASE_URL: &str = "outseta-token: invalid base URL (--base-url): its scheme is not https";
    const EMAIL: &str = "outseta-token: invalid email 'jane': it has no @";
    const SETTING: &str = "outseta-token: invalid subdomain (OUTSETA_SUBDOMAIN in the environment): \
        a character of its name is not allowed";

    /// The first line of what the run says.
    fn first(run: Run, status: i32) -> String {
        let outcome = run.status(status).stderr_contains("hint").run();
        outcome.stderr.lines().next().expect("a line").to_owned()
    }

    #[test]
    fn usage_comes_before_the_email_and_the_email_before_settings() {
        let run = |args: &[&str]| {
            let run = Run::new().env("OUTSETA_SUBDOMAIN", "a b");
            run.args(args)
        };
        assert_eq!(first(run(&["jane", "--bogus"]), 64), USAGE);
        assert_eq!(first(run(&["jane"]), 65), EMAIL);
        assert_eq!(first(run(&["jane", "--", "/bin/true"]), 65), EMAIL);
        assert_eq!(first(run(&[JANE]), 78), SETTING);
        assert_eq!(first(run(&["-e", "missing", "jane"]), 65), EMAIL);
        assert_eq!(
            first(run(&[]).stdin("a\nb\n"), 64),
            "outseta-token: more than one email on standard input"
        );
    }

    #[test]
    fn a_wrong_value_of_an_option_is_a_usage_error_and_comes_first() {
        let wrong = ["--base-url", "ftp://example.com"];
        let run = |args: &[&str]| Run::new().args(wrong).args(args);
        assert_eq!(first(run(&["jane"]), 64), BASE_URL);
        assert_eq!(first(run(&["jane", "--", "/bin/true"]), 64), BASE_URL);
        assert_eq!(first(run(&["--batch", "missing"]), 64), BASE_URL);
        assert_eq!(first(run(&[JANE, "-e", "missing"]), 64), BASE_URL);
        assert_eq!(
            first(Run::new().args(["-s", "a b", "jane"]), 64),
            "outseta-token: invalid subdomain (--subdomain): a character of its name is not allowed"
        );
    }

    #[test]
    fn a_wrong_value_of_an_option_is_noticed_before_standard_input_is_read() {
        // A folder cannot be read, which would be 66.
        let run = Run::new().args(["--base-url", "ftp://example.com"]);
        assert_eq!(first(run.stdin_file("/"), 64), BASE_URL);
    }

    #[test]
    fn a_wrong_value_of_an_option_counts_though_a_file_is_kept() {
        let token = jwt::token("acme", JANE, 7200) + "\n";
        let run = Run::new().file("file", token).args(["-r", "-o", "file", "--min-ttl", "1h", JANE]);
        set_mode(&run.work().join("file"), 0o600);
        assert_eq!(first(run.args(["--base-url", "ftp://example.com"]), 64), BASE_URL);
    }

    #[test]
    fn settings_come_before_the_output_file_and_the_network() {
        let run = || {
            let url = format!("http://{}", dead_address());
            Run::new().args(["--base-url", &url, "-o", "missing/file", JANE])
        };
        assert_eq!(
            first(run(), 78),
            "outseta-token: not configured: API key (OUTSETA_API_KEY or OUTSETA_API_KEY_FILE), \
             API secret (OUTSETA_API_SECRET or OUTSETA_API_SECRET_FILE)"
        );
        assert_eq!(
            first(run().credentials(), 73),
            "outseta-token: cannot create missing/file: no such file or directory"
        );
    }
}

fn read(outcome: &Outcome, file: &str) -> String {
    std::fs::read_to_string(outcome.work().join(file)).expect("the file is there")
}
