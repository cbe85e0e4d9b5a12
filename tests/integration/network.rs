//! Networks that fail: names that do not resolve, hosts that refuse, keep silent, drip, hang up in
//! the middle or never stop; and that the time given is kept whatever they do. TLS, proxies and
//! retries have modules of their own.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::time::Duration;

use serde_json::json;

use crate::support::fake::Server;
use crate::support::http::Answer;
use crate::support::listener::dead_address;
use crate::support::model::Account;
use crate::support::proxy::Detour;
use crate::support::relay::Relay;
use crate::support::run::{Run, program};
use crate::support::script::{AtAccept, Fault, On, Reply};
use crate::support::skip;
use crate::support::tls::{Authority, NAMES};

const EMAIL: &str = "jane@example.com";

const CONNECT_HINT: &str =
    "outseta-token: hint: check the network, a firewall, and whether a proxy is needed (https_proxy)";
const LATE_HINT: &str = "outseta-token: hint: try again, or raise --timeout";
const LOST: [&str; 2] = [
    "outseta-token: the connection to 127.0.0.1 was lost before the response was complete",
    "outseta-token: hint: try again",
];

/// What a machine as busy as this one may add to a deadline.
const SLACK: Duration = Duration::from_millis(1500);

/// A run against this address, which may be nobody's.
fn at(address: SocketAddr) -> Run {
    Run::new().credentials().args(["--base-url", &format!("http://{address}"), EMAIL])
}

fn answered(reply: impl Into<Reply>) -> (Server, Run) {
    let server = Server::http(Account::acme());
    server.on(On::Tokens, reply);
    let run = Run::new().server(&server).arg(EMAIL);
    (server, run)
}

fn token() -> Answer {
    Answer::json(200, &json!({"access_token": "a.b.c"}))
}

/// An address that takes no further connection, and refuses none: its queue is full.
struct Deaf {
    listener: TcpListener,
    _queued: Vec<TcpStream>,
}

impl Deaf {
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

// ---- No connection ----

#[test]
fn a_name_that_does_not_resolve_is_said_to_be_one() {
    let run = || {
        Run::new()
            .credentials()
            // A resolver that is dead itself is not what this is about.
            .env("RES_OPTIONS", "timeout:1 attempts:1")
            .args(["--base-url", "https://acme.invalid", "--timeout", "60", EMAIL])
            .status(69)
    };
    run()
        .args(["--retries", "0"])
        .stderr_lines(&[
            "outseta-token: cannot resolve the name acme.invalid",
            "outseta-token: hint: check the subdomain or base URL, and this machine's name resolution",
        ])
        .run();
    let outcome = run()
        .args(["--retries", "1", "-v"])
        .stderr_contains("cannot resolve the name acme.invalid; trying again in ")
        .run();
    assert_eq!(outcome.stderr.matches("> POST").count(), 2, "{outcome}");
}

#[test]
fn a_refused_connection_is_said_to_be_one() {
    at(dead_address())
        .args(["--retries", "0"])
        .status(69)
        .stderr_lines(&["outseta-token: cannot connect to 127.0.0.1: connection refused", CONNECT_HINT])
        .run();
}

#[test]
fn connecting_may_take_a_third_of_the_time() {
    let deaf = Deaf::new();
    let outcome = at(deaf.address())
        .args(["--retries", "0", "--timeout", "3"])
        .status(69)
        .stderr_contains("outseta-token: cannot connect to 127.0.0.1 within 1 s\n")
        .stderr_contains(CONNECT_HINT)
        .run();
    assert!(
        (Duration::from_millis(990)..Duration::from_millis(2800)).contains(&outcome.elapsed),
        "{outcome}"
    );
}

/// In a network of its own, whose resolver never answers.
#[test]
fn looking_up_the_name_is_part_of_connecting() {
    const UNAVAILABLE: i32 = 99;
    let script = format!(
        "{{ ip link add name near type veth peer name far && ip addr add 192.0.2.1/24 dev near &&
            ip link set near up && ip link set far up &&
            ip neigh add 192.0.2.2 lladdr 02:00:00:00:00:01 dev near &&
            mount --bind resolv.conf /etc/resolv.conf; }} >&2 || exit {UNAVAILABLE}
        exec \"$0\" \"$@\""
    );
    let outcome = Run::of("/usr/bin/env".into())
        .args(["unshare", "--map-root-user", "--net", "--mount"])
        .args(["sh", "-c", script.as_str()])
        .arg(program())
        .file("resolv.conf", "nameserver 192.0.2.2\n")
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .credentials()
        .args(["--base-url", "https://acme.example", "--timeout", "3"])
        .args(["--retries", "0", EMAIL])
        .outcome();
    if matches!(outcome.status, Some(UNAVAILABLE | 1 | 127)) {
        skip("no network can be made here (unshare, ip)");
        return;
    }
    assert_eq!(outcome.status, Some(69), "{outcome}");
    let message = "outseta-token: cannot connect to acme.example within 1 s\n";
    assert!(outcome.stderr.starts_with(message), "{outcome}");
    assert!(
        (Duration::from_millis(990)..Duration::from_millis(2800)).contains(&outcome.elapsed),
        "{outcome}"
    );
}

