//! The requests as Outseta documents them, byte for byte: what is sent, how often, over how many
//! connections, and to which host alone.

use std::net::{IpAddr, Ipv6Addr};

use crate::support::fake::Server;
use crate::support::http::{Answer, Request};
use crate::support::model::{Account, Refusal, User};
use crate::support::proxy::Detour;
use crate::support::relay::Relay;
use crate::support::run::Run;
use crate::support::script::On;
use crate::support::tls::{Authority, NAMES};
use crate::support::{KEY, SECRET, skip};

const AGENT: &str = concat!("outseta-token/", env!("CARGO_PKG_VERSION"));

/// All headers, names in lower case, in the order of the alphabet.
fn headers(request: &Request) -> Vec<(String, String)> {
    let lower = |(name, value): &(String, String)| (name.to_ascii_lowercase(), value.clone());
    let mut headers: Vec<_> = request.headers.iter().map(lower).collect();
    headers.sort();
    headers
}

/// What [`headers`] gives, with the fake's credentials.
fn expected(host: &str, further: &[(&str, &str)]) -> Vec<(String, String)> {
    let authorization = format!("Outseta {KEY}:{SECRET}");
    let common = [
        ("accept", "application/json"),
        ("authorization", &authorization),
        ("host", host),
        ("user-agent", AGENT),
    ];
    let mut headers: Vec<_> =
        common.iter().chain(further).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    headers.sort();
    headers
}

/// An account whose only user may not log in, so that every run looks them up.
fn refusing(email: &str) -> Server {
    let user = User::new(email).cannot_log_in(Refusal::Message);
    Server::http(Account::new("acme").user(user))
}

/// Runs into that refusal.
fn look_up(server: &Server, email: &str, options: &[&str]) -> Vec<Request> {
    Run::new().server(server).arg(email).args(options).status(77).stderr_contains("will not log").run();
    let requests = server.requests();
    assert_eq!(requests.len(), 2);
    requests
}

// ---- The POST ----

