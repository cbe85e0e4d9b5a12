//! Starts the program in an empty environment and checks its result. Output that a test does not expect must
//! be empty, and the status 0. No stream may hold the API secret, or more of the API key than may be shown. A
//! run that exceeds its deadline is killed and fails.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt::{self, Display, Formatter};
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::mem;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use super::collect::Collector;
use super::fake::Server;
use super::proxy::{Detour, Proxy};
use super::tls::Authority;
use super::{KEY, KEY_SHOWN, SECRET, set_mode};

/// A run that takes longer counts as hanging.
const DEADLINE: Duration = Duration::from_secs(20);

/// The built program. Cargo passes its path to integration tests; examples are in a folder beside it.
pub fn program() -> PathBuf {
    if let Some(path) = option_env!("CARGO_BIN_EXE_outseta-token") {
        return path.into();
    }
    let example = std::env::current_exe().expect("a program knows its path");
    let target =
        example.parent().and_then(Path::parent).expect("an example lies in a folder of the target folder");
    target.join("outseta-token")
}

/// What a stream must hold.
enum Expected {
    Exactly(String),
    Parts(Vec<String>),
}

impl Expected {
    #[track_caller]
    fn check(&self, stream: &str, actual: &str, outcome: &Outcome) {
        match self {
            Self::Exactly(text) => assert!(actual == text, "{stream} should be {text:?}\n{outcome}"),
            Self::Parts(parts) => {
                for part in parts {
                    assert!(actual.contains(part.as_str()), "{stream} should contain {part:?}\n{outcome}");
                }
            }
        }
    }

    fn add(&mut self, part: &str) {
        match self {
            Self::Exactly(_) => *self = Self::Parts(vec![part.to_owned()]),
            Self::Parts(parts) => parts.push(part.to_owned()),
        }
    }
}

/// A planned run: command line, environment, streams and the expected result.
#[must_use]
pub struct Run {
    program: PathBuf,
    args: Vec<OsString>,
    env: BTreeMap<OsString, OsString>,
    stdin: Stdio,
    /// What a thread writes to standard input.
    input: Option<Vec<u8>>,
    stdout: Stdio,
    interruptible: bool,
    deadline: Duration,
    folder: TempDir,
    transcripts: Vec<Box<dyn Fn() -> String + Send>>,
    expected_status: i32,
    expected_stdout: Expected,
    expected_stderr: Expected,
}

impl Run {
    pub fn new() -> Self {
        Self::of(program())
    }

