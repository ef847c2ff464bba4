//! Moving bytes over a connection: the only code that clears a ready flag.
//!
//! *In nginx* `c->recv`, `c->send`, `c->send_chain` and the rules inside them: a short read or a short
//! write means the kernel has nothing more (or no more room), so `ready` goes without a call that would
//! only say `EAGAIN`.
//!
//! *Here* the same rules, as methods. With an end already announced a short read does not clear the flag,
//! because the kernel will not speak again; the next call reads the end itself.
//!
//! ```text
//!   recv: n < asked, no end announced ─▶ ready = false      send: n < given ─▶ ready = false
//!         EAGAIN                      ─▶ ready = false            EAGAIN    ─▶ ready = false
//! ```
//!
//! A connection with a TLS session takes the same calls; they go on in `secure.rs`.
//!
//! *Read next*: `secure.rs`, `buf/chain.rs`.

use super::conn::Connection;
use crate::buf::{Chain, Page, Piece};
use crate::sys::socket;
use crate::sys::splice::Conduit;
use socket2::SockRef;
use std::io::{self, IoSlice};
use std::net::Shutdown;
use std::os::fd::AsRawFd;

/// How many pieces one sendmsg(2) takes.
const PIECES: usize = 64;
/// How many are enough for most: the row is cleared before each call.
const FEW: usize = 4;

/// What a read brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// So many bytes.
    Bytes(usize),
    /// The other end will send no more.
    End,
    /// Nothing now.
    Again,
}

impl Connection {
    /// Reads into the spare room of `page`, at most `limit` bytes.
    ///
    /// # Errors
    /// What recv(2) said.
    pub fn recv(&mut self, page: &mut Page, limit: usize) -> io::Result<Received> {
        if self.session().is_some() {
            return self.recv_secure(page, limit);
        }
        let asked = page.room().min(limit);
        let result = socket::recv(self.raw_fd(), page, limit);
        self.heard(asked, result)
    }

    /// Reads bytes that nobody wants.
    ///
    /// # Errors
    /// What recv(2) said.
    pub fn recv_discard(&mut self, scratch: &mut [u8]) -> io::Result<Received> {
        let result = socket::recv_discard(self.raw_fd(), scratch);
        self.heard(scratch.len(), result)
    }

    /// What a read of up to `asked` bytes means for the readiness of this side.
    fn heard(&mut self, asked: usize, result: io::Result<usize>) -> io::Result<Received> {
        match result {
            Ok(0) if asked > 0 => {
                self.read.eof = true;
                Ok(Received::End)
            }
            Ok(n) => {
                self.received += n as u64;
                if n < asked && !self.read.eof && !self.read.error {
                    self.read.ready = false;
                }
                Ok(Received::Bytes(n))
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.read.ready = false;
                Ok(Received::Again)
            }
            Err(error) => {
                self.read.error = true;
                Err(error)
            }
        }
    }

