//! Interprets responses: a token, an error, or the question whether the person exists. Pure, and the only file that
//! knows how Outseta responds:
//!
//! - A login that needs two-factor authentication is a 2xx without `access_token`, and may have mailed the user.
//! - A rejected key is a 403 with an empty body (the documentation says 401), an unknown account an empty 404.
//! - Errors are JSON: `{"ErrorMessage", "EntityValidationErrors": [{"ValidationErrors": [{"PropertyName",
//!   "ErrorMessage"}]}]}`, `{"ErrorMessage", "PropertyName"}`, `{"Message"}`, OAuth's `{"error",
//!   "error_description"}` (RFC 6749 section 5.2), or the text `invalid_grant`, bare or as JSON.
//! - The response for a user who does not exist is not documented. A refusal that may mean this is followed by a
//!   lookup in the CRM: `{"items": [{"Email", "PersonAccount": [{"Account": {"AccountStage"}}]}]}`. There, a `*` in
//!   the email is a wildcard, so the emails are compared.
//! - Outages and rate limits are 429 or 5xx, often with an HTML page of the network in front of the API.

use std::time::Duration;

use serde_json::Value;

use super::client::Response;
use super::token::Token;
use crate::config::Credentials;
use crate::email::Email;
use crate::error::{Error, Kind};
use crate::text::Shown;

pub(super) const INVALID_GRANT: &str = "invalid_grant";
const SEE_RESPONSE: &str = "run again with -v to see the response";

/// What a request was about, for messages.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) host: &'a str,
    /// If the request had any.
    pub(crate) credentials: Option<&'a Credentials>,
}

impl Asked<'_> {
    /// A server's text. It may repeat the credentials.
    pub(super) fn shown(&self, text: &str) -> Shown {
        let secrets = self.credentials.map(Credentials::secrets);
        Shown::without(text, secrets.as_ref().map_or(&[], |secrets| secrets))
    }

    fn no_account(&self, note: &str) -> Error {
        Error::new(
            Kind::NoSuchAccount,
            format!("no Outseta account at {}{note}", self.host),
            "check the subdomain or base URL: the subdomain is the first part of the address at which you log in to Outseta",
        )
    }
}

/// A response of the token endpoint that is not an error.
#[derive(Debug, PartialEq)]
pub(crate) enum Outcome {
    Token(Token),
    Refused(Refusal),
}

/// A refused login. Only the lookup can tell the reason.
#[derive(Debug, PartialEq)]
pub(crate) struct Refusal {
    status: u16,
    /// The server's message, after a colon.
    message: String,
    /// What the refusal probably means, for a key that may not look people up.
    unconfirmed: Option<Error>,
}

impl Refusal {
    /// The error if the lookup fails.
    pub(crate) fn unexplained(&self, email: &Email, cause: &Error) -> Error {
        let Self { status, message, .. } = self;
        Error::new(
            cause.kind(),
            format!(
                "Outseta refused to log {} in ({status}){message}; the lookup of the reason failed: {cause}",
                shown(email)
            ),
            match cause.kind() {
                Kind::BadResponse => "check the base URL, or run again with -v to see the response",
                _ => cause.hint().unwrap_or_default(),
            },
        )
    }
}

/// Interprets the response to the POST. The first rule that fits decides.
///
/// # Errors
/// Why no token was minted.
pub(crate) fn token(response: &Response, email: &Email, asked: Asked<'_>) -> Result<Outcome, Error> {
    let (status, json) = (response.status, json(&response.body));
    if matches!(status, 200..=299) {
        return success(response, json, email, asked).map(Outcome::Token);
    }
    let json = json.as_ref();
    if let Some(error) = general_error(response, json, asked) {
        return Err(error);
    }
    let message = message(response, json, asked);
    match status {
        400 | 422 if json.is_some_and(names_email) => Err(Error::new(
            Kind::InvalidEmail,
            format!("invalid email: Outseta rejected {}{message}", shown(email)),
            "check the email for a typing error",
        )),
        400 | 404 | 422 => {
            let unconfirmed = unconfirmed(response, json, &message, email, asked);
            Ok(Outcome::Refused(Refusal { status, message, unconfirmed }))
        }
        _ => Err(unexpected(status, &message)),
    }
}

/// Interprets the response to the lookup: the meaning of the refusal.
///
/// # Errors
/// Why the lookup does not tell it.
pub(crate) fn lookup(
    response: &Response,
    refusal: &Refusal,
    email: &Email,
    asked: Asked<'_>,
) -> Result<Error, Error> {
    let (status, json) = (response.status, json(&response.body));
    if status == 404 && json.is_none() {
        return Ok(asked.no_account(""));
    }
    let general = general_error(response, json.as_ref(), asked);
    if let Some(error) = general.filter(|error| error.kind() != Kind::KeyRejected) {
        return Err(error);
    }
    let meaning = match (status, &json) {
        (200, Some(people)) => find(people, email).map(|person| match person {
            None => Error::new(
                Kind::NoSuchUser,
                format!("no such user: {}", shown(email)),
                "check the email for a typing error; people are listed in Outseta under CRM > People",
            ),
            Some(person) => login_refused(person, refusal, email),
        }),
        (401 | 403, _) => refusal.unconfirmed.clone(),
        _ => None,
    };
    meaning.ok_or_else(|| unexpected(status, &message(response, json.as_ref(), asked)))
}

