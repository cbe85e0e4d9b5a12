//! Proxies, as curl reads them: which variable counts, which hosts go directly, what the proxy is
//! told, and how each way in which it can fail is reported. A setting that cannot be used is an
//! error and never a direct connection. `acme.invalid` resolves nowhere, so that a run which goes
//! there directly says so.

use std::ffi::OsStr;
use std::io::Write as _;
use std::net::{IpAddr, Ipv6Addr};
use std::os::unix::ffi::OsStrExt as _;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::support::fake::Server;
use crate::support::http::Answer;
use crate::support::listener::{Listener, dead_address};
use crate::support::model::{Account, Refusal, User};
use crate::support::proxy::{Behaviour, Detour, Proxy};
use crate::support::relay::Relay;
use crate::support::run::{Outcome, Run};
use crate::support::script::{AtAccept, On};
use crate::support::skip;
use crate::support::tls::{Authority, NAMES};

const EMAIL: &str = "jane@example.com";
const VARIABLES: [&str; 4] = ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];

const DIRECT: [&str; 2] = [
    "outseta-token: cannot resolve the name acme.invalid",
    "outseta-token: hint: check the subdomain or base URL, and this machine's name resolution",
];
const PROXIED: [&str; 2] = [
    "outseta-token: the proxy refused to connect to acme.invalid (403)",
    "outseta-token: hint: ask whoever runs the proxy to allow this host, or name it in no_proxy",
];
const CHECK_HINT: &str =
    "outseta-token: hint: check https_proxy and all_proxy; no_proxy names hosts to reach directly";
const WRITE_HINT: &str = "write http://host:port; no_proxy names hosts to reach directly";

/// A proxy that refuses everything, and so is no way to anywhere.
fn refusing() -> Proxy {
    let proxy = Proxy::http();
    proxy.behave(Behaviour::Refuse(403));
    proxy
}

/// A run to a host that only a proxy could reach.
fn to_nowhere() -> Run {
    Run::new()
        .credentials()
        .env("RES_OPTIONS", "timeout:1 attempts:1")
        .args(["--base-url", "https://acme.invalid", "--timeout", "60"])
        .args(["--retries", "0", EMAIL])
        .status(69)
}

fn goes_directly(run: Run) {
    run.stderr_lines(&DIRECT).run();
}

fn goes_through(run: Run, proxy: &Proxy) {
    run.stderr_lines(&PROXIED).run();
    let requests = proxy.requests();
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].target, "acme.invalid:443");
}

// ---- Which proxy ----

#[test]
fn the_first_variable_that_is_set_names_the_proxy() {
    for first in 0..VARIABLES.len() {
        let (named, other) = (refusing(), Proxy::http());
        let mut run = to_nowhere().env(VARIABLES[first], named.url());
        for later in &VARIABLES[first + 1..] {
            run = run.env(later, other.url());
        }
        for earlier in &VARIABLES[..first] {
            run = run.env(earlier, "");
        }
        goes_through(run, &named);
        assert!(other.requests().is_empty(), "{}", VARIABLES[first]);
    }
}

#[test]
fn other_variables_name_none() {
    let proxy = refusing();
    let mut run = to_nowhere();
    for variable in ["http_proxy", "HTTP_PROXY", "socks_proxy", "PROXY", "Https_Proxy"] {
        run = run.env(variable, proxy.url());
    }
    goes_directly(run);
    assert!(proxy.requests().is_empty());
}

#[test]
fn a_proxy_may_be_written_in_several_ways() {
    let proxy = refusing();
    let address = proxy.address();
    for (count, text) in [
        format!("{address}"),
        format!("HTTP://{address}"),
        format!(" http://{address}/ \n"),
        format!("http://{address}/path?query"),
        format!("http://localhost:{}", address.port()),
    ]
    .iter()
    .enumerate()
    {
        to_nowhere().env("https_proxy", text).stderr_lines(&PROXIED).run();
        assert_eq!(proxy.requests().len(), count + 1, "{text:?}");
    }
}

#[test]
fn a_proxy_may_have_an_ipv6_address() {
    let proxy = refusing();
    let host = IpAddr::from(Ipv6Addr::LOCALHOST);
    let Ok(relay) = Relay::bound(host, 0, proxy.address(), &[]) else {
        return skip("this machine has no IPv6 loopback");
    };
    goes_through(to_nowhere().env("https_proxy", format!("http://{}", relay.address())), &proxy);
}

