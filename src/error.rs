//! Everything that can go wrong, as one closed enum, with its exit status, its message and its hint. What is wrong with
//! a value, its file tells in words of its own. Every match is exhaustive, so a new failure cannot be forgotten in one.
//!
//! The statuses are those of BSD's `sysexits.h`. The voice: lower case, no full stop, and where there is a next step
//! a hint that says it.

use std::fmt;
use std::time::Duration;

use crate::config::{Origin, Setting};
use crate::text::Shown;

/// An exit status: the numbers and names of `sysexits.h`, and the shell's two for a command that cannot be run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Status {
    Usage = 64,
    DataErr = 65,
    NoInput = 66,
    NoUser = 67,
    NoHost = 68,
    Unavailable = 69,
    Software = 70,
    CantCreat = 73,
    IoErr = 74,
    TempFail = 75,
    Protocol = 76,
    NoPerm = 77,
    Config = 78,
    CannotExecute = 126,
    NotFound = 127,
}

impl Status {
    pub(crate) fn code(self) -> u8 {
        self as u8
    }

    /// The name in `sysexits.h`; the shell's two have none.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Usage => "EX_USAGE",
            Self::DataErr => "EX_DATAERR",
            Self::NoInput => "EX_NOINPUT",
            Self::NoUser => "EX_NOUSER",
            Self::NoHost => "EX_NOHOST",
            Self::Unavailable => "EX_UNAVAILABLE",
            Self::Software => "EX_SOFTWARE",
            Self::CantCreat => "EX_CANTCREAT",
            Self::IoErr => "EX_IOERR",
            Self::TempFail => "EX_TEMPFAIL",
            Self::Protocol => "EX_PROTOCOL",
            Self::NoPerm => "EX_NOPERM",
            Self::Config => "EX_CONFIG",
            Self::CannotExecute | Self::NotFound => "",
        }
    }
}

