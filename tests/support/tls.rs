//! A private certificate authority, and TLS configurations with valid and invalid certificates.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use rcgen::{BasicConstraints, Certificate, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::crypto::ring;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::{ALL_VERSIONS, ServerConfig, SupportedProtocolVersion};
use tempfile::TempDir;

/// The names of a server on loopback that is also `acme.outseta.com`.
pub const NAMES: [&str; 3] = ["*.outseta.com", "localhost", "127.0.0.1"];

/// A certificate authority. Its PEM file is removed when it is dropped.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: Certificate,
    folder: TempDir,
}

impl Authority {
    pub fn new() -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let key = key();
        let mut params = params(&[]);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        // If two authorities had the same name, a client would report a wrong signature.
        let name = format!("authority of {}", folder.path().display());
        params.distinguished_name.push(DnType::CommonName, name);
        let certificate = params.self_signed(&key).expect("the authority signs itself");
        let authority = Self { issuer: Issuer::new(params, key), certificate, folder };
        fs::write(authority.pem_file(), authority.pem()).expect("the PEM file is written");
        authority
    }

    pub fn pem(&self) -> String {
        self.certificate.pem()
    }

    /// The PEM file's contents with a certificate that is base64 but not DER.
    pub fn damaged_pem(&self) -> String {
        self.pem().replacen("MII", "AAA", 1)
    }

    /// For `--cacert` or `SSL_CERT_FILE`.
    pub fn pem_file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// A server with a certificate for these names (DNS names, wildcards, IP addresses).
    pub fn server(&self, names: &[&str]) -> Arc<ServerConfig> {
        self.sign(&params(names))
    }

    /// As [`Authority::server`], but with only this version of TLS.
    pub fn server_of(&self, version: &'static SupportedProtocolVersion) -> Arc<ServerConfig> {
        let key = key();
        let certificate = params(&NAMES).signed_by(&key, &self.issuer).expect("the authority signs");
        server_config(&certificate, &key, &[version])
    }

    /// As [`Authority::server`], but the certificate expired in 2001.
    pub fn expired(&self, names: &[&str]) -> Arc<ServerConfig> {
        let mut params = params(names);
        params.not_after = date_time_ymd(2001, 1, 1);
        self.sign(&params)
    }

    /// As [`Authority::server`], but the certificate is valid from 2201.
    pub fn premature(&self, names: &[&str]) -> Arc<ServerConfig> {
        let mut params = params(names);
        params.not_before = date_time_ymd(2201, 1, 1);
        self.sign(&params)
    }

    /// As [`Authority::server`], but the certificate is a certificate authority's.
    pub fn server_as_ca(&self, names: &[&str]) -> Arc<ServerConfig> {
        let mut params = params(names);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        self.sign(&params)
    }

    fn sign(&self, params: &CertificateParams) -> Arc<ServerConfig> {
        let key = key();
        let certificate = params.signed_by(&key, &self.issuer).expect("the authority signs");
        server_config(&certificate, &key, ALL_VERSIONS)
    }
}

/// A server with a self-signed certificate.
pub fn self_signed(names: &[&str]) -> Arc<ServerConfig> {
    let key = key();
    let certificate = params(names).self_signed(&key).expect("the certificate signs itself");
    server_config(&certificate, &key, ALL_VERSIONS)
}

fn key() -> KeyPair {
    KeyPair::generate().expect("a key pair")
}

fn params(names: &[&str]) -> CertificateParams {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    CertificateParams::new(names).expect("the names are valid")
}

fn server_config(
    certificate: &Certificate,
    key: &KeyPair,
    versions: &[&'static SupportedProtocolVersion],
) -> Arc<ServerConfig> {
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let config = config.with_protocol_versions(versions).expect("ring has these versions");
    let key = PrivatePkcs8KeyDer::from(key.serialize_der()).into();
    let config = config.with_no_client_auth().with_single_cert(vec![certificate.der().clone()], key);
    Arc::new(config.expect("the key belongs to the certificate"))
}