/// Interprets the response to a read, which is only checked.
///
/// # Errors
/// The error that a request for a token would end with.
pub(crate) fn read(response: &Response, asked: Asked<'_>) -> Result<(), Error> {
    let (status, json) = (response.status, json(&response.body));
    let json = json.as_ref();
    if status == 200 && json.is_some_and(Value::is_object) {
        return Ok(());
    }
    Err(match general_error(response, json, asked) {
        Some(error) => error,
        None if status == 404 && json.is_none() => asked.no_account(""),
        None => unexpected(status, &message(response, json, asked)),
    })
}

fn success(
    response: &Response,
    json: Option<Value>,
    email: &Email,
    asked: Asked<'_>,
) -> Result<Token, Error> {
    let status = response.status;
    let no_token =
        |reason| Error::new(Kind::BadResponse, format!("the response ({status}) {reason}"), SEE_RESPONSE);
    let Some(Value::Object(fields)) = json else {
        return Err(if is_html(response) { html(status) } else { no_token("is not a JSON object") });
    };
    let wants = |field| fields.get(field) == Some(&Value::Bool(true));
    let two_factor = if wants("two_factor_enrollment_required") {
        Some(Error::new(
            Kind::LoginRefused,
            format!("{} must first set up two-factor authentication", shown(email)),
            "the user sets it up by logging in",
        ))
    } else if wants("two_factor_required") {
        Some(Error::new(
            Kind::LoginRefused,
            format!("{} must log in with two-factor authentication", shown(email)),
            "tokens cannot be issued for users with two-factor authentication; Outseta may have emailed a code",
        ))
    } else {
        None
    };
    match Token::new(fields) {
        Ok(token) if status == 200 => of_user(token, response.reused, email, asked),
        Ok(_) => Err(two_factor.unwrap_or_else(|| no_token("has a token, but its status is not 200"))),
        Err(reason) => Err(two_factor.unwrap_or_else(|| no_token(reason))),
    }
}

/// Refuses another user's token, and on a reused connection a token that may be another user's.
fn of_user(token: Token, reused: bool, email: &Email, asked: Asked<'_>) -> Result<Token, Error> {
    match token.claims().and_then(|claims| claims.email()) {
        Some(other) if !email.is(other) => Err(Error::new(
            Kind::BadResponse,
            format!("the response is a token for {}, not for {}", asked.shown(other), shown(email)),
            "the token was not printed; look for two people with this email in Outseta",
        )),
        None if reused => Err(Error::new(
            Kind::BadResponse,
            "the token names no user, so it may belong to another request",
            "the token was not printed; try again for this user",
        )),
        _ => Ok(token),
    }
}

/// The rules for every request: redirects, outages, HTML pages, a rejected key.
fn general_error(response: &Response, json: Option<&Value>, asked: Asked<'_>) -> Option<Error> {
    let status = response.status;
    Some(match status {
        300..=399 => {
            let location = response.header("location").unwrap_or_default();
            // The query and the fragment may contain secrets.
            let location = asked.shown(location.split(['?', '#']).next().unwrap_or_default());
            let to = if location.is_empty() { String::new() } else { format!(" to {location}") };
            Error::new(
                Kind::NotTheApi,
                format!("the response is a redirect ({status}){to}"),
                "the key is not sent to other hosts: check the subdomain or base URL",
            )
        }
        408 | 425 | 429 | 500..=599 => busy(status, retry_after(response)),
        _ if is_html(response) => html(status),
        _ if matches!(status, 401 | 403) || is_oauth_client_error(json) => {
            let Credentials { key, secret } = asked.credentials?;
            let message = message(response, json, asked);
            Error::new(
                Kind::KeyRejected,
                format!(
                    "Outseta rejected the API key ({status}): key from {}, secret from {}{message}",
                    key.origin, secret.origin
                ),
                "the key or secret may be mistyped, read-only or of another account: see Settings > Integrations > API Keys",
            )
        }
        _ => return None,
    })
}

fn busy(status: u16, retry_after: Option<Duration>) -> Error {
    let message = match status {
        429 => "rate limit exceeded (429)".to_owned(),
        _ => format!("Outseta is temporarily unavailable ({status})"),
    };
    let hint = match retry_after {
        Some(wait) => {
            let seconds = wait.as_secs();
            format!("Outseta asks to wait {seconds} s: try again then, or raise --retries and --timeout")
        }
        None => "try again later, or raise --retries and --timeout".to_owned(),
    };
    Error::new(Kind::Busy(retry_after), message, hint)
}

fn html(status: u16) -> Error {
    Error::new(
        Kind::NotTheApi,
        format!("the response ({status}) is an HTML page, not from the API"),
        "something between this machine and Outseta's API responded: a proxy, a firewall, or a wrong base URL",
    )
}

