//! One HTTP exchange: a request → a response or a failure. Only this file, `instrument` and `resolve` name
//! `ureq`.

use std::io;
use std::mem::ManuallyDrop;
use std::time::{Duration, Instant};

use ureq::http::{self, Uri};
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::{Agent, AsSendBody, ProxyProtocol, Timeout};

use super::instrument::{Phase, Progress, is_cut};
use super::resolve::Addresses;
use super::tls_errors;
use crate::config::{BaseUrl, Proxy, Settings, Sourced};
use crate::error::{Error, Kind};
use crate::secret::Secret;
use crate::text::io_reason;

const USER_AGENT: &str = concat!("outseta-token/", env!("CARGO_PKG_VERSION"));

/// Limit for a response's body in bytes. Outseta's have some two thousand.
const BODY_LIMIT: u64 = 64 * 1024;

/// Limit for a response's head in bytes. It is smaller than the buffer, because ureq reports a head that does
/// not fit into its buffer as a lost connection.
const HEAD_LIMIT: usize = 16 * 1024;
const INPUT_BUFFER: usize = HEAD_LIMIT + 8 * 1024;

/// Room for a request in bytes, not counting the credentials and the base URL.
const OUTPUT_BUFFER: usize = 8 * 1024;

const LONGEST_CONNECT: Duration = Duration::from_secs(10);

const CHECK_PROXY: &str = "check https_proxy and all_proxy; no_proxy names hosts to reach directly";

pub(super) struct Request {
    pub(super) url: String,
    pub(super) authorization: Option<Secret>,
    /// JSON; `None`: a GET.
    pub(super) body: Option<Vec<u8>>,
}

impl Request {
    pub(super) fn method(&self) -> &'static str {
        if self.body.is_some() { "POST" } else { "GET" }
    }

    /// The headers that are not secret. Outseta's CDN answers a request without the first two with an HTML
    /// page.
    pub(super) fn headers(&self) -> impl Iterator<Item = (&'static str, &'static str)> + use<> {
        let content_type = self.body.as_ref().map(|_| ("Content-Type", "application/json"));
        [("Accept", "application/json"), ("User-Agent", USER_AGENT)].into_iter().chain(content_type)
    }
}

/// No `Debug` in the program: the body may contain a token.
#[cfg_attr(test, derive(Debug, Clone, Default))]
pub(super) struct Response {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
    /// Whether the connection had already served a request.
    pub(super) reused: bool,
}

impl Response {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let header = self.headers.iter().find(|(header, _)| header.eq_ignore_ascii_case(name));
        header.map(|(_, value)| value.as_str())
    }
}

/// An HTTP client for one host.
pub(super) struct Client {
    /// Never dropped: the process ends soon, and freeing the buffers takes time.
    agent: ManuallyDrop<Agent>,
    addresses: Addresses,
    progress: Progress,
    base: BaseUrl,
    /// The host, and its port if the base URL has one.
    authority: String,
    proxy: Option<Proxy>,
    timeout: Duration,
}

impl Client {
    pub(super) fn new(settings: &Settings, timeout: Duration) -> Result<Self, Error> {
        let roots = match &settings.roots {
            Some(trusted) => {
                RootCerts::from(trusted.value.iter().map(|der| Certificate::from_der(der).to_owned()))
            }
            None => RootCerts::WebPki,
        };
        let proxy = settings.proxy.as_ref().map(ureq_proxy).transpose()?;
        let base = &settings.base.value;
        let sent = base.to_string().len() + settings.credentials.authorization().reveal().len();
        let config = Agent::config_builder()
            // Following a redirect would send the key to another host.
            .http_status_as_error(false)
            .max_redirects(0)
            // By default, ureq ignores a proxy that it cannot use, and connects directly.
            .proxy(proxy)
            .tls_config(TlsConfig::builder().root_certs(roots).build())
            // ureq sends this with CONNECT, where our own headers are absent.
            .user_agent(USER_AGENT)
            // Zeroing ureq's default buffers of 128 KiB took 13 % of a request's instructions (callgrind,
            // 2026-10).
            .input_buffer_size(INPUT_BUFFER)
            .output_buffer_size(OUTPUT_BUFFER + sent)
            .max_response_header_size(HEAD_LIMIT)
            .max_idle_connections(1)
            .max_idle_connections_per_host(1)
            .build();
        let uri: Uri = format!("{base}/").parse().map_err(|_| Error::bug("the base URL is invalid"))?;
        let authority = uri.authority().map(ToString::to_string).unwrap_or_default();
        let peer = config.proxy().map_or(uri, |proxy| proxy.uri().clone());
        let (addresses, progress) = (Addresses::new(peer, !base.tls), Progress::new());
        let connector = progress.connector(settings.proxy.is_some());
        Ok(Self {
            agent: ManuallyDrop::new(Agent::with_parts(config, connector, addresses.clone())),
            addresses,
            progress,
            base: base.clone(),
            authority,
            proxy: settings.proxy.as_ref().map(|proxy| proxy.value.clone()),
            timeout,
        })
    }