#[test]
fn a_proxy_may_be_spoken_to_over_tls() {
    let authority = Authority::new();
    let server = Server::https(Account::acme(), authority.server(&NAMES));
    let proxy = Proxy::https(authority.server(&NAMES)).route_all(server.address());
    let run = || Run::new().credentials().env("OUTSETA_SUBDOMAIN", "acme").via_proxy(&proxy).arg(EMAIL);
    run().trust(&authority).stdout_contains("access_token").run();
    assert_eq!(proxy.requests()[0].target, "acme.outseta.com:443");
    assert_eq!(proxy.requests()[0].sni, None, "an address has no SNI");
    assert_eq!(server.requests()[0].sni.as_deref(), Some("acme.outseta.com"));

    // Its certificate is checked as the server's is, before it is told anything.
    run()
        .trust(&Authority::new())
        .status(69)
        .stderr_contains(
            "cannot trust the proxy for acme.outseta.com: the issuer of its certificate is not trusted\n",
        )
        .run();
    assert_eq!(proxy.requests().len(), 1);
}

#[test]
fn the_look_up_has_a_tunnel_of_its_own() {
    let user = User::new(EMAIL).cannot_log_in(Refusal::Message);
    let detour = Detour::new(Account::new("acme").user(user));
    Run::new().detour(&detour).arg(EMAIL).status(77).stderr_contains("will not log").run();
    assert_eq!(detour.proxy.requests().len(), 2);
    assert_eq!(detour.server.requests().len(), 2);
}

// ---- Which hosts go directly ----

#[test]
fn no_proxy_names_hosts_to_reach_directly() {
    let proxy = refusing();
    for no_proxy in [
        "*",
        "invalid",
        ".invalid",
        "acme.invalid",
        ".acme.invalid",
        "ACME.Invalid",
        "a.example,acme.invalid",
        "a.example, b.example\tacme.invalid",
        " ,*, ",
    ] {
        for variable in ["no_proxy", "NO_PROXY"] {
            goes_directly(to_nowhere().via_proxy(&proxy).env(variable, no_proxy));
        }
    }
    assert!(proxy.requests().is_empty());
}

#[test]
fn no_proxy_names_no_others() {
    for no_proxy in [
        "",
        " , ",
        ".",
        "nvalid",
        "e.invalid",
        "b.invalid",
        "x.acme.invalid",
        "acme.invalid.example",
        "ac*",
        "*.invalid",
        "127.0.0.1",
    ] {
        let proxy = refusing();
        goes_through(to_nowhere().via_proxy(&proxy).env("no_proxy", no_proxy), &proxy);
    }
}

#[test]
fn an_empty_no_proxy_hides_nothing_and_a_set_one_hides_the_other() {
    let proxy = refusing();
    goes_directly(to_nowhere().via_proxy(&proxy).env("no_proxy", "").env("NO_PROXY", "acme.invalid"));
    goes_through(
        to_nowhere().via_proxy(&proxy).env("no_proxy", "other.example").env("NO_PROXY", "acme.invalid"),
        &proxy,
    );
}

#[test]
fn loopback_never_goes_through_a_proxy() {
    let authority = Authority::new();
    let plain = Server::http(Account::acme());
    let tls = Server::https(Account::acme(), authority.server(&NAMES));
    let proxy = refusing();
    // A proxy that could not be used does not matter either.
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
            run.stdout_contains("access_token").run();
        }
    }
    assert!(proxy.requests().is_empty());
}

// ---- What the proxy is told ----

#[test]
fn user_and_password_are_sent_decoded_and_never_shown() {
    for (user_info, sent) in [
        ("user:hunter2", "user:hunter2"),
        ("us%40er:h%3Au%2fnter2%25", "us@er:h:u/nter2%"),
        ("user:hunter2@x", "user:hunter2@x"),
        ("user:hunter2+%2B", "user:hunter2++"),
        ("j%C3%BCrgen:hunter2", "j\u{fc}rgen:hunter2"),
        ("hunter2", "hunter2:"),
        (":hunter2", ":hunter2"),
    ] {
        let detour = Detour::new(Account::acme());
        let outcome = Run::new()
            .detour(&detour)
            .env("https_proxy", detour.proxy.url_with(user_info))
            .args(["-v", EMAIL])
            .stdout_contains("access_token")
            .stderr_contains(&format!(
                "outseta-token: proxy {} (https_proxy in the environment)\n",
                detour.proxy.url()
            ))
            .run();
        assert_eq!(
            detour.proxy.requests()[0].header("proxy-authorization"),
            Some(format!("Basic {}", STANDARD.encode(sent)).as_str()),
            "{user_info}"
        );
        assert!(!outcome.stderr.contains("nter2"), "{outcome}");
        let encoded = STANDARD.encode(sent);
        assert!(!outcome.stderr.contains(&encoded), "{outcome}");
        assert_eq!(detour.server.requests()[0].header("proxy-authorization"), None, "the server is not told");
    }
}

#[test]
fn without_user_and_password_none_are_sent() {
    let detour = Detour::new(Account::acme());
    Run::new().detour(&detour).arg(EMAIL).stdout_contains("access_token").run();
    assert_eq!(detour.proxy.requests()[0].header("proxy-authorization"), None);
}

