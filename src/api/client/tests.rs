use rustls_pki_types::CertificateDer;

use super::*;
use crate::config::BaseUrl;
use crate::config::Credentials;
use crate::config::Origin;

fn client(roots: Option<Vec<CertificateDer<'static>>>, timeout: Duration) -> Client {
    let secret = |text| Sourced::new(Secret::new(text), Origin::Prompt);
    let settings = Settings {
        base: Sourced::new(BaseUrl::parse("https://h").unwrap(), Origin::Prompt),
        credentials: Credentials { key: secret("k"), secret: secret("s") },
        roots: roots.map(|roots| Sourced::new(roots, Origin::Prompt)),
        proxy: None,
        credential_files: Vec::new(),
    };
    Client::new(&settings, timeout).unwrap()
}

#[test]
fn certificates_that_are_given_replace_the_built_in_ones() {
    let roots = |given| {
        let client = client(given, Duration::from_secs(1));
        client.agent.config().tls_config().root_certs().clone()
    };
    assert!(matches!(roots(None), RootCerts::WebPki));
    let name = vec!["authority.example".to_owned()];
    let given = rcgen::generate_simple_self_signed(name).unwrap().cert;
    let RootCerts::Specific(trusted) = roots(Some(vec![given.der().clone()])) else {
        panic!("the given certificate should be trusted")
    };
    let trusted: Vec<&[u8]> = trusted.iter().map(Certificate::der).collect();
    assert_eq!(trusted, [given.der().as_ref()]);
}

#[test]
fn connecting_may_take_a_third_of_the_time_and_ten_seconds_at_most() {
    for (timeout, expected) in [(600, 10_000), (30, 10_000), (15, 5_000), (1, 333)] {
        let client = client(None, Duration::from_secs(timeout));
        assert_eq!(client.connect_limit().as_millis(), expected);
    }
}

#[test]
fn the_first_header_of_a_name_counts() {
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let response = Response {
        headers: vec![header("A", "1"), header("Retry-After", "2"), header("retry-after", "3")],
        ..Response::default()
    };
    assert_eq!(response.header("retry-after"), Some("2"));
    assert_eq!(response.header("retry"), None);
}
