//! Looks up the addresses of the host or proxy, within a time limit and once for many requests.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;
use ureq::{Error, Timeout};

use crate::config::ip_address;

/// ureq's list of addresses holds no more.
const MAX_ADDRESSES: usize = 16;

/// The addresses of the host or proxy. ureq would look them up before every request, in a new thread.
#[derive(Debug, Clone)]
pub(super) struct Addresses {
    known: Arc<Mutex<Option<ResolvedSocketAddrs>>>,
    peer: Uri,
    /// For plain http: `localhost` could lead elsewhere.
    loopback_only: bool,
}

impl Addresses {
    pub(super) fn new(peer: Uri, loopback_only: bool) -> Self {
        Self { known: Arc::default(), peer, loopback_only }
    }

    /// Looks the addresses up, unless they are known.
    pub(super) fn look_up(&self, limit: Duration) -> Result<(), Error> {
        if self.known().is_some() {
            return Ok(());
        }
        let (scheme, authority) = self.peer.scheme().zip(self.peer.authority()).ok_or(Error::HostNotFound)?;
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
