//! `-o FILE`: the file is complete, private and replaced at once, or unchanged.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, chown, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Instant;

use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, utimensat};
use rustix::process::Signal;
use tempfile::TempDir;

use crate::support::device::{AS_NOBODY, nobody_can_run};
use crate::support::fake::Server;
use crate::support::http::Response;
use crate::support::jwt::{self, JANE as JWT};
use crate::support::listener::dead_address;
use crate::support::model::Account;
use crate::support::run::{Run, Running};
use crate::support::script::Fault;
use crate::support::{has, make_fifo, set_mode, skip};

const LINE: &str = "eyJhbGciOiJub25lIn0.eyJlbWFpbCI6ImphbmVAZXhhbXBsZS5jb20iLCJleHAiOjQxMDI0NDQ4MDB9.c2ln\n";
const HOUR: i64 = 3_600;
const ARGS: [&str; 3] = ["-r", "jane@example.com", "-o"];

/// A run that writes Jane's token, and only it, to a file.
fn to_file(server: &Server, file: impl AsRef<OsStr>) -> Run {
    Run::new().server(server).args(ARGS).arg(file)
}

/// The same, in a shell script.
fn by_shell(script: &str, server: &Server, file: &str) -> Run {
    Run::by_shell(script).server(server).args(ARGS).arg(file)
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).expect("the file is there").mode() & 0o7777
}

/// The names in a folder, sorted.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("the folder can be read");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8")).collect();
    names.sort();
    names
}

/// Sets the time of the last change, this many seconds ago, also of a symbolic link itself.
fn set_age(path: &Path, seconds: i64) {
    let time = Timespec { tv_sec: jwt::now() - seconds, tv_nsec: 0 };
    let times = Timestamps { last_access: time, last_modification: time };
    utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW).expect("the time is set");
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).expect("the file can be read")
}

mod success {
    use super::*;

    #[test]
    fn the_file_has_the_same_content_as_standard_output() {
        let server = Server::minting(JWT);
        for format in ["json", "token", "header", "env", "claims"] {
            let run = || Run::new().server(&server).args(["-f", format, "jane@example.com"]);
            let outcome = run().arg("--output=token").run();
            assert_eq!(outcome.read("token"), run().outcome().stdout_text());
            assert_eq!(names(&outcome.work()), ["token"]);
        }
    }

    #[test]
    fn the_mode_is_0600_whatever_the_umask_and_the_old_files_mode() {
        let server = Server::minting(JWT);
        for umask in ["0", "022", "0777"] {
            for old in [None, Some(0o644), Some(0o777), Some(0o400)] {
                let mut run = by_shell(&format!("umask {umask}; exec \"$0\" \"$@\""), &server, "token");
                let path = run.work().join("token");
                if let Some(old) = old {
                    run = run.file("token", "old\n");
                    set_mode(&path, old);
                }
                let outcome = run.run();
                assert_eq!(mode(&path), 0o600, "umask {umask}, old mode {old:?}");
                assert_eq!(outcome.read("token"), LINE);
            }
        }
    }

    #[test]
    fn unusual_file_names() {
        let server = Server::minting(JWT);
        let absolute = TempDir::new().expect("a temporary folder");
        let (long, absolute) = ("x".repeat(255), absolute.path().join("token"));
        for name in [OsStr::new("-x y"), OsStr::from_bytes(b"t\xffken"), long.as_ref(), absolute.as_ref()] {
            assert_eq!(read(&to_file(&server, name).run().work().join(name)), LINE);
        }
    }

    #[test]
    fn a_symbolic_link_is_replaced_and_its_target_is_unchanged() {
        let server = Server::minting(JWT);
        for target in ["other", "missing", "token", "/dev/null", "fifo"] {
            let run = to_file(&server, "token").file("other", "kept\n");
            make_fifo(&run.work().join("fifo"));
            symlink(target, run.work().join("token")).expect("a link is made");
            let outcome = run.run();
            let metadata = fs::symlink_metadata(outcome.work().join("token")).expect("the file is there");
            assert!(metadata.is_file(), "the link to {target} is a file now");
            assert_eq!([outcome.read("token"), outcome.read("other")], [LINE, "kept\n"]);
            assert_eq!(names(&outcome.work()), ["fifo", "other", "token"]);
        }
    }

