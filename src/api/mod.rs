//! The conversation with Outseta: `POST /api/v1/tokens` with the API key and `{"username": email}` mints a
//! token. If Outseta refuses, `GET /api/v1/crm/people` looks the person up to find out why. Both share one
//! timeout.

mod client;
mod instrument;
mod resolve;
mod response;
mod timing;
mod tls_errors;
mod token;
mod trace;

use std::cell::Cell;
use std::thread;
use std::time::{Duration, Instant};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;

use self::client::{Client, Request, Response};
use self::response::{Context, Outcome, Reason};
use self::timing::Deadline;
pub(crate) use self::token::{Claims, Token, now, second_after};
use crate::config::Settings;
use crate::email::Email;
use crate::error::{Error, Kind};
use crate::secret::Secret;
use crate::stderr::{self, Log};

/// All but RFC 3986's unreserved characters: Outseta would read `+` as a space.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A longer wait, which `Retry-After` or a low --rate causes, is announced.
const NOTICEABLE_WAIT: Duration = Duration::from_secs(60);

/// The limits of a conversation, and what is asked of Outseta beside the email.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Policy {
    /// Total time for one email.
    pub(crate) timeout: Duration,
    pub(crate) retries: u32,
    /// The least time from the start of a request to the start of the next.
    pub(crate) interval: Duration,
    pub(crate) no_activity_log: bool,
    /// The only customer account whose tokens are accepted.
    pub(crate) account: Option<String>,
}

/// The client of one Outseta account's API.
pub(crate) struct Outseta {
    client: Client,
    settings: Settings,
    /// What no text of a server may repeat.
    secrets: Vec<Secret>,
    policy: Policy,
    next_request: Cell<Instant>,
    log: Log,
}

impl Outseta {
    pub(crate) fn new(settings: Settings, policy: Policy, log: Log) -> Result<Self, Error> {
        let client = Client::new(&settings, policy.timeout)?;
        let (secrets, next_request) = (settings.secrets(), Cell::new(Instant::now()));
        Ok(Self { client, settings, secrets, policy, next_request, log })
    }

    /// Mints a token for a user.
    pub(crate) fn mint(&self, email: &Email) -> Result<Token, Error> {
        let mut deadline = Deadline::starting_now(self.policy.timeout);
        let context = self.context();
        let outcome = self.with_retries(&self.token_request(email), &mut deadline, |response| {
            response::token(response, email, context)
        })?;
        let refusal = match outcome {
            Outcome::Refused(refusal) => refusal,
            Outcome::Token(token) => {
                if token.claims().and_then(Claims::email).is_some() {
                    self.client.keep_connection();
                }
                return Ok(token.with_expires_at(now()));
            }
        };
        self.log.detail("the response does not tell the reason: looking up the person");
        let lookup = self.with_retries(&self.lookup_request(email), &mut deadline, |response| {
            response::lookup(response, &refusal, email, context)
        });
        match lookup {
            Ok(Reason(error)) => Err(error),
            Err(cause) => Err(refusal.lookup_failed(email, &cause)),
        }
    }

    /// Reads the account's public JWKS, which shows that the account exists.
    pub(crate) fn read_jwks(&self) -> Result<(), Error> {
        let context = Context { credentials: None, ..self.context() };
        let request = Request { authorization: None, ..self.request("/.well-known/jwks") };
        self.read(&request, "keys", context)
    }

    /// Checks the API key with a harmless read.
    pub(crate) fn read_with_key(&self) -> Result<(), Error> {
        let request = self.request("/api/v1/billing/planfamilies?limit=1&fields=Uid");
        self.read(&request, "items", self.context())
    }

    fn read(&self, request: &Request, list: &str, context: Context<'_>) -> Result<(), Error> {
        let mut deadline = Deadline::starting_now(self.policy.timeout);
        self.with_retries(request, &mut deadline, |response| response::list(response, list, context))
    }

    fn context(&self) -> Context<'_> {
        Context {
            host: &self.settings.base.value.host,
            credentials: Some(&self.settings.credentials),
            secrets: &self.secrets,
            account: self.policy.account.as_deref(),
        }
    }

    fn with_retries<T>(
        &self,
        request: &Request,
        deadline: &mut Deadline,
        interpret: impl Fn(&Response) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut retries = 0;
        loop {
            let result = self.exchange(request, deadline).and_then(|response| interpret(&response));
            let error = match result {
                Err(error) if error.is_retryable() => error,
                result => return result,
            };
            if self.client.is_stale() {
                self.log.detail("the server had closed the kept connection: opening a new one");
                continue;
            }
            let retry_after = if let Kind::Busy(wait) = error.kind() { wait } else { None };
            let least = retry_after.unwrap_or_default();
            let wait = timing::wait(least, retries, deadline.left(), timing::jitter());
            let Some(wait) = wait.filter(|_| retries < self.policy.retries) else {
                // The next email of a batch waits as long as Outseta asked for, if a clock can hold that
                // time.
                if let Some(end) = retry_after.and_then(|wait| Instant::now().checked_add(wait)) {
                    self.next_request.set(end.max(self.next_request.get()));
                }
                return Err(error);
            };
            self.log.detail(format_args!("{error}; trying again in {} ms", wait.as_millis()));
            thread::sleep(wait);
            retries += 1;
        }
    }

    fn exchange(&self, request: &Request, deadline: &mut Deadline) -> Result<Response, Error> {
        let wait = self.next_request.get().saturating_duration_since(Instant::now());
        if wait > NOTICEABLE_WAIT {
            stderr::warning(format_args!("waiting {} s before the next request", wait.as_secs()), "");
        }
        thread::sleep(wait);
        deadline.extend(wait);
        trace::request(request, &self.settings.credentials, self.log);
        let started = Instant::now();
        self.next_request.set(started + self.policy.interval);
        let result = self.client.exchange(request, deadline.left());
        trace::response(&result, started.elapsed(), self.context(), self.log);
        result
    }

    fn token_request(&self, email: &Email) -> Request {
        let body = json!({ "username": email.as_str() }).to_string().into_bytes();
        Request { body: Some(body), ..self.request("/api/v1/tokens") }
    }

    fn lookup_request(&self, email: &Email) -> Request {
        let email = utf8_percent_encode(email.as_str(), QUERY);
        let fields = "Uid,Email,PersonAccount.Account.AccountStage";
        self.request(&format!("/api/v1/crm/people?Email={email}&fields={fields}"))
    }

    fn request(&self, path: &str) -> Request {
        let separator = if path.contains('?') { '&' } else { '?' };
        let log = if self.policy.no_activity_log { &format!("{separator}donotlog=1") } else { "" };
        Request {
            url: format!("{}{path}{log}", self.settings.base.value),
            authorization: Some(self.settings.credentials.authorization()),
            body: None,
        }
    }
}
