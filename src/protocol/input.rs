//! The window: what a peer has sent and nobody has used yet.
//!
//! *In nginx* `u->buffer`, one fixed buffer with `pos` and `last`. A module moves `pos` itself; on AGAIN it
//! must remember how far it had looked, or look again.
//!
//! *Here* a [`Page`] is filled by the socket's side, a [`Cursor`] beside it says what of it has been
//! used, and an [`Input`] is the two together for the length of one call. What a module
//! [takes](Input::take) is a counted view of the page; nothing is copied, and the view stays good when
//! the window moves on. The cursor also keeps how far a line end has been looked for, so no byte is
//! searched twice.
//!
//! ```text
//!   Page   [ used ........ | unread, no LF in here | unread, new | room ]
//!                          at                      at + seen     len
//!   no room left: the unread part moves to a larger page, at becomes 0, seen stays
//! ```
//!
//! A module must not assume how much it is shown at once: a call with one more byte is a legal call.
//!
//! *Read next*: `head.rs`, what a module makes of it; `framing.rs`, how the body is read.

use crate::buf::{Page, Slice};
use std::ops::Range;

/// What of a page has been used. Lives as long as the connection works for one request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    /// Offset of the first unread byte.
    at: usize,
    /// So many of the unread bytes have been searched for a line end in vain.
    seen: usize,
    /// Bytes used since the cursor was made, over all pages.
    used: u64,
}

impl Cursor {
    /// The window on a page.
    pub fn input<'a>(&'a mut self, page: &'a Page) -> Input<'a> {
        Input { page, cursor: self }
    }

    /// The unread bytes of the page.
    pub fn unread<'a>(&self, page: &'a Page) -> &'a [u8] {
        page.filled().get(self.at..).unwrap_or_default()
    }

    /// How many bytes have been used in all: the size of the head, once it is complete.
    pub fn used(&self) -> u64 {
        self.used
    }

    /// Empties the page if everything has been used and nobody looks at it any more; says whether it did.
    /// For bodies: a head is looked at until the request ends.
    pub fn start_over(&mut self, page: &mut Page) -> bool {
        let over = self.unread(page).is_empty() && page.clear();
        if over {
            self.at = 0;
        }
        over
    }

    /// Sees to it that there is room to read into behind the unread bytes: if this page is full they move to
    /// another one, which `make` makes, of `size` bytes or twice what is unread. Twice, so that a long field
    /// is moved a few times and not at each read.
    pub fn make_room(&mut self, page: &mut Page, size: usize, make: fn(usize) -> Page) {
        if page.room() > 0 {
            return;
        }
        let unread = self.unread(page);
        let mut larger = make(size.max(unread.len().saturating_mul(2)));
        larger.append(unread);
        *page = larger;
        self.at = 0;
    }
}

/// The unread bytes, to be looked at and used from the front.
pub struct Input<'a> {
    page: &'a Page,
    cursor: &'a mut Cursor,
}

impl<'a> Input<'a> {
    /// All unread bytes.
    pub fn bytes(&self) -> &[u8] {
        self.cursor.unread(self.page)
    }

    /// All bytes of the page, used ones too: what offsets count from that outlive the call.
    pub fn page(&self) -> &'a Page {
        self.page
    }

    /// Where in the page the first unread byte stands.
    pub fn offset(&self) -> usize {
        self.cursor.at
    }

    /// How many bytes are unread.
    pub fn len(&self) -> usize {
        self.page.len().saturating_sub(self.cursor.at)
    }

    /// True if everything has been used.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Uses up to `n` bytes.
    pub fn consume(&mut self, n: usize) {
        let n = n.min(self.len());
        self.cursor.at += n;
        self.cursor.used += n as u64;
        self.cursor.seen = self.cursor.seen.saturating_sub(n);
    }

    /// So many of the used bytes are not the head's, and do not count against its limit.
    pub fn discount(&mut self, n: usize) {
        self.cursor.used = self.cursor.used.saturating_sub(n as u64);
    }

    /// Uses up to `n` bytes and gives them as a view of the page.
    pub fn take(&mut self, n: usize) -> Slice {
        let start = self.cursor.at;
        let taken = self.page.slice(start..start.saturating_add(n));
        self.consume(n);
        taken
    }

    /// A view of unread bytes, counted from the first one; nothing is used.
    pub fn view(&self, range: Range<usize>) -> Slice {
        let start = self.cursor.at;
        self.page.slice(start.saturating_add(range.start)..start.saturating_add(range.end))
    }

    /// Notes that the unread bytes hold no whole line, so that none is looked for in them again.
    pub fn searched(&mut self) {
        self.cursor.seen = self.len();
    }

    /// False if the unread bytes hold no whole line, as far as that is known without reading one. Costs
    /// nothing before [`Input::searched`].
    pub fn may_have_line(&mut self) -> bool {
        if self.cursor.seen == 0 {
            return !self.is_empty();
        }
        let new = self.bytes().get(self.cursor.seen..).unwrap_or_default();
        let found = memchr::memchr(b'\n', new).is_some();
        if !found {
            self.searched();
        }
        found
    }

    /// Uses a line and its end, LF or CRLF; gives the line without its end. None, and nothing is used, while
    /// the end is not there.
    pub fn line(&mut self) -> Option<Slice> {
        let start = self.cursor.at;
        let Some(lf) = memchr::memchr(b'\n', self.bytes().get(self.cursor.seen..)?) else {
            self.cursor.seen = self.len();
            return None;
        };
        let length = self.cursor.seen + lf;
        let mut line = self.page.slice(start..start + length);
        if line.last() == Some(&b'\r') {
            line.truncate(length - 1);
        }
        self.consume(length + 1);
        Some(line)
    }

    /// Uses `N` bytes, if so many are there.
    pub fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let bytes = self.bytes().first_chunk().copied()?;
        self.consume(N);
        Some(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_when_their_end_does_and_survive_the_window() {
        let mut page = Page::with_capacity(1024);
        let mut cursor = Cursor::default();
        let mut lines = Vec::new();
        for byte in b"one\r\n\r\ntwo\nthr\ree" {
            page.append(&[*byte]);
            lines.extend(cursor.input(&page).line());
        }
        assert_eq!(lines.iter().map(|line| &line[..]).collect::<Vec<_>>(), [&b"one"[..], b"", b"two"]);
        page.append(&vec![b'e'; page.room()]);
        cursor.make_room(&mut page, 4096, Page::with_capacity);
        assert!(page.room() > 6);
        page.append(b"\r\nrest");
        let mut input = cursor.input(&page);
        assert!(input.line().is_some_and(|line| line.starts_with(b"thr\ree") && line.ends_with(b"e")));
        assert_eq!((input.array(), input.array::<4>()), (Some(*b"re"), None));
        assert_eq!(input.take(99), b"st");
        assert!(input.is_empty());
        assert_eq!((cursor.used(), &*lines[0]), (1030, &b"one"[..]));
    }
}
