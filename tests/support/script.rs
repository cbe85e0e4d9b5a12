//! Replies that replace or damage the model's responses, in queues for requests, and faults of whole
//! connections.

use std::collections::VecDeque;
use std::io::{self, Write as _};
use std::time::Duration;

use super::http::{Request, Response};
use super::listener::Stop;
use super::wire::Wire;

/// The requests that a reply is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// `POST /api/v1/tokens`
    Tokens,
    /// `GET /api/v1/crm/people`
    People,
    /// `GET /.well-known/jwks`
    Jwks,
    /// `GET /api/v1/billing/planfamilies`
    PlanFamilies,
    /// `GET /api/v1/profile`
    Profile,
    Any,
}

impl Endpoint {
    fn is(self, request: &Request) -> bool {
        let end = match self {
            Self::Tokens => "/tokens",
            Self::People => "/crm/people",
            Self::Jwks => "/jwks",
            Self::PlanFamilies => "/planfamilies",
            Self::Profile => "/profile",
            Self::Any => return true,
        };
        request.path().ends_with(end)
    }
}

/// What happens to a response. Byte counts include the head.
#[derive(Clone, Debug)]
pub enum Fault {
    /// No response; the connection stays open.
    Stall,
    /// The whole response, this much later.
    Delay(Duration),
    /// One byte at a time, with this pause between them.
    Trickle(Duration),
    /// These bytes instead of a response, then the end.
    Garbage(Vec<u8>),
    /// The connection is closed after so many bytes.
    CloseAfter(usize),
    /// The connection is reset after so many bytes.
    ResetAfter(usize),
    /// The connection is closed after so many bytes of the body.
    CutBody(usize),
    /// A header of this many bytes comes after the others.
    HugeHeader(usize),
    /// The body never ends.
    EndlessBody,
    /// A second, unrequested response: so many of its bytes in the same write as the first, the others this
    /// much later.
    Unrequested(Box<Response>, usize, Duration),
    /// The whole response; the connection is closed this much later, although it promised to keep it.
    CloseIdle(Duration),
}

/// The test's or the model's response, whole or with a fault.
#[derive(Clone, Debug, Default)]
pub struct Reply {
    response: Option<Response>,
    fault: Option<Fault>,
}

impl From<Response> for Reply {
    fn from(response: Response) -> Self {
        Self { response: Some(response), fault: None }
    }
}

impl From<Fault> for Reply {
    fn from(fault: Fault) -> Self {
        Self { response: None, fault: Some(fault) }
    }
}

impl Response {
    /// This response with a fault.
    pub fn with(self, fault: Fault) -> Reply {
        Reply { response: Some(self), fault: Some(fault) }
    }
}

/// What happens to a connection after a reply.
enum Fate {
    /// Kept, unless the response has closed it.
    Kept,
    Closed,
    /// Under TLS, closed without `close_notify`.
    Cut,
    Reset,
}

impl Reply {
    /// Sends the reply, with the model's response if it has none of its own. Returns the connection if it is
    /// kept.
    pub fn deliver(self, model: Response, mut wire: Wire, stop: &Stop) -> io::Result<Option<Wire>> {
        let response = self.response.unwrap_or(model);
        let fate = match self.fault {
            None => response.write_to(&mut wire).map(|()| Fate::Kept)?,
            Some(fault) => fault.deliver(&response, &mut wire, stop)?,
        };
        match fate {
            Fate::Kept if !response.closes() => return Ok(Some(wire)),
            Fate::Kept | Fate::Closed => wire.close(),
            Fate::Cut => {}
            Fate::Reset => wire.reset(),
        }
        Ok(None)
    }
}

