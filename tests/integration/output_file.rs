//! `-o FILE`: the file is complete, private and replaced at once, or unchanged.

use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Signal, geteuid};
use serde_json::json;

use crate::support::device::{AS_NOBODY, Device};
use crate::support::fake::Server;
use crate::support::http::Answer;
use crate::support::listener::dead_address;
use crate::support::model::Account;
use crate::support::run::{Run, Running};
use crate::support::script::{Fault, On};
use crate::support::{has, jwt, make_device, make_fifo, set_mode, skip};

/// `{"email":"jane@example.com","exp":4102444800}`: valid until 2100.
const JWT: &str = "eyJhbGciOiJub25lIn0.eyJlbWFpbCI6ImphbmVAZXhhbXBsZS5jb20iLCJleHAiOjQxMDI0NDQ4MDB9.c2ln";
const LINE: &str = "eyJhbGciOiJub25lIn0.eyJlbWFpbCI6ImphbmVAZXhhbXBsZS5jb20iLCJleHAiOjQxMDI0NDQ4MDB9.c2ln\n";

fn body(token: &str) -> String {
    json!({"access_token": token, "token_type": "bearer", "expires_in": 604_800}).to_string()
}

/// A server that always answers with this token.
fn minting(token: &str) -> Server {
    let server = Server::http(Account::acme());
    server.always(On::Tokens, Answer::text(200, &body(token)));
    server
}

/// A run that writes Jane's token, and only it, to a file.
fn to_file(server: &Server, file: impl AsRef<OsStr>) -> Run {
    Run::new().server(server).args(["-r", "jane@example.com", "-o"]).arg(file)
}

/// A token so long that writing it takes its time.
fn long_token(filler: char) -> String {
    let filler = filler.to_string().repeat(200_000);
    let mut claims = jwt::claims("acme", "jane@example.com", 600);
    claims["filler"] = filler.into();
    jwt::encode(&claims, 0)
}

/// The same, by a program that cannot harm what lies in `/dev`.
fn as_nobody(server: &Server, file: &str) -> Run {
    Run::by_shell(AS_NOBODY).server(server).args(["-r", "jane@example.com", "-o", file])
}

fn nobody_can_be_had() -> bool {
    let there = Run::by_shell(AS_NOBODY).arg("--version").outcome().status == Some(0);
    if !there {
        skip("the program cannot be started as nobody, and root could harm /dev");
    }
    there
}

fn mode(path: &Path) -> u32 {
    let metadata = fs::symlink_metadata(path).expect("the file is there");
    metadata.permissions().mode() & 0o7777
}

/// The names in a folder, sorted.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("the folder can be read");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8")).collect();
    names.sort();
    names
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).expect("the file can be read")
}

/// A server that answers one request, and not before the test says so.
struct Gate(TcpListener);

impl Gate {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        listener.set_nonblocking(true).expect("it can be polled");
        Self(listener)
    }

    fn run(&self, file: impl AsRef<OsStr>) -> Run {
        Run::new()
            .credentials()
            .env("OUTSETA_BASE_URL", self.url())
            .args(["-r", "jane@example.com", "-o"])
            .arg(file)
    }

    fn url(&self) -> String {
        format!("http://{}", self.0.local_addr().expect("it is bound"))
    }

    /// Waits for the request.
    fn request(&self, running: &Running) -> Asked {
        let mut tcp = loop {
            match self.0.accept() {
                Ok((tcp, _)) => break tcp,
                Err(_) if Instant::now() < running.deadline() => {
                    thread::sleep(Duration::from_millis(1));
                }
                Err(error) => panic!("no request came: {error}"),
            }
        };
        tcp.set_nonblocking(false).expect("it can be waited for");
        tcp.set_read_timeout(Some(Duration::from_secs(20))).expect("a time-out can be set");
        let mut request = Vec::new();
        while !request.ends_with(b"}") {
            let mut byte = [0];
            tcp.read_exact(&mut byte).expect("the request is whole");
            request.extend(byte);
        }
        Asked(tcp)
    }
}

struct Asked(TcpStream);

impl Asked {
    fn answer(mut self, token: &str) {
        let body = body(token);
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
        self.0.write_all((head + &body).as_bytes()).expect("the program reads the answer");
    }
}

