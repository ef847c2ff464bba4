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
use crate::util::fold::Fold;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::hash::BuildHasherDefault;

/// What a timer is for when it is not one side of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Key {
    /// The worker must be gone by now (directive `worker_shutdown_timeout`).
    Shutdown,
    /// Buffered access logs are to be written (`access_log … flush=`).
    LogFlush,
    /// A request that waits for nothing but the time (`limit_req`, `auth_delay`, a queue for a peer).
    Request(ExchangeId, RequestIx),
    /// One attempt at a peer has had its time (`NAME_timeout`).
    Attempt(ExchangeId, RequestIx),
    /// A request as a whole has had its time (`request_timeout`).
    Deadline(ExchangeId),
    /// A service of the worker (health check); the number is its own.
    Service(u32),
    /// Questions to name servers: somebody has waited long enough, or silence is to be answered.
    Resolver,
    /// The addresses of a `server … resolve` line are to be looked up again; the number is the worker's own.
    Line(u32),
}

/// How many stale entries are not worth a sweep.
const STALE: usize = 1024;

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
    keys: HashMap<Key, u32, BuildHasherDefault<Fold>>,
    /// How many entries of the heap are of keys that were taken back or set again.
    stale: usize,
}

impl Timers {
    /// Puts an entry in. Those who may have to do so are many, and mostly need not.
    #[inline(never)]
    pub fn push(&mut self, at: u64, due: Due) {
        self.order = self.order.wrapping_add(1);
        self.heap.push(Reverse(Entry { at, order: self.order, due }));
    }

    /// Sets the timer of a key, in place of an earlier one of the same key.
    pub fn set_key(&mut self, key: Key, at: u64) {
        self.order = self.order.wrapping_add(1);
        let token = self.order;
        if self.keys.insert(key, token).is_some() {
            self.outdate();
        }
        self.push(at, Due::Key(key, token));
    }

    /// Takes the timer of a key back.
    pub fn cancel_key(&mut self, key: Key) {
        if self.keys.remove(&key).is_some() {
            self.outdate();
        }
    }

    /// An entry has become stale. Most long timers are taken back, so the heap is swept when half of it is
    /// of no more use.
    fn outdate(&mut self) {
        self.stale = self.stale.saturating_add(1);
        if self.stale > STALE && self.stale > self.heap.len() / 2 {
            let keys = &self.keys;
            self.heap.retain(|Reverse(entry)| match entry.due {
                Due::Key(key, token) => keys.get(&key) == Some(&token),
                Due::Side(..) => true,
            });
            self.stale = 0;
        }
    }

    /// True if the key's timer is set.
    pub fn has_key(&self, key: Key) -> bool {
        self.keys.contains_key(&key)
    }

    /// True, once, if this is the key's present timer and not one that was taken back.
    pub fn take_key(&mut self, key: Key, token: u32) -> bool {
        let live = self.keys.get(&key) == Some(&token);
        if live {
            self.keys.remove(&key);
        } else {
            self.stale = self.stale.saturating_sub(1);
        }
        live
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
