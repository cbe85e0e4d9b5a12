//! Finds each setting and its source: an option, the environment, an env file or a prompt.
//!
//! No secret is an option, since options show in the process list.

mod base_url;
mod credentials;
mod env_file;
mod file;
mod prompt;
mod proxy;
mod setting;

use std::collections::{BTreeSet, HashMap};
use std::env;
use std::ffi::{OsStr, OsString};
use std::path::Path;

pub(crate) use self::base_url::{BaseUrl, ip_address, names_account};
pub(crate) use self::credentials::Credentials;
use self::env_file::EnvFile;
use self::file::FileId;
pub(crate) use self::prompt::Prompt;
pub(crate) use self::proxy::Proxy;
use self::setting::Setting;
pub(crate) use self::setting::{Origin, Sourced};
use crate::cli::Options;
use crate::error::Error;
use crate::secret::Secret;

const BASE_URL: &str = "OUTSETA_BASE_URL";
const CA_FILE: &str = "SSL_CERT_FILE";
/// COMMAND must see none of them.
pub(crate) const CREDENTIAL_VARIABLES: [&str; 4] = [
    Setting::API_KEY.variable,
    Setting::API_KEY.other_source,
    Setting::API_SECRET.variable,
    Setting::API_SECRET.other_source,
];

/// Bytes: far more than a system's store of certificates.
const CA_LIMIT: u64 = 16 << 20;

#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) base: Sourced<BaseUrl>,
    pub(crate) credentials: Credentials,
    /// The text of a PEM file; `None`: the built-in roots.
    pub(crate) roots: Option<Sourced<Vec<u8>>>,
    pub(crate) proxy: Option<Sourced<Proxy>>,
    /// The env file and the files of key and secret that were read. COMMAND must not inherit any of them.
    pub(crate) credential_files: Vec<FileId>,
}

impl Settings {
    /// What a server's text must not repeat.
    pub(crate) fn secrets(&self) -> Vec<&Secret> {
        let proxy = self.proxy.as_ref().and_then(|proxy| proxy.value.credentials.as_ref());
        let password = proxy.map(|(_, password)| password);
        [&self.credentials.secret.value, &self.credentials.key.value].into_iter().chain(password).collect()
    }
}

/// Empty variables count as not set.
pub(crate) struct Environment(HashMap<OsString, OsString>);

impl Environment {
    pub(crate) fn of_process() -> Self {
        Self(env::vars_os().collect())
    }

    fn get(&self, name: &str) -> Option<&OsString> {
        self.0.get(OsStr::new(name)).filter(|value| !value.is_empty())
    }

    fn text(&self, name: &'static str) -> Option<Sourced<String>> {
        Some(Sourced::new(self.get(name)?.to_string_lossy().into_owned(), Origin::Environment(name)))
    }
}

/// A setting, if there is one. An error matters only if the setting is needed.
type Lookup<T> = Result<Option<Sourced<T>>, Error>;

/// The settings found so far.
pub(crate) struct Found {
    base: Lookup<BaseUrl>,
    key: Lookup<Secret>,
    secret: Lookup<Secret>,
    proxy: Lookup<Proxy>,
    roots: Lookup<Vec<u8>>,
    /// From later sources.
    unused_bases: Vec<Sourced<BaseUrl>>,
    /// What is in the env file and has no effect, each with a hint.
    pub(crate) warnings: Vec<[String; 2]>,
    /// Its path and the settings in it.
    pub(crate) env_file: Option<String>,
    env_file_id: Option<FileId>,
    environment: Environment,
}

impl Found {
    /// Fails only if the env file cannot be used.
    pub(crate) fn new(options: &Options, environment: Environment) -> Result<Self, Error> {
        let file = EnvFile::find(options.env_file.as_deref(), &environment)?;
        let mut warnings = file.unknown_names();
        let mut bases = Vec::from_iter(options.base.clone().map(Ok));
        bases.extend(environment.text(BASE_URL).map(base_url));
        bases.extend(environment.text(Setting::SUBDOMAIN.variable).map(subdomain));
        if let Some(url) = file.get(BASE_URL) {
            // A file in a checked-out repository must not be able to send CI's credentials elsewhere.
            if CREDENTIAL_VARIABLES.iter().all(|name| environment.get(name).is_none())
                && [Setting::API_KEY, Setting::API_SECRET].iter().all(|key| file.get(key.variable).is_some())
            {
                bases.push(base_url(url));
            } else if bases.is_empty() {
                let hint = "it is used only if the key and secret come from the same file; otherwise pass \
                     --base-url";
                warnings.push([format!("{} is not used", url.origin), hint.to_owned()]);
            }
        }
        bases.extend(file.get(Setting::SUBDOMAIN.variable).map(subdomain));
        let mut bases = bases.into_iter();
        let base = bases.next().transpose();
        let (mut proxy, mut unused_bases) = (Ok(None), Vec::new());
        if let Ok(Some(base)) = &base {
            proxy = proxy::find(&base.value, &environment);
            unused_bases = bases.flatten().filter(|other| other.value != base.value).collect();
        }
        Ok(Self {
            base,
            key: credentials::find(Setting::API_KEY, &environment, &file),
            secret: credentials::find(Setting::API_SECRET, &environment, &file),
            proxy,
            roots: roots(options, &environment),
            unused_bases,
            warnings,
            env_file: file.describe(),
            env_file_id: file.id,
            environment,
        })
    }

