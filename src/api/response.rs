//! What an answer means: bytes → a token, an error, or the question who the person is. Pure, and the only file that
//! knows how Outseta answers:
//!
//! - A login that wants a second factor is a 2xx without `access_token`, and may have mailed the user.
//! - A rejected key is a 403 with an empty body (the documentation says 401), an unknown account a 404 with one.
//! - Errors are JSON: `{"ErrorMessage", "EntityValidationErrors": [{"ValidationErrors": [{"PropertyName",
//!   "ErrorMessage"}]}]}`, `{"ErrorMessage", "PropertyName"}`, `{"Message"}`, or OAuth's `{"error",
//!   "error_description"}` (RFC 6749 section 5.2); or the string `invalid_grant`, bare or as JSON.
//! - What comes for a user that does not exist is not documented. So a refusal that may mean that leads to a lookup
//!   in the CRM: 200 with `{"items": [{"Email", "PersonAccount": [{"Account": {"AccountStage"}}]}]}`. A `*` in the
//!   email is a wildcard there, so the answer's emails are compared with the one that was asked for.
//! - Outages and limits come as 429 or 5xx, often with an HTML page of the network in front of the API.

use std::time::Duration;

use serde_json::Value;

use super::client::Answer;
use super::token::Token;
use crate::config::Credentials;
use crate::email::Email;
use crate::error::{AnswerFault, Error};
use crate::text::Shown;

/// What was asked, by whom.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) email: &'a Email,
    /// The host that was asked.
    pub(crate) host: &'a str,
    pub(crate) credentials: &'a Credentials,
}

impl Asked<'_> {
    fn email(&self) -> Shown {
        Shown::new(self.email.as_str())
    }
}

/// What an answer of the token endpoint amounts to.
#[derive(Debug, PartialEq)]
pub(crate) enum Verdict {
    Token(Token),
    /// Only the lookup can tell why.
    LookUp(Refusal),
}

/// A refusal whose reason is not known yet.
#[derive(Debug, PartialEq)]
pub(crate) struct Refusal {
    status: u16,
    message: Shown,
    likely: Likely,
}

/// What a refusal means as long as nothing confirms it.
#[derive(Debug, PartialEq)]
enum Likely {
    NoUser,
    NoAccount,
    Unknown,
}

/// Judges the answer to the POST; the first row that fits decides.
///
/// # Errors
/// Why it is no token.
pub(crate) fn judge(answer: &Answer, asked: Asked<'_>) -> Result<Verdict, Error> {
    let json = json(&answer.body);
    if matches!(answer.status, 200..=299) {
        return success(answer, json, asked);
    }
    let json = json.as_ref();
    if let Some(error) = general_error(answer, json, Some(asked.credentials)) {
        return Err(error);
    }
    let status = answer.status;
    let message = message(answer, json, Some(asked.credentials));
    match status {
        400 | 422 if json.is_some_and(names_email) => {
            Err(Error::EmailRejected { email: asked.email(), message })
        }
        400 | 404 | 422 => Ok(Verdict::LookUp(Refusal { status, message, likely: likely(answer, json) })),
        _ => Err(Error::Answer(AnswerFault::Unexpected { status, message })),
    }
}

impl Refusal {
    /// What it means if the lookup may not be made; `None` if that cannot be told.
    fn unconfirmed(&self, asked: Asked<'_>) -> Option<Error> {
        match self.likely {
            Likely::NoUser => Some(Error::NoSuchUser {
                email: asked.email(),
                message: self.message.clone(),
                confirmed: false,
            }),
            Likely::NoAccount => Some(Error::NoSuchAccount { host: asked.host.to_owned(), confirmed: false }),
            Likely::Unknown => None,
        }
    }

    /// What is said of it after the lookup failed.
    pub(crate) fn unexplained(self, cause: Error, asked: Asked<'_>) -> Error {
        let Self { status, message, .. } = self;
        Error::Unexplained { email: asked.email(), status, message, cause: Box::new(cause) }
    }
}

