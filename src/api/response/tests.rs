use std::sync::LazyLock;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::config::{Origin, Sourced};
use crate::text;

const EMAIL: &str = "jane@example.com";
const KEY: &str = "the-key-1";
const SECRET: &str = "s3cr3t-2";

fn credentials() -> Credentials {
    let sourced = |value, variable| Sourced::new(Secret::new(value), Origin::Environment(variable));
    Credentials { key: sourced(KEY, "OUTSETA_API_KEY"), secret: sourced(SECRET, "OUTSETA_API_SECRET") }
}

fn email() -> Email {
    Email::parse(EMAIL).unwrap()
}

fn bytes(status: u16, body: impl AsRef<[u8]>) -> Response {
    Response { status, body: body.as_ref().to_vec(), ..Response::default() }
}

fn of(status: u16, body: &Value) -> Response {
    bytes(status, body.to_string()).with("Content-Type", "application/json")
}

fn html(status: u16) -> Response {
    bytes(status, "").with("content-type", "text/html")
}

impl Response {
    fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}

fn context(credentials: &Credentials) -> Context<'_> {
    static SECRETS: LazyLock<[Secret; 2]> = LazyLock::new(|| [SECRET, KEY].map(Secret::new));
    Context { host: "acme.outseta.com", credentials: Some(credentials), secrets: &*SECRETS, account: None }
}

fn interpreted(response: &Response) -> Result<Outcome, Error> {
    token(response, &email(), context(&credentials()))
}

/// The response is an error with this status and message.
#[track_caller]
fn fails(response: &Response, status: u8, message: &str) {
    let error = interpreted(response).expect_err("an error");
    assert_eq!((error.status(), error.to_string().as_str()), (status, message), "{response:?}");
}

fn is_refused(response: &Response) -> bool {
    matches!(interpreted(response), Ok(Outcome::Refused(_)))
}

fn with_claims(claims: &Value) -> Response {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let payload = URL_SAFE_NO_PAD.encode(claims.to_string());
    of(200, &json!({"access_token": format!("e30.{payload}.c2ln")}))
}

fn with_email(email: &str) -> Response {
    with_claims(&json!({"email": email}))
}

#[test]
fn a_200_with_a_token_is_success() {
    for body in [
        json!({"access_token": "a.b.c"}),
        json!({"access_token": "a.b.c", "two_factor_required": true, "error": "invalid_client"}),
    ] {
        for response in [
            of(200, &body),
            bytes(200, format!("\u{feff} {body}\r\n")),
            bytes(200, body.to_string()).with("content-type", "text/html"),
        ] {
            let Ok(Outcome::Token(token)) = interpreted(&response) else { panic!("{response:?}") };
            assert_eq!(&Value::Object(token.fields().clone()), &body);
        }
    }
}

#[test]
fn a_2xx_without_a_usable_token_is_76() {
    for (body, reason) in [
        (json!({}), "has no access_token"),
        (json!({"two_factor_required": false}), "has no access_token"),
        (json!({"two_factor_required": "no"}), "has no access_token"),
        (json!({"access_token": null}), "has no access_token"),
        (json!({"access_token": 1}), "has an access_token that is not a string"),
        (json!({"access_token": "a b"}), "has an access_token with invalid characters"),
        (json!(["a.b.c"]), "is not a JSON object"),
        (json!("a.b.c"), "is not a JSON object"),
    ] {
        fails(&of(200, &body), 76, &format!("the response (200) {reason}"));
    }
    for response in [bytes(200, b"\xff"), bytes(200, "a.b.c"), bytes(200, "")] {
        fails(&response, 76, "the response (200) is not a JSON object");
    }
    for status in [201, 202, 299] {
        let message = format!("the response ({status}) has a token, but its status is not 200");
        fails(&of(status, &json!({"access_token": "a.b.c"})), 76, &message);
    }
    fails(&html(200), 76, "the response (200) is an HTML page, not from the API");
    fails(&bytes(200, "{}").with("content-type", "text/html"), 76, "the response (200) has no access_token");
}

