//! The command line: options in every mode, mistakes, `--`, help and version, and which of several errors is
//! reported.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;

use serde_json::Value;

use crate::support::fake::Server;
use crate::support::http::Response;
use crate::support::jwt;
use crate::support::listener::dead_address;
use crate::support::model::Account;
use crate::support::proxy::Detour;
use crate::support::run::Run;
use crate::support::script::{Endpoint, Fault};
use crate::support::tls::{Authority, NAMES};
use crate::support::{KEY, SECRET, set_mode};

const JANE: &str = "jane@example.com";

/// The arguments of each mode, to which a test adds options.
const PRINT: &[&str] = &[JANE];
const COMMAND: &[&str] = &[JANE, "--", "/usr/bin/true"];
const BATCH: &[&str] = &["--batch"];
const CHECK: &[&str] = &["--check"];
const ALL: &[&[&str]] = &[PRINT, COMMAND, BATCH, CHECK];

/// A run in this mode, always with Jane on standard input; only a batch reads it.
fn called(options: &[&str], mode: &[&str]) -> Run {
    Run::new().args(options).args(mode).stdin(format!("{JANE}\n"))
}

/// The users whose tokens were requested.
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
    Run::new().server(&server).args(args).fails(64, message, hint).run();
    assert_eq!(server.connections(), 0);
}

mod success {
    use super::*;

    #[test]
    fn an_account_is_named_by_its_subdomain_or_by_another_base_url() {
        let detour = Detour::new(Account::acme());
        let run = || Run::new().detour(&detour).env_remove("OUTSETA_SUBDOMAIN");
        run().args(["-s", "acme", JANE]).prints_a_token();
        let other = run().args(["--base-url", "https://auth.example.com", JANE]);
        other.status(69).stderr_contains("auth.example.com").run();
        let targets: Vec<_> = detour.proxy.requests().into_iter().map(|request| request.target).collect();
        assert_eq!(targets, ["acme.outseta.com:443", "auth.example.com:443"]);
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
            called(&options, mode).private_file(".env", &settings).stdout_contains("").run();
        }
        // One request for a token, two for a check.
        assert_eq!(server.requests().len(), 5);
    }

    #[test]
    fn every_mode_obeys_timeout_and_retries() {
        for mode in ALL {
            let server = Server::http(Account::acme());
            server
                .on(Endpoint::Any, Fault::Stall)
                .always(Endpoint::Any, Response::empty(503).header("Retry-After", "0"));
            for (options, status, message, requests) in [
                (["--timeout", "500ms"], 69, "no response from 127.0.0.1 within 0.5 s", 1),
                (["--retries", "0"], 75, "temporarily unavailable", 1),
                (["--retries", "1"], 75, "temporarily unavailable", 2),
            ] {
                let before = server.requests().len();
                let outcome = called(&options, mode).server(&server).outcome();
                assert_eq!(outcome.status, Some(status), "{outcome}");
                let text = outcome.stdout_text() + &outcome.stderr;
                assert!(text.contains(message), "{outcome}");
                assert_eq!(server.requests().len() - before, requests, "{outcome}");
            }
        }
    }

    #[test]
    fn only_an_option_turns_off_the_activity_log() {
        for mode in [PRINT, COMMAND, BATCH] {
            let server = Server::generous();
            for options in [&[][..], &["--no-activity-log"]] {
                called(options, mode).server(&server).stdout_contains("").run();
            }
            let targets: Vec<_> = server.requests().into_iter().map(|r| r.target).collect();
            assert_eq!(targets, ["/api/v1/tokens", "/api/v1/tokens?donotlog=1"]);
        }
    }

    #[test]
    fn only_verbose_writes_to_standard_error() {
        let server = Server::generous();
        let base_url = "outseta-token: base URL: http://";
        for (mode, start) in [
            (PRINT, base_url),
            (COMMAND, base_url),
            (BATCH, base_url),
            // A check prints its settings on standard output.
            (CHECK, "outseta-token: > GET http://"),
        ] {
            for options in [&[][..], &["-q"], &["--no-input"]] {
                called(options, mode).server(&server).stdout_contains("").run();
            }
            let outcome = called(&["-v"], mode).server(&server).outcome();
            assert!(outcome.stderr.starts_with(start), "{outcome}");
            for part in ["> Authorization: Outseta KQx7…:[hidden]\n", "< 200 after "] {
                assert!(outcome.stderr.contains(part), "{outcome}");
            }
        }
    }

    #[test]
    fn quiet_keeps_errors_and_warnings() {
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
                "outseta-token: warning: key is readable by group or others\noutseta-token: hint: ",
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
}

