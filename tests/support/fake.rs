//! The fake Outseta: sends the model's responses over HTTP or HTTPS on loopback, changed by the test's
//! script, and records every request and connection.

use std::io::{self, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use rustls::{ServerConfig, ServerConnection};
use serde_json::json;

use super::http::{Incoming, Request, Response};
use super::listener::{Listener, Stop};
use super::model::{self, Account};
use super::script::{AtAccept, Endpoint, Reply, Script};
use super::wire::{Wire, is_timeout, reset};

/// A running server; it ends when dropped.
pub struct Server {
    listener: Listener,
    shared: Arc<Shared>,
}

struct Shared {
    tls: Option<Arc<ServerConfig>>,
    state: Mutex<State>,
}

struct State {
    accounts: Vec<Account>,
    replies: Script<(Endpoint, Reply)>,
    at_accept: Script<AtAccept>,
    requests: Vec<Request>,
    connections: usize,
}

impl Server {
    pub fn http(account: Account) -> Self {
        Self::start(vec![account], None)
    }

    /// Over HTTP; accepts every key and gives every user the token `t0ken`.
    pub fn generous() -> Self {
        Self::replying(Response::json(200, &json!({"access_token": "t0ken"})))
    }

    /// Over HTTP; accepts every key and gives every user this token for a week.
    pub fn minting(token: &str) -> Self {
        let body = json!({"access_token": token, "token_type": "bearer", "expires_in": 604_800});
        Self::replying(Response::json(200, &body))
    }

    /// Over HTTP; sends this reply to every token request.
    pub fn replying(reply: impl Into<Reply>) -> Self {
        let server = Self::http(Account::acme());
        server.always(Endpoint::Tokens, reply);
        server
    }

    /// `tls` comes from [`Authority`](super::tls::Authority).
    pub fn https(account: Account, tls: Arc<ServerConfig>) -> Self {
        Self::start(vec![account], Some(tls))
    }

    /// Each account has its own host below outseta.com; the first one has all others.
    pub fn start(accounts: Vec<Account>, tls: Option<Arc<ServerConfig>>) -> Self {
        let state = State {
            accounts,
            replies: Script::default(),
            at_accept: Script::default(),
            requests: Vec::new(),
            connections: 0,
        };
        let shared = Arc::new(Shared { tls, state: Mutex::new(state) });
        let listener = Listener::start({
            let shared = Arc::clone(&shared);
            move |tcp, index, stop| {
                let behaviour = shared.admit();
                let shared = Arc::clone(&shared);
                move || shared.serve(behaviour, tcp, index, &stop)
            }
        });
        Self { listener, shared }
    }

    pub fn address(&self) -> SocketAddr {
        self.listener.address()
    }

    /// The base URL, with the IP address as host.
    pub fn url(&self) -> String {
        let scheme = if self.shared.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address())
    }

    /// Sends this reply to the next such request that no earlier entry takes.
    pub fn on(&self, request: Endpoint, reply: impl Into<Reply>) -> &Self {
        self.shared.state().replies.once((request, reply.into()));
        self
    }

    /// Sends this reply to every such request that no entry of [`Server::on`] takes.
    pub fn always(&self, request: Endpoint, reply: impl Into<Reply>) -> &Self {
        self.shared.state().replies.always((request, reply.into()));
        self
    }

    /// Treats the next connection this way.
    pub fn on_accept(&self, behaviour: AtAccept) -> &Self {
        self.shared.state().at_accept.once(behaviour);
        self
    }

    /// Treats every connection this way that no entry of [`Server::on_accept`] takes.
    pub fn always_on_accept(&self, behaviour: AtAccept) -> &Self {
        self.shared.state().at_accept.always(behaviour);
        self
    }

    pub fn requests(&self) -> Vec<Request> {
        self.shared.state().requests.clone()
    }

    /// Waits until this many requests have arrived.
    #[track_caller]
    pub fn wait_for_requests(&self, count: usize) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while self.requests().len() < count {
            assert!(Instant::now() < deadline, "{count} requests should come");
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// How many connections were accepted.
    pub fn connections(&self) -> usize {
        self.shared.state().connections
    }

    /// What happened so far, for the report of a failed test; it outlives the server.
    pub fn transcript(&self) -> impl Fn() -> String + Send + Sync + 'static {
        let shared = Arc::clone(&self.shared);
        move || {
            let state = shared.state();
            let requests: String = state.requests.iter().map(Request::to_string).collect();
            format!("server: {} connections, these requests:\n{requests}", state.connections)
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no thread panicked with the server's state")
    }

    fn admit(&self) -> Option<AtAccept> {
        let mut state = self.state();
        state.connections += 1;
        state.at_accept.take(|_| true)
    }

    fn serve(&self, behaviour: Option<AtAccept>, tcp: TcpStream, index: usize, stop: &Stop) {
        // An error means that the client has left.
        let _ = match behaviour {
            None => self.converse(Wire::new(tcp, self.tls.as_ref()), index, stop),
            Some(behaviour) => self.misbehave(behaviour, tcp, stop),
        };
    }

    fn converse(&self, wire: Wire, index: usize, stop: &Stop) -> io::Result<()> {
        let mut incoming = Incoming::new(wire, index);
        while let Some(request) = incoming.next(stop) {
            let (reply, model) = self.decide(request);
            let Some(kept) = reply.deliver(model, incoming.wire, stop)? else {
                return Ok(());
            };
            incoming.wire = kept;
        }
        incoming.wire.close();
        Ok(())
    }

    fn decide(&self, request: Request) -> (Reply, Response) {
        let mut state = self.state();
        let reply = state.replies.reply(&request);
        let response = model::respond(&mut state.accounts, &request, self.tls.is_some());
        state.requests.push(request);
        (reply, response)
    }

    fn misbehave(&self, behaviour: AtAccept, tcp: TcpStream, stop: &Stop) -> io::Result<()> {
        match behaviour {
            AtAccept::Silent => Wire::new(tcp, None).hold(stop),
            AtAccept::Close => {}
            AtAccept::Reset => reset(&tcp),
            AtAccept::PlainHttp => {
                let mut wire = Wire::new(tcp, None);
                wire.read_some(&mut [0; 4096], stop)?;
                Response::text(400, "plain HTTP is spoken here\n").close().write_to(&mut wire)?;
            }
            AtAccept::StallHandshake(bytes) => self.begin_handshake(tcp, bytes, stop)?.hold(stop),
            AtAccept::CutHandshake(bytes) => drop(self.begin_handshake(tcp, bytes, stop)?),
        }
        Ok(())
    }

    /// Sends the first bytes of a server's response to the `ClientHello`.
    fn begin_handshake(&self, mut tcp: TcpStream, bytes: usize, stop: &Stop) -> io::Result<Wire> {
        let config = self.tls.as_ref().expect("only a TLS server has a handshake");
        let mut session = ServerConnection::new(Arc::clone(config)).map_err(io::Error::other)?;
        while session.wants_read() && !session.wants_write() && !stop.is_set() {
            match session.read_tls(&mut tcp) {
                Err(error) if is_timeout(&error) => continue,
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                read => read?,
            };
            session.process_new_packets().map_err(io::Error::other)?;
        }
        let mut flight = Vec::new();
        while session.wants_write() {
            session.write_tls(&mut flight)?;
        }
        tcp.write_all(&flight[..bytes.min(flight.len())])?;
        Ok(Wire::new(tcp, None))
    }
}
