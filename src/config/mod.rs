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
pub(crate) use self::prompt::Prompt;
pub(crate) use self::proxy::Proxy;
use self::read_file::FileId;
use self::setting::Setting;
pub(crate) use self::setting::{Origin, Sourced};
pub(crate) use self::sources::Environment;
use self::sources::{Source, Sources};
use crate::error::{Error, Kind};
use crate::secret::Secret;

/// What is wrong with a subdomain that is not shown, since it may be a key or a secret.
const LOOKS_LIKE_CREDENTIAL: &str =
    "it looks like an API key or secret: check which value is in which variable";

/// What COMMAND's environment must not have.
pub(crate) fn credential_variables() -> impl Iterator<Item = &'static str> {
    let credentials = [Setting::API_KEY, Setting::API_SECRET].into_iter();
    credentials.flat_map(|setting| [Some(setting.variable), setting.file_variable]).flatten()
}

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

/// What may be shown of a setting, or why it cannot be used.
type Shown = Result<String, Error>;

/// The settings found so far: some may be missing or malformed.
pub(crate) struct PartialSettings {
    base: Found<BaseUrl>,
    /// Why the base URL in the env file is not used, unless another comes before it.
    unused_base: Option<Error>,
    key: Found<Secret>,
    secret: Found<Secret>,
    roots: Found<Vec<CertificateDer<'static>>>,
    sources: Sources,
}

impl PartialSettings {
    /// Fails only if the file that `--env-file` names cannot be used.
    pub(crate) fn find(given: &Given, environment: Environment) -> Result<Self, Error> {
        let sources = Sources::new(given.env_file.as_deref(), environment)?;
        let credentials = [Setting::API_KEY, Setting::API_SECRET].map(|setting| sources.first(setting));
        let is_from_env_file = |found: &_| matches!(found, Some(Ok(text)) if Sourced::is_from_env_file(text));
        let env_file_counts = credentials.iter().all(is_from_env_file);
        let [key, secret] = credentials;
        let (base, unused_base) = match &given.base {
            Some(base) => (Ok(Some(base.clone())), None),
            None => find_base(&sources, env_file_counts),
        };
        let mut settings = Self {
            base,
            unused_base,
            key: key.map(|key| credentials::check(Setting::API_KEY, key?)).transpose(),
            secret: secret.map(|secret| credentials::check(Setting::API_SECRET, secret?)).transpose(),
            roots: roots::find(given.cacert.as_deref(), &sources.environment),
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
        if self.credentials().any(is_base) {
            let Setting { name, hint, .. } = Setting::SUBDOMAIN;
            self.base = Err(base.origin.malformed(name, LOOKS_LIKE_CREDENTIAL, hint));
        }
    }

    /// The key and the secret, as far as they were found.
    fn credentials(&self) -> impl Iterator<Item = &Sourced<Secret>> {
        [&self.key, &self.secret].into_iter().flatten().flatten()
    }

    /// The proxy depends on the host, so it is not known without a base URL.
    fn proxy(&self) -> Found<Proxy> {
        match &self.base {
            Ok(Some(base)) => proxy::find(&base.value, &self.sources.environment),
            _ => Ok(None),
        }
    }

    /// What has no effect: an unusable env file, or something in it.
    pub(crate) fn warnings(&self) -> Vec<Error> {
        let mut warnings = match &self.sources.env_file {
            Ok(file) => file.warnings(self.sources.is_named),
            Err(error) => vec![error.clone()],
        };
        // A setting that is missing without the file has the file's error.
        let errors = [self.base.as_ref().err(), self.key.as_ref().err(), self.secret.as_ref().err()];
        warnings.retain(|warning| !errors.contains(&Some(warning)));
        warnings.extend(self.unused_base.clone());
        warnings
    }

    /// Asks for what is missing. Stops at the first question without a valid answer, and asks nothing if a
    /// setting is malformed: the run fails anyway.
    pub(crate) fn ask(&mut self, prompt: &Prompt) {
        if self.base.is_err() || self.key.is_err() || self.secret.is_err() || self.roots.is_err() {
            return;
        }
        if let Ok(None) = self.base {
            self.base = prompt.ask("Outseta subdomain: ", Prompt::line, parse_subdomain);
        }
        if !matches!(self.base, Ok(Some(_))) || self.proxy().is_err() {
            return;
        }
        for (setting, credential) in
            [(Setting::API_KEY, &mut self.key), (Setting::API_SECRET, &mut self.secret)]
        {
            if let Ok(None) = credential {
                let question = format!("{} (not shown): ", setting.name);
                let check = |typed| credentials::check(setting, typed);
                *credential = prompt.ask(&question, Prompt::hidden_line, check);
            }
            if !matches!(credential, Ok(Some(_))) {
                break;
            }
        }
        self.refuse_credential_as_subdomain();
    }

    /// Fails with the first malformed setting, otherwise with all that are missing.
    pub(crate) fn complete(self) -> Result<Settings, Error> {
        let proxy = self.proxy();
        let (base, key, secret, proxy, roots) = (self.base?, self.key?, self.secret?, proxy?, self.roots?);
        // The base URL in the env file may be waiting for a credential there.
        let can_wait = |credential: &Option<_>| credential.as_ref().is_none_or(Sourced::is_from_env_file);
        let is_waiting = self.unused_base.is_some() && can_wait(&key) && can_wait(&secret);
        let is_missing = [base.is_none() && !is_waiting, key.is_none(), secret.is_none()];
        let (Some(base), Some(key), Some(secret)) = (base, key, secret) else {
            let required = [Setting::SUBDOMAIN, Setting::API_KEY, Setting::API_SECRET];
            let missing = required.into_iter().zip(is_missing).filter(|(_, is_missing)| *is_missing);
            return Err(self.sources.missing(&missing.map(|(setting, _)| setting).collect::<Vec<_>>()));
        };
        let env_file = self.sources.env_file.ok().and_then(|file| file.id);
        let credential_files = [env_file, key.file, secret.file].into_iter().flatten().collect();
        Ok(Settings { base, credentials: Credentials { key, secret }, roots, proxy, credential_files })
    }

    /// Each setting's name, and its value and source.
    pub(crate) fn list(&self) -> Vec<(&'static str, Shown)> {
        let missing = |setting| Err(self.sources.missing(&[setting]));
        let no_base = self.unused_base.clone().map_or_else(|| missing(Setting::SUBDOMAIN), Err);
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
            list.push(("proxy", shown(&self.proxy(), ToString::to_string, Ok("none".to_owned()))));
        }
        list
    }

