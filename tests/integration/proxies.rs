//! Proxies: what the proxy receives, which hosts are reached directly, and how each failure is reported.
//! `acme.invalid` does not resolve, so the message shows a direct connection. (Unit tests cover the
//! variables, the ways to write a proxy and `no_proxy`; `settings.rs` has invalid settings.)

use std::io::Write as _;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::support::fake::Server;
use crate::support::http::Response;
use crate::support::listener::{Listener, dead_address};
use crate::support::model::Account;
use crate::support::proxy::{Behaviour, Detour, Proxy};
use crate::support::relay::Relay;
use crate::support::run::Run;
use crate::support::script::{AtAccept, Endpoint};
use crate::support::skip;
use crate::support::tls::{Authority, NAMES};

const EMAIL: &str = "jane@example.com";
const VARIABLES: [&str; 4] = ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];

const DIRECT: [&str; 2] = [
    "cannot resolve the name acme.invalid",
    "check the subdomain or base URL, this machine's name resolution, and whether a proxy is needed \
     (https_proxy)",
];
const ALLOW: &str = "ask whoever runs the proxy to allow this host, or name it in no_proxy";
const CHECK: &str = "check https_proxy and all_proxy; no_proxy names hosts to reach directly";

/// A proxy that refuses every host.
fn refusing() -> Proxy {
    let proxy = Proxy::http();
    proxy.behave(Behaviour::Refuse(403));
    proxy
}

/// A run to a host that only a proxy could reach.
fn to_invalid() -> Run {
    Run::new()
        .credentials()
        .env("RES_OPTIONS", "timeout:1 attempts:1")
        .args(["--base-url", "https://acme.invalid", "--timeout", "60"])
        .args(["--retries", "0", EMAIL])
}

/// A run to `acme.outseta.com` through the proxy with this URL.
fn to_acme(proxy: impl Into<String>) -> Run {
    let run = Run::new().credentials().env("OUTSETA_SUBDOMAIN", "acme");
    run.env("https_proxy", proxy.into()).args(["--retries", "0", EMAIL])
}

#[track_caller]
fn goes_through(run: Run, proxy: &Proxy) {
    let requests = proxy.requests().len();
    run.fails(69, "the proxy refused to connect to acme.invalid (403)", ALLOW).run();
    assert_eq!(proxy.requests()[requests..].len(), 1);
    assert_eq!(proxy.requests()[requests].target, "acme.invalid:443");
}

// ---- Which proxy ----

#[test]
fn a_proxy_may_be_written_in_several_ways() {
    let proxy = refusing();
    let address = proxy.address();
    let relay = Relay::ipv6(address).ok();
    if relay.is_none() {
        skip("this machine has no IPv6 loopback");
    }
    let ipv6 = relay.as_ref().map(|relay| ("https_proxy", format!("http://{}", relay.address())));
    for (variable, url) in [
        ("https_proxy", address.to_string()),
        ("https_proxy", format!(" HTTP://{address}?query\n")),
        ("ALL_PROXY", format!("http://localhost:{}", address.port())),
    ]
    .into_iter()
    .chain(ipv6)
    {
        goes_through(to_invalid().env(variable, url), &proxy);
    }
}

#[test]
fn a_proxy_may_use_tls() {
    let authority = Authority::new();
    let server = Server::https(Account::acme(), authority.server(&NAMES));
    let proxy = Proxy::https(authority.server(&NAMES)).route_all(server.address());
    let run = || Run::new().credentials().env("OUTSETA_SUBDOMAIN", "acme").via_proxy(&proxy).arg(EMAIL);
    run().trust(&authority).prints_a_token();
    assert_eq!(proxy.requests()[0].target, "acme.outseta.com:443");
    assert_eq!(proxy.requests()[0].sni, None, "an address has no SNI");
    assert_eq!(server.requests()[0].sni.as_deref(), Some("acme.outseta.com"));

    // Its certificate is checked like the server's, before it receives anything.
    let message =
        "cannot trust the proxy for acme.outseta.com: the issuer of its certificate is not trusted\n";
    run().trust(&Authority::new()).fails_with(69, message).run();
    assert_eq!(proxy.requests().len(), 1);
}

// ---- Which hosts are reached directly ----

#[test]
fn no_proxy_names_hosts_to_reach_directly() {
    let proxy = refusing();
    let run = || to_invalid().via_proxy(&proxy);
    let [message, hint] = DIRECT;
    run().env("no_proxy", "a.example, acme.invalid").fails(69, message, hint).run();
    run().env("no_proxy", "").env("NO_PROXY", ".Invalid").fails(69, message, hint).run();
    assert!(proxy.requests().is_empty());
    goes_through(run().env("no_proxy", "other.example").env("NO_PROXY", "acme.invalid"), &proxy);
}

