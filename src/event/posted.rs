//! Posted events: what is to be handled later in the same turn.
//!
//! *In nginx* `ngx_posted_accept_events`, `ngx_posted_events` and `ngx_posted_next_events`, intrusive
//! queues of events.
//!
//! *Here* one queue of (connection, side). A side is in it at most once (`Readiness::posted`), an entry of a
//! connection that has gone since is skipped by its generation. What is posted while the queue is being
//! worked off is handled in the same turn, except what was posted with [`Posted::push_next`]: that waits
//! for the next one, so that a busy connection cannot keep the loop from looking at the others.
//!
//! *Read next*: `wait.rs`.

use super::conn::{ConnId, Side};
use std::collections::VecDeque;

/// Sides whose handlers are to run without a new event.
#[derive(Debug, Default)]
pub struct Posted {
    queue: VecDeque<(ConnId, Side)>,
    next: Vec<(ConnId, Side)>,
}

impl Posted {
    /// To be handled in this turn.
    pub fn push(&mut self, id: ConnId, side: Side) {
        self.queue.push_back((id, side));
    }

    /// To be handled in the next turn, after a look at the poll.
    pub fn push_next(&mut self, id: ConnId, side: Side) {
        self.next.push((id, side));
    }

    /// The next one to handle now.
    pub fn pop(&mut self) -> Option<(ConnId, Side)> {
        self.queue.pop_front()
    }

    /// Makes what was left for the next turn due; called at the start of a turn.
    pub fn turn(&mut self) {
        if !self.next.is_empty() {
            self.queue.extend(self.next.drain(..));
        }
    }

    /// True if the next wait must not sleep.
    pub fn is_pending(&self) -> bool {
        !self.queue.is_empty() || !self.next.is_empty()
    }
}
