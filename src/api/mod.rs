//! The conversation with Outseta: `POST /api/v1/tokens` with the API key and `{"username": email}` mints a
//! token. If Outseta refuses, `GET /api/v1/crm/people` tells the reason, within the same timeout.

mod client;
mod connection;
mod response;
mod retry;
mod tls;
mod token;
mod trace;

use std::cell::Cell;
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;

use self::client::{Client, Request, Response, USER_AGENT};
use self::response::{Context, Outcome};
use self::retry::Deadline;
pub(crate) use self::token::{Claims, Token, now, second_after};
use self::trace::AUTHORIZATION;
use crate::cli::Options;
use crate::config::Settings;
use crate::email::Email;
use crate::error::{Error, Kind};
use crate::log::Log;
use crate::secret::Secret;

/// All but RFC 3986's unreserved characters: Outseta would read `+` as a space.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// An Outseta account.
pub(crate) struct Outseta<'a> {
    client: Client,
    settings: Settings,
    /// What a server's text must not repeat.
    secrets: Vec<Secret>,
    options: &'a Options,
    /// From the start of a request to the start of the next, at least.
    pause: Duration,
    /// The next request may start this long after this instant.
    next_request: Cell<(Instant, Duration)>,
    log: Log,
}

impl<'a> Outseta<'a> {
    pub(crate) fn new(
        settings: Settings,
        options: &'a Options,
        pause: Duration,
        log: Log,
    ) -> Result<Self, Error> {
        let client = Client::new(&settings, options.timeout)?;
        let secrets = secrets(&settings);
        let next_request = Cell::new((Instant::now(), Duration::ZERO));
        Ok(Self { client, settings, secrets, options, pause, next_request, log })
    }

    /// Mints a token for a user.
    pub(crate) fn token(&self, email: &Email) -> Result<Token, Error> {
        let mut deadline = Deadline::starting_now(self.options.timeout);
        let context = self.context();
        let outcome = self.with_retries(&self.token_request(email), &mut deadline, |response| {
            response::token(response, email, context)
        })?;
        match outcome {
            Outcome::Token(token) => {
                if token.claims().is_some_and(|claims| claims.email().is_some()) {
                    self.client.keep_connection();
                }
                Ok(token.with_expires_at(now()))
            }
            Outcome::Refused(refusal) => {
                self.log.detail("the response does not tell the reason: looking up the person");
                let reason = self.with_retries(&self.lookup_request(email), &mut deadline, |response| {
                    response::lookup(response, &refusal, email, context)
                });
                Err(reason.unwrap_or_else(|cause| refusal.lookup_failed(email, &cause)))
            }
        }
    }

    /// Reads the account's public JWKS, which shows that the account exists.
    pub(crate) fn read_jwks(&self) -> Result<(), Error> {
        let context = Context { credentials: None, ..self.context() };
        self.read(&self.request("/.well-known/jwks", None), "keys", context)
    }

    /// Tries the API key: reading a plan family changes nothing.
    pub(crate) fn read_with_key(&self) -> Result<(), Error> {
        let request = self.request_with_key("/api/v1/billing/planfamilies?limit=1&fields=Uid");
        self.read(&request, "items", self.context())
    }

    /// Whether the connection for the last request was made.
    pub(crate) fn was_connected(&self) -> bool {
        self.client.was_connected()
    }

    fn read(&self, request: &Request, list: &str, context: Context<'_>) -> Result<(), Error> {
        let mut deadline = Deadline::starting_now(self.options.timeout);
        self.with_retries(request, &mut deadline, |response| response::read(response, list, context))
    }