#[test]
fn a_second_factor_is_77() {
    let log_in = "jane@example.com must log in with two-factor authentication";
    let set_up = "jane@example.com must first set up two-factor authentication";
    for status in [200, 202, 299] {
        fails(&of(status, &json!({"two_factor_required": true})), 77, log_in);
        fails(&of(status, &json!({"two_factor_enrollment_required": true})), 77, set_up);
    }
    let both = json!({"two_factor_required": true, "two_factor_enrollment_required": true});
    fails(&of(202, &both), 77, set_up);
    fails(&of(202, &json!({"two_factor_required": true, "access_token": "a.b.c"})), 77, log_in);
}

#[test]
fn another_users_token_is_76() {
    for same in [EMAIL, "JANE@example.COM"] {
        assert!(matches!(interpreted(&with_email(same)), Ok(Outcome::Token(_))), "{same}");
    }
    for (other, shown) in [
        ("john@example.com", "john@example.com"),
        (" jane@example.com", " jane@example.com"),
        ("", ""),
        (SECRET, "[hidden]"),
    ] {
        let message = format!("the response is a token for '{shown}', not for jane@example.com");
        fails(&with_email(other), 76, &message);
    }
}

#[test]
fn on_a_reused_connection_a_token_must_name_its_user() {
    let reused = |response: Response| Response { reused: true, ..response };
    assert!(matches!(interpreted(&reused(with_email(EMAIL))), Ok(Outcome::Token(_))));
    let message = "the token names no user, so it may belong to another request";
    for token in ["opaque", "e30.e30.c2ln", "e30.eyJlbWFpbCI6N30.c2ln"] {
        let response = of(200, &json!({"access_token": token}));
        assert!(matches!(interpreted(&response), Ok(Outcome::Token(_))), "{token}");
        fails(&reused(response), 76, message);
    }
}

#[test]
fn a_redirect_is_shown_without_query_and_fragment() {
    for (location, shown) in [
        ("https://a/b", " to https://a/b"),
        ("https://a/b?c#d", " to https://a/b"),
        ("https://a/b#c?d", " to https://a/b"),
        ("?a", ""),
        ("/the-key-1/s3cr3t-2", " to /[hidden]/[hidden]"),
        ("/\u{202e}", r" to /\u{202e}"),
    ] {
        let response = bytes(302, "").with("LOCATION", location);
        fails(&response, 76, &format!("the response is a redirect (302){shown}"));
    }
    for status in [300, 399] {
        fails(&html(status), 76, &format!("the response is a redirect ({status})"));
    }
}

#[test]
fn an_outage_is_75_whatever_its_body() {
    fails(&bytes(429, ""), 75, "rate limit exceeded (429)");
    for status in [408, 425, 500, 503, 599] {
        let body = json!({"access_token": "a.b.c", "error": "invalid_client"});
        for response in [bytes(status, ""), html(status), of(status, &body)] {
            fails(&response, 75, &format!("Outseta is temporarily unavailable ({status})"));
        }
    }
}

#[test]
fn retry_after_is_a_number_of_seconds() {
    for (value, seconds) in [
        ("0", Some(0)),
        ("120", Some(120)),
        (" 7 ", Some(7)),
        ("0000000000000000000000001", Some(1)),
        ("99999999999999999999", Some(u64::MAX)),
        ("", None),
        (" ", None),
        ("-1", None),
        ("+1", None),
        ("1.5", None),
        ("1 s", None),
        ("\u{661}", None),
        ("Wed, 21 Oct 2026 07:28:00 GMT", None),
    ] {
        let error = interpreted(&bytes(503, "").with("Retry-After", value)).expect_err("an error");
        assert_eq!(error.kind(), Kind::Busy(seconds.map(Duration::from_secs)), "{value:?}");
    }
}

