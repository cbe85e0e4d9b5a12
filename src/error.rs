//! A failure. Its kind decides the exit status, whether it is retried and whether it ends a batch. Its
//! message (lower case, no full stop) and its hint (what to do next) are chosen where the failure is
//! detected.

use std::fmt;
use std::io;
use std::time::Duration;

use crate::text::{Sanitized, io_reason};

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Error {
    kind: Kind,
    message: String,
    /// Empty if there is no hint.
    hint: String,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    Usage,
    InvalidEmail,
    Unreadable,
    NoSuchUser,
    NoSuchAccount,
    /// DNS, a refused or lost connection.
    Network,
    ConnectTimeout,
    /// The time for one email is over, and the connection was made.
    Timeout,
    Tls,
    /// A network failure that a retry cannot help, such as a proxy's refusal.
    Unreachable,
    Bug,
    CannotCreate,
    CannotWrite,
    BrokenPipe,
    /// 429, 5xx and the like, with `Retry-After`.
    Busy(Option<Duration>),
    /// Something other than the API responded: a redirect or an HTML page.
    NotTheApi,
    /// A response that is not a token for this user.
    BadResponse,
    KeyRejected,
    LoginRefused,
    Config,
    CannotExecute,
    CommandNotFound,
}

/// What the program does about a kind of failure, besides reporting it.
#[derive(PartialEq)]
enum Effect {
    Retried,
    /// The other emails of a batch would most likely fail too.
    EndsBatch,
}

impl Kind {
    /// The status, its name in BSD's `sysexits.h`, and the effects.
    fn row(self) -> (u8, &'static str, &'static [Effect]) {
        use Effect::{EndsBatch, Retried};
        match self {
            Self::Usage => (64, "EX_USAGE", &[]),
            Self::InvalidEmail => (65, "EX_DATAERR", &[]),
            Self::Unreadable => (66, "EX_NOINPUT", &[]),
            Self::NoSuchUser => (67, "EX_NOUSER", &[]),
            Self::NoSuchAccount => (68, "EX_NOHOST", &[EndsBatch]),
            // A request whose response was lost is retried too: a second token does no harm.
            Self::Network | Self::ConnectTimeout => (69, "EX_UNAVAILABLE", &[Retried, EndsBatch]),
            Self::Timeout | Self::Tls | Self::Unreachable => (69, "EX_UNAVAILABLE", &[EndsBatch]),
            Self::Bug => (70, "EX_SOFTWARE", &[EndsBatch]),
            Self::CannotCreate => (73, "EX_CANTCREAT", &[]),
            Self::CannotWrite | Self::BrokenPipe => (74, "EX_IOERR", &[]),
            Self::Busy(_) => (75, "EX_TEMPFAIL", &[Retried]),
            Self::NotTheApi => (76, "EX_PROTOCOL", &[EndsBatch]),
            Self::BadResponse => (76, "EX_PROTOCOL", &[]),
            Self::LoginRefused => (77, "EX_NOPERM", &[]),
            Self::KeyRejected => (78, "EX_CONFIG", &[EndsBatch]),
            Self::Config => (78, "EX_CONFIG", &[]),
            // These two statuses are those of the shell.
            Self::CannotExecute => (126, "", &[]),
            Self::CommandNotFound => (127, "", &[]),
        }
    }
}

impl Error {
    pub(crate) fn new(kind: Kind, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hint: hint.into() }
    }

    pub(crate) fn usage(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(Kind::Usage, message, hint)
    }

    pub(crate) fn bug(what: &str) -> Self {
        Self::new(Kind::Bug, format!("internal error: {what}"), "please report this, with what -v shows")
    }

    pub(crate) fn unreadable(what: &Sanitized, error: &io::Error) -> Self {
        let hint = "check that the file is there and may be read by this user";
        Self::new(Kind::Unreadable, format!("cannot read {what}: {}", io_reason(error)), hint)
    }

    /// Adds a note to the message.
    pub(crate) fn with_note(self, note: &str) -> Self {
        Self { message: format!("{}; {note}", self.message), ..self }
    }

    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    pub(crate) fn status(&self) -> u8 {
        self.kind.row().0
    }

    pub(crate) fn status_name(&self) -> &'static str {
        self.kind.row().1
    }

    pub(crate) fn is_retryable(&self) -> bool {
        self.kind.row().2.contains(&Effect::Retried)
    }

    pub(crate) fn ends_batch(&self) -> bool {
        self.kind.row().2.contains(&Effect::EndsBatch)
    }

    pub(crate) fn hint(&self) -> Option<&str> {
        Some(self.hint.as_str()).filter(|hint| !hint.is_empty())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_retried_and_what_ends_a_batch() {
        for (kind, retried, ends_batch) in [
            (Kind::InvalidEmail, false, false),
            (Kind::NoSuchUser, false, false),
            (Kind::NoSuchAccount, false, true),
            (Kind::Network, true, true),
            (Kind::ConnectTimeout, true, true),
            (Kind::Timeout, false, true),
            (Kind::Tls, false, true),
            (Kind::Unreachable, false, true),
            (Kind::Bug, false, true),
            (Kind::Busy(None), true, false),
            (Kind::NotTheApi, false, true),
            (Kind::BadResponse, false, false),
            (Kind::KeyRejected, false, true),
            (Kind::LoginRefused, false, false),
        ] {
            let error = Error::new(kind, "", "");
            assert_eq!((error.is_retryable(), error.ends_batch()), (retried, ends_batch), "{kind:?}");
        }
    }

    /// By `sysexits.h`. The black-box tests expect the number of each failure.
    #[test]
    fn statuses_have_their_names() {
        for (kind, status, name) in [
            (Kind::Usage, 64, "EX_USAGE"),
            (Kind::InvalidEmail, 65, "EX_DATAERR"),
            (Kind::Unreadable, 66, "EX_NOINPUT"),
            (Kind::NoSuchUser, 67, "EX_NOUSER"),
            (Kind::NoSuchAccount, 68, "EX_NOHOST"),
            (Kind::Network, 69, "EX_UNAVAILABLE"),
            (Kind::Tls, 69, "EX_UNAVAILABLE"),
            (Kind::Bug, 70, "EX_SOFTWARE"),
            (Kind::CannotCreate, 73, "EX_CANTCREAT"),
            (Kind::CannotWrite, 74, "EX_IOERR"),
            (Kind::Busy(None), 75, "EX_TEMPFAIL"),
            (Kind::BadResponse, 76, "EX_PROTOCOL"),
            (Kind::NotTheApi, 76, "EX_PROTOCOL"),
            (Kind::KeyRejected, 78, "EX_CONFIG"),
            (Kind::LoginRefused, 77, "EX_NOPERM"),
            (Kind::Config, 78, "EX_CONFIG"),
        ] {
            let error = Error::new(kind, "", "");
            assert_eq!((error.status(), error.status_name()), (status, name), "{kind:?}");
        }
    }
}
