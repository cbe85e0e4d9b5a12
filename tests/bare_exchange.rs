//! The minimum for a request: one TLS exchange with the same rustls as the program; everything else is
//! hard-coded. `make bench` compares the program with it. Arguments: the server's address, its
//! CA's PEM file, and the Authorization header's value.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned, crypto::ring};

const BODY: &str = r#"{"username":"jane@example.com"}"#;

#[expect(clippy::print_stdout, reason = "it prints what the program would")]
fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut argument = || arguments.next().expect("an address, a PEM file and a header");
    let (address, ca, authorization) = (argument(), argument(), argument());
    let mut roots = RootCertStore::empty();
    let certificate = CertificateDer::from_pem_file(ca).expect("a PEM file");
    roots.add(certificate).expect("a certificate");
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring has the default versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("127.0.0.1").expect("a name");
    let connection = ClientConnection::new(Arc::new(config), name).expect("a client");
    let tcp = TcpStream::connect(address).expect("a server");
    tcp.set_nodelay(true).expect("a socket");
    let mut stream = StreamOwned::new(connection, tcp);
    let length = BODY.len();
    write!(
        stream,
        "POST /api/v1/tokens HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: */*\r\nUser-Agent: bare\r\n\
         Authorization: {authorization}\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\nConnection: close\r\n\r\n{BODY}"
    )
    .expect("the request is sent");
    let mut response = Vec::new();
    // A server may close without close_notify.
    let _ = stream.read_to_end(&mut response);
    let response = String::from_utf8(response).expect("the response is text");
    let token = response.split("\"access_token\":\"").nth(1).and_then(|rest| rest.split('"').next());
    println!("{}", token.expect("the response holds a token"));
}