mod two_hyphens {
    use super::*;

    #[test]
    fn an_email_after_them_is_never_an_option() {
        let server = Server::generous();
        let run = || Run::new().server(&server).arg("-r");
        run().args(["--", "-v@example.com"]).stdout("t0ken\n").run();
        assert_eq!(users(&server), ["-v@example.com"]);
        let elsewhere = Server::http(Account::acme());
        run()
            .arg("--")
            .arg(format!("--base-url={}", elsewhere.url()))
            .fails(
                65,
                &format!("invalid email '--base-url={}': it has no @", elsewhere.url()),
                "give one plain address, such as jane@example.com",
            )
            .run();
        assert_eq!((elsewhere.connections(), server.requests().len()), (0, 1));
        mistake(["-v@example.com"], "unknown option -@");
    }

    #[test]
    fn a_hyphen_after_them_is_not_standard_input() {
        let server = Server::generous();
        let run = || Run::new().server(&server).arg("--").stdin("bob@example.com\n");
        run().stdout_contains("t0ken").run();
        for args in [["-"].as_slice(), &["-", "/usr/bin/true"]] {
            run().args(args).status(65).stderr_contains("invalid email '-': ").run();
        }
        assert_eq!(users(&server), ["bob@example.com"]);
    }
}

mod mistakes {
    use super::*;

    /// Unit tests have a row for each mistake.
    #[test]
    fn a_mistake_is_reported_with_its_next_step() {
        let key_hint = "secrets cannot be passed as options: set OUTSETA_API_KEY and OUTSETA_API_SECRET in the environment";
        let rows: [(&[&str], &str, &str); 5] = [
            (&["--fromat", "json", JANE], "unknown option --fromat", "did you mean --format?"),
            // The value could be a secret and is not repeated.
            (&["--api-key=hunter2", JANE], "unknown option --api-key", key_hint),
            (&["--api-secret", "hunter2", JANE], "unknown option --api-secret", key_hint),
            (&["help"], "unexpected argument 'help'", "did you mean --help?"),
            (&["--\u{1b}[31m"], r"unknown option --\u{1b}[31m", "see outseta-token --help"),
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
        // A file name need not be UTF-8.
        let outcome =
            Run::new().server(&Server::generous()).args([OsStr::new("-ro"), bad, JANE.as_ref()]).run();
        assert!(outcome.work().join(bad).is_file());
    }

    #[test]
    fn a_long_argument_is_shortened_and_escaped() {
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
        let rows: [(&[&str], &str); 5] = [
            (&["-qvh"], short),
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
}

mod order {
    use super::*;

    const USAGE: &str = "outseta-token: unknown option --bogus";
    const BASE_URL: &str = "outseta-token: invalid base URL (--base-url): its scheme is not https";
    const EMAIL: &str = "outseta-token: invalid email 'jane': it has no @";
    const SETTING: &str = "outseta-token: invalid subdomain (OUTSETA_SUBDOMAIN in the environment): \
        ' ' is not allowed in a host name";

    /// The first line of standard error.
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
        // Reading a folder would be 66.
        let run = Run::new().args(["--base-url", "ftp://example.com"]);
        assert_eq!(first(run.stdin_file("/"), 64), BASE_URL);
    }

    #[test]
    fn a_wrong_value_of_an_option_is_an_error_even_if_a_file_is_kept() {
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
