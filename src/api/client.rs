//! One exchange over HTTP: a request → status, headers and bytes, or the failure in its phase. Beside `connection` the
//! only file that names `ureq`; it does not know what a response means.
//!
//! Every default of ureq that is wrong here is set explicitly, with its reason.

use std::cell::Cell;
use std::fmt;
use std::io;
use std::mem::ManuallyDrop;
use std::time::{Duration, Instant};

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use ureq::http::{self, Uri};
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::{Agent, Body, ProxyProtocol, Timeout};

use super::connection::{Addresses, Phase, Watch, is_cut};
use super::tls;
use crate::config::{Proxy, Settings, Sourced};
use crate::error::{AnswerFault, Error, Network};
use crate::secret::Secret;
use crate::text::{Shown, reason};

/// What a server sees as the program.
pub(crate) const USER_AGENT: &str = concat!("outseta-token/", env!("CARGO_PKG_VERSION"));

/// Bytes of an answer's body, at most.
const BODY_LIMIT: u64 = 1024 * 1024;

/// Bytes of an answer's header block, at most. It must fit into the input buffer, or ureq takes it for a lost
/// connection.
const HEADER_LIMIT: usize = 16 * 1024;
const INPUT_BUFFER: usize = HEADER_LIMIT + 8 * 1024;

/// Bytes of the output buffer besides the credentials and the base URL: a request's head must fit into it, or ureq
/// refuses the request.
const OUTPUT_BUFFER: usize = 8 * 1024;

/// What a proxy did.
const CLOSED: &str = "it closed the connection";

/// Connecting may take a third of the time for one email, and no longer than this, in each attempt.
const LONGEST_CONNECT: Duration = Duration::from_secs(10);

/// A request, as it goes over the wire.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) url: String,
    pub(crate) headers: Vec<(&'static str, Secret)>,
    /// `Some`: a POST of these bytes; `None`: a GET.
    pub(crate) body: Option<Vec<u8>>,
}

impl Request {
    pub(crate) fn method(&self) -> &'static str {
        if self.body.is_some() { "POST" } else { "GET" }
    }
}

/// An answer that arrived completely.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// In the order and spelling in which they came; values that are not text are left empty.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// Whether the connection had served another request.
    pub(crate) reused: bool,
}

/// Without the body, which may hold a token.
impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer")
            .field("status", &self.status)
            .field("headers", &self.headers)
            .field("body", &format_args!("{} bytes", self.body.len()))
            .field("reused", &self.reused)
            .finish()
    }
}

impl Answer {
    /// The first header of this name, given in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(header, _)| header.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}

/// An HTTP client for one host.
#[derive(Debug)]
pub(crate) struct Client {
    /// Never dropped: it lives as long as the process, and giving its buffers back one by one would cost a tenth of the
    /// time that a request takes.
    agent: ManuallyDrop<Agent>,
    addresses: Addresses,
    watch: Watch,
    /// Whether the next request may go over the connection of the last one.
    keep: Cell<bool>,
    /// What is connected to: the proxy or the host.
    peer: Uri,
    host: String,
    is_tls: bool,
    /// Total time for one email.
    timeout: Duration,
    via_proxy: bool,
}

impl Client {
    /// # Errors
    /// `Error::Malformed` for certificates or a proxy that cannot be used.
    pub(crate) fn new(settings: &Settings, timeout: Duration) -> Result<Self, Error> {
        let roots = match &settings.roots {
            Some(pem) => RootCerts::from(certificates(pem)?),
            None => RootCerts::WebPki,
        };
        let proxy = settings.proxy.as_ref().map(ureq_proxy).transpose()?;
        let url = &settings.base.value;
        let host = url.host();
        let sent = url.join("").len() + settings.credentials.authorization().reveal().len();
        let config = Agent::config_builder()
            // Every status is an answer to be judged, and a redirect is one: the key goes to no other host.
            .http_status_as_error(false)
            .max_redirects(0)
            .https_only(url.is_tls())
            // ureq would read the environment by itself, pass over what it cannot use, and connect directly.
            .proxy(proxy)
            .tls_config(TlsConfig::builder().root_certs(roots).build())
            // For CONNECT too, which does not see the request's headers.
            .user_agent(USER_AGENT)
            // ureq's own sizes cost a sixth of the program's instructions, for zeroes.
            .input_buffer_size(INPUT_BUFFER)
            .output_buffer_size(OUTPUT_BUFFER + sent)
            .max_response_header_size(HEADER_LIMIT)
            .max_idle_connections(1)
            .max_idle_connections_per_host(1)
            .build();
        let via_proxy = settings.proxy.is_some();
        let peer = match config.proxy() {
            Some(proxy) => proxy.uri().clone(),
            None => url.join("/").parse().map_err(|_| Error::Bug("the base URL is none"))?,
        };
        let (addresses, watch) = (Addresses::new(!url.is_tls()), Watch::new());
        let agent = Agent::with_parts(config, watch.connector(via_proxy), addresses.clone());
        Ok(Self {
            agent: ManuallyDrop::new(agent),
            addresses,
            watch,
            keep: Cell::new(false),
            peer,
            host: host.to_owned(),
            is_tls: url.is_tls(),
            timeout,
            via_proxy,
        })
    }

