//! Env files: the grammar, which file is read, and when its base URL is used. (Unit tests compare the grammar with
//! dotenv's.)

use std::os::unix::fs::{chown, symlink};
use std::path::Path;

use rustix::process::geteuid;

use crate::support::device::AS_NOBODY;
use crate::support::fake::Server;
use crate::support::model::Account;
use crate::support::run::{Outcome, Run};
use crate::support::{KEY, SECRET, forbid_reading, has, make_fifo, set_mode, skip};

const JANE: &str = "jane@example.com";
const OWN: &str = ".config/outseta-token/env";
const READABLE: &str = "outseta-token: hint: check that the file is there and may be read by this user";
const SET_THEM: &str = "outseta-token: hint: set them in the environment or, without _FILE, in an env file (--env-file); \
    a key is made in Outseta under Settings > Integrations > API Keys";
const NOTHING: &str = "outseta-token: not configured: subdomain (--subdomain or OUTSETA_SUBDOMAIN), \
    API key (OUTSETA_API_KEY or OUTSETA_API_KEY_FILE), API secret (OUTSETA_API_SECRET or OUTSETA_API_SECRET_FILE)";
const LIMIT: usize = 64 * 1024;

/// The secret that is sent if this is the env file. The key is `k`.
#[track_caller]
fn secret_in(text: impl AsRef<[u8]>) -> String {
    let server = Server::generous();
    let run =
        Run::new().env("OUTSETA_BASE_URL", server.url()).env("OUTSETA_API_KEY", "k").file("file.env", text);
    run.args(["-e", "file.env", "-r", JANE]).stdout("t0ken\n").run();
    let request = server.requests().pop().expect("a request");
    let header = request.header("authorization").expect("a key");
    header.strip_prefix("Outseta k:").expect("the key").to_owned()
}

/// A run with the user's own env file, which nobody else may read.
fn own(text: impl AsRef<[u8]>) -> Run {
    let run = Run::new().home_file(OWN, text);
    set_mode(&run.home().join(OWN), 0o600);
    run
}

/// What `-v` says of the base URL, in front of a failure that has nothing to do with it.
#[track_caller]
fn base_url(run: Run) -> String {
    let outcome = run.args(["-v", "-o", "missing/file", JANE]).outcome();
    assert_eq!(outcome.status, Some(73), "{outcome}");
    let mut lines = outcome.stderr.lines();
    let line = lines.find_map(|line| line.strip_prefix("outseta-token: base URL "));
    line.expect("a line about the base URL").to_owned()
}

/// Expects that nothing at all is configured.
#[track_caller]
fn unconfigured(run: Run) {
    run.arg(JANE).status(78).stderr_lines(&[NOTHING, SET_THEM]).run();
}

mod grammar {
    use super::*;

    #[test]
    fn files_are_read_like_dotenv() {
        for (text, secret) in [
            ("OUTSETA_API_SECRET=abc", "abc"),
            ("\u{feff}OUTSETA_API_SECRET=abc\n", "abc"),
            ("  OUTSETA_API_SECRET = abc  \r\n", "abc"),
            ("export OUTSETA_API_SECRET=abc\n", "abc"),
            ("OUTSETA_API_SECRET: abc\n", "abc"),
            ("OUTSETA_API_SECRET=abc # a comment\n", "abc"),
            ("OUTSETA_API_SECRET=abc#def\n", "abc"),
            ("OUTSETA_API_SECRET='abc#def' # a comment\n", "abc#def"),
            ("OUTSETA_API_SECRET=\"abc#def\"\n", "abc#def"),
            ("OUTSETA_API_SECRET=`abc`\n", "abc"),
            ("OUTSETA_API_SECRET='a\\nb'\n", "a\\nb"),
            ("OUTSETA_API_SECRET=a\\nb\n", "a\\nb"),
            ("OUTSETA_API_SECRET=$HOME${HOME}\n", "$HOME${HOME}"),
            ("OUTSETA_API_SECRET=a=b==\n", "a=b=="),
            ("OUTSETA_API_SECRET=\n'abc'\n", "abc"),
            ("# OUTSETA_API_SECRET=no\nOUTSETA_API_SECRET=abc\n#OUTSETA_API_SECRET=no\n", "abc"),
            ("OUTSETA_API_SECRET=no\nOUTSETA_API_SECRET=abc\n", "abc"),
            ("OUTSETA_API_SECRET=no\rOUTSETA_API_SECRET=abc\r", "abc"),
            ("not a line\n=x\n{\"json\": true}\n\n\nOUTSETA_API_SECRET=abc\n<<<<<<< HEAD\n", "abc"),
            ("X_OUTSETA_API_SECRET=no\nOUTSETA_API_SECRET=abc\n", "abc"),
            ("outseta_api_secret=no\nOUTSETA_API_SECRET=abc\n", "abc"),
        ] {
            assert_eq!(secret_in(text), secret, "{text:?}");
        }
    }

