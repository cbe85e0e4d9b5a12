//! `-- COMMAND`: the process becomes COMMAND, with the token but without the API key in its environment;
//! nothing else changes.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::symlink;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::fake::Server;
use crate::support::http::Response;
use crate::support::jwt::{self, JANE as JWT};
use crate::support::model::{Account, SecondFactor, User};
use crate::support::pty::Streams;
use crate::support::run::Run;
use crate::support::{KEY, SECRET, has, write_script};

const TOKEN: &str = "OUTSETA_ACCESS_TOKEN";
const EXPIRES_AT: &str = "OUTSETA_ACCESS_TOKEN_EXPIRES_AT";

fn jane(server: &Server) -> Run {
    Run::new().server(server).args(["jane@example.com", "--"])
}

/// Runs a shell script with Jane's token.
fn script(server: &Server, script: &str) -> Run {
    jane(server).args(["/bin/sh", "-c", script])
}

type Environment = BTreeMap<OsString, OsString>;

/// What `/proc/PID/environ` contains and `env -0` prints.
fn environment(environ: &[u8]) -> Environment {
    let entries = environ.split(|byte| *byte == 0).filter(|entry| !entry.is_empty());
    entries
        .map(|entry| {
            let equals = entry.iter().position(|byte| *byte == b'=').expect("a =");
            let part = |bytes: &[u8]| OsString::from_vec(bytes.to_vec());
            (part(&entry[..equals]), part(&entry[equals + 1..]))
        })
        .collect()
}

/// The environment of a command.
fn environment_of(run: Run) -> Environment {
    environment(&run.args(["/usr/bin/env", "-0"]).outcome().stdout)
}

fn get<'a>(environment: &'a Environment, name: &str) -> Option<&'a str> {
    environment.get(OsStr::new(name)).map(|value| value.to_str().expect("text"))
}

mod success {
    use super::*;

    #[test]
    fn the_status_is_the_commands() {
        let server = Server::minting(JWT);
        for status in [0, 1, 2, 64, 70, 78, 126, 127, 130, 143, 254, 255] {
            script(&server, &format!("exit {status}")).status(status).run();
        }
    }

    #[test]
    fn a_signal_that_ends_the_command_ends_the_run() {
        let server = Server::minting(JWT);
        for (name, number) in [("TERM", 15), ("INT", 2), ("KILL", 9), ("PIPE", 13)] {
            let outcome = script(&server, &format!("kill -{name} $$")).interruptible().outcome();
            assert_eq!(outcome.signal, Some(number), "{outcome}");
        }
    }

    #[test]
    fn the_streams_are_the_commands() {
        let server = Server::minting(JWT);
        script(&server, "echo out; echo err >&2").stdout("out\n").stderr("err\n").run();
        let input: Vec<u8> = (0..=255).cycle().take(300_000).collect();
        let cat = || jane(&server).arg("/bin/cat").file("input", &input);
        assert!(cat().stdin(input.clone()).outcome().stdout == input, "a pipe comes through whole");
        let run = cat();
        let path = run.work().join("input");
        assert!(run.stdin_file(path).outcome().stdout == input, "a file is read from its start");
    }

    #[test]
    fn the_process_is_the_command_with_unchanged_arguments() {
        if !has("/proc/self/cmdline") {
            return;
        }
        let server = Server::minting(JWT);
        let script = "echo $$ ready; read line; exit 3";
        let command = ["/bin/sh", "-c", script, "--", "missing folder/a b", "", "*", "$HOME", "-r", "a\nb"];
        let command = command.map(OsStr::new).into_iter().chain([OsStr::from_bytes(b"\xff\xfe")]);
        let mut running = jane(&server).args(command.clone()).stdin_open().start();
        running.wait_for_stdout(&format!("{} ready\n", running.id()));
        let proc = |name| fs::read(format!("/proc/{}/{name}", running.id())).expect("it runs");
        let expected: Vec<u8> = command.flat_map(|argument| [argument.as_bytes(), b"\0"].concat()).collect();
        assert_eq!(proc("cmdline"), expected);
        let environment = environment(&proc("environ"));
        assert_eq!(get(&environment, TOKEN), Some(JWT));
        assert!(!environment.values().any(|value| value == KEY || value == SECRET));
        running.write("go\n");
        let outcome = running.outcome();
        assert_eq!(outcome.status, Some(3), "{outcome}");
    }

