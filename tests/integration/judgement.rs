//! What each answer to the token request amounts to: the rows of the judgement in their order, each
//! with its status, message and hint, and which row decides where several fit. What only the look-up
//! can tell is in `look_up`.

use serde_json::{Value, json};

use crate::support::fake::Server;
use crate::support::http::Answer;
use crate::support::jwt;
use crate::support::model::{Account, Refusal, SecondFactor, User, cloudflare};
use crate::support::run::{Outcome, Run};
use crate::support::script::{Fault, On, Reply};
use crate::support::{KEY, SECRET};

const EMAIL: &str = "jane@example.com";

const REJECTED_HINT: &str = "outseta-token: hint: key or secret may be mistyped, another account's or \
     read-only: see Settings > Integrations > API Keys";
const REJECTED_FROM: &str =
    "key from OUTSETA_API_KEY in the environment, secret from OUTSETA_API_SECRET in the environment";
const VERBOSE_HINT: &str = "outseta-token: hint: run again with -v to see what came back";
const HTML_HINT: &str = "outseta-token: hint: something between this machine and Outseta's API answered: \
     a proxy, a firewall, a wrong base URL";
const LATER_HINT: &str = "outseta-token: hint: try again later, or raise --retries and --timeout";
const TYPING_HINT: &str = "outseta-token: hint: check the email for a typing error";
const LARGE_HINT: &str = "outseta-token: hint: check the base URL: an answer of Outseta's API is far smaller";

/// A run whose token request is answered so; the person would be found.
fn answered(reply: impl Into<Reply>) -> (Server, Run) {
    let server = Server::http(Account::acme());
    server.always(On::Tokens, reply);
    let run = Run::new().server(&server).args(["--retries", "0", EMAIL]);
    (server, run)
}

/// It ends with this status, these lines and nothing else, after one request.
#[track_caller]
fn ends(reply: impl Into<Reply>, status: i32, lines: &[&str]) -> Outcome {
    let (server, run) = answered(reply);
    let outcome = run.status(status).stderr_lines(lines).run();
    assert_eq!(server.requests().len(), 1, "one request is made\n{outcome}");
    outcome
}

/// It succeeds with this token.
#[track_caller]
fn succeeds(reply: impl Into<Reply>, token: &str) {
    let (server, run) = answered(reply);
    run.args(["-f", "token"]).stdout(format!("{token}\n")).run();
    assert_eq!(server.requests().len(), 1);
}

fn no_token(status: u16, why: &str) -> String {
    format!("outseta-token: the answer ({status}) holds no token: {why}")
}

fn rejected(status: u16, message: &str) -> String {
    format!("outseta-token: Outseta rejected the API key ({status}): {REJECTED_FROM}{message}")
}

// ---- Success ----

#[test]
fn a_200_with_an_access_token_is_success_whatever_stands_beside_it() {
    for body in [
        json!({"access_token": "a.b.c"}),
        json!({"access_token": "a.b.c", "token_type": "Bearer", "expires_in": "soon"}),
        json!({"access_token": "a.b.c", "expires_in": null, "token_type": 7}),
        json!({"access_token": "a.b.c", "two_factor_required": true}),
        json!({"access_token": "a.b.c", "two_factor_enrollment_required": true}),
        json!({"access_token": "a.b.c", "error": "invalid_client", "ErrorMessage": "no"}),
        json!({"access_token": "a.b.c", "nested": {"a": [1, {"b": null}]}}),
    ] {
        succeeds(Answer::json(200, &body), "a.b.c");
    }
}

#[test]
fn the_type_of_the_answer_does_not_matter_where_it_is_json_with_a_token() {
    let body = r#" {"access_token": "a.b.c"} "#;
    succeeds(Answer::text(200, body), "a.b.c");
    succeeds(Answer::html(200, body), "a.b.c");
    succeeds(Answer::empty(200).body(body), "a.b.c");
    succeeds(Answer::json(200, &json!({})).body(format!("\u{feff}{body}")), "a.b.c");
}

