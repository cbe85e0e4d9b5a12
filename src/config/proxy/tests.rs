use super::*;

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
        assert!(fault.contains(expected) && !fault.contains("hunter2"), "{text:?}: {fault}");
    }
}

fn goes_through(url: &str, no_proxy: &str) -> bool {
    applies_to(&BaseUrl::parse(url).unwrap(), no_proxy)
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
