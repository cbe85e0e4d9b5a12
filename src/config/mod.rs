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
use std::path::{Path, PathBuf};

use rustls_pki_types::CertificateDer;

pub(crate) use self::base_url::{BaseUrl, ip_address, is_outseta_host};
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
/// What is wrong with a subdomain that is not shown, since it may be a key or a secret.
const LOOKS_LIKE_CREDENTIAL: &str =
    "it looks like an API key or secret: check which value is in which variable";

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
    /// Why the base URL in the env file is not used, if it only waits for the key or the secret.
    waiting_base: Option<Error>,
    /// What has no effect: an unusable env file, or something in it.
    pub(crate) warnings: Vec<Error>,
    /// For -v: the env file's path and the settings in it.
    pub(crate) env_file: Option<String>,
    sources: Sources,
}

impl PartialSettings {
    /// Fails only if the file that `--env-file` names cannot be used.
    pub(crate) fn find(given: &Given, environment: Environment) -> Result<Self, Error> {
        let sources = Sources::new(given.env_file.as_deref(), environment)?;
        let [key, secret] =
            [Setting::API_KEY, Setting::API_SECRET].map(|setting| sources.credential(setting));
        let (base, refused) = find_base(given, &sources, is_from_env_file(&key) && is_from_env_file(&secret));
        let is_waiting =
            [&key, &secret].iter().all(|found| matches!(found, Ok(None)) || is_from_env_file(found));
        let mut warnings = Vec::from_iter(refused.clone());
        match &sources.env_file {
            Ok(file) => warnings.extend(file.warnings(sources.is_named)),
            // A setting that was looked for in the file reports this error itself.
            Err(error) => {
                let reported = [base.as_ref().err(), key.as_ref().err(), secret.as_ref().err()];
                warnings.extend(Some(error).filter(|error| !reported.contains(&Some(error))).cloned());
            }
        }
        let mut settings = Self {
            proxy: find_proxy(&base, &sources.environment),
            base,
            key: credentials::check_found(Setting::API_KEY, key),
            secret: credentials::check_found(Setting::API_SECRET, secret),
            roots: roots::find(given.cacert.as_deref(), &sources.environment),
            waiting_base: refused.filter(|_| is_waiting),
            warnings,
            env_file: sources.env_file.as_ref().ok().and_then(EnvFile::describe),
            sources,
        };
        settings.refuse_credential_as_subdomain();
        Ok(settings)
    }

    /// A credential in the subdomain's variable must reach neither the log nor a name server.
    fn refuse_credential_as_subdomain(&mut self) {
        let Ok(Some(base)) = &self.base else { return };
        let is_base = |credential: &Sourced<Secret>| {
            BaseUrl::from_subdomain(credential.value.reveal()).is_ok_and(|url| url == base.value)
        };
        if [&self.key, &self.secret].into_iter().flatten().flatten().any(is_base) {
            let hint = Setting::SUBDOMAIN.hint;
            self.base = Err(base.origin.malformed(Setting::SUBDOMAIN.name, LOOKS_LIKE_CREDENTIAL, hint));
        }
    }

    /// Asks for what is missing. Stops at the first question without an answer.
    pub(crate) fn ask(&mut self, prompt: &Prompt) -> Result<(), Error> {
        let is_malformed = self.base.is_err() || self.key.is_err() || self.secret.is_err();
        if is_malformed || self.proxy.is_err() || self.roots.is_err() {
            // The run fails anyway.
            return Ok(());
        }
        if let Ok(None) = self.base {
            self.base = Ok(prompt.ask("Outseta subdomain: ", Prompt::line, parse_subdomain)?);
            self.proxy = find_proxy(&self.base, &self.sources.environment);
            if let Ok(None) = self.base {
                return Ok(());
            }
        }
        for (setting, credential) in
            [(Setting::API_KEY, &mut self.key), (Setting::API_SECRET, &mut self.secret)]
        {
            if let Ok(None) = credential {
                let question = format!("{} (not shown): ", setting.name);
                let check = |typed| credentials::check(setting, typed);
                *credential = Ok(prompt.ask(&question, Prompt::hidden_line, check)?);
                if let Ok(None) = credential {
                    break;
                }
            }
        }
        self.refuse_credential_as_subdomain();
        Ok(())
    }