/// The new file that a run has made beside the place of its result.
fn new_file(folder: &Path) -> PathBuf {
    let mut names = names(folder);
    names.retain(|name| name.starts_with(".outseta-token-"));
    assert_eq!(names.len(), 1, "{names:?}");
    folder.join(&names[0])
}

mod success {
    use super::*;

    #[test]
    fn the_file_has_the_same_content_as_standard_output() {
        let server = minting(JWT);
        for (format, expected) in [
            (
                "json",
                format!(
                    "{{\n  \"access_token\": \"{JWT}\",\n  \"token_type\": \"bearer\",\n  \"expires_in\": 604800\n}}\n"
                ),
            ),
            ("token", LINE.to_owned()),
            ("header", format!("Authorization: Bearer {JWT}\n")),
            ("env", format!("OUTSETA_ACCESS_TOKEN={JWT}\n")),
            ("claims", "{\n  \"email\": \"jane@example.com\",\n  \"exp\": 4102444800\n}\n".to_owned()),
        ] {
            let outcome =
                Run::new().server(&server).args(["-f", format, "--output=token", "jane@example.com"]).run();
            assert_eq!(read(&outcome.work().join("token")), expected);
            assert_eq!(names(&outcome.work()), ["token"]);
        }
    }

    #[test]
    fn the_mode_is_0600_whatever_the_umask_and_the_old_files_mode() {
        let server = minting(JWT);
        for umask in ["0", "022", "0777"] {
            for old in [None, Some(0o644), Some(0o777), Some(0o400)] {
                let script = format!("umask {umask}; exec \"$0\" \"$@\"");
                let run =
                    Run::by_shell(&script).server(&server).args(["-r", "-o", "token", "jane@example.com"]);
                let path = run.work().join("token");
                if let Some(old) = old {
                    fs::write(&path, "old\n").expect("the file is written");
                    fs::set_permissions(&path, Permissions::from_mode(old)).expect("its mode");
                }
                let _outcome = run.run();
                assert_eq!(mode(&path), 0o600, "umask {umask}, old mode {old:?}");
                assert_eq!(read(&path), LINE);
            }
        }
    }

    #[test]
    fn unusual_file_names() {
        let server = minting(JWT);
        for name in [
            OsStr::new("a b"),
            OsStr::new("./token"),
            OsStr::new("folder/../folder/token"),
            OsStr::new("-x"),
            OsStr::from_bytes(b"t\xffken"),
            OsStr::new(&"x".repeat(255)),
        ] {
            let run = to_file(&server, name);
            fs::create_dir(run.work().join("folder")).expect("a folder is made");
            let outcome = run.run();
            assert_eq!(read(&outcome.work().join(name)), LINE);
        }
        let run = Run::new();
        let path = run.work().join("token");
        let _outcome = run.server(&server).args(["-r", "jane@example.com", "-o"]).arg(&path).run();
        assert_eq!(read(&path), LINE);
    }

    #[test]
    fn a_symbolic_link_is_replaced_and_its_target_is_unchanged() {
        let server = minting(JWT);
        for target in ["other", "missing", "token", "/dev/null", "fifo"] {
            let run = to_file(&server, "token").file("other", "kept\n");
            let (work, path) = (run.work(), run.work().join("token"));
            make_fifo(&work.join("fifo"));
            symlink(target, &path).expect("a link is made");
            let _outcome = run.run();
            let metadata = fs::symlink_metadata(&path).expect("the file is there");
            assert!(metadata.is_file(), "the link to {target} is a file now");
            assert_eq!(read(&path), LINE);
            assert_eq!(read(&work.join("other")), "kept\n");
            assert_eq!(names(&work), ["fifo", "other", "token"]);
        }
    }

    #[test]
    fn a_hard_link_keeps_the_old_content() {
        let server = minting(JWT);
        let run = to_file(&server, "token").file("token", "old\n");
        let (path, other) = (run.work().join("token"), run.work().join("other"));
        fs::hard_link(&path, &other).expect("a second name is made");
        let _outcome = run.run();
        assert_eq!((read(&path), read(&other)), (LINE.to_owned(), "old\n".to_owned()));
    }

