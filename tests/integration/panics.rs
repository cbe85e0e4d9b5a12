//! A bug: what a panic does to a run. None is known, so one is made: the standard library, told to
//! give each thread more stack than an address space holds, cannot start the one in which a name
//! is resolved, and ureq panics.

use crate::support::fake::Server;
use crate::support::model::Account;
use crate::support::run::Run;

/// A run that panics before its first request.
fn doomed(server: &Server) -> Run {
    let port = server.address().port();
    Run::new()
        .server(server)
        .env("OUTSETA_BASE_URL", format!("http://localhost:{port}"))
        .env("RUST_MIN_STACK", (1_u64 << 47).to_string())
}

/// Where it happened, and not what the panic says: that could hold anything.
#[track_caller]
fn says_where_and_no_more(run: Run) {
    let outcome = run.env("RUST_BACKTRACE", "full").outcome();
    assert_eq!(outcome.status, Some(70), "{outcome}");
    let lines: Vec<&str> = outcome.stderr.lines().collect();
    let [error, hint] = lines[..] else { panic!("there should be two lines\n{outcome}") };
    let place = error
        .strip_prefix("outseta-token: ")
        .and_then(|error| error.strip_suffix(": internal error: this should not have happened"))
        .unwrap_or_else(|| panic!("{outcome}"));
    let (_, place) = place.split_once(".rs:").expect("a file");
    let numbers = place.split(':').all(|number| number.parse::<u32>().is_ok());
    assert!(numbers, "{outcome}");
    assert_eq!(hint, "outseta-token: hint: please report this, with what -v shows");
}

#[test]
fn a_panic_is_70_and_shows_its_place_alone() {
    let server = Server::http(Account::acme());
    let outcome = doomed(&server).arg("jane@example.com").outcome();
    assert_eq!(outcome.stdout_text(), "", "{outcome}");
    says_where_and_no_more(doomed(&server).arg("jane@example.com"));
    says_where_and_no_more(doomed(&server).args(["-q", "jane@example.com"]));
    says_where_and_no_more(doomed(&server).arg("--batch").stdin("jane@example.com\n"));
    says_where_and_no_more(doomed(&server).arg("--check"));
    says_where_and_no_more(doomed(&server).args(["jane@example.com", "--", "/bin/echo", "ran"]));
    assert_eq!(server.connections(), 0);
}

#[test]
fn an_output_file_outlives_it() {
    let server = Server::http(Account::acme());
    let outcome = doomed(&server).file("token", "old\n").args(["-o", "token", "jane@example.com"]).outcome();
    assert_eq!(outcome.status, Some(70), "{outcome}");
    let token = std::fs::read_to_string(outcome.work().join("token")).expect("it is there");
    assert_eq!(token, "old\n");
}

/// Without the stack that cannot be had, the same run goes well.
#[test]
fn nothing_else_about_these_runs_is_wrong() {
    let server = Server::http(Account::acme());
    doomed(&server)
        .env_remove("RUST_MIN_STACK")
        .arg("jane@example.com")
        .stdout_contains("\"access_token\"")
        .run();
}
