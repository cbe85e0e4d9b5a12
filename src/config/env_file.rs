//! Finds the env file, and parses it as npm's dotenv 17 does, since Outseta's demos come with such files.
//!
//! dotenv is one regular expression, with these consequences:
//! - A quoted value may span lines, and may start on the line after `=`.
//! - A quote that is not closed, or that more than a comment follows, belongs to an unquoted value.
//! - Lines that do not match are ignored, and `$` is not expanded.
//!
//! One thing differs: U+2028 and U+2029 do not end a line here.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::read_file::FileId;
use super::{Environment, Origin, Setting, Sourced, read_file};
use crate::error::{Error, Kind};
use crate::text::Sanitized;
use crate::unix;

const WHAT: &str = "env file";

#[derive(Default)]
pub(super) struct EnvFile {
    /// Empty if HOME is not set.
    path: PathBuf,
    /// `None`: there is no such file.
    pub(super) id: Option<FileId>,
    values: BTreeMap<String, String>,
}

impl EnvFile {
    pub(super) fn named(path: &Path) -> Result<Self, Error> {
        Self::parse(path, read_file::read(path, "--env-file", WHAT, read_file::LIMIT)?)
    }

    /// The user's own file, which need not exist.
    pub(super) fn of_user(environment: &Environment) -> Result<Self, Error> {
        let path = user_file(environment).unwrap_or_default();
        let origin = Origin::EnvFile("the user's settings", path.clone());
        // Without O_NONBLOCK, opening a FIFO would wait for its writer.
        let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(&path);
        let (metadata, file) = match file.and_then(|file| Ok((file.metadata()?, file))) {
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                return Ok(Self { path, ..Self::default() });
            }
            opened => opened.map_err(|error| read_file::unreadable(&origin, &error))?,
        };
        let refuse = |reason, hint| Err(origin.malformed(WHAT, reason, hint));
        if !metadata.is_file() {
            return refuse("it is not a regular file", "read another kind of file with --env-file FILE");
        }
        if ![0, unix::effective_user()].contains(&metadata.uid()) {
            let hint = "check HOME and XDG_CONFIG_HOME; if you trust the file, use --env-file FILE";
            return refuse("it belongs to another user", hint);
        }
        if metadata.mode() & 0o022 != 0 {
            let hint = "check its contents, then run: chmod go-w FILE";
            return refuse("it is writable by group or others", hint);
        }
        Self::parse(&path, read_file::contents(file, origin, WHAT, read_file::LIMIT)?)
    }

    fn parse(path: &Path, bytes: Sourced<Vec<u8>>) -> Result<Self, Error> {
        let text = String::from_utf8(bytes.value)
            .map_err(|_| bytes.origin.malformed(WHAT, "it is not valid UTF-8", "save it as UTF-8 text"))?;
        Ok(Self { path: path.to_owned(), id: bytes.file, values: parse(&text) })
    }

    pub(super) fn get(&self, name: &'static str) -> Option<Sourced<String>> {
        let value = self.values.get(name).filter(|value| !value.is_empty())?;
        Some(Sourced::new(value.clone(), Origin::EnvFile(name, self.path.clone())))
    }

    /// For each `OUTSETA_` name that is not a setting here, and for a file that `--env-file` names in vain.
    pub(super) fn warnings(&self, is_named: bool) -> Vec<Error> {
        let path = Sanitized::os(&self.path);
        let settings = Setting::ALL.map(|setting| setting.variable);
        let names = format!("an env file can set {}", settings.join(", "));
        let warning = |message: String, hint: &str| Error::new(Kind::Config, message, hint);
        let mut warnings = Vec::new();
        if is_named && settings.iter().all(|name| self.get(name).is_none()) {
            warnings.push(warning(format!("{path} has no setting"), &names));
        }
        let is_setting = |name: &&String| settings.contains(&name.as_str());
        for name in self.values.keys().filter(|name| name.starts_with("OUTSETA_") && !is_setting(name)) {
            let in_vain = "a _FILE variable has an effect only in the environment";
            let hint = if name.ends_with("_FILE") { in_vain } else { &names };
            warnings.push(warning(format!("{} in {path} is not a setting", Sanitized::new(name)), hint));
        }
        warnings
    }

    /// For a hint: where a missing setting was looked for.
    pub(super) fn place(&self) -> String {
        if self.path.as_os_str().is_empty() {
            return "an env file (--env-file), since HOME is not set to an absolute path".to_owned();
        }
        let absent = if self.id.is_none() { " (no such file)" } else { "" };
        format!("{}{absent}", Sanitized::os(&self.path))
    }
}

