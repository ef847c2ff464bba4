//! A process that serves nobody: it has work to do beside the requests, and sleeps in between.
//!
//! *In nginx* `ngx_cache_manager_process_cycle`, which runs the "cache manager process" and the "cache
//! loader process" as workers without sockets, by a timer.
//!
//! *Here* a [`Helper`] is a closure that does a stretch of work and says how long to sleep until the next.
//! Between two stretches signals are looked at, so a stretch is to be short. What the work is, is not known
//! here. Without a master (`master_process off`) there are no helpers, as in nginx.
//!
//! ```text
//!   fork ─▶ user, limits ─▶ turn ─▶ wait for a signal, no longer than turn said ─┐
//!                            ▲  └─ done ─▶ exit 0                                │
//!                            └───────────────────────────────────────────────────┘
//! ```
//!
//! *Read next*: `worker/helpers.rs`, which ones there are; `master.rs`, who starts them.

use super::cycle::Cycle;
use super::signal::{Order, order_of};
use super::worker_process::{self, FATAL, PANICKED};
pub use super::workers::Duty;
use crate::conf::core_conf::User;
use crate::event::clock;
use crate::log;
use crate::note;
use crate::sys::{process, signal, title};
use std::panic::{self, AssertUnwindSafe};
use std::time::Duration;

/// The signals a helper obeys; others stay blocked.
const TAKEN: [i32; 4] = [signal::SIGQUIT, signal::SIGTERM, signal::SIGINT, signal::SIGUSR1];

/// Work that has a process of its own.
pub struct Helper {
    /// What the master must know of it.
    pub duty: &'static Duty,
    /// How long after its start the first turn is, in milliseconds.
    pub delay_ms: u64,
    /// Does a stretch of the work: how long to sleep until the next, in milliseconds, or None if it is done.
    pub turn: Box<dyn FnMut() -> Option<u64>>,
}

/// Becomes the helper of that number, works, and ends the process.
pub fn run(cycle: &dyn Cycle, user: Option<&User>, index: usize) -> ! {
    let work = AssertUnwindSafe(|| {
        let Some(helper) = cycle.helpers().into_iter().nth(index) else { return FATAL };
        title::set(&format!("nginx: {}", helper.duty.name));
        match worker_process::begin(cycle.core(), user, None) {
            true => serve(helper),
            false => FATAL,
        }
    });
    let code = panic::catch_unwind(work).unwrap_or(PANICKED);
    note!(log::process(), Notice, 0, "exit");
    process::exit_now(code)
}

fn serve(mut helper: Helper) -> i32 {
    let mut due = clock::update().saturating_add(helper.delay_ms);
    loop {
        let left = due.saturating_sub(clock::now());
        match signal::wait(&TAKEN, Some(Duration::from_millis(left))) {
            Ok(None) => {}
            Ok(Some(received)) => match order_of(received.number) {
                Some(Order::Reopen) => log::reopen(None),
                _ => return 0,
            },
            Err(error) => {
                note!(log::process(), Alert, 0, &error; "sigtimedwait() failed");
                return PANICKED;
            }
        }
        if clock::update() < due {
            continue;
        }
        match (helper.turn)() {
            Some(sleep_ms) => due = clock::update().saturating_add(sleep_ms.max(1)),
            None => return 0,
        }
    }
}
