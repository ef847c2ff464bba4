//! Peers: the addresses of a group, what is known of each, and the handle by which a request holds one.
//!
//! *In nginx* `ngx_http_upstream_rr_peer_t` in a list, with two lists (primary, backup) under one name; with
//! `zone` the structs live in shared memory and are guarded by a read-write lock.
//!
//! *Here* what never changes ([`Peer`]) is apart from what changes ([`State`]): eighteen numbers in a row of
//! [`Words`], private or shared, so that a `zone` changes where they are and nothing else. A [`Roster`] is
//! the set of peers at one time; re-resolution makes a new one and reuses the peers that stayed. Whoever
//! was given a peer holds it by count and gives it back exactly once: that is [`Held`].
//!
//! ```text
//!   Roster ─┬─ primary: List ── Rc<Peer> ── State ─▶ Words (this worker's, or the zone's)
//!           └─ backup:  List        ▲
//!                                   └── Held (one request; conns + 1)
//! ```
//!
//! *Read next*: `round_robin.rs`, which changes most of these numbers.

use super::hash::Ring;
use super::idle::Hint;
use super::tried::Tried;
use super::{Reason, Server};
use crate::sys::words::{Run, Words};
use crate::util::address::Address;
use md5::{Digest, Md5};
use std::cell::OnceCell;
use std::fmt;
use std::rc::Rc;

/// The numbers kept for each peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Field {
    /// Requests it is working on.
    Conns,
    /// Failures since the last success that counted.
    Fails,
    /// Second of the last failure (nginx: `accessed`).
    Accessed,
    /// Second of the last failure, or of the choice that probes it afterwards (nginx: `checked`).
    Checked,
    /// How far below its weight it stands after failures. Kept as a distance, so that zeroed memory is a
    /// good start.
    Penalty,
    /// The running weight of smooth round robin; signed.
    Current,
    /// Requests given to it.
    Requests,
    /// Failures ever.
    Failures,
    /// Moving average of header times, microseconds, where the method [wants it](super::Balancer::measures).
    HeaderTime,
    /// Moving average of reply times, likewise.
    TotalTime,
    /// Sum of the start times of requests under way, milliseconds.
    Started,
    /// Second it went out; 0 when it is in.
    OutSince,
    /// Millisecond from which its weight recovers; 0 when it has.
    SlowFrom,
    /// Set by health checks and operators: 1 for down.
    Unhealthy,
    /// Second of the last choice.
    Selected,
    /// Bytes received from it.
    Received,
    /// Second in which the present window of failures began (`fail_window=`).
    WindowFrom,
    /// In a zone: which line and address the numbers are of.
    Key,
}

/// How many numbers that is.
pub const FIELDS: usize = Field::Key as usize + 1;

/// The numbers of one peer.
#[derive(Clone, Debug)]
pub struct State(Run<FIELDS>);

impl State {
    /// New numbers of this worker only.
    pub fn private() -> State {
        State(Run::private())
    }

    /// Numbers in a larger row, from index `at` on; None if it ends before them.
    pub fn inside(words: &Words, at: usize) -> Option<State> {
        words.run(at).map(State)
    }

    /// One number.
    pub fn get(&self, field: Field) -> u64 {
        self.0.get(field as usize)
    }

    /// Stores one.
    pub fn set(&self, field: Field, value: u64) {
        self.0.set(field as usize, value);
    }

    /// Adds to one.
    pub fn add(&self, field: Field, value: u64) {
        self.0.add(field as usize, value);
    }

    /// Subtracts from one, not below zero.
    pub fn sub(&self, field: Field, value: u64) {
        self.0.sub(field as usize, value);
    }

    /// The running weight.
    pub fn current(&self) -> i64 {
        self.get(Field::Current).cast_signed()
    }

    /// Stores the running weight.
    pub fn set_current(&self, value: i64) {
        self.set(Field::Current, value.cast_unsigned());
    }
}

/// An address that a name has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The address with its port.
    pub address: Address,
    /// The weight a SRV record gives it; 0 for the line's own.
    pub weight: u32,
    /// It comes from a SRV record that has not the best priority.
    pub backup: bool,
}

impl From<Address> for Found {
    fn from(address: Address) -> Found {
        Found { address, weight: 0, backup: false }
    }
}