#[test]
fn a_body_may_be_framed_in_every_way() {
    let answer = || Answer::json(200, &json!({"access_token": "a.b.c"}));
    succeeds(answer().chunked(), "a.b.c");
    succeeds(answer().until_close(), "a.b.c");
    succeeds(answer().close(), "a.b.c");
    succeeds(Fault::Garbage(b"HTTP/1.0 200 OK\r\n\r\n{\"access_token\":\"a.b.c\"}".to_vec()), "a.b.c");
}

#[test]
fn an_interim_answer_is_none() {
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 24\r\n\r\n{\"access_token\":\"a.b.c\"}";
    for interim in ["HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"] {
        let both = format!("{interim}{answer}");
        succeeds(Fault::Garbage(both.into_bytes()), "a.b.c");
    }
}

#[test]
fn every_token68_string_is_printed_as_it_came() {
    for token in ["a", "A-Z._~+/09==", "eyJ.eyJ.sig", &"x".repeat(100_000)] {
        succeeds(Answer::json(200, &json!({"access_token": token})), token);
    }
}

// ---- A token that is none ----

#[test]
fn a_token_that_could_inject_something_is_refused() {
    for token in [
        "a\nb",
        "a\n",
        "a\r\nX-Evil: 1",
        "a\"b",
        "a'b",
        "$(touch x)",
        "`id`",
        "a;id",
        "a b",
        " a",
        "a\0b",
        "a\u{e4}b",
        "a\u{2028}b",
        "a=b",
        "=",
        "",
        "\u{1b}[31m",
        "a,b",
        "a\\b",
    ] {
        for format in ["json", "token", "header", "env", "claims"] {
            let (_server, run) = answered(Answer::json(200, &json!({"access_token": token})));
            run.args(["-f", format])
                .status(76)
                .stderr_lines(&[
                    &no_token(200, "its access_token has characters that no token has"),
                    VERBOSE_HINT,
                ])
                .run();
        }
    }
}

#[test]
fn a_2xx_without_a_usable_token_is_no_success() {
    let none = "there is no access_token in it";
    let no_object = "it is not a JSON object";
    for (answer, why) in [
        (Answer::json(200, &json!({})), none),
        (Answer::json(200, &json!({"access_token": null})), none),
        (Answer::json(200, &json!({"token": "a.b.c"})), none),
        (Answer::json(200, &json!({"Access_Token": "a.b.c"})), none),
        (Answer::json(200, &json!({"access_token": 7})), "its access_token is not a string"),
        (Answer::json(200, &json!({"access_token": ["a.b.c"]})), "its access_token is not a string"),
        (Answer::json(200, &json!({"two_factor_required": false})), none),
        (Answer::json(200, &json!({"error": "invalid_client"})), none),
        (Answer::json(200, &json!([{"access_token": "a.b.c"}])), no_object),
        (Answer::json(200, &json!("a.b.c")), no_object),
        (Answer::json(200, &json!(null)), no_object),
        (Answer::text(200, "a.b.c"), no_object),
        (Answer::text(200, "{\"access_token\": \"a.b.c\""), no_object),
        (Answer::text(200, "{\"access_token\": \"a.b.c\"} x"), no_object),
        (Answer::empty(200), no_object),
    ] {
        ends(answer, 76, &[&no_token(200, why), VERBOSE_HINT]);
    }
    for status in [201, 202, 203, 206, 299] {
        ends(
            Answer::json(status, &json!({"access_token": "a.b.c"})),
            76,
            &[&no_token(status, "its status is not 200"), VERBOSE_HINT],
        );
    }
    for status in [204, 205] {
        ends(Answer::empty(status), 76, &[&no_token(status, no_object), VERBOSE_HINT]);
    }
}

#[test]
fn what_is_no_utf8_is_no_token() {
    let body = [b"{\"access_token\": \"a", [0xff].as_slice(), b"\"}"].concat();
    ends(
        Answer::json(200, &json!({})).body(body),
        76,
        &[&no_token(200, "it is not a JSON object"), VERBOSE_HINT],
    );
}

#[test]
fn json_that_is_nested_without_end_is_refused_and_breaks_nothing() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let deep = open.repeat(100_000) + "1" + &close.repeat(100_000);
        for body in [format!("{{\"access_token\": \"a.b.c\", \"x\": {deep}}}"), deep] {
            ends(
                Answer::json(200, &json!({})).body(body),
                76,
                &[&no_token(200, "it is not a JSON object"), VERBOSE_HINT],
            );
        }
    }
}

