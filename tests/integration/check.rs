//! `--check`: a line for each setting and step, the status of a token request, and no token made.

use crate::support::fake::Server;
use crate::support::http::Response;
use crate::support::listener::dead_address;
use crate::support::model::{Account, cloudflare};
use crate::support::proxy::{Behaviour, Detour, Proxy};
use crate::support::pty::Streams;
use crate::support::run::Run;
use crate::support::script::{AtAccept, Endpoint, Fault};
use crate::support::tls::{Authority, NAMES};
use crate::support::{KEY, SECRET, set_mode};

const ACME: &str = "base URL: https://acme.outseta.com (OUTSETA_SUBDOMAIN in the environment)";
const KEY_LINE: &str = "API key: KQx7… (OUTSETA_API_KEY in the environment)";
const SECRET_LINE: &str = "API secret: [hidden], 28 characters (OUTSETA_API_SECRET in the environment)";

const KEY_OK: &str = "key: ok (whether it may make tokens is not tested)";

const NO_BASE: &str = "base URL: not configured: subdomain (OUTSETA_SUBDOMAIN or --subdomain); hint: set \
    OUTSETA_SUBDOMAIN in the environment or in /dev/null/outseta-token/env (no such file); it is acme for \
    https://acme.outseta.com";
const NO_KEY: &str = "API key: not configured: API key (OUTSETA_API_KEY or OUTSETA_API_KEY_FILE); hint: set \
    OUTSETA_API_KEY in the environment or in /dev/null/outseta-token/env (no such file); a key is made in \
    Outseta under Settings > Integrations > API Keys";
const NO_SECRET: &str = "API secret: not configured: API secret (OUTSETA_API_SECRET or \
    OUTSETA_API_SECRET_FILE); hint: set OUTSETA_API_SECRET in the environment or in \
    /dev/null/outseta-token/env (no such file); Outseta shows it once, when the key is made";

/// Without an env file of the user's own, in a place with a short name.
fn check() -> Run {
    Run::new().env("XDG_CONFIG_HOME", "/dev/null").args(["--check", "--retries", "0"])
}

/// All settings of `acme`, which no server is started for.
fn acme(run: Run) -> Run {
    run.credentials().env("OUTSETA_SUBDOMAIN", "acme")
}

fn lines(lines: &[&str]) -> String {
    lines.join("\n") + "\n"
}

/// Expects this status from a check and from a token request with these settings, and no token from the
/// check.
#[track_caller]
fn fails_like_a_request(status: i32, line: &str, settings: impl Fn(Run) -> Run, servers: &[&Server]) {
    let checked = settings(check()).outcome();
    let posts = |server: &&Server| {
        let requests = server.requests();
        requests.iter().filter(|request| request.method != "GET").count()
    };
    assert_eq!(servers.iter().map(posts).sum::<usize>(), 0, "{checked}");
    assert_eq!(checked.status, Some(status), "{checked}");
    let text = checked.stdout_text();
    assert!(text.lines().any(|shown| shown.starts_with(line)), "it should have a line {line:?}\n{checked}");
    let names: Vec<_> = text.lines().map(|line| line.split(": ").next()).collect();
    assert!((1..names.len()).all(|at| !names[..at].contains(&names[at])), "a line each\n{checked}");
    assert_eq!(checked.stderr, "", "{checked}");
    let request = settings(Run::new().args(["--retries", "0", "jane@example.com"])).outcome();
    assert_eq!(request.status, Some(status), "{request}");
}

mod success {
    use super::*;

    /// Expects these lines about the settings and TLS, and that all steps are ok.
    #[track_caller]
    fn passes(run: Run, settings: [&str; 5], tls: &str) {
        let steps = ["name and connection: ok", tls, "account: ok", KEY_OK];
        run.stdout(lines(&[&settings[..], &steps].concat())).run();
    }

