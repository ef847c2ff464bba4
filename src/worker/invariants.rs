//! What must be true after every turn; checked in debug builds only.
//!
//! *In nginx* nothing like it; what is wrong shows later, elsewhere.
//!
//! *Here* five things: every live exchange can be woken (a timer, a posted event, or readiness it waits
//! for on purpose), no reply that could be read now waits for a timer, its connection points back at it, its
//! holds equal those that its parts keep, and its slots are a row of the table in `http/slots.rs`.
//!
//! *Read next*: `http/slots.rs`.

use crate::event::timer::Key;
use crate::event::{Connection, Owner, RequestIx};
use crate::http::exchange::Exchange;
use crate::http::io::Io;
use crate::http::request::Request;
use crate::http::slots::{self, PeerRead};
use slab::Slab;

/// Checks one exchange after a handler of it has run.
pub fn check(x: &Exchange, io: &Io) {
    if let Some(c) = io.net.table.get(x.client.conn) {
        debug_assert_eq!(c.owner, Owner::Client(x.id), "owner of the client's connection");
    }
    // Who may have a hold is listed here; a new holder that is forgotten makes the sums differ.
    let mut holders = 0;
    for r in x.requests() {
        holders += u32::from(r.hold.is_some());
        holders += u32::from(r.body.as_ref().is_some_and(|body| body.hold.is_some()));
        holders += u32::from(r.upstream.as_ref().is_some_and(|upstream| upstream.hold.is_some()));
    }
    // The output would wait for ever for a request that will not write any more.
    let is_over = x.active != RequestIx::MAIN && x[x.active].hold.is_none();
    debug_assert!(!is_over, "the active request has ended");
    debug_assert_eq!(holders, x.holds.total(), "holds: {}", x.holds);
    debug_assert!(
        slots::is_legal(x.client.read, x[x.active].write, None) || x[x.active].upstream.is_some(),
        "slots: read {:?}, write {:?}",
        x.client.read,
        x[x.active].write
    );
    x.requests().for_each(|r| check_peer(x, r, io));
}

/// An upstream's peer: its connection points back, the upstream is at work, and the four slots are a row
/// of the table.
fn check_peer(x: &Exchange, r: &Request, io: &Io) {
    let Some(upstream) = r.upstream.as_deref() else { return };
    let Some(peer) = upstream.peer.as_ref() else { return };
    // Both the balancer and the pool reckon with getting back what they gave.
    debug_assert!(upstream.hold.is_some(), "a peer of an upstream that is over");
    debug_assert!(peer.held.is_some(), "a peer the balancer does not know of");
    let owner = io.net.table.get(peer.conn).map(|c| c.owner);
    debug_assert_eq!(owner, Some(Owner::Upstream(x.id, r.ix)), "owner of the peer's connection");
    debug_assert!(
        slots::is_legal(x.client.read, r.write, Some((peer.read, peer.write))),
        "slots: read {:?}, write {:?}, peer read {:?}, write {:?}",
        x.client.read,
        r.write,
        peer.read,
        peer.write
    );
}

/// Something will happen for the upstream of this request: on its connection, on the client's, after a
/// time, or when its name is known, for which the resolver's own timer answers.
fn will_wake(x: &Exchange, r: &Request, io: &Io) -> bool {
    let Some(upstream) = r.upstream.as_deref().filter(|u| u.hold.is_some()) else { return false };
    // A question is answered, or given up, by the resolver, which is woken by a timer of its own.
    let names = upstream.resolving.is_some() && io.net.timers.has_key(Key::Resolver);
    let peer = upstream.peer.as_ref().and_then(|peer| io.net.table.get(peer.conn));
    // A request whose turn to write has not come is posted when it has.
    names
        || peer.is_some_and(is_awaited)
        || r.ix != x.active
        || io.net.timers.has_key(Key::Request(x.id, r.ix))
}

/// A timer is set or a handler is posted. Readiness alone is not enough: an edge that has been told is not
/// told again.
fn is_awaited(c: &Connection) -> bool {
    c.read.deadline != 0 || c.write.deadline != 0 || c.read.posted || c.write.posted
}

/// A reply that could be read now is read: its connection is posted, or held back on purpose, or the client
/// has to take first what there is. A timer is no answer, since it means a time-out: the edge that said
/// "readable" has been told, and is not told again.
fn is_read(x: &Exchange, r: &Request, io: &Io) -> bool {
    let Some(peer) = r.upstream.as_deref().and_then(|u| u.peer.as_ref()) else { return true };
    let Some(c) = io.net.table.get(peer.conn) else { return true };
    let relays = matches!(peer.read, PeerRead::ProcessUpstream | PeerRead::NonBufferedUpstream);
    if !relays || !c.read.ready || c.read.posted || c.read.delayed {
        return true;
    }
    let client = io.net.table.get(x.client.conn);
    let takes = client.is_some_and(|c| c.write.ready && !c.write.posted && !c.write.delayed);
    !takes || r.ix != x.active || !x.posted.is_empty() || io.net.timers.has_key(Key::Request(x.id, r.ix))
}

/// Checks all exchanges at the end of a turn.
pub fn sweep(exchanges: &Slab<Box<Exchange>>, io: &Io) {
    for (_, x) in exchanges {
        debug_assert!(x.holds.total() > 0, "an exchange without a hold");
        debug_assert!(x.requests().all(|r| is_read(x, r, io)), "a reply that nobody reads: {:?}", x.id);
        let timed = io.net.table.get(x.client.conn).is_some_and(is_awaited);
        let upstreams = x.requests().any(|r| will_wake(x, r, io));
        let delayed =
            x.requests().any(|r| r.delay.is_some() && io.net.timers.has_key(Key::Request(x.id, r.ix)));
        debug_assert!(
            timed || upstreams || delayed || !x.posted.is_empty(),
            "nothing will wake exchange {:?}: {:?}/{:?}, holds {}",
            x.id,
            x.client.read,
            x[x.active].write,
            x.holds
        );
    }
}
