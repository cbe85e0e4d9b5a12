//! Parses and validates subdomains and base URLs, and makes the URLs of the API.
//!
//! Every part is checked here, since the HTTP client is lenient: it connects to port 443 for an impossible
//! port and turns user info into credentials. Errors are reasons for `Error::Malformed`.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use crate::text::Shown;

const OUTSETA: &str = "outseta.com";

/// Scheme, host, port and the path before the API's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BaseUrl {
    tls: bool,
    /// In lower case; an IPv6 address in brackets.
    host: String,
    port: Option<u16>,
    /// Empty, or with a leading and without a trailing slash.
    path: String,
}

impl BaseUrl {
    /// Takes `acme`, `acme.outseta.com` or `https://acme.outseta.com`, with or without a path, in any case.
    pub(super) fn from_subdomain(text: &str) -> Result<Self, String> {
        let text = text.trim().to_ascii_lowercase();
        let pasted = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
        let host = pasted.unwrap_or(&text).split(['/', '?', '#']).next().unwrap_or_default();
        let below_outseta = host.strip_suffix(OUTSETA).and_then(|name| name.strip_suffix('.'));
        if pasted.is_some() && below_outseta.is_none() {
            return Err(format!("it is not an address below {OUTSETA}"));
        }
        let name = below_outseta.unwrap_or(host);
        if name.is_empty() {
            return Err("it is empty".to_owned());
        }
        if name.contains('.') {
            return Err(format!("it must be one name, such as acme for acme.{OUTSETA}"));
        }
        check_label(name)?;
        Ok(Self { tls: true, host: format!("{name}.{OUTSETA}"), port: None, path: String::new() })
    }

    /// Takes an `https://` URL, or an `http://` one of a loopback host. The path is kept.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let (scheme, rest) =
            text.trim().split_once("://").ok_or("it has no scheme: write https:// before the host")?;
        let tls = match scheme.to_ascii_lowercase().as_str() {
            "https" => true,
            "http" => false,
            _ => return Err("its scheme is not https".to_owned()),
        };
        if rest.contains(['?', '#']) {
            return Err("it has a query or a fragment".to_owned());
        }
        let (authority, path) = rest.find('/').map_or((rest, ""), |slash| rest.split_at(slash));
        if authority.contains('@') {
            return Err("it has a user name or a password".to_owned());
        }
        let (host, port) = host_and_port(authority)?;
        if let Some(c) = path.chars().find(|c| !is_path_character(*c)) {
            return Err(format!("its path has {}, which must be percent-encoded", quoted(c)));
        }
        let path = path.trim_end_matches('/');
        if is_api_path(path) {
            return Err("the API's path is appended to it: leave out /api/v1 and what follows".to_owned());
        }
        let url = Self { tls, host, port, path: path.to_owned() };
        if !url.tls && !url.is_loopback() {
            return Err("plain http would send the key unencrypted: use https".to_owned());
        }
        Ok(url)
    }

    /// The URL of an API path, which starts with a slash.
    pub(crate) fn join(&self, path: &str) -> String {
        format!("{self}{path}")
    }

    /// In lower case, an IPv6 address in brackets.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    pub(crate) fn is_tls(&self) -> bool {
        self.tls
    }

    /// Whether the host is this machine by its very name: `localhost`, 127.0.0.0/8 or `::1`.
    pub(super) fn is_loopback(&self) -> bool {
        self.host == "localhost"
            || self.host.parse().is_ok_and(|address: Ipv4Addr| address.is_loopback())
            || ipv6(&self.host).is_some_and(|address| address.is_loopback())
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "https" } else { "http" };
        write!(f, "{scheme}://{}", self.host)?;
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        f.write_str(&self.path)
    }
}

/// Whether a host is below outseta.com: tokens name their account by it.
pub(crate) fn names_account(host: &str) -> bool {
    host.to_ascii_lowercase().strip_suffix(OUTSETA).is_some_and(|name| name.ends_with('.'))
}

/// Whether a host is an IP address, not a name; an IPv6 one in brackets.
pub(crate) fn is_address(host: &str) -> bool {
    host.parse::<Ipv4Addr>().is_ok() || ipv6(host).is_some()
}

/// Splits `host`, `host:port`, `[v6]` or `[v6]:port`; the host in lower case.
pub(super) fn host_and_port(authority: &str) -> Result<(String, Option<u16>), String> {
    let host_end = authority.find(']').map(|end| end + 1).or_else(|| authority.find(':'));
    let (host, port) = authority.split_at(host_end.unwrap_or(authority.len()));
    let port = match port.strip_prefix(':') {
        None if port.is_empty() => None,
        Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => {
            Some(digits.parse().ok().filter(|port| *port > 0).ok_or("its port is not between 1 and 65535")?)
        }
        _ => return Err("its port is not a number".to_owned()),
    };
    check_host(host)?;
    Ok((host.to_ascii_lowercase(), port))
}

fn check_host(host: &str) -> Result<(), String> {
    if host.is_empty() {
        return Err("it has no host".to_owned());
    }
    if host.starts_with('[') {
        return ipv6(host).map(drop).ok_or("its IPv6 address is malformed".to_owned());
    }
    if let Some(c) = host.chars().find(|c| !c.is_ascii()) {
        return Err(format!("its host has {}: write the punycode form, xn--…", quoted(c)));
    }
    if host.len() > 253 {
        return Err("its host is longer than 253 characters".to_owned());
    }
    host.split('.').try_for_each(check_label)
}

fn ipv6(host: &str) -> Option<Ipv6Addr> {
    host.strip_prefix('[')?.strip_suffix(']')?.parse().ok()
}

/// Checks one part of a host name (RFC 1123 section 2.1). Underscores occur, and pass.
fn check_label(label: &str) -> Result<(), String> {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if let Some(c) = label.chars().find(|c| !is_allowed(*c)) {
        Err(format!("{} is not allowed in a host name", quoted(c)))
    } else if label.is_empty() {
        Err("it has an empty part: a dot too many".to_owned())
    } else if label.len() > 63 {
        Err("a part of it is longer than 63 characters".to_owned())
    } else if label.starts_with('-') || label.ends_with('-') {
        Err("a part of it starts or ends with a hyphen".to_owned())
    } else {
        Ok(())
    }
}

fn quoted(c: char) -> String {
    format!("'{}'", Shown::new(&c.to_string()))
}

/// Whether a path ends within the API, whose paths below `/api/v1` start with one of these.
fn is_api_path(path: &str) -> bool {
    let path = path.to_ascii_lowercase();
    let Some((_, below)) = path.rsplit_once("/api/v1") else { return false };
    let mut parts = below.split('/');
    parts.next() == Some("") && matches!(parts.next(), None | Some("tokens" | "crm" | "billing" | "profile"))
}

/// RFC 3986's `pchar`, the slash and the percent sign.
fn is_path_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || "/%-._~!$&'()*+,;=:@".contains(c)
}

#[cfg(test)]
mod tests;
