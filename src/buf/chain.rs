//! A chain: bytes on their way out, in order, in memory and in files.
//!
//! *In nginx* a chain is a linked list of buffers, each with flags; `last_buf` on the final one ends the
//! response, `flush` asks for it to be sent now, and special buffers without bytes carry only flags.
//!
//! *Here* the row holds only bytes, and the two questions that concern the whole are asked of the whole: does
//! the sender want this out now ([`Chain::flush`]), and does anything follow ([`Chain::last`])? The number
//! of bytes is kept, so asking for it costs nothing. Most chains are one piece, so the first one has a place
//! of its own and only the second makes the row allocate; and a few bytes that follow a piece with room
//! behind it are copied there, so that a head and a small body are one piece, and one plain send(2).
//!
//! ```text
//!   push_back ─▶ [ Memory "HTTP/1.1 200…" | Memory "hello" | File 0..4096 ] ─▶ consume(n), as they are taken
//! ```
//!
//! *Read next*: `event/stream.rs: send_chain`.

use super::Slice;
use std::collections::VecDeque;
use std::fs::File;
use std::rc::Rc;

/// A part of an open file.
#[derive(Clone, Debug)]
pub struct FileRange {
    /// The file; kept open as long as a piece of it is on its way.
    pub file: Rc<File>,
    /// Where the next byte to send stands.
    pub offset: u64,
    /// How many bytes to send.
    pub len: u64,
    /// A temporary file of ours: nobody else writes to it, and it lies where temporary files do.
    pub temporary: bool,
}

/// So few bytes, or fewer, are better copied than sent as a piece of their own.
pub const SMALL: usize = 2048;

/// One stretch of bytes.
#[derive(Clone, Debug)]
pub enum Piece {
    /// In memory.
    Memory(Slice),
    /// In a file; sent with sendfile(2) where nobody needs to look at it.
    File(FileRange),
}

impl Piece {
    /// How many bytes this is.
    pub fn len(&self) -> u64 {
        match self {
            Piece::Memory(bytes) => bytes.len() as u64,
            Piece::File(range) => range.len,
        }
    }

    /// True for no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn advance(&mut self, n: u64) {
        match self {
            Piece::Memory(bytes) => bytes.advance(usize::try_from(n).unwrap_or(usize::MAX)),
            Piece::File(range) => {
                let n = n.min(range.len);
                range.offset += n;
                range.len -= n;
            }
        }
    }
}

/// Bytes on their way out, in order.
#[derive(Debug, Default)]
pub struct Chain {
    first: Option<Piece>,
    /// What follows the first. Boxed, since most chains never have it and every chain is moved about.
    #[expect(clippy::box_collection, reason = "a chain of one piece is to be small")]
    rest: Option<Box<VecDeque<Piece>>>,
    bytes: u64,
    /// Send this without waiting for more (nginx: `b->flush`).
    pub flush: bool,
    /// Nothing follows: the response (or, in a subrequest, its part) ends here (nginx: `b->last_buf`).
    pub last: bool,
}

impl Chain {
    /// An empty chain that ends the response.
    pub fn ending() -> Chain {
        Chain { last: true, ..Chain::default() }
    }

    /// A chain without bytes that carries the flags of another.
    pub fn flags_of(other: &Chain) -> Chain {
        Chain { flush: other.flush, last: other.last, ..Chain::default() }
    }

    /// Asks for what the other asks for: to be sent now, to be the last.
    pub fn set_flags_of(&mut self, other: &Chain) {
        (self.flush, self.last) = (other.flush, other.last);
    }

    /// A chain of one stretch of memory.
    pub fn of(bytes: Slice) -> Chain {
        let mut chain = Chain::default();
        chain.push(bytes);
        chain
    }

    /// How many bytes are on their way.
    pub fn len(&self) -> u64 {
        self.bytes
    }

    /// True if there are no bytes (a flag may still be set).
    pub fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// True if there is nothing to pass on at all: no byte and no flag.
    pub fn is_nothing(&self) -> bool {
        self.bytes == 0 && !self.flush && !self.last
    }

    fn back(&mut self) -> Option<&mut Piece> {
        match self.rest.as_mut().and_then(|rest| rest.back_mut()) {
            None => self.first.as_mut(),
            last => last,
        }
    }

