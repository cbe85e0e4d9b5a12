//! Finds each setting and its source: in the options, in the environment, in an env file, and by asking at
//! the terminal. It does not know HTTP.
//!
//! No secret is ever an option, since options show in the process list, and no message shows the value of a
//! setting.

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

pub(crate) use self::base_url::{BaseUrl, is_address, names_account};
pub(crate) use self::credentials::Credentials;
use self::credentials::masked_key;
use self::env_file::EnvFile;
pub(crate) use self::prompt::Prompt;
pub(crate) use self::proxy::Proxy;
use self::setting::Setting;
pub(crate) use self::setting::{Origin, Sourced};
use crate::cli::Options;
use crate::error::Error;
use crate::secret::Secret;

const BASE_URL: &str = "OUTSETA_BASE_URL";
const SUBDOMAIN: &str = "OUTSETA_SUBDOMAIN";
const API_KEY: &str = "OUTSETA_API_KEY";
const API_KEY_FILE: &str = "OUTSETA_API_KEY_FILE";
const API_SECRET: &str = "OUTSETA_API_SECRET";
const API_SECRET_FILE: &str = "OUTSETA_API_SECRET_FILE";
/// Every variable that leads to a credential. COMMAND must see none of them.
pub(crate) const CREDENTIAL_VARIABLES: [&str; 4] = [API_KEY, API_KEY_FILE, API_SECRET, API_SECRET_FILE];
const CA_FILE: &str = "SSL_CERT_FILE";

/// In bytes: a system's whole store of certificates has some hundred kilobytes.
const CA_LIMIT: u64 = 16 << 20;

/// Everything that a request needs.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) base: Sourced<BaseUrl>,
    pub(crate) credentials: Credentials,
    /// The text of a PEM file; `None`: the built-in roots.
    pub(crate) roots: Option<Sourced<Vec<u8>>>,
    pub(crate) proxy: Option<Sourced<Proxy>>,
}

/// The process's environment. Empty variables count as not set.
pub(crate) struct Environment(HashMap<OsString, OsString>);

impl Environment {
    pub(crate) fn of_process() -> Self {
        Self(env::vars_os().collect())
    }

    fn get(&self, name: &str) -> Option<&OsStr> {
        self.0.get(OsStr::new(name)).map(OsString::as_os_str).filter(|value| !value.is_empty())
    }

    fn text(&self, name: &'static str, what: &'static str) -> Option<Result<Sourced<String>, Error>> {
        Some(setting::utf8(self.get(name)?, what, Origin::Environment(name)))
    }
}

/// What was found without asking. A setting that cannot be used matters only where it is needed.
pub(crate) struct Found {
    pub(crate) base: Option<Sourced<BaseUrl>>,
    key: Option<Sourced<Secret>>,
    secret: Option<Sourced<Secret>>,
    roots: Option<Sourced<Vec<u8>>>,
    proxy: Option<Sourced<Proxy>>,
    /// Why settings cannot be used, by name. A request fails with the first.
    faults: Vec<(&'static str, Error)>,
    /// Other base URLs, which `base` takes precedence over.
    unused_bases: Vec<Sourced<BaseUrl>>,
    /// What is in the env file and has no effect, each with a hint.
    pub(crate) warnings: Vec<[String; 2]>,
    /// The env file that was read and the names of the settings in it.
    pub(crate) env_file: Option<String>,
    environment: Environment,
}

impl Found {
    /// # Errors
    /// The env file as a whole cannot be used.
    pub(crate) fn new(options: &Options, environment: Environment) -> Result<Self, Error> {
        let file = EnvFile::find(options.env_file.as_deref(), &environment)?;
        let mut warnings = file.unknown_names();
        let mut bases: Vec<_> = options.base.clone().map(Ok).into_iter().collect();
        bases.extend(environment.text(BASE_URL, "base URL").map(|url| url.and_then(base_url)));
        bases.extend(environment.text(SUBDOMAIN, "subdomain").map(|name| name.and_then(subdomain)));
        if let Some(url) = file.get(BASE_URL) {
            // A file in a checked-out repository must not be able to send CI's credentials elsewhere.
            if CREDENTIAL_VARIABLES.iter().all(|name| environment.get(name).is_none())
                && [API_KEY, API_SECRET].iter().all(|name| file.get(name).is_some())
            {
                bases.push(base_url(url));
            } else if bases.is_empty() {
                let hint =
                    "it is used only if the key and secret are in the same file; otherwise pass --base-url";
                warnings.push([format!("{} is not used", url.origin), hint.to_owned()]);
            }
        }
        bases.extend(file.get(SUBDOMAIN).map(subdomain));

        let mut faults = Vec::new();
        let mut bases = bases.into_iter();
        let base = usable("base URL", bases.next().transpose(), &mut faults);
        let mut unused_bases: Vec<_> = bases.filter_map(Result::ok).collect();
        unused_bases.retain(|other| base.as_ref().is_some_and(|base| base.value != other.value));
        let key = credentials::find(Setting::API_KEY, [API_KEY, API_KEY_FILE], &environment, &file);
        let secret =
            credentials::find(Setting::API_SECRET, [API_SECRET, API_SECRET_FILE], &environment, &file);
        let proxy = base.as_ref().map_or(Ok(None), |base| proxy::find(&base.value, &environment));
        Ok(Self {
            base,
            key: usable(Setting::API_KEY.name, key, &mut faults),
            secret: usable(Setting::API_SECRET.name, secret, &mut faults),
            proxy: usable("proxy", proxy, &mut faults),
            roots: usable("roots", roots(options, &environment), &mut faults),
            faults,
            unused_bases,
            warnings,
            env_file: file.describe(),
            environment,
        })
    }

