//! The end of an upstream: its connection goes, its holds go, what it found out stays.
//!
//! *In nginx* `ngx_http_upstream_finalize_request`, `ngx_http_upstream_cleanup`, and the `free` of the
//! balancer.
//!
//! *Here* there are three ends: [`free_peer`], when the reply is complete while the client still
//! reads, or a peer has failed; [`finalize`], when the request ends or starts again elsewhere;
//! [`abandon`], when everything is given up. Each gives back what is still held, so they may follow one
//! another.
//!
//! ```text
//!   reply complete ─▶ free_peer (park or close) ─▶ … client takes the rest … ─▶ finalize ─▶ last bytes
//!   anything else ─────────────────────────────────────────────────────────────▶ finalize ─▶ page, or a cut
//! ```
//!
//! A reply that was cut after its head is passed on as a cut: never a clean end behind half a body.
//!
//! *Read next*: `pool.rs`; `http/finalize.rs`.

use super::{cache, next, pool, store};
use crate::balance::{Event, Verdict};
use crate::buf::{Chain, Slice};
use crate::event::timer::Key;
use crate::event::{Connection, RequestIx, clock};
use crate::http::exchange::Exchange;
use crate::http::io::Io;
use crate::http::logging;
use crate::http::output::{output, send_last};
use crate::http::slots::{ClientRead, ClientWrite};
use crate::http::turn::{Status, Turn};
use crate::http::upstream_conf::Bind;
use crate::http::upstreamed::{Mode, Peer, State, Upstream};
use crate::http::{headers::OutField, redirect};
use crate::log::Level;
use crate::parse::request_line::Method;
use crate::parse::uri::parse_unsafe_uri;
use crate::protocol::{Decoder, Out, Outcome};
use crate::resolver::Resolvers;

/// True while the request has an upstream at work.
///
/// The hold decides, not the struct: what the upstream found out (`$upstream_…`) is asked for by the
/// access log long after it is over.
pub fn is_active(x: &Exchange, r: RequestIx) -> bool {
    x[r].upstream.as_ref().is_some_and(|u| u.hold.is_some())
}

/// Ends the upstream of a request that ends with `status`; says what the request is to be finalized with.
pub fn finalize(x: &mut Exchange, r: RequestIx, io: &mut Io, status: Status) -> Status {
    if status == Status::Done || !is_active(x, r) {
        return status;
    }
    let outcome = outcome(x, r, status);
    close(x, r, io, outcome);
    x.action = "sending to client";
    let Some(u) = super::of(x, r) else { return status };
    let (sent, mode, ended, gone) = (u.header_sent, u.mode, u.ended, u.client_gone);
    if !sent || matches!(status, Status::Http(408 | 499) | Status::Declined) {
        return status;
    }
    if gone && !x[r].flags.header_only {
        // A part of the body has been left out: no end may make it look whole.
        return Status::Error;
    }
    // After a tunnel nobody knows where a next request would begin.
    if mode == Mode::Upgraded {
        x.client.keepalive = false;
        return if status == Status::Ok { Status::Ok } else { Status::Error };
    }
    if let Some(ended) = ended.filter(|_| matches!(status, Status::Ok | Status::Again)) {
        return ended;
    }
    match status {
        Status::Ok | Status::Again if x[r].flags.header_only => status,
        Status::Ok | Status::Again => {
            trailers(x, r);
            send_last(x, r, io)
        }
        // What is here goes out; that the end is missing tells the client.
        Status::Http(_) if !x[r].flags.header_only => {
            x.client.keepalive = false;
            if let Some(c) = io.conn(x.client.conn) {
                c.flags.cut = true;
            }
            let mut chain = Chain::default();
            chain.flush = true;
            output(x, r, io, chain)
        }
        _ => Status::Error,
    }
}