    /// Puts a piece behind the last one, or makes it a part of that; its bytes are counted by the caller.
    #[inline]
    fn put_back(&mut self, piece: Piece) {
        if self.first.is_none() {
            self.first = Some(piece);
        } else {
            self.put_behind(piece);
        }
    }

    fn put_behind(&mut self, piece: Piece) {
        let joined = match (self.back(), &piece) {
            (Some(Piece::Memory(last)), Piece::Memory(bytes)) => {
                last.join(bytes) || (bytes.len() <= SMALL && last.grow(bytes))
            }
            _ => false,
        };
        if !joined {
            self.put_apart(piece);
        }
    }

    /// Puts a piece behind the last one as one of its own.
    #[inline(never)]
    fn put_apart(&mut self, piece: Piece) {
        self.rest.get_or_insert_default().push_back(piece);
    }

    fn put_front(&mut self, piece: Piece) {
        if let Some(second) = self.first.replace(piece) {
            self.rest.get_or_insert_default().push_front(second);
        }
    }

    fn take_front(&mut self) -> Option<Piece> {
        let next = self.rest.as_mut().and_then(|rest| rest.pop_front());
        std::mem::replace(&mut self.first, next)
    }

    /// Appends memory; bytes that follow the last piece in the same page join it, and few bytes are copied to
    /// it if it has room.
    pub fn push(&mut self, bytes: Slice) {
        if bytes.is_empty() {
            return;
        }
        self.bytes += bytes.len() as u64;
        // Made where it is to stand, and not moved there.
        match &self.first {
            None => self.first = Some(Piece::Memory(bytes)),
            Some(_) => self.put_behind(Piece::Memory(bytes)),
        }
    }

    /// Appends a part of a file.
    pub fn push_file(&mut self, range: FileRange) {
        if range.len != 0 {
            self.bytes += range.len;
            self.put_back(Piece::File(range));
        }
    }

    /// Appends any piece.
    pub fn push_piece(&mut self, piece: Piece) {
        match piece {
            Piece::Memory(bytes) => self.push(bytes),
            Piece::File(range) => self.push_file(range),
        }
    }

    /// Puts memory in front.
    pub fn push_front(&mut self, bytes: Slice) {
        if !bytes.is_empty() {
            self.bytes += bytes.len() as u64;
            self.put_front(Piece::Memory(bytes));
        }
    }

    /// Puts a part of a file in front.
    pub fn push_front_file(&mut self, range: FileRange) {
        if range.len != 0 {
            self.bytes += range.len;
            self.put_front(Piece::File(range));
        }
    }

    /// Puts everything of `other`, flags too, behind what is here.
    #[inline]
    pub fn append(&mut self, other: Chain) {
        let Chain { first, rest, bytes, flush, last } = other;
        if let Some(piece) = first {
            self.put_back(piece);
        }
        if let Some(rest) = rest {
            self.append_rest(rest);
        }
        self.bytes += bytes;
        self.flush |= flush;
        self.last |= last;
    }

    #[inline(never)]
    #[expect(clippy::box_collection, reason = "as it stands in a chain")]
    fn append_rest(&mut self, mut rest: Box<VecDeque<Piece>>) {
        if !rest.is_empty() {
            self.rest.get_or_insert_default().append(&mut rest);
        }
    }

    /// The same once more, flags too: views of the same memory, parts of the same files.
    #[inline]
    pub fn again(&self) -> Chain {
        let rest = self.rest.as_ref().filter(|rest| !rest.is_empty()).cloned();
        Chain { first: self.first.clone(), rest, bytes: self.bytes, flush: self.flush, last: self.last }
    }

    /// Appends views of what is in another chain, without its flags.
    pub fn push_again(&mut self, other: &Chain) {
        match other.only() {
            Some(bytes) => self.push(bytes.clone()),
            None => other.pieces().cloned().for_each(|piece| self.push_piece(piece)),
        }
    }

    /// Takes the first piece.
    pub fn pop(&mut self) -> Option<Piece> {
        let piece = self.take_front()?;
        self.bytes -= piece.len();
        Some(piece)
    }

    /// Takes the first stretch of memory. For filters that look at bytes: pieces of files have been read
    /// by the copy step before them, so there are none, and any would be dropped.
    pub fn pop_memory(&mut self) -> Option<Slice> {
        loop {
            if let Piece::Memory(bytes) = self.pop()? {
                return Some(bytes);
            }
        }
    }

