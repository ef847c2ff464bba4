//! Cipher suites, protocols and curves by the names that OpenSSL's users know.
//!
//! *In nginx* the strings of `ssl_ciphers`, `ssl_protocols` and `ssl_ecdh_curve` go to OpenSSL as they
//! are.
//!
//! *Here* they select from what rustls has: nine suites, all of them with forward secrecy and authenticated
//! encryption. [`select`] understands OpenSSL's language of selecting: names and groups, `+` between them,
//! `!`, `-` and `+` in front. As in OpenSSL it is about TLS 1.2 only, and words that name nothing here are
//! passed over; a string that selects nothing at all is an error.
//!
//! ```text
//!   HIGH:!aNULL:!MD5 ─▶ all six of TLS 1.2    ECDHE+AESGCM:!ECDSA ─▶ two    AES128-SHA ─▶ none: an error
//! ```
//!
//! *Read next*: `server.rs`.

use rustls::crypto::SupportedKxGroup;
use rustls::crypto::ring::{cipher_suite as suites, default_provider, kx_group};
use rustls::{CipherSuite, NamedGroup, ProtocolVersion, SupportedCipherSuite, SupportedProtocolVersion};

/// `ssl_protocols TLSv1.2`
pub const TLS12: u32 = 1;
/// `ssl_protocols TLSv1.3`
pub const TLS13: u32 = 2;
/// A protocol that nginx knows and rustls does not.
pub const OLD: u32 = 4;

/// The words of `ssl_protocols`.
pub const PROTOCOLS: &[(&str, u32)] = &[
    ("SSLv2", OLD),
    ("SSLv3", OLD),
    ("TLSv1", OLD),
    ("TLSv1.1", OLD),
    ("TLSv1.2", TLS12),
    ("TLSv1.3", TLS13),
];

/// The suites of TLS 1.2 in OpenSSL's order, with OpenSSL's name, and the groups that each belongs to beside
/// [`COMMON`].
const SUITES: [(&str, SupportedCipherSuite, &[&str]); 6] = [
    (
        "ECDHE-ECDSA-AES256-GCM-SHA384",
        suites::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
        &["AES", "AES256", "AESGCM", "ECDSA", "aECDSA"],
    ),
    (
        "ECDHE-RSA-AES256-GCM-SHA384",
        suites::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
        &["AES", "AES256", "AESGCM", "aRSA"],
    ),
    (
        "ECDHE-ECDSA-CHACHA20-POLY1305",
        suites::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
        &["CHACHA20", "ECDSA", "aECDSA"],
    ),
    (
        "ECDHE-RSA-CHACHA20-POLY1305",
        suites::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
        &["CHACHA20", "aRSA"],
    ),
    (
        "ECDHE-ECDSA-AES128-GCM-SHA256",
        suites::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        &["AES", "AES128", "AESGCM", "ECDSA", "aECDSA"],
    ),
    (
        "ECDHE-RSA-AES128-GCM-SHA256",
        suites::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
        &["AES", "AES128", "AESGCM", "aRSA"],
    ),
];

/// Groups that all of them belong to.
const COMMON: &[&str] =
    &["ALL", "DEFAULT", "HIGH", "ECDHE", "EECDH", "kECDHE", "kEECDH", "ECDH", "TLSv1.2", "FIPS"];

fn belongs((name, _, groups): &(&str, SupportedCipherSuite, &[&str]), word: &str) -> bool {
    word.split('+').all(|part| part == *name || groups.contains(&part) || COMMON.contains(&part))
}

/// The suites of TLS 1.2 that a string selects, in its order.
///
/// # Errors
/// nginx's sentence if there is none.
pub fn select(text: &str) -> Result<Vec<SupportedCipherSuite>, String> {
    let mut chosen: Vec<usize> = Vec::new();
    let mut killed: Vec<usize> = Vec::new();
    let words = text.split([':', ',', ' ', ';']).filter(|word| !word.is_empty() && !word.starts_with('@'));
    for word in words {
        let (sign, word) = match word.strip_prefix(['!', '-', '+']) {
            Some(rest) => (word.chars().next(), rest),
            None => (None, word),
        };
        let named = |at: &usize| SUITES.get(*at).is_some_and(|row| belongs(row, word));
        match sign {
            Some('!') => {
                killed.extend((0..SUITES.len()).filter(named));
                chosen.retain(|at| !named(at));
            }
            Some('-') => chosen.retain(|at| !named(at)),
            Some(_) => {
                let (moved, mut kept): (Vec<usize>, Vec<usize>) = chosen.iter().partition(|at| named(at));
                kept.extend(moved);
                chosen = kept;
            }
            None => {
                let fresh = (0..SUITES.len()).filter(named);
                let fresh: Vec<usize> =
                    fresh.filter(|at| !chosen.contains(at) && !killed.contains(at)).collect();
                chosen.extend(fresh);
            }
        }
    }
    if chosen.is_empty() {
        return Err(format!("SSL_CTX_set_cipher_list(\"{text}\") failed: no cipher match"));
    }
    Ok(chosen.iter().filter_map(|at| SUITES.get(*at)).map(|row| row.1).collect())
}