#[test]
fn a_rejected_key_is_78_and_its_sources_are_named() {
    let message = |status, text: &str| {
        format!(
            "Outseta rejected the API key ({status}): key from OUTSETA_API_KEY in the environment, \
             secret from OUTSETA_API_SECRET in the environment{text}"
        )
    };
    for status in [401, 403] {
        fails(&of(status, &json!({"Message": "No."})), 78, &message(status, ": No."));
        fails(&bytes(status, ""), 78, &message(status, ""));
    }
    for code in ["invalid_client", "unauthorized_client"] {
        for status in [400, 404, 409, 422] {
            let body = json!({"error": code, "PropertyName": "Email"});
            fails(&of(status, &body), 78, &message(status, &format!(": {code}")));
        }
    }
    for body in [
        json!({"error": "invalid_grant"}),
        json!({"error": "INVALID_CLIENT"}),
        json!({"error": ["invalid_client"]}),
        json!({"error_description": "invalid_client"}),
        json!("invalid_client"),
    ] {
        assert!(is_refused(&of(400, &body)), "{body}");
    }
}

#[test]
fn a_token_for_another_account_is_refused() {
    let credentials = credentials();
    let required = Context { account: Some("Uid1"), ..context(&credentials) };
    let minted = |claims: &Value| token(&with_claims(claims), &email(), required);
    let account = "outseta:accountUid";
    assert!(matches!(minted(&json!({"email": EMAIL, account: "Uid1"})), Ok(Outcome::Token(_))));
    for (claims, whose) in [
        (json!({"email": EMAIL, account: "uid1"}), "account 'uid1'"),
        (json!({"email": EMAIL, account: "Uid1 "}), "account 'Uid1 '"),
        (json!({"email": EMAIL, account: ""}), "account ''"),
        (json!({"email": EMAIL, account: ["Uid1"]}), "no account"),
        (json!({"email": EMAIL}), "no account"),
        (json!({}), "no account"),
    ] {
        let Err(error) = minted(&claims) else { panic!("{claims}") };
        let message = format!("the token for jane@example.com is for {whose}, not for account 'Uid1'");
        assert_eq!((error.status(), error.to_string()), (76, message));
    }
    let opaque = of(200, &json!({"access_token": "opaque"}));
    assert!(token(&opaque, &email(), required).is_err());
}

#[test]
fn an_html_page_is_recognised_by_its_type_or_first_character() {
    for mut response in [
        html(403),
        bytes(401, "{}").with("Content-Type", "Text/HTML; charset=UTF-8"),
        bytes(400, "x").with("content-type", "application/xhtml+xml"),
        bytes(404, "<"),
        bytes(404, " \t\r\n<p>"),
        bytes(404, "\u{feff}\n<p>"),
        of(400, &json!({"error": "invalid_client"})).with("content-type", "text/html"),
    ] {
        // Only the first header of a name counts: the HTML type must come first.
        response.headers.reverse();
        let message = format!("the response ({}) is an HTML page, not from the API", response.status);
        fails(&response, 76, &message);
    }
    fails(&bytes(409, "a <p>"), 76, "unexpected response (409): a <p>");
    fails(&bytes(409, "x").with("x-content-type", "text/html"), 76, "unexpected response (409): x");
}

#[test]
fn any_other_status_is_unexpected() {
    for status in [100, 199, 402, 405, 407, 409, 410, 418, 424, 426, 499, 600, 999] {
        fails(&bytes(status, "Hm."), 76, &format!("unexpected response ({status}): Hm."));
    }
}

