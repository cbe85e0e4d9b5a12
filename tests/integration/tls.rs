//! Certificates: which authorities are trusted, which servers are not, and that an untrusted one is
//! told nothing; and what else can answer where TLS is expected.

use std::sync::Arc;

use rustls::ServerConfig;

use crate::support::fake::Server;
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
const SPEAK_HINT: &str =
    "outseta-token: hint: check the host and the port: the server there may not speak TLS";
const PEM_HINT: &str = "it must contain certificates in PEM form, each between BEGIN \
     and END lines";

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

/// It ends so after one connection, over which nothing was told.
#[track_caller]
fn is_not_trusted(server: &Server, run: Run, [why, hint]: [&str; 2]) {
    let outcome = run
        .status(69)
        .stderr_contains(&format!("outseta-token: cannot trust 127.0.0.1: {why}"))
        .stderr_contains(&format!("outseta-token: hint: {hint}\n"))
        .run();
    assert_eq!(
        (server.connections(), server.requests().len()),
        (1, 0),
        "it is not repeated, and the key is not sent\n{outcome}"
    );
}

// ---- Trust ----

#[test]
fn cacert_and_ssl_cert_file_name_whom_to_trust() {
    let (authority, server) = trusted();
    run(&server).env("SSL_CERT_FILE", authority.pem_file()).stdout_contains("access_token").run();
    run(&server).arg("--cacert").arg(authority.pem_file()).stdout_contains("access_token").run();
}

#[test]
fn cacert_wins_over_ssl_cert_file_and_neither_adds_to_the_other() {
    let (authority, server) = trusted();
    run(&server)
        .env("SSL_CERT_FILE", "no/such/file")
        .arg("--cacert")
        .arg(authority.pem_file())
        .stdout_contains("access_token")
        .run();
    let other = Authority::new();
    let server = serve(authority.server(&NAMES));
    is_not_trusted(
        &server,
        run(&server).env("SSL_CERT_FILE", authority.pem_file()).arg("--cacert").arg(other.pem_file()),
        UNKNOWN,
    );
}

#[test]
fn without_either_the_built_in_roots_are_trusted_and_no_others() {
    let (_authority, server) = trusted();
    is_not_trusted(&server, run(&server), UNKNOWN);
    let (authority, server) = trusted();
    let system = run(&server)
        .env("SSL_CERT_FILE", "")
        .env("SSL_CERT_DIR", authority.pem_file().parent().expect("a folder"));
    is_not_trusted(&server, system, UNKNOWN);
}

#[test]
fn one_of_several_certificates_in_the_file_is_enough() {
    let (authority, server) = trusted();
    let pem = format!("# Authorities\n\n{}\nSubject: the one\n{}", Authority::new().pem(), authority.pem());
    run(&server)
        .file("ca.pem", pem.replace('\n', "\r\n"))
        .args(["--cacert", "ca.pem"])
        .stdout_contains("access_token")
        .run();
}

// ---- No trust ----

#[test]
fn an_unknown_authority_is_not_trusted() {
    let server = serve(Authority::new().server(&NAMES));
    is_not_trusted(&server, run(&server).trust(&Authority::new()), UNKNOWN);
}

#[test]
fn a_certificate_that_vouches_for_itself_is_not_trusted() {
    let server = serve(self_signed(&NAMES));
    is_not_trusted(&server, run(&server).trust(&Authority::new()), UNKNOWN);
}

#[test]
fn an_expired_or_premature_certificate_is_not_trusted() {
    let authority = Authority::new();
    let server = serve(authority.expired(&NAMES));
    let clock = "check this machine's clock; if it is right, the server needs a new certificate";
    let expired = "its certificate expired on 2001-01-01; the clock says 20";
    is_not_trusted(&server, run(&server).trust(&authority), [expired, clock]);
    let server = serve(authority.premature(&NAMES));
    let premature = "its certificate is valid from 2201-01-01; the clock says 20";
    is_not_trusted(&server, run(&server).trust(&authority), [premature, clock]);
}

#[test]
fn another_hosts_certificate_is_not_trusted() {
    let authority = Authority::new();
    for (names, why) in [
        (&["other.example"][..], "its certificate is for other.example\n"),
        (
            &["localhost", "*.outseta.com", "10.0.0.1"],
            "its certificate is for localhost, *.outseta.com, 10.0.0.1\n",
        ),
        (&[], "its certificate names no host\n"),
    ] {
        let server = serve(authority.server(names));
        let hint = "check the subdomain or base URL, and where its name leads";
        is_not_trusted(&server, run(&server).trust(&authority), [why, hint]);
    }
}

