//! Watches ureq's connections, to know how far an exchange has come and to end it in time. Cargo.toml pins
//! ureq's minor version, because the next may change these parts.

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

use crate::config::ip_address;

/// ureq takes no more.
const MAX_ADDRESSES: usize = 16;

/// Bytes of a response with its heads, the framing of its chunks and its trailers, which ureq does not limit.
const RESPONSE_LIMIT: usize = 128 * 1024;

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Phase {
    /// Name lookup, TCP, and TLS with the server.
    Connecting,
    ProxyTls,
    /// CONNECT.
    Tunnel,
    Sending,
    Receiving,
}

impl Phase {
    pub(super) fn is_connecting(self) -> bool {
        matches!(self, Self::Connecting | Self::ProxyTls | Self::Tunnel)
    }
}

/// Shared by the client and its connection.
#[derive(Debug, Clone)]
pub(super) struct Watch(Arc<Mutex<State>>);

#[derive(Debug)]
pub(super) struct State {
    pub(super) phase: Phase,
    /// Whether the connection had already served a request.
    pub(super) reused: bool,
    /// Bytes of the response.
    received: usize,
    connect_by: Instant,
    end: Instant,
}

impl State {
    fn new(keep: bool, connect: Duration, total: Duration) -> Self {
        let (now, phase) = (Instant::now(), if keep { Phase::Sending } else { Phase::Connecting });
        Self { phase, reused: keep, received: 0, connect_by: now + connect, end: now + total }
    }
}

impl Watch {
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new(State::new(false, Duration::ZERO, Duration::ZERO))))
    }

    /// Starts an exchange, over the open connection if `keep`.
    pub(super) fn start(&self, keep: bool, connect: Duration, total: Duration) {
        *self.state() = State::new(keep, connect, total);
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn connector(&self, via_proxy: bool) -> impl Connector + use<> {
        let layer = |above_tls| Layer { watch: self.clone(), via_proxy, above_tls };
        Start(self.clone())
            .chain(ConnectProxyConnector::default())
            .chain(TcpConnector::default())
            .chain(layer(false))
            .chain(RustlsConnector::default())
            .chain(layer(true))
    }

    fn left(&self) -> Duration {
        let state = self.state();
        let end = if state.phase.is_connecting() { state.connect_by } else { state.end };
        end.saturating_duration_since(Instant::now())
    }
}

/// Notes that ureq makes a new connection.
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

/// Wraps TCP, or the layer that carries HTTP.
#[derive(Debug)]
struct Layer {
    watch: Watch,
    via_proxy: bool,
    above_tls: bool,
}

impl<T: Transport> Connector<T> for Layer {
    type Out = Watched<T>;

    fn connect(&self, details: &ConnectionDetails, inner: Option<T>) -> Result<Option<Self::Out>, Error> {
        // ureq connects to the proxy itself with a configuration without one.
        let is_proxy = self.via_proxy && details.config.proxy().is_none();
        self.watch.state().phase = match (is_proxy, self.above_tls) {
            (true, false) => Phase::ProxyTls,
            (true, true) => Phase::Tunnel,
            (false, false) => Phase::Connecting,
            (false, true) => Phase::Sending,
        };
        let is_http = self.above_tls && !is_proxy;
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
        // ureq gives each step of the way through a proxy the whole time.
        timeout.after = self.watch.left().min(*timeout.after).into();
        self.inner.transmit_output(amount, timeout)
    }

    fn await_input(&mut self, mut timeout: NextTimeout) -> Result<bool, Error> {
        let end = Instant::now() + self.watch.left().min(*timeout.after);
        let unread = if self.is_http { self.inner.buffers().input().len() } else { 0 };
        loop {
            let left = end.saturating_duration_since(Instant::now());
            // The kernel may end a long wait an eighth too late.
            timeout.after = (left * 3 / 4).into();
            match self.inner.await_input(timeout) {
                Err(Error::Timeout(_)) if !left.is_zero() => {}
                // ureq would take a cut connection for the end of a body without a length.
                Err(Error::Io(error)) if is_cut(error.kind()) => {
                    return Err(io::Error::from(io::ErrorKind::BrokenPipe).into());
                }
                Ok(true) if self.is_http => {
                    let mut state = self.watch.state();
                    state.phase = Phase::Receiving;
                    state.received += self.inner.buffers().input().len() - unread;
                    let is_too_large = state.received > RESPONSE_LIMIT;
                    return if is_too_large { Err(Error::BodyExceedsLimit(0)) } else { Ok(true) };
                }
                result => return result,
            }
        }
    }

