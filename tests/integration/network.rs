//! Network failures: names that do not resolve, connections that are refused, silent, slow, lost or endless.
//! The timeout holds in each case. TLS, proxies and retries have their own modules.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::time::Duration;

use serde_json::json;

use crate::support::fake::Server;
use crate::support::http::Response;
use crate::support::listener::dead_address;
use crate::support::model::Account;
use crate::support::proxy::Detour;
use crate::support::relay::Relay;
use crate::support::run::{Run, program};
use crate::support::script::{AtAccept, Endpoint, Fault, Reply};
use crate::support::skip;
use crate::support::tls::{Authority, NAMES};

const EMAIL: &str = "jane@example.com";

const CONNECT_HINT: &str = "check the network, a firewall, and whether a proxy is needed (https_proxy)";
const LATE_HINT: &str = "try again, or raise --timeout";
const LOST: &str = "the connection to 127.0.0.1 was lost before the response was complete";

/// How late a busy machine may notice a deadline.
const SLACK: Duration = Duration::from_millis(1500);

/// A run that connects to this address.
fn at(address: SocketAddr) -> Run {
    Run::new().credentials().args(["--base-url", &format!("http://{address}"), EMAIL])
}

fn replying(reply: impl Into<Reply>) -> (Server, Run) {
    let server = Server::http(Account::acme());
    server.on(Endpoint::Tokens, reply);
    let run = Run::new().server(&server).arg(EMAIL);
    (server, run)
}

fn token() -> Response {
    Response::json(200, &json!({"access_token": "a.b.c"}))
}

/// An address that neither accepts nor refuses a connection, because its queue is full.
struct FullQueue {
    listener: TcpListener,
    _queued: Vec<TcpStream>,
}

impl FullQueue {
    fn new() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has a free port");
        rustix::net::listen(&listener, 0).expect("a queue can be shortened");
        let address = listener.local_addr().expect("a bound listener has an address");
        let connect = || TcpStream::connect_timeout(&address, Duration::from_millis(200)).ok();
        let queued = std::iter::from_fn(connect).take(100).collect();
        Self { listener, _queued: queued }
    }

    fn address(&self) -> SocketAddr {
        self.listener.local_addr().expect("a bound listener has an address")
    }
}

/// Expects that connecting fails after 1 s, a third of the timeout.
#[track_caller]
fn gives_up_after_a_second(run: Run, target: &str) {
    let message = format!("cannot connect to {target} within 1 s");
    let outcome = run.args(["--retries", "0", "--timeout", "3"]).fails(69, &message, CONNECT_HINT).run();
    let second = Duration::from_millis(990)..Duration::from_millis(2800);
    assert!(second.contains(&outcome.elapsed), "{outcome}");
}