/// Why no token was printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Error {
    /// The command line is wrong.
    Usage { message: String, hint: String },
    /// The email is malformed.
    Email { message: String, hint: &'static str },
    /// Outseta names the email field as invalid.
    EmailRejected { email: Shown, message: Shown },
    /// A file that an option or a setting names, or standard input, cannot be read.
    Unreadable { what: Shown, why: String },
    /// Outseta has no such user; `confirmed` where the look-up said so.
    NoSuchUser { email: Shown, message: Shown, confirmed: bool },
    /// There is no Outseta account at this host; `confirmed` where the look-up said so.
    NoSuchAccount { host: String, confirmed: bool },
    /// Outseta refused the login, and the lookup of the reason failed.
    Unexplained { email: Shown, status: u16, message: Shown, cause: Box<Error> },
    /// The request did not lead to an answer.
    Network { host: String, fault: Network },
    /// A state that cannot be.
    Bug(&'static str),
    /// The output file cannot be created.
    CannotCreate { path: Shown, why: String, hint: &'static str },
    /// The result could not be written completely.
    CannotWrite { to: Shown, why: String },
    /// The reader of the result has gone; nobody is left to read a message about it.
    BrokenPipe,
    /// Outseta is over its rate limit or failing; `asked` is the wait that it asked for (`Retry-After`).
    Busy { status: u16, asked: Option<Duration> },
    /// An answer that is not a token for this user.
    Answer(AnswerFault),
    /// The API key or its secret was rejected.
    KeyRejected { status: u16, key: Origin, secret: Origin, message: Shown },
    /// The user exists, and Outseta will not log them in.
    LoginRefused { email: Shown, message: Shown, stages: Vec<&'static str> },
    /// The login wants a second factor.
    SecondFactor { email: Shown, enrolment: bool },
    /// Settings are missing.
    Missing(Vec<Setting>),
    /// A setting, or an option that takes one's place, is malformed. The value is not shown: it may be a secret.
    Malformed { what: &'static str, origin: Origin, why: String, hint: Option<&'static str> },
    /// COMMAND is there and cannot be executed.
    CannotExecute { command: Shown, why: String },
    /// COMMAND was not found.
    CommandNotFound { command: Shown },
}

/// Why a request did not lead to an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Network {
    /// The name could not be resolved.
    Dns,
    /// `localhost` has no loopback address, and the request would go out unencrypted.
    NotLoopback,
    /// Connecting took longer than its share of the time.
    SlowConnection(Duration),
    /// Connecting through the proxy did.
    SlowProxy(Duration),
    /// Nothing could be connected to.
    Connection(String),
    /// The proxy could not be connected to.
    Proxy(String),
    /// The proxy refuses to connect; with its status code.
    ProxyRefusal(Option<u16>),
    /// The certificate of the server or the proxy is not one that is trusted for this host.
    Certificate { proxy: bool, why: Shown, hint: &'static str },
    /// Any other failure of TLS.
    Tls { proxy: bool, why: Shown },
    /// The connection was lost before the answer was complete.
    Lost,
    /// The time for one email is over.
    Timeout(Duration),
}

/// Why an answer is not a token for this user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum AnswerFault {
    /// A 2xx without a usable `access_token`.
    NoToken {
        status: u16,
        why: &'static str,
    },
    /// The token is somebody else's.
    OtherUser {
        email: Shown,
        token_email: Shown,
    },
    /// On a kept connection, a token that does not say whose it is.
    Unnamed,
    Redirect {
        status: u16,
        location: Shown,
    },
    Html {
        status: u16,
    },
    NotHttp,
    TooLarge,
    Unexpected {
        status: u16,
        message: Shown,
    },
    /// `--format claims`, and the token is not a JWT.
    NotJwt,
}

impl Error {
    pub(crate) fn usage(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Usage { message: message.into(), hint: hint.into() }
    }

    pub(crate) fn email(message: impl Into<String>, hint: &'static str) -> Self {
        Self::Email { message: message.into(), hint }
    }

    /// The exit status: what the caller should do next.
    pub(crate) fn status(&self) -> Status {
        match self {
            Self::Usage { .. } => Status::Usage,
            Self::Email { .. } | Self::EmailRejected { .. } => Status::DataErr,
            Self::Unreadable { .. } => Status::NoInput,
            Self::NoSuchUser { .. } => Status::NoUser,
            Self::NoSuchAccount { .. } => Status::NoHost,
            Self::Unexplained { cause, .. } => cause.status(),
            Self::Network { .. } => Status::Unavailable,
            Self::Bug(_) => Status::Software,
            Self::CannotCreate { .. } => Status::CantCreat,
            Self::CannotWrite { .. } | Self::BrokenPipe => Status::IoErr,
            Self::Busy { .. } => Status::TempFail,
            Self::Answer(_) => Status::Protocol,
            Self::KeyRejected { .. } | Self::LoginRefused { .. } | Self::SecondFactor { .. } => {
                Status::NoPerm
            }
            Self::Malformed { origin, .. } if origin.is_option() => Status::Usage,
            Self::Missing(_) | Self::Malformed { .. } => Status::Config,
            Self::CannotExecute { .. } => Status::CannotExecute,
            Self::CommandNotFound { .. } => Status::NotFound,
        }
    }

    /// Whether it would fail the same way for every email: what ends a batch.
    pub(crate) fn concerns_all(&self) -> bool {
        match self {
            Self::NoSuchAccount { .. }
            | Self::Network { .. }
            | Self::Bug(_)
            | Self::CannotWrite { .. }
            | Self::BrokenPipe
            | Self::KeyRejected { .. } => true,
            Self::Unexplained { cause, .. } => cause.concerns_all(),
            Self::Answer(fault) => match fault {
                AnswerFault::Redirect { .. } | AnswerFault::Html { .. } => true,
                AnswerFault::NoToken { .. }
                | AnswerFault::OtherUser { .. }
                | AnswerFault::Unnamed
                | AnswerFault::NotHttp
                | AnswerFault::TooLarge
                | AnswerFault::Unexpected { .. }
                | AnswerFault::NotJwt => false,
            },
            Self::Usage { .. }
            | Self::Email { .. }
            | Self::EmailRejected { .. }
            | Self::Unreadable { .. }
            | Self::NoSuchUser { .. }
            | Self::CannotCreate { .. }
            | Self::Busy { .. }
            | Self::LoginRefused { .. }
            | Self::SecondFactor { .. }
            | Self::Missing(_)
            | Self::Malformed { .. }
            | Self::CannotExecute { .. }
            | Self::CommandNotFound { .. } => false,
        }
    }

    /// What to do next, where there is something to do.
    pub(crate) fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Usage { hint, .. } => hint.as_str(),
            Self::EmailRejected { .. } => "check the email for a typing error",
            Self::Unreadable { .. } => "check that the file is there and may be read by this user",
            Self::NoSuchUser { confirmed: true, .. } => {
                "check the email for a typing error; people are listed in Outseta under CRM > People"
            }
            Self::NoSuchUser { confirmed: false, .. } => {
                "check the email, a base URL, and that the API key may read people: the lookup that would confirm this failed"
            }
            Self::NoSuchAccount { .. } => {
                "check the subdomain or base URL: the subdomain is the first part of the address at which you log in to Outseta"
            }
            Self::Unexplained { cause, .. } => match **cause {
                Self::Answer(AnswerFault::Unexpected { .. }) => {
                    "check the base URL, or run again with -v to see what came back"
                }
                ref cause => return cause.hint(),
            },
            Self::Network { fault, .. } => fault.hint(),
            Self::Bug(_) => "please report this, with what -v shows",
            Self::Email { hint, .. } | Self::CannotCreate { hint, .. } => hint,
            Self::CannotWrite { .. } => {
                "check the space on the device and whose file it is; a file that -o names is as it was, any other output may be cut short"
            }
            Self::BrokenPipe => return None,
            Self::Busy { asked: Some(asked), .. } => {
                return Some(format!(
                    "Outseta asks to wait {} s; try again then, or raise --retries and --timeout",
                    asked.as_secs()
                ));
            }
            Self::Busy { asked: None, .. } => "try again later, or raise --retries and --timeout",
            Self::Answer(fault) => fault.hint(),
            Self::KeyRejected { .. } => {
                "key or secret may be mistyped, another account's or read-only: see Settings > Integrations > API Keys"
            }
            Self::LoginRefused { .. } => "look at the person and their account in Outseta under CRM",
            Self::SecondFactor { enrolment: false, .. } => {
                "a token cannot be had for a user with two-factor authentication; an emailed code may have been sent"
            }
            Self::SecondFactor { enrolment: true, .. } => {
                "the user must first enrol a second factor by logging in"
            }
            Self::Missing(_) => {
                "set them in the environment or, without _FILE, in an env file (--env-file); a key is made in Outseta under Settings > Integrations > API Keys"
            }
            Self::Malformed { hint, .. } => return hint.map(str::to_owned),
            Self::CannotExecute { .. } => "check that it is a program, and that this user may execute it",
            Self::CommandNotFound { .. } => {
                "check the name and PATH, and of a script the program that its first line names"
            }
        };
        Some(hint.to_owned())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage { message, .. } | Self::Email { message, .. } => f.write_str(message),
            Self::EmailRejected { email, message } => {
                write!(f, "invalid email: Outseta rejects {email}{}", because(message))
            }
            Self::Unreadable { what, why } => write!(f, "cannot read {what}: {why}"),
            Self::NoSuchUser { email, message, confirmed } => {
                write!(f, "no such user: {email}{}{}", because(message), unconfirmed(*confirmed))
            }
            Self::NoSuchAccount { host, confirmed } => {
                write!(f, "no Outseta account at {host}{}", unconfirmed(*confirmed))
            }
            Self::Unexplained { email, status, message, cause } => write!(
                f,
                "Outseta refused to log {email} in ({status}){}; the lookup of the reason failed: {cause}",
                because(message)
            ),
            Self::Network { host, fault } => fault.write(f, host),
            Self::Bug(what) => write!(f, "internal error: {what}"),
            Self::CannotCreate { path, why, .. } => write!(f, "cannot create {path}: {why}"),
            Self::CannotWrite { to, why } => write!(f, "cannot write to {to}: {why}"),
            Self::BrokenPipe => f.write_str("standard output was closed"),
            Self::Busy { status: 429, .. } => f.write_str("Outseta is over its rate limit (429)"),
            Self::Busy { status, .. } => write!(f, "Outseta is failing for now ({status})"),
            Self::Answer(fault) => write!(f, "{fault}"),
            Self::KeyRejected { status, key, secret, message } => {
                write!(
                    f,
                    "Outseta rejected the API key ({status}): key from {key}, secret from {secret}{}",
                    because(message)
                )
            }
            Self::LoginRefused { email, message, stages } => {
                write!(f, "Outseta will not log {email} in{}", because(message))?;
                match stages.as_slice() {
                    [] => Ok(()),
                    stages => write!(f, " (account: {})", stages.join(", ")),
                }
            }
            Self::SecondFactor { email, enrolment: false } => {
                write!(f, "the login of {email} wants a second factor")
            }
            Self::SecondFactor { email, enrolment: true } => {
                write!(f, "the login of {email} wants a second factor, and none is enrolled")
            }
            Self::Missing(settings) => {
                f.write_str("not configured: ")?;
                for (at, setting) in settings.iter().enumerate() {
                    let comma = if at == 0 { "" } else { ", " };
                    write!(f, "{comma}{} ({})", setting.name(), setting.places())?;
                }
                Ok(())
            }
            Self::Malformed { what, origin, why, .. } => write!(f, "invalid {what} ({origin}): {why}"),
            Self::CannotExecute { command, why } => write!(f, "cannot execute {command}: {why}"),
            Self::CommandNotFound { command } => write!(f, "command not found: {command}"),
        }
    }
}

