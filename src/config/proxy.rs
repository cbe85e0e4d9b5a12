//! Finds and parses the proxy setting. One that cannot be used is an error, never a direct connection.

use std::ffi::OsStr;
use std::fmt;

use percent_encoding::percent_decode_str;

use super::base_url::{host_and_port, is_address};
use super::{BaseUrl, Environment, Origin, Sourced};
use crate::error::Error;
use crate::secret::Secret;

/// The first that is set counts.
pub(super) const VARIABLES: [&str; 4] = ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];
pub(super) const EXCEPTIONS: [&str; 2] = ["no_proxy", "NO_PROXY"];

/// The proxy that requests to `url` go through.
pub(super) fn find(url: &BaseUrl, environment: &Environment) -> Result<Option<Sourced<Proxy>>, Error> {
    let Some(variable) = VARIABLES.into_iter().find(|name| environment.get(name).is_some()) else {
        return Ok(None);
    };
    let exceptions = EXCEPTIONS.iter().find_map(|name| environment.get(name)).unwrap_or_default();
    if !applies_to(url, &exceptions.to_string_lossy()) {
        return Ok(None);
    }
    let text = environment.get(variable).and_then(OsStr::to_str);
    let proxy = text.ok_or("it is not valid UTF-8".to_owned()).and_then(Proxy::parse);
    let hint = "write http://host:port; no_proxy names hosts to reach directly";
    Sourced::parsed(proxy, "proxy", Origin::Environment(variable), hint).map(Some)
}

/// An HTTP proxy that understands CONNECT.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Proxy {
    /// Whether the proxy itself is reached over TLS.
    pub(crate) tls: bool,
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) credentials: Option<(String, Secret)>,
}

impl Proxy {
    /// Parses `[http[s]://][user[:password]@]host[:port]`; the default port is the scheme's.
    ///
    /// # Errors
    /// What is wrong, without repeating any of the value: it may contain a password.
    fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let (scheme, rest) = text.split_once("://").unwrap_or(("http", text));
        let tls = match scheme.to_ascii_lowercase().as_str() {
            "http" => false,
            "https" => true,
            scheme if scheme.starts_with("socks") => {
                return Err("SOCKS proxies are not supported".to_owned());
            }
            _ => return Err("its scheme is neither http nor https".to_owned()),
        };
        let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        if path.contains('@') {
            return Err("in its user name and password, / ? and # must be percent-encoded".to_owned());
        }
        let (user_info, address) = match authority.rsplit_once('@') {
            Some((user_info, address)) => (Some(user_info), address),
            None => (None, authority),
        };
        let (host, port) = host_and_port(address)?;
        let credentials = user_info.map(credentials).transpose()?;
        Ok(Self { tls, host, port: port.unwrap_or(if tls { 443 } else { 80 }), credentials })
    }
}

impl fmt::Display for Proxy {
    /// Without user and password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "https" } else { "http" };
        write!(f, "{scheme}://{}:{}", self.host, self.port)
    }
}

/// The user and password, percent-decoded.
fn credentials(user_info: &str) -> Result<(String, Secret), String> {
    let (user, password) = user_info.split_once(':').unwrap_or((user_info, ""));
    let decode = |text: &str| match percent_decode_str(text).decode_utf8() {
        Ok(text) if !text.chars().any(char::is_control) => Ok(text.into_owned()),
        _ => Err("its user name or password is malformed".to_owned()),
    };
    Ok((decode(user)?, Secret::new(decode(password)?)))
}

/// Whether requests to `url` go through a proxy: loopback hosts and hosts named in `no_proxy` are reached
/// directly. Entries are separated by commas or blanks. A name also stands for its subdomains.
fn applies_to(url: &BaseUrl, no_proxy: &str) -> bool {
    let host = url.host().trim_matches(['[', ']']);
    let excluded = no_proxy.split([',', ' ', '\t', '\n', '\r']).any(|entry| {
        let entry = entry.trim_start_matches('.').trim_matches(['[', ']']).to_ascii_lowercase();
        let is_subdomain = || {
            let parent = host.strip_suffix(&entry).and_then(|rest| rest.strip_suffix('.'));
            parent.is_some() && !is_address(url.host())
        };
        entry == "*" || !entry.is_empty() && (entry == host || is_subdomain())
    });
    !url.is_loopback() && !excluded
}

#[cfg(test)]
mod tests;
