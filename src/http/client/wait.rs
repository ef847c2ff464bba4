//! A client that has not said anything yet.
//!
//! *In nginx* `ngx_http_init_connection` and `ngx_http_wait_request_handler` for a new connection,
//! `ngx_http_keepalive_handler` for one that waits for its next request; the latter frees the buffer so
//! that an idle client costs little.
//!
//! *Here* both are a connection whose owner is `Waiting`: no exchange, no page, one timer. With the
//! first byte the page is taken and the exchange made.
//!
//! ```text
//!   accept ─▶ Waiting ──first bytes──▶ Exchange ─▶ …answered ─▶ Waiting (idle) ─▶ …
//!               └─ timer: close                                   └─ timer: close
//! ```
//!
//! *Read next*: `head.rs`.

use super::head::Opening;
use crate::buf::Page;
use crate::event::stream::Received;
use crate::event::{ConnId, Connection, Owner, Side};
use crate::http::counters::Count;
use crate::http::cycle::{HttpCycle, ListenAddress};
use crate::http::io::Io;
use crate::http::server::Server;
use crate::log::Level;
use crate::util::proxy_protocol::MAX_HEADER;
use std::rc::Rc;

/// Takes an accepted client in service.
pub fn begin(io: &mut Io, conn: ConnId, address: usize) {
    let cycle = io.cycle.clone();
    let Some(listen) = cycle.addresses.get(address) else { return io.net.close(conn) };
    let Some(c) = io.conn(conn) else { return };
    c.listener = address as u32;
    let peer = c.peer.clone();
    c.flags.debug = cycle.is_debugged(&peer);
    io.counters.up(Count::Accepted);
    io.counters.up(Count::Handled);
    io.counters.up(Count::Active);
    set_idle(io, conn, true);
    let timeout = *listen.default_server.core.client_header_timeout;
    if let Some(c) = io.conn(conn) {
        // With TCP_DEFER_ACCEPT the request is there already; without, it is mostly still on its way, and a
        // look at it too early would be a system call for nothing.
        c.read.ready = listen.listen.deferred;
    }
    if listen.ssl {
        io.net.set_owner(conn, Owner::Handshake);
    }
    io.net.wait(conn, Side::Read, timeout);
}

/// What a waiting client came to.
pub enum Spoke {
    /// Nothing yet; it waits on.
    Waits,
    /// It is gone, or gave up.
    Gone,
    /// It has begun a request.
    Request(Rc<Server>, Opening),
}

/// The read handler of a waiting client.
pub fn readable(io: &mut Io, conn: ConnId) -> Spoke {
    let cycle = &io.cycle;
    let Some(c) = io.net.table.get_mut(conn) else { return Spoke::Gone };
    if std::mem::take(&mut c.read.timed_out) {
        return Spoke::Gone;
    }
    let Some(listen) = cycle.addresses.get(c.listener as usize) else { return Spoke::Gone };
    let server = server_of(listen, c, cycle);
    let mut size = *server.core.client_header_buffer_size as usize;
    let proxied = listen.proxy_protocol && c.proxied().is_none();
    if proxied {
        size = size.saturating_add(MAX_HEADER);
    }
    // Made before there is a byte, and dropped again if there is none: the event said that there is one.
    let mut page = Page::with_capacity(size);
    if !c.read.ready {
        return Spoke::Waits;
    }
    match c.recv(&mut page, size) {
        Ok(Received::Bytes(_)) => {}
        Ok(Received::Again) => {
            io.net.wait_forever(conn, Side::Read);
            return Spoke::Waits;
        }
        Ok(Received::End) => return Spoke::Gone,
        Err(error) => {
            log_lost(io, conn, &error);
            return Spoke::Gone;
        }
    }
    let local_port = listen.listen.address.port();
    let is_served = listen.is_alone && !listen.ssl;
    Spoke::Request(server, Opening { page, limit: size, local_port, proxy_protocol: proxied, is_served })
}

#[cold]
fn log_lost(io: &mut Io, conn: ConnId, error: &std::io::Error) {
    let Some(c) = io.net.table.get(conn) else { return };
    let what = if c.requests == 0 { "waiting for request" } else { "keepalive" };
    let client = c.peer.host_text();
    let number = c.number;
    let text = format_args!("recv() failed");
    let context = format!(" while {what}, client: {client}");
    io.cycle.error_log.write_with(Level::Info, number, Some(error), text, &context);
}

/// The server a client's requests begin at: the one its TLS handshake named, else the address's own.
pub fn server_of(listen: &ListenAddress, c: &Connection, cycle: &HttpCycle) -> Rc<Server> {
    let named = c.session().and_then(|session| session.server);
    let server = named.and_then(|number| cycle.servers.get(number));
    server.unwrap_or(&listen.default_server).clone()
}

/// Forgets a client's connection.
pub fn close(io: &mut Io, conn: ConnId) {
    // The counters of `stub_status` go down where the connection goes, and nowhere else.
    let Some(c) = io.conn(conn) else { return };
    let idle = c.flags.idle;
    if idle {
        io.counters.down(Count::Waiting);
    }
    io.counters.down(Count::Active);
    io.net.close(conn);
}

/// Marks a client as idle, or as busy again: for the counters, and for when connections run short.
pub fn set_idle(io: &mut Io, conn: ConnId, idle: bool) {
    let Some(c) = io.net.table.get_mut(conn) else { return };
    if c.flags.idle != idle {
        c.flags.idle = idle;
        io.net.table.set_reusable(conn, idle);
        if idle { io.counters.up(Count::Waiting) } else { io.counters.down(Count::Waiting) }
    }
}