/// In a mount namespace of its own, where `localhost` is another machine.
#[test]
fn plain_http_goes_to_loopback_addresses_only() {
    const UNAVAILABLE: i32 = 99;
    let script = format!(
        "mount --bind hosts /etc/hosts >&2 || exit {UNAVAILABLE}
        exec \"$0\" \"$@\""
    );
    let server = Server::http(Account::acme());
    let outcome = |hosts: &str| {
        Run::of("/usr/bin/env".into())
            .args(["unshare", "--map-root-user", "--mount", "sh", "-c", script.as_str()])
            .arg(program())
            .file("hosts", hosts)
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .credentials()
            .args(["--base-url", &format!("http://localhost:{}", server.address().port()), EMAIL])
            .outcome()
    };
    let away = outcome("10.0.0.1 localhost\n");
    if matches!(away.status, Some(UNAVAILABLE | 1 | 127)) {
        return skip("no mount namespace can be made here (unshare)");
    }
    assert_eq!(away.status, Some(69), "{away}");
    assert_eq!(
        away.stderr,
        "outseta-token: localhost does not resolve to a loopback address\n\
         outseta-token: hint: check localhost in /etc/hosts, or use 127.0.0.1\n"
    );
    let both = outcome("10.0.0.1 localhost\n127.0.0.1 localhost\n");
    assert_eq!(both.status, Some(0), "{both}");
}

/// In a mount namespace of its own, where `localhost` moves after the first attempt.
#[test]
fn addresses_are_looked_up_again_after_a_failed_connection() {
    const UNAVAILABLE: i32 = 99;
    let script = format!(
        "mount --bind hosts /etc/hosts >&2 || exit {UNAVAILABLE}
        (sleep 0.3; echo 127.0.0.1 localhost >hosts) &
        exec \"$0\" \"$@\""
    );
    let server = Server::http(Account::acme());
    let outcome = Run::of("/usr/bin/env".into())
        .args(["unshare", "--map-root-user", "--mount", "sh", "-c", script.as_str()])
        .arg(program())
        .file("hosts", "127.0.0.2 localhost\n")
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .credentials()
        .args(["--base-url", &format!("http://localhost:{}", server.address().port()), EMAIL])
        .outcome();
    if matches!(outcome.status, Some(UNAVAILABLE | 1 | 127)) {
        return skip("no mount namespace can be made here (unshare)");
    }
    assert_eq!((outcome.status, server.connections()), (Some(0), 1), "{outcome}");
}

/// A stack larger than the address space has the same effect as `ulimit -u`.
#[test]
fn a_thread_that_cannot_be_started_is_a_network_failure() {
    let server = Server::http(Account::acme());
    let message = "cannot connect to localhost: cannot start a thread: ";
    for (args, stream) in
        [(&[EMAIL][..], "stderr"), (&["--check"], "stdout"), (&[EMAIL, "--", "/bin/echo", "ran"], "stderr")]
    {
        let outcome = Run::new()
            .server(&server)
            .env("OUTSETA_BASE_URL", format!("http://localhost:{}", server.address().port()))
            .env("RUST_MIN_STACK", (1_u64 << 47).to_string())
            .args(["--retries", "0"])
            .args(args)
            .outcome();
        assert_eq!(outcome.status, Some(69), "{outcome}");
        let text = if stream == "stdout" { outcome.stdout_text() } else { outcome.stderr.clone() };
        assert!(text.contains(message), "{outcome}");
    }
    assert_eq!(server.connections(), 0);
}