/// A server's message behind ours, where it sent one.
fn because(message: &Shown) -> String {
    if message.is_empty() { String::new() } else { format!(": {message}") }
}

fn unconfirmed(confirmed: bool) -> &'static str {
    if confirmed { "" } else { " (probably: this could not be confirmed)" }
}

impl Network {
    fn write(&self, f: &mut fmt::Formatter<'_>, host: &str) -> fmt::Result {
        match self {
            Self::Dns => write!(f, "cannot resolve the name {host}"),
            Self::NotLoopback => write!(f, "{host} does not resolve to a loopback address"),
            Self::SlowConnection(limit) => {
                write!(f, "cannot connect to {host} within {}", seconds(*limit))
            }
            Self::SlowProxy(limit) => {
                write!(f, "cannot connect to {host} through the proxy within {}", seconds(*limit))
            }
            Self::Connection(why) => write!(f, "cannot connect to {host}: {why}"),
            Self::Proxy(why) => write!(f, "cannot connect to the proxy for {host}: {why}"),
            Self::ProxyRefusal(Some(status)) => {
                write!(f, "the proxy refuses to connect to {host} ({status})")
            }
            Self::ProxyRefusal(None) => {
                write!(f, "the proxy does not answer as a proxy when asked for {host}")
            }
            Self::Certificate { proxy, why, .. } => {
                write!(f, "cannot trust {}{host}: {why}", to_proxy(*proxy))
            }
            Self::Tls { proxy, why } => write!(f, "no TLS connection to {}{host}: {why}", to_proxy(*proxy)),
            Self::Lost => write!(f, "the connection to {host} was lost before the answer was complete"),
            Self::Timeout(limit) => write!(f, "no answer from {host} within {}", seconds(*limit)),
        }
    }

