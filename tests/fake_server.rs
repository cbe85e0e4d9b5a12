//! A fake Outseta for scripts, over TLS on loopback: it says on standard output where it is, one
//! `name=value` a line and then `ready`, and ends when its standard input does. With the argument
//! `http` it speaks plain HTTP.

mod support;

use std::io;

use support::fake::Server;
use support::model::Account;
use support::tls::Authority;
use support::{KEY, SECRET};

/// `outseta.test` is for an `/etc/hosts` that names it.
const NAMES: [&str; 3] = ["outseta.test", "localhost", "127.0.0.1"];

#[expect(clippy::print_stdout, reason = "its output is for a script")]
fn main() {
    let authority = Authority::new();
    let plain = std::env::args().any(|argument| argument == "http");
    let tls = (!plain).then(|| authority.server(&NAMES));
    let server = Server::start(vec![Account::acme()], tls);
    println!("port={}", server.address().port());
    println!("ca={}", authority.pem_file().display());
    println!("key={KEY}");
    println!("secret={SECRET}");
    println!("ready");
    io::copy(&mut io::stdin(), &mut io::sink()).expect("standard input can be read");
}
