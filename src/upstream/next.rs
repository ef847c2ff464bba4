//! The next peer: what is done when one has failed.
//!
//! *In nginx* `ngx_http_upstream_next` and `ngx_http_upstream_test_next`; the former connects by itself,
//! so a row of refusing peers is a deep stack there.
//!
//! *Here* [`next`] is one step, and whoever called a handler repeats it while the answer is `Next`.
//! Whether there is a next peer depends on six things:
//!
//! ```text
//!   a try left? ∧ this kind of failure asked for? ∧ may the request be repeated?
//!     ∧ time left? ∧ the body still there? ∧ the group's budget not spent?
//! ```
//!
//! A connection that was used before and dies without a word is nobody's failure: the peer closed it
//! while it was idle. That costs a request no try. One new connection to the same peer is made, if the
//! request may be repeated or none of it had been written.
//!
//! *Read next*: `finish.rs`.

use super::finish::Ending;
use super::{cache, connect, deadline, finish};
use crate::balance::Verdict;
use crate::buf::Chain;
use crate::event::{RequestIx, clock};
use crate::http::body;
use crate::http::exchange::Exchange;
use crate::http::io::Io;
use crate::http::logging;
use crate::http::turn::{Failure, Leave, Status, Turn};
use crate::http::upstream_conf::next_on;
use crate::log::Level;
use std::io;

/// The class of a failure in `NAME_next_upstream`.
fn class(failure: Failure) -> u32 {
    match failure {
        Failure::Error | Failure::Busy => next_on::ERROR,
        Failure::Timeout => next_on::TIMEOUT,
        Failure::InvalidHeader => next_on::INVALID_HEADER,
        Failure::NoLive => next_on::NO_LIVE,
        Failure::Http(status) => class_of_status(status).unwrap_or(next_on::ERROR),
    }
}

/// The class of a reply in `NAME_next_upstream`; None for a status that has none.
pub(super) fn class_of_status(status: u16) -> Option<u32> {
    Some(match status {
        500 => next_on::HTTP_500,
        502 => next_on::HTTP_502,
        503 => next_on::HTTP_503,
        504 => next_on::HTTP_504,
        403 => next_on::HTTP_403,
        404 => next_on::HTTP_404,
        429 => next_on::HTTP_429,
        _ => return None,
    })
}

/// What the client is told if there is no next peer.
fn status_of(failure: Failure) -> u16 {
    match failure {
        Failure::Timeout => 504,
        Failure::Http(status) => status,
        _ => 502,
    }
}

/// Repeats [`next`] while peers fail.
///
/// # Errors
/// [`Leave::Finish`] only.
pub fn run(x: &mut Exchange, r: RequestIx, io: &mut Io, mut turn: Turn) -> Turn {
    while let Err(Leave::Next(failure)) = turn {
        turn = next(x, r, io, failure);
    }
    turn
}

/// The present peer has failed: asks the next one, or ends.
///
/// # Errors
/// [`Leave::Next`] when the next one fails at once; [`Leave::Finish`] when there is none.
pub fn next(x: &mut Exchange, r: RequestIx, io: &mut Io, failure: Failure) -> Turn {
    let Some(u) = x[r].upstream.as_deref().filter(|u| u.hold.is_some()) else {
        return Status::Http(status_of(failure)).finish();
    };
    if u.header_sent {
        // The client has the head; there is no way back.
        return Status::Http(status_of(failure)).finish();
    }
    if failure == Failure::Error && costs_nothing(x, r, io) {
        return once_more(x, r, io);
    }
    if failure == Failure::Timeout {
        deadline::log_expired(x, r, io);
    }
    // A peer that says 403 or 404 is well; it only has not got what was asked for.
    let harmless = matches!(failure, Failure::Http(403 | 404));
    let verdict = if harmless { Verdict::SERVED } else { Verdict::FAILED }.of_class(class(failure));
    finish::free_peer(x, r, io, Ending::Judged(verdict));
    let status = status_of(failure);
    if let Some(state) = super::state(x, r) {
        state.status = status;
    }
    if io.conn(x.client.conn).is_none_or(|c| c.read.error) {
        return Status::CLIENT_CLOSED.finish();
    }
    // Giving the peer back has counted this attempt: what is left are further ones.
    let tries = x[r].upstream.as_ref().and_then(|u| u.tried.as_ref()).map_or(0, |tried| tried.tries);
    if tries == 0 || !is_wanted(x, r, failure) || !may_repeat(x, r, io) {
        if let Some(turn) = cache::stale::after_failure(x, r, io, class(failure)) {
            return turn;
        }
        return Status::Http(status).finish();
    }
    reinit(x, r);
    connect::connect(x, r, io)
}

/// A reply whose status the configuration calls a failure: the next peer, if there may be one.
///
/// # Errors
/// [`Leave::Next`] if so.
pub fn test_next(x: &mut Exchange, r: RequestIx, io: &mut Io, status: u16) -> Turn {
    if class_of_status(status).is_none() {
        return Ok(());
    }
    let tries = x[r].upstream.as_ref().and_then(|u| u.tried.as_ref()).map_or(0, |tried| tried.tries);
    // The present attempt is still counted. Without another one the reply itself is the best there is.
    if tries > 1 && is_wanted(x, r, Failure::Http(status)) && may_repeat(x, r, io) {
        return Err(Leave::Next(Failure::Http(status)));
    }
    Ok(())
}

