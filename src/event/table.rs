//! The table of connections: a slab whose keys cannot be mistaken for their successors.
//!
//! *In nginx* an array of `worker_connections` entries with a free list; `c->fd == -1` and the `instance`
//! bit tell events of a closed connection from those of the one that took its place.
//!
//! *Here* the same: a place whose connection has been closed is `c.fd() == None`, and keeps the name
//! that its next one will have. Names carry a generation, which is counted up there, so an old
//! [`ConnId`] finds nothing. That is the only use-after-free an event loop can have, and here it is a
//! `None`. Some fifty look-ups are made for a request, so one is a bound and a comparison, and nothing
//! else.
//!
//! ```text
//!   entries [ 0.7 open ][ 1.3 closed ][ 2.0 open ]      free [ 1 ]    1.2 finds nothing, 1.3 comes next
//! ```
//!
//! *Read next*: `net.rs`.

use super::conn::{ConnId, Connection, NOBODY};

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
    /// Open connections, and places of closed ones.
    entries: Vec<Connection>,
    /// Where closed ones stand; the last to go is the first to be followed.
    free: Vec<u32>,
    pub(super) ends: Ends,
}

impl Table {
    /// Puts a connection in and gives it its name.
    pub fn insert(&mut self, mut connection: Connection) -> ConnId {
        if let Some(index) = self.free.pop()
            && let Some(place) = self.entries.get_mut(index as usize)
        {
            connection.id = place.id;
            *place = connection;
            return place.id;
        }
        connection.id = ConnId::new(self.entries.len() as u32, 0);
        let id = connection.id;
        self.entries.push(connection);
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

    /// Takes a connection out and closes it; its name is void from now on.
    pub fn remove(&mut self, id: ConnId) {
        self.set_reusable(id, false);
        if let Some(c) = self.get_mut(id) {
            // The last generation is left to tokens that are not connections.
            let generation = if id.generation() >= u32::MAX - 2 { 0 } else { id.generation() + 1 };
            c.vacate(ConnId::new(id.index(), generation));
            self.free.push(id.index());
        }
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
        self.entries.len() - self.free.len()
    }

    /// True if there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Connection> {
        self.entries.iter().filter(|c| c.fd().is_some())
    }
}
