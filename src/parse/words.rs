//! Usual header lines, sixteen bytes at a time.
//!
//! *In nginx* `ngx_http_parse_header_line` looks at each byte of a name in turn: a table for the class, a
//! multiplication for the hash. That loop is the greatest part of what reading a head costs.
//!
//! *Here* two questions find the parts of a line: where is the colon, where is the first control byte behind
//! it? A known name ([`Names`]) needs no further look; others are checked in words of eight bytes.
//! What is not usual (an odd byte, an end that has not come yet) is left to the bytewise code of
//! `header.rs`, so this file only ever says "this line is usual", never "this is wrong".
//!
//! ```text
//!   Cookie: a=b; c=d\r\nAcce      equal(':')  ─▶ 6     below(' ') from 8 on ─▶ 16, and there stands \r\n
//!   └ name ┘└ value ┘
//! ```
//!
//! The lines of replies are read by it as well, with names of their own.
//!
//! *Read next*: `sys/lanes.rs`, `names.rs`, `header.rs`.

use super::Span;
use super::names::Names;
use crate::sys::lanes::{LANES, Lanes};
use crate::util::swar::{HIGHS, ONES};

/// What is longer is left to others: names to the bytewise code, values to `memchr`, which is better there.
const SHORT: usize = 64;

/// A line of a header of which nothing more need be asked.
pub struct Line<N> {
    /// Its name.
    pub name: Span,
    /// Which name that is.
    pub known: N,
    /// Its value without the blanks around.
    pub value: Span,
    /// Where the next line begins.
    pub next: usize,
}

/// The field line that begins at `start`, if it is all there, its name is a usual one and nothing is
/// wrong with it. None says only that somebody has to look closer.
#[inline(always)]
pub fn usual_line<N: Names>(window: &[u8], start: usize) -> Option<Line<N>> {
    let (colon, known) = match short_name::<N>(window, start) {
        Some((len, known)) => (start + len, known),
        None => other_name::<N>(window, start)?,
    };
    let is_space = |at: usize| window.get(at) == Some(&b' ');
    let mut from = colon + 1;
    while is_space(from) {
        from += 1;
    }
    let mut end = value_end(window, from)?;
    let [b'\r', b'\n', ..] = window.get(end..)? else { return None };
    let next = end + 2;
    // Beyond that spans cannot hold the offsets.
    if next > u32::MAX as usize {
        return None;
    }
    // A tab is a control byte, at which only the search of long values does not stop.
    while end > from && matches!(window.get(end - 1), Some(b' ' | b'\t')) {
        end -= 1;
    }
    let span = |from: usize, to: usize| Span { start: from as u32, end: to as u32 };
    Some(Line { name: span(start, colon), known, value: span(from, end), next })
}

/// A known name of less than sixteen bytes, and its length.
#[inline(always)]
fn short_name<N: Names>(window: &[u8], start: usize) -> Option<(usize, N)> {
    let text = window.get(start..)?.first_chunk()?;
    let len = Lanes::of(text).equal(b':').trailing_zeros() as usize;
    Some((len, N::table().find_short(text, len)?))
}

/// Any other name that is made of letters, digits and hyphens, and where its colon stands.
#[inline(never)]
fn other_name<N: Names>(window: &[u8], start: usize) -> Option<(usize, N)> {
    // The end of the head, or of what has come of it.
    if matches!(window.get(start), None | Some(b'\r')) {
        return None;
    }
    let mut at = start;
    while at < start + SHORT {
        let found = Lanes::at(window, at)?.equal(b':');
        if found != 0 {
            let colon = at + found.trailing_zeros() as usize;
            let name = window.get(start..colon).filter(|name| is_usual(name))?;
            return Some((colon, N::table().find(name).unwrap_or(N::OTHER)));
        }
        at += LANES;
    }
    None
}

/// The first control byte from `from` on.
#[inline(always)]
fn value_end(window: &[u8], from: usize) -> Option<usize> {
    match Lanes::at(window, from)?.below(b' ') {
        0 => long_value_end(window, from + LANES),
        found => Some(from + found.trailing_zeros() as usize),
    }
}

