//! Parses and validates subdomains and base URLs.
//!
//! The HTTP client is too lenient: it takes an impossible port for 443, and sends user info as a login.

use std::fmt;
use std::net::IpAddr;

use super::LOOKS_LIKE_CREDENTIAL;
use crate::text::Sanitized;

const DOMAIN: &str = ".outseta.com";

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct BaseUrl {
    pub(crate) tls: bool,
    /// In lower case; an IPv6 address in brackets.
    pub(crate) host: String,
    port: Option<u16>,
    /// Empty, or with a leading and without a trailing slash.
    path: String,
}

impl BaseUrl {
    /// Takes `acme`, or `acme.outseta.com` with or without `https://` and a path.
    pub(super) fn from_subdomain(text: &str) -> Result<Self, String> {
        let text = text.trim().to_ascii_lowercase();
        let address = text.strip_prefix("https://").unwrap_or(&text);
        let host = address.split('/').next().unwrap_or_default();
        let name = host.strip_suffix(DOMAIN).unwrap_or(&text);
        if name.contains(['.', '/']) {
            return Err("it is not NAME.outseta.com".to_owned());
        }
        // A UUID, or a key or secret as Outseta makes them.
        let digits = name.replace('-', "");
        if digits.len() >= 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(LOOKS_LIKE_CREDENTIAL.to_owned());
        }
        check_label(name)?;
        Ok(Self { tls: true, host: format!("{name}{DOMAIN}"), port: None, path: String::new() })
    }

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
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        if authority.contains('@') {
            return Err("it has a user name or a password".to_owned());
        }
        let (host, port) = host_and_port(authority)?;
        // RFC 3986's `pchar`, the slash and the percent sign.
        let is_allowed = |c: char| c.is_ascii_alphanumeric() || "/%-._~!$&'()*+,;=:@".contains(c);
        if let Some(c) = path.chars().find(|c| !is_allowed(*c)) {
            return Err(format!("its path has {}, which must be percent-encoded", quoted(c)));
        }
        // The HTTP client takes no URL of 64 KiB.
        if path.len() > 8192 {
            return Err("its path is longer than 8192 bytes".to_owned());
        }
        let path = path.trim_end_matches('/').to_owned();
        if is_api_path(&path) {
            return Err("the API's path is appended to it: leave out /api/v1 and what follows".to_owned());
        }
        let url = Self { tls, host, port, path };
        if !url.tls && !url.is_loopback() {
            return Err("plain http would send the key unencrypted: use https".to_owned());
        }
        Ok(url)
    }

    /// `localhost`, 127.0.0.0/8 or `::1`.
    pub(super) fn is_loopback(&self) -> bool {
        self.host == "localhost" || ip_address(&self.host).is_some_and(|address| address.is_loopback())
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "https" } else { "http" };
        let port = self.port.map(|port| format!(":{port}")).unwrap_or_default();
        write!(f, "{scheme}://{}{port}{}", self.host, self.path)
    }
}

/// Whether a host is below outseta.com: tokens name their account by it.
pub(crate) fn is_outseta_host(host: &str) -> bool {
    host.to_ascii_lowercase().ends_with(DOMAIN)
}

/// `None` for a name. An IPv6 address is in brackets.
pub(crate) fn ip_address(host: &str) -> Option<IpAddr> {
    match host.strip_prefix('[') {
        Some(host) => host.strip_suffix(']')?.parse().map(IpAddr::V6).ok(),
        None => host.parse().map(IpAddr::V4).ok(),
    }
}

/// Splits `host`, `host:port`, `[v6]` or `[v6]:port`; the host in lower case.
pub(super) fn host_and_port(authority: &str) -> Result<(String, Option<u16>), String> {
    let host_end = authority.find(']').map(|end| end + 1).or_else(|| authority.find(':'));
    let (host, port) = authority.split_at(host_end.unwrap_or(authority.len()));
    // `parse` takes a plus sign.
    let number = |digits: &str| digits.parse().ok().filter(|port| *port > 0 && !digits.starts_with('+'));
    let port = match port.strip_prefix(':') {
        None if port.is_empty() => None,
        digits => Some(digits.and_then(number).ok_or("its port is not a number from 1 to 65535")?),
    };
    check_host(host)?;
    Ok((host.to_ascii_lowercase(), port))
}

fn check_host(host: &str) -> Result<(), String> {
    if host.is_empty() {
        return Err("it has no host".to_owned());
    }
    if host.starts_with('[') {
        return ip_address(host).map(drop).ok_or("its IPv6 address is malformed".to_owned());
    }
    if let Some(c) = host.chars().find(|c| !c.is_ascii()) {
        return Err(format!("its host has {}: write the punycode form, xn--…", quoted(c)));
    }
    if host.len() > 253 {
        return Err("its host is longer than 253 characters".to_owned());
    }
    host.split('.').try_for_each(check_label)
}

/// RFC 1123 section 2.1, and underscores, which occur in practice.
fn check_label(label: &str) -> Result<(), String> {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if let Some(c) = label.chars().find(|c| !is_allowed(*c)) {
        return Err(format!("{} is not allowed in a host name", quoted(c)));
    }
    let reason = if label.is_empty() {
        "its host name, or a part of it, is empty"
    } else if label.len() > 63 {
        "a part of it is longer than 63 characters"
    } else if label.starts_with('-') || label.ends_with('-') {
        "a part of it starts or ends with a hyphen"
    } else {
        return Ok(());
    };
    Err(reason.to_owned())
}

fn quoted(c: char) -> String {
    format!("'{}'", Sanitized::new(&c.to_string()))
}

/// Whether a path was copied from the API's documentation.
fn is_api_path(path: &str) -> bool {
    let path = path.to_ascii_lowercase();
    let Some((_, below)) = path.rsplit_once("/api/v1") else { return false };
    let mut parts = below.split('/');
    parts.next() == Some("") && matches!(parts.next(), None | Some("tokens" | "crm" | "billing" | "profile"))
}

#[cfg(test)]
mod tests;
