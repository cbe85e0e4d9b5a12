//! The environment and the env file, in the order in which each setting is looked for.

use std::collections::HashMap;
use std::env;
use std::ffi::{OsStr, OsString};
use std::path::Path;

use super::env_file::EnvFile;
use super::{Origin, Setting, Sourced, credentials};
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

    fn is_empty(&self, name: &str) -> bool {
        self.0.get(OsStr::new(name)).is_some_and(|value| value.is_empty())
    }
}

pub(super) struct Sources {
    pub(super) environment: Environment,
    /// The error if the user's own file cannot be used.
    pub(super) env_file: Result<EnvFile, Error>,
    /// Whether `--env-file` names it.
    pub(super) is_named: bool,
}

#[derive(Clone, Copy, PartialEq)]
pub(super) enum Source {
    EnvFile,
    Environment,
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
    pub(super) fn in_order(&self) -> [Source; 2] {
        let (file, environment) = (Source::EnvFile, Source::Environment);
        if self.is_named { [file, environment] } else { [environment, file] }
    }

    pub(super) fn first(&self, setting: Setting) -> Option<Result<Sourced<String>, Error>> {
        self.in_order().into_iter().find_map(|source| self.get(source, setting))
    }

    pub(super) fn get(&self, source: Source, setting: Setting) -> Option<Result<Sourced<String>, Error>> {
        match (source, &self.env_file) {
            (Source::EnvFile, Ok(file)) => file.get(setting.variable).map(Ok),
            (Source::EnvFile, Err(error)) => Some(Err(error.clone())),
            (Source::Environment, _) => self.environment.text(setting.variable).map(Ok).or_else(|| {
                let variable = setting.file_variable?;
                let path = Path::new(self.environment.get(variable)?);
                Some(credentials::from_file(setting.name, variable, path))
            }),
        }
    }

    /// The error for settings that no source has.
    pub(super) fn missing(&self, settings: &[Setting]) -> Error {
        let names = settings.iter().map(|Setting { name, variable, file_variable, .. }| {
            // The subdomain has an option instead, and the base URL can take its place.
            let variables = [file_variable.unwrap_or(Setting::BASE_URL.variable), variable];
            match variables.into_iter().find(|variable| self.environment.is_empty(variable)) {
                Some(empty) => format!("{name} ({empty} is set but empty)"),
                None => format!("{name} ({variable} or {})", file_variable.unwrap_or("--subdomain")),
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
}