// ---- Whose token, and for how long ----

#[test]
fn another_users_token_is_refused_and_not_printed() {
    for email in ["john@example.com", "jane@example.com.evil", ""] {
        let user = User::new(EMAIL).claim("email", json!(email));
        let server = Server::http(Account::new("acme").user(user));
        for format in ["json", "token", "header", "env", "claims"] {
            Run::new()
                .server(&server)
                .args(["-f", format, EMAIL])
                .status(76)
                .stderr_lines(&[
                    &format!(
                        "outseta-token: the answer is a token of another user: {email} instead of \
                         jane@example.com"
                    ),
                    "outseta-token: hint: the token was not printed; look for two people with this \
                     email in Outseta",
                ])
                .run();
        }
    }
}

#[test]
fn the_case_of_the_email_in_the_token_does_not_matter() {
    let user = User::new(EMAIL).claim("email", json!("JANE@Example.com"));
    let server = Server::http(Account::new("acme").user(user));
    Run::new().server(&server).arg("jAne@eXample.com").stdout_contains("access_token").run();
}

#[test]
fn a_token_that_names_nobody_is_taken() {
    let mut claims = jwt::claims("acme", EMAIL, 600);
    claims.as_object_mut().expect("claims are an object").remove("email");
    let token = jwt::encode(&claims, 0);
    succeeds(Answer::json(200, &json!({"access_token": token})), &token);
}

#[test]
fn an_expired_token_is_printed_with_a_warning_that_no_option_silences() {
    for options in [&[][..], &["-q"]] {
        let server = Server::http(Account::acme().lifetime(-60));
        Run::new()
            .server(&server)
            .args(options)
            .arg(EMAIL)
            .stdout_contains("access_token")
            .stderr_lines(&[
                "outseta-token: warning: the token for jane@example.com has expired by this \
                 machine's clock",
                "outseta-token: hint: check the clock, and the lifetime of tokens in Outseta",
            ])
            .run();
    }
}

#[test]
fn a_token_that_does_not_expire_by_its_claims_gives_no_warning() {
    let mut claims = jwt::claims("acme", EMAIL, 600);
    claims.as_object_mut().expect("claims are an object").remove("exp");
    let token = jwt::encode(&claims, 0);
    let body = json!({"access_token": token, "expires_in": "never"});
    succeeds(Answer::json(200, &body), &token);
}

// ---- A second factor ----

#[test]
fn a_second_factor_ends_it_after_one_request() {
    let wants = "outseta-token: the login of jane@example.com wants a second factor";
    let cannot = "outseta-token: hint: a token cannot be had for a user with two-factor \
         authentication; an emailed code may have been sent";
    for (factor, lines) in [
        (SecondFactor::Totp, [wants, cannot]),
        (SecondFactor::Email, [wants, cannot]),
        (
            SecondFactor::Enrolment,
            [
                "outseta-token: the login of jane@example.com wants a second factor, and none is \
                 enrolled",
                "outseta-token: hint: the user must first enrol a second factor by logging in",
            ],
        ),
    ] {
        let user = User::new(EMAIL).second_factor(factor);
        let server = Server::http(Account::new("acme").user(user));
        Run::new().server(&server).args(["--retries", "5", EMAIL]).status(77).stderr_lines(&lines).run();
        assert_eq!(server.requests().len(), 1);
    }
}

#[test]
fn a_second_factor_is_one_in_every_2xx_without_a_usable_token() {
    for (status, token) in
        [(200, Value::Null), (200, json!("a b")), (201, Value::Null), (202, json!("a.b.c"))]
    {
        let body = json!({"access_token": token, "two_factor_required": true});
        let (server, run) = answered(Answer::json(status, &body));
        run.status(77).stderr_contains("wants a second factor\n").run();
        assert_eq!(server.requests().len(), 1);
    }
}