    /// Asks for what is missing, until a question is not answered.
    pub(crate) fn ask(&mut self, prompt: &Prompt) -> Result<(), Error> {
        // A fault ends the run, whatever is answered.
        if !self.faults.is_empty() {
            return Ok(());
        }
        if self.base.is_none() {
            let parse = |name| subdomain(Sourced::new(name, Origin::Prompt));
            let Some(answer) = prompt.answer("Outseta subdomain: ", parse) else { return Ok(()) };
            let base = self.base.insert(answer?);
            self.proxy = proxy::find(&base.value, &self.environment)?;
        }
        for (setting, credential) in
            [(Setting::API_KEY, &mut self.key), (Setting::API_SECRET, &mut self.secret)]
        {
            if credential.is_none() {
                let question = format!("{} (not shown): ", setting.name);
                let parse = |typed| credentials::check(setting, Sourced::new(typed, Origin::Prompt));
                let Some(answer) = prompt.hidden_answer(&question, parse) else { return Ok(()) };
                *credential = Some(answer?);
            }
        }
        Ok(())
    }

    /// # Errors
    /// The first fault, else every missing setting at once.
    pub(crate) fn settings(self) -> Result<Settings, Error> {
        if let Some((_, fault)) = self.faults.into_iter().next() {
            return Err(fault);
        }
        let found = [self.base.is_some(), self.key.is_some(), self.secret.is_some()];
        let (Some(base), Some(key), Some(secret)) = (self.base, self.key, self.secret) else {
            let missing = Setting::ALL.into_iter().zip(found).filter(|(_, is_found)| !is_found);
            return Err(setting::missing(missing.map(|(setting, _)| setting)));
        };
        let credentials = Credentials { key, secret };
        Ok(Settings { base, credentials, roots: self.roots, proxy: self.proxy })
    }

    /// Each setting by name: value and source, with nothing secret, or why it cannot be used.
    pub(crate) fn list(&self) -> Vec<(&'static str, Result<String, Error>)> {
        let base = self.base.as_ref().map(ToString::to_string);
        let key = self.key.as_ref().map(|key| format!("{} ({})", masked_key(&key.value), key.origin));
        let secret = self.secret.as_ref().map(|secret| format!("[hidden] ({})", secret.origin));
        let roots = self.roots.as_ref().map_or("built in".to_owned(), |roots| roots.origin.to_string());
        let proxy = self.proxy.as_ref().map_or("none".to_owned(), ToString::to_string);
        let mut list = vec![("base URL", base.ok_or_else(|| Setting::SUBDOMAIN.not_configured()))];
        list.extend(self.unused_bases.iter().map(|base| ("unused base URL", Ok(base.to_string()))));
        list.push((Setting::API_KEY.name, key.ok_or_else(|| Setting::API_KEY.not_configured())));
        list.push((Setting::API_SECRET.name, secret.ok_or_else(|| Setting::API_SECRET.not_configured())));
        list.push(("roots", Ok(roots)));
        // Which proxy is used depends on the host.
        list.extend(self.base.is_some().then_some(("proxy", Ok(proxy))));
        for (name, fault) in &self.faults {
            for (_, value) in list.iter_mut().filter(|(listed, _)| listed == name) {
                *value = Err(fault.clone());
            }
        }
        list
    }

    /// The files that the key or the secret is in.
    pub(crate) fn files_with_secrets(&self) -> BTreeSet<&Path> {
        let credentials = [&self.key, &self.secret].into_iter().flatten();
        credentials.filter_map(|credential| credential.origin.file()).collect()
    }
}

/// A setting that can be used; a fault is noted under its name.
fn usable<T>(
    name: &'static str,
    found: Result<Option<T>, Error>,
    faults: &mut Vec<(&'static str, Error)>,
) -> Option<T> {
    found.unwrap_or_else(|fault| {
        faults.push((name, fault));
        None
    })
}

pub(crate) fn base_url(text: Sourced<String>) -> Result<Sourced<BaseUrl>, Error> {
    let hint = "a base URL looks like https://auth.example.com";
    Sourced::parsed(BaseUrl::parse(&text.value), "base URL", text.origin, hint)
}

/// The base URL of the account with this subdomain.
///
pub(crate) fn subdomain(text: Sourced<String>) -> Result<Sourced<BaseUrl>, Error> {
    let hint = "it is acme for https://acme.outseta.com; --base-url names another host";
    Sourced::parsed(BaseUrl::from_subdomain(&text.value), "subdomain", text.origin, hint)
}

/// The text of the file of certificates.
fn roots(options: &Options, environment: &Environment) -> Result<Option<Sourced<Vec<u8>>>, Error> {
    let option = options.cacert.as_deref().map(|path| (path, "--cacert"));
    let named = option.or_else(|| Some((Path::new(environment.get(CA_FILE)?), CA_FILE)));
    named.map(|(path, named_by)| file::read(path, named_by, "CA file", CA_LIMIT)).transpose()
}

#[cfg(test)]
mod tests;
