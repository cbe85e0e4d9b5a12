//! What `-v` shows of requests and responses, and the secrets that it never shows.

use regex_lite::Regex;
use serde_json::json;

use crate::support::fake::Server;
use crate::support::http::Response;
use crate::support::model::{Account, Refusal, SecondFactor, User, cloudflare};
use crate::support::proxy::Detour;
use crate::support::run::{Outcome, Run};
use crate::support::script::{Endpoint, Fault};
use crate::support::{KEY, SECRET};

const EMAIL: &str = "jane@example.com";

fn verbose(server: &Server) -> Run {
    Run::new().server(server).args(["-v", "--retries", "0", EMAIL])
}

const JSON_HEADERS: &str = "outseta-token: < headers: content-type \"application/json; charset=utf-8\", \
    content-length \"#\"";

/// Standard error, with every number of milliseconds and every length as `#`.
fn log(outcome: &Outcome) -> Vec<String> {
    let time = Regex::new("[0-9]+ ms").expect("an expression");
    let length = Regex::new("content-length \"[0-9]+").expect("an expression");
    let masked = time.replace_all(&outcome.stderr, "# ms");
    length.replace_all(&masked, "content-length \"#").lines().map(str::to_owned).collect()
}

/// The lines of the log about responses.
fn responses(outcome: &Outcome) -> Vec<String> {
    let mut lines = log(outcome);
    lines.retain(|line| line.starts_with("outseta-token: < "));
    lines
}

// ---- What it shows ----

#[test]
fn a_request_and_its_response_are_logged_line_by_line() {
    let detour = Detour::new(Account::acme());
    let outcome = Run::new().detour(&detour).args(["-v", EMAIL]).stderr_contains("").prints_a_token();
    let agent = concat!("outseta-token: > User-Agent: outseta-token/", env!("CARGO_PKG_VERSION"));
    let proxy = format!("outseta-token: proxy: {} (https_proxy in the environment)", detour.proxy.url());
    let roots =
        format!("outseta-token: roots: the file {} (SSL_CERT_FILE)", detour.authority.pem_file().display());
    assert_eq!(
        log(&outcome),
        [
            "outseta-token: base URL: https://acme.outseta.com (OUTSETA_SUBDOMAIN in the environment)",
            "outseta-token: API key: KQx7… (OUTSETA_API_KEY in the environment)",
            "outseta-token: API secret: [hidden], 28 characters (OUTSETA_API_SECRET in the environment)",
            &roots,
            &proxy,
            "outseta-token: > POST https://acme.outseta.com/api/v1/tokens",
            "outseta-token: > Accept: application/json",
            agent,
            "outseta-token: > Content-Type: application/json",
            "outseta-token: > Authorization: Outseta KQx7…:[hidden]",
            "outseta-token: < 200 after # ms",
            JSON_HEADERS,
            "outseta-token: < body: access_token, expires_in 604800, token_type \"bearer\"",
            "outseta-token: token for jane@example.com in account 496LXdmX, valid for 7 days",
        ]
    );
}

#[test]
fn the_lookup_is_logged() {
    let user = User::new(EMAIL).cannot_log_in(Refusal::OAuth);
    let server = Server::http(Account::new("acme").user(user));
    let outcome = verbose(&server).status(77).stderr_contains("will not log").run();
    let url = server.url();
    let log = log(&outcome);
    assert_eq!(
        log[10..],
        [
            "outseta-token: < 400 after # ms",
            JSON_HEADERS,
            "outseta-token: < body: error \"invalid_grant\", error_description \"The user name or \
             password is incorrect.\"",
            "outseta-token: the response does not tell the reason: looking up the person",
            &format!(
                "outseta-token: > GET {url}/api/v1/crm/people?Email=jane%40example.com\
                 &fields=Uid,Email,PersonAccount.Account.AccountStage"
            ),
            "outseta-token: > Accept: application/json",
            concat!("outseta-token: > User-Agent: outseta-token/", env!("CARGO_PKG_VERSION")),
            "outseta-token: > Authorization: Outseta KQx7…:[hidden]",
            "outseta-token: < 200 after # ms",
            JSON_HEADERS,
            "outseta-token: < body: items, metadata",
            "outseta-token: Outseta will not log jane@example.com in: The user name or password is \
             incorrect. (account: subscribing)",
            "outseta-token: hint: check the person and their account in Outseta under CRM",
        ]
    );
}