    #[test]
    fn a_device_is_written_directly_and_stays_one() {
        let server = minting(JWT);
        let run = Run::new().server(&server).args(["-r", "jane@example.com", "-o"]);
        let Some(path) = Device::Null.harmless(&run.work()) else {
            return;
        };
        let _outcome = run.arg(&path).run();
        let metadata = fs::metadata(path).expect("it is there");
        assert!(metadata.file_type().is_char_device());
    }

    #[test]
    fn descriptors_are_written_directly() {
        let server = minting(JWT);
        for folder in ["/dev/fd", "/proc/self/fd"] {
            if !has(folder) {
                continue;
            }
            to_file(&server, format!("{folder}/1")).stdout(LINE).run();
            to_file(&server, format!("{folder}/2")).stderr(LINE).run();
            let outcome = Run::by_shell("exec 3>log; echo before >&3; \"$0\" \"$@\"; echo after >&3")
                .server(&server)
                .args(["-r", "jane@example.com", "-o", &format!("{folder}/3")])
                .run();
            assert_eq!(read(&outcome.work().join("log")), format!("before\n{LINE}after\n"));
            assert_eq!(names(&outcome.work()), ["log"]);
        }
    }

    #[test]
    fn dev_stdout_is_written_at_its_offset() {
        if !nobody_can_be_had() {
            return;
        }
        let server = minting(JWT);
        as_nobody(&server, "/dev/stdout").stdout(LINE).run();
        // A descriptor that was opened anew would be at the end of the file, or at its start.
        let outcome = Run::by_shell(&format!("{{ echo before; ({AS_NOBODY}); echo after; }} >log"))
            .server(&server)
            .args(["-r", "jane@example.com", "-o", "/dev/stdout"])
            .run();
        assert_eq!(read(&outcome.work().join("log")), format!("before\n{LINE}after\n"));
    }
}

mod failure {
    use super::*;

    const HINT: &str = "outseta-token: hint: name a file in a folder that exists, that this user may write and that has space left";

    /// What a folder and a file looked like.
    fn picture(folder: &Path) -> (Vec<String>, String, u64, u32) {
        let path = folder.join("token");
        let metadata = fs::metadata(&path).expect("the file is there");
        (names(folder), read(&path), metadata.ino(), mode(&path))
    }

    #[track_caller]
    fn stays_as_it_was(run: Run, status: i32) {
        let run = run.file("token", "old\n");
        let work = run.work();
        let path = work.join("token");
        fs::set_permissions(&path, Permissions::from_mode(0o640)).expect("its mode");
        let before = picture(&work);
        let outcome = run.outcome();
        assert_eq!(outcome.status, Some(status), "{outcome}");
        assert_eq!(outcome.stdout_text(), "", "{outcome}");
        assert!(outcome.stderr.starts_with("outseta-token: "), "{outcome}");
        assert_eq!(picture(&work), before, "{outcome}");
    }

    #[test]
    fn the_old_file_survives_a_failure() {
        let scripted = |answer: Answer| {
            let server = Server::http(Account::acme());
            server.always(On::Tokens, answer);
            server
        };
        for (server, status) in [
            (Server::http(Account::new("acme")), 67),
            (scripted(Answer::empty(403)), 77),
            (scripted(Answer::empty(503)), 75),
            (scripted(Answer::text(200, "{\"access_token\": \"")), 76),
            (minting(&jwt::token("acme", "john@example.com", 60)), 76),
        ] {
            stays_as_it_was(to_file(&server, "token").args(["--retries", "0"]), status);
        }
        let server = minting("opaque");
        let file = ["-o", "token"];
        let run = || Run::new().server(&server);
        stays_as_it_was(run().args(file).args(["-f", "claims", "jane@example.com"]), 76);
        stays_as_it_was(run().args(file).args(["-x", "jane@example.com"]), 64);
        stays_as_it_was(run().args(file).arg("jane"), 65);
        stays_as_it_was(run().args(file).args(["--env-file", "none", "jane@example.com"]), 66);
        stays_as_it_was(Run::new().args(file).arg("jane@example.com"), 78);
        let dead = run().env("OUTSETA_BASE_URL", format!("http://{}", dead_address()));
        stays_as_it_was(dead.args(file).args(["--retries", "0", "jane@example.com"]), 69);
        let stalled = Server::http(Account::acme());
        stalled.on(On::Tokens, Fault::Stall);
        stays_as_it_was(to_file(&stalled, "token").args(["--timeout", "300ms"]), 69);
    }

