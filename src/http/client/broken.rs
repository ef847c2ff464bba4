//! A client that goes away while nothing is read from it.
//!
//! *In nginx* `ngx_http_test_reading` while the answer is sent;
//! `ngx_http_upstream_check_broken_connection` while the upstream works.
//!
//! *Here* one look for both: the kernel says whether the other end has closed, without taking a byte
//! that may belong to the next request.
//!
//! *Read next*: `keepalive.rs`.

use crate::event::RequestIx;
use crate::event::stream::Received;
use crate::http::exchange::Exchange;
use crate::http::io::Io;
use crate::http::logging;
use crate::http::turn::{Status, Turn};
use crate::log::Level;
use std::io;

/// True if the client has closed its end or the connection is broken.
pub fn is_gone(x: &Exchange, io: &mut Io) -> Option<io::Error> {
    let Some(c) = io.conn(x.client.conn) else { return Some(io::ErrorKind::NotConnected.into()) };
    if c.read.error {
        return Some(io::ErrorKind::ConnectionReset.into());
    }
    match c.peek() {
        Ok(Received::End) => Some(io::ErrorKind::UnexpectedEof.into()),
        Ok(_) => None,
        Err(error) => Some(error),
    }
}

/// The client's read slot while only the answer is being sent.
///
/// # Errors
/// [`super::super::turn::Leave::Finish`] with 499 when the client is gone.
pub fn test_reading(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Turn {
    let Some(error) = is_gone(x, io) else { return Ok(()) };
    if let Some(c) = io.conn(x.client.conn) {
        c.read.error = true;
    }
    let errno = error.raw_os_error().map(|_| &error);
    logging::log(x, r, io, Level::Info, errno, format_args!("client prematurely closed connection"));
    Status::CLIENT_CLOSED.finish()
}
