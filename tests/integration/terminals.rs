//! Prompts on a pseudo-terminal. The end of every session checks that the terminal is as it was before, and
//! that the secret was never shown. (The success line is in `output.rs`.)

use rustix::process::Signal;

use crate::support::fake::Server;
use crate::support::model::Account;
use crate::support::proxy::Detour;
use crate::support::pty::{Session, Streams};
use crate::support::run::{Outcome, Run, program};
use crate::support::script::Fault;
use crate::support::{KEY, SECRET, has};

const JANE: &str = "jane@example.com";
const CTRL_C: &str = "\x03";
const CTRL_D: &str = "\x04";
const EMAIL_PROMPT: &str = "Email: ";
const SUBDOMAIN_PROMPT: &str = "Outseta subdomain: ";
const KEY_PROMPT: &str = "API key (not shown): ";
const SECRET_PROMPT: &str = "API secret (not shown): ";
const SUCCESS: &str = "outseta-token: token for jane@example.com in account 496LXdmX, valid for 7 days\n";

/// A run that reaches the fake as `acme.outseta.com` and has no settings.
fn unconfigured(detour: &Detour) -> Run {
    Run::new().via_proxy(&detour.proxy).trust(&detour.authority).watch(detour.server.transcript())
}

/// A run without a server, with every setting except the one for this prompt.
fn asking(prompt: &str) -> Run {
    let run = Run::new().credentials().env("OUTSETA_SUBDOMAIN", "acme");
    match prompt {
        EMAIL_PROMPT => run,
        SUBDOMAIN_PROMPT => run.env_remove("OUTSETA_SUBDOMAIN").arg(JANE),
        KEY_PROMPT => run.env_remove("OUTSETA_API_KEY").arg(JANE),
        _ => run.env_remove("OUTSETA_API_SECRET").arg(JANE),
    }
}

const PROMPTS: [&str; 4] = [EMAIL_PROMPT, SUBDOMAIN_PROMPT, KEY_PROMPT, SECRET_PROMPT];

fn is_hidden(prompt: &str) -> bool {
    [KEY_PROMPT, SECRET_PROMPT].contains(&prompt)
}

/// Waits for a prompt; if it is hidden, until the terminal no longer echoes.
fn wait_for<'a>(session: &'a mut Session, prompt: &str) -> &'a mut Session {
    session.wait_for(prompt);
    if is_hidden(prompt) {
        session.wait_for_no_echo();
    }
    session
}

fn type_at(session: &mut Session, prompt: &str, typed: &str) {
    wait_for(session, prompt).send(typed).send("\r");
}

/// What the terminal shows of a prompt and a line typed at it.
fn shown(prompt: &str, typed: &str) -> String {
    format!("{prompt}{}\n", if is_hidden(prompt) { "" } else { typed })
}

#[track_caller]
fn ended_with(outcome: &Outcome, status: i32, terminal: &str) {
    assert_eq!(outcome.status, Some(status), "{outcome}");
    assert_eq!(outcome.terminal.replace("\r\n", "\n"), terminal, "{outcome}");
}

mod prompts {
    use super::*;

    #[test]
    fn prompts_for_everything_missing_and_shows_no_credential() {
        let typed = [JANE, "acme", KEY, SECRET];
        let pasted = ["  jane@example.com ", " https://acme.outseta.com/#/app ", &format!(" {KEY} "), SECRET];
        for answers in [typed, pasted] {
            let detour = Detour::new(Account::acme());
            let mut session = unconfigured(&detour).arg("-r").on_terminal(Streams::NOT_STDOUT);
            let mut terminal = String::new();
            for (prompt, answer) in PROMPTS.into_iter().zip(answers) {
                type_at(&mut session, prompt, answer);
                terminal += &shown(prompt, answer);
            }
            let outcome = session.outcome();
            ended_with(&outcome, 0, &(terminal + SUCCESS));
            assert!(outcome.stdout_text().starts_with("eyJ"), "{outcome}");
            let request = &detour.server.requests()[0];
            assert_eq!(request.header("authorization"), Some(&*format!("Outseta {KEY}:{SECRET}")));
            assert_eq!(request.header("host"), Some("acme.outseta.com"));
            assert_eq!(request.body, br#"{"username":"jane@example.com"}"#);
        }
    }

    #[test]
    fn verbose_names_the_prompt_as_the_source() {
        let detour = Detour::new(Account::acme());
        let run = unconfigured(&detour).args(["-v", "-o", "missing/file", JANE]);
        let mut session = run.on_terminal(Streams::ALL);
        for (prompt, answer) in [(SUBDOMAIN_PROMPT, "acme"), (KEY_PROMPT, KEY), (SECRET_PROMPT, SECRET)] {
            type_at(&mut session, prompt, answer);
        }
        let outcome = session.outcome();
        let lines = "outseta-token: base URL: https://acme.outseta.com (the prompt)\r\n\
            outseta-token: API key: KQx7… (the prompt)\r\n\
            outseta-token: API secret: [hidden], 28 characters (the prompt)\r\n";
        assert!(outcome.terminal.contains(lines), "{outcome}");
    }

    #[test]
    fn prompts_only_for_what_is_missing() {
        let detour = Detour::new(Account::acme());
        for (missing, prompt, answer, args) in [
            ("OUTSETA_SUBDOMAIN", SUBDOMAIN_PROMPT, "acme", &[JANE][..]),
            ("OUTSETA_API_KEY", KEY_PROMPT, KEY, &[JANE]),
            ("OUTSETA_API_SECRET", SECRET_PROMPT, SECRET, &[JANE]),
            ("", EMAIL_PROMPT, JANE, &[]),
            ("", EMAIL_PROMPT, JANE, &["-"]),
            ("", EMAIL_PROMPT, JANE, &["--"]),
        ] {
            // An empty CI counts as not set.
            let run = Run::new().detour(&detour).env("CI", "").env_remove(missing).args(args);
            let mut session = run.on_terminal(Streams::NOT_STDOUT);
            type_at(&mut session, prompt, answer);
            ended_with(&session.outcome(), 0, &(shown(prompt, answer) + SUCCESS));
        }
        let session = Run::new().detour(&detour).arg(JANE).on_terminal(Streams::NOT_STDOUT);
        ended_with(&session.outcome(), 0, SUCCESS);
    }
}

mod hidden_prompt {
    use super::*;

