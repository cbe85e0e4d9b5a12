//! What was typed and what this machine says → settings, each with where it came from. It reads the environment, env
//! files and the files that settings name, and asks at the terminal for what is missing. It does not know HTTP.
//!
//! No secret is ever an option, since options stand in the process list, and no value is ever shown in a message.

use std::collections::HashMap;
use std::env;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::base_url::BaseUrl;
use crate::env_file;
use crate::error::{Error, Setting};
use crate::options::Options;
use crate::origin::{Origin, Sourced};
use crate::prompt::Prompt;
use crate::proxy::{self, Proxy};
use crate::secret::Secret;
use crate::text::{Shown, reason};

const BASE_URL: &str = "OUTSETA_BASE_URL";
const SUBDOMAIN: &str = "OUTSETA_SUBDOMAIN";
const API_KEY: &str = "OUTSETA_API_KEY";
const API_KEY_FILE: &str = "OUTSETA_API_KEY_FILE";
const API_SECRET: &str = "OUTSETA_API_SECRET";
const API_SECRET_FILE: &str = "OUTSETA_API_SECRET_FILE";
/// Every variable that leads to a credential. COMMAND must see none of them.
pub(crate) const CREDENTIAL_VARIABLES: [&str; 4] =
    [API_KEY, API_KEY_FILE, API_SECRET, API_SECRET_FILE];
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
        Secret::new(format!(
            "Outseta {}:{}",
            self.key.value.reveal(),
            self.secret.value.reveal()
        ))
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
    if key.len() > 8 {
        format!("{}…", &key[..4])
    } else {
        "[hidden]".to_owned()
    }
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
                .map_or("roots built in".to_owned(), |roots| {
                    format!("roots {}", roots.origin)
                }),
            self.proxy.as_ref().map_or("no proxy".to_owned(), |proxy| {
                format!("proxy {} ({})", proxy.value, proxy.origin)
            }),
        ]
    }
}

/// What was found without asking anybody; a malformed setting is an error only where it is needed.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) base: Result<Option<Sourced<BaseUrl>>, Error>,
    pub(crate) key: Result<Option<Sourced<Secret>>, Error>,
    pub(crate) secret: Result<Option<Sourced<Secret>>, Error>,
    /// The env file whose base URL does not count, because it does not bring the credentials too.
    pub(crate) ignored_base_url: Option<PathBuf>,
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
        let names = names
            .into_iter()
            .chain(CREDENTIAL_VARIABLES)
            .chain(PROXIES)
            .chain(NO_PROXIES);
        Self(
            names
                .filter_map(|name| Some((name, env::var_os(name)?)))
                .collect(),
        )
    }

    fn get(&self, name: &str) -> Option<&OsStr> {
        self.0
            .get(name)
            .map(OsString::as_os_str)
            .filter(|value| !value.is_empty())
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
    fn get(&self, name: &'static str) -> Option<Sourced<String>> {
        let value = self.values.get(name).filter(|value| !value.is_empty())?;
        Some(Sourced::new(
            value.clone(),
            Origin::EnvFile(name, self.path.clone()),
        ))
    }

    /// The names of the settings in it; `None` where no file was read.
    fn describe(&self) -> Option<String> {
        if self.path.as_os_str().is_empty() {
            return None;
        }
        let names = [BASE_URL, SUBDOMAIN, API_KEY, API_SECRET];
        let set: Vec<&str> = names
            .into_iter()
            .filter(|name| self.get(name).is_some())
            .collect();
        let set = if set.is_empty() {
            "no setting".to_owned()
        } else {
            set.join(", ")
        };
        Some(format!("env file {}: {set}", Shown::os(&self.path)))
    }
}

/// Refuses a setting on the command line that is wrong by itself.
///
/// # Errors
/// `Error::Malformed`.
pub(crate) fn check_options(options: &Options) -> Result<(), Error> {
    typed_base(options).transpose().map(drop)
}

/// Whether a credential, or what stands in its place, was taken from the env file.
fn is_of_env_file(credential: &Result<Option<Sourced<Secret>>, Error>) -> bool {
    let origin = match credential {
        Ok(Some(found)) => &found.origin,
        Err(Error::Malformed { origin, .. }) => origin,
        Ok(None) | Err(_) => return false,
    };
    matches!(origin, Origin::EnvFile(..))
}

