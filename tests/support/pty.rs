//! Runs the program in a new session on a pseudo-terminal. Each of its three streams is the terminal or as in
//! [`Run`].

use std::fs::File;
use std::io::Write as _;
use std::os::fd::{AsFd as _, OwnedFd};
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use pty_process::blocking::{Command, Pty};
use rustix::termios::{ControlModes, InputModes, LocalModes, OutputModes, tcgetattr};

use super::collect::Collector;
use super::run::{Outcome, Run, Running};

/// The streams that are the terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Streams {
    pub stdin: bool,
    pub stdout: bool,
    pub stderr: bool,
}

impl Streams {
    pub const ALL: Self = Self { stdin: true, stdout: true, stderr: true };
    /// As in `outseta-token > file`.
    pub const NOT_STDOUT: Self = Self { stdout: false, ..Self::ALL };
    /// As in `outseta-token 2> file`.
    pub const NOT_STDERR: Self = Self { stderr: false, ..Self::ALL };
    /// As in `echo jane@example.com | outseta-token`.
    pub const NOT_STDIN: Self = Self { stdin: false, ..Self::ALL };
    /// There is a controlling terminal, and no stream is it.
    pub const NONE: Self = Self { stdin: false, stdout: false, stderr: false };
}

/// The flags of termios(3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Modes {
    pub input: InputModes,
    pub output: OutputModes,
    pub control: ControlModes,
    pub local: LocalModes,
}

/// A program on a terminal.
pub struct Session {
    running: Running,
    /// The user's side of the terminal.
    keyboard: Pty,
    /// The program's side. It is kept open: the terminal would end between two openings of `/dev/tty`.
    terminal: OwnedFd,
    screen: Collector,
    /// How far [`Session::wait_for`] has come.
    seen: usize,
    modes_before: Modes,
}

impl Run {
    /// Starts the program on a terminal.
    #[track_caller]
    pub fn on_terminal(self, streams: Streams) -> Session {
        let (keyboard, terminal) = pty_process::blocking::open().expect("a pseudo-terminal");
        let modes_before = modes(&keyboard);
        let mut run = self.interruptible();
        let mut command = Command::from(run.command());
        let (stdin, stdout) = run.streams();
        if !streams.stdin {
            command = command.stdin(stdin);
        }
        if !streams.stdout {
            command = command.stdout(stdout);
        }
        if !streams.stderr {
            command = command.stderr(Stdio::piped());
        }
        let held = terminal.as_fd().try_clone_to_owned().expect("a descriptor can be copied");
        let started = Instant::now();
        let child = command.spawn(terminal).expect("the program starts on a terminal");
        let screen = Collector::of(copy(&keyboard));
        Session {
            running: Running::new(run, child, started),
            keyboard,
            terminal: held,
            screen,
            seen: 0,
            modes_before,
        }
    }
}

impl Session {
    /// Waits until the terminal shows `text` after what an earlier call has waited for.
    #[track_caller]
    pub fn wait_for(&mut self, text: &str) -> &mut Self {
        let end = self.screen.wait_for(text, self.seen, self.running.deadline());
        self.seen = end.unwrap_or_else(|| self.fail(&format!("show {text:?}")));
        self
    }

    /// Types; Enter is `\r`, Ctrl-C `\x03`, Ctrl-D `\x04`.
    #[track_caller]
    pub fn send(&mut self, keys: &str) -> &mut Self {
        self.keyboard.write_all(keys.as_bytes()).expect("the terminal takes keys");
        self
    }

    #[track_caller]
    fn fail(&mut self, wanted: &str) -> ! {
        let screen = self.screen();
        self.running.fail(&format!("the terminal should {wanted}; it shows {screen:?}"))
    }

    /// All that the terminal has shown, echoed keys included.
    pub fn screen(&self) -> String {
        self.screen.text()
    }

    /// Before the program started.
    pub fn modes_before(&self) -> &Modes {
        &self.modes_before
    }

    /// At this moment, even after the program's end.
    pub fn modes(&self) -> Modes {
        modes(&self.keyboard)
    }

    /// Waits until the terminal no longer echoes: keys sent before that would be shown.
    #[track_caller]
    pub fn wait_for_no_echo(&mut self) -> &mut Self {
        while self.modes().local.contains(LocalModes::ECHO) {
            if Instant::now() >= self.running.deadline() {
                self.fail("stop its echo");
            }
            thread::sleep(Duration::from_millis(1));
        }
        self
    }

    pub fn running(&self) -> &Running {
        &self.running
    }

    /// Waits for the end; fails unless the terminal is as it was. [`Outcome::terminal`] is what it showed.
    #[track_caller]
    pub fn outcome(self) -> Outcome {
        let deadline = self.running.deadline();
        let (screen, keyboard) = (self.screen, self.keyboard);
        let mut outcome = self.running.finish(String::new());
        drop(self.terminal);
        screen.wait_for_end(deadline);
        outcome.terminal = screen.text();
        outcome.check_secrets();
        assert!(modes(&keyboard) == self.modes_before, "the terminal should be left as it was\n{outcome}");
        outcome
    }
}

fn modes(terminal: &Pty) -> Modes {
    let termios = tcgetattr(terminal).expect("a terminal has modes");
    Modes {
        input: termios.input_modes,
        output: termios.output_modes,
        control: termios.control_modes,
        local: termios.local_modes,
    }
}

/// A second handle, for the thread that reads.
fn copy(terminal: &Pty) -> File {
    let handle = terminal.as_fd().try_clone_to_owned().expect("a descriptor can be copied");
    handle.into()
}
