//! System calls that std does not offer: the only `unsafe` code.

#![allow(unsafe_code, reason = "std has no safe form of these calls, or none in Rust 1.85")]

use std::ffi::CString;
use std::fs::File;
use std::io;
use std::mem::{self, ManuallyDrop};
use std::os::fd::{AsRawFd, FromRawFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::OnceLock;

use libc::{SIGHUP, SIGINT, SIGTERM, c_int, sighandler_t};

/// Runs before Rust's runtime, which opens /dev/null for reading and writing in place of a standard stream
/// that the caller closed: the token would be lost without an error. As gnulib's `stdopen` does, this opens
/// it the wrong way round, so that reading standard input and writing the other two fails.
#[used]
#[cfg_attr(target_vendor = "apple", unsafe(link_section = "__DATA,__mod_init_func"))]
#[cfg_attr(not(target_vendor = "apple"), unsafe(link_section = ".init_array"))]
static OPEN_CLOSED_STREAMS: extern "C" fn() = open_closed_streams;

extern "C" fn open_closed_streams() {
    for (stream, mode) in [(0, libc::O_WRONLY), (1, libc::O_RDONLY), (2, libc::O_RDONLY)] {
        // SAFETY: the path is a C string. `open` returns the lowest closed descriptor, which is `stream`.
        unsafe {
            if libc::fcntl(stream, libc::F_GETFD) == -1 {
                libc::open(c"/dev/null".as_ptr(), mode);
            }
        }
    }
}

/// The terminal's modes before the hidden prompt. They are static because a signal handler restores them.
static TERMINAL_MODES: OnceLock<libc::termios> = OnceLock::new();

/// Runs `read`, which turns off the echo of the terminal on standard input. SIGINT, SIGTERM and SIGHUP
/// restore it: rpassword raises SIGINT before it restores the terminal, and handles no other signal.
pub(crate) fn restoring_terminal<T>(read: impl FnOnce() -> T) -> T {
    TERMINAL_MODES.get_or_init(|| {
        // SAFETY: termios is plain data, valid when zeroed; tcgetattr writes only into `modes`.
        unsafe {
            let mut modes = mem::zeroed();
            libc::tcgetattr(libc::STDIN_FILENO, &raw mut modes);
            modes
        }
    });
    let former = [SIGINT, SIGTERM, SIGHUP].map(|signal| {
        let former = set_action(signal, restore_and_end as *const () as sighandler_t);
        // The caller wants this signal to be ignored, as nohup(1) does.
        if former == libc::SIG_IGN {
            set_action(signal, former);
        }
        (signal, former)
    });
    let result = read();
    for (signal, action) in former {
        set_action(signal, action);
    }
    result
}

/// Returns the former action.
fn set_action(signal: c_int, action: sighandler_t) -> sighandler_t {
    // SAFETY: the action is a former one or `restore_and_end`, whose calls signal-safety(7) lists.
    unsafe { libc::signal(signal, action) }
}

extern "C" fn restore_and_end(signal: c_int) {
    // SAFETY: the pointers lead to static data.
    unsafe {
        if let Some(modes) = TERMINAL_MODES.get() {
            libc::tcsetattr(libc::STDIN_FILENO, libc::TCSANOW, modes);
        }
        libc::write(libc::STDERR_FILENO, c"\n".as_ptr().cast(), 1);
        libc::signal(signal, libc::SIG_DFL);
        // Ctrl-C ends the whole process group (0), so that a calling script ends too.
        libc::kill(if signal == SIGINT { 0 } else { libc::getpid() }, signal);
    }
}

/// The descriptor that `/dev/fd/3` or `/dev/stdin` names.
pub(crate) fn descriptor(path: &Path) -> Option<RawFd> {
    // Paths are compared by their parts: `/dev//fd` is `/dev/fd`. A slash at the end is not a part.
    let is_in = |folder: &str| path.parent() == Some(Path::new(folder));
    let name = path.file_name()?.to_str().filter(|name| path.to_string_lossy().ends_with(name))?;
    if is_in("/dev") {
        return ["stdin", "stdout", "stderr"].iter().position(|stream| *stream == name)?.try_into().ok();
    }
    let number: u32 = name.parse().ok().filter(|_| is_in("/dev/fd") || is_in("/proc/self/fd"))?;
    // `parse` also accepts `03` and `+3`, which the system does not.
    number.try_into().ok().filter(|_| number.to_string() == name)
}

/// An inherited descriptor as a file; not a copy, which `ulimit -n` might not allow.
pub(crate) fn inherited(descriptor: RawFd) -> ManuallyDrop<File> {
    // SAFETY: the file is never dropped, so it closes nothing. Calls on one that is not open fail.
    ManuallyDrop::new(unsafe { File::from_raw_fd(descriptor) })
}

/// Fails if the file is closed or open only for reading.
pub(crate) fn check_writable(file: &File) -> io::Result<()> {
    // SAFETY: this only reads flags.
    let flags = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_GETFL) };
    if flags == -1 || flags & libc::O_ACCMODE == libc::O_RDONLY {
        return Err(io::Error::from_raw_os_error(libc::EBADF));
    }
    Ok(())
}

pub(crate) fn effective_user() -> u32 {
    // SAFETY: geteuid cannot fail.
    unsafe { libc::geteuid() }
}

/// Fails if this user may not make files in the folder. (access(2) asks for the real user, who is the
/// effective one in a program that is not set-user-ID.)
pub(crate) fn check_writable_folder(folder: &Path) -> io::Result<()> {
    let path = CString::new(folder.as_os_str().as_bytes())?;
    // SAFETY: the path is a C string.
    succeeded(unsafe { libc::access(path.as_ptr(), libc::W_OK | libc::X_OK) })
}

/// Removes `O_NONBLOCK`.
pub(crate) fn set_blocking(file: &File) -> io::Result<()> {
    // SAFETY: this only sets flags.
    succeeded(unsafe { libc::fcntl(file.as_raw_fd(), libc::F_SETFL, 0) })
}

fn succeeded(result: c_int) -> io::Result<()> {
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
