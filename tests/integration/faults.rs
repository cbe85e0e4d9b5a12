//! A successful exchange that is cut, reset, stalled or corrupted at one byte of the request or the response,
//! over HTTP, over TLS (at the level of TCP) or through a proxy. Each time, the program ends in time,
//! prints nothing or the right token, and reports the kind of failure.
//!
//! Each harm is tried at the first and last byte, at the start of each line or TLS record, and at every nth
//! byte. Over HTTP, the three harms that end a connection together reach every byte.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use rustls::ServerConfig;
use serde_json::json;

use crate::support::fake::Server;
use crate::support::http::Response;
use crate::support::listener::Listener;
use crate::support::model::Account;
use crate::support::proxy::Proxy;
use crate::support::relay::{Damage, Direction, Harm, Passed, Relay};
use crate::support::run::{Outcome, Run};
use crate::support::script::Endpoint;
use crate::support::tls::{Authority, NAMES};
use crate::support::wire::Wire;

/// The type of the first TLS record.
const HANDSHAKE: u8 = 22;

const TOKEN: &str = "e30.e30.c2ln";

/// More than any run takes that ends in time.
const LONG: Duration = Duration::from_secs(10);

/// The number of runs at once: most of them wait.
const WORKERS: usize = 16;

/// How the program reaches the server.
enum Path {
    Http,
    Https(Tls),
    Proxied(Tls),
}

/// An authority and a server configuration with its certificate.
struct Tls(Authority, Arc<ServerConfig>);

impl Tls {
    fn new() -> Self {
        let authority = Authority::new();
        let config = authority.server(&NAMES);
        Self(authority, config)
    }
}

impl Path {
    /// A run with this damage to its first connection, and the bytes of each connection.
    fn run(&self, damage: Option<Damage>, options: &[&str]) -> (Outcome, Vec<Passed>) {
        let server = match self {
            Self::Http => Server::http(Account::acme()),
            Self::Https(Tls(_, config)) | Self::Proxied(Tls(_, config)) => {
                Server::https(Account::acme(), Arc::clone(config))
            }
        };
        let body = json!({"access_token": TOKEN, "token_type": "bearer", "expires_in": 600});
        server.always(Endpoint::Tokens, Response::json(200, &body));
        let proxy = Proxy::http().route_all(server.address());
        let target = if let Self::Proxied(_) = self { proxy.address() } else { server.address() };
        let relay = Relay::damaging(target, damage);
        let address = relay.address();
        let run = Run::new()
            .credentials()
            .watch(server.transcript())
            .watch(move || format!("{damage:?}\n"))
            .args(options)
            .args(["-r", "jane@example.com"]);
        let run = match self {
            Self::Http => run.env("OUTSETA_BASE_URL", format!("http://{address}")),
            Self::Https(Tls(authority, _)) => {
                run.env("OUTSETA_BASE_URL", format!("https://{address}")).trust(authority)
            }
            Self::Proxied(Tls(authority, _)) => {
                let run = run.env("OUTSETA_SUBDOMAIN", "acme").trust(authority);
                run.env("https_proxy", format!("http://{address}"))
            }
        };
        let outcome = run.outcome();
        assert!(outcome.elapsed < LONG, "it should end in time\n{outcome}");
        (outcome, relay.passed())
    }

    /// In both directions: every `stride`th byte from `start` on, the start of each part, and the last byte.
    fn positions(&self, start: usize, stride: usize) -> Vec<(Direction, usize)> {
        let (outcome, passed) = self.run(None, &[]);
        assert_eq!(outcome.stdout_text(), format!("{TOKEN}\n"), "{outcome}");
        let [passed] = passed.as_slice() else { panic!("one connection is made, not {}", passed.len()) };
        let mut positions = Vec::new();
        for (direction, bytes) in
            [(Direction::ToServer, &passed.to_server), (Direction::ToClient, &passed.to_client)]
        {
            let parts = parts(bytes);
            // The next exchange may be shorter: the length of a certificate's signature varies.
            let margin = if bytes[0] == HANDSHAKE { 8 } else { 0 };
            let end = parts.last().expect("some bytes").end - margin;
            let mut chosen: BTreeSet<usize> = parts.into_iter().map(|part| part.start).collect();
            chosen.extend((start..end).step_by(stride).chain([end - 1]));
            positions.extend(chosen.into_iter().map(|position| (direction, position)));
        }
        positions
    }
}

/// The TLS records without the closing alert, or the lines.
fn parts(bytes: &[u8]) -> Vec<Range<usize>> {
    const TLS13_ALERT: usize = 19;
    let (mut parts, mut start) = (Vec::new(), 0);
    while start < bytes.len() {
        let rest = &bytes[start..];
        let length = if bytes[0] == HANDSHAKE {
            let length = usize::from(u16::from_be_bytes([rest[3], rest[4]]));
            if length == TLS13_ALERT {
                break;
            }
            5 + length
        } else {
            rest.iter().position(|byte| *byte == b'\n').map_or(rest.len(), |end| end + 1)
        };
        parts.push(start..start + length);
        start += length;
    }
    parts
}

