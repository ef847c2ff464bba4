//! A body that nobody wants.
//!
//! *In nginx* `ngx_http_discard_request_body`: reads what is there, and installs a handler for the rest so
//! that the next request on the connection begins where it should.
//!
//! *Here* the same. While the answer is being made there is no hurry; once it is out the client has
//! `lingering_timeout` between two reads and `lingering_time` in all. A body whose framing is broken, or that
//! cannot be read to its end, makes the connection unusable for another request: it is *poisoned*, and what
//! comes is never looked at as a request.
//!
//! ```text
//!   discard ─ preread ─ socket ─┬─ end seen ─▶ the connection may go on
//!                               └─ more ─▶ slot DiscardBody ─ end ─▶ decide again about the connection
//! ```
//!
//! *Read next*: `client/keepalive.rs`.

use super::Body;
use super::read::test_expect;
use crate::buf::Page;
use crate::event::stream::Received;
use crate::event::{RequestIx, Side, clock};
use crate::http::client::keepalive;
use crate::http::exchange::{Exchange, Fate};
use crate::http::headers::Known;
use crate::http::holds::Why;
use crate::http::io::Io;
use crate::http::slots::{ClientRead, ClientWrite};
use crate::http::turn::{Status, Turn};

/// How much is read away at once.
const SCRATCH: usize = 4096;
/// How often in a row; a client that sends faster than this is read again in the next turn.
const ROUNDS: usize = 64;

/// Whether a body has been read away.
enum Progress {
    Done,
    More,
    Broken,
}

/// Throws the request's body away, now or as it comes.
///
/// # Errors
/// 400 for a body whose framing is broken already. Who answers with an error anyway may disregard it: the
/// connection is poisoned in any case.
pub fn discard_request_body(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Result<(), Status> {
    if !x[r].is_main() || x[r].body.is_some() {
        return Ok(());
    }
    let Some(body) = Body::of_request(x, r).filter(|body| !body.complete) else { return Ok(()) };
    // A client that waits for a go-ahead gets it: what it sends next can then be told from a request.
    let gone = test_expect(x, r, io).is_err();
    if gone || expects_continue(x, r) {
        poison(x);
        return Ok(());
    }
    x[r].body = Some(Box::new(Body { discarding: true, ..body }));
    // Whoever answers next, an error page that proxies for one, has a request without a body.
    x[r].headers_in.content_length = Some(0);
    x[r].headers_in.chunked = false;
    let progress = match discard_preread(x, r) {
        Progress::More => read_away(x, r, io),
        progress => progress,
    };
    match progress {
        Progress::Done => x.client.lingering = false,
        Progress::Broken => {
            poison(x);
            return Err(Status::Http(400));
        }
        Progress::More => {
            let hold = x.holds.take(Why::Body);
            match x[r].body.as_mut() {
                Some(body) => body.hold = Some(hold),
                None => x.holds.give_back(hold),
            }
            x.swap_client_read(ClientRead::DiscardBody);
            io.net.wait_forever(x.client.conn, Side::Read);
        }
    }
    Ok(())
}

fn expects_continue(x: &Exchange, r: RequestIx) -> bool {
    let expect = x[r].headers_in.value(Known::Expect);
    x[r].http_version >= 1001
        && expect.is_some_and(|value| value.eq_ignore_ascii_case(b"100-continue"))
        && !x[r].flags.expect_answered
}

fn poison(x: &mut Exchange) {
    x.client.keepalive = false;
    x.client.poisoned = true;
}

/// The response is out, and the body is still coming: from now on the client has only so much time
/// (nginx: the branch of `ngx_http_finalize_connection` for `discard_body`).
pub fn hurry(x: &mut Exchange, io: &mut Io) {
    let core = x.main().loc.core.clone();
    let Some(body) = x.main_mut().body.as_mut().filter(|body| body.discarding && body.hold.is_some()) else {
        return;
    };
    body.deadline = clock::now().saturating_add(*core.lingering_time);
    x.swap_client_read(ClientRead::DiscardBody);
    io.net.wait(x.client.conn, Side::Read, (*core.lingering_timeout).min(*core.lingering_time));
}

/// Takes what stands behind the head.
fn discard_preread(x: &mut Exchange, r: RequestIx) -> Progress {
    let rest = x.client.head.rest();
    let Some(body) = x[r].body.as_mut() else { return Progress::Done };
    let Ok(used) = body.take(&rest, 0) else { return Progress::Broken };
    let done = body.complete;
    x.client.head.consume(used);
    x.client.request_length += used as u64;
    if done { Progress::Done } else { Progress::More }
}

/// Reads what the socket has. What follows the body in the same read is kept for the next request.
fn read_away(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Progress {
    let conn = x.client.conn;
    for _ in 0..ROUNDS {
        let Some(body) = x[r].body.as_mut() else { return Progress::Done };
        let Some(c) = io.net.table.get_mut(conn) else { return Progress::Broken };
        if !c.read.ready {
            return Progress::More;
        }
        let due = if body.chunked.is_some() { SCRATCH as u64 } else { body.rest };
        let limit = usize::try_from(due).map_or(SCRATCH, |due| due.min(SCRATCH));
        let mut page = Page::with_capacity(SCRATCH);
        match c.recv(&mut page, limit) {
            Ok(Received::Bytes(n)) => {
                let Ok(used) = body.take(&page.slice(0..n), 0) else { return Progress::Broken };
                let done = body.complete;
                x.client.request_length += used as u64;
                if done {
                    if used < n {
                        x.client.head.go_on_in(page, used);
                    }
                    return Progress::Done;
                }
            }
            Ok(Received::Again) => return Progress::More,
            Ok(Received::End) | Err(_) => return Progress::Broken,
        }
    }
    Progress::More
}

/// The client's read slot while a body is thrown away.
///
/// # Errors
/// None: the answer does not depend on the body.
pub fn discarded_request_body_handler(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Turn {
    let deadline = x[r].body.as_ref().map_or(0, |body| body.deadline);
    let late = deadline != 0 && clock::now() >= deadline;
    let timed_out = io.net.take_timed_out(x.client.conn, Side::Read);
    let progress = if timed_out || late { Progress::Broken } else { read_away(x, r, io) };
    match progress {
        Progress::More if deadline != 0 => {
            let left = deadline.saturating_sub(clock::now());
            let timeout = (*x[r].loc.core.lingering_timeout).min(left);
            io.net.wait(x.client.conn, Side::Read, timeout);
            return Ok(());
        }
        Progress::More => {
            io.net.wait_forever(x.client.conn, Side::Read);
            return Ok(());
        }
        Progress::Broken => poison(x),
        Progress::Done => x.client.lingering = false,
    }
    io.net.cancel_timer(x.client.conn, Side::Read);
    let hold = x[r].body.as_mut().and_then(|body| body.hold.take());
    if x[r].flags.done {
        // The response went out meanwhile; only now is it known what becomes of the connection.
        x.swap_client_read(ClientRead::Block);
        x.fate = if timed_out || late { Fate::Close } else { keepalive::decide(x, io) };
    } else if x[r].write == ClientWrite::Writer {
        x.swap_client_read(ClientRead::TestReading);
        io.net.wait_forever(x.client.conn, Side::Read);
    } else {
        x.swap_client_read(ClientRead::Block);
    }
    if let Some(hold) = hold {
        x.holds.give_back(hold);
    }
    Ok(())
}
