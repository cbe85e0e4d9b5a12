//! Prompts and the success line on a pseudo-terminal. The end of every session checks that the terminal is as it
//! was before, and that the secret was never shown.

use std::io::{Read as _, Write as _};
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use rustix::termios::{LocalModes, tcgetattr};
use serde_json::json;

use crate::support::http::Answer;
use crate::support::model::{Account, User};
use crate::support::proxy::Detour;
use crate::support::pty::{Session, Streams};
use crate::support::run::{Outcome, Run, program};
use crate::support::script::{Fault, On};
use crate::support::{KEY, SECRET, fake::Server, has, jwt, set_mode};

const JANE: &str = "jane@example.com";
const CTRL_C: &str = "\x03";
const CTRL_D: &str = "\x04";
const SUBDOMAIN_PROMPT: &str = "Outseta subdomain: ";
const KEY_PROMPT: &str = "API key (not shown): ";
const SECRET_PROMPT: &str = "API secret (not shown): ";
const SUCCESS: &str = "outseta-token: token for jane@example.com, valid for 7 days\r\n";
const NO_EMAIL: &str = "outseta-token: no email given\n\
    outseta-token: hint: give the email as an argument: outseta-token jane@example.com\n";
const SET_THEM: &str = "outseta-token: hint: set them in the environment or, without _FILE, in an env file (--env-file); \
    a key is made in Outseta under Settings > Integrations > API Keys\n";
const NOTHING: &str = "outseta-token: not configured: subdomain (--subdomain or OUTSETA_SUBDOMAIN), \
    API key (OUTSETA_API_KEY or OUTSETA_API_KEY_FILE), API secret (OUTSETA_API_SECRET or OUTSETA_API_SECRET_FILE)\n";

/// A run that reaches the fake as `acme.outseta.com` and has no settings.
fn unconfigured(detour: &Detour) -> Run {
    Run::new().via_proxy(&detour.proxy).trust(&detour.authority).watch(detour.server.transcript())
}

/// Text as a terminal shows it.
fn crlf(text: &str) -> String {
    text.replace('\n', "\r\n")
}

#[track_caller]
fn ended_with(outcome: &Outcome, status: i32, terminal: &str) {
    assert_eq!(outcome.status, Some(status), "{outcome}");
    assert_eq!(outcome.terminal, terminal, "{outcome}");
}

/// Types the key or the secret when it can no longer be seen.
fn type_hidden(session: &mut Session, prompt: &str, typed: &str) {
    session.wait_for(prompt).wait_for_no_echo().send(typed).send("\r");
}

mod success {
    use super::*;