/// One address of a group.
pub struct Peer {
    /// The address.
    pub address: Address,
    /// Its text, as in logs and `$upstream_addr`.
    pub name: Rc<str>,
    /// The line it came from.
    pub server: Rc<Server>,
    /// Its weight; that of the line unless a SRV record said otherwise.
    pub weight: u32,
    /// Asked only when no primary one may be: the line says so, or a SRV record of lower priority.
    pub backup: bool,
    /// What changes.
    pub state: State,
    /// Where this worker keeps idle connections to it.
    pub idle: Hint,
    sid: OnceCell<Rc<[u8]>>,
}

impl Peer {
    /// A peer with these numbers.
    pub fn new(found: &Found, server: Rc<Server>, state: State) -> Peer {
        let name = found.address.to_string().into();
        let weight = if found.weight == 0 { server.weight } else { found.weight }.max(1);
        let (address, backup) = (found.address.clone(), found.backup || server.backup);
        let idle = Hint::default();
        Peer { address, name, weight, backup, server, state, idle, sid: OnceCell::new() }
    }

    /// Whether it is what was found again.
    pub fn is(&self, found: &Found) -> bool {
        let weight = if found.weight == 0 { self.server.weight } else { found.weight }.max(1);
        let backup = found.backup || self.server.backup;
        (&self.address, self.weight, self.backup) == (&found.address, weight, backup)
    }

    /// Takes it out of service or puts it back, as a health check or an operator says; true if that is news.
    /// What comes back begins slowly if the line says so, and without its old failures.
    pub fn set_healthy(&self, healthy: bool, now_ms: u64) -> bool {
        let was = self.state.get(Field::Unhealthy) == 0;
        self.state.set(Field::Unhealthy, u64::from(!healthy));
        if healthy && !was {
            self.state.set(Field::Fails, 0);
            self.state.set(Field::OutSince, 0);
            let slow = self.server.slow_start_ms != 0;
            self.state.set(Field::SlowFrom, if slow { now_ms.max(1) } else { 0 });
        }
        was != healthy
    }

    /// Its name towards clients: `route=`, or the MD5 of its address in hex.
    pub fn sid(&self) -> &Rc<[u8]> {
        self.sid.get_or_init(|| match &self.server.route {
            Some(route) => route.clone(),
            None => {
                let digest = Md5::digest(self.name.as_bytes());
                digest.iter().flat_map(|byte| format!("{byte:02x}").into_bytes()).collect()
            }
        })
    }

    /// Its weight now: less after failures, and while it starts slowly.
    pub fn effective(&self, now_ms: u64) -> i64 {
        let weight = i64::from(self.weight);
        let penalty = i64::try_from(self.state.get(Field::Penalty)).unwrap_or(weight).clamp(0, weight);
        let from = self.state.get(Field::SlowFrom);
        if from == 0 {
            return weight - penalty;
        }
        let (passed, whole) = (now_ms.saturating_sub(from), self.server.slow_start_ms);
        if passed >= whole {
            self.state.set(Field::SlowFrom, 0);
            return weight - penalty;
        }
        let share = i64::try_from(passed).unwrap_or(0).saturating_mul(weight);
        (share / i64::try_from(whole.max(1)).unwrap_or(i64::MAX)).clamp(0, weight - penalty)
    }

    /// Why it may not be asked now, if so; whether this request has tried it is not looked at.
    pub fn reason(&self, now_ms: u64) -> Option<Reason> {
        let (now, server) = (now_ms / 1000, &self.server);
        if server.down || self.state.get(Field::Unhealthy) != 0 {
            return Some(Reason::Down);
        }
        let fails = self.state.get(Field::Fails);
        let since = now.saturating_sub(self.state.get(Field::Checked));
        if server.max_fails != 0 && fails >= server.max_fails && since <= server.fail_timeout_s {
            let seconds = server.fail_timeout_s.saturating_sub(since).saturating_add(1);
            return Some(Reason::Failed { fails, seconds });
        }
        let (conns, max) = (self.state.get(Field::Conns), server.max_conns);
        (max != 0 && conns >= max).then_some(Reason::Full { conns, max })
    }
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// The primary or the backup peers.
#[derive(Debug, Default)]
pub struct List {
    /// In the order of the configuration.
    pub peers: Vec<Rc<Peer>>,
    /// The sum of their weights, down ones included.
    pub total_weight: u64,
    ring: OnceCell<Ring>,
}

impl List {
    fn of(peers: Vec<Rc<Peer>>) -> List {
        let total_weight = peers.iter().map(|peer| u64::from(peer.weight)).sum();
        List { peers, total_weight, ring: OnceCell::new() }
    }

