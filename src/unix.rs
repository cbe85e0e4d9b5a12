//! The calls for which std has no safe form, and the only `unsafe` code. rpassword reads a secret in raw mode and
//! handles Ctrl-C itself: it raises SIGINT *before* it restores the terminal, so that with the default action the
//! process would die and leave a terminal without echo, line editing and signals. With SIGINT ignored meanwhile, it
//! restores the terminal and says `Interrupted`; the signal is then sent again, as the terminal would have.

#![allow(unsafe_code, reason = "std can neither ignore a signal nor tell the effective user")]

/// Runs `read` with SIGINT ignored.
pub(crate) fn without_sigint<T>(read: impl FnOnce() -> T) -> T {
    // SAFETY: SIG_IGN runs no code, and the former action, whatever it was, was valid for this process.
    let former = unsafe { libc::signal(libc::SIGINT, libc::SIG_IGN) };
    let result = read();
    // SAFETY: as above.
    unsafe { libc::signal(libc::SIGINT, former) };
    result
}

/// Ends the process as Ctrl-C does, unless whoever started it had SIGINT ignored: a terminal sends the signal to all that
/// runs in its foreground, so that a calling script ends too and does not go on to its next command.
pub(crate) fn interrupt() {
    // SAFETY: no handler was ever installed by this program, so none runs; 0 is the own process group.
    unsafe { libc::kill(0, libc::SIGINT) };
}

/// The effective user of this process, who owns what it creates.
pub(crate) fn effective_user() -> u32 {
    // SAFETY: geteuid has no conditions and cannot fail.
    unsafe { libc::geteuid() }
}
