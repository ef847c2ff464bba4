//! Net: the poll, the table, the timers and the queue, under one name.
//!
//! *In nginx* these are globals: `ngx_cycle->connections`, `ngx_event_timer_rbtree`, `ngx_posted_events`,
//! the epoll descriptor.
//!
//! *Here* one struct that a worker owns and lends to its handlers as a part of `Io`. A connection is
//! registered once, for both directions and edge-triggered, and never again until it is closed: no re-arming.
//!
//! *Read next*: `wait.rs` and `stream.rs`, which add their methods to it.

use super::clock;
use super::conn::{ConnId, Connection, Side};
use super::owner::Owner;
use super::posted::Posted;
use super::table::Table;
use super::timer::Timers;
use crate::util::address::Address;
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::time::Duration;

/// Tokens of this generation are not connections: listening sockets and the worker's own descriptors.
const SPECIAL: u32 = u32::MAX;

/// What a poll event is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A connection; its ready flags have been set already.
    Connection {
        /// Which one.
        id: ConnId,
        /// There may be something to read.
        read: bool,
        /// There may be room to write.
        write: bool,
    },
    /// Something registered under a number with [`Net::watch`].
    Special(u32),
}

/// Everything of the loop that is about readiness.
#[derive(Debug)]
pub struct Net {
    poll: Poll,
    /// All connections.
    pub table: Table,
    /// All timers.
    pub timers: Timers,
    /// Handlers to run without a new event.
    pub posted: Posted,
    /// The serial number of the next connection.
    pub next_number: u64,
    /// Some room has something for the worker to hand on at the end of the turn.
    pub handover: bool,
    /// How many connections this worker may have (directive `worker_connections`).
    pub limit: usize,
}

impl Net {
    /// A net without connections.
    ///
    /// # Errors
    /// What epoll_create(2) said.
    pub fn new(limit: usize) -> io::Result<Net> {
        clock::update();
        Ok(Net {
            poll: Poll::new()?,
            table: Table::default(),
            timers: Timers::default(),
            posted: Posted::default(),
            next_number: 1,
            handover: false,
            limit,
        })
    }

    /// Waits for events until the next timer, or not at all if events are posted.
    ///
    /// # Errors
    /// What epoll_wait(2) said, except that it was interrupted.
    pub fn poll(&mut self, events: &mut Events, at_most_ms: Option<u64>) -> io::Result<()> {
        // The entry may be too early (`timer.rs`); then the turn is a short one.
        let timer = self.timers.next().map(|at| at.saturating_sub(clock::now()));
        let ms = match (self.posted.is_pending(), timer, at_most_ms) {
            (true, _, _) => Some(0),
            (false, Some(a), Some(b)) => Some(a.min(b)),
            (false, a, b) => a.or(b),
        };
        let polled = match self.poll.poll(events, ms.map(Duration::from_millis)) {
            // A signal. It is in the inbox, which is one of the descriptors.
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                events.clear();
                Ok(())
            }
            done => done,
        };
        clock::update();
        polled
    }

    /// Says what an event is about and sets the connection's flags; `None` for one that has gone.
    pub fn note(&mut self, event: &mio::event::Event) -> Option<Source> {
        let id = ConnId::from_token(event.token());
        if id.generation() == SPECIAL {
            return Some(Source::Special(id.index()));
        }
        let c = self.table.get_mut(id)?;
        // An error wakes both sides: whichever handler looks first finds out what it is from its own call.
        let failed = event.is_error();
        let read = event.is_readable() || event.is_read_closed() || failed;
        // The kernel says with each event that there is room, whether that is new or not. Nobody can be
        // waiting for it where there has been room all along.
        let room = event.is_writable() && !c.write.ready;
        let write = room || event.is_write_closed() || failed;
        c.read.ready |= read;
        c.read.eof |= event.is_read_closed();
        c.read.error |= failed;
        c.write.ready |= write;
        c.write.error |= failed;
        Some(Source::Connection { id, read, write })
    }

    /// Registers a descriptor that is not a connection (a listening socket, the signal inbox).
    ///
    /// # Errors
    /// What epoll_ctl(2) said.
    pub fn watch(&self, fd: RawFd, number: u32) -> io::Result<()> {
        let token = ConnId::new(number, SPECIAL).token();
        self.poll.registry().register(&mut SourceFd(&fd), token, Interest::READABLE)
    }

    /// Ends what [`Net::watch`] began.
    ///
    /// # Errors
    /// What epoll_ctl(2) said.
    pub fn unwatch(&self, fd: RawFd) -> io::Result<()> {
        self.poll.registry().deregister(&mut SourceFd(&fd))
    }

    /// Takes a connected or connecting socket into the table and registers it, once, for both directions.
    ///
    /// # Errors
    /// What epoll_ctl(2) said; the socket is closed.
    pub fn adopt(&mut self, fd: OwnedFd, peer: Address, owner: Owner) -> io::Result<ConnId> {
        // Into the table first: the token of the registration is the name that the table gives.
        let raw = fd.as_raw_fd();
        let id = self.table.insert(Connection::new(fd, peer, owner, self.next_number, clock::now()));
        self.next_number += 1;
        let interest = Interest::READABLE | Interest::WRITABLE;
        let token: Token = id.token();
        if let Err(error) = self.poll.registry().register(&mut SourceFd(&raw), token, interest) {
            self.table.remove(id);
            return Err(error);
        }
        Ok(id)
    }

    /// Closes a connection. The kernel forgets its registration, the table its name.
    pub fn close(&mut self, id: ConnId) {
        if let Some(c) = self.table.get_mut(id) {
            c.say_goodbye();
            self.table.remove(id);
        }
    }

    /// Changes whom a connection works for.
    pub fn set_owner(&mut self, id: ConnId, owner: Owner) {
        if let Some(c) = self.table.get_mut(id) {
            c.owner = owner;
        }
    }

    /// True if one side may be used without waiting.
    pub fn is_ready(&mut self, id: ConnId, side: Side) -> bool {
        self.table.get_mut(id).is_some_and(|c| c.side(side).ready)
    }

    /// Takes the note that a timer has fired; says whether it had.
    pub fn take_timed_out(&mut self, id: ConnId, side: Side) -> bool {
        self.table.get_mut(id).is_some_and(|c| std::mem::take(&mut c.side(side).timed_out))
    }
}
