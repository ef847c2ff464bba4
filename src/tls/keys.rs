//! Certificates and keys from PEM files.
//!
//! *In nginx* `ngx_ssl_certificate`: `SSL_CTX_use_certificate`, the chain behind it, and
//! `SSL_CTX_use_PrivateKey`.
//!
//! *Here* the same, through rustls's reader of PEM: PKCS#8, PKCS#1 and SEC1 keys, RSA from 2048 bits, P-256,
//! P-384 and Ed25519. Encrypted keys are refused with words that say so.
//!
//! *Read next*: `server.rs`.

use super::certificate::Certificate;
use super::der::Der;
use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use std::path::Path;
use std::sync::Arc;
use std::{fs, io};

fn read(path: &Path, what: &str) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|error| {
        let reason = match error.kind() {
            io::ErrorKind::NotFound => "No such file or directory".to_owned(),
            _ => error.to_string(),
        };
        format!("cannot load {what} \"{}\": {reason}", path.display())
    })
}

/// The certificates of a file, at least one.
///
/// # Errors
/// nginx's sentence with the reason.
pub fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let pem = without_trust(read(path, "certificate")?);
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).map(|one| one.map(bare)).collect();
    let wrong = |reason: String| format!("cannot load certificate \"{}\": {reason}", path.display());
    match found {
        Ok(all) if all.is_empty() => Err(wrong("no start line".to_owned())),
        Ok(all) => match all.iter().all(|one| Certificate::parse(one).is_some()) {
            true => Ok(all),
            false => Err(wrong("not a certificate".to_owned())),
        },
        Err(error) => Err(wrong(error.to_string())),
    }
}

/// `openssl x509 -trustout` writes certificates under a label of its own.
fn without_trust(pem: Vec<u8>) -> Vec<u8> {
    const LABEL: &str = "TRUSTED CERTIFICATE-----";
    match memchr::memmem::find(&pem, LABEL.as_bytes()) {
        None => pem,
        Some(_) => String::from_utf8_lossy(&pem).replace(LABEL, "CERTIFICATE-----").into_bytes(),
    }
}

/// A certificate without what was appended to it: for what it is trusted, which is not asked for here.
fn bare(one: CertificateDer<'static>) -> CertificateDer<'static> {
    match Der::new(&one).next() {
        Some(value) if value.whole.len() < one.len() => CertificateDer::from(value.whole.to_vec()),
        _ => one,
    }
}

/// The revocation lists of a file.
///
/// # Errors
/// nginx's sentence with the reason.
pub fn revocation_lists(path: &Path) -> Result<Vec<CertificateRevocationListDer<'static>>, String> {
    let pem = read(path, "CRL")?;
    let found: Result<Vec<_>, _> = CertificateRevocationListDer::pem_slice_iter(&pem).collect();
    let wrong = |reason: String| format!("cannot load CRL \"{}\": {reason}", path.display());
    match found {
        Ok(all) if all.is_empty() => Err(wrong("no start line".to_owned())),
        Ok(all) => Ok(all),
        Err(error) => Err(wrong(error.to_string())),
    }
}

/// A certificate with its chain and its key.
///
/// # Errors
/// nginx's sentence with the reason.
pub fn pair(certificate: &Path, key: &Path) -> Result<Arc<CertifiedKey>, String> {
    let chain = certificates(certificate)?;
    let pem = read(key, "certificate key")?;
    let wrong = |reason: String| format!("cannot load certificate key \"{}\": {reason}", key.display());
    let is_encrypted = |pem: &[u8]| {
        let has = |needle: &[u8]| memchr::memmem::find(pem, needle).is_some();
        has(b"BEGIN ENCRYPTED PRIVATE KEY") || has(b"Proc-Type: 4,ENCRYPTED")
    };
    if is_encrypted(&pem) {
        return Err(wrong("encrypted keys are not supported".to_owned()));
    }
    let key = PrivateKeyDer::from_pem_slice(&pem).map_err(|error| wrong(error.to_string()))?;
    let key = any_supported_type(&key).map_err(|error| wrong(error.to_string()))?;
    let of_certificate = chain.first().and_then(|one| Certificate::parse(one)).map(|one| one.key.whole);
    let of_key = key.public_key();
    if of_key.as_ref().is_some_and(|of_key| Some(of_key.as_ref()) != of_certificate) {
        return Err(wrong("key values mismatch".to_owned()));
    }
    Ok(Arc::new(CertifiedKey::new(chain, key)))
}