    #[test]
    fn the_command_is_found_in_path() {
        let server = Server::minting(JWT);
        let run = jane(&server).args(["tool", "argument"]);
        let folder = run.work().join("bin");
        fs::create_dir(&folder).expect("a folder is made");
        write_script(&folder.join("tool"), "#!/bin/sh\necho \"tool: $1\"\n");
        run.env("PATH", format!("missing:{}", folder.display())).stdout("tool: argument\n").run();
        jane(&server).arg("true").run();
    }
}

mod environment_of_the_command {
    use super::*;

    #[test]
    fn it_is_inherited_except_for_the_token_and_the_credentials() {
        let server = Server::minting(JWT);
        let odd = OsStr::from_bytes(b"\xff=\n");
        let (inherited, removed) = (
            [("A", "1"), ("EMPTY", ""), ("OUTSETA_API_KEYS", "k"), ("OUTSETA_SUBDOMAIN", "acme")],
            ["OUTSETA_API_KEY_FILE", "OUTSETA_API_SECRET_FILE"],
        );
        let run = jane(&server).env("ODD", odd);
        let run = inherited.iter().fold(run, |run, (name, value)| run.env(name, value));
        let run = removed.iter().fold(run, |run, name| run.env(name, "missing"));
        let mut expected: Environment =
            inherited.iter().map(|(name, value)| (name.into(), value.into())).collect();
        expected.extend([
            ("HOME".into(), run.home().into()),
            ("ODD".into(), odd.into()),
            (TOKEN.into(), JWT.into()),
            (EXPIRES_AT.into(), "4102444800".into()),
            ("OUTSETA_BASE_URL".into(), server.url().into()),
        ]);
        assert_eq!(environment_of(run), expected);
    }

    #[test]
    fn credentials_cannot_be_read_again_from_a_descriptor() {
        let server = Server::minting(JWT);
        let run = |redirections: &str| {
            Run::by_shell(&format!("exec \"$0\" \"$@\" {redirections}"))
                .file("key", KEY)
                .file("secret", SECRET)
                .file("env", format!("OUTSETA_API_KEY={KEY}\nOUTSETA_API_SECRET={SECRET}\n"))
                .env("OUTSETA_BASE_URL", server.url())
        };
        // How many bytes can be read from the two, if they are open.
        let script =
            "for fd in 0 3; do if [ -e /dev/fd/$fd ]; then cat <&$fd | wc -c; else echo closed; fi; done";
        let command = ["jane@example.com", "--", "/bin/sh", "-c", script];
        let files = run("3<key <secret").env("OUTSETA_API_KEY_FILE", "/dev/fd/3");
        files.env("OUTSETA_API_SECRET_FILE", "/dev/stdin").args(command).stdout("0\nclosed\n").run();
        let env_file = ["--base-url", &server.url(), "-e", "/dev/fd/3"];
        run("3<env <key").args(env_file).args(command).stdout(format!("{}\nclosed\n", KEY.len())).run();
        // What was read decides, not its name.
        for name in ["/proc/thread-self/fd/3", "link", "key"] {
            let run =
                run("3<key <secret").env("OUTSETA_API_SECRET", SECRET).env("OUTSETA_API_KEY_FILE", name);
            symlink("/dev/fd/3", run.work().join("link")).expect("a link is made");
            if !name.starts_with("/proc") || has("/proc/thread-self") {
                run.args(command).stdout(format!("{}\nclosed\n", SECRET.len())).run();
            }
        }
        // A pipe has an inode too.
        let pipe = run("3<&0 <secret").env("OUTSETA_API_SECRET", SECRET).stdin(KEY).args(command);
        pipe.env("OUTSETA_API_KEY_FILE", "/dev/fd/3").stdout(format!("{}\nclosed\n", SECRET.len())).run();
        // The command's own standard error is never closed.
        let streams = run("2<key <secret").env("OUTSETA_API_KEY_FILE", "/dev/fd/2");
        let open = ["jane@example.com", "--", "/bin/sh", "-c", "[ -e /dev/fd/2 ] && echo open"];
        streams.env("OUTSETA_API_SECRET_FILE", "/dev/stdin").args(open).stdout("open\n").run();
        run("3<key <key").credentials().args(command).stdout(format!("{0}\n{0}\n", KEY.len())).run();
    }

