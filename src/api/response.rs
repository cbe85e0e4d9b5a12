//! Interprets responses, by what is known of Outseta's:
//!
//! - A login that needs two-factor authentication is a 2xx without `access_token`, and may email a code.
//! - A rejected key is an empty 403 (the documentation says 401), an unknown account an empty 404.
//! - Errors are JSON: `{"ErrorMessage", "EntityValidationErrors": [{"ValidationErrors": [{"PropertyName",
//!   "ErrorMessage"}]}]}`, `{"ErrorMessage", "PropertyName"}`, `{"Message"}`, OAuth's `{"error",
//!   "error_description"}` (RFC 6749 section 5.2), or the text `invalid_grant`, bare or as JSON.
//! - The response for a missing user is undocumented, so the lookup asks the CRM for the person:
//!   `{"items": [{"Email", "PersonAccount": [{"Account": {"AccountStage"}}]}]}`. There, `*` is a wildcard.
//! - Outages and rate limits are 429 or 5xx, often an HTML page of the network in front of the API.

use std::time::Duration;

use serde_json::Value;

use super::client::Response;
use super::token::{Claims, Token};
use crate::config::Credentials;
use crate::email::Email;
use crate::error::{Error, Kind};
use crate::secret::Secret;
use crate::text::Sanitized;

pub(super) const INVALID_GRANT: &str = "invalid_grant";
const SEE_RESPONSE: &str = "check the base URL, or run again with -v";

/// `AccountStage` from 2 to 9, by Outseta's documentation.
const STAGES: [&str; 8] = [
    "trialing", "subscribing", "cancelling", "expired", "trial expired", "past due", "cancelling trial",
    "paused",
];

/// What error messages need to know about a request.
#[derive(Clone, Copy)]
pub(super) struct Context<'a> {
    pub(super) host: &'a str,
    /// `None` if a 401 or 403 says nothing about the API key.
    pub(super) credentials: Option<&'a Credentials>,
    pub(super) secrets: &'a [Secret],
    /// The only customer account whose tokens are accepted.
    pub(super) account: Option<&'a str>,
}

impl Context<'_> {
    /// Text of a server, or of a proxy that inspects TLS. It may repeat what was sent with any request.
    pub(super) fn shown(&self, text: &str) -> Sanitized {
        Sanitized::without(text, self.secrets)
    }

    fn no_account(&self) -> Error {
        let hint = "check the subdomain or base URL: the subdomain is the first part of the address where \
             you log in to Outseta";
        Error::new(Kind::NoSuchAccount, format!("no Outseta account at {}", self.host), hint)
    }
}

#[cfg_attr(test, derive(Debug))]
pub(super) enum Outcome {
    Token(Token),
    Refused(Refusal),
}

/// A refused login. The lookup tells the reason.
#[cfg_attr(test, derive(Debug))]
pub(super) struct Refusal {
    status: u16,
    message: String,
    /// What to report if the person cannot be looked up.
    probable_reason: Error,
}

impl Refusal {
    pub(super) fn lookup_failed(&self, email: &Email, cause: &Error) -> Error {
        let refused = format!("Outseta refused to log {email} in ({}){}", self.status, self.message);
        let message = format!("{refused}; the lookup of the reason failed: {cause}");
        Error::new(cause.kind(), message, cause.hint().unwrap_or_default())
    }

    fn unconfirmed(&self, note: &str) -> Error {
        let reason = &self.probable_reason;
        let message = format!("{reason} (unconfirmed: {note})");
        Error::new(reason.kind(), message, reason.hint().unwrap_or_default())
    }
}

/// Why Outseta refused the login.
pub(super) struct Reason(pub(super) Error);

