//! `--min-ttl`: a good file needs neither credentials nor network; anything else is replaced.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, chown, symlink};

use rustix::fs::OFlags;
use rustix::process::geteuid;
use serde_json::{Value, json};

use crate::support::fake::Server;
use crate::support::model::{Account, User};
use crate::support::proxy::Detour;
use crate::support::run::Run;
use crate::support::{forbid_reading, jwt, make_fifo, set_mode, skip};

const HOUR: i64 = 3_600;
const WEEK: i64 = 7 * 24 * HOUR;

/// A token for Jane with this lifetime.
fn token(seconds: i64) -> String {
    jwt::token("acme", "jane@example.com", seconds)
}

/// A token of Jane's for a week, with these claims changed.
fn token_with(changes: &[(&str, Value)]) -> String {
    let mut claims = jwt::claims("acme", "jane@example.com", WEEK);
    for (name, value) in changes {
        claims[*name] = value.clone();
    }
    jwt::encode(&claims, 0)
}

fn line(token: &str) -> String {
    format!("{token}\n")
}

/// A run that keeps the file `token` if its token is valid for at least this long.
fn keeping_for(min_ttl: &str) -> Run {
    Run::new().args(["-o", "token", "--min-ttl", min_ttl, "jane@example.com"])
}

fn keeping() -> Run {
    keeping_for("1h").arg("-r")
}

fn keeping_file(contents: impl AsRef<[u8]>) -> Run {
    keeping().private_file("token", contents)
}

/// The run succeeds and leaves the file as it is, in place and content.
#[track_caller]
fn is_kept(run: Run) {
    let path = run.work().join("token");
    let file = || {
        let metadata = fs::metadata(&path).expect("the file is there");
        (fs::read(&path).expect("it can be read"), metadata.ino(), metadata.mode())
    };
    let before = file();
    let _outcome = run.run();
    assert_eq!(file(), before);
}

/// The run replaces the file, with one request. `reason`: why the file is not kept.
#[track_caller]
fn is_replaced(run: Run, reason: &str) {
    let server = Server::generous();
    let line = format!("outseta-token: the file is not kept: {reason}\n");
    let outcome = run.server(&server).arg("-v").stderr_contains(&line).run();
    let metadata = fs::symlink_metadata(outcome.work().join("token")).expect("the file is there");
    assert!(metadata.is_file() && metadata.mode() & 0o777 == 0o600, "{outcome}");
    assert_eq!(outcome.read("token"), "t0ken\n");
    assert_eq!(server.requests().len(), 1, "{outcome}");
}

mod kept {
    use super::*;

    #[test]
    fn a_good_file_needs_neither_request_nor_credentials_nor_settings() {
        is_kept(keeping_file(line(&token(WEEK))));
        let server = Server::generous();
        is_kept(keeping_file(line(&token(WEEK))).server(&server));
        assert_eq!(server.connections(), 0);
    }

    #[test]
    fn the_next_run_keeps_the_file() {
        for format in ["json", "token", "header", "env"] {
            let server = Server::http(Account::acme().extra("n", json!([1.50, "ö", {"b": 1}])));
            let outcome = keeping_for("6d").args(["-f", format]).server(&server).run();
            let file = outcome.read("token");
            is_kept(keeping_for("6d").args(["-f", format]).private_file("token", file));
            assert_eq!(server.requests().len(), 1);
        }
    }

    #[test]
    fn the_token_must_be_valid_for_the_duration() {
        for (min_ttl, seconds, reason) in [
            ("1h", HOUR + 60, ""),
            ("1h", HOUR - 1, "its token is valid for only 60 minutes"),
            ("7d", WEEK + 60, ""),
            ("7d", WEEK - 1, "its token is valid for only 7 days"),
            ("0", 60, ""),
            ("3650d", WEEK, "its token is valid for only 7 days"),
            ("0", 0, "its token has expired"),
            ("0", i64::MIN + (1 << 40), "its token has expired"),
        ] {
            let run = keeping_for(min_ttl).arg("-r").private_file("token", line(&token(seconds)));
            if reason.is_empty() { is_kept(run) } else { is_replaced(run, reason) }
        }
    }

