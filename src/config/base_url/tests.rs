use super::*;

const EMPTY: &str = "its host name, or a part of it, is empty";

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
        "acme.outseta.com/",
        "acme.outseta.com/auth?a=b",
        "Acme.Outseta.com",
        "https://acme.outseta.com",
        "https://acme.outseta.com/",
        "HTTPS://acme.outseta.com/auth?a=b#c",
        "https://acme.outseta.com/../x",
    ] {
        assert_eq!(subdomain(text).as_deref(), Ok("https://acme.outseta.com"), "{text}");
    }
    assert!(subdomain(&"x".repeat(63)).is_ok());
    assert!(subdomain("a-1").is_ok());
    assert!(subdomain("0f8fad5bd9cb469fa16570867728950").is_ok());
    assert!(subdomain("0f8fad5bd9cb469fa16570867728950x").is_ok());
}

#[test]
fn subdomains_that_are_refused() {
    const NOT_ONE: &str = "it is not NAME.outseta.com";
    const HYPHEN: &str = "a part of it starts or ends with a hyphen";
    for (text, expected) in [
        ("", EMPTY),
        ("  ", EMPTY),
        (".outseta.com", EMPTY),
        ("/acme", NOT_ONE),
        ("acme/", NOT_ONE),
        ("ac/me", NOT_ONE),
        ("https//acme.outseta.com", NOT_ONE),
        ("http://acme.outseta.com", NOT_ONE),
        ("www.acme.outseta.com", NOT_ONE),
        ("acme.outsetta.com", NOT_ONE),
        ("acme#x", "'#' is not allowed in a host name"),
        ("acme?x", "'?' is not allowed in a host name"),
        ("0f8fad5b-d9cb-469f-a165-70867728950e", LOOKS_LIKE_CREDENTIAL),
        ("0F8FAD5BD9CB469FA16570867728950E", LOOKS_LIKE_CREDENTIAL),
        ("https://0f8fad5bd9cb469fa16570867728950e0f8fad5bd9cb469f.outseta.com/x", LOOKS_LIKE_CREDENTIAL),
        ("https://", NOT_ONE),
        ("https://acme", NOT_ONE),
        ("https://acme.outseta.com@evil.com", NOT_ONE),
        ("https://acme.outseta.com:443/", NOT_ONE),
        ("https://evil.com/acme.outseta.com", NOT_ONE),
        ("https://evil.com?.outseta.com", NOT_ONE),
        ("https://outseta.com", NOT_ONE),
        ("outseta.com", NOT_ONE),
        ("xoutseta.com", NOT_ONE),
        ("acme.evil.com", NOT_ONE),
        ("acme.evil.com/", NOT_ONE),
        ("acme.outseta.com.evil.com", NOT_ONE),
        ("acme.outseta.com@evil.com", NOT_ONE),
        ("a.b.outseta.com", NOT_ONE),
        ("evil.com/acme.outseta.com", NOT_ONE),
        ("ac me", "' ' is not allowed in a host name"),
        ("acmé", "'é' is not allowed in a host name"),
        ("acme:80", "':' is not allowed in a host name"),
        ("acme%2e", "'%' is not allowed in a host name"),
        ("-acme", HYPHEN),
        ("acme-", HYPHEN),
    ] {
        assert_eq!(subdomain(text), Err(expected.to_owned()), "{text:?}");
    }
    let long = Err("a part of it is longer than 63 characters".to_owned());
    assert_eq!(subdomain(&"x".repeat(64)), long);
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
}

#[test]
fn base_urls_that_are_refused() {
    const SCHEME: &str = "it has no scheme: write https:// before the host";
    const USER: &str = "it has a user name or a password";
    const API: &str = "the API's path is appended to it: leave out /api/v1 and what follows";
    const PORT: &str = "its port is not a number from 1 to 65535";
    const IPV6: &str = "its IPv6 address is malformed";
    const HTTP: &str = "plain http would send the key unencrypted: use https";
    for (text, expected) in [
        ("", SCHEME),
        ("auth.example.com", SCHEME),
        ("ftp://h", "its scheme is not https"),
        ("https://", "it has no host"),
        ("https:///x", "it has no host"),
        ("https://:80", "it has no host"),
        ("https://user@h", USER),
        ("https://user:pw@h", USER),
        ("https://h?x", "it has a query or a fragment"),
        ("https://h/#x", "it has a query or a fragment"),
        ("https://h/api/v1", API),
        ("https://h/x/API/v1/", API),
        ("https://h/x/api/v1/tokens", API),
        ("https://h/api/v1/crm/people/", API),
        ("https://h/api/v1/profile", API),
        ("https://h:99999", PORT),
        ("https://h:65536", PORT),
        ("https://h:0", PORT),
        ("https://h:", PORT),
        ("https://h:8o", PORT),
        ("https://h:+80", PORT),
        ("https://[::1]x", PORT),
        ("https://[::1", PORT),
        ("https://[]", IPV6),
        ("https://[::g]", IPV6),
        ("https://müller.example", "its host has 'ü': write the punycode form, xn--…"),
        ("https://a..b", EMPTY),
        ("https://a.", EMPTY),
        ("https://a b", "' ' is not allowed in a host name"),
        ("https://a\\b", "'\\' is not allowed in a host name"),
        ("https://h/a b", "its path has ' ', which must be percent-encoded"),
        ("https://h/a\"b", "its path has '\"', which must be percent-encoded"),
        ("https://h/\r\nX: y", r"its path has '\r', which must be percent-encoded"),
        ("http://auth.example.com", HTTP),
        ("http://localhost.example.com", HTTP),
        ("http://10.0.0.1", HTTP),
        ("http://0.0.0.0", HTTP),
        ("http://128.0.0.1", HTTP),
        ("http://127.1", HTTP),
        ("http://[::ffff:127.0.0.1]", HTTP),
    ] {
        assert_eq!(base(text), Err(expected.to_owned()), "{text:?}");
    }
    let long = Err("its host is longer than 253 characters".to_owned());
    assert!(base(&format!("https://{}a", "a.".repeat(126))).is_ok());
    assert_eq!(base(&format!("https://{}aa", "a.".repeat(126))), long);
    let long = Err("its path is longer than 8192 bytes".to_owned());
    assert!(base(&format!("https://h/{}", "a".repeat(8191))).is_ok());
    assert_eq!(base(&format!("https://h/{}", "a".repeat(8192))), long);
}

#[test]
fn ip_addresses_and_names_are_told_apart() {
    assert!(ip_address("192.0.2.1").is_some() && ip_address("[::1]").is_some());
    assert!(["acme.outseta.com", "127.1", "::1"].iter().all(|host| ip_address(host).is_none()));
}

#[test]
fn tls_loopback_and_account_hosts_are_recognised() {
    let acme = BaseUrl::from_subdomain("acme").unwrap();
    assert!(acme.tls && !acme.is_loopback() && is_outseta_host(&acme.host));
    assert_eq!(&acme.host, "acme.outseta.com");
    let local = BaseUrl::parse("http://LOCALHOST:1").unwrap();
    assert!(!local.tls && local.is_loopback() && !is_outseta_host(&local.host));
    assert!(!is_outseta_host("xoutseta.com") && is_outseta_host("ACME.Outseta.com"));
}
