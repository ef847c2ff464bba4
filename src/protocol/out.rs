//! What a module says to its peer: the bytes of a request, and where the client's body goes.
//!
//! *In nginx* `create_request` leaves a chain in `u->request_bufs`, the body's buffers linked in behind the
//! head; for a body that is still being read, chunk sizes or record headers are put around it by an output
//! filter of the module (`r->upstream->output.output_filter`).
//!
//! *Here* [`Out`] collects the head, and the body is a mark: [`Out::body`] says how stretches of it are
//! [`Wrap`]ped. The same wrapper serves a body that is complete and one that streams, so a module has no
//! second path for the latter.
//!
//! ```text
//!   Out: "POST / HTTP/1.1\r\n…\r\n\r\n"  + body(&Chunked)
//!   later, for each stretch the client sends:   before(n) · n bytes, not copied · after(n)     end()
//! ```
//!
//! *Read next*: `input.rs`, where the answer is read.

use super::text::{is_one_line, one_line};
use crate::buf::{Chain, Page, Slice};

/// How many bytes a page for a head holds.
const PAGE: usize = 4096;

/// How a protocol puts a body on the wire: what stands before and behind a stretch of it, and at its end.
pub trait Wrap {
    /// The longest stretch one wrapping can carry.
    fn most(&self) -> u64 {
        u64::MAX
    }

    /// Before a stretch of `n` bytes; `n` is never zero.
    fn before(&self, n: u64) -> Slice;

    /// Behind a stretch of `n` bytes.
    fn after(&self, n: u64) -> Slice;

    /// Behind the whole body.
    fn end(&self) -> Slice;
}

/// The bytes as they are: a length was announced.
pub struct Plain;

impl Wrap for Plain {
    fn before(&self, _: u64) -> Slice {
        Slice::EMPTY
    }

    fn after(&self, _: u64) -> Slice {
        Slice::EMPTY
    }

    fn end(&self) -> Slice {
        Slice::EMPTY
    }
}

/// Chunks (RFC 9112, section 7.1).
pub struct Chunked;

impl Wrap for Chunked {
    fn before(&self, n: u64) -> Slice {
        Slice::from(format!("{n:x}\r\n"))
    }

    fn after(&self, _: u64) -> Slice {
        Slice::from("\r\n")
    }

    fn end(&self) -> Slice {
        Slice::from("0\r\n\r\n")
    }
}

/// Takes all of `body` and gives it wrapped. Call it for every stretch as it comes; `last` with the final
/// one, which may be empty.
pub fn wrap(wrapping: &dyn Wrap, body: &mut Chain, last: bool) -> Chain {
    let mut out = Chain::flags_of(body);
    while !body.is_empty() {
        let n = body.len().min(wrapping.most().max(1));
        let mut part = body.split_to(n);
        out.push(wrapping.before(n));
        while let Some(piece) = part.pop() {
            out.push_piece(piece);
        }
        out.push(wrapping.after(n));
    }
    body.clear();
    if last {
        out.push(wrapping.end());
    }
    out
}

/// Bytes for the peer.
pub struct Out {
    full: Chain,
    page: Page,
    /// How much of `page` has been moved to `full`.
    taken: usize,
    body: Option<&'static dyn Wrap>,
    uri: Slice,
}

impl Out {
    /// Nothing yet.
    #[expect(clippy::new_without_default, reason = "it takes a page")]
    pub fn new() -> Out {
        let page = Page::with_capacity(PAGE);
        Out { full: Chain::default(), page, taken: 0, body: None, uri: Slice::EMPTY }
    }

    /// Appends bytes.
    #[inline]
    pub fn write(&mut self, bytes: &[u8]) {
        if !self.page.append_whole(bytes) {
            self.write_on(bytes);
        }
    }

    /// Appends several stretches of bytes.
    pub fn write_all(&mut self, parts: &[&[u8]]) {
        parts.iter().for_each(|part| self.write(part));
    }

