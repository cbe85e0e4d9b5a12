//! Which failures are retried, how often and after which wait. (`responses.rs` has those that are not.)

use std::time::Duration;

use crate::support::fake::Server;
use crate::support::http::Response;
use crate::support::model::{Account, Refusal, cloudflare};
use crate::support::run::{Run, Running};
use crate::support::script::{AtAccept, Endpoint, Fault};

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

// ---- Which failures ----

#[test]
fn a_temporary_failure_is_retried_without_a_message() {
    for response in [Response::empty(408), Response::empty(429), cloudflare(503)] {
        let server = Server::http(Account::acme());
        server.on(Endpoint::Tokens, response);
        asking(&server).prints_a_token();
        assert_eq!(server.requests().len(), 2);
    }
}

#[test]
fn a_lost_response_is_retried() {
    for fault in [
        Fault::CloseAfter(0),
        Fault::CloseAfter(20),
        Fault::CutBody(30),
        Fault::ResetAfter(0),
        Fault::ResetAfter(200),
    ] {
        let server = Server::http(Account::acme());
        server.on(Endpoint::Tokens, fault);
        asking(&server).prints_a_token();
        let requests = server.requests();
        assert_eq!(requests.len(), 2);
        assert_eq!(requests[0].body, requests[1].body, "it is the same request");
        assert_eq!(server.connections(), 2);
    }
    for behaviour in [AtAccept::Close, AtAccept::Reset] {
        let server = Server::http(Account::acme());
        server.on_accept(behaviour);
        asking(&server).prints_a_token();
        assert_eq!((server.connections(), server.requests().len()), (2, 1));
    }
}

// ---- How often ----

#[test]
fn the_number_of_retries_is_two_or_as_given() {
    for (options, requests) in
        [(&[][..], 3), (&["--retries", "0"], 1), (&["--retries", "1"], 2), (&["--retries", "3"], 4)]
    {
        let server = Server::replying(Response::empty(429));
        asking(&server).args(options).fails(75, "rate limit exceeded (429)", LATER_HINT).run();
        assert_eq!(server.requests().len(), requests);
    }
}

#[test]
fn without_retries_there_is_one_attempt() {
    let server = Server::replying(Fault::CloseAfter(0));
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
        .on(Endpoint::Tokens, Response::empty(503))
        .on(Endpoint::Tokens, Response::empty(429))
        .on(Endpoint::Tokens, Response::empty(500));
    asking(&server).fails_with(75, "rate limit exceeded (429)\n").run();
    assert_eq!((server.connections(), server.requests().len()), (3, 2));
}

// ---- How long ----

#[test]
fn waits_double_from_half_a_second() {
    let server = Server::replying(Response::empty(503));
    asking(&server).fails(75, "Outseta is temporarily unavailable (503)", LATER_HINT).run();
    let waits = waits(&server);
    assert_eq!(waits.len(), 2);
    // Lengthened at random by up to half; a busy machine adds more.
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
            server.on(Endpoint::Tokens, Response::empty(503));
            let running = asking(&server).args(["-v", "--retries", "1"]).start();
            (server, running)
        })
        .collect();
    let printed: Vec<u64> = runs
        .into_iter()
        .map(|(server, running)| {
            let outcome = running.outcome();
            let rest = outcome.stderr.split_once("; trying again in ").map(|(_, rest)| rest);
            let milliseconds = rest.and_then(|rest| rest.split_once(" ms\n")?.0.parse().ok());
            let milliseconds = milliseconds.unwrap_or_else(|| panic!("a wait should be logged\n{outcome}"));
            assert!((500..=750).contains(&milliseconds), "{outcome}");
            let wait = waits(&server)[0];
            assert!(wait >= Duration::from_millis(milliseconds), "{wait:?}\n{outcome}");
            milliseconds
        })
        .collect();
    assert!(printed.iter().any(|wait| *wait != printed[0]), "{printed:?} are all the same");
}

#[test]
fn retry_after_says_how_long_to_wait() {
    let server = Server::http(Account::acme());
    server.on(Endpoint::Tokens, Response::empty(429).header("Retry-After", "1"));
    asking(&server).prints_a_token();
    let waits = waits(&server);
    assert!(waits.len() == 1 && waits[0] >= Duration::from_secs(1), "{waits:?}");
}

#[test]
fn a_wait_that_does_not_fit_is_reported_at_once() {
    for (status, seconds, message) in
        [(429, "3600", "rate limit exceeded (429)"), (503, "30", "Outseta is temporarily unavailable (503)")]
    {
        let server = Server::replying(Response::empty(status).header("retry-after", seconds));
        let hint =
            format!("Outseta asks to wait {seconds} s: try again then, or raise --retries and --timeout");
        let outcome = asking(&server).fails(75, message, &hint).run();
        assert_eq!(server.requests().len(), 1);
        assert!(outcome.elapsed < Duration::from_secs(5), "{outcome}");
    }
}

#[test]
fn the_timeout_decides_which_wait_fits() {
    for (timeout, requests) in [("3", 2), ("1", 1)] {
        let server = Server::replying(Response::empty(503).header("Retry-After", "1"));
        asking(&server)
            .args(["--timeout", timeout, "--retries", "1"])
            .status(75)
            .stderr_contains("Outseta asks to wait 1 s")
            .run();
        assert_eq!(server.requests().len(), requests, "{timeout}");
    }
}

#[test]
fn a_lookup_is_retried_as_a_request_is() {
    let server = Server::http(Account::acme().unknown_user(Refusal::GrantText));
    server.on(Endpoint::Tokens, Response::empty(429)).on(Endpoint::People, Response::empty(503));
    Run::new().server(&server).arg("nobody@example.com").fails_with(67, "no such user: ").run();
    let requests = server.requests();
    let methods: Vec<&str> = requests.iter().map(|request| request.method.as_str()).collect();
    assert_eq!(methods, ["POST", "POST", "GET", "GET"]);
}