    /// A run of another build of the program.
    pub fn of(program: PathBuf) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        for name in ["home", "work"] {
            fs::create_dir(folder.path().join(name)).expect("a folder is made");
        }
        let home = folder.path().join("home").into_os_string();
        Self {
            program,
            args: Vec::new(),
            env: BTreeMap::from([("HOME".into(), home)]),
            stdin: Stdio::null(),
            input: None,
            stdout: Stdio::piped(),
            interruptible: false,
            deadline: DEADLINE,
            folder,
            transcripts: Vec::new(),
            expected_status: 0,
            expected_stdout: Expected::Exactly(String::new()),
            expected_stderr: Expected::Exactly(String::new()),
        }
    }

    /// A run by a shell script that starts the program as `"$0" "$@"`: for a umask, limits and closed
    /// descriptors.
    pub fn by_shell(script: &str) -> Self {
        Self::of("/bin/sh".into()).args(["-c", script]).arg(program())
    }

    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    pub fn args<I>(mut self, args: I) -> Self
    where
        I: IntoIterator<Item: AsRef<OsStr>>,
    {
        self.args.extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.env.insert(name.as_ref().to_owned(), value.as_ref().to_owned());
        self
    }

    pub fn env_remove(mut self, name: &str) -> Self {
        self.env.remove(OsStr::new(name));
        self
    }

    /// The API key and secret of the fake's accounts.
    pub fn credentials(self) -> Self {
        self.env("OUTSETA_API_KEY", KEY).env("OUTSETA_API_SECRET", SECRET)
    }

    /// Talks to `server` by its base URL, with credentials.
    pub fn server(self, server: &Server) -> Self {
        self.credentials().env("OUTSETA_BASE_URL", server.url()).watch(server.transcript())
    }

    /// Talks to the real URL of `acme`, with credentials, and reaches the detour's server.
    pub fn detour(self, detour: &Detour) -> Self {
        let run = self.credentials().env("OUTSETA_SUBDOMAIN", "acme").watch(detour.server.transcript());
        run.via_proxy(&detour.proxy).trust(&detour.authority)
    }

    pub fn via_proxy(self, proxy: &Proxy) -> Self {
        self.env("https_proxy", proxy.url()).watch(proxy.transcript())
    }

    /// Trusts this authority in place of the built-in roots.
    pub fn trust(self, authority: &Authority) -> Self {
        self.env("SSL_CERT_FILE", authority.pem_file())
    }

    /// Adds a transcript to the report of a failure.
    pub fn watch(mut self, transcript: impl Fn() -> String + Send + 'static) -> Self {
        self.transcripts.push(Box::new(transcript));
        self
    }

    /// The working directory, empty at first. It is removed when the run and its [`Outcome`] are dropped.
    pub fn work(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    /// `$HOME`, empty at first.
    pub fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    /// Puts a file into the working directory.
    pub fn file(self, path: &str, contents: impl AsRef<[u8]>) -> Self {
        write(&self.work().join(path), contents.as_ref());
        self
    }

    /// Puts a file that only this user can read into the working directory.
    pub fn private_file(self, path: &str, contents: impl AsRef<[u8]>) -> Self {
        let run = self.file(path, contents);
        set_mode(&run.work().join(path), 0o600);
        run
    }

    /// Puts a file into the home directory, with the folders that it needs.
    pub fn home_file(self, path: &str, contents: impl AsRef<[u8]>) -> Self {
        write(&self.home().join(path), contents.as_ref());
        self
    }

    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = Stdio::piped();
        self.input = Some(bytes.into());
        self
    }

    pub fn stdin_file(self, path: impl AsRef<Path>) -> Self {
        self.stdin_from(File::open(path).expect("the file for standard input opens"))
    }

    pub fn stdin_from(mut self, stdin: impl Into<Stdio>) -> Self {
        self.stdin = stdin.into();
        self.input = None;
        self
    }

    /// A pipe for [`Running::write`]; it ends with [`Running::outcome`].
    pub fn stdin_open(mut self) -> Self {
        self.stdin = Stdio::piped();
        self.input = None;
        self
    }

    /// Standard output is this file or device, e.g. `/dev/full`.
    pub fn stdout_file(mut self, path: impl AsRef<Path>) -> Self {
        let file = File::options().write(true).open(path);
        self.stdout = file.expect("the file for standard output opens").into();
        self
    }

    /// Standard output is a pipe whose reader has gone.
    pub fn stdout_broken(mut self) -> Self {
        let mut reader = Command::new("/bin/sh").args(["-c", ":"]).stdin(Stdio::piped()).spawn();
        let reader = reader.as_mut().expect("a shell starts");
        let writer = reader.stdin.take().expect("it is piped");
        reader.wait().expect("the shell ends");
        wait_until_unread(&writer);
        self.stdout = writer.into();
        self
    }

    /// SIGINT and SIGHUP are not ignored, even if the tests run in the background of a script or under nohup.
    pub fn interruptible(mut self) -> Self {
        self.interruptible = true;
        self
    }

    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    pub fn status(mut self, status: i32) -> Self {
        self.expected_status = status;
        self
    }

    pub fn stdout(mut self, text: impl Into<String>) -> Self {
        self.expected_stdout = Expected::Exactly(text.into());
        self
    }

    /// May be given several times.
    pub fn stdout_contains(mut self, part: &str) -> Self {
        self.expected_stdout.add(part);
        self
    }

    pub fn stderr(mut self, text: impl Into<String>) -> Self {
        self.expected_stderr = Expected::Exactly(text.into());
        self
    }

    /// Exactly these lines.
    pub fn stderr_lines(self, lines: &[&str]) -> Self {
        self.stderr(lines.join("\n") + "\n")
    }

    /// Exactly an error and its hint, and this status.
    pub fn fails(self, status: i32, message: &str, hint: &str) -> Self {
        self.status(status).stderr(format!("outseta-token: {message}\noutseta-token: hint: {hint}\n"))
    }

    /// An error that starts with `message`, and this status.
    pub fn fails_with(self, status: i32, message: &str) -> Self {
        self.status(status).stderr_contains(&format!("outseta-token: {message}"))
    }

    /// May be given several times.
    pub fn stderr_contains(mut self, part: &str) -> Self {
        self.expected_stderr.add(part);
        self
    }

    /// Runs to the end and checks all that is expected.
    #[track_caller]
    pub fn run(mut self) -> Outcome {
        let nothing = || Expected::Exactly(String::new());
        let stdout = mem::replace(&mut self.expected_stdout, nothing());
        let stderr = mem::replace(&mut self.expected_stderr, nothing());
        let status = self.expected_status;
        let outcome = self.start().outcome();
        assert!(outcome.status == Some(status), "the status should be {status}\n{outcome}");
        stdout.check("standard output", &outcome.stdout_text(), &outcome);
        stderr.check("standard error", &outcome.stderr, &outcome);
        outcome
    }

    /// Expects the JSON of a token on standard output, and nothing on standard error.
    #[track_caller]
    pub fn prints_a_token(self) -> Outcome {
        self.stdout_contains("\"access_token\"").run()
    }

    /// Runs to the end and checks only that no secret is shown; the test checks the rest.
    #[track_caller]
    pub fn outcome(self) -> Outcome {
        self.start().outcome()
    }

    /// Starts the program and leaves the rest to the test.
    #[track_caller]
    pub fn start(mut self) -> Running {
        let mut command = self.command();
        let (stdin, stdout) = self.streams();
        let started = Instant::now();
        let child = command.stdin(stdin).stdout(stdout).stderr(Stdio::piped()).spawn();
        let child = child.unwrap_or_else(|error| panic!("{command:?} cannot be started: {error}"));
        Running::new(self, child, started)
    }

    /// The program with its arguments and environment, its streams still to be set.
    pub(super) fn command(&self) -> Command {
        let mut words: Vec<OsString> = Vec::new();
        // Only GNU's env can do that.
        if self.interruptible && cfg!(target_os = "linux") {
            words.extend(["/usr/bin/env", "--default-signal=INT,HUP"].map(OsString::from));
        }
        words.push(self.program.clone().into());
        words.extend_from_slice(&self.args);
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).env_clear().envs(&self.env).current_dir(self.work());
        command
    }

    /// Takes standard input and output.
    pub(super) fn streams(&mut self) -> (Stdio, Stdio) {
        (mem::replace(&mut self.stdin, Stdio::null()), mem::replace(&mut self.stdout, Stdio::null()))
    }
}

