//! Sending the request.
//!
//! *In nginx* `ngx_http_upstream_send_request_handler`, `ngx_http_upstream_send_request`,
//! `ngx_http_upstream_send_request_body`, and `ngx_http_upstream_test_connect` for the first time.
//!
//! *Here* [`send_request`] is the slot. The first time it is called for a new connection it asks how the
//! connect went. What it sends is a chain that `connect.rs` has put together; of a streamed body it
//! fetches more when that is gone.
//!
//! ```text
//!   writable ─▶ SO_ERROR? ─▶ [head][body…] ─┬─ all gone ─▶ slot Idle, wait for the reply (read_timeout)
//!                                           ├─ EAGAIN ───▶ wait for room (send_timeout)
//!                                           └─ body to come ─▶ wait for the client
//! ```
//!
//! *Read next*: `header.rs`.

use super::{connect, header, tls};
use crate::buf::Chain;
use crate::event::stream::Received;
use crate::event::{ConnId, RequestIx, Side, clock};
use crate::http::body::unbuffered::{Streamed, read_unbuffered_request_body};
use crate::http::exchange::Exchange;
use crate::http::io::Io;
use crate::http::logging;
use crate::http::slots::{ClientRead, PeerRead, PeerWrite};
use crate::http::turn::{Failure, Leave, Status, Turn};
use crate::http::upstreamed::Mode;
use crate::log::Level;
use crate::protocol::out::wrap;
use std::io;

