//! A writer: text that is put together piece by piece, straight into the page it will be sent from.
//!
//! *In nginx* the pattern "add up the length, allocate, copy" of every header and request that is built;
//! two passes, so that the buffer fits exactly.
//!
//! *Here* one pass into a page from the thread's list; what does not fit moves to a page twice the size,
//! which for heads hardly ever happens.
//!
//! *Read next*: `sys/page.rs`; `http/output/header.rs`, who writes most.

use super::{Page, Slice};
use std::fmt;

/// Appends to a page that grows.
#[derive(Debug)]
pub struct Writer {
    page: Page,
}

impl Writer {
    /// A writer with room for `capacity` bytes at first.
    pub fn with_capacity(capacity: usize) -> Writer {
        Writer { page: Page::with_capacity(capacity) }
    }

    /// Appends bytes.
    // Compiled into the caller, so that a text of known length is a few stores and not a call.
    #[inline]
    pub fn put(&mut self, bytes: &[u8]) {
        if !self.page.append_whole(bytes) {
            self.put_in_larger(bytes);
        }
    }

    /// Moves to a page with room for so many bytes more.
    #[cold]
    fn put_in_larger(&mut self, bytes: &[u8]) {
        let needed = self.page.len().saturating_add(bytes.len());
        let mut larger = Page::with_capacity(needed.max(self.page.capacity().saturating_mul(2)));
        larger.append(self.page.filled());
        larger.append(bytes);
        self.page = larger;
    }

    /// Appends a decimal number.
    pub fn number(&mut self, n: u64) {
        self.put(itoa::Buffer::new().format(n).as_bytes());
    }

    /// How many bytes there are.
    pub fn len(&self) -> usize {
        self.page.len()
    }

    /// True if there is none.
    pub fn is_empty(&self) -> bool {
        self.page.is_empty()
    }

    /// What was written, to be sent.
    pub fn finish(self) -> Slice {
        self.page.into_slice(0)
    }
}

impl fmt::Write for Writer {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.put(text.as_bytes());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write;

    #[test]
    fn what_does_not_fit_moves_to_a_larger_page() {
        let mut writer = Writer::with_capacity(10);
        writer.put(&[b'x'; 1000]);
        write!(writer, "{:03}", 7).unwrap();
        writer.number(12345);
        writer.put(&[b'y'; 5000]);
        let all = writer.finish();
        assert_eq!(all.len(), 6008);
        assert_eq!(&all[1000..1008], b"00712345");
    }
}
