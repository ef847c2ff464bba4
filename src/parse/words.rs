//! Eight bytes at a time: what the head parsers ask of every byte, asked of a word.
//!
//! *In nginx* `ngx_http_parse_header_line` looks at each byte of a name in turn: a table for the class, a
//! multiplication for the hash. That loop is the greatest part of what reading a head costs.
//!
//! *Here* a name is nearly always made of letters, digits and hyphens, and a word of eight such bytes can
//! be recognised with a dozen additions and masks; the end of a value is found in the same way. What a word
//! cannot tell (an odd byte, an end that has not come yet) is left to the bytewise code of `header.rs`, so
//! this file only ever says "this line is usual", never "this is wrong". For searching long stretches
//! `memchr` is better; names and values are short, and there the price of a call is most of the price.
//!
//! ```text
//!   C o n t e n t -   L e n g t h :      one bit per byte: usual
//!   8 8 8 8 8 8 8 8   8 8 8 8 8 8 .   ─▶ the lowest bit missing is where the name stops
//! ```
//!
//! The sums need every byte to be below 0x80, so that none carries into its neighbour; a byte above is
//! masked off before and never counts as usual.
//!
//! *Read next*: `header.rs`; `util/swar.rs`, the same for the fields of replies.

use super::Span;
use crate::util::swar::{self, HIGHS, ONES};

/// Bit 5 of each byte: set, it turns upper case into lower case.
const CASE: u64 = 0x2020_2020_2020_2020;

/// The word that begins at `at`, first byte lowest. Behind the end of the window there are zeros; None at the
/// end, and in a window that is shorter than a word.
#[inline(always)]
fn word(window: &[u8], at: usize) -> Option<u64> {
    let rest = window.get(at..)?;
    if let Some(bytes) = rest.first_chunk() {
        return Some(u64::from_le_bytes(*bytes));
    }
    let missing = 8 - rest.len() as u32;
    u64::from_le_bytes(*window.last_chunk()?).checked_shr(8 * missing)
}

/// The high bit of each byte that is a letter, a digit or a hyphen.
fn usual(word: u64) -> u64 {
    // Adding 0x80 - n sets the high bit of a byte that is at least n.
    const fn at_least(n: u8) -> u64 {
        ONES * (0x80 - n as u64)
    }
    let seven = word & !HIGHS;
    let lower = seven | CASE;
    let letter = (lower + at_least(b'a')) & !(lower + at_least(b'z' + 1));
    let digit = (seven + at_least(b'0')) & !(seven + at_least(b'9' + 1));
    let hyphen = !((seven ^ (ONES * b'-' as u64)) + at_least(1));
    (letter | digit | hyphen) & !word & HIGHS
}

/// Where a hash begins.
const HASH_START: u32 = 0x811c_9dc5;

const fn hash_step(hash: u32, folded: u64) -> u32 {
    let mixed = (hash as u64 ^ folded).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 32) as u32
}

/// A hash of a header name that is the same for upper and lower case.
///
/// Only for choosing among a fixed set of known names, which must be compared afterwards: strangers can
/// make collisions at will, so it must not key a table of what they send.
pub const fn name_hash(name: &[u8]) -> u32 {
    let mut hash = HASH_START;
    let mut rest = name;
    while !rest.is_empty() {
        let (mut word, mut shift) = (0, 0);
        while let [b, tail @ ..] = rest
            && shift < 64
        {
            word |= ((*b | 0x20) as u64) << shift;
            shift += 8;
            rest = tail;
        }
        hash = hash_step(hash, word);
    }
    hash
}

/// The usual name that begins at `start`: how long it is, and its [`name_hash`]. The byte behind it is not
/// a usual one.
#[inline(always)]
fn usual_name(window: &[u8], start: usize) -> Option<(usize, u32)> {
    let (mut len, mut hash) = (0, HASH_START);
    loop {
        let word = word(window, start + len)?;
        let odd = !usual(word) & HIGHS;
        let folded = word | CASE;
        if odd == 0 {
            hash = hash_step(hash, folded);
            len += 8;
            continue;
        }
        // The bit of the first odd byte is its highest; the bytes before it are the tail of the name.
        let bits = odd.trailing_zeros() & !7;
        if bits > 0 {
            hash = hash_step(hash, folded & ((1 << bits) - 1));
        }
        return Some((len + bits as usize / 8, hash));
    }
}

/// Values longer than this are searched by `memchr`.
const SHORT: usize = 64;

/// The first control byte from `from` on. Behind the window's end there is a NUL.
#[inline(always)]
fn value_end(window: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        let word = word(window, at)?;
        let found = swar::below(word, b' ');
        if found != 0 {
            return Some(at + found.trailing_zeros() as usize / 8);
        }
        at += 8;
        if at - from >= SHORT {
            return Some(at + memchr::memchr3(b'\0', b'\r', b'\n', window.get(at..)?)?);
        }
    }
}

