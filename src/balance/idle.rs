//! Idle upstream connections, kept for the next request.
//!
//! *In nginx* `ngx_http_upstream_keepalive_module.c`: each `upstream` block has an array of `keepalive`
//! entries in two queues, and looking for a connection walks the whole queue comparing addresses.
//!
//! *Here* one store for all groups of a worker, so that a connection's owner needs to know only its spot. It
//! keeps names of connections, never closes one and sets no timer: what must be closed is handed back
//! to the caller. Within a group the connection used last is taken first (its idle time is the shortest), and
//! the one unused for longest is given up when there are too many. DIFF: there is a pool for every group, 32
//! connections large unless `keepalive` says otherwise, as nginx has since 1.29.7 for `upstream` blocks.
//!
//! ```text
//!   group ─▶ Row   [spot … spot]     ─▶ the oldest of all: evicted, close it    at most `keepalive`
//!   place ─▶ Spot  [oldest … newest] ─▶ take ─▶ ConnId                          of one address and key
//! ```
//!
//! Most requests for a peer find what the one before left, so each peer remembers its spot ([`Hint`]), which
//! is looked at before the table is.
//!
//! *Read next*: `group.rs` (Keepalive), `event/owner.rs` (Owner::Pooled holds the spot).

use crate::event::ConnId;
use crate::util::address::Address;
use crate::util::fold::FoldMap;
use slab::Slab;
use std::cell::Cell;

/// How a group keeps connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keepalive {
    /// `keepalive`: how many idle ones at most; 0 for none.
    pub connections: usize,
    /// `keepalive … local`: only the location that opened one uses it again. The caller puts the location
    /// into the key.
    pub local: bool,
    /// `keepalive_requests`: how many requests one serves.
    pub requests: u64,
    /// `keepalive_time`: how long one is used, in milliseconds.
    pub time_ms: u64,
    /// `keepalive_timeout`: how long one may be idle, in milliseconds.
    pub timeout_ms: u64,
}

impl Default for Keepalive {
    fn default() -> Self {
        Keepalive { connections: 32, local: false, requests: 1000, time_ms: 3_600_000, timeout_ms: 60_000 }
    }
}

impl Keepalive {
    /// Whether a connection that has sent so many requests and is so old may be kept.
    pub fn allows(&self, requests: u64, age_ms: u64) -> bool {
        self.connections > 0 && requests < self.requests && age_ms <= self.time_ms
    }
}

/// To whom an idle connection can be of use: the group, the peer, and the number under which the caller sums
/// up what else must be equal (local address, TLS settings, location).
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// `Group::number`.
    pub group: u32,
    /// The peer.
    pub address: &'a Address,
    /// The caller's sum; 0 if there is nothing.
    pub key: u64,
    /// The peer's own.
    pub hint: &'a Hint,
}

/// Where the connections to a peer were kept last. It stays with the peer of a group, so only the key may be
/// another one the next time.
#[derive(Debug, Default)]
pub struct Hint {
    spot: Cell<usize>,
    /// The number of that spot; 0 for none.
    number: Cell<u64>,
}

/// A place as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct OwnPlace {
    group: u32,
    address: Address,
    key: u64,
}

impl OwnPlace {
    fn of(place: &Place) -> OwnPlace {
        OwnPlace { group: place.group, address: place.address.clone(), key: place.key }
    }
}

/// The connections to one place.
#[derive(Debug)]
struct Spot {
    place: OwnPlace,
    /// Its own; that of no spot before it.
    number: u64,
    row: usize,
    /// The one used last stands last. Beside each how many had been parked before it.
    conns: Vec<(u64, ConnId)>,
}

/// The spots of a group, and how many connections stand there.
#[derive(Debug, Default)]
struct Row {
    spots: Vec<usize>,
    length: usize,
}

/// All idle upstream connections of a worker.
#[derive(Debug, Default)]
pub struct Idle {
    rows: Slab<Row>,
    spots: Slab<Spot>,
    row_of: FoldMap<u32, usize>,
    spot_of: FoldMap<OwnPlace, usize>,
    length: usize,
    /// How many have been parked, ever.
    parked: u64,
    /// How many spots have been made, ever.
    made: u64,
}

/// So many empty spots may be kept for connections to come.
const EMPTY: usize = 64;

/// What came of [`Idle::park`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Parked {
    /// The connection's spot: its owner is now `Owner::Pooled(spot)`.
    pub spot: u32,
    /// Another connection that had to go: close it.
    pub evicted: Option<ConnId>,
}

