//! Env files: which file is read, and when its base URL is used. (Unit tests compare the grammar with
//! dotenv's.)

use std::os::unix::fs::{chown, symlink};
use std::path::Path;

use rustix::process::geteuid;

use crate::support::device::AS_NOBODY;
use crate::support::fake::Server;
use crate::support::run::Run;
use crate::support::{KEY, SECRET, forbid_reading, has, make_fifo, set_mode, skip};

const JANE: &str = "jane@example.com";
const OWN: &str = ".config/outseta-token/env";
const READABLE: &str = "check that the file is there and may be read by this user";
const MADE: &str = "a key is made in Outseta under Settings > Integrations > API Keys";
const NAMES: &str = "an env file can set OUTSETA_BASE_URL, OUTSETA_SUBDOMAIN, OUTSETA_API_KEY, \
    OUTSETA_API_SECRET";
const NOTHING: &str = "not configured: subdomain (OUTSETA_SUBDOMAIN or --subdomain), API key \
    (OUTSETA_API_KEY or OUTSETA_API_KEY_FILE), API secret (OUTSETA_API_SECRET or OUTSETA_API_SECRET_FILE)";
const SETTINGS: &str = "OUTSETA_SUBDOMAIN=own\nOUTSETA_API_KEY=key\nOUTSETA_API_SECRET=secret\n";

/// A run with the user's own env file, which nobody else may read.
fn own(text: impl AsRef<[u8]>) -> Run {
    let run = Run::new().home_file(OWN, text);
    set_mode(&run.home().join(OWN), 0o600);
    run
}

/// The base URL in the log of a run that fails later for another reason.
#[track_caller]
fn base_url(run: Run) -> String {
    let outcome = run.args(["-v", "-o", "missing/file", JANE]).outcome();
    assert_eq!(outcome.status, Some(73), "{outcome}");
    let mut lines = outcome.stderr.lines();
    let line = lines.find_map(|line| line.strip_prefix("outseta-token: base URL: "));
    line.expect("a line about the base URL").to_owned()
}

/// What [`base_url`] returns for `SETTINGS` in this file.
fn base_url_of_settings(path: &Path) -> String {
    format!("https://own.outseta.com (OUTSETA_SUBDOMAIN in {})", path.display())
}

#[track_caller]
fn unconfigured(run: Run) {
    run.arg(JANE).fails_with(78, NOTHING).run();
}

#[test]
fn a_file_is_read_like_dotenv_and_changes_no_environment() {
    let server = Server::generous();
    let text =
        format!("export OUTSETA_API_KEY: {KEY} # a\r\nOUTSETA_API_SECRET='{SECRET}'\nX=1\nnot a line\n");
    Run::new()
        .env_remove("HOME")
        .file("file.env", text)
        .args(["-e", "file.env", "--base-url", &server.url()])
        .args([JANE, "--", "/usr/bin/env"])
        .stdout("OUTSETA_ACCESS_TOKEN=t0ken\n")
        .run();
    let request = server.requests().pop().expect("a request");
    assert_eq!(request.header("authorization"), Some(&*format!("Outseta {KEY}:{SECRET}")));
}

#[test]
fn only_outseta_settings_are_read() {
    // These would set a proxy, certificates, a key file or another env file.
    let text = "OUTSETA_API_SECRET=abc\nhttps_proxy=socks5://x\nALL_PROXY=socks5://x\nSSL_CERT_FILE=missing\n\
         HOME=missing\nOUTSETA_API_KEY_FILE=key\nOUTSETA_APIKEY=k\nOUTSETA_BASE_URL=\nOUTSETA_SUBDOMAIN=\n";
    Run::new()
        .env("OUTSETA_SUBDOMAIN", "acme")
        .file("key", "key-of-file")
        .file("file.env", text)
        .args(["-e", "file.env", JANE])
        .status(78)
        .stderr_lines(&[
            "outseta-token: warning: OUTSETA_APIKEY in file.env is not a setting",
            &format!("outseta-token: hint: {NAMES}"),
            "outseta-token: warning: OUTSETA_API_KEY_FILE in file.env is not a setting",
            "outseta-token: hint: a _FILE variable has an effect only in the environment",
            "outseta-token: not configured: API key (OUTSETA_API_KEY or OUTSETA_API_KEY_FILE)",
            &format!("outseta-token: hint: set OUTSETA_API_KEY in the environment or in file.env; {MADE}"),
        ])
        .run();
    let run = Run::new().file("file.env", text.replace("_FILE=", "=")).args(["-e", "file.env"]);
    let run = run.env("OUTSETA_API_KEY", "k").env("OUTSETA_SUBDOMAIN", "acme");
    assert_eq!(base_url(run), "https://acme.outseta.com (OUTSETA_SUBDOMAIN in the environment)");
}

