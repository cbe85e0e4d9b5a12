use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::config::{Origin, Sourced};
use crate::error::Status;
use crate::secret::Secret;
use crate::text;

const EMAIL: &str = "jane@example.com";
const KEY: &str = "the-key-1";
const SECRET: &str = "s3cr3t-2";

fn credentials() -> Credentials {
    let sourced = |value, variable| Sourced::new(Secret::new(value), Origin::Environment(variable));
    Credentials { key: sourced(KEY, "OUTSETA_API_KEY"), secret: sourced(SECRET, "OUTSETA_API_SECRET") }
}

/// With the question that all answers here are to.
fn asked<T>(judge: impl FnOnce(Asked<'_>) -> T) -> T {
    judge(Asked {
        email: &Email::parse(EMAIL).unwrap(),
        host: "acme.outseta.com",
        credentials: &credentials(),
    })
}

fn bytes(status: u16, body: impl AsRef<[u8]>) -> Answer {
    Answer { status, body: body.as_ref().to_vec(), ..Answer::default() }
}

fn of(status: u16, body: &Value) -> Answer {
    bytes(status, body.to_string()).with("Content-Type", "application/json")
}

fn empty(status: u16) -> Answer {
    bytes(status, "")
}

fn html(status: u16) -> Answer {
    bytes(status, "").with("content-type", "text/html")
}

impl Answer {
    fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}

fn judged(answer: &Answer) -> Result<Verdict, Error> {
    asked(|asked| judge(answer, asked))
}

#[track_caller]
fn error(answer: &Answer) -> Error {
    match judged(answer) {
        Err(error) => error,
        verdict => panic!("{answer:?}: {verdict:?}"),
    }
}

#[track_caller]
fn is_fault(answer: &Answer, fault: AnswerFault) {
    assert_eq!(error(answer), Error::Answer(fault), "{answer:?}");
}

#[track_caller]
fn is_no_token(answer: &Answer, why: &'static str) {
    let status = answer.status;
    is_fault(answer, AnswerFault::NoToken { status, why });
}

fn text(text: &str) -> Shown {
    Shown::new(text)
}

const NONE: &str = "there is no access_token in it";
const NO_OBJECT: &str = "it is not a JSON object";

mod a_2xx {
    use super::*;

    #[test]
    fn is_success_if_it_is_a_200_with_a_token() {
        for body in [
            json!({"access_token": "a.b.c"}),
            json!({"access_token": "a.b.c", "two_factor_required": true, "error": "invalid_client"}),
        ] {
            for answer in [
                of(200, &body),
                bytes(200, format!("\u{feff} {body}\r\n")),
                bytes(200, body.to_string()).with("content-type", "text/html"),
            ] {
                let Ok(Verdict::Token(token)) = judged(&answer) else { panic!("{answer:?}") };
                assert_eq!(token.access_token(), "a.b.c");
                assert_eq!(&Value::Object(token.fields().clone()), &body);
            }
        }
    }

    #[test]
    fn is_none_without_a_usable_token() {
        is_no_token(&of(200, &json!({})), NONE);
        is_no_token(&of(200, &json!({"two_factor_required": false})), NONE);
        is_no_token(&of(200, &json!({"two_factor_required": "no"})), NONE);
        is_no_token(&of(200, &json!({"access_token": 1})), "its access_token is not a string");
        is_no_token(
            &of(200, &json!({"access_token": "a b"})),
            "its access_token has characters that no token has",
        );
        for answer in [
            of(200, &json!(["a.b.c"])),
            of(200, &json!("a.b.c")),
            bytes(200, b"\xff"),
            bytes(200, "a.b.c"),
            empty(200),
            empty(204),
        ] {
            is_no_token(&answer, NO_OBJECT);
        }
        for status in [201, 202, 299] {
            is_no_token(&of(status, &json!({"access_token": "a.b.c"})), "its status is not 200");
        }
    }

    #[test]
    fn is_a_page_only_if_it_is_no_json_object() {
        is_fault(&html(200), AnswerFault::Html { status: 200 });
        is_fault(&bytes(299, "<p>"), AnswerFault::Html { status: 299 });
        is_no_token(&of(200, &json!({})).with("content-type", "text/html"), NONE);
    }

    #[test]
    fn may_want_a_second_factor() {
        let wants = |body: &Value, status| match error(&of(status, body)) {
            Error::SecondFactor { email, enrolment } => {
                assert_eq!(email, text(EMAIL));
                enrolment
            }
            error => panic!("{error:?}"),
        };
        for status in [200, 202, 299] {
            assert!(!wants(&json!({"two_factor_required": true}), status));
            assert!(wants(&json!({"two_factor_enrollment_required": true}), status));
        }
        let both = json!({"two_factor_required": true, "two_factor_enrollment_required": true});
        assert!(wants(&both, 202));
        let token = json!({"two_factor_required": true, "access_token": "a.b.c"});
        assert!(!wants(&token, 202));
    }

    #[test]
    fn with_another_users_token_is_refused() {
        let token = |email: &str| {
            use base64::Engine;
            use base64::engine::general_purpose::URL_SAFE_NO_PAD;
            let payload = URL_SAFE_NO_PAD.encode(json!({"email": email}).to_string());
            of(200, &json!({"access_token": format!("e30.{payload}.c2ln")}))
        };
        for same in [EMAIL, "JANE@example.COM"] {
            assert!(matches!(judged(&token(same)), Ok(Verdict::Token(_))), "{same}");
        }
        let reused = |answer: Answer| Answer { reused: true, ..answer };
        assert!(matches!(judged(&reused(token(EMAIL))), Ok(Verdict::Token(_))));
        is_fault(
            &reused(token("john@example.com")),
            AnswerFault::OtherUser { email: text(EMAIL), token_email: text("john@example.com") },
        );
        for unnamed in ["opaque", "a.b.c", "e30.e30.c2ln"] {
            is_fault(&reused(of(200, &json!({"access_token": unnamed}))), AnswerFault::Unnamed);
        }
        for other in ["john@example.com", "jane@example.co", ""] {
            is_fault(&token(other), AnswerFault::OtherUser { email: text(EMAIL), token_email: text(other) });
        }
        is_fault(
            &token(SECRET),
            AnswerFault::OtherUser { email: text(EMAIL), token_email: text("[hidden]") },
        );
    }
}

mod what_depends_on_the_status_alone {
    use super::*;

    #[test]
    fn a_redirect_shows_its_location_without_query_and_fragment() {
        for (location, shown) in [
            ("https://a/b", "https://a/b"),
            ("https://a/b?c#d", "https://a/b"),
            ("https://a/b#c?d", "https://a/b"),
            ("?a", ""),
            ("/the-key-1/s3cr3t-2", "/[hidden]/[hidden]"),
            ("/\u{202e}", r"/\u{202e}"),
        ] {
            let location = empty(302).with("LOCATION", location);
            is_fault(&location, AnswerFault::Redirect { status: 302, location: text(shown) });
        }
        for status in [300, 399] {
            let location = text("");
            is_fault(&empty(status), AnswerFault::Redirect { status, location });
            let location = text("");
            is_fault(&html(status), AnswerFault::Redirect { status, location });
        }
    }

    #[test]
    fn an_outage_is_one_whatever_its_body() {
        for status in [408, 425, 429, 500, 503, 599] {
            for answer in [
                empty(status),
                html(status),
                of(status, &json!({"access_token": "a.b.c"})),
                of(status, &json!({"error": "invalid_client"})),
            ] {
                let asked = None;
                assert_eq!(error(&answer), Error::Busy { status, asked });
            }
        }
    }

    #[test]
    fn an_outage_may_ask_for_a_wait() {
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
            let answer = empty(503).with("Retry-After", value);
            assert_eq!(
                error(&answer),
                Error::Busy { status: 503, asked: seconds.map(Duration::from_secs) },
                "{value:?}"
            );
        }
    }

    #[test]
    fn a_rejected_key_is_told_with_its_sources() {
        for status in [401, 403] {
            assert_eq!(
                error(&of(status, &json!({"Message": "No."}))),
                Error::KeyRejected {
                    status,
                    key: Origin::Environment("OUTSETA_API_KEY"),
                    secret: Origin::Environment("OUTSETA_API_SECRET"),
                    message: text("No."),
                }
            );
        }
    }

    #[test]
    fn anything_else_is_unexpected() {
        for status in [100, 199, 402, 405, 407, 409, 410, 418, 424, 426, 499, 600, 999] {
            is_fault(&bytes(status, "Hm."), AnswerFault::Unexpected { status, message: text("Hm.") });
        }
    }
}