// ---- Redirects, outages, pages ----

#[test]
fn a_redirect_shows_where_it_points_without_what_it_carries() {
    let hint = "outseta-token: hint: the key goes to no other host: check the subdomain or base URL";
    for (location, shown) in [
        ("https://login.example.com/a?session=abc&x=1", " to https://login.example.com/a"),
        ("https://login.example.com/a#token=abc", " to https://login.example.com/a"),
        ("/elsewhere?x", " to /elsewhere"),
        ("?x", ""),
    ] {
        ends(
            Answer::redirect(302, location),
            76,
            &[&format!("outseta-token: the answer is a redirect (302){shown}"), hint],
        );
    }
    ends(Answer::empty(302), 76, &["outseta-token: the answer is a redirect (302)", hint]);
}

#[test]
fn what_may_pass_is_a_temporary_failure() {
    for status in [408, 425, 500, 501, 502, 503, 504, 520, 599] {
        ends(
            Answer::empty(status),
            75,
            &[&format!("outseta-token: Outseta is failing for now ({status})"), LATER_HINT],
        );
    }
    ends(Answer::empty(429), 75, &["outseta-token: Outseta is over its rate limit (429)", LATER_HINT]);
}

#[test]
fn a_page_in_place_of_the_api_is_told_by_its_type_or_its_first_character() {
    let page = "<!DOCTYPE html><title>Hello</title>";
    for status in [200, 202, 400, 401, 403, 404, 409, 422] {
        for answer in [
            cloudflare(status),
            Answer::html(status, "not even a tag"),
            Answer::html(status, ""),
            Answer::empty(status).header("content-type", "APPLICATION/XHTML+XML").body("x"),
            Answer::text(status, page),
            Answer::empty(status).body(format!("\r\n\t {page}")),
            Answer::json(status, &json!({})).body(format!("\u{feff}{page}")),
        ] {
            ends(
                answer,
                76,
                &[&format!("outseta-token: the answer ({status}) is an HTML page, not the API's"), HTML_HINT],
            );
        }
    }
}

#[test]
fn anything_else_is_unexpected() {
    for status in [402, 405, 406, 409, 410, 415, 418, 451, 499, 600, 999] {
        ends(
            Answer::empty(status),
            76,
            &[&format!("outseta-token: unexpected answer ({status})"), VERBOSE_HINT],
        );
    }
    ends(
        Answer::json(409, &json!({"Message": "Try that again."})),
        76,
        &["outseta-token: unexpected answer (409): Try that again.", VERBOSE_HINT],
    );
}

// ---- The key ----

#[test]
fn a_rejected_key_is_named_with_where_it_came_from() {
    for status in [401, 403] {
        ends(Answer::empty(status), 77, &[&rejected(status, ""), REJECTED_HINT]);
        ends(
            Answer::json(status, &json!({"Message": "Not you."})),
            77,
            &[&rejected(status, ": Not you."), REJECTED_HINT],
        );
    }
    for (status, code) in [
        (400, "invalid_client"),
        (400, "unauthorized_client"),
        (404, "invalid_client"),
        (422, "unauthorized_client"),
        (409, "invalid_client"),
    ] {
        let body = json!({"error": code, "error_description": "No such client."});
        ends(Answer::json(status, &body), 77, &[&rejected(status, ": No such client."), REJECTED_HINT]);
    }
}

#[test]
fn a_wrong_and_a_read_only_key_are_rejected() {
    let server = Server::http(Account::acme().read_only());
    Run::new().server(&server).arg(EMAIL).status(77).stderr_lines(&[&rejected(403, ""), REJECTED_HINT]).run();
    let server = Server::http(Account::acme());
    Run::new()
        .server(&server)
        .env("OUTSETA_API_SECRET", "wrong")
        .arg(EMAIL)
        .status(77)
        .stderr_lines(&[&rejected(403, ""), REJECTED_HINT])
        .run();
}