/// By the XDG Base Directory Specification, which ignores relative paths.
fn user_file(environment: &Environment) -> Option<PathBuf> {
    let absolute = |name| environment.get(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let config = absolute("XDG_CONFIG_HOME").or_else(|| Some(absolute("HOME")?.join(".config")))?;
    Some(config.join("outseta-token/env"))
}

/// If a name occurs twice, the last value counts.
fn parse(text: &str) -> BTreeMap<String, String> {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut assignments = BTreeMap::new();
    let mut rest = text.as_str();
    while !rest.is_empty() {
        rest = rest.trim_start_matches(is_space);
        if let Some((name, value, after)) = assignment(rest) {
            assignments.insert(name.to_owned(), value);
            rest = after;
        }
        rest = rest.split_once('\n').map_or("", |(_, next_line)| next_line);
    }
    assignments
}

/// Name and value of the assignment at the start, and the rest.
fn assignment(text: &str) -> Option<(&str, String, &str)> {
    let exported = text.strip_prefix("export").filter(|rest| rest.starts_with(is_space));
    let exported = exported.and_then(|rest| name(rest.trim_start_matches(is_space)));
    let (name, rest) = exported.or_else(|| name(text))?;
    let (raw, rest) = raw_value(rest);
    Some((name, unquoted(raw), rest))
}

/// Splits `NAME=` or `NAME: ` off.
fn name(text: &str) -> Option<(&str, &str)> {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && !"_.-".contains(c))?;
    let (name, rest) = text.split_at(end);
    let after_equals = rest.trim_start_matches(is_space).strip_prefix('=');
    let after_colon = || rest.strip_prefix(':')?.strip_prefix(is_space);
    let value = after_equals.or_else(after_colon)?;
    (!name.is_empty()).then_some((name, value))
}

/// Splits off the value, still in its quotes.
fn raw_value(text: &str) -> (&str, &str) {
    let quoted = text.trim_start_matches(is_space);
    match closing_quote(quoted) {
        Some(close) => quoted.split_at(close + 1),
        None => text.split_at(text.find(['#', '\n']).unwrap_or(text.len())),
    }
}

/// Where a quoted value ends. Candidates are the quotes up to the first one without a backslash before it.
/// The last of them that only a comment follows on its line wins, as a regular expression backtracks to it.
fn closing_quote(text: &str) -> Option<usize> {
    let mark = text.chars().next().filter(|c| matches!(c, '\'' | '"' | '`'))?;
    let quotes = text.match_indices(mark).skip(1).map(|(at, _)| at);
    let first = quotes.clone().find(|at| !text[..*at].ends_with('\\')).unwrap_or(text.len());
    let ends_assignment = |at: &usize| {
        let after = text[at + 1..].trim_start_matches(|c| c != '\n' && is_space(c));
        after.is_empty() || after.starts_with(['#', '\n'])
    };
    quotes.take_while(|at| *at <= first).filter(ends_assignment).last()
}

/// Removes the quotes. In double quotes, `\n` and `\r` are expanded.
fn unquoted(raw: &str) -> String {
    let raw = raw.trim_matches(is_space);
    let inner = ['\'', '"', '`'].iter().find_map(|mark| raw.strip_prefix(*mark)?.strip_suffix(*mark));
    let value = inner.unwrap_or(raw);
    if raw.starts_with('"') { value.replace("\\n", "\n").replace("\\r", "\r") } else { value.to_owned() }
}

/// JavaScript's `\s`: Unicode's white space and the byte order mark, without NEL.
fn is_space(c: char) -> bool {
    c == '\u{feff}' || c.is_whitespace() && c != '\u{85}'
}

#[cfg(test)]
mod tests;
