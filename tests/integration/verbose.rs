//! What `-v` tells of requests and answers, and what it never tells: a secret, a token, or anything
//! that is as secret as one.

use serde_json::json;

use crate::support::fake::Server;
use crate::support::http::Answer;
use crate::support::model::{Account, Refusal, SecondFactor, User, cloudflare};
use crate::support::proxy::Detour;
use crate::support::run::{Outcome, Run};
use crate::support::script::{Fault, On};
use crate::support::{KEY, SECRET};

const EMAIL: &str = "jane@example.com";

fn verbose(server: &Server) -> Run {
    Run::new().server(server).args(["-v", "--retries", "0", EMAIL])
}

/// Standard error, with every number of milliseconds as `#`.
fn log(outcome: &Outcome) -> Vec<String> {
    let line = |line: &str| {
        let words: Vec<&str> = line.split(' ').collect();
        let masked = |(place, word): (usize, &&str)| match words.get(place + 1) {
            Some(unit) if unit.starts_with("ms") && word.parse::<u64>().is_ok() => "#".to_owned(),
            _ => (*word).to_owned(),
        };
        words.iter().enumerate().map(masked).collect::<Vec<_>>().join(" ")
    };
    outcome.stderr.lines().map(line).collect()
}

/// The part of the log that tells of answers.
fn answers(outcome: &Outcome) -> Vec<String> {
    let mut lines = log(outcome);
    lines.retain(|line| line.starts_with("outseta-token: < "));
    lines
}

// ---- What it tells ----

#[test]
fn a_request_and_its_answer_are_logged_line_by_line() {
    let detour = Detour::new(Account::acme());
    let outcome = Run::new()
        .detour(&detour)
        .args(["-v", EMAIL])
        .stdout_contains("access_token")
        .stderr_contains("")
        .run();
    let agent = concat!("outseta-token: > User-Agent: outseta-token/", env!("CARGO_PKG_VERSION"));
    let proxy = format!("outseta-token: proxy {} (https_proxy in the environment)", detour.proxy.url());
    let roots =
        format!("outseta-token: roots the file {} (SSL_CERT_FILE)", detour.authority.pem_file().display());
    assert_eq!(
        log(&outcome),
        [
            "outseta-token: base URL https://acme.outseta.com (OUTSETA_SUBDOMAIN in the environment)",
            "outseta-token: API key KQx7… (OUTSETA_API_KEY in the environment)",
            "outseta-token: API secret [hidden] (OUTSETA_API_SECRET in the environment)",
            &roots,
            &proxy,
            "outseta-token: > POST https://acme.outseta.com/api/v1/tokens",
            "outseta-token: > Accept: application/json",
            agent,
            "outseta-token: > Authorization: Outseta KQx7…:[hidden]",
            "outseta-token: > Content-Type: application/json",
            "outseta-token: < 200 after # ms",
            "outseta-token: < headers: content-type, content-length",
            "outseta-token: < body: access_token, expires_in 604800, token_type \"bearer\"",
            "outseta-token: token for jane@example.com, valid for 7 days",
        ]
    );
}

#[test]
fn the_env_file_that_was_read_is_named_with_its_settings() {
    for (file, told) in [
        (
            "OUTSETA_API_SECRET=s\nOTHER=x\nOUTSETA_SUBDOMAIN=acme\nOUTSETA_API_KEY=\n",
            "OUTSETA_SUBDOMAIN, OUTSETA_API_SECRET",
        ),
        ("outseta_api_key=k\nOUTSETA_API_KEY_FILE=f\n", "no setting"),
    ] {
        let run = || Run::new().file("env", file).args(["-e", "env", EMAIL]).status(78);
        let told = format!("outseta-token: env file env: {told}");
        let outcome = run().arg("-v").stderr_contains("not configured: ").run();
        assert_eq!(log(&outcome)[0], told, "{outcome}");
        let outcome = run().stderr_contains("not configured: ").run();
        assert!(!outcome.stderr.contains("env file env"), "{outcome}");
    }
}

#[test]
fn without_it_nothing_is_said_of_a_success() {
    let server = Server::http(Account::acme());
    for options in [&[][..], &["-q"]] {
        Run::new().server(&server).args(options).arg(EMAIL).stdout_contains("access_token").run();
    }
}