/// What stands in the way when a further peer is wanted and there is one: the body that was passed on is
/// gone, or too many requests are repeated already. The log says which, because nobody could guess.
fn may_repeat(x: &mut Exchange, r: RequestIx, io: &mut Io) -> bool {
    let is_sent = super::of(x, r).is_some_and(|u| u.request_sent);
    let text = if is_sent && !has_body(x, r) {
        "request is not sent to the next upstream: too much of its body has been passed on to be kept"
    } else {
        let Some(u) = super::of(x, r) else { return false };
        let (Some(group), Some(tried)) = (u.group.clone(), u.tried.as_mut()) else { return true };
        if group.may_repeat(tried) {
            return true;
        }
        "request is not sent to the next upstream: \"retry_budget\" is spent"
    };
    logging::log(x, r, io, Level::Warn, None, format_args!("{text}"));
    false
}

/// Whether the configuration asks for a further peer, the number of tries apart.
fn is_wanted(x: &Exchange, r: RequestIx, failure: Failure) -> bool {
    let Some(u) = x[r].upstream.as_deref() else { return false };
    let mut mask = class(failure);
    if u.request_sent && !x[r].method.is_idempotent() {
        mask |= next_on::NON_IDEMPOTENT;
    }
    let asked = *u.conf.next_upstream;
    let is_asked = asked & next_on::OFF == 0 && asked & mask == mask;
    let limit = *u.conf.next_upstream_timeout;
    let in_time = limit == 0 || clock::now().saturating_sub(u.started) < limit;
    is_asked && in_time
}

/// The body can be sent once more: it was read first, or what has been passed on of it was kept.
fn has_body(x: &Exchange, r: RequestIx) -> bool {
    let streams = body::of(x, r).is_some_and(|body| body.unbuffered);
    !streams || x[r].upstream.as_ref().is_some_and(|u| u.kept.is_some())
}

/// True if the connection had been used before and died without a word, and the request can be sent again.
///
/// Not a byte of a reply may have come: a peer that began to answer has acted upon the request. And of a
/// request that may not be repeated not a byte may have gone out.
fn costs_nothing(x: &Exchange, r: RequestIx, io: &mut Io) -> bool {
    let Some(u) = x[r].upstream.as_deref() else { return false };
    let Some(peer) = u.peer.as_ref().filter(|peer| peer.reused) else { return false };
    let Some(c) = io.net.table.get(peer.conn) else { return false };
    let is_silent = c.received == peer.received_before;
    let is_unsent = c.sent == peer.sent_before;
    let may_repeat = x[r].method.is_idempotent() || *u.conf.next_upstream & next_on::NON_IDEMPOTENT != 0;
    is_silent && (is_unsent || may_repeat) && has_body(x, r)
}

/// The same peer on a new connection.
///
/// It does not go through the balancer: the peer is still held, it has not failed, and no try is used
/// up. The new connection is not taken from the pool, whose others may be as dead.
fn once_more(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Turn {
    let request = &mut x[r];
    let peer = request.upstream.as_deref_mut().and_then(|u| u.peer.take());
    let Some(peer) = peer else { return Err(Leave::Next(Failure::Error)) };
    if let Some(state) = request.upstream_states.last_mut() {
        finish::note_bytes(state, &peer, io.net.table.get(peer.conn));
        state.status = 502;
    }
    io.net.close(peer.conn);
    let Some(held) = peer.held else { return Err(Leave::Next(Failure::Error)) };
    reinit(x, r);
    connect::to_peer(x, r, io, held, false)
}

/// Everything as it was before the first attempt (nginx: `ngx_http_upstream_reinit`).
///
/// What is of one connection went with its `Peer`; this is the rest. What the first peer said about
/// buffering or put into the answer's head must not be seen behind the second one's answer.
fn reinit(x: &mut Exchange, r: RequestIx) {
    cache::fill::forget_head(x, r);
    let Some(u) = super::of(x, r) else { return };
    u.head.clear();
    u.decoder = None;
    u.relay = Default::default();
    u.buffering = *u.conf.buffering;
    if let Some(module) = u.module.as_mut() {
        module.reinit_request();
    }
    let kept = u.kept.as_mut().map(std::mem::take).unwrap_or_default();
    put_back(x, kept);
    x[r].headers_out = Default::default();
}

/// What was passed on of a streamed body comes first again.
fn put_back(x: &mut Exchange, mut kept: Chain) {
    if let Some(body) = x.main_mut().body.as_mut()
        && !kept.is_empty()
    {
        kept.append(std::mem::take(&mut body.chain));
        body.chain = kept;
    }
}

/// The connection was lost before there was a head: closed by the peer, or with what recv(2) said. Logged as
/// an error, unless it is one that may die at any time; the next peer is asked.
pub fn lost(x: &mut Exchange, r: RequestIx, io: &mut Io, errno: Option<&io::Error>) -> Leave {
    let text = match errno {
        None => format_args!("upstream prematurely closed connection"),
        Some(_) => format_args!("recv() failed"),
    };
    let level = if costs_nothing(x, r, io) { Level::Info } else { Level::Error };
    let peer = x[r].upstream.as_deref().and_then(|u| u.peer.as_ref()).filter(|peer| peer.reused);
    let used = peer.and_then(|peer| Some((peer, io.net.table.get(peer.conn)?)));
    // Of a connection that was kept its past is the explanation.
    let more = used.map(|(peer, c)| {
        let (age, sent) = (clock::now().saturating_sub(c.started), c.sent.saturating_sub(peer.sent_before));
        format!(", kept connection: request {}, {age}ms old, {sent} bytes of the request sent", c.requests)
    });
    logging::log_with(x, r, io, level, errno, text, &more.unwrap_or_default());
    Leave::Next(Failure::Error)
}