/// A line of a header of which nothing more need be asked.
pub struct Line {
    /// Its name, its value without the blanks around, and the name's hash; None for the empty line.
    pub field: Option<(Span, Span, u32)>,
    /// Where the next line begins.
    pub next: usize,
}

/// The line that begins at `start`, if it is all there, its name is a usual one and nothing is wrong with it.
/// None says only that somebody has to look closer.
#[inline(always)]
pub fn usual_line(window: &[u8], start: usize) -> Option<Line> {
    match window.get(start..)? {
        [b'\r', b'\n', ..] => return Some(Line { field: None, next: start + 2 }),
        [b'\n', ..] => return Some(Line { field: None, next: start + 1 }),
        _ => {}
    }
    let (len, hash) = usual_name(window, start)?;
    let colon = start + len;
    if len == 0 || window.get(colon) != Some(&b':') {
        return None;
    }
    let is_blank = |at: usize| matches!(window.get(at), Some(b' ' | b'\t'));
    let mut from = colon + 1;
    while is_blank(from) {
        from += 1;
    }
    let mut end = value_end(window, from)?;
    let next = match window.get(end..)? {
        [b'\r', b'\n', ..] => end + 2,
        [b'\n', ..] => end + 1,
        _ => return None,
    };
    while end > from && is_blank(end - 1) {
        end -= 1;
    }
    Some(Line { field: Some((Span::new(start, colon), Span::new(from, end), hash)), next })
}

/// True if two field names are the same but for the case of letters.
///
/// Only for names that a head parser has let through, of which one has no odd bytes: setting bit 5 folds
/// letters, and what else it would fold together cannot be in a name.
pub fn same_name(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let differ = |a: &[u8; 8], b: &[u8; 8]| (u64::from_le_bytes(*a) ^ u64::from_le_bytes(*b)) & !CASE;
    let differ_half =
        |a: &[u8; 4], b: &[u8; 4]| (u32::from_le_bytes(*a) ^ u32::from_le_bytes(*b)) & !(CASE as u32);
    // The last word overlaps the one before, so that no single bytes are left over.
    if let (Some(a_end), Some(b_end)) = (a.last_chunk(), b.last_chunk()) {
        let (a, b) = (a.as_chunks().0, b.as_chunks().0);
        return differ(a_end, b_end) == 0 && a.iter().zip(b).all(|(a, b)| differ(a, b) == 0);
    }
    if let (Some(a_start), Some(b_start)) = (a.first_chunk(), b.first_chunk())
        && let (Some(a_end), Some(b_end)) = (a.last_chunk(), b.last_chunk())
    {
        return differ_half(a_start, b_start) | differ_half(a_end, b_end) == 0;
    }
    a.iter().zip(b).all(|(a, b)| (a ^ b) & !0x20 == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_judged_as_one_by_one() {
        for b in 0..=255u8 {
            let usual_byte = b.is_ascii_alphanumeric() || b == b'-';
            for at in 0..8 {
                let mut bytes = *b"abcdefgh";
                bytes[at] = b;
                let bit = usual(u64::from_le_bytes(bytes)) >> (8 * at + 7) & 1;
                assert_eq!(bit == 1, usual_byte, "{b:#x} at {at}");
            }
            for len in 2..100 {
                let mut line = format!("Name: {}\r\n", "v".repeat(len)).into_bytes();
                line[6 + len / 2] = b;
                let plain = b >= b' ';
                let end = usual_line(&line, 0).map(|line| line.next);
                assert_eq!(end == Some(line.len()), plain, "{b:#x} of {len}");
            }
        }
    }

    #[test]
    fn names_are_compared_without_case() {
        for name in ["a", "TE", "Host", "Cookie2", "If-Match", "User-Agent", "If-Modified-Since"] {
            assert!(same_name(name.as_bytes(), name.to_lowercase().as_bytes()));
            assert!(!same_name(name.as_bytes(), format!("{name}s").as_bytes()));
            assert!(!same_name(name.as_bytes(), format!("?{}", &name[1..]).as_bytes()));
        }
    }

    #[test]
    fn a_name_stops_at_its_colon_with_the_hash_of_its_bytes() {
        for name in ["a", "Host", "If-Match", "User-Agent", "If-None-Match", "If-Modified-Since"] {
            let line = format!("{name}: and something behind it");
            for line in [line.as_bytes(), format!("{name}: x").as_bytes()] {
                let found = usual_name(line, 0);
                if line.len() >= 8 {
                    assert_eq!(found, Some((name.len(), name_hash(name.as_bytes()))));
                }
            }
            assert_eq!(name_hash(name.as_bytes()), name_hash(name.to_uppercase().as_bytes()));
        }
        assert_eq!(usual_name(b"Host: a", 0), None, "the window is shorter than a word");
        assert_eq!(usual_name(b": abcdefgh", 0).map(|(len, _)| len), Some(0));
    }
}