    #[test]
    fn a_quote_that_is_not_closed_is_named() {
        for (text, name, why) in [
            (
                "OUTSETA_API_KEY=\"k\nOUTSETA_API_SECRET=s\n",
                "API key (OUTSETA_API_KEY",
                "its opening quote is not closed",
            ),
            (
                "OUTSETA_API_KEY=k\nOUTSETA_API_SECRET='s\nX='y'\n",
                "API secret (OUTSETA_API_SECRET",
                "its opening quote is not closed",
            ),
            (
                "OUTSETA_API_KEY=\"k\nOUTSETA_API_SECRET=s\"\n",
                "API key (OUTSETA_API_KEY",
                "it contains a line break: its closing quote may be missing",
            ),
            // In double quotes, \n is a line feed.
            (
                "OUTSETA_API_KEY=k\nOUTSETA_API_SECRET=\"a\\nb\"\n",
                "API secret (OUTSETA_API_SECRET",
                "it contains a line break: its closing quote may be missing",
            ),
        ] {
            Run::new()
                .file("file.env", text)
                .args(["-s", "acme", "-e", "file.env", JANE])
                .status(78)
                .stderr_lines(&[
                    &format!("outseta-token: invalid {name} in file.env): {why}"),
                    "outseta-token: hint: copy it again from Settings > Integrations > API Keys in Outseta",
                ])
                .run();
        }
    }

    #[test]
    fn a_file_must_be_utf8() {
        let utf16 = |bytes: fn(u16) -> [u8; 2]| -> Vec<u8> {
            let units = "\u{feff}OUTSETA_API_KEY=k\r\n".encode_utf16();
            units.flat_map(bytes).collect()
        };
        for text in [
            b"# Schl\xfcssel\nOUTSETA_API_KEY=k\n".to_vec(),
            b"OUTSETA_API_KEY=schl\xfcssel\n".to_vec(),
            // As PowerShell writes it.
            utf16(u16::to_le_bytes),
            utf16(u16::to_be_bytes),
        ] {
            Run::new()
                .file("file.env", text)
                .args(["-e", "file.env", JANE])
                .status(78)
                .stderr_lines(&[
                    "outseta-token: invalid env file (the file file.env (--env-file)): it is not valid UTF-8",
                    "outseta-token: hint: save it as UTF-8 text",
                ])
                .run();
        }
    }

    #[test]
    fn a_file_may_hold_64_kib() {
        let mut text = b"OUTSETA_API_SECRET=abc\n".to_vec();
        text.resize(LIMIT, b'\n');
        assert_eq!(secret_in(&text), "abc");
        text.push(b'\n');
        let too_large = Run::new().file("file.env", text).args(["-e", "file.env"]);
        let endless = Run::new().args(["-e", "/dev/zero"]);
        for (run, path) in [(too_large, "file.env"), (endless, "/dev/zero")] {
            run.arg(JANE)
                .status(78)
                .stderr_lines(&[
                    &format!(
                        "outseta-token: invalid env file (the file {path} (--env-file)): \
                         the file is larger than 64 KiB"
                    ),
                    "outseta-token: hint: check that it is the right file",
                ])
                .run();
        }
    }

