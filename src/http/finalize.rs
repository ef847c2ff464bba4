//! Finalizing: how a request ends.
//!
//! *In nginx* `ngx_http_finalize_request(r, rc)`, called from hundreds of places, and below it
//! `ngx_http_finalize_connection`, `ngx_http_terminate_request`, `ngx_http_close_request`,
//! `ngx_http_free_request`.
//!
//! *Here* one caller, `worker/settle.rs`. A status that needs a page starts [`special`]; output that is
//! not sent yet gives the request the Writer slot; a subrequest hands the turn back to its parent; a
//! main request that is done gives its hold back and says what becomes of the connection. Freeing is the
//! dispatcher's business.
//!
//! ```text
//!   Http(404) ─▶ special ─▶ (page sent) Ok/Again ─▶ output left? ─ yes ─▶ Writer slot, until writable
//!   Ok ──────────────────────────────────────────────────┘      └ no ─▶ main: fate, hold back
//!                                                                       sub: parent posted
//! ```
//!
//! *Read next*: `special.rs`, `client/keepalive.rs`.

use super::body::{discard, read};
use super::client::keepalive;
use super::exchange::{Exchange, Fate};
use super::io::Io;
use super::output::postpone::Postponed;
use super::output::{self};
use super::slots::{ClientRead, ClientWrite};
use super::special;
use super::turn::{Status, Turn};
use super::{access_log, logging};
use crate::buf::Chain;
use crate::event::{RequestIx, Side};
use crate::log::Level;

/// Ends a request with a status, or gives it what it needs to end later.
///
/// # Errors
/// [`super::turn::Leave::Finish`] when ending it has started something that ended at once; to be called
/// again with that.
pub fn finalize_request(x: &mut Exchange, r: RequestIx, io: &mut Io, status: Status) -> Turn {
    let mut status = status;
    logging::log(x, r, io, Level::Debug, None, format_args!("http finalize request: {status:?}"));
    match status {
        // A handler that goes on later has slots, timers and holds in place: nothing is to be done.
        Status::Done => return Ok(()),
        // It was not for this handler after all; the phases may find another one.
        Status::Declined => {
            x[r].content_handler = None;
            x[r].swap_write(ClientWrite::RunPhases);
            return super::phases::run(x, r, io);
        }
        _ => {}
    }
    if let Some(callback) = x[r].post_subrequest.clone() {
        status = callback(x, r, io, status);
        // A special one comes back when its page has been made; anything else is the end.
        if !status.is_special() {
            x[r].post_subrequest = None;
        }
    }
    // There is nobody to send a page to.
    let lost = io.conn(x.client.conn).is_none_or(|c| c.read.error || c.write.error);
    if lost || status == Status::Error || matches!(status, Status::Http(408 | 444 | 499)) {
        return terminate(x, r, io, status);
    }
    if status.is_special() || (matches!(status, Status::Http(_)) && !x[r].flags.header_sent) {
        // The page begins afresh: it must not run into a timer that was set for what has failed.
        if x[r].is_main() {
            io.net.cancel_timer(x.client.conn, Side::Read);
            io.net.cancel_timer(x.client.conn, Side::Write);
            if let Some(c) = io.conn(x.client.conn) {
                c.write.delayed = false;
            }
        }
        if let Status::Http(code) = status {
            return special::respond(x, r, io, code);
        }
    }
    if x[r].is_main() {
        finalize_main(x, io);
    } else {
        finalize_subrequest(x, r, io);
    }
    Ok(())
}

/// True if some output of this request is still on its way.
fn is_pending(x: &Exchange, r: RequestIx) -> bool {
    x[r].buffered != 0 || !x[r].postponed.is_empty() || (r == RequestIx::MAIN && !x.out.is_empty())
}

/// Ends a subrequest, or puts it aside until its turn to write has come; the parent is posted.
fn finalize_subrequest(x: &mut Exchange, r: RequestIx, io: &mut Io) {
    // Nobody has kept a place for its output, so there is nothing to wait for.
    if x[r].flags.background {
        end_subrequest(x, r, io);
        return;
    }
    if is_pending(x, r) {
        set_write_handler(x, r, io);
        return;
    }
    let parent = x[r].parent;
    // It is its turn, or it needs none: it ends now, and its place in the parent's line is free.
    if r == x.active || x[r].flags.in_memory {
        end_subrequest(x, r, io);
        if matches!(x[parent].postponed.front(), Some(Postponed::Request(first)) if *first == r) {
            x[parent].postponed.pop_front();
        }
        if r == x.active {
            x.active = parent;
        }
    } else {
        // It has nothing more to write, but what stands before it on the page has not come yet. When its
        // turn comes it is posted, and ends then.
        x[r].swap_write(ClientWrite::Finalizer);
        if x[r].flags.waited {
            x[r].flags.done = true;
        }
    }
    x.post(parent);
}

