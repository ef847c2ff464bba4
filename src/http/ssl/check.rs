//! What a request over TLS, or over a port for TLS, has to pass first.
//!
//! *In nginx* the beginning of `ngx_http_process_request`.
//!
//! *Here* the same: plain text on a port for TLS is answered with 497 and its page.
//!
//! *Read next*: `http/special.rs`.

use crate::event::RequestIx;
use crate::http::exchange::Exchange;
use crate::http::io::Io;
use crate::http::logging;
use crate::http::turn::{Status, Turn};
use crate::log::Level;

/// Plain text was sent where TLS was expected.
pub const TO_HTTPS: u16 = 497;

/// Lets a request pass, or not.
///
/// # Errors
/// 497.
pub fn admit(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Turn {
    let Some(c) = io.net.table.get(x.client.conn) else { return Ok(()) };
    let expected = io.cycle.addresses.get(c.listener as usize).is_some_and(|listen| listen.ssl);
    if expected && c.session().is_none() {
        let text = format_args!("client sent plain HTTP request to HTTPS port");
        logging::log(x, r, io, Level::Info, None, text);
        return Status::Http(TO_HTTPS).finish();
    }
    Ok(())
}