mod a_4xx {
    use super::*;

    #[test]
    fn is_a_page_by_its_type_or_its_first_character() {
        for answer in [
            html(403),
            bytes(401, "{}").with("Content-Type", "Text/HTML; charset=UTF-8"),
            bytes(400, "x").with("content-type", "application/xhtml+xml"),
            bytes(404, "<"),
            bytes(404, " \t\r\n<p>"),
            bytes(404, "\u{feff}\n<p>"),
            of(400, &json!({"error": "invalid_client"})).with("content-type", "text/html"),
        ]
        .map(|mut answer| {
            // The first header of a name counts.
            answer.headers.reverse();
            answer
        }) {
            let status = answer.status;
            is_fault(&answer, AnswerFault::Html { status });
        }
        for answer in [
            bytes(409, "a <p>"),
            bytes(409, "\"<p>\"").with("content-type", "application/json"),
            bytes(409, "x").with("x-content-type", "text/html"),
        ] {
            assert!(matches!(error(&answer), Error::Answer(AnswerFault::Unexpected { .. })));
        }
    }

    #[test]
    fn with_an_oauth_error_of_the_client_is_a_rejected_key() {
        for code in ["invalid_client", "unauthorized_client"] {
            for status in [400, 404, 409, 422] {
                let body = json!({"error": code, "PropertyName": "Email"});
                assert_eq!(error(&of(status, &body)).status(), Status::NoPerm);
            }
        }
        for body in [
            json!({"error": "invalid_grant"}),
            json!({"error": "INVALID_CLIENT"}),
            json!({"error": ["invalid_client"]}),
            json!({"error_description": "invalid_client"}),
            json!("invalid_client"),
        ] {
            assert!(matches!(judged(&of(400, &body)), Ok(Verdict::LookUp(_))), "{body}");
        }
    }