#[test]
fn a_password_is_not_shown_when_the_proxy_fails() {
    let proxy = Proxy::http();
    let with_password = proxy.url_with("user:hunter2");
    for behaviour in [Behaviour::Refuse(407), Behaviour::Refuse(502), Behaviour::Close, Behaviour::Garbage] {
        proxy.behave(behaviour);
        let outcome = to_nowhere().env("https_proxy", &with_password).arg("-v").outcome();
        assert_eq!(outcome.status, Some(69), "{outcome}");
        assert!(!outcome.stderr.contains("hunter2"), "{outcome}");
    }
    for url in
        [format!("http://user:hunter2@{}", dead_address()), "http://user:hunter2@proxy.invalid:1".to_owned()]
    {
        let outcome = to_nowhere().env("https_proxy", url).arg("-v").outcome();
        assert_eq!(outcome.status, Some(69), "{outcome}");
        assert!(!outcome.stderr.contains("hunter2"), "{outcome}");
    }
}

#[test]
fn the_proxy_is_told_host_and_port_of_the_base_url() {
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
            .status(69)
            .stderr_contains("the proxy refused to connect to ")
            .run();
        let request = &proxy.requests()[0];
        assert_eq!(request.target, target);
        assert_eq!(request.header("host"), Some(target));
    }
}

// ---- A proxy that fails ----

/// Through this proxy it ends so, and the server is not reached.
#[track_caller]
fn fails(behaviour: Behaviour, options: &[&str], lines: &[&str]) -> (Outcome, usize) {
    let detour = Detour::new(Account::acme());
    detour.proxy.behave(behaviour);
    let outcome = Run::new().detour(&detour).args(options).arg(EMAIL).status(69).stderr_lines(lines).run();
    assert_eq!(detour.server.connections(), 0);
    (outcome, detour.proxy.requests().len())
}

#[test]
fn a_refusal_is_final_and_has_its_own_hint() {
    let allow = "outseta-token: hint: ask whoever runs the proxy to allow this host, or name it in no_proxy";
    for (status, hint) in [
        (
            407,
            "outseta-token: hint: give the proxy's user and password: \
             https_proxy=http://user:password@host:port",
        ),
        (403, allow),
        (502, allow),
        (503, allow),
        (302, allow),
        (204, allow),
    ] {
        let line = format!("outseta-token: the proxy refused to connect to acme.outseta.com ({status})");
        let (_, attempts) = fails(Behaviour::Refuse(status), &[], &[&line, hint]);
        assert_eq!(attempts, 1, "{status}");
    }
}

#[test]
fn a_proxy_that_hangs_up_is_tried_again() {
    let line = "outseta-token: cannot connect to the proxy for acme.outseta.com: it closed the \
         connection";
    let (_, attempts) = fails(Behaviour::Close, &["--retries", "1"], &[line, CHECK_HINT]);
    assert_eq!(attempts, 2);
}

#[test]
fn what_does_not_answer_as_a_proxy_is_none() {
    let lines = ["outseta-token: the proxy for acme.outseta.com does not respond like a proxy", CHECK_HINT];
    let (_, attempts) = fails(Behaviour::Garbage, &[], &lines);
    assert_eq!(attempts, 1, "it would answer the same again");

    // One that wants TLS, spoken to without. Its alert may be overtaken by the reset of its socket.
    let authority = Authority::new();
    let proxy = Proxy::https(authority.server(&NAMES));
    Run::new()
        .credentials()
        .env("OUTSETA_SUBDOMAIN", "acme")
        .env("https_proxy", format!("http://{}", proxy.address()))
        .args(["--retries", "0", EMAIL])
        .status(69)
        .stderr_contains("acme.outseta.com")
        .run();
}

#[test]
fn a_broken_answer_from_behind_the_proxy_is_not_the_proxys() {
    let detour = Detour::new(Account::acme());
    let broken = Answer::text(200, "{}").header("Transfer-Encoding", "chunked");
    let broken = broken.until_close().body("zz\r\n{}\r\n0\r\n\r\n");
    detour.server.on(On::Tokens, broken);
    Run::new()
        .detour(&detour)
        .arg(EMAIL)
        .status(76)
        .stderr_contains("outseta-token: the response is not HTTP\n")
        .run();
}

#[test]
fn a_silent_proxy_has_a_third_of_the_time() {
    let detour = Detour::new(Account::acme());
    detour.proxy.behave(Behaviour::Stall);
    let outcome = Run::new()
        .detour(&detour)
        .args(["--timeout", "3", "--retries", "0", EMAIL])
        .status(69)
        .stderr_contains(
            "outseta-token: cannot connect to acme.outseta.com through the proxy within 1 s\n\
             outseta-token: hint: check https_proxy and all_proxy; ",
        )
        .run();
    assert!(
        (Duration::from_millis(990)..Duration::from_millis(2800)).contains(&outcome.elapsed),
        "{outcome}"
    );
}

