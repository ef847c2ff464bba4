//! Filling: from the peer's socket into memory.
//!
//! *In nginx* `ngx_event_pipe_read_upstream`: readv(2) into all free buffers at once.
//!
//! *Here* recv(2) into a page, as much as memory may still hold. Small pieces share a page, so a peer
//! that sends a byte at a time does not use a page for each. With `NAME_limit_rate` the peer is not read
//! faster than that.
//!
//! *Read next*: `drain.rs`.

use crate::event::stream::Received;
use crate::event::{RequestIx, Side, clock};
use crate::http::exchange::Exchange;
use crate::http::io::Io;
use crate::http::logging;
use crate::http::turn::{Leave, Status};
use crate::http::upstream_conf::UpstreamConf;
use crate::log::Level;
use crate::upstream::{peer_conn, relay};

/// The largest page.
const PAGE: u64 = 64 << 10;

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filled {
    /// So many bytes.
    Some(usize),
    /// There is nothing now; the peer is waited for.
    Later,
    /// Memory holds as much as it may.
    Full,
    /// Bytes that passed by memory wait for the client.
    Held,
    /// The peer has closed its end.
    Closed,
}

/// How much of a reply memory may hold.
pub fn capacity(conf: &UpstreamConf) -> u64 {
    let (number, size) = *conf.buffers;
    number.saturating_mul(size).saturating_add(*conf.buffer_size)
}

/// Reads once.
///
/// # Errors
/// [`Leave::Finish`] with 502 when the connection broke.
pub fn fill(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Result<Filled, Leave> {
    let rate = rate(x, r, io);
    let Some(u) = x[r].upstream.as_deref_mut() else { return Ok(Filled::Closed) };
    let room = capacity(&u.conf).saturating_sub(u.pipe.memory.len());
    let timeout = *u.conf.read_timeout;
    let (number, size) = *u.conf.buffers;
    let page = number.saturating_mul(size).div_euclid(2).clamp(size.min(PAGE), PAGE.max(size));
    let Some(peer) = u.peer.as_mut() else { return Ok(Filled::Closed) };
    let conn = peer.conn;
    let Some(c) = io.net.table.get_mut(conn) else { return Ok(Filled::Closed) };
    if c.read.delayed {
        return Ok(Filled::Later);
    }
    if !c.read.ready {
        io.net.wait(conn, Side::Read, timeout);
        return Ok(Filled::Later);
    }
    if room == 0 {
        return Ok(Filled::Full);
    }
    let mut most = usize::try_from(room).unwrap_or(usize::MAX);
    if rate != 0 {
        let since = clock::now().saturating_sub(u.rate_from) / 1000 + 1;
        let read = x[r].upstream_states.last().map_or(0, |state| state.response_length);
        let allowed = rate.saturating_mul(since);
        if allowed <= read {
            let over = read.saturating_sub(allowed);
            io.net.delay(conn, Side::Read, over.saturating_mul(1000) / rate + 1);
            return Ok(Filled::Later);
        }
        most = most.min(usize::try_from(allowed - read).unwrap_or(usize::MAX));
    }
    let Some(peer) = x[r].upstream.as_deref_mut().and_then(|u| u.peer.as_mut()) else {
        return Ok(Filled::Closed);
    };
    relay::make_room(peer, page);
    let Some(c) = io.net.table.get_mut(conn) else { return Ok(Filled::Closed) };
    match c.recv(&mut peer.page, most) {
        Ok(Received::Bytes(n)) => Ok(Filled::Some(n)),
        Ok(Received::End) => Ok(Filled::Closed),
        Ok(Received::Again) => {
            io.net.wait(conn, Side::Read, timeout);
            Ok(Filled::Later)
        }
        Err(error) => {
            logging::log(x, r, io, Level::Error, Some(&error), format_args!("recv() failed"));
            super::drain::drain(x, r, io, true)?;
            Err(Leave::Finish(Status::Http(502)))
        }
    }
}

/// The rate in bytes per second, worked out once; 0 for no limit.
fn rate(x: &mut Exchange, r: RequestIx, io: &mut Io) -> u64 {
    let Some(u) = x[r].upstream.as_deref() else { return 0 };
    let conf = u.conf.clone();
    let Some(template) = conf.limit_rate.as_ref() else { return 0 };
    if u.limit_rate != 0 {
        return u.limit_rate;
    }
    let text = template.eval(x, r, io);
    let rate = crate::conf::value::parse_size(&text).unwrap_or(0);
    if let Some(u) = super::super::of(x, r) {
        u.limit_rate = rate;
    }
    rate
}

/// The peer is not read for now, so it is not late either.
pub fn rest(x: &mut Exchange, r: RequestIx, io: &mut Io) {
    if let Some(conn) = peer_conn(x, r)
        && io.conn(conn).is_some_and(|c| !c.read.delayed)
    {
        io.net.cancel_timer(conn, Side::Read);
    }
}

/// Others have their turn first.
pub fn post(x: &mut Exchange, r: RequestIx, io: &mut Io) {
    if let Some(conn) = peer_conn(x, r) {
        io.net.post_next(conn, Side::Read);
    }
}
