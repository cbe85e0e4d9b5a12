//! The requests as Outseta documents them, byte for byte: what is sent, how often, over how many connections,
//! and to which host.

use crate::support::fake::Server;
use crate::support::http::{Request, Response};
use crate::support::model::{Account, Refusal, User};
use crate::support::proxy::Detour;
use crate::support::relay::Relay;
use crate::support::run::Run;
use crate::support::script::Endpoint;
use crate::support::tls::{Authority, NAMES};
use crate::support::{KEY, SECRET, skip};

const AGENT: &str = concat!("outseta-token/", env!("CARGO_PKG_VERSION"));

/// All headers, with their names in lower case, sorted.
fn headers(request: &Request) -> Vec<(String, String)> {
    let lower = |(name, value): &(String, String)| (name.to_ascii_lowercase(), value.clone());
    let mut headers: Vec<_> = request.headers.iter().map(lower).collect();
    headers.sort();
    headers
}

/// What [`headers`] returns for a request to this host, with a body of so many bytes if it has one.
fn expected(host: &str, length: Option<&str>) -> Vec<(String, String)> {
    let authorization = format!("Outseta {KEY}:{SECRET}");
    let mut headers = vec![
        ("accept", "application/json"),
        ("authorization", &authorization),
        ("host", host),
        ("user-agent", AGENT),
    ];
    if let Some(length) = length {
        headers.extend([("content-length", length), ("content-type", "application/json")]);
    }
    headers.sort_unstable();
    headers.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
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
    Run::new().server(&server).arg("jane@example.com").prints_a_token();
    let requests = server.requests();
    let [request] = requests.as_slice() else { panic!("one request is made, not {}", requests.len()) };
    assert_eq!(request.method, "POST");
    assert_eq!(request.target, "/api/v1/tokens");
    assert_eq!(request.version, "HTTP/1.1");
    assert_eq!(headers(request), expected(&server.address().to_string(), Some("31")));
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
    let server = refusing("jane@example.com");
    let request = &token_and_lookup(&server, "jane@example.com", &[])[1];
    assert_eq!(request.method, "GET");
    assert_eq!(
        request.target,
        "/api/v1/crm/people?Email=jane%40example.com\
         &fields=Uid,Email,PersonAccount.Account.AccountStage"
    );
    assert_eq!(headers(request), expected(&server.address().to_string(), None));
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
        let target =
            format!("/api/v1/crm/people?Email={encoded}&fields=Uid,Email,PersonAccount.Account.AccountStage");
        assert_eq!(requests[1].target, target);
        assert_eq!(requests[1].query("Email").as_deref(), Some(email));
    }
}

#[test]
fn without_an_activity_log_both_requests_say_so() {
    let server = refusing("jane@example.com");
    let requests = token_and_lookup(&server, "jane@example.com", &["--no-activity-log"]);
    assert_eq!(requests[0].target, "/api/v1/tokens?donotlog=1");
    assert_eq!(
        requests[1].target,
        "/api/v1/crm/people?Email=jane%40example.com\
         &fields=Uid,Email,PersonAccount.Account.AccountStage&donotlog=1"
    );
}

#[test]
fn a_cookie_is_not_sent_back() {
    let server = refusing("jane@example.com");
    server.on(Endpoint::Tokens, Response::empty(400).header("Set-Cookie", "session=1; Path=/"));
    let requests = token_and_lookup(&server, "jane@example.com", &[]);
    assert_eq!(requests[1].header("cookie"), None);
}

// ---- The host ----

#[test]
fn a_subdomain_is_reached_at_its_real_url() {
    let detour = Detour::new(Account::acme());
    Run::new().detour(&detour).arg("jane@example.com").prints_a_token();
    let request = &detour.server.requests()[0];
    assert_eq!(request.target, "/api/v1/tokens");
    assert_eq!(request.sni.as_deref(), Some("acme.outseta.com"));
    assert_eq!(headers(request), expected("acme.outseta.com", Some("31")));
    assert_eq!((detour.server.connections(), detour.server.requests().len()), (1, 1));
}

#[test]
fn the_proxy_receives_the_host_and_nothing_of_the_request() {
    let detour = Detour::new(Account::acme());
    Run::new().detour(&detour).arg("jane@example.com").prints_a_token();
    let requests = detour.proxy.requests();
    let [request] = requests.as_slice() else { panic!("one CONNECT is made, not {}", requests.len()) };
    assert_eq!(request.method, "CONNECT");
    assert_eq!(request.target, "acme.outseta.com:443");
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(
        headers(request),
        [
            header("host", "acme.outseta.com:443"),
            header("proxy-connection", "Keep-Alive"),
            header("user-agent", AGENT),
        ]
    );
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
            .arg("jane@example.com")
            .fails_with(78, "Outseta rejected ")
            .run();
        assert_eq!(server.requests()[0].target, target, "{path}");
    }
}

#[test]
fn a_base_url_may_name_the_loopback_host_in_several_ways() {
    let server = Server::http(Account::acme());
    let port = server.address().port();
    for host in ["127.0.0.1", "localhost", "LocalHost"] {
        Run::new()
            .server(&server)
            .args(["--base-url", &format!("http://{host}:{port}")])
            .arg("jane@example.com")
            .prints_a_token();
        let requests = server.requests();
        let expected = format!("{}:{port}", host.to_ascii_lowercase());
        assert_eq!(requests.last().and_then(|last| last.header("host")), Some(expected.as_str()));
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
    Run::new().server(&server).args(["--base-url", &url]).arg("jane@example.com").prints_a_token();
    assert_eq!(server.requests()[0].header("host"), Some(relay.address().to_string().as_str()));
}

#[test]
fn a_base_url_over_tls_gets_the_same_request() {
    let authority = Authority::new();
    let server = Server::https(Account::acme(), authority.server(&NAMES));
    Run::new().server(&server).trust(&authority).arg("jane@example.com").prints_a_token();
    let request = &server.requests()[0];
    assert_eq!(headers(request), expected(&server.address().to_string(), Some("31")));
    assert_eq!(request.body, br#"{"username":"jane@example.com"}"#);
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
        Run::new().server(&server).arg("jane@example.com").fails_with(76, &message).run();
        assert_eq!(server.requests().len(), 1, "{status} is not retried");
    }
    assert_eq!(elsewhere.connections(), 0);
    let server = Server::replying(Response::redirect(307, "/api/v1/tokens/"));
    let message = "the response is a redirect (307) to /api/v1/tokens/\n";
    Run::new().server(&server).arg("jane@example.com").fails_with(76, message).run();
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn the_lookup_follows_no_redirect() {
    let elsewhere = Server::http(Account::acme());
    let server = refusing("jane@example.com");
    server.on(Endpoint::People, Response::redirect(302, &elsewhere.url()));
    Run::new()
        .server(&server)
        .arg("jane@example.com")
        .status(76)
        .stderr_contains("the lookup of the reason failed: the response is a redirect (302)")
        .run();
    assert_eq!((server.requests().len(), elsewhere.connections()), (2, 0));
}
