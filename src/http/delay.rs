//! Delays: a request that waits for nothing but the time.
//!
//! *In nginx* `limit_req` and `auth_delay` set `wev->delayed`, a timer on the connection's write side and a
//! write handler that looks whether it was the timer that woke it.
//!
//! *Here* the same for all who want it. The client's connection is left alone but for a look whether the
//! client has gone; the timer is the request's own, so that a connection's timeouts and a delay cannot be
//! mistaken for each other.
//!
//! ```text
//!   start(ms, then) ─▶ client.read = TestReading, write = Delay ── time is up ─▶ Block, RunPhases ─▶ then()
//!                                    └ the client has gone ─▶ 499
//! ```
//!
//! *Read next*: `modules/limit_req.rs`, `modules/auth_delay.rs`.

use super::exchange::Exchange;
use super::io::Io;
use super::slots::{ClientRead, ClientWrite};
use super::turn::Turn;
use crate::event::timer::Key;
use crate::event::{RequestIx, clock};

/// What goes on when the time is up.
pub type Then = fn(&mut Exchange, RequestIx, &mut Io) -> Turn;

/// A delay that has begun; kept in the request.
#[derive(Clone, Copy, Debug)]
pub struct Delay {
    /// The end, in milliseconds of the loop's clock.
    until: u64,
    then: Then,
}

/// Lets a request wait for `ms` milliseconds and go on with `then`.
pub fn start(x: &mut Exchange, r: RequestIx, io: &mut Io, ms: u64, then: Then) {
    let key = Key::Request(x.id, r);
    x[r].delay = Some(Delay { until: clock::now().saturating_add(ms), then });
    // Whatever ends the request, its timer must not find another one under the same number.
    x[r].cleanups.push(Box::new(move |_, _, io| io.net.timers.cancel_key(key)));
    if x[r].is_main() {
        x.swap_client_read(ClientRead::TestReading);
    }
    x[r].swap_write(ClientWrite::Delay);
    io.net.set_key_timer(key, ms);
}

/// The write slot while a request waits.
///
/// # Errors
/// What the continuation wishes.
pub fn delayed(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Turn {
    let Some(delay) = x[r].delay else { return Ok(()) };
    // The client has become writable, or its output has moved: the timer will come.
    if clock::now() < delay.until {
        return Ok(());
    }
    x[r].delay = None;
    if x[r].is_main() {
        x.swap_client_read(ClientRead::Block);
    }
    x[r].swap_write(ClientWrite::RunPhases);
    (delay.then)(x, r, io)
}