/// Judges the lookup behind a refusal: what the refusal means.
///
/// # Errors
/// Why the lookup does not tell.
pub(crate) fn judge_look_up(answer: &Answer, refusal: &Refusal, asked: Asked<'_>) -> Result<Error, Error> {
    let (status, json) = (answer.status, json(&answer.body));
    if status == 404 && json.is_none() {
        return Ok(Error::NoSuchAccount { host: asked.host.to_owned(), confirmed: true });
    }
    let found = match general_error(answer, json.as_ref(), Some(asked.credentials)) {
        Some(Error::KeyRejected { status: 401 | 403, .. }) => refusal.unconfirmed(asked),
        None | Some(Error::KeyRejected { .. }) if status != 200 => None,
        Some(error) => return Err(error),
        None => json.as_ref().and_then(|people| person(people, asked.email)).map(|person| match person {
            Person::Nobody => {
                Error::NoSuchUser { email: asked.email(), message: Shown::new(""), confirmed: true }
            }
            Person::Somebody(stages) => {
                Error::LoginRefused { email: asked.email(), message: refusal.message.clone(), stages }
            }
        }),
    };
    found.ok_or_else(|| {
        let message = message(answer, json.as_ref(), Some(asked.credentials));
        Error::Answer(AnswerFault::Unexpected { status, message })
    })
}

/// Judges the answer to a read, with credentials or of what is public, as the token endpoint's answer would be.
///
/// # Errors
/// The error that a request for a token would end with.
pub(crate) fn judge_read(
    answer: &Answer,
    host: &str,
    credentials: Option<&Credentials>,
) -> Result<(), Error> {
    let (status, json) = (answer.status, json(&answer.body));
    let json = json.as_ref();
    if status == 200 && json.is_some_and(Value::is_object) {
        return Ok(());
    }
    Err(match general_error(answer, json, credentials) {
        Some(error) => error,
        None if status == 404 && json.is_none() => {
            Error::NoSuchAccount { host: host.to_owned(), confirmed: true }
        }
        None => {
            Error::Answer(AnswerFault::Unexpected { status, message: message(answer, json, credentials) })
        }
    })
}

/// The headers that matter to whoever looks for a fault, by their names.
pub(crate) fn header_names(answer: &Answer) -> String {
    let names = ["content-type", "content-length", "location", "retry-after", "server", "cf-ray"];
    names.into_iter().filter(|name| answer.header(name).is_some()).collect::<Vec<_>>().join(", ")
}

/// A body as `-v` shows it: the names of its fields, with values only where they are harmless.
pub(crate) fn describe(answer: &Answer, credentials: &Credentials) -> String {
    let shown = |text: &str| shown(text, Some(credentials)).to_string();
    let fields = match json(&answer.body) {
        None => return format!("{} bytes, not JSON", answer.body.len()),
        Some(Value::Object(fields)) => fields,
        Some(Value::String(text)) if text == INVALID_GRANT => {
            return format!("\"{INVALID_GRANT}\"");
        }
        Some(_) => return "JSON without fields".to_owned(),
    };
    let field = |(name, value): (&String, &Value)| match value {
        Value::String(text) if SHOWN_FIELDS.contains(&name.as_str()) => {
            format!("{} \"{}\"", shown(name), shown(text))
        }
        Value::Number(number) if SHOWN_FIELDS.contains(&name.as_str()) => {
            format!("{} {number}", shown(name))
        }
        _ => shown(name),
    };
    let fields: Vec<_> = fields.iter().map(field).collect();
    // Each is short now; there may be any number of them.
    Shown::new(&fields.join(", ")).to_string()
}

/// The fields whose values `-v` shows.
const SHOWN_FIELDS: [&str; 7] =
    ["token_type", "expires_in", "ErrorMessage", "Message", "PropertyName", "error", "error_description"];