impl Idle {
    /// Keeps a connection; `most` is [`Keepalive::connections`], at least 1.
    pub fn park(&mut self, conn: ConnId, place: &Place, most: usize) -> Parked {
        let at = match self.find(place) {
            Some(at) => at,
            None => self.make(place),
        };
        let mut evicted = None;
        if let Some(spot) = self.spots.get_mut(at)
            && let Some(row) = self.rows.get_mut(spot.row)
        {
            spot.conns.push((self.parked, conn));
            self.parked += 1;
            self.length += 1;
            row.length += 1;
            let (at, is_full) = (spot.row, row.length > most.max(1));
            if is_full {
                evicted = self.evict(at);
            }
        }
        Parked { spot: u32::try_from(at).unwrap_or(u32::MAX), evicted }
    }

    /// Takes the connection to that place that was used last.
    pub fn take(&mut self, place: &Place) -> Option<ConnId> {
        let at = self.find(place)?;
        let spot = self.spots.get_mut(at)?;
        let (_, conn) = spot.conns.pop()?;
        let row = spot.row;
        self.count_off(row, 1);
        Some(conn)
    }

    /// Counts connections that have been taken away.
    fn count_off(&mut self, row: usize, n: usize) {
        self.length = self.length.saturating_sub(n);
        if let Some(row) = self.rows.get_mut(row) {
            row.length = row.length.saturating_sub(n);
        }
    }

    /// Takes away the connection of a group that was parked before all others.
    #[inline(never)]
    fn evict(&mut self, row: usize) -> Option<ConnId> {
        let first = |at: usize| self.spots.get(at).and_then(|spot| spot.conns.first());
        let spots = self.rows.get(row)?.spots.iter();
        let oldest = spots.filter_map(|at| Some((first(*at)?.0, *at))).min();
        let spot = self.spots.get_mut(oldest?.1)?;
        let (_, conn) = spot.conns.remove(0);
        self.count_off(row, 1);
        Some(conn)
    }

    #[inline]
    fn find(&mut self, place: &Place) -> Option<usize> {
        let (at, number) = (place.hint.spot.get(), place.hint.number.get());
        match self.spots.get(at) {
            Some(spot) if spot.number == number && spot.place.key == place.key => Some(at),
            _ => self.find_elsewhere(place),
        }
    }

    #[inline(never)]
    fn find_elsewhere(&mut self, place: &Place) -> Option<usize> {
        let at = *self.spot_of.get(&OwnPlace::of(place))?;
        place.hint.spot.set(at);
        place.hint.number.set(self.spots.get(at)?.number);
        Some(at)
    }

    #[inline(never)]
    fn make(&mut self, place: &Place) -> usize {
        if self.spots.len() > self.length.saturating_mul(2).saturating_add(EMPTY) {
            self.sweep();
        }
        let rows = &mut self.rows;
        let row = *self.row_of.entry(place.group).or_insert_with(|| rows.insert(Row::default()));
        let place = OwnPlace::of(place);
        self.made += 1;
        let number = self.made;
        let at = self.spots.insert(Spot { place: place.clone(), number, row, conns: Vec::new() });
        if let Some(row) = self.rows.get_mut(row) {
            row.spots.push(at);
        }
        self.spot_of.insert(place, at);
        at
    }

    /// Forgets spots and rows that are empty. Not done at once, because most are filled again with the next
    /// reply.
    fn sweep(&mut self) {
        self.spots.retain(|_, spot| !spot.conns.is_empty());
        self.spot_of.retain(|_, at| self.spots.contains(*at));
        self.rows.retain(|_, row| {
            row.spots.retain(|at| self.spots.contains(*at));
            !row.spots.is_empty()
        });
        self.row_of.retain(|_, at| self.rows.contains(*at));
    }

    /// Forgets a connection by its spot: it was closed by the peer, or its time is over. False when it has
    /// gone already.
    pub fn remove(&mut self, spot: u32, conn: ConnId) -> bool {
        let spot = usize::try_from(spot).ok().and_then(|at| self.spots.get_mut(at));
        let Some(spot) = spot else { return false };
        let Some(at) = spot.conns.iter().position(|(_, one)| *one == conn) else { return false };
        spot.conns.remove(at);
        let row = spot.row;
        self.count_off(row, 1);
        true
    }

    /// Forgets all connections of a group to an address that has left it; they are to be closed.
    pub fn leave(&mut self, group: u32, address: &Address) -> Vec<ConnId> {
        self.remove_if(|place| place.group == group && place.address == *address)
    }

    /// Forgets all connections; they are to be closed.
    pub fn clear(&mut self) -> Vec<ConnId> {
        self.remove_if(|_| true)
    }

    /// How many are idle.
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// How many of a group are idle.
    pub fn of_group(&self, group: u32) -> usize {
        self.row_of.get(&group).and_then(|at| self.rows.get(*at)).map_or(0, |row| row.length)
    }

