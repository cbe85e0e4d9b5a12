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
        "acme/",
        "acme/#/app",
        "acme.outseta.com/",
        "acme.outseta.com/auth?a=b",
        "Acme.Outseta.com",
        "https://acme.outseta.com",
        "https://acme.outseta.com/",
        "HTTPS://acme.outseta.com/auth?a=b#c",
        "http://acme.outseta.com/../x",
    ] {
        assert_eq!(subdomain(text).as_deref(), Ok("https://acme.outseta.com"), "{text}");
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
        "evil.com/acme.outseta.com",
        "acme.evil.com/",
        "/acme",
        "ac me",
        "acmé",
        "-acme",
        "acme-",
        "acme:80",
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
        (" HTTPS://Auth.Example.com:8443/a/b// ", "https://auth.example.com:8443/a/b"),
        ("https://[2001:DB8::1]:1/", "https://[2001:db8::1]:1"),
        ("https://192.0.2.1", "https://192.0.2.1"),
        ("http://localhost:8080", "http://localhost:8080"),
        ("http://127.9.9.9", "http://127.9.9.9"),
        ("http://[::1]:80", "http://[::1]:80"),
        ("https://h/%C3%A9", "https://h/%C3%A9"),
        ("https://h/api/v1beta", "https://h/api/v1beta"),
        ("https://h/api/v1tokens", "https://h/api/v1tokens"),
        ("https://h/api/v1/proxy", "https://h/api/v1/proxy"),
    ] {
        assert_eq!(base(text).as_deref(), Ok(expected), "{text}");
    }
    assert_eq!(BaseUrl::parse("https://h/x/").unwrap().join("/api"), "https://h/x/api");
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
        ("https://h/api/v1", "leave out"),
        ("https://h/x/API/v1/", "leave out"),
        ("https://h/x/api/v1/tokens", "leave out"),
        ("https://h/api/v1/crm/people/", "leave out"),
        ("https://h/api/v1/profile", "leave out"),
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
    assert!(base(&format!("https://{}aa", "a.".repeat(126))).unwrap_err().contains("253"));
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
    assert!(!BaseUrl::parse("https://xoutseta.com").unwrap().names_account());
}
