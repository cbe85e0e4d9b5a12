//! The proxy setting. If it cannot be used, that is an error: the program does not connect directly instead.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;

use super::base_url::{host_and_port, ip_address};
use super::{BaseUrl, Environment, Found};
use crate::secret::Secret;

/// The first that is set counts.
const VARIABLES: [&str; 4] = ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];

pub(super) fn find(url: &BaseUrl, environment: &Environment) -> Found<Proxy> {
    let exceptions = environment.text("no_proxy").or_else(|| environment.text("NO_PROXY"));
    if exceptions.is_some_and(|exceptions| is_excluded(url, &exceptions.value)) || url.is_loopback() {
        return Ok(None);
    }
    let setting = VARIABLES.into_iter().find_map(|name| environment.text(name));
    let hint = "write http://host:port; no_proxy names hosts to reach directly";
    setting.map(|text| text.parse("proxy", hint, Proxy::parse)).transpose()
}

/// Entries are separated by commas or blanks. A name also stands for its subdomains.
fn is_excluded(url: &BaseUrl, no_proxy: &str) -> bool {
    let is_name = ip_address(&url.host).is_none();
    let host = url.host.trim_matches(['[', ']']);
    no_proxy.split([',', ' ', '\t', '\n', '\r']).any(|entry| {
        let name = entry.trim_start_matches('.').trim_matches(['[', ']']).to_ascii_lowercase();
        entry == "*" || name == host || is_name && host.ends_with(&format!(".{name}"))
    })
}

/// An HTTP proxy that understands CONNECT.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Proxy {
    /// Whether the connection to the proxy uses TLS.
    pub(crate) tls: bool,
    pub(crate) host: String,
    pub(crate) port: u16,
    /// User and password.
    pub(crate) credentials: Option<(String, Secret)>,
}

impl Proxy {
    /// Parses `[http[s]://][user[:password]@]host[:port]`. No error repeats it: it may contain a password.
    fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let (scheme, rest) = text.split_once("://").unwrap_or(("http", text));
        let (tls, default_port) = match scheme.to_ascii_lowercase().as_str() {
            "http" => (false, 80),
            "https" => (true, 443),
            scheme if scheme.starts_with("socks") => return Err("SOCKS proxies are not supported".to_owned()),
            _ => return Err("its scheme is neither http nor https".to_owned()),
        };
        let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        if path.contains('@') {
            return Err("in its user name and password, / ? and # must be percent-encoded".to_owned());
        }
        let (user_info, address) = authority.rsplit_once('@').unwrap_or(("", authority));
        let (host, port) = host_and_port(address)?;
        let credentials = (!user_info.is_empty()).then(|| credentials(user_info)).transpose()?;
        Ok(Self { tls, host, port: port.unwrap_or(default_port), credentials })
    }

    /// The password, and the login as it is sent (RFC 7617).
    pub(super) fn secrets(&self) -> Vec<Secret> {
        let Some((user, password)) = &self.credentials else { return Vec::new() };
        let login = STANDARD.encode(format!("{user}:{}", password.reveal()));
        vec![password.clone(), Secret::new(login)]
    }
}

impl fmt::Display for Proxy {
    /// Without user and password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "https" } else { "http" };
        write!(f, "{scheme}://{}:{}", self.host, self.port)
    }
}

fn credentials(user_info: &str) -> Result<(String, Secret), String> {
    let (user, password) = user_info.split_once(':').unwrap_or((user_info, ""));
    let decode = |text| match percent_decode_str(text).decode_utf8() {
        Ok(text) if !text.contains(char::is_control) => Ok(text.into_owned()),
        _ => Err("its user name or password is malformed".to_owned()),
    };
    Ok((decode(user)?, Secret::new(decode(password)?)))
}

#[cfg(test)]
mod tests;
