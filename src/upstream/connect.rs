//! Connecting: a peer is chosen, an idle connection to it taken or a new one begun.
//!
//! *In nginx* `ngx_http_upstream_connect` with `ngx_event_connect_peer` below it; a keepalive connection
//! is handed over by the balancer's `get` (`NGX_DONE`).
//!
//! *Here* the balancer chooses a peer and nothing else; then the pool is asked for a connection to it. What a
//! balancer wants to know of the request (a hash's key, a session's cookie) it is told before, once; most
//! want nothing, and then no variable is looked at.
//! One that the peer has closed, or said something on, is not used: the socket is looked at in the
//! moment before the request is written.
//!
//! ```text
//!   pick ─┬─ Peer ─▶ pool? ─┬─ idle one, still quiet ─▶ send now
//!         │                 └─ connect() ─┬─ at once (a peer on this machine) ─▶ send now
//!         │                               └─ EINPROGRESS ─▶ wait for writability (connect_timeout)
//!         ├─ Wait ─▶ queue
//!         └─ NoLive ─▶ Next(NoLive)
//! ```
//!
//! *Read next*: `send.rs`; `event/connect.rs`.

use super::view::View;
use super::{deadline, greet, pool, send};
use crate::balance::{Held, NoLive, Pick};
use crate::buf::{Chain, Page};
use crate::event::connect::Options;
use crate::event::timer::Key;
use crate::event::{ConnId, Owner, RequestIx, Side, clock};
use crate::http::body;
use crate::http::exchange::Exchange;
use crate::http::io::Io;
use crate::http::logging;
use crate::http::slots::{ClientWrite, PeerRead, PeerWrite};
use crate::http::turn::{Failure, Leave, Status, Turn};
use crate::http::upstream_conf::{Bind, UpstreamConf};
use crate::http::upstreamed::{Peer, State};
use crate::http::vars::Template;
use crate::log::Level;
use crate::protocol::out::wrap;
use crate::protocol::{Cursor, Wrap};
use crate::util::address::Address;
use std::io;
use std::rc::Rc;

/// Chooses a peer and connects to it.
///
/// The caller has seen to it that there is no peer: the one before has been given back, so the balancer
/// counts it no more. It must not be called from within a balancer or a protocol.
///
/// # Errors
/// [`Leave::Next`] when it cannot be.
pub fn connect(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Turn {
    x.action = "connecting to upstream";
    ask_client(x, r, io);
    let id = x.id;
    let Some(u) = super::of(x, r) else { return Status::INTERNAL.finish() };
    let (Some(group), Some(tried)) = (&u.group, &mut u.tried) else {
        return Status::INTERNAL.finish();
    };
    match group.pick(tried, *u.conf.fail_open, clock::now()) {
        Pick::Peer(held) => to_peer(x, r, io, held, true),
        Pick::Wait(ms) => {
            // The key timer is alarm clock and bell at once: whoever has room for us sets it to zero.
            group.wait((id, r));
            x[r].swap_write(ClientWrite::AwaitPeer);
            io.net.set_key_timer(Key::Request(id, r), ms);
            Ok(())
        }
        Pick::NoLive(no_live) => {
            let name = group.name().clone();
            no_live_upstreams(x, r, io, name, &no_live)
        }
    }
}

/// Has the balancer ask the request for what decides its choice, if something does and it has not been asked.
fn ask_client(x: &mut Exchange, r: RequestIx, io: &mut Io) {
    let Some(u) = super::of(x, r) else { return };
    let (Some(group), Some(tried)) = (&u.group, &u.tried) else { return };
    if !group.wants_client(tried) {
        return;
    }
    let (group, Some(mut tried)) = (group.clone(), u.tried.take()) else { return };
    // It may ask for any variable, so it gets the whole exchange, and what it fills in is taken out of it.
    if let Some(mut view) = View::of(x, r, io) {
        group.ask(&mut tried, &mut view, clock::now());
    }
    if let Some(u) = super::of(x, r) {
        u.tried = Some(tried);
    }
}

/// Nobody may be asked: the record says why, peer by peer.
///
/// NGINX: such an attempt has the group's name for an address in `$upstream_addr`, and status 502. DIFF:
/// the peers behind the context; nginx's line names none, so nobody knows which of them is out, and why.
fn no_live_upstreams(x: &mut Exchange, r: RequestIx, io: &mut Io, name: Rc<str>, why: &NoLive) -> Turn {
    x[r].upstream_states.push(State::begun(name));
    logging::log_with(x, r, io, Level::Error, None, format_args!("no live upstreams"), &Peers(why));
    Err(Leave::Next(Failure::NoLive))
}

struct Peers<'a>(&'a NoLive);

