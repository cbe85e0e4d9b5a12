//! Instruments ureq's connections: records how far an exchange has come, and ends it in time. Cargo.toml pins
//! ureq's minor version, because `ureq::unversioned` may change in any minor version.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ureq::Error;
use ureq::unversioned::transport::{
    Buffers, ConnectProxyConnector, ConnectionDetails, Connector, NextTimeout, RustlsConnector, TcpConnector,
    Transport,
};

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

/// How far the current exchange has come. The client and its connection share it.
#[derive(Debug, Clone)]
pub(super) struct Progress(Arc<Mutex<State>>);

#[derive(Debug)]
pub(super) struct State {
    pub(super) phase: Phase,
    /// Whether the connection had already served a request.
    pub(super) reused: bool,
    connect_by: Instant,
    end: Instant,
}

impl State {
    fn new(keep: bool, connect: Duration, total: Duration) -> Self {
        let (now, phase) = (Instant::now(), if keep { Phase::Sending } else { Phase::Connecting });
        Self { phase, reused: keep, connect_by: now + connect, end: now + total }
    }
}

impl Progress {
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
        let instrument = |above_tls| Instrument { progress: self.clone(), via_proxy, above_tls };
        NewConnection(self.clone())
            .chain(ConnectProxyConnector::default())
            .chain(TcpConnector::default())
            .chain(instrument(false))
            .chain(RustlsConnector::default())
            .chain(instrument(true))
    }

    fn left(&self) -> Duration {
        let state = self.state();
        let end = if state.phase.is_connecting() { state.connect_by } else { state.end };
        end.saturating_duration_since(Instant::now())
    }
}

/// The first connector: it records that ureq makes a new connection.
#[derive(Debug)]
struct NewConnection(Progress);

impl Connector for NewConnection {
    type Out = ();

    fn connect(&self, _: &ConnectionDetails, _: Option<()>) -> Result<Option<()>, Error> {
        let mut state = self.0.state();
        (state.phase, state.reused) = (Phase::Connecting, false);
        Ok(None)
    }
}

/// Inserted twice: above TCP, and above TLS.
#[derive(Debug)]
struct Instrument {
    progress: Progress,
    via_proxy: bool,
    above_tls: bool,
}

impl<T: Transport> Connector<T> for Instrument {
    type Out = Instrumented<T>;

    fn connect(&self, details: &ConnectionDetails, inner: Option<T>) -> Result<Option<Self::Out>, Error> {
        // While ureq connects to the proxy itself, its configuration has no proxy.
        let is_proxy = self.via_proxy && details.config.proxy().is_none();
        self.progress.state().phase = match (is_proxy, self.above_tls) {
            (true, false) => Phase::ProxyTls,
            (true, true) => Phase::Tunnel,
            (false, false) => Phase::Connecting,
            (false, true) => Phase::Sending,
        };
        let is_http = self.above_tls && !is_proxy;
        Ok(inner.map(|inner| Instrumented { inner, progress: self.progress.clone(), is_http }))
    }
}

#[derive(Debug)]
struct Instrumented<T> {
    inner: T,
    progress: Progress,
    is_http: bool,
}

impl<T: Transport> Transport for Instrumented<T> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.inner.buffers()
    }

    fn transmit_output(&mut self, amount: usize, mut timeout: NextTimeout) -> Result<(), Error> {
        // ureq gives each step of the way through a proxy the whole time.
        timeout.after = self.progress.left().min(*timeout.after).into();
        self.inner.transmit_output(amount, timeout)
    }

    fn await_input(&mut self, mut timeout: NextTimeout) -> Result<bool, Error> {
        let end = Instant::now() + self.progress.left().min(*timeout.after);
        loop {
            let left = end.saturating_duration_since(Instant::now());
            // Linux ends a long wait up to an eighth too late (measured 2026-11: 22.06 s instead of 20 s), so
            // wait in shrinking steps.
            timeout.after = (left * 3 / 4).into();
            match self.inner.await_input(timeout) {
                Err(Error::Timeout(_)) if !left.is_zero() => {}
                // ureq would take a cut connection for the end of a body without a length.
                Err(Error::Io(error)) if is_cut(error.kind()) => {
                    return Err(io::Error::from(io::ErrorKind::BrokenPipe).into());
                }
                Ok(true) if self.is_http => {
                    self.progress.state().phase = Phase::Receiving;
                    return Ok(true);
                }
                result => return result,
            }
        }
    }

    /// ureq calls this after a response and before the next request.
    fn is_open(&mut self) -> bool {
        let may_be_kept = !self.progress.state().phase.is_connecting();
        // ureq looks at the socket only. Reading without waiting also finds an unasked response that lies in
        // a buffer or in a TLS record. (What protects a token's user is the check of its email.)
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
            std::thread::sleep(*timeout.after);
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
            let mut transport =
                Instrumented { inner: Failing(kind), progress: Progress::new(), is_http: false };
            let Err(Error::Io(error)) = transport.await_input(NextTimeout::default()) else {
                panic!("{kind}")
            };
            assert_eq!(error.kind(), reported);
        }
    }

    #[test]
    fn each_wait_is_short_enough_for_a_kernel_that_ends_it_late() {
        let progress = Progress::new();
        let (connect, total) = (Duration::from_millis(50), Duration::from_millis(500));
        progress.start(false, connect, total);
        let mut transport =
            Instrumented { inner: Silent(Vec::new()), progress: progress.clone(), is_http: false };
        for (phase, limit) in [(Phase::Connecting, connect), (Phase::Sending, total)] {
            progress.state().phase = phase;
            let ended = transport.await_input(NextTimeout::default());
            assert!(matches!(ended, Err(Error::Timeout(_))) && progress.left().is_zero(), "{phase:?}");
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
