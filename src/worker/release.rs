//! Beginning and ending exchanges: the only code that makes and frees them.
//!
//! *In nginx* `ngx_http_create_request`, `ngx_http_free_request`, `ngx_http_set_keepalive`,
//! `ngx_http_close_connection`.
//!
//! *Here* after a handler has returned and no hold is left, the request is logged and its connection
//! goes the way that was decided when it was finalized: closed, lingering, idle, or straight into the
//! next request if that has begun to arrive.
//!
//! *Read next*: `http/client/keepalive.rs: decide`.

use crate::buf::Page;
use crate::event::{ConnId, Connection, ExchangeId, Owner, RequestIx, Side};
use crate::http::access_log;
use crate::http::client::head::Opening;
use crate::http::client::{lingering, wait};
use crate::http::counters::Count;
use crate::http::deadline;
use crate::http::exchange::{Exchange, Fate};
use crate::http::holds::Why;
use crate::http::io::Io;
use crate::http::server::Server;
use crate::upstream::finish;
use slab::Slab;
use socket2::SockRef;
use std::rc::Rc;
use std::time::Duration;

/// How many exchanges that are over are kept for the next ones.
const SPARE: usize = 256;

/// The exchanges of a worker, and some that are over: their memory serves the next ones.
#[derive(Default)]
pub struct Exchanges {
    /// Those that live.
    pub live: Slab<Box<Exchange>>,
    #[expect(clippy::vec_box, reason = "what moves between the two lists is a pointer, not an exchange")]
    spare: Vec<Box<Exchange>>,
}

impl Exchanges {
    fn keep(&mut self, mut x: Box<Exchange>) {
        // A burst must not hold its memory for ever.
        if self.spare.len() < SPARE {
            x.retire();
            self.spare.push(x);
        }
    }
}

/// Makes the exchange for a client that has begun a request.
pub fn begin(
    exchanges: &mut Exchanges,
    io: &mut Io,
    conn: ConnId,
    server: Rc<Server>,
    opening: Opening,
) -> ExchangeId {
    // The key is known before the exchange is made, since the exchange carries its own name.
    let entry = exchanges.live.vacant_entry();
    let id = ExchangeId(entry.key() as u32);
    let (number, sent, debug) = match io.conn(conn) {
        Some(c) => {
            c.owner = Owner::Client(id);
            // What an idle client was waited for is over, and so is its time of grace on the other side
            // (`keepalive_min_timeout`). The time for a first head has begun with the connection.
            if c.requests > 0 {
                c.read.deadline = 0;
            }
            c.write.deadline = 0;
            c.requests = c.requests.saturating_add(1);
            (c.number, c.sent, c.flags.debug)
        }
        None => (0, 0, false),
    };
    wait::set_idle(io, conn, false);
    io.counters.up(Count::Requests);
    let mut x = match exchanges.spare.pop() {
        Some(mut x) => {
            x.renew(id, conn, number, opening, server);
            x
        }
        None => fresh(id, conn, number, opening, server),
    };
    // The connection counts from its beginning; what this request sends is the difference.
    x.client.sent_before = sent;
    x.client.debug = debug;
    let hold = x.holds.take(Why::Main);
    x.main_mut().hold = Some(hold);
    entry.insert(x);
    id
}

/// An exchange in new memory.
#[cold]
fn fresh(id: ExchangeId, conn: ConnId, number: u64, opening: Opening, server: Rc<Server>) -> Box<Exchange> {
    Box::new(Exchange::new(id, conn, number, opening, server))
}

/// Gives every hold back: nothing of this exchange goes on (nginx: `ngx_http_terminate_handler`).
pub fn give_up(x: &mut Exchange, io: &mut Io) {
    for r in x.indexes() {
        clean_up(x, r, io);
        // The upstream gives its own hold back; what its connection was good for is decided there.
        finish::abandon(x, r, io);
        let holds = [x[r].hold.take(), x[r].body.as_mut().and_then(|body| body.hold.take())];
        for hold in holds.into_iter().flatten() {
            x.holds.give_back(hold);
        }
    }
}

