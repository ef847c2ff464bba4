//! The head of the reply: read until the protocol says that it is complete.
//!
//! *In nginx* `ngx_http_upstream_process_header`: one buffer of `proxy_buffer_size`, and a reply whose
//! head does not fit is refused.
//!
//! *Here* the page may grow, up to `NAME_header_limit`; what the protocol has used is not kept in it, so
//! only a single field larger than the page makes it grow at all. Interim replies go to `early.rs`.
//!
//! ```text
//!   readable ─▶ recv ─▶ process_header ─┬─ Again ────▶ wait (read_timeout)      full: a larger page
//!                                       ├─ Interim ──▶ early, once more
//!                                       ├─ Done ─────▶ heads, then relay
//!                                       └─ Invalid ──▶ Next(InvalidHeader)
//! ```
//!
//! *Read next*: `heads.rs`.

use super::{cache, early, finish, heads, next, pipe, relay, send};
use crate::buf::{Page, Slice};
use crate::event::stream::Received;
use crate::event::{ConnId, RequestIx, Side, clock};
use crate::http::exchange::Exchange;
use crate::http::io::Io;
use crate::http::logging;
use crate::http::turn::{Failure, Leave, Status, Turn};
use crate::http::upstream_conf::UpstreamConf;
use crate::log::Level;
use crate::protocol::{Fault, Name, Step};

/// The most that is read at first where buffers hold that much.
const FIRST: u64 = 32 << 10;

