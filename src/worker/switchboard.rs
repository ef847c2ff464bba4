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
use crate::http::exchange::Exchange;
use crate::http::finalize;
use crate::http::io::Io;
use crate::http::phases;
use crate::http::slots::{ClientRead, ClientWrite};
use crate::http::turn::{Status, Turn};

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
        ClientRead::StreamBody => Ok(()),
        ClientRead::DiscardBody => discard::discarded_request_body_handler(x, r, io),
        ClientRead::CheckBroken => Ok(()),
        ClientRead::TestReading => broken::test_reading(x, r, io),
        ClientRead::UpgradedRead => Ok(()),
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
        ClientWrite::ProcessDownstream => Ok(()),
        ClientWrite::NonBufferedDownstream => Ok(()),
        ClientWrite::UpgradedWrite => Ok(()),
        ClientWrite::Writer => finalize::writer(x, r, io),
        ClientWrite::Finalizer => Status::Ok.finish(),
        ClientWrite::Delay => Ok(()),
        ClientWrite::Resume => match x[r].resume.clone() {
            Some(resume) => resume(x, r, io),
            None => Ok(()),
        },
    }
}

/// The upstream's connection is readable or writable.
///
/// # Errors
/// What the handler wishes.
pub fn peer(_: &mut Exchange, _: RequestIx, _: &mut Io, _: Side) -> Turn {
    Ok(())
}