    /// Sends a request and reads the whole answer within `left`. The connection serves another request only if
    /// [`Client::keep_connection`] is called.
    ///
    /// # Errors
    /// `Error::Network`, or `Error::Answer` for what is too large or not HTTP.
    pub(crate) fn exchange(&self, request: &Request, left: Duration) -> Result<Answer, Error> {
        let limit = self.connect_limit(left);
        self.watch.start(self.keep.take(), limit, left);
        let answer = self.send(request, limit, left).and_then(|mut response| {
            let body = response.body_mut().with_config().limit(BODY_LIMIT).read_to_vec()?;
            Ok((response, body))
        });
        let (response, body) = answer.map_err(|error| {
            self.addresses.forget();
            self.failure(error, limit)
        })?;
        let text = |value: &http::HeaderValue| value.to_str().unwrap_or_default().to_owned();
        let headers = response.headers().iter().map(|(name, value)| (name.to_string(), text(value)));
        Ok(Answer {
            status: response.status().as_u16(),
            headers: headers.collect(),
            body,
            reused: self.watch.is_reused(),
        })
    }

    /// Lets the next request go over the connection of the last one. Bytes that came unasked can look like the next
    /// response, so the last one must have been what was asked for.
    pub(crate) fn keep_connection(&self) {
        self.keep.set(true);
    }

    /// Whether the server closed the kept connection before it sent a byte of a response: ordinary (RFC 9112 section
    /// 9.3.1).
    pub(crate) fn is_stale(&self, error: &Error) -> bool {
        self.watch.phase() == Phase::Kept && matches!(error, Error::Network { fault: Network::Lost, .. })
    }

    fn send(
        &self,
        request: &Request,
        limit: Duration,
        left: Duration,
    ) -> Result<http::Response<Body>, ureq::Error> {
        let started = Instant::now();
        // ureq counts connecting from the end of the lookup: so that both fit into the limit, the lookup comes first.
        self.addresses.look_up(&self.peer, limit)?;
        let connect = limit.saturating_sub(started.elapsed());
        if connect.is_zero() {
            // ureq would make a second of it.
            return Err(ureq::Error::Timeout(Timeout::Connect));
        }
        let left = left.saturating_sub(started.elapsed());
        macro_rules! configured {
            ($builder:expr) => {{
                let mut builder = $builder;
                for (name, value) in &request.headers {
                    builder = builder.header(*name, value.reveal());
                }
                builder
                    .config()
                    // No limit but this one bounds a body that drips.
                    .timeout_global(Some(left))
                    .timeout_connect(Some(connect))
                    .build()
            }};
        }
        match &request.body {
            // `send_json` would pretty-print; bytes get their Content-Length.
            Some(body) => configured!(self.agent.post(&request.url)).send(body.as_slice()),
            None => configured!(self.agent.get(&request.url)).call(),
        }
    }

    fn connect_limit(&self, left: Duration) -> Duration {
        (self.timeout / 3).min(LONGEST_CONNECT).min(left)
    }