    /// The token and expiry in a command's environment, which replace older ones.
    fn token_and_expiry(response: &Value) -> (String, Option<i64>) {
        let server = Server::replying(Response::json(200, response));
        let environment = environment_of(jane(&server).env(TOKEN, "old").env(EXPIRES_AT, "1"));
        let expiry = get(&environment, EXPIRES_AT).map(|expiry| expiry.parse().expect("Unix seconds"));
        (get(&environment, TOKEN).expect("it is set").to_owned(), expiry)
    }

    #[test]
    fn the_expiry_is_from_the_token_or_expires_in_or_absent() {
        let with_exp = |exp: Value| jwt::encode(&json!({"email": "jane@example.com", "exp": exp}), 0);
        for (exp, expiry) in
            [(4_102_444_800_i64.into(), 4_102_444_800), (4_102_444_800.9.into(), 4_102_444_800)]
        {
            let token = with_exp(exp);
            let response = json!({"access_token": token, "expires_in": 60});
            assert_eq!(token_and_expiry(&response), (token, Some(expiry)));
        }
        for token in ["opaque".to_owned(), with_exp("soon".into())] {
            let before = jwt::now();
            let (seen, expiry) = token_and_expiry(&json!({"access_token": token, "expires_in": 600}));
            assert_eq!(seen, token);
            assert!((before + 600..=jwt::now() + 600).contains(&expiry.expect("it is set")), "{expiry:?}");
        }
        for response in [json!({"access_token": "t"}), json!({"access_token": "t", "expires_in": "soon"})] {
            assert_eq!(token_and_expiry(&response), ("t".to_owned(), None));
        }
    }
}

mod failure {
    use super::*;

    /// The two statuses are those of env(1).
    #[test]
    fn a_command_that_cannot_be_run_is_126_or_127_as_with_env() {
        let server = Server::minting(JWT);
        for (name, status, message) in [
            ("./missing", 127, "command not found: ./missing"),
            ("outseta-no-such-command", 127, "command not found: outseta-no-such-command"),
            ("./script", 127, "command not found: ./script"),
            ("./data", 126, "cannot execute ./data: permission denied"),
            ("./folder", 126, "cannot execute ./folder: permission denied"),
            ("./data/tool", 126, "cannot execute ./data/tool: not a directory"),
        ] {
            let prepared = |run: Run| {
                let run = run.arg(name).file("data", "echo ran\n").file("folder/file", "");
                write_script(&run.work().join("script"), "#!missing/interpreter\n");
                run
            };
            let hint = match status {
                127 => "check the name and PATH; if it is a script, check the interpreter on its `#!` line",
                _ => {
                    "check that it is a program that this user may execute; a script needs a first line \
                     such as #!/bin/sh"
                }
            };
            prepared(jane(&server)).fails(status, message, hint).run();
            let env = prepared(Run::of("/usr/bin/env".into())).outcome();
            assert_eq!(env.status, Some(status), "{name}");
        }
    }

    #[test]
    fn a_token_too_long_for_an_environment_is_126() {
        let server = Server::minting(&"x".repeat(40_000));
        // Arguments and environment may take a quarter of the stack, and at least 128 KiB.
        let run = Run::by_shell("ulimit -s 512; exec \"$0\" \"$@\"").env("FILLER", "x".repeat(100_000));
        let run = run.server(&server).args(["jane@example.com", "--", "/usr/bin/true"]);
        run.fails_with(126, "cannot execute /usr/bin/true: argument list too long\n").run();
    }