    #[test]
    fn each_setting_is_shown_with_its_source_and_each_step_is_ok() {
        let detour = Detour::new(Account::acme());
        let roots = format!("roots: the file {} (SSL_CERT_FILE)", detour.authority.pem_file().display());
        let proxy = format!("proxy: {} (https_proxy in the environment)", detour.proxy.url());
        let run = check().detour(&detour).env("https_proxy", detour.proxy.url_with("user:hunter2"));
        passes(run, [ACME, KEY_LINE, SECRET_LINE, &roots, &proxy], "TLS: ok");
        let requests = detour.server.requests();
        let targets: Vec<_> = requests.iter().map(|request| (&*request.method, &*request.target)).collect();
        let read_with_key = "/api/v1/billing/planfamilies?limit=1&fields=Uid";
        assert_eq!(targets, [("GET", "/.well-known/jwks"), ("GET", read_with_key)]);
        let with_key: Vec<_> = requests.iter().map(|r| r.header("authorization").is_some()).collect();
        assert_eq!(with_key, [false, true]);
    }

    #[test]
    fn settings_from_options_and_files_are_named() {
        let authority = Authority::new();
        let server = Server::https(Account::acme(), authority.server(&NAMES));
        let url = server.url();
        let run = check().args(["--base-url", &url, "-e", "env", "--cacert"]).arg(authority.pem_file());
        let run = run.env("OUTSETA_API_KEY_FILE", "key").private_file("key", KEY);
        passes(
            run.private_file("env", format!("OUTSETA_API_SECRET={SECRET}\n")),
            [
                &format!("base URL: {url} (--base-url)"),
                "API key: KQx7… (the file key (OUTSETA_API_KEY_FILE))",
                "API secret: [hidden], 28 characters (OUTSETA_API_SECRET in env)",
                &format!("roots: the file {} (--cacert)", authority.pem_file().display()),
                "proxy: none",
            ],
            "TLS: ok",
        );
    }

    #[test]
    fn a_loopback_host_needs_no_tls() {
        let server = Server::http(Account::acme());
        let base_url = format!("base URL: {} (OUTSETA_BASE_URL in the environment)", server.url());
        let settings = [&*base_url, KEY_LINE, SECRET_LINE, "roots: built in", "proxy: none"];
        passes(check().server(&server).arg("-q"), settings, "TLS: none (plain http to this machine)");
    }
}

mod missing_and_malformed_settings {
    use super::*;

    #[test]
    fn each_missing_setting_has_its_line_and_no_prompt() {
        let all = lines(&[NO_BASE, NO_KEY, NO_SECRET, "roots: built in"]);
        let outcome = check().on_terminal(Streams::ALL).outcome();
        assert_eq!(outcome.terminal, all.replace('\n', "\r\n"));
        assert_eq!(outcome.status, Some(78), "{outcome}");
    }

    #[test]
    fn each_setting_that_cannot_be_used_has_its_line_and_the_status_of_a_request() {
        for (name, value, status, line) in [
            (
                "OUTSETA_API_KEY",
                "a:b",
                78,
                "API key: invalid API key (OUTSETA_API_KEY in the environment): it contains a colon: the \
                 part before it is the key, the part after it is the secret; hint: copy it again from \
                 Settings > Integrations > API Keys in Outseta",
            ),
            ("OUTSETA_API_SECRET", "a b", 78, "API secret: invalid API secret (OUTSETA_API_SECRET in the "),
            (
                "OUTSETA_API_KEY_FILE",
                "missing",
                66,
                "API key: cannot read the file that OUTSETA_API_KEY_FILE ",
            ),
            ("OUTSETA_API_SECRET_FILE", "missing", 66, "API secret: cannot read the file that OUTSETA_API_"),
            ("OUTSETA_SUBDOMAIN", "ac me", 78, "base URL: invalid subdomain (OUTSETA_SUBDOMAIN in the "),
            ("OUTSETA_BASE_URL", "http://a.example", 78, "base URL: invalid base URL (OUTSETA_BASE_URL in "),
            ("https_proxy", "socks5://x", 78, "proxy: invalid proxy (https_proxy in the environment): "),
            (
                "SSL_CERT_FILE",
                "missing",
                66,
                "roots: cannot read the file missing (SSL_CERT_FILE): no such file or directory; hint: \
                 check that the file is there and may be read by this user",
            ),
            (
                "SSL_CERT_FILE",
                "/dev/null",
                78,
                "roots: invalid CA file (the file /dev/null (SSL_CERT_FILE)): it contains no certificate; ",
            ),
        ] {
            // A file counts only if the variable for the value itself is not set.
            let settings = |run: Run| acme(run).env_remove(name.trim_end_matches("_FILE")).env(name, value);
            fails_like_a_request(status, line, settings, &[]);
        }
    }

