//! Usual header lines, sixteen bytes at a time.
//!
//! *In nginx* `ngx_http_parse_header_line` looks at each byte of a name in turn: a table for the class, a
//! multiplication for the hash. That loop is the greatest part of what reading a head costs.
//!
//! *Here* two questions find the parts of a line: where is the colon, where is the first control byte behind
//! it? A known name ([`Names`]) needs no further look; others are checked in words of eight bytes. Where name
//! and value are short, and the line is not at the very end of what is there, two looks at how much is there
//! are enough for all of it. What is not usual (an odd byte, an end that has not come yet) is left to the
//! bytewise code of `header.rs`, so this file only ever says "this line is usual", never "this is wrong".
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
    /// It is `Name: value` with one blank and CRLF, so it can be passed on as it stands.
    pub plain: bool,
    /// Where the next line begins.
    pub next: usize,
}

/// The field line that begins at `start` of a window within the reach of spans ([`Span::reach`]), if it is
/// all there, its name is a usual one and nothing is wrong with it. None says only that somebody has to
/// look closer.
#[inline(always)]
pub fn usual_line<N: Names>(window: &[u8], start: usize) -> Option<Line<N>> {
    let rest = window.get(start..)?;
    let line = match short_name(rest) {
        Some((name, known)) => match short_value(rest, name + 2) {
            Some(len) => {
                let (name, from) = (span(start, name), start + name + 2);
                return Some(Line { name, known, value: span(from, len), plain: true, next: from + len + 2 });
            }
            None => with_value(rest, start, name, known),
        },
        // The end of the head, or of what has come of it.
        None if matches!(rest.first(), None | Some(b'\r')) => return None,
        None => other_line(rest, start),
    };
    // Taken apart, so that only such a one is handed over through memory.
    let Line { name, known, value, plain, next } = line?;
    Some(Line { name, known, value, plain, next })
}

fn span(from: usize, len: usize) -> Span {
    Span { start: from as u32, end: (from + len) as u32 }
}

/// A known name of less than sixteen bytes: its length and its number.
#[inline(always)]
fn short_name<N: Names>(rest: &[u8]) -> Option<(usize, N)> {
    let text = rest.first_chunk()?;
    let len = Lanes::of(text).equal(b':').trailing_zeros() as usize;
    Some((len, N::table().find_short(text, len)?))
}

/// How long a value is that begins at `from`, behind one blank, and has less than sixteen bytes.
#[inline(always)]
fn short_value(rest: &[u8], from: usize) -> Option<usize> {
    // With so much there, nothing that is looked at lies behind the end.
    let value: &[u8; LANES + 2] = rest.get(from..from + LANES + 2)?.first_chunk()?;
    if rest.get(from - 1) != Some(&b' ') || value.first() == Some(&b' ') {
        return None;
    }
    let found = Lanes::of(value.first_chunk()?).below(b' ');
    let len = found.trailing_zeros() as usize;
    let is_whole = found != 0 && value.get(len..len + 2)? == b"\r\n";
    let last = value.get(len.wrapping_sub(1));
    (is_whole && last != Some(&b' ')).then_some(len)
}

/// A line with any name that is made of letters, digits and hyphens.
#[inline(never)]
fn other_line<N: Names>(rest: &[u8], start: usize) -> Option<Line<N>> {
    let (name, known) = short_name(rest).or_else(|| any_name(rest))?;
    with_value(rest, start, name, known)
}

/// Any such name: its length and its number.
#[inline(never)]
fn any_name<N: Names>(rest: &[u8]) -> Option<(usize, N)> {
    let mut at = 0;
    while at < SHORT {
        let found = Lanes::at(rest, at)?.equal(b':');
        if found != 0 {
            let len = at + found.trailing_zeros() as usize;
            let name = rest.get(..len).filter(|name| is_usual(name))?;
            return Some((len, N::table().find(name).unwrap_or(N::OTHER)));
        }
        at += LANES;
    }
    None
}

/// The whole line, of whose name so much is known.
#[inline(always)]
fn with_value<N>(rest: &[u8], start: usize, name: usize, known: N) -> Option<Line<N>> {
    let (value, mut plain) = match rest.get(name + 1..)? {
        // One blank is usual.
        [b' ', value @ ..] if value.first() != Some(&b' ') => (value, true),
        behind => (behind_blanks(behind), false),
    };
    let from = rest.len() - value.len();
    let mut len = match Lanes::at(rest, from)?.below(b' ') {
        0 => long_value(rest, from)?,
        found => found.trailing_zeros() as usize,
    };
    if !value.get(len..)?.starts_with(b"\r\n") {
        return None;
    }
    let from = start + from;
    let next = from + len + 2;
    // A tab is a control byte, at which only the search of long values does not stop.
    if let Some([.., b' ' | b'\t']) = value.get(..len) {
        len = without_blanks(value, len);
        plain = false;
    }
    Some(Line { name: span(start, name), known, value: span(from, len), plain, next })
}

/// What follows any number of blanks.
#[cold]
fn behind_blanks(mut bytes: &[u8]) -> &[u8] {
    while let [b' ', rest @ ..] = bytes {
        bytes = rest;
    }
    bytes
}

/// How long a value is of which the last ones of `len` bytes are blanks.
#[cold]
fn without_blanks(value: &[u8], len: usize) -> usize {
    let mut value = value.get(..len).unwrap_or_default();
    while let [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value.len()
}

/// How long a value is that begins at `from` and has more than sixteen bytes.
#[inline(never)]
fn long_value(rest: &[u8], from: usize) -> Option<usize> {
    let mut len = LANES;
    while len <= SHORT {
        let found = Lanes::at(rest, from + len)?.below(b' ');
        if found != 0 {
            return Some(len + found.trailing_zeros() as usize);
        }
        len += LANES;
    }
    Some(len + memchr::memchr3(b'\0', b'\r', b'\n', rest.get(from + len..)?)?)
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
