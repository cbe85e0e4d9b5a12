//! Shared by the integration tests, the demo, the benchmark and the fake server: a fake Outseta, TLS and a
//! CONNECT proxy in front of it, and builders that start the program in an empty environment, on pipes or
//! on a terminal. Everything runs in threads on loopback, at ports that the system chooses.
//!
//! Tests run in parallel and start processes. Between fork and exec, a child holds every descriptor that is
//! open here, so a pipe, a socket or a file may stay open for a moment after its owner closed it.
#![allow(dead_code, reason = "each of the crates that include this uses a part of it")]
#![allow(unreachable_pub, reason = "a module of several crates, each of which is a binary")]

use std::fs::{self, File, Permissions};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

pub mod collect;
pub mod device;
pub mod fake;
pub mod http;
pub mod jwt;
pub mod listener;
pub mod model;
pub mod proxy;
pub mod pty;
pub mod relay;
pub mod run;
pub mod script;
pub mod tls;
pub mod wire;

/// The API key of every account of the fake. The program may show its first [`KEY_SHOWN`] characters.
pub const KEY: &str = "KQx7-fake-key-51c2e8";
pub const KEY_SHOWN: usize = 4;
/// The API secret of every account of the fake. The program never shows any of it.
pub const SECRET: &str = "SECRET-nobody-may-see-9d40b7";

/// Reports why a test is skipped; `--nocapture` shows it.
#[expect(clippy::print_stdout, reason = "the test harness captures it")]
pub fn skip(reason: &str) {
    println!("skipped: {reason}");
}

/// Whether this system has what a test needs, such as Linux's `/proc`. If not, skip the test.
pub fn has(path: &str) -> bool {
    let there = Path::new(path).exists();
    if !there {
        skip(&format!("there is no {path}"));
    }
    there
}

/// Sets a file's mode whatever the umask.
pub fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("the mode is set");
}

/// Makes a file unreadable. False if this user, such as root, can read it anyway: then skip the test.
pub fn forbid_reading(path: &Path) -> bool {
    set_mode(path, 0);
    let forbidden = File::open(path).is_err();
    if !forbidden {
        skip("this user may read every file");
    }
    forbidden
}

/// Writes a script that can be executed at once. Another process writes it: a child of another test could
/// inherit the open file, and a file that is open for writing cannot be executed.
pub fn write_script(path: &Path, script: &str) {
    let mut writer = Command::new("/bin/sh")
        .args(["-c", "cat >\"$0\" && chmod 755 \"$0\""])
        .arg(path)
        .stdin(Stdio::piped())
        .spawn()
        .expect("a shell starts");
    let mut stdin = writer.stdin.take().expect("it is piped");
    stdin.write_all(script.as_bytes()).expect("the shell reads the script");
    drop(stdin);
    let status = writer.wait().expect("the shell ends");
    assert!(status.success(), "{} is written", path.display());
}

pub fn make_fifo(path: &Path) {
    let made = Command::new("mkfifo").args(["-m", "600"]).arg(path).status();
    assert!(made.is_ok_and(|status| status.success()), "a FIFO is made");
}