impl Found {
    /// Looks for every setting, first at the options, then in the environment, then in the env file.
    ///
    /// # Errors
    /// `Error::Unreadable` and `Error::Malformed`, for an env file as a whole.
    pub(crate) fn new(options: &Options, environment: Environment) -> Result<Self, Error> {
        let file = EnvFile::read(options, &environment)?;
        let key = credential(&environment, &file, Setting::ApiKey, API_KEY, API_KEY_FILE);
        let secret = credential(
            &environment,
            &file,
            Setting::ApiSecret,
            API_SECRET,
            API_SECRET_FILE,
        );
        let mut ignored_base_url = None;
        let base = typed_base(options)
            .or_else(|| environment_base(&environment))
            .or_else(|| {
                let url = file.get(BASE_URL);
                if url.is_some() && !(is_of_env_file(&key) && is_of_env_file(&secret)) {
                    // A file in a checked-out repository must not be able to send the credentials of CI elsewhere.
                    ignored_base_url = Some(file.path.clone());
                    return file.get(SUBDOMAIN).map(|name| subdomain(&name));
                }
                url.map(|url| base_url(&url))
                    .or_else(|| file.get(SUBDOMAIN).map(|name| subdomain(&name)))
            });
        let cacert = match &options.cacert {
            Some(path) => Some(Sourced::new(path.clone(), Origin::Option("--cacert"))),
            None => environment
                .get(CA_FILE)
                .map(|path| Sourced::new(path.into(), Origin::Environment(CA_FILE))),
        };
        Ok(Self {
            base: base.transpose(),
            key,
            secret,
            ignored_base_url,
            env_file: file.describe(),
            cacert,
            environment,
        })
    }

    /// Asks for what is missing, if somebody may be asked.
    ///
    /// # Errors
    /// The first malformed setting, else every missing one at once; `Error::Unreadable` for a file of certificates.
    pub(crate) fn complete(self, prompt: Option<&Prompt>) -> Result<Settings, Error> {
        let (base, key, secret) = (self.base.clone()?, self.key.clone()?, self.secret.clone()?);
        // Before anybody is asked.
        if let Some(base) = &base {
            self.proxy(&base.value)?;
        }
        let roots = self.roots()?;
        let mut missing = Vec::new();
        let base = base.map_or_else(
            || asked_subdomain(prompt, &mut missing),
            |base| Ok(Some(base)),
        )?;
        let mut credential = |found: Option<Sourced<Secret>>, setting| match found {
            Some(found) => Ok(Some(found)),
            None => asked_credential(prompt, setting, &mut missing),
        };
        let (key, secret) = (
            credential(key, Setting::ApiKey)?,
            credential(secret, Setting::ApiSecret)?,
        );
        let (Some(base), Some(key), Some(secret)) = (base, key, secret) else {
            return Err(Error::Missing(missing));
        };
        let proxy = self.proxy(&base.value)?;
        Ok(Settings {
            base,
            credentials: Credentials { key, secret },
            roots,
            proxy,
        })
    }

    /// The proxy that requests to this URL go through.
    ///
    /// # Errors
    /// `Error::Malformed`.
    pub(crate) fn proxy(&self, url: &BaseUrl) -> Result<Option<Sourced<Proxy>>, Error> {
        let Some((name, value)) = self.environment.first(&PROXIES) else {
            return Ok(None);
        };
        let no_proxy = self
            .environment
            .first(&NO_PROXIES)
            .map(|(_, value)| value.to_string_lossy());
        if !proxy::is_for(url, no_proxy.as_deref().unwrap_or_default()) {
            return Ok(None);
        }
        let origin = Origin::Environment(name);
        let hint = Some("write http://host:port; no_proxy names hosts to reach directly");
        let text = value.to_str().ok_or("it is not valid UTF-8".to_owned());
        match text.and_then(Proxy::parse) {
            Ok(proxy) => Ok(Some(Sourced::new(proxy, origin))),
            Err(why) => Err(Error::Malformed {
                what: "proxy",
                origin,
                why,
                hint,
            }),
        }
    }