    /// Asks for what is missing. Stops at the first question without an answer.
    pub(crate) fn ask(&mut self, prompt: &Prompt) -> Result<(), Error> {
        // A fault ends the run, whatever is answered.
        let (Ok(base), Ok(key), Ok(secret), Ok(proxy), Ok(_)) =
            (&mut self.base, &mut self.key, &mut self.secret, &mut self.proxy, &self.roots)
        else {
            return Ok(());
        };
        if base.is_none() {
            *base = prompt.ask("Outseta subdomain: ", Prompt::line, subdomain)?;
            let Some(base) = base else { return Ok(()) };
            *proxy = proxy::find(&base.value, &self.environment)?;
        }
        for (setting, credential) in [(Setting::API_KEY, key), (Setting::API_SECRET, secret)] {
            if credential.is_none() {
                let question = format!("{} (not shown): ", setting.name);
                let check = |typed| credentials::check(setting, typed);
                *credential = prompt.ask(&question, Prompt::hidden_line, check)?;
                if credential.is_none() {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Fails with the first malformed setting, else with all that are missing.
    pub(crate) fn settings(self) -> Result<Settings, Error> {
        let (base, key, secret) = (self.base?, self.key?, self.secret?);
        let (proxy, roots) = (self.proxy?, self.roots?);
        let found = [base.is_some(), key.is_some(), secret.is_some()];
        let (Some(base), Some(key), Some(secret)) = (base, key, secret) else {
            let missing = Setting::ALL.into_iter().zip(found).filter(|(_, is_found)| !is_found);
            return Err(setting::missing(missing.map(|(setting, _)| setting)));
        };
        let credential_files = [self.env_file_id, key.file, secret.file].into_iter().flatten().collect();
        Ok(Settings { base, credentials: Credentials { key, secret }, roots, proxy, credential_files })
    }

    /// Each setting's name, and what may be shown of it.
    pub(crate) fn list(&self) -> Vec<(&'static str, Result<String, Error>)> {
        let missing = |setting: Setting| Err(setting.not_configured());
        let key = |key: &Sourced<Secret>| format!("{} ({})", credentials::masked(&key.value), key.origin);
        let secret = |secret: &Sourced<Secret>| format!("[hidden] ({})", secret.origin);
        let roots = |roots: &Sourced<_>| roots.origin.to_string();
        let mut list =
            vec![("base URL", shown(&self.base, ToString::to_string, missing(Setting::SUBDOMAIN)))];
        list.extend(self.unused_bases.iter().map(|base| ("unused base URL", Ok(base.to_string()))));
        list.extend([
            (Setting::API_KEY.name, shown(&self.key, key, missing(Setting::API_KEY))),
            (Setting::API_SECRET.name, shown(&self.secret, secret, missing(Setting::API_SECRET))),
            ("roots", shown(&self.roots, roots, Ok("built in".to_owned()))),
        ]);
        // Which proxy is used depends on the host.
        if let Ok(Some(_)) = self.base {
            list.push(("proxy", shown(&self.proxy, ToString::to_string, Ok("none".to_owned()))));
        }
        list
    }

    /// The account's host below outseta.com, if it is known.
    pub(crate) fn account_host(&self) -> Option<&str> {
        let host = &self.base.as_ref().ok()?.as_ref()?.value.host;
        names_account(host).then_some(host)
    }

    pub(crate) fn files_with_secrets(&self) -> BTreeSet<&Path> {
        let credentials = [&self.key, &self.secret].into_iter().flatten().flatten();
        credentials.filter_map(|credential| credential.origin.file()).collect()
    }
}

fn shown<T>(
    lookup: &Lookup<T>,
    show: impl Fn(&Sourced<T>) -> String,
    if_absent: Result<String, Error>,
) -> Result<String, Error> {
    lookup.as_ref().map_err(Clone::clone)?.as_ref().map_or(if_absent, |found| Ok(show(found)))
}

pub(crate) fn base_url(text: Sourced<String>) -> Result<Sourced<BaseUrl>, Error> {
    text.parse("base URL", "a base URL looks like https://auth.example.com", BaseUrl::parse)
}

pub(crate) fn subdomain(text: Sourced<String>) -> Result<Sourced<BaseUrl>, Error> {
    text.parse(Setting::SUBDOMAIN.name, Setting::SUBDOMAIN.hint, BaseUrl::from_subdomain)
}

fn roots(options: &Options, environment: &Environment) -> Lookup<Vec<u8>> {
    let option = options.cacert.as_deref().map(|path| (path, "--cacert"));
    let named = option.or_else(|| Some((Path::new(environment.get(CA_FILE)?), CA_FILE)));
    named.map(|(path, named_by)| file::read(path, named_by, "CA file", CA_LIMIT)).transpose()
}

#[cfg(test)]
mod tests;
