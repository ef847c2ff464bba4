//! Reading a body before anything is done with it.
//!
//! *In nginx* `ngx_http_read_client_request_body` and `ngx_http_do_read_client_request_body`: the content
//! handler passes a function that is called once the body is whole; until then the connection's read handler
//! belongs to the body.
//!
//! *Here* the same. Memory takes up to `client_body_buffer_size`; when that is full and more is to come, or
//! the configuration wants it so, the data moves to a temporary file and the memory is used again.
//!
//! ```text
//!   content handler ─ read_client_request_body(then) ─┬─ whole already ─────────────▶ then
//!                                                     └─ slot ReadBody … complete ──▶ then
//! ```
//!
//! A body that breaks off, comes too slowly, is malformed or too large ends the request, and the connection
//! with it, because where the next request would begin is not known.
//!
//! *Read next*: `unbuffered.rs`.

use super::{Body, Broken, Then};
use crate::buf::{Chain, Page, TempFile};
use crate::event::stream::Received;
use crate::event::{RequestIx, Side};
use crate::http::conf::InFileOnly;
use crate::http::exchange::Exchange;
use crate::http::headers::Known;
use crate::http::holds::Why;
use crate::http::io::Io;
use crate::http::logging;
use crate::http::slots::{ClientRead, ClientWrite};
use crate::http::turn::{Leave, Status, Turn};
use crate::log::Level;
use std::rc::Rc;

/// What a round of reading came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// The end of the body has been seen.
    Whole,
    /// The socket has no more for now.
    More,
    /// As much is in memory as may be.
    Full,
}

/// Reads the request's body and then calls `then`, now or later. To be returned by a content or phase handler
/// as its own answer: Done when all goes on later, or the status the request ends with.
pub fn read_client_request_body(x: &mut Exchange, r: RequestIx, io: &mut Io, then: Then) -> Status {
    let request = &x[r];
    let headers = &request.headers_in;
    let is_awaited = headers.chunked || headers.content_length.is_some() || headers.has(Known::Expect);
    // A subrequest uses the body of the main request; one that has been read or given up is not read again.
    if !request.is_main() || request.body.is_some() || !is_awaited {
        return call(x, r, io, then);
    }
    begin(x, r, io, then)
}

/// Reads what there is of a body that the head has announced.
#[inline(never)]
fn begin(x: &mut Exchange, r: RequestIx, io: &mut Io, then: Then) -> Status {
    if let Err(leave) = test_expect(x, r, io) {
        return answer(x, r, Err(leave));
    }
    // No body, nothing to wait for.
    let Some(body) = Body::of_request(x, r) else { return call(x, r, io, then) };
    x[r].body = Some(Box::new(Body { then: Some(then), ..body }));
    let read = take_preread(x, r, io).and_then(|()| read_on(x, r, io));
    match read {
        Ok(Progress::Whole) => call(x, r, io, then),
        Ok(_) => {
            // From here on somebody will come back for this exchange whatever happens to its answer.
            let hold = x.holds.take(Why::Body);
            match x[r].body.as_mut() {
                Some(body) => body.hold = Some(hold),
                None => x.holds.give_back(hold),
            }
            x.swap_client_read(ClientRead::ReadBody);
            x[r].swap_write(ClientWrite::Empty);
            wait(x, r, io);
            Status::Done
        }
        Err(leave) => answer(x, r, Err(leave)),
    }
}