    /// Whether the peer at this index may be asked now.
    pub fn is_eligible(&self, at: usize, tried: &Tried, now_ms: u64) -> bool {
        let Some(peer) = self.peers.get(at) else { return false };
        !tried.has(at) && !peer.server.drain && peer.reason(now_ms).is_none()
    }

    /// Those that may be asked now.
    pub fn eligible<'a>(
        &'a self,
        tried: &'a Tried,
        now_ms: u64,
    ) -> impl Iterator<Item = (usize, &'a Rc<Peer>)> {
        self.peers.iter().enumerate().filter(move |(at, _)| self.is_eligible(*at, tried, now_ms))
    }

    /// The peer at a place of the row in which each has as many places as its weight.
    pub fn at_weight(&self, place: u64) -> Option<usize> {
        let mut left = place;
        self.peers.iter().position(|peer| {
            let here = left < u64::from(peer.weight);
            left = left.saturating_sub(u64::from(peer.weight));
            here
        })
    }

    /// The ring of consistent hashing, made when first asked for.
    pub fn ring(&self) -> &Ring {
        self.ring.get_or_init(|| Ring::of(&self.peers))
    }

    fn live(&self) -> usize {
        self.peers.iter().filter(|peer| !peer.server.down).count()
    }
}

/// The peers of a group at one time.
#[derive(Debug, Default)]
pub struct Roster {
    /// Counted up with each change.
    pub generation: u64,
    /// Asked first.
    pub primary: List,
    /// Asked when no primary one may be.
    pub backup: List,
    /// Lines whose name has no address yet.
    pub unresolved: Vec<Rc<Server>>,
    /// How many peers are not `down`. What the lines say does not change, so it is counted once.
    live: usize,
    /// The only one of them, if it is a primary one.
    single: Option<Rc<Peer>>,
}

impl Roster {
    /// Sorts peers into the two lists.
    pub fn new(generation: u64, peers: Vec<Rc<Peer>>, unresolved: Vec<Rc<Server>>) -> Roster {
        let (backup, primary) = peers.into_iter().partition(|peer| peer.backup);
        let (primary, backup) = (List::of(primary), List::of(backup));
        let live = primary.live().saturating_add(backup.live());
        let first = primary.peers.iter().find(|peer| !peer.server.down).cloned();
        Roster { generation, single: first.filter(|_| live == 1), live, primary, backup, unresolved }
    }

    /// All peers, primary ones first.
    pub fn all(&self) -> impl Iterator<Item = &Rc<Peer>> {
        self.primary.peers.iter().chain(&self.backup.peers)
    }

    /// How many attempts a request has at first: one for each peer that is not `down`.
    pub fn tries(&self) -> u32 {
        u32::try_from(self.live).unwrap_or(u32::MAX)
    }

    /// The only peer there is to ask: its failures are not held against it, because nothing would be won.
    ///
    /// DIFF: nginx counts lines that are `down` as well, so that taking one of two peers out of service
    /// makes the other one fail for ten seconds after a single error.
    pub fn single(&self) -> Option<&Rc<Peer>> {
        self.single.as_ref()
    }
}

/// A peer given to a request. Counted in `conns` until it is given back with `Group::free`, or dropped.
#[derive(Debug)]
#[must_use]
pub struct Held {
    peer: Rc<Peer>,
    started_ms: u64,
    single: bool,
}

impl Held {
    /// Counts.
    pub(super) fn new(peer: Rc<Peer>, single: bool, now_ms: u64) -> Held {
        peer.state.add(Field::Conns, 1);
        peer.state.add(Field::Requests, 1);
        peer.state.add(Field::Started, now_ms);
        peer.state.set(Field::Selected, now_ms / 1000);
        Held { peer, started_ms: now_ms, single }
    }

    /// The peer.
    pub fn peer(&self) -> &Rc<Peer> {
        &self.peer
    }

    /// Whether it was the only one to ask.
    pub fn is_single(&self) -> bool {
        self.single
    }

    /// When it was chosen.
    pub fn started_ms(&self) -> u64 {
        self.started_ms
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.peer.state.sub(Field::Conns, 1);
        self.peer.state.sub(Field::Started, self.started_ms);
    }
}
