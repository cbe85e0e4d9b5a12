//! The way to a response: ureq's resolver and connectors, watched to know how far an exchange has come and to end it in
//! time. Beside `client` the only file that names `ureq`. It does not know what is sent.
//!
//! These parts of ureq may change with its minor version, which Cargo.toml therefore holds.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{
    Buffers, ConnectProxyConnector, ConnectionDetails, Connector, NextTimeout, RustlsConnector, TcpConnector,
    Transport,
};
use ureq::{Error, Timeout};

use crate::config::is_address;

/// As many addresses as ureq takes.
const MAX_ADDRESSES: usize = 16;

/// How far an exchange has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// The request goes over a connection that has served another one.
    Kept,
    /// The lookup of the name, and TCP.
    Connecting,
    ProxyTls,
    /// The proxy is asked for a tunnel.
    Tunnel,
    Tls,
    /// The request goes over a new connection.
    Sending,
    /// A byte of the response has come.
    Receiving,
}

impl Phase {
    pub(super) fn is_connecting(self) -> bool {
        matches!(self, Self::Connecting | Self::ProxyTls | Self::Tunnel | Self::Tls)
    }
}

/// The state of the exchange under way, shared with the connection.
#[derive(Debug, Clone)]
pub(super) struct Watch(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    phase: Phase,
    /// Whether the connection has served another request.
    reused: bool,
    connect_by: Instant,
    end: Instant,
}

impl Watch {
    pub(super) fn new() -> Self {
        let now = Instant::now();
        let (connect_by, end) = (now, now);
        Self(Arc::new(Mutex::new(State { phase: Phase::Connecting, reused: false, connect_by, end })))
    }

    /// Starts an exchange, over the kept connection only if that is trusted.
    pub(super) fn start(&self, trusted: bool, connect: Duration, total: Duration) {
        let (now, phase) = (Instant::now(), if trusted { Phase::Kept } else { Phase::Connecting });
        *self.state() = State { phase, reused: trusted, connect_by: now + connect, end: now + total };
    }

    pub(super) fn phase(&self) -> Phase {
        self.state().phase
    }

    pub(super) fn is_reused(&self) -> bool {
        self.state().reused
    }

    pub(super) fn connector(&self, via_proxy: bool) -> impl Connector + use<> {
        let layer = |is_http| Layer { watch: self.clone(), via_proxy, is_http };
        Start(self.clone())
            .chain(ConnectProxyConnector::default())
            .chain(TcpConnector::default())
            .chain(layer(false))
            .chain(RustlsConnector::default())
            .chain(layer(true))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn left(&self) -> Duration {
        let state = self.state();
        let end = if state.phase.is_connecting() { state.connect_by } else { state.end };
        end.saturating_duration_since(Instant::now())
    }
}

/// Runs when there is no connection to reuse.
#[derive(Debug)]
struct Start(Watch);

impl Connector for Start {
    type Out = ();

    fn connect(&self, _: &ConnectionDetails, _: Option<()>) -> Result<Option<()>, Error> {
        let mut state = self.0.state();
        (state.phase, state.reused) = (Phase::Connecting, false);
        Ok(None)
    }
}

/// Puts a watched transport over TCP, and another over TLS.
#[derive(Debug)]
struct Layer {
    watch: Watch,
    via_proxy: bool,
    is_http: bool,
}

impl<T: Transport> Connector<T> for Layer {
    type Out = Watched<T>;

    fn connect(&self, details: &ConnectionDetails, inner: Option<T>) -> Result<Option<Self::Out>, Error> {
        // ureq connects to the proxy itself with a configuration that has no proxy.
        let is_proxy = self.via_proxy && details.config.proxy().is_none();
        self.watch.state().phase = match (is_proxy, self.is_http) {
            (true, false) => Phase::ProxyTls,
            (true, true) => Phase::Tunnel,
            (false, false) => Phase::Tls,
            (false, true) => Phase::Sending,
        };
        let is_http = self.is_http && !is_proxy;
        Ok(inner.map(|inner| Watched { inner, watch: self.watch.clone(), is_http }))
    }
}

#[derive(Debug)]
struct Watched<T> {
    inner: T,
    watch: Watch,
    is_http: bool,
}

impl<T: Transport> Transport for Watched<T> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.inner.buffers()
    }

    fn transmit_output(&mut self, amount: usize, mut timeout: NextTimeout) -> Result<(), Error> {
        // ureq limits each step of the way through a proxy, and not all of them together.
        timeout.after = self.watch.left().min(*timeout.after).into();
        self.inner.transmit_output(amount, timeout)
    }

    fn await_input(&mut self, mut timeout: NextTimeout) -> Result<bool, Error> {
        let end = Instant::now() + self.watch.left().min(*timeout.after);
        loop {
            let left = end.saturating_duration_since(Instant::now());
            // The kernel may be late by an eighth of a long wait. So a part of the time is waited for, then of the rest.
            timeout.after = (left * 3 / 4).into();
            match self.inner.await_input(timeout) {
                Err(Error::Timeout(_)) if !left.is_zero() => {}
                // ureq takes these for the end of a body that has no length.
                Err(Error::Io(error)) if is_cut(error.kind()) => {
                    return Err(io::Error::from(io::ErrorKind::BrokenPipe).into());
                }
                Ok(true) if self.is_http => {
                    self.watch.state().phase = Phase::Receiving;
                    return Ok(true);
                }
                result => return result,
            }
        }
    }

    /// Asked after a response, and again before the next request.
    fn is_open(&mut self) -> bool {
        let usable = matches!(self.watch.phase(), Phase::Receiving | Phase::Kept);
        // ureq looks at the socket. A wait of no time also shows unasked bytes in a buffer or in a TLS record.
        let unasked = NextTimeout { after: Duration::ZERO.into(), ..NextTimeout::default() };
        usable
            && self.inner.is_open()
            && (!self.is_http || matches!(self.inner.await_input(unasked), Err(Error::Timeout(_))))
    }

    fn is_tls(&self) -> bool {
        self.inner.is_tls()
    }
}

