//! Deadlines that no byte puts off: of one attempt at a peer, and of a request as a whole.
//!
//! *In nginx* every timer begins again with each byte that moves, so a peer that sends one now and then
//! keeps a request alive for ever.
//!
//! *Here* those timers mean what they mean there, and two more are for those who want an end: `NAME_timeout`
//! of an attempt, from the choice of the peer to the last byte of its reply, and `request_timeout` of
//! everything, from the first byte of the request to the last one of the answer. A tunnel has no such end.
//!
//! ```text
//!   request ──┬── attempt ──┬── attempt ──── reply ──┬── client takes the rest ──┐
//!             │◀ NAME_timeout ▶│◀─ NAME_timeout ────▶│                           │
//!   │◀─────────────────────────── request_timeout ─────────────────────────────▶│
//! ```
//!
//! Whatever timer it was, [`log_expired`] writes the line: what was waited for, and which timer it was.
//!
//! *Read next*: `next.rs`, for what a failed attempt leads to; `http/deadline.rs`.

use crate::event::RequestIx;
use crate::event::timer::Key;
use crate::http::deadline::Deadline;
use crate::http::exchange::Exchange;
use crate::http::io::Io;
use crate::http::logging;
use crate::http::slots::{ClientRead, PeerWrite};
use crate::http::turn::{Failure, Leave, Status, Turn};
use crate::http::upstreamed::{Mode, Upstream};
use crate::log::Level;
use std::io;

/// An attempt begins: its time runs.
pub fn begin(x: &mut Exchange, r: RequestIx, io: &mut Io) {
    let Some(u) = super::of(x, r) else { return };
    u.overdue = false;
    let limit = *u.conf.timeout;
    if limit != 0 {
        io.net.set_key_timer(Key::Attempt(x.id, r), limit);
    }
}

/// The attempt is over, or has become a tunnel.
pub fn end(x: &mut Exchange, r: RequestIx, io: &mut Io) {
    if x[r].upstream.as_ref().is_some_and(|u| *u.conf.timeout != 0) {
        io.net.timers.cancel_key(Key::Attempt(x.id, r));
    }
}

/// An attempt has had its time.
///
/// # Errors
/// [`Leave::Next`], or 504 for a client that has the head already.
pub fn attempt_is_over(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Turn {
    let Some(u) = super::of(x, r).filter(|u| u.peer.is_some()) else { return Ok(()) };
    u.overdue = true;
    if !u.header_sent {
        return Err(Leave::Next(Failure::Timeout));
    }
    log_expired(x, r, io);
    Status::Http(504).finish()
}

/// Writes that a peer was waited for in vain: for what, and by which timer.
pub fn log_expired(x: &mut Exchange, r: RequestIx, io: &mut Io) {
    let Some(u) = x[r].upstream.as_deref() else { return };
    let (action, suffix, limit) = awaited(u, io);
    let (suffix, limit) = if u.overdue { ("timeout", *u.conf.timeout) } else { (suffix, limit) };
    let more = format!(", timer: {}_{suffix} {limit}ms", u.kind.name);
    x.action = action;
    let error = io::Error::from_raw_os_error(libc::ETIMEDOUT);
    logging::log_with(x, r, io, Level::Error, Some(&error), format_args!("upstream timed out"), &more);
}

/// What is waited for, with the timer that is for it and how long that is.
fn awaited(u: &Upstream, io: &Io) -> (&'static str, &'static str, u64) {
    let conf = &u.conf;
    let Some(peer) = u.peer.as_ref() else { return ("connecting to upstream", "timeout", *conf.timeout) };
    let c = io.net.table.get(peer.conn);
    let connecting = c.is_some_and(|c| c.flags.connecting);
    let shaking = c.is_some_and(|c| c.is_shaking());
    match peer.write {
        _ if u.mode == Mode::Upgraded => ("proxying upgraded connection", "read_timeout", *conf.read_timeout),
        _ if u.mode != Mode::None => ("reading upstream", "read_timeout", *conf.read_timeout),
        _ if connecting => ("connecting to upstream", "connect_timeout", *conf.connect_timeout),
        _ if shaking => ("SSL handshaking to upstream", "connect_timeout", *conf.connect_timeout),
        PeerWrite::Greet => ("greeting upstream", "read_timeout", *conf.read_timeout),
        PeerWrite::SendRequest => ("sending request to upstream", "send_timeout", *conf.send_timeout),
        _ => ("reading response header from upstream", "read_timeout", *conf.read_timeout),
    }
}

/// A request has had its time: 504 if nothing has been said yet and only a peer is waited for, else the
/// connection is closed, which a client that has the head sees as a cut.
///
/// # Errors
/// What the request ends with.
pub fn request_is_over(x: &mut Exchange, io: &mut Io) -> Turn {
    let main = RequestIx::MAIN;
    x.deadline = Deadline::Over;
    let tunnels = x.main().upstream.as_ref().is_some_and(|u| u.mode == Mode::Upgraded);
    if tunnels {
        return Ok(());
    }
    let more = format!(", timer: request_timeout {}ms", *x.main().loc.core.request_timeout);
    let error = io::Error::from_raw_os_error(libc::ETIMEDOUT);
    logging::log_with(x, main, io, Level::Error, Some(&error), format_args!("request timed out"), &more);
    if x.client.read == ClientRead::ReadBody {
        return Status::Http(408).finish();
    }
    if x.indexes().count() == 1 && !x.main().flags.header_sent && super::finish::is_active(x, main) {
        return Status::Http(504).finish();
    }
    if x.main().headers_out.status == 0 || !x.main().flags.header_sent {
        x.main_mut().headers_out.status = 504;
    }
    x.terminated = true;
    Ok(())
}