    #[test]
    fn the_old_file_survives_a_file_size_limit() {
        let outcome = Run::by_shell("ulimit -f 0; exec \"$0\" \"$@\"")
            .server(&minting(JWT))
            .file("token", "old\n")
            .args(["-r", "jane@example.com", "-o", "token"])
            .status(74)
            .stderr_lines(&[
                "outseta-token: cannot write to token: file too large",
                "outseta-token: hint: check the space on the device and whose file it is; a file that -o names is as it was, any other output may be cut short",
            ])
            .run();
        assert_eq!(read(&outcome.work().join("token")), "old\n");
        assert_eq!(names(&outcome.work()), ["token"]);
    }

    #[track_caller]
    fn cannot_be_created(name: &str, why: &str) {
        let server = minting(JWT);
        let run = to_file(&server, name).file("file", "");
        fs::create_dir(run.work().join("folder")).expect("a folder is made");
        symlink("folder", run.work().join("link")).expect("a link is made");
        let before = names(&run.work());
        let outcome = run
            .status(73)
            .stderr_lines(&[&format!("outseta-token: cannot create {name}: {why}"), HINT])
            .run();
        assert_eq!(server.connections(), 0, "{outcome}");
        assert_eq!(names(&outcome.work()), before);
        assert_eq!(names(&outcome.work().join("folder")), [""; 0]);
    }

    #[test]
    fn a_file_that_cannot_be_created_is_73_before_any_request() {
        for (name, why) in [
            ("missing/token", "no such file or directory"),
            ("folder", "is a directory"),
            ("folder/", "is a directory"),
            (".", "is a directory"),
            ("..", "is a directory"),
            ("/", "is a directory"),
            // Whoever names a link to a folder means the folder, and would miss the link.
            ("link", "is a directory"),
            ("link/", "is a directory"),
            ("missing/", "no such file or directory"),
            ("missing/.", "no such file or directory"),
            ("missing/..", "no such file or directory"),
            ("file/", "not a directory"),
            ("file/token", "not a directory"),
            ("/proc/token", "no such file or directory"),
            ("/dev/fd/77", "bad file descriptor"),
        ] {
            cannot_be_created(name, why);
        }
        let long = "x".repeat(256);
        cannot_be_created(&long, "file name too long");
    }

    #[test]
    fn fifos_sockets_and_block_devices_are_refused_before_any_request() {
        let server = minting(JWT);
        let bind = |path: &Path| drop(UnixListener::bind(path).expect("a socket is made"));
        let block_device = |path: &Path| {
            if !make_device(path, &["b", "240", "0"]) {
                make_fifo(path);
            }
        };
        for make in [make_fifo as fn(&Path), bind, block_device] {
            let run = to_file(&server, "special");
            make(&run.work().join("special"));
            run.status(73)
                .stderr_lines(&[
                    "outseta-token: cannot create special: it is neither a regular file nor a character device",
                    "outseta-token: hint: redirect standard output to it instead",
                ])
                .run();
        }
        assert_eq!(server.connections(), 0);
    }

    #[test]
    fn a_folder_that_is_not_writable_is_73_before_any_request() {
        let server = minting(JWT);
        let run = Run::new().server(&server).args(["-r", "jane@example.com"]);
        // Root may write anywhere but where the kernel itself says no.
        let name = if geteuid().is_root() {
            "/sys/token".to_owned()
        } else {
            let folder = run.work().join("folder");
            fs::create_dir(&folder).expect("a folder is made");
            fs::set_permissions(&folder, Permissions::from_mode(0o500)).expect("its mode");
            "folder/token".to_owned()
        };
        run.args(["-o", &name])
            .status(73)
            .stderr_contains(&format!("outseta-token: cannot create {name}: "))
            .stderr_contains(HINT)
            .run();
        assert_eq!(server.connections(), 0);
    }

    #[test]
    fn a_missing_setting_is_reported_before_a_folder_that_is_missing() {
        Run::new()
            .args(["-o", "missing/token", "jane@example.com"])
            .status(78)
            .stderr_contains("outseta-token: not configured: ")
            .run();
    }

