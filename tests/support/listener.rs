//! A loopback listener with a thread for each connection, and the flag that ends them all.

use std::io;
use std::mem;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::io::FdFlags;
use rustix::net::{AddressFamily, SocketType};

/// How long a thread waits before it looks at its [`Stop`] again.
pub const TICK: Duration = Duration::from_millis(10);
/// How long a write may block.
const WRITE_LIMIT: Duration = Duration::from_secs(5);

/// The flag that ends every thread of a listener.
#[derive(Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Sleeps, but not beyond the end of the listener.
    pub fn sleep(&self, duration: Duration) {
        let end = Instant::now() + duration;
        while !self.is_set() {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            thread::sleep(left.min(TICK));
        }
    }
}

/// Serves connections until it is dropped; dropping it waits for its threads.
pub struct Listener {
    address: SocketAddr,
    stop: Stop,
    accepting: Option<JoinHandle<()>>,
}

impl Listener {
    /// `admit` gets each connection with its index, from 0; what it returns runs in a new thread.
    pub fn start<F>(admit: impl Fn(TcpStream, usize, Stop) -> F + Send + 'static) -> Self
    where
        F: FnOnce() + Send + 'static,
    {
        Self::bound((Ipv4Addr::LOCALHOST, 0).into(), admit).expect("loopback has a free port")
    }

    /// As [`Listener::start`], on this address.
    pub fn bound<F>(
        address: SocketAddr,
        admit: impl Fn(TcpStream, usize, Stop) -> F + Send + 'static,
    ) -> io::Result<Self>
    where
        F: FnOnce() + Send + 'static,
    {
        let listener = TcpListener::bind(address)?;
        let address = listener.local_addr()?;
        let stop = Stop::default();
        let accepting = thread::spawn({
            let stop = stop.clone();
            move || accept(&listener, &stop, admit)
        });
        Ok(Self { address, stop, accepting: Some(accepting) })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.stop.set();
        // Wakes the thread that waits in accept.
        let _ = TcpStream::connect(self.address);
        let panicked = self.accepting.take().is_some_and(|accepting| accepting.join().is_err());
        assert!(!panicked || thread::panicking(), "a thread of the listener at {} panicked", self.address);
    }
}

/// An address that refuses connections: it stays bound until this process ends, and nothing listens.
pub fn dead_address() -> SocketAddr {
    let any: SocketAddr = (Ipv4Addr::LOCALHOST, 0).into();
    let socket =
        rustix::net::socket(AddressFamily::INET, SocketType::STREAM, None).expect("a socket is made");
    rustix::io::fcntl_setfd(&socket, FdFlags::CLOEXEC).expect("CLOEXEC can be set");
    rustix::net::bind(&socket, &any).expect("loopback has a free port");
    let address = rustix::net::getsockname(&socket).expect("a bound socket has an address");
    mem::forget(socket);
    address.try_into().expect("it is an IPv4 address")
}

fn accept<F>(listener: &TcpListener, stop: &Stop, admit: impl Fn(TcpStream, usize, Stop) -> F)
where
    F: FnOnce() + Send + 'static,
{
    let mut serving = Vec::new();
    for (index, tcp) in listener.incoming().enumerate() {
        if stop.is_set() {
            break;
        }
        // The client may have left already.
        let Ok(tcp) = tcp.and_then(prepared) else {
            continue;
        };
        serving.push(thread::spawn(admit(tcp, index, stop.clone())));
    }
    for thread in serving {
        thread.join().expect("a connection is served without a panic");
    }
}

fn prepared(tcp: TcpStream) -> io::Result<TcpStream> {
    tcp.set_nodelay(true)?;
    tcp.set_read_timeout(Some(TICK))?;
    tcp.set_write_timeout(Some(WRITE_LIMIT))?;
    Ok(tcp)
}
