//! Settings: each source reaches the request, and a missing or malformed setting is named without its value.
//! (Unit tests cover values and precedence. Env files, prompts, TLS and proxies have their own modules.)

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};

use crate::support::fake::Server;
use crate::support::proxy::Proxy;
use crate::support::run::Run;
use crate::support::tls::Authority;
use crate::support::{KEY, SECRET, forbid_reading};

const JANE: &str = "jane@example.com";
const COPY: &str = "copy it again from Settings > Integrations > API Keys in Outseta";
const READABLE: &str = "check that the file is there and may be read by this user";
const MADE: &str = "a key is made in Outseta under Settings > Integrations > API Keys";
const NO_SUBDOMAIN: &str = "subdomain (OUTSETA_SUBDOMAIN or --subdomain)";
const NO_KEY: &str = "API key (OUTSETA_API_KEY or OUTSETA_API_KEY_FILE)";
const NO_SECRET: &str = "API secret (OUTSETA_API_SECRET or OUTSETA_API_SECRET_FILE)";

/// A run that has every setting.
fn configured() -> Run {
    Run::new().credentials().env("OUTSETA_SUBDOMAIN", "acme")
}

/// The lines of `-v` about settings. The run ends before any request, since the output file cannot be
/// created.
#[track_caller]
fn described(run: Run) -> Vec<String> {
    let outcome = run.args(["-v", "-o", "missing/file", JANE]).outcome();
    assert_eq!(outcome.status, Some(73), "{outcome}");
    let lines = outcome.stderr.lines().map(|line| line.strip_prefix("outseta-token: ").expect("the prefix"));
    lines.take_while(|line| !line.starts_with("cannot create")).map(str::to_owned).collect()
}

/// The Authorization header of a run's request.
#[track_caller]
fn authorization(run: Run) -> String {
    let server = Server::generous();
    run.env("OUTSETA_BASE_URL", server.url()).args(["-r", JANE]).stdout("t0ken\n").run();
    let request = server.requests().pop().expect("a request");
    request.header("authorization").expect("a key").to_owned()
}

/// A run whose key is in this file.
fn key_file(path: impl AsRef<OsStr>) -> Run {
    configured().env_remove("OUTSETA_API_KEY").env("OUTSETA_API_KEY_FILE", path)
}

#[test]
fn verbose_lists_every_setting_with_its_source() {
    let authority = Authority::new();
    let run = Run::new()
        .args(["-e", "file.env", "-s", "option", "--cacert", "ca.pem"])
        .file("file.env", "OUTSETA_SUBDOMAIN=file\nOUTSETA_API_SECRET=secret-of-file\n")
        .file("key", "contents-of-path\n")
        .file("ca.pem", authority.pem())
        .env("OUTSETA_BASE_URL", "https://environment.example")
        .env("OUTSETA_API_KEY_FILE", "key")
        .env("OUTSETA_API_SECRET", "of-the-environment")
        .env("SSL_CERT_FILE", "missing")
        .env("all_proxy", "user:hunter2@proxy.example:3128");
    assert_eq!(
        described(run),
        [
            "base URL: https://option.outseta.com (--subdomain)",
            "API key: cont… (the file key (OUTSETA_API_KEY_FILE))",
            "API secret: [hidden], 14 characters (OUTSETA_API_SECRET in file.env)",
            "roots: the file ca.pem (--cacert)",
            "proxy: http://proxy.example:3128 (all_proxy in the environment)",
        ]
    );
    let run = configured().env("SSL_CERT_FILE", "ca.pem").file("ca.pem", authority.pem());
    assert_eq!(described(run)[3..], ["roots: the file ca.pem (SSL_CERT_FILE)", "proxy: none"]);
}

#[test]
fn credentials_are_sent_as_they_are() {
    let run = || Run::new().env("OUTSETA_API_KEY", "k");
    let secret = "!#$%&()*+,-./:;=?@[\\]^_|~";
    assert_eq!(authorization(run().env("OUTSETA_API_SECRET", secret)), format!("Outseta k:{secret}"));
    let file = run().file("file", "in:file\r\n").env("OUTSETA_API_SECRET_FILE", "file");
    assert_eq!(authorization(file), "Outseta k:in:file");
    let piped = Run::new().stdin(format!("{KEY}\n")).env("OUTSETA_API_KEY_FILE", "/dev/stdin");
    assert_eq!(authorization(piped.env("OUTSETA_API_SECRET", SECRET)), format!("Outseta {KEY}:{SECRET}"));
}

#[test]
fn every_missing_setting_is_named_at_once() {
    let named = format!("not configured: {NO_SUBDOMAIN}, {NO_KEY}, {NO_SECRET}");
    let run = Run::new().env("XDG_CONFIG_HOME", "/dev/null").arg(JANE);
    let place = "in the environment or in /dev/null/outseta-token/env (no such file)";
    run.fails(78, &named, &format!("set them {place}; {MADE}")).run();
    // If one alone is missing, the hint is about it.
    for (missing, named, hint) in [
        ("OUTSETA_SUBDOMAIN", NO_SUBDOMAIN, "it is acme for https://acme.outseta.com"),
        ("OUTSETA_API_KEY", NO_KEY, MADE),
        ("OUTSETA_API_SECRET", NO_SECRET, "Outseta shows it once, when the key is made"),
    ] {
        let run = configured().env("XDG_CONFIG_HOME", "/dev/null").env_remove(missing).arg(JANE);
        let hint = format!("set {missing} {place}; {hint}");
        run.fails(78, &format!("not configured: {named}"), &hint).run();
    }
}

