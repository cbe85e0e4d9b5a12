//! Finds each setting and its source: an option, the environment, an env file or a prompt.
//!
//! No secret is an option, since options show in the process list.

mod base_url;
mod credentials;
mod env_file;
mod prompt;
mod proxy;
mod read_file;
mod roots;
mod setting;
mod sources;

use std::collections::BTreeSet;
use std::mem;
use std::path::{Path, PathBuf};

use rustls_pki_types::CertificateDer;

pub(crate) use self::base_url::{BaseUrl, ip_address, names_account};
pub(crate) use self::credentials::Credentials;
use self::env_file::EnvFile;
pub(crate) use self::prompt::Prompt;
pub(crate) use self::proxy::Proxy;
use self::read_file::FileId;
use self::setting::Setting;
pub(crate) use self::setting::{Origin, Sourced};
pub(crate) use self::sources::Environment;
use self::sources::{Source, Sources};
use crate::error::{Error, Kind};
use crate::secret::Secret;

const BASE_URL: &str = "OUTSETA_BASE_URL";
/// For a subdomain. It is not shown, since it may be a key or a secret.
const CREDENTIAL: &str = "it looks like an API key or secret: check which value is in which variable";

/// COMMAND must see none of them.
pub(crate) const CREDENTIAL_VARIABLES: [&str; 4] = [
    Setting::API_KEY.variable,
    Setting::API_KEY.other_source,
    Setting::API_SECRET.variable,
    Setting::API_SECRET.other_source,
];

/// What the command line says of the settings.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Given {
    pub(crate) base: Option<Sourced<BaseUrl>>,
    pub(crate) env_file: Option<PathBuf>,
    pub(crate) cacert: Option<PathBuf>,
}

#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) base: Sourced<BaseUrl>,
    pub(crate) credentials: Credentials,
    /// `None`: the built-in roots.
    pub(crate) roots: Option<Sourced<Vec<CertificateDer<'static>>>>,
    pub(crate) proxy: Option<Sourced<Proxy>>,
    /// The env file and the files of key and secret that were read. COMMAND must not inherit any of them.
    pub(crate) credential_files: Vec<FileId>,
}

impl Settings {
    /// What no text of a server may repeat.
    pub(crate) fn secrets(&self) -> Vec<Secret> {
        let mut secrets = vec![self.credentials.secret.value.clone(), self.credentials.key.value.clone()];
        secrets.extend(self.proxy.iter().flat_map(|proxy| proxy.value.secrets()));
        secrets
    }
}

/// A setting that was found, was not found, or is malformed. The error matters only if the setting is used.
type Found<T> = Result<Option<Sourced<T>>, Error>;

/// The settings found so far: some may be missing or malformed.
pub(crate) struct PartialSettings {
    base: Found<BaseUrl>,
    key: Found<Secret>,
    secret: Found<Secret>,
    proxy: Found<Proxy>,
    roots: Found<Vec<CertificateDer<'static>>>,
    /// From later sources.
    unused_bases: Vec<Sourced<BaseUrl>>,
    /// The error about a base URL in the env file, which only waits for a key or secret in that file.
    waiting_base: Option<Error>,
    /// What has no effect: an unusable env file, or something in it.
    pub(crate) warnings: Vec<Error>,
    /// Its path and the settings in it.
    pub(crate) env_file: Option<String>,
    sources: Sources,
}

