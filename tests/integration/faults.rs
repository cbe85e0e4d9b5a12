//! A successful exchange, spoilt at every byte: cut, reset, stalled or corrupted, on its way to the
//! server and back, in the clear, under TLS (at TCP's level) and through a proxy. Whatever happens,
//! the program ends in time, prints nothing or the right token, and says which kind of failure it was.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
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

    /// Every `stride`th byte of an exchange, in both directions.
    fn places(&self, stride: usize) -> Vec<(Way, usize)> {
        let (outcome, passed) = self.run(None, &[]);
        assert_eq!(outcome.stdout_text(), format!("{TOKEN}\n"), "{outcome}");
        let [passed] = passed.as_slice() else { panic!("one connection is made, not {}", passed.len()) };
        let places = |way, length| (0..length).step_by(stride).map(move |place| (way, place));
        places(Way::ToServer, passed.to_server).chain(places(Way::ToClient, passed.to_client)).collect()
    }
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
        client.set_read_timeout(Some(Duration::from_millis(patience))).expect("a time-out can be set");
        let mut bytes = Vec::new();
        let end = client.read_to_end(&mut bytes).map_err(|error| error.kind());
        (bytes, end.is_ok(), relay.passed()[0])
    };
    let spoilt = |harm| {
        let (way, after) = (Way::ToClient, 2);
        let (bytes, ended, _) = through(Some(Spoil { way, after, harm }));
        (bytes, ended)
    };
    let passed = Passed { to_server: 1, to_client: 6 };
    assert_eq!(through(None), (b"abcdef".to_vec(), true, passed));
    assert_eq!(spoilt(Harm::Cut), (b"ab".to_vec(), true));
    assert_eq!(spoilt(Harm::Stall), (b"ab".to_vec(), false));
    assert_eq!(spoilt(Harm::Corrupt), (b"ab\x9cdef".to_vec(), true));
    // What came before it may be lost with it.
    assert!(!spoilt(Harm::Reset).1);
}

// ---- In the clear: every byte ----

#[test]
fn http_that_is_cut_anywhere_is_lost() {
    let places = Path::Http.places(1);
    spoil(&Path::Http, &places, Harm::Cut, &ONCE, &[69]);
}

#[test]
fn http_that_is_reset_anywhere_is_lost() {
    let places = Path::Http.places(1);
    spoil(&Path::Http, &places, Harm::Reset, &ONCE, &[69]);
}

#[test]
fn http_that_stalls_anywhere_ends_with_the_time() {
    let places = Path::Http.places(1);
    spoil(&Path::Http, &places, Harm::Stall, &SHORT, &[69]);
}

#[test]
fn an_http_answer_that_is_corrupted_anywhere_is_the_token_or_a_failure() {
    let mut places = Path::Http.places(1);
    places.retain(|(way, _)| *way == Way::ToClient);
    // Without a length that can be read, only the end of the time ends it.
    spoil(&Path::Http, &places, Harm::Corrupt, &SHORT, &[0, 69, 75, 76]);
}

#[test]
fn an_http_request_that_is_corrupted_anywhere_is_answered_somehow() {
    let mut places = Path::Http.places(1);
    places.retain(|(way, _)| *way == Way::ToServer);
    // To the server it may be another request, of another path.
    spoil(&Path::Http, &places, Harm::Corrupt, &SHORT, &[0, 65, 67, 68, 69, 75, 76, 77]);
}

#[test]
fn http_that_is_cut_anywhere_is_tried_again() {
    let places = Path::Http.places(7);
    spoil(&Path::Http, &places, Harm::Cut, &TWICE, &[0]);
}

// ---- Under TLS: every seventh byte ----

#[test]
fn tls_that_is_cut_anywhere_is_lost() {
    let path = Path::https();
    let places = path.places(7);
    spoil(&path, &places, Harm::Cut, &ONCE, &[69]);
}

#[test]
fn tls_that_is_reset_anywhere_is_lost() {
    let path = Path::https();
    let places = path.places(7);
    spoil(&path, &places, Harm::Reset, &ONCE, &[69]);
}

#[test]
fn tls_that_stalls_anywhere_ends_with_the_time() {
    let path = Path::https();
    let places = path.places(7);
    spoil(&path, &places, Harm::Stall, &SHORT, &[69]);
}

#[test]
fn tls_that_is_corrupted_anywhere_is_the_token_or_a_network_failure() {
    let path = Path::https();
    let places = path.places(7);
    spoil(&path, &places, Harm::Corrupt, &SHORT, &[0, 69]);
}

#[test]
fn tls_that_is_cut_anywhere_is_tried_again() {
    let path = Path::https();
    let places = path.places(31);
    spoil(&path, &places, Harm::Cut, &TWICE, &[0]);
}

// ---- Through a proxy: every byte of the first, which are the proxy's ----

fn of_the_proxy(path: &Path) -> Vec<(Way, usize)> {
    let mut places = path.places(1);
    // The CONNECT and its answer are shorter than that.
    places.retain(|(_, place)| *place < 150);
    places
}

#[test]
fn a_proxy_that_hangs_up_anywhere_is_a_network_failure() {
    let path = Path::proxied();
    for harm in [Harm::Cut, Harm::Reset] {
        spoil(&path, &of_the_proxy(&path), harm, &ONCE, &[69]);
    }
}

#[test]
fn a_proxy_that_stalls_anywhere_ends_with_the_time() {
    let path = Path::proxied();
    spoil(&path, &of_the_proxy(&path), Harm::Stall, &SHORT, &[69]);
}

#[test]
fn a_proxy_that_corrupts_anything_is_a_network_failure_or_none() {
    let path = Path::proxied();
    spoil(&path, &of_the_proxy(&path), Harm::Corrupt, &SHORT, &[0, 69]);
}