impl Fault {
    fn deliver(self, response: &Response, wire: &mut Wire, stop: &Stop) -> io::Result<Fate> {
        let head = response.head();
        let bytes = [head.as_slice(), &response.framed_body()].concat();
        let (sent, fate) = match self {
            Self::Stall => {
                wire.hold(stop);
                (Ok(()), Fate::Cut)
            }
            Self::Delay(delay) => {
                stop.sleep(delay);
                (send(wire, &bytes), Fate::Kept)
            }
            Self::Trickle(pause) => (trickle(wire, &bytes, pause, stop), Fate::Kept),
            Self::Garbage(garbage) => (send(wire, &garbage), Fate::Cut),
            Self::CloseAfter(count) => (send(wire, first(&bytes, count)), Fate::Cut),
            Self::CutBody(count) => (send(wire, first(&bytes, head.len() + count)), Fate::Cut),
            Self::ResetAfter(count) => {
                let sent = send(wire, first(&bytes, count));
                // The reset would overtake bytes that the peer has not read yet.
                stop.sleep(Duration::from_millis(50));
                (sent, Fate::Reset)
            }
            Self::HugeHeader(length) => {
                let response = response.clone().header("X-Padding", &"x".repeat(length));
                (response.write_to(wire), Fate::Kept)
            }
            Self::EndlessBody => (endless(wire, response, stop), Fate::Cut),
            Self::Unrequested(second, at_once, delay) => {
                let second = [second.head(), second.framed_body()].concat();
                (wire.write_two(&bytes, &second, at_once, || stop.sleep(delay)), Fate::Kept)
            }
            Self::CloseIdle(delay) => {
                let sent = send(wire, &bytes);
                stop.sleep(delay);
                (sent, Fate::Closed)
            }
        };
        sent.map(|()| fate)
    }
}

fn send(wire: &mut Wire, bytes: &[u8]) -> io::Result<()> {
    wire.write_all(bytes)?;
    wire.flush()
}

fn first(bytes: &[u8], count: usize) -> &[u8] {
    &bytes[..count.min(bytes.len())]
}

fn trickle(wire: &mut Wire, bytes: &[u8], pause: Duration, stop: &Stop) -> io::Result<()> {
    for byte in bytes {
        if stop.is_set() {
            return Ok(());
        }
        send(wire, &[*byte])?;
        stop.sleep(pause);
    }
    Ok(())
}

fn endless(wire: &mut Wire, response: &Response, stop: &Stop) -> io::Result<()> {
    send(wire, &response.clone().until_close().head())?;
    while !stop.is_set() {
        send(wire, &[b' '; 16 * 1024])?;
    }
    Ok(())
}

/// What happens to a connection before any request.
#[derive(Clone, Copy, Debug)]
pub enum AtAccept {
    /// Accepted, but no byte is sent.
    Silent,
    Close,
    Reset,
    /// Responds as an HTTP server without TLS.
    PlainHttp,
    /// The TLS handshake stops after so many bytes of the server; the connection stays open.
    StallHandshake(usize),
    /// The connection is closed after so many bytes of the server in the TLS handshake.
    CutHandshake(usize),
}

/// Entries that are used once, in order, then those that are used every time.
#[derive(Debug)]
pub struct Script<T> {
    queue: VecDeque<T>,
    always: Vec<T>,
}

impl<T> Default for Script<T> {
    fn default() -> Self {
        Self { queue: VecDeque::new(), always: Vec::new() }
    }
}

impl<T: Clone> Script<T> {
    pub fn once(&mut self, entry: T) {
        self.queue.push_back(entry);
    }

    pub fn always(&mut self, entry: T) {
        self.always.push(entry);
    }

    pub fn take(&mut self, fits: impl Fn(&T) -> bool) -> Option<T> {
        match self.queue.iter().position(&fits) {
            Some(index) => self.queue.remove(index),
            None => self.always.iter().find(|entry| fits(entry)).cloned(),
        }
    }
}

impl Script<(Endpoint, Reply)> {
    pub fn reply(&mut self, request: &Request) -> Reply {
        self.take(|(on, _)| on.is(request)).map(|(_, reply)| reply).unwrap_or_default()
    }
}
