//! `-- COMMAND`: the process becomes COMMAND, with the token in its environment and without the
//! admin credentials, and nothing else about it is changed.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};

use rustix::process::Signal;
use serde_json::json;

use crate::support::fake::Server;
use crate::support::http::Answer;
use crate::support::jwt;
use crate::support::model::{Account, SecondFactor, User};
use crate::support::pty::Streams;
use crate::support::run::{Outcome, Run};
use crate::support::script::On;
use crate::support::{KEY, SECRET, has, write_script};

/// `{"email":"jane@example.com","exp":4102444800}`: valid until 2100.
const JWT: &str = "eyJhbGciOiJub25lIn0.eyJlbWFpbCI6ImphbmVAZXhhbXBsZS5jb20iLCJleHAiOjQxMDI0NDQ4MDB9.c2ln";

fn answering(body: &serde_json::Value) -> Server {
    let server = Server::http(Account::acme());
    server.always(On::Tokens, Answer::json(200, body));
    server
}

fn minting(token: &str) -> Server {
    answering(&json!({"access_token": token, "token_type": "bearer", "expires_in": 60}))
}

/// Runs a command with Jane's token.
fn command<I>(server: &Server, command: I) -> Run
where
    I: IntoIterator<Item: AsRef<OsStr>>,
{
    Run::new().server(server).args(["jane@example.com", "--"]).args(command)
}

/// Runs a shell's script with Jane's token.
fn script(server: &Server, script: &str) -> Run {
    command(server, ["/bin/sh", "-c", script])
}

type Environment = BTreeMap<OsString, OsString>;

/// What `/proc/PID/environ` holds, and `env -0` prints.
fn environment(environ: &[u8]) -> Environment {
    let entries = environ.split(|byte| *byte == 0);
    let entries = entries.filter(|entry| !entry.is_empty());
    entries
        .map(|entry| {
            let equals = entry.iter().position(|byte| *byte == b'=').expect("a =");
            let part = |bytes: &[u8]| OsString::from_vec(bytes.to_vec());
            (part(&entry[..equals]), part(&entry[equals + 1..]))
        })
        .collect()
}

/// The environment that a command sees with these settings.
fn seen(run: Run) -> Environment {
    environment(&run.args(["/usr/bin/env", "-0"]).outcome().stdout)
}

fn get<'a>(environment: &'a Environment, name: &str) -> Option<&'a str> {
    let value = environment.get(OsStr::new(name))?;
    Some(value.to_str().expect("a value that is text"))
}

mod success {
    use super::*;

    #[test]
    fn the_status_is_the_commands() {
        let server = minting(JWT);
        let statuses = (0..4).chain(62..82).chain(124..132).chain([137, 143, 200, 254, 255]);
        for status in statuses {
            script(&server, &format!("exit {status}")).status(status).run();
        }
    }

    #[test]
    fn a_signal_that_ends_the_command_ends_the_run() {
        let server = minting(JWT);
        for (name, number) in [("TERM", 15), ("INT", 2), ("KILL", 9), ("PIPE", 13)] {
            let outcome = script(&server, &format!("kill -{name} $$")).interruptible().outcome();
            assert_eq!(outcome.signal, Some(number), "{outcome}");
        }
    }

    #[test]
    fn the_streams_are_the_commands() {
        let server = minting(JWT);
        script(&server, "echo out; echo err >&2").stdout("out\n").stderr("err\n").run();
        let input: Vec<u8> = (0..=255).cycle().take(300_000).collect();
        let outcome = command(&server, ["/bin/cat"]).stdin(input.clone()).outcome();
        assert!(outcome.stdout == input, "standard input comes through whole");
        let run = command(&server, ["/bin/cat"]).file("input", &input);
        let path = run.work().join("input");
        let outcome = run.stdin_file(path).outcome();
        assert!(outcome.stdout == input, "a file is read from its start");
    }

