//! What the look-up behind a refusal tells: a missing user from a missing account and from a user
//! who may not log in; and what is said, as probable only, where it tells nothing.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::fake::Server;
use crate::support::http::{Answer, Request};
use crate::support::model::{Account, Refusal, User, cloudflare};
use crate::support::proxy::Detour;
use crate::support::run::Run;
use crate::support::script::{Fault, On, Reply};

const EMAIL: &str = "jane@example.com";
const TEXT: &str = "The user name or password is incorrect.";

const LISTED: &str = "outseta-token: hint: check the email for a typing error; people are listed in Outseta \
     under CRM > People";
const MAY_READ: &str = "outseta-token: hint: check the email, a base URL, and that the API key may read people: the \
     lookup that would confirm this failed";
const SUBDOMAIN: &str = "outseta-token: hint: check the subdomain or base URL: the subdomain is the first \
     part of the address at which you log in to Outseta";
const UNDER_CRM: &str = "outseta-token: hint: look at the person and their account in Outseta under CRM";
const VERBOSE: &str = "outseta-token: hint: check the base URL, or run again with -v to see what came back";

/// The token request is answered by `refusal`, the look-up by `answer`, and this comes of it.
#[track_caller]
fn ends(refusal: impl Into<Reply>, answer: impl Into<Reply>, status: i32, lines: &[&str]) {
    let server = Server::http(Account::acme());
    server.always(On::Tokens, refusal);
    server.always(On::People, answer);
    let outcome =
        Run::new().server(&server).args(["--retries", "0", EMAIL]).status(status).stderr_lines(lines).run();
    let requests = server.requests();
    let paths: Vec<&str> = requests.iter().map(Request::path).collect();
    assert_eq!(paths, ["/api/v1/tokens", "/api/v1/crm/people"], "each is asked once\n{outcome}");
}

fn refused() -> Answer {
    Answer::json(400, &json!({"Message": TEXT}))
}

fn people(items: &Value) -> Answer {
    let metadata = json!({"limit": 100, "offset": 0, "total": 1});
    Answer::json(200, &json!({"metadata": metadata, "items": items}))
}

// ---- Confirmed ----

#[test]
fn nobody_with_this_email_is_no_such_user() {
    for refusal in [
        Refusal::GrantText,
        Refusal::GrantJson,
        Refusal::OAuth,
        Refusal::Message,
        Refusal::NotFound,
        Refusal::NotFoundEmpty,
        Refusal::Validation("Password"),
        Refusal::Property("Name"),
    ] {
        let server = Server::http(Account::acme().unknown_user(refusal));
        Run::new()
            .server(&server)
            .arg("nobody@example.com")
            .status(67)
            .stderr_lines(&["outseta-token: no such user: nobody@example.com", LISTED])
            .run();
        assert_eq!(server.requests().len(), 2, "{refusal:?}");
    }
}

#[test]
fn others_whom_a_wildcard_finds_are_not_this_user() {
    let server = Server::http(Account::acme());
    Run::new()
        .server(&server)
        .arg("*@example.com")
        .status(67)
        .stderr_lines(&["outseta-token: no such user: *@example.com", LISTED])
        .run();
}

#[test]
fn somebody_else_in_the_answer_is_not_this_user() {
    for other in ["xjane@example.com", "jane@example.com.au", "jane+x@example.com", ""] {
        ends(
            refused(),
            people(&json!([{"Uid": "1", "Email": other}])),
            67,
            &["outseta-token: no such user: jane@example.com", LISTED],
        );
    }
}

#[test]
fn a_person_who_is_there_may_not_log_in() {
    for (refusal, message) in [
        (Refusal::GrantText, "invalid_grant"),
        (Refusal::GrantJson, "invalid_grant"),
        (Refusal::OAuth, TEXT),
        (Refusal::Message, TEXT),
        (Refusal::NotFound, TEXT),
        (Refusal::Validation("Password"), "Validation failed for one or more entities."),
        (Refusal::Property("Password"), TEXT),
    ] {
        let user = User::new(EMAIL).stages(&[5]).cannot_log_in(refusal);
        let server = Server::http(Account::new("acme").user(user));
        Run::new()
            .server(&server)
            .arg(EMAIL)
            .status(77)
            .stderr_lines(&[
                &format!(
                    "outseta-token: Outseta will not log jane@example.com in: {message} (account: \
                     expired)"
                ),
                UNDER_CRM,
            ])
            .run();
    }
    let user = User::new(EMAIL).cannot_log_in(Refusal::NotFoundEmpty);
    let server = Server::http(Account::new("acme").user(user).without_nested_fields());
    Run::new()
        .server(&server)
        .arg(EMAIL)
        .status(77)
        .stderr_lines(&["outseta-token: Outseta will not log jane@example.com in", UNDER_CRM])
        .run();
}