    #[test]
    fn descriptors_are_written_directly() {
        let server = Server::minting(JWT);
        for folder in ["/dev/fd", "/proc/self/fd"].into_iter().filter(|folder| has(folder)) {
            to_file(&server, format!("{folder}/1")).stdout(LINE).run();
            to_file(&server, format!("{folder}/2")).stderr(LINE).run();
            let script = "exec 3>log; echo before >&3; \"$0\" \"$@\"; echo after >&3";
            let outcome = by_shell(script, &server, &format!("{folder}/3")).run();
            assert_eq!(outcome.read("log"), format!("before\n{LINE}after\n"));
            assert_eq!(names(&outcome.work()), ["log"]);
        }
    }

    /// Nobody may write to `/dev`, and therefore not replace anything there.
    #[test]
    fn a_device_is_written_and_not_replaced() {
        let server = Server::minting(JWT);
        if nobody_can_run() {
            let run = by_shell(AS_NOBODY, &server, "/dev/null").args(["--min-ttl=1h", "-v"]);
            run.stderr_contains(": the file is not kept: it is not a regular file\n").run();
        }
    }

    #[test]
    fn dev_stdout_is_written_at_its_offset() {
        if !nobody_can_run() {
            return;
        }
        let server = Server::minting(JWT);
        by_shell(AS_NOBODY, &server, "/dev/stdout").stdout(LINE).run();
        // A newly opened descriptor would be at the start or the end of the file.
        let script = format!("{{ echo before; ({AS_NOBODY}); echo after; }} >log");
        let outcome = by_shell(&script, &server, "/dev/stdout").run();
        assert_eq!(outcome.read("log"), format!("before\n{LINE}after\n"));
    }
}

mod failure {
    use super::*;

    #[track_caller]
    fn leaves_the_old_file(run: Run, status: i32) {
        let run = run.file("token", "old\n");
        let (work, path) = (run.work(), run.work().join("token"));
        set_mode(&path, 0o640);
        let file = || {
            let metadata = fs::metadata(&path).expect("the file is there");
            (names(&work), read(&path), metadata.ino(), metadata.mode())
        };
        let before = file();
        let outcome = run.outcome();
        assert_eq!((outcome.status, &*outcome.stdout_text()), (Some(status), ""), "{outcome}");
        assert!(outcome.stderr.starts_with("outseta-token: "), "{outcome}");
        assert_eq!(file(), before, "{outcome}");
    }

    #[test]
    fn the_old_file_survives_a_failure() {
        for (server, status) in [
            (Server::http(Account::new("acme")), 67),
            (Server::replying(Response::empty(403)), 78),
            (Server::replying(Response::empty(503)), 75),
            (Server::replying(Response::text(200, "{\"access_token\": \"")), 76),
            (Server::minting(&jwt::token("acme", "john@example.com", 60)), 76),
            (Server::replying(Fault::Stall), 69),
        ] {
            leaves_the_old_file(to_file(&server, "token").args(["--retries=0", "--timeout=300ms"]), status);
        }
        let server = Server::minting("opaque");
        for (args, status) in [
            (&["-f", "claims", "jane@example.com"][..], 76),
            (&["-x", "jane@example.com"], 64),
            (&["jane"], 65),
            (&["--env-file", "none", "jane@example.com"], 66),
            (&["--base-url", &format!("http://{}", dead_address()), "--retries=0", "jane@example.com"], 69),
        ] {
            leaves_the_old_file(Run::new().server(&server).args(["-o", "token"]).args(args), status);
        }
        leaves_the_old_file(Run::new().args(ARGS).arg("token"), 78);
        let limited = || by_shell("trap '' XFSZ; ulimit -f 0; exec \"$0\" \"$@\"", &server, "token");
        leaves_the_old_file(limited(), 74);
        limited().fails(74, "cannot write to token: file too large", "the file is unchanged").run();
    }