    #[test]
    fn that_names_the_email_is_about_the_email() {
        for name in ["Email", "email", "eMAIL", "Username", "UserName", "USERNAME"] {
            let named = json!({"PropertyName": name, "ErrorMessage": "No."});
            let other = json!({"PropertyName": "Name", "ErrorMessage": "Other."});
            let nested = |errors: Value| json!({"EntityValidationErrors": errors});
            for (body, message) in [
                (named.clone(), "No."),
                (nested(json!([{"ValidationErrors": [named.clone()]}])), "No."),
                (nested(json!([{}, 7, {"ValidationErrors": [other, named]}])), "Other."),
            ] {
                for status in [400, 422] {
                    assert_eq!(
                        error(&of(status, &body)),
                        Error::EmailRejected { email: text(EMAIL), message: text(message) }
                    );
                }
                assert!(matches!(judged(&of(404, &body)), Ok(Verdict::LookUp(_))));
                assert!(matches!(error(&of(409, &body)), Error::Answer(AnswerFault::Unexpected { .. })));
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
            assert!(matches!(judged(&of(400, &body)), Ok(Verdict::LookUp(_))), "{body}");
        }
    }

    #[test]
    fn that_may_mean_a_missing_user_leads_to_a_look_up() {
        for (answer, message, likely) in [
            (of(400, &json!({"Message": "No."})), "No.", Likely::NoUser),
            (of(404, &json!({})), "", Likely::NoUser),
            (of(422, &json!({"error": "invalid_grant"})), "invalid_grant", Likely::NoUser),
            (of(400, &json!("invalid_grant")), "invalid_grant", Likely::NoUser),
            (bytes(400, "invalid_grant"), "invalid_grant", Likely::NoUser),
            (bytes(404, "\r\ninvalid_grant "), "invalid_grant", Likely::NoUser),
            (empty(404), "", Likely::NoAccount),
            (bytes(404, " \n"), "", Likely::NoAccount),
            (bytes(404, "x"), "x", Likely::Unknown),
            (empty(400), "", Likely::Unknown),
            (empty(422), "", Likely::Unknown),
            (bytes(400, "invalid_grant!"), "invalid_grant!", Likely::Unknown),
            (of(400, &json!("other")), "other", Likely::Unknown),
            (of(400, &json!([])), "", Likely::Unknown),
            (of(404, &json!(null)), "", Likely::Unknown),
        ] {
            let status = answer.status;
            let message = text(message);
            assert_eq!(
                judged(&answer),
                Ok(Verdict::LookUp(Refusal { status, message, likely })),
                "{answer:?}"
            );
        }
    }
}

mod the_servers_text {
    use super::*;

    fn message_of(body: &Value) -> String {
        match error(&of(409, body)) {
            Error::Answer(AnswerFault::Unexpected { message, .. }) => message.to_string(),
            error => panic!("{error:?}"),
        }
    }

