//! `make demo`: a tour of the program against a fake Outseta on loopback, from the first token to
//! every way in which there is none. It ends with 0 if everything went as the tour says.

mod support;

use std::fs;
use std::io::{self, IsTerminal as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use serde_json::json;
use support::http::Answer;
use support::listener::dead_address;
use support::model::{Account, Refusal, SecondFactor, User, cloudflare};
use support::proxy::Detour;
use support::run::program;
use support::script::On;
use support::{KEY, SECRET};

/// A line with a token in it ends here.
const SHOWN: usize = 96;

/// A terminal session, typed by the tour.
struct Session {
    detour: Detour,
    folder: tempfile::TempDir,
    as_expected: bool,
}

impl Session {
    fn new() -> Self {
        let expired = User::new("old@example.com").stages(&[5]).cannot_log_in(Refusal::GrantText);
        let careful = User::new("careful@example.com").second_factor(SecondFactor::Totp);
        let account = Account::acme()
            .user(User::new("bob@example.com"))
            .user(expired)
            .user(careful)
            .extra("refresh_token", json!("8xLOxBtZp8"));
        let folder = tempfile::tempdir().expect("a temporary folder");
        fs::create_dir(folder.path().join("bin")).expect("a folder is made");
        std::os::unix::fs::symlink(program(), folder.path().join("bin/outseta-token"))
            .expect("the program is linked into PATH");
        Self { detour: Detour::new(account), folder, as_expected: true }
    }

    fn title(text: &str) {
        let (bold, plain) = if io::stdout().is_terminal() { ("\x1b[1m", "\x1b[0m") } else { ("", "") };
        say(&format!("\n{bold}# {text}{plain}\n"));
    }

    /// Types a line and shows what comes of it.
    fn types(&mut self, line: &str, status: i32) {
        say(&format!("\n$ {line}\n"));
        let mut shell = Command::new("sh");
        // One stream after the other, as a terminal would show them.
        shell.args(["-c", &format!("exec 2>&1; {line}")]).env_clear();
        let path = std::env::var("PATH").unwrap_or_default();
        shell
            .env("PATH", format!("{}:{path}", self.folder.path().join("bin").display()))
            .env("HOME", self.folder.path())
            .env("OUTSETA_SUBDOMAIN", "acme")
            .env("OUTSETA_API_KEY", KEY)
            .env("OUTSETA_API_SECRET", SECRET)
            .env("https_proxy", self.detour.proxy.url())
            .env("SSL_CERT_FILE", self.detour.authority.pem_file())
            .current_dir(self.folder.path())
            .stdin(Stdio::null());
        let output = shell.output().expect("there is a shell");
        for line in String::from_utf8_lossy(&output.stdout).lines() {
            match line.char_indices().nth(SHOWN).filter(|_| line.contains("eyJ")) {
                Some((end, _)) => say(&format!("{}…\n", &line[..end])),
                None => say(&format!("{line}\n")),
            }
        }
        let actual = output.status.code();
        if status != 0 || actual != Some(0) {
            say(&format!("(exit status {})\n", actual.map_or("none".to_owned(), |code| code.to_string())));
        }
        if actual != Some(status) {
            say(&format!("THIS SHOULD HAVE BEEN {status}\n"));
            self.as_expected = false;
        }
    }

    fn file(&self, name: &str, contents: &str) {
        let path = self.folder.path().join(name);
        fs::write(&path, contents).expect("a file is written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("its mode is set");
    }
}

fn say(text: &str) {
    // A reader who has seen enough may leave.
    if io::stdout().write_all(text.as_bytes()).and_then(|()| io::stdout().flush()).is_err() {
        std::process::exit(0);
    }
}

fn main() -> ExitCode {
    let mut session = Session::new();
    say("outseta-token gets an access token for a user of an Outseta account, with the account's API key.\n");
    say("Here https://acme.outseta.com is a fake one on this machine; subdomain, key and secret are set.\n");
    successes(&mut session);
    files(&mut session);
    wrong_input(&mut session);
    wrong_answers(&mut session);
    if session.as_expected {
        say("\nThat was everything, and nothing left this machine.\n");
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn successes(session: &mut Session) {
    Session::title("A token for Jane, as Outseta answers");
    session.types("outseta-token jane@example.com", 0);
    Session::title("Or in the form that is needed");
    session.types("outseta-token --raw jane@example.com", 0);
    session.types("outseta-token --format header jane@example.com", 0);
    session.types("outseta-token --format env jane@example.com", 0);
    session.types("outseta-token --format claims jane@example.com", 0);
    Session::title("The email may come from standard input");
    session.types("echo jane@example.com | outseta-token --raw", 0);
    Session::title("What went over the wire, with nothing secret in it");
    session.types("outseta-token --raw --verbose jane@example.com", 0);
    Session::title("What is configured, from where, and whether it works");
    session.types("outseta-token --check", 0);
}

fn files(session: &mut Session) {
    Session::title("Into a file that only its owner may read, and no new token while that one is good");
    session.types("outseta-token --raw -o token jane@example.com && ls -l token | cut -c1-10", 0);
    session.types("outseta-token --raw -o token --min-ttl 1h -v jane@example.com", 0);
    Session::title("For a command, which gets the token and not the key");
    session.types(
        r#"outseta-token jane@example.com -- sh -c 'echo "${#OUTSETA_ACCESS_TOKEN} characters; key: ${OUTSETA_API_KEY-gone}"'"#,
        0,
    );
    Session::title("For many users: a JSON line for each, and the status of the first failure");
    session.types(
        "printf '%s\\n' jane@example.com nobody@example.com bob@example.com | outseta-token --batch",
        67,
    );
}

fn wrong_input(session: &mut Session) {
    Session::title("Every failure has its status: what the caller wrote");
    session.types("outseta-token --fromat token jane@example.com", 64);
    session.types("outseta-token 'Jane Doe <jane@example.com>'", 65);
    session.types("outseta-token \"$UNSET_VARIABLE\"", 65);
    session.types("outseta-token --env-file missing.env jane@example.com", 66);
    session.types("env -u OUTSETA_API_KEY -u OUTSETA_API_SECRET outseta-token jane@example.com", 78);
    session.types("https_proxy=socks5://localhost:1080 outseta-token jane@example.com", 78);
    Session::title("Where the result should go");
    session.types("outseta-token -o missing/token jane@example.com", 73);
    if Path::new("/dev/full").exists() {
        session.types("outseta-token jane@example.com >/dev/full", 74);
    }
    session.types("outseta-token jane@example.com -- ./token", 126);
    session.types("outseta-token jane@example.com -- crul", 127);
}

fn wrong_answers(session: &mut Session) {
    Session::title("What Outseta says");
    session.types("outseta-token nobody@example.com", 67);
    session.types("outseta-token --subdomain acmee jane@example.com", 68);
    session.file("wrong-secret", "not-the-secret\n");
    session.types(
        "env -u OUTSETA_API_SECRET OUTSETA_API_SECRET_FILE=wrong-secret outseta-token jane@example.com",
        77,
    );
    session.types("outseta-token old@example.com", 77);
    session.types("outseta-token careful@example.com", 77);
    session.detour.server.on(On::Tokens, Answer::redirect(302, "https://elsewhere.example/login?return=1"));
    session.types("outseta-token jane@example.com", 76);
    Session::title("And what lies between");
    let busy = Answer::html(429, "slow down").header("Retry-After", "3600");
    session.detour.server.on(On::Tokens, busy).on(On::Tokens, cloudflare(503));
    session.types("outseta-token jane@example.com", 75);
    session.types("outseta-token --retries 0 jane@example.com", 75);
    let dead = dead_address();
    session.types(&format!("outseta-token --retries 1 --base-url http://{dead} jane@example.com"), 69);
    session.types("env -u SSL_CERT_FILE outseta-token jane@example.com", 69);
}