/// A run in new namespaces, after this preparation as root. `None`, with a message, if that is not possible.
fn in_namespaces(options: &[&str], preparation: &str, run: impl Fn(Run) -> Run) -> Option<Run> {
    let unshare = |script: &str| {
        let run = run(Run::of("/usr/bin/env".into()).env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"));
        run.args(["unshare", "--map-root-user", "--mount"])
            .args(options)
            .args(["sh", "-c", script])
            .arg(program())
    };
    if unshare(preparation).outcome().status != Some(0) {
        skip("no namespaces can be made here (unshare, ip)");
        return None;
    }
    Some(unshare(&format!("{{ {preparation}; }} >&2 || exit 99; exec \"$0\" \"$@\"")))
}

/// A run to this port of `localhost`, which resolves to these lines of `/etc/hosts`. The preparation ends
/// with the shell text in `meanwhile`.
fn with_hosts(hosts: &str, meanwhile: &str, port: u16) -> Option<Run> {
    let prepare = format!("mount --bind hosts /etc/hosts{meanwhile}");
    let run = in_namespaces(&[], &prepare, |run| run.file("hosts", hosts))?;
    Some(run.credentials().args(["--base-url", &format!("http://localhost:{port}"), EMAIL]))
}

// ---- No connection ----

#[test]
fn a_failed_connection_is_reported_with_its_reason_and_retried() {
    let dead = dead_address();
    let unresolved = "check the subdomain or base URL, this machine's name resolution, and whether a proxy \
        is needed (https_proxy)";
    for (url, message, hint) in [
        ("https://acme.invalid", "cannot resolve the name acme.invalid", unresolved),
        (&format!("http://{dead}"), &format!("cannot connect to {dead}: connection refused"), CONNECT_HINT),
    ] {
        // The resolver of this machine may be unreachable.
        let run = Run::new().credentials().env("RES_OPTIONS", "timeout:1 attempts:1");
        let run = run.args(["--base-url", url, "--timeout", "60", "--retries", "1", "-v", EMAIL]);
        let failure = format!("outseta-token: {message}\noutseta-token: hint: {hint}\n");
        let retried = format!("{message}; trying again in ");
        let outcome = run.status(69).stderr_contains(&failure).stderr_contains(&retried).run();
        assert_eq!(outcome.stderr.matches("> POST").count(), 2, "{outcome}");
    }
}

#[test]
fn connecting_may_take_a_third_of_the_timeout() {
    let full = FullQueue::new();
    gives_up_after_a_second(at(full.address()), &full.address().to_string());
}

/// A run to a name, on a network whose resolver never responds.
fn without_resolver() -> Option<Run> {
    let network = "ip link add name near type veth peer name far && ip addr add 192.0.2.1/24 dev near &&
        ip link set near up && ip link set far up &&
        ip neigh add 192.0.2.2 lladdr 02:00:00:00:00:01 dev near &&
        mount --bind resolv.conf /etc/resolv.conf";
    let resolver = |run: Run| run.file("resolv.conf", "nameserver 192.0.2.2\n");
    let run = in_namespaces(&["--net"], network, resolver)?;
    Some(run.credentials().args(["--base-url", "https://acme.example", EMAIL]))
}

#[test]
fn name_resolution_is_part_of_connecting() {
    let Some(run) = without_resolver() else { return };
    gives_up_after_a_second(run, "acme.example");
}

/// The last of several lookups is ended by the timeout.
#[test]
fn lookups_that_used_up_the_timeout_are_no_missing_response() {
    let Some(run) = without_resolver() else { return };
    run.env("RES_OPTIONS", "timeout:1 attempts:1")
        .args(["--timeout", "4200ms"])
        .fails(69, "cannot connect to acme.example within 1.4 s", CONNECT_HINT)
        .run();
}

#[test]
fn plain_http_goes_to_loopback_addresses_only() {
    let server = Server::http(Account::acme());
    let port = server.address().port();
    let Some(away) = with_hosts("10.0.0.1 localhost\n", "", port) else { return };
    let message = "cannot resolve the name localhost to a loopback address";
    away.args(["--retries", "0"]).fails_with(69, message).run();
    let both = with_hosts("10.0.0.1 localhost\n127.0.0.1 localhost\n", "", port);
    both.expect("namespaces").prints_a_token();
}

/// `localhost` moves after the first attempt.
#[test]
fn addresses_are_looked_up_again_after_a_failed_connection() {
    let server = Server::http(Account::acme());
    let move_it = " && { (sleep 0.3; echo 127.0.0.1 localhost >hosts) & }";
    let Some(run) = with_hosts("127.0.0.2 localhost\n", move_it, server.address().port()) else { return };
    run.prints_a_token();
    assert_eq!(server.connections(), 1);
}

/// A stack larger than the address space has the same effect as `ulimit -u`.
#[test]
fn a_thread_that_cannot_be_started_is_a_network_failure() {
    let run = Run::new().credentials().args(["--base-url", "http://localhost:1", "--retries", "0", EMAIL]);
    let run = run.env("RUST_MIN_STACK", (1_u64 << 47).to_string());
    run.fails_with(69, "cannot connect to localhost:1: cannot start a thread: ").run();
}

#[test]
fn a_tls_handshake_is_part_of_connecting() {
    let authority = Authority::new();
    for behaviour in [AtAccept::Silent, AtAccept::StallHandshake(100)] {
        let server = Server::https(Account::acme(), authority.server(&NAMES));
        server.always_on_accept(behaviour);
        let run = Run::new().server(&server).trust(&authority).arg(EMAIL);
        gives_up_after_a_second(run, &server.address().to_string());
    }
}

#[test]
fn a_connection_that_takes_too_long_is_retried() {
    let authority = Authority::new();
    let server = Server::https(Account::acme(), authority.server(&NAMES));
    server.on_accept(AtAccept::Silent);
    Run::new()
        .server(&server)
        .trust(&authority)
        .args(["--retries", "1", "--timeout", "6", EMAIL])
        .prints_a_token();
    assert_eq!(server.connections(), 2);
}

#[test]
fn each_address_of_a_name_is_tried() {
    let mut addresses = ("localhost", 80).to_socket_addrs().expect("localhost resolves");
    if !addresses.any(|address| address.is_ipv6()) {
        return skip("localhost has no IPv6 address on this machine");
    }
    let server = Server::http(Account::acme());
    let port = server.address().port();
    let alone = Relay::ipv6(server.address()).expect("IPv6 loopback has a free port");
    for port in [port, alone.address().port()] {
        Run::new()
            .server(&server)
            .args(["--base-url", &format!("http://localhost:{port}"), "--retries", "0", EMAIL])
            .prints_a_token();
    }
}

// ---- No response, or a part of one ----

#[test]
fn silence_or_a_slow_response_ends_with_the_timeout_without_a_retry() {
    let slow = |response: Response| response.with(Fault::Trickle(Duration::from_millis(50)));
    for reply in [
        Reply::from(Fault::Stall),
        slow(token()),
        slow(token().chunked()),
        slow(token().until_close()),
        slow(Response::empty(503)),
    ] {
        let (server, run) = replying(reply);
        let run = run.args(["--timeout", "500ms"]);
        let outcome = run.fails(69, "no response from 127.0.0.1 within 0.5 s", LATE_HINT).run();
        let timeout = Duration::from_millis(500);
        assert!((timeout..timeout + SLACK).contains(&outcome.elapsed), "{outcome}");
        assert_eq!(server.requests().len(), 1, "{outcome}");
    }
}

#[test]
fn a_slow_response_in_time_is_accepted() {
    // More than a third of the timeout, which only connecting may not take.
    for fault in [Fault::Delay(Duration::from_millis(1300)), Fault::Trickle(Duration::from_millis(1))] {
        let (_server, run) = replying(token().with(fault));
        run.args(["--timeout", "3", "-r"]).stdout("a.b.c\n").run();
    }
}

/// `faults.rs` cuts a response with a length at every byte.
#[test]
fn a_chunked_response_is_lost_wherever_it_is_cut() {
    let response = token().chunked();
    // The program does not wait for the empty line after the last chunk.
    for count in 0..response.framed_body().len() - 2 {
        let (_server, run) = replying(response.clone().with(Fault::CutBody(count)));
        run.args(["--retries", "0"]).fails(69, LOST, "try again").run();
    }
    let (_server, run) = replying(token().until_close().with(Fault::CutBody(20)));
    run.fails_with(76, "the response (200) is not a JSON object\n").run();
}

/// Only `close_notify` shows that it is complete.
#[test]
fn a_tls_response_without_a_length_needs_close_notify() {
    let authority = Authority::new();
    let response = token().until_close();
    let whole = response.head().len() + response.framed_body().len();
    let server = Server::https(Account::acme(), authority.server(&NAMES));
    server.on(Endpoint::Tokens, response.clone().with(Fault::CloseAfter(whole)));
    let run = || Run::new().server(&server).trust(&authority).args(["--retries", "0", "-r", EMAIL]);
    run().fails(69, LOST, "try again").run();
    server.on(Endpoint::Tokens, response);
    run().stdout("a.b.c\n").run();
}

#[test]
fn plain_http_to_a_tls_server_is_76() {
    let server = Server::https(Account::acme(), Authority::new().server(&NAMES));
    at(server.address()).fails(76, "the response is not HTTP", "check the base URL and its port").run();
}

// ---- The timeout ----

#[test]
fn all_attempts_and_waits_share_the_timeout() {
    let server = Server::http(Account::acme());
    let slow = Response::empty(503).with(Fault::Delay(Duration::from_millis(300)));
    server.always(Endpoint::Tokens, slow);
    let outcome = Run::new()
        .server(&server)
        .args(["--timeout", "3", "--retries", "100", EMAIL])
        .fails_with(75, "Outseta is temporarily unavailable (503)\n")
        .run();
    assert!(outcome.elapsed < Duration::from_secs(3) + SLACK, "{outcome}");
    // 0.3 s, then 0.5 to 0.75, 0.3, 1 to 1.5, 0.3; a wait of 2 s does not fit any more.
    assert!((2..=3).contains(&server.requests().len()), "{outcome}");
}

#[test]
fn a_retry_has_the_rest_of_the_timeout() {
    let server = Server::http(Account::acme());
    server
        .on(Endpoint::Tokens, Fault::CloseAfter(0))
        .always(Endpoint::Tokens, Fault::Trickle(Duration::from_millis(100)));
    let outcome = Run::new()
        .server(&server)
        .args(["--timeout", "2", EMAIL])
        .fails(69, "no response from 127.0.0.1 within 2 s", LATE_HINT)
        .run();
    assert!(outcome.elapsed < Duration::from_secs(2) + SLACK, "{outcome}");
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn a_very_short_timeout_is_a_network_failure() {
    let detour = Detour::new(Account::acme());
    let silent = Server::http(Account::acme());
    silent.always(Endpoint::Any, Fault::Stall);
    let localhost = format!("http://localhost:{}", silent.address().port());
    let full = FullQueue::new();
    for timeout in ["1ms", "2ms", "3ms", "7ms", "20ms"] {
        for (run, may_succeed) in [
            (Run::new().detour(&detour).arg(EMAIL), true),
            (Run::new().credentials().args(["--base-url", &localhost, EMAIL]), false),
            (at(full.address()), false),
        ] {
            let outcome = run.args(["--timeout", timeout]).outcome();
            let as_expected = outcome.status == Some(69) || may_succeed && outcome.status == Some(0);
            assert!(as_expected && outcome.elapsed < SLACK, "{timeout}: {outcome}");
        }
    }
}
