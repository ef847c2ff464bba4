//! Whether a chain of certificates leads to somebody who is trusted (RFC 5280 section 6).
//!
//! *In nginx* `SSL_get_verify_result` of OpenSSL, with the depth of `ssl_verify_depth` and the lists of
//! `ssl_crl`.
//!
//! *Here* OpenSSL's rules, because certificates in use were made to please them: a chain ends in a
//! certificate that signed itself and is on file; one that is itself on file may be anybody's. rustls's
//! own verifier, which is made for the public web, takes neither that nor certificates of version 1. Faults
//! have OpenSSL's numbers and words, because they are shown in `$ssl_client_verify`. What is not understood
//! is refused: critical extensions, name constraints among them.
//!
//! ```text
//!   leaf ─issuer─▶ sent along │ on file ─▶ … ─▶ on file, signed itself       ≤ depth between the two ends
//!          └ each: signature, time, authority?, usage, revoked?
//! ```
//!
//! *Read next*: `revocation.rs`, `names.rs`.

use super::certificate::{Certificate, id};
use super::revocation;
use super::signature;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer};

/// What is wrong with a chain: OpenSSL's number and words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault(pub u16, pub &'static str);

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "({}:{})", self.0, self.1)
    }
}

impl Fault {
    /// The authority is not known, which is no fault for `optional_no_ca`.
    pub fn is_about_trust(self) -> bool {
        matches!(self.0, 2 | 18..=21 | 27)
    }
}

/// The authority of a certificate was not found, although that of one above was on file.
pub const NO_ISSUER: Fault = Fault(2, "unable to get issuer certificate");
/// No list of the authority.
pub const NO_CRL: Fault = Fault(3, "unable to get certificate CRL");
/// The signature does not match.
pub const BAD_SIGNATURE: Fault = Fault(7, "certificate signature failure");
/// The list's signature does not match.
pub const BAD_CRL_SIGNATURE: Fault = Fault(8, "CRL signature failure");
/// Its time has not come.
pub const NOT_YET: Fault = Fault(9, "certificate is not yet valid");
/// Its time is over.
pub const EXPIRED: Fault = Fault(10, "certificate has expired");
/// The list is of the future.
pub const CRL_NOT_YET: Fault = Fault(11, "CRL is not yet valid");
/// The list is of the past.
pub const CRL_EXPIRED: Fault = Fault(12, "CRL has expired");
/// Signed by itself and not on file.
pub const SELF_SIGNED: Fault = Fault(18, "self-signed certificate");
/// The same, at the end of a chain.
pub const SELF_SIGNED_ROOT: Fault = Fault(19, "self-signed certificate in certificate chain");
/// Nobody knows who signed it.
pub const NO_LOCAL_ISSUER: Fault = Fault(20, "unable to get local issuer certificate");
/// The same of the only certificate there is.
pub const UNVERIFIED: Fault = Fault(21, "unable to verify the first certificate");
/// There are more between the ends than allowed.
pub const TOO_LONG: Fault = Fault(22, "certificate chain too long");
/// It was taken back.
pub const REVOKED: Fault = Fault(23, "certificate revoked");
/// Who signed is no authority.
pub const NO_AUTHORITY: Fault = Fault(24, "invalid CA certificate");
/// An authority signed more authorities than it may.
pub const PATH_LENGTH: Fault = Fault(25, "path length constraint exceeded");
/// It is for something else.
pub const PURPOSE: Fault = Fault(26, "unsuitable certificate purpose");
/// Something is not understood that must be.
pub const CRITICAL: Fault = Fault(34, "unhandled critical extension");
/// Its extensions contradict the rules.
pub const EXTENSION: Fault = Fault(41, "invalid or inconsistent certificate extension");
/// The bytes are no certificate.
pub const MALFORMED: Fault = Fault(1, "unspecified certificate verification error");

/// For what a certificate is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// By a client.
    Client,
    /// By a server.
    Server,
}

impl Purpose {
    /// The identifier in extKeyUsage.
    fn id(self) -> &'static [u8] {
        match self {
            Purpose::Server => &[0x2b, 6, 1, 5, 5, 7, 3, 1],
            Purpose::Client => &[0x2b, 6, 1, 5, 5, 7, 3, 2],
        }
    }

    /// Bits of keyUsage of which one is enough: digitalSignature, keyAgreement, keyEncipherment.
    fn usage(self) -> u8 {
        match self {
            Purpose::Server => 0x80 | 0x08 | 0x20,
            Purpose::Client => 0x80 | 0x08,
        }
    }
}

/// Whom to trust, and what was taken back.
#[derive(Debug, Default)]
pub struct Trust {
    /// Certificates on file.
    pub roots: Vec<CertificateDer<'static>>,
    /// Lists of those that were taken back; with any, every authority in a chain must have one.
    pub lists: Vec<CertificateRevocationListDer<'static>>,
    /// How many certificates may stand between the two ends of a chain.
    pub depth: u64,
}

/// The longest chain that is looked at.
const LONGEST: usize = 32;
/// How many keys are tried where several certificates have the name that is looked for. A stranger can
/// send many such, and each trial is work.
const TRIALS: usize = 64;
/// keyCertSign
const CERT_SIGN: u8 = 0x04;