#[test]
fn a_dripping_proxy_ends_with_the_time() {
    let listener = Listener::start(|mut tcp, _, stop| {
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
    let outcome = Run::new()
        .credentials()
        .env("OUTSETA_SUBDOMAIN", "acme")
        .env("https_proxy", format!("http://{}", listener.address()))
        .args(["--timeout", "3", "--retries", "0", EMAIL])
        .status(69)
        .stderr_lines(&[
            "outseta-token: cannot connect to acme.outseta.com through the proxy within 1 s",
            CHECK_HINT,
        ])
        .run();
    assert!(outcome.elapsed < Duration::from_millis(2500), "{outcome}");
}

#[test]
fn what_is_wrong_with_the_tls_of_a_proxy_is_said_of_the_proxy() {
    // Plain HTTP on its port, and nothing at all.
    let authority = Authority::new();
    let plain = Server::http(Account::acme());
    plain.on_accept(AtAccept::PlainHttp).on_accept(AtAccept::Close);
    for lines in [
        [
            "outseta-token: TLS handshake with the proxy for acme.outseta.com failed: received corrupt \
             message of type InvalidContentType",
            "outseta-token: hint: check https_proxy and all_proxy: write http:// before a proxy that does \
             not speak TLS itself",
        ],
        [
            "outseta-token: cannot connect to the proxy for acme.outseta.com: it closed the connection",
            CHECK_HINT,
        ],
    ] {
        Run::new()
            .credentials()
            .trust(&authority)
            .env("OUTSETA_SUBDOMAIN", "acme")
            .env("https_proxy", format!("https://{}", plain.address()))
            .args(["--retries", "0", EMAIL])
            .status(69)
            .stderr_lines(&lines)
            .run();
    }
    assert_eq!(plain.connections(), 2);
}

#[test]
fn a_dead_proxy_is_named_as_one_and_tried_again() {
    let line = "outseta-token: cannot connect to the proxy for acme.invalid: connection refused";
    let dead = format!("http://{}", dead_address());
    to_nowhere().env("https_proxy", &dead).stderr_lines(&[line, CHECK_HINT]).run();
    let outcome = Run::new()
        .credentials()
        .env("OUTSETA_SUBDOMAIN", "acme")
        .env("https_proxy", &dead)
        .args(["-v", "--retries", "1", EMAIL])
        .status(69)
        .stderr_contains("connection refused; trying again in ")
        .run();
    assert_eq!(outcome.stderr.matches("> POST").count(), 2, "{outcome}");
}

#[test]
fn a_proxy_whose_name_does_not_resolve_is_named_as_one() {
    to_nowhere()
        .env("https_proxy", "http://proxy.invalid:3128")
        .stderr_lines(&[
            "outseta-token: cannot connect to the proxy for acme.invalid: its name cannot be \
             resolved",
            CHECK_HINT,
        ])
        .run();
}

// ---- A setting that cannot be used ----

#[test]
fn a_malformed_proxy_is_an_error_and_no_direct_connection() {
    for (value, reason) in [
        ("socks5://user:hunter2@127.0.0.1:1080", "SOCKS proxies are not supported"),
        ("http://user:hunter2@", "it has no host"),
        ("[::g]:1", "its IPv6 address is malformed"),
        ("http://127.0.0.1:0", "its port is not a number from 1 to 65535"),
        ("http://u:hunter2%0d%0a@127.0.0.1", "its user name or password is malformed"),
    ] {
        for variable in VARIABLES {
            let good = Proxy::http();
            let mut run = to_nowhere().env(variable, value);
            // What comes after it is not taken in its place.
            let place = VARIABLES.iter().position(|name| *name == variable);
            for later in &VARIABLES[place.map_or(0, |place| place + 1)..] {
                run = run.env(later, good.url());
            }
            let message = format!("invalid proxy ({variable} in the environment): {reason}");
            run.fails(78, &message, WRITE_HINT).run();
            assert!(good.requests().is_empty());
        }
    }
}

#[test]
fn a_proxy_that_is_no_utf8_is_an_error() {
    let value = OsStr::from_bytes(b"http://127.0.0.1:1/\xff");
    to_nowhere()
        .env("https_proxy", value)
        .fails(78, "invalid proxy (https_proxy in the environment): it is not valid UTF-8", WRITE_HINT)
        .run();
}

#[test]
fn a_malformed_proxy_that_would_not_be_used_is_no_error() {
    goes_directly(to_nowhere().env("https_proxy", "socks5://127.0.0.1:1").env("no_proxy", "acme.invalid"));
}