    /// The text of the file of certificates.
    ///
    /// # Errors
    /// `Error::Unreadable`, `Error::Malformed` for one of more than 16 MiB.
    pub(crate) fn roots(&self) -> Result<Option<Sourced<Vec<u8>>>, Error> {
        let Some(Sourced {
            value: path,
            origin,
        }) = &self.cacert
        else {
            return Ok(None);
        };
        let bytes = open(path, origin)
            .and_then(|file| contents(file, path, origin, "CA file", CA_LIMIT))?;
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
        let file = open(&path, &origin)?;
        let mode = file
            .metadata()
            .map_err(|error| unreadable(&path, &origin, &error))?
            .permissions()
            .mode();
        if mode & 0o022 != 0 {
            return Err(Error::Malformed {
                what: "env file",
                origin,
                why: "others than its owner may write it".to_owned(),
                hint: Some("chmod go-w it, after a look at what it holds"),
            });
        }
        Self::parse(file, &path, &origin)
    }

    fn parse(file: File, path: &Path, origin: &Origin) -> Result<Self, Error> {
        let bytes = contents(file, path, origin, "env file", FILE_LIMIT)?;
        let text = String::from_utf8(bytes).map_err(|_| Error::Malformed {
            what: "env file",
            origin: at(path, origin),
            why: "it is not valid UTF-8".to_owned(),
            hint: Some("save it as UTF-8 text"),
        })?;
        Ok(Self {
            path: path.to_owned(),
            values: env_file::parse(&text).into_iter().collect(),
        })
    }
}

