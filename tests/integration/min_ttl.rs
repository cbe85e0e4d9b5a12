//! `--min-ttl`: a good file needs neither credentials nor network; anything else is replaced.

use std::fs::{self, File, Permissions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::FileTypeExt as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, chown, symlink};
use std::path::Path;

use rustix::fs::OFlags;
use rustix::process::geteuid;
use serde_json::{Value, json};

use crate::support::device::Device;
use crate::support::fake::Server;
use crate::support::http::Answer;
use crate::support::model::{Account, User};
use crate::support::proxy::Detour;
use crate::support::pty::Streams;
use crate::support::run::Run;
use crate::support::script::On;
use crate::support::{forbid_reading, jwt, make_fifo, skip};

const HOUR: i64 = 3_600;
const WEEK: i64 = 7 * 24 * HOUR;

/// What the server of these tests mints.
const NEW: &str = "new";

fn minting() -> Server {
    let server = Server::http(Account::acme());
    let answer = json!({"access_token": NEW, "token_type": "bearer", "expires_in": 60});
    server.always(On::Tokens, Answer::json(200, &answer));
    server
}

/// A token of Jane's that is valid for so long.
fn token(seconds: i64) -> String {
    jwt::token("acme", "jane@example.com", seconds)
}

/// A token of Jane's for a week, with this claim changed; `null` takes it out.
fn token_with(name: &str, value: Value) -> String {
    let mut claims = jwt::claims("acme", "jane@example.com", WEEK);
    if value.is_null() {
        claims.as_object_mut().expect("claims").remove(name);
    } else {
        claims[name] = value;
    }
    jwt::encode(&claims, 0)
}

fn line(token: &str) -> String {
    format!("{token}\n")
}

fn json_file(token: &str) -> String {
    format!(
        "{{\n  \"access_token\": \"{token}\",\n  \"token_type\": \"bearer\",\n  \"expires_in\": {WEEK},\n  \"refresh_token\": \"r\"\n}}\n"
    )
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).expect("the file can be read")
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("its mode is set");
}

/// A run that keeps the file `token` for an hour and more.
fn keeping() -> Run {
    Run::new().args(["-r", "-o", "token", "--min-ttl", "1h", "jane@example.com"])
}

/// The same, with such a file in its place.
fn keeping_file(contents: impl AsRef<[u8]>) -> Run {
    let run = keeping().file("token", contents);
    set_mode(&run.work().join("token"), 0o600);
    run
}

/// The run succeeds and leaves the file as it is, in place and content.
#[track_caller]
fn is_kept(run: Run) {
    let path = run.work().join("token");
    let before = fs::metadata(&path).expect("the file is there");
    let contents = fs::read(&path).expect("it can be read");
    let _outcome = run.run();
    let after = fs::metadata(&path).expect("the file is there");
    assert_eq!(fs::read(&path).expect("it can be read"), contents);
    assert_eq!((after.ino(), after.mode()), (before.ino(), before.mode()));
}

/// The run replaces the file, with one request.
#[track_caller]
fn is_replaced(run: Run) {
    let server = minting();
    let path = run.work().join("token");
    let _outcome = run.server(&server).run();
    let metadata = fs::symlink_metadata(&path).expect("the file is there");
    assert!(metadata.is_file() && metadata.mode() & 0o777 == 0o600);
    assert_eq!(read(&path), line(NEW));
    assert_eq!(server.requests().len(), 1);
}

mod success {
    use super::*;

    #[test]
    fn a_good_file_needs_neither_request_nor_credentials_nor_settings() {
        is_kept(keeping_file(line(&token(WEEK))));
        let server = minting();
        is_kept(keeping_file(line(&token(WEEK))).server(&server));
        assert_eq!(server.connections(), 0);
    }