    /// The pieces, in order.
    pub fn pieces(&self) -> impl Iterator<Item = &Piece> {
        self.first.iter().chain(self.rest.iter().flat_map(|rest| rest.iter()))
    }

    /// True if a part of it is in a file.
    #[inline]
    pub fn has_file(&self) -> bool {
        self.only().is_none() && self.any_file()
    }

    #[inline(never)]
    fn any_file(&self) -> bool {
        self.pieces().any(|piece| matches!(piece, Piece::File(_)))
    }

    /// How many pieces there are.
    pub fn count(&self) -> usize {
        usize::from(self.first.is_some()) + self.rest.as_ref().map_or(0, |rest| rest.len())
    }

    /// Drops the first `n` bytes: they have been sent.
    #[inline]
    pub fn consume(&mut self, n: u64) {
        match n < self.bytes {
            true => self.consume_part(n),
            false => self.forget_bytes(),
        }
    }

    #[inline(never)]
    fn consume_part(&mut self, mut n: u64) {
        while n > 0
            && let Some(first) = &mut self.first
        {
            let part = first.len().min(n);
            first.advance(part);
            self.bytes -= part;
            n -= part;
            if first.is_empty() {
                self.take_front();
            }
        }
    }

    /// Moves the first `n` bytes into a chain of their own.
    pub fn split_to(&mut self, n: u64) -> Chain {
        let mut front = Chain::default();
        while front.bytes < n
            && let Some(mut piece) = self.pop()
        {
            let wanted = n - front.bytes;
            if piece.len() > wanted {
                let mut rest = piece.clone();
                rest.advance(wanted);
                match &mut piece {
                    Piece::Memory(bytes) => bytes.truncate(wanted as usize),
                    Piece::File(range) => range.len = wanted,
                }
                self.bytes += rest.len();
                self.put_front(rest);
            }
            front.push_piece(piece);
        }
        front
    }

    /// Drops everything, flags too; the row's own memory is kept.
    #[inline]
    pub fn clear(&mut self) {
        self.forget_bytes();
        self.flush = false;
        self.last = false;
    }

    #[inline]
    fn forget_bytes(&mut self) {
        // Where there is no first piece there is no other.
        if self.first.is_some() {
            self.first = None;
            if let Some(rest) = &mut self.rest {
                drop_all(rest);
            }
        }
        self.bytes = 0;
    }

    /// The bytes, if they are one piece of memory.
    #[inline]
    pub fn only(&self) -> Option<&Slice> {
        match (&self.first, &self.rest) {
            (Some(Piece::Memory(bytes)), None) => Some(bytes),
            (Some(Piece::Memory(bytes)), Some(rest)) if rest.is_empty() => Some(bytes),
            _ => None,
        }
    }

    /// All bytes in memory, copied together; parts of files are read.
    ///
    /// # Errors
    /// Those of reading the file.
    pub fn gather(&self) -> std::io::Result<Slice> {
        use std::os::unix::fs::FileExt;
        if let Some(only) = self.only() {
            return Ok(only.clone());
        }
        let mut all = Vec::with_capacity(usize::try_from(self.bytes).unwrap_or(0));
        for piece in self.pieces() {
            match piece {
                Piece::Memory(bytes) => all.extend_from_slice(bytes),
                Piece::File(range) => {
                    let start = all.len();
                    all.resize(start.saturating_add(usize::try_from(range.len).unwrap_or(0)), 0);
                    if let Some(to) = all.get_mut(start..) {
                        range.file.read_exact_at(to, range.offset)?;
                    }
                }
            }
        }
        Ok(Slice::from(all))
    }
}

/// Lets go of the pieces; the row's own memory is kept.
#[inline(never)]
fn drop_all(rest: &mut VecDeque<Piece>) {
    rest.clear();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn consuming_and_splitting_keep_the_count() {
        let mut chain = Chain::of(Slice::copy(b"hello"));
        chain.push(Slice::copy(b", world"));
        chain.consume(3);
        assert_eq!(chain.len(), 9);
        let front = chain.split_to(4);
        assert_eq!(&*front.gather().unwrap(), b"lo, ");
        assert_eq!(&*chain.gather().unwrap(), b"world");
        assert_eq!((front.len(), chain.len()), (4, 5));
    }
}
