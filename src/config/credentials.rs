//! The API key and its secret: where they are, whether they can be used, and how much of them may be shown.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::env_file::EnvFile;
use super::setting::utf8;
use super::{Environment, Origin, Setting, Sourced, file};
use crate::error::Error;
use crate::secret::Secret;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Credentials {
    pub(crate) key: Sourced<Secret>,
    pub(crate) secret: Sourced<Secret>,
}

impl Credentials {
    /// The value of the Authorization header: `Outseta {key}:{secret}` (Outseta's documentation of its API).
    pub(crate) fn authorization(&self) -> Secret {
        Secret::new(format!("Outseta {}:{}", self.key.value.reveal(), self.secret.value.reveal()))
    }

    /// The same as a log may show it.
    pub(crate) fn masked_authorization(&self) -> String {
        format!("Outseta {}:[hidden]", masked_key(&self.key.value))
    }

    /// What a server's text must not repeat.
    pub(crate) fn secrets(&self) -> [&Secret; 2] {
        [&self.secret.value, &self.key.value]
    }
}

/// The first four characters of a key, if more than as many stay hidden: enough to tell it from another.
pub(super) fn masked_key(key: &Secret) -> String {
    let key = key.reveal();
    if key.len() > 8 { format!("{}…", &key[..4]) } else { "[hidden]".to_owned() }
}

/// Looks for a credential in its variable, in the file that its other variable names, and in the env file.
pub(super) fn find(
    setting: Setting,
    [variable, file_variable]: [&'static str; 2],
    environment: &Environment,
    env_file: &EnvFile,
) -> Result<Option<Sourced<Secret>>, Error> {
    let text = if let Some(text) = environment.text(variable, setting.name) {
        Some(text?)
    } else if let Some(path) = environment.get(file_variable) {
        Some(from_file(setting, file_variable, Path::new(path))?)
    } else {
        env_file.get(variable)
    };
    text.map(|text| check(setting, text)).transpose()
}

/// The text of a credential's file without the newline (or CRLF) at its end.
fn from_file(setting: Setting, variable: &'static str, path: &Path) -> Result<Sourced<String>, Error> {
    let bytes = file::read(path, variable, setting.name, file::LIMIT)?;
    let line = bytes.value.strip_suffix(b"\r\n").or(bytes.value.strip_suffix(b"\n"));
    utf8(OsStr::from_bytes(line.unwrap_or(&bytes.value)), setting.name, bytes.origin)
}

/// Refuses what could forge a header, or move the boundary between key and secret, and names the likely
/// cause.
pub(super) fn check(setting: Setting, text: Sourced<String>) -> Result<Sourced<Secret>, Error> {
    const QUOTES: [char; 3] = ['"', '\'', '`'];
    let Sourced { value, origin } = text;
    let is_line_break = |c| matches!(c, '\n' | '\r');
    let without_end = value.trim_end_matches(is_line_break);
    let reason = if value.trim().is_empty() {
        "it is blank"
    } else if setting == Setting::API_KEY && value.contains(':') {
        match origin {
            Origin::Prompt => {
                "it contains a colon: the part before it is the key, the part after it the secret"
            }
            _ => {
                "it contains a colon: put the part before it in OUTSETA_API_KEY and the part after it in \
                 OUTSETA_API_SECRET"
            }
        }
    } else if value.starts_with(QUOTES) && value.len() > 1 && value.ends_with(QUOTES) {
        "it has quotes around it: remove them"
    } else if value.starts_with(QUOTES) {
        "its opening quote is not closed"
    } else if value.contains(QUOTES) {
        "it contains a quote"
    } else if without_end.len() < value.len() && !without_end.contains(char::is_control) {
        "it ends with a line break: echo adds one, printf %s does not"
    } else if value.contains(is_line_break) && matches!(origin, Origin::EnvFile(..)) {
        "it contains a line break: its closing quote may be missing"
    } else if value.contains(char::is_control) {
        "it contains a line break or another control character"
    } else if value.contains(' ') {
        "it contains a space"
    } else if let Some(c) = value.chars().find(|c| !c.is_ascii()) {
        &format!("it contains U+{:04X}, which is not an ASCII character", u32::from(c))
    } else {
        return Ok(Sourced::new(Secret::new(value), origin));
    };
    let hint = "copy it again from Settings > Integrations > API Keys in Outseta";
    Err(origin.malformed(setting.name, reason, hint))
}

#[cfg(test)]
mod tests;
