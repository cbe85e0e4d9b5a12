//! The environment and the env file: in which order each setting asks them, and the error if neither has it.

use std::collections::HashMap;
use std::env;
use std::ffi::{OsStr, OsString};
use std::path::Path;

use super::env_file::EnvFile;
use super::{BASE_URL, Found, Origin, Setting, Sourced, credentials};
use crate::error::{Error, Kind};

/// Empty variables count as not set.
pub(crate) struct Environment(pub(super) HashMap<OsString, OsString>);

impl Environment {
    pub(crate) fn of_process() -> Self {
        Self(env::vars_os().collect())
    }

    pub(super) fn get(&self, name: &str) -> Option<&OsString> {
        self.0.get(OsStr::new(name)).filter(|value| !value.is_empty())
    }

    pub(super) fn text(&self, name: &'static str) -> Option<Sourced<String>> {
        Some(Sourced::new(self.get(name)?.to_string_lossy().into_owned(), Origin::Environment(name)))
    }
}

pub(super) struct Sources {
    pub(super) environment: Environment,
    /// The error if the user's own file cannot be used.
    pub(super) env_file: Result<EnvFile, Error>,
    /// Whether `--env-file` names it.
    pub(super) is_named: bool,
}

#[derive(Clone, Copy)]
pub(super) enum Source<'a> {
    EnvFile(&'a Result<EnvFile, Error>),
    Environment(&'a Environment),
}

impl Sources {
    /// Fails only if the file that `--env-file` names cannot be used.
    pub(super) fn new(named: Option<&Path>, environment: Environment) -> Result<Self, Error> {
        let env_file = match named {
            Some(path) => Ok(EnvFile::named(path)?),
            None => EnvFile::of_user(&environment),
        };
        Ok(Self { environment, env_file, is_named: named.is_some() })
    }

    /// The first source that has a setting wins. What was typed comes first: an option before both of these,
    /// and an env file that was named before the environment. The user's own env file comes after the
    /// environment. A prompt comes last.
    pub(super) fn in_order(&self) -> [Source<'_>; 2] {
        let (file, environment) = (Source::EnvFile(&self.env_file), Source::Environment(&self.environment));
        if self.is_named { [file, environment] } else { [environment, file] }
    }

    pub(super) fn credential(&self, setting: Setting) -> Found<String> {
        self.in_order().into_iter().find_map(|source| source.credential(setting).transpose()).transpose()
    }

    /// The error for settings that no source has.
    pub(super) fn missing(&self, settings: &[Setting]) -> Error {
        let names = settings.iter().map(|setting| {
            let Setting { name, variable, other_source, .. } = setting;
            let base_url = (*setting == Setting::SUBDOMAIN).then_some(BASE_URL);
            let mut variables = base_url.into_iter().chain([*variable, *other_source]);
            match variables.find(|variable| self.is_set_but_empty(variable)) {
                Some(empty) => format!("{name} ({empty} is set but empty)"),
                None => format!("{name} ({variable} or {other_source})"),
            }
        });
        let message = format!("not configured: {}", names.collect::<Vec<_>>().join(", "));
        let (what, hint) = match settings {
            [setting] => (setting.variable, setting.hint),
            _ => ("them", Setting::API_KEY.hint),
        };
        let file = self.env_file.as_ref().map_or_else(|_| "an env file".to_owned(), EnvFile::place);
        Error::new(Kind::Config, message, format!("set {what} in the environment or in {file}; {hint}"))
    }

    fn is_set_but_empty(&self, variable: &str) -> bool {
        self.environment.0.get(OsStr::new(variable)).is_some_and(|value| value.is_empty())
            || self.env_file.as_ref().is_ok_and(|file| file.is_set_but_empty(variable))
    }
}

impl Source<'_> {
    pub(super) fn text(self, name: &'static str) -> Found<String> {
        match self {
            Self::EnvFile(file) => Ok(file.as_ref().map_err(Clone::clone)?.get(name)),
            Self::Environment(environment) => Ok(environment.text(name)),
        }
    }

    fn credential(self, setting: Setting) -> Found<String> {
        match (self.text(setting.variable)?, self) {
            (None, Self::Environment(environment)) => {
                let path = environment.get(setting.other_source).map(Path::new);
                path.map(|path| credentials::from_file(setting, path)).transpose()
            }
            (text, _) => Ok(text),
        }
    }
}
