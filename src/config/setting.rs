//! What a setting is called, how it is set, and where its value came from, so that a message can name the place to fix.

use std::fmt;
use std::path::PathBuf;

use crate::error::{Error, Kind};
use crate::text::Shown;

/// A setting that every request needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Setting {
    Subdomain,
    ApiKey,
    ApiSecret,
}

impl Setting {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Subdomain => "subdomain",
            Self::ApiKey => "API key",
            Self::ApiSecret => "API secret",
        }
    }

    /// The shortest ways to set it.
    fn places(self) -> &'static str {
        match self {
            Self::Subdomain => "--subdomain or OUTSETA_SUBDOMAIN",
            Self::ApiKey => "OUTSETA_API_KEY or OUTSETA_API_KEY_FILE",
            Self::ApiSecret => "OUTSETA_API_SECRET or OUTSETA_API_SECRET_FILE",
        }
    }

    /// A hint that names every way to set it.
    pub(crate) fn how_to_set(self) -> &'static str {
        match self {
            Self::Subdomain => {
                "give --subdomain, or set OUTSETA_SUBDOMAIN in the environment or in a file (--env-file): \
                 acme for https://acme.outseta.com"
            }
            Self::ApiKey => {
                "set OUTSETA_API_KEY or OUTSETA_API_KEY_FILE in the environment, or OUTSETA_API_KEY in a file \
                 (--env-file); a key is made in Outseta under Settings > Integrations > API Keys"
            }
            Self::ApiSecret => {
                "set OUTSETA_API_SECRET or OUTSETA_API_SECRET_FILE in the environment, or OUTSETA_API_SECRET in a \
                 file (--env-file); Outseta shows it once, when the key is made"
            }
        }
    }
}

/// The error that names every missing setting at once.
pub(crate) fn missing(settings: &[Setting]) -> Error {
    let names: Vec<_> =
        settings.iter().map(|setting| format!("{} ({})", setting.name(), setting.places())).collect();
    Error::new(
        Kind::Config,
        format!("not configured: {}", names.join(", ")),
        "set them in the environment or, without _FILE, in an env file (--env-file); a key is made in Outseta under \
         Settings > Integrations > API Keys",
    )
}

/// The source of a setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    /// An option on the command line, by its long name.
    Option(&'static str),
    /// A variable in the environment.
    Environment(&'static str),
    /// A file named by this option or variable.
    FileOf(&'static str, PathBuf),
    /// A variable in an env file.
    EnvFile(&'static str, PathBuf),
    Prompt,
}

impl Origin {
    /// The error for a malformed value from this source. The value is not shown: it may be a secret.
    pub(crate) fn malformed(&self, what: &str, reason: &str, hint: &str) -> Error {
        let kind = if matches!(self, Self::Option(_)) { Kind::Usage } else { Kind::Config };
        Error::new(kind, format!("invalid {what} ({self}): {reason}"), hint)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Option(name) => write!(f, "{name}"),
            Self::Environment(variable) => write!(f, "{variable} in the environment"),
            Self::FileOf(variable, path) => write!(f, "the file {} ({variable})", Shown::os(path)),
            Self::EnvFile(variable, path) => write!(f, "{variable} in {}", Shown::os(path)),
            Self::Prompt => f.write_str("the prompt"),
        }
    }
}

/// A value and its source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sourced<T> {
    pub(crate) value: T,
    pub(crate) origin: Origin,
}

impl<T> Sourced<T> {
    pub(crate) fn new(value: T, origin: Origin) -> Self {
        Self { value, origin }
    }
}