#[test]
fn a_quote_that_is_not_closed_is_named() {
    let opening = "it contains quotes: remove them, or close them";
    let closing = "it contains a line break: check for a missing closing quote or a second line";
    for (text, what, why) in [
        ("OUTSETA_API_KEY=\"k\nX=s\n", "API key (OUTSETA_API_KEY", opening),
        ("OUTSETA_API_SECRET='s\nX='y'\n", "API secret (OUTSETA_API_SECRET", opening),
        ("OUTSETA_API_KEY=\"k\nX=s\"\n", "API key (OUTSETA_API_KEY", closing),
        // In double quotes, \n is a line feed.
        ("OUTSETA_API_SECRET=\"a\\nb\"\n", "API secret (OUTSETA_API_SECRET", closing),
    ] {
        let hint = "copy it again from Settings > Integrations > API Keys in Outseta";
        let run = Run::new().file("file.env", text).args(["-s", "acme", "-e", "file.env", JANE]);
        run.fails(78, &format!("invalid {what} in file.env): {why}"), hint).run();
    }
}

#[test]
fn a_named_file_that_cannot_be_used_is_an_error() {
    let large = "the file is larger than 64 KiB";
    let invalid = |path, why| format!("invalid env file (the file {path} (--env-file)): {why}");
    let unreadable = |path, why| format!("cannot read the file {path} (--env-file): {why}");
    for (path, status, message, hint) in [
        ("latin1", 78, invalid("latin1", "it is not valid UTF-8"), "save it as UTF-8 text"),
        ("/dev/zero", 78, invalid("/dev/zero", large), "check that it is the right file"),
        ("missing", 66, unreadable("missing", "no such file or directory"), READABLE),
        ("/", 66, unreadable("/", "is a directory"), READABLE),
    ] {
        for mode in [JANE, "--check"] {
            let run = Run::new().file("latin1", b"OUTSETA_API_KEY=schl\xfcssel\n").args(["-e", path, mode]);
            run.fails(status, &message, hint).run();
        }
    }
}

#[test]
fn a_named_file_replaces_the_users_own_and_may_be_any_file() {
    let run = own("OUTSETA_SUBDOMAIN=other\n").file("file.env", SETTINGS).args(["-e", "file.env"]);
    set_mode(&run.work().join("file.env"), 0o666);
    assert_eq!(base_url(run), base_url_of_settings(Path::new("file.env")));
    // A file without a setting was probably named by mistake.
    let warning = format!("warning: empty has no setting\noutseta-token: hint: {NAMES}\n");
    let run = own(SETTINGS).file("empty", "X=1").args(["-e", "empty", JANE]).status(78);
    run.stderr_contains(&warning).stderr_contains(NOTHING).run();
    let piped = Run::new().stdin(SETTINGS).args(["-e", "/dev/stdin"]);
    assert_eq!(base_url(piped), base_url_of_settings(Path::new("/dev/stdin")));
}

mod own_file {
    use super::*;

    #[test]
    fn it_is_read_from_home_or_where_xdg_says() {
        let run = own(SETTINGS);
        let path = run.home().join(OWN);
        assert_eq!(base_url(run), base_url_of_settings(&path));
        for without_home in [false, true] {
            let run = own("OUTSETA_SUBDOMAIN=other\n").home_file("xdg/outseta-token/env", SETTINGS);
            let xdg = run.home().join("xdg");
            let path = xdg.join("outseta-token/env");
            set_mode(&path, 0o600);
            let run = if without_home { run.env_remove("HOME") } else { run };
            assert_eq!(base_url(run.env("XDG_CONFIG_HOME", &xdg)), base_url_of_settings(&path));
        }
        // If XDG_CONFIG_HOME has none, the one in HOME is not read instead.
        let run = own(SETTINGS);
        let empty = run.home().join("empty");
        unconfigured(run.env("XDG_CONFIG_HOME", empty));
    }

    #[test]
    fn it_may_be_missing() {
        let run = Run::new();
        let place = format!(" or in {} (no such file); ", run.home().join(OWN).display());
        unconfigured(run.stderr_contains(&place));
        let no_home = " or in an env file (--env-file), since HOME is not set to an absolute path; ";
        unconfigured(Run::new().env_remove("HOME").stderr_contains(no_home));
        unconfigured(Run::new().env("HOME", "/dev/null"));
        // A relative HOME is ignored.
        for home in ["", "."] {
            let run = Run::new().file(OWN, SETTINGS).env("HOME", home);
            set_mode(&run.work().join(OWN), 0o600);
            unconfigured(run);
        }
        let run = Run::new().home_file(".config/outseta-token/x", "");
        symlink("missing", run.home().join(OWN)).expect("a link");
        unconfigured(run);
    }

    #[test]
    fn a_file_in_the_working_directory_is_not_read_without_an_option() {
        let run = Run::new().file(".env", SETTINGS).file("env", SETTINGS);
        for path in [".env", "env"] {
            set_mode(&run.work().join(path), 0o600);
        }
        unconfigured(run);
    }

    #[track_caller]
    fn refused(run: Run, why: &str, hint: &str) {
        let path = run.home().join(OWN);
        let message = format!("invalid env file (the user's settings in {}): {why}", path.display());
        run.arg(JANE).fails(78, &message, hint).run();
    }

