//! The API key and its secret.

use std::path::Path;

use super::{Setting, Sourced, read_file};
use crate::error::Error;
use crate::secret::Secret;

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Credentials {
    pub(crate) key: Sourced<Secret>,
    pub(crate) secret: Sourced<Secret>,
}

impl Credentials {
    /// The header as Outseta's documentation of the API has it.
    pub(crate) fn authorization(&self) -> Secret {
        Secret::new(format!("Outseta {}:{}", self.key.value.reveal(), self.secret.value.reveal()))
    }

    pub(crate) fn masked_authorization(&self) -> String {
        format!("Outseta {}:[hidden]", masked(&self.key.value))
    }
}

/// The first four characters, if the key has more than eight: enough to tell it from another.
pub(super) fn masked(key: &Secret) -> String {
    let key = key.reveal();
    if key.len() > 8 { format!("{}…", &key[..4]) } else { "[hidden]".to_owned() }
}

/// Without the newline (or CRLF) at its end.
pub(super) fn from_file(name: &str, variable: &'static str, path: &Path) -> Result<Sourced<String>, Error> {
    let Sourced { value, origin, file } = read_file::read(path, variable, name, read_file::LIMIT)?;
    let text = String::from_utf8_lossy(&value);
    let line = text.strip_suffix("\r\n").or(text.strip_suffix('\n')).unwrap_or(&text);
    if text.is_empty() {
        let hint = "check what writes it; a pipe such as <(…) can be read only once";
        return Err(origin.malformed(name, "the file is empty", hint));
    }
    Ok(Sourced { value: line.to_owned(), origin, file })
}

/// Refuses characters that would break the header `Outseta KEY:SECRET`.
pub(super) fn check(setting: Setting, text: Sourced<String>) -> Result<Sourced<Secret>, Error> {
    let hint = "copy it again from Settings > Integrations > API Keys in Outseta";
    text.parse(setting.name, hint, |value| fault(setting, value).map_or_else(|| Ok(Secret::new(value)), Err))
}

fn fault(setting: Setting, value: &str) -> Option<String> {
    let is_line_break = |c| matches!(c, '\n' | '\r');
    let reason = if value.trim().is_empty() {
        "it is blank"
    } else if value.contains(['{', '}', '<', '>'])
        || value.contains("$(")
        || value.starts_with('$')
        || value.chars().all(|c| c == '*')
    {
        "it looks like a placeholder that was not replaced"
    } else if value.contains("://") {
        "it looks like a reference to a secret that was not resolved"
    } else if setting == Setting::API_KEY && value.contains(':') {
        "it contains a colon: the part before it is the key, the part after it is the secret"
    } else if value.contains(['"', '\'', '`']) {
        "it contains quotes: remove them, or close them"
    } else if value.trim_end_matches(is_line_break).contains(is_line_break) {
        "it contains a line break: check for a missing closing quote or a second line"
    } else if value.ends_with(is_line_break) {
        "it ends with a line break: echo adds one, printf %s does not"
    } else if value.contains(' ') {
        "it contains a space"
    } else {
        let c = value.chars().find(|c| !c.is_ascii_graphic())?;
        &format!("it contains U+{:04X}, which is not printable ASCII", u32::from(c))
    };
    Some(reason.to_owned())
}

#[cfg(test)]
mod tests;
