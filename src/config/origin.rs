//! Where a setting came from, so that every message about it can name the place to mend.

use std::fmt;
use std::path::PathBuf;

use crate::text::Shown;

/// The place that a setting was taken from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    /// An option on the command line, by its long name.
    Option(&'static str),
    /// A variable of the process's environment.
    Environment(&'static str),
    /// A file that an option or a variable of the environment names.
    FileOf(&'static str, PathBuf),
    /// A variable in an env file.
    EnvFile(&'static str, PathBuf),
    /// Asked for on the terminal.
    Prompt,
}

impl Origin {
    /// Whether it was typed on the command line, where a wrong value is a usage error.
    pub(crate) fn is_option(&self) -> bool {
        matches!(self, Self::Option(_))
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

/// A value and where it came from.
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
