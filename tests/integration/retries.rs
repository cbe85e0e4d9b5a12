//! What is asked again, how often and after which wait, and what never is.

use std::thread;
use std::time::Duration;

use serde_json::json;

use crate::support::fake::Server;
use crate::support::http::Answer;
use crate::support::listener::dead_address;
use crate::support::model::{Account, Refusal, SecondFactor, User, cloudflare};
use crate::support::run::{Run, Running};
use crate::support::script::{AtAccept, Fault, On, Reply};

const EMAIL: &str = "jane@example.com";

const LATER_HINT: &str = "try again later, or raise --retries and --timeout";

fn asking(server: &Server) -> Run {
    Run::new().server(server).arg(EMAIL)
}

/// The time from each request to the next.
fn waits(server: &Server) -> Vec<Duration> {
    let requests = server.requests();
    requests.windows(2).map(|pair| pair[1].at - pair[0].at).collect()
}

// ---- What may pass ----

#[test]
fn one_failure_that_passes_is_not_even_mentioned() {
    thread::scope(|scope| {
        for status in [408, 425, 429, 500, 502, 503, 504, 520] {
            for answer in [Answer::empty(status), cloudflare(status)] {
                scope.spawn(move || {
                    let server = Server::http(Account::acme());
                    server.on(On::Tokens, answer);
                    asking(&server).stdout_contains("access_token").run();
                    assert_eq!(server.requests().len(), 2, "{status}");
                });
            }
        }
    });
}

#[test]
fn a_lost_answer_is_asked_for_again() {
    for fault in [
        Fault::CloseAfter(0),
        Fault::CloseAfter(20),
        Fault::CutBody(30),
        Fault::ResetAfter(0),
        Fault::ResetAfter(200),
    ] {
        let server = Server::http(Account::acme());
        server.on(On::Tokens, fault);
        asking(&server).stdout_contains("access_token").run();
        let requests = server.requests();
        assert_eq!(requests.len(), 2);
        assert_eq!(requests[0].body, requests[1].body, "it is the same request");
        assert_eq!(server.connections(), 2);
    }
    for behaviour in [AtAccept::Close, AtAccept::Reset] {
        let server = Server::http(Account::acme());
        server.on_accept(behaviour);
        asking(&server).stdout_contains("access_token").run();
        assert_eq!((server.connections(), server.requests().len()), (2, 1));
    }
}

#[test]
fn a_refused_connection_is_tried_again() {
    let outcome = Run::new()
        .credentials()
        .args(["--base-url", &format!("http://{}", dead_address())])
        .args(["-v", "--retries", "1", EMAIL])
        .status(69)
        .stderr_contains("connection refused; trying again in ")
        .run();
    assert_eq!(outcome.stderr.matches("> POST").count(), 2, "{outcome}");
}

// ---- How often ----

#[test]
fn a_request_is_repeated_as_often_as_asked_or_twice() {
    for (options, requests) in
        [(&[][..], 3), (&["--retries", "0"], 1), (&["--retries", "1"], 2), (&["--retries", "3"], 4)]
    {
        let server = Server::http(Account::acme());
        server.always(On::Tokens, Answer::empty(429));
        asking(&server).args(options).fails(75, "rate limit exceeded (429)", LATER_HINT).run();
        assert_eq!(server.requests().len(), requests);
    }
}

#[test]
fn without_retries_nothing_is_repeated() {
    let server = Server::http(Account::acme());
    server.always(On::Tokens, Fault::CloseAfter(0));
    asking(&server).args(["--retries", "0"]).status(69).stderr_contains("was lost").run();
    assert_eq!(server.connections(), 1);
    let server = Server::http(Account::acme());
    server.always_on_accept(AtAccept::Reset);
    asking(&server).args(["--retries", "0"]).status(69).stderr_contains("was lost").run();
    assert_eq!(server.connections(), 1);
}

