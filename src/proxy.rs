//! Which proxy a host is reached through: what the variables that curl reads say, and what `no_proxy` takes out. Pure:
//! the environment is handed in. A setting that cannot be used is an error, never a direct connection.

use std::fmt;
use std::net::IpAddr;

use percent_encoding::percent_decode_str;

use crate::base_url::{BaseUrl, host_and_port};
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
        Ok(Self {
            tls,
            host,
            port: port.unwrap_or(if tls { 443 } else { 80 }),
            credentials,
        })
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
    let entries = no_proxy
        .split([',', ' ', '\t', '\n', '\r'])
        .filter(|entry| !entry.is_empty());
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
        && host
            .strip_suffix(entry.as_str())
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// Whether `address` is the entry's address or lies in its network (CIDR, RFC 4632 section 3.1).
fn network_holds(entry: &str, address: IpAddr) -> bool {
    let (network, length) = entry
        .split_once('/')
        .map_or((entry, None), |(network, length)| (network, Some(length)));
    let network = network.trim_start_matches('[').trim_end_matches(']');
    let (network, address, width) = match (network.parse(), address) {
        (Ok(IpAddr::V4(network)), IpAddr::V4(address)) => (
            u128::from(network.to_bits()),
            u128::from(address.to_bits()),
            32,
        ),
        (Ok(IpAddr::V6(network)), IpAddr::V6(address)) => {
            (network.to_bits(), address.to_bits(), 128)
        }
        _ => return false,
    };
    let Ok(length) = length.map_or(Ok(width), str::parse::<u32>) else {
        return false;
    };
    match width.checked_sub(length) {
        Some(host_bits) => {
            network.checked_shr(host_bits).unwrap_or(0)
                == address.checked_shr(host_bits).unwrap_or(0)
        }
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy(text: &str) -> (bool, String, u16) {
        let proxy = Proxy::parse(text).unwrap_or_else(|fault| panic!("{text:?}: {fault}"));
        (proxy.tls, proxy.host, proxy.port)
    }

    #[test]
    fn ways_to_write_a_proxy() {
        for text in [
            "http://Proxy:3128",
            "proxy:3128",
            " HTTP://proxy:3128/path ",
            "http://user:pw@proxy:3128/",
        ] {
            assert_eq!(proxy(text), (false, "proxy".to_owned(), 3128), "{text}");
        }
        assert_eq!(proxy("proxy"), (false, "proxy".to_owned(), 80));
        assert_eq!(proxy("https://proxy"), (true, "proxy".to_owned(), 443));
        assert_eq!(proxy("[::1]:8080"), (false, "[::1]".to_owned(), 8080));
    }

    #[test]
    fn user_info_is_decoded_and_hidden() {
        let proxy = Proxy::parse("http://j%40ne:p%3Aw%2f@proxy").unwrap();
        assert_eq!(
            proxy.credentials,
            Some(("j@ne".to_owned(), Secret::new("p:w/")))
        );
        assert!(!format!("{proxy:?}").contains("p:w/"));
        assert_eq!(proxy.to_string(), "http://proxy:80");
        let credentials = |text| Proxy::parse(text).unwrap().credentials;
        assert_eq!(
            credentials("user@proxy"),
            Some(("user".to_owned(), Secret::new("")))
        );
        assert_eq!(
            credentials(":pw@proxy"),
            Some((String::new(), Secret::new("pw")))
        );
        assert_eq!(
            credentials("u:p@w@proxy"),
            Some(("u".to_owned(), Secret::new("p@w")))
        );
    }

    #[test]
    fn what_cannot_be_used_is_an_error_that_repeats_nothing() {
        for (text, expected) in [
            ("socks5://user:hunter2@h:1080", "SOCKS"),
            ("socks5h://h", "SOCKS"),
            ("ftp://user:hunter2@h", "neither http nor https"),
            ("http://", "no host"),
            ("http://user:hunter2@", "no host"),
            ("http://h:99999", "between 1 and 65535"),
            ("http://h:hunter2", "not a number"),
            ("http://us er:hunter2@h h", "not allowed"),
            ("http://user:hunter2%00@h", "malformed"),
            ("http://user:hunter2%ff@h", "malformed"),
            ("http://user:hunter2%0d%0a@h", "malformed"),
        ] {
            let fault = Proxy::parse(text).unwrap_err();
            assert!(
                fault.contains(expected) && !fault.contains("hunter2"),
                "{text:?}: {fault}"
            );
        }
    }

    fn goes_through(url: &str, no_proxy: &str) -> bool {
        is_for(&BaseUrl::parse(url).unwrap(), no_proxy)
    }

    #[test]
    fn no_proxy_takes_hosts_out() {
        let url = "https://acme.outseta.com";
        for entry in [
            "*",
            "outseta.com",
            ".outseta.com",
            "OUTSETA.COM",
            "acme.outseta.com",
            "com",
            "a,outseta.com",
            " a \toutseta.com ,b",
        ] {
            assert!(!goes_through(url, entry), "{entry:?}");
        }
        for entry in [
            "",
            " , ",
            ".",
            "seta.com",
            "b.outseta.com",
            "outseta.com.",
            "x.acme.outseta.com",
            "a*",
            "*.outseta.com",
        ] {
            assert!(goes_through(url, entry), "{entry:?}");
        }
    }

    #[test]
    fn no_proxy_names_addresses_and_networks() {
        for (url, entry) in [
            ("https://10.1.2.3", "10.1.2.3"),
            ("https://10.1.2.3", "10.0.0.0/8"),
            ("https://10.1.2.3", "0.0.0.0/0"),
            ("https://[2001:db8::1]", "2001:db8::1"),
            ("https://[2001:db8::1]", "[2001:0db8::1]"),
            ("https://[2001:db8::1]", "2001:db8::/32"),
            ("https://[2001:db8::1]", "::/0"),
        ] {
            assert!(!goes_through(url, entry), "{url} {entry}");
        }
        for (url, entry) in [
            ("https://10.1.2.3", "10.1.2.4/31"),
            ("https://10.1.2.3", "10.0.0.0/33"),
            ("https://10.1.2.3", "10.0.0.0/x"),
            ("https://10.1.2.3", "2.3"),
            ("https://10.1.2.3", "::/0"),
            ("https://[2001:db9::1]", "2001:db8::/32"),
        ] {
            assert!(goes_through(url, entry), "{url} {entry}");
        }
    }

    #[test]
    fn loopback_never_goes_through_a_proxy() {
        for url in [
            "http://localhost:1",
            "https://localhost",
            "https://127.0.0.2",
            "https://[::1]",
        ] {
            assert!(!goes_through(url, ""), "{url}");
        }
    }
}