    #[test]
    fn the_process_is_the_command() {
        if !has("/proc/self/cmdline") {
            return;
        }
        let server = minting(JWT);
        let run = command(&server, ["/bin/sh", "-c", "echo $$ ready; read line; exit 3", "name"]);
        let mut running = run.stdin_open().start();
        running.wait_for_stdout(&format!("{} ready\n", running.id()));
        let proc = |name| fs::read(format!("/proc/{}/{name}", running.id())).expect("it runs");
        assert_eq!(proc("cmdline"), b"/bin/sh\0-c\0echo $$ ready; read line; exit 3\0name\0");
        let environment = environment(&proc("environ"));
        assert_eq!(get(&environment, "OUTSETA_ACCESS_TOKEN"), Some(JWT));
        for secret in [KEY, SECRET] {
            let values = environment.values();
            assert!(!values.into_iter().any(|value| value == secret));
        }
        running.write("go\n");
        let outcome = running.outcome();
        assert_eq!(outcome.status, Some(3), "{outcome}");
    }

    #[test]
    fn every_argument_comes_through_unchanged() {
        if !has("/proc/self/cmdline") {
            return;
        }
        let arguments = [
            OsStr::new("/bin/cat"),
            OsStr::new("--"),
            OsStr::new("/proc/self/cmdline"),
            OsStr::new("missing folder/a b"),
            OsStr::new(""),
            OsStr::new("*"),
            OsStr::new("$HOME"),
            OsStr::new("-r"),
            OsStr::new("--help"),
            OsStr::new("--"),
            OsStr::new("jane@example.com"),
            OsStr::new("a\nb"),
            OsStr::new("例"),
            OsStr::from_bytes(b"\xff\xfe"),
        ];
        let outcome = command(&minting(JWT), arguments).outcome();
        let expected: Vec<u8> =
            arguments.iter().flat_map(|argument| [argument.as_bytes(), b"\0"].concat()).collect();
        assert_eq!(outcome.stdout, expected, "{outcome}");
    }

    #[test]
    fn the_email_may_follow_the_hyphens() {
        let server = minting(JWT);
        for args in [
            &["jane@example.com", "--", "/bin/echo", "ran"][..],
            &["--", "jane@example.com", "/bin/echo", "ran"],
            &["--", "jane@example.com", "--", "/bin/echo", "ran"],
            &["-q", "jane@example.com", "--timeout", "9s", "--", "/bin/echo", "ran"],
        ] {
            Run::new().server(&server).args(args).stdout("ran\n").run();
        }
    }

    #[test]
    fn the_command_is_looked_for_in_path() {
        let server = minting(JWT);
        let run = command(&server, ["tool", "argument"]);
        let folder = run.work().join("bin");
        fs::create_dir(&folder).expect("a folder is made");
        write_script(&folder.join("tool"), "#!/bin/sh\necho \"tool: $1\"\n");
        let path = format!("/nonexistent:{}", folder.display());
        run.env("PATH", path).stdout("tool: argument\n").run();
        command(&minting(JWT), ["true"]).run();
    }
}

mod environment_of_the_command {
    use super::*;

    fn jane(server: &Server) -> Run {
        Run::new().server(server).args(["jane@example.com", "--"])
    }

    #[test]
    fn it_is_inherited_except_for_the_token_and_the_credentials() {
        let server = minting(JWT);
        let odd = OsStr::from_bytes(b"\xff=\n");
        let run = jane(&server)
            .env("A", "1")
            .env("EMPTY", "")
            .env("ODD", odd)
            .env("OUTSETA_SUBDOMAIN", "acme")
            .env("OUTSETA_OTHER", "o")
            .env("OUTSETA_API_KEYS", "k")
            .env("OUTSETA_API_KEY_FILE", "/nonexistent")
            .env("OUTSETA_API_SECRET_FILE", "/nonexistent");
        let home = run.home();
        let expected: Environment = [
            ("A", OsStr::new("1")),
            ("EMPTY", OsStr::new("")),
            ("HOME", home.as_os_str()),
            ("ODD", odd),
            ("OUTSETA_ACCESS_TOKEN", OsStr::new(JWT)),
            ("OUTSETA_ACCESS_TOKEN_EXPIRES_AT", OsStr::new("4102444800")),
            ("OUTSETA_API_KEYS", OsStr::new("k")),
            ("OUTSETA_BASE_URL", OsStr::new(&server.url())),
            ("OUTSETA_OTHER", OsStr::new("o")),
            ("OUTSETA_SUBDOMAIN", OsStr::new("acme")),
        ]
        .map(|(name, value)| (name.into(), value.to_owned()))
        .into();
        assert_eq!(seen(run), expected);
    }

