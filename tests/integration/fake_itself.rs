//! The fake server and proxy against a client that shares no code with them: raw sockets and
//! rustls. If these fail, what the other tests say means little.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use serde_json::{Value, json};

use crate::support::fake::Server;
use crate::support::http::Answer;
use crate::support::listener::dead_address;
use crate::support::model::{Account, Refusal, SecondFactor, User};
use crate::support::proxy::{Behaviour, Detour, Proxy};
use crate::support::script::{AtAccept, Fault, On};
use crate::support::tls::{Authority, NAMES, self_signed};
use crate::support::{KEY, SECRET, jwt};

/// A reply taken apart.
struct Reply {
    status: u16,
    head: String,
    body: String,
}

impl Reply {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("the body is JSON")
    }

    fn summary(&self) -> (u16, &str) {
        (self.status, &self.body)
    }
}

/// One connection that asks and reads replies with a `Content-Length`.
struct Client<S>(S);

impl Client<TcpStream> {
    fn new(address: SocketAddr) -> Self {
        let tcp = TcpStream::connect(address).expect("the server accepts");
        tcp.set_read_timeout(Some(Duration::from_secs(20))).expect("a time-out can be set");
        Self(tcp)
    }

    fn to(server: &Server) -> Self {
        Self::new(server.address())
    }

    fn over_tls(
        self,
        config: Arc<ClientConfig>,
        name: &'static str,
    ) -> Client<StreamOwned<ClientConnection, TcpStream>> {
        let name = ServerName::try_from(name).expect("a server name");
        let session = ClientConnection::new(config, name).expect("a TLS client");
        Client(StreamOwned::new(session, self.0))
    }
}

impl<S: Read + Write> Client<S> {
    fn send(&mut self, request: &str) {
        self.0.write_all(request.as_bytes()).expect("the request is sent");
    }

    fn ask(&mut self, request: &str) -> Reply {
        self.send(request);
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(self.byte());
        }
        let head = String::from_utf8(head).expect("the head is text");
        let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
        let length: usize = length.map_or(0, |length| length.parse().expect("a length"));
        let body = (0..length).map(|_| self.byte()).collect();
        let status = head[9..12].parse().expect("a status");
        Reply { status, head, body: String::from_utf8(body).expect("the body is text") }
    }

    fn byte(&mut self) -> u8 {
        let mut byte = [0];
        self.0.read_exact(&mut byte).expect("the server answers");
        byte[0]
    }

    /// All until the connection ends, and how it ends.
    fn rest(&mut self) -> (Vec<u8>, Option<ErrorKind>) {
        let mut bytes = Vec::new();
        let end = self.0.read_to_end(&mut bytes).err().map(|error| error.kind());
        (bytes, end)
    }
}

const COMMON: &str = "User-Agent: test\r\nAccept: */*\r\n";

fn get(target: &str, host: &str, authorization: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n{COMMON}Authorization: {authorization}\r\n\r\n")
}

fn key() -> String {
    format!("Outseta {KEY}:{SECRET}")
}

fn look_up(query: &str) -> String {
    get(&format!("/api/v1/crm/people?{query}"), "localhost", &key())
}

fn token_request(host: &str, authorization: &str, email: &str) -> String {
    let body = json!({"username": email}).to_string();
    let length = body.len();
    format!(
        "POST /api/v1/tokens HTTP/1.1\r\nHost: {host}\r\n{COMMON}Authorization: {authorization}\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )
}

fn jane() -> String {
    token_request("localhost", &key(), "jane@example.com")
}

#[test]
fn a_token_with_its_claims_opens_the_profile() {
    let server = Server::http(Account::acme().lifetime(600).extra("refresh_token", json!("r1")));
    let mut client = Client::to(&server);
    let reply = client.ask(&jane());
    assert_eq!(reply.status, 200);
    let response = reply.json();
    assert_eq!(response["token_type"], "bearer");
    assert_eq!(response["expires_in"], 600);
    assert_eq!(response["refresh_token"], "r1");
    let token = response["access_token"].as_str().expect("a token");
    let claims = jwt::decode(token);
    assert_eq!(claims["email"], "jane@example.com");
    assert_eq!(claims["iss"], "http://acme.outseta.com");
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 600);

    let profile = |bearer: &str| get("/api/v1/profile", "localhost", &format!("Bearer {bearer}"));
    assert_eq!(client.ask(&profile(token)).json(), json!({"Email": "jane@example.com"}));
    assert_eq!(client.ask(&profile("a.b.c")).summary(), (401, ""));
    assert_eq!(server.connections(), 1);
    assert_eq!(server.requests().len(), 3);
}