    #[test]
    fn is_found_in_this_order() {
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
            assert_eq!(message_of(&body), shown);
            body[name] = json!(null);
        }
        assert_eq!(message_of(&body), "");
        assert_eq!(message_of(&json!("f")), "f");
        assert_eq!(message_of(&json!({"Message": ""})), "");
        assert_eq!(message_of(&json!({"Message": {"a": "b"}})), "");
        assert_eq!(message_of(&json!(7)), "");
    }

    #[test]
    fn is_shown_without_credentials_and_escaped() {
        let echo = format!("{KEY}:{SECRET}\n\u{1b}");
        assert_eq!(message_of(&json!(echo)), r"[hidden]:[hidden]\n\u{1b}");
    }

    #[test]
    fn is_the_body_where_that_is_no_json() {
        is_fault(
            &bytes(409, [b"a\xff ".as_slice(), SECRET.as_bytes()].concat()),
            AnswerFault::Unexpected { status: 409, message: text("a\u{fffd} [hidden]") },
        );
    }
}

mod the_look_up {
    use super::*;

    fn refusal(likely: Likely) -> Refusal {
        Refusal { status: 400, message: text("No."), likely }
    }

    fn judged(answer: &Answer) -> Result<Error, Error> {
        asked(|asked| judge_look_up(answer, &refusal(Likely::Unknown), asked))
    }

    #[track_caller]
    fn found(answer: &Answer) -> Error {
        judged(answer).expect("it tells")
    }

    fn nobody() -> Error {
        Error::NoSuchUser { email: text(EMAIL), message: text(""), confirmed: true }
    }

    fn somebody(stages: &[&'static str]) -> Error {
        Error::LoginRefused { email: text(EMAIL), message: text("No."), stages: stages.to_vec() }
    }

    #[test]
    fn finds_nobody() {
        for items in [
            json!([]),
            json!([{"Email": "ann@example.com"}]),
            json!([{"Email": "jane@example.co"}, {"Email": ""}]),
        ] {
            assert_eq!(found(&of(200, &json!({"items": items}))), nobody(), "{items}");
        }
    }

    #[test]
    fn cannot_tell_from_a_part_of_the_matches() {
        let page = |total: Value| {
            let items = json!([{"Email": "ann@example.com"}]);
            judged(&of(200, &json!({"items": items, "metadata": {"total": total}})))
        };
        assert!(page(2.into()).is_err());
        assert_eq!(page(1.into()), Ok(nobody()));
        assert_eq!(page("many".into()), Ok(nobody()));
    }

    #[test]
    fn finds_somebody_with_the_stages_that_are_known() {
        let account = |stage: Value| json!({"Account": {"AccountStage": stage}});
        let person = |accounts: Value| json!({"Email": "JANE@example.com", "PersonAccount": accounts});
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
            let items = [
                json!({"Email": "ann@example.com", "PersonAccount": [account(json!(3))]}),
                person(json!([account(json!(number))])),
            ];
            assert_eq!(found(&of(200, &json!({"items": items}))), somebody(&[name]));
        }
        for (accounts, stages) in [
            (
                json!([account(json!(5)), account(json!(3)), account(json!(5))]),
                &["expired", "subscribing"][..],
            ),
            (json!([account(json!(1)), account(json!(10)), account(json!(0))]), &[]),
            (json!([account(json!("5")), {}, 7, {"Account": 5}]), &[]),
            (json!({}), &[]),
            (json!(null), &[]),
        ] {
            let items = [person(accounts)];
            assert_eq!(found(&of(200, &json!({"items": items}))), somebody(stages));
        }
    }

    #[test]
    fn finds_no_account() {
        for answer in [empty(404), bytes(404, "Not found"), html(404)] {
            assert_eq!(
                found(&answer),
                Error::NoSuchAccount { host: "acme.outseta.com".to_owned(), confirmed: true }
            );
        }
    }