const INVALID_GRANT: &str = "invalid_grant";

fn success(answer: &Answer, json: Option<Value>, asked: Asked<'_>) -> Result<Verdict, Error> {
    let status = answer.status;
    let Some(Value::Object(fields)) = json else {
        return Err(Error::Answer(if is_html(answer) {
            AnswerFault::Html { status }
        } else {
            AnswerFault::NoToken { status, why: "it is not a JSON object" }
        }));
    };
    let wants = |field| fields.get(field) == Some(&Value::Bool(true));
    let second_factor = match (wants("two_factor_required"), wants("two_factor_enrollment_required")) {
        (false, false) => None,
        (_, enrolment) => Some(Error::SecondFactor { email: asked.email(), enrolment }),
    };
    match Token::new(fields) {
        Ok(token) if status == 200 => own(token, answer.reused, asked),
        Ok(_) => second_factor.map_or_else(|| no_token(status, "its status is not 200"), Err),
        Err(why) => second_factor.map_or_else(|| no_token(status, why), Err),
    }
}

fn no_token(status: u16, why: &'static str) -> Result<Verdict, Error> {
    Err(Error::Answer(AnswerFault::NoToken { status, why }))
}

/// Refuses another user's token, and on a kept connection one that could be.
fn own(token: Token, reused: bool, asked: Asked<'_>) -> Result<Verdict, Error> {
    match token.claims().and_then(|claims| claims.email()) {
        Some(email) if !asked.email.is(email) => Err(Error::Answer(AnswerFault::OtherUser {
            email: asked.email(),
            token_email: shown(email, Some(asked.credentials)),
        })),
        None if reused => Err(Error::Answer(AnswerFault::Unnamed)),
        _ => Ok(Verdict::Token(token)),
    }
}

/// The rows that do not depend on what was asked for: a redirect, an outage, a page that is not the API's, a rejected
/// key.
fn general_error(answer: &Answer, json: Option<&Value>, credentials: Option<&Credentials>) -> Option<Error> {
    let status = answer.status;
    Some(match status {
        300..=399 => {
            // Where it points, without what it may carry there.
            let location =
                answer.header("location").unwrap_or_default().split(['?', '#']).next().unwrap_or_default();
            let location = shown(location, credentials);
            Error::Answer(AnswerFault::Redirect { status, location })
        }
        408 | 425 | 429 | 500..=599 => Error::Busy { status, asked: retry_after(answer) },
        _ if is_html(answer) => Error::Answer(AnswerFault::Html { status }),
        _ if matches!(status, 401 | 403) || is_oauth_client_error(json) => {
            let Credentials { key, secret } = credentials?;
            let (key, secret) = (key.origin.clone(), secret.origin.clone());
            Error::KeyRejected { status, key, secret, message: message(answer, json, credentials) }
        }
        _ => return None,
    })
}

fn json(body: &[u8]) -> Option<Value> {
    serde_json::from_slice(without_bom(body)).ok()
}

fn without_bom(body: &[u8]) -> &[u8] {
    body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body)
}

/// By its type or its first character.
fn is_html(answer: &Answer) -> bool {
    let of_type = answer.header("content-type").is_some_and(|value| {
        let value = value.to_ascii_lowercase();
        value.contains("text/html") || value.contains("application/xhtml")
    });
    of_type || without_bom(&answer.body).trim_ascii_start().starts_with(b"<")
}

/// `Retry-After` in seconds; its other form, a date, is passed over (RFC 9110 section 10.2.3).
fn retry_after(answer: &Answer) -> Option<Duration> {
    let value = answer.header("retry-after")?.trim();
    let digits = !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| Duration::from_secs(value.parse().unwrap_or(u64::MAX)))
}

/// RFC 6749 section 5.2: the codes that speak of the client, which the API key is, and not of the user.
fn is_oauth_client_error(json: Option<&Value>) -> bool {
    let code = json.and_then(|json| json.get("error")).and_then(Value::as_str);
    matches!(code, Some("invalid_client" | "unauthorized_client"))
}

