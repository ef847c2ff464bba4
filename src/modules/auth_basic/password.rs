//! Passwords as they stand in a file, and whether one is right.
//!
//! *In nginx* `ngx_crypt`.
//!
//! *Here* one question, [`matches()`]. The beginning of the stored text says how it was made:
//!
//! ```text
//!   {PLAIN}secret            as it is
//!   {SHA}base64(sha1)        without salt
//!   {SSHA}base64(sha1 salt)  the salt behind the hash
//!   $apr1$salt$hash          Apache's variant of the MD5 method of crypt(3)
//!   anything else            crypt(3) of the system
//! ```
//!
//! Comparing takes the same time wherever two texts differ.
//!
//! *Read next*: `sys/crypt.rs`, `util/base64.rs`.

use crate::sys::crypt;
use crate::util::base64;
use md5::{Digest, Md5};
use sha1::Sha1;

/// Whether the password is the stored one. None when the stored text cannot be understood.
pub fn matches(password: &[u8], stored: &[u8]) -> Option<bool> {
    if let Some(plain) = stored.strip_prefix(b"{PLAIN}") {
        return Some(same(password, plain));
    }
    if let Some(hash) = stored.strip_prefix(b"{SHA}") {
        let hash = base64::decode(hash)?;
        return Some(same(&Sha1::digest(password), &hash));
    }
    if let Some(text) = stored.strip_prefix(b"{SSHA}") {
        let text = base64::decode(text)?;
        let (hash, salt) = text.split_at_checked(20)?;
        return Some(same(&Sha1::new().chain_update(password).chain_update(salt).finalize(), hash));
    }
    let scrambled = match stored.strip_prefix(b"$apr1$") {
        Some(rest) => apr1(password, rest),
        None => crypt::scramble(password, stored)?,
    };
    Some(same(&scrambled, stored))
}

fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |sum, (a, b)| sum | (a ^ b)) == 0
}

/// Rounds of MD5 over the first result, to make guessing slow.
const ROUNDS: usize = 1000;
/// The digits of crypt(3): six bits each, the lowest first.
const DIGITS: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Apache's method; `rest` is the salt and what follows it.
fn apr1(password: &[u8], rest: &[u8]) -> Vec<u8> {
    let end = rest.iter().take(8).position(|b| *b == b'$').unwrap_or(rest.len().min(8));
    let salt = rest.get(..end).unwrap_or_default();
    let inner = Md5::new().chain_update(password).chain_update(salt).chain_update(password).finalize();
    let mut outer = Md5::new().chain_update(password).chain_update(b"$apr1$").chain_update(salt);
    outer.update(inner.iter().cycle().take(password.len()).copied().collect::<Vec<u8>>());
    let mut length = password.len();
    while length > 0 {
        // An old mistake of crypt(3) that became the method: a zero byte or the first letter, by the bits of
        // the length.
        let byte = if length & 1 == 1 { 0 } else { password.first().copied().unwrap_or(0) };
        outer.update([byte]);
        length >>= 1;
    }
    let mut hash = outer.finalize();
    for round in 0..ROUNDS {
        let mut next = Md5::new();
        next.update(if round & 1 == 1 { password } else { &hash[..] });
        if round % 3 != 0 {
            next.update(salt);
        }
        if round % 7 != 0 {
            next.update(password);
        }
        next.update(if round & 1 == 1 { &hash[..] } else { password });
        hash = next.finalize();
    }
    let mut text = [b"$apr1$", salt, b"$"].concat();
    let byte = |at: usize| u32::from(hash.get(at).copied().unwrap_or(0));
    let mut digits = |mut bits: u32, count: usize| {
        for _ in 0..count {
            text.extend(DIGITS.get((bits & 63) as usize));
            bits >>= 6;
        }
    };
    for (a, b, c) in [(0, 6, 12), (1, 7, 13), (2, 8, 14), (3, 9, 15), (4, 10, 5)] {
        digits(byte(a) << 16 | byte(b) << 8 | byte(c), 4);
    }
    digits(byte(11), 2);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_stored_password_is_understood() {
        for stored in [
            "{PLAIN}password",
            "{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=",
            "{SSHA}yI6cZwQadOA1e+/f+T+H3eCQQhRzYWx0",
            "$apr1$salt$Xxd1irWT9ycqoYxGFn4cb.",
            "$1$salt$qJH7.N4xYta3aEG/dfqo/0",
        ] {
            assert_eq!(matches(b"password", stored.as_bytes()), Some(true), "{stored}");
            assert_eq!(matches(b"passwore", stored.as_bytes()), Some(false), "{stored}");
            assert_eq!(matches(b"", stored.as_bytes()), Some(false), "{stored}");
        }
        assert_eq!(matches(b"a", b"{SSHA}QQ=="), None);
    }
}
