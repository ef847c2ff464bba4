//! Whether the rest of a reply may wait in the client's socket, rather than in a pipe, in pages or in a file.
//!
//! *In nginx* what the socket does not take waits in memory up to `proxy_buffers` and then in a file.
//!
//! *Here* a file is the last resort, for what is long, or of unknown length, or more than the kernel
//! should hold for one client (`send_buffer_max`). The usual reply to a slow client is neither: when it
//! is behind and the rest of the reply is known to be little enough, the socket is widened for it
//! (`event/room.rs`), and both the peer and the request are done with.
//! That holds where buffering is off, too: what the socket has got has been passed on, and of a reply that
//! is long or without a known end no more is taken from the peer than before.
//!
//! ```text
//!   the client is behind ─▶ all that is left ≤ send_buffer_max? ── yes ─▶ into its socket
//!                                                               └─ no ──▶ pipe, pages, file
//! ```
//!
//! *Read next*: `splice.rs` and `mod.rs`, which ask.

use crate::event::RequestIx;
use crate::event::room::Rooms;
use crate::http::exchange::Exchange;
use crate::http::io::Io;
use crate::http::output::unsent;

/// Gives the client's socket room for all that is left of the reply, `held` of it in a pipe; false if it has
/// no more room than before.
pub fn widen(x: &mut Exchange, r: RequestIx, io: &mut Io, held: u64) -> bool {
    let Some(left) = left(x, r) else { return false };
    let limit = *x[r].loc.core.send_buffer_max;
    let left = left.saturating_add(held).saturating_add(unsent(x, r));
    if left > limit {
        return false;
    }
    let rooms = io.services.get::<Rooms>();
    let Some(c) = io.net.table.get_mut(x.client.conn) else { return false };
    // `listen … sndbuf=` is the operator's last word, and one that is sent to at a rate is not slow.
    let is_set = io.cycle.addresses.get(c.listener as usize).is_some_and(|a| a.listen.sndbuf.is_some());
    !is_set && !c.write.delayed && !c.peer.is_unix() && rooms.widen(c, left, limit)
}

/// What is still to be received, and what waits in memory; None where that is not known, or is no matter
/// of the client's speed.
fn left(x: &Exchange, r: RequestIx) -> Option<u64> {
    let main = x.main();
    let is_only = r == RequestIx::MAIN && x.active == r && main.postponed.is_empty();
    if !is_only || main.limit_rate != 0 {
        return None;
    }
    let u = main.upstream.as_deref()?;
    if u.pipe.file.is_some() || u.client_gone || u.copies_body() {
        return None;
    }
    let received = main.upstream_states.last().map_or(0, |state| state.response_length);
    Some(u.head.content_length?.saturating_sub(received).saturating_add(u.pipe.memory.len()))
}
