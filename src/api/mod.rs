//! The conversation with Outseta: which requests are made, in which order, and how often. It joins the client, the
//! retries and the judgement, and knows none of their inner workings.
//!
//! `POST /api/v1/tokens` with the API key and `{"username": email}` mints a token (Outseta's documentation). A refusal
//! leads to `GET /api/v1/crm/people`, within the same deadline.

mod client;
mod connection;
mod response;
mod retry;
mod tls;
mod token;

use std::cell::Cell;
use std::thread;
use std::time::{Duration, Instant};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;

use self::client::{Answer, Client, Request, USER_AGENT};
use self::response::{Asked, Verdict};
use self::retry::{Deadline, Next};
pub(crate) use self::token::{Token, now, second_after};
use crate::cli::Options;
use crate::config::{BaseUrl, Credentials, Settings};
use crate::email::Email;
use crate::error::Error;
use crate::log::Log;
use crate::secret::Secret;

/// All but RFC 3986's unreserved characters: in a query Outseta would read `+` as a space.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The body of the POST.
#[derive(Serialize)]
struct Login<'a> {
    username: &'a str,
}

/// An Outseta account, spoken to over one connection.
#[derive(Debug)]
pub(crate) struct Outseta {
    client: Client,
    base: BaseUrl,
    credentials: Credentials,
    timeout: Duration,
    retries: u32,
    no_activity_log: bool,
    log: Log,
    /// From the end of a request to the start of the next.
    pause: Duration,
    last_request: Cell<Option<Instant>>,
}

impl Outseta {
    /// `pause` is the least time from the end of a request to the start of the next.
    ///
    /// # Errors
    /// `Error::Malformed` for certificates or a proxy that cannot be used.
    pub(crate) fn new(
        settings: Settings,
        options: &Options,
        pause: Duration,
        log: Log,
    ) -> Result<Self, Error> {
        Ok(Self {
            client: Client::new(&settings, options.timeout)?,
            base: settings.base.value,
            credentials: settings.credentials,
            timeout: options.timeout,
            retries: options.retries,
            no_activity_log: options.no_activity_log,
            log,
            pause,
            last_request: Cell::new(None),
        })
    }

    /// Mints a token for a user.
    ///
    /// # Errors
    /// Why there is none.
    pub(crate) fn token(&self, email: &Email) -> Result<Token, Error> {
        let mut deadline = Deadline::starting_now(self.timeout);
        let asked = Asked { email, host: self.base.host(), credentials: &self.credentials };
        let request = self.login(email);
        let verdict = self.with_retries(&request, &mut deadline, |answer| response::judge(answer, asked))?;
        match verdict {
            Verdict::Token(token) => {
                if token.claims().is_some_and(|claims| claims.email().is_some()) {
                    self.client.keep_connection();
                }
                Ok(token)
            }
            Verdict::LookUp(refusal) => {
                self.log.detail(format_args!("looking up the person, since the answer does not tell why"));
                let found = self.with_retries(&self.look_up(email), &mut deadline, |answer| {
                    response::judge_look_up(answer, &refusal, asked)
                });
                Err(found.unwrap_or_else(|cause| refusal.unexplained(cause, asked)))
            }
        }
    }

    /// Reads the account's JWKS: the least that shows that an account is there.
    ///
    /// # Errors
    /// Why they cannot be read.
    pub(crate) fn read_jwks(&self) -> Result<(), Error> {
        self.read(&self.get("/.well-known/jwks", None), None)
    }

    /// Makes a harmless read with the API key: the names of plans, one at most.
    ///
    /// # Errors
    /// Why the key does not read them.
    pub(crate) fn read_with_key(&self) -> Result<(), Error> {
        let request = self
            .get("/api/v1/billing/planfamilies?limit=1&fields=Uid", Some(self.credentials.authorization()));
        self.read(&request, Some(&self.credentials))
    }

    fn read(&self, request: &Request, credentials: Option<&Credentials>) -> Result<(), Error> {
        let mut deadline = Deadline::starting_now(self.timeout);
        self.with_retries(request, &mut deadline, |answer| {
            response::judge_read(answer, self.base.host(), credentials)
        })
    }

