//! MurmurHash2, 32 bits: a number from bytes, evenly spread.
//!
//! *In nginx* `ngx_murmur_hash2`, the base of `split_clients`.
//!
//! *Here* the published algorithm with seed 0. A client that one server puts into a bucket must be put there
//! by the other as well, so the result is a part of the interface.
//!
//! *Read next*: `modules/split_clients.rs`.

const M: u32 = 0x5bd1_e995;

/// The hash of the bytes.
pub fn murmur2(data: &[u8]) -> u32 {
    let mut hash = data.len() as u32;
    let mut words = data.chunks_exact(4);
    for word in &mut words {
        let mut k = word.iter().rev().fold(0u32, |sum, byte| sum << 8 | u32::from(*byte));
        k = k.wrapping_mul(M);
        k ^= k >> 24;
        k = k.wrapping_mul(M);
        hash = hash.wrapping_mul(M) ^ k;
    }
    let rest = words.remainder();
    if !rest.is_empty() {
        hash ^= rest.iter().rev().fold(0u32, |sum, byte| sum << 8 | u32::from(*byte));
        hash = hash.wrapping_mul(M);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(M);
    hash ^ hash >> 15
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_the_published_one() {
        let rows: [(&str, u32); 4] =
            [("", 0), ("a", 0x9268_5f5e), ("hash", 0x40c3_992e), ("127.0.0.1", 0xb613_1d91)];
        for (text, want) in rows {
            assert_eq!(murmur2(text.as_bytes()), want, "{text}");
        }
    }
}
