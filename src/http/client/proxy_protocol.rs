//! A PROXY protocol header at the beginning of a connection (`listen … proxy_protocol`).
//!
//! *In nginx* `ngx_http_wait_request_handler` peeks at the first bytes and takes the header out of the socket
//! before a buffer for the request is made.
//!
//! *Here* the header is read into the page of the first request, which has room for it, and taken off in
//! front of the request line. It may come in pieces. A connection without one is closed without an answer.
//!
//! ```text
//!   page  [PROXY TCP4 192.0.2.1 … \r\n|GET / HTTP/1.1 …]
//!                                      └ the request line begins here
//! ```
//!
//! *Read next*: `util/proxy_protocol.rs`.

use super::head::{self, More};
use crate::event::RequestIx;
use crate::http::exchange::Exchange;
use crate::http::io::Io;
use crate::http::logging;
use crate::http::turn::{Leave, Status};
use crate::log::Level;
use crate::util::proxy_protocol::{self, Parsed};

/// Takes the header; false while it is not complete.
///
/// # Errors
/// [`Leave::Finish`] with an error for what is no header: the connection is closed.
#[cold]
pub fn take(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Result<bool, Leave> {
    x.action = "reading PROXY protocol";
    loop {
        let head = &mut x.client.head;
        match proxy_protocol::parse(head.page.filled()) {
            Parsed::Header(header, length) => {
                head.begin_at(length);
                head.proxy_protocol = false;
                if let Some(c) = io.conn(x.client.conn) {
                    c.set_proxied(header);
                }
                x.action = "reading client request line";
                return Ok(true);
            }
            Parsed::Incomplete => match head::receive(x, r, io)? {
                More::Some => {}
                More::Later => return Ok(false),
            },
            Parsed::Broken => {
                // There was no request that the access log could show.
                x[r].flags.logged = true;
                let bytes = x.client.head.page.filled();
                let shown = bytes.get(..bytes.len().min(107)).unwrap_or_default();
                let text = format_args!("broken header: \"{}\"", logging::printable(shown));
                logging::log(x, r, io, Level::Error, None, text);
                return Err(Leave::Finish(Status::Error));
            }
        }
    }
}
