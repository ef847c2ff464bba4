//! The worker's pipes: who has one, and for how long.
//!
//! *In nginx* nothing like it.
//!
//! *Here* a request takes a pipe for the time of two calls, one that fills it and one that empties it, and
//! gives it back; so one pipe serves all. Only what the client does not take at once stays in it, and then
//! the pipe stays with the request. That is memory of the kernel, up to 1 MiB each, and two descriptors, so
//! their number is bounded: a worker that has lent too many lends no more, and bodies go through pages.
//!
//! ```text
//!   spare [ ▯ ▯ ▯ ] ── take ─▶ fill, empty ─┬─ empty ──▶ give_back
//!                                           └─ not ────▶ held by the request, counted as lent
//! ```
//!
//! *Read next*: `splice.rs`.

use crate::event::clock;
use crate::http::io::Io;
use crate::http::upstreamed::HeldPipe;
use crate::sys::splice::Conduit;
use std::rc::Rc;

/// How many empty pipes a worker keeps for reuse. Each counts against what the kernel grants a user.
const SPARE: usize = 4;
/// After the kernel has refused one, none is asked for so long, in milliseconds.
const REFUSED_MS: u64 = 100;
/// How many pipes may wait for their clients. Past it bodies go through memory.
const LENT: usize = 64;
/// How many of these may wait as long as it takes.
const LENT_FOR_LONG: usize = 32;

/// The pipes of a worker.
#[derive(Default)]
pub struct Shared {
    spare: Vec<Conduit>,
    /// Until when none is asked for, in milliseconds of the loop's clock.
    refused_until: u64,
    /// Each pipe that a request holds has a copy; so it is counted for as long as it lives, however it ends.
    lent: Rc<()>,
}

impl Shared {
    fn lent(&self) -> usize {
        Rc::strong_count(&self.lent).saturating_sub(1)
    }
}

/// Makes the worker's first pipe. Where descriptors are short all goes on without one.
pub fn prepare(io: &mut Io) {
    let first = Conduit::new().ok();
    io.services.get::<Shared>().spare.extend(first);
}

/// An empty pipe that is given back at once; None if there is none.
pub fn borrow(io: &mut Io) -> Option<Conduit> {
    let shared = io.services.get::<Shared>();
    if let Some(conduit) = shared.spare.pop() {
        return Some(conduit);
    }
    if clock::now() < shared.refused_until {
        return None;
    }
    let made = Conduit::new().ok();
    if made.is_none() {
        shared.refused_until = clock::now().saturating_add(REFUSED_MS);
    }
    made
}

/// An empty pipe that may have to be held; None if too many are.
pub fn take(io: &mut Io, for_long: bool) -> Option<Conduit> {
    let most = if for_long { LENT_FOR_LONG } else { LENT };
    if io.services.get::<Shared>().lent() >= most {
        return None;
    }
    borrow(io)
}

/// Whether one more may wait for its client as long as that takes.
pub fn may_lend_for_long(io: &mut Io) -> bool {
    io.services.get::<Shared>().lent() < LENT_FOR_LONG
}

/// A pipe that a request keeps, with what is in it.
pub fn hold(io: &mut Io, conduit: Conduit, impatient_since: Option<u64>) -> HeldPipe {
    HeldPipe { conduit, impatient_since, place: io.services.get::<Shared>().lent.clone() }
}

/// A pipe with something in it is of no use to anybody else: it is closed.
pub fn give_back(io: &mut Io, conduit: Conduit) {
    let spare = &mut io.services.get::<Shared>().spare;
    if conduit.held() == 0 && spare.len() < SPARE {
        spare.push(conduit);
    }
}