    #[test]
    fn credentials_from_files_are_not_in_it() {
        let server = minting(JWT);
        let run = Run::new()
            .file("key", KEY)
            .file("secret", SECRET)
            .env("OUTSETA_BASE_URL", server.url())
            .env("OUTSETA_API_KEY_FILE", "key")
            .env("OUTSETA_API_SECRET_FILE", "secret")
            .args(["jane@example.com", "--"]);
        let names: Vec<OsString> = seen(run).into_keys().collect();
        let expected =
            ["HOME", "OUTSETA_ACCESS_TOKEN", "OUTSETA_ACCESS_TOKEN_EXPIRES_AT", "OUTSETA_BASE_URL"];
        assert_eq!(names, expected);

        let settings = format!(
            "OUTSETA_BASE_URL={}\nOUTSETA_API_KEY={KEY}\nOUTSETA_API_SECRET={SECRET}\n",
            server.url()
        );
        let run = Run::new().file("env", settings).args(["-e", "env", "jane@example.com", "--"]);
        let names: Vec<OsString> = seen(run).into_keys().collect();
        assert_eq!(names, expected[..3]);
    }

    #[test]
    fn credentials_cannot_be_read_again_from_a_descriptor() {
        let server = minting(JWT);
        let run = |redirections: &str| {
            Run::by_shell(&format!("exec \"$0\" \"$@\" {redirections}"))
                .file("key", KEY)
                .file("secret", SECRET)
                .file("env", format!("OUTSETA_API_KEY={KEY}\nOUTSETA_API_SECRET={SECRET}\n"))
                .env("OUTSETA_BASE_URL", server.url())
        };
        // Whether the two can be opened, and how much there is to read.
        let script =
            "for fd in 0 3; do if [ -e /dev/fd/$fd ]; then cat <&$fd | wc -c; else echo closed; fi; done";
        let command = ["jane@example.com", "--", "/bin/sh", "-c", script];
        let files = run("3<key <secret").env("OUTSETA_API_KEY_FILE", "/dev/fd/3");
        files.env("OUTSETA_API_SECRET_FILE", "/dev/stdin").args(command).stdout("0\nclosed\n").run();
        let env_file = ["--base-url", &server.url(), "-e", "/dev/fd/3"];
        run("3<env <key").args(env_file).args(command).stdout(format!("{}\nclosed\n", KEY.len())).run();
        run("3<key <key").credentials().args(command).stdout(format!("{0}\n{0}\n", KEY.len())).run();
    }

    #[test]
    fn variables_of_an_outer_run_are_replaced_or_removed() {
        let inherited = |body| {
            let server = answering(&body);
            let run =
                jane(&server).env("OUTSETA_ACCESS_TOKEN", "old").env("OUTSETA_ACCESS_TOKEN_EXPIRES_AT", "1");
            let environment = seen(run);
            let value = |name| get(&environment, name).map(str::to_owned);
            (value("OUTSETA_ACCESS_TOKEN"), value("OUTSETA_ACCESS_TOKEN_EXPIRES_AT"))
        };
        assert_eq!(
            inherited(json!({"access_token": JWT})),
            (Some(JWT.to_owned()), Some("4102444800".to_owned()))
        );
        for body in [
            json!({"access_token": "opaque"}),
            json!({"access_token": "opaque", "expires_in": "soon"}),
            json!({"access_token": "opaque", "expires_in": null}),
        ] {
            assert_eq!(inherited(body), (Some("opaque".to_owned()), None));
        }
    }

    #[test]
    fn the_expiry_is_the_tokens_own_else_counted_from_now() {
        let expiry = |body| {
            let environment = seen(jane(&answering(&body)));
            let text = get(&environment, "OUTSETA_ACCESS_TOKEN_EXPIRES_AT").expect("it is set");
            text.parse::<i64>().expect("Unix seconds")
        };
        let with_exp =
            |exp: serde_json::Value| jwt::encode(&json!({"email": "jane@example.com", "exp": exp}), 0);
        let token = with_exp(4_102_444_800_i64.into());
        assert_eq!(expiry(json!({"access_token": token, "expires_in": 60})), 4_102_444_800);
        let token = with_exp(4_102_444_800.9_f64.into());
        assert_eq!(expiry(json!({"access_token": token})), 4_102_444_800);
        for token in ["opaque".to_owned(), with_exp("soon".into())] {
            let before = jwt::now();
            let at = expiry(json!({"access_token": token, "expires_in": 600}));
            assert!((before + 600..=jwt::now() + 600).contains(&at), "{at}");
        }
    }
}

