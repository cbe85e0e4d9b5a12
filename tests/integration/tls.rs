//! TLS: which certificates are trusted, that an untrusted server receives nothing, and servers without TLS.

use std::fs::File;
use std::sync::Arc;

use rustls::ServerConfig;

use crate::support::fake::Server;
use crate::support::forbid_reading;
use crate::support::model::Account;
use crate::support::proxy::{Detour, Proxy};
use crate::support::run::Run;
use crate::support::script::AtAccept;
use crate::support::tls::{Authority, NAMES, self_signed};

const EMAIL: &str = "jane@example.com";

const UNKNOWN: [&str; 2] = [
    "the issuer of its certificate is not trusted",
    "if its issuer is your own authority or a proxy that inspects TLS, trust the issuer's certificate with \
     --cacert or SSL_CERT_FILE",
];
const PEM_HINT: &str = "it must contain certificates in PEM form, each between BEGIN and END lines";
const READABLE: &str = "check that the file is there and may be read by this user";

/// A private key, in a file of certificates.
const KEY_BLOCK: &str = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";

fn serve(tls: Arc<ServerConfig>) -> Server {
    Server::https(Account::acme(), tls)
}

/// A server that is trusted through its authority alone.
fn trusted() -> (Authority, Server) {
    let authority = Authority::new();
    let server = serve(authority.server(&NAMES));
    (authority, server)
}

fn run(server: &Server) -> Run {
    Run::new().server(server).arg(EMAIL)
}

/// Expects this failure after one connection, and no request.
#[track_caller]
fn is_not_trusted(server: &Server, run: Run, [why, hint]: [&str; 2]) {
    let outcome = run
        .fails_with(69, &format!("cannot trust 127.0.0.1: {why}"))
        .stderr_contains(&format!("outseta-token: hint: {hint}\n"))
        .run();
    assert_eq!((server.connections(), server.requests().len()), (1, 0), "{outcome}");
}

// ---- Trust ----