impl PartialSettings {
    /// Fails only if the file that `--env-file` names cannot be used.
    pub(crate) fn find(given: &Given, environment: Environment) -> Result<Self, Error> {
        let sources = Sources::new(given.env_file.as_deref(), environment)?;
        let credentials = [Setting::API_KEY, Setting::API_SECRET].map(|setting| sources.credential(setting));
        let env_file_counts = credentials.iter().all(is_from_env_file);
        let (bases, refused) = bases(given.base.clone(), &sources, env_file_counts);
        let could_count = |credential| matches!(credential, &Ok(None)) || is_from_env_file(credential);
        let waiting_base = refused.clone().filter(|_| credentials.iter().all(could_count));
        let env_file = sources.env_file.as_ref();
        let mut warnings = env_file.map_or_else(|_| Vec::new(), |file| file.warnings(sources.is_named));
        warnings.extend(refused);
        let mut bases = bases.into_iter();
        let base = bases.next().transpose();
        let (mut proxy, mut unused_bases) = (Ok(None), Vec::new());
        if let Ok(Some(base)) = &base {
            proxy = proxy::find(&base.value, &sources.environment);
            unused_bases = bases.flatten().filter(|other| other.value != base.value).collect();
        }
        let check = |setting, text: Found<String>| {
            text.and_then(|text| text.map(|text| credentials::check(setting, text)).transpose())
        };
        let [key, secret] = credentials;
        let mut found = Self {
            base,
            key: check(Setting::API_KEY, key),
            secret: check(Setting::API_SECRET, secret),
            proxy,
            roots: roots::find(given.cacert.as_deref(), &sources.environment),
            unused_bases,
            waiting_base,
            warnings,
            env_file: env_file.ok().and_then(EnvFile::describe),
            sources,
        };
        found.refuse_credential_as_subdomain();
        found.warn_of_unusable_env_file();
        Ok(found)
    }

    /// A credential in the subdomain's variable must reach neither the log nor a name server.
    fn refuse_credential_as_subdomain(&mut self) {
        let credentials = [&self.key, &self.secret].into_iter().flatten().flatten();
        let as_subdomain =
            |credential: &Sourced<Secret>| BaseUrl::from_subdomain(credential.value.reveal()).ok();
        let refused: Vec<BaseUrl> = credentials.filter_map(as_subdomain).collect();
        let is_credential = |base: &Sourced<BaseUrl>| refused.contains(&base.value);
        self.unused_bases.retain(|base| !is_credential(base));
        self.base = match mem::replace(&mut self.base, Ok(None)) {
            Ok(Some(base)) if is_credential(&base) => {
                Err(base.origin.malformed(Setting::SUBDOMAIN.name, CREDENTIAL, Setting::SUBDOMAIN.hint))
            }
            base => base,
        };
    }

    /// Its error is a setting's error only if it was asked for a setting.
    fn warn_of_unusable_env_file(&mut self) {
        let Err(error) = &self.sources.env_file else { return };
        let errors = [self.base.as_ref().err(), self.key.as_ref().err(), self.secret.as_ref().err()];
        if !errors.contains(&Some(error)) {
            self.warnings.push(error.clone());
        }
    }

