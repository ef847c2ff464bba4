//! Signatures that prove the possession of a certificate's key.
//!
//! *In nginx* OpenSSL's business.
//!
//! *Here* rustls has a function for it, which takes certificates of version 3 only; peers whose
//! certificate nobody asked to be verified may have older ones, as `openssl req -x509` makes them. So the
//! key is read by `certificate.rs` and the signature checked with the algorithms of the provider.
//!
//! *Read next*: `client.rs`.

use super::certificate::Certificate;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::CertificateDer;
use rustls::{CertificateError, DigitallySignedStruct, Error, PeerMisbehaved, SignatureScheme};

/// The algorithms there are.
pub fn algorithms() -> WebPkiSupportedAlgorithms {
    rustls::crypto::ring::default_provider().signature_verification_algorithms
}

/// Whether a signature of a certificate or a list is by that key.
pub fn is_valid(message: &[u8], algorithm: &[u8], signature: &[u8], by: &Certificate) -> bool {
    let Some((kind, key)) = by.public_key() else { return false };
    let mut fitting = algorithms().all.iter().filter(|one| {
        one.signature_alg_id().as_ref() == algorithm && one.public_key_alg_id().as_ref() == kind
    });
    fitting.any(|one| one.verify_signature(key, message, signature).is_ok())
}

/// Checks a signature of a handshake. In TLS 1.3 (`modern`) a scheme names one curve, and those of old are no
/// longer allowed, although certificates may have them (RFC 8446 section 4.2.3); in 1.2 any curve will do
/// that the key is of.
///
/// # Errors
/// [`CertificateError::BadSignature`] and its kin, or that the peer used what is not allowed.
pub fn verify(
    message: &[u8],
    certificate: &CertificateDer<'_>,
    signed: &DigitallySignedStruct,
    modern: bool,
) -> Result<HandshakeSignatureValid, Error> {
    if modern && !is_modern(signed.scheme) {
        return Err(PeerMisbehaved::SignedHandshakeWithUnadvertisedSigScheme.into());
    }
    let bad = |what| Error::InvalidCertificate(what);
    let parsed = Certificate::parse(certificate).ok_or(bad(CertificateError::BadEncoding))?;
    let (algorithm, key) = parsed.public_key().ok_or(bad(CertificateError::BadEncoding))?;
    let row = algorithms().mapping.iter().find(|(scheme, _)| *scheme == signed.scheme);
    let candidates = row.map(|(_, candidates)| *candidates).unwrap_or_default();
    let most = if modern { 1 } else { candidates.len() };
    let fitting = candidates.iter().take(most).find(|one| one.public_key_alg_id().as_ref() == algorithm);
    let fitting = fitting.ok_or(bad(CertificateError::BadSignature))?;
    let verified = fitting.verify_signature(key, message, signed.signature());
    verified.map_err(|_| bad(CertificateError::BadSignature))?;
    Ok(HandshakeSignatureValid::assertion())
}

/// Whether a handshake of TLS 1.3 may be signed so.
fn is_modern(scheme: SignatureScheme) -> bool {
    use SignatureScheme as S;
    matches!(
        scheme,
        S::ECDSA_NISTP256_SHA256
            | S::ECDSA_NISTP384_SHA384
            | S::ECDSA_NISTP521_SHA512
            | S::RSA_PSS_SHA256
            | S::RSA_PSS_SHA384
            | S::RSA_PSS_SHA512
            | S::ED25519
    )
}

/// The methods about signatures that rustls wants of who verifies servers and of who verifies clients: the
/// same for both.
macro_rules! handshake_signatures {
    () => {
        fn verify_tls12_signature(
            &self,
            message: &[u8],
            certificate: &CertificateDer<'_>,
            signed: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            signature::verify(message, certificate, signed, false)
        }

        fn verify_tls13_signature(
            &self,
            message: &[u8],
            certificate: &CertificateDer<'_>,
            signed: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            signature::verify(message, certificate, signed, true)
        }

        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            signature::algorithms().supported_schemes()
        }
    };
}
pub(super) use handshake_signatures;