fn end_subrequest(x: &mut Exchange, r: RequestIx, io: &mut Io) {
    access_log::log_subrequest(x, r, io);
    x[r].flags.done = true;
    x[r].swap_write(ClientWrite::Empty);
    if let Some(hold) = x[r].hold.take() {
        x.holds.give_back(hold);
    }
}

fn finalize_main(x: &mut Exchange, io: &mut Io) {
    let r = RequestIx::MAIN;
    if is_pending(x, r) {
        set_write_handler(x, r, io);
        return;
    }
    // The end of the whole before the end of a part: some handler has finished its parent too early.
    if x.active != r {
        let text = format_args!("http finalize non-active request: \"{}\"", x[r].uri);
        logging::log(x, r, io, Level::Alert, None, text);
    }
    x[r].flags.done = true;
    x[r].swap_write(ClientWrite::Empty);
    // A body that still comes keeps its slot, and its hold keeps the exchange.
    if x.client.read != ClientRead::DiscardBody && x.client.read != ClientRead::ReadBody {
        x.swap_client_read(ClientRead::Block);
    }
    io.net.cancel_timer(x.client.conn, Side::Write);
    if super::subrequest::post_action(x, io) {
        return;
    }
    finalize_connection(x, io);
}

/// Says what becomes of the connection and gives the main request's hold back (nginx:
/// `ngx_http_finalize_connection`).
fn finalize_connection(x: &mut Exchange, io: &mut Io) {
    if x.main().body.is_some() {
        read::abandon(x, io);
        discard::hurry(x, io);
    }
    // Decided here, carried out when the last hold is gone.
    x.fate = keepalive::decide(x, io);
    if let Some(hold) = x.main_mut().hold.take() {
        x.holds.give_back(hold);
    }
}

/// Waits until the rest of the output can be sent (nginx: `ngx_http_set_write_handler`).
fn set_write_handler(x: &mut Exchange, r: RequestIx, io: &mut Io) {
    if x[r].is_main() && x.client.read != ClientRead::DiscardBody {
        x.swap_client_read(ClientRead::TestReading);
        // What arrived while nobody listened will not be announced again.
        io.net.wait_forever(x.client.conn, Side::Read);
    }
    x[r].swap_write(ClientWrite::Writer);
    wait_writable(x, r, io);
}

fn wait_writable(x: &mut Exchange, r: RequestIx, io: &mut Io) {
    let timeout = *x[r].loc.core.send_timeout;
    let conn = x.client.conn;
    match io.conn(conn) {
        // A delay has its own timer.
        Some(c) if c.write.delayed => {}
        // What is pending waits for a subrequest or a filter, not for the client.
        _ if x.out.is_empty() => {}
        _ => io.net.wait(conn, Side::Write, timeout),
    }
}

/// The Writer slot: the response is complete, the rest of it goes out (nginx: `ngx_http_writer`).
///
/// # Errors
/// [`super::turn::Leave::Finish`] when all is sent, or nothing more can be.
pub fn writer(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Turn {
    let conn = x.client.conn;
    if io.net.take_timed_out(conn, Side::Write) {
        logging::client_timed_out(x, r, io);
        return Status::Http(408).finish();
    }
    if io.conn(conn).is_some_and(|c| c.write.delayed) {
        return Ok(());
    }
    // An empty chain asks everybody on the way for what he has kept back.
    if output::output(x, r, io, Chain::default()) == Status::Error {
        return Status::Error.finish();
    }
    if is_pending(x, r) {
        wait_writable(x, r, io);
        return Ok(());
    }
    Status::Ok.finish()
}

/// Gives everything up at once (nginx: `ngx_http_terminate_request`).
fn terminate(x: &mut Exchange, r: RequestIx, io: &mut Io, status: Status) -> Turn {
    // For the access log: what the client has seen of a status stands, whatever became of the rest.
    let sent = io.conn(x.client.conn).is_some_and(|c| c.sent > x.client.sent_before);
    if let Status::Http(code) = status
        && (x.main().headers_out.status == 0 || !sent)
    {
        x.main_mut().headers_out.status = code;
    }
    let timed_out = matches!(status, Status::Http(408));
    let reset = status == Status::Http(444) || timed_out;
    x.fate = if reset && *x[r].loc.core.reset_timedout_connection { Fate::Reset } else { Fate::Close };
    x.terminated = true;
    Ok(())
}