    #[test]
    fn a_full_device_is_74() {
        let server = minting(JWT);
        let run = Run::new().server(&server).args(["-r", "jane@example.com", "-o"]);
        let Some(path) = Device::Full.harmless(&run.work()) else {
            return;
        };
        run.arg(&path)
            .status(74)
            .stderr_lines(&[
                &format!("outseta-token: cannot write to {}: no space left on device", path.display()),
                "outseta-token: hint: check the space on the device and whose file it is; a file that -o names is as it was, any other output may be cut short",
            ])
            .run();
    }

    #[test]
    fn a_closed_pipe_is_74_without_a_message() {
        let server = minting(JWT);
        to_file(&server, "/dev/fd/1").stdout_broken().status(74).run();
        if nobody_can_be_had() {
            as_nobody(&server, "/dev/stdout").stdout_broken().status(74).run();
        }
    }
}

mod details {
    use super::*;

    #[test]
    fn the_new_file_is_private_from_the_start_and_only_renamed() {
        for umask in ["0", "0777"] {
            let gate = Gate::new();
            let script = format!("umask {umask}; exec \"$0\" \"$@\"");
            let run = Run::by_shell(&script)
                .credentials()
                .env("OUTSETA_BASE_URL", gate.url())
                .args(["-r", "jane@example.com", "-o", "folder/token"])
                .file("folder/token", "old\n");
            let (work, folder) = (run.work(), run.work().join("folder"));
            let running = run.start();
            let asked = gate.request(&running);
            assert_eq!(names(&work), ["folder"]);
            let new = new_file(&folder);
            assert_eq!((mode(&new), read(&new)), (0o600, String::new()));
            assert_eq!(read(&folder.join("token")), "old\n");
            let number = fs::metadata(&new).expect("it is there").ino();
            asked.answer(JWT);
            let outcome = running.outcome();
            assert_eq!(outcome.status, Some(0), "{outcome}");
            let token = fs::metadata(folder.join("token")).expect("it is there");
            assert_eq!(token.ino(), number, "the new file itself is the result");
            assert_eq!(names(&folder), ["token"]);
        }
    }

    /// What no file shows afterwards: that it was private when it was made, and on the disk when it
    /// got its name.
    #[test]
    fn it_is_made_private_and_flushed_before_it_is_renamed() {
        let trace = "exec strace -f -e trace=file,fsync -o";
        if Run::by_shell(&format!("{trace} /dev/null \"$0\" --version")).outcome().status != Some(0) {
            skip("strace is not there, or may not trace");
            return;
        }
        let outcome = Run::by_shell(&format!("{trace} trace \"$0\" \"$@\""))
            .server(&minting(JWT))
            .args(["-r", "jane@example.com", "-o", "token"])
            .run();
        let trace = read(&outcome.work().join("trace"));
        let mut calls = trace.lines();
        let made = calls.find(|call| call.contains("O_EXCL")).unwrap_or_else(|| panic!("{trace}"));
        assert!(made.contains("\"./.outseta-token-") && made.contains(", 0600) = "), "{trace}");
        let descriptor = made.rsplit(' ').next().expect("a result");
        assert!(
            calls.any(|call| call.contains(&format!("fsync({descriptor})")) && call.ends_with("= 0")),
            "{trace}"
        );
        assert!(
            calls.any(|call| call.contains("rename")
                && call.contains("\"./.outseta-token-")
                && call.contains("\"token\"")),
            "{trace}"
        );
        assert!(
            calls.any(|call| call.contains("fsync(") && call.ends_with("= 0")),
            "its name is flushed too: {trace}"
        );
    }

