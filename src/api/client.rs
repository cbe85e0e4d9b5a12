//! One HTTP exchange: a request → a response or a failure. Only this file and `connection` name `ureq`.

use std::cell::Cell;
use std::io;
use std::mem::ManuallyDrop;
use std::time::{Duration, Instant};

use ureq::http::{self, Uri};
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::{Agent, AsSendBody, ProxyProtocol, Timeout};

use super::connection::{Addresses, Phase, Watch, is_cut};
use super::tls;
use crate::config::{BaseUrl, Proxy, Settings, Sourced};
use crate::error::{Error, Kind};
use crate::secret::Secret;
use crate::text::io_reason;

pub(super) const USER_AGENT: &str = concat!("outseta-token/", env!("CARGO_PKG_VERSION"));

/// Bytes of a response's body. Outseta's responses have two thousand.
const BODY_LIMIT: u64 = 64 * 1024;

/// Bytes of a response's head. ureq reports one that is larger than its buffer as a lost connection.
const HEADER_LIMIT: usize = 16 * 1024;
const INPUT_BUFFER: usize = HEADER_LIMIT + 8 * 1024;

/// Bytes of a request's head, besides the credentials and the base URL.
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
    pub(super) headers: Vec<(&'static str, Secret)>,
    /// `None`: a GET.
    pub(super) body: Option<Vec<u8>>,
}

impl Request {
    pub(super) fn method(&self) -> &'static str {
        if self.body.is_some() { "POST" } else { "GET" }
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
    /// Never dropped: freeing its buffers takes a tenth of the time of a request.
    agent: ManuallyDrop<Agent>,
    addresses: Addresses,
    watch: Watch,
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
            // For CONNECT, which lacks the request's headers.
            .user_agent(USER_AGENT)
            // Zeroing buffers of the default sizes takes a sixth of the program's instructions.
            .input_buffer_size(INPUT_BUFFER)
            .output_buffer_size(OUTPUT_BUFFER + sent)
            .max_response_header_size(HEADER_LIMIT)
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
        let (addresses, watch) = (Addresses::new(!base.tls), Watch::new());
        let agent = Agent::with_parts(config, watch.connector(via_proxy), addresses.clone());
        Ok(Self {
            agent: ManuallyDrop::new(agent),
            addresses,
            watch,
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
        let limit = self.connect_limit(left);
        self.watch.start(self.keep.take(), limit, left);
        let response = self.send(request, limit, left).map_err(|error| {
            self.addresses.forget();
            self.failure(error, limit)
        })?;
        let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let headers = response.headers().iter().map(|(name, value)| (name.to_string(), text(value)));
        Ok(Response {
            status: response.status().as_u16(),
            headers: headers.collect(),
            reused: self.watch.state().reused,
            body: response.into_body(),
        })
    }

    /// Lets the next request reuse the connection. A response that may be another request's must end it.
    pub(super) fn keep_connection(&self) {
        self.keep.set(true);
    }

    /// Whether the server had closed the kept connection, as it may at any time (RFC 9112 section 9.3.1).
    pub(super) fn is_stale(&self, error: &Error) -> bool {
        let state = self.watch.state();
        state.reused && state.phase == Phase::Sending && error.kind() == Kind::Network
    }

    /// Whether the connection of the last exchange was made.
    pub(super) fn was_connected(&self) -> bool {
        !self.watch.state().phase.is_connecting()
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
            // ureq would take this for a second.
            return Err(ureq::Error::Timeout(Timeout::Connect));
        }
        let (mut bytes, mut nothing) = (request.body.as_deref(), ());
        let body = bytes.as_mut().map_or_else(|| nothing.as_body(), AsSendBody::as_body);
        let mut builder = http::Request::builder().method(request.method()).uri(&request.url);
        for (name, value) in &request.headers {
            builder = builder.header(*name, value.reveal());
        }
        let request = self.agent.configure_request(builder.body(body)?);
        // Only the global timeout limits a body that arrives slowly.
        let request = request.timeout_global(Some(left.saturating_sub(started.elapsed())));
        let mut response = self.agent.run(request.timeout_connect(Some(connect)).build())?;
        let body = response.body_mut().with_config().limit(BODY_LIMIT).read_to_vec()?;
        Ok(response.map(|_| body))
    }