/// Interprets the response to the POST.
pub(super) fn token(response: &Response, email: &Email, context: Context<'_>) -> Result<Outcome, Error> {
    interpret(
        response,
        context,
        |reply| matches!(reply.status, 200..=299).then(|| reply.token(email).map(Outcome::Token)),
        |reply| match reply.status {
            400 | 422 if reply.names_email() => {
                let message = format!("invalid email: Outseta rejected {email}{}", reply.message());
                Some(Err(Error::new(Kind::InvalidEmail, message, "check the email for a typing error")))
            }
            400 | 404 | 422 => Some(Ok(Outcome::Refused(reply.refusal(email)))),
            _ => None,
        },
    )
}

/// Interprets the response to the lookup that follows a refusal.
pub(super) fn lookup(
    response: &Response,
    refusal: &Refusal,
    email: &Email,
    context: Context<'_>,
) -> Result<Reason, Error> {
    let reason = interpret(
        response,
        // A key that may mint tokens may still be forbidden to read people.
        Context { credentials: None, ..context },
        |reply| (reply.status == 200).then(|| reason(reply.json.as_ref()?, refusal, email)).flatten().map(Ok),
        |reply| match reply.status {
            401 | 403 => Some(Ok(refusal.unconfirmed("the API key may not look people up"))),
            404 if reply.json.is_some() => None,
            404 if refusal.status == 404 => Some(Ok(context.no_account())),
            // The account exists, since it has responded to the POST.
            404 => Some(Ok(refusal.unconfirmed("people cannot be looked up at this URL"))),
            _ => None,
        },
    );
    reason.map(Reason)
}

/// Checks that a response is an object with this list.
pub(super) fn list(response: &Response, list: &str, context: Context<'_>) -> Result<(), Error> {
    let has_list = |json: &Value| json.get(list).is_some_and(Value::is_array);
    interpret(
        response,
        context,
        |reply| (reply.status == 200 && reply.json.as_ref().is_some_and(has_list)).then_some(Ok(())),
        |reply| (reply.status == 404 && reply.json.is_none()).then(|| Err(context.no_account())),
    )
}