impl std::fmt::Display for Peers<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, ", peers: {}", self.0)
    }
}

/// The slot of a request that waits for a peer to have room: one has, or the time is up.
///
/// # Errors
/// As [`connect`].
pub fn await_peer(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Turn {
    let Some(group) = super::of(x, r).and_then(|u| u.group.clone()) else {
        return Status::INTERNAL.finish();
    };
    // Posted for another reason while the time is running.
    // A timer that has fired is gone, so one that is there means that nothing has happened yet.
    if io.net.timers.has_key(Key::Request(x.id, r)) {
        return Ok(());
    }
    group.unwait((x.id, r));
    x[r].swap_write(ClientWrite::CheckBroken);
    connect(x, r, io)
}

/// Connects to a peer that has been chosen; `pooled` says whether an idle connection will do.
///
/// # Errors
/// [`Leave::Next`] when it refuses at once.
pub fn to_peer(x: &mut Exchange, r: RequestIx, io: &mut Io, held: Held, pooled: bool) -> Turn {
    let request = &mut x[r];
    let Some(u) = request.upstream.as_deref_mut() else { return Status::INTERNAL.finish() };
    let conf = u.conf.clone();
    u.server = Some(held.peer().server.clone());
    request.upstream_states.push(State::begun(held.peer().name.clone()));
    let bind = match &*conf.bind {
        Bind::Off => None,
        Bind::To(template, address) => local_address(x, r, io, template, address),
    };
    // The pool is asked with everything that must be equal for a connection to be of use. Somebody else's
    // connection is the one mistake here that nobody would notice before it is too late.
    let request = &x[r];
    let parts = request.upstream.as_deref().and_then(|u| Some((u, u.group.as_deref()?)));
    let Some((u, group)) = parts else { return Status::INTERNAL.finish() };
    let key = pool::key(u, &request.loc, group, bind.as_ref());
    // A retry after a connection that died in the pool asks for a new one: the others may be as dead.
    let idle = match pooled {
        true => pool::take(io, group, held.peer(), key, !request.method.is_idempotent()),
        false => None,
    };
    let (conn, done, reused) = match idle {
        Some(conn) => (conn, true, true),
        None => match io.net.connect(&held.peer().address, &options(&conf, bind), Owner::Upstream(x.id, r)) {
            Ok(started) => (started.id, started.done, false),
            Err(error) => return refused(x, r, io, held, &error),
        },
    };
    install(x, r, io, held, key, conn, reused);
    deadline::begin(x, r, io);
    if !done {
        io.net.set_timer(conn, Side::Write, *conf.connect_timeout);
        return Ok(());
    }
    let request = &mut x[r];
    if let Some(state) = request.upstream_states.last_mut() {
        state.connect_ms = Some(clock::now().saturating_sub(state.started));
    }
    let peer = request.upstream.as_ref().and_then(|u| u.peer.as_ref());
    if peer.is_some_and(|peer| peer.read == PeerRead::Greet) {
        greet::greet(x, r, io)
    } else {
        send::send_request(x, r, io)
    }
}

/// What the settings say about sockets to peers.
pub(super) fn options(conf: &UpstreamConf, bind: Option<Address>) -> Options {
    let bytes = |size: Option<u64>| size.and_then(|size| usize::try_from(size).ok());
    Options {
        bind,
        transparent: *conf.bind_transparent,
        rcvbuf: bytes(*conf.socket_rcvbuf),
        sndbuf: bytes(*conf.socket_sndbuf),
        keepalive: *conf.socket_keepalive,
    }
}

/// The connect failed before it began: no route, no descriptor, nobody behind a unix socket.
///
/// The failed attempt is put in place all the same, with a connection that is none: then giving it back,
/// counting it and writing its line take the same way as for one that failed later.
#[cold]
fn refused(x: &mut Exchange, r: RequestIx, io: &mut Io, held: Held, error: &io::Error) -> Turn {
    let (level, address) = (connect_level(error), &held.peer().address);
    logging::log(x, r, io, level, Some(error), format_args!("connect() to {address} failed"));
    if let Some(u) = super::of(x, r) {
        // Without a connection there is only the balancer to be told.
        u.peer = Some(blank_peer(held, 0, ConnId::NONE));
    }
    Err(Leave::Next(Failure::Error))
}

/// nginx's level for what connect(2) says: trouble of others is an error, trouble of ours is critical.
pub fn connect_level(error: &io::Error) -> Level {
    match error.raw_os_error() {
        Some(
            libc::ECONNREFUSED
            | libc::ECONNRESET
            | libc::ENETDOWN
            | libc::ENETUNREACH
            | libc::EHOSTDOWN
            | libc::EHOSTUNREACH
            | libc::EAGAIN
            | libc::ETIMEDOUT,
        ) => Level::Error,
        _ => Level::Crit,
    }
}

/// An attempt of which nothing is known yet; its slots die with it, so a further one cannot inherit any.
fn blank_peer(held: Held, key: u64, conn: ConnId) -> Peer {
    Peer {
        conn,
        key,
        held: Some(held),
        read: PeerRead::ProcessHeader,
        write: PeerWrite::SendRequest,
        reused: false,
        request_sent: false,
        // Made when there is something to read, not for the wait.
        page: Page::nothing(),
        cursor: Cursor::default(),
        out: Chain::default(),
        sent_before: 0,
        received_before: 0,
    }
}

/// Puts the connection in place, with everything a fresh attempt needs.
#[inline]
fn install(x: &mut Exchange, r: RequestIx, io: &mut Io, held: Held, key: u64, conn: ConnId, reused: bool) {
    let (mut sent, mut received) = (0, 0);
    if let Some(c) = io.conn(conn) {
        // From here on events of the connection find this request; the two names must never disagree.
        c.owner = Owner::Upstream(x.id, r);
        // The time it might have been idle.
        c.read.deadline = 0;
        c.requests = c.requests.saturating_add(1);
        // A reused connection has counted for others before; only the difference is this request's.
        (sent, received) = (c.sent, c.received);
    }
    let Some(u) = super::of(x, r) else { return };
    u.request_sent = false;
    let peer = u.peer.insert(blank_peer(held, key, conn));
    peer.reused = reused;
    (peer.sent_before, peer.received_before) = (sent, received);
    if u.kind.greets && !reused {
        // The request follows when the talk is over.
        peer.swap_read(PeerRead::Greet);
        peer.swap_write(PeerWrite::Greet);
    } else {
        put_request(x, r);
    }
}

/// Gives the peer the request to be sent: its head, and as much of the body as there is.
///
/// Views of the same bytes, not copies: a further attempt costs a few counts. A body that streams is not
/// part of it; `send.rs` fetches that, from what was kept if this is not the first attempt.
#[inline]
pub(super) fn put_request(x: &mut Exchange, r: RequestIx) {
    let Some(u) = super::of(x, r) else { return };
    let Some(peer) = u.peer.as_mut() else { return };
    peer.out.push_again(&u.request);
    if let Some(wrapping) = u.wrapping {
        put_body(x, r, wrapping);
    }
}

fn put_body(x: &mut Exchange, r: RequestIx, wrapping: &dyn Wrap) {
    let Some(body) = body::of(x, r).filter(|body| !body.unbuffered) else { return };
    let wrapped = wrap(wrapping, &mut body.chain.again(), true);
    if let Some(peer) = super::of(x, r).and_then(|u| u.peer.as_mut()) {
        peer.out.append(wrapped);
        // What the client's body ends is not what is sent to the peer.
        (peer.out.last, peer.out.flush) = (false, false);
    }
}

/// The local address to connect from (directive `NAME_bind`).
#[cold]
fn local_address(
    x: &mut Exchange,
    r: RequestIx,
    io: &mut Io,
    template: &Template,
    known: &Option<Address>,
) -> Option<Address> {
    if known.is_some() {
        return known.clone();
    }
    let text = template.eval(x, r, io);
    if text.is_empty() {
        return None;
    }
    let address = std::str::from_utf8(&text).ok().and_then(|text| Address::parse(text, 0));
    if address.is_none() {
        let text = format_args!("invalid local address \"{text}\"");
        logging::log(x, r, io, Level::Error, None, text);
    }
    address
}