/// The client's read slot while the body is read.
///
/// # Errors
/// What is wrong with the body, or what `then` came to.
pub fn read_client_request_body_handler(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Turn {
    if io.net.take_timed_out(x.client.conn, Side::Read) {
        logging::client_timed_out(x, r, io);
        return Err(fail(x, r, io, 408));
    }
    if read_on(x, r, io)? != Progress::Whole {
        wait(x, r, io);
        return Ok(());
    }
    // Before `then`, which may put another slot there.
    leave_slot(x, r, io);
    let then = x[r].body.as_mut().and_then(|body| body.then.take());
    match then {
        Some(then) => then(x, r, io),
        // Nobody reads a body for nothing: this cannot be, and is answered rather than believed.
        None => Status::INTERNAL.finish(),
    }
}

/// Calls `then` from within a handler that answers with a status.
pub(super) fn call(x: &mut Exchange, r: RequestIx, io: &mut Io, then: Then) -> Status {
    let turn = then(x, r, io);
    answer(x, r, turn)
}

/// A turn as the answer of a phase handler. What a phase would misunderstand is said again by the write slot.
fn answer(x: &mut Exchange, r: RequestIx, turn: Turn) -> Status {
    match turn {
        Ok(()) => Status::Done,
        Err(Leave::Finish(status @ (Status::Done | Status::Error))) => status,
        Err(Leave::Finish(status @ Status::Http(_))) => status,
        // Ok ends a phase and Declined asks the next handler; as the end of a request they mean something
        // else. So the wish is kept, and told where it cannot be mistaken.
        Err(leave) => {
            let slot = x[r].write;
            x[r].resume = Some(Rc::new(move |x, r, _| {
                x[r].swap_write(slot);
                Err(leave)
            }));
            x[r].swap_write(ClientWrite::Resume);
            x.post(r);
            Status::Done
        }
    }
}

/// Tells a client that waits for it to go on (nginx: `ngx_http_test_expect`; RFC 9110, section 10.1.1).
pub(super) fn test_expect(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Turn {
    if x[r].flags.expect_tested || x[r].http_version < 1001 {
        return Ok(());
    }
    let Some(expect) = x[r].headers_in.value(Known::Expect) else { return Ok(()) };
    let asked = expect.eq_ignore_ascii_case(b"100-continue");
    // Once: an internal redirect must not tell the client a second time.
    x[r].flags.expect_tested = true;
    if !asked {
        return Ok(());
    }
    let mut go_on = Chain::of("HTTP/1.1 100 Continue\r\n\r\n".into());
    let all = go_on.len();
    let Some(c) = io.conn(x.client.conn) else { return Status::Error.finish() };
    match c.send_chain(&mut go_on, all) {
        Ok(sent) if sent == all => {
            x[r].flags.expect_answered = true;
            Ok(())
        }
        // 25 bytes that do not fit into an empty socket buffer: the client is beyond help.
        Ok(_) => Status::INTERNAL.finish(),
        Err(error) => {
            logging::log(x, r, io, Level::Info, Some(&error), format_args!("send() failed"));
            Status::INTERNAL.finish()
        }
    }
}

/// Takes what stands behind the head.
pub(super) fn take_preread(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Turn {
    let rest = x.client.head.rest();
    if rest.is_empty() {
        return Ok(());
    }
    let limit = *x[r].loc.core.client_max_body_size;
    let Some(body) = x[r].body.as_mut() else { return Ok(()) };
    match body.take(&rest, limit) {
        Ok(used) => {
            x.client.head.consume(used);
            x.client.request_length += used as u64;
            Ok(())
        }
        Err(broken) => Err(refuse(x, r, io, broken)),
    }
}

/// Reads until the body is whole or the socket has no more, moving what does not fit into memory to a file.
fn read_on(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Result<Progress, Leave> {
    loop {
        let progress = read_some(x, r, io)?;
        match progress {
            Progress::Full => spill(x, r, io)?,
            Progress::More => return Ok(progress),
            Progress::Whole => {
                finish(x, r, io)?;
                return Ok(progress);
            }
        }
    }
}

/// Reads until the body is whole, memory is full, or the socket has no more.
pub(super) fn read_some(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Result<Progress, Leave> {
    let core = x[r].loc.core.clone();
    let size = *core.client_body_buffer_size;
    let conn = x.client.conn;
    loop {
        let Some(body) = x[r].body.as_mut() else { return Err(Leave::Finish(Status::INTERNAL)) };
        if body.complete {
            return Ok(Progress::Whole);
        }
        // A little more than memory should hold is read to its end rather than written to a file.
        let fits = body.chunked.is_none() && body.chain.len().saturating_add(body.rest) <= size + size / 4;
        if body.chain.len() >= size && !fits {
            return Ok(Progress::Full);
        }
        let (mut page, limit) = body.room(usize::try_from(size).unwrap_or(usize::MAX).clamp(1, 1 << 20));
        // The page may hold bytes of the body from the read before, which are views by now.
        let from = page.len();
        let Some(c) = io.net.table.get_mut(conn) else { return Err(gone(x, r, io, None)) };
        if !c.read.ready {
            body.page = Some(page);
            return Ok(Progress::More);
        }
        match c.recv(&mut page, limit) {
            Ok(Received::Bytes(_)) => {
                let bytes = page.slice(from..page.len());
                let taken = body.take(&bytes, *core.client_max_body_size);
                let used = match taken {
                    Ok(used) => used,
                    Err(broken) => return Err(refuse(x, r, io, broken)),
                };
                x.client.request_length += used as u64;
                keep_page(x, r, page, from + used);
            }
            Ok(Received::Again) => {
                body.page = Some(page);
                return Ok(Progress::More);
            }
            Ok(Received::End) => return Err(gone(x, r, io, None)),
            Err(error) => return Err(gone(x, r, io, Some(&error))),
        }
    }
}

/// The page is read into again, or, when the body is whole, goes to the head with what follows the body in
/// it.
pub(super) fn keep_page(x: &mut Exchange, r: RequestIx, page: Page, used: usize) {
    let Some(body) = x[r].body.as_mut() else { return };
    if !body.complete {
        body.page = Some(page);
    } else if used < page.len() {
        x.client.head.go_on_in(page, used);
    }
}

/// Moves what is in memory to the file.
fn spill(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Turn {
    let core = x[r].loc.core.clone();
    let Some(body) = x[r].body.as_mut() else { return Ok(()) };
    let (made, result) = match body.file.as_mut() {
        Some(file) => (false, file.append(&mut body.chain)),
        None => match TempFile::create(&core.client_body_temp_path) {
            Ok(mut file) => {
                if *core.client_body_in_file_only == InFileOnly::On {
                    file.keep();
                }
                let written = file.append(&mut body.chain);
                body.file = Some(file);
                (true, written)
            }
            Err(error) => (false, Err(error)),
        },
    };
    // Once for a body: an operator who sees many of these lines wants a larger buffer.
    if made && let Some(file) = x[r].body.as_ref().and_then(|body| body.file.as_ref()) {
        let asked_for = *core.client_body_in_file_only != InFileOnly::Off;
        let level = if asked_for { Level::Notice } else { Level::Warn };
        let path = file.path().display();
        let text = format_args!("a client request body is buffered to a temporary file {path}");
        logging::log(x, r, io, level, None, text);
    }
    result.map_err(|error| {
        let text = format_args!("writing a client request body to a temporary file failed");
        logging::log(x, r, io, Level::Crit, Some(&error), text);
        fail(x, r, io, 500)
    })
}

/// The body is whole: its last part joins the rest in the file, if there is one.
fn finish(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Turn {
    let core = x[r].loc.core.clone();
    // A body is in one place or in the other, so that whoever sends it has one thing to send.
    let filed = x[r].body.as_ref().is_some_and(|body| body.file.is_some());
    if filed || *core.client_body_in_file_only != InFileOnly::Off {
        spill(x, r, io)?;
    }
    let Some(body) = x[r].body.as_mut() else { return Ok(()) };
    body.page = None;
    if let Some(file) = &body.file {
        let whole = file.range(0, file.len());
        body.chain.push_file(whole);
    } else if *core.client_body_in_single_buffer
        && body.chain.count() > 1
        && let Ok(whole) = body.chain.gather()
    {
        body.chain.clear();
        body.chain.push(whole);
    }
    // Of a chunked body the length is known only now; from here on it has one like any other.
    let length = body.received;
    x[r].headers_in.content_length = Some(length);
    // The whole body is out of the socket: what follows is the next request.
    x.client.lingering = false;
    Ok(())
}

fn wait(x: &mut Exchange, r: RequestIx, io: &mut Io) {
    let timeout = *x[r].loc.core.client_body_timeout;
    io.net.wait(x.client.conn, Side::Read, timeout);
}

/// The read slot is no longer the body's.
fn leave_slot(x: &mut Exchange, r: RequestIx, io: &mut Io) {
    io.net.cancel_timer(x.client.conn, Side::Read);
    if let Some(hold) = x[r].body.as_mut().and_then(|body| body.hold.take()) {
        x.holds.give_back(hold);
    }
    if matches!(x.client.read, ClientRead::ReadBody | ClientRead::StreamBody) {
        x.swap_client_read(ClientRead::Block);
    }
}

/// The client is gone before the body is whole.
fn gone(x: &mut Exchange, r: RequestIx, io: &mut Io, error: Option<&std::io::Error>) -> Leave {
    let text = if error.is_some() { "recv() failed" } else { "client prematurely closed connection" };
    logging::log(x, r, io, Level::Info, error, format_args!("{text}"));
    // So that finalizing does not try to send a page.
    if let Some(c) = io.conn(x.client.conn) {
        c.read.error = true;
    }
    fail(x, r, io, 400)
}

/// The body is malformed or too large.
pub(super) fn refuse(x: &mut Exchange, r: RequestIx, io: &mut Io, broken: Broken) -> Leave {
    let status = match broken {
        Broken::Framing => {
            let text = format_args!("client sent invalid chunked body");
            logging::log(x, r, io, Level::Error, None, text);
            400
        }
        Broken::TooLarge(seen, chunk) => {
            let text = format_args!("client intended to send too large chunked body: {seen}+{chunk} bytes");
            logging::log(x, r, io, Level::Error, None, text);
            413
        }
    };
    fail(x, r, io, status)
}

/// Ends the reading for good: nothing of the body is used, and nothing behind it is taken for a request. An
/// error page that proxies finds an empty body.
pub(super) fn fail(x: &mut Exchange, r: RequestIx, io: &mut Io, status: u16) -> Leave {
    leave_slot(x, r, io);
    x[r].body = Some(Box::new(Body { complete: true, ..Body::default() }));
    x[r].headers_in.content_length = Some(0);
    x[r].headers_in.chunked = false;
    // Where the next request would begin nobody knows. What is still coming is read away, so that the
    // close does not overtake the answer.
    x.client.keepalive = false;
    x.client.poisoned = true;
    x.client.lingering = true;
    Leave::Finish(Status::Http(status))
}

/// The request is over and its body is not: nothing more of it is wanted, and the connection cannot go on.
pub fn abandon(x: &mut Exchange, io: &mut Io) {
    let r = RequestIx::MAIN;
    if x[r].body.as_ref().is_some_and(|body| !body.complete && !body.discarding) {
        let _ = fail(x, r, io, 0);
    }
}