/// Waits until no process can read from the pipe any more.
fn wait_until_unread(writer: &ChildStdin) {
    let limit = Timespec { tv_sec: 10, tv_nsec: 0 };
    let mut ends = [PollFd::new(writer, PollFlags::empty())];
    poll(&mut ends, Some(&limit)).expect("a pipe can be waited for");
    assert!(ends[0].revents().contains(PollFlags::ERR), "nobody reads the pipe any more");
}

fn write(path: &Path, contents: &[u8]) {
    let folder = path.parent().expect("a file lies in a folder");
    fs::create_dir_all(folder).and_then(|()| fs::write(path, contents)).expect("the file is written");
}

/// The program while it runs; killed when dropped.
pub struct Running {
    run: Run,
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: Collector,
    stderr: Collector,
    started: Instant,
    /// Where the next [`Running::wait_for_stdout`] begins.
    seen: usize,
}

impl Running {
    pub(super) fn new(mut run: Run, mut child: Child, started: Instant) -> Self {
        let mut stdin = child.stdin.take();
        if let Some(input) = run.input.take() {
            let mut pipe = stdin.take().expect("it is piped");
            // The program need not read all of its input.
            thread::spawn(move || drop(pipe.write_all(&input)));
        }
        let stdout = child.stdout.take().map_or_else(ended, Collector::of);
        let stderr = child.stderr.take().map_or_else(ended, Collector::of);
        Self { run, child, stdin, stdout, stderr, started, seen: 0 }
    }

    pub fn deadline(&self) -> Instant {
        self.started + self.run.deadline
    }

    /// Writes to the pipe of [`Run::stdin_open`].
    #[track_caller]
    pub fn write(&mut self, bytes: impl AsRef<[u8]>) {
        let pipe = self.stdin.as_mut().expect("standard input is open");
        pipe.write_all(bytes.as_ref()).expect("the program reads its input");
    }

    /// Waits for `text` after what an earlier call has waited for.
    #[track_caller]
    pub fn wait_for_stdout(&mut self, text: &str) {
        match self.stdout.wait_for(text, self.seen, self.deadline()) {
            Some(end) => self.seen = end,
            None => self.fail(&format!("standard output should contain {text:?}")),
        }
    }

    /// Standard output so far.
    pub fn stdout(&self) -> String {
        self.stdout.text()
    }

    /// The process id, for `/proc`.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The working directory.
    pub fn work(&self) -> PathBuf {
        self.run.work()
    }

