//! How a response ends a run: one case for each rule, with status, message and hint (unit tests cover the
//! rules); framing, sizes, and what a server repeats.

use std::time::Duration;

use serde_json::json;

use crate::support::fake::Server;
use crate::support::http::{Request, Response};
use crate::support::model::{Account, Refusal, SecondFactor, User, cloudflare};
use crate::support::proxy::Detour;
use crate::support::run::Run;
use crate::support::script::{Endpoint, Fault, Reply};
use crate::support::{KEY, SECRET};

const EMAIL: &str = "jane@example.com";
const TEXT: &str = "The user name or password is incorrect.";
const LIMIT: usize = 64 * 1024;

const SEE_RESPONSE: &str = "check the base URL, or run again with -v";
const SUBDOMAIN: &str = "check the subdomain or base URL: the subdomain is the first part of the address \
     where you log in to Outseta";
const LISTED: &str = "check the email for a typing error; people are listed in Outseta under CRM > People";

/// A run whose token request gets this reply.
fn replying(reply: impl Into<Reply>) -> (Server, Run) {
    let server = Server::replying(reply);
    let run = Run::new().server(&server).arg(EMAIL);
    (server, run)
}

/// The run fails after one request, although retries are allowed.
#[track_caller]
fn fails(reply: impl Into<Reply>, status: i32, message: &str, hint: &str) {
    let (server, run) = replying(reply);
    let outcome = run.fails(status, message, hint).run();
    assert_eq!(server.requests().len(), 1, "{outcome}");
}

#[track_caller]
fn succeeds(reply: impl Into<Reply>, token: &str) {
    let (_server, run) = replying(reply);
    run.args(["-f", "token"]).stdout(format!("{token}\n")).run();
}

#[test]
fn each_kind_of_response_has_its_status_message_and_hint() {
    let key =
        "key from OUTSETA_API_KEY in the environment, secret from OUTSETA_API_SECRET in the environment";
    let rejected = format!("Outseta rejected the API key (403): {key}");
    let property = json!({"ErrorMessage": "Not an address.", "PropertyName": "Email"});
    for (reply, status, message, hint) in [
        (Response::json(200, &json!({})), 76, "the response (200) has no access_token", SEE_RESPONSE),
        (
            Response::redirect(302, "https://elsewhere.example/käse?secret"),
            76,
            "the response is a redirect (302) to https://elsewhere.example/käse",
            "the key is not sent to other hosts: check the subdomain or base URL",
        ),
        (
            cloudflare(403),
            76,
            "the response (403) is an HTML page, not from the API",
            "something between this machine and Outseta's API responded: a proxy, a firewall, or a wrong \
             base URL",
        ),
        (Response::text(418, "Hm."), 76, "unexpected response (418): Hm.", SEE_RESPONSE),
        (
            Response::empty(429).header("Retry-After", "60"),
            75,
            "rate limit exceeded (429)",
            "Outseta asks to wait 60 s: try again then, or raise --retries and --timeout",
        ),
        // No clock can hold this time.
        (
            Response::empty(503).header("Retry-After", "18446744073709551615"),
            75,
            "Outseta is temporarily unavailable (503)",
            "Outseta asks to wait 18446744073709551615 s: try again then, or raise --retries and --timeout",
        ),
        (
            Response::empty(403),
            78,
            &rejected,
            "the key or secret may be mistyped, swapped, read-only or of another account: see Settings > \
             Integrations > API Keys",
        ),
        (
            Response::json(400, &property),
            65,
            "invalid email: Outseta rejected jane@example.com: Not an address.",
            "check the email for a typing error",
        ),
    ] {
        fails(reply, status, message, hint);
    }
}

#[test]
fn a_token_for_another_customer_account_is_not_used() {
    const HINT: &str = "the token was not printed; --account is the UID of one of your customers' accounts; \
        -s names your own Outseta account";
    let message = "the token for jane@example.com is for account '496LXdmX', not for account 'acme'";
    let server = Server::http(Account::acme());
    let run = |account| Run::new().server(&server).args(["--account", account]);
    let _ = run("496LXdmX").arg(EMAIL).prints_a_token();
    run("acme").args(["-o", "token", EMAIL]).fails(76, message, HINT).run();
    run("acme").args([EMAIL, "--", "touch", "started"]).fails(76, message, HINT).run();
    let batch = run("acme").arg("--batch").stdin(EMAIL).status(76).stderr_contains(message).outcome();
    assert_eq!(batch.json()["error"]["message"], message);
}

