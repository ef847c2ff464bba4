//! The end of a worker: at once, or when what is under way is done.
//!
//! *In nginx* `ngx_quit` and `ngx_terminate` in `ngx_worker_process_cycle`, and `ngx_close_idle_connections`.
//!
//! *Here* the same. A worker that quits first takes in whoever stands in the queues of its sockets, for
//! nobody else listens on those; then it closes what is idle and turns until nothing is under way.
//!
//! ```text
//!   QUIT ─▶ quit: the last accepts, doors shut, idle ones closed ─▶ turns ─▶ nothing left ─┐
//!   TERM ─▶ stop ─────────────────────────────────────────────────────▶ close_everything ◀─┘
//! ```
//!
//! *Read next*: `release.rs: give_up`.

use super::{Worker, release};
use crate::event::owner::Service;
use crate::event::timer::Key;
use crate::event::{ConnId, Connection, Owner, Side};
use crate::http::client::wait;
use crate::log::Level;
use std::os::fd::AsRawFd;

/// How long a worker that quits waits for the first bytes of clients that have just connected, in ms.
const FIRST_BYTES: u64 = 500;

impl Worker {
    /// What the master, or an operator, wants of this worker.
    pub(super) fn signals(&mut self) {
        // Signals of one kind that came together are one.
        let asked = self.inbox.drain();
        if asked.reopen {
            crate::modules::flush_logs(&mut self.io);
            crate::log::reopen(None);
        }
        if asked.terminate {
            self.stop = true;
        } else if asked.quit && !self.io.exiting {
            self.quit();
        }
    }

    /// Finishes gracefully: no new connections, idle ones closed, the others to their end.
    fn quit(&mut self) {
        self.io.exiting = true;
        self.io.cycle.error_log.write(Level::Notice, 0, None, format_args!("gracefully shutting down"));
        // What is in the queues of sockets that nobody else listens on would be lost.
        self.accepts = (0..self.listening.len()).collect();
        self.rest_until = 0;
        self.accept_posted();
        for listening in self.listening.drain(..) {
            let _ = self.io.net.unwatch(listening.fd.as_raw_fd());
        }
        // Somebody may never finish.
        let core = self.io.cycle.process.get::<crate::conf::core_conf::Core>();
        let ms = *core.worker_shutdown_timeout;
        if ms != 0 {
            self.io.net.set_key_timer(Key::Shutdown, ms);
        }
        let idle: Vec<ConnId> = self.io.net.table.iter().filter(|c| is_parked(c)).map(|c| c.id).collect();
        for id in idle {
            // Its time of grace is not over (`grace_over`).
            if self.io.conn(id).is_some_and(|c| c.owner == Owner::Waiting && c.write.deadline != 0) {
                continue;
            }
            match self.io.conn(id).map(|c| (c.owner, c.requests)) {
                // Whoever has just connected has a request on the way. DIFF: nginx closes on them.
                Some((Owner::Waiting | Owner::Handshake, 0)) => self.io.net.wait(id, Side::Read, FIRST_BYTES),
                Some((Owner::Waiting, _)) => wait::close(&mut self.io, id),
                Some(_) => self.io.net.close(id),
                None => {}
            }
        }
    }

    /// The loop has ended: what is still under way is given up, logged and freed.
    pub(super) fn close_everything(&mut self) {
        // The keys first: freeing one may begin another (a pipelined request).
        let all: Vec<usize> = self.exchanges.live.iter().map(|(key, _)| key).collect();
        for key in all {
            let Some(mut x) = self.exchanges.live.try_remove(key) else { continue };
            release::give_up(&mut x, &mut self.io);
            release::free(x, &mut self.exchanges, &mut self.io);
        }
        crate::modules::flush_logs(&mut self.io);
    }
}

/// A connection that nothing is under way on. A name server may be asked for a request that is.
fn is_parked(c: &Connection) -> bool {
    matches!(
        c.owner,
        Owner::Waiting | Owner::Handshake | Owner::Pooled(_) | Owner::Service(Service::Check(_))
    )
}

/// A connection that may be closed at any time without a client noticing.
pub(super) fn needs_nobody(c: &Connection) -> bool {
    matches!(c.owner, Owner::Pooled(_) | Owner::Service(_))
}