#[test]
fn cacert_wins_over_ssl_cert_file_and_neither_adds_to_the_other() {
    let (authority, server) = trusted();
    let cacert = |authority: &Authority| run(&server).arg("--cacert").arg(authority.pem_file());
    run(&server).trust(&authority).prints_a_token();
    cacert(&authority).env("SSL_CERT_FILE", "no/such/file").prints_a_token();
    let other = Authority::new();
    cacert(&other).trust(&authority).fails_with(69, &format!("cannot trust 127.0.0.1: {}", UNKNOWN[0])).run();
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn without_either_no_private_authority_is_trusted() {
    let (_authority, server) = trusted();
    is_not_trusted(&server, run(&server), UNKNOWN);
    let (authority, server) = trusted();
    let folder = authority.pem_file().parent().expect("a folder").to_owned();
    is_not_trusted(&server, run(&server).env("SSL_CERT_FILE", "").env("SSL_CERT_DIR", folder), UNKNOWN);
}

// ---- No trust ----

#[test]
fn an_invalid_certificate_is_not_trusted() {
    let authority = Authority::new();
    let clock = "check this machine's clock; if it is right, the server needs a new certificate";
    let expired = "its certificate has expired\n";
    let premature = "its certificate is not valid yet\n";
    let host = "check the subdomain or base URL, and where its name leads";
    let hosts = ["localhost", "*.outseta.com", "10.0.0.1"];
    let for_hosts = "its certificate is for localhost, *.outseta.com, 10.0.0.1\n";
    let ca = [
        "its certificate is a certificate authority's (CA:TRUE), not a server's\n",
        "make it with: openssl req -x509 … -addext basicConstraints=critical,CA:FALSE -addext \
         subjectAltName=DNS:NAME",
    ];
    for (certificate, failure) in [
        (Authority::new().server(&NAMES), UNKNOWN),
        (self_signed(&NAMES), UNKNOWN),
        (authority.expired(&NAMES), [expired, clock]),
        (authority.premature(&NAMES), [premature, clock]),
        (authority.server(&["other.example"]), ["its certificate is for other.example\n", host]),
        (authority.server(&hosts), [for_hosts, host]),
        (authority.server(&[]), ["its certificate names no host\n", host]),
        (authority.server_as_ca(&NAMES), ca),
    ] {
        let server = serve(certificate);
        is_not_trusted(&server, run(&server).trust(&authority), failure);
    }
}

#[test]
fn through_a_proxy_the_certificate_must_be_for_the_account() {
    let detour = Detour::new(Account::acme());
    let server = serve(detour.authority.server(&["other.outseta.com", "127.0.0.1"]));
    let proxy = Proxy::http().route_all(server.address());
    let message = "cannot trust acme.outseta.com: its certificate is for other.outseta.com, 127.0.0.1\n";
    Run::new().detour(&detour).via_proxy(&proxy).arg(EMAIL).fails_with(69, message).run();
    assert!(server.requests().is_empty());
}

// ---- CA files ----

/// Runs with this CA file, named in each of the two ways.
fn with_ca_file(server: &Server, contents: &[u8], check: impl Fn(Run, &str)) {
    let named = |run: Run| run.file("ca.pem", contents);
    check(named(run(server)).args(["--cacert", "ca.pem"]), "ca.pem (--cacert)");
    check(named(run(server)).env("SSL_CERT_FILE", "ca.pem"), "ca.pem (SSL_CERT_FILE)");
}

#[test]
fn one_of_several_blocks_in_the_file_is_enough() {
    let (authority, server) = trusted();
    let (other, pem) = (Authority::new().pem(), authority.pem());
    let text = format!("{KEY_BLOCK}# Authorities\n\n{other}\nSubject: the one\n{pem}").replace('\n', "\r\n");
    // A comment may have any encoding.
    let contents = [b"# Autorit\xe9 de certification\n", text.as_bytes()].concat();
    with_ca_file(&server, &contents, |run, _| drop(run.prints_a_token()));
}

#[test]
fn a_file_without_a_valid_certificate_is_an_invalid_setting() {
    let (authority, server) = trusted();
    let good = authority.pem();
    let none = "it contains no certificate";
    let certificate = "a certificate in it is malformed";
    for (pem, why) in [
        (String::new(), none),
        ("no certificate\n".to_owned(), none),
        (KEY_BLOCK.to_owned(), none),
        // As `openssl x509 -trustout` writes it.
        (good.replace("CERTIFICATE", "TRUSTED CERTIFICATE"), none),
        (authority.damaged_pem(), certificate),
        (good.clone() + &authority.damaged_pem(), certificate),
        (authority.damaged_pem() + &good, certificate),
        (good.replace("MII", "M!I"), certificate),
        (good.replace("-----END", "----END"), certificate),
        (good[..good.len() / 2].to_owned(), certificate),
        (good.clone() + &good[..good.len() / 2], certificate),
        ("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n".to_owned(), certificate),
    ] {
        with_ca_file(&server, pem.as_bytes(), |run, file| {
            run.fails(78, &format!("invalid CA file (the file {file}): {why}"), PEM_HINT).run();
        });
    }
    assert_eq!(server.connections(), 0);
}

#[test]
fn a_file_that_is_too_large_or_cannot_be_read_is_refused() {
    let (_authority, server) = trusted();
    with_ca_file(&server, b"", |run, file| {
        let path = run.work().join("ca.pem");
        let sparse = File::options().write(true).open(path).expect("it opens");
        sparse.set_len(16 * 1024 * 1024 + 1).expect("it is extended");
        let message = format!("invalid CA file (the file {file}): the file is larger than 16384 KiB");
        run.fails(78, &message, "check that it is the right file").run();
    });
    with_ca_file(&server, b"", |run, file| {
        if forbid_reading(&run.work().join("ca.pem")) {
            run.fails(66, &format!("cannot read the file {file}: permission denied"), READABLE).run();
        }
    });
    for (path, why) in [("none.pem", "no such file or directory"), (".", "is a directory")] {
        let message = |source| format!("cannot read the file {path} ({source}): {why}");
        run(&server).args(["--cacert", path]).fails(66, &message("--cacert"), READABLE).run();
        run(&server).env("SSL_CERT_FILE", path).fails(66, &message("SSL_CERT_FILE"), READABLE).run();
    }
    assert_eq!(server.connections(), 0);
}

// ---- No TLS ----

#[test]
fn plain_http_on_a_tls_port_is_not_retried() {
    let (authority, server) = trusted();
    server.always_on_accept(AtAccept::PlainHttp);
    let message = "TLS handshake with 127.0.0.1 failed: received corrupt message of type InvalidContentType";
    let hint = "check the host and the port: the server there may not speak TLS";
    run(&server).trust(&authority).fails(69, message, hint).run();
    assert_eq!(server.connections(), 1);
}

#[test]
fn a_host_that_no_certificate_can_name_gets_no_tls() {
    let detour = Detour::new(Account::acme());
    Run::new()
        .detour(&detour)
        .args(["--base-url", "https://256.256.256.256", EMAIL])
        .fails_with(69, "TLS handshake with 256.256.256.256 failed: ")
        .run();
    assert!(detour.server.requests().is_empty());
}

#[test]
fn a_handshake_that_is_cut_is_retried() {
    for behaviour in
        [AtAccept::Close, AtAccept::Reset, AtAccept::CutHandshake(5), AtAccept::CutHandshake(500)]
    {
        let (authority, server) = trusted();
        server.on_accept(behaviour);
        run(&server).trust(&authority).prints_a_token();
        assert_eq!((server.connections(), server.requests().len()), (2, 1));
    }
}
