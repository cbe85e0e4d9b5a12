//! A relay in front of a server that counts the bytes of both ways and can spoil a connection at
//! any one of them. It reads nothing of what it passes on, so that TLS breaks where TCP does.

use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::sync::{Arc, Mutex};

use super::listener::{Listener, Stop, TICK};
use super::proxy::readable;
use super::wire::{Wire, reset};

/// A direction of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    ToServer,
    ToClient,
}

/// What happens to a connection when so many bytes have gone one way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Harm {
    /// Both ends are closed.
    Cut,
    /// Nothing goes either way any more.
    Stall,
    /// The client's end is reset.
    Reset,
    /// The next byte comes with all its bits flipped, and everything after it as it was.
    Corrupt,
}

#[derive(Clone, Copy, Debug)]
pub struct Spoil {
    pub way: Way,
    /// How many bytes pass unharmed.
    pub after: usize,
    pub harm: Harm,
}

/// A running relay; it ends when dropped.
pub struct Relay {
    listener: Listener,
    passed: Arc<Mutex<Vec<Passed>>>,
}

/// The bytes that went over one connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Passed {
    pub to_server: Vec<u8>,
    pub to_client: Vec<u8>,
}

impl Passed {
    fn by(&mut self, way: Way) -> &mut Vec<u8> {
        match way {
            Way::ToServer => &mut self.to_server,
            Way::ToClient => &mut self.to_client,
        }
    }
}

impl Relay {
    /// Spoils nothing.
    pub fn to(server: SocketAddr) -> Self {
        Self::spoiling(server, &[])
    }

    /// The first connection gets the first spoil, and so on; those after the last pass unharmed.
    pub fn spoiling(server: SocketAddr, spoils: &[Spoil]) -> Self {
        let loopback = std::net::Ipv4Addr::LOCALHOST.into();
        Self::bound(loopback, 0, server, spoils).expect("loopback has a free port")
    }

    /// Listens on a given address of this machine, such as `::1`; port 0 is any free one.
    pub fn bound(host: IpAddr, port: u16, server: SocketAddr, spoils: &[Spoil]) -> io::Result<Self> {
        let spoils = spoils.to_vec();
        let passed = Arc::new(Mutex::new(Vec::new()));
        let listener = Listener::bound((host, port).into(), {
            let passed = Arc::clone(&passed);
            move |client, index, stop| {
                let spoil = spoils.get(index).copied();
                passed.lock().expect("no thread panicked").push(Passed::default());
                let connection = Connection { index, spoil, passed: Arc::clone(&passed) };
                // An error is a client or a server that left.
                move || drop(connection.relay(client, server, &stop))
            }
        })?;
        Ok(Self { listener, passed })
    }

    pub fn address(&self) -> SocketAddr {
        self.listener.address()
    }

    /// What has gone over each connection.
    pub fn passed(&self) -> Vec<Passed> {
        self.passed.lock().expect("no thread panicked").clone()
    }
}

struct Connection {
    index: usize,
    spoil: Option<Spoil>,
    passed: Arc<Mutex<Vec<Passed>>>,
}

impl Connection {
    fn relay(&self, mut client: TcpStream, server: SocketAddr, stop: &Stop) -> io::Result<()> {
        let mut server = TcpStream::connect(server)?;
        server.set_nodelay(true)?;
        server.set_read_timeout(Some(TICK))?;
        let mut buffer = [0; 16 * 1024];
        while !stop.is_set() {
            let (from_client, from_server) = readable(&client, &server)?;
            for (ready, way) in [(from_client, Way::ToServer), (from_server, Way::ToClient)] {
                if !ready {
                    continue;
                }
                let (from, to) = match way {
                    Way::ToServer => (&mut client, &mut server),
                    Way::ToClient => (&mut server, &mut client),
                };
                let read = from.read(&mut buffer)?;
                if read == 0 {
                    return Ok(());
                }
                let (unharmed, harm) = self.pass(way, &mut buffer[..read]);
                to.write_all(&buffer[..unharmed])?;
                match harm {
                    None | Some(Harm::Corrupt) => {}
                    Some(Harm::Cut) => return Ok(()),
                    Some(Harm::Reset) => {
                        reset(&client);
                        return Ok(());
                    }
                    Some(Harm::Stall) => {
                        Wire::new(client, None).hold(stop);
                        return Ok(());
                    }
                }
            }
        }
        Ok(())
    }

    /// Records bytes, spoils the one that is to be spoilt, and says how many of them pass.
    fn pass(&self, way: Way, bytes: &mut [u8]) -> (usize, Option<Harm>) {
        let mut passed = self.passed.lock().expect("no thread panicked");
        let earlier = passed[self.index].by(way);
        let before = earlier.len();
        earlier.extend_from_slice(bytes);
        match self.spoil {
            Some(spoil) if spoil.way == way && (before..earlier.len()).contains(&spoil.after) => {
                let place = spoil.after - before;
                if spoil.harm == Harm::Corrupt {
                    bytes[place] = !bytes[place];
                    (bytes.len(), None)
                } else {
                    (place, Some(spoil.harm))
                }
            }
            _ => (bytes.len(), None),
        }
    }
}
