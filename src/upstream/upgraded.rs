//! A tunnel: after 101 bytes go both ways as they come.
//!
//! *In nginx* `ngx_http_upstream_upgrade` and `ngx_http_upstream_process_upgraded`: two buffers, and the
//! end of either side ends both.
//!
//! *Here* two directions that are alike: what one side has sent goes to the other before more is read.
//! An end is passed on as an end (half-close); the tunnel is over when both directions are, when
//! something breaks, or when nothing moves for `NAME_read_timeout`.
//!
//! ```text
//!   client ── recv ─▶ peer.out ─▶ send ── peer            eof: shutdown the other's write side
//!   client ◀─ send ── x.out ◀──── recv ── peer
//! ```
//!
//! *Read next*: `finish.rs`.

use super::deadline;
use crate::buf::{Chain, Page, Slice};
use crate::event::stream::Received;
use crate::event::{ConnId, RequestIx, Side};
use crate::http::exchange::Exchange;
use crate::http::io::Io;
use crate::http::logging;
use crate::http::output::write;
use crate::http::slots::{ClientRead, ClientWrite, PeerRead, PeerWrite};
use crate::http::turn::{Leave, Status, Turn};
use crate::http::upstreamed::Mode;
use crate::log::Level;
use socket2::SockRef;
use std::mem::replace;

/// How many bytes one turn relays each way before others have theirs.
const SHARE: usize = 256 << 10;
/// How many bytes are read at once.
const PAGE: usize = 16 << 10;

