//! Lists of certificates that were taken back (RFC 5280 section 5).
//!
//! *In nginx* `X509_V_FLAG_CRL_CHECK_ALL` of OpenSSL.
//!
//! *Here* the same: every certificate of a chain must be covered by a list of its authority that is signed by
//! it and neither of the past nor of the future. Of several the newest counts, since what was taken back
//! lately is only in that. Lists that cover only a part, which a critical extension would say, are refused.
//!
//! *Read next*: `verify.rs`.

use super::certificate::{Certificate, seconds};
use super::der::{Der, INTEGER, SEQUENCE};
use super::signature;
use super::verify::{BAD_CRL_SIGNATURE, CRITICAL, CRL_EXPIRED, CRL_NOT_YET, Fault, NO_CRL, REVOKED};
use rustls::pki_types::CertificateRevocationListDer;

/// cRLSign
const CRL_SIGN: u8 = 0x02;

/// A list, taken apart.
struct List<'a> {
    tbs: &'a [u8],
    issuer: &'a [u8],
    since: i64,
    until: Option<i64>,
    revoked: Option<Der<'a>>,
    has_critical: bool,
    algorithm: &'a [u8],
    signature: &'a [u8],
}

impl<'a> List<'a> {
    fn parse(der: &'a [u8]) -> Option<List<'a>> {
        let mut parts = Der::new(der).tagged(SEQUENCE)?.inside();
        let signed = parts.tagged(SEQUENCE)?;
        let algorithm = parts.tagged(SEQUENCE)?.body;
        let signature = parts.next()?.bits()?;
        let mut tbs = signed.inside();
        let _version = tbs.tagged(INTEGER);
        if tbs.tagged(SEQUENCE)?.body != algorithm {
            return None;
        }
        let issuer = tbs.tagged(SEQUENCE)?.whole;
        let since = seconds(tbs.next()?)?;
        let until = match tbs.tagged(0x17).or_else(|| tbs.tagged(0x18)) {
            Some(time) => Some(seconds(time)?),
            None => None,
        };
        let revoked = tbs.tagged(SEQUENCE).map(|all| all.inside());
        let extensions = tbs.tagged(0xa0).and_then(|outer| outer.inside().tagged(SEQUENCE));
        let is_critical = |one: super::der::Value| one.inside().any(|part| part.tag == 1 && part.body != [0]);
        let has_critical = extensions.is_some_and(|all| all.inside().any(is_critical));
        // What cannot be read might have named a certificate.
        if !tbs.is_empty() || !parts.is_empty() || revoked.is_some_and(|all| !is_readable(all)) {
            return None;
        }
        Some(List { tbs: signed.whole, issuer, since, until, revoked, has_critical, algorithm, signature })
    }

    fn has(&self, serial: &[u8]) -> bool {
        let mut all = self.revoked.unwrap_or(Der::new(&[]));
        all.any(|one| one.inside().tagged(INTEGER).is_some_and(|number| number.body == serial))
    }

    fn is_current(&self, now: i64) -> bool {
        self.since <= now && self.until.is_none_or(|until| now <= until)
    }
}

/// Whether every entry has a number.
fn is_readable(mut entries: Der) -> bool {
    entries.all(|one| one.tag == SEQUENCE && one.inside().tagged(INTEGER).is_some()) && entries.is_empty()
}

/// Checks every certificate of a chain, which ends with one that signed itself.
///
/// # Errors
/// What is wrong with a certificate, or with the lists.
pub fn check(
    chain: &[Certificate],
    lists: &[CertificateRevocationListDer<'static>],
    now: i64,
) -> Result<(), Fault> {
    let lists: Vec<List> = lists.iter().filter_map(|list| List::parse(list)).collect();
    // From the root down: an authority that was taken back is worse news than one without a list.
    for (at, one) in chain.iter().enumerate().rev() {
        let issuer = chain.get(at + 1).unwrap_or(one);
        let of_issuer = || lists.iter().filter(|list| list.issuer == one.issuer.whole);
        let newest = of_issuer().filter(|list| list.is_current(now)).max_by_key(|list| list.since);
        let Some(list) = newest else {
            return Err(match of_issuer().max_by_key(|list| list.since) {
                None => NO_CRL,
                Some(list) if list.since > now => CRL_NOT_YET,
                Some(_) => CRL_EXPIRED,
            });
        };
        if list.has_critical {
            return Err(CRITICAL);
        }
        let may_sign = issuer.key_usage() & CRL_SIGN != 0;
        if !may_sign || !signature::is_valid(list.tbs, list.algorithm, list.signature, issuer) {
            return Err(BAD_CRL_SIGNATURE);
        }
        if list.has(one.serial) {
            return Err(REVOKED);
        }
    }
    Ok(())
}
