//! An accepted connection, with or without TLS, and the ways to end it: closed, cut or reset.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::listener::Stop;

pub enum Wire {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ServerConnection, TcpStream>>),
}

impl Wire {
    /// The TLS handshake happens with the first read.
    pub fn new(tcp: TcpStream, tls: Option<&Arc<ServerConfig>>) -> Self {
        match tls {
            None => Self::Plain(tcp),
            Some(config) => {
                let session = ServerConnection::new(Arc::clone(config)).expect("a valid TLS configuration");
                Self::Tls(Box::new(StreamOwned::new(session, tcp)))
            }
        }
    }

    pub fn tcp(&self) -> &TcpStream {
        match self {
            Self::Plain(tcp) => tcp,
            Self::Tls(stream) => stream.get_ref(),
        }
    }

    /// The server name in the client's TLS handshake.
    pub fn sni(&self) -> Option<String> {
        match self {
            Self::Plain(_) => None,
            Self::Tls(stream) => stream.conn.server_name().map(str::to_owned),
        }
    }

    /// Reads what is there, and waits for it until the listener ends; 0 is the peer's end.
    pub fn read_some(&mut self, buffer: &mut [u8], stop: &Stop) -> io::Result<usize> {
        loop {
            match self.read(buffer) {
                Err(error) if is_timeout(&error) && !stop.is_set() => {}
                read => return read,
            }
        }
    }

    /// Keeps the connection open and silent until the peer or the listener ends.
    pub fn hold(&mut self, stop: &Stop) {
        let mut ignored = [0; 1024];
        while self.read_some(&mut ignored, stop).is_ok_and(|read| read > 0) {}
    }

    /// Sends `first` and, in the same write, the first bytes of `second`; the others after `pause`. With TLS,
    /// each is a separate record.
    pub fn write_two(
        &mut self,
        first: &[u8],
        second: &[u8],
        at_once: usize,
        pause: impl FnOnce(),
    ) -> io::Result<()> {
        let (tcp, first, second) = match self {
            Self::Plain(tcp) => (tcp, first.to_vec(), second.to_vec()),
            Self::Tls(stream) => {
                let StreamOwned { conn, sock } = &mut **stream;
                let mut encrypt = |bytes: &[u8]| -> io::Result<Vec<u8>> {
                    let mut records = Vec::new();
                    conn.writer().write_all(bytes)?;
                    while conn.wants_write() {
                        conn.write_tls(&mut records)?;
                    }
                    Ok(records)
                };
                let (first, second) = (encrypt(first)?, encrypt(second)?);
                (sock, first, second)
            }
        };
        let (now, later) = second.split_at(at_once.min(second.len()));
        tcp.write_all(&[&first, now].concat())?;
        if !later.is_empty() {
            pause();
            tcp.write_all(later)?;
        }
        Ok(())
    }

    /// Closes the connection, with a `close_notify` if it has TLS.
    pub fn close(mut self) {
        if let Self::Tls(stream) = &mut self {
            stream.conn.send_close_notify();
            // The peer may have left already.
            let _ = stream.flush();
        }
    }

    /// Ends with a TCP reset.
    pub fn reset(self) {
        reset(self.tcp());
    }
}

/// The reset is sent when the stream is dropped.
pub fn reset(tcp: &TcpStream) {
    rustix::net::sockopt::set_socket_linger(tcp, Some(Duration::ZERO)).expect("SO_LINGER can be set");
}

pub fn is_timeout(error: &io::Error) -> bool {
    // Which of the two a read timeout gives depends on the system.
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(tcp) => tcp.read(buffer),
            Self::Tls(stream) => stream.read(buffer),
        }
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(tcp) => tcp.write(bytes),
            Self::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(tcp) => tcp.flush(),
            Self::Tls(stream) => stream.flush(),
        }
    }
}
