//! The address of an Outseta account: the grammar of a subdomain and of a base URL, and the URLs of the API behind
//! them. It knows neither where a setting comes from nor HTTP.
//!
//! Every part is checked here, since the HTTP client is lenient: it connects to port 443 for an impossible port and
//! turns user info into credentials.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

const OUTSETA: &str = "outseta.com";

/// A validated address: scheme, host, port and the path before the API's.
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
    /// Takes `acme`, `acme.outseta.com` or a pasted `https://acme.outseta.com/...`, in any case.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub(crate) fn from_subdomain(text: &str) -> Result<Self, String> {
        let text = text.trim().to_ascii_lowercase();
        let pasted = text
            .strip_prefix("https://")
            .or_else(|| text.strip_prefix("http://"));
        let host = pasted.map_or(text.as_str(), |rest| {
            rest.split(['/', '?', '#']).next().unwrap_or_default()
        });
        let name = match host
            .strip_suffix(OUTSETA)
            .and_then(|name| name.strip_suffix('.'))
        {
            Some(name) => name,
            None if pasted.is_some() => {
                return Err(format!("it is not an address below {OUTSETA}"));
            }
            None => host,
        };
        if name.is_empty() {
            return Err("it is empty".to_owned());
        }
        if name.contains('.') {
            return Err(format!(
                "it is a name alone, such as acme for acme.{OUTSETA}"
            ));
        }
        label_fault(name).map_or(Ok(()), |fault| Err(fault.to_owned()))?;
        Ok(Self {
            tls: true,
            host: format!("{name}.{OUTSETA}"),
            port: None,
            path: String::new(),
        })
    }

    /// Takes an `https://` URL, or an `http://` one of a loopback host. The path is kept.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let (scheme, rest) = text
            .split_once("://")
            .ok_or("it has no scheme: write https:// before the host")?;
        let tls = match scheme.to_ascii_lowercase().as_str() {
            "https" => true,
            "http" => false,
            _ => return Err("its scheme is not https".to_owned()),
        };
        if rest.contains(['?', '#']) {
            return Err("it has a query or a fragment".to_owned());
        }
        let (authority, path) = rest
            .find('/')
            .map_or((rest, ""), |slash| rest.split_at(slash));
        if authority.contains('@') {
            return Err("it holds a user name or a password".to_owned());
        }
        let (host, port) = host_and_port(authority)?;
        if !path.chars().all(is_path_character) {
            return Err("its path holds a character that must be percent-encoded".to_owned());
        }
        let path = path.trim_end_matches('/');
        if path.ends_with("/api/v1") {
            return Err("/api/v1 is appended to it: leave that out".to_owned());
        }
        let url = Self {
            tls,
            host,
            port,
            path: path.to_owned(),
        };
        if !url.tls && !url.is_loopback() {
            return Err("plain http would send the key unencrypted: use https".to_owned());
        }
        Ok(url)
    }

    /// The URL of an API path, which starts with a slash.
    pub(crate) fn join(&self, path: &str) -> String {
        format!("{self}{path}")
    }

    /// The host, in lower case, an IPv6 address in brackets.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    pub(crate) fn is_tls(&self) -> bool {
        self.tls
    }

    /// Whether the host is this machine by its very name: `localhost`, 127.0.0.0/8 or `::1`.
    pub(crate) fn is_loopback(&self) -> bool {
        self.host == "localhost"
            || self
                .host
                .parse()
                .is_ok_and(|address: Ipv4Addr| address.is_loopback())
            || ipv6(&self.host).is_some_and(|address| address.is_loopback())
    }

    /// Whether the host is one below outseta.com, by which tokens name their account.
    pub(crate) fn names_account(&self) -> bool {
        names_account(&self.host)
    }
}