    /// Asks for what is missing. Stops at the first question without an answer.
    pub(crate) fn ask(&mut self, prompt: &Prompt) -> Result<(), Error> {
        // If a setting is malformed, the run fails anyway.
        let (Ok(base), Ok(key), Ok(secret), Ok(proxy), Ok(_)) =
            (&mut self.base, &mut self.key, &mut self.secret, &mut self.proxy, &self.roots)
        else {
            return Ok(());
        };
        if base.is_none() {
            *base = prompt.ask("Outseta subdomain: ", Prompt::line, parse_subdomain)?;
            let Some(base) = base else { return Ok(()) };
            *proxy = proxy::find(&base.value, &self.sources.environment)?;
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
        self.refuse_credential_as_subdomain();
        Ok(())
    }

    /// Fails with the first malformed setting, else with all that are missing.
    pub(crate) fn complete(self) -> Result<Settings, Error> {
        let (base, key, secret) = (self.base?, self.key?, self.secret?);
        let (proxy, roots) = (self.proxy?, self.roots?);
        let found = [base.is_some() || self.waiting_base.is_some(), key.is_some(), secret.is_some()];
        let (Some(base), Some(key), Some(secret)) = (base, key, secret) else {
            let missing = Setting::ALL.into_iter().zip(found).filter(|(_, is_found)| !is_found);
            return Err(self.sources.missing(&missing.map(|(setting, _)| setting).collect::<Vec<_>>()));
        };
        let env_file = self.sources.env_file.ok().and_then(|file| file.id);
        let credential_files = [env_file, key.file, secret.file].into_iter().flatten().collect();
        Ok(Settings { base, credentials: Credentials { key, secret }, roots, proxy, credential_files })
    }

    /// Each setting's name, and what may be shown of it.
    pub(crate) fn list(&self) -> Vec<(&'static str, Result<String, Error>)> {
        let missing = |setting: Setting| Err(self.sources.missing(&[setting]));
        let no_base = self.waiting_base.clone().map_or_else(|| missing(Setting::SUBDOMAIN), Err);
        let key = |key: &Sourced<Secret>| format!("{} ({})", credentials::masked(&key.value), key.origin);
        let length = |secret: &Sourced<Secret>| secret.value.reveal().len();
        let secret =
            |secret: &Sourced<Secret>| format!("[hidden], {} characters ({})", length(secret), secret.origin);
        let roots = |roots: &Sourced<_>| roots.origin.to_string();
        let mut list = vec![("base URL", shown(&self.base, ToString::to_string, no_base))];
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

    /// The account's host below outseta.com, if it is known. Fails if the base URL is malformed.
    pub(crate) fn account_host(&self) -> Result<Option<&str>, Error> {
        let base = self.base.as_ref().map_err(Clone::clone)?.as_ref();
        Ok(base.map(|base| base.value.host.as_str()).filter(|host| names_account(host)))
    }

    pub(crate) fn files_with_secrets(&self) -> BTreeSet<&Path> {
        let credentials = [&self.key, &self.secret].into_iter().flatten().flatten();
        credentials.filter_map(|credential| credential.origin.file()).collect()
    }
}

fn shown<T>(
    lookup: &Found<T>,
    show: impl Fn(&Sourced<T>) -> String,
    if_absent: Result<String, Error>,
) -> Result<String, Error> {
    lookup.as_ref().map_err(Clone::clone)?.as_ref().map_or(if_absent, |found| Ok(show(found)))
}

pub(crate) fn parse_base_url(text: Sourced<String>) -> Result<Sourced<BaseUrl>, Error> {
    text.parse("base URL", "a base URL looks like https://auth.example.com", BaseUrl::parse)
}

pub(crate) fn parse_subdomain(text: Sourced<String>) -> Result<Sourced<BaseUrl>, Error> {
    text.parse(Setting::SUBDOMAIN.name, Setting::SUBDOMAIN.hint, BaseUrl::from_subdomain)
}

/// The base URLs in the order of their sources, and the error for one that does not count but would come
/// first. `env_file_counts`: whether key and secret come from the env file.
fn bases(
    option: Option<Sourced<BaseUrl>>,
    sources: &Sources,
    env_file_counts: bool,
) -> (Vec<Result<Sourced<BaseUrl>, Error>>, Option<Error>) {
    let (mut bases, mut refused) = (Vec::from_iter(option.map(Ok)), None);
    for source in sources.in_order() {
        match source.text(BASE_URL) {
            // A file in a checked-out repository must not be able to send CI's credentials elsewhere.
            Ok(Some(url)) if matches!(source, Source::EnvFile(_)) && !env_file_counts => {
                let hint = "it is used only if the key and secret come from the same file; otherwise pass \
                     --base-url";
                let error = || Error::new(Kind::Config, format!("{} is not used", url.origin), hint);
                refused = bases.is_empty().then(error);
            }
            url => bases.extend(url.transpose().map(|url| parse_base_url(url?))),
        }
        let name = source.text(Setting::SUBDOMAIN.variable);
        bases.extend(name.transpose().map(|name| parse_subdomain(name?)));
    }
    (bases, refused)
}

fn is_from_env_file(credential: &Found<String>) -> bool {
    matches!(credential, Ok(Some(Sourced { origin: Origin::EnvFile(..), .. })))
}

#[cfg(test)]
mod tests;