    fn context(&self) -> Context<'_> {
        Context {
            host: &self.settings.base.value.host,
            credentials: Some(&self.settings.credentials),
            secrets: &self.secrets,
            account: self.options.account.as_deref(),
        }
    }

    fn with_retries<T>(
        &self,
        request: &Request,
        deadline: &mut Deadline,
        interpret: impl Fn(&Response) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut retry = 0;
        loop {
            let result = self.exchange(request, deadline).and_then(|response| interpret(&response));
            let error = match result {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            let left = if retry < self.options.retries { deadline.left() } else { Duration::ZERO };
            let Some(wait) = retry::wait(&error, retry, left, retry::jitter()) else {
                if let Kind::Busy(Some(retry_after)) = error.kind() {
                    // The next email of a batch waits as long as Outseta asked for.
                    self.next_request.set((Instant::now(), retry_after.max(self.pause)));
                }
                let total = deadline.total_timeout(&error);
                return Err(total.map_or(error, |(kind, time)| self.client.timed_out(kind, time)));
            };
            self.log.detail(format_args!("{error}; trying again in {} ms", wait.as_millis()));
            thread::sleep(wait);
            retry += 1;
        }
    }

    /// One exchange, on a new connection if the server had closed the kept one.
    fn exchange(&self, request: &Request, deadline: &mut Deadline) -> Result<Response, Error> {
        let result = self.exchange_once(request, deadline);
        if result.as_ref().is_err_and(|error| self.client.is_stale(error)) {
            self.log.detail("the server had closed the kept connection: opening a new one");
            return self.exchange_once(request, deadline);
        }
        result
    }

    fn exchange_once(&self, request: &Request, deadline: &mut Deadline) -> Result<Response, Error> {
        deadline.extend(self.throttle());
        trace::request(request, &self.settings.credentials, self.log);
        let started = Instant::now();
        self.next_request.set((started, self.pause));
        let result = self.client.exchange(request, deadline.left());
        let time = started.elapsed();
        deadline.attempted(time, self.client.was_connected());
        trace::response(&result, time, self.context(), self.log);
        result
    }

    /// Waits until the next request may start. Returns how long.
    fn throttle(&self) -> Duration {
        let (from, pause) = self.next_request.get();
        let wait = pause.saturating_sub(from.elapsed());
        if !wait.is_zero() {
            self.log.detail(format_args!("waiting {} ms before the next request", wait.as_millis()));
        }
        thread::sleep(wait);
        wait
    }

    fn token_request(&self, email: &Email) -> Request {
        let query = if self.options.no_activity_log { "?donotlog=1" } else { "" };
        let mut request = self.request_with_key(&format!("/api/v1/tokens{query}"));
        request.headers.push(("Content-Type", Secret::new("application/json")));
        Request { body: Some(json!({ "username": email.as_str() }).to_string().into_bytes()), ..request }
    }

    fn lookup_request(&self, email: &Email) -> Request {
        let log = if self.options.no_activity_log { "&donotlog=1" } else { "" };
        let email = utf8_percent_encode(email.as_str(), QUERY);
        let fields = "Uid,Email,PersonAccount.Account.AccountStage";
        self.request_with_key(&format!("/api/v1/crm/people?Email={email}&fields={fields}{log}"))
    }

    fn request_with_key(&self, path: &str) -> Request {
        self.request(path, Some(self.settings.credentials.authorization()))
    }

    fn request(&self, path: &str, authorization: Option<Secret>) -> Request {
        // Without these, the network in front of the API responds with an HTML page.
        let mut headers =
            vec![("Accept", Secret::new("application/json")), ("User-Agent", Secret::new(USER_AGENT))];
        headers.extend(authorization.map(|value| (AUTHORIZATION, value)));
        Request { url: format!("{}{path}", self.settings.base.value), headers, body: None }
    }
}

fn secrets(settings: &Settings) -> Vec<Secret> {
    let mut secrets: Vec<Secret> = settings.secrets().into_iter().cloned().collect();
    // A proxy's user and password as they are sent (RFC 7617).
    if let Some((user, password)) = settings.proxy.as_ref().and_then(|proxy| proxy.value.credentials.as_ref())
    {
        secrets.push(Secret::new(STANDARD.encode(format!("{user}:{}", password.reveal()))));
    }
    secrets
}
