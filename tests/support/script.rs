//! What a test makes the fake do in place of, or to, the model's answers: replies that wait in
//! queues for requests, and faults of whole connections.

use std::collections::VecDeque;
use std::io::{self, Write as _};
use std::time::Duration;

use super::http::{Answer, Request};
use super::listener::Stop;
use super::wire::Wire;

/// The requests that a scripted reply is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum On {
    /// `POST /api/v1/tokens`
    Tokens,
    /// `GET /api/v1/crm/people`
    People,
    /// `GET /.well-known/jwks`
    Jwks,
    /// `GET /api/v1/billing/planfamilies`
    PlanFamilies,
    Any,
}

impl On {
    fn is(self, request: &Request) -> bool {
        let end = match self {
            Self::Tokens => "/tokens",
            Self::People => "/crm/people",
            Self::Jwks => "/jwks",
            Self::PlanFamilies => "/planfamilies",
            Self::Any => return true,
        };
        request.path().ends_with(end)
    }
}

/// What happens to an answer on its way. Byte counts include the head unless it says otherwise.
#[derive(Clone, Debug)]
pub enum Fault {
    /// No answer; the connection stays open.
    Stall,
    /// The answer comes whole, this much later.
    Delay(Duration),
    /// One byte at a time, with this much between them.
    Trickle(Duration),
    /// Nothing but these bytes, then the end.
    Garbage(Vec<u8>),
    /// The connection is closed after so many bytes; 0 is no answer at all.
    CloseAfter(usize),
    /// The connection is reset after so many bytes.
    ResetAfter(usize),
    /// The connection is closed after so many bytes of the body.
    CutBody(usize),
    /// A header of this many bytes comes after the others.
    HugeHeader(usize),
    /// The body never ends.
    EndlessBody,
    /// Another answer comes unasked behind the answer: so many bytes of it, as they go over the wire, in the
    /// same write, the others this much later.
    Unasked(Box<Answer>, usize, Duration),
    /// The answer is whole, and the connection that it promised to keep is closed this much later.
    CloseIdle(Duration),
}

/// A scripted reply: an answer of the test's or the model's, delivered whole or with a fault.
#[derive(Clone, Debug, Default)]
pub struct Reply {
    answer: Option<Answer>,
    fault: Option<Fault>,
}

impl From<Answer> for Reply {
    fn from(answer: Answer) -> Self {
        Self { answer: Some(answer), fault: None }
    }
}

impl From<Fault> for Reply {
    fn from(fault: Fault) -> Self {
        Self { answer: None, fault: Some(fault) }
    }
}

impl Answer {
    /// This answer, delivered with a fault.
    pub fn with(self, fault: Fault) -> Reply {
        Reply { answer: Some(self), fault: Some(fault) }
    }
}

/// What becomes of a connection after a reply.
enum Fate {
    /// It lives on, unless the answer said otherwise.
    Kept,
    Closed,
    /// Under TLS, ended without a word; a TCP connection knows no difference.
    Cut,
    Reset,
}

impl Reply {
    /// Sends the reply, with the model's answer if it has none of its own; gives the connection
    /// back if it lives on.
    pub fn deliver(self, model: Answer, mut wire: Wire, stop: &Stop) -> io::Result<Option<Wire>> {
        let answer = self.answer.unwrap_or(model);
        let fate = match self.fault {
            None => answer.write_to(&mut wire).map(|()| Fate::Kept)?,
            Some(fault) => fault.deliver(&answer, &mut wire, stop)?,
        };
        match fate {
            Fate::Kept if !answer.closes() => return Ok(Some(wire)),
            Fate::Kept | Fate::Closed => wire.close(),
            Fate::Cut => {}
            Fate::Reset => wire.reset(),
        }
        Ok(None)
    }
}

impl Fault {
    fn deliver(self, answer: &Answer, wire: &mut Wire, stop: &Stop) -> io::Result<Fate> {
        let head = answer.head();
        let bytes = [head.as_slice(), &answer.framed_body()].concat();
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
                let answer = answer.clone().header("X-Padding", &"x".repeat(length));
                (answer.write_to(wire), Fate::Kept)
            }
            Self::EndlessBody => (endless(wire, answer, stop), Fate::Cut),
            Self::Unasked(second, at_once, delay) => {
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

fn endless(wire: &mut Wire, answer: &Answer, stop: &Stop) -> io::Result<()> {
    send(wire, &answer.clone().until_close().head())?;
    while !stop.is_set() {
        send(wire, &[b' '; 16 * 1024])?;
    }
    Ok(())
}

/// What happens to a connection before any request.
#[derive(Clone, Copy, Debug)]
pub enum AtAccept {
    /// Accepted, and never a byte.
    Silent,
    Close,
    Reset,
    /// Answers as an HTTP server that knows no TLS.
    PlainHttp,
    /// The TLS handshake stops after so many bytes of the server's, the connection stays open.
    StallHandshake(usize),
    /// The connection is closed after so many bytes of the server's TLS handshake.
    CutHandshake(usize),
}

/// Queues of what to do, each entry used once; when none is left, what is set to last, if anything.
#[derive(Debug)]
pub struct Script<T> {
    queue: VecDeque<T>,
    lasting: Vec<T>,
}

impl<T> Default for Script<T> {
    fn default() -> Self {
        Self { queue: VecDeque::new(), lasting: Vec::new() }
    }
}

impl<T: Clone> Script<T> {
    pub fn once(&mut self, entry: T) {
        self.queue.push_back(entry);
    }

    pub fn always(&mut self, entry: T) {
        self.lasting.push(entry);
    }

    pub fn take(&mut self, fits: impl Fn(&T) -> bool) -> Option<T> {
        match self.queue.iter().position(&fits) {
            Some(place) => self.queue.remove(place),
            None => self.lasting.iter().find(|entry| fits(entry)).cloned(),
        }
    }

    pub fn unused(&self) -> usize {
        self.queue.len()
    }
}

impl Script<(On, Reply)> {
    pub fn reply(&mut self, request: &Request) -> Reply {
        self.take(|(on, _)| on.is(request)).map(|(_, reply)| reply).unwrap_or_default()
    }
}
