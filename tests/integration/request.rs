//! The requests as Outseta documents them, byte for byte: what is sent, how often, over how many connections,
//! and to which host.

use crate::support::fake::Server;
use crate::support::http::{Request, Response};
use crate::support::model::{Account, Refusal, User};
use crate::support::proxy::Detour;
use crate::support::relay::Relay;
use crate::support::run::Run;
use crate::support::script::Endpoint;
use crate::support::{KEY, SECRET, skip};

const JANE: &str = "jane@example.com";
const AGENT: &str = concat!("outseta-token/", env!("CARGO_PKG_VERSION"));
/// The target of the lookup of Jane.
const LOOKUP: &str =
    "/api/v1/crm/people?Email=jane%40example.com&fields=Uid,Email,PersonAccount.Account.AccountStage";

/// All headers, with their names in lower case, sorted.
fn headers(request: &Request) -> Vec<String> {
    let line = |(name, value): &(String, String)| format!("{}: {value}", name.to_ascii_lowercase());
    let mut headers: Vec<_> = request.headers.iter().map(line).collect();
    headers.sort();
    headers
}

/// What [`headers`] returns for a GET from this host.
fn of_get(host: &str) -> Vec<String> {
    vec![
        "accept: application/json".to_owned(),
        format!("authorization: Outseta {KEY}:{SECRET}"),
        format!("host: {host}"),
        format!("user-agent: {AGENT}"),
    ]
}

/// What [`headers`] returns for the POST of Jane's email to this host.
fn of_post(host: &str) -> Vec<String> {
    let mut headers = of_get(host);
    let body = ["content-length: 31", "content-type: application/json"].map(str::to_owned);
    headers.splice(2..2, body);
    headers
}

/// An account whose only user may not log in, so that every run makes a lookup.
fn refusing(email: &str) -> Server {
    let user = User::new(email).cannot_log_in(Refusal::Message);
    Server::http(Account::new("acme").user(user))
}

/// The request for the token and that for the lookup.
fn token_and_lookup(server: &Server, email: &str, options: &[&str]) -> Vec<Request> {
    Run::new().server(server).arg(email).args(options).fails_with(77, "Outseta will not log ").run();
    let requests = server.requests();
    assert_eq!(requests.len(), 2);
    requests
}

// ---- The POST ----