    #[test]
    fn each_format_that_holds_a_token_is_kept() {
        let token = token(WEEK);
        for (format, contents) in [
            ("json", json_file(&token)),
            ("token", line(&token)),
            ("header", format!("Authorization: Bearer {token}\n")),
            ("env", format!("OUTSETA_ACCESS_TOKEN={token}\n")),
        ] {
            let run = Run::new()
                .args(["-f", format, "-o", "token", "--min-ttl", "1h", "jane@example.com"])
                .file("token", contents);
            set_mode(&run.work().join("token"), 0o600);
            is_kept(run);
        }
    }

    #[test]
    fn the_next_run_keeps_the_file() {
        for format in ["json", "token", "header", "env"] {
            let server = Server::http(Account::acme().extra("n", json!([1.50, "ö", {"b": 1}])));
            let folder = tempfile::TempDir::new().expect("a temporary folder");
            let path = folder.path().join("token");
            let mut contents = Vec::new();
            for _ in 0..2 {
                Run::new()
                    .server(&server)
                    .args(["-f", format, "--min-ttl", "6d", "jane@example.com", "-o"])
                    .arg(&path)
                    .run();
                contents.push(read(&path));
            }
            assert_eq!(contents[0], contents[1]);
            assert_eq!(server.requests().len(), 1);
        }
    }

    #[test]
    fn the_token_must_be_valid_for_the_duration() {
        for (min_ttl, seconds, kept) in [
            ("1h", HOUR + 60, true),
            ("1h", HOUR - 1, false),
            ("60m", HOUR + 60, true),
            ("7d", WEEK + 60, true),
            ("7d", WEEK - 1, false),
            ("0", 60, true),
            ("0", -1, false),
            ("3650d", WEEK, false),
        ] {
            let run = Run::new()
                .args(["-r", "-o", "token", "--min-ttl", min_ttl, "jane@example.com"])
                .file("token", line(&token(seconds)));
            set_mode(&run.work().join("token"), 0o600);
            if kept {
                is_kept(run);
            } else {
                is_replaced(run);
            }
        }
    }

    #[test]
    fn letter_case_in_the_email_does_not_matter() {
        let token = jwt::token("acme", "JANE@Example.com", WEEK);
        is_kept(keeping_file(line(&token)));
    }

    #[test]
    fn the_email_may_come_from_standard_input() {
        let run = Run::new()
            .args(["-r", "-o", "token", "--min-ttl", "1h"])
            .stdin("jane@example.com\n")
            .file("token", line(&token(WEEK)));
        set_mode(&run.work().join("token"), 0o600);
        is_kept(run);
    }

    #[test]
    fn a_file_is_kept_although_settings_are_malformed() {
        for (name, value) in [
            ("OUTSETA_API_KEY", "a b"),
            ("OUTSETA_API_KEY", "a:b"),
            ("OUTSETA_API_SECRET", "ä"),
            ("OUTSETA_API_SECRET_FILE", "/nonexistent"),
            ("OUTSETA_SUBDOMAIN", "not a name"),
            ("OUTSETA_BASE_URL", "http://example.com"),
            ("SSL_CERT_FILE", "/nonexistent"),
            ("https_proxy", "socks5://127.0.0.1:1"),
        ] {
            is_kept(keeping_file(line(&token(WEEK))).env(name, value));
        }
    }

    #[test]
    fn the_account_must_be_the_one_that_is_configured() {
        is_kept(keeping_file(line(&token(WEEK))).args(["-s", "acme"]));
        is_kept(keeping_file(line(&token(WEEK))).env("OUTSETA_SUBDOMAIN", "ACME"));
        let url = ["--base-url", "https://acme.outseta.com"];
        is_kept(keeping_file(line(&token(WEEK))).args(url));
        // Neither of these says which of Outseta's hosts it is.
        is_kept(keeping_file(line(&token(WEEK))).args(["--base-url", "https://auth.example.com"]));
        let mut claims = jwt::claims("acme", "jane@example.com", WEEK);
        claims["iss"] = "https://auth.example.com".into();
        claims["outseta:iss"] = Value::Null;
        is_kept(keeping_file(line(&jwt::encode(&claims, 0))).args(["-s", "acme"]));
    }