    #[test]
    fn tells_nothing_by_any_other_response() {
        let people = json!({"items": []});
        for (answer, status) in [
            (of(404, &people), 76),
            (of(404, &json!(null)), 76),
            (of(201, &people), 76),
            (of(302, &people), 76),
            (of(400, &people), 76),
            (of(400, &json!({"error": "invalid_client"})), 76),
            (empty(403), 76),
            (html(403), 76),
            (html(200), 76),
            (empty(200), 76),
            (bytes(200, "[]"), 76),
            (of(200, &json!({})), 76),
            (of(200, &json!({"items": null})), 76),
            (of(200, &json!({"items": {"Email": EMAIL}})), 76),
            (of(200, &json!({"items": [{}]})), 76),
            (of(200, &json!({"items": [{"Email": EMAIL}, {}]})), 76),
            (of(200, &json!({"items": [{"Email": 1}]})), 76),
            (empty(408), 75),
            (empty(425), 75),
            (empty(429), 75),
            (of(500, &people), 75),
        ] {
            let cause = judged(&answer).expect_err("it does not tell");
            assert_eq!(cause.status().code(), status, "{answer:?}");
        }
    }

    #[test]
    fn that_the_key_may_not_make_leaves_what_the_refusal_probably_meant() {
        let after =
            |likely, answer: &Answer| asked(|asked| judge_look_up(answer, &refusal(likely), asked)).ok();
        for answer in [empty(401), empty(403), of(403, &json!({"items": []}))] {
            assert_eq!(
                after(Likely::NoUser, &answer),
                Some(Error::NoSuchUser { email: text(EMAIL), message: text("No."), confirmed: false })
            );
            assert_eq!(
                after(Likely::NoAccount, &answer),
                Some(Error::NoSuchAccount { host: "acme.outseta.com".to_owned(), confirmed: false })
            );
        }
        assert_eq!(after(Likely::NoUser, &html(403)), None, "that is not Outseta");
    }
}

mod a_read {
    use super::*;

    fn read(answer: &Answer) -> Result<(), Error> {
        judge_read(answer, "acme.outseta.com", Some(&credentials()))
    }

    #[test]
    fn is_good_if_it_gives_an_object() {
        assert_eq!(read(&of(200, &json!({}))), Ok(()));
        assert_eq!(read(&of(200, &json!({"keys": []})).with("content-type", "text/html")), Ok(()));
    }

    #[test]
    fn of_nothing_is_no_account() {
        for answer in [empty(404), bytes(404, "Not found")] {
            let host = "acme.outseta.com".to_owned();
            let confirmed = true;
            assert_eq!(read(&answer), Err(Error::NoSuchAccount { host, confirmed }));
        }
    }

    #[test]
    fn fails_as_a_token_request_would() {
        for (answer, status) in [
            (empty(302), Status::Protocol),
            (empty(429), Status::TempFail),
            (empty(503), Status::TempFail),
            (html(200), Status::Protocol),
            (html(404), Status::Protocol),
            (empty(401), Status::NoPerm),
            (empty(403), Status::NoPerm),
            (of(400, &json!({"error": "invalid_client"})), Status::NoPerm),
            (of(404, &json!({})), Status::Protocol),
            (of(404, &json!(null)), Status::Protocol),
            (of(201, &json!({})), Status::Protocol),
            (of(200, &json!([])), Status::Protocol),
            (empty(200), Status::Protocol),
            (empty(400), Status::Protocol),
        ] {
            assert_eq!(read(&answer).unwrap_err().status(), status, "{answer:?}");
        }
    }

    #[test]
    fn without_credentials_rejects_none() {
        for status in [401, 403] {
            assert_eq!(
                judge_read(&bytes(status, "No."), "h", None),
                Err(Error::Answer(AnswerFault::Unexpected { status, message: text("No.") }))
            );
        }
    }
}

mod the_log {
    use super::*;

    #[test]
    fn names_the_headers_that_matter() {
        assert_eq!(header_names(&empty(200)), "");
        let answer = empty(200)
            .with("CF-Ray", "1")
            .with("Server", "2")
            .with("Retry-After", "3")
            .with("Location", "4")
            .with("Content-Length", "5")
            .with("Content-Type", "6")
            .with("Set-Cookie", "7");
        assert_eq!(
            header_names(&answer),
            "content-type, content-length, location, retry-after, server, cf-ray"
        );
    }