    /// Types the secret into this run of the program, and expects a token.
    #[track_caller]
    fn takes_the_secret(run: Run, typed: &str) {
        let detour = Detour::new(Account::acme());
        let run = run.detour(&detour).env_remove("OUTSETA_API_SECRET").arg(JANE);
        let mut session = run.on_terminal(Streams::NOT_STDOUT);
        type_at(&mut session, SECRET_PROMPT, typed);
        ended_with(&session.outcome(), 0, &(shown(SECRET_PROMPT, "") + SUCCESS));
    }

    #[test]
    fn can_be_edited() {
        takes_the_secret(Run::new(), &format!("all wrong\x15x\x7f{SECRET}"));
    }

    /// As after `su`: the terminal belongs to another user, but `/dev/tty` can be opened.
    #[test]
    fn on_a_terminal_of_another_user() {
        let script = "chmod 0 \"$(tty)\"; set -- \"$0\" \"$@\";
            [ \"$(id -u)\" != 0 ] || set -- setpriv --bounding-set=-dac_override,-dac_read_search \"$@\"
            exec \"$@\"";
        if has("/usr/bin/setpriv") {
            takes_the_secret(Run::by_shell(script), SECRET);
        }
    }
}

mod no_answer {
    use super::*;

    const NAMED: [&str; 4] = [
        "",
        "subdomain (OUTSETA_SUBDOMAIN or --subdomain)",
        "API key (OUTSETA_API_KEY or OUTSETA_API_KEY_FILE)",
        "API secret (OUTSETA_API_SECRET or OUTSETA_API_SECRET_FILE)",
    ];

    #[track_caller]
    fn fails_with_start(outcome: &Outcome, status: i32, start: &str) {
        assert_eq!(outcome.status, Some(status), "{outcome}");
        assert!(outcome.terminal.replace("\r\n", "\n").starts_with(start), "{start:?}\n{outcome}");
    }

    #[test]
    fn it_is_an_empty_email_or_a_missing_setting() {
        for (prompt, named) in PROMPTS.into_iter().zip(NAMED) {
            for keys in ["\r", "  \r", CTRL_D] {
                let mut session = asking(prompt).on_terminal(Streams::ALL);
                wait_for(&mut session, prompt).send(keys);
                let (status, message) = match prompt {
                    EMAIL_PROMPT => (65, "invalid email: it is empty".to_owned()),
                    _ => (78, format!("not configured: {named}")),
                };
                let shown = shown(prompt, keys.trim_matches(['\r', '\x04']));
                fails_with_start(&session.outcome(), status, &format!("{shown}outseta-token: {message}\n"));
            }
        }
    }

    #[test]
    fn stops_asking_after_the_first_unanswered_prompt() {
        for (from, prompt) in [(1, SUBDOMAIN_PROMPT), (2, KEY_PROMPT)] {
            let mut run = Run::new().arg(JANE);
            if prompt == KEY_PROMPT {
                run = run.args(["-s", "acme"]);
            }
            let mut session = run.on_terminal(Streams::ALL);
            wait_for(&mut session, prompt).send("\r");
            let named = NAMED[from..].join(", ");
            fails_with_start(
                &session.outcome(),
                78,
                &format!("{prompt}\noutseta-token: not configured: {named}\n"),
            );
        }
    }
}

mod wrong_answer {
    use super::*;

