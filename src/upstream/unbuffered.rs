//! Downstream speed first: read from the peer only what the client has taken before.
//!
//! *In nginx* `ngx_http_upstream_process_non_buffered_request`: one buffer of `proxy_buffer_size`, read
//! again when it has been sent.
//!
//! *Here* the same with a page. What the peer sends is written to the client at once, however little it
//! is; while the client has not taken it, nothing more is read, and the peer is held back by its own
//! socket. A large body that nobody looks at is spliced (`pipe/splice.rs`), with the same promise.
//!
//! ```text
//!   peer readable ──▶ recv ─▶ decode ─▶ output(flush) ─┬─ taken ─▶ the page is empty: recv again
//!                                                      └─ not ───▶ wait for the client (send_timeout)
//! ```
//!
//! *Read next*: `pipe/mod.rs`, the other way.

use super::pipe::fill::{self, Filled};
use super::pipe::{room, splice};
use super::{deadline, relay};
use crate::buf::Chain;
use crate::event::stream::Received;
use crate::event::{RequestIx, Side};
use crate::http::exchange::Exchange;
use crate::http::io::Io;
use crate::http::logging;
use crate::http::output::{output, unsent};
use crate::http::turn::{Leave, Status, Turn};
use crate::log::Level;
use crate::protocol::Flow;

/// How many bytes one turn relays before others have theirs.
const SHARE: u64 = 1 << 20;

/// Begins: what stands behind the head goes first.
///
/// # Errors
/// As [`process`].
pub fn begin(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Turn {
    process(x, r, io)
}

/// The slot of the peer: readable, or its time is up.
///
/// # Errors
/// As [`process`].
pub fn upstream(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Turn {
    let Some(conn) = super::peer_conn(x, r) else { return Ok(()) };
    x.action = "reading upstream";
    if io.net.take_timed_out(conn, Side::Read) {
        return timed_out(x, r, io);
    }
    process(x, r, io)
}

/// The peer said nothing for too long in the midst of a body.
///
/// # Errors
/// Always: 504, which a client that has the head sees as a cut.
pub fn timed_out(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Turn {
    deadline::log_expired(x, r, io);
    Status::Http(504).finish()
}

/// The slot of the client: writable, or its time is up.
///
/// # Errors
/// As [`process`]; 408 when the client took nothing for too long.
pub fn downstream(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Turn {
    x.action = "sending to client";
    client_is_late(x, r, io)?;
    process(x, r, io)
}

/// The client's write timer, if it has fired: 408, unless it was only a delay of `limit_rate`.
///
/// # Errors
/// 408.
pub fn client_is_late(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Turn {
    let conn = x.client.conn;
    if !io.net.take_timed_out(conn, Side::Write) {
        return Ok(());
    }
    if io.conn(conn).is_some_and(|c| std::mem::take(&mut c.write.delayed)) {
        return Ok(());
    }
    logging::log(x, r, io, Level::Info, None, format_args!("client timed out"));
    if let Some(u) = super::of(x, r).filter(|u| u.copies_body()) {
        // The client is given up, the copy is not.
        u.client_gone = true;
        return Ok(());
    }
    Status::Http(408).finish()
}

/// Relays until one side has to be waited for.
///
/// # Errors
/// [`Leave::Finish`] when all is over.
pub fn process(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Turn {
    let mut moved = 0u64;
    if splice::resume(x, r, io)? == Some(Filled::Held) {
        fill::rest(x, r, io);
        return Ok(());
    }
    loop {
        let flow = relay::decode(x, r, io)?;
        if !hand_on(x, r, io)? {
            if room::widen(x, r, io, 0) {
                continue;
            }
            return wait_for_client(x, r, io);
        }
        if flow == Flow::Last {
            if let Some(u) = super::of(x, r) {
                u.complete = true;
            }
            return Status::Ok.finish();
        }
        if moved >= SHARE {
            if let Some(conn) = super::peer_conn(x, r) {
                io.net.post_next(conn, Side::Read);
            }
            return Ok(());
        }
        let filled = match splice::splice(x, r, io)? {
            Some(filled) => filled,
            None => read(x, r, io)?,
        };
        match filled {
            Filled::Some(n) => moved = moved.saturating_add(n as u64),
            Filled::Later | Filled::Full => return Ok(()),
            Filled::Held => {
                fill::rest(x, r, io);
                return Ok(());
            }
            Filled::Closed => {
                // Bytes may have come with the end: they were decoded before it was read.
                let complete = relay::closed(x, r, io);
                if let Some(u) = super::of(x, r) {
                    u.complete = complete;
                }
                return if complete { Status::Ok.finish() } else { Status::Http(502).finish() };
            }
        }
    }
}

/// Hands on what was decoded; true if the client has taken all there is.
fn hand_on(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Result<bool, Leave> {
    let Some(u) = super::of(x, r) else { return Ok(true) };
    let mut chain: Chain = std::mem::take(&mut u.relay.chain);
    let pending = unsent(x, r) > 0 || x[r].buffered != 0;
    if chain.is_empty() && !pending {
        return Ok(true);
    }
    chain.flush = true;
    if output(x, r, io, chain) == Status::Error {
        return Err(Leave::Finish(Status::Error));
    }
    Ok(unsent(x, r) == 0)
}

fn wait_for_client(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Turn {
    if let Some(conn) = super::peer_conn(x, r) {
        // The peer is not being read, so it is not late.
        io.net.cancel_timer(conn, Side::Read);
    }
    super::pipe::await_client(x, r, io);
    Ok(())
}

/// Reads once, into an empty page.
fn read(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Result<Filled, Leave> {
    let Some(u) = x[r].upstream.as_deref_mut() else { return Ok(Filled::Closed) };
    let (timeout, size) = (*u.conf.read_timeout, *u.conf.buffer_size);
    let Some(peer) = u.peer.as_mut() else { return Ok(Filled::Closed) };
    relay::make_room(peer, size);
    let conn = peer.conn;
    let Some(c) = io.net.table.get_mut(conn) else { return Ok(Filled::Closed) };
    if !c.read.ready {
        io.net.wait(conn, Side::Read, timeout);
        return Ok(Filled::Later);
    }
    let limit = peer.page.room();
    match c.recv(&mut peer.page, limit) {
        Ok(Received::Bytes(n)) => Ok(Filled::Some(n)),
        Ok(Received::End) => Ok(Filled::Closed),
        Ok(Received::Again) => {
            io.net.wait(conn, Side::Read, timeout);
            Ok(Filled::Later)
        }
        Err(error) => {
            logging::log(x, r, io, Level::Error, Some(&error), format_args!("recv() failed"));
            Err(Leave::Finish(Status::Http(502)))
        }
    }
}