    #[test]
    fn describes_a_body_by_its_fields() {
        for (body, described) in [
            ("", "0 bytes, not JSON"),
            ("abc", "3 bytes, not JSON"),
            ("[1]", "JSON without fields"),
            ("7", "JSON without fields"),
            (r#""secret""#, "JSON without fields"),
            (r#""invalid_grant""#, r#""invalid_grant""#),
            ("{}", ""),
            (
                r#"{"access_token": "t", "refresh_token": "r", "token_type": "bearer", "expires_in": 1.50}"#,
                r#"access_token, expires_in 1.50, refresh_token, token_type "bearer""#,
            ),
            (
                r#"{"ErrorMessage":"a","Message":"b","PropertyName":"c","error":"d","error_description":"e","expires_in":"f"}"#,
                r#"ErrorMessage "a", Message "b", PropertyName "c", error "d", error_description "e", expires_in "f""#,
            ),
            (r#"{"token_type": ["s"], "error": {"s": 1}, "other": 5}"#, "error, other, token_type"),
            (r#"{"a\nb": 1, "the-key-1": 2, "error": "s3cr3t-2"}"#, r#"a\nb, error "[hidden]", [hidden]"#),
        ] {
            let described_as = describe(&bytes(200, body), &credentials());
            assert_eq!(described_as, described, "{body}");
        }
    }

    #[test]
    fn shows_300_characters_of_all_fields_together() {
        let fields: serde_json::Map<_, _> = (0..100).map(|n| (format!("f{n:03}"), json!(1))).collect();
        let described = describe(&of(200, &Value::Object(fields)), &credentials());
        assert_eq!(described.chars().count(), 301);
        assert!(described.starts_with("f000, f001, ") && described.ends_with('…'));
    }
}

/// Bodies that come near to what is looked for, and bodies that do not.
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
        4 => json.prop_map(|json| json.to_string().into_bytes()),
    ]
}

fn answers() -> impl Strategy<Value = Answer> {
    let statuses = prop_oneof![
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
    (statuses, headers, bodies()).prop_map(|(status, headers, body)| Answer {
        status,
        headers: headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        body,
        reused: false,
    })
}

/// What is shown of an error forges no line, hides nothing, gives nothing away and is short.
fn is_presentable(error: &Error) -> bool {
    let shown = error.to_string();
    !shown.chars().any(text::is_invisible)
        && !shown.contains(KEY)
        && !shown.contains(SECRET)
        // 300 characters of the server's, each as ten at most.
        && shown.chars().count() < 3500
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_comes_is_judged(answer in answers()) {
        match judged(&answer) {
            Ok(Verdict::Token(token)) => {
                prop_assert_eq!(answer.status, 200);
                let usable = |b: u8| b.is_ascii_alphanumeric() || b"-._~+/=".contains(&b);
                prop_assert!(token.access_token().bytes().all(usable));
                prop_assert!(!token.access_token().is_empty());
            }
            Err(error) => {
                let statuses = BTreeSet::from([65, 75, 76, 77]);
                prop_assert!(statuses.contains(&error.status().code()), "{:?}", error);
                prop_assert!(is_presentable(&error), "{}", error);
            }
            Ok(Verdict::LookUp(refusal)) => {
                prop_assert!(matches!(answer.status, 400 | 404 | 422));
                let error = asked(|asked| {
                    judge_look_up(&answer, &refusal, asked)
                        .unwrap_or_else(|cause| refusal.unexplained(cause, asked))
                });
                prop_assert!(matches!(error.status().code(), 67 | 68 | 76), "{:?}", error);
                prop_assert!(is_presentable(&error), "{}", error);
            }
        }
    }

    #[test]
    fn whatever_comes_of_a_look_up_is_judged(answer in answers(), message in ".*") {
        let refusal = Refusal { status: 400, message: Shown::new(&message), likely: Likely::Unknown };
        let error = asked(|asked| {
            judge_look_up(&answer, &refusal, asked).unwrap_or_else(|cause| refusal.unexplained(cause, asked))
        });
        prop_assert!(matches!(error.status().code(), 67 | 68 | 75 | 76 | 77), "{:?}", error);
        prop_assert!(is_presentable(&error), "{}", error);
    }

    #[test]
    fn whatever_comes_of_a_read_is_judged(answer in answers()) {
        if let Err(error) = judge_read(&answer, "h", Some(&credentials())) {
            prop_assert!(matches!(error.status().code(), 68 | 75 | 76 | 77), "{:?}", error);
            prop_assert!(is_presentable(&error), "{}", error);
        } else {
            prop_assert_eq!(answer.status, 200);
        }
    }

    #[test]
    fn whatever_comes_is_described_in_a_line(answer in answers()) {
        let described = describe(&answer, &credentials());
        prop_assert!(!described.chars().any(text::is_invisible));
        prop_assert!(!described.contains(KEY) && !described.contains(SECRET));
        prop_assert!(described.chars().count() <= 301);
        prop_assert!(!header_names(&answer).contains(|c: char| !c.is_ascii_graphic() && c != ' '));
    }
}
