//! Room in a socket: how much the kernel may hold of what a slow client has not taken yet.
//!
//! *In nginx* nothing like it: the send buffer is what the system makes of it, or `listen … sndbuf=` for all.
//!
//! *Here* the same, until a client is known to be slow and what is left for it is known to be little.
//! Then its socket may be given room for all of that: bytes that wait in the kernel want no memory of
//! ours, no file, and nobody who comes back to send them. A buffer that is set by SO_SNDBUF grows no
//! more by itself, which a client with a long and fast way would suffer from; SO_BUF_LOCK takes that
//! back, and then the kernel may also take the room back when it is short of memory. Where it knows no
//! SO_BUF_LOCK (before Linux 5.14) nothing is done.
//!
//! ```text
//!   sk_sndbuf   [ sent, not acknowledged | waits ]            full: the client is behind
//!   widened     [ sent, not acknowledged | waits | the rest of the reply ]     ── more than ALL in all ─▶ no
//! ```
//!
//! *Read next*: `upstream/pipe/room.rs`, who asks for it and when.

use super::conn::Connection;
use crate::sys::socket_options;
use socket2::SockRef;
use std::cell::Cell;
use std::rc::Rc;

/// How much more than the kernel would hold by itself the clients of a worker may be given, all together.
const ALL: u64 = 256 << 20;
/// What is given at least, so that nobody comes for more and more.
const LEAST: u64 = 64 << 10;

/// What a worker has given to its clients.
#[derive(Debug, Default)]
pub struct Rooms {
    given: Rc<Cell<u64>>,
    /// The most that the system allows for one socket; None before it has been asked.
    most: Option<u64>,
}

/// What one connection was given: given back with the connection. What a closed one has still to send is the
/// kernel's to bound, as for any other.
#[derive(Debug)]
pub struct Room {
    bytes: u64,
    given: Rc<Cell<u64>>,
}

impl Room {
    /// Both as one.
    pub(super) fn joined(mut self, other: Option<Room>) -> Room {
        if let Some(mut other) = other {
            self.bytes = self.bytes.saturating_add(std::mem::take(&mut other.bytes));
        }
        self
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.given.set(self.given.get().saturating_sub(self.bytes));
    }
}

impl Rooms {
    fn give(&self, bytes: u64) -> Option<Room> {
        let given = self.given.get().checked_add(bytes).filter(|sum| *sum <= ALL)?;
        self.given.set(given);
        Some(Room { bytes, given: self.given.clone() })
    }

    /// The most for one socket: 0 where it could not be undone.
    fn most(&mut self) -> u64 {
        *self.most.get_or_insert_with(|| {
            let text = std::fs::read_to_string("/proc/sys/net/core/wmem_max").unwrap_or_default();
            // The kernel doubles what it is told, since its own notes on each packet count as well.
            text.trim().parse::<u64>().map_or(0, |bytes| bytes.saturating_mul(2))
        })
    }

    /// Lets the kernel hold `more` bytes for this client, as long as it is no more than `limit` in all.
    /// True if there is more room than before.
    pub fn widen(&mut self, c: &mut Connection, more: u64, limit: u64) -> bool {
        let socket = SockRef::from(c.fd());
        let Ok(now) = socket.send_buffer_size() else { return false };
        let now = now as u64;
        // An eighth for the kernel's notes.
        let wanted = now.saturating_add(more.saturating_add(more / 8).max(LEAST));
        if wanted > limit || wanted > self.most() {
            return false;
        }
        let Some(room) = self.give(wanted - now) else { return false };
        let half = usize::try_from(wanted / 2).unwrap_or(usize::MAX);
        if socket.set_send_buffer_size(half).is_err() {
            return false;
        }
        if socket_options::unlock_buffers(c.fd()).is_err() {
            // Once, for this connection; never again.
            self.most = Some(0);
        }
        c.keep_room(room);
        // If it is not so, the next call says it.
        c.write.ready = true;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Owner;
    use crate::util::address::Address;
    use std::net::{TcpListener, TcpStream};

    const LIMIT: u64 = 64 << 20;

    fn connection() -> std::io::Result<(Connection, TcpListener)> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let stream = TcpStream::connect(listener.local_addr()?)?;
        SockRef::from(&stream).set_send_buffer_size(16 << 10)?;
        Ok((Connection::new(stream.into(), Address::NONE, Owner::Waiting, 1, 0), listener))
    }

    fn size(c: &Connection) -> std::io::Result<usize> {
        SockRef::from(c.fd()).send_buffer_size()
    }

    #[test]
    fn a_socket_has_room_for_what_is_left_and_gives_it_back_with_the_connection() -> std::io::Result<()> {
        let (mut c, _listener) = connection()?;
        let before = size(&c)?;
        let mut rooms = Rooms::default();
        // Every system allows so much.
        assert!(rooms.widen(&mut c, 128 << 10, LIMIT));
        assert!(size(&c)? >= before + (128 << 10) && c.write.ready);
        assert!(rooms.given.get() >= 128 << 10);
        assert!(rooms.widen(&mut c, 1, LIMIT));
        drop(c);
        assert_eq!(rooms.given.get(), 0);
        Ok(())
    }

    #[test]
    fn nothing_is_given_beyond_a_limit() -> std::io::Result<()> {
        let (mut c, _listener) = connection()?;
        let before = size(&c)?;
        let mut rooms = Rooms::default();
        assert!(!rooms.widen(&mut c, 128 << 10, 128 << 10));
        assert!(!rooms.widen(&mut c, u64::MAX, u64::MAX));
        let all = rooms.give(ALL);
        assert!(all.is_some() && !rooms.widen(&mut c, 128 << 10, LIMIT));
        // Where it could not be undone it is not done.
        let mut rooms = Rooms { most: Some(0), ..Rooms::default() };
        assert!(!rooms.widen(&mut c, 128 << 10, LIMIT));
        assert_eq!((size(&c)?, c.write.ready), (before, false));
        Ok(())
    }
}