#[test]
fn an_expired_token_opens_nothing() {
    let server = Server::http(Account::acme().lifetime(-60));
    let mut client = Client::to(&server);
    let response = client.ask(&jane()).json();
    let bearer = format!("Bearer {}", response["access_token"].as_str().expect("a token"));
    assert_eq!(client.ask(&get("/api/v1/profile", "localhost", &bearer)).status, 401);
}

#[test]
fn a_wrong_key_plain_http_and_a_robot_are_turned_away() {
    let server = Server::http(Account::acme());
    let mut client = Client::to(&server);
    assert_eq!(
        client.ask(&token_request("localhost", "Outseta a:b", "jane@example.com")).summary(),
        (403, "")
    );
    let reply = client.ask(&token_request("acme.outseta.com", &key(), "jane@example.com"));
    assert_eq!(reply.status, 301);
    assert!(reply.head.contains("Location: https://acme.outseta.com/api/v1/tokens\r\n"));
    let reply = client.ask("GET /.well-known/jwks HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_eq!(reply.status, 403);
    assert!(reply.body.starts_with("<!DOCTYPE html>"));
}

#[test]
fn a_read_only_key_reads_and_mints_nothing() {
    let server = Server::http(Account::acme().read_only());
    let mut client = Client::to(&server);
    assert_eq!(client.ask(&jane()).summary(), (403, ""));
    assert_eq!(client.ask(&look_up("Email=jane%40example.com")).status, 200);
}

#[test]
fn an_unknown_user_is_refused_in_the_shape_that_was_chosen() {
    let refused = |refusal| {
        let server = Server::http(Account::acme().unknown_user(refusal));
        let reply = Client::to(&server).ask(&token_request("localhost", &key(), "nobody@example.com"));
        (reply.status, reply.body)
    };
    assert_eq!(refused(Refusal::GrantText), (400, "invalid_grant".to_owned()));
    assert_eq!(refused(Refusal::GrantJson), (400, "\"invalid_grant\"".to_owned()));
    assert_eq!(refused(Refusal::NotFoundEmpty), (404, String::new()));
    let (status, body) = refused(Refusal::Validation("Email"));
    let body: Value = serde_json::from_str(&body).expect("JSON");
    assert_eq!(status, 400);
    assert_eq!(body["EntityValidationErrors"][0]["ValidationErrors"][0]["PropertyName"], "Email");
}

#[test]
fn a_second_factor_is_asked_for_without_a_token() {
    for (factor, field) in [
        (SecondFactor::Totp, "two_factor_required"),
        (SecondFactor::Email, "two_factor_required"),
        (SecondFactor::Enrolment, "two_factor_enrollment_required"),
    ] {
        let server =
            Server::http(Account::new("acme").user(User::new("jane@example.com").second_factor(factor)));
        let reply = Client::to(&server).ask(&jane());
        assert_eq!(reply.status, 202);
        assert_eq!(reply.json()[field], true);
        assert!(reply.json().get("access_token").is_none());
    }
}

#[test]
fn people_are_found_by_email_and_wildcard_with_the_fields_asked_for() {
    let account = Account::new("acme")
        .user(User::new("jane@example.com").stages(&[5, 3]).cannot_log_in(Refusal::Message))
        .user(User::new("jo+x@example.org").stages(&[]));
    let server = Server::http(account);
    let mut client = Client::to(&server);
    let reply =
        client.ask(&look_up("Email=JANE%40example.com&fields=Uid,Email,PersonAccount.Account.AccountStage"));
    let stage = |stage: u8| json!({"Account": {"AccountStage": stage}});
    let stages = [stage(5), stage(3)];
    let person = json!({"Uid": "person0", "Email": "jane@example.com", "PersonAccount": stages});
    assert_eq!(reply.json(), json!({"metadata": {"limit": 100, "offset": 0, "total": 1}, "items": [person]}));

    let mut emails = |query| {
        let items = client.ask(&look_up(query)).json()["items"].clone();
        items.as_array().expect("a list").iter().map(|item| item["Email"].clone()).collect::<Value>()
    };
    assert_eq!(emails("Email=*example*"), json!(["jane@example.com", "jo+x@example.org"]));
    assert_eq!(emails("Email=*.org&fields=Email"), json!(["jo+x@example.org"]));
    assert_eq!(emails("Email=jo%2Bx%40example.org"), json!(["jo+x@example.org"]));
    assert_eq!(emails("Email=jo+x%40example.org"), json!([]));
    assert_eq!(emails("Email=jane"), json!([]));
    assert_eq!(client.ask(&jane()).json()["Message"], "The user name or password is incorrect.");
}

#[test]
fn keys_and_plan_families_are_read_as_a_check_does() {
    let server = Server::http(Account::acme());
    let mut client = Client::to(&server);
    assert!(client.ask(&get("/.well-known/jwks", "localhost", "")).json()["keys"][0]["kid"].is_string());
    let target = "/api/v1/billing/planfamilies?limit=1&fields=Uid";
    assert_eq!(client.ask(&get(target, "localhost", &key())).json()["items"], json!([{"Uid": "nmDx8vQa"}]));
    assert_eq!(client.ask(&get(target, "localhost", "Outseta a:b")).summary(), (403, ""));
}

#[test]
fn more_than_so_many_requests_a_second_are_refused() {
    let refusal = Answer::empty(429).header("Retry-After", "1");
    let server = Server::http(Account::acme().rate_limit(2, refusal));
    let mut client = Client::to(&server);
    let mut refused = None;
    // On a machine that needs half a second for a request, no limit is ever reached.
    for _ in 0..20 {
        let reply = client.ask(&jane());
        if reply.status == 429 {
            refused = Some(reply);
            break;
        }
    }
    let refused = refused.expect("the third request within a second is refused");
    assert!(refused.head.contains("Retry-After: 1\r\n"));
    std::thread::sleep(Duration::from_millis(1050));
    assert_eq!(client.ask(&jane()).status, 200);
}

#[test]
fn requests_are_recorded_as_they_came() {
    let server = Server::http(Account::acme());
    Client::to(&server).ask(
        "GET /x?a=b%20c HTTP/1.1\r\nHOST: localhost\r\nx-Odd:  1 \r\n\
         Content-Length: 2\r\n\r\n\u{c3}",
    );
    let request = &server.requests()[0];
    assert_eq!(
        (request.method.as_str(), request.target.as_str(), request.version.as_str()),
        ("GET", "/x?a=b%20c", "HTTP/1.1")
    );
    let headers: Vec<(&str, &str)> =
        request.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(headers, [("HOST", "localhost"), ("x-Odd", "1"), ("Content-Length", "2")]);
    assert_eq!(request.body, "\u{c3}".as_bytes());
    assert_eq!(request.query("a").as_deref(), Some("b c"));
    assert_eq!((request.connection, &request.sni), (0, &None));
}

#[test]
fn replies_are_taken_in_order_and_then_the_model_answers() {
    let server = Server::http(Account::acme());
    server
        .on(On::People, Answer::empty(500))
        .on(On::Tokens, Answer::empty(503))
        .on(On::Any, Answer::empty(502));
    let mut client = Client::to(&server);
    let statuses = [0; 3].map(|_| client.ask(&jane()).status);
    assert_eq!(statuses, [503, 502, 200]);
    assert_eq!(server.unused_replies(), 1);
    server.always(On::Any, Answer::empty(504));
    assert_eq!([0; 2].map(|_| client.ask(&jane()).status), [504, 504]);
}

#[test]
fn framings_are_what_they_say() {
    let all = |answer: Answer| {
        let server = Server::http(Account::acme());
        server.on(On::Tokens, answer);
        let mut client = Client::to(&server);
        client.send(&jane());
        // Ends a connection that the server keeps.
        client.0.shutdown(std::net::Shutdown::Write).expect("the sending side can be closed");
        String::from_utf8(client.rest().0).expect("text")
    };
    let answer = Answer::empty(200).body("abc");
    assert_eq!(all(answer.clone()), "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc");
    assert_eq!(
        all(answer.clone().chunked()),
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"
    );
    assert_eq!(all(answer.clone().claimed_length(9)), "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc");
    assert_eq!(all(answer.clone().until_close()), "HTTP/1.1 200 OK\r\n\r\nabc");
    assert_eq!(
        all(answer.close().reason("Fine")),
        "HTTP/1.1 200 Fine\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc"
    );
}

#[test]
fn faults_are_delivered() {
    let delivered = |fault: Fault| {
        let server = Server::http(Account::acme());
        server.on(On::Tokens, Answer::empty(200).body("abc").with(fault));
        let mut client = Client::to(&server);
        client.send(&jane());
        let (bytes, end) = client.rest();
        (String::from_utf8_lossy(&bytes).into_owned(), end)
    };
    let whole = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc";
    assert_eq!(delivered(Fault::CloseAfter(0)), (String::new(), None));
    assert_eq!(delivered(Fault::CloseAfter(8)), (whole[..8].to_owned(), None));
    assert_eq!(delivered(Fault::CutBody(1)), (whole[..whole.len() - 2].to_owned(), None));
    assert_eq!(delivered(Fault::ResetAfter(8)), (whole[..8].to_owned(), Some(ErrorKind::ConnectionReset)));
    assert_eq!(delivered(Fault::Garbage(b"?".to_vec())), ("?".to_owned(), None));
    assert_eq!(delivered(Fault::CloseIdle(Duration::from_millis(1))), (whole.to_owned(), None));
}

#[test]
fn slow_and_damaged_answers_are_delivered() {
    let server = Server::http(Account::acme());
    let answer = || Answer::empty(200).body("abc");
    server.on(On::Tokens, answer().with(Fault::Trickle(Duration::from_millis(1))));
    server.on(On::Tokens, answer().with(Fault::Delay(Duration::from_millis(20))));
    server.on(On::Tokens, answer().with(Fault::CorruptByte(9)));
    server.on(On::Tokens, answer().with(Fault::HugeHeader(70_000)));
    let mut client = Client::to(&server);
    assert_eq!(client.ask(&jane()).summary(), (200, "abc"));
    assert_eq!(client.ask(&jane()).summary(), (200, "abc"));
    client.send(&jane());
    let corrupt = [0; 41].map(|_| client.byte());
    assert_eq!(corrupt[..10], *b"HTTP/1.1 \xcd");
    assert!(client.ask(&jane()).head.len() > 70_000);
}

#[test]
fn a_stalled_and_an_endless_answer_end_with_the_server() {
    let server = Server::http(Account::acme());
    server.on(On::Tokens, Fault::Stall).on(On::Tokens, Fault::EndlessBody);
    let mut stalled = Client::to(&server);
    stalled.send(&jane());
    let mut endless = Client::to(&server);
    while server.requests().is_empty() {
        std::thread::yield_now();
    }
    endless.send(&jane());
    for _ in 0..100_000 {
        endless.byte();
    }
    drop(endless);
    drop(server);
    assert_eq!(stalled.rest().0, b"");
}

#[test]
fn connections_are_spoilt_before_any_request() {
    assert_eq!(TcpStream::connect(dead_address()).unwrap_err().kind(), ErrorKind::ConnectionRefused);

    let server = Server::http(Account::acme());
    server.on_accept(AtAccept::Close).on_accept(AtAccept::Reset).on_accept(AtAccept::Silent);
    assert_eq!(Client::to(&server).rest(), (Vec::new(), None));
    assert_eq!(Client::to(&server).rest(), (Vec::new(), Some(ErrorKind::ConnectionReset)));
    let mut silent = Client::to(&server);
    silent.send(&jane());
    assert_eq!(Client::to(&server).ask(&jane()).status, 200);
    assert_eq!((server.connections(), server.requests().len()), (4, 1));
    drop(server);
    assert_eq!(silent.rest().0, b"");
}

#[test]
fn the_real_host_is_reached_through_the_proxy() {
    let detour = Detour::new(Account::acme());
    let mut client = Client::new(detour.proxy.address());
    let connect = "CONNECT acme.outseta.com:443 HTTP/1.1\r\nHost: acme.outseta.com:443\r\n\
         Proxy-Authorization: Basic eA==\r\n\r\n";
    assert_eq!(client.ask(connect).status, 200);
    let mut client = client.over_tls(detour.authority.client(), "acme.outseta.com");
    assert_eq!(client.ask(&token_request("acme.outseta.com", &key(), "jane@example.com")).status, 200);
    assert_eq!(
        client.ask(&token_request("other.outseta.com", &key(), "jane@example.com")).summary(),
        (404, "")
    );
    assert_eq!(detour.server.requests()[0].sni.as_deref(), Some("acme.outseta.com"));
    let connects = detour.proxy.requests();
    assert_eq!(connects[0].target, "acme.outseta.com:443");
    assert_eq!(connects[0].header("proxy-authorization"), Some("Basic eA=="));
}

#[test]
fn a_proxy_over_tls_tunnels_tls() {
    let authority = Authority::new();
    let server = Server::https(Account::acme(), authority.server(&NAMES));
    let proxy = Proxy::https(authority.server(&NAMES)).route("acme.outseta.com:443", server.address());
    let mut client = Client::new(proxy.address()).over_tls(authority.client(), "localhost");
    assert_eq!(client.ask("CONNECT acme.outseta.com:443 HTTP/1.1\r\n\r\n").status, 200);
    let name = ServerName::try_from("acme.outseta.com").expect("a name");
    let session = ClientConnection::new(authority.client(), name).expect("a TLS client");
    let mut inner = Client(StreamOwned::new(session, client.0));
    assert_eq!(inner.ask(&token_request("acme.outseta.com", &key(), "jane@example.com")).status, 200);
}

#[test]
fn a_proxy_refuses_what_it_is_told_to() {
    let proxy = Proxy::http();
    let connect = "CONNECT acme.outseta.com:443 HTTP/1.1\r\n\r\n";
    assert_eq!(Client::new(proxy.address()).ask(connect).status, 502);
    proxy.behave(Behaviour::Refuse(407));
    let reply = Client::new(proxy.address()).ask(connect);
    assert!(reply.status == 407 && reply.head.contains("Proxy-Authenticate: Basic"));
    proxy.behave(Behaviour::Close);
    let mut client = Client::new(proxy.address());
    client.send(connect);
    assert_eq!(client.rest(), (Vec::new(), None));
    proxy.behave(Behaviour::Garbage);
    let mut client = Client::new(proxy.address());
    client.send(connect);
    assert!(client.rest().0.starts_with(b"\x00\x01"));
}

#[test]
fn bad_certificates_and_handshakes_fail_as_they_should() {
    let authority = Authority::new();
    let failure = |server: &Server| {
        let mut client = Client::to(server).over_tls(authority.client(), "localhost");
        client.0.write_all(b"GET").expect_err("the handshake fails").to_string()
    };
    let https = |config| Server::https(Account::acme(), config);
    let good = https(authority.server(&["localhost"]));
    assert!(failure(&https(authority.expired(&["localhost"]))).contains("expired"));
    assert!(failure(&https(authority.server(&["other.example"]))).contains("not valid for name"));
    assert!(failure(&https(Authority::new().server(&["localhost"]))).contains("UnknownIssuer"));
    assert!(failure(&https(self_signed(&["localhost"]))).contains("UnknownIssuer"));
    good.on_accept(AtAccept::PlainHttp).on_accept(AtAccept::CutHandshake(20));
    assert!(failure(&good).contains("corrupt message"));
    assert_eq!(failure(&good), "unexpected end of file");
    good.on_accept(AtAccept::StallHandshake(20));
    let mut stalled = Client::to(&good).over_tls(authority.client(), "localhost");
    stalled.0.sock.set_read_timeout(Some(Duration::from_millis(50))).expect("a time-out can be set");
    let silence = stalled.0.read(&mut [0]).expect_err("no handshake");
    assert_eq!(silence.kind(), ErrorKind::WouldBlock);
    let mut client = Client::to(&good).over_tls(authority.client(), "localhost");
    assert_eq!(client.ask(&jane()).status, 200);
}