fn unexpected(status: u16, message: &str) -> Error {
    Error::new(Kind::BadResponse, format!("unexpected response ({status}){message}"), SEE_RESPONSE)
}

fn login_refused(person: &Value, refusal: &Refusal, email: &Email) -> Error {
    let stages = stages(person);
    let stages = if stages.is_empty() { String::new() } else { format!(" (account: {})", stages.join(", ")) };
    Error::new(
        Kind::LoginRefused,
        format!("Outseta will not log {} in{}{stages}", shown(email), refusal.message),
        "check the person and their account in Outseta under CRM",
    )
}

/// The meaning of a refusal that cannot be looked up.
fn unconfirmed(
    response: &Response,
    json: Option<&Value>,
    message: &str,
    email: &Email,
    asked: Asked<'_>,
) -> Option<Error> {
    let note = " (unconfirmed: the API key may not look people up)";
    let body = response.body.trim_ascii();
    let is_user = match json {
        Some(json) => json.is_object() || *json == INVALID_GRANT,
        None => body == INVALID_GRANT.as_bytes(),
    };
    if is_user {
        return Some(Error::new(
            Kind::NoSuchUser,
            format!("no such user: {}{message}{note}", shown(email)),
            "check the email for a typing error, and the base URL",
        ));
    }
    (response.status == 404 && body.is_empty()).then(|| asked.no_account(note))
}

fn shown(email: &Email) -> Shown {
    Shown::new(email.as_str())
}

pub(super) fn json(body: &[u8]) -> Option<Value> {
    serde_json::from_slice(without_bom(body)).ok()
}

fn without_bom(body: &[u8]) -> &[u8] {
    body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body)
}

/// By the content type or the first character.
fn is_html(response: &Response) -> bool {
    let content_type = response.header("content-type").unwrap_or_default().to_ascii_lowercase();
    content_type.contains("text/html")
        || content_type.contains("application/xhtml")
        || without_bom(&response.body).trim_ascii_start().starts_with(b"<")
}

/// `Retry-After` in seconds. Its other form, a date, is ignored (RFC 9110 section 10.2.3).
fn retry_after(response: &Response) -> Option<Duration> {
    let value = response.header("retry-after")?.trim();
    let is_number = !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit());
    is_number.then(|| Duration::from_secs(value.parse().unwrap_or(u64::MAX)))
}

/// The codes of RFC 6749 section 5.2 that are about the client, which here is the API key.
fn is_oauth_client_error(json: Option<&Value>) -> bool {
    let code = json.and_then(|json| json.get("error")).and_then(Value::as_str);
    matches!(code, Some("invalid_client" | "unauthorized_client"))
}

/// The error itself and the errors of its fields.
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

/// `: ` and the server's message, in the order of Outseta's demos, or a body that is not JSON; empty if there is none.
fn message(response: &Response, json: Option<&Value>, asked: Asked<'_>) -> String {
    let text = |error: &Value, name| {
        error.get(name).and_then(Value::as_str).filter(|text| !text.trim().is_empty()).map(str::to_owned)
    };
    let message = match json {
        None => String::from_utf8_lossy(&response.body).into_owned(),
        Some(json) => validation_errors(json)
            .find_map(|error| text(error, "ErrorMessage"))
            .or_else(|| ["Message", "error_description", "error"].iter().find_map(|name| text(json, name)))
            .or_else(|| json.as_str().map(str::to_owned))
            .unwrap_or_default(),
    };
    let message = asked.shown(&message);
    if message.is_empty() { String::new() } else { format!(": {message}") }
}

/// Looks for the person in a list: `Some(None)` if nobody has this email, `None` if that cannot be told.
#[expect(clippy::option_option, reason = "found, not found and unknown are three answers")]
fn find<'a>(people: &'a Value, email: &Email) -> Option<Option<&'a Value>> {
    let total = people.get("metadata").and_then(|metadata| metadata.get("total")?.as_u64());
    let people = people.get("items")?.as_array()?;
    let emails: Option<Vec<&str>> = people.iter().map(|person| person.get("Email")?.as_str()).collect();
    let found = emails?.iter().position(|found| email.is(found)).map(|index| &people[index]);
    // A wildcard may match more people than fit on this page.
    let is_partial = total.is_some_and(|total| total > people.len() as u64);
    (found.is_some() || !is_partial).then_some(found)
}

/// The known stages of the person's accounts, as in Outseta's documentation.
fn stages(person: &Value) -> Vec<&'static str> {
    let accounts = person.get("PersonAccount").and_then(Value::as_array).into_iter().flatten();
    let mut stages = Vec::new();
    for account in accounts {
        let number = account.get("Account").and_then(|account| account.get("AccountStage")?.as_u64());
        let stage = match number {
            Some(2) => "trialing",
            Some(3) => "subscribing",
            Some(4) => "cancelling",
            Some(5) => "expired",
            Some(6) => "trial expired",
            Some(7) => "past due",
            Some(8) => "cancelling trial",
            Some(9) => "paused",
            _ => continue,
        };
        if !stages.contains(&stage) {
            stages.push(stage);
        }
    }
    stages
}

#[cfg(test)]
mod tests;