#[test]
fn an_error_of_the_email_field_is_65() {
    for name in ["Email", "email", "eMAIL", "Username", "UserName", "USERNAME"] {
        let named = json!({"PropertyName": name, "ErrorMessage": "No."});
        let other = json!({"PropertyName": "Name", "ErrorMessage": "Other."});
        let nested = |errors: Value| json!({"EntityValidationErrors": errors});
        for (body, message) in [
            (named.clone(), "No."),
            (nested(json!([{"ValidationErrors": [named.clone()]}])), "No."),
            (nested(json!([{}, 7, {"ValidationErrors": [other, named]}])), "Other."),
        ] {
            let message = format!("invalid email: Outseta rejected jane@example.com: {message}");
            fails(&of(400, &body), 65, &message);
            fails(&of(422, &body), 65, &message);
            assert!(is_refused(&of(404, &body)));
        }
    }
    for body in [
        json!({"PropertyName": "EmailAddress"}),
        json!({"PropertyName": ["Email"]}),
        json!({"Email": "PropertyName"}),
        json!({"EntityValidationErrors": {"PropertyName": "Email"}}),
        json!({"EntityValidationErrors": [{"PropertyName": "Email"}]}),
        json!({"EntityValidationErrors": [{"ValidationErrors": "Email"}]}),
        json!([{"PropertyName": "Email"}]),
    ] {
        assert!(is_refused(&of(400, &body)), "{body}");
    }
}

#[test]
fn the_servers_message_is_found_in_this_order() {
    let message = |body: &Value| interpreted(&of(409, body)).unwrap_err().to_string();
    let errors = json!([{"ValidationErrors": [{"ErrorMessage": "\t"}, {"ErrorMessage": "b"}]}]);
    let mut body = json!({
        "ErrorMessage": "a", "EntityValidationErrors": errors, "Message": "c",
        "error_description": "d", "error": "e",
    });
    for (name, shown) in [
        ("ErrorMessage", "a"),
        ("EntityValidationErrors", "b"),
        ("Message", "c"),
        ("error_description", "d"),
        ("error", "e"),
    ] {
        assert_eq!(message(&body), format!("unexpected response (409): {shown}"));
        body[name] = json!(null);
    }
    for (body, shown) in [
        (body, ""),
        (json!("f"), ": f"),
        (json!({"Message": ""}), ""),
        (json!({"Message": {"a": "b"}}), ""),
        (json!(7), ""),
        (json!(format!("{KEY}:{SECRET}\n\u{1b}")), r": [hidden]:[hidden]\n\u{1b}"),
    ] {
        assert_eq!(message(&body), format!("unexpected response (409){shown}"));
    }
    let binary = [b"a\xff ".as_slice(), SECRET.as_bytes()].concat();
    fails(&bytes(409, binary), 76, "unexpected response (409): a\u{fffd} [hidden]");
}

fn people(items: &Value) -> Response {
    of(200, &json!({"items": items}))
}

/// What the lookup tells after this refusal.
fn looked_up(refused: &Response, response: &Response) -> Result<Error, Error> {
    looked_up_for(EMAIL, refused, response)
}

fn looked_up_for(email: &str, refused: &Response, response: &Response) -> Result<Error, Error> {
    let (email, credentials) = (Email::parse(email).unwrap(), credentials());
    let Ok(Outcome::Refused(refusal)) = token(refused, &email, context(&credentials)) else {
        panic!("{refused:?}")
    };
    lookup(response, &refusal, &email, context(&credentials)).map(|Reason(reason)| reason)
}

#[track_caller]
fn tells(response: &Response, status: u8, message: &str) {
    let refused = of(400, &json!({"Message": "No."}));
    let error = looked_up(&refused, response).expect("the lookup gives the reason");
    assert_eq!((error.status(), error.to_string().as_str()), (status, message), "{response:?}");
}

#[test]
fn the_lookup_finds_nobody() {
    tells(&people(&json!([])), 67, "no such user: jane@example.com");
    let page = |total: Value| {
        of(200, &json!({"items": [{"Email": "ann@example.com"}], "metadata": {"total": total}}))
    };
    let status = |email: &str, response: &Response| match looked_up_for(email, &bytes(400, ""), response) {
        Ok(reason) => reason.status(),
        Err(cause) => cause.status(),
    };
    let wildcard = "*@example.com";
    assert_eq!(status(wildcard, &page(1.into())), 67);
    assert_eq!(status(wildcard, &page("many".into())), 67);
    assert_eq!(status(wildcard, &page(2.into())), 76, "there are more people than on this page");
    // Without a wildcard, somebody else is no proof.
    assert_eq!(status(EMAIL, &page(1.into())), 76);
    assert_eq!(status(EMAIL, &people(&json!([{"Email": "jane@example.co"}, {"Email": ""}]))), 76);
}

