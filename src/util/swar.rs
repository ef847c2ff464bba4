//! Eight bytes at a time: short texts searched and compared as words.
//!
//! *In nginx* such loops go byte by byte, with a table or a switch for each state of a parser.
//!
//! *Here* two questions that are asked for every header field, answered with plain arithmetic on `u64`. The
//! vector search of the `memchr` crate is faster for long texts; a field is twenty bytes long, and there
//! the way into a vector loop and out of it costs more than the loop.
//!
//! ```text
//!   "text/html\r\n"  ──▶  t e x t / h t m │ l \r \n         subtract 0x20 from each: a borrow shows in bit 7
//!                                          first control byte: offset 9
//! ```
//!
//! *Read next*: `protocol/http1/field_line.rs`, `protocol/names.rs`.

/// The lowest bit of each byte.
pub const ONES: u64 = 0x0101_0101_0101_0101;
/// The highest bit of each byte.
pub const HIGHS: u64 = ONES * 0x80;

/// The high bit of the first byte below `limit`, which is at most 0x80. A borrow may set bits of bytes behind
/// that one, so only the lowest bit of the result means something.
pub const fn below(word: u64, limit: u8) -> u64 {
    word.wrapping_sub(ONES * limit as u64) & !word & HIGHS
}

/// Offset of the first byte below 0x20, at `from` or behind it. For the end of a line and what may not stand
/// in one; a tab is such a byte too.
pub fn control(bytes: &[u8], from: usize) -> Option<usize> {
    let (words, tail) = bytes.get(from..)?.as_chunks::<8>();
    let mut at = from;
    for word in words {
        let found = below(u64::from_le_bytes(*word), b' ');
        if found != 0 {
            return Some(at + (found.trailing_zeros() / 8) as usize);
        }
        at += 8;
    }
    Some(at + tail.iter().position(|b| *b < b' ')?)
}

/// Offset of the first byte that is `byte` or below 0x20: where a name stops.
pub fn stop(bytes: &[u8], byte: u8) -> Option<usize> {
    let (words, tail) = bytes.as_chunks::<8>();
    let mut at = 0;
    for word in words {
        let word = u64::from_le_bytes(*word);
        let found = below(word, b' ') | below(word ^ (ONES * byte as u64), 1);
        if found != 0 {
            return Some(at + (found.trailing_zeros() / 8) as usize);
        }
        at += 8;
    }
    Some(at + tail.iter().position(|b| *b < b' ' || *b == byte)?)
}

/// A short name, so that names that differ only in the case of letters are equal: its length and its first
/// and last bytes, folded. Up to 16 bytes that is all of it.
///
/// Bytes from 0x40 on get bit 5, which makes letters small. Others than letters may become equal by that,
/// but none becomes a letter, a digit or a hyphen: what is equal to a name made of those is that name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Folded {
    /// How many bytes.
    pub len: usize,
    first: u64,
    last: u64,
}

impl Folded {
    /// Of a name.
    pub const fn of(name: &[u8]) -> Folded {
        let (first, last) = match (name.first_chunk::<8>(), name.last_chunk::<8>()) {
            (Some(first), Some(last)) => (u64::from_le_bytes(*first), u64::from_le_bytes(*last)),
            _ => match (name.first_chunk::<4>(), name.last_chunk::<4>()) {
                (Some(first), Some(last)) => {
                    (u32::from_le_bytes(*first) as u64, u32::from_le_bytes(*last) as u64)
                }
                _ => match name {
                    [a, b, c] => (*a as u64, (*b as u64) << 8 | *c as u64),
                    [a, b] => (*a as u64, *b as u64),
                    [a] => (*a as u64, 0),
                    _ => (0, 0),
                },
            },
        };
        const fn fold(word: u64) -> u64 {
            word | (word & (ONES * 0x40)) >> 1
        }
        Folded { len: name.len(), first: fold(first), last: fold(last) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_control_byte_is_found_wherever_it_stands() {
        for len in 0..40 {
            let mut text = vec![b'x'; len];
            assert_eq!(control(&text, 0), None);
            for at in 0..len {
                text[at] = b'\r';
                for from in 0..=len {
                    assert_eq!(control(&text, from), (from <= at).then_some(at), "{at} of {len} from {from}");
                }
                text[at] = 0xff;
            }
        }
        assert_eq!(control(b"\x80\x9f\xa0 ~\x1f\x01", 0), Some(5));
        assert_eq!(control(b"abc", 4), None);
        for len in 0..40 {
            let mut text = vec![b';'; len];
            assert_eq!(stop(&text, b':'), None);
            for at in (0..len).rev() {
                text[at] = if at % 2 == 0 { b':' } else { 0 };
                assert_eq!(stop(&text, b':'), Some(at), "{at} of {len}");
            }
        }
    }

    #[test]
    fn names_are_equal_without_regard_to_case() {
        assert_ne!(Folded::of(b"Content\rType"), Folded::of(b"Content-Type"));
        let names = ["TE", "Host", "Expect", "Content-Type", "Content-Length", "X", "Via", "Connection"];
        for (i, one) in names.iter().enumerate() {
            for (j, other) in names.iter().enumerate() {
                let same = Folded::of(one.as_bytes()) == Folded::of(other.to_ascii_uppercase().as_bytes());
                assert_eq!(same, i == j, "{one} {other}");
            }
        }
    }
}
