//! Texts: memory for the many small values that requests make and soon forget.
//!
//! *In nginx* every request has a pool (`r->pool`), and a variable's value, a template's text or an added
//! field's are cut from it.
//!
//! *Here* the worker has one page that all of them are appended to. Each text is a counted view of it, so
//! whoever keeps one keeps its memory; when no view is left the page is filled again from its beginning, and
//! if there still are some when it is full, another page takes its place.
//!
//! ```text
//!   page [127.0.0.1|10.1.2.3, 127.0.0.1|https:…        ]
//!         └ $remote_addr └ X-Forwarded-For └ a template, each a Slice
//! ```
//!
//! A text is put together in memory that is used again as well ([`Texts::begin`], [`Texts::end`]).
//!
//! *Read next*: `http/vars/template.rs`, the busiest user.

use super::{Page, Slice};

/// How long a text may be, in bytes, to share a page: a longer one has memory of its own, so that it pins no
/// other.
const SHORT: usize = 256;
/// The capacity of the shared page in bytes.
const SHARED: usize = 1024;
/// The largest memory for putting a text together that is kept, in bytes.
const KEPT: usize = 16 * 1024;
/// For how many texts within each other such memory is kept.
const DEPTH: usize = 8;

/// Where a worker's small texts come from.
#[derive(Default)]
pub struct Texts {
    page: Option<Page>,
    /// One for each text that may be in the making: a template asks for variables, which are texts.
    spare: Vec<Vec<u8>>,
}

impl Texts {
    /// A text that is a copy of `bytes`.
    pub fn copy(&mut self, bytes: &[u8]) -> Slice {
        if bytes.len() > SHORT || bytes.is_empty() {
            return Slice::copy(bytes);
        }
        let page = self.page.get_or_insert_with(|| Page::with_capacity(SHARED));
        // A page that nobody looks at any more starts again; one that is looked at goes on while it can.
        if !page.clear() && page.room() < bytes.len() {
            *page = Page::with_capacity(SHARED);
        }
        let start = page.len();
        page.append(bytes);
        page.slice(start..page.len())
    }

    /// Memory to put a text together in, empty. A text within a text gets memory of its own.
    pub fn begin(&mut self) -> Vec<u8> {
        self.spare.pop().unwrap_or_default()
    }

    /// The text that was put together in memory from [`Texts::begin`], which goes back for the next one.
    pub fn end(&mut self, memory: Vec<u8>) -> Slice {
        let text = self.copy(&memory);
        self.give_back(memory);
        text
    }

    /// Takes memory from [`Texts::begin`] back: no text was wanted, or none any more.
    pub fn give_back(&mut self, mut memory: Vec<u8>) {
        if memory.capacity() <= KEPT && self.spare.len() < DEPTH {
            memory.clear();
            self.spare.push(memory);
        }
    }

    /// The text that `write` appends.
    pub fn make(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Slice {
        let mut memory = self.begin();
        write(&mut memory);
        self.end(memory)
    }

    /// A number as a text.
    pub fn number(&mut self, n: u64) -> Slice {
        self.copy(itoa::Buffer::new().format(n).as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_stay_what_they_are_while_others_are_made() {
        let mut texts = Texts::default();
        let kept: Vec<Slice> = (0..500).map(|n| texts.number(n)).collect();
        for (n, text) in kept.iter().enumerate() {
            assert_eq!(**text, *n.to_string().as_bytes());
        }
    }

    #[test]
    fn a_page_that_nobody_looks_at_is_filled_again() {
        let mut texts = Texts::default();
        let first = texts.copy(b"one").as_ptr();
        assert_eq!(texts.copy(b"two").as_ptr(), first);
        let held = texts.copy(b"three");
        assert_ne!(texts.copy(b"four").as_ptr(), held.as_ptr());
    }

    #[test]
    fn a_text_within_a_text_and_a_long_one_come_out_whole() {
        let mut texts = Texts::default();
        let mut outer = texts.begin();
        outer.extend_from_slice(&[b'x'; 2000]);
        let inner = texts.make(|out| out.extend_from_slice(b"inner"));
        outer.extend_from_slice(&inner);
        let outer = texts.end(outer);
        assert_eq!((outer.len(), &outer[2000..]), (2005, &b"inner"[..]));
        assert_eq!(texts.copy(b""), b"");
    }
}
