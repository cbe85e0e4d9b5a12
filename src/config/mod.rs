//! What was typed and what this machine says → settings, each with where it came from. It reads the environment, env
//! files and the files that settings name, and asks at the terminal for what is missing. It does not know HTTP.
//!
//! No secret is ever an option, since options stand in the process list, and no value is ever shown in a message.

mod base_url;
mod env_file;
mod prompt;
mod proxy;
mod setting;

use std::collections::HashMap;
use std::env;
use std::ffi::{OsStr, OsString};
use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

pub(crate) use self::base_url::{BaseUrl, is_address, names_account};
pub(crate) use self::prompt::Prompt;
pub(crate) use self::proxy::Proxy;
pub(crate) use self::setting::{Origin, Setting, Sourced, missing};
use crate::cli::Options;
use crate::error::Error;
use crate::secret::Secret;
use crate::text::{Shown, reason};
use crate::unix;

const BASE_URL: &str = "OUTSETA_BASE_URL";
const SUBDOMAIN: &str = "OUTSETA_SUBDOMAIN";
const API_KEY: &str = "OUTSETA_API_KEY";
const API_KEY_FILE: &str = "OUTSETA_API_KEY_FILE";
const API_SECRET: &str = "OUTSETA_API_SECRET";
const API_SECRET_FILE: &str = "OUTSETA_API_SECRET_FILE";
/// Every variable that leads to a credential. COMMAND must see none of them.
pub(crate) const CREDENTIAL_VARIABLES: [&str; 4] = [API_KEY, API_KEY_FILE, API_SECRET, API_SECRET_FILE];
const CA_FILE: &str = "SSL_CERT_FILE";
const PROXIES: [&str; 4] = ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];
const NO_PROXIES: [&str; 2] = ["no_proxy", "NO_PROXY"];

/// Bytes of an env file or a credential's file, at most.
const FILE_LIMIT: u64 = 64 * 1024;

/// Bytes of a file of certificates, at most: a system's whole store is some hundred kilobytes.
const CA_LIMIT: u64 = 16 << 20;

/// The API key and its secret.
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

/// Enough of a key to tell it from another: its first four characters, if more than as many again stay hidden.
pub(crate) fn masked_key(key: &Secret) -> String {
    let key = key.reveal();
    if key.len() > 8 { format!("{}…", &key[..4]) } else { "[hidden]".to_owned() }
}

/// All that a request needs.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) base: Sourced<BaseUrl>,
    pub(crate) credentials: Credentials,
    /// The text of a PEM file; `None`: the built-in roots.
    pub(crate) roots: Option<Sourced<Vec<u8>>>,
    pub(crate) proxy: Option<Sourced<Proxy>>,
}

impl Settings {
    /// Each setting with its source, nothing secret, a line each.
    pub(crate) fn describe(&self) -> [String; 5] {
        let Credentials { key, secret } = &self.credentials;
        [
            format!("base URL {} ({})", self.base.value, self.base.origin),
            format!("API key {} ({})", masked_key(&key.value), key.origin),
            format!("API secret [hidden] ({})", secret.origin),
            self.roots
                .as_ref()
                .map_or("roots built in".to_owned(), |roots| format!("roots {}", roots.origin)),
            self.proxy
                .as_ref()
                .map_or("no proxy".to_owned(), |proxy| format!("proxy {} ({})", proxy.value, proxy.origin)),
        ]
    }
}

/// What was found without asking anybody; a malformed setting is an error only where it is needed.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) base: Result<Option<Sourced<BaseUrl>>, Error>,
    pub(crate) key: Result<Option<Sourced<Secret>>, Error>,
    pub(crate) secret: Result<Option<Sourced<Secret>>, Error>,
    /// Other base URLs, each with its source; `base` comes before them.
    pub(crate) unused_bases: Vec<Sourced<BaseUrl>>,
    /// What is in the env file and has no effect, each with a hint.
    pub(crate) warnings: Vec<[String; 2]>,
    /// The env file that was read and the settings in it, for a log.
    pub(crate) env_file: Option<String>,
    cacert: Option<Sourced<PathBuf>>,
    environment: Environment,
}