    /// `limit` is the time that connecting had.
    fn failure(&self, error: ureq::Error, limit: Duration) -> Error {
        let phase = self.watch.phase();
        let fault = match error {
            ureq::Error::Timeout(_) if phase.is_connecting() => {
                if self.via_proxy {
                    Network::SlowProxy(limit)
                } else {
                    Network::SlowConnection(limit)
                }
            }
            ureq::Error::Timeout(_) => Network::Timeout(self.timeout),
            ureq::Error::HostNotFound if self.via_proxy => {
                Network::Proxy("its name cannot be resolved".to_owned())
            }
            ureq::Error::HostNotFound if self.is_tls => Network::Dns,
            ureq::Error::HostNotFound => Network::NotLoopback,
            ureq::Error::Io(error) => self.io_failure(&error, phase),
            ureq::Error::ConnectProxyFailed(reason) => match proxy_status(&reason) {
                Some(status) => Network::ProxyRefusal(Some(status)),
                None => Network::Proxy(CLOSED.to_owned()),
            },
            ureq::Error::ConnectionFailed => Network::Connection("no address answered".to_owned()),
            ureq::Error::Tls(text) => Network::Tls { proxy: false, why: Shown::new(text) },
            ureq::Error::BodyExceedsLimit(_) | ureq::Error::LargeResponseHeader(..) => {
                return Error::Answer(AnswerFault::TooLarge);
            }
            // The connection ended within the size of a chunk.
            ureq::Error::BodyStalled => Network::Lost,
            ureq::Error::Protocol(_) if phase == Phase::Tunnel => Network::ProxyRefusal(None),
            ureq::Error::Protocol(_) | ureq::Error::Http(_) => {
                return Error::Answer(AnswerFault::NotHttp);
            }
            // Its text may hold a URL with a password, and none of these can be: the request was validated.
            _ => return Error::Bug("the HTTP client refused the request"),
        };
        Error::Network { host: self.host.clone(), fault }
    }

    fn io_failure(&self, error: &io::Error, phase: Phase) -> Network {
        if let Some(fault) = tls::fault(error, phase == Phase::ProxyTls) {
            return fault;
        }
        match is_cut(error.kind()) {
            true if matches!(phase, Phase::ProxyTls | Phase::Tunnel) => Network::Proxy(CLOSED.to_owned()),
            true => Network::Lost,
            false if self.via_proxy => Network::Proxy(reason(error)),
            false => Network::Connection(reason(error)),
        }
    }
}

/// The certificates of a PEM file.
///
/// # Errors
/// `Error::Malformed`: ureq would pass over what is broken, and trust nobody if nothing is left.
fn certificates(pem: &Sourced<Vec<u8>>) -> Result<Vec<Certificate<'static>>, Error> {
    let malformed = |why: &str| Error::Malformed {
        what: "CA file",
        origin: pem.origin.clone(),
        why: why.to_owned(),
        hint: Some("it holds one or more certificates in PEM form, each between BEGIN and END lines"),
    };
    let mut certificates = Vec::new();
    for der in CertificateDer::pem_slice_iter(&pem.value) {
        let der = der.map_err(|_| malformed("a block in it is broken"))?;
        webpki::anchor_from_trusted_cert(&der).map_err(|_| malformed("a certificate in it is broken"))?;
        certificates.push(Certificate::from_der(&der).to_owned());
    }
    if certificates.is_empty() {
        return Err(malformed("it holds no certificate"));
    }
    Ok(certificates)
}

fn ureq_proxy(proxy: &Sourced<Proxy>) -> Result<ureq::Proxy, Error> {
    let Proxy { tls, host, port, credentials } = &proxy.value;
    let protocol = if *tls { ProxyProtocol::Https } else { ProxyProtocol::Http };
    let mut builder = ureq::Proxy::builder(protocol).host(host).port(*port);
    if let Some((user, password)) = credentials {
        builder = builder.username(user).password(password.reveal());
    }
    builder.build().map_err(|_| Error::Malformed {
        what: "proxy",
        origin: proxy.origin.clone(),
        why: "it cannot be used".to_owned(),
        hint: None,
    })
}

/// The status in ureq's "proxy server responded 407/…".
fn proxy_status(reason: &str) -> Option<u16> {
    reason.strip_prefix("proxy server responded ")?.split('/').next()?.parse().ok()
}

#[cfg(test)]
mod tests;