    #[test]
    fn one_that_cannot_be_used_is_an_error_only_if_a_setting_is_missing() {
        let server = Server::generous();
        let unusable = || {
            let run = own(SETTINGS);
            set_mode(&run.home().join(OWN), 0o620);
            run.args(["-r", JANE])
        };
        unusable()
            .server(&server)
            .stdout("t0ken\n")
            .stderr_contains("outseta-token: warning: invalid env file (the user's settings in ")
            .stderr_contains("hint: check its contents, then run: chmod go-w FILE\n")
            .run();
        for missing in ["OUTSETA_BASE_URL", "OUTSETA_API_KEY", "OUTSETA_API_SECRET"] {
            let run = unusable().server(&server).env_remove(missing);
            let outcome = run.fails_with(78, "invalid env file (the user's settings in ").run();
            assert_eq!(outcome.stderr.lines().count(), 2, "{outcome}");
        }
        // A folder that may not be entered is no missing file.
        if has("/usr/bin/setpriv") && geteuid().is_root() {
            let run = Run::by_shell(AS_NOBODY).home_file(OWN, SETTINGS).server(&server).args(["-r", JANE]);
            set_mode(&run.home(), 0o700);
            set_mode(run.home().parent().expect("a folder"), 0o755);
            let part = "/outseta-token/env: permission denied\n";
            run.stdout("t0ken\n").stderr_contains("warning: cannot read ").stderr_contains(part).run();
        }
        assert_eq!(server.requests().len(), if geteuid().is_root() { 2 } else { 1 });
    }

    #[test]
    fn it_must_be_a_regular_file_that_only_this_user_or_root_may_write() {
        for mode in [0o620, 0o602] {
            let run = own(SETTINGS);
            set_mode(&run.home().join(OWN), mode);
            let hint = "check its contents, then run: chmod go-w FILE";
            refused(run, "it is writable by group or others", hint);
        }

        let fifo = Run::new().home_file(".config/outseta-token/x", "");
        make_fifo(&fifo.home().join(OWN));
        refused(fifo, "it is not a regular file", "read another kind of file with --env-file FILE");

        let run = own(SETTINGS);
        let path = run.home().join(OWN);
        if forbid_reading(&path) {
            let message = format!("cannot read the user's settings in {}: permission denied", path.display());
            run.arg(JANE).fails(66, &message, READABLE).run();
        }
    }

    #[test]
    fn it_must_belong_to_this_user_or_to_root() {
        if !geteuid().is_root() {
            skip("only root can give a file away");
            return;
        }
        let run = own(SETTINGS);
        chown(run.home().join(OWN), Some(65_534), None).expect("it is given away");
        let hint = "check HOME and XDG_CONFIG_HOME; if you trust the file, use --env-file FILE";
        refused(run, "it belongs to another user", hint);

        if !has("/usr/bin/setpriv") {
            return;
        }
        for owner in [0, 65_534] {
            let run = Run::by_shell(AS_NOBODY).home_file(OWN, SETTINGS);
            let path = run.home().join(OWN);
            chown(&path, Some(owner), None).expect("it is given away");
            set_mode(&path, 0o644);
            set_mode(run.home().parent().expect("a folder"), 0o755);
            assert_eq!(base_url(run), base_url_of_settings(&path));
        }
    }
}

/// A repository's file must not send the credentials of CI elsewhere. (Unit tests have a row for each mixture
/// of sources.)
#[test]
fn a_base_url_in_a_file_is_used_only_with_key_and_secret_from_it() {
    let server = Server::generous();
    let text = format!("OUTSETA_BASE_URL={}\nOUTSETA_API_KEY={KEY}\n", server.url());
    let all = format!("{text}OUTSETA_API_SECRET={SECRET}\n");
    let named = |text: &str| Run::new().file("file.env", text).args(["-e", "file.env", "-r", JANE]);
    named(&all).stdout("t0ken\n").run();
    own(&all).args(["-r", JANE]).stdout("t0ken\n").run();
    assert_eq!(server.connections(), 2);
    let missing = "outseta-token: not configured: subdomain (OUTSETA_SUBDOMAIN or --subdomain)\n";
    for (name, value) in [("OUTSETA_API_KEY", KEY), ("OUTSETA_API_SECRET_FILE", "secret")] {
        let run = own(&all).file("secret", SECRET).env(name, value).args(["-r", JANE]).status(78);
        run.stderr_contains(" is not used\n").stderr_contains(missing).run();
    }
    // The environment has what the file lacks.
    let elsewhere = Server::generous();
    let warning = "outseta-token: warning: OUTSETA_BASE_URL in file.env is not used";
    let hint = "outseta-token: hint: it is used only if the key and secret come from the same file; \
        otherwise pass --base-url";
    named(&text).server(&elsewhere).stdout("t0ken\n").stderr_lines(&[warning, hint]).run();
    assert_eq!((server.connections(), elsewhere.connections()), (2, 1));
}
