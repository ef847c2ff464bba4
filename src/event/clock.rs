//! The loop's clock: one look a turn.
//!
//! *In nginx* `ngx_current_msec`, updated by `ngx_time_update` after each wait, which asks the system for
//! the time of day as well.
//!
//! *Here* [`update`] is called once after each wait; everybody else reads the stored value, so all that
//! happens in one turn happens at one time and no handler makes a system call to learn it. They are
//! milliseconds, and never run backwards. The time of day (`log::clock`) goes along with them: it is looked
//! up once a second, and in between moved on by what has passed.
//!
//! ```text
//!   wait ──▶ update(): monotonic ─┬─▶ now()                 timers, durations
//!                                 └─▶ log::clock::set()     logs, headers, variables
//! ```
//!
//! *Read next*: `timer.rs`.

use crate::sys::time;
use std::cell::Cell;

/// The first moment of our clock, in ms: one day, so that a moment some hours ago can be written down.
const FIRST: u64 = 86_400_000;

/// For how long the time of day is worked out instead of asked for, in ms. A clock that is set is noticed
/// after this long.
const WORKED_OUT: u64 = 1000;

/// When the time of day was last asked for, by our clock, and what it was, in milliseconds.
#[derive(Clone, Copy)]
struct Asked {
    at: u64,
    day: u64,
}

thread_local! {
    static NOW: Cell<u64> = const { Cell::new(FIRST) };
    static ASKED: Cell<Asked> = const { Cell::new(Asked { at: 0, day: 0 }) };
}

/// Takes the time.
pub fn update() -> u64 {
    let now = time::monotonic().saturating_add(FIRST);
    // A turn takes less than a millisecond as a rule.
    if now != NOW.get() {
        set(now);
    }
    now
}

fn set(now: u64) {
    let asked = ASKED.get();
    let since = now.saturating_sub(asked.at);
    if since < WORKED_OUT {
        let day = asked.day.saturating_add(since);
        crate::log::clock::set((day / 1000) as i64, (day % 1000) as u16);
    } else {
        crate::log::clock::update();
        let (seconds, ms) = crate::log::clock::msec();
        let day = u64::try_from(seconds).unwrap_or(0).saturating_mul(1000).saturating_add(u64::from(ms));
        ASKED.set(Asked { at: now, day });
    }
    NOW.set(now);
}

/// Milliseconds, as of the last [`update`]; a thread that has made none is in the first moment.
#[inline]
pub fn now() -> u64 {
    NOW.get()
}
