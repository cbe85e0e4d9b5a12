//! A fake Outseta on loopback, for trying the program by hand and for scripts. It prints its settings as
//! lines for a shell and runs until a signal ends it.

mod support;

use std::env;
use std::io::{self, Write as _};
use std::process::{self, ExitCode};
use std::thread;

use support::fake::Server;
use support::model::Account;
use support::tls::Authority;
use support::{KEY, SECRET};

const HELP: &str = "\
Usage: fake-server [https]

Runs a fake Outseta on this machine until Ctrl-C. It prints lines for a shell:
the settings for outseta-token, a command to try, and how to stop the server.
With https, it speaks TLS, and the settings name the certificate to trust.
";

/// `outseta.test` is for an `/etc/hosts` that names it.
const NAMES: [&str; 3] = ["outseta.test", "localhost", "127.0.0.1"];

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let authority = match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] | ["http"] => None,
        ["https"] => Some(Authority::new()),
        ["-h" | "--help"] => {
            print(HELP);
            return ExitCode::SUCCESS;
        }
        [.., unknown] => {
            let _ = writeln!(io::stderr(), "fake-server: unexpected argument '{unknown}': see --help");
            return ExitCode::from(64);
        }
    };
    let tls = authority.as_ref().map(|authority| authority.server(&NAMES));
    let server = Server::start(vec![Account::shown()], tls);
    let certificate = authority.map_or_else(String::new, |authority| {
        let file = authority.pem_file();
        // Dropping the authority here would remove the file.
        std::mem::forget(authority);
        format!("export SSL_CERT_FILE='{}'\n", file.display())
    });
    print(&format!(
        "# A fake Outseta. Paste these lines into another terminal:\n\
         export OUTSETA_BASE_URL='{}'\n\
         export OUTSETA_API_KEY='{KEY}'\n\
         export OUTSETA_API_SECRET='{SECRET}'\n\
         {certificate}\
         # Then try: cargo run --quiet -- jane@example.com\n\
         # Other users: bob@example.com, test@example.com, old@example.com (expired),\n\
         # careful@example.com (two-factor authentication).\n\
         # Stop the server with Ctrl-C, or: kill {}\n",
        server.url(),
        process::id()
    ));
    loop {
        thread::park();
    }
}

fn print(text: &str) {
    let _ = io::stdout().write_all(text.as_bytes());
}
