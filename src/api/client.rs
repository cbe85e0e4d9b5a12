//! One HTTP exchange: a request → a response or a failure. Only this file, `instrument` and `resolve` name
//! `ureq`.

use std::cell::Cell;
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
const CHECK_NETWORK: &str = "check the network, a firewall, and whether a proxy is needed (https_proxy)";
const PROXY_PASSWORD: &str = "give the proxy's user and password: https_proxy=http://user:password@host:port";
const PROXY_LOGIN: &str =
    "the proxy did not accept the user and password: check them, and percent-encode their special characters";
const PROXY_FAILED: &str = "check the subdomain or base URL, and whether the proxy can reach this host";
const PROXY_REFUSED: &str = "ask whoever runs the proxy to allow this host, or name it in no_proxy";

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
    keep: Cell<bool>,
    /// The host, or its proxy.
    peer: Uri,
    base: BaseUrl,
    /// The host, and its port unless that is 443.
    target: String,
    via_proxy: bool,
    /// The hint if the proxy requires a login.
    proxy_login: &'static str,
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
        let via_proxy = settings.proxy.is_some();
        let has_login = settings.proxy.as_ref().is_some_and(|proxy| proxy.value.credentials.is_some());
        let uri: Uri = format!("{base}/").parse().map_err(|_| Error::bug("the base URL is invalid"))?;
        let target = match uri.port_u16().unwrap_or(if base.tls { 443 } else { 80 }) {
            443 => base.host.clone(),
            port => format!("{}:{port}", base.host),
        };
        let peer = config.proxy().map_or(uri, |proxy| proxy.uri().clone());
        let (addresses, progress) = (Addresses::new(!base.tls), Progress::new());
        let agent = Agent::with_parts(config, progress.connector(via_proxy), addresses.clone());
        Ok(Self {
            agent: ManuallyDrop::new(agent),
            addresses,
            progress,
            keep: Cell::new(false),
            peer,
            base: base.clone(),
            target,
            via_proxy,
            proxy_login: if has_login { PROXY_LOGIN } else { PROXY_PASSWORD },
            timeout,
        })
    }

    /// Sends a request and reads the response within `left`.
    pub(super) fn exchange(&self, request: &Request, left: Duration) -> Result<Response, Error> {
        let limit = self.connect_limit().min(left);
        self.progress.start(self.keep.take(), limit, left);
        let response = self.send(request, limit, left).map_err(|error| {
            self.addresses.forget();
            self.failure(error)
        })?;
        let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let headers = response.headers().iter().map(|(name, value)| (name.to_string(), text(value)));
        Ok(Response {
            status: response.status().as_u16(),
            headers: headers.collect(),
            reused: self.progress.state().reused,
            body: response.into_body(),
        })
    }

    /// To be called after a response that was verified to belong to its request. Otherwise the next request
    /// opens a new connection.
    pub(super) fn keep_connection(&self) {
        self.keep.set(true);
    }

    /// Whether the server had closed the kept connection, as it may at any time (RFC 9112 section 9.3.1).
    pub(super) fn is_stale(&self, error: &Error) -> bool {
        let state = self.progress.state();
        state.reused && state.phase == Phase::Sending && error.kind() == Kind::Network
    }

    /// Whether the connection of the last exchange was made.
    pub(super) fn was_connected(&self) -> bool {
        !self.progress.state().phase.is_connecting()
    }

    fn send(
        &self,
        request: &Request,
        limit: Duration,
        left: Duration,
    ) -> Result<http::Response<Vec<u8>>, ureq::Error> {
        let started = Instant::now();
        // ureq's limit for connecting does not include the lookup.
        self.addresses.look_up(&self.peer, limit)?;
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
        let body = response.body_mut().with_config().limit(BODY_LIMIT).read_to_vec()?;
        Ok(response.map(|_| body))
    }

    /// Time to connect, for each attempt.
    fn connect_limit(&self) -> Duration {
        (self.timeout / 3).min(LONGEST_CONNECT)
    }

    fn failure(&self, error: ureq::Error) -> Error {
        let phase = self.progress.state().phase;
        let host = &self.base.host;
        match error {
            ureq::Error::Timeout(_) if phase.is_connecting() => self.connect_timeout(),
            ureq::Error::Timeout(_) => {
                let message = format!("no response from {host} within {}", seconds(self.timeout));
                Error::new(Kind::Timeout, message, "try again, or raise --timeout")
            }
            ureq::Error::HostNotFound if self.via_proxy => self.not_connected("its name cannot be resolved"),
            ureq::Error::HostNotFound if self.base.tls => Error::new(
                Kind::Network,
                format!("cannot resolve the name {host}"),
                "check the subdomain or base URL, this machine's name resolution, and whether a proxy is \
                 needed (https_proxy)",
            ),
            ureq::Error::HostNotFound => {
                let message = format!("{host} does not resolve to a loopback address");
                Error::new(Kind::Unreachable, message, "check localhost in /etc/hosts, or use 127.0.0.1")
            }
            ureq::Error::Io(error) => self.io_failure(&error, phase),
            ureq::Error::ConnectProxyFailed(reason) => self.proxy_failure(proxy_status(&reason)),
            ureq::Error::Tls(text) => tls_errors::handshake_failed(Kind::Tls, host, text, tls_errors::SERVER),
            ureq::Error::BodyExceedsLimit(_) | ureq::Error::LargeResponseHeader(..) => {
                let hint = "check the base URL: Outseta's API sends far smaller responses";
                Error::new(Kind::BadResponse, "the response is too large", hint)
            }
            // The body ended in the middle of a chunk.
            ureq::Error::BodyStalled => self.lost(),
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
        if let Some(failure) = tls_errors::failure(error, &self.base.host, phase == Phase::ProxyTls) {
            return failure;
        }
        match is_cut(error.kind()) {
            true if matches!(phase, Phase::ProxyTls | Phase::Tunnel) => {
                self.not_connected("it closed the connection")
            }
            true => self.lost(),
            false => self.not_connected(&io_reason(error)),
        }
    }

    /// `status` is that of the proxy's response to CONNECT; `None` if there was none.
    fn proxy_failure(&self, status: Option<u16>) -> Error {
        match status {
            None => self.not_connected("it closed the connection"),
            // The proxy's own connection failed.
            Some(status @ 502..=504) => {
                let message = format!("the proxy cannot connect to {} ({status})", self.target);
                Error::new(Kind::Network, message, PROXY_FAILED)
            }
            Some(status) => {
                let message = format!("the proxy refused to connect to {} ({status})", self.base.host);
                let hint = if status == 407 { self.proxy_login } else { PROXY_REFUSED };
                Error::new(Kind::Unreachable, message, hint)
            }
        }
    }

    fn not_connected(&self, reason: &str) -> Error {
        let (peer, hint) = if self.via_proxy {
            (&format!("the proxy for {}", self.base.host), CHECK_PROXY)
        } else {
            (&self.target, CHECK_NETWORK)
        };
        Error::new(Kind::Network, format!("cannot connect to {peer}: {reason}"), hint)
    }

    fn lost(&self) -> Error {
        let host = &self.base.host;
        let message = format!("the connection to {host} was lost before the response was complete");
        Error::new(Kind::Network, message, "try again")
    }

    fn connect_timeout(&self) -> Error {
        let (through, hint) =
            if self.via_proxy { (" through the proxy", CHECK_PROXY) } else { ("", CHECK_NETWORK) };
        let message =
            format!("cannot connect to {}{through} within {}", self.target, seconds(self.connect_limit()));
        Error::new(Kind::ConnectTimeout, message, hint)
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

/// The status in ureq's "proxy server responded 407/…".
fn proxy_status(reason: &str) -> Option<u16> {
    reason.strip_prefix("proxy server responded ")?.split('/').next()?.parse().ok()
}

#[cfg(test)]
mod tests;