    #[test]
    fn only_outseta_settings_are_read() {
        let server = Server::generous();
        // Neither a proxy, nor roots, nor a file of a key, nor another env file is taken from it.
        let text = "OUTSETA_API_SECRET=abc\nhttps_proxy=socks5://x\nALL_PROXY=socks5://x\nSSL_CERT_FILE=missing\n\
             HOME=/missing\nOUTSETA_API_KEY_FILE=key\nOUTSETA_APIKEY=k\nOUTSETA_BASE_URL=\nOUTSETA_SUBDOMAIN=\n";
        Run::new()
            .env("OUTSETA_SUBDOMAIN", "acme")
            .file("key", "key-of-file")
            .file("file.env", text)
            .args(["-e", "file.env", JANE])
            .status(78)
            .stderr_lines(&[
                "outseta-token: warning: OUTSETA_APIKEY in file.env is not a setting",
                "outseta-token: hint: an env file can set OUTSETA_BASE_URL, OUTSETA_SUBDOMAIN, OUTSETA_API_KEY, \
                 OUTSETA_API_SECRET",
                "outseta-token: warning: OUTSETA_API_KEY_FILE in file.env is not a setting",
                "outseta-token: hint: a _FILE variable has an effect only in the environment",
                "outseta-token: not configured: API key (OUTSETA_API_KEY or OUTSETA_API_KEY_FILE)",
                SET_THEM,
            ])
            .run();
        let text = text.replace("_FILE=", "=").replace("OUTSETA_APIKEY=k\n", "");
        assert_eq!(secret_in(&text), "abc");
        let run = Run::new().file("file.env", text).args(["-e", "file.env"]);
        let run = run.env("OUTSETA_API_KEY", "k").env("OUTSETA_SUBDOMAIN", "acme");
        assert_eq!(base_url(run), "https://acme.outseta.com (OUTSETA_SUBDOMAIN in the environment)");
        assert_eq!(server.connections(), 0);
    }

    #[test]
    fn the_environment_is_not_changed() {
        let server = Server::generous();
        let text = format!("OUTSETA_API_KEY={KEY}\nOUTSETA_API_SECRET={SECRET}\nOUTSETA_SUBDOMAIN=x\nX=1\n");
        Run::new()
            .env_remove("HOME")
            .file("file.env", text)
            .args(["-e", "file.env", "--base-url", &server.url()])
            .args([JANE, "--", "/usr/bin/env"])
            .stdout("OUTSETA_ACCESS_TOKEN=t0ken\n")
            .run();
    }
}

mod place {
    use super::*;

    const NAMED: &str = "OUTSETA_SUBDOMAIN=own\nOUTSETA_API_KEY=key\nOUTSETA_API_SECRET=secret\n";

    fn shown(path: &Path) -> String {
        format!("https://own.outseta.com (OUTSETA_SUBDOMAIN in {})", path.display())
    }

    #[test]
    fn the_users_own_file_is_read_unasked() {
        let run = own(NAMED);
        let path = run.home().join(OWN);
        assert_eq!(base_url(run), shown(&path));
    }

    #[test]
    fn its_folder_follows_the_xdg_specification() {
        let elsewhere = || {
            let run = own("OUTSETA_SUBDOMAIN=other\n").home_file("xdg/outseta-token/env", NAMED);
            set_mode(&run.home().join("xdg/outseta-token/env"), 0o600);
            run
        };
        let run = elsewhere();
        let xdg = run.home().join("xdg");
        let path = xdg.join("outseta-token/env");
        assert_eq!(base_url(run.env("XDG_CONFIG_HOME", &xdg)), shown(&path));
        // Without HOME too.
        let run = elsewhere().env_remove("HOME");
        let xdg = run.home().join("xdg");
        let path = xdg.join("outseta-token/env");
        assert_eq!(base_url(run.env("XDG_CONFIG_HOME", &xdg)), shown(&path));
        // Where it has none, the other is not read instead.
        let run = own(NAMED);
        let empty = run.home().join("empty");
        unconfigured(run.env("XDG_CONFIG_HOME", empty));
        // Empty or relative it counts as not set.
        for value in ["", "xdg"] {
            let run = own(NAMED).file("xdg/outseta-token/env", "OUTSETA_SUBDOMAIN=other\n");
            let path = run.home().join(OWN);
            assert_eq!(base_url(run.env("XDG_CONFIG_HOME", value)), shown(&path));
        }
    }

    #[test]
    fn the_file_may_be_missing() {
        unconfigured(Run::new());
        unconfigured(Run::new().env_remove("HOME"));
        unconfigured(Run::new().env("HOME", "/missing"));
        // Relative to nothing in particular.
        for home in ["", "."] {
            let run = Run::new().file(OWN, NAMED).env("HOME", home);
            set_mode(&run.work().join(OWN), 0o600);
            unconfigured(run);
        }
        let run = Run::new().home_file(".config/outseta-token/x", "");
        let link = run.home().join(OWN);
        symlink("missing", link).expect("a link");
        unconfigured(run);
    }

