//! Names that are known beforehand, found without regard to case.
//!
//! *In nginx* hash tables from lower-case names to handlers (`ngx_http_headers_in` and its sister for
//! upstreams), asked with a hash that the parser works out byte by byte.
//!
//! *Here* a name becomes a number when its line is read, and from then on every question about it is one
//! of numbers. Its length and its last letters choose a place in a [`Table`] in which each name has one to
//! itself, so one comparison tells, and of names shorter than sixteen bytes it is one of registers. What
//! is found needs no look at its bytes any more, which is why the reader of lines asks here first.
//!
//! ```text
//!   Cookie: a=b  ─▶  6 bytes, okie  ─▶  its place  ─▶  "cookie:" and nine of any kind?  ─▶  its number
//! ```
//!
//! *Read next*: `words.rs`, who asks; `known.rs` and `protocol/names.rs`, the two tables.

use crate::sys::lanes::{LANES, Lanes};

/// The numbers of a table of names.
pub trait Names: Copy + PartialEq + 'static {
    /// That of every name which is not in the table.
    const OTHER: Self;

    /// The table.
    fn table() -> &'static Table<Self>;
}

/// One place of a table, in a cache line of its own.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Entry<N> {
    /// The name in lower case and its colon; all ones in the bytes that may be anything.
    lower: [u8; LANES],
    /// What is set in a text before it is compared: the bit that makes a letter small, and all bits of the
    /// bytes that may be anything.
    fold: [u8; LANES],
    name: &'static str,
    number: N,
}

/// How many places a table has; each name wants one for itself.
const PLACES: usize = 128;

/// Known names, each at its place.
pub struct Table<N> {
    entries: [Entry<N>; PLACES],
}

/// How many letters at the end of a name choose its place.
const TAIL: usize = 4;

/// The last letters of a name, of a short one with nothing before them.
const fn tail(name: &[u8]) -> [u8; TAIL] {
    if let Some(tail) = name.last_chunk() {
        return *tail;
    }
    let mut tail = [0; TAIL];
    let mut at = 0;
    while at < name.len() {
        tail[TAIL - name.len() + at] = name[at];
        at += 1;
    }
    tail
}

/// Where a name stands.
const fn place(len: usize, tail: [u8; TAIL]) -> usize {
    // Letters become small, and whatever else becomes equal by that is told apart by the comparison. The
    // factor is one by which each name of the two tables gets a place of its own.
    let letters = u32::from_le_bytes(tail) | 0x2020_2020;
    let mixed = letters.wrapping_add(len as u32).wrapping_mul(0xaa08_638b);
    mixed as usize / (1 << 25) % PLACES
}

/// What a text is compared with to be this name and a colon: what to set in it, and what it is then.
const fn pattern(name: &[u8]) -> ([u8; LANES], [u8; LANES]) {
    let (mut fold, mut lower) = ([0xff; LANES], [0xff; LANES]);
    let mut at = 0;
    while at <= name.len() && at < LANES {
        let byte = if at < name.len() { name[at].to_ascii_lowercase() } else { b':' };
        (fold[at], lower[at]) = (if byte.is_ascii_lowercase() { 0x20 } else { 0 }, byte);
        at += 1;
    }
    (fold, lower)
}

impl<N: Copy> Table<N> {
    /// A table of these names. Two that want the same place do not compile.
    pub const fn of(names: &[(N, &'static str)], other: N) -> Table<N> {
        // No text is that of an empty place: with all bits set it is not zero.
        let nothing = Entry { lower: [0; LANES], fold: [0xff; LANES], name: "", number: other };
        let mut entries = [nothing; PLACES];
        let mut rest = names;
        while let [(number, name), others @ ..] = rest {
            let bytes = name.as_bytes();
            let at = place(bytes.len(), tail(bytes));
            assert!(entries[at].name.is_empty(), "two known names have one place: take another factor");
            let (fold, lower) = pattern(bytes);
            entries[at] = Entry { lower, fold, name, number: *number };
            rest = others;
        }
        Table { entries }
    }

    /// The number of a name, if it is in the table.
    pub fn find(&self, name: &[u8]) -> Option<N> {
        let entry = self.entries.get(place(name.len(), tail(name)))?;
        let is_it = !name.is_empty() && entry.name.as_bytes().eq_ignore_ascii_case(name);
        is_it.then_some(entry.number)
    }

    /// The number of the name that `text` begins with, of `len` bytes and with a colon behind it. Names of
    /// less than four bytes and those whose colon is not a part of the text are not found.
    #[inline(always)]
    pub fn find_short(&self, text: &[u8; LANES], len: usize) -> Option<N> {
        let from = len.checked_sub(TAIL)?;
        let tail = text.get(from..from + TAIL)?.first_chunk()?;
        let entry = self.entries.get(place(len, *tail))?;
        Lanes::of(text).folds_to(Lanes::of(&entry.fold), Lanes::of(&entry.lower)).then_some(entry.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::known::Known;
    use crate::protocol::Name;

    /// Each name in different spellings, and with each of its bytes replaced by every other.
    fn check<N: Names + std::fmt::Debug>(table: &Table<N>) {
        let names: Vec<_> = table.entries.iter().filter(|entry| !entry.name.is_empty()).collect();
        let number = |name: &[u8]| {
            let entry = names.iter().find(|entry| entry.name.as_bytes().eq_ignore_ascii_case(name));
            entry.map(|entry| entry.number)
        };
        let find = |name: &[u8]| {
            let found = table.find(name);
            for behind in [": and something behind it", ":\0\u{a0}\u{ff}\0\0\0\0\0\0\0\0\0\0"] {
                let text = [name, behind.as_bytes()].concat();
                if let Some(text) = text.first_chunk().filter(|_| (TAIL..LANES).contains(&name.len())) {
                    assert_eq!(table.find_short(text, name.len()), found, "{}", name.escape_ascii());
                }
            }
            assert_eq!(found, number(name), "{}", name.escape_ascii());
            found
        };
        for entry in &names {
            for spelled in [entry.name.to_string(), entry.name.to_lowercase(), entry.name.to_uppercase()] {
                assert_eq!(find(spelled.as_bytes()), Some(entry.number));
            }
            for at in 0..entry.name.len() {
                let mut other = entry.name.as_bytes().to_vec();
                for b in 0..=255 {
                    other[at] = b;
                    find(&other);
                }
            }
            find(format!("{}s", entry.name).as_bytes());
            find(&entry.name.as_bytes()[1..]);
        }
        assert_eq!(table.find(b""), None);
        for (byte, len) in [0, b':', 0xff].into_iter().flat_map(|byte| (0..=32).map(move |len| (byte, len))) {
            assert_eq!(table.find_short(&[byte; LANES], len), None);
        }
    }

    #[test]
    fn a_name_is_found_in_any_case_of_letters_and_no_other_is_taken_for_it() {
        check(Known::table());
        check(Name::table());
    }
}
