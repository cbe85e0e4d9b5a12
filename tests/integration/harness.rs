//! Tests of the test support: a run fails if it shows a secret, prints unexpected output or hangs; the fake
//! refuses a wrong key; clients refuse bad TLS. The client here shares no code with the program.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use rustix::termios::LocalModes;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use serde_json::json;

use crate::support::fake::Server;
use crate::support::model::Account;
use crate::support::proxy::Detour;
use crate::support::pty::Streams;
use crate::support::run::Run;
use crate::support::script::AtAccept;
use crate::support::tls::{Authority, NAMES, self_signed};
use crate::support::{KEY, KEY_SHOWN, SECRET};

fn shell(script: &str) -> Run {
    Run::of("/bin/sh".into()).args(["-c", script])
}

/// The report with which this fails.
fn report<T>(action: impl FnOnce() -> T) -> String {
    let panic = catch_unwind(AssertUnwindSafe(action)).err().expect("it fails");
    *panic.downcast::<String>().expect("a panic with a report")
}

fn failure(run: Run) -> String {
    report(|| run.run())
}

#[test]
fn unexpected_output_fails() {
    assert!(failure(shell("echo out")).contains("standard output should be \"\""));
    let report = failure(shell("echo err >&2; exit 1"));
    assert!(report.contains("the status should be 0") && report.contains("standard error:\nerr\n"));
    assert!(failure(shell("echo err >&2")).contains("standard error should be \"\""));
    assert!(failure(shell("kill -9 $$")).contains("signal: Some(9)"));
}

#[test]
fn a_secret_in_a_stream_fails() {
    let shown = |text: &str| format!("echo {text}");
    assert!(failure(shell(&shown(SECRET))).contains("shows the API secret"));
    for part in [&SECRET[..20], &SECRET[14..]] {
        assert!(failure(shell(&shown(part))).contains("standard output shows the API secret"));
    }
    assert!(failure(shell(&format!("echo {SECRET} >&2"))).contains("standard error shows the API secret"));
    let session = shell(&shown(SECRET)).on_terminal(Streams::ALL);
    assert!(report(|| session.outcome()).contains("the terminal shows the API secret"));
    for part in [KEY, &KEY[..=KEY_SHOWN], &KEY[10..]] {
        assert!(failure(shell(&shown(part))).contains("characters of the key"));
    }
    let start = &KEY[..KEY_SHOWN];
    shell(&shown(start)).stdout(format!("{start}\n")).run();
}

#[test]
fn a_run_that_hangs_is_killed() {
    let report = failure(shell("echo begun; exec sleep 60").deadline(Duration::from_millis(200)));
    assert!(report.contains("it should end within 200ms") && report.contains("begun"));
    assert!(report.contains("signal: Some(9)"), "{report}");
}

#[test]
fn a_terminal_left_changed_fails() {
    let session = shell("stty -echo").on_terminal(Streams::ALL);
    assert!(session.modes_before().local.contains(LocalModes::ECHO));
    assert!(report(|| session.outcome()).contains("should be left as it was"));
}

/// Sends one request and returns the head and the body of the response.
fn ask(stream: &mut (impl Read + Write), request: &str) -> (String, String) {
    stream.write_all(request.as_bytes()).expect("the request is sent");
    let mut byte = || {
        let mut byte = [0];
        stream.read_exact(&mut byte).expect("the server answers");
        char::from(byte[0])
    };
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        head.push(byte());
    }
    let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
    let body = (0..length.map_or(0, |length| length.parse().expect("a length"))).map(|_| byte()).collect();
    (head, body)
}

fn token_request(host: &str, authorization: &str) -> String {
    let body = json!({"username": "jane@example.com"}).to_string();
    format!(
        "POST /api/v1/tokens HTTP/1.1\r\nHost: {host}\r\nUser-Agent: test\r\nAccept: */*\r\n\
         Authorization: {authorization}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn key() -> String {
    format!("Outseta {KEY}:{SECRET}")
}

fn connect(address: SocketAddr) -> TcpStream {
    let tcp = TcpStream::connect(address).expect("the server accepts");
    tcp.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout can be set");
    tcp
}

fn over_tls(
    tcp: TcpStream,
    config: Arc<ClientConfig>,
    name: &'static str,
) -> StreamOwned<ClientConnection, TcpStream> {
    let name = ServerName::try_from(name).expect("a server name");
    StreamOwned::new(ClientConnection::new(config, name).expect("a TLS client"), tcp)
}

#[test]
fn the_fake_refuses_a_wrong_key_a_read_only_key_and_outseta_com_over_http() {
    let server = Server::http(Account::acme());
    let status = |request: &str| ask(&mut connect(server.address()), request).0[9..12].to_owned();
    assert_eq!(status(&token_request("localhost", &key())), "200");
    assert_eq!(status(&token_request("localhost", "Outseta a:b")), "403");
    assert_eq!(status(&token_request("acme.outseta.com", &key())), "301", "plain HTTP");
    let read_only = Server::http(Account::acme().read_only());
    let (head, _) = ask(&mut connect(read_only.address()), &token_request("localhost", &key()));
    assert!(head.starts_with("HTTP/1.1 403"), "{head}");
}

#[test]
fn the_detour_leads_to_the_real_host_name() {
    let detour = Detour::new(Account::acme());
    let mut tunnel = connect(detour.proxy.address());
    let (head, _) =
        ask(&mut tunnel, "CONNECT acme.outseta.com:443 HTTP/1.1\r\nHost: acme.outseta.com\r\n\r\n");
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    let mut session = over_tls(tunnel, detour.authority.client(), "acme.outseta.com");
    let (_, body) = ask(&mut session, &token_request("acme.outseta.com", &key()));
    assert!(body.contains("access_token"), "{body}");
    assert_eq!(detour.server.requests()[0].sni.as_deref(), Some("acme.outseta.com"));
}

#[test]
fn a_client_refuses_bad_certificates_and_handshakes() {
    let authority = Authority::new();
    let failure = |server: &Server| {
        let mut session = over_tls(connect(server.address()), authority.client(), "localhost");
        session.write_all(b"GET").expect_err("the handshake fails").to_string()
    };
    let https = |config| Server::https(Account::acme(), config);
    assert!(failure(&https(authority.expired(&["localhost"]))).contains("expired"));
    assert!(failure(&https(authority.server(&["other.example"]))).contains("not valid for name"));
    assert!(failure(&https(Authority::new().server(&["localhost"]))).contains("UnknownIssuer"));
    assert!(failure(&https(self_signed(&["localhost"]))).contains("UnknownIssuer"));
    let good = https(authority.server(&NAMES));
    good.on_accept(AtAccept::PlainHttp).on_accept(AtAccept::CutHandshake(20));
    assert!(failure(&good).contains("corrupt message"));
    assert_eq!(failure(&good), "unexpected end of file");
    let mut session = over_tls(connect(good.address()), authority.client(), "localhost");
    assert!(ask(&mut session, &token_request("localhost", &key())).0.starts_with("HTTP/1.1 200"));
}
