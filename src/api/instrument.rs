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
    /// Whether the next exchange may reuse the connection.
    pub(super) keep: bool,
    /// Whether the connection had already served a request.
    pub(super) reused: bool,
    connect_by: Instant,
    end: Instant,
}

impl Progress {
    pub(super) fn new() -> Self {
        let (phase, now) = (Phase::Connecting, Instant::now());
        Self(Arc::new(Mutex::new(State { phase, keep: false, reused: false, connect_by: now, end: now })))
    }

    /// Starts an exchange.
    pub(super) fn start(&self, connect: Duration, total: Duration) {
        let (mut state, now) = (self.state(), Instant::now());
        let reused = state.keep;
        let phase = if reused { Phase::Sending } else { Phase::Connecting };
        *state = State { phase, keep: false, reused, connect_by: now + connect, end: now + total };
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn connector(&self, via_proxy: bool) -> impl Connector + use<> {
        let instrument =
            |phase, proxy_phase| Instrument { progress: self.clone(), via_proxy, phase, proxy_phase };
        instrument(Phase::Connecting, Phase::Connecting)
            .chain(ConnectProxyConnector::default())
            .chain(TcpConnector::default())
            .chain(instrument(Phase::Connecting, Phase::ProxyTls))
            .chain(RustlsConnector::default())
            .chain(instrument(Phase::Sending, Phase::Tunnel))
    }

    fn left(&self) -> Duration {
        let state = self.state();
        let end = if state.phase.is_connecting() { state.connect_by } else { state.end };
        end.saturating_duration_since(Instant::now())
    }
}

/// Inserted three times: before anything else, above TCP, and above TLS.
#[derive(Debug)]
struct Instrument {
    progress: Progress,
    via_proxy: bool,
    /// What follows while ureq connects to the server.
    phase: Phase,
    /// What follows while ureq connects to the proxy.
    proxy_phase: Phase,
}

impl<T: Transport> Connector<T> for Instrument {
    type Out = Instrumented<T>;

    fn connect(&self, details: &ConnectionDetails, inner: Option<T>) -> Result<Option<Self::Out>, Error> {
        // While ureq connects to the proxy itself, its configuration has no proxy.
        let is_proxy = self.via_proxy && details.config.proxy().is_none();
        let phase = if is_proxy { self.proxy_phase } else { self.phase };
        let mut state = self.progress.state();
        (state.phase, state.reused) = (phase, false);
        let is_http = phase == Phase::Sending;
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
    use ureq::Timeout;

    /// Every read fails with this error at the end of its timeout, which is recorded.
    #[derive(Debug)]
    struct Failing(fn() -> Error, Vec<Duration>);

    impl Transport for Failing {
        fn buffers(&mut self) -> &mut dyn Buffers {
            unreachable!()
        }
        fn transmit_output(&mut self, _: usize, timeout: NextTimeout) -> Result<(), Error> {
            self.1.push(*timeout.after);
            Ok(())
        }
        fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
            self.1.push(*timeout.after);
            std::thread::sleep(*timeout.after);
            Err(self.0())
        }
        fn is_open(&mut self) -> bool {
            unreachable!()
        }
    }

    fn failing(error: fn() -> Error, progress: &Progress) -> Instrumented<Failing> {
        Instrumented { inner: Failing(error, Vec::new()), progress: progress.clone(), is_http: false }
    }

    #[test]
    fn an_error_of_a_cut_connection_becomes_broken_pipe() {
        use io::ErrorKind::{BrokenPipe, InvalidData, UnexpectedEof};
        for (error, reported) in [
            ((|| io::Error::from(UnexpectedEof).into()) as fn() -> Error, BrokenPipe),
            (|| io::Error::from(io::ErrorKind::ConnectionReset).into(), BrokenPipe),
            (|| io::Error::from(InvalidData).into(), InvalidData),
        ] {
            let ended = failing(error, &Progress::new()).await_input(NextTimeout::default());
            assert!(matches!(ended, Err(Error::Io(error)) if error.kind() == reported), "{reported}");
        }
    }

    #[test]
    fn each_wait_is_short_enough_for_a_kernel_that_ends_it_late() {
        let progress = Progress::new();
        let (connect, total) = (Duration::from_millis(50), Duration::from_millis(500));
        progress.start(connect, total);
        let mut transport = failing(|| Error::Timeout(Timeout::Global), &progress);
        for (phase, limit) in [(Phase::Connecting, connect), (Phase::Sending, total)] {
            progress.state().phase = phase;
            let ended = transport.await_input(NextTimeout::default());
            assert!(matches!(ended, Err(Error::Timeout(_))) && progress.left().is_zero(), "{phase:?}");
            let waits = std::mem::take(&mut transport.inner.1);
            assert!(waits.len() > 1, "{phase:?}");
            let mut left = limit;
            for wait in waits {
                assert!(wait * 9 / 8 <= left, "{phase:?}: {wait:?} of {left:?}");
                left = left.saturating_sub(wait);
            }
            transport.transmit_output(0, NextTimeout::default()).unwrap();
            assert_eq!(std::mem::take(&mut transport.inner.1), [Duration::ZERO], "{phase:?}");
        }
    }
}
