//! Certificates, as the other end of a TLS connection shows them: an authority, a certificate and a list
//! of it.

use super::targets::number_of;
use headwater::tls::certificate::Certificate;
use headwater::tls::der::Der;
use headwater::tls::names;
use headwater::tls::verify::{Purpose, Trust};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer};

const AUTHORITY: &str = "-----BEGIN CERTIFICATE-----
MIIBqTCCAU+gAwIBAgIUTU49d3pNwAF8DBBD0bBswnuM7gAwCgYIKoZIzj0EAwIw
ITEQMA4GA1UECgwHRXhhbXBsZTENMAsGA1UEAwwEUm9vdDAgFw0yNjExMjIwNzE1
MjRaGA8yMTI2MTAyOTA3MTUyNFowITEQMA4GA1UECgwHRXhhbXBsZTENMAsGA1UE
AwwEUm9vdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABJMKkdcG8XlSCvJFr9B2
s/nZjaUkuToF4/qkY7fCqiC7VtVRMGVNRxN1ggdE3EMwY3Kp4Vb2dqpIE0fVMYlU
GMejYzBhMB0GA1UdDgQWBBQJa9HTP8Z1/Oa/WuUFsrYO1aC7izAfBgNVHSMEGDAW
gBQJa9HTP8Z1/Oa/WuUFsrYO1aC7izAPBgNVHRMBAf8EBTADAQH/MA4GA1UdDwEB
/wQEAwIBBjAKBggqhkjOPQQDAgNIADBFAiB054sfm/h+RivSLCqtFe6ZhbXEPZ9D
Gj6cBc+FVKEYkQIhALpoDBxpO3tfBg46X2weBH19YipGidCoY8XN9sm/FVaY
-----END CERTIFICATE-----";

const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----
MIIB/zCCAaSgAwIBAgICEmcwCgYIKoZIzj0EAwIwITEQMA4GA1UECgwHRXhhbXBs
ZTENMAsGA1UEAwwEUm9vdDAgFw0yNjExMjIwNzE1MjRaGA8yMTI1MDYxNjA3MTUy
NFowOTELMAkGA1UEBhMCREUxEDAOBgNVBAoMB0V4YW1wbGUxGDAWBgNVBAMMD3d3
dy5leGFtcGxlLmNvbTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABNLVprrX4z26
g/jAnyHfDU0hGQTQEtkSem4y7P11Uo3lyEL/91aErLmUq8InorS2EXZDyKad4H0a
fZ+Xt0syhN2jgbEwga4wDAYDVR0TAQH/BAIwADAOBgNVHQ8BAf8EBAMCB4AwHQYD
VR0lBBYwFAYIKwYBBQUHAwEGCCsGAQUFBwMCMC8GA1UdEQQoMCaCD3d3dy5leGFt
cGxlLmNvbYINKi5leGFtcGxlLm9yZ4cEfwAAATAdBgNVHQ4EFgQUflc+ZwHYm9VG
Mi300ZDl7bijl/wwHwYDVR0jBBgwFoAUCWvR0z/Gdfzmv1rlBbK2DtWgu4swCgYI
KoZIzj0EAwIDSQAwRgIhAMKWClquMaImBcZyBMNg1ZGS51WWLNCBWOkUFGPce9lY
AiEA7nGcSsGPYiARjsIz6uBqEpi+yV7l5UD12aW79dsURXA=
-----END CERTIFICATE-----";

const LIST: &str = "-----BEGIN X509 CRL-----
MIG6MGMCAQEwCgYIKoZIzj0EAwIwITEQMA4GA1UECgwHRXhhbXBsZTENMAsGA1UE
AwwEUm9vdBcNMjYxMTIyMDcxNTI0WhgPMjEyNTA2MTYwNzE1MjRaoA8wDTALBgNV
HRQEBAICEAAwCgYIKoZIzj0EAwIDRwAwRAIgV7rWz1zl8jsy3pQTSh+mADp5+RKx
mk90RnC4Yl8qrowCIB+O9Mwuri/ht+lftAf8VYUXqyr0dWut2haw4b+ST6OS
-----END X509 CRL-----";

/// A time within that of all three, in seconds since 1970.
const NOW: i64 = 2_000_000_000;

fn authority() -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(AUTHORITY.as_bytes()).expect("the authority")
}

fn certificate() -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(CERTIFICATE.as_bytes()).expect("the certificate")
}

fn list() -> CertificateRevocationListDer<'static> {
    CertificateRevocationListDer::from_pem_slice(LIST.as_bytes()).expect("the list")
}

/// The three, without the armour.
pub fn inputs() -> Vec<Vec<u8>> {
    vec![certificate().to_vec(), authority().to_vec(), list().to_vec()]
}

/// A damaged certificate is nobody's: what the authority did not sign is not believed, whoever shows it,
/// and a damaged list of those that were taken back lets nobody in.
pub fn damaged(bytes: &[u8]) {
    let (root, good) = (authority(), certificate());
    let shown = [CertificateDer::from(bytes), root.clone()];
    let purpose = if number_of(bytes) & 1 == 0 { Purpose::Client } else { Purpose::Server };
    let trusting = |lists| Trust { roots: vec![root.clone()], lists, depth: 4 };
    let said = trusting(vec![]).verify(&shown, purpose, NOW);
    let read = Certificate::parse(bytes);
    if let Some(read) = &read {
        let _ =
            (names::rfc2253(read.subject), names::legacy(read.issuer), read.key_usage(), read.constraints());
        let is_for = names::is_for(read, "www.example.com");
        let signed = [&good, &root].map(|one| Certificate::parse(one).map(|one| one.tbs));
        assert!(said.is_err() || signed.contains(&Some(read.tbs)), "believed although it is not signed");
        assert!(said.is_err() || is_for || bytes == &root[..]);
        assert!(Trust::default().verify(&shown, purpose, NOW).is_err(), "believed without an authority");
    } else {
        assert!(said.is_err());
    }
    let lists = vec![CertificateRevocationListDer::from(bytes.to_vec())];
    let said = trusting(lists).verify(std::slice::from_ref(&good), purpose, NOW);
    assert!(said.is_err() || signed_part(bytes) == signed_part(&list()), "a list that nobody signed");
    // What stands beside a good certificate does it no harm.
    let beside = [good, CertificateDer::from(bytes)];
    assert!(read.is_none() || trusting(vec![list()]).verify(&beside, purpose, NOW).is_ok());
}

fn signed_part(bytes: &[u8]) -> Option<&[u8]> {
    Der::new(bytes).next()?.inside().next().map(|part| part.whole)
}