mod failure {
    use super::*;

    const NOT_FOUND: &str =
        "outseta-token: hint: check the name and PATH, and of a script the program that its first line names";
    const NOT_EXECUTED: &str =
        "outseta-token: hint: check that it is a program, and that this user may execute it";

    /// What env(1) says of the same command, which is where the two statuses come from.
    fn status_of_env(run: Run) -> Option<i32> {
        run.outcome().status
    }

    #[test]
    fn a_command_that_cannot_be_run_is_126_or_127_as_with_env() {
        let server = minting(JWT);
        for (name, status, lines) in [
            ("./missing", 127, ["outseta-token: command not found: ./missing", NOT_FOUND]),
            (
                "outseta-no-such-command",
                127,
                ["outseta-token: command not found: outseta-no-such-command", NOT_FOUND],
            ),
            ("./script", 127, ["outseta-token: command not found: ./script", NOT_FOUND]),
            ("./data", 126, ["outseta-token: cannot execute ./data: permission denied", NOT_EXECUTED]),
            ("./folder", 126, ["outseta-token: cannot execute ./folder: permission denied", NOT_EXECUTED]),
            (
                "./data/tool",
                126,
                ["outseta-token: cannot execute ./data/tool: not a directory", NOT_EXECUTED],
            ),
        ] {
            let prepared = |run: Run| {
                let run = run.file("data", "echo ran\n").file("folder/file", "");
                let script = run.work().join("script");
                write_script(&script, "#!/nonexistent/interpreter\n");
                run
            };
            prepared(command(&server, [name])).status(status).stderr_lines(&lines).run();
            let env = prepared(Run::of("/usr/bin/env".into()).arg(name));
            assert_eq!(status_of_env(env), Some(status), "{name}");
        }
    }

    #[test]
    fn a_token_too_long_for_an_environment_is_126() {
        let mut claims = jwt::claims("acme", "jane@example.com", 600);
        claims["filler"] = "x".repeat(200_000).into();
        command(&minting(&jwt::encode(&claims, 0)), ["/usr/bin/true"])
            .status(126)
            .stderr_lines(&[
                "outseta-token: cannot execute /usr/bin/true: argument list too long",
                NOT_EXECUTED,
            ])
            .run();
    }

    #[test]
    fn no_command_runs_without_a_token() {
        let two_factor = User::new("jane@example.com").second_factor(SecondFactor::Email);
        let unready = Server::http(Account::acme());
        unready.always(On::Tokens, Answer::empty(503));
        for (server, status) in [
            (Server::http(Account::new("acme")), 67),
            (Server::http(Account::new("acme").user(two_factor)), 77),
            (unready, 75),
            (minting("a b"), 76),
            (minting(&jwt::token("acme", "john@example.com", 60)), 76),
        ] {
            let outcome = Run::new()
                .server(&server)
                .args(["--retries", "0", "jane@example.com", "--"])
                .args(["/bin/sh", "-c", "echo ran; echo ran >ran"])
                .status(status)
                .stderr_contains("outseta-token: ")
                .run();
            assert!(!outcome.work().join("ran").exists());
        }
        for (run, status) in [(Run::new().arg("jane@example.com"), 78), (Run::new().arg("jane"), 65)] {
            run.args(["--", "/bin/echo", "ran"]).status(status).stderr_contains("outseta-token: ").run();
        }
    }

    #[test]
    fn the_email_must_be_an_argument() {
        let server = minting(JWT);
        Run::new()
            .server(&server)
            .args(["-", "--", "/bin/cat"])
            .stdin("jane@example.com\n")
            .status(64)
            .stderr_lines(&[
                "outseta-token: with a command, the email must be an argument: standard input belongs to the command",
                "outseta-token: hint: write the email before it: outseta-token jane@example.com -- COMMAND",
            ])
            .run();
        assert_eq!(server.connections(), 0);
    }
}

mod details {
    use super::*;

    const SIGNALS: [&str; 4] = ["/bin/grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status"];

