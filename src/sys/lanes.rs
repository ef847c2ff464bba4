//! Sixteen bytes at once: where in a text something stands, as a bit for each byte.
//!
//! *In nginx* the parsers of heads look at one byte after the other.
//!
//! *Here* they ask their questions of sixteen ("which of you are colons?") and get the answer as one number,
//! in which the lowest bit that is set is the first byte meant. Every x86-64 processor has registers of that
//! width (SSE2); elsewhere the same answers come from two words of eight bytes (`swar.rs`).
//!
//! ```text
//!   C o o k i e :   a = b ; c = d │      equal(b':')  ─▶  0b0000000001000000, the seventh byte
//!            window ──────────────┘      behind its end: fewer lanes, and no bit for those that are missing
//! ```
//!
//! *Read next*: `parse/words.rs` and `parse/request_line.rs`, who ask.

/// How many bytes are looked at together.
pub const LANES: usize = 16;

/// Sixteen bytes of a text, or fewer at its end.
#[derive(Clone, Copy)]
pub struct Lanes {
    bytes: wide::Bytes,
    /// How many of them, the first ones, stand before the place that was asked for.
    before: u32,
}

impl Lanes {
    /// Sixteen bytes.
    #[inline(always)]
    pub fn of(bytes: &[u8; LANES]) -> Lanes {
        Lanes { bytes: wide::load(bytes), before: 0 }
    }

    /// The bytes from `at` on. None at the end of the window, and in one that is shorter than sixteen bytes.
    #[inline(always)]
    pub fn at(window: &[u8], at: usize) -> Option<Lanes> {
        let rest = window.get(at..)?;
        if let Some(bytes) = rest.first_chunk() {
            return Some(Lanes::of(bytes));
        }
        let before = LANES as u32 - rest.len() as u32;
        Some(Lanes { bytes: wide::load(window.last_chunk()?), before })
    }

    /// A bit for each byte that is `byte`, the lowest for the first.
    #[inline(always)]
    pub fn equal(self, byte: u8) -> u32 {
        wide::equal(self.bytes, byte) >> self.before
    }

    /// A bit for each byte below `limit`, which is not zero.
    #[inline(always)]
    pub fn below(self, limit: u8) -> u32 {
        wide::below(self.bytes, limit) >> self.before
    }

    /// Whether the bytes, once the bits of `fold` are set in them, are those of `other`. Both are whole: none
    /// of them stands before its place.
    #[inline(always)]
    pub fn folds_to(self, fold: Lanes, other: Lanes) -> bool {
        wide::same(wide::or(self.bytes, fold.bytes), other.bytes) == ALL
    }
}

/// A bit for each lane.
const ALL: u32 = (1 << LANES) - 1;

/// With the registers of every x86-64 processor.
#[cfg(target_arch = "x86_64")]
mod wide {
    use std::arch::x86_64::{
        __m128i, _mm_cmpeq_epi8, _mm_loadu_si128, _mm_movemask_epi8, _mm_or_si128, _mm_set1_epi8,
        _mm_setzero_si128, _mm_subs_epu8,
    };

    pub type Bytes = __m128i;

    #[inline(always)]
    pub fn load(bytes: &[u8; 16]) -> Bytes {
        // SAFETY: sixteen bytes may be read there, and the instruction asks for no alignment.
        unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) }
    }

    #[inline(always)]
    pub fn equal(bytes: Bytes, byte: u8) -> u32 {
        // SAFETY: SSE2 is a part of x86-64.
        same(bytes, unsafe { _mm_set1_epi8(byte as i8) })
    }

    #[inline(always)]
    pub fn same(bytes: Bytes, others: Bytes) -> u32 {
        // SAFETY: SSE2 is a part of x86-64.
        unsafe { _mm_movemask_epi8(_mm_cmpeq_epi8(bytes, others)) as u32 }
    }

    #[inline(always)]
    pub fn or(bytes: Bytes, others: Bytes) -> Bytes {
        // SAFETY: SSE2 is a part of x86-64.
        unsafe { _mm_or_si128(bytes, others) }
    }

    #[inline(always)]
    pub fn below(bytes: Bytes, limit: u8) -> u32 {
        // SAFETY: SSE2 is a part of x86-64.
        unsafe {
            // What is at most one less than the limit has nothing left when that is taken away.
            let left = _mm_subs_epu8(bytes, _mm_set1_epi8(limit.wrapping_sub(1) as i8));
            _mm_movemask_epi8(_mm_cmpeq_epi8(left, _mm_setzero_si128())) as u32
        }
    }
}