#[test]
fn loopback_never_goes_through_a_proxy() {
    let authority = Authority::new();
    let plain = Server::http(Account::acme());
    let tls = Server::https(Account::acme(), authority.server(&NAMES));
    let proxy = refusing();
    // An invalid proxy does not matter either.
    for value in [proxy.url(), "socks5://127.0.0.1:1".to_owned(), "::".to_owned()] {
        for url in [
            plain.url(),
            format!("http://localhost:{}", plain.address().port()),
            tls.url(),
            format!("https://LOCALHOST:{}", tls.address().port()),
        ] {
            let mut run = Run::new().credentials().trust(&authority).args(["--base-url", &url, EMAIL]);
            for variable in VARIABLES {
                run = run.env(variable, &value);
            }
            run.prints_a_token();
        }
    }
    assert!(proxy.requests().is_empty());
}

// ---- What the proxy receives ----

#[test]
fn user_and_password_are_sent_decoded_and_never_shown() {
    for (user_info, sent) in [
        ("us%40er:h%3Au%2fnter2%25", "us@er:h:u/nter2%"),
        ("j%C3%BCrgen:hunter2+%2B", "j\u{fc}rgen:hunter2++"),
        ("hunter2", "hunter2:"),
    ] {
        let detour = Detour::new(Account::acme());
        let outcome = Run::new()
            .detour(&detour)
            .env("https_proxy", detour.proxy.url_with(user_info))
            .args(["-v", EMAIL])
            .stderr_contains(&format!("proxy: {} (https_proxy in the environment)\n", detour.proxy.url()))
            .prints_a_token();
        let encoded = STANDARD.encode(sent);
        let header = format!("Basic {encoded}");
        assert_eq!(detour.proxy.requests()[0].header("proxy-authorization"), Some(&*header), "{user_info}");
        assert!(!outcome.stderr.contains("nter2") && !outcome.stderr.contains(&encoded), "{outcome}");
        assert_eq!(detour.server.requests()[0].header("proxy-authorization"), None);
    }
}

#[test]
fn a_password_is_not_shown_when_the_proxy_fails() {
    let proxy = Proxy::http();
    let hides_password = |url: &str| {
        let outcome = to_invalid().env("https_proxy", url).arg("-v").outcome();
        assert_eq!(outcome.status, Some(69), "{outcome}");
        assert!(!outcome.stderr.contains("hunter2"), "{outcome}");
    };
    for behaviour in [Behaviour::Refuse(407), Behaviour::Refuse(502), Behaviour::Close, Behaviour::Garbage] {
        proxy.behave(behaviour);
        hides_password(&proxy.url_with("user:hunter2"));
    }
    hides_password(&format!("http://user:hunter2@{}", dead_address()));
    hides_password("http://user:hunter2@proxy.invalid:1");
}

/// As a proxy that inspects TLS may do.
#[test]
fn a_password_is_not_shown_when_a_response_repeats_it() {
    let detour = Detour::new(Account::acme());
    let text = format!("user:hunter2, Basic {}", STANDARD.encode("user:hunter2"));
    detour.server.always(Endpoint::Tokens, Response::json(409, &json!({"Message": text})));
    let run = Run::new().detour(&detour).env("https_proxy", detour.proxy.url_with("user:hunter2"));
    run.arg(EMAIL).fails_with(76, "unexpected response (409): user:[hidden], Basic [hidden]\n").run();
}

#[test]
fn the_proxy_is_sent_the_host_and_port_of_the_base_url() {
    for (url, target) in [
        ("https://acme.invalid", "acme.invalid:443"),
        ("https://ACME.invalid:8443/outseta", "acme.invalid:8443"),
        ("https://[2001:DB8::1]", "[2001:db8::1]:443"),
        ("https://192.0.2.1:1", "192.0.2.1:1"),
    ] {
        let proxy = refusing();
        Run::new()
            .credentials()
            .via_proxy(&proxy)
            .args(["--base-url", url, EMAIL])
            .fails_with(69, "the proxy refused to connect to ")
            .run();
        let request = &proxy.requests()[0];
        assert_eq!(request.target, target);
        assert_eq!(request.header("host"), Some(target));
    }
}

// ---- A proxy that fails ----

