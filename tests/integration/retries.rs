//! Which failures are retried, how often and after which wait. (`responses.rs` has those that are not.)

use std::time::Duration;

use crate::support::fake::Server;
use crate::support::http::Response;
use crate::support::model::{Account, Refusal, cloudflare};
use crate::support::run::Run;
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
fn every_attempt_counts_whatever_its_failure() {
    let server = Server::http(Account::acme());
    server
        .on_accept(AtAccept::Close)
        .on(Endpoint::Tokens, Fault::CloseAfter(0))
        .on(Endpoint::Tokens, Response::empty(429))
        .on(Endpoint::Tokens, Response::empty(500));
    asking(&server).fails_with(75, "rate limit exceeded (429)\n").run();
    assert_eq!((server.connections(), server.requests().len()), (3, 2));
}

// ---- How long ----

/// Unit tests compute the waits; this one shows that the program waits as it says.
#[test]
fn waits_double_from_half_a_second_lengthened_at_random() {
    let server = Server::replying(Response::empty(503));
    let run = asking(&server).arg("-v").status(75);
    let outcome = run.stderr_contains("Outseta is temporarily unavailable (503)\n").run();
    let waits = waits(&server);
    let logged = outcome.stderr.lines().filter_map(|line| line.split_once("; trying again in "));
    let logged: Vec<Duration> = logged
        .map(|(_, wait)| wait.trim_end_matches(" ms").parse().expect("milliseconds"))
        .map(Duration::from_millis)
        .collect();
    assert_eq!((waits.len(), logged.len()), (2, 2), "{outcome}");
    for ((wait, logged), least) in waits.iter().zip(&logged).zip([500, 1000].map(Duration::from_millis)) {
        assert!((least..=least * 3 / 2).contains(logged) && wait >= logged, "{wait:?}\n{outcome}");
    }
    // Chance alone leaves both waits at the least about once in 10,000 runs.
    let least = |(logged, least): (&Duration, u64)| *logged == Duration::from_millis(least);
    assert!(!logged.iter().zip([500, 1000]).all(least), "{outcome}");
}

#[test]
fn the_timeout_decides_whether_the_wait_that_outseta_asks_for_fits() {
    for (options, retry_after, requests) in [
        (&["--retries", "1", "--timeout", "3"][..], "1", 2),
        (&["--timeout", "1"], "1", 1),
        // The default timeout is half a minute.
        (&[], "30", 1),
    ] {
        let server = Server::replying(Response::empty(503).header("retry-after", retry_after));
        let message = "Outseta is temporarily unavailable (503)";
        let hint =
            format!("Outseta asks to wait {retry_after} s: try again then, or raise --retries and --timeout");
        let outcome = asking(&server).args(options).fails(75, message, &hint).run();
        assert_eq!(server.requests().len(), requests, "{outcome}");
        assert!(waits(&server).iter().all(|wait| *wait >= Duration::from_secs(1)), "{outcome}");
        assert!(outcome.elapsed < Duration::from_secs(5), "it does not wait in vain\n{outcome}");
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
