//! Upstream speed first: the buffered relay.
//!
//! *In nginx* `ngx_event_pipe_t`: raw buffers, shadow buffers, `busy`, `free` and `out` lists, so that
//! memory can be used again as soon as the last byte of it has been sent.
//!
//! *Here* pages are counted and free themselves, so what is left is the question that matters: what may
//! be done next? Bytes are in one of three places, always in this order:
//!
//! ```text
//!   peer ─▶ [ memory, up to `buffers` ] ─▶ [ file, up to max_temp_file_size ] ─▶ [ on its way out ] ─▶
//!   fill        └── spill: memory is full and the client is slow ──┘                 drain
//! ```
//!
//! A client that is behind may have room in its socket for all that is left (`room.rs`); a file is for more.
//!
//! In memory nothing waits: what the client can take is handed on before more is read. When the reply is
//! complete its peer is let go at once, however slow the client, and what is left is the business of
//! `finalize.rs`.
//!
//! *Read next*: `fill.rs`, `drain.rs`, `spill.rs`, then `splice.rs`.

pub mod drain;
pub mod fill;
pub mod pipes;
pub mod room;
pub mod spill;
pub mod splice;

use super::{relay, unbuffered};
use crate::buf::Slice;
use crate::event::{RequestIx, Side};
use crate::http::exchange::Exchange;
use crate::http::io::Io;
use crate::http::turn::{Status, Turn};
use crate::http::upstreamed::Upstream;
use crate::protocol::Flow;

/// How many bytes one turn relays before others have theirs.
const SHARE: u64 = 1 << 20;

/// The slot of the peer: readable, or its time is up.
///
/// # Errors
/// As [`process`].
pub fn upstream(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Turn {
    let Some(conn) = super::peer_conn(x, r) else { return Ok(()) };
    x.action = "reading upstream";
    if io.net.take_timed_out(conn, Side::Read) {
        // A timer that only held back a reply that comes too fast is no timeout.
        let delayed = io.conn(conn).is_some_and(|c| std::mem::take(&mut c.read.delayed));
        if !delayed {
            drain::drain(x, r, io, true)?;
            return unbuffered::timed_out(x, r, io);
        }
    }
    process(x, r, io)
}

/// The slot of the client: writable, or its time is up.
///
/// # Errors
/// As [`process`]; 408 when the client took nothing for too long.
pub fn downstream(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Turn {
    x.action = "sending to client";
    // Our patience has a timer, too, and that of it is not the client's.
    let is_ours = |u: &Upstream| u.pipe.held.as_ref().is_some_and(|held| held.impatient_since.is_some());
    if !super::of(x, r).is_some_and(|u| is_ours(u)) {
        unbuffered::client_is_late(x, r, io)?;
    }
    process(x, r, io)
}

/// Begins: what stands behind the head goes first.
///
/// The body of most replies is all there and needs no decoding: it is handed on as it stands, since between
/// the window and the client it would be held back nowhere.
///
/// # Errors
/// As [`process`].
pub fn begin(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Turn {
    let request = &mut x[r];
    let Some(u) = request.upstream.as_deref_mut() else { return Ok(()) };
    let Some(body) = take_whole(u) else { return process(x, r, io) };
    if let Some(state) = request.upstream_states.last_mut() {
        state.response_length = state.response_length.saturating_add(body.len() as u64);
    }
    relay::received_all(x, r, io);
    drain::hand_over(x, r, io, body)?;
    Status::Ok.finish()
}

/// The whole body, if it is there and nobody but the client wants it.
fn take_whole(u: &mut Upstream) -> Option<Slice> {
    if u.client_gone || u.copies_body() {
        return None;
    }
    let (peer, decoder) = (u.peer.as_mut()?, u.decoder.as_mut()?);
    decoder.take_whole(&mut peer.cursor.input(&peer.page))
}

/// Moves bytes until one side has to be waited for.
///
/// # Errors
/// [`Leave::Finish`](crate::http::turn::Leave::Finish) when all has been handed on, or nothing more can be.
pub fn process(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Turn {
    let mut moved = 0u64;
    if splice::resume(x, r, io)? == Some(fill::Filled::Held) {
        fill::rest(x, r, io);
        return Ok(());
    }
    loop {
        let flow = relay::decode(x, r, io)?;
        keep(x, r);
        if flow == Flow::Last {
            relay::received_all(x, r, io);
            return finish(x, r, io);
        }
        let filled = match splice::splice(x, r, io)? {
            Some(filled) => filled,
            None => fill::fill(x, r, io)?,
        };
        match filled {
            fill::Filled::Some(n) => {
                moved = moved.saturating_add(n as u64);
                if moved >= SHARE {
                    drain::drain(x, r, io, true)?;
                    fill::post(x, r, io);
                    return Ok(());
                }
            }
            fill::Filled::Full => {
                // Memory is full: the client may take some of it, or its socket, or a file.
                let moves =
                    drain::drain(x, r, io, false)? || room::widen(x, r, io, 0) || spill::spill(x, r, io)?;
                if !moves {
                    fill::rest(x, r, io);
                    await_client(x, r, io);
                    return Ok(());
                }
            }
            fill::Filled::Held => {
                fill::rest(x, r, io);
                return Ok(());
            }
            fill::Filled::Later => {
                drain::drain(x, r, io, true)?;
                await_client(x, r, io);
                return Ok(());
            }
            fill::Filled::Closed => {
                let complete = relay::closed(x, r, io);
                if complete {
                    relay::received_all(x, r, io);
                    return finish(x, r, io);
                }
                drain::drain(x, r, io, true)?;
                return Status::Http(502).finish();
            }
        }
    }
}

/// What was decoded is the pipe's.
fn keep(x: &mut Exchange, r: RequestIx) {
    let Some(u) = super::of(x, r) else { return };
    if u.pipe.memory.is_nothing() {
        std::mem::swap(&mut u.pipe.memory, &mut u.relay.chain);
    } else {
        u.pipe.memory.append(std::mem::take(&mut u.relay.chain));
    }
}

/// Everything is here: it is all handed on, and the request may end when it has been sent.
fn finish(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Turn {
    super::finish::trailers(x, r);
    drain::hand_over_all(x, r, io)?;
    Status::Ok.finish()
}

/// Waits for the client if it has something to take.
pub fn await_client(x: &mut Exchange, r: RequestIx, io: &mut Io) {
    let conn = x.client.conn;
    let gone = x[r].upstream.as_ref().is_some_and(|u| u.client_gone);
    if r != x.active || x.out.is_empty() || gone {
        return;
    }
    // A delay has its own timer.
    if io.conn(conn).is_some_and(|c| c.write.delayed) {
        return;
    }
    let timeout = *x[r].loc.core.send_timeout;
    io.net.wait(conn, Side::Write, timeout);
}
