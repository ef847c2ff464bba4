//! The table of connections: a slab whose keys cannot be mistaken for their successors.
//!
//! *In nginx* an array of `worker_connections` entries with a free list; `c->fd == -1` and the `instance`
//! bit tell events of a closed connection from those of the one that took its place.
//!
//! *Here* the slab reuses an index at once, and the generation beside each entry is counted up when it is
//! freed, so an old [`ConnId`] finds nothing. That is the only use-after-free an event loop can have, and
//! here it is a `None`.
//!
//! *Read next*: `net.rs`.

use super::conn::{ConnId, Connection, NOBODY};
use slab::Slab;

/// Both ends of the queue of connections that may be given up (`reusable.rs`).
#[derive(Clone, Copy, Debug)]
pub(super) struct Ends {
    pub(super) oldest: u32,
    pub(super) newest: u32,
}

impl Default for Ends {
    fn default() -> Ends {
        Ends { oldest: NOBODY, newest: NOBODY }
    }
}

/// All connections of a worker.
#[derive(Debug, Default)]
pub struct Table {
    entries: Slab<Connection>,
    generations: Vec<u32>,
    pub(super) ends: Ends,
}

impl Table {
    /// Puts a connection in and gives it its name.
    pub fn insert(&mut self, mut connection: Connection) -> ConnId {
        let entry = self.entries.vacant_entry();
        let index = entry.key();
        if index >= self.generations.len() {
            self.generations.resize(index + 1, 0);
        }
        let generation = self.generations.get(index).copied().unwrap_or(0);
        let id = ConnId::new(index as u32, generation);
        connection.id = id;
        entry.insert(connection);
        id
    }

    /// The connection, if it still is the one that was meant.
    pub fn get(&self, id: ConnId) -> Option<&Connection> {
        self.entries.get(id.index() as usize).filter(|c| c.id == id)
    }

    /// The same, to be changed.
    pub fn get_mut(&mut self, id: ConnId) -> Option<&mut Connection> {
        self.entries.get_mut(id.index() as usize).filter(|c| c.id == id)
    }

    /// Takes a connection out; its name is void from now on.
    pub fn remove(&mut self, id: ConnId) -> Option<Connection> {
        self.get(id)?;
        self.set_reusable(id, false);
        let generation = self.generations.get_mut(id.index() as usize)?;
        // The last generation is left to tokens that are not connections.
        *generation = if *generation >= u32::MAX - 2 { 0 } else { *generation + 1 };
        self.entries.try_remove(id.index() as usize)
    }

    /// Whoever stands at this index now.
    pub(super) fn at_index(&self, index: u32) -> Option<&Connection> {
        self.entries.get(index as usize)
    }

    /// The same, to be changed.
    pub(super) fn at_index_mut(&mut self, index: u32) -> Option<&mut Connection> {
        self.entries.get_mut(index as usize)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// True if there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Connection> {
        self.entries.iter().map(|(_, c)| c)
    }
}
