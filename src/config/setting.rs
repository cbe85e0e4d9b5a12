//! What a setting is called, how it is set, and where its value came from.

use std::fmt;
use std::path::{Path, PathBuf};

use super::read_file::FileId;
use crate::error::{Error, Kind};
use crate::text::Sanitized;

/// A setting that every token needs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Setting {
    pub(super) name: &'static str,
    /// In the environment or an env file.
    pub(super) variable: &'static str,
    /// An option, or a variable in the environment that names a file.
    pub(super) other_source: &'static str,
    pub(super) hint: &'static str,
}

impl Setting {
    pub(super) const SUBDOMAIN: Self = Self {
        name: "subdomain",
        variable: "OUTSETA_SUBDOMAIN",
        other_source: "--subdomain",
        hint: "it is acme for https://acme.outseta.com",
    };
    pub(super) const API_KEY: Self = Self {
        name: "API key",
        variable: "OUTSETA_API_KEY",
        other_source: "OUTSETA_API_KEY_FILE",
        hint: "a key is made in Outseta under Settings > Integrations > API Keys",
    };
    pub(super) const API_SECRET: Self = Self {
        name: "API secret",
        variable: "OUTSETA_API_SECRET",
        other_source: "OUTSETA_API_SECRET_FILE",
        hint: "Outseta shows it once, when the key is made",
    };
    pub(super) const ALL: [Self; 3] = [Self::SUBDOMAIN, Self::API_KEY, Self::API_SECRET];
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Origin {
    /// The long name.
    Option(&'static str),
    Environment(&'static str),
    /// A file that this option or variable names.
    FileOf(&'static str, PathBuf),
    /// A variable in an env file.
    EnvFile(&'static str, PathBuf),
    Prompt,
}

impl Origin {
    /// The error for a malformed value. The value is not shown: it may be a secret.
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
            Self::Option(name) => f.write_str(name),
            Self::Environment(variable) => write!(f, "{variable} in the environment"),
            Self::FileOf(name, path) => write!(f, "the file {} ({name})", Sanitized::os(path)),
            Self::EnvFile(variable, path) => write!(f, "{variable} in {}", Sanitized::os(path)),
            Self::Prompt => f.write_str("the prompt"),
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sourced<T> {
    pub(crate) value: T,
    pub(crate) origin: Origin,
    /// The file that it was read from.
    pub(super) file: Option<FileId>,
}

impl<T> Sourced<T> {
    pub(crate) fn new(value: T, origin: Origin) -> Self {
        Self { value, origin, file: None }
    }
}

impl Sourced<String> {
    /// `parse` returns the value, or why it is malformed.
    pub(super) fn parse<T>(
        self,
        what: &str,
        hint: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<Sourced<T>, Error> {
        // A lossy conversion left U+FFFD, which no valid setting contains.
        let is_utf8 = !self.value.contains(char::REPLACEMENT_CHARACTER);
        let parsed = if is_utf8 { parse(&self.value) } else { Err("it is not valid UTF-8".to_owned()) };
        match parsed {
            Ok(value) => Ok(Sourced { value, origin: self.origin, file: self.file }),
            Err(reason) => Err(self.origin.malformed(what, &reason, hint)),
        }
    }
}

impl<T: fmt::Display> fmt::Display for Sourced<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.value, self.origin)
    }
}