    /// Makes a request again as long as it may do better and there is time.
    fn with_retries<T>(
        &self,
        request: &Request,
        deadline: &mut Deadline,
        judge: impl Fn(&Answer) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut attempt = 0;
        loop {
            let result = self.exchange(request, deadline).and_then(|answer| judge(&answer));
            let error = match result {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            match retry::next(&error, attempt, self.retries, deadline.left(), retry::jitter()) {
                Next::Stop => return Err(deadline.explain(error)),
                Next::TryAfter(wait) => {
                    self.log.detail(format_args!("{error}; trying again in {} ms", wait.as_millis()));
                    thread::sleep(wait);
                    attempt += 1;
                }
            }
        }
    }

    fn exchange(&self, request: &Request, deadline: &mut Deadline) -> Result<Answer, Error> {
        deadline.extend(self.throttle());
        self.log_request(request);
        let started = Instant::now();
        let mut answer = self.client.exchange(request, deadline.left());
        if answer.as_ref().is_err_and(|error| self.client.is_stale(error)) {
            self.log.detail(format_args!("the server closed the kept connection; opening another"));
            answer = self.client.exchange(request, deadline.left());
        }
        self.last_request.set(Some(Instant::now()));
        let milliseconds = started.elapsed().as_millis();
        deadline.attempted(started.elapsed(), answer.as_ref().err());
        match &answer {
            Ok(answer) => self.log_answer(answer, milliseconds),
            Err(error) => self.log.detail(format_args!("< no answer after {milliseconds} ms: {error}")),
        }
        answer
    }

    /// Waits until the next request may start, and says how long.
    fn throttle(&self) -> Duration {
        let wait =
            self.last_request.get().map_or(Duration::ZERO, |last| self.pause.saturating_sub(last.elapsed()));
        thread::sleep(wait);
        wait
    }

    fn login(&self, email: &Email) -> Request {
        let query = if self.no_activity_log { "?donotlog=1" } else { "" };
        let body =
            serde_json::to_vec(&Login { username: email.as_str() }).expect("a string serialises into memory");
        let mut request = self.get(&format!("/api/v1/tokens{query}"), Some(self.credentials.authorization()));
        request.headers.push(("Content-Type", Secret::new("application/json")));
        Request { body: Some(body), ..request }
    }

    fn look_up(&self, email: &Email) -> Request {
        let log = if self.no_activity_log { "&donotlog=1" } else { "" };
        let email = utf8_percent_encode(email.as_str(), QUERY);
        let fields = "Uid,Email,PersonAccount.Account.AccountStage";
        self.get(
            &format!("/api/v1/crm/people?Email={email}&fields={fields}{log}"),
            Some(self.credentials.authorization()),
        )
    }

    fn get(&self, path: &str, authorization: Option<Secret>) -> Request {
        // What sits in front of the API answers a client without these with an HTML page.
        let mut headers =
            vec![("Accept", Secret::new("application/json")), ("User-Agent", Secret::new(USER_AGENT))];
        headers.extend(authorization.map(|value| (AUTHORIZATION, value)));
        Request { url: self.base.join(path), headers, body: None }
    }

    fn log_request(&self, request: &Request) {
        self.log.detail(format_args!("> {} {}", request.method(), request.url));
        for (name, value) in &request.headers {
            match *name {
                AUTHORIZATION => {
                    self.log.detail(format_args!("> {name}: {}", self.credentials.masked_authorization()));
                }
                _ => self.log.detail(format_args!("> {name}: {}", value.reveal())),
            }
        }
    }

    fn log_answer(&self, answer: &Answer, milliseconds: u128) {
        if self.log.is_verbose() {
            let status = answer.status;
            self.log.detail(format_args!("< {status} after {milliseconds} ms"));
            self.log.detail(format_args!("< headers: {}", response::header_names(answer)));
            self.log.detail(format_args!("< body: {}", response::describe(answer, &self.credentials)));
        }
    }
}

const AUTHORIZATION: &str = "Authorization";