#[test]
fn the_lookup_ignores_the_case_of_every_letter_and_blanks() {
    for (email, found) in [
        ("änne@example.com", "Änne@Example.com"),
        ("ÄNNE@example.com", " änne@example.com\n"),
        ("jane@例.example", "Jane@例.Example"),
    ] {
        let found = people(&json!([{"Email": "ann@example.com"}, {"Email": found}]));
        let reason = looked_up_for(email, &bytes(400, ""), &found).expect("the lookup gives the reason");
        assert_eq!((reason.status(), reason.to_string()), (77, format!("Outseta will not log {email} in")));
    }
}

#[test]
fn the_lookup_finds_the_person_with_known_stages() {
    let account = |stage: Value| json!({"Account": {"AccountStage": stage}});
    let person = |accounts: Value| json!({"Email": "JANE@example.com", "PersonAccount": accounts});
    let finds = |items: Value, stages: &str| {
        tells(&people(&items), 77, &format!("Outseta will not log jane@example.com in: No.{stages}"));
    };
    for (number, name) in [
        (2, "trialing"),
        (3, "subscribing"),
        (4, "cancelling"),
        (5, "expired"),
        (6, "trial expired"),
        (7, "past due"),
        (8, "cancelling trial"),
        (9, "paused"),
    ] {
        let ann = json!({"Email": "ann@example.com", "PersonAccount": [account(json!(3))]});
        let items = json!([ann, person(json!([account(json!(number))]))]);
        finds(items, &format!(" (account: {name})"));
    }
    let several = json!([account(json!(5)), account(json!(3)), account(json!(5))]);
    finds(json!([person(several)]), " (account: subscribing, expired)");
    for accounts in [
        json!([account(json!(1)), account(json!(10)), account(json!(0))]),
        json!([account(json!("5")), {}, 7, {"Account": 5}]),
        json!({}),
        json!(null),
    ] {
        finds(json!([person(accounts)]), "");
    }
}

#[test]
fn two_404s_are_68() {
    for refused in [bytes(404, ""), bytes(404, "Not found"), of(404, &json!({"Message": "No."}))] {
        for response in [bytes(404, ""), bytes(404, "Not found")] {
            let reason = looked_up(&refused, &response).expect("the lookup gives the reason");
            assert_eq!(
                (reason.status(), &*reason.to_string()),
                (68, "no Outseta account at acme.outseta.com")
            );
        }
        assert_eq!(looked_up(&refused, &html(404)).expect_err("it fails").status(), 76);
    }
}

#[test]
fn a_forbidden_or_missing_lookup_leaves_the_probable_reason_unconfirmed() {
    const FORBIDDEN: &str = "(unconfirmed: the API key may not look people up)";
    const MISSING: &str = "(unconfirmed: people cannot be looked up at this URL)";
    let user = |message: &str| (67, format!("no such user: jane@example.com{message}"));
    let account = || (68, "no Outseta account at acme.outseta.com".to_owned());
    let unknown = |message: &str| (76, format!("unexpected response {message}"));
    for (refused, meaning) in [
        (of(400, &json!({"Message": "No."})), user(": No.")),
        (of(404, &json!({})), user("")),
        (of(422, &json!({"error": "invalid_grant"})), user(": invalid_grant")),
        (of(400, &json!("invalid_grant")), user(": invalid_grant")),
        (bytes(400, "invalid_grant"), user(": invalid_grant")),
        (bytes(404, "\r\ninvalid_grant "), user(": invalid_grant")),
        (bytes(404, ""), account()),
        (bytes(404, " \n"), account()),
        (bytes(404, "x"), unknown("(404): x")),
        (bytes(400, ""), unknown("(400)")),
        (bytes(422, ""), unknown("(422)")),
        (bytes(400, "invalid_grant!"), unknown("(400): invalid_grant!")),
        (of(400, &json!("other")), unknown("(400): other")),
        (of(400, &json!([])), unknown("(400)")),
        (of(404, &json!(null)), unknown("(404)")),
    ] {
        for (response, note) in [
            (bytes(401, ""), FORBIDDEN),
            (bytes(403, ""), FORBIDDEN),
            (of(403, &json!({"items": []})), FORBIDDEN),
            (bytes(404, ""), MISSING),
        ] {
            if (refused.status, response.status) == (404, 404) {
                continue;
            }
            let told = looked_up(&refused, &response).expect("the lookup leaves a reason");
            let (status, message) = &meaning;
            assert_eq!(
                (told.status(), told.to_string()),
                (*status, format!("{message} {note}")),
                "{refused:?}"
            );
        }
        assert!(looked_up(&refused, &html(403)).is_err(), "an HTML page is not from Outseta");
    }
}