/// With plain arithmetic, for every other processor.
#[cfg(not(target_arch = "x86_64"))]
mod wide {
    pub use super::words::{Bytes, below, equal, load, or, same};
}

/// The same answers from arithmetic on two words.
#[cfg(any(test, not(target_arch = "x86_64")))]
mod words {
    use crate::util::swar::{HIGHS, ONES};

    pub type Bytes = [u64; 2];

    pub fn load(bytes: &[u8; 16]) -> Bytes {
        let whole = u128::from_le_bytes(*bytes);
        [whole as u64, (whole >> 64) as u64]
    }

    pub fn equal(bytes: Bytes, byte: u8) -> u32 {
        same(bytes, [ONES * u64::from(byte); 2])
    }

    pub fn same(bytes: Bytes, others: Bytes) -> u32 {
        let [low, high] = bytes;
        bits([low ^ others[0], high ^ others[1]].map(|word| at_least(word, 1) ^ HIGHS))
    }

    pub fn or(bytes: Bytes, others: Bytes) -> Bytes {
        let [low, high] = bytes;
        [low | others[0], high | others[1]]
    }

    pub fn below(bytes: Bytes, limit: u8) -> u32 {
        bits(bytes.map(|word| at_least(word, limit) ^ HIGHS))
    }

    /// The high bit of each byte that is at least `limit`; nothing is carried from one byte to the next.
    fn at_least(word: u64, limit: u8) -> u64 {
        let low = ((word & !HIGHS) | HIGHS) - ONES * u64::from(limit & 0x7f);
        if limit < 0x80 { (low | word) & HIGHS } else { low & word & HIGHS }
    }

    /// The high bits of all bytes, side by side.
    fn bits(words: Bytes) -> u32 {
        // Each high bit, moved to the bottom of its byte, is carried by the product to a place of its own.
        let [low, high] = words.map(|word| ((word >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56) as u32);
        low | high << 8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_of_asking_give_the_answer_of_a_loop_over_the_bytes() {
        let mut bytes = [0u8; LANES];
        for seed in 0..=255u8 {
            for (at, byte) in bytes.iter_mut().enumerate() {
                *byte = seed.wrapping_mul(at as u8 * 2 + 1).wrapping_add(at as u8);
            }
            for other in 1..=255u8 {
                let bit = |wanted: fn(u8, u8) -> bool| {
                    let each = bytes.iter().enumerate();
                    each.fold(0, |bits, (at, &b)| bits | u32::from(wanted(b, other)) << at)
                };
                let (equal, below) = (bit(|b, other| b == other), bit(|b, other| b < other));
                assert_eq!(wide::equal(wide::load(&bytes), other), equal);
                assert_eq!(wide::below(wide::load(&bytes), other), below);
                assert_eq!(words::equal(words::load(&bytes), other), equal);
                assert_eq!(words::below(words::load(&bytes), other), below);
            }
            let fold = bytes.map(|b| if b % 3 == 0 { 0xff } else { b & 0x20 });
            let mut folded = bytes;
            folded.iter_mut().zip(fold).for_each(|(b, fold)| *b |= fold);
            let others = (0..LANES).map(|at| [1 << (at % 8), 0].map(|bit| (at, bit)));
            for (at, bit) in others.flatten() {
                let mut other = folded;
                other[at] ^= bit;
                let lanes = [bytes, fold, other].map(|bytes| wide::load(&bytes));
                assert_eq!(wide::same(wide::or(lanes[0], lanes[1]), lanes[2]) == ALL, bit == 0);
                let lanes = [bytes, fold, other].map(|bytes| words::load(&bytes));
                assert_eq!(words::same(words::or(lanes[0], lanes[1]), lanes[2]) == ALL, bit == 0);
            }
        }
    }

    #[test]
    fn behind_the_end_of_a_text_there_is_nothing() {
        let text: Vec<u8> = (0..40).map(|n| if n % 3 == 0 { b':' } else { b'x' }).collect();
        for at in 0..=text.len() {
            let lanes = Lanes::at(&text, at).map(|lanes| lanes.equal(b':'));
            let each = text[at..].iter().take(LANES).enumerate();
            let bits = each.fold(0, |bits, (at, &b)| bits | u32::from(b == b':') << at);
            assert_eq!(lanes, Some(bits), "{at}");
        }
        assert!(Lanes::at(&text, 41).is_none());
        assert!(Lanes::at(b"a short text", 0).is_none());
    }
}