    /// What a process is started with here that does not come from the program.
    fn without_the_program(command: &[&str]) -> String {
        let (name, args) = command.split_first().expect("a command");
        Run::of(name.into()).args(args).interruptible().outcome().stdout_text()
    }

    /// The signals of signal(7) that are blocked, and those that are ignored; the C library has its
    /// own use for 32 and 33.
    fn signals(status: &str) -> [u64; 2] {
        ["SigBlk:", "SigIgn:"].map(|name| {
            let mut lines = status.lines();
            let mask = lines.find_map(|line| line.strip_prefix(name)).expect("it is listed");
            u64::from_str_radix(mask.trim(), 16).expect("a mask") & 0x7fff_ffff
        })
    }

    /// The runtime of Rust ignores SIGPIPE: a command that inherits that never notices that its
    /// reader has gone.
    #[test]
    fn the_command_starts_with_the_signals_that_it_would_have_without_the_program() {
        if !has("/proc/self/status") {
            return;
        }
        let outcome = command(&minting(JWT), SIGNALS).interruptible().outcome();
        let seen = signals(&outcome.stdout_text());
        assert_eq!(seen, signals(&without_the_program(&SIGNALS)), "{outcome}");
        assert_eq!(seen[1] & 1 << (Signal::PIPE.as_raw() - 1), 0, "{outcome}");
    }

    /// While the secret is typed SIGINT is ignored.
    #[test]
    fn after_a_hidden_prompt_too() {
        if !has("/proc/self/status") {
            return;
        }
        let server = minting(JWT);
        let mut session =
            command(&server, SIGNALS).env_remove("OUTSETA_API_SECRET").on_terminal(Streams::NOT_STDOUT);
        session.wait_for("API secret (not shown): ").wait_for_no_echo().send(SECRET).send("\r");
        let outcome = session.outcome();
        assert_eq!(outcome.status, Some(0), "{outcome}");
        let expected = signals(&without_the_program(&SIGNALS));
        assert_eq!(signals(&outcome.stdout_text()), expected, "{outcome}");
    }

    #[test]
    fn the_connection_is_not_passed_on() {
        if !has("/proc/self/fd") {
            return;
        }
        let listing = "for fd in /proc/$$/fd/*; do readlink $fd; done";
        let sockets = |listing: String| {
            let mut sockets: Vec<String> =
                listing.lines().filter(|line| line.starts_with("socket:")).map(str::to_owned).collect();
            sockets.sort();
            sockets
        };
        let outcome = script(&minting(JWT), listing).outcome();
        assert!(outcome.stdout_text().contains("/dev/null"), "{outcome}");
        assert_eq!(
            sockets(outcome.stdout_text()),
            sockets(without_the_program(&["/bin/sh", "-c", listing])),
            "{outcome}"
        );
    }

    #[test]
    fn on_a_terminal_the_success_line_comes_before_the_commands_output() {
        let quiet: fn(Run) -> Outcome = |run| run.on_terminal(Streams::ALL).outcome();
        let server = answering(&json!({"access_token": "opaque", "expires_in": 604_800}));
        let outcome = quiet(script(&server, "echo ran"));
        assert_eq!(
            outcome.terminal,
            "outseta-token: token for jane@example.com, valid for 7 days\r\nran\r\n"
        );
        let run = Run::new().server(&server).args(["-q", "jane@example.com", "--"]);
        let outcome = quiet(run.args(["/bin/echo", "ran"]));
        assert_eq!(outcome.terminal, "ran\r\n");
    }

    #[test]
    fn an_expired_token_gives_a_warning_and_is_used() {
        let server = Server::http(Account::acme().lifetime(-60));
        script(&server, "echo ran")
            .stdout("ran\n")
            .stderr_contains("outseta-token: warning: the token for jane@example.com has expired ")
            .run();
    }

    #[test]
    fn ctrl_c_ends_a_run_that_waits_and_no_command_is_run() {
        let server = Server::http(Account::acme());
        server.always(On::Tokens, crate::support::script::Fault::Stall);
        let running = script(&server, "echo ran").interruptible().start();
        while server.requests().is_empty() && std::time::Instant::now() < running.deadline() {
            std::thread::yield_now();
        }
        running.signal(Signal::INT);
        let outcome = running.outcome();
        assert_eq!((outcome.signal, &*outcome.stdout), (Some(2), &b""[..]), "{outcome}");
    }
}