#[test]
fn any_other_response_to_the_lookup_is_a_failed_lookup() {
    let items = json!({"items": []});
    let refused = of(400, &json!({"Message": "No."}));
    for (response, status) in [
        (of(404, &items), 76),
        (of(404, &json!(null)), 76),
        (of(201, &items), 76),
        (of(302, &items), 76),
        (of(400, &items), 76),
        (of(400, &json!({"error": "invalid_client"})), 76),
        (html(403), 76),
        (html(200), 76),
        (bytes(200, ""), 76),
        (bytes(200, "[]"), 76),
        (of(200, &json!({})), 76),
        (of(200, &json!({"error": "invalid_client"})), 76),
        (of(200, &json!({"items": {"Email": EMAIL}})), 76),
        (people(&json!([{}])), 76),
        (people(&json!([{"Email": 1}])), 76),
        (bytes(408, ""), 75),
        (bytes(429, ""), 75),
        (of(500, &items), 75),
    ] {
        let cause = looked_up(&refused, &response).expect_err("the lookup fails");
        assert_eq!(cause.status(), status, "{response:?}");
        let Ok(Outcome::Refused(refusal)) = interpreted(&refused) else { panic!("{refused:?}") };
        let error = refusal.lookup_failed(&email(), &cause);
        let message = format!(
            "Outseta refused to log jane@example.com in (400): No.; the lookup of the reason failed: {cause}"
        );
        assert_eq!((error.status(), error.to_string()), (status, message));
    }
}

#[test]
fn each_response_to_a_read_has_its_status() {
    let status = |response: &Response| match list(response, "keys", context(&credentials())) {
        Ok(()) => 0,
        Err(error) => error.status(),
    };
    for (response, expected) in [
        (of(200, &json!({})), 76),
        (of(200, &json!({"keys": {}})), 76),
        (bytes(200, "{\"keys\": []}").with("content-type", "text/html"), 0),
        (bytes(404, ""), 68),
        (bytes(404, "Not found"), 68),
        (bytes(302, ""), 76),
        (bytes(429, ""), 75),
        (bytes(503, ""), 75),
        (html(200), 76),
        (html(404), 76),
        (bytes(401, ""), 78),
        (bytes(403, ""), 78),
        (of(400, &json!({"error": "invalid_client"})), 78),
        (of(404, &json!({})), 76),
        (of(404, &json!(null)), 76),
        (of(201, &json!({})), 76),
        (of(200, &json!([])), 76),
        (bytes(200, ""), 76),
        (bytes(400, ""), 76),
    ] {
        assert_eq!(status(&response), expected, "{response:?}");
    }
    // A request without a key cannot have its key rejected.
    let credentials = credentials();
    let public = Context { credentials: None, ..context(&credentials) };
    let echo = bytes(403, format!("No {SECRET}."));
    let error = list(&echo, "keys", public).unwrap_err();
    assert_eq!(error.to_string(), "unexpected response (403): No [hidden].");
}

