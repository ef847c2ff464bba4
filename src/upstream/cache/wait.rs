//! Waiting: somebody else fetches the reply already (directive `NAME_cache_lock`).
//!
//! *In nginx* `ngx_http_file_cache_lock` and a timer that looks every half second whether the other one is
//! done.
//!
//! *Here* who fetches a reply wakes those of its own worker that wait for it, when it is there or will not
//! come. For what another worker fetches one has to look: soon at first, then ever more seldom, down to
//! nginx's twice a second, so that nobody waits more than twice as long as need be. A client that goes away
//! meanwhile is noticed.
//!
//! ```text
//!   begin ─▶ slot AwaitCache, timer ─┬─ woken, or time to look ─▶ look_up again
//!                                    └─ NAME_cache_lock_timeout ─▶ asks for itself, keeps nothing
//! ```
//!
//! *Read next*: `find.rs: lock`.

use super::super::{init, next};
use crate::cache::Key as CacheKey;
use crate::event::timer::Key;
use crate::event::{ExchangeId, RequestIx, clock};
use crate::http::exchange::Exchange;
use crate::http::io::Io;
use crate::http::logging;
use crate::http::slots::ClientWrite;
use crate::http::turn::Turn;
use crate::http::upstreamed::Upstream;
use crate::log::Level;

/// How soon, and how late, one looks for what another worker fetches, in ms.
const LOOKS: (u64, u64) = (10, 500);

/// The requests of this worker that wait.
#[derive(Default)]
struct Waiters {
    list: Vec<(CacheKey, ExchangeId, RequestIx)>,
}

/// Waits.
///
/// # Errors
/// None.
pub fn begin(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Turn {
    let now = clock::now();
    let Some(u) = super::super::of(x, r) else { return Ok(()) };
    let timeout = *u.conf.cache.lock_timeout;
    let Some(c) = u.cache.as_deref_mut() else { return Ok(()) };
    if c.wait_until == 0 {
        c.wait_until = now.saturating_add(timeout);
    }
    let (key, rest) = (c.key, c.wait_until.saturating_sub(now));
    let look = timeout.saturating_sub(rest).clamp(LOOKS.0, LOOKS.1);
    io.services.get::<Waiters>().list.push((key, x.id, r));
    init::watch_client(x, r, io, false);
    x[r].swap_write(ClientWrite::AwaitCache);
    io.net.set_key_timer(Key::Request(x.id, r), rest.min(look));
    Ok(())
}

/// It has been waited for long enough.
pub fn is_over(u: &Upstream) -> bool {
    let until = u.cache.as_ref().map_or(0, |c| c.wait_until);
    *u.conf.cache.lock_timeout == 0 || until != 0 && until <= clock::now()
}

/// The slot: it is time to look again.
///
/// # Errors
/// As [`init::init_request`].
pub fn await_cache(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Turn {
    // Posted for another reason while the time is running.
    if io.net.timers.has_key(Key::Request(x.id, r)) {
        return Ok(());
    }
    forget(x, r, io);
    if x[r].upstream.as_deref().is_some_and(is_over) {
        logging::log(x, r, io, Level::Info, None, format_args!("cache lock timeout"));
    }
    x[r].swap_write(ClientWrite::CheckBroken);
    let turn = init::init_request(x, r, io);
    next::run(x, r, io, turn)
}

/// The request waits no longer.
pub fn end(x: &mut Exchange, r: RequestIx, io: &mut Io) {
    if x[r].write == ClientWrite::AwaitCache {
        io.net.timers.cancel_key(Key::Request(x.id, r));
        forget(x, r, io);
        x[r].swap_write(ClientWrite::Empty);
    }
}

fn forget(x: &Exchange, r: RequestIx, io: &mut Io) {
    let id = x.id;
    io.services.get::<Waiters>().list.retain(|(_, waiter, request)| (*waiter, *request) != (id, r));
}

/// What the requests waiting for this key wait for is there, or will not come.
pub fn wake(io: &mut Io, key: CacheKey) {
    let waiters = io.services.get::<Waiters>();
    let woken: Vec<_> = waiters.list.extract_if(.., |(of, ..)| *of == key).collect();
    for (_, x, r) in woken {
        io.net.set_key_timer(Key::Request(x, r), 0);
    }
}
