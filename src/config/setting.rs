//! What a setting is called, how it is set, and where its value came from, so that a message can name it.

use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};

use crate::error::{Error, Kind};
use crate::text::Shown;

/// A setting that every request needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Setting {
    pub(super) name: &'static str,
    places: &'static str,
    how_to_set: &'static str,
}

impl Setting {
    pub(super) const SUBDOMAIN: Self = Self {
        name: "subdomain",
        places: "--subdomain or OUTSETA_SUBDOMAIN",
        how_to_set: "give --subdomain, or set OUTSETA_SUBDOMAIN in the environment or in a file \
            (--env-file): acme for https://acme.outseta.com",
    };
    pub(super) const API_KEY: Self = Self {
        name: "API key",
        places: "OUTSETA_API_KEY or OUTSETA_API_KEY_FILE",
        how_to_set: "set OUTSETA_API_KEY or OUTSETA_API_KEY_FILE in the environment, or OUTSETA_API_KEY in a \
            file (--env-file); a key is made in Outseta under Settings > Integrations > API Keys",
    };
    pub(super) const API_SECRET: Self = Self {
        name: "API secret",
        places: "OUTSETA_API_SECRET or OUTSETA_API_SECRET_FILE",
        how_to_set: "set OUTSETA_API_SECRET or OUTSETA_API_SECRET_FILE in the environment, or \
            OUTSETA_API_SECRET in a file (--env-file); Outseta shows it once, when the key is made",
    };
    pub(super) const ALL: [Self; 3] = [Self::SUBDOMAIN, Self::API_KEY, Self::API_SECRET];

    pub(super) fn not_configured(self) -> Error {
        Error::new(Kind::Config, "not configured", self.how_to_set)
    }
}

pub(super) fn missing(settings: impl Iterator<Item = Setting>) -> Error {
    let names: Vec<_> = settings.map(|setting| format!("{} ({})", setting.name, setting.places)).collect();
    Error::new(
        Kind::Config,
        format!("not configured: {}", names.join(", ")),
        "set them in the environment or, without _FILE, in an env file (--env-file); a key is made in \
         Outseta under Settings > Integrations > API Keys",
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

    pub(super) fn file(&self) -> Option<&Path> {
        match self {
            Self::FileOf(_, path) | Self::EnvFile(_, path) => Some(path),
            Self::Option(_) | Self::Environment(_) | Self::Prompt => None,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Option(name) => write!(f, "{name}"),
            Self::Environment(variable) => write!(f, "{variable} in the environment"),
            Self::FileOf(name, path) => write!(f, "the file {} ({name})", Shown::os(path)),
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

    /// `parsed` has the value or the reason why it is malformed.
    pub(super) fn parsed(
        parsed: Result<T, String>,
        what: &str,
        origin: Origin,
        hint: &str,
    ) -> Result<Self, Error> {
        match parsed {
            Ok(value) => Ok(Self::new(value, origin)),
            Err(reason) => Err(origin.malformed(what, &reason, hint)),
        }
    }
}

impl<T: fmt::Display> fmt::Display for Sourced<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.value, self.origin)
    }
}

pub(super) fn utf8(value: &OsStr, what: &str, origin: Origin) -> Result<Sourced<String>, Error> {
    let text = value.to_str().map(str::to_owned).ok_or("it is not valid UTF-8".to_owned());
    Sourced::parsed(text, what, origin, "")
}
