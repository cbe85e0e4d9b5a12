//! `--batch`: one JSON line per email, in order and as soon as it is known, at a bounded rate and
//! with bounded memory, and what ends it.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Write as _;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::fake::Server;
use crate::support::http::{Answer, Request};
use crate::support::listener::dead_address;
use crate::support::model::{Account, Refusal, SecondFactor, User, cloudflare};
use crate::support::pty::Streams;
use crate::support::run::{Run, Running};
use crate::support::script::{Fault, On, Reply};
use crate::support::{KEY, SECRET, has, jwt, make_fifo};

const TOKEN: &str = "opaque";

/// The record of a token in these tests.
fn record(email: &str) -> String {
    format!(
        "{{\"email\":\"{email}\",\"access_token\":\"{TOKEN}\",\"token_type\":\"bearer\",\"expires_in\":60}}\n"
    )
}

fn failure_record(email: &str, status: u8, name: &str, message: &str) -> String {
    let (email, message) = (json!(email), json!(message));
    format!(
        "{{\"email\":{email},\"error\":{{\"status\":{status},\"name\":\"{name}\",\"message\":{message}}}}}\n"
    )
}

fn invalid(email: &str, why: &str) -> String {
    failure_record(email, 65, "EX_DATAERR", &format!("invalid email '{email}': {why}"))
}

fn unknown(email: &str) -> String {
    failure_record(email, 67, "EX_NOUSER", &format!("no such user: {email}"))
}

fn answer() -> Answer {
    Answer::json(200, &json!({"access_token": TOKEN, "token_type": "bearer", "expires_in": 60}))
}

/// A server that answers to every email with the same token.
fn minting() -> Server {
    let server = Server::http(Account::acme());
    server.always(On::Tokens, answer());
    server
}

/// A batch that does not wait between requests.
fn batch(server: &Server) -> Run {
    Run::new().server(server).args(["--batch", "--rate", "0", "--retries", "0"])
}

fn emails(count: usize) -> String {
    (0..count).fold(String::new(), |mut lines, number| {
        let _ = writeln!(lines, "user{number}@example.com");
        lines
    })
}

/// The email that each request was about.
fn asked(requests: &[Request]) -> Vec<String> {
    requests
        .iter()
        .map(|request| {
            if let Some(email) = request.query("Email") {
                return format!("look up {email}");
            }
            let body: Value = serde_json::from_slice(&request.body).expect("JSON");
            body["username"].as_str().expect("an email").to_owned()
        })
        .collect()
}

fn wait_for_requests(server: &Server, count: usize, running: &Running) {
    while server.requests().len() < count {
        assert!(Instant::now() < running.deadline(), "{count} requests should come");
        thread::sleep(Duration::from_millis(1));
    }
}

mod success {
    use super::*;

    #[test]
    fn each_email_gets_a_line_in_order() {
        let server = minting();
        let run = batch(&server).stdin("b@example.com\na@example.com\nc@example.com\n");
        run.stdout(record("b@example.com") + &record("a@example.com") + &record("c@example.com")).run();
        assert_eq!(asked(&server.requests()), ["b@example.com", "a@example.com", "c@example.com"]);
    }

    #[test]
    fn one_email_gets_a_line_too_and_none_gets_none() {
        let server = minting();
        batch(&server).stdin("a@example.com").stdout(record("a@example.com")).run();
        for (stdin, args, name) in [
            ("", &[][..], "standard input"),
            ("\n# nobody\n", &["-q"], "standard input"),
            ("", &["emails"], "emails"),
        ] {
            let warning = format!("outseta-token: warning: no email in {name}");
            batch(&server).file("emails", "\n").args(args).stdin(stdin).stderr_lines(&[&warning]).run();
        }
        assert_eq!(server.requests().len(), 1);
    }

    #[test]
    fn emails_come_from_a_file_too() {
        let server = minting();
        for args in [&["emails"][..], &["--", "emails"], &["./emails"]] {
            batch(&server)
                .file("emails", "a@example.com\nb@example.com\n")
                .args(args)
                .stdin("c@example.com\n")
                .stdout(record("a@example.com") + &record("b@example.com"))
                .run();
        }
        for args in [&["-"][..], &["--", "-"]] {
            batch(&server).args(args).stdin("c@example.com\n").stdout(record("c@example.com")).run();
        }
        batch(&server).file("-", "d@example.com").arg("./-").stdout(record("d@example.com")).run();
    }

