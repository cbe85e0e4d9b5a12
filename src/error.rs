//! A failure. Its kind decides the exit status, whether it is retried and whether it ends a batch. Its
//! message (lower case, no full stop) and its hint (what to do next) are chosen where it is detected.

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
    /// The connection could not be made.
    Network,
    /// The connection was made, and lost before the response was complete.
    ConnectionLost,
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
            Self::Network | Self::ConnectTimeout | Self::ConnectionLost => {
                (69, "EX_UNAVAILABLE", &[Retried, EndsBatch])
            }
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

    /// The names are those of `sysexits.h`. `true`: it is retried, it ends a batch.
    #[test]
    fn what_a_kind_of_failure_means() {
        for (kind, status, name, effects) in [
            (Kind::Usage, 64, "EX_USAGE", (false, false)),
            (Kind::InvalidEmail, 65, "EX_DATAERR", (false, false)),
            (Kind::Unreadable, 66, "EX_NOINPUT", (false, false)),
            (Kind::NoSuchUser, 67, "EX_NOUSER", (false, false)),
            (Kind::NoSuchAccount, 68, "EX_NOHOST", (false, true)),
            (Kind::Network, 69, "EX_UNAVAILABLE", (true, true)),
            (Kind::ConnectTimeout, 69, "EX_UNAVAILABLE", (true, true)),
            (Kind::ConnectionLost, 69, "EX_UNAVAILABLE", (true, true)),
            (Kind::Timeout, 69, "EX_UNAVAILABLE", (false, true)),
            (Kind::Tls, 69, "EX_UNAVAILABLE", (false, true)),
            (Kind::Unreachable, 69, "EX_UNAVAILABLE", (false, true)),
            (Kind::Bug, 70, "EX_SOFTWARE", (false, true)),
            (Kind::CannotCreate, 73, "EX_CANTCREAT", (false, false)),
            (Kind::CannotWrite, 74, "EX_IOERR", (false, false)),
            (Kind::Busy(None), 75, "EX_TEMPFAIL", (true, false)),
            (Kind::BadResponse, 76, "EX_PROTOCOL", (false, false)),
            (Kind::NotTheApi, 76, "EX_PROTOCOL", (false, true)),
            (Kind::LoginRefused, 77, "EX_NOPERM", (false, false)),
            (Kind::KeyRejected, 78, "EX_CONFIG", (false, true)),
            (Kind::Config, 78, "EX_CONFIG", (false, false)),
        ] {
            let error = Error::new(kind, "", "");
            assert_eq!((error.status(), error.status_name()), (status, name), "{kind:?}");
            assert_eq!((error.is_retryable(), error.ends_batch()), effects, "{kind:?}");
        }
    }
}
