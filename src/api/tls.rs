//! Why a TLS handshake failed. An error without an explanation here keeps rustls's text.

use std::io;
use std::time::Duration;

use rustls::CertificateError::{
    self, BadEncoding, ExpiredContext, NotValidForNameContext, NotValidYetContext, Revoked, UnknownIssuer,
};
use rustls_pki_types::UnixTime;

use crate::error::{Error, Kind};
use crate::text::{Shown, approximate};

const TRUST: &str = "if its issuer is your own authority or a proxy that inspects TLS, trust the issuer's \
     certificate with --cacert or SSL_CERT_FILE";
const CLOCK: &str = "check this machine's clock; if it is right, the server needs a new certificate";
const NAME: &str = "check the subdomain or base URL, and where its name leads";
const RENEW: &str = "the server needs a new certificate";
const NOT_CA: &str = "make it with: openssl req -x509 … -addext basicConstraints=critical,CA:FALSE \
     -addext subjectAltName=DNS:NAME";
pub(super) const SERVER: &str = "check the host and the port: the server there may not speak TLS";
const PROXY: &str =
    "check https_proxy and all_proxy: write http:// before a proxy that does not speak TLS itself";
const OTHER: &str = "behind a proxy that inspects TLS, trust its certificates with --cacert or \
     SSL_CERT_FILE; check the clock";

/// The failure of a handshake with the server or its proxy; `None` if the error is about something else.
pub(super) fn failure(error: &io::Error, host: &str, with_proxy: bool) -> Option<Error> {
    let (kind, peer) = if with_proxy {
        (Kind::Unreachable, format!("the proxy for {host}"))
    } else {
        (Kind::Tls, host.to_owned())
    };
    Some(match error.get_ref()?.downcast_ref()? {
        rustls::Error::InvalidCertificate(error) => {
            let (reason, hint) = certificate(error);
            Error::new(kind, format!("cannot trust {peer}: {}", Shown::new(&reason)), hint)
        }
        other if with_proxy => handshake_failed(kind, &peer, &other.to_string(), PROXY),
        other => handshake_failed(kind, &peer, &other.to_string(), SERVER),
    })
}

pub(super) fn handshake_failed(kind: Kind, peer: &str, reason: &str, hint: &str) -> Error {
    Error::new(kind, format!("TLS handshake with {peer} failed: {}", Shown::new(reason)), hint)
}

/// What is wrong with a certificate, and what to do.
fn certificate(error: &CertificateError) -> (String, &'static str) {
    match error {
        UnknownIssuer => ("the issuer of its certificate is not trusted".to_owned(), TRUST),
        ExpiredContext { time, not_after } => {
            let ago = between(*not_after, *time);
            (format!("its certificate expired {ago} ago, by this machine's clock"), CLOCK)
        }
        NotValidYetContext { time, not_before } => {
            let later = between(*time, *not_before);
            (format!("its certificate becomes valid in {later}, by this machine's clock"), CLOCK)
        }
        NotValidForNameContext { presented, .. } if presented.is_empty() => {
            ("its certificate names no host".to_owned(), NAME)
        }
        NotValidForNameContext { presented, .. } => {
            let names: Vec<&str> = presented.iter().map(|name| bare(name)).collect();
            (format!("its certificate is for {}", names.join(", ")), NAME)
        }
        Revoked => ("its certificate has been revoked".to_owned(), RENEW),
        BadEncoding => ("its certificate is malformed".to_owned(), RENEW),
        CertificateError::Other(other)
            if matches!(other.0.downcast_ref(), Some(webpki::Error::CaUsedAsEndEntity)) =>
        {
            ("its certificate is a certificate authority's (CA:TRUE), not a server's".to_owned(), NOT_CA)
        }
        other => (format!("invalid certificate: {other}"), OTHER),
    }
}

/// The name in `DnsName("…")` or `IpAddress(…)`.
fn bare(name: &str) -> &str {
    let inner = name.split_once('(').map_or(name, |(_, inner)| inner.trim_end_matches(')'));
    inner.trim_matches('"')
}

fn between(earlier: UnixTime, later: UnixTime) -> String {
    approximate(Duration::from_secs(later.as_secs().saturating_sub(earlier.as_secs())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_a_certificate() {
        let time = |seconds| UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        let (time, not_after, not_before) = (time(1_000_000), time(827_200), time(1_007_200));
        for (error, reason, hint) in [
            (
                ExpiredContext { time, not_after },
                "its certificate expired 2 days ago, by this machine's clock",
                CLOCK,
            ),
            (
                NotValidYetContext { time, not_before },
                "its certificate becomes valid in 2 hours, by this machine's clock",
                CLOCK,
            ),
            (Revoked, "its certificate has been revoked", RENEW),
            (BadEncoding, "its certificate is malformed", RENEW),
            (CertificateError::BadSignature, "invalid certificate: BadSignature", OTHER),
        ] {
            assert_eq!(certificate(&error), (reason.to_owned(), hint));
        }
    }
}