    #[test]
    fn verbose_and_a_terminal_say_that_the_file_is_kept() {
        let run = keeping_file(line(&token(WEEK + 60)));
        run.arg("-v")
            .stderr_lines(&[
                "outseta-token: the file is kept, and no request made",
                "outseta-token: token for jane@example.com, valid for 7 days",
            ])
            .run();
        let outcome = keeping_file(line(&token(WEEK + 60))).on_terminal(Streams::NOT_STDOUT).outcome();
        assert_eq!(outcome.terminal, "outseta-token: token for jane@example.com, valid for 7 days\r\n");
        assert_eq!(outcome.status, Some(0), "{outcome}");
    }
}

mod replaced {
    use super::*;

    #[test]
    fn a_missing_or_empty_file() {
        is_replaced(keeping());
        is_replaced(keeping_file(""));
    }

    #[test]
    fn a_token_that_does_not_fit() {
        for token in [
            jwt::token("acme", "john@example.com", WEEK),
            jwt::token("acme", "jane@example.com", HOUR - 1),
            token_with("email", Value::Null),
            token_with("exp", Value::Null),
            "opaque".to_owned(),
        ] {
            is_replaced(keeping_file(line(&token)));
        }
    }

    /// Less than a second is left of it, or nothing.
    #[test]
    fn a_token_that_expires_a_fraction_too_early() {
        for (expires_in, min_ttl) in [(1, "1s"), (1, "1001ms"), (0, "0")] {
            let file = line(&jwt::token("acme", "jane@example.com", expires_in));
            let server = minting();
            let run = Run::new().server(&server).file("token", &file);
            let outcome = run.args(["-r", "-o", "token", "--min-ttl", min_ttl, "jane@example.com"]).outcome();
            assert_eq!(server.requests().len(), 1, "{outcome}");
            assert_eq!(read(&outcome.work().join("token")), line(NEW), "{outcome}");
        }
    }

    #[test]
    fn another_accounts_token() {
        let other = |iss: &str, outseta_iss: Value| {
            let mut claims = jwt::claims("other", "jane@example.com", WEEK);
            claims["iss"] = iss.into();
            claims["outseta:iss"] = outseta_iss;
            jwt::encode(&claims, 0)
        };
        for token in [
            jwt::token("other", "jane@example.com", WEEK),
            other("http://other.outseta.com", Value::Null),
            other("https://auth.example.com", "http://other.outseta.com".into()),
            other("https://auth.example.com", "other.outseta.com".into()),
        ] {
            let detour = Detour::new(Account::acme());
            let path = keeping_file(line(&token)).detour(&detour).run().work().join("token");
            assert_eq!(detour.server.requests().len(), 1, "{}", jwt::decode(&token));
            drop(path);
        }
    }

    #[test]
    fn a_file_that_the_format_does_not_give() {
        let token = token(WEEK);
        for contents in [json_file(&token), token.clone(), format!("{token}\n\n"), "\n".to_owned()] {
            is_replaced(keeping_file(contents));
        }
        is_replaced(keeping_file(b"\xff\xfe\n"));
    }

    #[test]
    fn a_file_that_others_may_read_or_write() {
        for mode in [0o640, 0o604, 0o620, 0o602, 0o610] {
            let run = keeping_file(line(&token(WEEK)));
            set_mode(&run.work().join("token"), mode);
            is_replaced(run);
        }
    }

    #[test]
    fn a_file_that_may_not_be_read() {
        let run = keeping_file(line(&token(WEEK)));
        if !forbid_reading(&run.work().join("token")) {
            return;
        }
        is_replaced(run);
    }

    #[test]
    fn a_file_of_another_user() {
        if !geteuid().is_root() {
            skip("only root can give a file away");
            return;
        }
        let run = keeping_file(line(&token(WEEK)));
        chown(run.work().join("token"), Some(65_534), None).expect("it is given away");
        is_replaced(run);
    }

