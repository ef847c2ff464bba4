//! Connections that may be given up for others: a queue, oldest first.
//!
//! *In nginx* `ngx_reusable_connection` and `ngx_drain_connections`: idle connections stand in a queue,
//! and when free ones run short the oldest are closed, so that a crowd of idle clients cannot shut
//! others out.
//!
//! *Here* the same queue, its links inside the connections: to stand in it costs eight bytes and no
//! allocation, and a connection that is closed leaves it by itself.
//!
//! ```text
//!   oldest ─▶ c7 ─newer─▶ c2 ─newer─▶ c9 ◀─ newest
//! ```
//!
//! *Read next*: `table.rs`; `worker/mod.rs`, which drains.

use super::conn::{ConnId, NOBODY, Place};
use super::table::Table;

impl Table {
    /// Puts a connection at the end of the queue, or takes it out.
    pub fn set_reusable(&mut self, id: ConnId, reusable: bool) {
        let Some(c) = self.get_mut(id) else { return };
        if c.reusable.queued {
            let Place { older, newer, .. } = std::mem::take(&mut c.reusable);
            self.link(older, newer);
        }
        if reusable {
            let newest = self.ends.newest;
            if let Some(c) = self.get_mut(id) {
                c.reusable = Place { older: newest, newer: NOBODY, queued: true };
            }
            match self.at(newest) {
                Some(before) => before.newer = id.index(),
                None => self.ends.oldest = id.index(),
            }
            self.ends.newest = id.index();
        }
    }

    /// The connection that has been reusable for longest.
    pub fn oldest_reusable(&self) -> Option<ConnId> {
        self.at_index(self.ends.oldest).map(|c| c.id)
    }

    /// Makes two neighbours of a connection that left each other's.
    fn link(&mut self, older: u32, newer: u32) {
        match self.at(older) {
            Some(place) => place.newer = newer,
            None => self.ends.oldest = newer,
        }
        match self.at(newer) {
            Some(place) => place.older = older,
            None => self.ends.newest = older,
        }
    }

    fn at(&mut self, index: u32) -> Option<&mut Place> {
        self.at_index_mut(index).map(|c| &mut c.reusable)
    }
}

#[cfg(test)]
mod tests {
    use super::super::conn::Connection;
    use super::super::owner::Owner;
    use super::*;
    use crate::util::address::Address;
    use std::os::fd::OwnedFd;

    fn connection() -> Connection {
        let (one, _) = std::os::unix::net::UnixStream::pair().unwrap();
        Connection::new(OwnedFd::from(one), Address::NONE, Owner::Waiting, 1, 0)
    }

    #[test]
    fn the_oldest_comes_first_whoever_leaves_between() {
        let mut table = Table::default();
        let ids: Vec<ConnId> = (0..4).map(|_| table.insert(connection())).collect();
        ids.iter().for_each(|&id| table.set_reusable(id, true));
        table.set_reusable(ids[1], false);
        table.remove(ids[0]);
        assert_eq!(table.oldest_reusable(), Some(ids[2]));
        table.set_reusable(ids[2], true);
        assert_eq!(table.oldest_reusable(), Some(ids[3]));
        table.remove(ids[3]);
        table.remove(ids[2]);
        assert_eq!(table.oldest_reusable(), None);
        table.set_reusable(ids[1], true);
        assert_eq!(table.oldest_reusable(), Some(ids[1]));
    }
}