    /// ureq asks after a response and before the next request.
    fn is_open(&mut self) -> bool {
        let may_be_kept = !self.watch.state().phase.is_connecting();
        // ureq looks at the socket only. A read without waiting also finds bytes in a buffer or a TLS record.
        let no_time = NextTimeout { after: Duration::ZERO.into(), ..NextTimeout::default() };
        may_be_kept
            && self.inner.is_open()
            && (!self.is_http || matches!(self.inner.await_input(no_time), Err(Error::Timeout(_))))
    }

    fn is_tls(&self) -> bool {
        self.inner.is_tls()
    }
}

pub(super) fn is_cut(kind: io::ErrorKind) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(kind, UnexpectedEof | ConnectionReset | ConnectionAborted | BrokenPipe)
}

/// The addresses of the host or proxy. ureq would look them up before every request, in a new thread.
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

    /// Looks the addresses up, unless they are known.
    pub(super) fn look_up(&self, uri: &Uri, limit: Duration) -> Result<(), Error> {
        if self.known().is_some() {
            return Ok(());
        }
        let (scheme, authority) = uri.scheme().zip(uri.authority()).ok_or(Error::HostNotFound)?;
        let target = DefaultResolver::host_and_port(scheme, authority).ok_or(Error::HostNotFound)?;
        let found = if ip_address(authority.host()).is_some() {
            target.to_socket_addrs()
        } else {
            // The system's resolver has no timeout, but a thread can be abandoned.
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

    /// After a failure: the host may have moved.
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

    /// Never gets a byte. Records each timeout it is given.
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
            thread::sleep(*timeout.after);
            Err(Error::Timeout(timeout.reason))
        }
        fn is_open(&mut self) -> bool {
            unreachable!()
        }
    }

    /// Every read fails with this error.
    #[derive(Debug)]
    struct Failing(io::ErrorKind);

    impl Transport for Failing {
        fn buffers(&mut self) -> &mut dyn Buffers {
            unreachable!()
        }
        fn transmit_output(&mut self, _: usize, _: NextTimeout) -> Result<(), Error> {
            unreachable!()
        }
        fn await_input(&mut self, _: NextTimeout) -> Result<bool, Error> {
            Err(io::Error::from(self.0).into())
        }
        fn is_open(&mut self) -> bool {
            unreachable!()
        }
    }

    #[test]
    fn an_error_of_a_cut_connection_becomes_broken_pipe() {
        use io::ErrorKind::{BrokenPipe, ConnectionReset, InvalidData, UnexpectedEof};
        for (kind, reported) in
            [(UnexpectedEof, BrokenPipe), (ConnectionReset, BrokenPipe), (InvalidData, InvalidData)]
        {
            let mut transport = Watched { inner: Failing(kind), watch: Watch::new(), is_http: false };
            let Err(Error::Io(error)) = transport.await_input(NextTimeout::default()) else {
                panic!("{kind}")
            };
            assert_eq!(error.kind(), reported);
        }
    }

    #[test]
    fn each_wait_is_short_enough_for_a_kernel_that_ends_it_late() {
        let watch = Watch::new();
        let (connect, total) = (Duration::from_millis(50), Duration::from_millis(500));
        watch.start(false, connect, total);
        let mut transport = Watched { inner: Silent(Vec::new()), watch: watch.clone(), is_http: false };
        for (phase, limit) in [(Phase::Connecting, connect), (Phase::Sending, total)] {
            watch.state().phase = phase;
            let ended = transport.await_input(NextTimeout::default());
            assert!(matches!(ended, Err(Error::Timeout(_))) && watch.left().is_zero(), "{phase:?}");
            let waits = std::mem::take(&mut transport.inner.0);
            assert!(waits.len() > 1, "{phase:?}");
            let mut left = limit;
            for wait in waits {
                assert!(wait * 9 / 8 <= left, "{phase:?}: {wait:?} of {left:?}");
                left = left.saturating_sub(wait);
            }
            transport.transmit_output(0, NextTimeout::default()).unwrap();
            assert_eq!(std::mem::take(&mut transport.inner.0), [Duration::ZERO], "{phase:?}");
        }
    }
}
