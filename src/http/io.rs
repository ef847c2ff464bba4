//! Io: everything a handler may touch that is not its own exchange.
//!
//! *In nginx* these are globals: the cycle, the connection table, the timers, the counters in shared memory.
//!
//! *Here* one struct, lent to every handler beside its exchange: `fn(&mut Exchange, RequestIx, &mut
//! Io)`. Two borrows of two fields of the worker, so there is no `RefCell`, no second look-up, and a
//! handler cannot reach another exchange.
//!
//! *Read next*: `event/net.rs`, `cycle.rs`.

use super::counters::Counters;
use super::cycle::HttpCycle;
use crate::balance::Idle;
use crate::buf::Texts;
use crate::event::{ConnId, Connection, Net};
use std::any::{Any, TypeId};
use std::rc::Rc;

/// What the worker shares among its exchanges.
pub struct Io {
    /// Connections, timers, posted events.
    pub net: Net,
    /// The configuration of this generation.
    pub cycle: Rc<HttpCycle>,
    /// What `stub_status` shows.
    pub counters: Counters,
    /// The worker is finishing: connections are not kept alive (nginx: `ngx_exiting`).
    pub exiting: bool,
    /// Idle connections to peers.
    pub idle: Idle,
    /// Memory for the values that requests make.
    pub texts: Texts,
    /// The worker's number, from 0.
    pub worker: usize,
    /// State of the worker that rooms above HTTP keep here: health checks, the resolver. Found by type.
    pub services: Services,
}

/// The worker's own state of rooms that HTTP must not know, found by type.
#[derive(Default)]
pub struct Services {
    // The type stands beside the box: asking the box itself is a call through its table for each one that
    // is not meant.
    list: Vec<(TypeId, Box<dyn Any>)>,
}

impl Services {
    /// The state of this type, made on first use.
    #[inline]
    pub fn get<T: Any + Default>(&mut self) -> &mut T {
        let wanted = TypeId::of::<T>();
        let at = match self.list.iter().position(|(id, _)| *id == wanted) {
            Some(at) => at,
            None => self.make::<T>(),
        };
        let value = self.list.get_mut(at).and_then(|(_, value)| value.downcast_mut());
        // It is there, and of the type that it was put in under; a fresh leak is never reached.
        value.unwrap_or_else(|| Box::leak(Box::default()))
    }

    #[cold]
    #[inline(never)]
    fn make<T: Any + Default>(&mut self) -> usize {
        self.list.push((TypeId::of::<T>(), Box::new(T::default())));
        self.list.len() - 1
    }
}

impl Io {
    /// A connection, if it still is the one that was meant.
    pub fn conn(&mut self, id: ConnId) -> Option<&mut Connection> {
        self.net.table.get_mut(id)
    }
}