#[inline(never)]
fn long_value_end(window: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    while at < from + SHORT {
        let found = Lanes::at(window, at)?.below(b' ');
        if found != 0 {
            return Some(at + found.trailing_zeros() as usize);
        }
        at += LANES;
    }
    Some(at + memchr::memchr3(b'\0', b'\r', b'\n', window.get(at..)?)?)
}

/// True if a name is made of letters, digits and hyphens.
fn is_usual(name: &[u8]) -> bool {
    let is_word_usual = |word: &[u8; 8]| usual(u64::from_le_bytes(*word)) == HIGHS;
    match name.last_chunk() {
        // The last word overlaps the one before, so that no single bytes are left over.
        Some(last) => is_word_usual(last) && name.as_chunks().0.iter().all(is_word_usual),
        None => !name.is_empty() && name.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'-'),
    }
}

/// The high bit of each byte that is a letter, a digit or a hyphen.
///
/// The sums need every byte to be below 0x80, so that none carries into its neighbour; a byte above is masked
/// off before and never counts as usual.
fn usual(word: u64) -> u64 {
    // Adding 0x80 - n sets the high bit of a byte that is at least n.
    const fn at_least(n: u8) -> u64 {
        ONES * (0x80 - n as u64)
    }
    let seven = word & !HIGHS;
    let lower = seven | (ONES * 0x20);
    let letter = (lower + at_least(b'a')) & !(lower + at_least(b'z' + 1));
    let digit = (seven + at_least(b'0')) & !(seven + at_least(b'9' + 1));
    let hyphen = !((seven ^ (ONES * b'-' as u64)) + at_least(1));
    (letter | digit | hyphen) & !word & HIGHS
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::known::Known;

    #[test]
    fn every_byte_is_judged_as_one_by_one() {
        for b in 0..=255u8 {
            let usual_byte = b.is_ascii_alphanumeric() || b == b'-';
            for len in 1..40 {
                for at in 0..len {
                    let mut name = vec![b'x'; len];
                    name[at] = b;
                    assert_eq!(is_usual(&name), usual_byte, "{b:#x} at {at} of {len}");
                }
            }
            for len in 2..100 {
                let mut line = format!("Name: {}\r\nmore of it", "v".repeat(len)).into_bytes();
                line[6 + len / 2] = b;
                let end = usual_line::<Known>(&line, 0).map(|line| line.next);
                assert_eq!(end == Some(8 + len), b >= b' ', "{b:#x} of {len}");
            }
        }
        assert!(!is_usual(b""));
    }

    #[test]
    fn a_usual_line_gives_its_parts_and_any_other_nothing() {
        let parts = |text: &[u8]| {
            let line = usual_line::<Known>(text, 2)?;
            let (name, value) = (line.name.of(text), line.value.of(text));
            Some((name.to_vec(), value.to_vec(), line.known, text.len() - line.next))
        };
        let found = |name: &str, value: &str, known, rest| Some((name.into(), value.into(), known, rest));
        let rows: [(&[u8], _); 8] = [
            (b"\r\nHost: a\r\nmore of it", found("Host", "a", Known::Host, 10)),
            (b"\r\ncookie:a=b; c=d  \r\n\r\n", found("cookie", "a=b; c=d", Known::Cookie, 2)),
            (b"\r\nX-Some-Long-Name-Of-Ours:\r\n", found("X-Some-Long-Name-Of-Ours", "", Known::Other, 0)),
            (b"\r\nIf-Modified-Sinch: x\r\n", found("If-Modified-Sinch", "x", Known::Other, 0)),
            (b"\r\n: a name is wanted\r\n", None),
            (b"\r\nno colon\r\nHost: another line\r\n", None),
            (b"\r\nHost : a blank\r\n\r\n", None),
            (b"\r\nHost: only a line feed\n\r\n", None),
        ];
        for (text, expected) in rows {
            assert_eq!(parts(text), expected, "{}", text.escape_ascii());
        }
        let long = "v".repeat(100);
        let text = format!("\r\nA: {long} \t\r\nmore of it");
        assert_eq!(parts(text.as_bytes()), found("A", &long, Known::Other, 10), "blanks behind a long value");
    }
}