    /// Sends a request and reads the response within `left`.
    pub(super) fn exchange(&self, request: &Request, left: Duration) -> Result<Response, Error> {
        self.send(request, left).map_err(|error| {
            self.addresses.forget();
            self.failure(error)
        })
    }

    /// To be called after a response that was verified to belong to its request. Otherwise the next request
    /// opens a new connection.
    pub(super) fn keep_connection(&self) {
        self.progress.state().keep = true;
    }

    /// Whether the last exchange failed because the server had closed the kept connection, as it may at any
    /// time (RFC 9112 section 9.3.1).
    pub(super) fn is_stale(&self) -> bool {
        let state = self.progress.state();
        state.reused && state.phase == Phase::Sending
    }

    fn send(&self, request: &Request, left: Duration) -> Result<Response, ureq::Error> {
        let limit = self.connect_limit().min(left);
        self.progress.start(limit, left);
        let started = Instant::now();
        // ureq's limit for connecting does not include the lookup.
        self.addresses.look_up(limit)?;
        let connect = limit.saturating_sub(started.elapsed());
        if connect.is_zero() {
            // ureq treats a timeout of zero as one second.
            return Err(ureq::Error::Timeout(Timeout::Connect));
        }
        let (mut bytes, mut nothing) = (request.body.as_deref(), ());
        let body = bytes.as_mut().map_or_else(|| nothing.as_body(), AsSendBody::as_body);
        let mut builder = http::Request::builder().method(request.method()).uri(&request.url);
        for (name, value) in request.headers() {
            builder = builder.header(name, value);
        }
        if let Some(authorization) = &request.authorization {
            builder = builder.header("Authorization", authorization.reveal());
        }
        let request = self.agent.configure_request(builder.body(body)?);
        // Only the global timeout limits a body that arrives slowly.
        let request = request.timeout_global(Some(left.saturating_sub(started.elapsed())));
        let mut response = self.agent.run(request.timeout_connect(Some(connect)).build())?;
        let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let headers =
            response.headers().iter().map(|(name, value)| (name.to_string(), text(value))).collect();
        let body = response.body_mut().with_config().limit(BODY_LIMIT).read_to_vec()?;
        let reused = self.progress.state().reused;
        Ok(Response { status: response.status().as_u16(), headers, body, reused })
    }

    /// Time to connect, for each attempt.
    fn connect_limit(&self) -> Duration {
        (self.timeout / 3).min(LONGEST_CONNECT)
    }

    fn failure(&self, error: ureq::Error) -> Error {
        let phase = self.progress.state().phase;
        let host = &self.base.host;
        match error {
            ureq::Error::Timeout(_) if phase.is_connecting() => {
                let through = if self.proxy.is_some() { " through the proxy" } else { "" };
                let limit = seconds(self.connect_limit());
                let message = format!("cannot connect to {}{through} within {limit}", self.authority);
                Error::new(Kind::ConnectTimeout, message, self.connect_hint())
            }
            ureq::Error::Timeout(_) => {
                let message = format!("no response from {host} within {}", seconds(self.timeout));
                Error::new(Kind::Timeout, message, "try again, or raise --timeout")
            }
            ureq::Error::HostNotFound if self.proxy.is_some() => {
                self.not_connected("its name cannot be resolved")
            }
            ureq::Error::HostNotFound => {
                let loopback = if self.base.tls { "" } else { " to a loopback address" };
                let hint = "check the subdomain or base URL, this machine's name resolution, and whether a \
                     proxy is needed (https_proxy)";
                Error::new(Kind::Network, format!("cannot resolve the name {host}{loopback}"), hint)
            }
            ureq::Error::Io(error) => {
                let with_proxy = phase == Phase::ProxyTls;
                tls_errors::failure(&error, host, with_proxy)
                    .unwrap_or_else(|| self.io_failure(&error, phase))
            }
            // The body ended in the middle of a chunk.
            ureq::Error::BodyStalled => self.lost(phase),
            ureq::Error::ConnectProxyFailed(reason) => self.proxy_failure(&reason),
            ureq::Error::Tls(text) => tls_errors::handshake_failed(Kind::Tls, host, text, tls_errors::SERVER),
            ureq::Error::BodyExceedsLimit(_) | ureq::Error::LargeResponseHeader(..) => {
                let hint = "check the base URL: Outseta's API sends far smaller responses";
                Error::new(Kind::BadResponse, "the response is too large", hint)
            }
            ureq::Error::Protocol(_) if phase == Phase::Tunnel => {
                let message = format!("the proxy for {host} does not respond like a proxy");
                Error::new(Kind::Unreachable, message, CHECK_PROXY)
            }
            ureq::Error::Protocol(_) | ureq::Error::Http(_) => {
                Error::new(Kind::BadResponse, "the response is not HTTP", "check the base URL and its port")
            }
            // The error's text may contain a URL with a password.
            _ => Error::bug("the HTTP client refused the request"),
        }
    }