/// The order of the rules for every request; the first that applies decides. `wanted` recognises the response
/// that was asked for, and `other` has the rules of this request alone.
fn interpret<T>(
    response: &Response,
    context: Context<'_>,
    wanted: impl FnOnce(&Reply<'_>) -> Option<Result<T, Error>>,
    other: impl FnOnce(&Reply<'_>) -> Option<Result<T, Error>>,
) -> Result<T, Error> {
    let reply = Reply { response, status: response.status, json: json(&response.body), context };
    wanted(&reply)
        .or_else(|| reply.general_error().map(Err))
        .or_else(|| other(&reply))
        .unwrap_or_else(|| Err(reply.unexpected()))
}

/// A response with its body parsed.
struct Reply<'a> {
    response: &'a Response,
    status: u16,
    json: Option<Value>,
    context: Context<'a>,
}

impl Reply<'_> {
    fn token(&self, email: &Email) -> Result<Token, Error> {
        let status = self.status;
        let no_token = |reason| {
            let message = format!("the response ({status}) {reason}");
            Err(Error::new(Kind::BadResponse, message, SEE_RESPONSE))
        };
        let must = |step, hint| {
            let message = format!("{email} must {step} two-factor authentication");
            Err(Error::new(Kind::LoginRefused, message, hint))
        };
        let fields = match &self.json {
            Some(Value::Object(fields)) => fields,
            _ if is_html(self.response) => return Err(html(status)),
            _ => return no_token("is not a JSON object"),
        };
        let is_true = |name| fields.get(name) == Some(&Value::Bool(true));
        match Token::new(fields.clone()) {
            Ok(token) if status == 200 => self.check_owner(&token, email).map(|()| token),
            _ if is_true("two_factor_enrollment_required") => {
                must("first set up", "the user sets it up by logging in")
            }
            _ if is_true("two_factor_required") => must(
                "log in with",
                "tokens cannot be issued for users with two-factor authentication; Outseta may have emailed \
                 a code",
            ),
            Ok(_) => no_token("has a token, but its status is not 200"),
            Err(reason) => no_token(reason),
        }
    }

    /// Refuses a token for another user or customer account, and on a reused connection one that does not say
    /// whose it is.
    fn check_owner(&self, token: &Token, email: &Email) -> Result<(), Error> {
        let (owner, account) =
            (token.claims().and_then(Claims::email), token.claims().and_then(Claims::account));
        let shown = |text| self.context.shown(text);
        let (message, hint) = match (owner, self.context.account) {
            (None, _) if self.response.reused => (
                "the token names no user, so it may belong to another request".to_owned(),
                "try again for this user",
            ),
            (Some(other), _) if !email.is(other) => (
                format!("the response is a token for '{}', not for {email}", shown(other)),
                "look for two people with this email in Outseta",
            ),
            (_, Some(wanted)) if account != Some(wanted) => {
                let account =
                    account.map_or("no account".to_owned(), |uid| format!("account '{}'", shown(uid)));
                let wanted = Sanitized::new(wanted);
                (
                    format!("the token for {email} is for {account}, not for account '{wanted}'"),
                    "--account is the UID of one of your customers' accounts; -s names your own Outseta \
                     account",
                )
            }
            _ => return Ok(()),
        };
        Err(Error::new(Kind::BadResponse, message, format!("the token was not printed; {hint}")))
    }

    /// The rules that apply to every request.
    fn general_error(&self) -> Option<Error> {
        let status = self.status;
        match status {
            300..=399 => Some(self.redirect()),
            408 | 425 | 429 | 500..=599 => Some(busy(status, retry_after(self.response))),
            _ if is_html(self.response) => Some(html(status)),
            _ if matches!(status, 401 | 403) || self.is_oauth_client_error() => {
                self.context.credentials.map(|credentials| self.rejected_key(credentials))
            }
            _ => None,
        }
    }

    fn unexpected(&self) -> Error {
        let message = format!("unexpected response ({}){}", self.status, self.message());
        Error::new(Kind::BadResponse, message, SEE_RESPONSE)
    }

    fn redirect(&self) -> Error {
        let location = self.context.shown(self.response.header("location").unwrap_or_default()).to_string();
        // The query and the fragment may contain secrets.
        let to = after(" to ", location.split(['?', '#']).next().unwrap_or_default());
        let hint = "the key is not sent to other hosts: check the subdomain or base URL";
        Error::new(Kind::NotTheApi, format!("the response is a redirect ({}){to}", self.status), hint)
    }

    fn rejected_key(&self, Credentials { key, secret }: &Credentials) -> Error {
        let origins = format!("key from {}, secret from {}", key.origin, secret.origin);
        Error::new(
            Kind::KeyRejected,
            format!("Outseta rejected the API key ({}): {origins}{}", self.status, self.message()),
            "the key or secret may be mistyped, swapped, read-only or of another account: see Settings > \
             Integrations > API Keys",
        )
    }

    /// OAuth's error codes for bad client credentials (RFC 6749 section 5.2); the client is the API key.
    fn is_oauth_client_error(&self) -> bool {
        let code = self.json.as_ref().and_then(|json| json.get("error")?.as_str());
        matches!(code, Some("invalid_client" | "unauthorized_client"))
    }

    fn refusal(&self, email: &Email) -> Refusal {
        let (status, message, body) = (self.status, self.message(), self.response.body.trim_ascii());
        let is_user = match &self.json {
            Some(json) => json.is_object() || *json == INVALID_GRANT,
            None => body == INVALID_GRANT.as_bytes(),
        };
        let probable_reason = if is_user {
            let hint = "check the email for a typing error, and the base URL";
            Error::new(Kind::NoSuchUser, format!("no such user: {email}{message}"), hint)
        } else if status == 404 && body.is_empty() {
            self.context.no_account()
        } else {
            self.unexpected()
        };
        Refusal { status, message, probable_reason }
    }

    fn names_email(&self) -> bool {
        self.json
            .iter()
            .flat_map(validation_errors)
            .filter_map(|error| error.get("PropertyName")?.as_str())
            .any(|name| name.eq_ignore_ascii_case("email") || name.eq_ignore_ascii_case("username"))
    }

    /// `: MESSAGE`, or nothing. The fields are searched in the order of Outseta's demos.
    fn message(&self) -> String {
        let text = |error: &Value, name| error.get(name)?.as_str().map(str::to_owned);
        let message = match &self.json {
            None => Some(String::from_utf8_lossy(&self.response.body).into_owned()),
            Some(Value::String(text)) => Some(text.clone()),
            Some(json) => validation_errors(json)
                .map(|error| text(error, "ErrorMessage"))
                .chain(["Message", "error_description", "error"].map(|name| text(json, name)))
                .flatten()
                .find(|text| !text.trim().is_empty()),
        };
        after(": ", &self.context.shown(message.unwrap_or_default().trim()).to_string())
    }
}