    #[test]
    fn the_email_in_any_case_and_from_standard_input() {
        is_kept(keeping_file(line(&token_with(&[("email", "JANE@Example.com".into())]))));
        let run = Run::new().args(["-r", "-o", "token", "--min-ttl", "1h"]).stdin("jane@example.com\n");
        is_kept(run.private_file("token", line(&token(WEEK))));
    }

    #[test]
    fn other_malformed_settings_do_not_matter() {
        for (name, value) in [
            ("OUTSETA_API_KEY", "a:b"),
            ("OUTSETA_API_SECRET", "ä"),
            ("OUTSETA_API_SECRET_FILE", "missing"),
            ("SSL_CERT_FILE", "missing"),
            ("https_proxy", "socks5://127.0.0.1:1"),
        ] {
            is_kept(keeping_file(line(&token(WEEK))).env(name, value));
        }
    }

    /// Without the host, the token's account could not be compared.
    #[test]
    fn a_malformed_base_url_or_subdomain_is_an_error() {
        for (name, value) in [("OUTSETA_SUBDOMAIN", "not a name"), ("OUTSETA_BASE_URL", "http://example.com")]
        {
            keeping_file(line(&token(WEEK))).env(name, value).fails_with(78, "invalid ").run();
        }
    }

    #[test]
    fn a_token_of_the_configured_account_or_of_an_unknown_one() {
        let good = || keeping_file(line(&token(WEEK)));
        is_kept(good().args(["-s", "acme"]));
        is_kept(good().args(["--base-url", "https://ACME.outseta.com"]));
        // Here the base URL or the token does not name the account.
        is_kept(good().args(["--base-url", "https://auth.example.com"]));
        // The user's own env file cannot be used, and no setting is needed.
        let unusable = good().home_file(".config/outseta-token/env", "OUTSETA_SUBDOMAIN=acme\n");
        set_mode(&unusable.home().join(".config/outseta-token/env"), 0o666);
        is_kept(unusable);
        let custom = token_with(&[("iss", "https://auth.example.com".into()), ("outseta:iss", Value::Null)]);
        is_kept(keeping_file(line(&custom)).args(["-s", "acme"]));
    }

    #[test]
    fn verbose_says_that_the_file_is_kept() {
        keeping_file(line(&token(WEEK + 60)))
            .arg("-v")
            .stderr_lines(&[
                "outseta-token: the token in the file is still valid: nothing to do",
                "outseta-token: token for jane@example.com in account 496LXdmX, valid for 7 days",
            ])
            .run();
    }
}

mod replaced {
    use super::*;

    #[test]
    fn a_missing_file() {
        is_replaced(keeping(), "no such file or directory");
    }

    #[test]
    fn a_file_without_a_token_that_fits() {
        let format = "its format is not token";
        let changed = |name, value: Value| line(&token_with(&[(name, value)]));
        let long = |length: usize| changed("filler", "x".repeat(length).into());
        is_kept(keeping_file(long(47_000)));
        for (contents, reason) in [
            (String::new(), format),
            (format!("{}\n\n", token(WEEK)), format),
            (format!("Authorization: Bearer {}\n", token(WEEK)), format),
            (long(49_000), "it is larger than 64 KiB"),
            ("opaque\n".to_owned(), "its token is not a JWT"),
            (changed("email", "j\u{7f}@example.com".into()), "its token is for j\\u{7f}@example.com"),
            (changed("email", Value::Null), "its token has no email"),
            (changed("exp", Value::Null), "its token has no expiry"),
        ] {
            is_replaced(keeping_file(contents), reason);
        }
    }

    #[test]
    fn a_token_of_another_outseta_or_customer_account() {
        let (outseta, customer) = (("outseta:iss", "other.outseta.com"), ("outseta:accountUid", "\u{7f}"));
        for ((name, value), reason) in
            [(outseta, "from other.outseta.com"), (customer, "for the account \\u{7f}")]
        {
            let detour = Detour::new(Account::acme());
            let run = keeping_file(line(&token_with(&[(name, value.into())]))).detour(&detour);
            let run = run.args(["--account", "496LXdmX", "-v"]);
            run.stderr_contains(&format!(" the file is not kept: its token is {reason}\n")).run();
            assert_eq!(detour.server.requests().len(), 1, "{reason}");
        }
    }

