//! Clients that come in.
//!
//! *In nginx* `ngx_event_accept` and the queue of posted accepts, which are served before other events.
//!
//! *Here* the same, socket by socket in batches, so that a busy door does not keep the others shut. When
//! connections run short, idle ones make room; when descriptors do, accepting rests for a while, since asking
//! again at once would only find that out again.
//!
//! ```text
//!   readable ─▶ post_accept ─▶ accept_posted ─▶ accept(2) ×64 ─┬─ a client ─▶ http/client/wait.rs: begin
//!                    ▲                                         ├─ EAGAIN ─▶ until it is readable again
//!                    └──────────── more, in the next turn ─────┴─ EMFILE ─▶ in half a second
//! ```
//!
//! *Read next*: `event/accept.rs`, `http/client/wait.rs`.

use super::Worker;
use crate::event::{ConnId, Owner, Side, accept, clock};
use crate::http::client::wait;
use crate::http::counters::Count;
use crate::log::Level;
use std::os::fd::AsRawFd;

/// How many connections one listening socket gives in a row before others have their turn.
const ACCEPTS: usize = 64;
/// How many idle connections make room at once when connections run short.
const DRAINED: usize = 32;
/// How long accepting rests when descriptors are short, in ms (nginx: `accept_mutex_delay`).
const ACCEPT_REST: u64 = 500;

impl Worker {
    /// Remembers that a socket has clients; they are accepted after the events of this turn.
    pub(super) fn post_accept(&mut self, number: usize) {
        if !self.accepts.contains(&number) {
            self.accepts.push(number);
        }
    }

    /// Accepts from the sockets that have something, in batches.
    pub(super) fn accept_posted(&mut self) {
        if self.accepts.is_empty() || clock::now() < self.rest_until {
            return;
        }
        // What is not exhausted is put back, for the next turn: one busy door must not keep the others shut.
        for number in std::mem::take(&mut self.accepts) {
            let Some(listening) = self.listening.get(number) else { continue };
            let (fd, address) = (listening.fd.as_raw_fd(), listening.address);
            if self.accept_batch(fd, address) {
                self.accepts.push(number);
            }
        }
    }

    /// Accepts a batch; says whether there may be more.
    fn accept_batch(&mut self, fd: i32, address: usize) -> bool {
        for _ in 0..ACCEPTS {
            match self.io.net.accept(fd) {
                accept::Accepted::Client(id) => self.begin_client(id, address),
                accept::Accepted::Again => return false,
                // The client gave up while it stood in the queue: nothing is wrong with the door.
                accept::Accepted::Lost(error) => {
                    let text = format_args!("accept4() failed");
                    self.io.cycle.error_log.write(Level::Error, 0, Some(&error), text);
                }
                // No descriptors left. Somebody has to go before anybody can come.
                accept::Accepted::Short(error) => {
                    let text = format_args!("accept4() failed");
                    self.io.cycle.error_log.write(Level::Crit, 0, Some(&error), text);
                    self.rest_until = clock::now() + ACCEPT_REST;
                    return true;
                }
            }
        }
        true
    }

    /// Takes a new client in, or turns it away when there are too many.
    fn begin_client(&mut self, id: ConnId, address: usize) {
        // Room is made before there is none: requests under way need connections to their peers.
        let limit = self.io.net.limit;
        if self.io.net.table.len() > limit - limit / 16 {
            self.drain();
        }
        if self.io.net.table.len() > limit {
            let text = format_args!("{limit} worker_connections are not enough");
            self.io.cycle.error_log.write(Level::Alert, 0, None, text);
            self.io.counters.up(Count::Accepted);
            self.io.net.close(id);
            return;
        }
        wait::begin(&mut self.io, id, address);
        if self.io.net.is_ready(id, Side::Read) {
            self.dispatch(id, Side::Read);
        }
    }

    /// Connections run short: the oldest idle ones make room (nginx: `ngx_drain_connections`).
    fn drain(&mut self) {
        for _ in 0..DRAINED {
            let Some(id) = self.io.net.table.oldest_reusable() else { return };
            match self.io.conn(id).map(|c| c.owner) {
                Some(Owner::Waiting | Owner::Handshake | Owner::Lingering(_)) => {
                    wait::close(&mut self.io, id)
                }
                _ => self.io.net.close(id),
            }
            if !std::mem::replace(&mut self.drained, true) {
                let text = format_args!("worker_connections are not enough, reusing connections");
                self.io.cycle.error_log.write(Level::Warn, 0, None, text);
            }
        }
    }
}