#[test]
fn the_message_names_the_file_that_held_the_key() {
    let server = Server::http(Account::acme());
    server.on(On::Tokens, Answer::empty(403));
    let run = Run::new()
        .server(&server)
        .env_remove("OUTSETA_API_KEY")
        .env_remove("OUTSETA_API_SECRET")
        .file("key", KEY)
        .file(".env", format!("OUTSETA_API_SECRET={SECRET}"))
        .env("OUTSETA_API_KEY_FILE", "key")
        .args(["-e", ".env", EMAIL]);
    run.status(77)
        .stderr_contains(
            "rejected the API key (403): key from the file key (OUTSETA_API_KEY_FILE), secret from \
             OUTSETA_API_SECRET in .env\n",
        )
        .run();
}

// ---- The email ----

#[test]
fn an_email_that_outseta_calls_invalid_is_bad_data() {
    let line = "outseta-token: invalid email: Outseta rejects jane@example.com: Not an address.";
    for status in [400, 422] {
        for property in ["Email", "email", "EMAIL", "Username", "UserName", "username"] {
            let error = json!({"ErrorMessage": "Not an address.", "PropertyName": property});
            let other = json!({"PropertyName": "Name"});
            for body in [
                error.clone(),
                json!({"EntityValidationErrors": [{"ValidationErrors": [error.clone()]}]}),
                json!({"EntityValidationErrors": [
                    {"ValidationErrors": [other.clone()]},
                    {"TypeName": "Person"},
                    {"ValidationErrors": [other, error]},
                ]}),
            ] {
                ends(Answer::json(status, &body), 65, &[line, TYPING_HINT]);
            }
        }
    }
    ends(
        Answer::json(400, &json!({"PropertyName": "Email"})),
        65,
        &["outseta-token: invalid email: Outseta rejects jane@example.com", TYPING_HINT],
    );
}

#[test]
fn outsetas_own_validation_error_is_bad_data() {
    let user = User::new(EMAIL).cannot_log_in(Refusal::Validation("Email"));
    let server = Server::http(Account::new("acme").user(user));
    Run::new()
        .server(&server)
        .arg(EMAIL)
        .status(65)
        .stderr_lines(&[
            "outseta-token: invalid email: Outseta rejects jane@example.com: Validation failed for \
             one or more entities.",
            TYPING_HINT,
        ])
        .run();
}

// ---- Which row decides ----

#[test]
fn the_first_row_that_fits_decides() {
    let token = || json!({"access_token": "a.b.c"});
    let client = || json!({"error": "invalid_client"});
    let redirect = "the answer is a redirect (302) to /x";
    let page_403 = "the answer (403) is an HTML page";
    let page_400 = "the answer (400) is an HTML page";
    for (answer, status, part) in [
        // A redirect before what its body says.
        (Answer::redirect(302, "/x").body(token().to_string()), 76, redirect),
        (Answer::html(302, "<p>").header("Location", "/x"), 76, redirect),
        // An outage before a page, a token and a rejected key.
        (cloudflare(503), 75, "failing for now (503)"),
        (cloudflare(429), 75, "over its rate limit (429)"),
        (Answer::json(500, &token()), 75, "failing for now (500)"),
        (Answer::json(503, &client()), 75, "failing for now (503)"),
        // A page before a rejected key, even if it holds JSON.
        (cloudflare(403), 76, page_403),
        (Answer::html(400, &client().to_string()), 76, page_400),
        // A rejected key before an invalid email and before a look-up.
        (
            Answer::json(400, &json!({"error": "invalid_client", "PropertyName": "Email"})),
            77,
            "rejected the API key (400)",
        ),
        (Answer::json(401, &json!({"PropertyName": "Email"})), 77, "rejected the API key (401)"),
        (Answer::json(403, &json!({"error": "invalid_grant"})), 77, "rejected the API key (403)"),
        (Answer::json(404, &client()), 77, "rejected the API key (404)"),
        // A token or a second factor is one only in a 2xx.
        (Answer::json(409, &token()), 76, "unexpected answer (409)"),
        (Answer::json(401, &json!({"two_factor_required": true})), 77, "rejected the API key (401)"),
    ] {
        let (server, run) = answered(answer);
        run.status(status).stderr_contains(part).run();
        assert_eq!(server.requests().len(), 1, "{part}");
    }
}

