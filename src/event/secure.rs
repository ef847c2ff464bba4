//! Moving bytes over TLS: the third way through `stream.rs`, beside memory and files.
//!
//! *In nginx* `ngx_ssl_recv`, `ngx_ssl_send_chain` and the handshake's handlers, installed in a connection
//! in place of the plain ones.
//!
//! *Here* methods with the promises of the plain ones. `read.ready` stays set as long as plaintext lies in
//! the session, because no event will announce it; it is cleared when both the session and the socket are
//! empty. A chain loses its bytes when their records have left, so whoever waits for room waits for the
//! socket. Files are read into memory: nobody else can encrypt them.
//!
//! ```text
//!   epoll ─▶ read.ready ──▶ recv: plaintext left?  ─ yes ─▶ ready stays
//!                                 socket: EAGAIN   ─ yes ─▶ ready = false
//! ```
//!
//! *Read next*: `tls/session.rs`.

use super::conn::Connection;
use super::stream::Received;
use crate::buf::{Chain, Page, Piece};
use crate::tls::{ServerTls, Shake, Taken};
use std::io::{self, IoSlice};
use std::os::unix::fs::FileExt;

/// How much plaintext is encrypted before the socket is asked to take it (nginx: `ssl_buffer_size`, of which
/// four records).
const BATCH: usize = 64 << 10;
/// How many pieces at once.
const PIECES: usize = 64;
/// How much of a file is read at once: one record.
const FILE: usize = 16 << 10;

impl Connection {
    /// True without TLS: the kernel may move bytes past us.
    pub fn is_plain(&self) -> bool {
        self.session().is_none()
    }

    /// True while a handshake goes on.
    pub fn is_shaking(&self) -> bool {
        self.session().is_some_and(|session| !session.is_shaken())
    }

    /// Goes on with the handshake. [`Shake::Again`]: one side is not ready, and its event is to be
    /// waited for.
    ///
    /// # Errors
    /// What the socket said, or what was wrong with what came.
    pub fn shake(&mut self) -> io::Result<Shake> {
        let Some((session, mut wire)) = self.session_and_wire() else {
            return Err(io::ErrorKind::NotConnected.into());
        };
        let shaken = session.shake(&mut wire);
        // Plaintext may have come with the last record of the handshake.
        *wire.readable |= session.has_more();
        shaken
    }

    /// Gives the session the configuration of the server that the client asked for.
    ///
    /// # Errors
    /// When client and server have nothing in common.
    pub fn choose(&mut self, tls: &ServerTls) -> io::Result<()> {
        match self.session_and_wire() {
            Some((session, mut wire)) => session.choose(tls.config.clone(), &mut wire),
            None => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    /// Refuses the name that the client asked for.
    pub fn reject_name(&mut self) {
        if let Some((session, mut wire)) = self.session_and_wire() {
            session.reject(&mut wire);
        }
    }

    #[inline(never)]
    pub(super) fn recv_secure(&mut self, page: &mut Page, limit: usize) -> io::Result<Received> {
        let taken = self.with_session(|session, wire| session.recv(wire, page, limit));
        self.heard_secure(taken)
    }

    pub(super) fn peek_secure(&mut self) -> io::Result<Received> {
        let taken = self.with_session(|session, wire| session.peek(wire));
        let before = self.received;
        let heard = self.heard_secure(taken);
        self.received = before;
        heard
    }

    fn with_session(
        &mut self,
        call: impl FnOnce(&mut crate::tls::Session, &mut crate::tls::Wire) -> io::Result<Taken>,
    ) -> io::Result<Taken> {
        let Some((session, mut wire)) = self.session_and_wire() else {
            return Err(io::ErrorKind::NotConnected.into());
        };
        let taken = call(session, &mut wire);
        *wire.readable |= session.has_more();
        taken
    }

    /// What a read means for this side; the session has left `ready` as it is to be.
    fn heard_secure(&mut self, taken: io::Result<Taken>) -> io::Result<Received> {
        match taken {
            Ok(Taken::Bytes(n)) => {
                self.received += n as u64;
                Ok(Received::Bytes(n))
            }
            Ok(Taken::End) => {
                self.read.eof = true;
                Ok(Received::End)
            }
            Ok(Taken::Again) => Ok(Received::Again),
            Err(error) => {
                self.read.error = true;
                Err(error)
            }
        }
    }

    // Apart, so that its buffers do not stand on the stack of those who send in the clear.
    #[inline(never)]
    pub(super) fn send_chain_secure(&mut self, chain: &mut Chain, limit: u64) -> io::Result<u64> {
        let mut total = 0u64;
        loop {
            let Some((session, mut wire)) = self.session_and_wire() else { return Ok(total) };
            let left = session.flush(&mut wire).map_err(|error| self.broken(error))?;
            chain.consume(left.min(chain.len()));
            self.sent += left;
            total = total.saturating_add(left);
            let Some((session, wire)) = self.session_and_wire() else { return Ok(total) };
            if session.is_blocked() || chain.is_empty() || total >= limit || !*wire.writable {
                return Ok(total);
            }
            let most = usize::try_from(limit - total).unwrap_or(usize::MAX).min(BATCH);
            self.encrypt(chain, most).map_err(|error| self.broken(error))?;
        }
    }

    fn broken(&mut self, error: io::Error) -> io::Error {
        self.write.error = true;
        error
    }

    /// Encrypts the first pieces of a chain: what is in memory, or a stretch of a file.
    fn encrypt(&mut self, chain: &Chain, most: usize) -> io::Result<()> {
        let Some((session, _)) = self.session_and_wire() else { return Ok(()) };
        let mut parts = [IoSlice::new(b""); PIECES];
        let (mut count, mut asked) = (0, 0usize);
        for (slot, piece) in parts.iter_mut().zip(chain.pieces()) {
            match piece {
                Piece::Memory(bytes) if asked < most => {
                    let part = bytes.get(..bytes.len().min(most - asked)).unwrap_or_default();
                    asked += part.len();
                    count += 1;
                    *slot = IoSlice::new(part);
                }
                Piece::File(range) if count == 0 => {
                    let mut buffer = [0u8; FILE];
                    let len = usize::try_from(range.len).unwrap_or(FILE).min(FILE).min(most);
                    let part = buffer.get_mut(..len).unwrap_or_default();
                    // A file that is shorter than it was: not something to wait for.
                    range.file.read_exact_at(part, range.offset).map_err(|error| match error.kind() {
                        io::ErrorKind::UnexpectedEof => {
                            io::Error::new(error.kind(), "file was truncated while being sent")
                        }
                        _ => error,
                    })?;
                    return session.encrypt(&[IoSlice::new(part)]);
                }
                _ => break,
            }
        }
        session.encrypt(parts.get(..count).unwrap_or_default())
    }

    /// Tells the other end of a session that nothing follows, as far as the socket takes it at once. A stream
    /// that broke has no end that could be told.
    pub(super) fn say_goodbye(&mut self) {
        if self.write.error || self.flags.cut {
            return;
        }
        if let Some((session, mut wire)) = self.session_and_wire() {
            session.say_goodbye(&mut wire);
        }
    }
}
