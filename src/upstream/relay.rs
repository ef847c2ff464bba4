//! The answer begins: its head goes to the client, and a way is chosen for its body.
//!
//! *In nginx* `ngx_http_upstream_send_response`, and `ngx_http_upstream_process_body_in_memory` for
//! subrequests.
//!
//! *Here* the same choice. A subrequest that is kept in memory takes the unbuffered way: the output end
//! of it is memory.
//!
//! ```text
//!   upgrade ─▶ upgraded.rs        buffering off, or in memory ─▶ unbuffered.rs        else ─▶ pipe/
//! ```
//!
//! *Read next*: `unbuffered.rs`, then `pipe/mod.rs`.

use super::{cache, finish, header, pipe, store, unbuffered, upgraded};
use crate::buf::Page;
use crate::event::{RequestIx, Side, clock};
use crate::http::exchange::Exchange;
use crate::http::io::Io;
use crate::http::logging;
use crate::http::output::send_header;
use crate::http::request::Request;
use crate::http::slots::{ClientRead, ClientWrite, PeerRead, PeerWrite};
use crate::http::turn::{Leave, Status, Turn};
use crate::http::upstreamed::{Mode, Peer, Upstream};
use crate::log::Level;
use crate::protocol::{Decoder, Fault, Flow, Framing};

