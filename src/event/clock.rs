//! The loop's clock: one look a turn.
//!
//! *In nginx* `ngx_current_msec`, updated by `ngx_time_update` after each wait.
//!
//! *Here* [`update`] is called once after each wait; everybody else reads the stored value, so all that
//! happens in one turn happens at one time and no handler makes a system call to learn it. Milliseconds
//! since this thread first asked; they never run backwards. The time of day is `log::clock`.
//!
//! *Read next*: `timer.rs`.

use std::cell::Cell;
use std::time::Instant;

thread_local! {
    static START: Instant = Instant::now();
    static NOW: Cell<u64> = const { Cell::new(0) };
}

/// Takes the time. Starts at one day, so that a moment some hours ago can be written down.
pub fn update() -> u64 {
    crate::log::clock::update();
    let elapsed = START.with(Instant::elapsed).as_millis();
    let now = u64::try_from(elapsed).unwrap_or(u64::MAX / 2) + 86_400_000;
    NOW.set(now);
    now
}

/// Milliseconds, as of the last [`update`].
pub fn now() -> u64 {
    match NOW.get() {
        0 => update(),
        now => now,
    }
}