/// `$XDG_CONFIG_HOME/outseta-token/env`, else `~/.config/outseta-token/env` (XDG Base Directory Specification, which
/// has relative paths ignored).
fn user_file(environment: &Environment) -> Option<PathBuf> {
    let absolute = |name| {
        environment
            .get(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let config = absolute("XDG_CONFIG_HOME").or_else(|| Some(absolute("HOME")?.join(".config")))?;
    Some(config.join("outseta-token/env"))
}

fn typed_base(options: &Options) -> Option<Result<Sourced<BaseUrl>, Error>> {
    let typed =
        |text: &Option<String>, option| Some(Sourced::new(text.clone()?, Origin::Option(option)));
    let url = typed(&options.base_url, "--base-url").map(|url| base_url(&url));
    url.or_else(|| typed(&options.subdomain, "--subdomain").map(|name| subdomain(&name)))
}

fn environment_base(environment: &Environment) -> Option<Result<Sourced<BaseUrl>, Error>> {
    let set = |name, what| {
        environment
            .get(name)
            .map(|value| utf8(value, what, Origin::Environment(name)))
    };
    let url = set(BASE_URL, "base URL").map(|url| url.and_then(|url| base_url(&url)));
    url.or_else(|| set(SUBDOMAIN, "subdomain").map(|name| name.and_then(|name| subdomain(&name))))
}

fn base_url(text: &Sourced<String>) -> Result<Sourced<BaseUrl>, Error> {
    let hint = Some("a base URL looks like https://auth.example.com");
    checked("base URL", text, BaseUrl::parse(&text.value), hint)
}

fn subdomain(text: &Sourced<String>) -> Result<Sourced<BaseUrl>, Error> {
    let hint = Some("it is acme for https://acme.outseta.com; --base-url names another host");
    checked(
        "subdomain",
        text,
        BaseUrl::from_subdomain(&text.value),
        hint,
    )
}

fn checked<T>(
    what: &'static str,
    text: &Sourced<String>,
    value: Result<T, String>,
    hint: Option<&'static str>,
) -> Result<Sourced<T>, Error> {
    let origin = text.origin.clone();
    match value {
        Ok(value) => Ok(Sourced::new(value, origin)),
        Err(why) => Err(Error::Malformed {
            what,
            origin,
            why,
            hint,
        }),
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
fn credential_file(
    path: &Path,
    setting: Setting,
    variable: &'static str,
) -> Result<Sourced<String>, Error> {
    let (naming, origin) = (
        Origin::Environment(variable),
        Origin::FileOf(variable, path.to_owned()),
    );
    let bytes = open(path, &naming)
        .and_then(|file| contents(file, path, &naming, setting.name(), FILE_LIMIT))?;
    let text = utf8(OsStr::from_bytes(&bytes), setting.name(), origin.clone())?;
    let line = text
        .value
        .strip_suffix("\r\n")
        .or(text.value.strip_suffix('\n'));
    let line = line.unwrap_or(&text.value).to_owned();
    Ok(Sourced::new(line, origin))
}

/// Refuses what could forge a header, or move the boundary between key and secret.
fn usable(setting: Setting, text: Sourced<String>) -> Result<Sourced<Secret>, Error> {
    let colon = setting == Setting::ApiKey && text.value.contains(':');
    let why = if text.value.trim().is_empty() {
        "it is blank"
    } else if text.value.chars().any(char::is_control) {
        "it holds a line break or another control character"
    } else if text.value.contains(' ') {
        "it holds a space"
    } else if !text.value.is_ascii() {
        "it holds a non-ASCII character"
    } else if colon {
        "it holds a colon: the key is the part before it, the secret the part behind it"
    } else {
        return Ok(Sourced::new(Secret::new(text.value), text.origin));
    };
    let hint = Some("copy it again from Settings > Integrations > API Keys in Outseta");
    Err(Error::Malformed {
        what: setting.name(),
        origin: text.origin,
        why: why.to_owned(),
        hint,
    })
}

fn asked_subdomain(
    prompt: Option<&Prompt>,
    missing: &mut Vec<Setting>,
) -> Result<Option<Sourced<BaseUrl>>, Error> {
    let Some(name) = prompt.and_then(|prompt| prompt.line("Outseta subdomain: ")) else {
        missing.push(Setting::Subdomain);
        return Ok(None);
    };
    subdomain(&Sourced::new(name, Origin::Prompt)).map(Some)
}

fn asked_credential(
    prompt: Option<&Prompt>,
    setting: Setting,
    missing: &mut Vec<Setting>,
) -> Result<Option<Sourced<Secret>>, Error> {
    // Once an answer is missing there is nothing to ask on for.
    let prompt = prompt.filter(|_| missing.is_empty());
    let typed = match setting {
        Setting::ApiSecret => prompt.and_then(|prompt| prompt.secret("API secret (not shown): ")),
        Setting::ApiKey | Setting::Subdomain => prompt
            .and_then(|prompt| prompt.line("API key: "))
            .map(Secret::new),
    };
    let Some(typed) = typed else {
        missing.push(setting);
        return Ok(None);
    };
    usable(
        setting,
        Sourced::new(typed.reveal().to_owned(), Origin::Prompt),
    )
    .map(Some)
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
    file.take(limit + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| unreadable(path, origin, &error))?;
    if bytes.len() as u64 > limit {
        let why = format!("the file is larger than {} KiB", limit / 1024);
        return Err(Error::Malformed {
            what,
            origin: at(path, origin),
            why,
            hint: Some("check that it is the right file"),
        });
    }
    Ok(bytes)
}

fn unreadable(path: &Path, origin: &Origin, error: &io::Error) -> Error {
    let what = match origin {
        Origin::EnvFile(..) => path.display().to_string(),
        _ => format!("{} ({origin})", path.display()),
    };
    Error::Unreadable {
        what: Shown::new(&what),
        why: reason(error),
    }
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
        None => Err(Error::Malformed {
            what,
            origin,
            why: "it is not valid UTF-8".to_owned(),
            hint: None,
        }),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::*;
    use crate::options::{self, Invocation};

    const URL: &str = "https://url.example";
    const FILE: &str = "OUTSETA_BASE_URL=https://file.example\nOUTSETA_SUBDOMAIN=file\n\
        OUTSETA_API_KEY=key-of-file\nOUTSETA_API_SECRET=secret-of-file\n";

    fn environment(variables: &[(&'static str, &str)]) -> Environment {
        let variables = variables.iter();
        Environment(
            variables
                .map(|(name, value)| (*name, value.into()))
                .collect(),
        )
    }

    fn options(line: &str) -> Options {
        match options::parse(line.split_whitespace().map(OsString::from)) {
            Ok(Invocation::Run(options)) => options,
            other => panic!("{line} gave {other:?}"),
        }
    }

    /// What is found, `FILE` in the options standing for an env file with this text.
    fn found(line: &str, variables: &[(&'static str, &str)], text: &str) -> Found {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("file.env");
        fs::write(&path, text).unwrap();
        let line = line.replace("FILE", path.to_str().unwrap());
        Found::new(&options(&line), environment(variables)).unwrap()
    }

    /// Value and kind of origin, or what is wrong.
    fn shown<T>(found: &Result<Option<Sourced<T>>, Error>, text: fn(&T) -> String) -> String {
        match found {
            Ok(Some(found)) => {
                let origin = match &found.origin {
                    Origin::Option(name) => (*name).to_owned(),
                    Origin::Environment(name) => format!("${name}"),
                    Origin::FileOf(name, _) => format!("file of ${name}"),
                    Origin::EnvFile(name, _) => format!("{name} of env file"),
                    Origin::Prompt => "prompt".to_owned(),
                };
                format!("{} from {origin}", text(&found.value))
            }
            Ok(None) => "nothing".to_owned(),
            Err(error) => error.to_string(),
        }
    }

    fn base(found: &Found) -> String {
        shown(&found.base, BaseUrl::to_string)
    }

    fn revealed(found: &Result<Option<Sourced<Secret>>, Error>) -> String {
        shown(found, |secret| secret.reveal().to_owned())
    }

    #[test]
    fn the_first_place_with_a_base_url_or_subdomain_wins() {
        let (url, name) = ((BASE_URL, URL), (SUBDOMAIN, "name"));
        let (no_url, no_name) = ((BASE_URL, ""), (SUBDOMAIN, ""));
        let file = "https://file.example from OUTSETA_BASE_URL of env file";
        for (line, variables, expected) in [
            (
                "-e FILE --base-url https://o.example",
                [url, name],
                "https://o.example from --base-url",
            ),
            (
                "-e FILE -s o",
                [url, name],
                "https://o.outseta.com from --subdomain",
            ),
            (
                "-e FILE",
                [url, name],
                "https://url.example from $OUTSETA_BASE_URL",
            ),
            (
                "-e FILE",
                [no_url, name],
                "https://name.outseta.com from $OUTSETA_SUBDOMAIN",
            ),
            (
                "-e FILE",
                [url, no_name],
                "https://url.example from $OUTSETA_BASE_URL",
            ),
            ("-e FILE", [no_url, no_name], file),
            ("", [no_url, no_name], "nothing"),
        ] {
            let found = found(line, &variables, FILE);
            assert_eq!(base(&found), expected, "{line} {variables:?}");
            assert_eq!(found.ignored_base_url, None, "{line} {variables:?}");
        }
        let named = FILE.replace("https://file.example", "");
        let found = found("-e FILE", &[], &named);
        assert_eq!(
            base(&found),
            "https://file.outseta.com from OUTSETA_SUBDOMAIN of env file"
        );
    }

    #[test]
    fn the_first_place_with_a_credential_wins() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("credential");
        fs::write(&path, "contents\n").unwrap();
        let path = path.to_str().unwrap();
        let of_file = |name: &str, kind: &str| format!("{kind}-of-file from {name} of env file");
        for (variable, file_variable, kind) in [
            (API_KEY, API_KEY_FILE, "key"),
            (API_SECRET, API_SECRET_FILE, "secret"),
        ] {
            for (value, file, expected) in [
                ("value", path, format!("value from ${variable}")),
                ("value", "", format!("value from ${variable}")),
                ("", path, format!("contents from file of ${file_variable}")),
                ("", "", of_file(variable, kind)),
            ] {
                let found = found("-e FILE", &[(variable, value), (file_variable, file)], FILE);
                let (one, other) = match kind {
                    "key" => (&found.key, &found.secret),
                    _ => (&found.secret, &found.key),
                };
                assert_eq!(revealed(one), expected);
                // The other one is not touched by that.
                assert!(revealed(other).ends_with("of env file"));
            }
        }
        let nothing = found("", &[(API_KEY, "")], "");
        assert_eq!(
            [revealed(&nothing.key), revealed(&nothing.secret)],
            ["nothing", "nothing"]
        );
    }

    #[test]
    fn a_base_url_of_a_file_counts_only_with_its_own_credentials() {
        let (key, secret) = ((API_KEY, "k"), (API_SECRET, "s"));
        for (variables, text, expected, ignored) in [
            (
                vec![],
                FILE,
                "https://file.example from OUTSETA_BASE_URL of env file",
                false,
            ),
            (
                vec![key],
                FILE,
                "https://file.outseta.com from OUTSETA_SUBDOMAIN of env file",
                true,
            ),
            (
                vec![secret],
                FILE,
                "https://file.outseta.com from OUTSETA_SUBDOMAIN of env file",
                true,
            ),
            (
                vec![key, secret],
                FILE,
                "https://file.outseta.com from OUTSETA_SUBDOMAIN of env file",
                true,
            ),
            (
                vec![key, secret],
                "OUTSETA_BASE_URL=https://file.example",
                "nothing",
                true,
            ),
            (
                vec![],
                "OUTSETA_BASE_URL=https://file.example",
                "nothing",
                true,
            ),
            (
                vec![key, secret],
                "OUTSETA_SUBDOMAIN=file",
                "https://file.outseta.com from OUTSETA_SUBDOMAIN of env file",
                false,
            ),
            (
                vec![key, (BASE_URL, URL)],
                FILE,
                "https://url.example from $OUTSETA_BASE_URL",
                false,
            ),
            // Malformed ones of the file's are its own too.
            (
                vec![],
                "OUTSETA_BASE_URL=https://file.example\nOUTSETA_API_KEY='a b'\nOUTSETA_API_SECRET=s",
                "https://file.example from OUTSETA_BASE_URL of env file",
                false,
            ),
            (
                vec![(API_KEY, "a b")],
                "OUTSETA_BASE_URL=https://file.example\nOUTSETA_API_SECRET=s",
                "nothing",
                true,
            ),
        ] {
            let found = found("-e FILE", &variables, text);
            assert_eq!(base(&found), expected, "{variables:?} {text}");
            assert_eq!(
                found.ignored_base_url.is_some(),
                ignored,
                "{variables:?} {text}"
            );
        }
    }

    #[test]
    fn the_users_file_lies_where_xdg_says() {
        for (variables, expected) in [
            (
                vec![("XDG_CONFIG_HOME", "/x"), ("HOME", "/h")],
                Some("/x/outseta-token/env"),
            ),
            (
                vec![("XDG_CONFIG_HOME", "/x")],
                Some("/x/outseta-token/env"),
            ),
            (
                vec![("XDG_CONFIG_HOME", ""), ("HOME", "/h")],
                Some("/h/.config/outseta-token/env"),
            ),
            (
                vec![("XDG_CONFIG_HOME", "x"), ("HOME", "/h")],
                Some("/h/.config/outseta-token/env"),
            ),
            (vec![("HOME", "/h")], Some("/h/.config/outseta-token/env")),
            (vec![("HOME", "h")], None),
            (vec![("HOME", "")], None),
            (vec![], None),
        ] {
            let path = user_file(&environment(&variables));
            assert_eq!(path, expected.map(PathBuf::from), "{variables:?}");
        }
    }

    #[test]
    fn the_users_file_is_read_unless_others_may_write_it_or_another_is_named() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("outseta-token/env");
        fs::create_dir(path.parent().unwrap()).unwrap();
        let variables = [("XDG_CONFIG_HOME", folder.path().to_str().unwrap())];
        let read = |line: &str| Found::new(&options(line), environment(&variables));
        assert_eq!(base(&read("").unwrap()), "nothing");
        fs::write(&path, FILE).unwrap();
        for (mode, refused) in [(0o600, false), (0o755, false), (0o620, true), (0o602, true)] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let found = read("");
            match found {
                Ok(found) => assert!(!refused && base(&found).starts_with("https://file.example")),
                Err(error) => assert!(refused && error.to_string().contains("may write it")),
            }
            assert_eq!(base(&read("-e /dev/null").unwrap()), "nothing");
        }
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        let what = Shown::os(&path);
        let why = "is a directory".to_owned();
        assert_eq!(
            read("").unwrap_err(),
            Error::Unreadable { what, why },
            "it says of itself whose it is"
        );
    }

    #[test]
    fn the_file_that_was_read_is_described_by_its_settings() {
        let described = |line: &str, text: &str| {
            let described = found(line, &[], text).env_file?;
            Some(described.split_once("file.env: ").unwrap().1.to_owned())
        };
        let all = "OUTSETA_BASE_URL, OUTSETA_SUBDOMAIN, OUTSETA_API_KEY, OUTSETA_API_SECRET";
        assert_eq!(described("-e FILE", FILE).as_deref(), Some(all));
        let text = "OUTSETA_API_KEY=\nOTHER=x\nOUTSETA_API_KEY_FILE=f\n";
        assert_eq!(described("-e FILE", text).as_deref(), Some("no setting"));
        assert_eq!(described("", FILE), None);
    }

    #[test]
    fn the_process_has_an_environment() {
        let home = env::var_os("HOME").filter(|home| !home.is_empty());
        assert_eq!(
            Environment::of_process().get("HOME"),
            home.as_deref(),
            "cargo test has one"
        );
    }

    #[test]
    fn what_could_forge_a_header_is_no_credential() {
        let why = |setting, text: &str| {
            let sourced = Sourced::new(text.to_owned(), Origin::Prompt);
            match usable(setting, sourced) {
                Ok(secret) => {
                    assert_eq!(secret.value.reveal(), text);
                    String::new()
                }
                Err(Error::Malformed { why, what, .. }) => {
                    assert_eq!(what, setting.name());
                    why
                }
                Err(other) => panic!("{other:?}"),
            }
        };
        for setting in [Setting::ApiKey, Setting::ApiSecret] {
            for (text, expected) in [
                ("!\"#$%&'()*+,-./09;<=>?@AZ[\\]^_`az{|}~", ""),
                ("", "it is blank"),
                (" \t", "it is blank"),
                ("a b", "it holds a space"),
                ("a\n", "it holds a line break or another control character"),
                ("a\rb", "it holds a line break or another control character"),
                ("a\0", "it holds a line break or another control character"),
                (
                    "a\u{7f}",
                    "it holds a line break or another control character",
                ),
                (
                    "a\u{80}",
                    "it holds a line break or another control character",
                ),
                ("é", "it holds a non-ASCII character"),
                ("a\u{a0}b", "it holds a non-ASCII character"),
            ] {
                assert_eq!(why(setting, text), expected, "{text:?}");
            }
        }
        assert!(why(Setting::ApiKey, "a:b").starts_with("it holds a colon"));
        assert_eq!(why(Setting::ApiSecret, "a:b"), "");
    }

    #[test]
    fn a_file_loses_one_newline_and_may_have_64_kib() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("key");
        let read = |contents: &[u8]| {
            fs::write(&path, contents).unwrap();
            match credential_file(&path, Setting::ApiKey, API_KEY_FILE) {
                Ok(sourced) => sourced.value,
                Err(Error::Malformed { why, origin, .. }) => {
                    assert_eq!(origin, Origin::FileOf(API_KEY_FILE, path.clone()));
                    why
                }
                Err(other) => panic!("{other:?}"),
            }
        };
        for (contents, expected) in [
            ("key", "key"),
            ("key\n", "key"),
            ("key\r\n", "key"),
            ("key\n\n", "key\n"),
            ("key\r\n\r\n", "key\r\n"),
            (" key \n", " key "),
            ("", ""),
        ] {
            assert_eq!(read(contents.as_bytes()), expected, "{contents:?}");
        }
        assert_eq!(read(b"key\xff"), "it is not valid UTF-8");
        let limit = 64 * 1024;
        assert_eq!(read(&b"k".repeat(limit)).len(), limit);
        assert_eq!(
            read(&b"k".repeat(limit + 1)),
            "the file is larger than 64 KiB"
        );
        fs::remove_file(&path).unwrap();
        let missing = credential_file(&path, Setting::ApiKey, API_KEY_FILE).unwrap_err();
        assert!(matches!(missing, Error::Unreadable { .. }));
    }

    #[test]
    fn every_missing_setting_is_named_and_a_malformed_one_first() {
        let complete = |variables: &[(&'static str, &str)]| {
            found("", variables, "").complete(None).unwrap_err()
        };
        let (name, key, secret) = ((SUBDOMAIN, "acme"), (API_KEY, "k"), (API_SECRET, "s"));
        let all = [Setting::Subdomain, Setting::ApiKey, Setting::ApiSecret];
        assert_eq!(complete(&[]), Error::Missing(all.to_vec()));
        assert_eq!(complete(&[name]), Error::Missing(all[1..].to_vec()));
        assert_eq!(complete(&[name, key]), Error::Missing(all[2..].to_vec()));
        assert_eq!(complete(&[key]), Error::Missing(vec![all[0], all[2]]));
        assert_eq!(complete(&[key, secret]), Error::Missing(all[..1].to_vec()));
        for malformed in [(SUBDOMAIN, "a b"), (API_KEY, "a b"), (API_SECRET, "a b")] {
            assert!(matches!(complete(&[malformed]), Error::Malformed { .. }));
        }
        let roots = (CA_FILE, "/missing");
        assert!(matches!(complete(&[roots]), Error::Unreadable { .. }));
        let proxy = (PROXIES[0], "socks5://x");
        assert!(matches!(complete(&[name, proxy]), Error::Malformed { .. }));
    }

    fn complete(line: &str, variables: &[(&'static str, &str)]) -> Result<Settings, Error> {
        let given = [
            (SUBDOMAIN, "acme"),
            (API_KEY, "key-of-acme"),
            (API_SECRET, "s3cr3t"),
        ];
        found(line, &[&given, variables].concat(), "").complete(None)
    }

    #[test]
    fn a_proxy_is_taken_from_the_first_variable_unless_the_host_is_to_be_reached_directly() {
        let proxy = |variables: &[(&'static str, &str)]| {
            complete("", variables).map(|settings| {
                settings
                    .proxy
                    .map(|proxy| format!("{} from {}", proxy.value, proxy.origin))
            })
        };
        let values = ["a", "b", "c", "d"];
        for from in 0..4 {
            let mut variables = Vec::new();
            for (at, name) in PROXIES.into_iter().enumerate() {
                variables.push((name, if at < from { "" } else { values[at] }));
            }
            let (host, name) = (values[from], PROXIES[from]);
            let expected = format!("http://{host}:80 from {name} in the environment");
            assert_eq!(proxy(&variables), Ok(Some(expected)));
        }
        let socks = (PROXIES[0], "socks5://x");
        assert_eq!(proxy(&[]), Ok(None));
        assert!(matches!(
            proxy(&[socks]),
            Err(Error::Malformed { what: "proxy", .. })
        ));
        assert_eq!(proxy(&[socks, ("no_proxy", "outseta.com")]), Ok(None));
        assert_eq!(
            proxy(&[socks, ("no_proxy", ""), ("NO_PROXY", "*")]),
            Ok(None)
        );
        assert!(proxy(&[socks, ("no_proxy", "x"), ("NO_PROXY", "*")]).is_err());
        let local = [socks, (BASE_URL, "http://localhost:1")];
        assert_eq!(proxy(&local), Ok(None));
    }

    #[test]
    fn roots_are_those_of_the_option_or_of_the_variable() {
        let folder = TempDir::new().unwrap();
        let file = |name: &str| {
            let path = folder.path().join(name);
            fs::write(&path, name).unwrap();
            path.to_str().unwrap().to_owned()
        };
        let (option, variable) = (file("option"), file("variable"));
        let roots = |line: &str, variable: &str| {
            let roots = complete(line, &[(CA_FILE, variable)]).unwrap().roots;
            roots.map(|roots| String::from_utf8(roots.value).unwrap())
        };
        let option = format!("--cacert {option}");
        assert_eq!(roots(&option, &variable).as_deref(), Some("option"));
        assert_eq!(roots("", &variable).as_deref(), Some("variable"));
        assert_eq!(roots("", ""), None);
        let missing = complete("", &[(CA_FILE, "/missing")]).unwrap_err();
        assert!(matches!(missing, Error::Unreadable { .. }));
    }

    #[test]
    fn what_is_sent_is_whole_and_what_is_shown_is_not() {
        let settings = complete("", &[("https_proxy", "http://u:pw@p")]).unwrap();
        let credentials = &settings.credentials;
        assert_eq!(
            credentials.authorization().reveal(),
            "Outseta key-of-acme:s3cr3t"
        );
        assert_eq!(credentials.masked_authorization(), "Outseta key-…:[hidden]");
        assert_eq!(
            credentials.secrets().map(Secret::reveal),
            ["s3cr3t", "key-of-acme"]
        );
        assert_eq!(
            settings.describe(),
            [
                "base URL https://acme.outseta.com (OUTSETA_SUBDOMAIN in the environment)",
                "API key key-… (OUTSETA_API_KEY in the environment)",
                "API secret [hidden] (OUTSETA_API_SECRET in the environment)",
                "roots built in",
                "proxy http://p:80 (https_proxy in the environment)",
            ]
        );
        assert_eq!(masked_key(&Secret::new("12345678")), "[hidden]");
        assert_eq!(masked_key(&Secret::new("123456789")), "1234…");
    }

    #[test]
    fn a_wrong_option_is_found_without_looking_anywhere() {
        let status =
            |line: &str| check_options(&options(line)).map_err(|error| error.status().code());
        assert_eq!(status(""), Ok(()));
        assert_eq!(status("-s acme"), Ok(()));
        assert_eq!(status("-s a.b"), Err(64));
        assert_eq!(status("--base-url http://a.example"), Err(64));
    }
}
