//! Which proxy a host is reached through: what the variables that curl reads say, and what `no_proxy` takes out. Pure:
//! the environment is handed in. A setting that cannot be used is an error, never a direct connection.

use std::fmt;
use std::net::IpAddr;

use percent_encoding::percent_decode_str;

use super::base_url::{BaseUrl, host_and_port};
use crate::secret::Secret;

/// An HTTP proxy that is asked to CONNECT.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Proxy {
    /// Whether it is spoken to over TLS.
    pub(crate) tls: bool,
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) credentials: Option<(String, Secret)>,
}

impl Proxy {
    /// Takes `[http[s]://][user[:password]@]host[:port]`; without a port it is the scheme's.
    ///
    /// # Errors
    /// What is wrong with it, in words that repeat nothing of it: it may hold a password.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
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
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
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

/// Percent-decoded user and password.
fn credentials(user_info: &str) -> Result<(String, Secret), String> {
    let (user, password) = user_info.split_once(':').unwrap_or((user_info, ""));
    let decode = |text: &str| match percent_decode_str(text).decode_utf8() {
        Ok(text) if !text.chars().any(char::is_control) => Ok(text.into_owned()),
        _ => Err("its user name or password is malformed".to_owned()),
    };
    Ok((decode(user)?, Secret::new(decode(password)?)))
}

/// Whether a URL's host goes through a proxy at all: not a loopback one, nor one that `no_proxy` names. Entries are
/// separated by commas or blanks; a name stands for its subdomains too, a network (`10.0.0.0/8`) for its addresses.
pub(crate) fn is_for(url: &BaseUrl, no_proxy: &str) -> bool {
    let entries = no_proxy.split([',', ' ', '\t', '\n', '\r']).filter(|entry| !entry.is_empty());
    !url.is_loopback() && !entries.into_iter().any(|entry| matches(entry, url.host()))
}

fn matches(entry: &str, host: &str) -> bool {
    if entry == "*" {
        return true;
    }
    let host = host.trim_start_matches('[').trim_end_matches(']');
    if let Ok(address) = host.parse() {
        return network_holds(entry, address);
    }
    let entry = entry.trim_start_matches('.').to_ascii_lowercase();
    !entry.is_empty()
        && host.strip_suffix(entry.as_str()).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// Whether `address` is the entry's address or lies in its network (CIDR, RFC 4632 section 3.1).
fn network_holds(entry: &str, address: IpAddr) -> bool {
    let (network, length) =
        entry.split_once('/').map_or((entry, None), |(network, length)| (network, Some(length)));
    let network = network.trim_start_matches('[').trim_end_matches(']');
    let (network, address, width) = match (network.parse(), address) {
        (Ok(IpAddr::V4(network)), IpAddr::V4(address)) => {
            (u128::from(network.to_bits()), u128::from(address.to_bits()), 32)
        }
        (Ok(IpAddr::V6(network)), IpAddr::V6(address)) => (network.to_bits(), address.to_bits(), 128),
        _ => return false,
    };
    let Ok(length) = length.map_or(Ok(width), str::parse::<u32>) else {
        return false;
    };
    match width.checked_sub(length) {
        Some(host_bits) => {
            network.checked_shr(host_bits).unwrap_or(0) == address.checked_shr(host_bits).unwrap_or(0)
        }
        None => false,
    }
}

#[cfg(test)]
mod tests;