#[test]
fn a_certificate_authoritys_certificate_is_no_servers() {
    let authority = Authority::new();
    let server = serve(authority.server_as_ca(&NAMES));
    is_not_trusted(
        &server,
        run(&server).trust(&authority),
        [
            "its certificate is a certificate authority's (CA:TRUE), not a server's\n",
            "make it with: openssl req -x509 … -addext basicConstraints=critical,CA:FALSE -addext \
             subjectAltName=DNS:NAME",
        ],
    );
}

#[test]
fn the_certificate_must_be_for_the_account_behind_a_proxy_too() {
    let detour = Detour::new(Account::acme());
    let server = serve(detour.authority.server(&["other.outseta.com", "127.0.0.1"]));
    let proxy = Proxy::http().route_all(server.address());
    Run::new()
        .detour(&detour)
        .via_proxy(&proxy)
        .arg(EMAIL)
        .status(69)
        .stderr_contains(
            "cannot trust acme.outseta.com: its certificate is for other.outseta.com, 127.0.0.1\n",
        )
        .run();
    assert!(server.requests().is_empty());
}

// ---- Files that hold no authority ----

#[test]
fn a_file_without_a_good_certificate_is_a_wrong_setting() {
    let (authority, server) = trusted();
    let good = authority.pem();
    let key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    let none = "it contains no certificate";
    let block = "a block in it is malformed";
    let certificate = "a certificate in it is malformed";
    for (pem, why) in [
        (String::new(), none),
        ("no certificate\n".to_owned(), none),
        (key.to_owned(), none),
        (authority.damaged_pem(), certificate),
        (good.clone() + &authority.damaged_pem(), certificate),
        (authority.damaged_pem() + &good, certificate),
        (good.replace("MII", "M!I"), block),
        (good.replace("-----END", "----END"), block),
        (good[..good.len() / 2].to_owned(), block),
        (good.clone() + &good[..good.len() / 2], block),
        ("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n".to_owned(), certificate),
    ] {
        let run = || run(&server).file("ca.pem", &pem);
        let message = |source| format!("invalid CA file (the file ca.pem ({source})): {why}");
        run().args(["--cacert", "ca.pem"]).fails(78, &message("--cacert"), PEM_HINT).run();
        run().env("SSL_CERT_FILE", "ca.pem").fails(78, &message("SSL_CERT_FILE"), PEM_HINT).run();
    }
    assert_eq!(server.connections(), 0);
}

#[test]
fn a_key_beside_the_certificate_does_no_harm() {
    let (authority, server) = trusted();
    let key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    run(&server)
        .file("ca.pem", key.to_owned() + &authority.pem())
        .args(["--cacert", "ca.pem"])
        .stdout_contains("access_token")
        .run();
}

#[test]
fn a_file_that_cannot_be_read_is_no_input() {
    let (_authority, server) = trusted();
    let hint = "check that the file is there and may be read by this user";
    for (path, why) in [("none.pem", "no such file or directory"), (".", "is a directory")] {
        let message = |source| format!("cannot read the file {path} ({source}): {why}");
        run(&server).args(["--cacert", path]).fails(66, &message("--cacert"), hint).run();
        run(&server).env("SSL_CERT_FILE", path).fails(66, &message("SSL_CERT_FILE"), hint).run();
    }
    assert_eq!(server.connections(), 0);
}

// ---- No TLS ----

#[test]
fn plain_http_on_a_tls_port_is_no_tls() {
    let (authority, server) = trusted();
    server.always_on_accept(AtAccept::PlainHttp);
    run(&server)
        .trust(&authority)
        .status(69)
        .stderr_lines(&[
            "outseta-token: TLS handshake with 127.0.0.1 failed: received corrupt message of type \
             InvalidContentType",
            SPEAK_HINT,
        ])
        .run();
    assert_eq!(server.connections(), 1, "it would fail the same way");
}

#[test]
fn a_host_that_no_certificate_can_name_gets_no_tls() {
    let detour = Detour::new(Account::acme());
    Run::new()
        .detour(&detour)
        .args(["--base-url", "https://256.256.256.256", EMAIL])
        .status(69)
        .stderr_contains("outseta-token: TLS handshake with 256.256.256.256 failed: ")
        .run();
    assert!(detour.server.requests().is_empty());
}

#[test]
fn a_handshake_that_is_cut_is_tried_again() {
    for behaviour in
        [AtAccept::Close, AtAccept::Reset, AtAccept::CutHandshake(5), AtAccept::CutHandshake(500)]
    {
        let (authority, server) = trusted();
        server.on_accept(behaviour);
        run(&server).trust(&authority).stdout_contains("access_token").run();
        assert_eq!((server.connections(), server.requests().len()), (2, 1));
    }
}
