//! The talk before the request, for protocols that begin with one: MySQL's login, Redis' AUTH.
//!
//! *In nginx* nothing like it; modules for such protocols had to bring their own connection handling.
//!
//! *Here* a slot of its own. The protocol is shown what has come and writes its answer until it says
//! that the request may follow. A connection that is used again has been greeted already.
//!
//! ```text
//!   connected ─▶ greet() ─┬─ More: send, wait for the answer, greet() again
//!                         └─ Done: the request goes behind it ─▶ send.rs
//! ```
//!
//! *Read next*: `send.rs`.

use super::{connect, header, next, relay, send};
use crate::event::stream::Received;
use crate::event::{RequestIx, Side};
use crate::http::exchange::Exchange;
use crate::http::io::Io;
use crate::http::slots::{PeerRead, PeerWrite};
use crate::http::turn::{Failure, Leave, Status, Turn};
use crate::protocol::{Greet, Out};

/// The slot, for both sides of the peer's connection.
///
/// # Errors
/// [`Leave::Next`] when the peer cannot be reached or does not agree.
pub fn greet(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Turn {
    let Some(conn) = super::peer_conn(x, r) else { return Ok(()) };
    if io.net.take_timed_out(conn, Side::Write) || io.net.take_timed_out(conn, Side::Read) {
        return Err(Leave::Next(Failure::Timeout));
    }
    if !send::is_connected(x, r, io)? {
        return Ok(());
    }
    x.action = "greeting upstream";
    loop {
        if !send::send_chain(x, r, io)? {
            let timeout = super::of(x, r).map_or(0, |u| *u.conf.send_timeout);
            io.net.wait(conn, Side::Write, timeout);
            return Ok(());
        }
        io.net.cancel_timer(conn, Side::Write);
        if step(x, r, io)? == Greet::Done {
            return go_on(x, r, io);
        }
        let sends = super::of(x, r).and_then(|u| u.peer.as_ref()).is_some_and(|peer| !peer.out.is_empty());
        if !sends && !read(x, r, io)? {
            return Ok(());
        }
    }
}

/// Lets the protocol speak.
fn step(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Result<Greet, Leave> {
    let Some(u) = super::of(x, r) else { return Err(Leave::Finish(Status::INTERNAL)) };
    let (Some(peer), Some(module)) = (u.peer.as_mut(), u.module.as_mut()) else {
        return Err(Leave::Finish(Status::INTERNAL));
    };
    let mut out = Out::new();
    let said = module.greet(&mut peer.cursor.input(&peer.page), &mut out, &mut u.head);
    peer.out.append(out.take());
    said.map_err(|fault| header::refuse(x, r, io, fault))
}

/// Reads once; false if there is nothing now.
fn read(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Result<bool, Leave> {
    let Some(u) = x[r].upstream.as_deref_mut() else { return Ok(false) };
    let (timeout, size) = (*u.conf.read_timeout, *u.conf.buffer_size);
    let Some(peer) = u.peer.as_mut() else { return Ok(false) };
    let conn = peer.conn;
    relay::make_room(peer, size);
    let Some(c) = io.net.table.get_mut(conn) else { return Ok(false) };
    if !c.read.ready {
        io.net.wait(conn, Side::Read, timeout);
        return Ok(false);
    }
    let limit = peer.page.room();
    match c.recv(&mut peer.page, limit) {
        Ok(Received::Bytes(_)) => Ok(true),
        Ok(Received::Again) => {
            io.net.wait(conn, Side::Read, timeout);
            Ok(false)
        }
        Ok(Received::End) => Err(next::lost(x, r, io, None)),
        Err(error) => Err(next::lost(x, r, io, Some(&error))),
    }
}

/// The peer is ready for the request.
fn go_on(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Turn {
    connect::put_request(x, r);
    let Some(peer) = super::of(x, r).and_then(|u| u.peer.as_mut()) else { return Ok(()) };
    peer.swap_read(PeerRead::ProcessHeader);
    peer.swap_write(PeerWrite::SendRequest);
    io.net.cancel_timer(peer.conn, Side::Read);
    send::send_request(x, r, io)
}