/// How the protocol is told that it ended. What the peer did comes first: a reply that is complete was
/// complete even if the client left while it was sent.
fn outcome(x: &Exchange, r: RequestIx, status: Status) -> Outcome {
    let Some(u) = x[r].upstream.as_deref() else { return Outcome::Failed(500) };
    match status {
        _ if u.complete => Outcome::Complete,
        Status::Http(499) | Status::Error => Outcome::Aborted,
        _ if u.header_sent => Outcome::Cut,
        Status::Http(status) => Outcome::Failed(status),
        _ => Outcome::Failed(500),
    }
}

/// The fields behind the body become those of the answer.
#[inline]
pub fn trailers(x: &mut Exchange, r: RequestIx) {
    if super::of(x, r).is_some_and(|u| !u.relay.trailers.is_empty()) {
        pass_trailers(x, r);
    }
}

#[cold]
fn pass_trailers(x: &mut Exchange, r: RequestIx) {
    let Some(u) = super::of(x, r) else { return };
    let trailers = std::mem::take(&mut u.relay.trailers);
    for field in trailers.iter() {
        let field = OutField { name: field.kept_name(), value: field.kept_value() };
        x[r].headers_out.trailers.push(field);
    }
    if let Some(u) = super::of(x, r) {
        u.relay.trailers = trailers;
    }
}

/// Gives everything up: nothing of this exchange goes on.
///
/// Whoever calls this frees the exchange next, so nothing is sent and nothing logged; but holds, peers and
/// tickets are given back like anywhere else, or the sweep of a debug build finds them.
pub fn abandon(x: &mut Exchange, r: RequestIx, io: &mut Io) {
    if is_active(x, r) {
        close(x, r, io, Outcome::Aborted);
    }
}

/// Gives back whatever is still held.
///
/// May be called again: each part is taken out as it is given back, so a second call finds nothing. The
/// order matters in two places. The protocol's last words to the peer need the peer, so they come first;
/// the hold goes last but for the slots, because without it the exchange may be freed as soon as the
/// handler returns.
fn close(x: &mut Exchange, r: RequestIx, io: &mut Io, outcome: Outcome) {
    if outcome == Outcome::Aborted {
        abort(x, r, io);
    }
    let Some(u) = super::of(x, r) else { return };
    let (stores, asks, caches) = (u.store.is_some(), u.peer.is_some(), u.cache.is_some());
    if stores && outcome == Outcome::Complete {
        store::finish(x, r, io);
    }
    // Only a complete reply leaves a connection that somebody else may use.
    if asks {
        free_peer(x, r, io, if outcome == Outcome::Complete { Ending::Whole } else { Ending::Left });
    }
    if caches {
        cache::end(x, r, io, if let Outcome::Failed(status) = outcome { Some(status) } else { None });
    }
    let id = (x.id, r);
    if x[r].write == ClientWrite::AwaitPeer {
        io.net.timers.cancel_key(Key::Request(x.id, r));
        x[r].swap_write(ClientWrite::Empty);
    }
    let Some(u) = super::of(x, r) else { return };
    if let Some(group) = &u.group {
        group.unwait(id);
    }
    if let Some((ticket, _)) = u.resolving.take() {
        io.services.get::<Resolvers>().cancel(ticket);
    }
    let module = u.module.take();
    u.request.clear();
    u.pipe.memory.clear();
    u.pipe.held = None;
    u.store = None;
    u.tried = None;
    let hold = u.hold.take();
    let relays = u.mode != Mode::None;
    if let Some(mut module) = module {
        module.finalize_request(outcome);
        // Its memory is of use, see `Kind::create_request_in`; that the upstream is over shows in `module`.
        u.used_module = Some(module);
    }
    if let Some(hold) = hold {
        x.holds.give_back(hold);
    }
    end_watching(x, r, io, relays);
}

