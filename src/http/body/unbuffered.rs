//! Handing a body on while it comes.
//!
//! *In nginx* `proxy_request_buffering off`: the bit `request_body_no_buffering`, and
//! `ngx_http_read_unbuffered_request_body`, which the upstream calls each time the client has more.
//!
//! *Here* the upstream [begins](begin_unbuffered) with what stood behind the head, takes `body.chain`
//! whenever it likes, and asks for [more](read_unbuffered_request_body). No more than
//! `client_body_buffer_size` is held; a client that is faster than the upstream waits in its socket.
//!
//! ```text
//!   socket ─ read_unbuffered_request_body ─▶ body.chain ─ taken by the upstream ─▶ peer
//!                 ▲ Full: come back when the chain has been taken
//! ```
//!
//! *Read next*: `upstream/send.rs`.

use super::{Body, Then, read};
use crate::buf::Chain;
use crate::event::{RequestIx, Side};
use crate::http::exchange::Exchange;
use crate::http::io::Io;
use crate::http::logging;
use crate::http::turn::{Leave, Status};

/// How far a streamed body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Streamed {
    /// All of it is in the chain or has been taken from it.
    Whole,
    /// The client has said nothing more; its connection is being waited for.
    More,
    /// The chain holds as much as it may: take it, then ask again.
    Full,
}

/// Begins a body that is to be handed on as it comes, and calls `then` at once: with the body's first bytes,
/// or all of it, in `body.chain`. To be returned by a content handler as its own answer.
pub fn begin_unbuffered(x: &mut Exchange, r: RequestIx, io: &mut Io, then: Then) -> Status {
    if !x[r].is_main() || x[r].body.is_some() {
        return read::call(x, r, io, then);
    }
    let Some(body) = Body::of_request(x, r) else {
        return read::read_client_request_body(x, r, io, then);
    };
    if let Err(leave) = read::test_expect(x, r, io) {
        return status_of(leave);
    }
    let history_limit = *x[r].loc.core.client_body_buffer_size;
    let history = Some(Chain::default());
    x[r].body = Some(Box::new(Body { unbuffered: true, history, history_limit, ..body }));
    if let Err(leave) = read::take_preread(x, r, io) {
        return status_of(leave);
    }
    if x[r].body.as_ref().is_some_and(|body| body.complete) {
        x.client.lingering = false;
    }
    read::call(x, r, io, then)
}

fn status_of(leave: Leave) -> Status {
    match leave {
        Leave::Finish(status) => status,
        Leave::Next(_) => Status::INTERNAL,
    }
}

/// Reads what the client has sent of a streamed body into `body.chain`. With [`Streamed::More`] the read side
/// is being waited for, up to `client_body_timeout`; whoever called has put a slot there that comes back
/// here.
///
/// # Errors
/// [`Leave::Finish`] with 400, 408 or 413 when the body cannot be read on.
pub fn read_unbuffered_request_body(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Result<Streamed, Leave> {
    // A subrequest has nothing to read: the body is the main request's affair.
    if !x[r].is_main() || x[r].body.is_none() {
        return Ok(Streamed::Whole);
    }
    let conn = x.client.conn;
    if io.net.take_timed_out(conn, Side::Read) {
        logging::client_timed_out(x, r, io);
        return Err(read::fail(x, r, io, 408));
    }
    match read::read_some(x, r, io)? {
        read::Progress::Whole => {
            io.net.cancel_timer(conn, Side::Read);
            x.client.lingering = false;
            Ok(Streamed::Whole)
        }
        read::Progress::Full => {
            io.net.cancel_timer(conn, Side::Read);
            Ok(Streamed::Full)
        }
        read::Progress::More => {
            let timeout = *x[r].loc.core.client_body_timeout;
            io.net.wait(conn, Side::Read, timeout);
            Ok(Streamed::More)
        }
    }
}
