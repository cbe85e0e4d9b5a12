//! Kept connections: a connection is kept only while each response on it is a token that names its user, and
//! unrequested bytes are never used as a response.

use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use rustls::version::{TLS12, TLS13};
use serde_json::{Value, json};

use crate::support::fake::Server;
use crate::support::http::Response;
use crate::support::jwt;
use crate::support::model::{Account, Refusal, User};
use crate::support::run::{Outcome, Run};
use crate::support::script::{Endpoint, Fault};
use crate::support::tls::Authority;

const USERS: [&str; 3] = ["alice@example.com", "bob@example.com", "carol@example.com"];
/// A token that does not name its user.
const STRAY: &str = "stray";

fn account() -> Account {
    USERS.into_iter().fold(Account::acme(), |account, email| account.user(User::new(email)))
}

/// Plain, TLS 1.2, TLS 1.3.
fn protocols(authority: &Authority) -> [Option<Arc<ServerConfig>>; 3] {
    [None, Some(authority.server_of(&TLS12)), Some(authority.server_of(&TLS13))]
}

/// A batch of these users.
fn batch(server: &Server, authority: &Authority) -> Run {
    let run = Run::new().server(server).trust(authority).args(["--batch", "--rate", "0", "--retries", "0"]);
    run.stdin(USERS.join("\n")).stdout_contains("")
}

/// A response that is larger than a real one.
fn padded(body: &Value) -> Response {
    let mut body = body.clone();
    body["padding"] = "x".repeat(4096).into();
    Response::json(200, &body)
}

fn stray() -> Response {
    padded(&json!({"access_token": STRAY}))
}

fn own(email: &str) -> Response {
    padded(&json!({"access_token": jwt::token("acme", email, 600)}))
}

