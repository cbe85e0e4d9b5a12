//! `--batch`: one JSON line per email, in order and without delay, at a limited rate and in constant memory;
//! and what ends a batch.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::fake::Server;
use crate::support::http::{Request, Response};
use crate::support::listener::dead_address;
use crate::support::model::{Account, Refusal, SecondFactor, User, cloudflare};
use crate::support::pty::Streams;
use crate::support::run::{Outcome, Run};
use crate::support::script::{Endpoint, Fault, Reply};
use crate::support::wire::reset;
use crate::support::{KEY, SECRET, has, jwt, make_fifo};

/// The record of a token from [`Server::generous`].
fn record(email: &str) -> String {
    format!("{{\"email\":\"{email}\",\"access_token\":\"t0ken\"}}\n")
}

fn invalid(email: &str) -> String {
    format!(
        "{{\"email\":\"{email}\",\"error\":{{\"status\":65,\"name\":\"EX_DATAERR\",\
         \"message\":\"invalid email '{email}': it has no @\"}}}}\n"
    )
}

fn token_response() -> Response {
    Response::json(200, &json!({"access_token": "t0ken"}))
}

/// A batch with the default rate and retries.
fn slow_batch(server: &Server, input: impl Into<Vec<u8>>) -> Run {
    Run::new().server(server).arg("--batch").stdin(input)
}

/// A batch without a rate limit and retries.
fn batch(server: &Server, input: impl Into<Vec<u8>>) -> Run {
    slow_batch(server, input).args(["--rate", "0", "--retries", "0"])
}

fn emails(count: usize) -> String {
    (0..count).fold(String::new(), |mut lines, number| {
        let _ = writeln!(lines, "user{number}@example.com");
        lines
    })
}