#[test]
fn attempts_that_used_up_the_time_are_told_together() {
    let deaf = Deaf::new();
    let outcome = at(deaf.address())
        .args(["--retries", "9", "--timeout", "3"])
        .status(69)
        .stderr_contains("outseta-token: cannot connect to 127.0.0.1 within ")
        .run();
    let seconds = outcome.stderr.split(" within ").nth(1).and_then(|rest| rest.split(" s\n").next());
    let seconds: f64 =
        seconds.and_then(|seconds| seconds.parse().ok()).unwrap_or_else(|| panic!("{outcome}"));
    // 1 s, a wait of 0.5 to 0.75 s, 1 s; and perhaps what is left.
    assert!((2.5..=3.0).contains(&seconds), "{outcome}");
}

#[test]
fn a_tls_handshake_is_part_of_connecting() {
    let authority = Authority::new();
    for behaviour in [AtAccept::Silent, AtAccept::StallHandshake(100)] {
        let server = Server::https(Account::acme(), authority.server(&NAMES));
        server.always_on_accept(behaviour);
        let outcome = Run::new()
            .server(&server)
            .trust(&authority)
            .args(["--retries", "0", "--timeout", "3", EMAIL])
            .status(69)
            .stderr_contains("outseta-token: cannot connect to 127.0.0.1 within 1 s\n")
            .stderr_contains(CONNECT_HINT)
            .run();
        assert!(
            (Duration::from_millis(990)..Duration::from_millis(2800)).contains(&outcome.elapsed),
            "{outcome}"
        );
    }
}

#[test]
fn a_connection_that_takes_too_long_is_tried_again() {
    let authority = Authority::new();
    let server = Server::https(Account::acme(), authority.server(&NAMES));
    server.on_accept(AtAccept::Silent);
    Run::new()
        .server(&server)
        .trust(&authority)
        .args(["--retries", "1", "--timeout", "6", EMAIL])
        .stdout_contains("access_token")
        .run();
    assert_eq!(server.connections(), 2);
}

#[test]
fn a_dead_first_address_hides_no_living_second() {
    let mut addresses = ("localhost", 80).to_socket_addrs().expect("localhost resolves");
    if !addresses.any(|address| address.is_ipv6()) {
        return skip("localhost has no IPv6 address on this machine");
    }
    let server = Server::http(Account::acme());
    let port = server.address().port();
    let alone = Relay::bound(IpAddr::from(Ipv6Addr::LOCALHOST), 0, server.address(), &[])
        .expect("IPv6 loopback has a free port");
    for port in [port, alone.address().port()] {
        Run::new()
            .server(&server)
            .args(["--base-url", &format!("http://localhost:{port}")])
            .args(["--retries", "0", EMAIL])
            .stdout_contains("access_token")
            .run();
    }
}

// ---- No answer, or a part of one ----

#[test]
fn silence_ends_with_the_time() {
    let (server, run) = answered(Fault::Stall);
    let outcome = run
        .args(["--timeout", "700ms"])
        .status(69)
        .stderr_lines(&["outseta-token: no response from 127.0.0.1 within 0.7 s", LATE_HINT])
        .run();
    assert!(
        (Duration::from_millis(700)..Duration::from_millis(700) + SLACK).contains(&outcome.elapsed),
        "{outcome}"
    );
    assert_eq!(server.requests().len(), 1, "it is not asked again");
}

#[test]
fn an_answer_may_take_more_than_a_third_of_the_time() {
    let (_server, run) = answered(token().with(Fault::Delay(Duration::from_millis(1300))));
    run.args(["--timeout", "3", "-r"]).stdout("a.b.c\n").run();
}

#[test]
fn an_answer_that_drips_ends_with_the_time() {
    for answer in [token(), token().chunked(), token().until_close(), Answer::empty(503)] {
        let (_server, run) = answered(answer.with(Fault::Trickle(Duration::from_millis(50))));
        let outcome = run
            .args(["--timeout", "500ms"])
            .status(69)
            .stderr_lines(&["outseta-token: no response from 127.0.0.1 within 0.5 s", LATE_HINT])
            .run();
        assert!(outcome.elapsed < Duration::from_millis(500) + SLACK, "{outcome}");
    }
}

#[test]
fn an_answer_that_drips_fast_enough_is_one() {
    let (_server, run) = answered(token().with(Fault::Trickle(Duration::from_millis(1))));
    run.arg("-r").stdout("a.b.c\n").run();
}

#[test]
fn an_answer_that_is_cut_is_lost() {
    for fault in [
        Fault::CloseAfter(0),
        Fault::CloseAfter(1),
        Fault::CloseAfter(60),
        Fault::ResetAfter(0),
        Fault::ResetAfter(60),
        Fault::CutBody(0),
        Fault::CutBody(10),
    ] {
        let (_server, run) = answered(token().with(fault));
        run.args(["--retries", "0"]).status(69).stderr_lines(&LOST).run();
    }
    let (_server, run) = answered(token().claimed_length(1000));
    run.args(["--retries", "0"]).status(69).stderr_lines(&LOST).run();
}