#[test]
fn an_empty_variable_is_named() {
    for (variable, name) in [
        ("OUTSETA_SUBDOMAIN", "subdomain"),
        ("OUTSETA_BASE_URL", "subdomain"),
        ("OUTSETA_API_KEY", "API key"),
        ("OUTSETA_API_SECRET_FILE", "API secret"),
    ] {
        let part = format!("{name} ({variable} is set but empty)");
        Run::new().env(variable, "").arg(JANE).status(78).stderr_contains(&part).run();
    }
}

#[test]
fn a_malformed_setting_is_named_without_its_value() {
    let url = "plain http would send the key unencrypted: use https";
    let looks = "a base URL looks like https://auth.example.com";
    let name = "it is not NAME.outseta.com";
    let subdomain = "it is acme for https://acme.outseta.com";
    let line = "it contains a line break: check for a missing closing quote or a second line";
    let proxy = "write http://host:port; no_proxy names hosts to reach directly";
    for (variable, value, what, why, hint) in [
        ("OUTSETA_BASE_URL", "http://hunter2.example", "base URL", url, looks),
        ("OUTSETA_SUBDOMAIN", "hunter2.example", "subdomain", name, subdomain),
        ("OUTSETA_API_KEY", "hunter2 ", "API key", "it contains a space", COPY),
        ("OUTSETA_API_SECRET", "hunter2\r\nX-Forged: yes", "API secret", line, COPY),
        ("https_proxy", "socks5://hunter2", "proxy", "SOCKS proxies are not supported", proxy),
    ] {
        let message = format!("invalid {what} ({variable} in the environment): {why}");
        configured().env(variable, value).arg(JANE).fails(78, &message, hint).run();
        let bad = OsStr::from_bytes(b"hunter\xff2");
        let message = format!("invalid {what} ({variable} in the environment): it is not valid UTF-8");
        configured().env(variable, bad).arg(JANE).fails(78, &message, hint).run();
    }
    for (option, value, what, why, hint) in [
        ("--base-url", "http://hunter2.example", "base URL", url, looks),
        ("--subdomain", "hunter2.example", "subdomain", name, subdomain),
    ] {
        let run = configured().args([option, value, JANE]);
        run.fails(64, &format!("invalid {what} ({option}): {why}"), hint).run();
    }
    // It is reported even if another setting is missing.
    let run = Run::new().env("OUTSETA_API_SECRET", "a b").arg(JANE);
    let message = "invalid API secret (OUTSETA_API_SECRET in the environment): it contains a space";
    run.fails(78, message, COPY).run();
}

/// It may be a key or secret, so it must not reach a name server.
#[test]
fn a_subdomain_that_looks_like_a_credential_is_refused_unseen() {
    let proxy = Proxy::http();
    let message = "invalid subdomain (OUTSETA_SUBDOMAIN in the environment): it looks like an API key or \
        secret: check which value is in which variable";
    for name in [KEY, SECRET, &"0fa5".repeat(8)] {
        let run = configured().env("OUTSETA_SUBDOMAIN", name).via_proxy(&proxy).arg(JANE);
        run.fails(78, message, "it is acme for https://acme.outseta.com").run();
    }
    assert!(proxy.requests().is_empty());
}

#[test]
fn a_credentials_file_that_cannot_be_used_is_named() {
    let empty = "invalid API key (the file key (OUTSETA_API_KEY_FILE)): the file is empty";
    let once = "check what writes it; a pipe such as <(…) can be read only once";
    key_file("key").file("key", "").arg(JANE).fails(78, empty, once).run();
    let blank = "invalid API key (the file key (OUTSETA_API_KEY_FILE)): it is blank";
    key_file("key").file("key", "\n").arg(JANE).fails(78, blank, COPY).run();
    let endless =
        "invalid API key (the file /dev/zero (OUTSETA_API_KEY_FILE)): the file is larger than 64 KiB";
    key_file("/dev/zero").arg(JANE).fails(78, endless, "check that it is the right file").run();
    let missing = "cannot read the file that OUTSETA_API_KEY_FILE names: no such file or directory";
    key_file("key").arg(JANE).fails(66, missing, READABLE).run();
    let run = key_file("key").file("key", KEY);
    if forbid_reading(&run.work().join("key")) {
        let message = "cannot read the file key (OUTSETA_API_KEY_FILE): permission denied";
        run.arg(JANE).fails(66, message, READABLE).run();
    }
}

#[test]
fn a_path_in_a_message_cannot_forge_a_line() {
    let path = "key\noutseta-token: \u{1b}[31mforged\u{202e}";
    let shown = r"the file key\noutseta-token: \u{1b}[31mforged\u{202e} (OUTSETA_API_KEY_FILE)";
    let message = format!("invalid API key ({shown}): it is blank");
    key_file(path).file(path, "\n").arg(JANE).fails(78, &message, COPY).run();
    let run = key_file(path).file(path, "123456789");
    assert_eq!(described(run)[1], format!("API key: 1234… ({shown})"));
    let run = Run::new().file(path, "OUTSETA_SUBDOMAIN=a\n").credentials().args(["-e", path]);
    assert!(described(run)[0].ends_with(r"in key\noutseta-token: \u{1b}[31mforged\u{202e})"));
    // A path need not be UTF-8.
    let name = OsString::from_vec(b"key\xff".to_vec());
    let run = key_file(&name);
    fs::write(run.work().join(&name), "123456789").expect("it is written");
    assert_eq!(described(run)[1], "API key: 1234… (the file key\u{fffd} (OUTSETA_API_KEY_FILE))");
}
