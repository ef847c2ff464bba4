//! Idle connections to peers, kept for the next request.
//!
//! *In nginx* `ngx_http_upstream_get_keepalive_peer` and `ngx_http_upstream_free_keepalive_peer`, with
//! a read handler that closes a connection on which anything happens.
//!
//! *Here* the same around [`balance::idle::Idle`](crate::balance::idle::Idle), which knows names and no
//! sockets. A peer that has closed, or said something nobody asked for, is not written to: the poll has
//! said so, or, before a request that may not be sent twice, the socket itself is asked in the moment it
//! is taken.
//!
//! ```text
//!   park: owner Pooled(spot), timer keepalive_timeout ──▶ take: owner Upstream(x, r)
//!            └─ anything happens: close
//! ```
//!
//! *Read next*: `balance/idle.rs`.

use crate::balance::idle::Place;
use crate::balance::{Group, Peer};
use crate::event::stream::Received;
use crate::event::{ConnId, Owner, Side};
use crate::http::conf::Location;
use crate::http::io::Io;
use crate::http::upstreamed::Upstream;
use crate::util::address::Address;
use crate::util::fold::Fold;
use std::hash::{Hash, Hasher};
use std::rc::Rc;

/// What else must be equal for a connection to be of use: the protocol, TLS and with what settings and
/// name, what its greeting agreed upon, the local address, and with `keepalive … local` the location.
#[inline]
pub fn key(u: &Upstream, loc: &Rc<Location>, group: &Group, bind: Option<&Address>) -> u64 {
    let local = group.keepalive().local.then_some(loc);
    let session = u.module.as_ref().map_or(0, |module| module.session());
    // Nearly always there is nothing else. The protocol is always a part of it: two locations may speak
    // differently to one address.
    match session == 0 && u.tls.is_none() && bind.is_none() && local.is_none() {
        true => u.kind.number,
        false => special_key(u, session, bind, local),
    }
}

/// The key where there is more than the protocol.
#[inline(never)]
fn special_key(u: &Upstream, session: u64, bind: Option<&Address>, local: Option<&Rc<Location>>) -> u64 {
    let mut hasher = Fold::default();
    (u.kind.number, session, bind).hash(&mut hasher);
    if let Some(aim) = &u.tls {
        // Locations with other settings may have trusted it for other reasons, or not at all.
        (aim.tls.fingerprint(), &aim.name[..]).hash(&mut hasher);
    }
    if let Some(loc) = local {
        Rc::as_ptr(loc).hash(&mut hasher);
    }
    hasher.finish()
}

fn place<'a>(group: &Group, peer: &'a Peer, key: u64) -> Place<'a> {
    Place { group: group.number(), address: &peer.address, key, hint: &peer.idle }
}

/// Takes an idle connection that is still good. `certain` costs a system call: for requests that cannot
/// be sent again when the connection turns out to have been closed since the last wait.
pub fn take(io: &mut Io, group: &Group, peer: &Peer, key: u64, certain: bool) -> Option<ConnId> {
    let place = place(group, peer, key);
    loop {
        let conn = io.idle.take(&place)?;
        if is_quiet(io, conn, certain) {
            return Some(conn);
        }
        io.net.close(conn);
    }
}

/// True if nothing has happened on the connection: no end, no byte, no error.
pub(super) fn is_quiet(io: &mut Io, conn: ConnId, certain: bool) -> bool {
    let Some(c) = io.conn(conn) else { return false };
    if c.read.eof || c.read.error || c.write.error {
        return false;
    }
    if !c.read.ready && !certain {
        return true;
    }
    match c.peek() {
        Ok(Received::Again) => {
            c.read.ready = false;
            true
        }
        _ => false,
    }
}

/// Keeps the connection to a peer for another request; `said` is for how many seconds the peer will.
pub fn park(io: &mut Io, conn: ConnId, group: &Group, peer: &Peer, key: u64, said: Option<u64>) {
    if !group.has(&peer.address) {
        // Its name has got other addresses while the request was under way.
        return io.net.close(conn);
    }
    let parked = io.idle.park(conn, &place(group, peer, key), group.keepalive().connections);
    if let Some(evicted) = parked.evicted {
        io.net.close(evicted);
    }
    let Some(c) = io.net.table.get_mut(conn) else { return };
    c.owner = Owner::Pooled(parked.spot);
    c.write.timed_out = false;
    c.read.delayed = false;
    c.write.deadline = 0;
    // A peer that says how long it waits means it: we are gone a tenth earlier, so that its end and our next
    // request do not meet on the way.
    let most = said.map_or(u64::MAX, |seconds| seconds.saturating_mul(900));
    if c.set_timer(&mut io.net.timers, Side::Read, group.keepalive().timeout_ms.min(most)) {
        io.net.wait_forever(conn, Side::Read);
    }
}

/// Something has happened on an idle connection, or its time is up.
///
/// Being writable is no news. A byte that nobody asked for is as bad as an end: whatever it is, it would
/// be read as the beginning of another request's answer.
pub fn event(io: &mut Io, conn: ConnId, spot: u32, side: Side) {
    if side == Side::Write {
        return;
    }
    let late = io.net.take_timed_out(conn, Side::Read);
    if !late && is_quiet(io, conn, false) {
        return;
    }
    io.idle.remove(spot, conn);
    io.net.close(conn);
}