    #[test]
    fn no_command_runs_without_a_token() {
        let two_factor = User::new("jane@example.com").second_factor(SecondFactor::Email);
        for (server, status) in [
            (Server::http(Account::new("acme")), 67),
            (Server::http(Account::new("acme").user(two_factor)), 77),
            (Server::replying(Response::empty(503)), 75),
            (Server::minting("a b"), 76),
            (Server::minting(&jwt::token("acme", "john@example.com", 60)), 76),
        ] {
            let run = Run::new().server(&server).args(["--retries", "0", "jane@example.com", "--"]);
            let run = run.args(["/bin/sh", "-c", "echo ran; echo ran >ran"]);
            let outcome = run.fails_with(status, "").run();
            assert!(!outcome.work().join("ran").exists());
        }
        for (email, status) in [("jane@example.com", 78), ("jane", 65)] {
            Run::new().args([email, "--", "/bin/echo", "ran"]).fails_with(status, "").run();
        }
    }
}

mod details {
    use super::*;

    const SIGNALS: [&str; 4] = ["/bin/grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status"];

    /// The output of a command that is started without the program.
    fn without_the_program(command: &[&str]) -> String {
        let (name, args) = command.split_first().expect("a command");
        Run::of(name.into()).args(args).interruptible().outcome().stdout_text()
    }

    /// The blocked and the ignored signals. The C library reserves 32 and 33, so only 1 to 31 count.
    fn signals(status: &str) -> [u64; 2] {
        ["SigBlk:", "SigIgn:"].map(|name| {
            let mask = status.lines().find_map(|line| line.strip_prefix(name)).expect("it is listed");
            u64::from_str_radix(mask.trim(), 16).expect("a mask") & 0x7fff_ffff
        })
    }

    /// Rust's runtime ignores SIGPIPE: a command that inherits this never notices a closed pipe. It would
    /// also inherit a signal that the prompt left ignored.
    #[test]
    fn the_command_starts_with_the_default_signals_even_after_a_hidden_prompt() {
        if !has("/proc/self/status") {
            return;
        }
        let server = Server::minting(JWT);
        let run = || jane(&server).args(SIGNALS).interruptible();
        let mut session = run().env_remove("OUTSETA_API_SECRET").on_terminal(Streams::NOT_STDOUT);
        session.wait_for("API secret (not shown): ").wait_for_no_echo().send(SECRET).send("\r");
        for outcome in [run().outcome(), session.outcome()] {
            let seen = signals(&outcome.stdout_text());
            assert_eq!(seen, signals(&without_the_program(&SIGNALS)), "{outcome}");
            assert_eq!(seen[1] & 1 << (Signal::PIPE.as_raw() - 1), 0, "{outcome}");
        }
    }

    #[test]
    fn the_connection_is_not_passed_on() {
        if !has("/proc/self/fd") {
            return;
        }
        let listing = "for fd in /proc/$$/fd/*; do readlink $fd; done";
        let sockets = |listing: &str| listing.lines().filter(|line| line.starts_with("socket:")).count();
        let outcome = script(&Server::minting(JWT), listing).outcome();
        let text = outcome.stdout_text();
        assert!(text.contains("/dev/null"), "{outcome}");
        let without = without_the_program(&["/bin/sh", "-c", listing]);
        assert_eq!(sockets(&text), sockets(&without), "{outcome}");
    }

    #[test]
    fn the_success_line_and_warnings_come_before_the_commands_output() {
        let server = Server::minting("opaque");
        let on_terminal = |args: &[&str]| {
            let run =
                Run::new().server(&server).args(args).args(["jane@example.com", "--", "/bin/echo", "ran"]);
            run.on_terminal(Streams::ALL).outcome().terminal
        };
        let line = "outseta-token: token for jane@example.com, valid for 7 days\r\n";
        assert_eq!(on_terminal(&[]), format!("{line}ran\r\n"));
        assert_eq!(on_terminal(&["-q"]), "ran\r\n");
        let expired = Server::http(Account::acme().lifetime(-60));
        let outcome = script(&expired, "echo ran").on_terminal(Streams::ALL).outcome();
        let lines: Vec<&str> = outcome.terminal.lines().collect();
        assert_eq!(outcome.status, Some(0), "{outcome}");
        assert!(lines[0].contains("has expired") && lines.last() == Some(&"ran"), "{outcome}");
    }
}