    #[test]
    fn a_file_in_the_working_directory_is_never_read_unasked() {
        let run = Run::new().file(".env", NAMED).file("env", NAMED);
        for path in [".env", "env"] {
            set_mode(&run.work().join(path), 0o600);
        }
        unconfigured(run);
        let run = Run::new().file(".env", NAMED).args(["-e", ".env"]);
        assert_eq!(base_url(run), shown(Path::new(".env")));
    }

    #[track_caller]
    fn refused(run: Run, why: &str, hint: &str) {
        let path = run.home().join(OWN);
        let message =
            format!("outseta-token: invalid env file (the user's settings in {}): {why}", path.display());
        run.arg(JANE).status(78).stderr_lines(&[&message, &format!("outseta-token: hint: {hint}")]).run();
    }

    #[test]
    fn the_users_own_file_must_not_be_writable_by_others() {
        for (mode, writable) in
            [(0o600, false), (0o644, false), (0o755, false), (0o620, true), (0o602, true), (0o666, true)]
        {
            let run = own(NAMED);
            let path = run.home().join(OWN);
            set_mode(&path, mode);
            if writable {
                let hint = "check its contents, then run: chmod go-w FILE";
                refused(run, "it is writable by group or others", hint);
            } else {
                assert_eq!(base_url(run), shown(&path), "{mode:o}");
            }
        }
        // --env-file may name any file.
        let run = Run::new().file("file.env", NAMED);
        set_mode(&run.work().join("file.env"), 0o666);
        assert_eq!(base_url(run.args(["-e", "file.env"])), shown(Path::new("file.env")));
    }

    #[test]
    fn the_users_own_file_must_be_a_regular_file() {
        let folder = Run::new().home_file(".config/outseta-token/env/x", "");
        let fifo = Run::new().home_file(".config/outseta-token/x", "");
        make_fifo(&fifo.home().join(OWN));
        for run in [folder, fifo] {
            refused(run, "it is not a regular file", "read another kind of file with --env-file FILE");
        }
    }

    #[test]
    fn the_users_own_file_must_belong_to_this_user_or_to_root() {
        if !geteuid().is_root() {
            skip("only root can give a file away");
            return;
        }
        let run = own(NAMED);
        chown(run.home().join(OWN), Some(65_534), None).expect("it is given away");
        let hint = "check HOME and XDG_CONFIG_HOME; if you trust the file, use --env-file FILE";
        refused(run, "it belongs to another user", hint);

        if !has("/usr/bin/setpriv") {
            return;
        }
        let run = Run::by_shell(AS_NOBODY).home_file(OWN, NAMED);
        let path = run.home().join(OWN);
        set_mode(&path, 0o644);
        set_mode(run.home().parent().expect("a folder"), 0o755);
        assert_eq!(base_url(run), shown(&path));
    }

    #[test]
    fn a_file_that_cannot_be_read_is_named() {
        for (path, why) in [("missing.env", "no such file or directory"), ("/", "is a directory")] {
            Run::new()
                .args(["-e", path, JANE])
                .status(66)
                .stderr_lines(&[&format!("outseta-token: cannot read {path} (--env-file): {why}"), READABLE])
                .run();
        }
    }

    #[test]
    fn a_file_that_may_not_be_read_is_named() {
        let run = own(NAMED);
        let path = run.home().join(OWN);
        if !forbid_reading(&path) {
            return;
        }
        run.arg(JANE)
            .status(66)
            .stderr_lines(&[
                &format!("outseta-token: cannot read {}: permission denied", path.display()),
                READABLE,
            ])
            .run();
    }

    #[test]
    fn a_file_may_be_a_pipe() {
        let run = Run::new().stdin(NAMED).args(["-e", "/dev/stdin"]);
        assert_eq!(base_url(run), shown(Path::new("/dev/stdin")));
    }
}

mod base_url_in_a_file {
    use super::*;

    const WARNING: [&str; 2] = [
        "outseta-token: warning: OUTSETA_BASE_URL in file.env is not used",
        "outseta-token: hint: it is used only if the key and secret are in the same file; otherwise pass --base-url",
    ];