    /// For each prompt a wrong answer, the start of the message about it, and the status after three of them.
    const WRONG: [(&str, &str, i32); 4] = [
        ("jane", "invalid email 'jane': ", 65),
        ("evil.example", "invalid subdomain (the prompt): ", 78),
        ("a:b", "invalid API key (the prompt): ", 78),
        ("hunter 2", "invalid API secret (the prompt): ", 78),
    ];

    #[test]
    fn it_is_explained_and_prompted_for_again() {
        let detour = Detour::new(Account::acme());
        let mut session = unconfigured(&detour).arg("-r").on_terminal(Streams::NOT_STDOUT);
        for ((prompt, wrong), right) in PROMPTS.into_iter().zip(WRONG).zip([JANE, "acme", KEY, SECRET]) {
            type_at(&mut session, prompt, wrong.0);
            session.wait_for(&format!("outseta-token: {}", wrong.1)).wait_for("outseta-token: hint: ");
            type_at(&mut session, prompt, right);
        }
        let outcome = session.outcome();
        assert_eq!(outcome.status, Some(0), "{outcome}");
        assert!(!outcome.terminal.contains("a:b") && !outcome.terminal.contains("hunter 2"), "{outcome}");
    }

    #[test]
    fn the_third_one_ends_the_run() {
        for (prompt, (wrong, message, status)) in PROMPTS.into_iter().zip(WRONG) {
            let mut session = asking(prompt).on_terminal(Streams::ALL);
            for _ in 0..3 {
                type_at(&mut session, prompt, wrong);
            }
            let outcome = session.outcome();
            assert_eq!(outcome.status, Some(status), "{outcome}");
            for text in [prompt, message, "outseta-token: hint: "] {
                assert_eq!(outcome.terminal.matches(text).count(), 3, "{outcome}");
            }
        }
    }

    #[test]
    fn a_key_that_is_also_the_subdomain_is_refused() {
        let mut session = asking(KEY_PROMPT).on_terminal(Streams::ALL);
        type_at(&mut session, KEY_PROMPT, "acme");
        let outcome = session.outcome();
        assert_eq!(outcome.status, Some(78), "{outcome}");
        assert!(outcome.terminal.contains("outseta-token: invalid subdomain ("), "{outcome}");
    }

    #[test]
    fn a_malformed_setting_is_reported_before_any_prompt() {
        let socks = ["https_proxy", "socks5://localhost"];
        for ([name, value], args, status, message) in [
            (["OUTSETA_API_SECRET", "a b"], &[JANE][..], 78, "invalid API secret "),
            (["SSL_CERT_FILE", "missing"], &[JANE], 66, "cannot read "),
            (socks, &["-s", "acme", JANE], 78, "invalid proxy "),
        ] {
            let outcome = Run::new().env(name, value).args(args).on_terminal(Streams::ALL).outcome();
            assert_eq!(outcome.status, Some(status), "{outcome}");
            assert!(outcome.terminal.starts_with(&format!("outseta-token: {message}")), "{outcome}");
        }
    }
}

mod signals {
    use super::*;

    #[test]
    fn ctrl_c_ends_the_run_as_an_interrupt() {
        for typed in ["", "half an ans"] {
            for prompt in PROMPTS {
                let mut session = asking(prompt).on_terminal(Streams::ALL);
                wait_for(&mut session, prompt).send(typed).send(CTRL_C);
                let outcome = session.outcome();
                assert_eq!(outcome.signal, Some(2), "{outcome}");
                assert!(outcome.terminal.starts_with(prompt), "{outcome}");
                assert!(!outcome.terminal.contains("outseta-token"), "{outcome}");
            }
        }
    }

    #[test]
    fn a_signal_at_the_hidden_prompt_restores_the_echo() {
        for (signal, number) in [(Signal::TERM, 15), (Signal::HUP, 1), (Signal::INT, 2)] {
            let mut session = asking(SECRET_PROMPT).on_terminal(Streams::ALL);
            wait_for(&mut session, SECRET_PROMPT).send("half a sec");
            session.running().signal(signal);
            let outcome = session.outcome();
            let terminal = format!("{SECRET_PROMPT}\r\n");
            assert_eq!((outcome.signal, &outcome.terminal), (Some(number), &terminal), "{outcome}");
        }
    }

    #[test]
    fn a_signal_after_the_hidden_prompt_has_its_default_action() {
        let server = Server::replying(Fault::Stall);
        let run = Run::new().server(&server).env_remove("OUTSETA_API_SECRET").arg(JANE);
        let mut session = run.on_terminal(Streams::ALL);
        type_at(&mut session, SECRET_PROMPT, SECRET);
        server.wait_for_requests(1);
        session.running().signal(Signal::TERM);
        let outcome = session.outcome();
        let terminal = format!("{SECRET_PROMPT}\r\n");
        assert_eq!((outcome.signal, &outcome.terminal), (Some(15), &terminal), "{outcome}");
    }