    #[track_caller]
    pub fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).expect("a process id");
        kill_process(id, signal).expect("the signal is sent");
    }

    /// Waits for the end, within the deadline.
    #[track_caller]
    pub fn outcome(self) -> Outcome {
        let outcome = self.finish(String::new());
        outcome.check_secrets();
        outcome
    }

    /// As [`Running::outcome`], without the check for secrets.
    #[track_caller]
    pub(super) fn finish(mut self, terminal: String) -> Outcome {
        self.stdin = None;
        let Some(status) = self.wait() else {
            self.fail(&format!("it should end within {:?}", self.run.deadline))
        };
        let elapsed = self.started.elapsed();
        // A process that it started may still hold its streams.
        for stream in [&self.stdout, &self.stderr] {
            stream.wait_for_end(self.deadline());
        }
        self.describe(Some(status), elapsed, terminal)
    }

    /// Kills the program and fails with a report.
    #[track_caller]
    pub(super) fn fail(&mut self, reason: &str) -> ! {
        // It may have ended by itself.
        let _ = self.child.kill();
        let status = self.child.wait().ok();
        let outcome = self.describe(status, self.started.elapsed(), String::new());
        panic!("{reason}\n{outcome}");
    }

    fn wait(&mut self) -> Option<ExitStatus> {
        loop {
            if let Some(status) = self.child.try_wait().expect("the child can be waited for") {
                return Some(status);
            }
            if Instant::now() >= self.deadline() {
                return None;
            }
            thread::sleep(Duration::from_millis(1));
        }
    }

    fn describe(&mut self, status: Option<ExitStatus>, elapsed: Duration, terminal: String) -> Outcome {
        let folder = mem::replace(&mut self.run.folder, TempDir::new().expect("a temporary folder"));
        Outcome {
            status: status.and_then(|status| status.code()),
            signal: status.and_then(|status| status.signal()),
            stdout: self.stdout.bytes(),
            stderr: self.stderr.text(),
            terminal,
            elapsed,
            command: format!("{} {:?}", self.run.program.display(), self.run.args),
            transcripts: self.run.transcripts.iter().map(|transcript| transcript()).collect(),
            folder,
        }
    }
}

/// For a stream that is not collected.
fn ended() -> Collector {
    Collector::of(io::empty())
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail when it has ended, as it should have.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The result of a run. `Display` shows it as the report of a failure.
pub struct Outcome {
    /// `None` if a signal ended it.
    pub status: Option<i32>,
    pub signal: Option<i32>,
    pub stdout: Vec<u8>,
    pub stderr: String,
    /// What the terminal showed, for a run on one.
    pub terminal: String,
    pub elapsed: Duration,
    command: String,
    transcripts: Vec<String>,
    folder: TempDir,
}

impl Outcome {
    pub fn stdout_text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Standard output as one JSON value.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.stdout).unwrap_or_else(|error| panic!("not JSON: {error}\n{self}"))
    }

    /// The working directory, as the program left it.
    pub fn work(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    /// The text of a file in the working directory.
    #[track_caller]
    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.work().join(path)).unwrap_or_else(|error| panic!("{path}: {error}\n{self}"))
    }

    #[track_caller]
    pub(super) fn check_secrets(&self) {
        let key_parts = [&KEY[..=KEY_SHOWN], &KEY[KEY.len() / 2..]];
        for (stream, text) in [
            ("standard output", self.stdout_text()),
            ("standard error", self.stderr.clone()),
            ("the terminal", self.terminal.clone()),
        ] {
            assert!(!shows_secret(&text), "{stream} shows the API secret\n{self}");
            assert!(
                !key_parts.iter().any(|part| text.contains(part)),
                "{stream} shows more than {KEY_SHOWN} characters of the key\n{self}"
            );
        }
    }
}

/// Half of the secret counts too.
fn shows_secret(text: &str) -> bool {
    let (start, end) = SECRET.split_at(SECRET.len() / 2);
    text.contains(start) || text.contains(end)
}

impl Display for Outcome {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "command: {}", self.command)?;
        writeln!(f, "status: {:?}, signal: {:?}, after {:?}", self.status, self.signal, self.elapsed)?;
        writeln!(f, "standard output:\n{}", self.stdout_text())?;
        writeln!(f, "standard error:\n{}", self.stderr)?;
        if !self.terminal.is_empty() {
            writeln!(f, "terminal:\n{}", self.terminal)?;
        }
        self.transcripts.iter().try_for_each(|transcript| writeln!(f, "{transcript}"))
    }
}