/// The client is gone: lets the protocol tell the peer, if it can be told between two of its messages
/// and at once.
fn abort(x: &mut Exchange, r: RequestIx, io: &mut Io) {
    let Some(u) = x[r].upstream.as_deref_mut() else { return };
    let Some(module) = u.module.as_mut() else { return };
    let mut out = Out::new();
    module.abort_request(&mut out);
    let Some(peer) = u.peer.as_mut().filter(|peer| peer.out.is_empty() && u.request_sent) else { return };
    let mut words = out.take();
    if let Some(c) = io.net.table.get_mut(peer.conn).filter(|c| !c.flags.connecting && !c.is_shaking()) {
        // Whether it arrives makes no difference here: the connection is closed.
        let _ = c.send_chain(&mut words, u64::MAX);
    }
}

/// The client's slots no longer wait for an upstream.
///
/// Several requests of one exchange may have upstreams (SSI, `mirror`), but there is one connection to
/// the client: its reading side is let go by the last of them.
fn end_watching(x: &mut Exchange, r: RequestIx, io: &mut Io, relays: bool) {
    // A slot that somebody has swapped meanwhile is left alone: the request has gone on to something else.
    let waits = matches!(
        x[r].write,
        ClientWrite::CheckBroken
            | ClientWrite::ProcessDownstream
            | ClientWrite::NonBufferedDownstream
            | ClientWrite::UpgradedWrite
    );
    if waits {
        x[r].swap_write(ClientWrite::Empty);
    }
    let watches =
        matches!(x.client.read, ClientRead::CheckBroken | ClientRead::StreamBody | ClientRead::UpgradedRead);
    let is_last = watches && !x.indexes().any(|other| other != r && is_active(x, other));
    if is_last {
        x.swap_client_read(ClientRead::Block);
    }
    let Some(c) = io.conn(x.client.conn) else { return };
    if is_last {
        c.read.deadline = 0;
    }
    if relays && !c.write.delayed {
        c.write.deadline = 0;
    }
}

/// What an attempt came to.
pub enum Ending {
    /// The reply came whole.
    Whole,
    /// It did not, and that is not held against the peer here: whoever found a fault with it has said so
    /// through `next`, and a client that went away is nobody's fault.
    Left,
    /// Somebody has judged it.
    Judged(Verdict),
}

/// Writes down what went over the connection.
///
/// Before the connection is closed or parked: afterwards its counters are gone or somebody else's.
pub fn note_bytes(state: &mut State, peer: &Peer, c: Option<&Connection>) {
    let sent = c.map_or(0, |c| c.sent.saturating_sub(peer.sent_before));
    let received = c.map_or(0, |c| c.received.saturating_sub(peer.received_before));
    (state.bytes_sent, state.bytes_received) = (sent, received);
    state.response_ms = Some(clock::now().saturating_sub(state.started));
}

/// Gives the peer back to the balancer, and its connection to the pool or to the kernel.
///
/// The one place where an attempt ends, whatever it came to; callers differ in the verdict only. The
/// decision to keep the connection is made while everything about it is still in place.
pub fn free_peer(x: &mut Exchange, r: RequestIx, io: &mut Io, ending: Ending) {
    let id = x.id;
    let request = &mut x[r];
    let (Some(u), Some(state)) = (request.upstream.as_deref_mut(), request.upstream_states.last_mut()) else {
        return;
    };
    let Some(peer) = u.peer.as_ref() else { return };
    let (conn, key) = (peer.conn, peer.key);
    let c = io.net.table.get(conn);
    note_bytes(state, peer, c);
    if *u.conf.timeout != 0 {
        io.net.timers.cancel_key(Key::Attempt(id, r));
    }
    let verdict = verdict(&ending, state);
    let keeps = matches!(ending, Ending::Whole) && !io.exiting && c.is_some_and(|c| may_keep(u, peer, c));
    // Everything of the attempt goes now, its view of the request's bytes among it, but for the token.
    let held = u.peer.as_mut().and_then(|peer| peer.held.take());
    u.peer = None;
    let (Some(group), Some(held)) = (&u.group, held) else { return io.net.close(conn) };
    match keeps {
        true => pool::park(io, conn, group, held.peer(), key, u.head.idle_sec),
        false => io.net.close(conn),
    }
    let Some(tried) = u.tried.as_mut() else { return };
    let freed = group.free(held, tried, verdict, clock::now());
    if let Some(event) = freed.event {
        log_event(x, r, io, &event);
    }
    // Woken by a timer that is due: the other request runs in this turn, and not within this one's handler.
    if let Some((id, waiter)) = freed.wake {
        io.net.set_key_timer(Key::Request(id, waiter), 0);
    }
}