    fn io_failure(&self, error: &io::Error, phase: Phase) -> Error {
        match phase {
            _ if !is_cut(error.kind()) => self.not_connected(&io_reason(error)),
            Phase::ProxyTls | Phase::Tunnel => self.not_connected("it closed the connection"),
            _ => self.lost(phase),
        }
    }

    /// `reason` is ureq's: "proxy server responded 407/…" or that it did not respond.
    fn proxy_failure(&self, reason: &str) -> Error {
        let status = reason.strip_prefix("proxy server responded ").and_then(|rest| rest.split('/').next());
        let Some(status) = status.and_then(|status| status.parse::<u16>().ok()) else {
            return self.not_connected("it closed the connection");
        };
        let has_login = self.proxy.as_ref().is_some_and(|proxy| proxy.credentials.is_some());
        let hint = match status {
            // The proxy's own connection failed.
            502..=504 => {
                let message = format!("the proxy cannot connect to {} ({status})", self.authority);
                let hint = "check the subdomain or base URL, and whether the proxy can reach this host";
                return Error::new(Kind::Network, message, hint);
            }
            407 if has_login => {
                "the proxy did not accept the user and password: check them, and percent-encode their \
                 special characters"
            }
            407 => "give the proxy's user and password: https_proxy=http://user:password@host:port",
            _ => "ask whoever runs the proxy to allow this host, or name it in no_proxy",
        };
        let message = format!("the proxy refused to connect to {} ({status})", self.base.host);
        Error::new(Kind::Unreachable, message, hint)
    }

    fn not_connected(&self, reason: &str) -> Error {
        let proxy = self.proxy.as_ref().map(|_| format!("the proxy for {}", self.base.host));
        let peer = proxy.as_ref().unwrap_or(&self.authority);
        Error::new(Kind::Network, format!("cannot connect to {peer}: {reason}"), self.connect_hint())
    }

    fn connect_hint(&self) -> &'static str {
        match self.proxy {
            Some(_) => CHECK_PROXY,
            None => "check the network, a firewall, and whether a proxy is needed (https_proxy)",
        }
    }

    fn lost(&self, phase: Phase) -> Error {
        let kind = if phase.is_connecting() { Kind::Network } else { Kind::ConnectionLost };
        let host = &self.base.host;
        let message = format!("the connection to {host} was lost before the response was complete");
        Error::new(kind, message, "try again")
    }
}

fn seconds(time: Duration) -> String {
    format!("{} s", (time.as_secs_f64() * 1000.0).round().max(1.0) / 1000.0)
}

fn ureq_proxy(proxy: &Sourced<Proxy>) -> Result<ureq::Proxy, Error> {
    let Proxy { tls, host, port, credentials } = &proxy.value;
    let protocol = if *tls { ProxyProtocol::Https } else { ProxyProtocol::Http };
    let mut builder = ureq::Proxy::builder(protocol).host(host).port(*port);
    if let Some((user, password)) = credentials {
        builder = builder.username(user).password(password.reveal());
    }
    builder.build().map_err(|_| proxy.origin.malformed("proxy", "it cannot be used", ""))
}

#[cfg(test)]
mod tests;