#[test]
fn a_second_factor_is_not_retried() {
    let emailed =
        "tokens cannot be issued for users with two-factor authentication; Outseta may have emailed a code";
    let log_in = "jane@example.com must log in with two-factor authentication";
    let set_up = "jane@example.com must first set up two-factor authentication";
    for (factor, message, hint) in [
        (SecondFactor::Totp, log_in, emailed),
        (SecondFactor::Email, log_in, emailed),
        (SecondFactor::Enrolment, set_up, "the user sets it up by logging in"),
    ] {
        let server = Server::http(Account::new("acme").user(User::new(EMAIL).second_factor(factor)));
        Run::new().server(&server).arg(EMAIL).fails(77, message, hint).run();
        assert_eq!(server.requests().len(), 1);
    }
}

#[test]
fn another_users_token_is_refused_and_not_printed() {
    for email in ["john@example.com", "jane@example.com.evil", ""] {
        let user = User::new(EMAIL).claim("email", json!(email));
        let server = Server::http(Account::new("acme").user(user));
        for format in ["json", "token", "header", "env", "claims"] {
            let message = format!("the response is a token for '{email}', not for jane@example.com");
            let hint = "the token was not printed; look for two people with this email in Outseta";
            Run::new().server(&server).args(["-f", format, EMAIL]).fails(76, &message, hint).run();
        }
        assert_eq!(server.requests().len(), 5, "it is not retried");
    }
}

#[test]
fn the_message_names_the_file_that_held_the_key() {
    let server = Server::replying(Response::empty(403));
    let message = "Outseta rejected the API key (403): key from the file key (OUTSETA_API_KEY_FILE), secret \
        from OUTSETA_API_SECRET in .env\n";
    Run::new()
        .env("OUTSETA_BASE_URL", server.url())
        .file("key", KEY)
        .file(".env", format!("OUTSETA_API_SECRET={SECRET}"))
        .env("OUTSETA_API_KEY_FILE", "key")
        .args(["-e", ".env", EMAIL])
        .fails_with(78, message)
        .run();
}

// ---- Framing and sizes ----

#[test]
fn a_body_may_be_framed_in_every_way() {
    let response = || Response::json(200, &json!({"access_token": "a.b.c"}));
    succeeds(response().chunked(), "a.b.c");
    succeeds(response().until_close(), "a.b.c");
    succeeds(response().close(), "a.b.c");
    succeeds(Fault::Garbage(b"HTTP/1.0 200 OK\r\n\r\n{\"access_token\":\"a.b.c\"}".to_vec()), "a.b.c");
}

/// A JSON response with a token, of exactly this many bytes.
fn of_size(bytes: usize) -> String {
    let (start, end) = (r#"{"access_token":"a.b.c","x":""#, r#""}"#);
    format!("{start}{}{end}", "x".repeat(bytes - start.len() - end.len()))
}

#[test]
fn a_response_may_have_64_kib() {
    let large = |bytes| Response::empty(200).body(of_size(bytes));
    let message =
        ("the response is too large", "check the base URL: Outseta's API sends far smaller responses");
    for framed in [|response: Response| response, Response::chunked, Response::until_close] {
        succeeds(framed(large(LIMIT)), "a.b.c");
        fails(framed(large(LIMIT + 1)), 76, message.0, message.1);
    }
    fails(Response::empty(400).body(of_size(2 * LIMIT)), 76, message.0, message.1);
    fails(Fault::EndlessBody, 76, message.0, message.1);
    let token = || Response::json(200, &json!({"access_token": "a.b.c"}));
    succeeds(token().with(Fault::HugeHeader(15_000)), "a.b.c");
    for size in [16 * 1024, 33_000, 70_000, 2 * LIMIT] {
        fails(token().with(Fault::HugeHeader(size)), 76, message.0, message.1);
    }
}

#[test]
fn deeply_nested_json_is_refused() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let deep = open.repeat(10_000) + "1" + &close.repeat(10_000);
        for body in [format!("{{\"access_token\": \"a.b.c\", \"x\": {deep}}}"), deep] {
            let message = "the response (200) is not a JSON object";
            fails(Response::empty(200).body(body), 76, message, SEE_RESPONSE);
        }
    }
}

#[test]
fn a_response_that_is_not_http_is_76() {
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
        let hint = "check the base URL and its port";
        fails(Fault::Garbage(garbage.to_vec()), 76, "the response is not HTTP", hint);
    }
}

