//! The builders that start the program, tried on a shell: they must fail where the program errs,
//! and the terminal must be a real one.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use rustix::process::Signal;
use rustix::termios::LocalModes;

use crate::support::pty::Streams;
use crate::support::run::{Outcome, Run};
use crate::support::{KEY, KEY_SHOWN, SECRET};

fn shell(script: &str) -> Run {
    Run::of("/bin/sh".into()).args(["-c", script])
}

/// The report with which `run` fails.
fn failure(run: Run) -> String {
    let panic = catch_unwind(AssertUnwindSafe(|| run.run())).err().expect("the run fails");
    *panic.downcast::<String>().expect("a panic with a report")
}

#[test]
fn what_is_stated_is_enough() {
    shell("").run();
    let outcome =
        shell("cat; pwd >&2; exit 3").stdin("in").status(3).stdout("in").stderr_contains("/work").run();
    assert!(outcome.work().is_dir());
    shell("env | sort | grep -v ^PWD").env("A", "1").stdout_contains("A=1\nHOME=/").run();
    shell("echo a; echo b").stdout_contains("a").stdout_contains("b").run();
    shell("cat file; cat \"$HOME/.config/x\"")
        .file("file", "1")
        .home_file(".config/x", "2")
        .stdout("12")
        .run();
}

#[test]
fn what_is_not_stated_fails() {
    assert!(failure(shell("echo out")).contains("standard output should be \"\""));
    let report = failure(shell("echo err >&2; exit 1"));
    assert!(report.contains("the status should be 0") && report.contains("standard error:\nerr\n"));
    assert!(failure(shell("echo err >&2")).contains("standard error should be \"\""));
    assert!(failure(shell("kill -9 $$")).contains("signal: Some(9)"));
}

#[test]
fn a_secret_in_a_stream_fails() {
    let shown = |text: &str| format!("echo {text}");
    assert!(failure(shell(&shown(SECRET))).contains("shows the API secret"));
    assert!(failure(shell(&shown(&SECRET[..20]))).contains("shows the API secret"));
    assert!(failure(shell(&shown(KEY))).contains("characters of the key"));
    let start = &KEY[..KEY_SHOWN];
    shell(&shown(start)).stdout(format!("{start}\n")).run();
}

#[test]
fn a_run_that_hangs_is_killed() {
    let report = failure(shell("echo begun; exec sleep 60").deadline(Duration::from_millis(200)));
    assert!(report.contains("it should end within 200ms") && report.contains("begun"));
}

#[test]
fn streams_can_be_closed_broken_and_full() {
    shell("test -e /dev/fd/0 && echo open || echo closed").stdin_closed().stdout("closed\n").run();
    shell("test -e /dev/fd/1 && echo open >&2 || echo closed >&2").stdout_closed().stderr("closed\n").run();
    let broken = shell("sleep 0; exec cat").stdin("x").stdout_broken().outcome();
    assert_eq!(broken.signal, Some(13), "{broken}");
    shell("echo x").stdout_file("/dev/full").stderr_contains("No space").status(2).outcome();
}

#[test]
fn a_running_program_is_talked_to() {
    let mut running = shell("while read line; do echo \"<$line>\"; done; exec sleep 60").stdin_open().start();
    running.write("one\n");
    running.wait_for_stdout("<one>\n");
    running.write("two\n");
    running.wait_for_stdout("<two>\n");
    running.end_stdin();
    running.signal(Signal::TERM);
    assert_eq!(running.outcome().signal, Some(15));
}

fn typed_at(prompt: &str) -> Outcome {
    let mut session = shell(prompt).on_terminal(Streams::NOT_STDOUT);
    session.wait_for("name? ").send("jane\r");
    session.wait_for("secret? ").wait_for_no_echo().send(SECRET).send("\r");
    session.outcome()
}

#[test]
fn a_terminal_echoes_until_it_is_told_not_to() {
    let outcome = typed_at(
        "printf 'name? ' >&2; read name; stty -echo; \
         printf 'secret? ' >&2; read secret; stty echo; echo $name ${#secret}",
    );
    assert_eq!(outcome.stdout_text(), format!("jane {}\n", SECRET.len()), "{outcome}");
    assert_eq!(outcome.terminal, "name? jane\r\nsecret? ");
    assert_eq!(outcome.status, Some(0));
}

#[test]
fn a_terminal_left_changed_fails() {
    let session = shell("stty -echo").on_terminal(Streams::ALL);
    assert!(session.modes_before().local.contains(LocalModes::ECHO));
    let panic = catch_unwind(AssertUnwindSafe(|| session.outcome())).err().expect("it fails");
    assert!(panic.downcast::<String>().expect("a report").contains("should be left as it was"));
}

#[test]
fn ctrl_c_reaches_the_program_by_its_controlling_terminal() {
    let mut session = shell("echo ready; exec sleep 60").on_terminal(Streams::ALL);
    session.wait_for("ready").send("\x03");
    assert_eq!(session.outcome().signal, Some(2));
    let outcome =
        shell("echo here >/dev/tty; tty; test -t 1 || echo pipe").on_terminal(Streams::NONE).outcome();
    assert_eq!(outcome.terminal, "here\r\n");
    assert_eq!(outcome.stdout_text(), "not a tty\npipe\n", "{outcome}");
}