    /// For each attempt.
    fn connect_limit(&self, left: Duration) -> Duration {
        (self.timeout / 3).min(LONGEST_CONNECT).min(left)
    }

    fn failure(&self, error: ureq::Error, connect_limit: Duration) -> Error {
        let phase = self.watch.state().phase;
        let host = &self.base.host;
        let (kind, message, hint) = match error {
            ureq::Error::Timeout(_) if phase.is_connecting() => {
                return self.timed_out(Kind::ConnectTimeout, connect_limit);
            }
            ureq::Error::Timeout(_) => return self.timed_out(Kind::Timeout, self.timeout),
            ureq::Error::HostNotFound if self.via_proxy => {
                return self.not_connected("its name cannot be resolved");
            }
            ureq::Error::HostNotFound if self.base.tls => (
                Kind::Network,
                format!("cannot resolve the name {host}"),
                "check the subdomain or base URL, this machine's name resolution, and whether a proxy is \
                 needed (https_proxy)",
            ),
            ureq::Error::HostNotFound => (
                Kind::Unreachable,
                format!("{host} does not resolve to a loopback address"),
                "check localhost in /etc/hosts, or use 127.0.0.1",
            ),
            ureq::Error::Io(error) => return self.io_failure(&error, phase),
            ureq::Error::ConnectProxyFailed(reason) => match proxy_status(&reason) {
                // The proxy's own connection failed.
                Some(status @ 502..=504) => {
                    let message = format!("the proxy cannot connect to {} ({status})", self.target);
                    (Kind::Network, message, PROXY_FAILED)
                }
                Some(status) => (
                    Kind::Unreachable,
                    format!("the proxy refused to connect to {host} ({status})"),
                    if status == 407 { self.proxy_login } else { PROXY_REFUSED },
                ),
                None => return self.not_connected("it closed the connection"),
            },
            ureq::Error::Tls(text) => return tls::handshake_failed(Kind::Tls, host, text, tls::SERVER),
            ureq::Error::BodyExceedsLimit(_) | ureq::Error::LargeResponseHeader(..) => (
                Kind::BadResponse,
                "the response is too large".to_owned(),
                "check the base URL: Outseta's API sends far smaller responses",
            ),
            // The body ended inside the length of a chunk.
            ureq::Error::BodyStalled => return self.lost(),
            ureq::Error::Protocol(_) if phase == Phase::Tunnel => (
                Kind::Unreachable,
                format!("the proxy for {host} does not respond like a proxy"),
                CHECK_PROXY,
            ),
            ureq::Error::Protocol(_) | ureq::Error::Http(_) => {
                (Kind::BadResponse, "the response is not HTTP".to_owned(), "check the base URL and its port")
            }
            // Its text may contain a URL with a password.
            _ => return Error::bug("the HTTP client refused the request"),
        };
        Error::new(kind, message, hint)
    }

    fn io_failure(&self, error: &io::Error, phase: Phase) -> Error {
        if let Some(failure) = tls::failure(error, &self.base.host, phase == Phase::ProxyTls) {
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

    /// `kind` is `ConnectTimeout` or `Timeout`.
    pub(super) fn timed_out(&self, kind: Kind, time: Duration) -> Error {
        let (host, target) = (&self.base.host, &self.target);
        let milliseconds = (time.as_secs_f64() * 1000.0).round().max(1.0);
        let within = format!("within {} s", milliseconds / 1000.0);
        let (message, hint) = match (kind, self.via_proxy) {
            (Kind::Timeout, _) => {
                (format!("no response from {host} {within}"), "try again, or raise --timeout")
            }
            (_, true) => (format!("cannot connect to {target} through the proxy {within}"), CHECK_PROXY),
            (_, false) => (format!("cannot connect to {target} {within}"), CHECK_NETWORK),
        };
        Error::new(kind, message, hint)
    }
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
