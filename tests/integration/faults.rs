//! A successful exchange that is cut, reset, stalled or corrupted at one byte, on its way to the server or
//! back, in the clear, under TLS (at TCP's level) or through a proxy. Whatever happens, the program ends in
//! time, prints nothing or the right token, and reports the kind of failure.
//!
//! Each harm is tried at the first and last byte, at the start of each line or TLS record, and at every nth
//! byte. In the clear, the three harms that end a connection together reach every byte.

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
use crate::support::http::Answer;
use crate::support::listener::Listener;
use crate::support::model::Account;
use crate::support::proxy::Proxy;
use crate::support::relay::{Harm, Passed, Relay, Spoil, Way};
use crate::support::run::{Outcome, Run};
use crate::support::script::On;
use crate::support::tls::{Authority, NAMES};
use crate::support::wire::Wire;

/// The type of the first TLS record.
const HANDSHAKE: u8 = 22;

const TOKEN: &str = "e30.e30.c2ln";

/// Far more than a run takes that ends with its time.
const LONG: Duration = Duration::from_secs(10);

/// How many runs there are at once: most of them wait.
const WORKERS: usize = 16;

/// A way from the program to a server, which can be spoilt.
#[derive(Clone)]
enum Path {
    Http,
    Https(Arc<ServerConfig>, Arc<Authority>),
    Proxied(Arc<ServerConfig>, Arc<Authority>),
}

impl Path {
    fn https() -> Self {
        let authority = Arc::new(Authority::new());
        Self::Https(authority.server(&NAMES), authority)
    }

    fn proxied() -> Self {
        let authority = Arc::new(Authority::new());
        Self::Proxied(authority.server(&NAMES), authority)
    }

    /// A run over this way whose first connection is spoilt so, and what passed over each.
    fn run(&self, spoil: Option<Spoil>, options: &[&str]) -> (Outcome, Vec<Passed>) {
        let spoils: Vec<Spoil> = spoil.into_iter().collect();
        let server = match self {
            Self::Http => Server::http(Account::acme()),
            Self::Https(config, _) | Self::Proxied(config, _) => {
                Server::https(Account::acme(), Arc::clone(config))
            }
        };
        let body = json!({"access_token": TOKEN, "token_type": "bearer", "expires_in": 600});
        server.always(On::Tokens, Answer::json(200, &body));
        let proxy = Proxy::http().route_all(server.address());
        let target = match self {
            Self::Http | Self::Https(..) => server.address(),
            Self::Proxied(..) => proxy.address(),
        };
        let relay = Relay::spoiling(target, &spoils);
        let run = Run::new()
            .credentials()
            .watch(server.transcript())
            .watch(move || format!("{spoil:?}\n"))
            .args(options)
            .args(["-r", "jane@example.com"]);
        let run = match self {
            Self::Http => run.env("OUTSETA_BASE_URL", format!("http://{}", relay.address())),
            Self::Https(_, authority) => {
                run.env("OUTSETA_BASE_URL", format!("https://{}", relay.address())).trust(authority)
            }
            Self::Proxied(_, authority) => run
                .env("OUTSETA_SUBDOMAIN", "acme")
                .env("https_proxy", format!("http://{}", relay.address()))
                .trust(authority),
        };
        let outcome = run.outcome();
        assert!(outcome.elapsed < LONG, "it should end in time\n{outcome}");
        (outcome, relay.passed())
    }

    /// In both directions: every `stride`th byte from `start` on, the start of each part, and the last byte.
    fn places(&self, start: usize, stride: usize) -> Vec<(Way, usize)> {
        let (outcome, passed) = self.run(None, &[]);
        assert_eq!(outcome.stdout_text(), format!("{TOKEN}\n"), "{outcome}");
        let [passed] = passed.as_slice() else { panic!("one connection is made, not {}", passed.len()) };
        let mut places = Vec::new();
        for (way, bytes) in [(Way::ToServer, &passed.to_server), (Way::ToClient, &passed.to_client)] {
            let parts = parts(bytes);
            // The next exchange may be shorter: the length of a certificate's signature varies.
            let margin = if bytes[0] == HANDSHAKE { 8 } else { 0 };
            let end = parts.last().expect("something passed").end - margin;
            let mut chosen: BTreeSet<usize> = parts.into_iter().map(|part| part.start).collect();
            chosen.extend((start..end).step_by(stride).chain([end - 1]));
            places.extend(chosen.into_iter().map(|place| (way, place)));
        }
        places
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

/// Does this for each of them, many at once.
fn concurrently<T: Sync>(all: &[T], each: impl Fn(&T) + Sync) {
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                while let Some(one) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
                    each(one);
                }
            });
        }
    });
}

/// Spoils each of these places so; the run must end with one of these statuses and nothing printed,
/// or where 0 is among them, with the token. Where others are too, not every run may succeed: then
/// nothing was spoilt.
fn spoil(path: &Path, places: &[(Way, usize)], harm: Harm, options: &[&str], statuses: &[i32]) {
    let failures = AtomicUsize::new(0);
    concurrently(places, |&(way, after)| {
        let (outcome, _) = path.run(Some(Spoil { way, after, harm }), options);
        let status = outcome.status.unwrap_or_default();
        let printed = if status == 0 { "e30.e30.c2ln\n" } else { "" };
        assert!(
            statuses.contains(&status) && outcome.stdout_text() == printed,
            "one of {statuses:?} is allowed\n{outcome}"
        );
        failures.fetch_add(usize::from(status != 0), Ordering::Relaxed);
    });
    assert!(statuses == [0] || failures.into_inner() > 0);
}