    /// Appends bytes that do not fit into the page.
    #[cold]
    fn write_on(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let n = self.page.append(bytes);
            bytes = bytes.get(n..).unwrap_or_default();
            if !bytes.is_empty() {
                self.seal();
                (self.page, self.taken) = (Page::with_capacity(PAGE), 0);
            }
        }
    }

    /// Appends a field's line, `Name: value`. Line ends in the value become blanks: it stays one line.
    pub fn field(&mut self, name: &[u8], value: &[u8]) {
        if is_one_line(value) {
            self.write_all(&[name, b": ", value, b"\r\n"]);
        } else {
            self.write_all(&[name, b": ", &one_line(Slice::copy(value)), b"\r\n"]);
        }
    }

    /// Appends a decimal number.
    pub fn number(&mut self, n: u64) {
        self.write(itoa::Buffer::new().format(n).as_bytes());
    }

    /// Appends bytes without copying them: for long ones.
    pub fn push(&mut self, bytes: Slice) {
        self.seal();
        self.full.push(bytes);
    }

    /// The client's body goes here, in this wrapping. Nothing may be written behind it.
    pub fn body(&mut self, wrapping: &'static dyn Wrap) {
        self.body = Some(wrapping);
    }

    /// Notes what is asked for, so that log lines show it behind the peer's address.
    pub fn note_uri(&mut self, uri: Slice) {
        self.uri = uri;
    }

    /// What was noted; empty if nothing was.
    pub fn uri(&self) -> &Slice {
        &self.uri
    }

    /// How the body goes; None if the peer is not to get it.
    pub fn wrapping(&self) -> Option<&'static dyn Wrap> {
        self.body
    }

    /// What was written, taken out; the mark of the body stays.
    pub fn take(&mut self) -> Chain {
        self.seal();
        std::mem::take(&mut self.full)
    }

    /// All that there is: the bytes, put behind those of `request`, how the body goes behind them, and the
    /// URI that was noted.
    #[inline]
    pub fn finish(self, request: &mut Chain) -> (Option<&'static dyn Wrap>, Slice) {
        if !self.full.is_empty() {
            request.append(self.full);
        }
        request.push(self.page.into_slice(self.taken));
        (self.body, self.uri)
    }

    fn seal(&mut self) {
        self.full.push(self.page.slice(self.taken..self.page.len()));
        self.taken = self.page.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Threes;

    impl Wrap for Threes {
        fn most(&self) -> u64 {
            3
        }

        fn before(&self, n: u64) -> Slice {
            Slice::from(format!("<{n}:"))
        }

        fn after(&self, _: u64) -> Slice {
            Slice::from(">")
        }

        fn end(&self) -> Slice {
            Slice::from("<>")
        }
    }

    fn text(chain: &Chain) -> String {
        String::from_utf8(chain.gather().unwrap().to_vec()).unwrap()
    }

    #[test]
    fn a_body_is_wrapped_in_stretches() {
        let mut body = Chain::of(Slice::from("hello"));
        body.push(Slice::copy(b", you"));
        assert_eq!(text(&wrap(&Threes, &mut body, false)), "<3:hel><3:lo,><3: yo><1:u>");
        assert_eq!(text(&wrap(&Threes, &mut body, true)), "<>");
        let mut body = Chain::of(Slice::from("0123456789abcdefg"));
        assert_eq!(text(&wrap(&Chunked, &mut body, true)), "11\r\n0123456789abcdefg\r\n0\r\n\r\n");
    }

    #[test]
    fn a_head_longer_than_a_page_stays_in_order() {
        let mut out = Out::new();
        let long = "x".repeat(PAGE * 2);
        out.write_all(&[b"a", long.as_bytes(), b"b"]);
        out.push(Slice::from("c"));
        out.number(42);
        let sent = out.take();
        assert_eq!(text(&sent), format!("a{long}bc42"));
        assert_eq!(text(&sent.again()), text(&sent));
    }
}
