//! Going to sleep: the only way to wait for a connection.
//!
//! *In nginx* `ngx_handle_read_event` plus `ngx_add_timer`, two calls that have to be remembered at each
//! return; on edge-triggered epoll a forgotten one is a stall, since the kernel speaks only once.
//!
//! *Here* [`Net::wait`] does both and closes the gap between them: if the side is still ready, nobody would
//! ever wake the sleeper, so the event is posted instead. A handler that returns without having called it is
//! found by the sweep of a debug build (`worker/invariants.rs`).
//!
//! *Read next*: `timer.rs`.

use super::clock;
use super::conn::{ConnId, Connection, Side};
use super::net::Net;
use super::timer::{Due, Key, Timers};

impl Connection {
    /// [`Net::set_timer`] for those who have the connection at hand.
    #[inline]
    pub fn set_timer(&mut self, timers: &mut Timers, side: Side, ms: u64) -> bool {
        let id = self.id;
        let s = self.side(side);
        let ready = s.ready;
        s.deadline = clock::now().saturating_add(ms);
        // An old firing that nobody has looked at is about a wait that is over.
        s.timed_out = false;
        // An entry that comes up earlier does as well: it will find the deadline moved (`expired`).
        if s.queued == 0 || s.queued > s.deadline {
            s.queued = s.deadline;
            timers.push(s.deadline, Due::Side(id, side));
        }
        ready
    }
}

impl Net {
    /// Sleeps until the side is ready or `timeout_ms` are over. A side that is ready already is posted.
    pub fn wait(&mut self, id: ConnId, side: Side, timeout_ms: u64) {
        if self.set_timer(id, side, timeout_ms) {
            self.wait_forever(id, side);
        }
    }

    /// Sleeps until the side is ready; the timer, if any, is left as it is.
    pub fn wait_forever(&mut self, id: ConnId, side: Side) {
        // A connection that has gone wakes nobody, and nobody is left to be woken.
        let Some(c) = self.table.get_mut(id) else { return };
        let s = c.side(side);
        // The kernel has spoken already and will not speak again. In the next turn and not in this one, so
        // that a side that is always ready cannot keep the loop for itself.
        if s.ready && !s.delayed && !s.posted {
            s.posted = true;
            self.posted.push_next(id, side);
        }
    }

    /// Sleeps for a time on purpose: readiness does not end it (nginx: `ev->delayed`).
    pub fn delay(&mut self, id: ConnId, side: Side, ms: u64) {
        // At least one: a deadline of now would be found in this very turn, again and again.
        self.set_timer(id, side, ms.max(1));
        if let Some(c) = self.table.get_mut(id) {
            c.side(side).delayed = true;
        }
    }

    /// Runs the side's handler later in this turn.
    pub fn post(&mut self, id: ConnId, side: Side) {
        let Some(c) = self.table.get_mut(id) else { return };
        let s = c.side(side);
        if !s.posted {
            s.posted = true;
            self.posted.push(id, side);
        }
    }

    /// Runs the side's handler in the next turn, after a look at the poll.
    pub fn post_next(&mut self, id: ConnId, side: Side) {
        let Some(c) = self.table.get_mut(id) else { return };
        let s = c.side(side);
        if !s.posted {
            s.posted = true;
            self.posted.push_next(id, side);
        }
    }

    /// Sets the side's timer, in place of an earlier one; says whether the side is ready already.
    #[inline]
    pub fn set_timer(&mut self, id: ConnId, side: Side, ms: u64) -> bool {
        self.table.get_mut(id).is_some_and(|c| c.set_timer(&mut self.timers, side, ms))
    }

    /// Takes the side's timer back.
    pub fn cancel_timer(&mut self, id: ConnId, side: Side) {
        // The entry stays in the heap and finds nothing when it comes up.
        if let Some(c) = self.table.get_mut(id) {
            c.side(side).deadline = 0;
        }
    }

    /// Sets the timer of something that is not a connection.
    pub fn set_key_timer(&mut self, key: Key, ms: u64) {
        self.timers.set_key(key, clock::now().saturating_add(ms));
    }

    /// The next timer that has really fired: sides come with `timed_out` set and the timer cleared.
    pub fn expired(&mut self) -> Option<Due> {
        let now = clock::now();
        while let Some((at, due)) = self.timers.pop(now) {
            match due {
                Due::Key(key, token) => {
                    if self.timers.take_key(key, token) {
                        return Some(due);
                    }
                }
                Due::Side(id, side) => {
                    let Some(c) = self.table.get_mut(id) else { continue };
                    let s = c.side(side);
                    if s.queued != at {
                        continue; // an earlier entry of the same side took over
                    }
                    s.queued = 0;
                    // Taken back since.
                    if s.deadline == 0 {
                        continue;
                    }
                    // Moved since: once more, for the time it has now.
                    if s.deadline > now {
                        s.queued = s.deadline;
                        let at = s.deadline;
                        self.timers.push(at, due);
                        continue;
                    }
                    s.deadline = 0;
                    s.timed_out = true;
                    return Some(due);
                }
            }
        }
        None
    }
}