// ---- The server's text ----

#[test]
fn the_servers_text_is_escaped_and_shortened() {
    let text = "a\nb\r\n\u{1b}[31mred\u{7}\u{202e}drow\u{2066}\u{200b}\u{2028}\u{85}\u{feff}\0\u{e9}";
    let shown = r"a\nb\r\n\u{1b}[31mred\u{7}\u{202e}drow\u{2066}\u{200b}\u{2028}\u{85}\u{feff}\u{0}é";
    let rest = 300 - text.chars().count();
    let text = format!("{text}{}", "x".repeat(400));
    let message = format!("unexpected response (409): {shown}{}…", "x".repeat(rest));
    fails(Response::json(409, &json!({"Message": text})), 76, &message, SEE_RESPONSE);
    fails(Response::text(409, &text), 76, &message, SEE_RESPONSE);
}

#[test]
fn a_server_that_repeats_key_and_secret_does_not_show_them() {
    let echo = format!("bad header 'Outseta {KEY}:{SECRET}'");
    let shown = "bad header 'Outseta [hidden]:[hidden]'";
    for status in [400, 401, 403, 404, 409, 422] {
        for response in [
            Response::json(status, &json!({"Message": echo})),
            Response::json(status, &json!({"error": "invalid_client", "error_description": echo})),
            Response::json(status, &json!({"PropertyName": "Email", "ErrorMessage": echo})),
            Response::text(status, &echo),
        ] {
            for options in [&[][..], &["-v"]] {
                let (server, run) = replying(response.clone());
                server.always(Endpoint::People, response.clone());
                // Every run checks that neither is shown.
                let outcome = run.args(options).outcome();
                // A 404 without JSON means that there is no account, whatever its text.
                let is_shown = outcome.status == Some(68) || outcome.stderr.contains(shown);
                assert!(outcome.stdout.is_empty() && is_shown, "{outcome}");
            }
        }
    }
    let redirect = Response::redirect(302, &format!("https://evil.example/{KEY}/{SECRET}"));
    let (_server, run) = replying(redirect);
    run.status(76).stderr_contains("to https://evil.example/[hidden]/[hidden]\n").run();
    let user = User::new(EMAIL).claim("email", json!(format!("{SECRET}@example.com")));
    let server = Server::http(Account::new("acme").user(user));
    let run = Run::new().server(&server).arg(EMAIL);
    run.status(76).stderr_contains("a token for '[hidden]@example.com', not").run();
}

#[test]
fn a_secret_at_the_end_of_what_is_shown_is_not_cut_in_two() {
    for before in 270..301 {
        let text = format!("{}{SECRET}", "x".repeat(before));
        let (_server, run) = replying(Response::json(409, &json!({"Message": text})));
        run.status(76).stderr_contains("unexpected response (409): xxx").run();
    }
}

// ---- The lookup after a refusal ----

fn refused() -> Response {
    Response::json(400, &json!({"Message": TEXT}))
}

#[test]
fn an_unknown_email_is_no_such_user() {
    for refusal in
        [Refusal::GrantText, Refusal::OAuth, Refusal::NotFoundEmpty, Refusal::Validation("Password")]
    {
        let server = Server::http(Account::acme().unknown_user(refusal));
        let run = Run::new().server(&server).arg("nobody@example.com");
        run.fails(67, "no such user: nobody@example.com", LISTED).run();
        let requests = server.requests();
        let paths: Vec<&str> = requests.iter().map(Request::path).collect();
        assert_eq!(paths, ["/api/v1/tokens", "/api/v1/crm/people"], "{refusal:?}");
    }
    // The wildcard finds jane.
    let server = Server::http(Account::acme());
    let run = Run::new().server(&server).arg("*@example.com");
    run.fails(67, "no such user: *@example.com", LISTED).run();
}

#[test]
fn a_person_who_may_not_log_in_is_reported_with_the_reason() {
    let expired = |refusal| User::new(EMAIL).stages(&[5]).cannot_log_in(refusal);
    let message = Account::new("acme").user(expired(Refusal::Message)).without_nested_fields();
    for (account, reason) in [
        (Account::new("acme").user(expired(Refusal::GrantText)), ": invalid_grant (account: expired)"),
        (Account::new("acme").user(expired(Refusal::NotFoundEmpty)), " (account: expired)"),
        (message, ": The user name or password is incorrect."),
    ] {
        let server = Server::http(account);
        let message = format!("Outseta will not log jane@example.com in{reason}");
        let hint = "check the person and their account in Outseta under CRM";
        Run::new().server(&server).arg(EMAIL).fails(77, &message, hint).run();
    }
}