    #[test]
    fn a_file_that_cannot_be_created_is_73_before_any_request() {
        let server = Server::minting(JWT);
        for (name, reason) in [
            ("missing/token", "no such file or directory"),
            ("folder", "is a directory"),
            ("folder/", "is a directory"),
            (".", "is a directory"),
            ("..", "is a directory"),
            ("/", "is a directory"),
            // A link to a folder means the folder, and is not replaced.
            ("link", "is a directory"),
            ("link/", "is a directory"),
            ("missing/", "no such file or directory"),
            ("missing/.", "no such file or directory"),
            ("missing/..", "no such file or directory"),
            ("file/", "not a directory"),
            ("file/token", "not a directory"),
            ("/dev/fd/77", "bad file descriptor"),
            // It is open for reading only.
            ("/dev/stdin", "bad file descriptor"),
            (&"x".repeat(256), "file name too long"),
        ] {
            let run = to_file(&server, name).file("file", "");
            fs::create_dir(run.work().join("folder")).expect("a folder is made");
            symlink("folder", run.work().join("link")).expect("a link is made");
            let hint = match reason {
                "bad file descriptor" => {
                    "it is closed or open only for reading: redirect it to a file or a pipe"
                }
                _ => "name a file in a folder that exists and that this user may write",
            };
            let outcome = run.fails(73, &format!("cannot create {name}: {reason}"), hint).run();
            assert_eq!(names(&outcome.work()), ["file", "folder", "link"]);
            assert_eq!(names(&outcome.work().join("folder")), [""; 0]);
        }
        assert_eq!(server.connections(), 0);
    }

    #[test]
    fn fifos_sockets_and_block_devices_are_refused_before_any_request() {
        let server = Server::minting(JWT);
        let bind = |path: &Path| drop(UnixListener::bind(path).expect("a socket is made"));
        // Only root can make one.
        let block_device = |path: &Path| {
            let made = Command::new("mknod").arg(path).args(["b", "240", "0"]).stderr(Stdio::null()).status();
            if !made.is_ok_and(|status| status.success()) {
                make_fifo(path);
            }
        };
        for make in [make_fifo as fn(&Path), bind, block_device] {
            let run = to_file(&server, "special");
            make(&run.work().join("special"));
            let message = "cannot create special: it is neither a regular file nor a character device";
            run.fails(73, message, "redirect standard output to it instead").run();
        }
        assert_eq!(server.connections(), 0);
    }

    #[test]
    fn a_folder_that_is_not_writable_is_73_before_any_request() {
        // Root may write to every folder.
        if !nobody_can_run() {
            return;
        }
        let server = Server::minting(JWT);
        let run = by_shell(AS_NOBODY, &server, "folder/token");
        let folder = run.work().join("folder");
        fs::create_dir(&folder).expect("a folder is made");
        set_mode(&folder, 0o555);
        run.fails_with(73, "cannot create folder/token: permission denied\n").run();
        assert_eq!(server.connections(), 0);
    }
}

/// A token that takes some time to write.
fn long_token(filler: char) -> String {
    let mut claims = jwt::claims("acme", "jane@example.com", 600);
    claims["filler"] = filler.to_string().repeat(40_000).into();
    jwt::encode(&claims, 0)
}

mod the_temporary_file {
    use super::*;

    #[test]
    fn there_is_none_while_the_program_waits() {
        let server = Server::replying(Fault::Stall);
        let run = to_file(&server, "token").private_file("token", "old\n").interruptible();
        let running = run.start();
        server.wait_for_requests(1);
        assert_eq!(names(&running.work()), ["token"]);
        running.signal(Signal::INT);
        let outcome = running.outcome();
        assert_eq!((outcome.signal, &*outcome.read("token")), (Some(2), "old\n"), "{outcome}");
        assert_eq!(names(&outcome.work()), ["token"]);
    }

    /// Only a trace shows the mode at the start, and the flush before the rename.
    #[test]
    fn it_is_made_private_after_the_request_and_flushed_before_it_is_renamed() {
        let strace = "exec strace -f -e trace=connect,file,fsync -o";
        if Run::by_shell(&format!("{strace} /dev/null \"$0\" --version")).outcome().status != Some(0) {
            skip("strace is not there, or may not trace");
            return;
        }
        let server = Server::minting(JWT);
        let trace = by_shell(&format!("{strace} trace \"$0\" \"$@\""), &server, "token").run().read("trace");
        let mut calls = trace.lines();
        let made = calls.find(|call| call.contains("O_EXCL")).unwrap_or_else(|| panic!("{trace}"));
        assert!(made.contains("\"./.outseta-token-") && made.contains(", 0600) = "), "{trace}");
        let before = trace.split(made).next().expect("the start");
        assert!(before.contains("connect("), "{trace}");
        let descriptor = made.rsplit(' ').next().expect("a result");
        let mut comes = |parts: &[&str]| {
            assert!(calls.any(|call| parts.iter().all(|part| call.contains(part))), "{parts:?}\n{trace}");
        };
        comes(&[&format!("fsync({descriptor})"), "= 0"]);
        comes(&["rename", "\"./.outseta-token-", "\"token\""]);
        // The folder's entry is flushed too.
        comes(&["fsync(", "= 0"]);
    }