    fn hint(&self) -> &'static str {
        match self {
            Self::Dns => "check the subdomain or base URL, and this machine's name resolution",
            Self::NotLoopback => "check localhost in /etc/hosts, or write 127.0.0.1 instead",
            Self::SlowConnection(_) | Self::Connection(_) => {
                "check the network, a firewall, and whether a proxy is needed (https_proxy)"
            }
            Self::SlowProxy(_) | Self::Proxy(_) | Self::ProxyRefusal(None) => {
                "check https_proxy and all_proxy; no_proxy names hosts to reach directly"
            }
            Self::ProxyRefusal(Some(407)) => {
                "give the proxy's user and password: https_proxy=http://user:password@host:port"
            }
            Self::ProxyRefusal(Some(_)) => {
                "ask who runs the proxy to allow this host, or name it in no_proxy"
            }
            Self::Certificate { hint, .. } => hint,
            Self::Tls { proxy: true, .. } => {
                "check https_proxy and all_proxy: write http:// before a proxy that does not speak TLS itself"
            }
            Self::Tls { proxy: false, .. } => {
                "check the host and the port: what answers there may not speak TLS, or intercept it"
            }
            Self::Lost => "try again",
            Self::Timeout(_) => "try again, or raise --timeout",
        }
    }
}

/// Before the host, where TLS was spoken with the proxy.
fn to_proxy(proxy: bool) -> &'static str {
    if proxy { "the proxy for " } else { "" }
}

