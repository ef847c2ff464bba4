//! Eight bytes at a time: short texts searched and compared as words.
//!
//! *In nginx* such loops go byte by byte, with a table or a switch for each state of a parser.
//!
//! *Here* questions that are asked of short texts in every request, answered with plain arithmetic on
//! `u64`. The vector search of the `memchr` crate is faster for long texts; a field is twenty bytes
//! long, and there the way into a vector loop and out of it costs more than the loop.
//!
//! ```text
//!   "text/html\r\n"  ──▶  t e x t / h t m │ l \r \n         subtract 0x20 from each: a borrow shows in bit 7
//!                                          first control byte: offset 9
//! ```
//!
//! *Read next*: `parse/words.rs`, the lines of heads read in the same way.

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

/// Offset of the first `byte`.
pub fn find(bytes: &[u8], byte: u8) -> Option<usize> {
    let (words, tail) = bytes.as_chunks::<8>();
    let mut at = 0;
    for word in words {
        let found = below(u64::from_le_bytes(*word) ^ (ONES * byte as u64), 1);
        if found != 0 {
            return Some(at + (found.trailing_zeros() / 8) as usize);
        }
        at += 8;
    }
    Some(at + tail.iter().position(|b| *b == byte)?)
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
            assert_eq!(find(&text, b':'), None);
            for at in (0..len).rev() {
                text[at] = b':';
                assert_eq!(find(&text, b':'), Some(at), "{at} of {len}");
            }
        }
    }
}