/// The lookup goes through the proxy too.
#[test]
fn an_account_that_does_not_exist_is_named_by_its_host() {
    let detour = Detour::new(Account::acme());
    let run = Run::new().detour(&detour).args(["-s", "other", EMAIL]);
    run.fails(68, "no Outseta account at other.outseta.com", SUBDOMAIN).run();
    assert_eq!((detour.server.requests().len(), detour.proxy.requests().len()), (2, 2));
}

#[test]
fn without_a_lookup_the_result_is_unconfirmed() {
    let note = "(unconfirmed: the API key may not look people up)";
    let no_user = format!("no such user: jane@example.com: {TEXT} {note}");
    let no_account = &format!("no Outseta account at 127.0.0.1 {note}");
    let elsewhere =
        "no such user: jane@example.com: invalid_grant (unconfirmed: people cannot be looked up at this URL)";
    let unknown = &format!("unexpected response (400) {note}");
    let check_email = "check the email for a typing error, and the base URL";
    for (refusal, lookup, status, message, hint) in [
        (refused(), 403, 67, no_user.as_str(), check_email),
        (Response::empty(404), 403, 68, no_account, SUBDOMAIN),
        (Response::text(400, "invalid_grant"), 404, 67, elsewhere, check_email),
        (Response::empty(400), 403, 76, unknown, SEE_RESPONSE),
    ] {
        let (server, run) = replying(refusal);
        server.always(Endpoint::People, Response::empty(lookup));
        run.fails(status, message, hint).run();
    }
}

#[test]
fn a_lookup_that_fails_ends_with_that_failures_status() {
    let nameless = json!({"items": [{"Uid": "1"}]});
    let somebody_else = json!({"items": [{"Email": "ann@example.com"}]});
    let cases: [(Reply, i32, &str); 8] = [
        (Response::json(200, &nameless).into(), 76, "unexpected response (200)"),
        (Response::json(200, &somebody_else).into(), 76, "unexpected response (200)"),
        (cloudflare(403).into(), 76, "the response (403) is an HTML page"),
        (cloudflare(404).into(), 76, "the response (404) is an HTML page"),
        (Response::empty(429).into(), 75, "rate limit exceeded (429)"),
        (Fault::CutBody(1).into(), 69, "the connection to 127.0.0.1 was lost"),
        (Fault::ResetAfter(0).into(), 69, "the connection to 127.0.0.1 was lost"),
        (Fault::Garbage(b"?\r\n\r\n".to_vec()).into(), 76, "the response is not HTTP"),
    ];
    for (reply, status, cause) in cases {
        let (server, run) = replying(refused());
        server.always(Endpoint::People, reply);
        let start = "Outseta refused to log jane@example.com in (400):";
        let message = format!("{start} {TEXT}; the lookup of the reason failed: {cause}");
        let outcome = run.args(["--retries", "0"]).fails_with(status, &message).run();
        assert_eq!(server.requests().len(), 2, "{outcome}");
    }
}

#[test]
fn a_wrong_path_in_the_base_url_is_not_a_missing_user() {
    let server = Server::http(Account::acme());
    let message = "No HTTP resource was found that matches the request URI.";
    server.always(Endpoint::Any, Response::json(404, &json!({"Message": message})));
    Run::new()
        .credentials()
        .args(["--base-url", &format!("{}/foo", server.url()), EMAIL])
        .status(76)
        .stderr_contains("outseta-token: hint: check the base URL, ")
        .run();
}

#[test]
fn the_lookup_has_the_rest_of_the_timeout() {
    let server = Server::http(Account::acme());
    server
        .on(Endpoint::Tokens, refused().with(Fault::Delay(Duration::from_millis(1500))))
        .on(Endpoint::People, Fault::Stall);
    let outcome = Run::new()
        .server(&server)
        .args(["--timeout", "2", EMAIL])
        .status(69)
        .stderr_contains("the lookup of the reason failed: no response from 127.0.0.1 within 2 s\n")
        .run();
    // A deadline of its own would end it after 3.5 s.
    assert!(outcome.elapsed < Duration::from_millis(3300), "{outcome}");
    assert_eq!(server.requests().len(), 2);
}
