//! Tests of the test support: a run fails if it shows a secret, prints unexpected output, hangs or leaves the
//! terminal changed. (That the fake and its certificates are as described is seen in the program's tests.)

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use rustix::termios::LocalModes;

use crate::support::pty::Streams;
use crate::support::run::Run;
use crate::support::{KEY, KEY_SHOWN, SECRET};

fn shell(script: &str) -> Run {
    Run::of("/bin/sh".into()).args(["-c", script])
}

/// The report with which this fails.
fn report<T>(action: impl FnOnce() -> T) -> String {
    let panic = catch_unwind(AssertUnwindSafe(action)).err().expect("it fails");
    *panic.downcast::<String>().expect("a panic with a report")
}

fn failure(run: Run) -> String {
    report(|| run.run())
}

#[test]
fn unexpected_output_fails() {
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
    for part in [&SECRET[..20], &SECRET[14..]] {
        assert!(failure(shell(&shown(part))).contains("standard output shows the API secret"));
    }
    assert!(failure(shell(&format!("echo {SECRET} >&2"))).contains("standard error shows the API secret"));
    let session = shell(&shown(SECRET)).on_terminal(Streams::ALL);
    assert!(report(|| session.outcome()).contains("the terminal shows the API secret"));
    for part in [KEY, &KEY[..=KEY_SHOWN], &KEY[10..]] {
        assert!(failure(shell(&shown(part))).contains("characters of the key"));
    }
    let start = &KEY[..KEY_SHOWN];
    shell(&shown(start)).stdout(format!("{start}\n")).run();
}

#[test]
fn a_run_that_hangs_is_killed() {
    let report = failure(shell("echo begun; exec sleep 60").deadline(Duration::from_millis(200)));
    assert!(report.contains("it should end within 200ms") && report.contains("begun"));
    assert!(report.contains("signal: Some(9)"), "{report}");
}

#[test]
fn a_terminal_left_changed_fails() {
    let session = shell("stty -echo").on_terminal(Streams::ALL);
    assert!(session.modes_before().local.contains(LocalModes::ECHO));
    assert!(report(|| session.outcome()).contains("should be left as it was"));
}
