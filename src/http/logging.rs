//! Error lines of a request: what happened, while doing what, for whom.
//!
//! *In nginx* `ngx_http_log_error` appends the action and the client, `ngx_http_log_error_handler` the
//! server, the request line, the subrequest, the upstream, the host and the referrer.
//!
//! *Here* [`log()`] does all of it, so that no line can lack its context.
//!
//! ```text
//!   TEXT (111: Connection refused) while connecting to upstream, client: 127.0.0.1, server: a,
//!        request: "GET / HTTP/1.1", upstream: "http://127.0.0.1:8081/", host: "a"
//! ```
//!
//! *Read next*: `log/error_log.rs`.

use super::exchange::Exchange;
use super::headers::Known;
use super::io::Io;
use crate::event::RequestIx;
use crate::log::{Level, Targets};
use std::fmt::{self, Display, Write};
use std::io;

/// Logs that the client was waited for in vain, with the errno it would have been.
pub fn client_timed_out(x: &Exchange, r: RequestIx, io: &Io) {
    let timed_out = io::Error::from_raw_os_error(libc::ETIMEDOUT);
    log(x, r, io, Level::Info, Some(&timed_out), format_args!("client timed out"));
}

/// Writes a line with the request's context to the error log of its location.
#[inline]
pub fn log(
    x: &Exchange,
    r: RequestIx,
    io: &Io,
    level: Level,
    errno: Option<&io::Error>,
    text: fmt::Arguments,
) {
    // Most lines are not wanted; finding that out is all that is done here.
    if x.client.debug || x[r].loc.error_log.enabled(level) {
        log_with(x, r, io, level, errno, text, &"");
    }
}

/// The same with something more behind the context; it begins with its own comma.
#[cold]
pub fn log_with(
    x: &Exchange,
    r: RequestIx,
    io: &Io,
    level: Level,
    errno: Option<&io::Error>,
    text: fmt::Arguments,
    more: &dyn Display,
) {
    // `debug_connection`: this client's lines go through whatever their level.
    let debugging = x.client.debug;
    let own = &x[r].loc.error_log;
    let raised: Targets;
    let targets = if debugging {
        raised = own.debugging();
        &raised
    } else {
        own
    };
    // Before anything is put into words.
    if !targets.enabled(level) {
        return;
    }
    let client = io.net.table.get(x.client.conn).map(|c| c.peer.host_text());
    let client = client.unwrap_or_default();
    let context = Context { x, r, client: &client, more };
    targets.write_with(level, x.client.number, errno, text, &context);
}

/// What follows the text and the error number.
///
/// Put into words only when a target takes the line.
struct Context<'a> {
    x: &'a Exchange,
    r: RequestIx,
    client: &'a str,
    more: &'a dyn Display,
}

impl Display for Context<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Context { x, r, client, more } = *self;
        if !x.action.is_empty() {
            write!(f, " while {}", x.action)?;
        }
        write!(f, ", client: {client}")?;
        let request = &x[r];
        write!(f, ", server: {}", request.server.name)?;
        // A subrequest has no line of its own; it is named beside the client's.
        let main = x.main();
        if !main.request_line.is_empty() {
            write!(f, ", request: \"{}\"", printable(&main.request_line))?;
        }
        if !request.is_main() {
            write!(f, ", subrequest: \"{}\"", printable(&request.uri))?;
        }
        if let Some(upstream) = request.upstream.as_ref() {
            upstream.write_context(f, &request.upstream_states)?;
        }
        if let Some(host) = main.headers_in.value(Known::Host) {
            write!(f, ", host: \"{}\"", printable(host))?;
        }
        if let Some(referer) = main.headers_in.value(Known::Referer) {
            write!(f, ", referrer: \"{}\"", printable(referer))?;
        }
        write!(f, "{more}")
    }
}

/// Bytes of a stranger in a line of ours: what is not printable is escaped, so that no line can be forged.
pub fn printable(bytes: &[u8]) -> impl Display + '_ {
    struct Printable<'a>(&'a [u8]);
    impl Display for Printable<'_> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            for chunk in self.0.utf8_chunks() {
                for c in chunk.valid().chars() {
                    if c.is_control() { write!(f, "\\x{:02X}", c as u32)? } else { f.write_char(c)? }
                }
                for byte in chunk.invalid() {
                    write!(f, "\\x{byte:02X}")?;
                }
            }
            Ok(())
        }
    }
    Printable(bytes)
}
