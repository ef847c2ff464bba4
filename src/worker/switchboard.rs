//! The switchboard: one line for each thing that can be called.
//!
//! *In nginx* the calls `r->read_event_handler(r)`, `r->write_event_handler(r)`,
//! `u->read_event_handler(r, u)`, `u->write_event_handler(r, u)`.
//!
//! *Here* the table of contents of the core: slot values on the left, functions on the right, and
//! nothing else.
//!
//! *Read next*: `http/slots.rs`, which says when each value is in its slot.

use crate::event::{RequestIx, Side};
use crate::http::body::{discard, read};
use crate::http::client::{broken, head};
use crate::http::delay;
use crate::http::exchange::Exchange;
use crate::http::finalize;
use crate::http::io::Io;
use crate::http::phases;
use crate::http::slots::{ClientRead, ClientWrite, PeerRead, PeerWrite};
use crate::http::turn::{Status, Turn};
use crate::resolver::{Outcome, Ticket};
use crate::upstream::{self, connect, greet, header, pipe, send, unbuffered, upgraded};

/// The first bytes of a request have come.
///
/// # Errors
/// What the handler wishes.
pub fn request_begun(x: &mut Exchange, io: &mut Io) -> Turn {
    head::read_line(x, RequestIx::MAIN, io)
}

/// The client's connection is readable.
///
/// # Errors
/// What the handler wishes.
pub fn client_read(x: &mut Exchange, io: &mut Io) -> Turn {
    let r = RequestIx::MAIN;
    match x.client.read {
        ClientRead::RequestLine => head::request_line(x, r, io),
        ClientRead::Headers => head::headers(x, r, io),
        ClientRead::Block => Ok(()),
        ClientRead::ReadBody => read::read_client_request_body_handler(x, r, io),
        ClientRead::StreamBody => send::stream_body(x, r, io),
        ClientRead::DiscardBody => discard::discarded_request_body_handler(x, r, io),
        ClientRead::CheckBroken => upstream::broken::check_broken(x, r, io),
        ClientRead::TestReading => broken::test_reading(x, r, io),
        ClientRead::UpgradedRead => upgraded::process(x, r, io),
    }
}

/// The client's connection is writable, or the request was posted.
///
/// # Errors
/// What the handler wishes.
pub fn client_write(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Turn {
    match x[r].write {
        ClientWrite::Empty => Ok(()),
        ClientWrite::RunPhases => phases::run(x, r, io),
        ClientWrite::CheckBroken => Ok(()),
        ClientWrite::AwaitPeer => connect::await_peer(x, r, io),
        ClientWrite::AwaitCache => upstream::cache::wait::await_cache(x, r, io),
        ClientWrite::ProcessDownstream => pipe::downstream(x, r, io),
        ClientWrite::NonBufferedDownstream => unbuffered::downstream(x, r, io),
        ClientWrite::UpgradedWrite => upgraded::process(x, r, io),
        ClientWrite::Writer => finalize::writer(x, r, io),
        ClientWrite::Finalizer => Status::Ok.finish(),
        ClientWrite::Delay => delay::delayed(x, r, io),
        ClientWrite::Resume => match x[r].resume.clone() {
            Some(resume) => resume(x, r, io),
            None => Ok(()),
        },
    }
}

/// The name that a request waits for is known, or never will be.
///
/// # Errors
/// What the handler wishes.
pub fn resolved(x: &mut Exchange, r: RequestIx, io: &mut Io, ticket: Ticket, outcome: Outcome) -> Turn {
    upstream::resolve::resolved(x, r, io, ticket, outcome)
}

/// The upstream's connection is readable or writable.
///
/// # Errors
/// What the handler wishes.
pub fn peer(x: &mut Exchange, r: RequestIx, io: &mut Io, side: Side) -> Turn {
    let Some(peer) = x[r].upstream.as_ref().and_then(|u| u.peer.as_ref()) else { return Ok(()) };
    match side {
        Side::Read => match peer.read {
            PeerRead::Greet => greet::greet(x, r, io),
            PeerRead::ProcessHeader => header::process_header(x, r, io),
            PeerRead::ProcessUpstream => pipe::upstream(x, r, io),
            PeerRead::NonBufferedUpstream => unbuffered::upstream(x, r, io),
            PeerRead::UpgradedRead => upgraded::process(x, r, io),
        },
        Side::Write => match peer.write {
            PeerWrite::Greet => greet::greet(x, r, io),
            PeerWrite::SendRequest => send::send_request_handler(x, r, io),
            PeerWrite::Idle => Ok(()),
            PeerWrite::UpgradedWrite => upgraded::process(x, r, io),
        },
    }
}
