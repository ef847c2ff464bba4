//! A hash for keys that no stranger chooses.
//!
//! *In nginx* the tables that are built from the configuration use a multiplicative hash and are sized
//! in advance.
//!
//! *Here* the standard table with a hasher that folds a word at a time: a few instructions where the
//! standard one takes a hundred. It gives no protection against keys made to collide, so it is for
//! addresses and numbers of the configuration only; what clients send goes through the standard hasher.
//!
//! *Read next*: `balance/idle.rs`, where it is used for every request.

use std::hash::{BuildHasherDefault, Hasher};

/// A table with this hash.
pub type FoldMap<K, V> = std::collections::HashMap<K, V, BuildHasherDefault<Fold>>;

/// The hasher.
#[derive(Clone, Copy, Debug, Default)]
pub struct Fold(u64);

impl Fold {
    fn word(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x51_7c_c1_b7_27_22_0a_95);
    }
}

impl Hasher for Fold {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for part in bytes.chunks(8) {
            let word = part.iter().fold(0, |word: u64, &byte| word << 8 | u64::from(byte));
            self.word(word);
        }
    }

    fn write_u8(&mut self, n: u8) {
        self.word(u64::from(n));
    }

    fn write_u16(&mut self, n: u16) {
        self.word(u64::from(n));
    }

    fn write_u32(&mut self, n: u32) {
        self.word(u64::from(n));
    }

    fn write_u64(&mut self, n: u64) {
        self.word(n);
    }

    fn write_usize(&mut self, n: usize) {
        self.word(n as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn different_keys_are_told_apart() {
        let mut map: FoldMap<(u32, Vec<u8>), usize> = FoldMap::default();
        for n in 0..1000u32 {
            map.insert((n % 7, n.to_le_bytes().to_vec()), n as usize);
        }
        assert_eq!(map.len(), 1000);
        assert_eq!(map.get(&(500 % 7, 500u32.to_le_bytes().to_vec())), Some(&500));
    }
}
