//! The certificates that are trusted instead of the built-in roots.

use std::path::Path;

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use super::{Environment, Found, Sourced, read_file};
use crate::error::Error;

const VARIABLE: &str = "SSL_CERT_FILE";

/// The largest CA file, in bytes: far more than a system's store of certificates.
const LIMIT: u64 = 16 << 20;

pub(super) fn find(option: Option<&Path>, environment: &Environment) -> Found<Vec<CertificateDer<'static>>> {
    let option = option.map(|path| (path, "--cacert"));
    let named = option.or_else(|| Some((Path::new(environment.get(VARIABLE)?), VARIABLE)));
    named.map(|(path, named_by)| parse(read_file::read(path, named_by, "CA file", LIMIT)?)).transpose()
}

/// The HTTP client would ignore what is malformed, and trust nobody if nothing is left.
fn parse(pem: Sourced<Vec<u8>>) -> Result<Sourced<Vec<CertificateDer<'static>>>, Error> {
    let malformed = |reason| {
        let hint = "it must contain certificates in PEM form, each between BEGIN and END lines";
        pem.origin.malformed("CA file", reason, hint)
    };
    let mut certificates = Vec::new();
    for der in CertificateDer::pem_slice_iter(&pem.value) {
        let usable = der.ok().filter(|der| webpki::anchor_from_trusted_cert(der).is_ok());
        certificates.push(usable.ok_or_else(|| malformed("a certificate in it is malformed"))?);
    }
    if certificates.is_empty() {
        return Err(malformed("it contains no certificate"));
    }
    Ok(Sourced::new(certificates, pem.origin))
}