    /// A file with this server as base URL and the lines given.
    fn file(server: &Server, lines: &str) -> Run {
        let text = format!("OUTSETA_BASE_URL={}\n{lines}", server.url());
        let run = Run::new().file("file.env", text);
        run.args(["-e", "file.env", "-r", JANE])
    }

    fn key() -> String {
        format!("OUTSETA_API_KEY={KEY}\n")
    }

    fn secret() -> String {
        format!("OUTSETA_API_SECRET={SECRET}\n")
    }

    #[test]
    fn is_used_if_key_and_secret_are_in_the_file_too() {
        let server = Server::generous();
        file(&server, &(key() + &secret())).stdout("t0ken\n").run();
        assert_eq!(server.requests().len(), 1);
    }

    #[test]
    fn is_not_used_with_credentials_from_elsewhere() {
        let server = Server::generous();
        let both = key() + &secret();
        let of_env = |run: Run, name: &str| match name {
            "OUTSETA_API_KEY" => run.env(name, KEY),
            "OUTSETA_API_SECRET" => run.env(name, SECRET),
            "OUTSETA_API_KEY_FILE" => run.file("key", KEY).env(name, "key"),
            _ => run.file("secret", SECRET).env(name, "secret"),
        };
        let rows: [(&str, &[&str]); 6] = [
            ("", &["OUTSETA_API_KEY", "OUTSETA_API_SECRET"]),
            ("", &["OUTSETA_API_KEY_FILE", "OUTSETA_API_SECRET_FILE"]),
            (&both, &["OUTSETA_API_KEY", "OUTSETA_API_SECRET"]),
            (&both, &["OUTSETA_API_KEY"]),
            (&both, &["OUTSETA_API_SECRET"]),
            (&both, &["OUTSETA_API_KEY_FILE"]),
        ];
        for (lines, names) in rows {
            let run = names.iter().fold(file(&server, lines), |run, name| of_env(run, name));
            run.status(78)
                .stderr_lines(&[
                    WARNING[0],
                    WARNING[1],
                    "outseta-token: not configured: subdomain (--subdomain or OUTSETA_SUBDOMAIN)",
                    SET_THEM,
                ])
                .run();
        }
        assert_eq!(server.connections(), 0);
    }

    #[test]
    fn is_replaced_by_the_files_subdomain() {
        let server = Server::generous();
        let run = file(&server, "OUTSETA_SUBDOMAIN=acme\n").credentials();
        let outcome: Outcome = run.args(["-v", "-o", "missing/file"]).outcome();
        let lines: Vec<&str> = outcome.stderr.lines().skip(1).take(3).collect();
        let base_url = "outseta-token: base URL https://acme.outseta.com (OUTSETA_SUBDOMAIN in file.env)";
        assert_eq!(lines, [WARNING[0], WARNING[1], base_url], "{outcome}");
    }

    #[test]
    fn gives_no_warning_if_another_base_url_wins() {
        let server = Server::generous();
        let elsewhere = Server::http(Account::acme());
        for run in [
            file(&elsewhere, "").env("OUTSETA_BASE_URL", server.url()),
            file(&elsewhere, "").args(["--base-url", &server.url()]),
        ] {
            run.credentials().stdout("t0ken\n").run();
        }
        assert_eq!(elsewhere.connections(), 0);
    }

    #[test]
    fn gives_no_warning_if_the_files_credentials_are_malformed() {
        let server = Server::generous();
        file(&server, "OUTSETA_API_KEY='a b'\nOUTSETA_API_SECRET=s\n")
            .status(78)
            .stderr_lines(&[
                "outseta-token: invalid API key (OUTSETA_API_KEY in file.env): it contains a space",
                "outseta-token: hint: copy it again from Settings > Integrations > API Keys in Outseta",
            ])
            .run();
        assert_eq!(server.connections(), 0);
    }

    #[test]
    fn in_the_users_own_file() {
        let server = Server::generous();
        let text = format!("OUTSETA_BASE_URL={}\n", server.url());
        let run = own(&text);
        let path = run.home().join(OWN);
        run.credentials()
            .arg(JANE)
            .status(78)
            .stderr_contains(&format!("warning: OUTSETA_BASE_URL in {} is not used", path.display()))
            .run();
        own(text + &key() + &secret()).args(["-r", JANE]).stdout("t0ken\n").run();
        assert_eq!(server.requests().len(), 1);
    }
}