#[test]
fn one_post_with_only_what_is_documented_requests_a_token() {
    let server = Server::http(Account::acme());
    Run::new().server(&server).arg(JANE).prints_a_token();
    let [request] = &server.requests()[..] else { panic!("one request is made") };
    assert_eq!(request.method, "POST");
    assert_eq!(request.target, "/api/v1/tokens");
    assert_eq!(request.version, "HTTP/1.1");
    assert_eq!(headers(request), of_post(&server.address().to_string()));
    assert_eq!(request.body, br#"{"username":"jane@example.com"}"#);
    assert_eq!(server.connections(), 1);
}

#[test]
fn the_body_holds_the_email_as_it_was_given() {
    for (email, body) in [
        ("Jane@Example.COM", r#"{"username":"Jane@Example.COM"}"#),
        (" jane@example.com\r\n", r#"{"username":"jane@example.com"}"#),
        ("j\u{fc}rgen@ex\u{e4}mple.com", "{\"username\":\"j\u{fc}rgen@ex\u{e4}mple.com\"}"),
        ("用户@例子.广告", r#"{"username":"用户@例子.广告"}"#),
        ("!#$%&'*+/=?^_`{|}~-@example.com", r#"{"username":"!#$%&'*+/=?^_`{|}~-@example.com"}"#),
    ] {
        let server = Server::http(Account::new("acme").user(User::new(email.trim())));
        Run::new().server(&server).arg(email).prints_a_token();
        let request = &server.requests()[0];
        assert_eq!(String::from_utf8_lossy(&request.body), body);
        let length = body.len().to_string();
        assert_eq!(request.header("content-length"), Some(length.as_str()));
    }
}

// ---- The lookup ----

#[test]
fn one_get_over_a_new_connection_looks_up_a_person() {
    let server = refusing(JANE);
    let request = &token_and_lookup(&server, JANE, &[])[1];
    assert_eq!(request.method, "GET");
    assert_eq!(request.target, LOOKUP);
    assert_eq!(headers(request), of_get(&server.address().to_string()));
    assert_eq!(request.body, b"");
    assert_eq!(server.connections(), 2);
}

#[test]
fn the_lookup_percent_encodes_the_email() {
    for (email, encoded) in [
        ("jo+x@example.com", "jo%2Bx%40example.com"),
        ("a&b=c#d@example.com", "a%26b%3Dc%23d%40example.com"),
        ("*@example.com", "%2A%40example.com"),
        ("a%41?/@example.com", "a%2541%3F%2F%40example.com"),
        ("a-b.c_d~e@example.com", "a-b.c_d~e%40example.com"),
        ("j\u{fc}@example.com", "j%C3%BC%40example.com"),
    ] {
        let requests = token_and_lookup(&refusing(email), email, &[]);
        assert_eq!(requests[1].target, LOOKUP.replace("jane%40example.com", encoded));
        assert_eq!(requests[1].query("Email").as_deref(), Some(email));
    }
}

#[test]
fn without_an_activity_log_both_requests_say_so() {
    let server = refusing(JANE);
    let requests = token_and_lookup(&server, JANE, &["--no-activity-log"]);
    assert_eq!(requests[0].target, "/api/v1/tokens?donotlog=1");
    assert_eq!(requests[1].target, format!("{LOOKUP}&donotlog=1"));
}

#[test]
fn a_cookie_is_not_sent_back() {
    let server = refusing(JANE);
    server.on(Endpoint::Tokens, Response::empty(400).header("Set-Cookie", "session=1; Path=/"));
    let requests = token_and_lookup(&server, JANE, &[]);
    assert_eq!(requests[1].header("cookie"), None);
}

// ---- The host ----

#[test]
fn a_subdomain_is_reached_at_its_real_url_and_a_proxy_sees_only_the_host() {
    let detour = Detour::new(Account::acme());
    Run::new().detour(&detour).arg(JANE).prints_a_token();
    let [request] = &detour.server.requests()[..] else { panic!("one request is made") };
    assert_eq!(request.target, "/api/v1/tokens");
    assert_eq!(request.sni.as_deref(), Some("acme.outseta.com"));
    assert_eq!(headers(request), of_post("acme.outseta.com"));
    assert_eq!(request.body, br#"{"username":"jane@example.com"}"#);
    assert_eq!(detour.server.connections(), 1);
    let [connect] = &detour.proxy.requests()[..] else { panic!("one CONNECT is made") };
    assert_eq!((&*connect.method, &*connect.target), ("CONNECT", "acme.outseta.com:443"));
    let agent = format!("user-agent: {AGENT}");
    assert_eq!(headers(connect), ["host: acme.outseta.com:443", "proxy-connection: Keep-Alive", &agent]);
}

#[test]
fn the_path_of_a_base_url_comes_before_the_apis() {
    for (path, target) in [
        ("", "/api/v1/tokens"),
        ("/", "/api/v1/tokens"),
        ("/outseta", "/outseta/api/v1/tokens"),
        ("/a/b%20c//", "/a/b%20c/api/v1/tokens"),
        ("/-._~!$&'()*+,;=:@%2F/../b", "/-._~!$&'()*+,;=:@%2F/../b/api/v1/tokens"),
    ] {
        let server = Server::http(Account::acme());
        server.on(Endpoint::Any, Response::empty(403));
        Run::new()
            .server(&server)
            .args(["--base-url", &format!("{}{path}", server.url())])
            .arg(JANE)
            .fails_with(78, "Outseta rejected ")
            .run();
        assert_eq!(server.requests()[0].target, target, "{path}");
    }
}

#[test]
fn a_base_url_may_be_an_ipv6_address() {
    let server = Server::http(Account::acme());
    let Ok(relay) = Relay::ipv6(server.address()) else {
        return skip("this machine has no IPv6 loopback");
    };
    let url = format!("http://{}", relay.address());
    assert!(url.starts_with("http://[::1]:"));
    Run::new().server(&server).args(["--base-url", &url]).arg(JANE).prints_a_token();
    assert_eq!(server.requests()[0].header("host"), Some(relay.address().to_string().as_str()));
}

// ---- Redirects ----

#[test]
fn a_redirect_is_never_followed() {
    let elsewhere = Server::http(Account::acme());
    let location = format!("{}/api/v1/tokens", elsewhere.url());
    for status in [300, 301, 302, 303, 304, 305, 307, 308, 399] {
        let server = Server::http(Account::acme());
        server.always(Endpoint::Any, Response::redirect(status, &location));
        let message = format!("the response is a redirect ({status}) to {location}\n");
        Run::new().server(&server).arg(JANE).fails_with(76, &message).run();
        assert_eq!(server.requests().len(), 1, "{status} is not retried");
    }
    let server = refusing(JANE);
    server.on(Endpoint::People, Response::redirect(302, &location));
    let run = Run::new().server(&server).arg(JANE).status(76);
    run.stderr_contains("the lookup of the reason failed: the response is a redirect (302)").run();
    assert_eq!((server.requests().len(), elsewhere.connections()), (2, 0));
}