/// Begins: what stands behind the two heads goes first.
///
/// Both windows may hold bytes already: clients send behind their request without waiting for 101, and
/// peers behind their answer. `TCP_NODELAY` on both sides, because nobody knows any more what a whole
/// message is.
///
/// # Errors
/// As [`process`].
pub fn begin(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Turn {
    x.client.keepalive = false;
    deadline::end(x, r, io);
    let early = x.client.head.rest();
    x.client.head.consume(early.len());
    let Some(u) = super::of(x, r) else { return Status::INTERNAL.finish() };
    u.mode = Mode::Upgraded;
    let Some(peer) = u.peer.as_mut() else { return Status::INTERNAL.finish() };
    peer.swap_read(PeerRead::UpgradedRead);
    peer.swap_write(PeerWrite::UpgradedWrite);
    let mut input = peer.cursor.input(&peer.page);
    let n = input.len();
    let late = input.take(n);
    peer.out.push(early);
    let conn = peer.conn;
    u.tunnel.sent_before = io.net.table.get(conn).map_or(0, |c| c.sent);
    x.swap_client_read(ClientRead::UpgradedRead);
    x[r].swap_write(ClientWrite::UpgradedWrite);
    for conn in [conn, x.client.conn] {
        if let Some(c) = io.conn(conn) {
            c.flags.nodelay |= SockRef::from(c.fd()).set_tcp_nodelay(true).is_ok();
        }
    }
    note_length(x, r, late.len());
    to_client(x, io, late)?;
    process(x, r, io)
}

fn note_length(x: &mut Exchange, r: RequestIx, n: usize) {
    if let Some(u) = super::of(x, r) {
        u.tunnel.received = u.tunnel.received.saturating_add(n as u64);
    }
    if let Some(state) = super::state(x, r) {
        state.response_length = state.response_length.saturating_add(n as u64);
    }
}

/// All four slots: moves what can be moved, and writes in the log how the tunnel ended.
///
/// # Errors
/// [`Leave::Finish`] when the tunnel is over.
pub fn process(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Turn {
    let turn = relay(x, r, io);
    if turn.is_err() {
        log_end(x, r, io);
    }
    turn
}

/// DIFF: nginx says nothing, so nobody can tell afterwards which side ended a WebSocket.
fn log_end(x: &mut Exchange, r: RequestIx, io: &mut Io) {
    let Some(u) = x[r].upstream.as_deref() else { return };
    let sent = u.peer.as_ref().and_then(|peer| io.net.table.get(peer.conn)).map_or(0, |c| c.sent);
    let more = format!(
        ", closed by {}, {} bytes from client, {} bytes from upstream",
        u.tunnel.closer.unwrap_or("timeout"),
        sent.saturating_sub(u.tunnel.sent_before),
        u.tunnel.received
    );
    logging::log_with(x, r, io, Level::Info, None, format_args!("upgraded connection closed"), &more);
}

/// Notes who ended the tunnel, or one direction of it; the first one counts.
fn note_closer(x: &mut Exchange, r: RequestIx, who: &'static str) {
    if let Some(u) = super::of(x, r) {
        u.tunnel.closer.get_or_insert(who);
    }
}

fn relay(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Turn {
    x.action = "proxying upgraded connection";
    let Some(conn) = super::peer_conn(x, r) else { return Status::Ok.finish() };
    let client = x.client.conn;
    if io.net.take_timed_out(conn, Side::Read) || io.net.take_timed_out(conn, Side::Write) {
        deadline::log_expired(x, r, io);
        return Status::Http(504).finish();
    }
    if io.net.take_timed_out(client, Side::Read) || io.net.take_timed_out(client, Side::Write) {
        let error = std::io::Error::from_raw_os_error(libc::ETIMEDOUT);
        logging::log(x, r, io, Level::Info, Some(&error), format_args!("client timed out"));
        return Status::Http(408).finish();
    }
    // Whatever woke us, both directions are tried: an event that came first for one side may have been
    // the only one.
    let up = upwards(x, r, io, client, conn)?;
    let down = downwards(x, r, io, conn)?;
    if up && down {
        if let Some(u) = super::of(x, r) {
            u.complete = true;
        }
        return Status::Ok.finish();
    }
    wait(x, r, io, client, conn);
    Ok(())
}

/// From the client to the peer; true when that direction is over.
///
/// One page at a time: what was read is gone before more is read, so a slow side holds the other back
/// through its own socket, and a tunnel costs two pages at most.
fn upwards(x: &mut Exchange, r: RequestIx, io: &mut Io, client: ConnId, conn: ConnId) -> Result<bool, Leave> {
    let (mut moved, size) = (0, page_size(x, r));
    loop {
        let Some(peer) = x[r].upstream.as_deref_mut().and_then(|u| u.peer.as_mut()) else { return Ok(true) };
        if !peer.out.is_empty() {
            let Some(c) = io.net.table.get_mut(conn) else { return Ok(true) };
            if let Err(error) = c.send_chain(&mut peer.out, u64::MAX) {
                logging::log(x, r, io, Level::Error, Some(&error), format_args!("send() failed"));
                note_closer(x, r, "upstream");
                return Err(Leave::Finish(Status::Http(502)));
            }
        }
        let Some(peer) = x[r].upstream.as_deref_mut().and_then(|u| u.peer.as_mut()) else { return Ok(true) };
        if !peer.out.is_empty() || moved >= SHARE {
            return Ok(false);
        }
        match read(io, client, size) {
            Ok(Some(bytes)) => {
                moved = moved.saturating_add(bytes.len());
                peer.out.push(bytes);
            }
            Ok(None) => {
                let ended = io.conn(client).is_none_or(|c| c.flags.closing);
                if ended && !x[r].upstream.as_mut().is_some_and(|u| replace(&mut u.tunnel.told_peer, true)) {
                    pass_end(io, conn);
                    note_closer(x, r, "client");
                }
                return Ok(ended);
            }
            Err(error) => {
                note_closer(x, r, "client");
                logging::log(x, r, io, Level::Info, Some(&error), format_args!("recv() failed"));
                return Err(Leave::Finish(Status::Error));
            }
        }
    }
}

/// From the peer to the client; true when that direction is over.
fn downwards(x: &mut Exchange, r: RequestIx, io: &mut Io, conn: ConnId) -> Result<bool, Leave> {
    let (mut moved, size) = (0, page_size(x, r));
    loop {
        to_client(x, io, Slice::EMPTY).inspect_err(|_| note_closer(x, r, "client"))?;
        if !x.out.is_empty() || moved >= SHARE {
            return Ok(false);
        }
        match read(io, conn, size) {
            Ok(Some(bytes)) => {
                moved = moved.saturating_add(bytes.len());
                note_length(x, r, bytes.len());
                to_client(x, io, bytes).inspect_err(|_| note_closer(x, r, "client"))?;
            }
            Ok(None) => {
                let ended = io.conn(conn).is_none_or(|c| c.flags.closing);
                if ended && !x[r].upstream.as_mut().is_some_and(|u| replace(&mut u.tunnel.told_client, true))
                {
                    pass_end(io, x.client.conn);
                    note_closer(x, r, "upstream");
                }
                return Ok(ended);
            }
            Err(error) => {
                note_closer(x, r, "upstream");
                logging::log(x, r, io, Level::Error, Some(&error), format_args!("recv() failed"));
                return Err(Leave::Finish(Status::Http(502)));
            }
        }
    }
}

fn to_client(x: &mut Exchange, io: &mut Io, bytes: Slice) -> Result<(), Leave> {
    let mut chain = Chain::of(bytes);
    chain.flush = true;
    match write::filter(x, io, chain) {
        Status::Error => Err(Leave::Finish(Status::Error)),
        _ => Ok(()),
    }
}

/// How much is read at once: what `NAME_buffer_size` says if it says anything. Its default is meant for
/// heads, and small for what may be a download.
fn page_size(x: &Exchange, r: RequestIx) -> usize {
    let set = x[r].upstream.as_deref().map(|u| &u.conf.buffer_size).filter(|size| size.is_set());
    set.and_then(|size| usize::try_from(**size).ok()).map_or(PAGE, |size| size.max(64))
}

/// What one side has sent; None for nothing now, or for the end, which `read.eof` tells apart.
fn read(io: &mut Io, conn: ConnId, size: usize) -> std::io::Result<Option<Slice>> {
    let Some(c) = io.net.table.get_mut(conn) else { return Ok(None) };
    if !c.read.ready || c.flags.closing {
        return Ok(None);
    }
    let mut page = Page::with_capacity(size);
    let limit = page.room();
    match c.recv(&mut page, limit)? {
        Received::Bytes(n) => Ok(Some(page.slice(0..n))),
        Received::Again => Ok(None),
        Received::End => {
            c.flags.closing = true;
            Ok(None)
        }
    }
}

/// Passes the end of one side on to the other. Once: each time would be an event on that other side, which
/// would bring us here again, without end.
///
/// DIFF: nginx ends both directions with the first end. There are protocols that say "that was all" with
/// a FIN and then wait for the answer; the time-out of the other direction bounds it still.
fn pass_end(io: &mut Io, to: ConnId) {
    if let Some(c) = io.conn(to) {
        // One that is gone says "not connected", which is as good.
        let _ = c.shut_write();
    }
}

fn wait(x: &mut Exchange, r: RequestIx, io: &mut Io, client: ConnId, conn: ConnId) {
    let Some(u) = x[r].upstream.as_deref() else { return };
    let (send, read) = (*u.conf.send_timeout, *u.conf.read_timeout);
    // A direction that waits for room does not read, and one that reads does not wait for room.
    let up_waits = u.peer.as_ref().is_some_and(|peer| !peer.out.is_empty());
    let down_waits = !x.out.is_empty();
    let core = x[r].loc.core.clone();
    if up_waits {
        io.net.wait(conn, Side::Write, send);
    } else {
        io.net.cancel_timer(conn, Side::Write);
        // A client that says nothing for long is the peer's business, until the peer has ended its side.
        let is_alone = io.conn(conn).is_none_or(|c| c.flags.closing);
        wait_for_more(io, client, is_alone.then_some(read));
    }
    if down_waits {
        io.net.wait(client, Side::Write, *core.send_timeout);
    } else {
        io.net.cancel_timer(client, Side::Write);
        wait_for_more(io, conn, Some(read));
    }
}

fn wait_for_more(io: &mut Io, conn: ConnId, timeout: Option<u64>) {
    let ended = io.conn(conn).is_none_or(|c| c.flags.closing);
    match timeout {
        Some(timeout) if !ended => io.net.wait(conn, Side::Read, timeout),
        None if !ended => io.net.wait_forever(conn, Side::Read),
        _ => io.net.cancel_timer(conn, Side::Read),
    }
}