/// A refusal and what is not a proxy fail the same way again, a connection of the proxy may not.
#[test]
fn a_proxy_that_fails_is_reported_and_retried_if_that_can_help() {
    let password = "give the proxy's user and password: https_proxy=http://user:password@host:port";
    let reach = "check the subdomain or base URL, and whether the proxy can reach this host";
    let refused = |status, hint, attempts| {
        let message = format!("the proxy refused to connect to acme.outseta.com ({status})");
        (Behaviour::Refuse(status), message, hint, attempts)
    };
    let failed = |status| {
        let message = format!("the proxy cannot connect to acme.outseta.com ({status})");
        (Behaviour::Refuse(status), message, reach, 2)
    };
    let closed = "cannot connect to the proxy for acme.outseta.com: it closed the connection";
    let garbage = "the proxy for acme.outseta.com does not respond like a proxy";
    for (behaviour, message, hint, attempts) in [
        refused(407, password, 1),
        refused(403, ALLOW, 1),
        refused(500, ALLOW, 1),
        refused(302, ALLOW, 1),
        refused(204, ALLOW, 1),
        failed(502),
        failed(503),
        failed(504),
        (Behaviour::Close, closed.to_owned(), CHECK, 2),
        (Behaviour::Garbage, garbage.to_owned(), CHECK, 1),
    ] {
        let detour = Detour::new(Account::acme());
        detour.proxy.behave(behaviour);
        Run::new().detour(&detour).args(["--retries", "1", EMAIL]).fails(69, &message, hint).run();
        assert_eq!((detour.proxy.requests().len(), detour.server.connections()), (attempts, 0), "{message}");
    }
    let proxy = Proxy::http();
    proxy.behave(Behaviour::Refuse(407));
    let hint = "the proxy did not accept the user and password: check them, and percent-encode their special \
        characters";
    let (_, message, ..) = refused(407, "", 1);
    to_acme(proxy.url_with("user:hunter2")).fails(69, &message, hint).run();
    // A TLS proxy without https://. The reset of its socket may overtake its alert.
    let proxy = Proxy::https(Authority::new().server(&NAMES));
    to_acme(proxy.address().to_string()).status(69).stderr_contains("the proxy for acme.outseta.com").run();
}

#[test]
fn a_broken_response_of_the_server_is_not_blamed_on_the_proxy() {
    let detour = Detour::new(Account::acme());
    let broken = Response::text(200, "{}").header("Transfer-Encoding", "chunked");
    let broken = broken.until_close().body("zz\r\n{}\r\n0\r\n\r\n");
    detour.server.on(Endpoint::Tokens, broken);
    Run::new().detour(&detour).arg(EMAIL).fails_with(76, "the response is not HTTP\n").run();
}

#[test]
fn a_silent_or_slow_proxy_may_take_a_third_of_the_timeout() {
    let silent = Proxy::http();
    silent.behave(Behaviour::Stall);
    let slow = Listener::start(|mut tcp, _, stop| {
        move || {
            let head = b"HTTP/1.1 200 Connection established\r\nX-Padding: ";
            for byte in head.iter().copied().chain(std::iter::repeat(b'x')) {
                if stop.is_set() || tcp.write_all(&[byte]).is_err() {
                    return;
                }
                stop.sleep(Duration::from_millis(50));
            }
        }
    });
    for proxy in [silent.address(), slow.address()] {
        let message = "cannot connect to acme.outseta.com through the proxy within 1 s";
        let outcome =
            to_acme(format!("http://{proxy}")).args(["--timeout", "3"]).fails(69, message, CHECK).run();
        let second = Duration::from_millis(990)..Duration::from_millis(2500);
        assert!(second.contains(&outcome.elapsed), "{outcome}");
    }
}

#[test]
fn a_tls_failure_names_the_proxy() {
    let plain = Server::http(Account::acme());
    plain.on_accept(AtAccept::PlainHttp).on_accept(AtAccept::Close);
    let run = || to_acme(format!("https://{}", plain.address()));
    run()
        .fails(
            69,
            "TLS handshake with the proxy for acme.outseta.com failed: received corrupt message of type \
             InvalidContentType",
            "check https_proxy and all_proxy: write http:// before a proxy that does not speak TLS itself",
        )
        .run();
    let message = "cannot connect to the proxy for acme.outseta.com: it closed the connection";
    run().fails(69, message, CHECK).run();
    assert_eq!(plain.connections(), 2);
}

#[test]
fn a_proxy_that_cannot_be_reached_is_named_and_retried() {
    let dead = format!("http://{}", dead_address());
    for (proxy, reason) in
        [(&*dead, "connection refused"), ("http://proxy.invalid:3128", "its name cannot be resolved")]
    {
        let message = format!("cannot connect to the proxy for acme.invalid: {reason}");
        to_invalid().env("https_proxy", proxy).fails(69, &message, CHECK).run();
    }
    let run =
        Run::new().credentials().env("https_proxy", dead).args(["-s", "acme", "-v", "--retries", "1", EMAIL]);
    let outcome = run.status(69).stderr_contains("connection refused; trying again in ").run();
    assert_eq!(outcome.stderr.matches("> POST").count(), 2, "{outcome}");
}