fn busy(status: u16, retry_after: Option<Duration>) -> Error {
    let message = match status {
        429 => "rate limit exceeded (429)".to_owned(),
        _ => format!("Outseta is temporarily unavailable ({status})"),
    };
    let when = retry_after.map_or("try again later".to_owned(), |wait| {
        format!("Outseta asks to wait {} s: try again then", wait.as_secs())
    });
    Error::new(Kind::Busy(retry_after), message, format!("{when}, or raise --retries and --timeout"))
}

fn html(status: u16) -> Error {
    Error::new(
        Kind::NotTheApi,
        format!("the response ({status}) is an HTML page, not from the API"),
        "something between this machine and Outseta's API responded: a proxy, a firewall, or a wrong base \
         URL",
    )
}

/// Why the login was refused; `None` if these people do not settle it.
fn reason(people: &Value, refusal: &Refusal, email: &Email) -> Option<Error> {
    let total = people.pointer("/metadata/total").and_then(Value::as_u64);
    let people = people.get("items")?.as_array()?;
    // Unlike a token's email, this one may differ in the case of any letter: it only explains the refusal.
    let wanted = email.as_str().to_lowercase();
    let is_wanted = |person: &&Value| {
        person.get("Email").and_then(Value::as_str).is_some_and(|found| found.trim().to_lowercase() == wanted)
    };
    match people.iter().find(is_wanted) {
        Some(person) => Some(Error::new(
            Kind::LoginRefused,
            format!("Outseta will not log {email} in{}{}", refusal.message, stages(person)),
            "check the person and their account in Outseta under CRM",
        )),
        // Only a wildcard should find others, and it may match more people than fit on this page.
        None if !people.is_empty() && !wanted.contains('*') => None,
        None if total.is_some_and(|total| total > people.len() as u64) => None,
        None => Some(Error::new(
            Kind::NoSuchUser,
            format!("no such user: {email}"),
            "check the email for a typing error; people are listed in Outseta under CRM > People",
        )),
    }
}

fn stages(person: &Value) -> String {
    let stages: Vec<u64> = elements(person, "PersonAccount")
        .filter_map(|account| account.pointer("/Account/AccountStage")?.as_u64())
        .collect();
    let known = (2..).zip(STAGES).filter(|(stage, _)| stages.contains(stage));
    let names: Vec<&str> = known.map(|(_, name)| name).collect();
    if names.is_empty() { String::new() } else { format!(" (account: {})", names.join(", ")) }
}

fn after(words: &str, text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("{words}{text}") }
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

/// The error itself, then the errors of its fields.
fn validation_errors(error: &Value) -> impl Iterator<Item = &Value> {
    let entities = elements(error, "EntityValidationErrors");
    std::iter::once(error).chain(entities.flat_map(|entity| elements(entity, "ValidationErrors")))
}

/// The elements of a field that is a list.
fn elements<'a>(value: &'a Value, field: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
    value.get(field).and_then(Value::as_array).into_iter().flatten()
}

#[cfg(test)]
mod tests;