/// Logs what is over and lets its connection go its way.
pub fn free(mut x: Box<Exchange>, exchanges: &mut Exchanges, io: &mut Io) {
    let main = RequestIx::MAIN;
    // First of all, while everything that the line may show is still there.
    access_log::log_request(&mut x, main, io);
    if x.requests().any(|request| !request.cleanups.is_empty()) {
        x.indexes().for_each(|r| clean_up(&mut x, r, io));
    }
    deadline::lift(&mut x, io);
    if let Some(count) = x.client.counted.take() {
        io.counters.down(count);
    }
    let conn = x.client.conn;
    match x.fate {
        Fate::KeepAlive => return keep_alive(x, exchanges, io),
        Fate::Linger => {
            if let Some(c) = io.conn(conn) {
                forget_waits(c);
            }
            // A client that has gone meanwhile has nothing left to be read.
            if !lingering::begin(io, conn, &x.main().loc.core) {
                wait::close(io, conn);
            }
        }
        Fate::Reset => {
            if let Some(c) = io.conn(conn) {
                // A reset instead of an orderly end: the kernel drops what it still holds.
                let _ = SockRef::from(c.fd()).set_linger(Some(Duration::ZERO));
            }
            wait::close(io, conn);
        }
        Fate::Close => wait::close(io, conn),
    }
    exchanges.keep(x);
}

/// Calls what was to be called at the end of a request.
fn clean_up(x: &mut Exchange, r: RequestIx, io: &mut Io) {
    while let Some(cleanup) = x[r].cleanups.pop() {
        cleanup(x, r, io);
    }
}

/// No timer or delay of one request may be taken for one of the next.
fn forget_waits(c: &mut Connection) {
    for side in [&mut c.read, &mut c.write] {
        side.deadline = 0;
        (side.delayed, side.timed_out) = (false, false);
    }
}

/// The connection waits for its next request, or begins it if it has arrived behind the last one.
fn keep_alive(x: Box<Exchange>, exchanges: &mut Exchanges, io: &mut Io) {
    let conn = x.client.conn;
    let core = &x.main().loc.core;
    // What stands behind this request in its page is the beginning of the next one.
    let is_over = x.client.head.is_used_up();
    let (table, timers) = (&mut io.net.table, &mut io.net.timers);
    let mut is_ready = false;
    if let Some(c) = table.get_mut(conn) {
        forget_waits(c);
        // From the second request on small answers must not wait for acknowledgements of the ones before.
        if *core.tcp_nodelay && !c.flags.nodelay && !c.peer.is_unix() {
            c.flags.nodelay = SockRef::from(c.fd()).set_tcp_nodelay(true).is_ok();
        }
        if is_over {
            c.owner = Owner::Waiting;
            is_ready = c.set_timer(timers, Side::Read, *core.keepalive_timeout);
            if *core.keepalive_min_timeout != 0 {
                // An idle client writes nothing, so that side's timer is free for the time of grace.
                c.set_timer(timers, Side::Write, *core.keepalive_min_timeout);
            }
        }
    }
    if is_over {
        wait::set_idle(io, conn, true);
        if is_ready {
            io.net.wait_forever(conn, Side::Read);
        }
        exchanges.keep(x);
    } else {
        go_on(x, exchanges, io);
    }
}

/// Pipelined: the bytes move to a page of their own and the exchange begins at once.
#[inline(never)]
fn go_on(x: Box<Exchange>, exchanges: &mut Exchanges, io: &mut Io) {
    let conn = x.client.conn;
    let cycle = io.cycle.clone();
    let Some(c) = io.net.table.get(conn) else { return };
    let Some(listen) = cycle.addresses.get(c.listener as usize) else { return wait::close(io, conn) };
    let server = wait::server_of(listen, c, &cycle);
    let rest = x.client.head.rest();
    let small = *server.core.client_header_buffer_size as usize;
    let size = small.max(rest.len());
    let mut page = Page::with_capacity(size);
    page.append(&rest);
    let local_port = x.client.head.local_port;
    let is_served = x.client.head.is_served;
    let opening = Opening { page, limit: size, local_port, proxy_protocol: false, is_served };
    drop(rest);
    exchanges.keep(x);
    let id = begin(exchanges, io, conn, server, opening);
    if let Some(x) = exchanges.live.get_mut(id.0 as usize) {
        x.client.pipelined = true;
    }
    // No event will come for bytes that have been read already.
    io.net.post(conn, Side::Read);
}