#[test]
fn a_token_is_asked_for_by_one_post_with_nothing_but_what_is_documented() {
    let server = Server::http(Account::acme());
    Run::new().server(&server).arg("jane@example.com").stdout_contains("access_token").run();
    let requests = server.requests();
    let [request] = requests.as_slice() else { panic!("one request is made, not {}", requests.len()) };
    assert_eq!(request.method, "POST");
    assert_eq!(request.target, "/api/v1/tokens");
    assert_eq!(request.version, "HTTP/1.1");
    assert_eq!(
        headers(request),
        expected(
            &server.address().to_string(),
            &[("content-type", "application/json"), ("content-length", "31")]
        )
    );
    assert_eq!(request.body, br#"{"username":"jane@example.com"}"#);
    assert_eq!(server.connections(), 1);
}

#[test]
fn the_body_holds_the_email_as_it_was_given() {
    for (email, body) in [
        ("Jane@Example.COM", r#"{"username":"Jane@Example.COM"}"#),
        (" jane@example.com\r\n", r#"{"username":"jane@example.com"}"#),
        ("j\u{fc}rgen@ex\u{e4}mple.com", "{\"username\":\"j\u{fc}rgen@ex\u{e4}mple.com\"}"),
        ("a+b/c&d'e`f@example.com", r#"{"username":"a+b/c&d'e`f@example.com"}"#),
    ] {
        let server = Server::http(Account::new("acme").user(User::new(email.trim())));
        Run::new().server(&server).arg(email).stdout_contains("access_token").run();
        let request = &server.requests()[0];
        assert_eq!(String::from_utf8_lossy(&request.body), body);
        let length = body.len().to_string();
        assert_eq!(request.header("content-length"), Some(length.as_str()));
    }
}

#[test]
fn key_and_secret_are_sent_as_they_are() {
    let server = Server::http(Account::acme());
    server.on(On::Tokens, Answer::empty(403));
    Run::new()
        .server(&server)
        .env("OUTSETA_API_KEY", "k/e+y==&%20")
        .env("OUTSETA_API_SECRET", "s:e:c;r\\et$(id)")
        .arg("jane@example.com")
        .status(77)
        .stderr_contains("Outseta rejected the API key")
        .run();
    assert_eq!(server.requests()[0].header("authorization"), Some("Outseta k/e+y==&%20:s:e:c;r\\et$(id)"));
}

// ---- The lookup ----

#[test]
fn a_person_is_looked_up_by_one_get_over_a_new_connection() {
    let server = refusing("jane@example.com");
    let requests = look_up(&server, "jane@example.com", &[]);
    let request = &requests[1];
    assert_eq!(request.method, "GET");
    assert_eq!(
        request.target,
        "/api/v1/crm/people?Email=jane%40example.com\
         &fields=Uid,Email,PersonAccount.Account.AccountStage"
    );
    assert_eq!(headers(request), expected(&server.address().to_string(), &[]));
    assert_eq!(request.body, b"");
    assert_eq!(server.connections(), 2);
}

#[test]
fn the_look_up_percent_encodes_the_email() {
    for (email, encoded) in [
        ("jo+x@example.com", "jo%2Bx%40example.com"),
        ("a&b=c#d@example.com", "a%26b%3Dc%23d%40example.com"),
        ("*@example.com", "%2A%40example.com"),
        ("a%41?/@example.com", "a%2541%3F%2F%40example.com"),
        ("a-b.c_d~e@example.com", "a-b.c_d~e%40example.com"),
        ("j\u{fc}@example.com", "j%C3%BC%40example.com"),
    ] {
        let requests = look_up(&refusing(email), email, &[]);
        assert_eq!(
            requests[1].target,
            format!(
                "/api/v1/crm/people?Email={encoded}\
                 &fields=Uid,Email,PersonAccount.Account.AccountStage"
            )
        );
        assert_eq!(requests[1].query("Email").as_deref(), Some(email));
    }
}

#[test]
fn without_an_activity_log_both_requests_say_so() {
    let server = refusing("jane@example.com");
    let requests = look_up(&server, "jane@example.com", &["--no-activity-log"]);
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
    server.on(On::Tokens, Answer::empty(400).header("Set-Cookie", "session=1; Path=/"));
    let requests = look_up(&server, "jane@example.com", &[]);
    assert_eq!(requests[1].header("cookie"), None);
}

// ---- The host ----

#[test]
fn a_subdomain_is_reached_at_its_real_url() {
    let detour = Detour::new(Account::acme());
    Run::new().detour(&detour).arg("jane@example.com").stdout_contains("access_token").run();
    let request = &detour.server.requests()[0];
    assert_eq!(request.target, "/api/v1/tokens");
    assert_eq!(request.sni.as_deref(), Some("acme.outseta.com"));
    assert_eq!(
        headers(request),
        expected("acme.outseta.com", &[("content-type", "application/json"), ("content-length", "31")])
    );
    assert_eq!((detour.server.connections(), detour.server.requests().len()), (1, 1));
}

#[test]
fn the_proxy_is_told_the_host_and_nothing_of_the_request() {
    let detour = Detour::new(Account::acme());
    Run::new().detour(&detour).arg("jane@example.com").stdout_contains("access_token").run();
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
        server.on(On::Any, Answer::empty(403));
        Run::new()
            .server(&server)
            .args(["--base-url", &format!("{}{path}", server.url())])
            .arg("jane@example.com")
            .status(77)
            .stderr_contains("rejected")
            .run();
        assert_eq!(server.requests()[0].target, target, "{path}");
    }
}

#[test]
fn a_base_url_may_name_the_loopback_host_in_every_way() {
    let server = Server::http(Account::acme());
    let port = server.address().port();
    for host in ["127.0.0.1", "localhost", "LocalHost"] {
        Run::new()
            .server(&server)
            .args(["--base-url", &format!("http://{host}:{port}")])
            .arg("jane@example.com")
            .stdout_contains("access_token")
            .run();
        let requests = server.requests();
        let expected = format!("{}:{port}", host.to_ascii_lowercase());
        assert_eq!(requests.last().and_then(|last| last.header("host")), Some(expected.as_str()));
    }
}

#[test]
fn a_base_url_may_be_an_ipv6_address() {
    let server = Server::http(Account::acme());
    let host = IpAddr::from(Ipv6Addr::LOCALHOST);
    let Ok(relay) = Relay::bound(host, 0, server.address(), &[]) else {
        return skip("this machine has no IPv6 loopback");
    };
    let url = format!("http://{}", relay.address());
    assert!(url.starts_with("http://[::1]:"));
    Run::new()
        .server(&server)
        .args(["--base-url", &url])
        .arg("jane@example.com")
        .stdout_contains("access_token")
        .run();
    assert_eq!(server.requests()[0].header("host"), Some(relay.address().to_string().as_str()));
}

#[test]
fn a_base_url_over_tls_gets_the_same_request() {
    let authority = Authority::new();
    let server = Server::https(Account::acme(), authority.server(&NAMES));
    Run::new()
        .server(&server)
        .trust(&authority)
        .arg("jane@example.com")
        .stdout_contains("access_token")
        .run();
    let request = &server.requests()[0];
    assert_eq!(
        headers(request),
        expected(
            &server.address().to_string(),
            &[("content-type", "application/json"), ("content-length", "31")]
        )
    );
    assert_eq!(request.body, br#"{"username":"jane@example.com"}"#);
}

// ---- Redirects ----

#[test]
fn a_redirect_is_never_followed() {
    let elsewhere = Server::http(Account::acme());
    let location = format!("{}/api/v1/tokens", elsewhere.url());
    for status in [300, 301, 302, 303, 304, 305, 307, 308, 399] {
        let server = Server::http(Account::acme());
        server.always(On::Any, Answer::redirect(status, &location));
        Run::new()
            .server(&server)
            .arg("jane@example.com")
            .status(76)
            .stderr_lines(&[
                &format!("outseta-token: the response is a redirect ({status}) to {location}"),
                "outseta-token: hint: the key is not sent to other hosts: check the subdomain or base URL",
            ])
            .run();
        assert_eq!(server.requests().len(), 1, "{status} is not repeated");
    }
    assert_eq!(elsewhere.connections(), 0);
}

#[test]
fn a_redirect_to_the_same_host_is_not_followed_either() {
    let server = Server::http(Account::acme());
    server.on(On::Tokens, Answer::redirect(307, "/api/v1/tokens/"));
    Run::new()
        .server(&server)
        .arg("jane@example.com")
        .status(76)
        .stderr_contains("outseta-token: the response is a redirect (307) to /api/v1/tokens/\n")
        .run();
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn the_look_up_follows_no_redirect() {
    let elsewhere = Server::http(Account::acme());
    let server = refusing("jane@example.com");
    server.on(On::People, Answer::redirect(302, &elsewhere.url()));
    Run::new()
        .server(&server)
        .arg("jane@example.com")
        .status(76)
        .stderr_contains("the lookup of the reason failed: the response is a redirect (302)")
        .run();
    assert_eq!((server.requests().len(), elsewhere.connections()), (2, 0));
}