// ---- Sizes ----

/// A JSON answer with a token, of exactly so many bytes.
fn of_size(bytes: usize) -> String {
    let (start, end) = (r#"{"access_token":"a.b.c","x":""#, r#""}"#);
    format!("{start}{}{end}", "x".repeat(bytes - start.len() - end.len()))
}

const MEBIBYTE: usize = 1024 * 1024;

#[test]
fn an_answer_of_one_mebibyte_is_taken() {
    for answer in [
        Answer::empty(200).body(of_size(MEBIBYTE)),
        Answer::empty(200).body(of_size(MEBIBYTE)).chunked(),
        Answer::empty(200).body(of_size(MEBIBYTE)).until_close(),
    ] {
        succeeds(answer, "a.b.c");
    }
}

#[test]
fn a_larger_answer_is_refused() {
    let lines = ["outseta-token: the answer is too large", LARGE_HINT];
    for size in [MEBIBYTE + 1, MEBIBYTE + 2, 3 * MEBIBYTE] {
        let answer = Answer::empty(200).body(of_size(size));
        ends(answer.clone(), 76, &lines);
        ends(answer.clone().chunked(), 76, &lines);
        ends(answer.until_close(), 76, &lines);
    }
    ends(Answer::empty(400).body(of_size(2 * MEBIBYTE)), 76, &lines);
    ends(Fault::EndlessBody, 76, &lines);
}

#[test]
fn headers_may_be_long_but_not_without_end() {
    let answer = || Answer::json(200, &json!({"access_token": "a.b.c"}));
    succeeds(answer().with(Fault::HugeHeader(15_000)), "a.b.c");
    for size in [16 * 1024, 33_000, 70_000, 2 * MEBIBYTE] {
        ends(
            answer().with(Fault::HugeHeader(size)),
            76,
            &["outseta-token: the answer is too large", LARGE_HINT],
        );
    }
}

#[test]
fn what_is_not_http_is_no_answer() {
    for garbage in [
        &b"\x00\x01\x02\x03 what is this\r\n\r\n"[..],
        b"SSH-2.0-OpenSSH_9.9\r\n",
        b"220 mail.example.com ESMTP\r\n",
        b"HTTP/9.9 200 OK\r\n\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 099 Low\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon here\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}xx0\r\n\r\n",
    ] {
        ends(
            Fault::Garbage(garbage.to_vec()),
            76,
            &[
                "outseta-token: the answer is not HTTP",
                "outseta-token: hint: check the base URL and its port",
            ],
        );
    }
}

// ---- The server's text ----

#[test]
fn the_servers_text_is_shown_with_what_could_deceive_escaped() {
    let text = "a\nb\r\n\u{1b}[31mred\u{7}\u{202e}drow\u{2066}\u{200b}\u{2028}\u{85}\u{feff}\0\u{e9}";
    let shown = r"a\nb\r\n\u{1b}[31mred\u{7}\u{202e}drow\u{2066}\u{200b}\u{2028}\u{85}\u{feff}\u{0}é";
    for body in [
        json!({"ErrorMessage": text}),
        json!({"Message": text}),
        json!({"error_description": text}),
        json!({"error": text}),
        json!({"EntityValidationErrors": [{"ValidationErrors": [{"ErrorMessage": text}]}]}),
        json!(text),
    ] {
        ends(
            Answer::json(409, &body),
            76,
            &[&format!("outseta-token: unexpected answer (409): {shown}"), VERBOSE_HINT],
        );
    }
    ends(
        Answer::text(409, text),
        76,
        &[&format!("outseta-token: unexpected answer (409): {shown}"), VERBOSE_HINT],
    );
}

#[test]
fn a_redirect_and_a_foreign_email_are_escaped_too() {
    let hint = "outseta-token: hint: the key goes to no other host: check the subdomain or base URL";
    for (location, shown) in [("https://a/\tb", " to https://a/\\tb"), ("https://a/\u{202e}b", "")] {
        ends(
            Answer::redirect(302, location),
            76,
            &[&format!("outseta-token: the answer is a redirect (302){shown}"), hint],
        );
    }
    let user = User::new(EMAIL).claim("email", json!("x\u{1b}]0;y\u{7}\n\u{202e}@z"));
    let server = Server::http(Account::new("acme").user(user));
    Run::new()
        .server(&server)
        .arg(EMAIL)
        .status(76)
        .stderr_contains(
            "outseta-token: the answer is a token of another user: \
             x\\u{1b}]0;y\\u{7}\\n\\u{202e}@z instead of jane@example.com\n",
        )
        .run();
}

#[test]
fn the_servers_text_is_shown_in_the_order_of_outsetas_demos() {
    let nested = json!([{"ValidationErrors": [{"ErrorMessage": "3"}, {"ErrorMessage": "4"}]}]);
    let all = json!({
        "ErrorMessage": "1", "EntityValidationErrors": nested, "Message": "5",
        "error_description": "6", "error": "7",
    });
    let fields = ["ErrorMessage", "EntityValidationErrors", "Message", "error_description"];
    for (removed, shown) in [(0, "1"), (1, "3"), (2, "5"), (3, "6"), (4, "7")] {
        let mut body = all.clone();
        for field in &fields[..removed] {
            // A blank one does not count either.
            body[*field] = json!("  ");
        }
        ends(
            Answer::json(409, &body),
            76,
            &[&format!("outseta-token: unexpected answer (409): {shown}"), VERBOSE_HINT],
        );
    }
}

#[test]
fn at_most_300_characters_of_the_servers_text_are_shown() {
    for (length, shown) in [
        (300, "\u{e9}".repeat(300)),
        (301, "\u{e9}".repeat(300) + "\u{2026}"),
        (100_000, "\u{e9}".repeat(300) + "\u{2026}"),
    ] {
        let text = "\u{e9}".repeat(length);
        for answer in [Answer::json(409, &json!({"Message": text})), Answer::text(409, &text)] {
            ends(answer, 76, &[&format!("outseta-token: unexpected answer (409): {shown}"), VERBOSE_HINT]);
        }
    }
}

#[test]
fn a_server_that_repeats_key_and_secret_does_not_show_them() {
    let echo = format!("bad header 'Outseta {KEY}:{SECRET}'");
    let shown = "bad header 'Outseta [hidden]:[hidden]'";
    for status in [400, 401, 403, 404, 409, 422] {
        for answer in [
            Answer::json(status, &json!({"Message": echo})),
            Answer::json(status, &json!({"error": "invalid_client", "error_description": echo})),
            Answer::json(status, &json!({"PropertyName": "Email", "ErrorMessage": echo})),
            Answer::text(status, &echo),
        ] {
            for options in [&[][..], &["-v"]] {
                let (server, run) = answered(answer.clone());
                server.always(On::People, answer.clone());
                // Not a word of either is the rule of every run.
                let outcome = run.args(options).outcome();
                // A 404 without JSON is taken for a missing account, whatever its text.
                let told = outcome.status == Some(68) || outcome.stderr.contains(shown);
                assert!(outcome.stdout.is_empty() && told, "{outcome}");
            }
        }
    }
    let redirect = Answer::redirect(302, &format!("https://evil.example/{KEY}/{SECRET}"));
    let (_server, run) = answered(redirect);
    run.status(76).stderr_contains("to https://evil.example/[hidden]/[hidden]\n").run();
    let user = User::new(EMAIL).claim("email", json!(format!("{SECRET}@example.com")));
    let server = Server::http(Account::new("acme").user(user));
    Run::new()
        .server(&server)
        .arg(EMAIL)
        .status(76)
        .stderr_contains("another user: [hidden]@example.com instead")
        .run();
}

#[test]
fn a_secret_at_the_end_of_what_is_shown_is_not_cut_in_two() {
    for before in 270..301 {
        let text = format!("{}{SECRET}", "x".repeat(before));
        let (_server, run) = answered(Answer::json(409, &json!({"Message": text})));
        run.status(76).stderr_contains("unexpected answer (409): xxx").run();
    }
}