#[test]
fn the_look_up_is_logged_too() {
    let user = User::new(EMAIL).cannot_log_in(Refusal::OAuth);
    let server = Server::http(Account::new("acme").user(user));
    let outcome = verbose(&server).status(77).stderr_contains("will not log").run();
    let url = server.url();
    let log = log(&outcome);
    assert_eq!(
        log[10..],
        [
            "outseta-token: < 400 after # ms",
            "outseta-token: < headers: content-type, content-length",
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
            "outseta-token: < headers: content-type, content-length",
            "outseta-token: < body: items, metadata",
            "outseta-token: Outseta will not log jane@example.com in: The user name or password is \
             incorrect. (account: subscribing)",
            "outseta-token: hint: check the person and their account in Outseta under CRM",
        ]
    );
}

#[test]
fn a_retry_is_logged_with_its_reason_and_its_wait() {
    let server = Server::http(Account::acme());
    server.on(On::Tokens, Fault::CloseAfter(0)).on(On::Tokens, Answer::empty(503).header("Retry-After", "0"));
    let outcome = Run::new()
        .server(&server)
        .args(["-v", EMAIL])
        .stdout_contains("access_token")
        .stderr_contains("")
        .run();
    let lost = "the connection to 127.0.0.1 was lost before the response was complete";
    let mut lines = log(&outcome);
    lines.retain(|line| !line.contains(": > ") && !line.contains(" ("));
    assert_eq!(
        lines[..4],
        [
            "outseta-token: roots built in",
            "outseta-token: proxy none",
            &format!("outseta-token: < no response after # ms: {lost}"),
            &format!("outseta-token: {lost}; trying again in # ms"),
        ]
    );
    assert!(
        outcome.stderr.contains("Outseta is temporarily unavailable (503); trying again in "),
        "{outcome}"
    );
}

#[test]
fn of_an_answer_it_tells_header_names_that_matter_and_field_names() {
    for (answer, headers, body) in [
        (cloudflare(403), "content-type, content-length, server, cf-ray", "77 bytes, not JSON"),
        (
            Answer::redirect(302, "https://a.example/?session=abc123"),
            "content-length, location",
            "0 bytes, not JSON",
        ),
        (
            Answer::empty(429)
                .header("Retry-After", "4711")
                .header("X-Other", "1")
                .header("Set-Cookie", "session=abc123"),
            "content-length, retry-after",
            "0 bytes, not JSON",
        ),
        (
            Answer::json(
                409,
                &json!({"ErrorMessage": "a", "Message": "b", "PropertyName": "c", "Other": "d"}),
            ),
            "content-type, content-length",
            "ErrorMessage \"a\", Message \"b\", Other, PropertyName \"c\"",
        ),
        (Answer::json(409, &json!("invalid_grant")), "content-type, content-length", "\"invalid_grant\""),
        (Answer::text(409, "abc123"), "content-type, content-length", "6 bytes, not JSON"),
    ] {
        let server = Server::http(Account::acme());
        server.on(On::Tokens, answer);
        let outcome = verbose(&server).outcome();
        let lines = answers(&outcome);
        assert_eq!(
            lines[1..],
            [format!("outseta-token: < headers: {headers}"), format!("outseta-token: < body: {body}"),],
            "{outcome}"
        );
        let told = lines.join("\n");
        for value in ["abc123", "session", "4711", "cloudflare", "8f0c6d"] {
            assert!(!told.replace("server, cf-ray", "").contains(value), "{outcome}");
        }
    }
}

// ---- What it never tells ----

