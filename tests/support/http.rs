//! HTTP/1.1 for a server: reads requests byte for byte, and writes responses with any framing.

use std::fmt::{self, Display, Formatter};
use std::io::{self, Write as _};
use std::time::Instant;

use percent_encoding::percent_decode_str;
use serde_json::Value;

use super::listener::Stop;
use super::wire::Wire;

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: String,
    pub target: String,
    pub version: String,
    /// In the order and case in which they came.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// The index of the connection it came on, from 0.
    pub connection: usize,
    /// The server name of the TLS handshake.
    pub sni: Option<String>,
    /// When it was complete.
    pub at: Instant,
}

impl Request {
    /// The first header of this name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let named = self.headers.iter().find(|(given, _)| given.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_str())
    }

    /// The target without its query.
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// A parameter of the query, percent-decoded (`+` is a blank, as in forms).
    pub fn query(&self, name: &str) -> Option<String> {
        let (_, query) = self.target.split_once('?')?;
        let mut pairs = query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        let (_, value) = pairs.find(|(given, _)| *given == name)?;
        Some(percent_decode_str(&value.replace('+', " ")).decode_utf8_lossy().into_owned())
    }

    fn wants_close(&self) -> bool {
        self.version == "HTTP/1.0"
            || self.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"))
    }
}

impl Display for Request {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "[connection {}] {} {} {}", self.connection, self.method, self.target, self.version)?;
        for (name, value) in &self.headers {
            writeln!(f, "    {name}: {value}")?;
        }
        writeln!(f, "    {}", String::from_utf8_lossy(&self.body))
    }
}

/// The requests of one connection.
pub struct Incoming {
    pub wire: Wire,
    connection: usize,
    unread: Vec<u8>,
    ending: bool,
}

impl Incoming {
    pub fn new(wire: Wire, connection: usize) -> Self {
        Self { wire, connection, unread: Vec::new(), ending: false }
    }

    /// The next request; `None` at the end of the connection.
    pub fn next(&mut self, stop: &Stop) -> Option<Request> {
        if self.ending {
            return None;
        }
        let head_length = self.fill_until(stop, |unread| find(unread, b"\r\n\r\n"))? + 4;
        let head = String::from_utf8_lossy(&self.unread[..head_length]).into_owned();
        let mut request = parse_head(&head)?;
        let body_length = request.header("content-length").map_or(Some(0), |length| length.parse().ok())?;
        let end = head_length + body_length;
        self.fill_until(stop, |unread| (unread.len() >= end).then_some(end))?;
        request.body = self.unread[head_length..end].to_vec();
        self.unread.drain(..end);
        request.connection = self.connection;
        request.sni = self.wire.sni();
        request.at = Instant::now();
        self.ending = request.wants_close();
        Some(request)
    }

    fn fill_until(&mut self, stop: &Stop, done: impl Fn(&[u8]) -> Option<usize>) -> Option<usize> {
        let mut buffer = [0; 4096];
        loop {
            if let Some(found) = done(&self.unread) {
                return Some(found);
            }
            match self.wire.read_some(&mut buffer, stop) {
                Ok(read) if read > 0 => self.unread.extend_from_slice(&buffer[..read]),
                _ => return None,
            }
        }
    }
}

fn find(bytes: &[u8], part: &[u8]) -> Option<usize> {
    bytes.windows(part.len()).position(|window| window == part)
}

fn parse_head(head: &str) -> Option<Request> {
    let mut lines = head.trim_end().split("\r\n");
    let mut start = lines.next()?.splitn(3, ' ').map(str::to_owned);
    let (method, target, version) = (start.next()?, start.next()?, start.next()?);
    let headers = lines
        .map(|line| line.split_once(':').map(|(name, value)| (name.to_owned(), value.trim().to_owned())));
    Some(Request {
        method,
        target,
        version,
        headers: headers.collect::<Option<_>>()?,
        body: Vec::new(),
        connection: 0,
        sni: None,
        at: Instant::now(),
    })
}

/// How the end of a body is marked.
#[derive(Clone, Debug)]
enum Framing {
    Length,
    Chunked,
    Close,
}

/// A response: a constructor gives its content, methods add the rest.
#[derive(Clone, Debug)]
pub struct Response {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    framing: Framing,
    closes: bool,
}

impl Response {
    /// No body and no `Content-Type`.
    pub fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new(), framing: Framing::Length, closes: false }
    }

    pub fn json(status: u16, body: &Value) -> Self {
        Self::empty(status).header("Content-Type", "application/json; charset=utf-8").body(body.to_string())
    }

    pub fn text(status: u16, body: &str) -> Self {
        Self::empty(status).header("Content-Type", "text/plain; charset=utf-8").body(body)
    }

    pub fn html(status: u16, body: &str) -> Self {
        Self::empty(status).header("Content-Type", "text/html; charset=UTF-8").body(body)
    }

    pub fn redirect(status: u16, location: &str) -> Self {
        Self::empty(status).header("Location", location)
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    pub fn chunked(mut self) -> Self {
        self.framing = Framing::Chunked;
        self
    }

    /// Neither a length nor chunks: the body ends with the connection.
    pub fn until_close(mut self) -> Self {
        self.framing = Framing::Close;
        self
    }

    /// Announces `Connection: close` and keeps the promise.
    pub fn close(mut self) -> Self {
        self.closes = true;
        self.header("Connection", "close")
    }

    pub fn closes(&self) -> bool {
        self.closes || matches!(self.framing, Framing::Close)
    }

    /// Status line (without a reason phrase: RFC 9112 section 4), headers and the empty line.
    pub fn head(&self) -> Vec<u8> {
        let framing = match self.framing {
            Framing::Length => Some(("Content-Length".to_owned(), self.body.len().to_string())),
            Framing::Chunked => Some(("Transfer-Encoding".to_owned(), "chunked".to_owned())),
            Framing::Close => None,
        };
        let mut lines = vec![format!("HTTP/1.1 {} ", self.status)];
        let headers = self.headers.iter().chain(framing.iter());
        lines.extend(headers.map(|(name, value)| format!("{name}: {value}")));
        (lines.join("\r\n") + "\r\n\r\n").into_bytes()
    }

    /// The body with its framing.
    pub fn framed_body(&self) -> Vec<u8> {
        if !matches!(self.framing, Framing::Chunked) {
            return self.body.clone();
        }
        let mut chunks = Vec::new();
        // Two chunks, if possible: a client must not stop after the first.
        for chunk in self.body.chunks(self.body.len().div_ceil(2).max(1)) {
            chunks.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
            chunks.extend_from_slice(chunk);
            chunks.extend_from_slice(b"\r\n");
        }
        chunks.extend_from_slice(b"0\r\n\r\n");
        chunks
    }

    pub fn write_to(&self, wire: &mut Wire) -> io::Result<()> {
        wire.write_all(&[self.head(), self.framed_body()].concat())?;
        wire.flush()
    }
}
