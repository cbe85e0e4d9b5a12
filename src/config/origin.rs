//! Where a setting came from, so that a message about it can name the place to fix.

use std::fmt;
use std::path::PathBuf;

use crate::text::Shown;

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
    /// An invalid value of an option is a usage error; of any other source, a configuration error.
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
