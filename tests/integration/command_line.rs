//! The command line: options in every mode, mistakes, `--`, help and version, and which of several errors is
//! reported.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;

use serde_json::Value;

use crate::support::fake::Server;
use crate::support::http::Response;
use crate::support::listener::dead_address;
use crate::support::model::Account;
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
        let print = |server, email: &str| Run::new().server(server).arg(email);
        let batch = |server, email: &str| Run::new().server(server).args(BATCH).stdin(email);
        let cases: [(&dyn Fn() -> Run, &str); 6] = [
            (
                &|| print(&server, "nobody@example.com"),
                "no such user: nobody@example.com\noutseta-token: hint: ",
            ),
            (
                &|| {
                    let run = Run::new().credentials().args([JANE, "-e", "file.env"]);
                    run.file("file.env", "OUTSETA_BASE_URL=https://auth.example.com\n")
                },
                "warning: OUTSETA_BASE_URL in file.env is not used\noutseta-token: hint: ",
            ),
            (
                &|| {
                    let run = print(&server, "--check").env_remove("OUTSETA_API_KEY");
                    let run = run.env("OUTSETA_API_KEY_FILE", "key").file("key", KEY);
                    set_mode(&run.work().join("key"), 0o644);
                    run
                },
                "warning: key can be read or written by group or others\noutseta-token: hint: ",
            ),
            (&|| batch(&expired, JANE), "warning: line 1: the token for jane@example.com has expired "),
            (&|| batch(&server, "jane"), "1 failed, the first at line 1: invalid email 'jane'"),
            (&|| batch(&read_only, JANE), "stopped at line 1: Outseta rejected the API key (403)"),
        ];
        for (run, part) in cases {
            let (loud, quiet) = (run().outcome(), run().arg("-q").outcome());
            assert!(quiet.stderr.starts_with(&format!("outseta-token: {part}")), "{quiet}");
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
        let key_hint = "secrets cannot be passed as options: set OUTSETA_API_KEY and OUTSETA_API_SECRET in \
            the environment";
        // The value could be a secret and is not repeated.
        mistake_with_hint(["--api-key=hunter2", JANE], "unknown option --api-key", key_hint);
        mistake_with_hint(["--api-secret", "hunter2", JANE], "unknown option --api-secret", key_hint);
        mistake(["--\u{1b}[31m"], r"unknown option --\u{1b}[31m");
        let message =
            format!(r"unexpected argument '\n\u{{202e}}{}…': --check takes no argument", "x".repeat(298));
        mistake(["--check", &format!("\n\u{202e}{}", "x".repeat(400))], &message);
    }

    #[test]
    fn a_value_that_is_not_utf8_is_refused_where_text_is_needed() {
        let bad = OsStr::from_bytes(b"\xff");
        for option in ["--format", "--min-ttl", "--subdomain", "--base-url", "--timeout", "--retries"] {
            let args = [OsStr::new(option), bad, JANE.as_ref(), "-o".as_ref(), "x".as_ref()];
            mistake(args, &format!("the value of {option} is not valid UTF-8"));
        }
    }
}

/// Whatever else is wrong.
#[test]
fn help_and_version_are_printed_in_any_environment() {
    let version = concat!("outseta-token ", env!("CARGO_PKG_VERSION"), "\n");
    let (short, help) = (include_str!("../texts/short-help.txt"), include_str!("../texts/help.txt"));
    for (args, text) in [
        (&["-qvh", "not an email"][..], short),
        (&["--base-url", "http://evil", "--help=yes"], help),
        (&["--version"], version),
        (&["x", "y", "-V", "-h"], version),
    ] {
        Run::new().env("OUTSETA_API_KEY", "a b").args(args).stdout(text).run();
    }
}

mod order {
    use super::*;

    const BASE_URL: &str = "invalid base URL (--base-url): its scheme is not https";
    const EMAIL: &str = "invalid email 'jane': it has no @";
    const WRONG: [&str; 2] = ["--base-url", "ftp://example.com"];

    #[test]
    fn usage_comes_before_the_email_and_the_email_before_settings() {
        for (args, status, message) in [
            (&["jane", "--bogus"][..], 64, "unknown option --bogus"),
            (&["jane"], 65, EMAIL),
            (&["jane", "--", "/usr/bin/true"], 65, EMAIL),
            (&["-e", "missing", "jane"], 65, EMAIL),
            (&[], 64, "more than one email on standard input"),
            (
                &[JANE],
                78,
                "invalid subdomain (OUTSETA_SUBDOMAIN in the environment): ' ' is not allowed in a host name",
            ),
        ] {
            let run = Run::new().env("OUTSETA_SUBDOMAIN", "a b").args(args).stdin("a\nb\n");
            run.fails_with(status, &format!("{message}\n")).run();
        }
    }

    #[test]
    fn a_wrong_value_of_an_option_is_a_usage_error_and_comes_first() {
        for args in [
            &["jane"][..],
            &["jane", "--", "/usr/bin/true"],
            &["--batch", "missing"],
            &["--check"],
            &[JANE, "-e", "missing"],
            // Standard input, a folder here, cannot be read: that would be 66.
            &[],
        ] {
            Run::new().args(WRONG).args(args).stdin_file("/").fails_with(64, BASE_URL).run();
        }
        let message = "invalid subdomain (--subdomain): ' ' is not allowed in a host name\n";
        Run::new().args(["-s", "a b", "jane"]).fails_with(64, message).run();
    }

    #[test]
    fn settings_come_before_the_output_file_and_the_network() {
        let url = format!("http://{}", dead_address());
        let run = || Run::new().args(["--base-url", &url, "-o", "missing/file", JANE]);
        run().fails_with(78, "not configured: API key (").run();
        let message = "cannot create missing/file: no such file or directory\n";
        run().credentials().fails_with(73, message).run();
    }
}