    fn remove_if(&mut self, goes: impl Fn(&OwnPlace) -> bool) -> Vec<ConnId> {
        let mut gone = Vec::new();
        for (_, spot) in self.spots.iter_mut().filter(|(_, spot)| goes(&spot.place)) {
            self.length = self.length.saturating_sub(spot.conns.len());
            if let Some(row) = self.rows.get_mut(spot.row) {
                row.length = row.length.saturating_sub(spot.conns.len());
            }
            gone.extend(spot.conns.drain(..).map(|(_, conn)| conn));
        }
        self.sweep();
        gone
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conn(index: u32) -> ConnId {
        ConnId::new(index, 0)
    }

    fn address(port: u16) -> &'static Address {
        Box::leak(Box::new(Address::parse("127.0.0.1", port).expect("an address")))
    }

    fn place(group: u32, port: u16) -> Place<'static> {
        Place { group, address: address(port), key: 0, hint: Box::leak(Box::default()) }
    }

    #[test]
    fn the_connection_used_last_is_taken_first() {
        let mut idle = Idle::default();
        for index in 1..=3 {
            assert_eq!(idle.park(conn(index), &place(7, 80), 32).evicted, None);
        }
        assert_eq!(idle.take(&place(7, 81)), None);
        assert_eq!(idle.take(&Place { key: 1, ..place(7, 80) }), None);
        assert_eq!(idle.take(&place(8, 80)), None);
        assert_eq!(idle.take(&place(7, 80)), Some(conn(3)));
        assert_eq!(idle.take(&place(7, 80)), Some(conn(2)));
        assert_eq!(idle.of_group(7), 1);
    }

    #[test]
    fn a_peer_that_remembers_its_spot_finds_what_stands_there_and_nothing_else() {
        let mut idle = Idle::default();
        let here = place(1, 80);
        let elsewhere = Place { key: 1, ..here };
        for _ in 0..2 {
            let _ = idle.park(conn(1), &here, 9);
            assert_eq!(idle.take(&elsewhere), None);
            let _ = idle.park(conn(2), &elsewhere, 9);
            assert_eq!((idle.take(&here), idle.take(&elsewhere)), (Some(conn(1)), Some(conn(2))));
            // The spot is forgotten, and another one is made in its place.
            assert!(idle.clear().is_empty());
            let _ = idle.park(conn(3), &place(2, 80), 9);
            assert_eq!(idle.take(&here), None);
            assert_eq!(idle.clear(), [conn(3)]);
        }
    }

    #[test]
    fn the_one_unused_for_longest_gives_way() {
        let mut idle = Idle::default();
        for index in 1..=2 {
            let _ = idle.park(conn(index), &place(1, 80), 2);
        }
        assert_eq!(idle.park(conn(3), &place(2, 80), 2).evicted, None, "groups have rows of their own");
        assert_eq!(idle.park(conn(4), &place(1, 81), 2).evicted, Some(conn(1)));
        assert_eq!(idle.take(&place(1, 80)), Some(conn(2)));
        let parked = idle.park(conn(5), &place(1, 80), 2);
        assert!(idle.remove(parked.spot, conn(5)));
        assert!(!idle.remove(parked.spot, conn(5)));
        assert_eq!(idle.len(), 2);
    }

    #[test]
    fn connections_of_a_peer_that_left_are_given_back_to_be_closed() {
        let mut idle = Idle::default();
        for (index, port) in [(1, 80), (2, 81), (3, 80)] {
            let _ = idle.park(conn(index), &place(1, port), 9);
        }
        assert_eq!(idle.leave(1, address(80)), [conn(1), conn(3)]);
        assert_eq!(idle.clear(), [conn(2)]);
        assert!(idle.is_empty() && idle.rows.is_empty() && idle.spots.is_empty());
        assert!(idle.row_of.is_empty() && idle.spot_of.is_empty());
    }

    #[test]
    fn places_that_nobody_comes_back_to_are_forgotten() {
        let mut idle = Idle::default();
        for group in 0..1000 {
            let _ = idle.park(conn(group), &place(group, 80), 9);
            assert_eq!(idle.take(&place(group, 80)), Some(conn(group)));
            assert_eq!(idle.take(&place(group, 80)), None);
        }
        assert!(idle.spots.len() <= EMPTY + 2 && idle.rows.len() == idle.spots.len());
    }

    #[test]
    fn age_and_requests_end_the_use_of_a_connection() {
        let rules = Keepalive { requests: 3, time_ms: 100, ..Keepalive::default() };
        assert!(rules.allows(2, 100));
        assert!(!rules.allows(3, 0));
        assert!(!rules.allows(0, 101));
        assert!(!Keepalive { connections: 0, ..rules }.allows(0, 0));
    }
}