/// Whether a host is one below outseta.com.
pub(crate) fn names_account(host: &str) -> bool {
    host.to_ascii_lowercase()
        .strip_suffix(OUTSETA)
        .is_some_and(|name| name.ends_with('.'))
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

/// Whether a host is an IP address, not a name; an IPv6 one in brackets.
pub(crate) fn is_address(host: &str) -> bool {
    host.parse::<Ipv4Addr>().is_ok() || ipv6(host).is_some()
}

/// Splits `host`, `host:port`, `[v6]` or `[v6]:port`; the host in lower case.
///
/// # Errors
/// What is wrong with it, in words.
pub(crate) fn host_and_port(authority: &str) -> Result<(String, Option<u16>), String> {
    let (host, port) = match authority.find(']') {
        Some(end) => authority.split_at(end + 1),
        None => authority
            .find(':')
            .map_or((authority, ""), |colon| authority.split_at(colon)),
    };
    let port = match port.strip_prefix(':') {
        None if port.is_empty() => None,
        Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => Some(
            digits
                .parse()
                .ok()
                .filter(|port| *port > 0)
                .ok_or("its port is not between 1 and 65535")?,
        ),
        _ => return Err("its port is not a number".to_owned()),
    };
    if let Some(fault) = host_fault(host) {
        return Err(fault.to_owned());
    }
    Ok((host.to_ascii_lowercase(), port))
}

fn host_fault(host: &str) -> Option<&'static str> {
    if host.is_empty() {
        return Some("it has no host");
    }
    if host.starts_with('[') {
        return ipv6(host)
            .is_none()
            .then_some("its IPv6 address is malformed");
    }
    if !host.is_ascii() {
        return Some("its host is not ASCII: write the punycode form, xn--…");
    }
    if host.len() > 253 {
        return Some("its host is longer than 253 characters");
    }
    host.split('.').find_map(label_fault)
}

fn ipv6(host: &str) -> Option<Ipv6Addr> {
    host.strip_prefix('[')?.strip_suffix(']')?.parse().ok()
}

/// What is wrong with one part of a host name (RFC 1123 section 2.1, and the underscore that occurs).
fn label_fault(label: &str) -> Option<&'static str> {
    if label.is_empty() {
        Some("it has an empty part: a dot too many")
    } else if label.len() > 63 {
        Some("a part of it is longer than 63 characters")
    } else if label.starts_with('-') || label.ends_with('-') {
        Some("a part of it starts or ends with a hyphen")
    } else if !label
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
    {
        Some("a character of its name is not allowed")
    } else {
        None
    }
}

