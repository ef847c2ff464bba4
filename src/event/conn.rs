//! A connection: a descriptor, what is known of its two directions, and whom it works for.
//!
//! *In nginx* `ngx_connection_t` with its two `ngx_event_t`, about 400 bytes, from a pre-allocated array; a
//! stale event of the same batch is told by one `instance` bit in the pointer.
//!
//! *Here* the same idea with a 32-bit generation in the [`ConnId`], which is also the mio token. The struct
//! is what an idle client costs, so it holds no buffer and no HTTP.
//!
//! *Read next*: `stream.rs` for what changes `ready`, `timer.rs` for `deadline`.

use super::owner::Owner;
use super::room::Room;
use crate::tls::{Session, Wire};
use crate::util::address::Address;
use crate::util::proxy_protocol::ProxyProtocol;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

/// An index into the table and the generation that makes it unmistakable.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ConnId {
    /// The generation above the index: one number, so that names are compared in one go.
    bits: u64,
}

impl ConnId {
    /// No connection.
    pub const NONE: ConnId = ConnId::new(u32::MAX, u32::MAX);

    /// The name of what stands at an index of the table, which had been used so often before.
    pub const fn new(index: u32, generation: u32) -> ConnId {
        ConnId { bits: (generation as u64) << 32 | index as u64 }
    }

    /// Index in the table.
    pub const fn index(self) -> u32 {
        self.bits as u32
    }

    /// How often the index had been used before.
    pub const fn generation(self) -> u32 {
        (self.bits >> 32) as u32
    }

    /// The mio token of this connection.
    pub fn token(self) -> mio::Token {
        mio::Token(self.bits as usize)
    }

    /// The connection of a token.
    pub fn from_token(token: mio::Token) -> ConnId {
        ConnId { bits: token.0 as u64 }
    }
}

impl std::fmt::Debug for ConnId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.index(), self.generation())
    }
}

/// One direction of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// What comes in.
    Read,
    /// What goes out.
    Write,
}

/// What is known of one direction (nginx: `ngx_event_t`).
#[derive(Debug, Default)]
pub struct Readiness {
    /// A call may succeed. Set by events; cleared only where a call has just come up short or said
    /// EAGAIN: in `recv`, in `send`, and where somebody peeks.
    pub ready: bool,
    /// The other end has said it will send no more (read side only).
    pub eof: bool,
    /// The kernel reported an error; the next call will say which.
    pub error: bool,
    /// The timer has fired; whoever handles it clears it.
    pub timed_out: bool,
    /// Somebody sleeps on this side on purpose, so readiness does not wake him (nginx: `ev->delayed`).
    pub delayed: bool,
    /// An event for this side is in the posted queue.
    pub posted: bool,
    /// When the timer fires, in milliseconds of the loop's clock; 0 when none is set.
    pub deadline: u64,
    /// The earliest entry for this side in the timer heap; 0 when there is none. See `timer.rs`.
    pub queued: u64,
}

/// A connection to a client or to an upstream.
#[derive(Debug)]
pub struct Connection {
    /// Closed when the connection leaves the table; that ends its registration, too.
    fd: OwnedFd,
    /// What the table gave it; none before.
    pub id: ConnId,
    /// Whom it works for: read by the dispatcher for each event, changed when the connection passes from one
    /// to another (a client's first byte, a peer taken from the pool).
    pub owner: Owner,
    /// What comes in. Written by events and by calls, read by whoever wants to call.
    pub read: Readiness,
    /// What goes out. A new connection to a peer is ready when its connect has been decided, either way.
    pub write: Readiness,
    /// The serial number in log lines (`*7`) and `$connection`.
    pub number: u64,
    /// The other end.
    pub peer: Address,
    /// Which listening socket it came from (index in the worker's list); unused for upstreams.
    pub listener: u32,
    /// Requests served over it (client) or sent over it (upstream).
    pub requests: u32,
    /// When it was accepted or connected, in milliseconds of the loop's clock.
    pub started: u64,
    /// Bytes sent over it.
    pub sent: u64,
    /// Bytes received over it.
    pub received: u64,
    /// What few connections have.
    extra: Option<Box<Extra>>,
    /// What is peculiar about it.
    pub flags: Flags,
    /// Its place among those that may be given up.
    pub reusable: Place,
}