#[test]
fn a_chunked_answer_is_lost_wherever_it_is_cut() {
    let answer = token().chunked();
    // The empty line behind the last chunk is not waited for.
    for count in 0..answer.framed_body().len() - 2 {
        let (_server, run) = answered(answer.clone().with(Fault::CutBody(count)));
        let outcome = run.args(["--retries", "0"]).outcome();
        assert_eq!(
            (outcome.status, outcome.stderr.lines().next()),
            (Some(69), Some(LOST[0])),
            "cut after {count} bytes\n{outcome}"
        );
    }
}

#[test]
fn an_answer_without_a_length_that_is_cut_is_no_json() {
    let (_server, run) = answered(token().until_close().with(Fault::CutBody(20)));
    run.status(76).stderr_contains("the response (200) is not a JSON object\n").run();
}

/// Whether it is whole only a `close_notify` would tell.
#[test]
fn a_tls_answer_without_a_length_that_ends_without_close_notify_is_lost() {
    let authority = Authority::new();
    let answer = token().until_close();
    let whole = answer.head().len() + answer.framed_body().len();
    let server = Server::https(Account::acme(), authority.server(&NAMES));
    server.on(On::Tokens, answer.clone().with(Fault::CloseAfter(whole)));
    let run = || Run::new().server(&server).trust(&authority).args(["--retries", "0", "-r", EMAIL]);
    run().status(69).stderr_lines(&LOST).run();
    server.on(On::Tokens, answer);
    run().stdout("a.b.c\n").run();
}

#[test]
fn tls_where_plain_http_was_meant_is_no_answer() {
    let server = Server::https(Account::acme(), Authority::new().server(&NAMES));
    at(server.address()).fails(76, "the response is not HTTP", "check the base URL and its port").run();
}

// ---- The time ----

#[test]
fn all_attempts_and_waits_share_the_time() {
    let server = Server::http(Account::acme());
    let slow = Answer::empty(503).with(Fault::Delay(Duration::from_millis(300)));
    server.always(On::Tokens, slow);
    let outcome = Run::new()
        .server(&server)
        .args(["--timeout", "3", "--retries", "100", EMAIL])
        .status(75)
        .stderr_contains("temporarily unavailable (503)\n")
        .run();
    assert!(outcome.elapsed < Duration::from_secs(3) + SLACK, "{outcome}");
    // 0.3 s, then 0.5 to 0.75, 0.3, 1 to 1.5, 0.3; a wait of 2 s does not fit any more.
    assert!((2..=3).contains(&server.requests().len()), "{outcome}");
}

#[test]
fn an_attempt_after_others_has_what_is_left_of_the_time() {
    let server = Server::http(Account::acme());
    server
        .on(On::Tokens, Fault::CloseAfter(0))
        .always(On::Tokens, Fault::Trickle(Duration::from_millis(100)));
    let outcome = Run::new()
        .server(&server)
        .args(["--timeout", "2", EMAIL])
        .status(69)
        .stderr_lines(&["outseta-token: no response from 127.0.0.1 within 2 s", LATE_HINT])
        .run();
    assert!(outcome.elapsed < Duration::from_secs(2) + SLACK, "{outcome}");
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn too_little_time_is_a_time_out_and_nothing_else() {
    let authority = Authority::new();
    let tls = Server::https(Account::acme(), authority.server(&NAMES));
    let detour = Detour::new(Account::acme());
    let silent = Server::http(Account::acme());
    silent.always(On::Any, Fault::Stall);
    let deaf = Deaf::new();
    for timeout in ["1ms", "2ms", "3ms", "7ms", "20ms"] {
        for run in [
            Run::new().server(&tls).trust(&authority).arg(EMAIL),
            Run::new().detour(&detour).arg(EMAIL),
            at(silent.address()),
            Run::new().credentials().args([
                "--base-url",
                &format!("http://localhost:{}", silent.address().port()),
                EMAIL,
            ]),
            at(deaf.address()),
        ] {
            let outcome = run.args(["--timeout", timeout]).outcome();
            assert!(
                matches!(outcome.status, Some(0 | 69)) && outcome.elapsed < SLACK,
                "{timeout}: {outcome}"
            );
        }
    }
}
