//! A certificate: its parts (RFC 5280 section 4.1).
//!
//! *In nginx* `ngx_ssl_get_subject_dn` and its kin, which ask OpenSSL.
//!
//! *Here* a certificate is taken apart and nothing is believed of it: whether it is to be trusted is
//! decided elsewhere.
//!
//! *Read next*: `signature.rs`.

use super::der::{Der, INTEGER, SEQUENCE, Value};

/// The parts, as they stand in the certificate.
#[derive(Clone, Copy, Debug)]
pub struct Certificate<'a> {
    /// The serial number, most significant byte first.
    pub serial: &'a [u8],
    /// Who signed it: a Name.
    pub issuer: Value<'a>,
    /// When it begins and ends to be valid: two times.
    pub validity: Value<'a>,
    /// Whose it is: a Name.
    pub subject: Value<'a>,
    /// SubjectPublicKeyInfo.
    pub key: Value<'a>,
}

impl<'a> Certificate<'a> {
    /// Takes a certificate apart.
    pub fn parse(der: &'a [u8]) -> Option<Certificate<'a>> {
        let mut tbs = Der::new(der).tagged(SEQUENCE)?.inside().tagged(SEQUENCE)?.inside();
        // The version, where it is not 1.
        let _ = tbs.tagged(0xa0);
        let serial = tbs.tagged(INTEGER)?.body;
        let _algorithm = tbs.tagged(SEQUENCE)?;
        let issuer = tbs.tagged(SEQUENCE)?;
        let validity = tbs.tagged(SEQUENCE)?;
        let subject = tbs.tagged(SEQUENCE)?;
        let key = tbs.tagged(SEQUENCE)?;
        Some(Certificate { serial, issuer, validity, subject, key })
    }

    /// The algorithm of the key (its identifier without the outer tag), and the key itself.
    pub fn public_key(&self) -> Option<(&'a [u8], &'a [u8])> {
        let mut parts = self.key.inside();
        let algorithm = parts.tagged(SEQUENCE)?.body;
        Some((algorithm, parts.next()?.bits()?))
    }
}