#[test]
fn a_retry_is_logged_with_its_reason_and_wait() {
    let server = Server::http(Account::acme());
    server
        .on(Endpoint::Tokens, Fault::CloseAfter(0))
        .on(Endpoint::Tokens, Response::empty(503).header("Retry-After", "0"));
    let outcome = Run::new().server(&server).args(["-v", EMAIL]).stderr_contains("").prints_a_token();
    let lost = "the connection to 127.0.0.1 was lost before the response was complete";
    let mut lines = log(&outcome);
    lines.retain(|line| line.contains("no response after") || line.contains("; trying again in "));
    assert_eq!(
        lines,
        [
            format!("outseta-token: < no response after # ms: {lost}"),
            format!("outseta-token: {lost}; trying again in # ms"),
            "outseta-token: Outseta is temporarily unavailable (503); trying again in # ms".to_owned(),
        ]
    );
}

#[test]
fn a_response_is_logged_with_well_known_headers_and_without_unknown_fields() {
    for (response, headers, body) in [
        (
            cloudflare(403),
            "content-type 'text/html; charset=UTF-8', content-length '#', server 'cloudflare', \
             cf-ray '8f0c6d1e2a3b4c5d-FRA'",
            "77 bytes, not JSON",
        ),
        (
            Response::redirect(302, "https://a.example/login?session=abc123#xyz"),
            "content-length '#', location",
            "0 bytes, not JSON",
        ),
        (
            Response::empty(429)
                .header("Retry-After", "Wed, 21 Oct 2026 07:28:00 GMT")
                .header("X-Other", "1")
                .header("Set-Cookie", "session=abc123"),
            "content-length '#', retry-after 'Wed, 21 Oct 2026 07:28:00 GMT'",
            "0 bytes, not JSON",
        ),
        (
            Response::json(409, &json!({"Message": "b", "Other": "abc123"})),
            "content-type 'application/json; charset=utf-8', content-length '#'",
            "Message \"b\", Other",
        ),
        (
            Response::json(409, &json!({KEY: 1, SECRET: 2, "error": format!("{KEY}:{SECRET}")})),
            "content-type 'application/json; charset=utf-8', content-length '#'",
            "[hidden], [hidden], error \"[hidden]:[hidden]\"",
        ),
        (
            Response::text(409, "abc123").header("Server", &format!("{SECRET} \u{e9} {}", "x".repeat(400))),
            "content-type 'text/plain; charset=utf-8', content-length '#', server '[hidden] ",
            "6 bytes, not JSON",
        ),
    ] {
        let server = Server::replying(response);
        let outcome = verbose(&server).outcome();
        let lines = responses(&outcome);
        let headers = format!("outseta-token: < headers: {}", headers.replace('\'', "\""));
        assert!(lines[1].starts_with(&headers), "{outcome}");
        assert_eq!(lines[2..], [format!("outseta-token: < body: {body}")], "{outcome}");
        assert!(lines[1].chars().count() < 340, "{outcome}");
        for value in ["session", "xyz"] {
            assert!(!outcome.stderr.contains(value), "{outcome}");
        }
    }
}

// ---- What it never shows ----

#[test]
fn no_value_of_a_response_with_a_token_is_shown() {
    let secrets = ["refresh-7d1c", "id-7d1c", "callback-7d1c", "nested-7d1c", "name-7d1c"];
    let account = Account::acme()
        .extra("refresh_token", json!(secrets[0]))
        .extra("id_token", json!(secrets[1]))
        .extra("authentication_callback_url", json!(secrets[2]))
        .extra("extra", json!({"token_type": secrets[3]}))
        .extra("user_name", json!([secrets[4]]));
    let server = Server::http(account);
    let outcome = verbose(&server).stderr_contains("").prints_a_token();
    assert_eq!(
        responses(&outcome)[2],
        "outseta-token: < body: access_token, authentication_callback_url, expires_in 604800, extra, \
         id_token, refresh_token, token_type \"bearer\", user_name"
    );
    let token = outcome.json()["access_token"].as_str().expect("a token").to_owned();
    for part in token.split('.').chain(secrets) {
        assert!(!outcome.stderr.contains(part), "{part}\n{outcome}");
    }
}

#[test]
fn a_second_factors_challenge_is_not_shown() {
    for factor in [SecondFactor::Totp, SecondFactor::Email, SecondFactor::Enrolment] {
        let user = User::new(EMAIL).second_factor(factor);
        let server = Server::http(Account::new("acme").user(user));
        let outcome = verbose(&server).status(77).stderr_contains("challenge_token").run();
        for secret in ["challenge-0f2b6a", "j***@e"] {
            assert!(!outcome.stderr.contains(secret), "{outcome}");
        }
    }
}