fn records(outcome: &Outcome) -> Vec<Value> {
    outcome.stdout_text().lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// On which connection each request came.
fn connections(server: &Server) -> Vec<usize> {
    server.requests().iter().map(|request| request.connection).collect()
}

#[test]
fn a_connection_is_kept_while_each_token_names_its_user() {
    let authority = Authority::new();
    for tls in protocols(&authority) {
        let server = Server::start(vec![Account::acme()], tls);
        let outcome = batch(&server, &authority).stdin("jane@example.com\n".repeat(300)).run();
        assert_eq!((records(&outcome).len(), server.connections()), (300, 1));
    }
}

#[test]
fn any_response_but_the_users_own_token_ends_the_connection() {
    let blocked = User::new("blocked@example.com").cannot_log_in(Refusal::Message);
    let server = Server::http(account().user(blocked));
    server
        .on(Endpoint::Tokens, own(USERS[0]))
        .on(Endpoint::Tokens, Response::json(200, &json!({"access_token": "opaque"})));
    let outcome = batch(&server, &Authority::new())
        .stdin(format!("{}\nblocked@example.com\n{}\nblocked@example.com\n", USERS[0], USERS[1]))
        .fails_with(76, "")
        .run();
    // A token and an opaque token; a token and a refusal; the lookup.
    assert_eq!(connections(&server), [0, 0, 1, 1, 2], "{outcome}");
    let statuses: Vec<Option<u64>> =
        records(&outcome).iter().map(|record| record["error"]["status"].as_u64()).collect();
    assert_eq!(statuses, [None, Some(76), None, Some(77)], "{outcome}");

    let server = Server::generous();
    batch(&server, &Authority::new()).run();
    assert_eq!(server.connections(), 3, "a token without a claim");

    let server = Server::http(account());
    server.on(Endpoint::Tokens, own(USERS[1]));
    batch(&server, &Authority::new()).fails_with(76, "1 failed, the first at line 1: ").run();
    assert_eq!(server.connections(), 2, "another user's token ends the connection");
}

/// A second response after Alice's: whole, a part of its first record, or late.
#[test]
fn an_unrequested_response_is_never_used() {
    let authority = Authority::new();
    let later = Duration::from_millis(100);
    for tls in protocols(&authority) {
        for (at_once, delay) in [
            (usize::MAX, later),
            (50, later),
            (2000, later),
            (0, Duration::from_millis(1)),
            (0, Duration::from_millis(10)),
        ] {
            for first in [own(USERS[0]), padded(&json!({"access_token": "alices"}))] {
                let server = Server::start(vec![account()], tls.clone());
                server
                    .on(Endpoint::Tokens, first.with(Fault::Unrequested(Box::new(stray()), at_once, delay)));
                let outcome = batch(&server, &authority).outcome();
                assert!(!outcome.stdout_text().contains(STRAY), "{at_once} bytes at once\n{outcome}");
                let records = records(&outcome);
                assert_eq!(records.len(), 3, "{outcome}");
                assert!(records[0]["access_token"].is_string(), "{outcome}");
                for (record, email) in records.iter().zip(USERS).skip(1) {
                    match record["access_token"].as_str() {
                        Some(token) => assert_eq!(jwt::decode(token)["email"], email, "{outcome}"),
                        None => assert_eq!(record["error"]["status"], 76, "{outcome}"),
                    }
                }
                if at_once == usize::MAX {
                    assert_eq!((outcome.status, server.connections()), (Some(0), 2), "{outcome}");
                }
            }
        }
    }
}

#[test]
fn a_retry_and_a_lookup_do_not_use_an_unrequested_response() {
    let authority = Authority::new();
    for tls in protocols(&authority) {
        for at_once in [usize::MAX, 50] {
            let fault = |body: Response, second: Response| {
                body.with(Fault::Unrequested(Box::new(second), at_once, Duration::from_millis(100)))
            };
            let server = Server::start(vec![account()], tls.clone());
            server.on(Endpoint::Tokens, fault(Response::empty(503), stray()));
            let run = || Run::new().server(&server).trust(&authority).args(["-r", USERS[0]]);
            let outcome = run().stdout_contains("").run();
            assert_eq!(jwt::decode(outcome.stdout_text().trim())["email"], USERS[0], "{outcome}");

            let nobody = padded(&json!({"items": []}));
            server.on(Endpoint::Tokens, fault(Response::json(400, &json!({"Message": "No."})), nobody));
            run().status(77).stderr_contains("will not log alice@example.com in").run();
        }
    }
}

/// RFC 9112 section 9.3.1.
#[test]
fn a_kept_connection_that_the_server_closed_is_replaced_without_a_retry() {
    let authority = Authority::new();
    for tls in protocols(&authority) {
        for fault in [Fault::CloseAfter(0), Fault::ResetAfter(0)] {
            let server = Server::start(vec![account()], tls.clone());
            server.on(Endpoint::Tokens, own(USERS[0])).on(Endpoint::Tokens, fault);
            let outcome = batch(&server, &authority).run();
            assert_eq!(connections(&server), [0, 0, 1, 1], "{outcome}");
        }
        // Closed between two requests.
        let server = Server::start(vec![account()], tls.clone());
        server.on(Endpoint::Tokens, own(USERS[0]).with(Fault::CloseIdle(Duration::ZERO)));
        // On a new connection, a token need not name its user.
        server.on(Endpoint::Tokens, Response::json(200, &json!({"access_token": "opaque"})));
        batch(&server, &authority).run();
        assert_eq!(server.connections(), 3);
    }
}

#[test]
fn a_kept_connection_is_replaced_once_and_only_before_the_first_byte() {
    for (faults, posts) in
        [(&[Fault::CloseAfter(0), Fault::CloseAfter(0)][..], 3), (&[Fault::CloseAfter(9)], 2)]
    {
        let server = Server::http(account());
        server.on(Endpoint::Tokens, own(USERS[0]));
        for fault in faults {
            server.on(Endpoint::Tokens, fault.clone());
        }
        batch(&server, &Authority::new())
            .stdout_contains("EX_UNAVAILABLE")
            .fails_with(69, "stopped at line 2: the connection to 127.0.0.1 was lost")
            .run();
        assert_eq!(server.requests().len(), posts);
    }
}

#[test]
fn a_connection_that_the_server_closes_is_reopened() {
    let server = Server::http(account());
    server.on(Endpoint::Tokens, own(USERS[0]).close());
    batch(&server, &Authority::new()).run();
    assert_eq!(connections(&server), [0, 1, 1]);
}