#[test]
fn failures_of_different_kinds_count_together() {
    let server = Server::http(Account::acme());
    server
        .on_accept(AtAccept::Close)
        .on(On::Tokens, Answer::empty(503))
        .on(On::Tokens, Answer::empty(429))
        .on(On::Tokens, Answer::empty(500));
    asking(&server).status(75).stderr_contains("rate limit exceeded (429)\n").run();
    assert_eq!((server.connections(), server.requests().len()), (3, 2));
}

// ---- How long ----

#[test]
fn waits_double_from_half_a_second() {
    let server = Server::http(Account::acme());
    server.always(On::Tokens, Answer::empty(503));
    asking(&server).fails(75, "Outseta is temporarily unavailable (503)", LATER_HINT).run();
    let waits = waits(&server);
    assert_eq!(waits.len(), 2);
    // Lengthened by up to half; more is the machine's.
    for (wait, least) in waits.iter().zip([500, 1000]) {
        let least = Duration::from_millis(least);
        assert!((least..3 * least).contains(wait), "{waits:?}");
    }
}

#[test]
fn waits_are_lengthened_at_random() {
    let runs: Vec<(Server, Running)> = (0..6)
        .map(|_| {
            let server = Server::http(Account::acme());
            server.on(On::Tokens, Answer::empty(503));
            let running = asking(&server).args(["-v", "--retries", "1"]).start();
            (server, running)
        })
        .collect();
    let printed: Vec<u64> = runs
        .into_iter()
        .map(|(server, running)| {
            let outcome = running.outcome();
            let told = outcome.stderr.split_once("; trying again in ");
            let (milliseconds, _) = told
                .and_then(|(_, told)| told.split_once(" ms\n"))
                .unwrap_or_else(|| panic!("a wait should be told\n{outcome}"));
            let milliseconds = milliseconds.parse().expect("a number");
            assert!((500..=750).contains(&milliseconds), "{outcome}");
            let wait = waits(&server)[0];
            assert!(wait >= Duration::from_millis(milliseconds), "{wait:?}\n{outcome}");
            milliseconds
        })
        .collect();
    assert!(printed.iter().any(|wait| *wait != printed[0]), "{printed:?} are all alike");
}

#[test]
fn retry_after_says_how_long_to_wait() {
    let server = Server::http(Account::acme());
    server.on(On::Tokens, Answer::empty(429).header("Retry-After", "1"));
    asking(&server).stdout_contains("access_token").run();
    let waits = waits(&server);
    assert!(waits.len() == 1 && waits[0] >= Duration::from_secs(1), "{waits:?}");
}

#[test]
fn a_retry_after_shortens_no_wait() {
    let server = Server::http(Account::acme());
    server.always(On::Tokens, Answer::empty(503).header("Retry-After", "0"));
    asking(&server).args(["--retries", "1"]).status(75).stderr_contains("(503)").run();
    let waits = waits(&server);
    assert!(waits[0] >= Duration::from_millis(500), "{waits:?}");
}

#[test]
fn a_retry_after_that_is_no_number_of_seconds_is_passed_over() {
    for value in ["Wed, 21 Oct 2026 07:28:00 GMT", "-1", "1.5", "+0", "soon", ""] {
        let server = Server::http(Account::acme());
        server.on(On::Tokens, Answer::empty(503).header("Retry-After", value));
        asking(&server)
            .args(["--retries", "0"])
            .fails(75, "Outseta is temporarily unavailable (503)", LATER_HINT)
            .run();
    }
    let server = Server::http(Account::acme());
    server.on(On::Tokens, Answer::empty(503).header("Retry-After", "Wed, 21 Oct 2037 07:28:00 GMT"));
    asking(&server).stdout_contains("access_token").run();
    assert!(waits(&server)[0] >= Duration::from_millis(500));
}