/// RFC 3986's `pchar`, the slash and the percent sign.
fn is_path_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || "/%-._~!$&'()*+,;=:@".contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subdomain(text: &str) -> Result<String, String> {
        BaseUrl::from_subdomain(text).map(|url| url.to_string())
    }

    fn base(text: &str) -> Result<String, String> {
        BaseUrl::parse(text).map(|url| url.to_string())
    }

    #[test]
    fn ways_to_write_a_subdomain() {
        for text in [
            "acme",
            " ACME\t",
            "acme.outseta.com",
            "Acme.Outseta.com",
            "https://acme.outseta.com",
            "https://acme.outseta.com/",
            "HTTPS://acme.outseta.com/auth?a=b#c",
            "http://acme.outseta.com/../x",
        ] {
            assert_eq!(
                subdomain(text).as_deref(),
                Ok("https://acme.outseta.com"),
                "{text}"
            );
        }
        assert!(subdomain(&"a".repeat(63)).is_ok());
        assert!(subdomain("a-1").is_ok());
    }

    #[test]
    fn a_subdomain_sends_the_key_nowhere_else() {
        for text in [
            "",
            "  ",
            "https://",
            ".outseta.com",
            "outseta.com",
            "acme.evil.com",
            "acme.outseta.com.evil.com",
            "acme.outseta.com@evil.com",
            "https://acme.outseta.com@evil.com",
            "https://acme.outseta.com:443/",
            "https://acme",
            "https://evil.com/acme.outseta.com",
            "https://evil.com?.outseta.com",
            "a.b.outseta.com",
            "xoutseta.com",
            "acme/../x",
            "acme/",
            "ac me",
            "acmé",
            "-acme",
            "acme-",
            "acme:80",
            "acme#",
            "acme%2e",
        ] {
            assert!(subdomain(text).is_err(), "{text:?}");
        }
        assert!(subdomain(&"a".repeat(64)).unwrap_err().contains("63"));
    }

    #[test]
    fn base_urls() {
        for (text, expected) in [
            ("https://auth.example.com", "https://auth.example.com"),
            (
                " HTTPS://Auth.Example.com:8443/a/b// ",
                "https://auth.example.com:8443/a/b",
            ),
            ("https://[2001:DB8::1]:1/", "https://[2001:db8::1]:1"),
            ("https://192.0.2.1", "https://192.0.2.1"),
            ("http://localhost:8080", "http://localhost:8080"),
            ("http://127.9.9.9", "http://127.9.9.9"),
            ("http://[::1]:80", "http://[::1]:80"),
            ("https://h/%C3%A9", "https://h/%C3%A9"),
        ] {
            assert_eq!(base(text).as_deref(), Ok(expected), "{text}");
        }
        assert_eq!(
            BaseUrl::parse("https://h/x/").unwrap().join("/api"),
            "https://h/x/api"
        );
    }

    #[test]
    fn base_urls_that_are_refused() {
        for (text, expected) in [
            ("", "scheme"),
            ("auth.example.com", "scheme"),
            ("ftp://h", "not https"),
            ("https://", "no host"),
            ("https:///x", "no host"),
            ("https://:80", "no host"),
            ("https://user@h", "user name"),
            ("https://user:pw@h", "user name"),
            ("https://h?x", "query"),
            ("https://h/#x", "fragment"),
            ("https://h/x/api/v1/", "leave that out"),
            ("https://h:99999", "between 1 and 65535"),
            ("https://h:65536", "between 1 and 65535"),
            ("https://h:0", "between 1 and 65535"),
            ("https://h:", "between 1 and 65535"),
            ("https://h:8o", "not a number"),
            ("https://[::1]x", "not a number"),
            ("https://[::1", "not a number"),
            ("https://[]", "IPv6"),
            ("https://[::g]", "IPv6"),
            ("https://müller.example", "punycode"),
            ("https://a..b", "dot too many"),
            ("https://a.", "dot too many"),
            ("https://a b", "not allowed"),
            ("https://a\\b", "not allowed"),
            ("https://h/a b", "percent-encoded"),
            ("https://h/a\"b", "percent-encoded"),
            ("https://h/\r\nX: y", "percent-encoded"),
            ("http://auth.example.com", "plain http"),
            ("http://localhost.example.com", "plain http"),
            ("http://128.0.0.1", "plain http"),
            ("http://127.1", "plain http"),
            ("http://[::ffff:127.0.0.1]", "plain http"),
        ] {
            let fault = base(text).unwrap_err();
            assert!(fault.contains(expected), "{text:?}: {fault}");
        }
        assert!(base(&format!("https://{}", "a.".repeat(127))).is_err());
        assert!(base(&format!("https://{}a", "a.".repeat(126))).is_ok());
        assert!(
            base(&format!("https://{}aa", "a.".repeat(126)))
                .unwrap_err()
                .contains("253")
        );
    }

    #[test]
    fn addresses_are_no_names() {
        assert!(is_address("192.0.2.1") && is_address("[::1]"));
        assert!(!is_address("acme.outseta.com") && !is_address("127.1") && !is_address("::1"));
    }

    #[test]
    fn what_it_tells_of_its_host() {
        let acme = BaseUrl::from_subdomain("acme").unwrap();
        assert!(acme.is_tls() && !acme.is_loopback() && acme.names_account());
        assert_eq!(acme.host(), "acme.outseta.com");
        let local = BaseUrl::parse("http://LOCALHOST:1").unwrap();
        assert!(!local.is_tls() && local.is_loopback() && !local.names_account());
        assert!(
            !BaseUrl::parse("https://xoutseta.com")
                .unwrap()
                .names_account()
        );
    }
}
