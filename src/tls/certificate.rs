//! A certificate: its parts (RFC 5280 section 4.1).
//!
//! *In nginx* `X509_get_…` of OpenSSL.
//!
//! *Here* a certificate is taken apart and nothing is believed of it: whether it is to be trusted is
//! decided in `verify.rs`. Parts are views of the certificate's own bytes.
//!
//! ```text
//!   { tbs { version serial algorithm issuer validity subject key … extensions } algorithm signature }
//! ```
//!
//! *Read next*: `verify.rs`, `names.rs`.

use super::der::{Der, INTEGER, SEQUENCE, Value};

/// An extension: what kind, whether who does not know it must refuse, and its value.
#[derive(Clone, Copy, Debug)]
pub struct Extension<'a> {
    /// The object identifier's bytes.
    pub id: &'a [u8],
    /// Whether it must be understood.
    pub critical: bool,
    /// The DER inside.
    pub value: &'a [u8],
}

/// Identifiers of extensions.
pub mod id {
    /// basicConstraints
    pub const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 0x13];
    /// keyUsage
    pub const KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x0f];
    /// extKeyUsage
    pub const EXTENDED_KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x25];
    /// subjectAltName
    pub const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 0x11];
    /// nameConstraints
    pub const NAME_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 0x1e];
    /// certificatePolicies
    pub const POLICIES: &[u8] = &[0x55, 0x1d, 0x20];
}

/// The parts, as they stand in the certificate.
#[derive(Clone, Copy, Debug)]
pub struct Certificate<'a> {
    /// All of it.
    pub der: &'a [u8],
    /// What is signed.
    pub tbs: &'a [u8],
    /// The version, from 1.
    pub version: u8,
    /// The serial number, most significant byte first.
    pub serial: &'a [u8],
    /// Who signed it: a Name.
    pub issuer: Value<'a>,
    /// From when it is valid, in seconds since 1970.
    pub not_before: i64,
    /// Until when, likewise.
    pub not_after: i64,
    /// Whose it is: a Name.
    pub subject: Value<'a>,
    /// SubjectPublicKeyInfo.
    pub key: Value<'a>,
    /// The extensions; None without any.
    extensions: Option<Value<'a>>,
    /// With what it is signed: an algorithm's identifier without its outer tag.
    pub algorithm: &'a [u8],
    /// The signature.
    pub signature: &'a [u8],
}

impl<'a> Certificate<'a> {
    /// Takes a certificate apart.
    pub fn parse(der: &'a [u8]) -> Option<Certificate<'a>> {
        let all = Der::new(der).tagged(SEQUENCE)?;
        let mut parts = all.inside();
        let signed = parts.tagged(SEQUENCE)?;
        let algorithm = parts.tagged(SEQUENCE)?.body;
        let signature = parts.next()?.bits()?;
        // Bytes that nobody signed would make another certificate of it, with another fingerprint.
        if all.whole.len() != der.len() || !parts.is_empty() {
            return None;
        }
        let mut tbs = signed.inside();
        let version = match tbs.tagged(0xa0) {
            Some(version) => version.inside().tagged(INTEGER)?.body.first()?.checked_add(1)?,
            None => 1,
        };
        let serial = tbs.tagged(INTEGER)?.body;
        // Both places name the same algorithm, or one of them is not signed.
        if tbs.tagged(SEQUENCE)?.body != algorithm {
            return None;
        }
        let issuer = tbs.tagged(SEQUENCE)?;
        let mut validity = tbs.tagged(SEQUENCE)?.inside();
        let (not_before, not_after) = (seconds(validity.next()?)?, seconds(validity.next()?)?);
        let subject = tbs.tagged(SEQUENCE)?;
        let key = tbs.tagged(SEQUENCE)?;
        let (_issuer_id, _subject_id) = (tbs.tagged(0x81), tbs.tagged(0x82));
        let extensions = tbs.tagged(0xa3);
        if !tbs.is_empty() {
            return None;
        }
        let tbs = signed.whole;
        Some(Certificate {
            der,
            tbs,
            version,
            serial,
            issuer,
            not_before,
            not_after,
            subject,
            key,
            extensions,
            algorithm,
            signature,
        })
    }

    /// The algorithm of the key (its identifier without the outer tag), and the key itself.
    pub fn public_key(&self) -> Option<(&'a [u8], &'a [u8])> {
        let mut parts = self.key.inside();
        let algorithm = parts.tagged(SEQUENCE)?.body;
        Some((algorithm, parts.next()?.bits()?))
    }

    /// Whether subject and issuer are the same.
    pub fn is_self_issued(&self) -> bool {
        self.subject == self.issuer
    }

    /// All extensions.
    pub fn extensions(&self) -> impl Iterator<Item = Extension<'a>> {
        let all = self.extensions.and_then(|outer| outer.inside().tagged(SEQUENCE));
        all.map(|all| all.inside()).unwrap_or(Der::new(&[])).filter_map(extension)
    }