    #[test]
    fn with_several_faults_the_status_is_that_of_a_request() {
        let no_base = |run: Run| run.env("OUTSETA_API_KEY_FILE", "missing").env("OUTSETA_API_SECRET", SECRET);
        fails_like_a_request(66, NO_BASE, no_base, &[]);
        let no_key = |run: Run| acme(run).env_remove("OUTSETA_API_KEY").env("SSL_CERT_FILE", "missing");
        fails_like_a_request(66, NO_KEY, no_key, &[]);
        let proxy = |run: Run| no_key(run).env("https_proxy", "socks5://127.0.0.1:1");
        fails_like_a_request(78, "proxy: invalid proxy ", proxy, &[]);
    }
}

mod failed_steps {
    use super::*;

    #[test]
    fn connection() {
        let dead = dead_address();
        let settings = |run: Run| run.credentials().env("OUTSETA_BASE_URL", format!("http://{dead}"));
        let line = format!("name and connection: cannot connect to {dead}: connection refused; hint: check ");
        fails_like_a_request(69, &line, settings, &[]);
    }

    #[test]
    fn proxy() {
        let proxy = Proxy::http();
        proxy.behave(Behaviour::Refuse(407));
        let line = "name and connection: the proxy refused to connect to acme.outseta.com (407); hint: ";
        fails_like_a_request(69, line, |run: Run| acme(run).via_proxy(&proxy), &[]);
    }

    /// The connection was made.
    #[test]
    fn no_response() {
        let server = Server::http(Account::acme());
        for (fault, failure) in [
            (Fault::Stall, "no response from 127.0.0.1 within 1 s; hint: try again, or raise --timeout\n"),
            (Fault::CloseAfter(0), "the connection to 127.0.0.1 was lost before the response was complete; "),
        ] {
            server.on(Endpoint::Jwks, fault);
            let line = format!(
                "name and connection: ok\nTLS: none (plain http to this machine)\naccount: {failure}"
            );
            check().server(&server).args(["--timeout", "1s"]).status(69).stdout_contains(&line).run();
        }
        assert_eq!(server.requests().len(), 2);
    }

    #[test]
    fn no_connection_in_time() {
        let authority = Authority::new();
        let server = Server::https(Account::acme(), authority.server(&NAMES));
        server.always_on_accept(AtAccept::Silent);
        let line =
            format!("proxy: none\nname and connection: cannot connect to {} within 0.5 s", server.address());
        let run = check().server(&server).trust(&authority).args(["--timeout", "1500ms"]);
        run.status(69).stdout_contains(&line).run();
    }

    #[test]
    fn tls() {
        let (authority, other) = (Authority::new(), Authority::new());
        let server = Server::https(Account::acme(), authority.server(&NAMES));
        let untrusted = |run: Run| run.server(&server).trust(&other);
        let line = "TLS: cannot trust 127.0.0.1: the issuer of its certificate is not trusted; hint: ";
        fails_like_a_request(69, line, untrusted, &[&server]);
        let checked = untrusted(check()).outcome();
        assert!(checked.stdout_text().contains("\nname and connection: ok\nTLS: "), "{checked}");
        server.always_on_accept(AtAccept::PlainHttp);
        let plain = |run: Run| run.server(&server).trust(&authority);
        let line = "TLS: TLS handshake with 127.0.0.1 failed: ";
        fails_like_a_request(69, line, plain, &[&server]);
    }

    #[test]
    fn account() {
        let detour = Detour::new(Account::acme());
        let settings = |run: Run| run.detour(&detour).env("OUTSETA_SUBDOMAIN", "acmee");
        let line = "account: no Outseta account at acmee.outseta.com; hint: ";
        fails_like_a_request(68, line, settings, &[&detour.server]);
        let checked = settings(check()).outcome();
        assert!(!checked.stdout_text().contains("\nkey: "), "{checked}");
    }