    #[test]
    fn a_link_even_to_a_good_file() {
        let run = keeping().file("good", line(&token(WEEK)));
        set_mode(&run.work().join("good"), 0o600);
        symlink("good", run.work().join("token")).expect("a link is made");
        is_replaced(run);
        let run = keeping();
        symlink("missing", run.work().join("token")).expect("a link is made");
        is_replaced(run);
    }

    /// Nothing of it beyond what a token can be is read: it would not fit into the memory.
    #[test]
    fn a_huge_file() {
        let run = keeping_file(line(&token(WEEK)));
        let file = File::options().append(true).open(run.work().join("token")).expect("it opens");
        file.set_len(1 << 40).expect("a sparse file");
        is_replaced(run);
    }

    #[test]
    fn a_device() {
        let server = minting();
        for device in [Device::Null, Device::Zero] {
            let run = Run::new().server(&server);
            let Some(path) = device.harmless(&run.work()) else {
                return;
            };
            let _outcome = run.args(["-r", "--min-ttl", "1h", "jane@example.com", "-o"]).arg(&path).run();
            let metadata = fs::metadata(path).expect("it is there");
            assert!(metadata.file_type().is_char_device());
        }
        assert_eq!(server.requests().len(), 2);
    }
}

mod failure {
    use super::*;

    #[test]
    fn a_folder_is_73_before_any_request() {
        let server = minting();
        let run = keeping().server(&server);
        fs::create_dir(run.work().join("token")).expect("a folder is made");
        run.status(73)
            .stderr_lines(&[
                "outseta-token: cannot create token: is a directory",
                "outseta-token: hint: name a file in a folder that exists, that this user may write and that has space left",
            ])
            .run();
        assert_eq!(server.connections(), 0);
    }

    #[test]
    fn a_fifo_is_73_and_neither_waited_for_nor_read() {
        let run = || keeping().status(73).stderr_contains("outseta-token: cannot create token: ");
        let run_alone = run().credentials().args(["-s", "acme"]);
        make_fifo(&run_alone.work().join("token"));
        run_alone.run();
        let run = run().credentials().args(["-s", "acme"]);
        let path = run.work().join("token");
        make_fifo(&path);
        let mut both_ends = File::options()
            .read(true)
            .write(true)
            .custom_flags(OFlags::NONBLOCK.bits().cast_signed())
            .open(&path)
            .expect("both ends are opened");
        let good = line(&token(WEEK));
        both_ends.write_all(good.as_bytes()).expect("it fits into a pipe");
        run.run();
        let mut found = vec![0; 2 * good.len()];
        let length = both_ends.read(&mut found).expect("something is there");
        assert_eq!(String::from_utf8_lossy(&found[..length]), good);
    }

    #[test]
    fn the_old_file_stays_if_there_is_no_new_token() {
        let old = line(&token(HOUR - 1));
        let outcome =
            keeping_file(&old).status(78).stderr_contains("outseta-token: not configured: subdomain ").run();
        assert_eq!(read(&outcome.work().join("token")), old);
        let server = Server::http(Account::new("acme").user(User::new("john@example.com")));
        let outcome = keeping_file(&old)
            .server(&server)
            .status(67)
            .stderr_contains("outseta-token: no such user: jane@example.com")
            .run();
        assert_eq!(read(&outcome.work().join("token")), old);
    }

    #[test]
    fn the_email_must_be_valid_even_if_the_file_is() {
        Run::new()
            .args(["-r", "-o", "token", "--min-ttl", "1h", "jane"])
            .file("token", line(&token(WEEK)))
            .status(65)
            .stderr_contains("outseta-token: invalid email 'jane': it has no @\n")
            .run();
    }

    #[test]
    fn the_claims_format_cannot_be_kept() {
        Run::new()
            .args(["-f", "claims", "-o", "token", "--min-ttl", "1h", "jane@example.com"])
            .status(64)
            .stderr_lines(&[
                "outseta-token: --min-ttl cannot be used with --format claims, which has no token",
                "outseta-token: hint: with -o FILE, --min-ttl keeps FILE if its token is valid for at least DURATION",
            ])
            .run();
    }
}