impl Trust {
    /// Verifies a chain as it was sent, the first being that of the other end. `now`: seconds since 1970.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn verify(&self, sent: &[CertificateDer<'_>], purpose: Purpose, now: i64) -> Result<(), Fault> {
        let sent: Option<Vec<_>> = sent.iter().map(|one| Certificate::parse(one)).collect();
        let sent = sent.ok_or(MALFORMED)?;
        let on_file: Vec<_> = self.roots.iter().filter_map(|one| Certificate::parse(one)).collect();
        let chain = build(&sent, &on_file)?;
        let between = chain.len().saturating_sub(2);
        if between as u64 > self.depth {
            return Err(TOO_LONG);
        }
        check_extensions(&chain, purpose)?;
        if !self.lists.is_empty() {
            revocation::check(&chain, &self.lists, now)?;
        }
        check_signatures(&chain, now)
    }
}

/// Finds a way from the first certificate to one that signed itself and is on file.
fn build<'a>(sent: &[Certificate<'a>], on_file: &[Certificate<'a>]) -> Result<Vec<Certificate<'a>>, Fault> {
    let mut chain = vec![*sent.first().ok_or(MALFORMED)?];
    let (mut used_file, mut trials) = (false, TRIALS);
    while let Some(last) = chain.last().copied() {
        if last.is_self_issued() {
            let known = on_file.iter().any(|one| one.der == last.der);
            return match (known, chain.len()) {
                (true, _) => Ok(chain),
                (false, 1) => Err(SELF_SIGNED),
                (false, _) => Err(SELF_SIGNED_ROOT),
            };
        }
        let found = match pick(on_file, &chain, &mut trials) {
            Some(found) => {
                used_file = true;
                found
            }
            None => match pick(sent.get(1..).unwrap_or_default(), &chain, &mut trials) {
                Some(found) => found,
                None if used_file => return Err(NO_ISSUER),
                None if chain.len() == 1 => return Err(UNVERIFIED),
                None => return Err(NO_LOCAL_ISSUER),
            },
        };
        if chain.len() >= LONGEST {
            return Err(TOO_LONG);
        }
        chain.push(found);
    }
    Err(MALFORMED)
}

/// The certificate in `list` that goes on from the end of `chain`, if there is any with the name. Of several
/// with the same name the one whose key fits is meant.
fn pick<'a>(
    list: &[Certificate<'a>],
    chain: &[Certificate<'a>],
    trials: &mut usize,
) -> Option<Certificate<'a>> {
    let last = chain.last()?;
    let is_new = |one: &Certificate| !chain.iter().any(|seen| seen.der == one.der);
    let named = || list.iter().filter(|one| one.subject == last.issuer && is_new(one));
    let first = named().next()?;
    if named().nth(1).is_none() {
        return Some(*first);
    }
    let tried = named().take(*trials);
    let fits = tried.inspect(|_| *trials = trials.saturating_sub(1)).find(|one| is_signed_by(last, one));
    // If none fits, any will do to say so.
    Some(*fits.unwrap_or(first))
}

fn is_signed_by(one: &Certificate, issuer: &Certificate) -> bool {
    signature::is_valid(one.tbs, one.algorithm, one.signature, issuer)
}

/// Usage, authority and what must be understood, of every certificate of a chain.
fn check_extensions(chain: &[Certificate], purpose: Purpose) -> Result<(), Fault> {
    let known =
        [id::BASIC_CONSTRAINTS, id::KEY_USAGE, id::EXTENDED_KEY_USAGE, id::SUBJECT_ALT_NAME, id::POLICIES];
    // Authorities below the one that is looked at, without those that only renewed themselves.
    let mut below = 0u64;
    for (at, one) in chain.iter().enumerate() {
        if !one.has_sound_extensions() {
            return Err(EXTENSION);
        }
        // Limits on names are law whether they are marked so or not; they are not read here.
        let is_law = |critical: bool, id: &[u8]| critical || id == id::NAME_CONSTRAINTS;
        if one.extensions().any(|one| is_law(one.critical, one.id) && !known.contains(&one.id)) {
            return Err(CRITICAL);
        }
        if at == 0 {
            if !one.is_for(purpose.id()) || one.key_usage() & purpose.usage() == 0 {
                return Err(PURPOSE);
            }
            continue;
        }
        // Before version 3 nothing says who is an authority; those on file are.
        let is_old_root = one.version < 3 && one.is_self_issued();
        let (is_authority, most) = one.constraints();
        if !(is_authority || is_old_root) || one.key_usage() & CERT_SIGN == 0 || !one.is_for(purpose.id()) {
            return Err(NO_AUTHORITY);
        }
        if most.is_some_and(|most| below > most) {
            return Err(PATH_LENGTH);
        }
        below += u64::from(!one.is_self_issued());
    }
    Ok(())
}

/// Signatures and times, from the root down.
fn check_signatures(chain: &[Certificate], now: i64) -> Result<(), Fault> {
    for (at, one) in chain.iter().enumerate().rev() {
        // The last one is trusted because it is on file, not because of what it says of itself.
        if let Some(issuer) = chain.get(at + 1)
            && !is_signed_by(one, issuer)
        {
            return Err(BAD_SIGNATURE);
        }
        if now < one.not_before {
            return Err(NOT_YET);
        }
        if now > one.not_after {
            return Err(EXPIRED);
        }
    }
    Ok(())
}

#[cfg(test)]
#[path = "verify_tests.rs"]
mod tests;