/// Bodies with the names and values that matter, in odd places, and any bytes.
fn bodies() -> impl Strategy<Value = Vec<u8>> {
    let names = prop::sample::select(vec![
        "access_token",
        "token_type",
        "two_factor_required",
        "two_factor_enrollment_required",
        "error",
        "error_description",
        "ErrorMessage",
        "Message",
        "PropertyName",
        "EntityValidationErrors",
        "ValidationErrors",
        "items",
        "Email",
        "PersonAccount",
        "Account",
        "AccountStage",
    ]);
    let leaf = prop_oneof![
        Just(json!(null)),
        Just(json!("x".repeat(5000))),
        any::<bool>().prop_map(|value| json!(value)),
        any::<i64>().prop_map(|value| json!(value)),
        ".*".prop_map(|value| json!(value)),
        prop::sample::select(vec!["a.b.c", EMAIL, KEY, SECRET, "invalid_client", "invalid_grant", "Email"])
            .prop_map(|value| json!(value)),
    ];
    let json = leaf.prop_recursive(5, 40, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::Array),
            prop::collection::vec((names.clone(), inner), 0..5).prop_map(|fields| {
                Value::Object(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
            }),
        ]
    });
    prop_oneof![
        1 => prop::collection::vec(any::<u8>(), 0..200),
        1 => "[a-z.]{1,6}[ -~]?".prop_map(|token| json!({"access_token": token}).to_string().into_bytes()),
        4 => json.prop_map(|json| json.to_string().into_bytes()),
    ]
}

fn responses() -> impl Strategy<Value = Response> {
    let statuses = prop_oneof![
        Just(200_u16),
        prop::sample::select(vec![200_u16, 202, 302, 400, 401, 403, 404, 409, 422, 429, 503]),
        100_u16..=999,
    ];
    let headers = prop::collection::vec(
        (
            prop::sample::select(vec!["content-type", "location", "retry-after"]),
            prop_oneof![".*", Just("text/html".to_owned()), Just("5".to_owned())],
        ),
        0..4,
    );
    (statuses, headers, bodies()).prop_map(|(status, headers, body)| Response {
        status,
        headers: headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        body,
        reused: false,
    })
}

/// Whether a message forges no line, hides nothing, reveals nothing and is short.
fn is_presentable(error: &Error) -> bool {
    let shown = error.to_string();
    !shown.chars().any(text::is_invisible)
        && !shown.contains(KEY)
        && !shown.contains(SECRET)
        // A text of 5000 characters must be cut: to 300, each escaped to at most ten.
        && shown.chars().count() < 3500
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_response_is_interpreted(response in responses(), second in responses()) {
        match interpreted(&response) {
            Ok(Outcome::Token(token)) => {
                prop_assert_eq!(response.status, 200);
                let usable = |b: u8| b.is_ascii_alphanumeric() || b"-._~+/=".contains(&b);
                prop_assert!(token.access_token().bytes().all(usable));
                prop_assert!(!token.access_token().is_empty());
            }
            Err(error) => {
                prop_assert!([65, 75, 76, 77, 78].contains(&error.status()), "{:?}", error);
                prop_assert!(is_presentable(&error), "{}", error);
            }
            Ok(Outcome::Refused(refusal)) => {
                prop_assert!(matches!(response.status, 400 | 404 | 422));
                let error = lookup(&second, &refusal, &email(), context(&credentials()))
                    .map_or_else(|cause| refusal.lookup_failed(&email(), &cause), |Reason(reason)| reason);
                prop_assert!([67, 68, 75, 76, 77].contains(&error.status()), "{:?}", error);
                prop_assert!(is_presentable(&error), "{}", error);
            }
        }
    }

    #[test]
    fn any_response_to_a_read_is_interpreted(response in responses()) {
        match list(&response, "items", context(&credentials())) {
            Ok(()) => prop_assert_eq!(response.status, 200),
            Err(error) => {
                prop_assert!([68, 75, 76, 78].contains(&error.status()), "{:?}", error);
                prop_assert!(is_presentable(&error), "{}", error);
            }
        }
    }
}