#[test]
fn a_wait_that_does_not_fit_is_not_begun_and_said() {
    for (asked, shown) in [("30", "30"), ("3600", "3600"), ("99999999999999999999", "18446744073709551615")] {
        for (status, message) in
            [(429, "rate limit exceeded (429)"), (503, "Outseta is temporarily unavailable (503)")]
        {
            let server = Server::http(Account::acme());
            server.always(On::Tokens, Answer::empty(status).header("retry-after", asked));
            let wait = format!("Outseta asks to wait {shown} s: try again then");
            let hint = format!("{wait}, or raise --retries and --timeout");
            let outcome = asking(&server).fails(75, message, &hint).run();
            assert_eq!(server.requests().len(), 1);
            assert!(outcome.elapsed < Duration::from_secs(5), "{outcome}");
        }
    }
}

#[test]
fn the_time_that_is_given_decides_which_wait_fits() {
    for (timeout, requests) in [("3", 2), ("1", 1)] {
        let server = Server::http(Account::acme());
        server.always(On::Tokens, Answer::empty(503).header("Retry-After", "1"));
        asking(&server)
            .args(["--timeout", timeout, "--retries", "1"])
            .status(75)
            .stderr_contains("Outseta asks to wait 1 s")
            .run();
        assert_eq!(server.requests().len(), requests, "{timeout}");
    }
}

// ---- What is never repeated ----

/// Answered so, the token request is made once.
#[track_caller]
fn is_final(reply: impl Into<Reply>, status: i32) {
    let server = Server::http(Account::acme());
    server.always(On::Tokens, reply);
    let outcome = asking(&server).args(["--retries", "5"]).outcome();
    assert_eq!(outcome.status, Some(status), "{outcome}");
    let posts = server.requests().iter().filter(|request| request.method == "POST").count();
    assert_eq!(posts, 1, "{outcome}");
}

#[test]
fn what_would_fail_the_same_way_is_asked_once() {
    for (answer, status) in [
        (Answer::json(200, &json!({})), 76),
        (Answer::text(200, "OK"), 76),
        (Answer::json(201, &json!({"access_token": "a.b.c"})), 76),
        (Answer::redirect(302, "/"), 76),
        (Answer::redirect(307, "/").header("Retry-After", "0"), 76),
        (cloudflare(403), 76),
        (cloudflare(200), 76),
        (Answer::empty(400), 77),
        (Answer::json(400, &json!({"PropertyName": "Email"})), 65),
        (Answer::empty(401), 77),
        (Answer::empty(403).header("Retry-After", "0"), 77),
        (Answer::empty(404), 77),
        (Answer::empty(409), 76),
        (Answer::empty(418), 76),
        (Answer::text(200, &"x".repeat(2 * 1024 * 1024)), 76),
    ] {
        is_final(answer, status);
    }
    is_final(Fault::Garbage(b"?\r\n\r\n".to_vec()), 76);
    is_final(Fault::HugeHeader(70_000), 76);
    is_final(Fault::EndlessBody, 76);
}

#[test]
fn another_users_token_is_not_asked_for_again() {
    let user = User::new(EMAIL).claim("email", json!("john@example.com"));
    let server = Server::http(Account::new("acme").user(user));
    asking(&server).status(76).stderr_contains("a token for john@example.com").run();
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn a_second_factor_ends_the_retries() {
    let user = User::new(EMAIL).second_factor(SecondFactor::Email);
    let server = Server::http(Account::new("acme").user(user));
    server.on(On::Tokens, Answer::empty(503));
    asking(&server)
        .args(["--retries", "5"])
        .status(77)
        .stderr_contains("with two-factor authentication\n")
        .run();
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn a_lookup_is_retried_as_a_request_is() {
    let server = Server::http(Account::acme().unknown_user(Refusal::GrantText));
    server.on(On::Tokens, Answer::empty(429)).on(On::People, Answer::empty(503));
    Run::new().server(&server).arg("nobody@example.com").status(67).stderr_contains("no such user: ").run();
    let requests = server.requests();
    let methods: Vec<&str> = requests.iter().map(|request| request.method.as_str()).collect();
    assert_eq!(methods, ["POST", "POST", "GET", "GET"]);
}
