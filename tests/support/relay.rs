//! A relay in front of a server: records the bytes in both directions and can damage a connection at any of
//! them. It does not interpret them, so TLS is damaged at the level of TCP.

use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::sync::{Arc, Mutex};

use super::listener::{Listener, Stop, TICK};
use super::proxy::readable;
use super::wire::{Wire, reset};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    ToServer,
    ToClient,
}

/// What happens to a connection after so many bytes in one direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Harm {
    /// Both ends are closed.
    Cut,
    /// Nothing is passed on any more.
    Stall,
    /// The client's end is reset.
    Reset,
    /// The next byte has all its bits flipped; what follows is unchanged.
    Corrupt,
}

#[derive(Clone, Copy, Debug)]
pub struct Damage {
    pub direction: Direction,
    /// How many bytes are passed on first.
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
    fn bytes(&mut self, direction: Direction) -> &mut Vec<u8> {
        match direction {
            Direction::ToServer => &mut self.to_server,
            Direction::ToClient => &mut self.to_client,
        }
    }
}

impl Relay {
    /// Damages the first connection.
    pub fn damaging(server: SocketAddr, damage: Option<Damage>) -> Self {
        Self::bound(Ipv4Addr::LOCALHOST.into(), server, damage).expect("loopback has a free port")
    }

    /// Listens on `::1`, where the machine has it.
    pub fn ipv6(server: SocketAddr) -> io::Result<Self> {
        Self::bound(Ipv6Addr::LOCALHOST.into(), server, None)
    }

    fn bound(host: IpAddr, server: SocketAddr, damage: Option<Damage>) -> io::Result<Self> {
        let passed = Arc::new(Mutex::new(Vec::new()));
        let listener = Listener::bound((host, 0).into(), {
            let passed = Arc::clone(&passed);
            move |client, index, stop| {
                let damage = damage.filter(|_| index == 0);
                passed.lock().expect("no thread panicked").push(Passed::default());
                let connection = Connection { index, damage, passed: Arc::clone(&passed) };
                // An error means that the client or the server has left.
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
    damage: Option<Damage>,
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
            for (ready, direction) in [(from_client, Direction::ToServer), (from_server, Direction::ToClient)]
            {
                if !ready {
                    continue;
                }
                let (from, to) = match direction {
                    Direction::ToServer => (&mut client, &mut server),
                    Direction::ToClient => (&mut server, &mut client),
                };
                let read = from.read(&mut buffer)?;
                if read == 0 {
                    return Ok(());
                }
                let (unharmed, harm) = self.pass(direction, &mut buffer[..read]);
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

    /// Records bytes, applies the damage, and returns how many of them to pass on.
    fn pass(&self, direction: Direction, bytes: &mut [u8]) -> (usize, Option<Harm>) {
        let mut passed = self.passed.lock().expect("no thread panicked");
        let earlier = passed[self.index].bytes(direction);
        let before = earlier.len();
        earlier.extend_from_slice(bytes);
        let Some(damage) = self.damage.filter(|damage| {
            damage.direction == direction && (before..earlier.len()).contains(&damage.after)
        }) else {
            return (bytes.len(), None);
        };
        let index = damage.after - before;
        if damage.harm == Harm::Corrupt {
            bytes[index] = !bytes[index];
            return (bytes.len(), None);
        }
        (index, Some(damage.harm))
    }
}
