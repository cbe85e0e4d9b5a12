//! Explains failed TLS handshakes: certificate errors in plain words, other errors by rustls's text.

use std::io;

use rustls::CertificateError::{
    self, BadSignature, ExpiredContext, NotValidForNameContext, NotValidYetContext, Other, UnknownIssuer,
    UnsupportedSignatureAlgorithmContext, UnsupportedSignatureAlgorithmForPublicKeyContext,
};

use crate::error::{Error, Kind};
use crate::text::Sanitized;

const TRUST: &str = "if its issuer is your own authority or a proxy that inspects TLS, trust the issuer's \
     certificate with --cacert or SSL_CERT_FILE";
const CLOCK: &str = "check this machine's clock; if it is right, the server needs a new certificate";
const NAME: &str = "check the subdomain or base URL, and where its name leads";
const RENEW: &str = "the server, or a proxy that inspects TLS, needs a new certificate";
const NOT_CA: &str = "make it with: openssl req -x509 … -addext basicConstraints=critical,CA:FALSE \
     -addext subjectAltName=DNS:NAME";
pub(super) const SERVER: &str = "check the host and the port: the server there may not speak TLS";
const PROXY: &str =
    "check https_proxy and all_proxy: write http:// before a proxy that does not speak TLS itself";
const REFUSED: &str = "ask whoever runs the server: it may not know this name, or need TLS older than 1.2, \
     another cipher or a client certificate";

/// `None` if the error is not about TLS.
pub(super) fn failure(error: &io::Error, host: &str, with_proxy: bool) -> Option<Error> {
    let (kind, peer, check) = if with_proxy {
        (Kind::Unreachable, format!("the proxy for {host}"), PROXY)
    } else {
        (Kind::Tls, host.to_owned(), SERVER)
    };
    Some(match error.get_ref()?.downcast_ref()? {
        rustls::Error::InvalidCertificate(error) => {
            let (reason, hint) = certificate(error);
            Error::new(kind, format!("cannot trust {peer}: {}", Sanitized::new(&reason)), hint)
        }
        // These come only from a peer that speaks TLS.
        error @ (rustls::Error::AlertReceived(_) | rustls::Error::PeerIncompatible(_)) => {
            handshake_failed(kind, &peer, &error.to_string(), REFUSED)
        }
        other => handshake_failed(kind, &peer, &other.to_string(), check),
    })
}

pub(super) fn handshake_failed(kind: Kind, peer: &str, reason: &str, hint: &str) -> Error {
    Error::new(kind, format!("TLS handshake with {peer} failed: {}", Sanitized::new(reason)), hint)
}

/// The reason and a hint.
fn certificate(error: &CertificateError) -> (String, &'static str) {
    let (reason, hint) = match error {
        UnknownIssuer => ("the issuer of its certificate is not trusted", TRUST),
        ExpiredContext { .. } => ("its certificate has expired", CLOCK),
        NotValidYetContext { .. } => ("its certificate is not valid yet", CLOCK),
        NotValidForNameContext { presented, .. } if presented.is_empty() => {
            ("its certificate names no host", NAME)
        }
        NotValidForNameContext { presented, .. } => {
            let names: Vec<&str> = presented.iter().map(|name| bare(name)).collect();
            return (format!("its certificate is for {}", names.join(", ")), NAME);
        }
        BadSignature => ("a signature is wrong or its key too short, such as RSA-1024", RENEW),
        UnsupportedSignatureAlgorithmContext { .. }
        | UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
            ("the algorithm of a signature or a key is not supported, such as SHA-1", RENEW)
        }
        Other(error) => match error.0.downcast_ref() {
            Some(webpki::Error::CaUsedAsEndEntity) => {
                ("its certificate is a certificate authority's (CA:TRUE), not a server's", NOT_CA)
            }
            Some(webpki::Error::NameConstraintViolation) => ("its issuer may not certify this name", RENEW),
            Some(webpki::Error::UnsupportedCriticalExtension) => ("a critical extension is unknown", RENEW),
            _ => return (format!("invalid certificate: {error}"), RENEW),
        },
        error => return (format!("invalid certificate: {error}"), RENEW),
    };
    (reason.to_owned(), hint)
}

/// The name in rustls's `DnsName("…")` or `IpAddress(…)`.
fn bare(name: &str) -> &str {
    let inner = name.split_once('(').map_or(name, |(_, inner)| inner.trim_end_matches(')'));
    inner.trim_matches('"')
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::OtherError;
    use std::sync::Arc;

    #[test]
    fn certificate_errors_are_explained() {
        let time = rustls_pki_types::UnixTime::since_unix_epoch(std::time::Duration::ZERO);
        let other = |error: webpki::Error| Other(OtherError(Arc::new(error)));
        let algorithm = "the algorithm of a signature or a key is not supported, such as SHA-1";
        for (error, reason, hint) in [
            (ExpiredContext { time, not_after: time }, "its certificate has expired", CLOCK),
            (NotValidYetContext { time, not_before: time }, "its certificate is not valid yet", CLOCK),
            (CertificateError::Revoked, "invalid certificate: Revoked", RENEW),
            (BadSignature, "a signature is wrong or its key too short, such as RSA-1024", RENEW),
            (
                UnsupportedSignatureAlgorithmContext {
                    signature_algorithm_id: vec![],
                    supported_algorithms: vec![],
                },
                algorithm,
                RENEW,
            ),
            (other(webpki::Error::NameConstraintViolation), "its issuer may not certify this name", RENEW),
            (other(webpki::Error::UnsupportedCriticalExtension), "a critical extension is unknown", RENEW),
            (other(webpki::Error::BadDer), "invalid certificate: BadDer", RENEW),
        ] {
            assert_eq!(certificate(&error), (reason.to_owned(), hint));
        }
    }

    #[test]
    fn only_what_is_not_tls_is_called_so() {
        use rustls::{AlertDescription, Error, InvalidMessage, PeerIncompatible};
        for (error, hint, proxy_hint) in [
            (Error::AlertReceived(AlertDescription::ProtocolVersion), REFUSED, REFUSED),
            (Error::AlertReceived(AlertDescription::CertificateRequired), REFUSED, REFUSED),
            (PeerIncompatible::ServerDoesNotSupportTls12Or13.into(), REFUSED, REFUSED),
            (InvalidMessage::InvalidContentType.into(), SERVER, PROXY),
        ] {
            let error = io::Error::new(io::ErrorKind::InvalidData, error);
            assert_eq!(failure(&error, "h", false).unwrap().hint(), Some(hint), "{error}");
            assert_eq!(failure(&error, "h", true).unwrap().hint(), Some(proxy_hint), "{error}");
        }
    }
}