/// What few connections have, so that the others do not pay for it.
#[derive(Debug, Default)]
struct Extra {
    /// Whom a proxy in front named with the PROXY protocol.
    proxied: Option<ProxyProtocol>,
    /// TLS over it.
    session: Option<Session>,
    /// What its socket may hold beyond the usual.
    room: Option<Room>,
}

/// Rarely set properties of a connection.
#[derive(Clone, Copy, Debug, Default)]
pub struct Flags {
    /// Its lines go to the error log at debug level (directive `debug_connection`).
    pub debug: bool,
    /// The end of it is being waited for; nothing more is read for sense.
    pub closing: bool,
    /// TCP_NODELAY has been set.
    pub nodelay: bool,
    /// Counted in `$connections_waiting`: an idle keep-alive client.
    pub idle: bool,
    /// Counted against the peer address; shared-memory limits clean up by it.
    pub linger: bool,
    /// No connect result has been asked for yet.
    pub connecting: bool,
    /// What was sent is not whole: the other end of a TLS session must not take its end for an orderly one.
    pub cut: bool,
}

impl Connection {
    /// A connection that is not in a table yet.
    pub fn new(fd: OwnedFd, peer: Address, owner: Owner, number: u64, now: u64) -> Connection {
        Connection {
            fd,
            id: ConnId::NONE,
            owner,
            read: Readiness::default(),
            write: Readiness::default(),
            number,
            peer,
            listener: 0,
            requests: 0,
            started: now,
            sent: 0,
            received: 0,
            extra: None,
            flags: Flags::default(),
            reusable: Place::default(),
        }
    }

    /// The descriptor, for options and registration.
    pub fn fd(&self) -> &OwnedFd {
        &self.fd
    }

    /// The raw descriptor.
    pub fn raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }

    /// Whom a proxy in front named with the PROXY protocol.
    pub fn proxied(&self) -> Option<&ProxyProtocol> {
        self.extra.as_ref()?.proxied.as_ref()
    }

    /// Keeps what the PROXY protocol said.
    pub fn set_proxied(&mut self, header: ProxyProtocol) {
        self.extra.get_or_insert_default().proxied = Some(header);
    }

    /// The TLS session over it.
    pub fn session(&self) -> Option<&Session> {
        self.extra.as_ref()?.session.as_ref()
    }

    /// The same, to be changed, and the wire it is over.
    pub(super) fn session_and_wire(&mut self) -> Option<(&mut Session, Wire<'_>)> {
        let session = self.extra.as_mut()?.session.as_mut()?;
        let (read, write) = (&mut self.read, &mut self.write);
        let ends = read.eof || read.error;
        let fd = self.fd.as_raw_fd();
        let wire = Wire { fd, readable: &mut read.ready, writable: &mut write.ready, ends };
        Some((session, wire))
    }

    /// The session, to note something in it.
    pub fn session_mut(&mut self) -> Option<&mut Session> {
        self.extra.as_mut()?.session.as_mut()
    }

    /// Begins TLS: what is sent and received from now on goes through the session.
    pub fn begin_session(&mut self, session: Session) {
        self.extra.get_or_insert_default().session = Some(session);
    }

    /// Remembers for as long as the connection lives that its socket has been given room.
    pub(super) fn keep_room(&mut self, room: Room) {
        let had = &mut self.extra.get_or_insert_default().room;
        *had = Some(room.joined(had.take()));
    }

    /// One direction.
    pub fn side(&mut self, side: Side) -> &mut Readiness {
        match side {
            Side::Read => &mut self.read,
            Side::Write => &mut self.write,
        }
    }
}

/// No neighbour in the queue of connections that may be given up (`reusable.rs`).
pub(super) const NOBODY: u32 = u32::MAX;

/// A connection's place in the queue.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    pub(super) older: u32,
    pub(super) newer: u32,
    /// It stands in the queue.
    pub queued: bool,
}

impl Default for Place {
    fn default() -> Place {
        Place { older: NOBODY, newer: NOBODY, queued: false }
    }
}
