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
use crate::support::{KEY, SECRET, has, set_mode};

const JANE: &str = "jane@example.com";

/// Ways to call the program that make it print a token, run a command, and so on, to be completed by options.
const PRINT: &[&str] = &[JANE];
const COMMAND: &[&str] = &[JANE, "--", "/usr/bin/true"];
const BATCH: &[&str] = &["--batch"];
const CHECK: &[&str] = &["--check"];
const ALL: &[&[&str]] = &[PRINT, COMMAND, BATCH, CHECK];

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
    mistake_with_hint(args, message, "see outseta-token --help");
}

#[track_caller]
fn mistake_with_hint<I: IntoIterator<Item: AsRef<OsStr>>>(args: I, message: &str, hint: &str) {
    let server = Server::generous();
    Run::new()
        .server(&server)
        .args(args)
        .status(64)
        .stderr_lines(&[&format!("outseta-token: {message}"), &format!("outseta-token: hint: {hint}")])
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
        mistake(rows[5], "--raw and --format cannot be used together");
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
                (["--timeout", "500ms"], 69, "no response from 127.0.0.1 within 500 ms", 1),
                (["--retries", "0"], 75, "temporarily unavailable", 1),
                (["--retries", "1"], 75, "temporarily unavailable", 2),
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
        for args in [["-"].as_slice(), &["-", "/usr/bin/true"]] {
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
                    "outseta-token: no command after --",
                    "outseta-token: hint: write the command after it: outseta-token jane@example.com -- COMMAND",
                ])
                .run();
        }
    }
}

mod mistakes {
    use super::*;

    /// The unit tests have a row for each mistake. These are what people type.
    #[test]
    fn what_newcomers_type_is_answered_with_the_next_step() {
        let help = "see outseta-token --help";
        let run = "to run a command, put -- before it: outseta-token EMAIL -- COMMAND";
        let formats = "for --format: it needs json, token, header, env or claims";
        let rows: [(&[&str], &str, &str); 18] = [
            (&["--fromat", "json", JANE], "unknown option --fromat", "did you mean --format?"),
            (&["-f", "tokne", JANE], &format!("invalid value 'tokne' {formats}"), "did you mean token?"),
            (&["-f", "xml", JANE], &format!("invalid value 'xml' {formats}"), help),
            // What comes after it could be a secret and is not repeated.
            (
                &["--api-key=hunter2", JANE],
                "unknown option --api-key",
                "no secret is an option: set OUTSETA_API_KEY and OUTSETA_API_SECRET in the environment",
            ),
            (
                &["--api-secret", "hunter2", JANE],
                "unknown option --api-secret",
                "no secret is an option: set OUTSETA_API_SECRET or OUTSETA_API_SECRET_FILE",
            ),
            (
                &[JANE, "--password", "hunter2"],
                "unknown option --password",
                "no password is needed: set OUTSETA_API_KEY and OUTSETA_API_SECRET in the environment",
            ),
            (&["--token", JANE], "unknown option --token", "to print only the token, use --raw"),
            (&[JANE, "curl", "-H", "@-"], "unexpected argument 'curl': only one EMAIL can be given", run),
            (&["help"], "unexpected argument 'help'", "did you mean --help?"),
            (&["version"], "unexpected argument 'version'", "did you mean --version?"),
            (&["--timeout", "0", JANE], "invalid value '0' for --timeout: it must be longer than zero", help),
            (&["-rx", JANE], "unknown option -x", help),
            (&["--\u{1b}[31m"], r"unknown option --\u{1b}[31m", help),
            (&["-v", "-q", JANE], "--quiet and --verbose cannot be used together", help),
            (
                &["-s=", JANE],
                "--subdomain has an empty value: it needs an Outseta subdomain such as acme",
                help,
            ),
            (
                &[JANE, "bob@example.com"],
                "unexpected argument 'bob@example.com': only one EMAIL can be given",
                help,
            ),
            (&["--check", "--rate", "1"], "--rate cannot be used with --check", help),
            (&["--generate", "man", "-q"], "--generate cannot be combined with other arguments", help),
        ];
        for (args, message, hint) in rows {
            mistake_with_hint(args, message, hint);
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
    fn a_long_argument_is_cut_and_made_visible() {
        let long = format!("\n{}", "x".repeat(400));
        let shown = format!(r"\n{}…", "x".repeat(299));
        for (typed, shown) in [(long.as_str(), shown.as_str()), ("a\nb\u{202e}", r"a\nb\u{202e}")] {
            let message = format!("unexpected argument '{shown}': --check takes no argument");
            mistake(["--check", typed], &message);
        }
    }
}

mod help {
    use super::*;

    #[test]
    fn help_and_version_are_printed_whatever_else_is_given() {
        let (short, help) = (include_str!("../texts/short-help.txt"), include_str!("../texts/help.txt"));
        let rows: [(&[&str], &str); 8] = [
            (&["-h", "-V"], short),
            (&["-qvh"], short),
            (&["--generate", "nothing", "-h"], short),
            (&["--batch", "--check", "-h", "--", "x"], short),
            (&["-h", "not an email"], short),
            (&["--bogus", "-r", "-r", "--quiet=1", "--timeout=", "a", "b", "--help"], help),
            (&["--help=yes"], help),
            (&["--base-url", "http://evil", "--help"], help),
        ];
        for (args, text) in rows {
            Run::new().env("OUTSETA_API_KEY", "a b").args(args).stdout(text).run();
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
        if !has("/dev/full") {
            return;
        }
        for args in [["--help"].as_slice(), &["-V"], &["--generate", "man"]] {
            Run::new()
                .args(args)
                .stdout_file("/dev/full")
                .status(74)
                .stderr_lines(&[
                    "outseta-token: cannot write to standard output: no space left on device",
                    "outseta-token: hint: check for free space; the output may be incomplete",
                ])
                .run();
            Run::new().args(args).stdout_broken().status(74).run();
        }
    }
}

mod order {
    use super::*;

    const USAGE: &str = "outseta-token: unknown option --bogus";
    const BASE_URL: &str = "outseta-token: invalid base URL (--base-url): its scheme is not https";
    const EMAIL: &str = "outseta-token: invalid email 'jane': it has no @";
    const SETTING: &str = "outseta-token: invalid subdomain (OUTSETA_SUBDOMAIN in the environment): \
        ' ' is not allowed in a host name";

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
        assert_eq!(first(run(&["jane", "--", "/usr/bin/true"]), 65), EMAIL);
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
        assert_eq!(first(run(&["jane", "--", "/usr/bin/true"]), 64), BASE_URL);
        assert_eq!(first(run(&["--batch", "missing"]), 64), BASE_URL);
        assert_eq!(first(run(&[JANE, "-e", "missing"]), 64), BASE_URL);
        assert_eq!(
            first(Run::new().args(["-s", "a b", "jane"]), 64),
            "outseta-token: invalid subdomain (--subdomain): ' ' is not allowed in a host name"
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
