//! A failure. Its kind decides the exit status and what retries and batches do. Its message (lower case, no
//! full stop) and hint (what to do next) are written where the failure is found.

use std::fmt;
use std::io;
use std::time::Duration;

use self::Effect::{EndsBatch, OneEmail, Retry, RetryThenEndBatch};
use crate::text::{Shown, io_reason};

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Error {
    kind: Kind,
    message: String,
    /// Empty if there is nothing to do.
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
    /// The time for one email is over.
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

#[derive(Debug, Clone, Copy, PartialEq)]
enum Effect {
    OneEmail,
    /// Every other email would fail too.
    EndsBatch,
    Retry,
    RetryThenEndBatch,
}

impl Kind {
    /// The exit status, its name in BSD's `sysexits.h`, and the effect. 126 and 127 are the shell's.
    fn row(self) -> (u8, &'static str, Effect) {
        match self {
            Self::Usage => (64, "EX_USAGE", OneEmail),
            Self::InvalidEmail => (65, "EX_DATAERR", OneEmail),
            Self::Unreadable => (66, "EX_NOINPUT", OneEmail),
            Self::NoSuchUser => (67, "EX_NOUSER", OneEmail),
            Self::NoSuchAccount => (68, "EX_NOHOST", EndsBatch),
            Self::Network | Self::ConnectTimeout => (69, "EX_UNAVAILABLE", RetryThenEndBatch),
            Self::Timeout | Self::Tls | Self::Unreachable => (69, "EX_UNAVAILABLE", EndsBatch),
            Self::Bug => (70, "EX_SOFTWARE", EndsBatch),
            Self::CannotCreate => (73, "EX_CANTCREAT", OneEmail),
            Self::CannotWrite | Self::BrokenPipe => (74, "EX_IOERR", EndsBatch),
            Self::Busy(_) => (75, "EX_TEMPFAIL", Retry),
            Self::NotTheApi => (76, "EX_PROTOCOL", EndsBatch),
            Self::BadResponse => (76, "EX_PROTOCOL", OneEmail),
            Self::LoginRefused => (77, "EX_NOPERM", OneEmail),
            Self::KeyRejected => (78, "EX_CONFIG", EndsBatch),
            Self::Config => (78, "EX_CONFIG", OneEmail),
            Self::CannotExecute => (126, "", OneEmail),
            Self::CommandNotFound => (127, "", OneEmail),
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

    pub(crate) fn unreadable(what: &Shown, error: &io::Error) -> Self {
        let hint = "check that the file is there and may be read by this user";
        Self::new(Kind::Unreadable, format!("cannot read {what}: {}", io_reason(error)), hint)
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

    /// Includes lost responses: minting a token twice does no harm.
    pub(crate) fn is_retryable(&self) -> bool {
        matches!(self.kind.row().2, Retry | RetryThenEndBatch)
    }

    pub(crate) fn ends_batch(&self) -> bool {
        matches!(self.kind.row().2, EndsBatch | RetryThenEndBatch)
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
            (Kind::CannotWrite, false, true),
            (Kind::BrokenPipe, false, true),
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

    /// By `sysexits.h`.
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
