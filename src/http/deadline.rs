//! How long a request may take as a whole.
//!
//! *In nginx* there is no such limit: each timer begins again with each byte.
//!
//! *Here* `request_timeout` counts from the first byte of the request, whatever location it ends up in: the
//! last one that was found says how long. This file only sets the timer. What its end means depends on
//! whom the request waits for, and is written where upstreams are known.
//!
//! ```text
//!   None ── a location with a limit ──▶ Set ── time is up ──▶ Over     an error page is not limited again
//!    ▲──── a location without one ──────┘
//! ```
//!
//! *Read next*: `upstream/deadline.rs`.

use super::exchange::Exchange;
use super::io::Io;
use crate::event::clock;
use crate::event::timer::Key;

/// Whether a timer limits the request as a whole (`request_timeout`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Deadline {
    /// None does.
    #[default]
    None,
    /// It runs.
    Set,
    /// It has fired, once and for all.
    Over,
}

/// The main request has found its location: so long may all of it take.
pub fn limit(x: &mut Exchange, io: &mut Io) {
    let limit = *x.main().loc.core.request_timeout;
    if limit == 0 {
        return lift(x, io);
    }
    if x.deadline != Deadline::Over {
        let passed = clock::now().saturating_sub(x.main().started);
        io.net.set_key_timer(Key::Deadline(x.id), limit.saturating_sub(passed));
        x.deadline = Deadline::Set;
    }
}

/// Nothing limits the request any more: it is over, or its location has no limit.
pub fn lift(x: &mut Exchange, io: &mut Io) {
    if x.deadline == Deadline::Set {
        io.net.timers.cancel_key(Key::Deadline(x.id));
        x.deadline = Deadline::None;
    }
}