const ONCE: [&str; 4] = ["--retries", "0", "--timeout", "5"];
const SHORT: [&str; 4] = ["--retries", "0", "--timeout", "250ms"];
const TWICE: [&str; 4] = ["--retries", "1", "--timeout", "30"];

// ---- The relay itself ----

#[test]
fn the_relay_spoils_just_the_byte_that_it_is_told_to() {
    let through = |spoil: Option<Spoil>| {
        let answer = Listener::start(|tcp, _, stop| {
            move || {
                let mut wire = Wire::new(tcp, None);
                // The relay may leave before it has all.
                let _ = wire.read_some(&mut [0; 16], &stop).and_then(|_| wire.write_all(b"abcdef"));
            }
        });
        let spoils: Vec<Spoil> = spoil.into_iter().collect();
        let relay = Relay::spoiling(answer.address(), &spoils);
        let mut client = TcpStream::connect(relay.address()).expect("the relay accepts");
        client.write_all(b"?").expect("the request is sent");
        let stalls = spoil.is_some_and(|spoil| spoil.harm == Harm::Stall);
        let patience = if stalls { 300 } else { 20_000 };
        client.set_read_timeout(Some(Duration::from_millis(patience))).expect("a timeout can be set");
        let mut bytes = Vec::new();
        let end = client.read_to_end(&mut bytes).map_err(|error| error.kind());
        let passed = relay.passed().swap_remove(0);
        (bytes, end.is_ok(), (passed.to_server.len(), passed.to_client.len()))
    };
    let spoilt = |harm| {
        let (way, after) = (Way::ToClient, 2);
        let (bytes, ended, _) = through(Some(Spoil { way, after, harm }));
        (bytes, ended)
    };
    assert_eq!(through(None), (b"abcdef".to_vec(), true, (1, 6)));
    assert_eq!(spoilt(Harm::Cut), (b"ab".to_vec(), true));
    assert_eq!(spoilt(Harm::Stall), (b"ab".to_vec(), false));
    assert_eq!(spoilt(Harm::Corrupt), (b"ab\x9cdef".to_vec(), true));
    // What came before it may be lost with it.
    assert!(!spoilt(Harm::Reset).1);
}

// ---- In the clear ----

#[test]
fn an_http_exchange_that_ends_early_is_a_network_failure() {
    for (start, harm, options) in [(0, Harm::Cut, &ONCE), (1, Harm::Reset, &ONCE), (2, Harm::Stall, &SHORT)] {
        spoil(&Path::Http, &Path::Http.places(start, 3), harm, options, &[69]);
    }
}

#[test]
fn a_corrupted_http_response_is_the_token_or_a_failure() {
    let mut places = Path::Http.places(0, 2);
    places.retain(|(way, _)| *way == Way::ToClient);
    // Without a readable length, only the timeout ends it.
    spoil(&Path::Http, &places, Harm::Corrupt, &SHORT, &[0, 69, 75, 76]);
}

#[test]
fn a_corrupted_http_request_gets_some_response() {
    let mut places = Path::Http.places(0, 4);
    places.retain(|(way, _)| *way == Way::ToServer);
    // To the server it may be a request for another path.
    spoil(&Path::Http, &places, Harm::Corrupt, &SHORT, &[0, 65, 67, 68, 69, 75, 76, 77]);
}

#[test]
fn a_cut_http_exchange_is_retried() {
    spoil(&Path::Http, &Path::Http.places(0, 19), Harm::Cut, &TWICE, &[0]);
}

// ---- Under TLS ----

#[test]
fn a_tls_connection_that_ends_early_is_a_network_failure() {
    let path = Path::https();
    for (start, harm, options) in [(0, Harm::Cut, &ONCE), (8, Harm::Reset, &ONCE), (16, Harm::Stall, &SHORT)]
    {
        spoil(&path, &path.places(start, 24), harm, options, &[69]);
    }
}

#[test]
fn a_corrupted_tls_connection_is_the_token_or_a_network_failure() {
    let path = Path::https();
    spoil(&path, &path.places(0, 20), Harm::Corrupt, &SHORT, &[0, 69]);
}

#[test]
fn a_cut_tls_connection_is_retried() {
    let path = Path::https();
    spoil(&path, &path.places(0, 97), Harm::Cut, &TWICE, &[0]);
}

// ---- Through a proxy, while it is spoken to ----

#[test]
fn a_proxy_that_fails_is_a_network_failure() {
    let path = Path::proxied();
    for (start, harm, options, statuses) in [
        (0, Harm::Cut, &ONCE, &[69][..]),
        (1, Harm::Reset, &ONCE, &[69]),
        (2, Harm::Stall, &SHORT, &[69]),
        (0, Harm::Corrupt, &SHORT, &[0, 69]),
    ] {
        let mut places = path.places(start, 4);
        // The CONNECT and the response to it are shorter than that.
        places.retain(|(_, place)| *place < 150);
        spoil(&path, &places, harm, options, statuses);
    }
}