    #[test]
    fn a_killed_run_leaves_the_old_file_or_the_new_one() {
        let (old, new) = (long_token('a') + "\n", long_token('b'));
        let server = Server::minting(&new);
        let new = new + "\n";
        let folder = TempDir::new().expect("a temporary folder");
        let path = folder.path().join("token");
        let whole = to_file(&server, &path).run().elapsed;
        for turn in 0..48 {
            fs::write(&path, &old).expect("the old file is written");
            let seen = server.requests().len();
            let started = Instant::now();
            let running = to_file(&server, &path).start();
            // Half of the signals come at any time, half of them after the request.
            if turn % 2 == 0 {
                thread::sleep((whole * turn / 40).saturating_sub(started.elapsed()));
            } else {
                server.wait_for_requests(seen + 1);
                thread::sleep(whole * turn / 30);
            }
            running.signal(Signal::KILL);
            let outcome = running.outcome();
            let found = read(&path);
            assert!(found == old || found == new, "turn {turn}: {} bytes of neither\n{outcome}", found.len());
        }
        for name in names(folder.path()) {
            set_age(&folder.path().join(name), HOUR + 60);
        }
        to_file(&server, &path).run();
        assert_eq!(names(folder.path()), ["token"]);
    }

    #[test]
    fn a_run_that_writes_removes_what_a_killed_run_left_an_hour_before() {
        let folder = TempDir::new().expect("a temporary folder");
        let path = |name: &str| folder.path().join(name);
        let left = [0, 1].map(|number| path(&format!(".outseta-token-00000000000000a{number}.tmp")));
        for name in [
            ".outseta-token-.tmp",
            ".outseta-token-0123456789abcdeg.tmp",
            ".outseta-token-0123456789abcdef",
            ".outseta-token-0123456789abcdef0.tmp",
            "outseta-token-0123456789abcdef.tmp",
            "token",
        ] {
            fs::write(path(name), "").expect("the file is written");
        }
        let [young, of_other_user] =
            [1, 2].map(|number| path(&format!(".outseta-token-000000000000000{number}.tmp")));
        fs::write(&young, "").expect("the file is written");
        fs::write(&of_other_user, "").expect("the file is written");
        // Only root can give a file away.
        if chown(&of_other_user, Some(65_534), None).is_err() {
            fs::remove_file(&of_other_user).expect("the file is removed");
        }
        // A run leaves only regular files.
        symlink("token", path(".outseta-token-0000000000000003.tmp")).expect("a link");
        fs::create_dir(path(".outseta-token-0000000000000004.tmp")).expect("a folder");
        make_fifo(&path(".outseta-token-0000000000000005.tmp"));
        let expected = names(folder.path());
        for file in &left {
            fs::write(file, "").expect("the file is written");
        }
        for name in names(folder.path()) {
            set_age(&path(&name), HOUR + 60);
        }
        // Another run may still write it.
        set_age(&young, HOUR - 60);
        let unwritten = Server::http(Account::new("acme"));
        to_file(&unwritten, path("token")).fails_with(67, "no such user").run();
        assert!(left.iter().all(|file| file.exists()), "only a run that writes removes anything");
        to_file(&Server::minting(JWT), path("token")).run();
        assert_eq!(names(folder.path()), expected);
    }

    #[test]
    fn concurrent_runs_leave_one_complete_file() {
        let folder = TempDir::new().expect("a temporary folder");
        let path = folder.path().join("token");
        for _ in 0..4 {
            let tokens: Vec<String> = ('a'..'g').map(long_token).collect();
            let servers: Vec<Server> = tokens.iter().map(|token| Server::minting(token)).collect();
            let running: Vec<Running> = servers.iter().map(|server| to_file(server, &path).start()).collect();
            for running in running {
                let outcome = running.outcome();
                assert_eq!((outcome.status, &*outcome.stderr), (Some(0), ""), "{outcome}");
            }
            let found = read(&path);
            assert!(tokens.iter().any(|token| found == format!("{token}\n")));
            assert_eq!(names(folder.path()), ["token"]);
        }
    }
}