fn records(outcome: &Outcome) -> Vec<Value> {
    let text = outcome.stdout_text();
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// Expects this status and error, and records with these emails and statuses; 0 is a token.
#[track_caller]
fn fails_with_records(run: Run, status: i32, message: &str, expected: &[(&str, i32)]) {
    let outcome = run.stdout_contains("").fails_with(status, message).run();
    let records = records(&outcome);
    let records = records.iter().map(|record| {
        let status = record["error"]["status"].as_i64().unwrap_or(0);
        assert_eq!(record["access_token"].is_string(), status == 0, "{outcome}");
        (record["email"].as_str().expect("an email"), i32::try_from(status).expect("a status"))
    });
    assert_eq!(records.collect::<Vec<_>>(), expected, "{outcome}");
}

/// The email of each request.
fn requested(requests: &[Request]) -> Vec<String> {
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

mod success {
    use super::*;

    #[test]
    fn each_email_gets_a_line_in_order() {
        let server = Server::generous();
        batch(&server, "\u{feff}b@example.com\r\n# x@example.com\n\n a@example.com\nc@example.com")
            .stdout(record("b@example.com") + &record("a@example.com") + &record("c@example.com"))
            .run();
        assert_eq!(requested(&server.requests()), ["b@example.com", "a@example.com", "c@example.com"]);
    }

    #[test]
    fn no_email_gives_a_warning_and_no_line() {
        let server = Server::generous();
        for (stdin, args, name) in [
            ("", &[][..], "standard input"),
            ("\n# nobody\n", &["-q"], "standard input"),
            ("", &["emails"], "emails"),
        ] {
            let warning = format!("outseta-token: warning: no email in {name}");
            batch(&server, stdin).file("emails", "\n").args(args).stderr_lines(&[&warning]).run();
        }
        assert_eq!(server.connections(), 0);
    }

    #[test]
    fn emails_come_from_a_file_or_standard_input() {
        let server = Server::generous();
        for (args, email) in [
            (&["emails"][..], "a@example.com"),
            (&["--", "emails"], "a@example.com"),
            (&["./-"], "b@example.com"),
            (&["-"], "c@example.com"),
            (&["--", "-"], "c@example.com"),
        ] {
            let run =
                batch(&server, "c@example.com\n").file("emails", "a@example.com").file("-", "b@example.com");
            run.args(args).stdout(record(email)).run();
        }
    }

    #[test]
    fn a_record_has_the_well_known_fields_as_they_came() {
        let server = Server::generous();
        let address = "zoë+ö'%@例.example";
        let jwt = jwt::encode(&json!({"email": address, "exp": 4_102_444_800_i64}), 0);
        for body in [
            r#"{"expires_at": 1.50, "refresh_token": "r", "access_token": "a", "expires_in": 2.50}"#,
            r#"{"token_type": null, "access_token": "b", "expires_in": "soon"}"#,
            r#"{"token_type":"Bearer", "access_token":"JWT", "expires_in": 123456789012345678901234567890}"#,
        ] {
            server.on(Endpoint::Tokens, Response::text(200, &body.replace("JWT", &jwt)));
        }
        batch(&server, format!("{address}\n").repeat(3))
            .stdout(format!(
                "{{\"email\":\"{address}\",\"access_token\":\"a\",\"expires_in\":2.50,\
                 \"expires_at\":1.50}}\n\
                 {{\"email\":\"{address}\",\"access_token\":\"b\",\"token_type\":null,\
                 \"expires_in\":\"soon\"}}\n\
                 {{\"email\":\"{address}\",\"access_token\":\"{jwt}\",\"token_type\":\"Bearer\",\
                 \"expires_in\":123456789012345678901234567890,\"expires_at\":4102444800}}\n"
            ))
            .run();
    }

    #[test]
    fn a_record_is_written_before_the_next_line_is_read() {
        let server = Server::generous();
        let run = batch(&server, "").arg("emails");
        let path = run.work().join("emails");
        make_fifo(&path);
        // Opened for reading too: otherwise this would block until the program opens it.
        let mut fifo = File::options().read(true).write(true).open(path).expect("both ends are opened");
        let (mut piped, mut running) = (batch(&server, "").stdin_open().start(), run.start());
        for (number, email) in ["a@example.com", "b@example.com"].into_iter().enumerate() {
            piped.write(format!("{email}\n"));
            piped.wait_for_stdout(&record(email));
            writeln!(fifo, "{email}").expect("it fits into a pipe");
            running.wait_for_stdout(&record(email));
            assert_eq!(server.requests().len(), 2 * (number + 1));
        }
        drop(fifo);
        for running in [piped, running] {
            let outcome = running.outcome();
            assert_eq!(outcome.status, Some(0), "{outcome}");
        }
    }

    #[test]
    fn each_email_has_the_whole_timeout() {
        let server = Server::replying(token_response().with(Fault::Delay(Duration::from_millis(100))));
        batch(&server, "a@example.com\n".repeat(12))
            .args(["--timeout", "1s"])
            .stdout(record("a@example.com").repeat(12))
            .run();
    }

    #[test]
    fn an_expired_token_gives_a_warning() {
        let expired = "e30.eyJleHAiOjV9.c2ln";
        let server = Server::generous();
        server.on(Endpoint::Tokens, Response::json(200, &json!({"access_token": expired})));
        batch(&server, "\na@example.com\nb@example.com\n")
            .stdout_contains(expired)
            .stderr_lines(&[
                "outseta-token: warning: line 2: the token for a@example.com has expired by this machine's \
                 clock",
                "outseta-token: hint: check the clock, and the lifetime of tokens in Outseta",
            ])
            .run();
    }
}

/// A failure of one email does not end a batch.
mod failures_of_one_email {
    use super::*;

    #[test]
    fn an_invalid_email_gets_a_record_and_no_request() {
        let server = Server::generous();
        batch(&server, "jane\na@example.com\njohn\n")
            .stdout(invalid("jane") + &record("a@example.com") + &invalid("john"))
            .fails(
                65,
                "2 failed, the first at line 1: invalid email 'jane': it has no @",
                "give one plain address, such as jane@example.com",
            )
            .run();
        assert_eq!(server.requests().len(), 1);
    }

    #[test]
    fn a_line_that_is_too_long_not_utf_8_or_deceptive_is_an_invalid_email() {
        let long = "x".repeat(200_000);
        let input = [
            b"j\xffne@example.com\n",
            long.as_bytes(),
            b"\na\x1b[2J\xe2\x80\xae@example.com\na@example.com\n",
        ];
        let error = |email: &str, message: &str| {
            let error = json!({"status": 65, "name": "EX_DATAERR", "message": message});
            json!({"email": email, "error": error})
        };
        let escaped = r"a\u{1b}[2J\u{202e}@example.com";
        let expected = [
            error("j\u{fffd}ne@example.com", "invalid email: it is not valid UTF-8"),
            error(&format!("{}…", "x".repeat(300)), "invalid email: the line is too long"),
            error(escaped, &format!("invalid email '{escaped}': it contains a control character")),
            json!({"email": "a@example.com", "access_token": "t0ken"}),
        ];
        let server = Server::generous();
        let run = batch(&server, input.concat());
        let outcome = run.stdout_contains("").fails_with(65, "3 failed, the first at line 1: ").run();
        assert_eq!(records(&outcome), expected);
    }

    #[test]
    fn other_emails_get_tokens_and_the_first_failure_is_the_status() {
        let two_factor = User::new("two@example.com").second_factor(SecondFactor::Totp);
        let blocked = User::new("no@example.com").stages(&[5]).cannot_log_in(Refusal::GrantText);
        let server = Server::http(Account::acme().user(two_factor).user(blocked));
        let input = "jane@example.com\n\nnobody@example.com\ntwo@example.com\nno@example.com\njane\n\
            jane@example.com\n";
        let no_such_user = "{\"email\":\"nobody@example.com\",\"error\":{\"status\":67,\
            \"name\":\"EX_NOUSER\",\"message\":\"no such user: nobody@example.com\"}}\n";
        fails_with_records(
            batch(&server, input).stdout_contains(no_such_user),
            67,
            "4 failed, the first at line 3: no such user: nobody@example.com\n",
            &[
                ("jane@example.com", 0),
                ("nobody@example.com", 67),
                ("two@example.com", 77),
                ("no@example.com", 77),
                ("jane", 65),
                ("jane@example.com", 0),
            ],
        );
    }

    #[test]
    fn other_failures_of_one_email() {
        let server = Server::generous();
        let other = jwt::token("acme", "john@example.com", 60);
        for (token_response, status) in [
            (Response::empty(503), 75),
            (Response::empty(429), 75),
            (cloudflare(502), 75),
            (Response::text(200, "{}"), 76),
            (Response::json(200, &json!({"access_token": other})), 76),
            (Response::json(400, &json!({"ErrorMessage": "No.", "PropertyName": "Email"})), 65),
            (Response::empty(418), 76),
        ] {
            server.on(Endpoint::Tokens, token_response);
            let run = batch(&server, "a@example.com\nb@example.com\n");
            let records = [("a@example.com", status), ("b@example.com", 0)];
            fails_with_records(run, status, "1 failed, the first at line 1: ", &records);
        }
        assert_eq!(server.requests().len(), 14);
    }
}

/// A failure that every other email would have too.
mod failures_that_end_the_batch {
    use super::*;

    #[test]
    fn a_rejected_key_a_missing_account_a_redirect_or_an_html_page() {
        for (replies, status, message) in [
            (vec![(Endpoint::Tokens, Response::empty(403))], 78, "Outseta rejected the API key (403)"),
            (
                vec![(Endpoint::Tokens, Response::empty(404)), (Endpoint::People, Response::empty(404))],
                68,
                "no Outseta account at 127.0.0.1\n",
            ),
            (vec![(Endpoint::Tokens, Response::redirect(302, "/"))], 76, "the response is a redirect"),
            (vec![(Endpoint::Tokens, cloudflare(403))], 76, "the response (403) is an HTML page"),
        ] {
            let server = Server::generous();
            let requests = replies.len() + 1;
            server.on(Endpoint::Tokens, token_response());
            for (on, reply) in replies {
                server.on(on, reply);
            }
            let run = batch(&server, "# first\na@example.com\njane\nb@example.com\nc@example.com\n");
            let records = [("a@example.com", 0), ("jane", 65), ("b@example.com", status)];
            fails_with_records(run, status, &format!("stopped at line 4: {message}"), &records);
            assert_eq!(server.requests().len(), requests, "{message}");
        }
    }

    #[test]
    fn the_third_email_in_a_row_for_which_outseta_is_busy() {
        let server = Server::generous();
        let (busy, limited) = (|| Response::empty(503), || Response::empty(429));
        let replies = [busy(), limited(), token_response(), busy(), busy(), limited(), token_response()];
        for reply in replies {
            server.on(Endpoint::Tokens, reply);
        }
        let message = "stopped at line 6: rate limit exceeded (429)\n";
        let emails = emails(9);
        let records: Vec<_> = emails.lines().zip([75, 75, 0, 75, 75, 75]).collect();
        fails_with_records(batch(&server, &*emails), 75, message, &records);
    }

    #[test]
    fn a_network_failure_after_its_retries() {
        let lost = Server::generous();
        lost.on(Endpoint::Tokens, Fault::CloseAfter(0)).on(Endpoint::Tokens, Fault::ResetAfter(9));
        let stalled = Server::generous();
        stalled.on(Endpoint::Tokens, Fault::Stall);
        let dead = format!("--base-url=http://{}", dead_address());
        let unreached = Server::generous();
        for (server, args, requests) in [
            (lost, ["--retries=1", "--rate=0"], 2),
            (stalled, ["--timeout=1s", "--rate=0"], 1),
            (unreached, ["--retries=0", &dead], 0),
        ] {
            let run = slow_batch(&server, "a@example.com\nb@example.com\n").args(args);
            fails_with_records(run, 69, "stopped at line 1: ", &[("a@example.com", 69)]);
            assert_eq!(server.requests().len(), requests, "{args:?}");
        }
    }
}

mod input_and_output {
    use super::*;

    #[test]
    fn input_that_cannot_be_read_is_66_before_any_request() {
        let server = Server::generous();
        for (run, message) in [
            (batch(&server, "").arg("missing"), "cannot read missing: no such file or directory\n"),
            (batch(&server, "").arg("."), "cannot read .: is a directory\n"),
            (batch(&server, "").stdin_file("/"), "cannot read standard input: is a directory\n"),
        ] {
            run.fails_with(66, message).run();
        }
        assert_eq!(server.connections(), 0);
    }

    #[test]
    fn a_read_error_in_the_middle_does_not_hide_what_was_done() {
        let server = Server::generous();
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let mut writer = TcpStream::connect(listener.local_addr().expect("its address")).expect("it accepts");
        let (reader, _) = listener.accept().expect("a connection");
        let run = batch(&server, "").stdin_from(OwnedFd::from(reader)).arg("-v");
        let mut running = run.start();
        writer.write_all(b"a@example.com\njane\nb@").expect("the program reads");
        running.wait_for_stdout("no @");
        reset(&writer);
        drop(writer);
        let outcome = running.outcome();
        assert_eq!(outcome.status, Some(66), "{outcome}");
        let end = "outseta-token: 1 done, 1 failed\n\
            outseta-token: stopped at line 3: cannot read standard input: connection reset by peer\n\
            outseta-token: hint: check that the file is there and may be read by this user\n";
        assert!(outcome.stderr.ends_with(end), "{outcome}");
    }

    #[test]
    fn a_closed_pipe_or_full_device_is_74_and_ends_the_batch() {
        let server = Server::generous();
        batch(&server, emails(100)).stdout_broken().status(74).run();
        assert_eq!(server.requests().len(), 1);
        if !has("/dev/full") {
            return;
        }
        let message = "cannot write to standard output: no space left on device\n";
        batch(&server, emails(100)).stdout_file("/dev/full").fails_with(74, message).run();
        assert_eq!(server.requests().len(), 2);
    }

    #[test]
    fn an_interrupt_leaves_whole_lines_only() {
        let server = Server::generous();
        for _ in 0..5 {
            let seen = server.requests().len();
            let running = batch(&server, emails(100_000)).interruptible().start();
            server.wait_for_requests(seen + 20);
            running.signal(Signal::INT);
            let outcome = running.outcome();
            assert_eq!((outcome.signal, &*outcome.stderr), (Some(2), ""), "{outcome}");
            let text = outcome.stdout_text();
            let count = text.lines().count();
            assert!(count >= 19, "{outcome}");
            let expected: String = emails(count).lines().map(record).collect();
            assert_eq!(text, expected);
        }
    }

    /// The bound fails if the batch keeps its lines or records.
    #[test]
    fn memory_does_not_grow_with_the_number_of_emails() {
        if !has("/proc/self/status") {
            return;
        }
        let token = "x".repeat(2_000);
        let server = Server::replying(Response::json(200, &json!({"access_token": token})));
        let long = "x".repeat(290);
        // Only every fifth line needs a request: requests take time.
        let line = |number: usize| {
            if number % 5 == 4 {
                let email = format!("user{number}@example.com");
                let record = format!("{{\"email\":\"{email}\",\"access_token\":\"{token}\"}}\n");
                return (email, record);
            }
            let text = format!("{long}{number}");
            let record = invalid(&text);
            (text, record)
        };
        let peak = |count: usize| {
            let (lines, expected): (Vec<String>, Vec<String>) = (0..count).map(line).unzip();
            let expected = expected.concat();
            let run = batch(&server, "").file("records", "").deadline(Duration::from_secs(120));
            let records = run.work().join("records");
            let mut running = run.stdin_open().stdout_file(&records).start();
            running.write(lines.join("\n") + "\n");
            while fs::metadata(&records).expect("it is there").len() < expected.len() as u64 {
                assert!(Instant::now() < running.deadline(), "every line should have its record");
                thread::sleep(Duration::from_millis(5));
            }
            let status = fs::read_to_string(format!("/proc/{}/status", running.id())).expect("it still runs");
            let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("its peak");
            assert!(fs::read_to_string(&records).expect("they can be read") == expected);
            assert_eq!(running.outcome().status, Some(65));
            peak.trim().trim_end_matches(" kB").parse::<u64>().expect("a number of kilobytes")
        };
        let (few, many) = (peak(100), peak(10_000));
        assert!(many < few + 2_048, "{few} kB for 100, {many} kB for 10,000");
    }
}

mod rate {
    use super::*;

    /// So many requests came, none sooner than four a second allow. (Two of them may arrive closer together
    /// than they were started.)
    #[track_caller]
    fn came_at_four_a_second(server: &Server, started: Instant, count: u32) {
        let times: Vec<Duration> = server.requests().iter().map(|request| request.at - started).collect();
        assert_eq!(times.len(), count as usize);
        for (time, number) in times.iter().zip(0..) {
            assert!(*time >= number * Duration::from_millis(250), "{times:?}");
        }
    }

    /// The times between the requests, as the server saw them.
    fn pauses(server: &Server) -> Vec<Duration> {
        server.requests().windows(2).map(|pair| pair[1].at - pair[0].at).collect()
    }

    /// At the default rate.
    #[test]
    fn lookups_and_retries_count() {
        let (server, started) = (Server::http(Account::acme()), Instant::now());
        server.on(Endpoint::Tokens, Response::empty(503).header("Retry-After", "0"));
        slow_batch(&server, "jane@example.com\na@example.com\nb@example.com\njane\n")
            .stdout_contains("\"EX_NOUSER\"")
            .fails_with(67, "3 failed, the first at line 2: no such user: a@example.com\n")
            .run();
        assert_eq!(
            requested(&server.requests()),
            [
                "jane@example.com",
                "jane@example.com",
                "a@example.com",
                "look up a@example.com",
                "b@example.com",
                "look up b@example.com"
            ]
        );
        came_at_four_a_second(&server, started, 6);
    }

    #[test]
    fn a_request_that_is_repeated_on_a_new_connection_counts() {
        let (server, started) = (Server::http(Account::acme()), Instant::now());
        server.on(Endpoint::Tokens, Reply::default()).on(Endpoint::Tokens, Fault::CloseAfter(0));
        slow_batch(&server, "jane@example.com\n".repeat(2)).stdout_contains("\"access_token\"").run();
        assert_eq!(server.connections(), 2);
        came_at_four_a_second(&server, started, 3);
    }

    /// A response of two seconds is a pause of two seconds. (From its end, it would be four.)
    #[test]
    fn a_pause_counts_from_the_start_of_the_request_before() {
        let server = Server::generous();
        server.on(Endpoint::Tokens, token_response().with(Fault::Delay(Duration::from_secs(2))));
        slow_batch(&server, "a@example.com\nb@example.com\n")
            .args(["--rate", "0.5"])
            .stdout(record("a@example.com") + &record("b@example.com"))
            .run();
        let pause = pauses(&server)[0];
        assert!(pause < Duration::from_millis(3500), "{pause:?}");
    }

    /// That wait is not time of the email that waits.
    #[test]
    fn the_next_email_waits_out_a_retry_after_that_did_not_fit() {
        let server = Server::generous();
        let busy = || Response::empty(429).header("Retry-After", "2");
        server.on(Endpoint::Tokens, busy()).on(Endpoint::Tokens, token_response());
        server.on(Endpoint::Tokens, Response::text(400, "invalid_grant")).on(Endpoint::People, busy());
        let emails = emails(4);
        let run = slow_batch(&server, &*emails).args(["--rate", "0", "--timeout", "1s", "-v"]);
        let records: Vec<_> = emails.lines().zip([75, 0, 75, 0]).collect();
        fails_with_records(run, 75, "2 failed, the first at line 1: rate limit exceeded (429)\n", &records);
        let pauses = pauses(&server);
        let waits = [0, 3].map(|after| pauses[after]);
        assert_eq!(pauses.len(), 4);
        assert!(waits.iter().all(|wait| *wait >= Duration::from_secs(2)), "{pauses:?}");
    }

    #[test]
    fn a_long_wait_is_announced() {
        let server = Server::generous();
        let run = Run::by_shell("exec timeout 2 \"$0\" \"$@\"").server(&server).stdin(emails(2));
        let run = run.args(["--batch", "--rate", "0.01"]).stdout_contains("user0@example.com").status(124);
        run.stderr_contains("outseta-token: warning: waiting 99 s before the next request\n").run();
    }

    /// Otherwise a pause longer than the timeout would leave no time for a lookup or the next email.
    #[test]
    fn a_pause_does_not_count_towards_the_timeout() {
        let server = Server::generous();
        server.on(Endpoint::Tokens, Response::text(400, "invalid_grant"));
        let run = slow_batch(&server, "nobody@example.com\na@example.com\n");
        let run = run.args(["--rate", "0.7", "--timeout", "1s"]);
        fails_with_records(run, 67, "1 failed", &[("nobody@example.com", 67), ("a@example.com", 0)]);
    }

    #[test]
    fn an_invalid_line_needs_no_pause() {
        let outcome = slow_batch(&Server::generous(), "a@example.com\n".to_owned() + &"jane\n".repeat(50))
            .args(["--rate", "0.01"])
            .stdout(record("a@example.com") + &invalid("jane").repeat(50))
            .fails_with(65, "50 failed, the first at line 2: ")
            .run();
        assert!(outcome.elapsed < Duration::from_secs(15));
    }
}

mod on_a_terminal {
    use super::*;

    const CLEAR: &str = "\r\u{1b}[K";
    const STDERR: Streams = Streams { stderr: true, ..Streams::NONE };

    #[track_caller]
    fn shows(run: Run, streams: Streams, status: i32, terminal: &str) {
        let outcome = run.on_terminal(streams).outcome();
        assert_eq!((outcome.status, &*outcome.terminal), (Some(status), terminal), "{outcome}");
    }

    #[test]
    fn a_progress_line_ends_with_a_summary() {
        shows(
            batch(&Server::generous(), "a@example.com\njane\nb@example.com\n"),
            STDERR,
            65,
            &format!(
                "{CLEAR}{CLEAR}1 done, 0 failed{CLEAR}{CLEAR}1 done, 1 failed{CLEAR}{CLEAR}2 done, 1 failed\
                 {CLEAR}outseta-token: 2 done, 1 failed\r\n\
                 outseta-token: 1 failed, the first at line 2: invalid email 'jane': it has no @\r\n\
                 outseta-token: hint: give one plain address, such as jane@example.com\r\n"
            ),
        );
    }

    #[test]
    fn the_summary_comes_before_the_error_that_stopped_the_batch() {
        let server = Server::generous();
        server.on(Endpoint::Tokens, token_response()).on(Endpoint::Tokens, Response::redirect(302, "/"));
        let outcome = batch(&server, emails(3)).on_terminal(STDERR).outcome();
        let summary = "outseta-token: 1 done, 1 failed\r\noutseta-token: stopped at line 2: ";
        let expected = format!("{CLEAR}{CLEAR}1 done, 0 failed{CLEAR}{CLEAR}{summary}");
        assert!(outcome.terminal.starts_with(&expected), "{outcome}");
    }

    #[test]
    fn progress_does_not_mix_with_records_or_the_log() {
        let server = Server::generous();
        let jane = || batch(&server, "a@example.com\n");
        let record = record("a@example.com").replace('\n', "\r\n");
        let progress = format!("{CLEAR}1 done, 0 failed{CLEAR}outseta-token: 1 done, 0 failed\r\n");
        shows(jane(), Streams::NOT_STDIN, 0, &format!("{CLEAR}{record}{progress}"));
        shows(jane().arg("-q"), Streams::NOT_STDIN, 0, &record);
        let outcome = jane().arg("-v").on_terminal(Streams::NOT_STDIN).outcome();
        assert!(!outcome.terminal.contains(CLEAR), "{outcome}");
        assert!(outcome.terminal.ends_with("outseta-token: 1 done, 0 failed\r\n"), "{outcome}");
    }

    #[test]
    fn settings_and_emails_can_be_typed() {
        let server = Server::generous();
        let run = batch(&server, "").env_remove("OUTSETA_API_KEY").env_remove("OUTSETA_API_SECRET");
        let mut session = run.stdin_open().on_terminal(Streams::NOT_STDOUT);
        for (prompt, credential) in [("API key (not shown): ", KEY), ("API secret (not shown): ", SECRET)] {
            session.wait_for(prompt).wait_for_no_echo().send(credential).send("\r").wait_for("\n");
        }
        session.send("a@example.com\r").wait_for("1 done, 0 failed");
        session.send("b@example.com\r").wait_for("2 done, 0 failed");
        session.send("\x04");
        let outcome = session.outcome();
        assert_eq!(outcome.stdout_text(), record("a@example.com") + &record("b@example.com"));
        assert_eq!(outcome.status, Some(0), "{outcome}");
    }
}