/// In seconds or tenths of them, else in milliseconds, of which there is one at least.
fn seconds(duration: Duration) -> String {
    match duration.as_millis().max(1) {
        milliseconds if milliseconds % 1000 == 0 => format!("{} s", milliseconds / 1000),
        milliseconds if milliseconds > 1000 && milliseconds % 100 == 0 => {
            format!("{}.{} s", milliseconds / 1000, milliseconds / 100 % 10)
        }
        milliseconds => format!("{milliseconds} ms"),
    }
}

impl AnswerFault {
    fn hint(&self) -> &'static str {
        match self {
            Self::NoToken { .. } | Self::Unexpected { .. } => "run again with -v to see what came back",
            Self::OtherUser { .. } => {
                "the token was not printed; look for two people with this email in Outseta"
            }
            Self::Unnamed => "the token was not printed; try again for this user",
            Self::Redirect { .. } => "the key goes to no other host: check the subdomain or base URL",
            Self::Html { .. } => {
                "something between this machine and Outseta's API answered: a proxy, a firewall, a wrong base URL"
            }
            Self::NotHttp => "check the base URL and its port",
            Self::TooLarge => "check the base URL: an answer of Outseta's API is far smaller",
            Self::NotJwt => "another format prints the token as it is",
        }
    }
}

impl fmt::Display for AnswerFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoToken { status, why } => {
                write!(f, "the answer ({status}) holds no token: {why}")
            }
            Self::OtherUser { email, token_email } => {
                write!(f, "the answer is a token of another user: {token_email} instead of {email}")
            }
            Self::Unnamed => {
                f.write_str("the token names no user, and may be the response to an earlier request")
            }
            Self::Redirect { status, location } if location.is_empty() => {
                write!(f, "the answer is a redirect ({status})")
            }
            Self::Redirect { status, location } => {
                write!(f, "the answer is a redirect ({status}) to {location}")
            }
            Self::Html { status } => {
                write!(f, "the answer ({status}) is an HTML page, not the API's")
            }
            Self::NotHttp => f.write_str("the answer is not HTTP"),
            Self::TooLarge => f.write_str("the answer is too large"),
            Self::Unexpected { status, message } => {
                write!(f, "unexpected answer ({status}){}", because(message))
            }
            Self::NotJwt => f.write_str("the token is not a JWT: it has no claims to print"),
        }
    }
}

#[cfg(test)]
mod tests;