    #[test]
    fn a_killed_run_leaves_the_old_file_or_the_new_one() {
        let (old, new) = (long_token('a') + "\n", long_token('b'));
        let server = minting(&new);
        let new = new + "\n";
        let folder = tempfile::TempDir::new().expect("a temporary folder");
        let path = folder.path().join("token");
        let whole = to_file(&server, &path).run().elapsed;
        for turn in 0..48 {
            fs::write(&path, &old).expect("the old file is written");
            let seen = server.requests().len();
            let running = to_file(&server, &path).start();
            // Half of them anywhere in the run, half of them in its last part.
            let started = Instant::now();
            let moment = if turn % 2 == 0 {
                whole * turn / 40
            } else {
                while server.requests().len() == seen && started.elapsed() < Duration::from_secs(5) {
                    thread::yield_now();
                }
                started.elapsed() + whole * turn / 30
            };
            thread::sleep(moment.saturating_sub(started.elapsed()));
            running.signal(Signal::KILL);
            let outcome = running.outcome();
            let found = read(&path);
            assert!(found == old || found == new, "turn {turn}: {} bytes of neither\n{outcome}", found.len());
            assert!(names(folder.path()).len() <= 2, "the run before it was tidied up");
        }
        to_file(&server, &path).run();
        assert_eq!(names(folder.path()), ["token"]);
    }

    /// The new file of a run that was killed before it was renamed to `path`.
    fn left_by_a_killed_run(path: &Path) -> PathBuf {
        let gate = Gate::new();
        let running = gate.run(path).start();
        let _asked = gate.request(&running);
        let left = new_file(path.parent().expect("a folder"));
        running.signal(Signal::KILL);
        assert_eq!(running.outcome().signal, Some(9));
        assert!(left.exists());
        left
    }

    #[test]
    fn the_next_run_removes_only_the_new_file_of_a_killed_run() {
        let folder = tempfile::TempDir::new().expect("a temporary folder");
        let folder = folder.path();
        let path = folder.join("token");
        let left = left_by_a_killed_run(&path);
        let others = [
            ".outseta-token-.tmp",
            ".outseta-token-0123456789abcdeg.tmp",
            ".outseta-token-0123456789abcdef",
            ".outseta-token-0123456789abcdef0.tmp",
            "outseta-token-0123456789abcdef.tmp",
        ];
        for name in others {
            fs::write(folder.join(name), "").expect("the file is written");
        }
        // What is not a file was not left by a run.
        symlink("token", folder.join(".outseta-token-0000000000000001.tmp")).expect("a link");
        fs::create_dir(folder.join(".outseta-token-0000000000000002.tmp")).expect("a folder");
        make_fifo(&folder.join(".outseta-token-0000000000000003.tmp"));
        let mut before = names(folder);
        to_file(&minting(JWT), &path).run();
        before.retain(|name| *name != left.file_name().expect("a name").display().to_string());
        before.push("token".to_owned());
        before.sort();
        assert_eq!(names(folder), before);
    }

    #[test]
    fn a_run_that_keeps_the_file_removes_it_too() {
        let server = minting(JWT);
        let folder = tempfile::TempDir::new().expect("a temporary folder");
        let path = folder.path().join("token");
        fs::write(&path, LINE).expect("the file is written");
        set_mode(&path, 0o600);
        left_by_a_killed_run(&path);
        to_file(&server, &path).args(["--min-ttl", "1h"]).run();
        assert_eq!(server.connections(), 0);
        assert_eq!(names(folder.path()), ["token"]);
    }

    #[test]
    fn the_new_file_of_a_running_process_is_not_removed() {
        let gate = Gate::new();
        let folder = tempfile::TempDir::new().expect("a temporary folder");
        let (one, other) = (folder.path().join("one"), folder.path().join("other"));
        let running = gate.run(&one).start();
        let asked = gate.request(&running);
        let new = new_file(folder.path());
        to_file(&minting(JWT), &other).run();
        to_file(&Server::http(Account::new("acme")), &other)
            .status(67)
            .stderr_contains("outseta-token: no such user")
            .run();
        assert!(new.exists());
        asked.answer("first");
        let outcome = running.outcome();
        assert_eq!(outcome.status, Some(0), "{outcome}");
        assert_eq!(read(&one), "first\n");
        assert_eq!(names(folder.path()), ["one", "other"]);
    }

    #[test]
    fn concurrent_runs_leave_one_complete_file() {
        let folder = tempfile::TempDir::new().expect("a temporary folder");
        let path = folder.path().join("token");
        for _ in 0..4 {
            let tokens: Vec<String> = ('a'..'g').map(long_token).collect();
            let servers: Vec<Server> = tokens.iter().map(|token| minting(token)).collect();
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