    #[test]
    fn everything_missing_is_asked_for_and_no_credential_shown() {
        let detour = Detour::new(Account::acme());
        let mut session = unconfigured(&detour).arg("-r").on_terminal(Streams::NOT_STDOUT);
        session.wait_for("Email: ").send("jane@example.com\r");
        session.wait_for(SUBDOMAIN_PROMPT).send("acme\r");
        type_hidden(&mut session, KEY_PROMPT, KEY);
        type_hidden(&mut session, SECRET_PROMPT, SECRET);
        let outcome = session.outcome();
        ended_with(
            &outcome,
            0,
            &format!(
                "Email: jane@example.com\r\nOutseta subdomain: acme\r\nAPI key (not shown): \r\n\
                 API secret (not shown): \r\n{SUCCESS}"
            ),
        );
        assert!(outcome.stdout_text().starts_with("eyJ"), "{outcome}");
        let request = &detour.server.requests()[0];
        assert_eq!(request.header("authorization"), Some(&*format!("Outseta {KEY}:{SECRET}")));
        assert_eq!(request.header("host"), Some("acme.outseta.com"));
        assert_eq!(request.body, br#"{"username":"jane@example.com"}"#);
    }

    #[test]
    fn verbose_names_the_prompt_as_the_source() {
        let detour = Detour::new(Account::acme());
        let mut session =
            unconfigured(&detour).args(["-v", "-o", "missing/file", JANE]).on_terminal(Streams::ALL);
        session.wait_for(SUBDOMAIN_PROMPT).send("acme\r");
        type_hidden(&mut session, KEY_PROMPT, KEY);
        type_hidden(&mut session, SECRET_PROMPT, SECRET);
        let outcome = session.outcome();
        let lines: Vec<&str> = outcome.terminal.split("\r\n").skip(3).take(3).collect();
        assert_eq!(
            lines,
            [
                "outseta-token: base URL https://acme.outseta.com (the prompt)",
                "outseta-token: API key KQx7… (the prompt)",
                "outseta-token: API secret [hidden] (the prompt)",
            ],
            "{outcome}"
        );
    }

    #[test]
    fn only_what_is_missing_is_asked_for() {
        let detour = Detour::new(Account::acme());
        let run = |names: &[&str]| {
            let all =
                [("OUTSETA_SUBDOMAIN", "acme"), ("OUTSETA_API_KEY", KEY), ("OUTSETA_API_SECRET", SECRET)];
            let given = all.iter().filter(|(name, _)| names.contains(name));
            given.fold(unconfigured(&detour), |run, (name, value)| run.env(name, value))
        };
        let (subdomain, key, secret) = ("OUTSETA_SUBDOMAIN", "OUTSETA_API_KEY", "OUTSETA_API_SECRET");

        let mut session = run(&[key, secret]).arg(JANE).on_terminal(Streams::NOT_STDOUT);
        session.wait_for(SUBDOMAIN_PROMPT).send("acme\r");
        ended_with(&session.outcome(), 0, &format!("Outseta subdomain: acme\r\n{SUCCESS}"));

        let mut session = run(&[subdomain, secret]).arg(JANE).on_terminal(Streams::NOT_STDOUT);
        type_hidden(&mut session, KEY_PROMPT, KEY);
        ended_with(&session.outcome(), 0, &format!("{KEY_PROMPT}\r\n{SUCCESS}"));

        let mut session = run(&[subdomain, key]).arg(JANE).on_terminal(Streams::NOT_STDOUT);
        type_hidden(&mut session, SECRET_PROMPT, SECRET);
        ended_with(&session.outcome(), 0, &format!("API secret (not shown): \r\n{SUCCESS}"));

        let all = [subdomain, key, secret];
        for args in [[].as_slice(), &["-"], &["--"]] {
            let mut session = run(&all).args(args).on_terminal(Streams::NOT_STDOUT);
            session.wait_for("Email: ").send("jane@example.com\r");
            ended_with(&session.outcome(), 0, &format!("Email: jane@example.com\r\n{SUCCESS}"));
        }

        let session = run(&all).arg(JANE).on_terminal(Streams::NOT_STDOUT);
        ended_with(&session.outcome(), 0, SUCCESS);
    }

    #[test]
    fn answers_are_trimmed_and_a_pasted_address_is_a_subdomain() {
        let detour = Detour::new(Account::acme());
        let mut session = unconfigured(&detour).on_terminal(Streams::NOT_STDOUT);
        session.wait_for("Email: ").send("  jane@example.com \r");
        session.wait_for(SUBDOMAIN_PROMPT).send(" https://acme.outseta.com/#/app \r");
        type_hidden(&mut session, KEY_PROMPT, &format!(" {KEY} "));
        type_hidden(&mut session, SECRET_PROMPT, &format!(" {SECRET} "));
        let outcome = session.outcome();
        assert_eq!(outcome.status, Some(0), "{outcome}");
        let request = &detour.server.requests()[0];
        assert_eq!(request.header("authorization"), Some(&*format!("Outseta {KEY}:{SECRET}")));
        assert_eq!(request.body, br#"{"username":"jane@example.com"}"#);
    }

    #[test]
    fn the_hidden_secret_can_be_edited() {
        let detour = Detour::new(Account::acme());
        let mut session = Run::new()
            .detour(&detour)
            .env_remove("OUTSETA_API_SECRET")
            .arg(JANE)
            .on_terminal(Streams::NOT_STDOUT);
        type_hidden(&mut session, SECRET_PROMPT, &format!("all wrong\x15x\x7f{SECRET}"));
        assert_eq!(session.outcome().status, Some(0));
    }

    #[test]
    fn a_batch_and_a_command_ask_for_settings_too() {
        let detour = Detour::new(Account::acme());
        let run = || {
            let run = Run::new().detour(&detour).env_remove("OUTSETA_API_KEY");
            run.file("emails", "jane@example.com\n")
        };
        for args in [["--batch", "emails"].as_slice(), &[JANE, "--", "/usr/bin/true"]] {
            let mut session = run().args(args).on_terminal(Streams::NOT_STDOUT);
            type_hidden(&mut session, KEY_PROMPT, KEY);
            let outcome = session.outcome();
            assert_eq!(outcome.status, Some(0), "{outcome}");
        }
        assert_eq!(detour.server.requests().len(), 2);
    }

    #[test]
    fn the_success_line_has_the_email_and_the_validity() {
        let account = |lifetime| Account::acme().lifetime(lifetime);
        for (lifetime, valid) in
            [(7 * 86_400, "7 days"), (365 * 86_400, "365 days"), (7_200, "2 hours"), (600, "10 minutes")]
        {
            let server = Server::http(account(lifetime));
            let run = || Run::new().server(&server).args([JANE, "-r"]);
            let line = format!("outseta-token: token for jane@example.com, valid for {valid}\r\n");
            ended_with(&run().on_terminal(Streams::NOT_STDOUT).outcome(), 0, &line);
        }
        let server = Server::generous();
        let run = || Run::new().server(&server).args([JANE, "-r"]);
        let line = "outseta-token: token for jane@example.com\r\n";
        ended_with(&run().on_terminal(Streams::NOT_STDOUT).outcome(), 0, line);
        // The result comes first where both are shown.
        let shown = format!("t0ken\r\n{line}");
        ended_with(&run().on_terminal(Streams::ALL).outcome(), 0, &shown);
        let piped = run().on_terminal(Streams::NOT_STDIN).outcome();
        ended_with(&piped, 0, &shown);
    }

    #[test]
    fn the_success_line_needs_a_terminal_and_no_quiet() {
        let server = Server::http(Account::acme());
        let run = || Run::new().server(&server).args([JANE, "-r"]);
        ended_with(&run().arg("-q").on_terminal(Streams::NOT_STDOUT).outcome(), 0, "");
        let outcome = run().on_terminal(Streams::NOT_STDERR).outcome();
        assert_eq!((outcome.status, &*outcome.stderr), (Some(0), ""), "{outcome}");
        assert!(outcome.terminal.starts_with("eyJ"), "{outcome}");
    }

    #[test]
    fn a_kept_file_and_a_command_have_a_success_line_too() {
        let server = Server::http(Account::acme());
        let run = || Run::new().server(&server).arg(JANE);
        let kept = run().file("file", jwt::token("acme", JANE, 7 * 86_400) + "\n").args([
            "-r",
            "-o",
            "file",
            "--min-ttl",
            "1h",
        ]);
        set_mode(&kept.work().join("file"), 0o600);
        ended_with(&kept.on_terminal(Streams::ALL).outcome(), 0, SUCCESS);
        assert_eq!(server.connections(), 0);
        let command = run().args(["--", "/bin/echo", "x"]).on_terminal(Streams::ALL);
        ended_with(&command.outcome(), 0, &format!("{SUCCESS}x\r\n"));
    }

    #[test]
    fn a_warning_replaces_the_success_line() {
        let server = Server::http(Account::acme().lifetime(-60));
        for args in [[JANE, "-r"].as_slice(), &[JANE, "-r", "-q"]] {
            let session = Run::new().server(&server).args(args).on_terminal(Streams::NOT_STDOUT);
            ended_with(
                &session.outcome(),
                0,
                "outseta-token: warning: the token for jane@example.com has expired by this machine's clock\r\n\
                 outseta-token: hint: check the clock, and the lifetime of tokens in Outseta\r\n",
            );
        }
    }

    #[test]
    fn prompts_on_a_terminal_that_is_not_the_controlling_one() {
        if !has("/usr/bin/setsid") {
            return;
        }
        let detour = Detour::new(Account::acme());
        let mut session = Run::of("/usr/bin/setsid".into())
            .args(["--wait".as_ref(), program().as_os_str()])
            .detour(&detour)
            .env_remove("OUTSETA_API_SECRET")
            .env_remove("OUTSETA_API_KEY")
            .arg(JANE)
            .on_terminal(Streams::NOT_STDOUT);
        type_hidden(&mut session, KEY_PROMPT, KEY);
        type_hidden(&mut session, SECRET_PROMPT, SECRET);
        ended_with(&session.outcome(), 0, &format!("{KEY_PROMPT}\r\n{SECRET_PROMPT}\r\n{SUCCESS}"));
    }

    #[test]
    fn prompts_for_the_secret_on_a_terminal_of_another_user() {
        if !has("/usr/bin/setpriv") {
            return;
        }
        // As after `su`: standard input's terminal is another user's, the controlling terminal can be opened.
        let script = "chmod 0 \"$(tty)\"; \
            [ \"$(id -u)\" != 0 ] || set -- setpriv --bounding-set=-dac_override,-dac_read_search \"$@\"; \
            exec \"$@\"";
        let detour = Detour::new(Account::acme());
        let mut session = Run::of("/bin/sh".into())
            .args(["-c", script, "sh"])
            .arg(program())
            .detour(&detour)
            .env_remove("OUTSETA_API_SECRET")
            .arg(JANE)
            .on_terminal(Streams::NOT_STDOUT);
        type_hidden(&mut session, SECRET_PROMPT, SECRET);
        ended_with(&session.outcome(), 0, &format!("API secret (not shown): \r\n{SUCCESS}"));
    }
}

mod no_answer {
    use super::*;

    const EMPTY: &str = "outseta-token: invalid email: it is empty\n\
        outseta-token: hint: give it as an argument or on standard input; in a script, check that the variable is set\n";

    #[test]
    fn no_answer_to_the_email_prompt_is_an_empty_email() {
        for (keys, shown) in [("\r", "\n"), ("  \r", "  \n"), (CTRL_D, "\n")] {
            let mut session = Run::new().on_terminal(Streams::ALL);
            session.wait_for("Email: ").send(keys);
            let terminal = crlf(&format!("Email: {shown}{EMPTY}"));
            ended_with(&session.outcome(), 65, &terminal);
        }
    }

    #[test]
    fn stops_asking_after_the_first_unanswered_prompt() {
        let configured = || Run::new().credentials().env("OUTSETA_SUBDOMAIN", "acme").arg(JANE);
        let key = "API key (OUTSETA_API_KEY or OUTSETA_API_KEY_FILE)";
        let secret = "API secret (OUTSETA_API_SECRET or OUTSETA_API_SECRET_FILE)";
        let both = format!("{key}, {secret}");
        for keys in ["\r", CTRL_D] {
            let mut session = Run::new().arg(JANE).on_terminal(Streams::ALL);
            session.wait_for(SUBDOMAIN_PROMPT).send(keys);
            let terminal = crlf(&format!("{SUBDOMAIN_PROMPT}\n{NOTHING}{SET_THEM}"));
            ended_with(&session.outcome(), 78, &terminal);

            for (missing, prompt, named) in [
                (["OUTSETA_API_KEY", "OUTSETA_API_SECRET"].as_slice(), KEY_PROMPT, &*both),
                (&["OUTSETA_API_KEY"], KEY_PROMPT, key),
                (&["OUTSETA_API_SECRET"], SECRET_PROMPT, secret),
            ] {
                let run = missing.iter().fold(configured(), |run, name| run.env_remove(name));
                let mut session = run.on_terminal(Streams::ALL);
                session.wait_for(prompt);
                if [KEY_PROMPT, SECRET_PROMPT].contains(&prompt) {
                    session.wait_for_no_echo();
                }
                session.send(keys);
                let terminal = crlf(&format!("{prompt}\noutseta-token: not configured: {named}\n{SET_THEM}"));
                ended_with(&session.outcome(), 78, &terminal);
            }
        }
    }

    const COPY: &str =
        "outseta-token: hint: copy it again from Settings > Integrations > API Keys in Outseta\n";

    /// Each prompt with a wrong answer, what is said of it, and the status in the end.
    fn wrong_answers() -> [(&'static str, &'static str, String, i32); 4] {
        [
            (
                "Email: ",
                "jane",
                "outseta-token: invalid email 'jane': it has no @\n\
                 outseta-token: hint: give a plain address, such as jane@example.com\n"
                    .to_owned(),
                65,
            ),
            (
                SUBDOMAIN_PROMPT,
                "evil.example",
                "outseta-token: invalid subdomain (the prompt): it must be one name, such as acme for acme.outseta.com\n\
                 outseta-token: hint: it is acme for https://acme.outseta.com; --base-url names another host\n"
                    .to_owned(),
                78,
            ),
            (
                KEY_PROMPT,
                "a:b",
                format!(
                    "outseta-token: invalid API key (the prompt): it contains a colon: the part before it is the key, \
                     the part after it the secret\n{COPY}"
                ),
                78,
            ),
            (
                SECRET_PROMPT,
                "hunter 2",
                format!("outseta-token: invalid API secret (the prompt): it contains a space\n{COPY}"),
                78,
            ),
        ]
    }

    #[test]
    fn a_wrong_answer_is_said_and_asked_again() {
        let detour = Detour::new(Account::acme());
        let mut session = unconfigured(&detour).arg("-r").on_terminal(Streams::NOT_STDOUT);
        let right = ["jane@example.com", "acme", KEY, SECRET];
        let mut terminal = String::new();
        for ((prompt, wrong, said, _), right) in wrong_answers().iter().zip(right) {
            for typed in [*wrong, right] {
                session.wait_for(prompt);
                if prompt.contains("not shown") {
                    session.wait_for_no_echo();
                }
                session.send(typed).send("\r");
            }
            let shown = |typed| if prompt.contains("not shown") { "" } else { typed };
            let shown = [prompt, shown(wrong), "\n", said, prompt, shown(right), "\n"].concat();
            terminal.push_str(&shown);
        }
        ended_with(&session.outcome(), 0, &format!("{}{SUCCESS}", crlf(&terminal)));
    }

    #[test]
    fn three_wrong_answers_are_enough() {
        let answers = wrong_answers();
        at_each_prompt(|asked, mut session| {
            let (_, wrong, said, status) =
                answers.iter().find(|(prompt, ..)| *prompt == asked).expect("it has a wrong answer");
            for attempt in 0..3 {
                if attempt > 0 {
                    session.wait_for(asked);
                }
                if asked.contains("not shown") {
                    session.wait_for_no_echo();
                }
                session.send(wrong).send("\r");
            }
            let shown = if asked.contains("not shown") { "" } else { wrong };
            ended_with(&session.outcome(), *status, &crlf(&format!("{asked}{shown}\n{said}").repeat(3)));
        });
    }

    #[test]
    fn a_malformed_setting_is_reported_before_anything_is_asked() {
        let socks = ["https_proxy", "socks5://localhost"];
        for ([name, value], run, status, fault) in [
            (["OUTSETA_API_SECRET", "a b"], Run::new(), 78, "invalid API secret "),
            (["SSL_CERT_FILE", "/nonexistent"], Run::new(), 66, "cannot read "),
            (socks, Run::new().args(["-s", "acme"]), 78, "invalid proxy "),
        ] {
            let session = run.env(name, value).arg(JANE).on_terminal(Streams::ALL);
            let outcome = session.outcome();
            assert_eq!(outcome.status, Some(status), "{outcome}");
            let message = format!("outseta-token: {fault}");
            assert!(outcome.terminal.starts_with(&message), "{outcome}");
        }
    }

    #[test]
    fn a_check_asks_nothing() {
        let session = Run::new().arg("--check").on_terminal(Streams::ALL);
        let outcome = session.outcome();
        assert_eq!(outcome.status, Some(78), "{outcome}");
        assert!(outcome.terminal.starts_with("base URL: not configured"), "{outcome}");
        assert!(!outcome.terminal.contains(SUBDOMAIN_PROMPT), "{outcome}");
    }

    /// The prompts, each with how to come to it.
    fn at_each_prompt(act: impl Fn(&str, Session)) {
        let configured = || Run::new().credentials().env("OUTSETA_SUBDOMAIN", "acme");
        for (prompt, run) in [
            ("Email: ", configured()),
            (SUBDOMAIN_PROMPT, configured().env_remove("OUTSETA_SUBDOMAIN").arg(JANE)),
            (KEY_PROMPT, configured().env_remove("OUTSETA_API_KEY").arg(JANE)),
            (SECRET_PROMPT, configured().env_remove("OUTSETA_API_SECRET").arg(JANE)),
        ] {
            let mut session = run.on_terminal(Streams::ALL);
            session.wait_for(prompt);
            if [KEY_PROMPT, SECRET_PROMPT].contains(&prompt) {
                session.wait_for_no_echo();
            }
            act(prompt, session);
        }
    }

    #[test]
    fn ctrl_c_ends_it_as_an_interrupt_does() {
        for typed in ["", "half an ans"] {
            at_each_prompt(|prompt, mut session| {
                session.send(typed).send(CTRL_C);
                let outcome = session.outcome();
                assert_eq!(outcome.signal, Some(2), "{outcome}");
                assert!(outcome.terminal.starts_with(prompt), "{outcome}");
                assert!(!outcome.terminal.contains("outseta-token"), "{outcome}");
            });
        }
    }

    #[test]
    fn a_signal_at_the_hidden_prompt_restores_the_echo() {
        for (signal, number) in [(Signal::TERM, 15), (Signal::HUP, 1), (Signal::INT, 2)] {
            let run = Run::new().credentials().env_remove("OUTSETA_API_SECRET").args(["-s", "acme", JANE]);
            let mut session = run.on_terminal(Streams::ALL);
            session.wait_for(SECRET_PROMPT).wait_for_no_echo().send("half a sec");
            session.running().signal(signal);
            let outcome = session.outcome();
            let terminal = format!("{SECRET_PROMPT}\r\n");
            assert_eq!((outcome.signal, &outcome.terminal), (Some(number), &terminal), "{outcome}");
        }
    }

    #[test]
    fn a_signal_after_the_hidden_prompt_has_its_default_action() {
        let server = Server::http(Account::acme());
        server.on(On::Tokens, Fault::Stall);
        let run = Run::new().server(&server).env_remove("OUTSETA_API_SECRET").arg(JANE);
        let mut session = run.on_terminal(Streams::ALL);
        type_hidden(&mut session, SECRET_PROMPT, SECRET);
        while server.requests().is_empty() && Instant::now() < session.running().deadline() {
            thread::yield_now();
        }
        session.running().signal(Signal::TERM);
        let outcome = session.outcome();
        let terminal = format!("{SECRET_PROMPT}\r\n");
        assert_eq!((outcome.signal, &outcome.terminal), (Some(15), &terminal), "{outcome}");
    }

    #[test]
    fn ctrl_c_is_130_to_a_shell() {
        for (prompt, args) in [("Email: ", [].as_slice()), (SECRET_PROMPT, &[JANE])] {
            // The shell handles the signal, that it may live on and tell; its children do not inherit that.
            let script = "trap : INT; \"$0\" \"$@\"; echo \"status $?\"";
            let mut session = Run::of("/bin/sh".into())
                .args(["-c", script])
                .arg(program())
                .args(args)
                .env("OUTSETA_API_KEY", KEY)
                .env("OUTSETA_SUBDOMAIN", "acme")
                .on_terminal(Streams::ALL);
            session.wait_for(prompt);
            if [KEY_PROMPT, SECRET_PROMPT].contains(&prompt) {
                session.wait_for_no_echo();
            }
            session.send(CTRL_C);
            session.wait_for("status 130\r\n");
            assert_eq!(session.outcome().status, Some(0));
        }
    }

    #[test]
    fn ctrl_c_ends_the_calling_script_too() {
        for prompt in [KEY_PROMPT, SECRET_PROMPT] {
            let script = "for i in 1 2; do \"$0\" \"$@\"; done; echo 'went on'";
            let mut run =
                Run::of("/bin/sh".into()).args(["-c", script]).arg(program()).args(["-s", "acme", JANE]);
            if prompt == SECRET_PROMPT {
                run = run.env("OUTSETA_API_KEY", KEY);
            }
            let mut session = run.on_terminal(Streams::ALL);
            session.wait_for(prompt);
            session.wait_for_no_echo();
            session.send(CTRL_C);
            let outcome = session.outcome();
            assert_eq!(outcome.signal, Some(2), "{outcome}");
            assert_eq!(outcome.terminal.matches(prompt).count(), 1, "{outcome}");
        }
    }

    #[test]
    fn ctrl_c_is_no_answer_if_interrupts_are_ignored() {
        let mut session = Run::of("/bin/sh".into())
            .args(["-c", "trap '' INT; exec \"$0\" \"$@\""])
            .arg(program())
            .args(["-s", "acme", JANE])
            .env("OUTSETA_API_KEY", KEY)
            .on_terminal(Streams::ALL);
        session.wait_for(SECRET_PROMPT).wait_for_no_echo().send(CTRL_C);
        let outcome = session.outcome();
        assert_eq!(outcome.status, Some(78), "{outcome}");
        assert!(outcome.terminal.contains("not configured: API secret"), "{outcome}");
    }

    #[test]
    fn a_hang_up_gives_no_partial_secret() {
        let server = Server::http(Account::acme().user(User::new("x@example.com")));
        server.always(On::Tokens, Answer::json(200, &json!({"access_token": "t0ken"})));
        let (mut keyboard, terminal) = pty_process::blocking::open().expect("a pseudo-terminal");
        // The shell, and with it the program, lives on when its terminal has gone.
        let mut child = pty_process::blocking::Command::new("/bin/sh")
            .args(["-c", "trap '' HUP; exec \"$0\" \"$@\""])
            .arg(program())
            .args(["--base-url", &server.url(), JANE])
            .env_clear()
            .env("OUTSETA_API_KEY", KEY)
            .stdout(Stdio::null())
            .spawn(terminal)
            .expect("it starts");
        let mut shown = Vec::new();
        while !shown.ends_with(SECRET_PROMPT.as_bytes()) {
            let mut buffer = [0; 64];
            let read = keyboard.read(&mut buffer).expect("the terminal shows something");
            shown.extend_from_slice(&buffer[..read]);
        }
        let deadline = Instant::now() + Duration::from_secs(20);
        let echoes = || {
            let modes = tcgetattr(&keyboard).expect("a terminal has modes");
            modes.local_modes.contains(LocalModes::ECHO)
        };
        while echoes() {
            assert!(Instant::now() < deadline, "the echo should end");
            thread::sleep(Duration::from_millis(1));
        }
        keyboard.write_all(&SECRET.as_bytes()[..10]).expect("it takes keys");
        drop(keyboard);
        let status = loop {
            if let Some(status) = child.try_wait().expect("it can be waited for") {
                break status;
            }
            if Instant::now() >= deadline {
                child.kill().expect("it is killed");
                panic!("it should end");
            }
            thread::sleep(Duration::from_millis(1));
        };
        assert_eq!((status.code(), server.connections()), (Some(78), 0));
    }
}

mod no_prompt {
    use super::*;

    #[test]
    fn prompts_only_on_a_terminal() {
        // Without an email, and with one but without settings.
        for (streams, args) in [
            (Streams::ALL, ["--no-input"].as_slice()),
            (Streams::NOT_STDERR, &[]),
            (Streams::NOT_STDERR, &["-"]),
        ] {
            let run = || Run::new().args(args);
            let session = run().on_terminal(streams);
            let outcome = session.outcome();
            let messages = if streams.stderr { &outcome.terminal } else { &outcome.stderr };
            assert_eq!(outcome.status, Some(64), "{outcome}");
            assert_eq!(messages.replace('\r', ""), NO_EMAIL, "{outcome}");
        }
        for (streams, args) in [
            (Streams::ALL, [JANE, "--no-input"].as_slice()),
            (Streams::ALL, &[JANE, "--no-input", "--", "/usr/bin/true"]),
            (Streams::ALL, &["--batch", "--no-input"]),
            (Streams::NOT_STDERR, &[JANE]),
            (Streams::NOT_STDIN, &[JANE]),
            (Streams::NOT_STDIN, &["--batch"]),
            (Streams::NONE, &[JANE]),
        ] {
            let outcome = Run::new().args(args).on_terminal(streams).outcome();
            let messages = if streams.stderr { &outcome.terminal } else { &outcome.stderr };
            assert_eq!(outcome.status, Some(78), "{outcome}");
            assert_eq!(messages.replace('\r', ""), format!("{NOTHING}{SET_THEM}"), "{outcome}");
            if !streams.stderr {
                assert_eq!(outcome.terminal, "", "{outcome}");
            }
        }
    }

    #[test]
    fn does_not_ask_for_a_piped_email() {
        let server = Server::http(Account::acme());
        for streams in [Streams::NOT_STDIN, Streams::NONE] {
            let run = Run::new().server(&server).arg("-r").stdin("jane@example.com\n");
            let outcome = run.on_terminal(streams).outcome();
            assert_eq!(outcome.status, Some(0), "{outcome}");
            assert!(!outcome.terminal.contains("Email"), "{outcome}");
        }
        // Nor one that is not there.
        let outcome = Run::new().server(&server).on_terminal(Streams::NOT_STDIN).outcome();
        assert_eq!(outcome.status, Some(65), "{outcome}");
        assert!(outcome.terminal.starts_with("outseta-token: invalid email: it is empty"), "{outcome}");
    }

    #[test]
    fn no_prompt_without_a_controlling_terminal() {
        if !has("/usr/bin/setsid") {
            return;
        }
        Run::of("/usr/bin/setsid".into())
            .args(["--wait".as_ref(), program().as_os_str()])
            .arg(JANE)
            .status(78)
            .stderr(format!("{NOTHING}{SET_THEM}"))
            .run();
    }
}
