//! What a setting is called, how it is set, and where its value came from.

use std::fmt;
use std::path::{Path, PathBuf};

use super::read_file::FileId;
use crate::error::{Error, Kind};
use crate::text::Sanitized;

/// A setting that can be in the environment or an env file.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Setting {
    pub(super) name: &'static str,
    pub(super) variable: &'static str,
    /// Only in the environment: it names a file that contains the value.
    pub(super) file_variable: Option<&'static str>,
    pub(super) hint: &'static str,
}

impl Setting {
    pub(super) const BASE_URL: Self = Self {
        name: "base URL",
        variable: "OUTSETA_BASE_URL",
        file_variable: None,
        hint: "a base URL looks like https://auth.example.com",
    };
    pub(super) const SUBDOMAIN: Self = Self {
        name: "subdomain",
        variable: "OUTSETA_SUBDOMAIN",
        file_variable: None,
        hint: "it is acme for https://acme.outseta.com",
    };
    pub(super) const API_KEY: Self = Self {
        name: "API key",
        variable: "OUTSETA_API_KEY",
        file_variable: Some("OUTSETA_API_KEY_FILE"),
        hint: "a key is made in Outseta under Settings > Integrations > API Keys",
    };
    pub(super) const API_SECRET: Self = Self {
        name: "API secret",
        variable: "OUTSETA_API_SECRET",
        file_variable: Some("OUTSETA_API_SECRET_FILE"),
        hint: "Outseta shows it once, when the key is made",
    };
    pub(super) const ALL: [Self; 4] = [Self::BASE_URL, Self::SUBDOMAIN, Self::API_KEY, Self::API_SECRET];
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

    pub(super) fn is_from_env_file(&self) -> bool {
        matches!(self.origin, Origin::EnvFile(..))
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
        // U+FFFD means that the bytes were not UTF-8: the conversion to a `String` was lossy.
        let is_utf8 = !self.value.contains(char::REPLACEMENT_CHARACTER);
        let parsed = if is_utf8 { parse(&self.value) } else { Err("it is not valid UTF-8".to_owned()) };
        let value = parsed.map_err(|reason| self.origin.malformed(what, &reason, hint))?;
        Ok(Sourced { value, origin: self.origin, file: self.file })
    }
}

impl<T: fmt::Display> fmt::Display for Sourced<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.value, self.origin)
    }
}