/// Sends the head and begins the body.
///
/// # Errors
/// [`Leave::Finish`] when there is none, or it is complete at once.
pub fn send_response(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Turn {
    let request = &mut x[r];
    let Some(u) = request.upstream.as_deref_mut() else { return Status::INTERNAL.finish() };
    begin_decoder(u);
    let upgrade = u.head.upgrade;
    if upgrade && !request.is_main() {
        logging::log(x, r, io, Level::Error, None, format_args!("connection upgrade in subrequest"));
        return Status::Error.finish();
    }
    request.flags.upgraded = upgrade;
    let sent = if request.flags.in_memory { Status::Ok } else { send_header(x, r, io) };
    // A status here is one that a filter wants in place of this response.
    let gone = sent == Status::Error && cache::fill::is_wanted_without_client(x, r, io);
    let request = &mut x[r];
    if sent == Status::Error && !gone || matches!(sent, Status::Http(_)) || request.flags.post_action {
        return sent.finish();
    }
    let Some(u) = request.upstream.as_deref_mut() else { return Status::INTERNAL.finish() };
    u.header_sent = true;
    u.client_gone |= gone;
    let buffered = u.buffering && !request.flags.in_memory;
    if u.cache.is_some() {
        cache::fill::begin(x, r, io, buffered && !upgrade);
    }
    if upgrade {
        return upgraded::begin(x, r, io);
    }
    stop_sending(x, r, io);
    let request = &mut x[r];
    let Some(u) = request.upstream.as_deref_mut() else { return Status::INTERNAL.finish() };
    let copies = u.copies_body();
    if gone && !copies {
        return sent.finish();
    }
    if request.flags.header_only && !request.flags.in_memory && !copies {
        // The peer may still send a body that is not wanted: HEAD has none, so only the framing decides.
        u.complete = u.decoder.as_ref().is_some_and(Decoder::is_done);
        return Status::Ok.finish();
    }
    // Who asked for the head alone gets no more; the rest of the reply is for the copy.
    u.client_gone |= copies && request.flags.header_only;
    watch(request, buffered);
    store::begin(x, r, io);
    if buffered { pipe::begin(x, r, io) } else { unbuffered::begin(x, r, io) }
}

/// The body's framing, and a rate if one is set.
///
/// Once for each reply, when its head is final: from now on the decoder alone says where the body ends.
fn begin_decoder(u: &mut Upstream) {
    let framing = match u.module.as_mut() {
        Some(module) => module.input_filter_init(&u.head),
        None => Framing::Empty,
    };
    u.decoder = Some(Decoder::new(framing));
    u.rate_from = clock::now();
}

/// An answer that comes before the request is out ends the sending.
///
/// NGINX: the connection to the client lingers, so that the answer (413, say) is not lost to a reset
/// while the client is still sending what nobody reads.
fn stop_sending(x: &mut Exchange, r: RequestIx, io: &mut Io) {
    let Some(u) = super::of(x, r) else { return };
    let Some(peer) = u.peer.as_mut() else { return };
    if !peer.request_sent {
        // What is left of the request will not be sent, so the connection cannot serve another one.
        u.head.keepalive = false;
        peer.out.clear();
        io.net.cancel_timer(peer.conn, Side::Write);
    }
    peer.swap_write(PeerWrite::Idle);
    if x.client.read == ClientRead::StreamBody {
        x.client.lingering = true;
        x.client.keepalive = false;
        x.swap_client_read(ClientRead::CheckBroken);
        io.net.cancel_timer(x.client.conn, Side::Read);
    }
}

#[inline]
fn watch(request: &mut Request, buffered: bool) {
    let Some(u) = request.upstream.as_deref_mut() else { return };
    u.mode = if buffered { Mode::Buffered } else { Mode::Unbuffered };
    if let Some(peer) = u.peer.as_mut() {
        peer.swap_read(if buffered { PeerRead::ProcessUpstream } else { PeerRead::NonBufferedUpstream });
    }
    let slot = if buffered { ClientWrite::ProcessDownstream } else { ClientWrite::NonBufferedDownstream };
    request.swap_write(slot);
}

/// Decodes what is in the window. Says whether the body is complete.
///
/// # Errors
/// [`Leave::Finish`] with 502 when the framing is broken: the client sees the cut.
pub fn decode(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Result<Flow, Leave> {
    let Some(u) = x[r].upstream.as_deref_mut() else { return Ok(Flow::Last) };
    let (Some(peer), Some(module), Some(decoder)) = (u.peer.as_mut(), u.module.as_mut(), u.decoder.as_mut())
    else {
        return Ok(Flow::Last);
    };
    let before = u.relay.chain.len();
    let flow = decoder.decode(&mut **module, &mut peer.cursor.input(&peer.page), &mut u.relay);
    let brought = u.relay.chain.len().saturating_sub(before);
    // A copy for a file or for the cache is made of what was decoded, before the client gets any of it: what
    // is kept must not depend on how fast somebody reads.
    let (copies, noted) = (u.copies_body(), !u.relay.notes.is_empty());
    if let Some(state) = super::state(x, r) {
        state.response_length = state.response_length.saturating_add(brought);
    }
    if noted && let Some(u) = super::of(x, r) {
        let notes = std::mem::take(&mut u.relay.notes);
        header::log_notes(x, r, io, &notes);
    }
    if copies {
        store::append(x, r, io);
        cache::fill::append(x, r, io);
    }
    match flow {
        Ok(flow) => Ok(flow),
        Err(Fault::Invalid(text)) => {
            let sent = header::sent(text);
            logging::log(x, r, io, Level::Error, None, format_args!("{sent}{text}"));
            Err(Leave::Finish(Status::Http(502)))
        }
        Err(Fault::Internal(text)) => {
            logging::log(x, r, io, Level::Error, None, format_args!("{text}"));
            Err(Leave::Finish(Status::Http(502)))
        }
        Err(Fault::Refuse(status)) => Err(Leave::Finish(Status::Http(status))),
    }
}

/// The peer has closed: whether the body is complete by that. A log line if it is not.
///
/// Only a body whose framing is the close itself is; any other one has been cut, and a cut is never
/// passed on as an end.
pub fn closed(x: &mut Exchange, r: RequestIx, io: &mut Io) -> bool {
    let Some(u) = super::of(x, r) else { return true };
    let complete = match (u.decoder.as_mut(), u.module.as_deref()) {
        (Some(decoder), Some(module)) => decoder.close(module),
        _ => true,
    };
    if !complete {
        let text = format_args!("upstream prematurely closed connection");
        logging::log(x, r, io, Level::Error, None, text);
    }
    complete
}

/// The whole reply is here: the peer is of no more use to this request.
///
/// The point of buffering: the peer is free while a slow client still reads what memory and file hold.
pub fn received_all(x: &mut Exchange, r: RequestIx, io: &mut Io) {
    if let Some(u) = super::of(x, r) {
        // From here on an end is an end: whatever happens to the client does not make the reply a cut one.
        u.complete = true;
        if u.cache.is_some() {
            cache::fill::finish(x, r, io);
        }
    }
    finish::free_peer(x, r, io, finish::Ending::Whole);
}

/// Room to read into behind the unread bytes of the window: the same page if there is some, the same
/// page emptied if nobody looks at it any more, else another one of `size` bytes.
pub fn make_room(peer: &mut Peer, size: u64) {
    if !peer.cursor.start_over(&mut peer.page) {
        let size = usize::try_from(size).unwrap_or(4096).max(64);
        peer.cursor.make_room(&mut peer.page, size, Page::with_capacity);
    }
}