    #[test]
    fn blank_lines_comments_and_what_editors_leave_are_skipped() {
        let server = minting();
        let input = "\u{feff}a@example.com\r\n\r\n  \n# b@example.com\n\t# c@example.com\n\
            #d@example.com\r\n \u{a0}e@example.com\t \n\u{feff}\nf@example.com";
        batch(&server)
            .stdin(input)
            .stdout(record("a@example.com") + &record("e@example.com") + &record("f@example.com"))
            .run();
        assert_eq!(server.requests().len(), 3);
    }

    #[test]
    fn a_record_has_the_well_known_fields_as_they_came() {
        let server = Server::http(Account::acme());
        let body = |body: &str| Answer::text(200, body);
        server
            .on(
                On::Tokens,
                body(r#"{"expires_in": 1.50, "refresh_token": "r", "access_token": "a"}"#),
            )
            .on(
                On::Tokens,
                body(r#"{"token_type": null, "access_token": "b", "expires_in": "soon"}"#),
            )
            .on(
                On::Tokens,
                body(r#"{"token_type": "Bearer", "access_token": "c", "expires_in": 123456789012345678901234567890}"#),
            );
        let address = "zoë+ö'%@例.example";
        batch(&server)
            .stdin(format!("{address}\n{address}\n{address}\n"))
            .stdout(format!(
                "{{\"email\":\"{address}\",\"access_token\":\"a\",\"expires_in\":1.50}}\n\
                 {{\"email\":\"{address}\",\"access_token\":\"b\",\"token_type\":null,\"expires_in\":\"soon\"}}\n\
                 {{\"email\":\"{address}\",\"access_token\":\"c\",\"token_type\":\"Bearer\",\
                 \"expires_in\":123456789012345678901234567890}}\n"
            ))
            .run();
    }

    #[test]
    fn a_record_is_there_before_the_next_line_is_read() {
        let server = minting();
        let mut running = batch(&server).stdin_open().start();
        for number in 0..3 {
            let email = format!("user{number}@example.com");
            running.write(format!("{email}\n"));
            running.wait_for_stdout(&record(&email));
            assert_eq!(server.requests().len(), number + 1);
        }
        running.write("jane\n");
        running.wait_for_stdout(&invalid("jane", "it has no @"));
        let outcome = running.outcome();
        assert_eq!(outcome.status, Some(65), "{outcome}");
    }

    #[test]
    fn a_fifos_record_is_there_before_the_next_line_is_written() {
        let server = minting();
        let run = batch(&server).arg("emails");
        let path = run.work().join("emails");
        make_fifo(&path);
        // With its reading end it does not wait for the program's.
        let both_ends = File::options().read(true).write(true).open(path);
        let mut fifo = both_ends.expect("both ends are opened");
        let mut running = run.start();
        for email in ["a@example.com", "b@example.com"] {
            writeln!(fifo, "{email}").expect("it fits into a pipe");
            running.wait_for_stdout(&record(email));
        }
        drop(fifo);
        let outcome = running.outcome();
        assert_eq!(outcome.status, Some(0), "{outcome}");
    }

    #[test]
    fn each_email_has_the_whole_time_out() {
        let server = Server::http(Account::acme());
        let slow: Reply = answer().with(Fault::Delay(Duration::from_millis(100)));
        server.always(On::Tokens, slow);
        batch(&server)
            .args(["--timeout", "1s"])
            .stdin("a@example.com\n".repeat(12))
            .stdout(record("a@example.com").repeat(12))
            .run();
    }
}

mod invalid_lines {
    use super::*;

    #[test]
    fn an_invalid_email_gets_a_record_and_no_request() {
        let server = minting();
        batch(&server)
            .stdin("jane\na@example.com\nJane <j@example.com>\n")
            .status(65)
            .stdout(
                invalid("jane", "it has no @")
                    + &record("a@example.com")
                    + &invalid(
                        "Jane <j@example.com>",
                        "it has angle brackets: give the address alone, without a name",
                    ),
            )
            .stderr_lines(&[
                "outseta-token: 2 failed, the first at line 1: invalid email 'jane': it has no @",
                "outseta-token: hint: give a plain address, such as jane@example.com",
            ])
            .run();
        assert_eq!(server.requests().len(), 1);
    }

    #[test]
    fn a_line_that_is_too_long_is_an_invalid_email_and_the_next_is_read() {
        let server = minting();
        let long = "x".repeat(200_000);
        let expected = |shown: String| {
            failure_record(&shown, 65, "EX_DATAERR", "invalid email: the line is too long")
                + &record("a@example.com")
        };
        batch(&server)
            .stdin(format!("{long}\na@example.com\n"))
            .status(65)
            .stdout(expected("x".repeat(300) + "…"))
            .stderr_lines(&[
                "outseta-token: 1 failed, the first at line 1: invalid email: the line is too long",
                "outseta-token: hint: give one plain address, such as jane@example.com",
            ])
            .run();
        // A long comment is a comment, and white space is none the less an address with it.
        batch(&server)
            .stdin(format!("# {long}\n{}a@example.com\n", " ".repeat(4_000)))
            .stdout(record("a@example.com"))
            .run();
    }

    #[test]
    fn a_line_is_one_line_however_long_and_never_lost() {
        let server = minting();
        let blank = " ".repeat(5_000);
        let too_long =
            |shown: &str| failure_record(shown, 65, "EX_DATAERR", "invalid email: the line is too long");
        batch(&server)
            .stdin(format!("# {blank}\njane\n{blank}a@example.com\n"))
            .status(65)
            .stdout(invalid("jane", "it has no @") + &too_long(""))
            .stderr_contains("outseta-token: 2 failed, the first at line 2: invalid email 'jane'")
            .run();
    }

    #[test]
    fn a_line_that_is_not_utf_8_is_an_invalid_email() {
        let server = minting();
        batch(&server)
            .stdin(b"j\xffne@example.com\na@example.com\n# \xff\n".to_vec())
            .status(65)
            .stdout(
                failure_record(
                    "j\u{fffd}ne@example.com",
                    65,
                    "EX_DATAERR",
                    "invalid email: it is not valid UTF-8",
                ) + &record("a@example.com"),
            )
            .stderr_lines(&[
                "outseta-token: 1 failed, the first at line 1: invalid email: it is not valid UTF-8",
                "outseta-token: hint: give one plain address, such as jane@example.com",
            ])
            .run();
    }

    #[test]
    fn what_could_deceive_a_reader_is_escaped_in_a_record() {
        batch(&minting())
            .stdin("a\u{1b}[2J\u{202e}@example.com\n")
            .status(65)
            .stdout(
                "{\"email\":\"a\\\\u{1b}[2J\\\\u{202e}@example.com\",\"error\":{\"status\":65,\"name\":\"EX_DATAERR\",\
                 \"message\":\"invalid email 'a\\\\u{1b}[2J\\\\u{202e}@example.com': it contains a control character\"}}\n",
            )
            .stderr_contains("a\\u{1b}[2J\\u{202e}@example.com")
            .run();
    }
}

/// What concerns one email does not end a batch.
mod failures_of_one_email {
    use super::*;

    #[test]
    fn the_others_are_answered_and_the_status_is_the_firsts() {
        let two_factor = User::new("two@example.com").second_factor(SecondFactor::Totp);
        let blocked = User::new("no@example.com").stages(&[5]);
        let account = Account::acme().user(two_factor).user(blocked.cannot_log_in(Refusal::GrantText));
        let server = Server::http(account);
        let outcome = batch(&server)
            .stdin("jane@example.com\n\nnobody@example.com\ntwo@example.com\nno@example.com\njane\njane@example.com\n")
            .status(67)
            .stdout_contains(&unknown("nobody@example.com"))
            .stdout_contains(&failure_record(
                "two@example.com",
                77,
                "EX_NOPERM",
                "the login of two@example.com wants a second factor",
            ))
            .stdout_contains(&failure_record(
                "no@example.com",
                77,
                "EX_NOPERM",
                "Outseta will not log no@example.com in: invalid_grant (account: expired)",
            ))
            .stdout_contains(&invalid("jane", "it has no @"))
            .stderr_lines(&[
                "outseta-token: 4 failed, the first at line 3: no such user: nobody@example.com",
                "outseta-token: hint: check the email for a typing error; people are listed in Outseta under CRM > People",
            ])
            .run();
        let text = outcome.stdout_text();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 6, "{outcome}");
        for line in [lines[0], lines[5]] {
            let record: Value = serde_json::from_str(line).expect("JSON");
            let token = record["access_token"].as_str().expect("a token");
            assert_eq!(record["email"], "jane@example.com");
            assert_eq!(jwt::decode(token)["email"], "jane@example.com");
        }
    }

    #[test]
    fn these_do_not_end_it() {
        let server = minting();
        let other = jwt::token("acme", "john@example.com", 60);
        for (answer, status, name, message) in [
            (Answer::empty(503), 75, "EX_TEMPFAIL", "Outseta is failing for now (503)"),
            (Answer::empty(429), 75, "EX_TEMPFAIL", "Outseta is over its rate limit (429)"),
            (cloudflare(502), 75, "EX_TEMPFAIL", "Outseta is failing for now (502)"),
            (
                Answer::text(200, "{}"),
                76,
                "EX_PROTOCOL",
                "the answer (200) holds no token: there is no access_token in it",
            ),
            (
                Answer::json(200, &json!({"access_token": other})),
                76,
                "EX_PROTOCOL",
                "the answer is a token of another user: john@example.com instead of a@example.com",
            ),
            (
                Answer::json(400, &json!({"ErrorMessage": "No.", "PropertyName": "Email"})),
                65,
                "EX_DATAERR",
                "invalid email: Outseta rejects a@example.com: No.",
            ),
            (Answer::empty(418), 76, "EX_PROTOCOL", "unexpected answer (418)"),
        ] {
            server.on(On::Tokens, answer);
            batch(&server)
                .stdin("a@example.com\nb@example.com\n")
                .status(status.into())
                .stdout(failure_record("a@example.com", status, name, message) + &record("b@example.com"))
                .stderr_contains(&format!("outseta-token: 1 failed, the first at line 1: {message}\n"))
                .run();
        }
        assert_eq!(server.unused_replies(), 0);
    }
}

/// What would fail alike for every email.
mod what_ends_it {
    use super::*;

    #[test]
    fn a_rejected_key_a_missing_account_a_redirect_and_a_page() {
        for (replies, status, name, message, hint) in [
            (
                vec![(On::Tokens, Answer::empty(403))],
                77,
                "EX_NOPERM",
                "Outseta rejected the API key (403): key from OUTSETA_API_KEY in the environment, \
                 secret from OUTSETA_API_SECRET in the environment",
                "key or secret may be mistyped, another account's or read-only: see Settings > Integrations > API Keys",
            ),
            (
                vec![(On::Tokens, Answer::empty(404)), (On::People, Answer::empty(404))],
                68,
                "EX_NOHOST",
                "no Outseta account at 127.0.0.1",
                "check the subdomain or base URL: the subdomain is the first part of the address at which you log in to Outseta",
            ),
            (
                vec![(On::Tokens, Answer::redirect(302, "https://x.example/y"))],
                76,
                "EX_PROTOCOL",
                "the answer is a redirect (302) to https://x.example/y",
                "the key goes to no other host: check the subdomain or base URL",
            ),
            (
                vec![(On::Tokens, cloudflare(403))],
                76,
                "EX_PROTOCOL",
                "the answer (403) is an HTML page, not the API's",
                "something between this machine and Outseta's API answered: a proxy, a firewall, a wrong base URL",
            ),
        ] {
            let server = minting();
            let requests = replies.len() + 1;
            server.on(On::Tokens, answer());
            for (on, reply) in replies {
                server.on(on, reply);
            }
            batch(&server)
                .stdin("# first\na@example.com\njane\nb@example.com\nc@example.com\n")
                .status(status.into())
                .stdout(
                    record("a@example.com")
                        + &invalid("jane", "it has no @")
                        + &failure_record("b@example.com", status, name, message),
                )
                .stderr_lines(&[
                    &format!("outseta-token: stopped at line 4: {message}"),
                    &format!("outseta-token: hint: {hint}"),
                ])
                .run();
            assert_eq!(server.requests().len(), requests, "{message}");
        }
    }

    #[test]
    fn a_network_failure_after_its_retries() {
        let server = minting();
        server.on(On::Tokens, Fault::CloseAfter(0)).on(On::Tokens, Fault::ResetAfter(9));
        Run::new()
            .server(&server)
            .args(["--batch", "--rate", "0", "--retries", "1"])
            .stdin("a@example.com\nb@example.com\n")
            .status(69)
            .stdout(failure_record(
                "a@example.com",
                69,
                "EX_UNAVAILABLE",
                "the connection to 127.0.0.1 was lost before the answer was complete",
            ))
            .stderr_lines(&[
                "outseta-token: stopped at line 1: the connection to 127.0.0.1 was lost before the answer was complete",
                "outseta-token: hint: try again",
            ])
            .run();
        assert_eq!(server.requests().len(), 2);

        let server = minting();
        server.on(On::Tokens, Fault::Stall);
        batch(&server)
            .args(["--timeout", "1s"])
            .stdin("a@example.com\nb@example.com\n")
            .status(69)
            .stdout(failure_record(
                "a@example.com",
                69,
                "EX_UNAVAILABLE",
                "no answer from 127.0.0.1 within 1 s",
            ))
            .stderr_contains("outseta-token: stopped at line 1: no answer from 127.0.0.1 within 1 s\n")
            .run();
        assert_eq!(server.requests().len(), 1);

        Run::new()
            .credentials()
            .env("OUTSETA_BASE_URL", format!("http://{}", dead_address()))
            .args(["--batch", "--retries", "0"])
            .stdin("a@example.com\nb@example.com\n")
            .status(69)
            .stdout(failure_record(
                "a@example.com",
                69,
                "EX_UNAVAILABLE",
                "cannot connect to 127.0.0.1: connection refused",
            ))
            .stderr_contains("outseta-token: stopped at line 1: cannot connect to 127.0.0.1: ")
            .run();
    }

    #[test]
    fn the_status_is_what_ended_it_and_not_an_earlier_failures() {
        let server = minting();
        server.on(On::Tokens, Answer::empty(403));
        batch(&server)
            .stdin("jane\na@example.com\n")
            .status(77)
            .stdout_contains(&invalid("jane", "it has no @"))
            .stderr_contains("outseta-token: stopped at line 2: Outseta rejected the API key (403)")
            .run();
    }

    #[test]
    fn a_lost_answer_that_a_retry_gets_is_no_failure() {
        let server = minting();
        server
            .on(On::Tokens, Fault::CloseAfter(0))
            .on(On::Tokens, Answer::empty(503).header("Retry-After", "0"));
        Run::new()
            .server(&server)
            .args(["--batch", "--rate", "0"])
            .stdin("a@example.com\nb@example.com\n")
            .stdout(record("a@example.com") + &record("b@example.com"))
            .run();
        assert_eq!(server.requests().len(), 4);
    }
}

mod input_and_output {
    use super::*;

    #[test]
    fn a_file_that_cannot_be_read_is_66_before_any_request() {
        let server = minting();
        let hint = "outseta-token: hint: check that the file is there and may be read by this user";
        batch(&server)
            .arg("missing")
            .status(66)
            .stderr_lines(&["outseta-token: cannot read missing: no such file or directory", hint])
            .run();
        let run = batch(&server).arg("folder");
        fs::create_dir(run.work().join("folder")).expect("a folder is made");
        run.status(66).stderr_lines(&["outseta-token: cannot read folder: is a directory", hint]).run();
        batch(&server)
            .stdin_file("/")
            .status(66)
            .stderr_lines(&["outseta-token: cannot read standard input: is a directory", hint])
            .run();
        assert_eq!(server.connections(), 0);
    }

    #[test]
    fn a_missing_setting_is_78_before_anything_is_read() {
        Run::new()
            .arg("--batch")
            .stdin("a@example.com\n")
            .status(78)
            .stderr_contains("outseta-token: not configured: subdomain ")
            .run();
    }

    #[test]
    fn a_closed_pipe_is_74_without_a_word_and_ends_it() {
        let server = minting();
        batch(&server).stdin(emails(100)).stdout_broken().status(74).run();
        assert_eq!(server.requests().len(), 1);
    }

    #[test]
    fn a_full_device_is_74_and_ends_it() {
        if !has("/dev/full") {
            return;
        }
        let server = minting();
        batch(&server)
            .stdin(emails(100))
            .stdout_file("/dev/full")
            .status(74)
            .stderr_lines(&[
                "outseta-token: cannot write to standard output: no space left on device",
                "outseta-token: hint: check the space on the device and whose file it is; a file that -o names is as it was, any other output may be cut short",
            ])
            .run();
        assert_eq!(server.requests().len(), 1);
    }

    #[test]
    fn a_reader_that_leaves_later_ends_it() {
        let server = minting();
        let outcome = Run::by_shell("{ \"$0\" \"$@\"; echo $? >&2; } | head -n 2")
            .server(&server)
            .args(["--batch", "--rate", "0"])
            .stdin(emails(5_000))
            .stdout(record("user0@example.com") + &record("user1@example.com"))
            .stderr("74\n")
            .run();
        assert!(server.requests().len() < 5_000, "{outcome}");
    }

    #[test]
    fn an_interrupt_leaves_whole_lines_only() {
        let server = minting();
        for _ in 0..5 {
            let seen = server.requests().len();
            let running = batch(&server).stdin(emails(100_000)).interruptible().start();
            wait_for_requests(&server, seen + 20, &running);
            running.signal(Signal::INT);
            let outcome = running.outcome();
            assert_eq!((outcome.signal, &*outcome.stderr), (Some(2), ""), "{outcome}");
            let text = outcome.stdout_text();
            let records = text.lines().count();
            assert!(records >= 19, "{outcome}");
            let expected: String =
                (0..records).map(|number| record(&format!("user{number}@example.com"))).collect();
            assert_eq!(text, expected);
        }
    }

    /// A bound that a batch does not come near, and that one which kept its lines or records would
    /// exceed.
    #[test]
    fn memory_does_not_grow_with_the_number_of_emails() {
        if !has("/proc/self/status") {
            return;
        }
        let server = Server::http(Account::acme());
        let token = "x".repeat(2_000);
        server.always(On::Tokens, Answer::json(200, &json!({"access_token": token})));
        let long = "x".repeat(290);
        // Every fifth line needs a request, which is what takes time.
        let line = |number: usize| {
            if number % 5 == 4 {
                let email = format!("user{number}@example.com");
                let record = format!("{{\"email\":\"{email}\",\"access_token\":\"{token}\"}}\n");
                return (email, record);
            }
            let text = format!("{long}{number}");
            let record = invalid(&text, "it has no @");
            (text, record)
        };
        let peak = |count: usize| {
            let (lines, expected): (Vec<String>, Vec<String>) = (0..count).map(line).unzip();
            let expected = expected.concat();
            let run = batch(&server).file("records", "");
            let records = run.work().join("records");
            let mut running =
                run.deadline(Duration::from_secs(120)).stdin_open().stdout_file(&records).start();
            running.write(lines.join("\n") + "\n");
            let written = || fs::metadata(&records).expect("it is there").len();
            while written() < expected.len() as u64 {
                assert!(Instant::now() < running.deadline(), "all should be answered");
                thread::sleep(Duration::from_millis(5));
            }
            let status = fs::read_to_string(format!("/proc/{}/status", running.id()));
            let status = status.expect("it still runs");
            let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            let peak = peak.expect("its peak").trim().trim_end_matches(" kB");
            let written = fs::read_to_string(&records).expect("they can be read");
            assert!(written == expected, "each line has its record");
            assert_eq!(running.outcome().status, Some(65));
            peak.parse::<u64>().expect("a number of kilobytes")
        };
        let (few, many) = (peak(100), peak(10_000));
        assert!(many < few + 4_096, "{few} kB for 100, {many} kB for 10,000");
    }
}

mod rate {
    use super::*;

    /// The most requests within any second, as the server saw them.
    fn most_in_a_second(requests: &[Request]) -> usize {
        (0..requests.len())
            .map(|first| {
                let end = requests[first].at + Duration::from_secs(1);
                requests[first..].iter().take_while(|request| request.at < end).count()
            })
            .max()
            .unwrap_or(0)
    }

    #[test]
    fn four_a_second_and_never_more_is_the_default() {
        for args in [&["--batch"][..], &["--batch", "--rate", "4"]] {
            let server = Server::http(Account::acme());
            let started = Instant::now();
            let outcome = Run::new()
                .server(&server)
                .args(args)
                .args(["--retries", "0"])
                .stdin("jane@example.com\n".repeat(9))
                .stdout_contains("\"access_token\"")
                .run();
            let requests = server.requests();
            assert_eq!(requests.len(), 9, "{outcome}");
            assert!(most_in_a_second(&requests) <= 4, "{outcome}");
            assert!(started.elapsed() >= Duration::from_secs(2), "{outcome}");
            assert!(!outcome.stdout_text().contains("error"), "{outcome}");
        }
    }

    #[test]
    fn look_ups_and_retries_count() {
        let server = Server::http(Account::acme());
        server.on(On::Tokens, Answer::empty(503).header("Retry-After", "0"));
        Run::new()
            .server(&server)
            .arg("--batch")
            .stdin("jane@example.com\na@example.com\nb@example.com\njane\n")
            .status(67)
            .stdout_contains(&(unknown("a@example.com") + &unknown("b@example.com")))
            .stderr_contains("outseta-token: 3 failed, the first at line 2: no such user: a@example.com")
            .run();
        let requests = server.requests();
        assert_eq!(
            asked(&requests),
            [
                "jane@example.com",
                "jane@example.com",
                "a@example.com",
                "look up a@example.com",
                "b@example.com",
                "look up b@example.com"
            ]
        );
        for pair in requests.windows(2) {
            let between = pair[1].at - pair[0].at;
            assert!(between >= Duration::from_millis(250), "{between:?}");
        }
    }

    /// Otherwise a pause longer than the time-out would leave no time for the look-up.
    #[test]
    fn the_pause_before_a_look_up_is_not_taken_from_the_emails_time() {
        let server = minting();
        server.on(On::Tokens, Answer::text(400, "invalid_grant"));
        let no_such_user = "no such user: nobody@example.com";
        Run::new()
            .server(&server)
            .args(["--batch", "--rate", "0.7", "--timeout", "1s"])
            .stdin("nobody@example.com\n")
            .status(67)
            .stdout(failure_record("nobody@example.com", 67, "EX_NOUSER", no_such_user))
            .stderr_contains(no_such_user)
            .run();
    }

    #[test]
    fn the_pause_counts_from_the_end_of_the_request_before() {
        let server = minting();
        let slow: Reply = answer().with(Fault::Delay(Duration::from_millis(400)));
        server.on(On::Tokens, slow);
        Run::new()
            .server(&server)
            .args(["--batch", "--rate", "2.5"])
            .stdin("a@example.com\nb@example.com\n")
            .stdout(record("a@example.com") + &record("b@example.com"))
            .run();
        let requests = server.requests();
        let between = requests[1].at - requests[0].at;
        assert!(between >= Duration::from_millis(800), "{between:?}");
    }

    #[test]
    fn the_pause_before_an_email_is_not_taken_from_its_time() {
        let server = minting();
        Run::new()
            .server(&server)
            .args(["--batch", "--rate", "0.7", "--timeout", "1s"])
            .stdin("a@example.com\nb@example.com\n")
            .stdout(record("a@example.com") + &record("b@example.com"))
            .run();
    }

    #[test]
    fn an_invalid_line_costs_no_time() {
        let server = minting();
        let started = Instant::now();
        Run::new()
            .server(&server)
            .args(["--batch", "--rate", "0.01"])
            .stdin("jane\n".repeat(50) + "a@example.com\n")
            .status(65)
            .stdout(invalid("jane", "it has no @").repeat(50) + &record("a@example.com"))
            .stderr_contains("outseta-token: 50 failed, the first at line 1: ")
            .run();
        assert!(started.elapsed() < Duration::from_secs(15));
    }

    #[test]
    fn zero_is_no_limit() {
        let server = minting();
        let outcome = batch(&server).stdin(emails(60)).stdout_contains("user59@example.com").run();
        // With the default it would take 15 seconds.
        assert!(outcome.elapsed < Duration::from_secs(13), "{outcome}");
    }
}

#[test]
fn an_expired_token_is_warned_of() {
    let server = minting();
    let expired = json!({"access_token": "e30.eyJleHAiOjV9.c2ln"});
    server.on(On::Tokens, Answer::json(200, &expired));
    batch(&server)
        .stdin("\na@example.com\nb@example.com\n")
        .stdout_contains("e30.eyJleHAiOjV9.c2ln")
        .stderr_lines(&[
            "outseta-token: warning: line 2: the token for a@example.com has expired by this machine's clock",
            "outseta-token: hint: check the clock, and the lifetime of tokens in Outseta",
        ])
        .run();
}

mod on_a_terminal {
    use super::*;

    fn progress(tokens: usize, failed: usize) -> String {
        format!("\r\u{1b}[K{tokens} done, {failed} failed")
    }

    const CLEAR: &str = "\r\u{1b}[K";

    #[test]
    fn a_line_shows_how_far_it_is_and_a_summary_ends_it() {
        let outcome = batch(&minting())
            .stdin("a@example.com\njane\nb@example.com\n")
            .on_terminal(Streams { stderr: true, ..Streams::NONE })
            .outcome();
        assert_eq!(
            outcome.terminal,
            format!(
                "{CLEAR}{}{CLEAR}{}{CLEAR}{}{CLEAR}\
                 outseta-token: 2 done, 1 failed\r\n\
                 outseta-token: 1 failed, the first at line 2: invalid email 'jane': it has no @\r\n\
                 outseta-token: hint: give a plain address, such as jane@example.com\r\n",
                progress(1, 0),
                progress(1, 1),
                progress(2, 1)
            )
        );
        assert_eq!(
            outcome.stdout_text(),
            record("a@example.com") + &invalid("jane", "it has no @") + &record("b@example.com")
        );
        assert_eq!(outcome.status, Some(65), "{outcome}");
    }

    #[test]
    fn a_summary_stands_before_what_stopped_it_too() {
        let server = minting();
        server.on(On::Tokens, answer()).on(On::Tokens, Answer::redirect(302, "/"));
        let outcome = batch(&server)
            .stdin("a@example.com\nb@example.com\nc@example.com\n")
            .on_terminal(Streams { stderr: true, ..Streams::NONE })
            .outcome();
        assert_eq!(
            outcome.terminal,
            format!(
                "{CLEAR}{}{CLEAR}\
                 outseta-token: 1 done, 1 failed\r\n\
                 outseta-token: stopped at line 2: the answer is a redirect (302) to /\r\n\
                 outseta-token: hint: the key goes to no other host: check the subdomain or base URL\r\n",
                progress(1, 0)
            )
        );
        assert_eq!(outcome.status, Some(76), "{outcome}");
    }

    #[test]
    fn the_log_and_progress_do_not_mix() {
        let outcome = batch(&minting())
            .arg("-v")
            .stdin("a@example.com\nb@example.com\n")
            .on_terminal(Streams::NOT_STDIN)
            .outcome();
        assert!(!outcome.terminal.contains(CLEAR), "{outcome}");
        assert!(outcome.terminal.ends_with("outseta-token: 2 done, 0 failed\r\n"), "{outcome}");
    }

    #[test]
    fn records_and_progress_do_not_mix() {
        let outcome = batch(&minting()).stdin("a@example.com\n").on_terminal(Streams::NOT_STDIN).outcome();
        assert_eq!(
            outcome.terminal,
            format!(
                "{CLEAR}{}\r\n{}{CLEAR}outseta-token: 1 done, 0 failed\r\n",
                record("a@example.com").trim_end(),
                progress(1, 0)
            )
        );
    }

    #[test]
    fn quiet_shows_neither() {
        let outcome =
            batch(&minting()).arg("-q").stdin("a@example.com\n").on_terminal(Streams::NOT_STDIN).outcome();
        assert_eq!(outcome.terminal, record("a@example.com").replace('\n', "\r\n"));
        assert_eq!(outcome.status, Some(0), "{outcome}");
    }

    #[test]
    fn emails_can_be_typed() {
        let server = minting();
        let mut session = batch(&server).on_terminal(Streams::NOT_STDOUT);
        session.send("a@example.com\r").wait_for("1 done, 0 failed");
        session.send("b@example.com\r").wait_for("2 done, 0 failed");
        session.send("\x04");
        let outcome = session.outcome();
        assert_eq!(outcome.stdout_text(), record("a@example.com") + &record("b@example.com"));
        assert_eq!(outcome.status, Some(0), "{outcome}");
    }

    #[test]
    fn settings_can_be_typed_before_the_emails() {
        let server = minting();
        let mut session = Run::new()
            .watch(server.transcript())
            .args(["--batch", "--rate", "0", "--base-url", &server.url()])
            .on_terminal(Streams::NOT_STDOUT);
        session.wait_for("API key (not shown): ").wait_for_no_echo().send(KEY).send("\r");
        session
            .wait_for("API secret (not shown): ")
            .wait_for_no_echo()
            .send(SECRET)
            .send("\r")
            .wait_for("\n");
        session.send("a@example.com\r").wait_for("1 done, 0 failed");
        session.send("\x04");
        let outcome = session.outcome();
        assert_eq!(outcome.stdout_text(), record("a@example.com"));
        assert_eq!(outcome.status, Some(0), "{outcome}");
    }

    #[test]
    fn an_interrupt_ends_it_as_one_does() {
        let server = minting();
        let mut session = batch(&server).on_terminal(Streams::NOT_STDOUT);
        session.send("a@example.com\r").wait_for("1 done, 0 failed");
        session.send("\x03");
        let outcome = session.outcome();
        assert_eq!(outcome.signal, Some(2), "{outcome}");
        assert_eq!(outcome.stdout_text(), record("a@example.com"));
    }
}