/// The variables of the process's environment that are looked at. Empty ones count as not set.
#[derive(Debug, Clone, Default)]
pub(crate) struct Environment(HashMap<&'static str, OsString>);

impl Environment {
    pub(crate) fn of_process() -> Self {
        let names = [BASE_URL, SUBDOMAIN, CA_FILE, "HOME", "XDG_CONFIG_HOME"];
        let names = names.into_iter().chain(CREDENTIAL_VARIABLES).chain(PROXIES).chain(NO_PROXIES);
        Self(names.filter_map(|name| Some((name, env::var_os(name)?))).collect())
    }

    fn get(&self, name: &str) -> Option<&OsStr> {
        self.0.get(name).map(OsString::as_os_str).filter(|value| !value.is_empty())
    }

    /// The first of some variables that is set.
    fn first(&self, names: &[&'static str]) -> Option<(&'static str, &OsStr)> {
        names.iter().find_map(|name| Some((*name, self.get(name)?)))
    }
}

/// The assignments of the env file that is read.
#[derive(Debug, Default)]
struct EnvFile {
    path: PathBuf,
    values: HashMap<String, String>,
}

impl EnvFile {
    /// The settings that it can have.
    const NAMES: [&str; 4] = [BASE_URL, SUBDOMAIN, API_KEY, API_SECRET];

    /// A warning and a hint for each `OUTSETA_` name that is no setting here.
    fn unknown_names(&self) -> Vec<[String; 2]> {
        let is_unknown =
            |name: &&String| name.starts_with("OUTSETA_") && !Self::NAMES.contains(&name.as_str());
        let mut names: Vec<&String> = self.values.keys().filter(is_unknown).collect();
        names.sort_unstable();
        let warning = |name: &String| {
            let hint = if name.ends_with("_FILE") {
                "a _FILE variable has an effect only in the environment".to_owned()
            } else {
                format!("an env file can set {}", Self::NAMES.join(", "))
            };
            [format!("{} in {} is not a setting", Shown::new(name), Shown::os(&self.path)), hint]
        };
        names.into_iter().map(warning).collect()
    }

    fn get(&self, name: &'static str) -> Option<Sourced<String>> {
        let value = self.values.get(name).filter(|value| !value.is_empty())?;
        Some(Sourced::new(value.clone(), Origin::EnvFile(name, self.path.clone())))
    }

    /// The names of the settings in it; `None` if no file was read.
    fn describe(&self) -> Option<String> {
        if self.path.as_os_str().is_empty() {
            return None;
        }
        let set: Vec<&str> = Self::NAMES.into_iter().filter(|name| self.get(name).is_some()).collect();
        let set = if set.is_empty() { "no setting".to_owned() } else { set.join(", ") };
        Some(format!("env file {}: {set}", Shown::os(&self.path)))
    }
}

/// Whether a credential is taken from the env file, valid or not.
fn is_of_env_file(
    environment: &Environment,
    file: &EnvFile,
    variable: &'static str,
    file_variable: &str,
) -> bool {
    let in_environment = environment.get(variable).or_else(|| environment.get(file_variable)).is_some();
    !in_environment && file.get(variable).is_some()
}

impl Found {
    /// Looks for every setting, first at the options, then in the environment, then in the env file.
    ///
    /// # Errors
    /// `Kind::Unreadable` and `Kind::Config`, for an env file as a whole.
    pub(crate) fn new(options: &Options, environment: Environment) -> Result<Self, Error> {
        let file = EnvFile::read(options, &environment)?;
        let key = credential(&environment, &file, Setting::ApiKey, API_KEY, API_KEY_FILE);
        let secret = credential(&environment, &file, Setting::ApiSecret, API_SECRET, API_SECRET_FILE);
        let mut warnings = file.unknown_names();
        let mut bases: Vec<_> =
            options.base.clone().map(Ok).into_iter().chain(environment_bases(&environment)).collect();
        let of_file = |variable, file_variable| is_of_env_file(&environment, &file, variable, file_variable);
        if of_file(API_KEY, API_KEY_FILE) && of_file(API_SECRET, API_SECRET_FILE) {
            bases.extend(file.get(BASE_URL).map(|url| base_url(&url.value, url.origin)));
        } else if file.get(BASE_URL).is_some() && bases.is_empty() {
            // A file in a checked-out repository must not be able to send the credentials of CI elsewhere.
            warnings.push([
                format!("{BASE_URL} in {} is not used", Shown::os(&file.path)),
                "it is used only if the key and secret are in the same file; otherwise pass --base-url"
                    .to_owned(),
            ]);
        }
        bases.extend(file.get(SUBDOMAIN).map(|name| subdomain(&name.value, name.origin)));
        let mut bases = bases.into_iter();
        let base = bases.next().transpose();
        let mut unused_bases: Vec<_> = bases.filter_map(Result::ok).collect();
        if let Ok(Some(base)) = &base {
            unused_bases.retain(|other| other.value != base.value);
        }
        let cacert = match &options.cacert {
            Some(path) => Some(Sourced::new(path.clone(), Origin::Option("--cacert"))),
            None => {
                environment.get(CA_FILE).map(|path| Sourced::new(path.into(), Origin::Environment(CA_FILE)))
            }
        };
        Ok(Self { base, key, secret, unused_bases, warnings, env_file: file.describe(), cacert, environment })
    }

    /// Asks for what is missing, if somebody may be asked.
    ///
    /// # Errors
    /// The first malformed setting, else every missing one at once; `Kind::Unreadable` for a file of certificates.
    pub(crate) fn complete(self, prompt: Option<&Prompt>) -> Result<Settings, Error> {
        let (base, key, secret) = (self.base.clone()?, self.key.clone()?, self.secret.clone()?);
        // Before anybody is asked.
        if let Some(base) = &base {
            self.proxy(&base.value)?;
        }
        let roots = self.roots()?;
        let mut missing = Vec::new();
        let base = base.map_or_else(|| asked_subdomain(prompt, &mut missing), |base| Ok(Some(base)))?;
        let mut credential = |found: Option<Sourced<Secret>>, setting| match found {
            Some(found) => Ok(Some(found)),
            None => asked_credential(prompt, setting, &mut missing),
        };
        let (key, secret) = (credential(key, Setting::ApiKey)?, credential(secret, Setting::ApiSecret)?);
        let (Some(base), Some(key), Some(secret)) = (base, key, secret) else {
            return Err(setting::missing(&missing));
        };
        let proxy = self.proxy(&base.value)?;
        Ok(Settings { base, credentials: Credentials { key, secret }, roots, proxy })
    }

    /// The proxy that requests to this URL go through.
    ///
    /// # Errors
    /// `Kind::Config`.
    pub(crate) fn proxy(&self, url: &BaseUrl) -> Result<Option<Sourced<Proxy>>, Error> {
        let Some((name, value)) = self.environment.first(&PROXIES) else {
            return Ok(None);
        };
        let no_proxy = self.environment.first(&NO_PROXIES).map(|(_, value)| value.to_string_lossy());
        if !proxy::applies_to(url, no_proxy.as_deref().unwrap_or_default()) {
            return Ok(None);
        }
        let origin = Origin::Environment(name);
        let hint = "write http://host:port; no_proxy names hosts to reach directly";
        let text = value.to_str().ok_or("it is not valid UTF-8".to_owned());
        match text.and_then(Proxy::parse) {
            Ok(proxy) => Ok(Some(Sourced::new(proxy, origin))),
            Err(reason) => Err(origin.malformed("proxy", &reason, hint)),
        }
    }

    /// The text of the file of certificates.
    ///
    /// # Errors
    /// `Kind::Unreadable`, `Kind::Config` for one of more than 16 MiB.
    pub(crate) fn roots(&self) -> Result<Option<Sourced<Vec<u8>>>, Error> {
        let Some(Sourced { value: path, origin }) = &self.cacert else {
            return Ok(None);
        };
        let bytes = open(path, origin).and_then(|file| contents(file, path, origin, "CA file", CA_LIMIT))?;
        Ok(Some(Sourced::new(bytes, at(path, origin))))
    }
}

impl EnvFile {
    /// The file that `--env-file` names, else the user's own, if that exists.
    fn read(options: &Options, environment: &Environment) -> Result<Self, Error> {
        let origin = Origin::Option("--env-file");
        if let Some(path) = &options.env_file {
            return Self::parse(open(path, &origin)?, path, &origin);
        }
        let Some(path) = user_file(environment).filter(|path| path.exists()) else {
            return Ok(Self::default());
        };
        let origin = Origin::EnvFile("the user's settings", path.clone());
        // Without O_NONBLOCK, opening a FIFO would wait for its writer.
        let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(&path);
        let file = file.map_err(|error| unreadable(&path, &origin, &error))?;
        let metadata = file.metadata().map_err(|error| unreadable(&path, &origin, &error))?;
        let (why, hint) = if !metadata.is_file() {
            ("it is not a regular file", "read another kind of file with --env-file FILE")
        } else if ![0, unix::effective_user()].contains(&metadata.uid()) {
            (
                "it belongs to another user",
                "check HOME and XDG_CONFIG_HOME; if you trust the file, use --env-file FILE",
            )
        } else if metadata.mode() & 0o022 != 0 {
            ("it is writable by group or others", "check its contents, then run: chmod go-w FILE")
        } else {
            return Self::parse(file, &path, &origin);
        };
        Err(origin.malformed("env file", why, hint))
    }

    fn parse(file: File, path: &Path, origin: &Origin) -> Result<Self, Error> {
        let bytes = contents(file, path, origin, "env file", FILE_LIMIT)?;
        let text = String::from_utf8(bytes).map_err(|_| {
            at(path, origin).malformed("env file", "it is not valid UTF-8", "save it as UTF-8 text")
        })?;
        Ok(Self { path: path.to_owned(), values: env_file::parse(&text).into_iter().collect() })
    }
}

/// `$XDG_CONFIG_HOME/outseta-token/env`, else `~/.config/outseta-token/env` (XDG Base Directory Specification, which
/// has relative paths ignored).
fn user_file(environment: &Environment) -> Option<PathBuf> {
    let absolute = |name| environment.get(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let config = absolute("XDG_CONFIG_HOME").or_else(|| Some(absolute("HOME")?.join(".config")))?;
    Some(config.join("outseta-token/env"))
}

fn environment_bases(environment: &Environment) -> impl Iterator<Item = Result<Sourced<BaseUrl>, Error>> {
    let set = |name, what| environment.get(name).map(|value| utf8(value, what, Origin::Environment(name)));
    let url = set(BASE_URL, "base URL").map(|url| url.and_then(|url| base_url(&url.value, url.origin)));
    let name =
        set(SUBDOMAIN, "subdomain").map(|name| name.and_then(|name| subdomain(&name.value, name.origin)));
    url.into_iter().chain(name)
}

/// # Errors
/// `Kind::Config`, or `Kind::Usage` for an option.
pub(crate) fn base_url(text: &str, origin: Origin) -> Result<Sourced<BaseUrl>, Error> {
    let hint = "a base URL looks like https://auth.example.com";
    match BaseUrl::parse(text) {
        Ok(url) => Ok(Sourced::new(url, origin)),
        Err(reason) => Err(origin.malformed("base URL", &reason, hint)),
    }
}

/// The base URL of the account with this subdomain.
///
/// # Errors
/// `Kind::Config`, or `Kind::Usage` for an option.
pub(crate) fn subdomain(text: &str, origin: Origin) -> Result<Sourced<BaseUrl>, Error> {
    let hint = "it is acme for https://acme.outseta.com; --base-url names another host";
    match BaseUrl::from_subdomain(text) {
        Ok(url) => Ok(Sourced::new(url, origin)),
        Err(reason) => Err(origin.malformed("subdomain", &reason, hint)),
    }
}

fn credential(
    environment: &Environment,
    env_file: &EnvFile,
    setting: Setting,
    variable: &'static str,
    file_variable: &'static str,
) -> Result<Option<Sourced<Secret>>, Error> {
    let text = if let Some(value) = environment.get(variable) {
        utf8(value, setting.name(), Origin::Environment(variable))?
    } else if let Some(path) = environment.get(file_variable) {
        credential_file(Path::new(path), setting, file_variable)?
    } else if let Some(text) = env_file.get(variable) {
        text
    } else {
        return Ok(None);
    };
    usable(setting, text).map(Some)
}

/// The text of a credential's file, one line feed or CRLF at its end dropped.
fn credential_file(path: &Path, setting: Setting, variable: &'static str) -> Result<Sourced<String>, Error> {
    let (naming, origin) = (Origin::Environment(variable), Origin::FileOf(variable, path.to_owned()));
    let bytes =
        open(path, &naming).and_then(|file| contents(file, path, &naming, setting.name(), FILE_LIMIT))?;
    let text = utf8(OsStr::from_bytes(&bytes), setting.name(), origin.clone())?;
    let line = text.value.strip_suffix("\r\n").or(text.value.strip_suffix('\n'));
    let line = line.unwrap_or(&text.value).to_owned();
    Ok(Sourced::new(line, origin))
}

/// Refuses what could forge a header, or move the boundary between key and secret, and names the likely cause.
fn usable(setting: Setting, text: Sourced<String>) -> Result<Sourced<Secret>, Error> {
    const QUOTES: [char; 3] = ['"', '\'', '`'];
    let Sourced { value, origin } = text;
    let is_line_break = |c| matches!(c, '\n' | '\r');
    let without_end = value.trim_end_matches(is_line_break);
    let why = if value.trim().is_empty() {
        "it is blank".to_owned()
    } else if setting == Setting::ApiKey && value.contains(':') {
        match origin {
            Origin::Prompt => "it contains a colon: the part before it is the key, the part after it the secret",
            _ => "it contains a colon: put the part before it in OUTSETA_API_KEY and the part after it in OUTSETA_API_SECRET",
        }
        .to_owned()
    } else if value.starts_with(QUOTES) && value.len() > 1 && value.ends_with(QUOTES) {
        "it has quotes around it: remove them".to_owned()
    } else if value.starts_with(QUOTES) {
        "its opening quote is not closed".to_owned()
    } else if value.contains(QUOTES) {
        "it contains a quote".to_owned()
    } else if without_end.len() < value.len() && !without_end.contains(char::is_control) {
        "it ends with a line break: echo adds one, printf %s does not".to_owned()
    } else if value.contains(is_line_break) && matches!(origin, Origin::EnvFile(..)) {
        "it contains a line break: its closing quote may be missing".to_owned()
    } else if value.contains(char::is_control) {
        "it contains a line break or another control character".to_owned()
    } else if value.contains(' ') {
        "it contains a space".to_owned()
    } else if let Some(c) = value.chars().find(|c| !c.is_ascii()) {
        format!("it contains U+{:04X}, which is not an ASCII character", u32::from(c))
    } else {
        return Ok(Sourced::new(Secret::new(value), origin));
    };
    let hint = "copy it again from Settings > Integrations > API Keys in Outseta";
    Err(origin.malformed(setting.name(), &why, hint))
}

fn asked_subdomain(
    prompt: Option<&Prompt>,
    missing: &mut Vec<Setting>,
) -> Result<Option<Sourced<BaseUrl>>, Error> {
    let parse = |name: String| subdomain(&name, Origin::Prompt);
    let answer = prompt.and_then(|prompt| prompt.answer("Outseta subdomain: ", parse));
    if answer.is_none() {
        missing.push(Setting::Subdomain);
    }
    answer.transpose()
}

fn asked_credential(
    prompt: Option<&Prompt>,
    setting: Setting,
    missing: &mut Vec<Setting>,
) -> Result<Option<Sourced<Secret>>, Error> {
    // Stop asking after the first unanswered prompt.
    let prompt = prompt.filter(|_| missing.is_empty());
    let question = format!("{} (not shown): ", setting.name());
    let parse = |typed: Secret| usable(setting, Sourced::new(typed.reveal().to_owned(), Origin::Prompt));
    let answer = prompt.and_then(|prompt| prompt.hidden_answer(&question, parse));
    if answer.is_none() {
        missing.push(setting);
    }
    answer.transpose()
}

fn open(path: &Path, origin: &Origin) -> Result<File, Error> {
    File::open(path).map_err(|error| unreadable(path, origin, &error))
}

fn contents(
    file: File,
    path: &Path,
    origin: &Origin,
    what: &'static str,
    limit: u64,
) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes).map_err(|error| unreadable(path, origin, &error))?;
    if bytes.len() as u64 > limit {
        let why = format!("the file is larger than {} KiB", limit / 1024);
        return Err(at(path, origin).malformed(what, &why, "check that it is the right file"));
    }
    Ok(bytes)
}

fn unreadable(path: &Path, origin: &Origin, error: &io::Error) -> Error {
    let what = match origin {
        Origin::EnvFile(..) => path.display().to_string(),
        _ => format!("{} ({origin})", path.display()),
    };
    Error::unreadable(&Shown::new(&what), &reason(error))
}

/// A fault in a file that an option or a variable names is a wrong setting, not a wrong command line.
fn at(path: &Path, origin: &Origin) -> Origin {
    match origin {
        Origin::Option(name) | Origin::Environment(name) => Origin::FileOf(name, path.to_owned()),
        Origin::FileOf(..) | Origin::EnvFile(..) | Origin::Prompt => origin.clone(),
    }
}

fn utf8(value: &OsStr, what: &'static str, origin: Origin) -> Result<Sourced<String>, Error> {
    match value.to_str() {
        Some(text) => Ok(Sourced::new(text.to_owned(), origin)),
        None => Err(origin.malformed(what, "it is not valid UTF-8", "")),
    }
}

#[cfg(test)]
mod tests;