#[test]
fn the_person_is_found_in_any_case_and_among_others() {
    let items = json!([
        {"Email": "ann@example.com", "PersonAccount": [{"Account": {"AccountStage": 2}}]},
        {"Email": "JANE@Example.com", "PersonAccount": [{"Account": {"AccountStage": 9}}]},
    ]);
    ends(
        refused(),
        people(&items),
        77,
        &[
            &format!("outseta-token: Outseta will not log jane@example.com in: {TEXT} (account: paused)"),
            UNDER_CRM,
        ],
    );
}

#[test]
fn every_known_stage_of_an_account_is_named() {
    let account = |stage: Value| json!({"Account": {"AccountStage": stage}});
    let person = |accounts: Value| people(&json!([{"Email": EMAIL, "PersonAccount": accounts}]));
    for (accounts, named) in [
        (json!([account(json!(2))]), " (account: trialing)"),
        (json!([account(json!(3))]), " (account: subscribing)"),
        (json!([account(json!(4))]), " (account: cancelling)"),
        (json!([account(json!(5))]), " (account: expired)"),
        (json!([account(json!(6))]), " (account: trial expired)"),
        (json!([account(json!(7))]), " (account: past due)"),
        (json!([account(json!(8))]), " (account: cancelling trial)"),
        (json!([account(json!(9))]), " (account: paused)"),
        (json!([account(json!(5)), account(json!(3))]), " (account: expired, subscribing)"),
        (json!([account(json!(5)), account(json!(5))]), " (account: expired)"),
        (json!([account(json!(1)), account(json!(5)), account(json!(99))]), " (account: expired)"),
        (json!([account(json!(1))]), ""),
        (json!([account(json!("5"))]), ""),
        (json!([account(json!(-5))]), ""),
        (json!([account(json!(null))]), ""),
        (json!([{"Account": null}, {}, null, 7]), ""),
        (json!([]), ""),
        (json!(null), ""),
        (json!("x"), ""),
    ] {
        ends(
            refused(),
            person(accounts),
            77,
            &[&format!("outseta-token: Outseta will not log jane@example.com in: {TEXT}{named}"), UNDER_CRM],
        );
    }
    ends(
        refused(),
        people(&json!([{"Email": EMAIL}])),
        77,
        &[&format!("outseta-token: Outseta will not log jane@example.com in: {TEXT}"), UNDER_CRM],
    );
}

#[test]
fn a_404_without_json_is_no_account() {
    for answer in [
        Answer::empty(404),
        Answer::text(404, "Not found"),
        Answer::json(404, &json!({})).body(""),
        Answer::json(404, &json!({})).body("{"),
    ] {
        for refusal in [refused(), Answer::empty(404), Answer::empty(400)] {
            ends(refusal, answer.clone(), 68, &["outseta-token: no Outseta account at 127.0.0.1", SUBDOMAIN]);
        }
    }
}

#[test]
fn an_account_that_does_not_exist_is_named_by_its_host() {
    let detour = Detour::new(Account::acme());
    Run::new()
        .detour(&detour)
        .args(["-s", "other", EMAIL])
        .status(68)
        .stderr_lines(&["outseta-token: no Outseta account at other.outseta.com", SUBDOMAIN])
        .run();
    assert_eq!(detour.server.requests().len(), 2);
}

// ---- The connection ----

#[test]
fn a_connection_that_ends_after_the_refusal_is_made_again() {
    let account = || Account::new("acme").user(User::new(EMAIL).cannot_log_in(Refusal::Message));
    for answer in [refused().close(), refused().until_close()] {
        let server = Server::http(account());
        server.on(On::Tokens, answer);
        Run::new().server(&server).arg(EMAIL).status(77).stderr_contains("will not log").run();
        assert_eq!(server.connections(), 2);
    }
}

#[test]
fn what_comes_behind_the_refusal_is_not_taken_for_the_look_ups_answer() {
    let nobody = people(&json!([]));
    let forged = [nobody.head(), nobody.framed_body()].concat();
    let both = [refused().head(), refused().framed_body(), forged].concat();
    ends(
        Fault::Garbage(both),
        people(&json!([{"Email": EMAIL}])),
        77,
        &[&format!("outseta-token: Outseta will not log jane@example.com in: {TEXT}"), UNDER_CRM],
    );
}

// ---- Unconfirmed ----

