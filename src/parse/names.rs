//! Names that are known beforehand, found without regard to case.
//!
//! *In nginx* hash tables from lower-case names to handlers (`ngx_http_headers_in` and its sister for
//! upstreams), asked with a hash that the parser works out byte by byte.
//!
//! *Here* a name becomes a number when its line is read, and from then on every question about it is one
//! of numbers. Its length and its two ends choose a place in a [`Table`] in which each name has one to
//! itself, so one comparison tells, and of names shorter than sixteen bytes it is one of registers. What
//! is found needs no look at its bytes any more, which is why the reader of lines asks here first.
//!
//! ```text
//!   Cookie: a=b  ─▶  6 bytes from C to e  ─▶  its place  ─▶  "cookie"? all lanes the same  ─▶  its number
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

/// One place of a table.
#[derive(Clone, Copy)]
struct Entry<N> {
    number: N,
    name: &'static str,
    /// The beginning of the name in lower case.
    lower: [u8; LANES],
}

/// How many places a table has; each name wants one for itself.
const PLACES: usize = 128;

/// Known names, each at its place.
pub struct Table<N> {
    entries: [Entry<N>; PLACES],
}

/// Where a name stands that has these ends.
const fn place(len: usize, first: u8, last: u8) -> usize {
    // Letters become small, and whatever else becomes equal by that is told apart by the comparison.
    let (first, last) = ((first | 0x20) as usize, (last | 0x20) as usize);
    (len + first * 3 + last * 5) % PLACES
}

impl<N: Copy> Table<N> {
    /// A table of these names. Two that want the same place do not compile.
    pub const fn of(names: &[(N, &'static str)], other: N) -> Table<N> {
        let mut entries = [Entry { number: other, name: "", lower: [0; LANES] }; PLACES];
        let mut rest = names;
        while let [(number, name), tail @ ..] = rest {
            let bytes = name.as_bytes();
            let mut lower = [0; LANES];
            let mut at = 0;
            while at < bytes.len() && at < LANES {
                lower[at] = bytes[at].to_ascii_lowercase();
                at += 1;
            }
            let at = place(bytes.len(), bytes[0], bytes[bytes.len() - 1]);
            assert!(entries[at].name.is_empty(), "two known names have one place: take other factors");
            entries[at] = Entry { number: *number, name, lower };
            rest = tail;
        }
        Table { entries }
    }

    #[inline(always)]
    fn at(&self, len: usize, first: u8, last: u8) -> Option<&Entry<N>> {
        self.entries.get(place(len, first, last)).filter(|entry| entry.name.len() == len)
    }

    /// The number of a name, if it is in the table.
    pub fn find(&self, name: &[u8]) -> Option<N> {
        let entry = self.at(name.len(), *name.first()?, *name.last()?)?;
        entry.name.as_bytes().eq_ignore_ascii_case(name).then_some(entry.number)
    }

    /// The same for the first `len` bytes of `text`, which are fewer than all.
    #[inline(always)]
    pub fn find_short(&self, text: &[u8; LANES], len: usize) -> Option<N> {
        let last = text.get(..len)?.last()?;
        let entry = self.at(len, text[0], *last)?;
        let same = Lanes::of(text).equal_letters(Lanes::of(&entry.lower));
        (same | u32::MAX << len == u32::MAX).then_some(entry.number)
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
            if let Some(text) = [name, b": and something behind it"].concat().first_chunk()
                && (1..LANES).contains(&name.len())
            {
                assert_eq!(table.find_short(text, name.len()), found, "{}", name.escape_ascii());
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
    }

    #[test]
    fn a_name_is_found_in_any_case_of_letters_and_no_other_is_taken_for_it() {
        check(Known::table());
        check(Name::table());
    }
}
