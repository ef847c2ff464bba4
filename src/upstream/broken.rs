//! A client that goes away while an upstream works for it.
//!
//! *In nginx* `ngx_http_upstream_check_broken_connection`, as read and as write handler of the client.
//!
//! *Here* the read slot alone: the kernel announces an end on the reading side. The work of the upstream
//! is given up, unless `NAME_ignore_client_abort` or `NAME_store` has put another slot there.
//!
//! *Read next*: `http/client/broken.rs`.

use super::finish;
use crate::event::RequestIx;
use crate::http::client::broken;
use crate::http::exchange::Exchange;
use crate::http::io::Io;
use crate::http::logging;
use crate::http::turn::{Status, Turn};
use crate::log::Level;

/// The slot.
///
/// The request that is told is the one whose upstream works, which need not be the main one. 499 is
/// nginx's own code and is only ever seen in the log: there is nobody left to send it to.
///
/// # Errors
/// [`Leave::Finish`](crate::http::turn::Leave::Finish) with 499 when the client has gone.
pub fn check_broken(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Turn {
    let Some(error) = broken::is_gone(x, io) else { return Ok(()) };
    if let Some(c) = io.conn(x.client.conn) {
        c.read.error = true;
    }
    let working = x.indexes().find(|r| finish::is_active(x, *r));
    let errno = error.raw_os_error().map(|_| &error);
    let has_peer = working.is_some_and(|r| super::peer_conn(x, r).is_some());
    let text = if has_peer {
        "client prematurely closed connection, so upstream connection is closed too"
    } else {
        "client prematurely closed connection"
    };
    logging::log(x, working.unwrap_or(r), io, Level::Info, errno, format_args!("{text}"));
    Status::CLIENT_CLOSED.finish()
}