    /// Whether the extensions can be believed to be all there are: each can be read, none comes twice, and
    /// the version is one that has any (RFC 5280 sections 4.1.2.9 and 4.2).
    pub fn has_sound_extensions(&self) -> bool {
        let Some(outer) = self.extensions else { return true };
        let mut outside = outer.inside();
        let Some(all) = outside.tagged(SEQUENCE) else { return false };
        let (mut values, mut seen) = (all.inside(), Vec::new());
        for one in &mut values {
            match extension(one) {
                Some(one) if !seen.contains(&one.id) => seen.push(one.id),
                _ => return false,
            }
        }
        self.version == 3 && outside.is_empty() && values.is_empty()
    }

    /// The extension of that kind.
    pub fn extension(&self, id: &[u8]) -> Option<&'a [u8]> {
        self.extensions().find(|extension| extension.id == id).map(|extension| extension.value)
    }

    /// basicConstraints: whether it is of an authority, and how many authorities may stand below it.
    pub fn constraints(&self) -> (bool, Option<u64>) {
        let Some(value) = self.extension(id::BASIC_CONSTRAINTS) else { return (false, None) };
        let Some(mut parts) = Der::new(value).tagged(SEQUENCE).map(|all| all.inside()) else {
            return (false, None);
        };
        let is_authority = parts.tagged(1).is_some_and(|value| value.body != [0]);
        let most = parts.tagged(INTEGER);
        // Less than none, or something behind it: nobody can have meant that.
        if most.is_some_and(|most| most.body.first().is_none_or(|byte| *byte >= 0x80)) || !parts.is_empty() {
            return (false, None);
        }
        let add = |sum: u64, byte: &u8| sum.saturating_mul(256).saturating_add(u64::from(*byte));
        (is_authority, most.map(|most| most.body.iter().fold(0, add)))
    }

    /// keyUsage, the first bit (digitalSignature) as the highest; all of them without the extension.
    pub fn key_usage(&self) -> u8 {
        let Some(value) = self.extension(id::KEY_USAGE) else { return 0xff };
        match Der::new(value).next().map(|bits| bits.body) {
            Some([_, first, ..]) => *first,
            _ => 0,
        }
    }

    /// Whether extKeyUsage names this purpose, or is not there.
    pub fn is_for(&self, purpose: &[u8]) -> bool {
        let Some(value) = self.extension(id::EXTENDED_KEY_USAGE) else { return true };
        let all = Der::new(value).tagged(SEQUENCE);
        all.is_some_and(|all| all.inside().any(|one| one.body == purpose))
    }
}

fn extension(value: Value<'_>) -> Option<Extension<'_>> {
    let mut parts = value.inside();
    let id = parts.next()?.body;
    let critical = parts.tagged(1).is_some_and(|value| value.body != [0]);
    Some(Extension { id, critical, value: parts.next()?.body })
}

/// A UTCTime or GeneralizedTime (RFC 5280 section 4.1.2.5) in seconds since 1970.
pub fn seconds(time: Value<'_>) -> Option<i64> {
    let text = time.body;
    let number = |at: usize| -> Option<i64> {
        let (tens, ones) = (text.get(at)?, text.get(at + 1)?);
        let digit = |byte: &u8| byte.is_ascii_digit().then(|| i64::from(byte - b'0'));
        Some(digit(tens)? * 10 + digit(ones)?)
    };
    let (year, at) = match (time.tag, text.len()) {
        (0x17, 13) => (number(0).map(|year| if year < 50 { 2000 + year } else { 1900 + year })?, 2),
        (0x18, 15) => (number(0)? * 100 + number(2)?, 4),
        _ => return None,
    };
    let (month, day) = (number(at)?, number(at + 2)?);
    let (hour, minute, second) = (number(at + 4)?, number(at + 6)?, number(at + 8)?);
    let valid = (1..=12).contains(&month) && (1..=31).contains(&day) && hour < 24 && minute < 60;
    if !valid || second > 60 || text.last() != Some(&b'Z') {
        return None;
    }
    // Days since 1970 of a date, the year beginning in March so that leap days come last.
    let (y, m) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719_468;
    Some(((days * 24 + hour) * 60 + minute) * 60 + second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_become_seconds() {
        let utc = |text: &'static [u8]| seconds(Value { tag: 0x17, body: text, whole: text });
        let long = |text: &'static [u8]| seconds(Value { tag: 0x18, body: text, whole: text });
        assert_eq!(utc(b"700101000000Z"), Some(0));
        assert_eq!(utc(b"000229120000Z"), Some(951_825_600));
        assert_eq!(long(b"20380119031408Z"), Some(1 << 31));
        assert_eq!(utc(b"000230120000X"), None);
        assert_eq!(utc(b"00133112000"), None);
    }
}