/// The slot: the peer's connection is writable, or its time is up.
///
/// # Errors
/// [`Leave::Next`] when the peer cannot be reached or has gone.
pub fn send_request_handler(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Turn {
    let Some(conn) = super::peer_conn(x, r) else { return Ok(()) };
    // Connecting and sending share the timer of the writing side; what was waited for is in the log line.
    if io.net.take_timed_out(conn, Side::Write) {
        return Err(Leave::Next(Failure::Timeout));
    }
    if x[r].upstream.as_ref().is_some_and(|u| u.header_sent) {
        // The reply is being relayed: an early answer, and whoever sent it does not want the rest.
        if let Some(peer) = super::of(x, r).and_then(|u| u.peer.as_mut()) {
            peer.swap_write(PeerWrite::Idle);
        }
        return Ok(());
    }
    send_request(x, r, io)
}

/// Sends what can be sent.
///
/// Goes on until the socket takes no more or the client has to send more first; in both cases a timer or
/// the client's slot brings it back here. With the last byte it hands over to `header.rs` at once, since
/// a reply may have come meanwhile that epoll has told already.
///
/// # Errors
/// As [`send_request_handler`].
pub fn send_request(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Turn {
    if !is_connected(x, r, io)? {
        return Ok(());
    }
    x.action = "sending request to upstream";
    // Head and first bytes of a streamed body go together.
    let mut body = match super::of(x, r) {
        Some(u) if u.request_sent => Body::Fetched,
        // Without a body, as most are.
        Some(u) if u.wrapping.is_none() => Body::Over,
        _ => more_body(x, r, io)?,
    };
    loop {
        let sent_all = send_chain(x, r, io)?;
        if !sent_all {
            let Some(u) = super::of(x, r) else { return Ok(()) };
            let conn = u.peer.as_ref().map_or(ConnId::NONE, |peer| peer.conn);
            io.net.wait(conn, Side::Write, *u.conf.send_timeout);
            return Ok(());
        }
        match body {
            Body::Fetched => body = more_body(x, r, io)?,
            Body::Awaited => return Ok(()),
            Body::Over => break,
        }
    }
    request_is_sent(x, r, io)
}

/// Asks, once, how a connect went, and shakes hands where there is TLS; true when bytes may pass.
#[inline]
pub(super) fn is_connected(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Result<bool, Leave> {
    let Some(u) = super::of(x, r) else { return Ok(false) };
    let Some(conn) = u.peer.as_ref().map(|peer| peer.conn) else { return Ok(false) };
    let Some(c) = io.net.table.get(conn) else { return Err(Leave::Next(Failure::Error)) };
    // Nearly always: a connection from the pool, or one that has sent a part before.
    if !c.flags.connecting && u.tls.is_none() { Ok(true) } else { finish_connect(x, r, io, conn) }
}

/// The same where it is not known yet, or where there is TLS.
#[inline(never)]
fn finish_connect(x: &mut Exchange, r: RequestIx, io: &mut Io, conn: ConnId) -> Result<bool, Leave> {
    match io.conn(conn) {
        Some(c) if !c.flags.connecting => return tls::handshake(x, r, io),
        Some(c) if c.write.ready => {}
        _ => return Ok(false),
    }
    match io.net.connect_result(conn) {
        Ok(()) => {
            io.net.cancel_timer(conn, Side::Write);
            if let Some(state) = super::state(x, r) {
                state.connect_ms = Some(clock::now().saturating_sub(state.started));
            }
            tls::handshake(x, r, io)
        }
        Err(error) => {
            let level = connect::connect_level(&error);
            logging::log(x, r, io, level, Some(&error), format_args!("connect() failed"));
            Err(Leave::Next(Failure::Error))
        }
    }
}

/// Sends the chain; true when it is gone.
///
/// `request_sent` is set by the first byte that the kernel took and not by the first call: only then may
/// the peer have acted upon the request, which is what the rule for POST is about.
#[inline(always)]
pub(super) fn send_chain(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Result<bool, Leave> {
    let Some(u) = x[r].upstream.as_deref_mut() else { return Ok(false) };
    let Some(peer) = u.peer.as_mut() else { return Ok(false) };
    let Some(c) = io.net.table.get_mut(peer.conn) else { return Err(Leave::Next(Failure::Error)) };
    match c.send_chain(&mut peer.out, u64::MAX) {
        Ok(n) => {
            u.request_sent |= n > 0;
            let sent_all = peer.out.is_empty();
            // Nobody waits for room any more; noted here, where the connection is at hand.
            if sent_all {
                c.write.deadline = 0;
            }
            Ok(sent_all)
        }
        // It may have answered before it closed: 413 for a body it does not want. Then that is the
        // answer, and nothing more of the body goes anywhere.
        Err(_) if u.request_sent && has_bytes(c) => {
            c.read.ready = true;
            peer.out.clear();
            peer.request_sent = true;
            Ok(true)
        }
        Err(error) => Err(send_failed(x, r, io, &error)),
    }
}

#[cold]
fn send_failed(x: &mut Exchange, r: RequestIx, io: &mut Io, error: &io::Error) -> Leave {
    logging::log(x, r, io, send_level(error), Some(error), format_args!("send() failed"));
    Leave::Next(Failure::Error)
}

fn has_bytes(c: &mut crate::event::Connection) -> bool {
    matches!(c.peek(), Ok(Received::Bytes(1)))
}

pub(super) fn send_level(error: &io::Error) -> Level {
    match error.raw_os_error() {
        None | Some(libc::ECONNRESET | libc::EPIPE | libc::ENOTCONN | libc::ETIMEDOUT) => Level::Error,
        _ => Level::Alert,
    }
}

/// How much of a streamed body is kept for a further attempt.
///
/// Enough for a form or a call of an API. More would be memory for a case that is rare; less would make
/// `request_buffering off` and `next_upstream` exclude each other for nearly everybody.
const KEPT: u64 = 64 << 10;

/// Where a streamed body stands.
enum Body {
    /// There is more to be sent now.
    Fetched,
    /// The client has to send more first.
    Awaited,
    /// All of it has been sent.
    Over,
}

/// Fetches more of a body that is passed on while it comes.
fn more_body(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Result<Body, Leave> {
    let Some(u) = x[r].upstream.as_deref() else { return Ok(Body::Over) };
    let Some(wrapping) = u.wrapping else { return Ok(Body::Over) };
    if u.peer.as_ref().is_none_or(|peer| peer.request_sent) {
        return Ok(Body::Over);
    }
    if !x.main().body.as_ref().is_some_and(|body| body.unbuffered) || !x[r].is_main() {
        return Ok(Body::Over);
    }
    let streamed = read_unbuffered_request_body(x, r, io)?;
    let Some(body) = x.main_mut().body.as_mut() else { return Ok(Body::Over) };
    let whole = streamed == Streamed::Whole;
    if body.chain.is_empty() && !whole {
        return Ok(Body::Awaited);
    }
    let mut part = std::mem::take(&mut body.chain);
    keep(x, r, &part);
    let wrapped = wrap(wrapping, &mut part, whole);
    if whole && x.client.read == ClientRead::StreamBody {
        x.swap_client_read(ClientRead::CheckBroken);
    }
    if let Some(peer) = super::of(x, r).and_then(|u| u.peer.as_mut()) {
        peer.out.append(wrapped);
        peer.out.last = false;
        peer.request_sent |= whole;
    }
    Ok(Body::Fetched)
}

/// Keeps what is passed on, as long as it is little enough, for the case that another peer has to be asked.
fn keep(x: &mut Exchange, r: RequestIx, part: &Chain) {
    let Some(u) = super::of(x, r) else { return };
    let Some(mut kept) = u.kept.take() else { return };
    if kept.len().saturating_add(part.len()) <= KEPT {
        kept.append(part.again());
        u.kept = Some(kept);
    }
}

/// The client's read slot while its body is passed on as it comes.
///
/// While the peer's socket is full nothing is read from the client: its own socket fills, and it is held
/// back.
///
/// # Errors
/// As [`send_request`].
pub fn stream_body(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Turn {
    let sending = x[r].upstream.as_ref().and_then(|u| u.peer.as_ref());
    let sending = sending.is_some_and(|peer| peer.write == PeerWrite::SendRequest && peer.out.is_empty());
    let connecting = super::peer_conn(x, r)
        .and_then(|conn| io.conn(conn))
        .is_some_and(|c| c.flags.connecting || c.is_shaking());
    if sending && !connecting { send_request(x, r, io) } else { Ok(()) }
}

/// All is out: the reply is waited for.
#[inline(always)]
fn request_is_sent(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Turn {
    let Some(u) = super::of(x, r) else { return Status::INTERNAL.finish() };
    let timeout = *u.conf.read_timeout;
    let relays = u.mode != Mode::None;
    if u.kind.tunnels {
        return header::tunnel_is_there(x, r, io);
    }
    let Some(peer) = u.peer.as_mut() else { return Ok(()) };
    peer.request_sent = true;
    peer.swap_write(PeerWrite::Idle);
    if relays {
        return Ok(());
    }
    let Some(c) = io.net.table.get_mut(peer.conn) else { return Ok(()) };
    let is_ready = c.set_timer(&mut io.net.timers, Side::Read, timeout);
    let awaits_head = peer.read == PeerRead::ProcessHeader;
    x.action = "reading response header from upstream";
    if is_ready && awaits_head {
        return header::process_header(x, r, io);
    }
    Ok(())
}