    /// The account's host below outseta.com, if it is known. Fails if the base URL is malformed, but not if
    /// only the user's own env file could name it and cannot be used.
    pub(crate) fn account_host(&self) -> Result<Option<&str>, Error> {
        match &self.base {
            Ok(base) => Ok(base.as_ref().map(|base| &*base.value.host).filter(|host| is_outseta_host(host))),
            Err(error) if self.sources.env_file.as_ref().err() == Some(error) => Ok(None),
            Err(error) => Err(error.clone()),
        }
    }

    pub(crate) fn files_with_secrets(&self) -> BTreeSet<&Path> {
        self.credentials().filter_map(|credential| credential.origin.file()).collect()
    }
}

fn shown<T>(found: &Found<T>, show: impl Fn(&Sourced<T>) -> String, if_absent: Shown) -> Shown {
    match found {
        Err(error) => Err(error.clone()),
        Ok(None) => if_absent,
        Ok(Some(setting)) => Ok(show(setting)),
    }
}

pub(crate) fn parse_base_url(text: Sourced<String>) -> Result<Sourced<BaseUrl>, Error> {
    text.parse(Setting::BASE_URL.name, Setting::BASE_URL.hint, BaseUrl::parse)
}

pub(crate) fn parse_subdomain(text: Sourced<String>) -> Result<Sourced<BaseUrl>, Error> {
    text.parse(Setting::SUBDOMAIN.name, Setting::SUBDOMAIN.hint, BaseUrl::from_subdomain)
}

/// The base URL, and why the env file's is not used. `env_file_counts`: key and secret come from there too.
fn find_base(sources: &Sources, env_file_counts: bool) -> (Found<BaseUrl>, Option<Error>) {
    let mut unused = None;
    for source in sources.in_order() {
        match sources.get(source, Setting::BASE_URL) {
            None => {}
            // A file in a checked-out repository must not be able to send CI's credentials elsewhere.
            Some(Ok(url)) if source == Source::EnvFile && !env_file_counts => {
                let hint = "it is used only if the key and secret come from the same file; otherwise pass \
                     --base-url";
                unused = Some(Error::new(Kind::Config, format!("{} is not used", url.origin), hint));
            }
            Some(url) => return (url.and_then(parse_base_url).map(Some), unused),
        }
        if let Some(name) = sources.get(source, Setting::SUBDOMAIN) {
            return (name.and_then(parse_subdomain).map(Some), unused);
        }
    }
    (Ok(None), unused)
}

#[cfg(test)]
mod tests;