/// The errors in an error: itself, and those of its fields.
fn validation_errors(error: &Value) -> impl Iterator<Item = &Value> {
    let entities = error.get("EntityValidationErrors").and_then(Value::as_array).into_iter().flatten();
    let fields = entities.filter_map(|entity| entity.get("ValidationErrors")?.as_array()).flatten();
    std::iter::once(error).chain(fields)
}

fn names_email(error: &Value) -> bool {
    validation_errors(error)
        .filter_map(|error| error.get("PropertyName")?.as_str())
        .any(|name| name.eq_ignore_ascii_case("email") || name.eq_ignore_ascii_case("username"))
}

/// What the server says of it, in the order in which Outseta's demos look, or a body that is no JSON.
fn message(answer: &Answer, json: Option<&Value>, credentials: Option<&Credentials>) -> Shown {
    let Some(json) = json else {
        return shown(&String::from_utf8_lossy(&answer.body), credentials);
    };
    let text = |error: &Value, name| {
        error.get(name).and_then(Value::as_str).filter(|text| !text.trim().is_empty()).map(str::to_owned)
    };
    let found = validation_errors(json)
        .find_map(|error| text(error, "ErrorMessage"))
        .or_else(|| text(json, "Message"))
        .or_else(|| text(json, "error_description"))
        .or_else(|| text(json, "error"))
        .or_else(|| json.as_str().map(str::to_owned));
    shown(&found.unwrap_or_default(), credentials)
}

/// A server's text, which could repeat the credentials that were sent to it.
fn shown(text: &str, credentials: Option<&Credentials>) -> Shown {
    let secrets = credentials.map(Credentials::secrets);
    Shown::without(text, secrets.as_ref().map_or(&[], |secrets| secrets))
}

fn likely(answer: &Answer, json: Option<&Value>) -> Likely {
    let body = answer.body.trim_ascii();
    match json {
        Some(Value::Object(_)) => Likely::NoUser,
        Some(Value::String(text)) if text == INVALID_GRANT => Likely::NoUser,
        None if body == INVALID_GRANT.as_bytes() => Likely::NoUser,
        None if answer.status == 404 && body.is_empty() => Likely::NoAccount,
        _ => Likely::Unknown,
    }
}

enum Person {
    Nobody,
    /// With the stages of their accounts that are known.
    Somebody(Vec<&'static str>),
}

/// Who stands in the answer of the lookup; `None` if that cannot be told.
fn person(people: &Value, email: &Email) -> Option<Person> {
    let total = people.get("metadata").and_then(|metadata| metadata.get("total")?.as_u64());
    let people = people.get("items")?.as_array()?;
    let emails: Option<Vec<&str>> = people.iter().map(|person| person.get("Email")?.as_str()).collect();
    match emails?.iter().position(|found| email.is(found)) {
        Some(at) => Some(Person::Somebody(stages(&people[at]))),
        // Of a wildcard's many matches this may be the first page.
        None if total.is_some_and(|total| total > people.len() as u64) => None,
        None => Some(Person::Nobody),
    }
}

fn stages(person: &Value) -> Vec<&'static str> {
    let accounts = person.get("PersonAccount").and_then(Value::as_array).into_iter().flatten();
    let stage = |account: &Value| stage(account.get("Account")?.get("AccountStage")?.as_u64()?);
    let mut stages = Vec::new();
    for stage in accounts.filter_map(stage) {
        if !stages.contains(&stage) {
            stages.push(stage);
        }
    }
    stages
}

/// Outseta's documentation of account stages.
fn stage(number: u64) -> Option<&'static str> {
    Some(match number {
        2 => "trialing",
        3 => "subscribing",
        4 => "cancelling",
        5 => "expired",
        6 => "trial expired",
        7 => "past due",
        8 => "cancelling trial",
        9 => "paused",
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