/// The slot: the peer's connection is readable, or its time is up.
///
/// # Errors
/// [`Leave::Next`] when this peer has failed; [`Leave::Finish`] when the reply ended the request.
pub fn process_header(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Turn {
    let Some(peer) = x[r].upstream.as_deref().and_then(|u| u.peer.as_ref()) else { return Ok(()) };
    let (conn, mut has_some) = (peer.conn, !peer.page.is_empty());
    let Some(c) = io.conn(conn) else { return Err(Leave::Next(Failure::Error)) };
    if c.flags.connecting || c.is_shaking() {
        // News on both sides of a connection that is not one yet: how did it go?
        return send::send_request_handler(x, r, io);
    }
    x.action = "reading response header from upstream";
    if std::mem::take(&mut c.read.timed_out) {
        return Err(Leave::Next(Failure::Timeout));
    }
    loop {
        // Protocols are never shown nothing: an empty window says nothing they could act upon.
        if has_some && parse(x, r, io)? {
            return header_is_complete(x, r, io);
        }
        match read(x, r, io, conn)? {
            Some(received) => has_some |= received,
            None => return Ok(()),
        }
    }
}

/// Reads once, and says whether there was anything; None if the peer has to be waited for.
fn read(x: &mut Exchange, r: RequestIx, io: &mut Io, conn: ConnId) -> Result<Option<bool>, Leave> {
    let Some(u) = x[r].upstream.as_deref_mut() else { return Ok(None) };
    let Some(peer) = u.peer.as_mut() else { return Ok(None) };
    let (size, limit) = (*u.conf.buffer_size, (*u.conf.header_limit).max(*u.conf.buffer_size));
    let unread = peer.cursor.unread(&peer.page).len();
    let seen = peer.cursor.used().saturating_add(unread as u64);
    if seen >= limit {
        return Err(too_big(x, r, io, seen, limit));
    }
    let Some(c) = io.net.table.get_mut(conn) else { return Err(Leave::Next(Failure::Error)) };
    if !c.read.ready {
        if peer.request_sent || c.read.deadline != 0 {
            io.net.wait(conn, Side::Read, *u.conf.read_timeout);
        }
        return Ok(None);
    }
    let first = first_read(&u.conf, u.buffering);
    if peer.page.is_empty() {
        peer.page = Page::with_capacity(first);
    } else {
        // The unread bytes move to another page when this one is full.
        let size = usize::try_from(size).unwrap_or(4096);
        peer.cursor.make_room(&mut peer.page, size, Page::with_capacity);
    }
    match c.recv(&mut peer.page, first) {
        Ok(Received::Bytes(_)) => Ok(Some(true)),
        Ok(Received::Again) => Ok(Some(false)),
        Ok(Received::End) => Err(next::lost(x, r, io, None)),
        Err(error) => Err(next::lost(x, r, io, Some(&error))),
    }
}

/// How much is read at first: `NAME_buffer_size`, and where the body is buffered, some of that as well, so
/// that a reply of middling size comes with one call; but no more than a head may have, so that too large
/// a one is noticed. The page for it is made when there is something to read, not for the wait.
fn first_read(conf: &UpstreamConf, buffering: bool) -> usize {
    let head = (*conf.buffer_size).max(64);
    let all = pipe::fill::capacity(conf).min(FIRST).min(*conf.header_limit);
    usize::try_from(if buffering { all.max(head) } else { head }).unwrap_or(4096)
}

/// Lets the protocol look at what is there; true if the head is complete.
///
/// It may say `Interim` several times in a row, when a 103 and the answer came together.
fn parse(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Result<bool, Leave> {
    loop {
        let Some(u) = x[r].upstream.as_deref_mut() else { return Err(Leave::Finish(Status::INTERNAL)) };
        let (Some(peer), Some(module)) = (u.peer.as_mut(), u.module.as_mut()) else {
            return Err(Leave::Finish(Status::INTERNAL));
        };
        let unread = peer.cursor.unread(&peer.page).len();
        let step = module.process_header(&mut peer.cursor.input(&peer.page), &mut u.head);
        if let Some(c) = u.cache.as_deref_mut() {
            cache::fill::keep_head(c, peer, unread);
        }
        if !u.head.notes.is_empty() {
            let notes = std::mem::take(&mut u.head.notes);
            log_notes(x, r, io, &notes);
        }
        match step {
            Ok(Step::Again) => return Ok(false),
            Ok(Step::Done) => return Ok(true),
            Ok(Step::Interim) => {
                cache::fill::forget_head(x, r);
                let head = super::of(x, r).map(|u| std::mem::take(&mut u.head)).unwrap_or_default();
                early::interim(x, r, io, &head)?;
            }
            Err(fault) => return Err(refuse(x, r, io, fault)),
        }
    }
}

/// Writes what a protocol wants the log to have.
#[cold]
pub(super) fn log_notes(x: &Exchange, r: RequestIx, io: &Io, notes: &[Slice]) {
    for note in notes {
        logging::log(x, r, io, Level::Error, None, format_args!("{note}"));
    }
}

/// What a log line has in front of the reason of a fault, unless that is a whole message.
pub(super) fn sent(text: &str) -> &'static str {
    if text.starts_with("upstream ") { "" } else { "upstream sent " }
}

/// What a protocol's refusal leads to, with a line in the log.
pub(super) fn refuse(x: &mut Exchange, r: RequestIx, io: &mut Io, fault: Fault) -> Leave {
    match fault {
        Fault::Refuse(status) => Leave::Finish(Status::Http(status)),
        Fault::Internal(text) => {
            logging::log(x, r, io, Level::Error, None, format_args!("{text}"));
            Leave::Finish(Status::INTERNAL)
        }
        Fault::Invalid(text) => {
            let detail = super::of(x, r).map(|u| u.head.detail.clone()).unwrap_or_default();
            if detail.is_empty() {
                logging::log(x, r, io, Level::Error, None, format_args!("{}{text}", sent(text)));
            } else {
                let detail = logging::printable(&detail);
                let text = format_args!("{}{text}: \"{detail}\"", sent(text));
                logging::log(x, r, io, Level::Error, None, text);
            }
            Leave::Next(Failure::InvalidHeader)
        }
    }
}

/// DIFF: nginx has one buffer for the whole head and refuses what does not fit; so the limit here is on
/// what the head came to in all (`header_limit`), and the page grows for a single field only. The
/// message says what was seen, what the limit is and which field is to blame, because the usual cure is
/// to guess numbers.
#[cold]
fn too_big(x: &mut Exchange, r: RequestIx, io: &mut Io, seen: u64, limit: u64) -> Leave {
    let Some(u) = x[r].upstream.as_deref() else { return Leave::Finish(Status::INTERNAL) };
    let longest = u.head.longest_field().map(|(name, size)| {
        let name = String::from_utf8_lossy(name);
        format!(", longest field \"{name}\" {size} bytes")
    });
    let text = format!(
        "{seen} bytes seen, \"{}_header_limit\" is {limit}{}: upstream sent too big header",
        u.kind.name,
        longest.unwrap_or_default()
    );
    logging::log(x, r, io, Level::Error, None, format_args!("{text}"));
    Leave::Next(Failure::InvalidHeader)
}

/// A protocol whose whole reply is that the connection is there: 200, and a tunnel.
///
/// # Errors
/// [`Leave::Finish`] when the tunnel is over.
pub(super) fn tunnel_is_there(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Turn {
    let Some(u) = super::of(x, r) else { return Status::INTERNAL.finish() };
    u.head.status(200);
    u.head.upgrade = true;
    header_is_complete(x, r, io)
}

/// The head is there: is it an answer, or a reason to ask somebody else?
///
/// In nginx's order: further peers, error pages, X-Accel-Redirect, then the answer. Each step may be the
/// last.
fn header_is_complete(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Turn {
    x.action = "reading upstream";
    let request = &mut x[r];
    let Some(u) = request.upstream.as_deref() else { return Ok(()) };
    let status = u.head.status;
    // Looked at together, since most replies have nothing to do with any of these steps.
    let is_sticky = u.group.as_ref().is_some_and(|group| group.is_sticky());
    let (is_kept, leads_on) = (u.cache.is_some(), u.head.fields.has(Name::XAccelRedirect));
    if let Some(state) = request.upstream_states.last_mut() {
        state.header_ms = Some(clock::now().saturating_sub(state.started));
        state.status = status;
    }
    // Sessions are learnt before anything can lead elsewhere: the peer has answered, whatever comes of it.
    if is_sticky {
        heads::learn(x, r, io);
    }
    if is_kept {
        cache::judge(x, r);
    }
    if status >= 300 {
        next::test_next(x, r, io, status)?;
        if let Some(turn) = cache::stale::instead(x, r, io, status, next::class_of_status(status)) {
            return turn;
        }
        if let Some(turn) = heads::intercept_errors(x, r, io, status) {
            return turn;
        }
    }
    if leads_on && let Some(to) = heads::accel_redirect(x, r) {
        return finish::redirect(x, r, io, to);
    }
    heads::process_headers(x, r, io)?;
    relay::send_response(x, r, io)
}