#[test]
fn no_value_of_an_answer_with_a_token_is_told() {
    let secrets = ["refresh-7d1c", "id-7d1c", "callback-7d1c", "nested-7d1c", "name-7d1c"];
    let account = Account::acme()
        .extra("refresh_token", json!(secrets[0]))
        .extra("id_token", json!(secrets[1]))
        .extra("authentication_callback_url", json!(secrets[2]))
        .extra("extra", json!({"token_type": secrets[3]}))
        .extra("user_name", json!([secrets[4]]));
    let server = Server::http(account);
    let outcome = verbose(&server).stdout_contains("access_token").stderr_contains("").run();
    assert_eq!(
        answers(&outcome)[2],
        "outseta-token: < body: access_token, authentication_callback_url, expires_in 604800, extra, \
         id_token, refresh_token, token_type \"bearer\", user_name"
    );
    let token = outcome.json()["access_token"].as_str().expect("a token").to_owned();
    let parts = token.split('.').chain(secrets);
    for part in parts {
        assert!(!outcome.stderr.contains(part), "{part}\n{outcome}");
    }
}

#[test]
fn a_second_factors_challenge_is_not_told() {
    for factor in [SecondFactor::Totp, SecondFactor::Email, SecondFactor::Enrolment] {
        let user = User::new(EMAIL).second_factor(factor);
        let server = Server::http(Account::new("acme").user(user));
        let outcome = verbose(&server).status(77).stderr_contains("challenge_token").run();
        for secret in ["challenge-0f2b6a", "j***@e"] {
            assert!(!outcome.stderr.contains(secret), "{outcome}");
        }
    }
}

#[test]
fn where_a_redirect_points_is_told_without_its_query() {
    let server = Server::http(Account::acme());
    server.on(On::Tokens, Answer::redirect(302, "https://a.example/login?session=abc123#xyz"));
    let outcome =
        verbose(&server).status(76).stderr_contains("redirect (302) to https://a.example/login\n").run();
    assert!(!outcome.stderr.contains("abc123") && !outcome.stderr.contains("xyz"), "{outcome}");
}

#[test]
fn of_a_key_its_first_four_characters_are_told_if_it_is_long_enough() {
    for (key, shown) in [("a", "[hidden]"), ("abcdefgh", "[hidden]"), ("abcdefghi", "abcd…")] {
        let server = Server::http(Account::acme());
        let outcome = verbose(&server)
            .env("OUTSETA_API_KEY", key)
            .env("OUTSETA_API_SECRET", "zyxwvutsrq")
            .status(77)
            .stderr_contains(&format!("outseta-token: API key {shown} (OUTSETA_API_KEY"))
            .stderr_contains(&format!("> Authorization: Outseta {shown}:[hidden]\n"))
            .run();
        assert!(!outcome.stderr.contains("zyx"), "{outcome}");
        assert!(key.len() == 1 || !outcome.stderr.contains("abcde"), "{outcome}");
    }
}

#[test]
fn names_and_values_of_a_server_are_escaped_and_bounded() {
    let server = Server::http(Account::acme());
    server.on(On::Tokens, Answer::json(409, &json!({"a\n\u{1b}[2J\u{202e}": 1, "error": "x\ny\u{7}"})));
    let outcome = verbose(&server).status(76).stderr_contains("").run();
    assert_eq!(answers(&outcome)[2], r#"outseta-token: < body: a\n\u{1b}[2J\u{202e}, error "x\ny\u{7}""#);

    let many: serde_json::Map<_, _> = (0..1000).map(|n| (format!("field{n:04}"), json!(n))).collect();
    for answer in [
        Answer::json(409, &json!(many)),
        Answer::json(409, &json!({"x".repeat(1000): 1})),
        Answer::json(409, &json!({"Message": "x".repeat(1000)})),
    ] {
        let server = Server::http(Account::acme());
        server.on(On::Tokens, answer);
        let outcome = verbose(&server).status(76).stderr_contains("").run();
        let body = answers(&outcome)[2].clone();
        let told = body.strip_prefix("outseta-token: < body: ").expect("the body is told");
        assert_eq!(told.chars().count(), 301, "300 characters and …\n{outcome}");
    }
}

#[test]
fn what_a_server_repeats_of_the_credentials_is_hidden() {
    let server = Server::http(Account::acme());
    server.on(On::Tokens, Answer::json(409, &json!({KEY: 1, SECRET: 2, "error": format!("{KEY}:{SECRET}")})));
    verbose(&server)
        .status(76)
        .stderr_contains("< body: [hidden], [hidden], error \"[hidden]:[hidden]\"\n")
        .run();
}
