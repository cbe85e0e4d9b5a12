//! `make demo`: a tour of the program against a fake Outseta on loopback, in parts, at most 80 columns wide.
//! Its status is 0 if every command had the expected status.

mod support;

use std::fs;
use std::io::{self, IsTerminal as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use support::http::Response;
use support::listener::dead_address;
use support::model::{Account, cloudflare};
use support::proxy::Detour;
use support::run::program;
use support::script::Endpoint;
use support::{KEY, SECRET};

const COLUMNS: usize = 80;

const PARTS: [&str; 5] = [
    "a token in each format",
    "files, commands and many users",
    "what is wrong with the command or a setting",
    "what Outseta refuses",
    "redirects, outages and a bad network",
];

/// A terminal session, typed by the tour.
struct Session {
    detour: Detour,
    folder: tempfile::TempDir,
    as_expected: bool,
}

impl Session {
    fn new() -> Self {
        let account = Account::shown();
        let folder = tempfile::tempdir().expect("a temporary folder");
        fs::create_dir(folder.path().join("bin")).expect("a folder is made");
        std::os::unix::fs::symlink(program(), folder.path().join("bin/outseta-token"))
            .expect("the program is linked into PATH");
        Self { detour: Detour::new(account), folder, as_expected: true }
    }

    fn part(number: usize) {
        let (bold, plain) = if io::stdout().is_terminal() { ("\x1b[1m", "\x1b[0m") } else { ("", "") };
        say(&format!("\n{bold}== Part {number} of {}: {} =={plain}\n", PARTS.len(), PARTS[number - 1]));
    }

    /// Says what the fake does next, where the same command has another result.
    fn fake_now(text: &str) {
        say(&format!("\n(the fake now responds {text})\n"));
    }

    /// Runs a line in a shell and shows its output.
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
            say(&format!("{}\n", fitted(line)));
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

/// A line in at most 80 columns: shortened if it has a token or is a record, otherwise wrapped.
fn fitted(line: &str) -> String {
    let may_be_cut = line.contains("eyJ") || line.starts_with("{\"");
    if let Some((end, _)) = line.char_indices().nth(COLUMNS - 1).filter(|_| may_be_cut) {
        return format!("{}…", &line[..end]);
    }
    let (mut text, mut column) = (String::new(), 0);
    for word in line.split_inclusive(' ') {
        let width = word.trim_end().chars().count();
        if column > 0 && column + width > COLUMNS {
            text.truncate(text.trim_end().len());
            text.push_str("\n    ");
            column = 4;
        }
        text.push_str(word);
        column += word.chars().count();
    }
    text
}

fn say(text: &str) {
    // The reader may close the pipe.
    if io::stdout().write_all(text.as_bytes()).and_then(|()| io::stdout().flush()).is_err() {
        std::process::exit(0);
    }
}

fn main() -> ExitCode {
    let mut session = Session::new();
    say("A tour of outseta-token. Here, https://acme.outseta.com is a fake on this\n");
    say("machine; subdomain, key and secret are set in the environment.\n\n");
    for (index, part) in PARTS.iter().enumerate() {
        say(&format!("  Part {}: {part}\n", index + 1));
    }
    tokens(&mut session);
    modes(&mut session);
    mistakes(&mut session);
    refusals(&mut session);
    network(&mut session);
    if session.as_expected {
        say("\nThat was everything, and nothing left this machine.\n");
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn tokens(session: &mut Session) {
    Session::part(1);
    session.types("outseta-token jane@example.com", 0);
    session.types("outseta-token --raw jane@example.com", 0);
    session.types("outseta-token --format header jane@example.com", 0);
    session.types("outseta-token --format env jane@example.com", 0);
    session.types("outseta-token --format claims jane@example.com | grep -e email -e exp", 0);
    session.types("echo jane@example.com | outseta-token --raw", 0);
    session.types("outseta-token --raw --verbose jane@example.com", 0);
    session.types("outseta-token --check", 0);
}

fn modes(session: &mut Session) {
    Session::part(2);
    session.types("outseta-token --raw -o token jane@example.com && ls -l token | cut -c1-10", 0);
    session.types("outseta-token --raw -o token --min-ttl 1h -v jane@example.com", 0);
    session.types("outseta-token jane@example.com -- sh -c 'echo ${OUTSETA_API_KEY-no key here}'", 0);
    session.file("users", "jane@example.com\nnobody@example.com\nbob@example.com\n");
    session.types("cat users", 0);
    session.types("outseta-token --batch users", 67);
}

fn mistakes(session: &mut Session) {
    Session::part(3);
    session.types("outseta-token --fromat token jane@example.com", 64);
    session.types("outseta-token 'Jane Doe <jane@example.com>'", 65);
    session.types("outseta-token \"$UNSET_VARIABLE\"", 65);
    session.types("outseta-token --env-file missing.env jane@example.com", 66);
    session.types("env -u OUTSETA_API_KEY outseta-token jane@example.com", 78);
    session.types("https_proxy=socks5://localhost:1080 outseta-token jane@example.com", 78);
    session.types("outseta-token -o missing/token jane@example.com", 73);
    if Path::new("/dev/full").exists() {
        session.types("outseta-token jane@example.com >/dev/full", 74);
    }
    session.types("outseta-token jane@example.com -- ./token", 126);
    session.types("outseta-token jane@example.com -- crul", 127);
}

fn refusals(session: &mut Session) {
    Session::part(4);
    session.types("outseta-token nobody@example.com", 67);
    session.types("outseta-token --subdomain acmee jane@example.com", 68);
    session.types("OUTSETA_API_SECRET=wrong outseta-token jane@example.com", 78);
    session.types("outseta-token old@example.com", 77);
    session.types("outseta-token careful@example.com", 77);
}

fn network(session: &mut Session) {
    Session::part(5);
    Session::fake_now("with a redirect");
    session
        .detour
        .server
        .on(Endpoint::Tokens, Response::redirect(302, "https://elsewhere.example/login?return=1"));
    session.types("outseta-token jane@example.com", 76);
    Session::fake_now("with 429 and \"Retry-After: 3600\"");
    session
        .detour
        .server
        .on(Endpoint::Tokens, Response::html(429, "slow down").header("Retry-After", "3600"));
    session.types("outseta-token jane@example.com", 75);
    Session::fake_now("with 503 twice, then as before");
    session.detour.server.on(Endpoint::Tokens, cloudflare(503)).on(Endpoint::Tokens, cloudflare(503));
    session.types("outseta-token --retries 0 jane@example.com", 75);
    session.types("outseta-token --raw jane@example.com", 0);
    let dead = dead_address();
    session.types(&format!("outseta-token --retries 1 --base-url http://{dead} jane@example.com"), 69);
    session.types("env -u SSL_CERT_FILE outseta-token jane@example.com", 69);
}
