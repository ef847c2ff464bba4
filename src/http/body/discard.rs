//! A body that nobody wants.
//!
//! *In nginx* `ngx_http_discard_request_body`: reads what is there, and installs a handler for the rest
//! so that the next request on the connection begins where it should.
//!
//! *Here* the same. A body whose framing is broken, or that cannot be read to its end, makes the
//! connection unusable for another request.
//!
//! *Read next*: `client/keepalive.rs`.

use super::Body;
use crate::event::stream::Received;
use crate::event::{RequestIx, Side};
use crate::http::exchange::Exchange;
use crate::http::holds::Why;
use crate::http::io::Io;
use crate::http::parse::chunked::{ChunkStep, Chunked};
use crate::http::slots::ClientRead;
use crate::http::turn::{Status, Turn};

/// Whether a body has been read away.
enum Progress {
    Done,
    More,
    Broken,
}

/// Throws the request's body away, now or as it comes.
pub fn discard_request_body(x: &mut Exchange, r: RequestIx, io: &mut Io) {
    if !x[r].is_main() || x[r].body.is_some() {
        return;
    }
    let headers = &x[r].headers_in;
    let length = headers.content_length.unwrap_or(0);
    if length == 0 && !headers.chunked {
        return;
    }
    if expects_continue(x, r) {
        // The client waits for a go-ahead it will not get; what it would send next cannot be told from a
        // request.
        x.client.keepalive = false;
        return;
    }
    let chunked = headers.chunked.then(Chunked::new);
    x[r].body = Some(Box::new(Body { rest: length, chunked, discarding: true, ..Body::default() }));
    match discard_preread(x, r) {
        Progress::Done => {
            x.client.lingering = false;
            return;
        }
        Progress::Broken => return poison(x),
        Progress::More => {}
    }
    match read_away(x, r, io) {
        Progress::Done => x.client.lingering = false,
        Progress::Broken => poison(x),
        Progress::More => {
            let hold = x.holds.take(Why::Body);
            if let Some(body) = x[r].body.as_mut() {
                body.hold = Some(hold);
            }
            x.swap_client_read(ClientRead::DiscardBody);
            wait(x, r, io);
        }
    }
}

fn expects_continue(x: &Exchange, r: RequestIx) -> bool {
    let expect = x[r].headers_in.value(crate::http::headers::Known::Expect);
    x[r].http_version >= 1001
        && expect.is_some_and(|value| value.eq_ignore_ascii_case(b"100-continue"))
        && !x[r].flags.expect_tested
}

fn poison(x: &mut Exchange) {
    x.client.keepalive = false;
    x.client.poisoned = true;
}

fn wait(x: &mut Exchange, r: RequestIx, io: &mut Io) {
    let timeout = *x[r].loc.core.lingering_timeout;
    io.net.wait(x.client.conn, Side::Read, timeout);
}

/// Takes what stands behind the head.
fn discard_preread(x: &mut Exchange, r: RequestIx) -> Progress {
    let rest = x.client.head.rest();
    let (used, progress) = match x[r].body.as_mut() {
        Some(body) => eat(body, &rest),
        None => (0, Progress::Done),
    };
    x.client.head.consume(used);
    progress
}

/// How many of these bytes belong to the body, and whether it ends with them.
fn eat(body: &mut Body, bytes: &[u8]) -> (usize, Progress) {
    let Some(chunked) = body.chunked.as_mut() else {
        let n = (bytes.len() as u64).min(body.rest);
        body.rest -= n;
        body.complete = body.rest == 0;
        return (n as usize, if body.complete { Progress::Done } else { Progress::More });
    };
    let mut at = 0;
    while let Some(window) = bytes.get(at..) {
        match chunked.parse(window) {
            Ok(ChunkStep::Again { used }) => return (at + used, Progress::More),
            Ok(ChunkStep::Data { start, len }) => at += start + len,
            Ok(ChunkStep::Done { used }) => {
                body.complete = true;
                return (at + used, Progress::Done);
            }
            Err(_) => return (bytes.len(), Progress::Broken),
        }
    }
    (bytes.len(), Progress::More)
}

/// Reads what the socket has. What follows the body in the same read is kept for the next request.
fn read_away(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Progress {
    loop {
        let Some(c) = io.net.table.get_mut(x.client.conn) else { return Progress::Broken };
        if !c.read.ready {
            return Progress::More;
        }
        let mut page = crate::buf::Page::with_capacity(4096);
        let limit = page.room();
        match c.recv(&mut page, limit) {
            Ok(Received::Bytes(n)) => {
                let bytes = page.slice(0..n);
                let Some(body) = x[r].body.as_mut() else { return Progress::Done };
                let (used, progress) = eat(body, &bytes);
                drop(bytes);
                match progress {
                    Progress::More => {}
                    Progress::Done => {
                        // Behind the body the next request has begun.
                        let limit = page.capacity();
                        let port = x.client.head.local_port;
                        x.client.head = crate::http::client::head::Head::over(page, used, limit);
                        x.client.head.local_port = port;
                        return Progress::Done;
                    }
                    Progress::Broken => return Progress::Broken,
                }
            }
            Ok(Received::Again) => return Progress::More,
            Ok(Received::End) | Err(_) => return Progress::Broken,
        }
    }
}

/// The client's read slot while a body is thrown away.
///
/// # Errors
/// [`crate::http::turn::Leave::Finish`] when the body is broken or late and the response is out.
pub fn discarded_request_body_handler(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Turn {
    let timed_out = io.net.take_timed_out(x.client.conn, Side::Read);
    let progress = if timed_out { Progress::Broken } else { read_away(x, r, io) };
    match progress {
        Progress::More => {
            wait(x, r, io);
            return Ok(());
        }
        Progress::Broken => poison(x),
        Progress::Done => x.client.lingering = false,
    }
    io.net.cancel_timer(x.client.conn, Side::Read);
    if let Some(body) = x[r].body.as_mut()
        && let Some(hold) = body.hold.take()
    {
        body.discarding = false;
        x.holds.give_back(hold);
    }
    x.swap_client_read(ClientRead::Block);
    if x.main().flags.done {
        // The response went out meanwhile; only now is it known what becomes of the connection.
        x.fate = crate::http::client::keepalive::decide(x, io);
        return Ok(());
    }
    x.swap_client_read(ClientRead::TestReading);
    if x.client.poisoned && x.main().flags.header_sent {
        return Ok(());
    }
    let _ = Status::Ok;
    Ok(())
}
