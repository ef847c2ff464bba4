//! Timers: a heap in which most changes cost nothing.
//!
//! *In nginx* a red-black tree of events; a timer that is set again less than 300 ms later than before is
//! left where it is, since most timers never fire.
//!
//! *Here* the same observation is carried further. The deadline is a field of the connection's side; the
//! heap only has to hold *some* entry that is not later than it. Moving a deadline back (every read of a
//! body does) is a store to that field. When the entry comes up too early, it goes in again with the true
//! deadline.
//!
//! ```text
//!   side.deadline = 65 s      heap: (60 s, conn 7, Read)   60 s later: too early, put in again for 65 s
//! ```
//!
//! Timers that belong to no connection use a [`Key`].
//!
//! *Read next*: `wait.rs`.

use super::conn::{ConnId, Side};
use super::owner::{ExchangeId, RequestIx};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// What a timer is for when it is not one side of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Key {
    /// The worker must be gone by now (directive `worker_shutdown_timeout`).
    Shutdown,
    /// Buffered access logs are to be written (`access_log … flush=`).
    LogFlush,
    /// A request that waits for nothing but the time (`limit_req`, `auth_delay`, a queue for a peer).
    Request(ExchangeId, RequestIx),
    /// A service of the worker (health check); the number is its own.
    Service(u32),
    /// Questions to name servers: somebody has waited long enough, or silence is to be answered.
    Resolver,
    /// The addresses of a `server … resolve` line are to be looked up again; the number is the worker's own.
    Line(u32),
}

/// Whose time has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// One side of a connection; its deadline must still be compared.
    Side(ConnId, Side),
    /// Something else; `token` tells a cancelled timer from a live one.
    Key(Key, u32),
}

#[derive(Debug, PartialEq, Eq)]
struct Entry {
    at: u64,
    order: u32,
    due: Due,
}

impl Ord for Entry {
    fn cmp(&self, other: &Entry) -> std::cmp::Ordering {
        (self.at, self.order).cmp(&(other.at, other.order))
    }
}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Entry) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// All timers of a worker.
#[derive(Debug, Default)]
pub struct Timers {
    heap: BinaryHeap<Reverse<Entry>>,
    order: u32,
    keys: Vec<(Key, u64, u32)>,
}

impl Timers {
    /// Puts an entry in.
    pub fn push(&mut self, at: u64, due: Due) {
        self.order = self.order.wrapping_add(1);
        self.heap.push(Reverse(Entry { at, order: self.order, due }));
    }

    /// Sets the timer of a key, in place of an earlier one of the same key.
    pub fn set_key(&mut self, key: Key, at: u64) {
        self.cancel_key(key);
        self.order = self.order.wrapping_add(1);
        let token = self.order;
        self.keys.push((key, at, token));
        self.push(at, Due::Key(key, token));
    }

    /// Takes the timer of a key back.
    pub fn cancel_key(&mut self, key: Key) {
        self.keys.retain(|(other, _, _)| *other != key);
    }

    /// True if the key's timer is set.
    pub fn has_key(&self, key: Key) -> bool {
        self.keys.iter().any(|(other, _, _)| *other == key)
    }

    /// True, once, if this is the key's present timer and not one that was taken back.
    pub fn take_key(&mut self, key: Key, token: u32) -> bool {
        let found = self.keys.iter().position(|&(other, _, live)| other == key && live == token);
        if let Some(at) = found {
            self.keys.swap_remove(at);
        }
        found.is_some()
    }

    /// When the earliest entry comes up.
    pub fn next(&self) -> Option<u64> {
        self.heap.peek().map(|Reverse(entry)| entry.at)
    }

    /// Takes the earliest entry that has come up, with the time it was queued for.
    pub fn pop(&mut self, now: u64) -> Option<(u64, Due)> {
        if self.next()? > now {
            return None;
        }
        self.heap.pop().map(|Reverse(entry)| (entry.at, entry.due))
    }
}
