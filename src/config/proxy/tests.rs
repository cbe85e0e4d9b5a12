use super::*;
use crate::config::tests::environment;

fn proxy(text: &str) -> (bool, String, u16) {
    let proxy = Proxy::parse(text).unwrap_or_else(|fault| panic!("{text:?}: {fault}"));
    (proxy.tls, proxy.host, proxy.port)
}

#[test]
fn ways_to_write_a_proxy() {
    for text in ["http://Proxy:3128", "proxy:3128", " HTTP://proxy:3128/path ", "http://user:pw@proxy:3128/"]
    {
        assert_eq!(proxy(text), (false, "proxy".to_owned(), 3128), "{text}");
    }
    assert_eq!(proxy("proxy"), (false, "proxy".to_owned(), 80));
    assert_eq!(proxy("https://proxy"), (true, "proxy".to_owned(), 443));
    assert_eq!(proxy("[::1]:8080"), (false, "[::1]".to_owned(), 8080));
}

#[test]
fn user_info_is_decoded_and_hidden() {
    let proxy = Proxy::parse("http://j%40ne:p%3Aw%2f@proxy").unwrap();
    assert_eq!(proxy.credentials, Some(("j@ne".to_owned(), Secret::new("p:w/"))));
    assert!(!format!("{proxy:?}").contains("p:w/"));
    assert_eq!(proxy.to_string(), "http://proxy:80");
    let credentials = |text| Proxy::parse(text).unwrap().credentials;
    assert_eq!(credentials("user@proxy"), Some(("user".to_owned(), Secret::new(""))));
    assert_eq!(credentials(":pw@proxy"), Some((String::new(), Secret::new("pw"))));
    assert_eq!(credentials("u:p@w@proxy"), Some(("u".to_owned(), Secret::new("p@w"))));
}

#[test]
fn a_reason_does_not_repeat_the_value() {
    for (text, expected) in [
        ("socks5://user:hunter2@h:1080", "SOCKS proxies are not supported"),
        ("SOCKS4A://h", "SOCKS proxies are not supported"),
        ("ftp://user:hunter2@h", "its scheme is neither http nor https"),
        ("http://", "it has no host"),
        ("http://user:hunter2@", "it has no host"),
        ("http://user:1234#hunter2@h", "in its user name and password, / ? and # must be percent-encoded"),
        ("http://user:1234/hunter2@h", "in its user name and password, / ? and # must be percent-encoded"),
        ("http://h:99999", "its port is not a number from 1 to 65535"),
        ("http://h:hunter2", "its port is not a number from 1 to 65535"),
        ("http://us er:hunter2@h h", "' ' is not allowed in a host name"),
        ("http://user:hunter2%00@h", "its user name or password is malformed"),
        ("http://user:hunter2%ff@h", "its user name or password is malformed"),
        ("http://user:hunter2%0d%0a@h", "its user name or password is malformed"),
    ] {
        assert_eq!(Proxy::parse(text), Err(expected.to_owned()), "{text:?}");
    }
}

#[test]
fn the_first_variable_is_used_unless_the_host_is_reached_directly() {
    let proxy = |url: &str, variables: &[(&str, &str)]| {
        let proxy = find(&BaseUrl::parse(url).unwrap(), &environment(variables));
        proxy.map(|proxy| proxy.map(|proxy| proxy.to_string())).map_err(|error| error.to_string())
    };
    let acme = |variables: &[(&str, &str)]| proxy("https://acme.outseta.com", variables);
    for from in 0..VARIABLES.len() {
        let set = |(at, name)| (name, if at < from { "" } else { ["a", "b", "c", "d"][at] });
        let variables: Vec<_> = VARIABLES.into_iter().enumerate().map(set).collect();
        let (name, host) = variables[from];
        assert_eq!(acme(&variables), Ok(Some(format!("http://{host}:80 ({name} in the environment)"))));
    }
    let socks = (VARIABLES[0], "socks5://x");
    let error = "invalid proxy (https_proxy in the environment): SOCKS proxies are not supported";
    assert_eq!(acme(&[]), Ok(None));
    // These are for plain http, which the program uses on this machine only.
    assert_eq!(acme(&[("http_proxy", "a"), ("HTTP_PROXY", "a")]), Ok(None));
    assert_eq!(acme(&[socks]), Err(error.to_owned()));
    assert_eq!(acme(&[socks, (VARIABLES[3], "a")]), Err(error.to_owned()));
    assert_eq!(acme(&[socks, ("no_proxy", "outseta.com")]), Ok(None));
    assert_eq!(acme(&[socks, ("no_proxy", ""), ("NO_PROXY", "*")]), Ok(None));
    assert_eq!(acme(&[socks, ("no_proxy", "x"), ("NO_PROXY", "*")]), Err(error.to_owned()));
    assert_eq!(proxy("http://localhost:1", &[socks]), Ok(None));
}

fn goes_through(url: &str, no_proxy: &str) -> bool {
    let variables = [("https_proxy", "p"), ("no_proxy", no_proxy)];
    find(&BaseUrl::parse(url).unwrap(), &environment(&variables)).unwrap().is_some()
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
        ".*",
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
fn no_proxy_names_addresses() {
    for (url, entry) in [
        ("https://10.1.2.3", "10.1.2.3"),
        ("https://[2001:db8::1]", "2001:db8::1"),
        ("https://[2001:db8::1]", "[2001:db8::1]"),
    ] {
        assert!(!goes_through(url, entry), "{url} {entry}");
    }
    for (url, entry) in [("https://10.1.2.3", "10.1.2.4"), ("https://10.1.2.3", "2.3")] {
        assert!(goes_through(url, entry), "{url} {entry}");
    }
}

#[test]
fn loopback_never_goes_through_a_proxy() {
    for url in ["http://localhost:1", "https://localhost", "https://127.0.0.2", "https://[::1]"] {
        assert!(!goes_through(url, ""), "{url}");
    }
}