/// What the balancer is told. Only what came whole is measured.
fn verdict(ending: &Ending, state: &State) -> Verdict {
    // A reply that was passed on may count as a failure all the same (`fail_on=http_500`).
    let class = || next::class_of_status(state.status).unwrap_or_default();
    let total = state.response_ms.unwrap_or_default();
    match ending {
        Ending::Whole => Verdict::answered(state.header_ms.unwrap_or(total), total).of_class(class()),
        Ending::Left => Verdict::SERVED.of_class(class()),
        Ending::Judged(verdict) => *verdict,
    }
}

/// A peer went out or came back: nginx's sentence, and the numbers behind the context.
#[cold]
fn log_event(x: &Exchange, r: RequestIx, io: &Io, event: &Event) {
    let (text, more) = match event {
        Event::Out { fails, seconds, .. } => {
            ("upstream server temporarily disabled", format!(", failures: {fails}, for: {seconds}s"))
        }
        Event::Back { seconds, .. } => ("upstream server enabled again", format!(", after: {seconds}s")),
    };
    logging::log_with(x, r, io, Level::Warn, None, format_args!("{text}"), &more);
}

/// The connection may serve another request: the reply ended where it should, nothing is left over, and
/// the group keeps connections.
fn may_keep(u: &Upstream, peer: &Peer, c: &Connection) -> bool {
    // Each of these has been, in one proxy or another, the way by which one client got another one's reply.
    // An end that has been seen is an end, even if the whole reply came before it.
    let is_sound = !c.read.error && !c.write.error && !c.read.eof;
    let age = clock::now().saturating_sub(c.started);
    let is_allowed =
        u.group.as_ref().is_some_and(|group| group.keepalive().allows(u64::from(c.requests), age));
    // Ended by its own framing, not by a close, and nothing of a next message behind it.
    let is_clean = u.decoder.as_ref().is_some_and(Decoder::is_clean);
    let is_over = peer.request_sent && peer.out.is_empty() && peer.cursor.unread(&peer.page).is_empty();
    // An address that variables made is that of the socket itself.
    let is_anyones = !matches!(&*u.conf.bind, Bind::To(_, None));
    u.head.keepalive && is_sound && is_allowed && is_clean && is_over && is_anyones
}

/// An answer that an error page replaces.
pub fn intercepted(status: u16) -> Turn {
    Status::Http(status).finish()
}

/// X-Accel-Redirect: the request starts again elsewhere.
///
/// # Errors
/// What the phases came to.
pub fn redirect(x: &mut Exchange, r: RequestIx, io: &mut Io, to: Slice) -> Turn {
    close(x, r, io, Outcome::Complete);
    if to.starts_with(b"@") {
        return redirect::named_location(x, r, io, &to);
    }
    let Ok((path, args)) = parse_unsafe_uri(&to) else {
        logging::log(x, r, io, Level::Error, None, format_args!("unsafe URI \"{to}\" was detected"));
        return Status::Http(404).finish();
    };
    let (path, args) = (Slice::copy(&path), Slice::copy(args.unwrap_or_default()));
    // NGINX: a POST whose answer is a file has been dealt with; what follows only reads.
    if x[r].method != Method::Head {
        x[r].method = Method::Get;
        x[r].method_name = "GET".into();
    }
    x[r].flags.valid_unparsed_uri = false;
    redirect::internal_redirect(x, r, io, path, args)
}