    /// A run in a shell script, at this prompt.
    fn by_shell(script: &str, prompt: &str) -> Session {
        let run = Run::by_shell(script).env("OUTSETA_API_KEY", KEY).env("OUTSETA_SUBDOMAIN", "acme");
        let run = if prompt == EMAIL_PROMPT { run } else { run.arg(JANE) };
        let mut session = run.on_terminal(Streams::ALL);
        wait_for(&mut session, prompt);
        session
    }

    #[test]
    fn ctrl_c_is_130_to_a_shell() {
        for prompt in [EMAIL_PROMPT, SECRET_PROMPT] {
            // The shell handles the signal and continues; its children do not inherit the handler.
            let mut session = by_shell("trap : INT; \"$0\" \"$@\"; echo \"status $?\"", prompt);
            session.send(CTRL_C).wait_for("status 130\r\n");
            assert_eq!(session.outcome().status, Some(0));
        }
    }

    #[test]
    fn ctrl_c_ends_the_calling_script_too() {
        for prompt in [EMAIL_PROMPT, SECRET_PROMPT] {
            let mut session = by_shell("for i in 1 2; do \"$0\" \"$@\"; done; echo 'went on'", prompt);
            session.send(CTRL_C);
            let outcome = session.outcome();
            assert_eq!(outcome.signal, Some(2), "{outcome}");
            assert_eq!(outcome.terminal.matches(prompt).count(), 1, "{outcome}");
        }
    }

    #[test]
    fn ctrl_c_leaves_the_setting_missing_if_interrupts_are_ignored() {
        let mut session = by_shell("trap '' INT; exec \"$0\" \"$@\"", SECRET_PROMPT);
        session.send(CTRL_C);
        let outcome = session.outcome();
        assert_eq!(outcome.status, Some(78), "{outcome}");
        assert!(outcome.terminal.contains("not configured: API secret"), "{outcome}");
    }
}

mod no_prompt {
    use super::*;

    #[test]
    fn with_no_input_or_without_a_terminal_at_both_ends() {
        for (streams, args, status) in [
            (Streams::ALL, &["--no-input"][..], 64),
            (Streams::NOT_STDERR, &[], 64),
            (Streams::NOT_STDERR, &["-"], 64),
            (Streams::ALL, &[JANE, "--no-input"], 78),
            (Streams::ALL, &[JANE, "--no-input", "--", "/usr/bin/true"], 78),
            (Streams::ALL, &["--batch", "--no-input"], 78),
            (Streams::NOT_STDERR, &[JANE], 78),
            (Streams::NOT_STDIN, &[JANE], 78),
            (Streams::NOT_STDIN, &["--batch"], 78),
            (Streams::NONE, &[JANE], 78),
        ] {
            let outcome = Run::new().args(args).on_terminal(streams).outcome();
            let (stderr, terminal) = (&outcome.stderr, &outcome.terminal);
            let (messages, nothing) = if streams.stderr { (terminal, stderr) } else { (stderr, terminal) };
            let message = if status == 64 { "no email given" } else { "not configured: subdomain " };
            assert_eq!((outcome.status, &**nothing), (Some(status), ""), "{outcome}");
            assert!(messages.starts_with(&format!("outseta-token: {message}")), "{outcome}");
            assert_eq!(messages.lines().count(), 2, "{outcome}");
        }
    }

    #[test]
    fn in_ci() {
        for (args, status, message) in [(&[][..], 64, "no email given"), (&[JANE], 78, "not configured: ")] {
            let outcome = Run::new().args(args).env("CI", "true").on_terminal(Streams::ALL).outcome();
            assert_eq!(outcome.status, Some(status), "{outcome}");
            assert!(outcome.terminal.starts_with(&format!("outseta-token: {message}")), "{outcome}");
        }
    }

    #[test]
    fn with_an_email_on_a_pipe() {
        let server = Server::http(Account::acme());
        for (stdin, status) in [("jane@example.com\n", 0), ("", 65)] {
            let run = Run::new().server(&server).arg("-r").stdin(stdin);
            let outcome = run.on_terminal(Streams::NOT_STDIN).outcome();
            assert_eq!(outcome.status, Some(status), "{outcome}");
            assert!(!outcome.terminal.contains("Email"), "{outcome}");
        }
    }

    #[test]
    fn without_a_controlling_terminal() {
        if !has("/usr/bin/setsid") {
            return;
        }
        Run::of("/usr/bin/setsid".into())
            .args(["--wait".as_ref(), program().as_os_str(), JANE.as_ref()])
            .fails_with(78, "not configured: subdomain ")
            .run();
    }
}