    #[test]
    fn key() {
        for (name, value) in [("OUTSETA_API_KEY", "KQx7"), ("OUTSETA_API_SECRET", "wrong")] {
            let server = Server::http(Account::acme());
            let line = "key: Outseta rejected the API key (403): key from OUTSETA_API_KEY in ";
            fails_like_a_request(78, line, |run| run.server(&server).env(name, value), &[&server]);
        }
        let server = Server::http(Account::acme());
        server.on(Endpoint::PlanFamilies, Response::empty(500));
        let line = "account: ok\nkey: Outseta is temporarily unavailable (500); hint: ";
        check().server(&server).status(75).stdout_contains(line).run();
    }

    #[test]
    fn another_kind_of_response() {
        for (response, status, line) in [
            (Response::empty(503), 75, "Outseta is temporarily unavailable (503); hint: try again later"),
            (
                Response::empty(429).header("Retry-After", "60"),
                75,
                "rate limit exceeded (429); hint: Outseta asks to wait 60 s",
            ),
            (
                Response::redirect(302, "https://x.example/login?key=1"),
                76,
                "the response is a redirect (302) to https://x.example/login; ",
            ),
            (cloudflare(403), 76, "the response (403) is an HTML page, not from the API; hint: "),
            (
                Response::text(200, "[]"),
                76,
                "unexpected response (200); hint: check the base URL, or run again with -v",
            ),
        ] {
            let server = Server::http(Account::acme());
            server.always(Endpoint::Any, response);
            fails_like_a_request(status, &format!("account: {line}"), |run| run.server(&server), &[&server]);
        }
    }

    /// The JWKS are public and read without the key, so a refusal says nothing about it.
    #[test]
    fn public_keys_that_are_refused() {
        let server = Server::http(Account::acme());
        server.on(Endpoint::Jwks, Response::text(403, &format!("{KEY}:{SECRET}")));
        let line = "account: unexpected response (403): [hidden]:[hidden]; hint: ";
        check().server(&server).status(76).stdout_contains(line).run();
    }
}

mod files_with_secrets {
    use super::*;

    /// Expects a check that passes, with a warning about each of these files.
    #[track_caller]
    fn warns_of(run: Run, server: &Server, paths: &[&str]) {
        let warning = |path: &&str| {
            format!(
                "outseta-token: warning: {path} can be read or written by group or others\n\
                 outseta-token: hint: run: chmod 600 {path}\n"
            )
        };
        let warnings: String = paths.iter().map(warning).collect();
        run.args(["--base-url", &server.url()]).stdout_contains(KEY_OK).stderr(warnings).run();
    }

    #[test]
    fn a_file_that_others_may_read_gives_a_warning() {
        let server = Server::http(Account::acme());
        for (key_mode, secret_mode, warned) in [
            (0o600, 0o400, &[][..]),
            (0o640, 0o600, &["key"]),
            (0o600, 0o604, &["secret"]),
            (0o644, 0o444, &["key", "secret"]),
            (0o611, 0o622, &["secret"]),
        ] {
            let run = check().env("OUTSETA_API_KEY_FILE", "key").env("OUTSETA_API_SECRET_FILE", "secret");
            let run = run.file("key", KEY).file("secret", SECRET);
            set_mode(&run.work().join("key"), key_mode);
            set_mode(&run.work().join("secret"), secret_mode);
            warns_of(run, &server, warned);
        }
    }

    #[test]
    fn an_env_file_gives_one_warning_if_it_has_secrets() {
        let server = Server::http(Account::acme());
        let secrets = format!("OUTSETA_API_KEY={KEY}\nOUTSETA_API_SECRET={SECRET}\n");
        let run = check().env_remove("XDG_CONFIG_HOME").home_file(".config/outseta-token/env", &secrets);
        let path = run.home().join(".config/outseta-token/env");
        set_mode(&path, 0o644);
        warns_of(run, &server, &[path.to_str().expect("a path in UTF-8")]);
        for (text, warned) in [(&*secrets, &["env"][..]), ("OUTSETA_SUBDOMAIN=acme\n", &[])] {
            let run = check().args(["-e", "env"]).file("env", text);
            set_mode(&run.work().join("env"), 0o604);
            let run = if warned.is_empty() { run.credentials() } else { run };
            warns_of(run, &server, warned);
        }
    }
}