    /// Fails with the first malformed setting, otherwise with all that are missing.
    pub(crate) fn complete(self) -> Result<Settings, Error> {
        let (base, key, secret, proxy, roots) =
            (self.base?, self.key?, self.secret?, self.proxy?, self.roots?);
        let is_missing = [base.is_none() && self.waiting_base.is_none(), key.is_none(), secret.is_none()];
        let (Some(base), Some(key), Some(secret)) = (base, key, secret) else {
            let missing = Setting::ALL.into_iter().zip(is_missing).filter(|(_, is_missing)| *is_missing);
            return Err(self.sources.missing(&missing.map(|(setting, _)| setting).collect::<Vec<_>>()));
        };
        let env_file = self.sources.env_file.ok().and_then(|file| file.id);
        let credential_files = [env_file, key.file, secret.file].into_iter().flatten().collect();
        Ok(Settings { base, credentials: Credentials { key, secret }, roots, proxy, credential_files })
    }

    /// Each setting's name, and what may be shown of it.
    pub(crate) fn list(&self) -> Vec<(&'static str, Result<String, Error>)> {
        let missing = |setting| Err(self.sources.missing(&[setting]));
        let no_base = self.waiting_base.clone().map_or_else(|| missing(Setting::SUBDOMAIN), Err);
        let key = |key: &Sourced<Secret>| format!("{} ({})", credentials::masked(&key.value), key.origin);
        let secret = |secret: &Sourced<Secret>| {
            format!("[hidden], {} characters ({})", secret.value.reveal().len(), secret.origin)
        };
        let roots = |roots: &Sourced<_>| roots.origin.to_string();
        let mut list = vec![
            ("base URL", shown(&self.base, ToString::to_string, no_base)),
            (Setting::API_KEY.name, shown(&self.key, key, missing(Setting::API_KEY))),
            (Setting::API_SECRET.name, shown(&self.secret, secret, missing(Setting::API_SECRET))),
            ("roots", shown(&self.roots, roots, Ok("built in".to_owned()))),
        ];
        // Without a base URL the proxy is not known: `no_proxy` depends on the host.
        if let Ok(Some(_)) = self.base {
            list.push(("proxy", shown(&self.proxy, ToString::to_string, Ok("none".to_owned()))));
        }
        list
    }

    /// The account's host below outseta.com, if it is known. Fails if the base URL is malformed.
    pub(crate) fn account_host(&self) -> Result<Option<&str>, Error> {
        let base = self.base.as_ref().map_err(Clone::clone)?.as_ref();
        Ok(base.map(|base| base.value.host.as_str()).filter(|host| is_outseta_host(host)))
    }

    pub(crate) fn files_with_secrets(&self) -> BTreeSet<&Path> {
        let credentials = [&self.key, &self.secret].into_iter().flatten().flatten();
        credentials.filter_map(|credential| credential.origin.file()).collect()
    }
}

fn shown<T>(
    found: &Found<T>,
    show: impl Fn(&Sourced<T>) -> String,
    if_absent: Result<String, Error>,
) -> Result<String, Error> {
    match found {
        Err(error) => Err(error.clone()),
        Ok(None) => if_absent,
        Ok(Some(setting)) => Ok(show(setting)),
    }
}

pub(crate) fn parse_base_url(text: Sourced<String>) -> Result<Sourced<BaseUrl>, Error> {
    text.parse("base URL", "a base URL looks like https://auth.example.com", BaseUrl::parse)
}

pub(crate) fn parse_subdomain(text: Sourced<String>) -> Result<Sourced<BaseUrl>, Error> {
    text.parse(Setting::SUBDOMAIN.name, Setting::SUBDOMAIN.hint, BaseUrl::from_subdomain)
}

/// The base URL, and why the env file's is not used. `env_file_counts`: the key and the secret come from there.
fn find_base(given: &Given, sources: &Sources, env_file_counts: bool) -> (Found<BaseUrl>, Option<Error>) {
    let mut refused = None;
    if given.base.is_some() {
        return (Ok(given.base.clone()), refused);
    }
    for source in sources.in_order() {
        let found = match source.text(BASE_URL) {
            // A file in a checked-out repository must not be able to send CI's credentials elsewhere.
            Ok(Some(url)) if matches!(source, Source::EnvFile(_)) && !env_file_counts => {
                let hint = "it is used only if the key and secret come from the same file; otherwise pass \
                     --base-url";
                refused = Some(Error::new(Kind::Config, format!("{} is not used", url.origin), hint));
                None
            }
            url => url.transpose().map(|url| parse_base_url(url?)),
        };
        let subdomain = || source.text(Setting::SUBDOMAIN.variable).transpose();
        if let Some(base) = found.or_else(|| subdomain().map(|name| parse_subdomain(name?))) {
            return (base.map(Some), refused);
        }
    }
    (Ok(None), refused)
}

fn is_from_env_file(credential: &Found<String>) -> bool {
    matches!(credential, Ok(Some(Sourced { origin: Origin::EnvFile(..), .. })))
}

fn find_proxy(base: &Found<BaseUrl>, environment: &Environment) -> Found<Proxy> {
    match base {
        Ok(Some(base)) => proxy::find(&base.value, environment),
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests;