/// Runs once for each position, many at once, and damages the connection there. The run must end with one of
/// these statuses: 0 with the token, the others with nothing on standard output. At least one run must fail
/// or connect again: otherwise nothing was damaged.
fn damage(path: &Path, positions: &[(Direction, usize)], harm: Harm, options: &[&str], statuses: &[i32]) {
    let (next, noticed) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let work = || {
        while let Some(&(direction, after)) = positions.get(next.fetch_add(1, Ordering::Relaxed)) {
            let (outcome, passed) = path.run(Some(Damage { direction, after, harm }), options);
            let status = outcome.status.unwrap_or_default();
            let printed = if status == 0 { format!("{TOKEN}\n") } else { String::new() };
            assert!(
                statuses.contains(&status) && outcome.stdout_text() == printed,
                "one of {statuses:?} is allowed\n{outcome}"
            );
            noticed.fetch_add(usize::from(status != 0 || passed.len() > 1), Ordering::Relaxed);
        }
    };
    thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(work);
        }
    });
    assert!(noticed.into_inner() > 0, "some run should notice the damage");
}

const ONCE: [&str; 4] = ["--retries", "0", "--timeout", "5"];
const SHORT: [&str; 4] = ["--retries", "0", "--timeout", "250ms"];
const TWICE: [&str; 4] = ["--retries", "1", "--timeout", "30"];

// ---- The relay itself ----

#[test]
fn the_relay_damages_only_the_given_byte() {
    let through = |damage: Option<Damage>| {
        let server = Listener::start(|tcp, _, stop| {
            move || {
                let mut wire = Wire::new(tcp, None);
                // The relay may close the connection early.
                let _ = wire.read_some(&mut [0; 16], &stop).and_then(|_| wire.write_all(b"abcdef"));
            }
        });
        let relay = Relay::damaging(server.address(), damage);
        let mut client = TcpStream::connect(relay.address()).expect("the relay accepts");
        client.write_all(b"?").expect("the request is sent");
        let stalls = damage.is_some_and(|damage| damage.harm == Harm::Stall);
        let timeout = if stalls { 300 } else { 20_000 };
        client.set_read_timeout(Some(Duration::from_millis(timeout))).expect("a timeout can be set");
        let mut bytes = Vec::new();
        let end = client.read_to_end(&mut bytes).map_err(|error| error.kind());
        let passed = relay.passed().swap_remove(0);
        (bytes, end.is_ok(), (passed.to_server.len(), passed.to_client.len()))
    };
    let damaged = |harm| {
        let (direction, after) = (Direction::ToClient, 2);
        let (bytes, ended, _) = through(Some(Damage { direction, after, harm }));
        (bytes, ended)
    };
    assert_eq!(through(None), (b"abcdef".to_vec(), true, (1, 6)));
    assert_eq!(damaged(Harm::Cut), (b"ab".to_vec(), true));
    assert_eq!(damaged(Harm::Stall), (b"ab".to_vec(), false));
    assert_eq!(damaged(Harm::Corrupt), (b"ab\x9cdef".to_vec(), true));
    // A reset may discard the bytes before it.
    assert!(!damaged(Harm::Reset).1);
}

// ---- HTTP ----

#[test]
fn an_http_exchange_that_ends_early_is_a_network_failure() {
    for (start, harm, options) in [(0, Harm::Cut, &ONCE), (1, Harm::Reset, &ONCE), (2, Harm::Stall, &SHORT)] {
        damage(&Path::Http, &Path::Http.positions(start, 3), harm, options, &[69]);
    }
}

#[test]
fn a_corrupted_http_response_is_the_token_or_a_failure() {
    let mut positions = Path::Http.positions(0, 2);
    positions.retain(|(direction, _)| *direction == Direction::ToClient);
    // If the length is corrupted, only the timeout ends the run.
    damage(&Path::Http, &positions, Harm::Corrupt, &SHORT, &[0, 69, 75, 76]);
}

#[test]
fn a_corrupted_http_request_is_the_token_or_a_failure() {
    let mut positions = Path::Http.positions(0, 4);
    positions.retain(|(direction, _)| *direction == Direction::ToServer);
    // It may have become a request for another path.
    damage(&Path::Http, &positions, Harm::Corrupt, &SHORT, &[0, 65, 67, 68, 69, 75, 76, 77]);
}

#[test]
fn a_cut_http_exchange_is_retried() {
    damage(&Path::Http, &Path::Http.positions(0, 19), Harm::Cut, &TWICE, &[0]);
}

// ---- TLS ----

#[test]
fn a_tls_connection_that_ends_early_is_a_network_failure() {
    let path = Path::Https(Tls::new());
    for (start, harm, options) in [(0, Harm::Cut, &ONCE), (8, Harm::Reset, &ONCE), (16, Harm::Stall, &SHORT)]
    {
        damage(&path, &path.positions(start, 24), harm, options, &[69]);
    }
}

#[test]
fn a_corrupted_tls_connection_is_the_token_or_a_network_failure() {
    let path = Path::Https(Tls::new());
    damage(&path, &path.positions(0, 20), Harm::Corrupt, &SHORT, &[0, 69]);
}

#[test]
fn a_cut_tls_connection_is_retried() {
    let path = Path::Https(Tls::new());
    damage(&path, &path.positions(0, 97), Harm::Cut, &TWICE, &[0]);
}

// ---- The CONNECT request to a proxy ----

#[test]
fn a_proxy_that_fails_is_a_network_failure() {
    let path = Path::Proxied(Tls::new());
    for (start, harm, options, statuses) in [
        (0, Harm::Cut, &ONCE, &[69][..]),
        (1, Harm::Reset, &ONCE, &[69]),
        (2, Harm::Stall, &SHORT, &[69]),
        (0, Harm::Corrupt, &SHORT, &[0, 69]),
    ] {
        let mut positions = path.positions(start, 4);
        // The CONNECT and the response to it are shorter than that.
        positions.retain(|(_, position)| *position < 150);
        damage(&path, &positions, harm, options, statuses);
    }
}