    /// Whether something is there to be read, without taking it: `Bytes(1)` if so.
    ///
    /// # Errors
    /// What recv(2) said.
    pub fn peek(&mut self) -> io::Result<Received> {
        if self.session().is_some() {
            return self.peek_secure();
        }
        match socket::peek(self.raw_fd(), &mut [0u8; 1]) {
            Ok(0) => {
                self.read.eof = true;
                Ok(Received::End)
            }
            Ok(n) => Ok(Received::Bytes(n)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(Received::Again),
            Err(error) => {
                self.read.error = true;
                Err(error)
            }
        }
    }

    /// Tells the other end that nothing follows; it may still send.
    ///
    /// # Errors
    /// What shutdown(2) said.
    pub fn shut_write(&mut self) -> io::Result<()> {
        self.say_goodbye();
        SockRef::from(self.fd()).shutdown(Shutdown::Write)
    }

    /// Moves up to `limit` bytes into a pipe. Never over TLS: ask [`Connection::is_plain`] first.
    ///
    /// # Errors
    /// What splice(2) said.
    pub fn splice_from(&mut self, conduit: &mut Conduit, limit: usize) -> io::Result<Received> {
        match conduit.fill(self.raw_fd(), limit) {
            Ok(0) => {
                self.read.eof = true;
                Ok(Received::End)
            }
            // A short one may mean that the pipe is full, so nothing can be told from it.
            Ok(n) => {
                self.received += n as u64;
                Ok(Received::Bytes(n))
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.read.ready = false;
                Ok(Received::Again)
            }
            Err(error) => {
                self.read.error = true;
                Err(error)
            }
        }
    }

    /// Moves what a pipe holds to the other end, as much as the kernel takes.
    ///
    /// # Errors
    /// What splice(2) said.
    pub fn splice_to(&mut self, conduit: &mut Conduit) -> io::Result<()> {
        while conduit.held() > 0 && self.write.ready {
            match conduit.empty(self.raw_fd()) {
                Ok(n) => self.sent += n as u64,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.write.ready = false,
                Err(error) => {
                    self.write.error = true;
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// Sends as much of `chain`, at most `limit` bytes, as the kernel takes, and drops it from the chain.
    /// Says how much that was; less than there is means that the connection is no longer ready (or the
    /// limit was reached).
    ///
    /// # Errors
    /// What the call said.
    pub fn send_chain(&mut self, chain: &mut Chain, limit: u64) -> io::Result<u64> {
        if self.session().is_some() {
            return self.send_chain_secure(chain, limit);
        }
        // Most are one piece.
        if let Some(only) = chain.only()
            && only.len() as u64 <= limit
            && self.write.ready
        {
            let (asked, result) = (only.len(), socket::send(self.raw_fd(), only));
            return self.sent(chain, asked, result);
        }
        self.send_in_turn(chain, limit)
    }

    /// What came of sending the first `asked` bytes of a chain.
    #[inline]
    fn sent(&mut self, chain: &mut Chain, asked: usize, result: io::Result<usize>) -> io::Result<u64> {
        match result {
            Ok(n) => {
                chain.consume(n as u64);
                self.sent += n as u64;
                if n < asked {
                    self.write.ready = false;
                }
                Ok(n as u64)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.write.ready = false;
                Ok(0)
            }
            Err(error) => {
                self.write.error = true;
                Err(error)
            }
        }
    }

    /// Sends one piece, or some of them together, after the other.
    #[inline(never)]
    fn send_in_turn(&mut self, chain: &mut Chain, limit: u64) -> io::Result<u64> {
        let mut total = 0u64;
        while !chain.is_empty() && total < limit && self.write.ready {
            let (asked, result) = self.send_once(chain, limit - total);
            // A file that is shorter than it was ends with zero bytes sent: not something to wait for.
            if matches!(result, Ok(0)) && asked > 0 {
                return Err(io::Error::new(
                    io::ErrorKind::UnexpectedEof,
                    "file was truncated while being sent",
                ));
            }
            total += self.sent(chain, asked, result)?;
        }
        Ok(total)
    }

    fn send_once(&self, chain: &Chain, limit: u64) -> (usize, io::Result<usize>) {
        if let Some(only) = chain.only() {
            let part = usize::try_from(limit).ok().and_then(|limit| only.get(..limit)).unwrap_or(only);
            return (part.len(), socket::send(self.raw_fd(), part));
        }
        if chain.count() <= FEW {
            self.send_pieces::<FEW>(chain, limit)
        } else {
            self.send_pieces::<PIECES>(chain, limit)
        }
    }

    // Apart, so that its row of pieces does not stand on the stack of those who send one.
    #[inline(never)]
    fn send_pieces<const N: usize>(&self, chain: &Chain, limit: u64) -> (usize, io::Result<usize>) {
        let mut parts = [IoSlice::new(b""); N];
        let mut asked = 0usize;
        let mut count = 0;
        let mut file_follows = false;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        for (slot, piece) in parts.iter_mut().zip(chain.pieces()) {
            match piece {
                Piece::Memory(bytes) if asked < limit => {
                    let part = bytes.get(..bytes.len().min(limit - asked)).unwrap_or_default();
                    asked += part.len();
                    count += 1;
                    *slot = IoSlice::new(part);
                }
                Piece::Memory(_) => break,
                Piece::File(range) if count == 0 => {
                    // sendfile(2) moves at most 2 GiB at once.
                    let len = usize::try_from(range.len).unwrap_or(usize::MAX).min(limit).min(0x7fff_f000);
                    return (
                        len,
                        socket::send_file(self.raw_fd(), range.file.as_raw_fd(), range.offset, len),
                    );
                }
                Piece::File(_) => {
                    file_follows = true;
                    break;
                }
            }
        }
        let sent = match parts.get(..count) {
            Some([only]) if !file_follows => socket::send(self.raw_fd(), only),
            Some(parts) => socket::send_pieces(self.raw_fd(), parts, file_follows),
            None => Ok(0),
        };
        (asked, sent)
    }
}