/// The suites of TLS 1.3, which no string changes.
pub fn tls13_suites() -> Vec<SupportedCipherSuite> {
    default_provider().cipher_suites.into_iter().filter(|suite| suite.tls13().is_some()).collect()
}

/// The key exchange groups of a list such as `X25519:prime256v1`; `auto` is all of them.
///
/// # Errors
/// nginx's sentence for a name that is not here.
pub fn curves(text: &str) -> Result<Vec<&'static dyn SupportedKxGroup>, String> {
    if text == "auto" {
        return Ok(default_provider().kx_groups);
    }
    let one = |name: &str| match name {
        "X25519" | "x25519" => Some(kx_group::X25519),
        "prime256v1" | "P-256" | "secp256r1" => Some(kx_group::SECP256R1),
        "secp384r1" | "P-384" => Some(kx_group::SECP384R1),
        _ => None,
    };
    let chosen: Option<Vec<_>> = text.split(':').map(one).collect();
    chosen.ok_or_else(|| format!("SSL_CTX_set1_curves_list(\"{text}\") failed"))
}

/// The versions of a set of protocols.
pub fn versions(protocols: u32) -> Vec<&'static SupportedProtocolVersion> {
    let all = [(TLS13, &rustls::version::TLS13), (TLS12, &rustls::version::TLS12)];
    all.into_iter().filter(|(bit, _)| protocols & bit != 0).map(|(_, version)| version).collect()
}

/// OpenSSL's name of a protocol.
pub fn protocol_name(version: ProtocolVersion) -> &'static str {
    match version {
        ProtocolVersion::TLSv1_3 => "TLSv1.3",
        ProtocolVersion::TLSv1_2 => "TLSv1.2",
        _ => "",
    }
}

/// OpenSSL's name of a suite.
pub fn suite_name(suite: CipherSuite) -> &'static str {
    match suite {
        CipherSuite::TLS13_AES_256_GCM_SHA384 => "TLS_AES_256_GCM_SHA384",
        CipherSuite::TLS13_AES_128_GCM_SHA256 => "TLS_AES_128_GCM_SHA256",
        CipherSuite::TLS13_CHACHA20_POLY1305_SHA256 => "TLS_CHACHA20_POLY1305_SHA256",
        other => SUITES.iter().find(|row| row.1.suite() == other).map_or("", |row| row.0),
    }
}

/// The names of suites, with colons; a number for those without a name here.
pub fn suite_names(suites: &[CipherSuite]) -> String {
    let name = |suite: &CipherSuite| match suite_name(*suite) {
        "" => format!("0x{:04x}", u16::from(*suite)),
        name => name.to_owned(),
    };
    suites.iter().map(name).collect::<Vec<_>>().join(":")
}

/// The names of groups, likewise.
pub fn group_names(groups: &[NamedGroup]) -> String {
    let name = |group: &NamedGroup| match group_name(*group) {
        "" => format!("0x{:04x}", u16::from(*group)),
        name => name.to_owned(),
    };
    groups.iter().map(name).collect::<Vec<_>>().join(":")
}

/// OpenSSL's name of a key exchange group.
pub fn group_name(group: NamedGroup) -> &'static str {
    match group {
        NamedGroup::X25519 => "X25519",
        NamedGroup::secp256r1 => "prime256v1",
        NamedGroup::secp384r1 => "secp384r1",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<&'static str> {
        select(text).unwrap_or_default().iter().map(|suite| suite_name(suite.suite())).collect()
    }

    #[test]
    fn strings_select_as_in_openssl() {
        assert_eq!(names("HIGH:!aNULL:!MD5").len(), 6);
        assert_eq!(names("DEFAULT@SECLEVEL=0").len(), 0, "a word with a level is another word");
        assert_eq!(names("DEFAULT:@SECLEVEL=0").len(), 6);
        assert_eq!(
            names("ECDHE+AESGCM:!ECDSA"),
            ["ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-RSA-AES128-GCM-SHA256"]
        );
        assert_eq!(
            names("ECDHE-RSA-AES128-GCM-SHA256:AES256-SHA:aRSA:-AES256"),
            ["ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-CHACHA20-POLY1305"]
        );
        assert_eq!(names("aRSA:+CHACHA20").last(), Some(&"ECDHE-RSA-CHACHA20-POLY1305"));
        assert!(select("AES128-SHA:kRSA").is_err_and(|text| text.contains("no cipher match")));
        assert!(select("ALL:!ALL").is_err());
    }
}