    #[test]
    fn a_file_that_others_may_access_or_this_user_may_not() {
        for mode in [0o640, 0o604, 0o620, 0o602, 0o610] {
            let run = keeping_file(line(&token(WEEK)));
            set_mode(&run.work().join("token"), mode);
            is_replaced(run, &format!("group or others may access it (mode 0{mode:o})"));
        }
        let run = keeping_file(line(&token(WEEK)));
        if forbid_reading(&run.work().join("token")) {
            is_replaced(run, "permission denied");
        }
    }

    #[test]
    fn a_file_of_another_user() {
        if !geteuid().is_root() {
            skip("only root can give a file away");
            return;
        }
        let run = keeping_file(line(&token(WEEK)));
        chown(run.work().join("token"), Some(65_534), None).expect("it is given away");
        is_replaced(run, "it belongs to another user");
    }

    #[test]
    fn a_link_even_to_a_good_file() {
        for target in ["good", "missing"] {
            let run = keeping().private_file("good", line(&token(WEEK)));
            symlink(target, run.work().join("token")).expect("a link is made");
            is_replaced(run, "too many levels of symbolic links");
        }
    }

    #[test]
    fn a_new_token_that_is_not_valid_for_the_duration_gives_a_warning() {
        for (min_ttl, seconds, warns) in [("1h", HOUR + 60, false), ("1h", HOUR, true), ("1d", -60, true)] {
            let server = Server::minting(&token(seconds));
            let outcome = keeping_for(min_ttl).args(["-q", "-r"]).server(&server).outcome();
            let warning = "outseta-token: warning: the new token is valid for less than --min-ttl, so \
                           every run makes a new one\n\
                           outseta-token: hint: use a shorter --min-ttl, or a longer lifetime of tokens \
                           in Outseta\n";
            assert_eq!((outcome.status, outcome.stderr.contains(warning)), (Some(0), warns), "{outcome}");
        }
    }
}

mod failure {
    use super::*;

    /// It is neither waited for nor read.
    #[test]
    fn a_fifo_is_73() {
        let run = || keeping().credentials().args(["-s", "acme"]).fails_with(73, "cannot create token: ");
        let unopened = run();
        make_fifo(&unopened.work().join("token"));
        unopened.run();
        let run = run();
        let path = run.work().join("token");
        make_fifo(&path);
        let nonblocking = OFlags::NONBLOCK.bits().cast_signed();
        let fifo = File::options().read(true).write(true).custom_flags(nonblocking).open(&path);
        let mut fifo = fifo.expect("both ends are opened");
        let good = line(&token(WEEK));
        fifo.write_all(good.as_bytes()).expect("it fits into a pipe");
        run.run();
        let mut found = vec![0; 2 * good.len()];
        let length = fifo.read(&mut found).expect("something is there");
        assert_eq!(String::from_utf8_lossy(&found[..length]), good);
    }

    #[test]
    fn if_there_is_no_new_token_the_message_says_how_long_the_old_one_is_valid() {
        let server = Server::http(Account::new("acme").user(User::new("john@example.com")));
        for (old, reason) in [
            (token(HOUR - 1), "its token is valid for only 60 minutes"),
            (token(-1), "its token has expired"),
            (jwt::token("acme", "john@example.com", WEEK), "its token is for john@example.com"),
        ] {
            let unchanged = format!("; token is unchanged: {reason}\n");
            for (run, status, message) in [
                (keeping_file(line(&old)), 78, "not configured: subdomain "),
                (keeping_file(line(&old)).server(&server), 67, "no such user: jane@example.com; "),
            ] {
                let outcome = run.fails_with(status, message).stderr_contains(&unchanged).run();
                assert_eq!(outcome.read("token"), line(&old));
            }
        }
        let message = "outseta-token: no such user: jane@example.com\n";
        keeping().server(&server).status(67).stderr_contains(message).run();
    }

    #[test]
    fn the_email_must_be_valid_even_if_the_file_is() {
        let run = Run::new().args(["-r", "-o", "token", "--min-ttl", "1h", "jane"]);
        run.private_file("token", line(&token(WEEK))).fails_with(65, "invalid email 'jane'").run();
    }
}