/// Whether a connection ended before it was closed in order.
pub(super) fn is_cut(kind: io::ErrorKind) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(kind, UnexpectedEof | ConnectionReset | ConnectionAborted | BrokenPipe)
}

/// The addresses of the host that is connected to, looked up once. By itself ureq looks them up before every request,
/// in a thread of its own, even where the connection is kept.
#[derive(Debug, Clone)]
pub(super) struct Addresses {
    known: Arc<Mutex<Option<ResolvedSocketAddrs>>>,
    /// For plain http: `localhost` could lead elsewhere.
    loopback_only: bool,
}

impl Addresses {
    pub(super) fn new(loopback_only: bool) -> Self {
        Self { known: Arc::default(), loopback_only }
    }

    /// Looks them up, unless they are known.
    ///
    /// # Errors
    /// `HostNotFound`, `Timeout`, `Io` where no thread can be started.
    pub(super) fn look_up(&self, uri: &Uri, limit: Duration) -> Result<(), Error> {
        if self.known().is_some() {
            return Ok(());
        }
        let (scheme, authority) = uri.scheme().zip(uri.authority()).ok_or(Error::HostNotFound)?;
        let target = DefaultResolver::host_and_port(scheme, authority).ok_or(Error::HostNotFound)?;
        let found = if is_address(authority.host()) {
            target.to_socket_addrs()
        } else {
            // A thread that can be abandoned: nothing else bounds the system's resolver.
            let (sender, receiver) = mpsc::sync_channel(1);
            thread::Builder::new()
                .spawn(move || sender.send(target.to_socket_addrs()))
                .map_err(|error| io::Error::new(error.kind(), format!("cannot start a thread: {error}")))?;
            receiver.recv_timeout(limit).map_err(|_| Error::Timeout(Timeout::Resolve))?
        };
        let usable = |address: &SocketAddr| !self.loopback_only || address.ip().is_loopback();
        let mut addresses = self.empty();
        for address in found.into_iter().flatten().filter(usable).take(MAX_ADDRESSES) {
            addresses.push(address);
        }
        if addresses.is_empty() {
            return Err(Error::HostNotFound);
        }
        *self.known() = Some(addresses);
        Ok(())
    }

    /// Looks them up again the next time: the last ones led nowhere.
    pub(super) fn forget(&self) {
        *self.known() = None;
    }

    fn known(&self) -> MutexGuard<'_, Option<ResolvedSocketAddrs>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Resolver for Addresses {
    fn resolve(&self, _: &Uri, _: &Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        self.known().clone().ok_or(Error::HostNotFound)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Is late for every byte, and says how long it was to wait.
    #[derive(Debug)]
    struct Silent(Vec<Duration>);

    impl Transport for Silent {
        fn buffers(&mut self) -> &mut dyn Buffers {
            unreachable!()
        }
        fn transmit_output(&mut self, _: usize, timeout: NextTimeout) -> Result<(), Error> {
            self.0.push(*timeout.after);
            Ok(())
        }
        fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
            self.0.push(*timeout.after);
            Err(Error::Timeout(timeout.reason))
        }
        fn is_open(&mut self) -> bool {
            unreachable!()
        }
    }

    #[test]
    fn no_wait_is_so_long_that_a_late_kernel_would_overrun_the_end() {
        let watch = Watch::new();
        let (connect, total) = (Duration::from_millis(20), Duration::from_millis(60));
        watch.start(false, connect, total);
        let mut transport = Watched { inner: Silent(Vec::new()), watch: watch.clone(), is_http: false };
        for (phase, limit) in [(Phase::Tls, connect), (Phase::Sending, total)] {
            watch.state().phase = phase;
            let ended = transport.await_input(NextTimeout::default());
            assert!(matches!(ended, Err(Error::Timeout(_))) && watch.left().is_zero(), "{phase:?}");
            let waits = std::mem::take(&mut transport.inner.0);
            assert!(waits.len() > 1 && waits.iter().all(|wait| *wait * 9 / 8 <= limit), "{phase:?}");
            transport.transmit_output(0, NextTimeout::default()).unwrap();
            assert_eq!(std::mem::take(&mut transport.inner.0), [Duration::ZERO], "{phase:?}");
        }
    }
}
