//! A CONNECT proxy, over HTTP or HTTPS, that connects every host to an address on loopback. With it a test
//! uses the real URL, `https://acme.outseta.com`, and reaches the fake.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustls::ServerConfig;

use super::fake::Server;
use super::http::{Incoming, Request, Response};
use super::listener::{Listener, Stop, TICK};
use super::model::Account;
use super::tls::{Authority, NAMES};
use super::wire::{Wire, is_timeout};

/// Larger than what rustls decrypts at once, so that one read takes everything.
const BUFFER: usize = 64 * 1024;

/// What the proxy does with a CONNECT.
#[derive(Clone, Copy, Debug)]
pub enum Behaviour {
    Tunnel,
    /// Refuses with this status, e.g. 407.
    Refuse(u16),
    Close,
    Stall,
    /// Responds with something that is not HTTP.
    Garbage,
}

/// A running proxy; it ends when dropped.
pub struct Proxy {
    listener: Listener,
    shared: Arc<Shared>,
}

struct Shared {
    tls: Option<Arc<ServerConfig>>,
    state: Mutex<State>,
}

struct State {
    route: Option<SocketAddr>,
    behaviour: Behaviour,
    requests: Vec<Request>,
}

impl Proxy {
    pub fn http() -> Self {
        Self::start(None)
    }

    pub fn https(tls: Arc<ServerConfig>) -> Self {
        Self::start(Some(tls))
    }

    fn start(tls: Option<Arc<ServerConfig>>) -> Self {
        let state = State { route: None, behaviour: Behaviour::Tunnel, requests: Vec::new() };
        let shared = Arc::new(Shared { tls, state: Mutex::new(state) });
        let listener = Listener::start({
            let shared = Arc::clone(&shared);
            move |tcp, index, stop| {
                let shared = Arc::clone(&shared);
                // An error means that the client or the server has left.
                move || drop(shared.serve(tcp, index, &stop))
            }
        });
        Self { listener, shared }
    }

    /// Connects every target to `address`; without this, the response is 502.
    pub fn route_all(self, address: SocketAddr) -> Self {
        self.shared.state().route = Some(address);
        self
    }

    pub fn behave(&self, behaviour: Behaviour) -> &Self {
        self.shared.state().behaviour = behaviour;
        self
    }

    pub fn address(&self) -> SocketAddr {
        self.listener.address()
    }

    pub fn url(&self) -> String {
        let scheme = if self.shared.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address())
    }

    /// The URL with user info, such as `user:p%40ss`.
    pub fn url_with(&self, user_info: &str) -> String {
        self.url().replace("://", &format!("://{user_info}@"))
    }

    /// The requests to the proxy itself, with their `Proxy-Authorization`.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.state().requests.clone()
    }

    /// What happened so far, for the report of a failed test; it outlives the proxy.
    pub fn transcript(&self) -> impl Fn() -> String + Send + Sync + 'static {
        let shared = Arc::clone(&self.shared);
        move || {
            let requests: String = shared.state().requests.iter().map(Request::to_string).collect();
            format!("proxy:\n{requests}")
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no thread panicked with the proxy's state")
    }

    fn serve(&self, tcp: TcpStream, index: usize, stop: &Stop) -> io::Result<()> {
        let mut incoming = Incoming::new(Wire::new(tcp, self.tls.as_ref()), index);
        let Some(request) = incoming.next(stop) else {
            return Ok(());
        };
        let mut wire = incoming.wire;
        let (behaviour, address) = self.decide(request);
        match (behaviour, address) {
            (Behaviour::Close, _) => {}
            (Behaviour::Stall, _) => wire.hold(stop),
            (Behaviour::Garbage, _) => wire.write_all(b"\x00\x01\x02 not a proxy\r\n\r\n")?,
            (Behaviour::Refuse(status), _) => {
                let response = Response::empty(status).header("Proxy-Authenticate", "Basic realm=\"proxy\"");
                response.close().write_to(&mut wire)?;
            }
            (Behaviour::Tunnel, None) => Response::empty(502).close().write_to(&mut wire)?,
            (Behaviour::Tunnel, Some(address)) => {
                let server = TcpStream::connect(address)?;
                wire.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
                return tunnel(wire, server, stop);
            }
        }
        wire.close();
        Ok(())
    }

    fn decide(&self, request: Request) -> (Behaviour, Option<SocketAddr>) {
        let mut state = self.state();
        let address = state.route.filter(|_| request.method == "CONNECT");
        state.requests.push(request);
        (state.behaviour, address)
    }
}

/// Copies in both directions until one side ends.
fn tunnel(mut client: Wire, mut server: TcpStream, stop: &Stop) -> io::Result<()> {
    server.set_nodelay(true)?;
    server.set_read_timeout(Some(TICK))?;
    let mut buffer = vec![0; BUFFER];
    while !stop.is_set() {
        let (from_client, from_server) = readable(client.tcp(), &server)?;
        if from_client {
            match client.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => server.write_all(&buffer[..read])?,
                // Part of a TLS record.
                Err(error) if is_timeout(&error) => {}
                Err(error) => return Err(error),
            }
        }
        if from_server {
            match server.read(&mut buffer)? {
                0 => break,
                read => client.write_all(&buffer[..read])?,
            }
        }
    }
    client.close();
    Ok(())
}

/// Which of two connections can be read; waits one tick for it.
pub(super) fn readable(client: &TcpStream, server: &TcpStream) -> io::Result<(bool, bool)> {
    let tick = Timespec { tv_sec: 0, tv_nsec: TICK.subsec_nanos().into() };
    let mut sockets = [PollFd::new(client, PollFlags::IN), PollFd::new(server, PollFlags::IN)];
    poll(&mut sockets, Some(&tick))?;
    Ok((!sockets[0].revents().is_empty(), !sockets[1].revents().is_empty()))
}

/// A TLS server for `*.outseta.com`, a proxy that connects to it, and the authority to trust.
pub struct Detour {
    pub authority: Authority,
    pub server: Server,
    pub proxy: Proxy,
}

impl Detour {
    pub fn new(account: Account) -> Self {
        let authority = Authority::new();
        let server = Server::https(account, authority.server(&NAMES));
        let proxy = Proxy::http().route_all(server.address());
        Self { authority, server, proxy }
    }
}
