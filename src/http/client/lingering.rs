//! Lingering close: the last answer is out, and the client is still sending.
//!
//! *In nginx* `ngx_http_set_lingering_close` and `ngx_http_lingering_close_handler`. Closing a socket
//! with unread data in it makes the kernel send a reset, which may overtake the answer; so the write
//! side is shut, and what comes is read away for a while.
//!
//! *Here* the exchange is gone by then: a bare connection with the owner `Lingering` and two limits,
//! between bytes (`lingering_timeout`) and in all (`lingering_time`).
//!
//! *Read next*: `keepalive.rs`.

use super::super::conf::CoreLocation;
use crate::event::stream::Received;
use crate::event::{ConnId, Owner, Side, clock};
use crate::http::io::Io;

/// How many bytes are read away at once.
const SCRATCH: usize = 4096;

/// Begins to linger; says whether the connection is still there.
pub fn begin(io: &mut Io, conn: ConnId, core: &CoreLocation) -> bool {
    let Some(c) = io.conn(conn) else { return false };
    if c.shut_write().is_err() {
        return false;
    }
    c.owner = Owner::Lingering(u32::try_from(*core.lingering_timeout).unwrap_or(u32::MAX));
    // The start of the lingering time takes the place of the connection's.
    c.started = clock::now().saturating_add(*core.lingering_time);
    c.flags.closing = true;
    let timeout = (*core.lingering_timeout).min(*core.lingering_time);
    io.net.wait(conn, Side::Read, timeout);
    true
}

/// The read handler of a lingering connection; says whether it lingers on.
pub fn readable(io: &mut Io, conn: ConnId, lingering_timeout: u32) -> bool {
    if io.net.take_timed_out(conn, Side::Read) {
        return false;
    }
    let mut scratch = [0u8; SCRATCH];
    loop {
        let Some(c) = io.conn(conn) else { return false };
        if clock::now() >= c.started {
            return false;
        }
        if !c.read.ready {
            break;
        }
        match c.recv_discard(&mut scratch) {
            Ok(Received::Bytes(_)) => {}
            Ok(Received::Again) => break,
            Ok(Received::End) | Err(_) => return false,
        }
    }
    let left = io.conn(conn).map_or(0, |c| c.started.saturating_sub(clock::now()));
    io.net.wait(conn, Side::Read, u64::from(lingering_timeout).min(left));
    true
}