/// A refusal, and how it ends if nothing confirms what it means.
fn refusals() -> Vec<(Answer, i32, [String; 2])> {
    let no_user = |message: &str| {
        [
            format!(
                "outseta-token: no such user: jane@example.com: {message} (probably: this could not \
                 be confirmed)"
            ),
            MAY_READ.to_owned(),
        ]
    };
    let no_account = [
        "outseta-token: no Outseta account at 127.0.0.1 (probably: this could not be confirmed)".to_owned(),
        SUBDOMAIN.to_owned(),
    ];
    let unknown = |status: u16, message: &str| {
        [
            format!(
                "outseta-token: Outseta refused to log jane@example.com in ({status}){message}; the lookup of the \
                 reason failed: unexpected answer (403)"
            ),
            VERBOSE.to_owned(),
        ]
    };
    let message = json!({"Message": TEXT});
    let grant = json!("invalid_grant");
    vec![
        (Answer::json(400, &message), 67, no_user(TEXT)),
        (Answer::json(404, &message), 67, no_user(TEXT)),
        (Answer::json(422, &message), 67, no_user(TEXT)),
        (Answer::json(400, &grant), 67, no_user("invalid_grant")),
        (Answer::text(400, "invalid_grant"), 67, no_user("invalid_grant")),
        (Answer::text(422, " invalid_grant\r\n"), 67, no_user("invalid_grant")),
        (Answer::empty(404), 68, no_account.clone()),
        (Answer::text(404, " \r\n"), 68, no_account),
        (Answer::text(404, "Not found"), 76, unknown(404, ": Not found")),
        (Answer::empty(400), 76, unknown(400, "")),
        (Answer::empty(422), 76, unknown(422, "")),
        (Answer::text(400, "no"), 76, unknown(400, ": no")),
        (Answer::json(400, &json!("no")), 76, unknown(400, ": no")),
        (Answer::json(400, &json!([1])), 76, unknown(400, "")),
        (Answer::json(404, &json!(null)), 76, unknown(404, "")),
    ]
}

#[test]
fn a_look_up_that_is_refused_confirms_nothing() {
    for (refusal, status, lines) in refusals() {
        let lines = lines.each_ref().map(String::as_str);
        ends(refusal, Answer::empty(403), status, &lines);
    }
}

/// A refusal that is a JSON error, behind which the lookup fails: its status, and what is said of it.
#[track_caller]
fn tells_nothing(answer: impl Into<Reply>, status: i32, cause: &str) {
    let server = Server::http(Account::acme());
    server.always(On::Tokens, refused()).always(On::People, answer);
    let outcome = Run::new()
        .server(&server)
        .args(["--retries", "0", EMAIL])
        .status(status)
        .stderr_contains(&format!(
            "outseta-token: Outseta refused to log jane@example.com in (400): {TEXT}; the lookup of the reason \
             failed: {cause}"
        ))
        .run();
    assert_eq!(server.requests().len(), 2, "{outcome}");
}

#[test]
fn whatever_else_the_lookup_answers_tells_nothing() {
    for (answer, status, cause) in [
        (Answer::json(200, &json!({})), 76, "unexpected answer (200)"),
        (people(&json!([{"Uid": "1"}])), 76, "unexpected answer (200)"),
        (Answer::json(202, &json!({"items": []})), 76, "unexpected answer (202)"),
        (Answer::empty(400), 76, "unexpected answer (400)"),
        (
            Answer::json(404, &json!({"Message": "No HTTP resource was found."})),
            76,
            "unexpected answer (404): No HTTP resource was found.",
        ),
        (cloudflare(403), 76, "the answer (403) is an HTML page"),
        (Answer::empty(301), 76, "the answer is a redirect (301)"),
        (Answer::empty(429), 75, "Outseta is over its rate limit (429)"),
        (Answer::empty(408), 75, "Outseta is failing for now (408)"),
        (cloudflare(503), 75, "Outseta is failing for now (503)"),
    ] {
        tells_nothing(answer, status, cause);
    }
}

#[test]
fn a_lookup_that_fails_ends_with_that_failures_status() {
    for fault in [Fault::CloseAfter(0), Fault::CloseAfter(40), Fault::CutBody(1), Fault::ResetAfter(0)] {
        tells_nothing(fault, 69, "the connection to 127.0.0.1 was lost");
    }
    tells_nothing(Fault::Garbage(b"?\r\n\r\n".to_vec()), 76, "the answer is not HTTP");
    tells_nothing(Fault::EndlessBody, 76, "the answer is too large");
}

#[test]
fn a_path_that_is_not_the_apis_is_no_missing_user() {
    let server = Server::http(Account::acme());
    let lost =
        Answer::json(404, &json!({"Message": "No HTTP resource was found that matches the request URI."}));
    server.always(On::Any, lost);
    Run::new()
        .credentials()
        .args(["--base-url", &format!("{}/foo", server.url()), EMAIL])
        .status(76)
        .stderr_contains("outseta-token: hint: check the base URL, ")
        .run();
}

#[test]
fn the_look_up_has_what_is_left_of_the_time() {
    let server = Server::http(Account::acme());
    server
        .on(On::Tokens, refused().with(Fault::Delay(Duration::from_millis(1500))))
        .on(On::People, Fault::Stall);
    let outcome = Run::new()
        .server(&server)
        .args(["--timeout", "2", EMAIL])
        .status(69)
        .stderr_contains("the lookup of the reason failed: no answer from 127.0.0.1 within 2 s\n")
        .run();
    // A deadline of its own would end it after 3.5 s.
    assert!(outcome.elapsed < Duration::from_millis(3300), "{outcome}");
    assert_eq!(server.requests().len(), 2);
}
