//! Keep-alive: whether a connection may serve another request, and how it goes on.
//!
//! *In nginx* `ngx_http_handler` (what the client wishes), `ngx_http_update_location_config` (what the
//! location allows), `ngx_http_set_keepalive` and `ngx_http_keepalive_handler`.
//!
//! *Here* three questions at three times: [`wishes`] when the head is read, [`update`] when a location
//! is found, [`decide`] when the response is out. The dispatcher carries the decision out.
//!
//! *Read next*: `lingering.rs`, `wait.rs`.

use super::super::conf::{KEEPALIVE_DISABLE_MSIE6, KEEPALIVE_DISABLE_SAFARI, LingeringClose};
use crate::event::clock;
use crate::http::exchange::{Exchange, Fate};
use crate::http::headers::{ConnectionType, Known};
use crate::http::io::Io;
use crate::http::request::Request;

/// What the client wishes: HTTP/1.1 keeps alive unless told otherwise, HTTP/1.0 the other way round.
pub fn wishes(x: &mut Exchange, _: &mut Io) {
    let main = x.main();
    let keepalive = match main.headers_in.connection {
        ConnectionType::Unsaid => main.http_version > 1000,
        ConnectionType::Close => false,
        ConnectionType::KeepAlive => true,
    };
    let body = main.headers_in.chunked || main.headers_in.content_length.is_some_and(|length| length > 0);
    x.client.keepalive = keepalive && main.http_version >= 1000;
    // Until it has been read, bytes of it may still be under way when we close.
    x.client.lingering = body;
}

/// What the location allows.
pub fn update(x: &mut Exchange, io: &mut Io) {
    if !x.client.keepalive {
        return;
    }
    let core = &x.main().loc.core;
    let Some(c) = io.net.table.get(x.client.conn) else { return };
    // A connection that is never let go keeps an old worker, and an old configuration, alive.
    let old = clock::now().saturating_sub(c.started) > *core.keepalive_time;
    let many = u64::from(c.requests) >= *core.keepalive_requests;
    if *core.keepalive_timeout == 0 || old || many || disabled(x, *core.keepalive_disable) {
        x.client.keepalive = false;
    }
}

/// Browsers with which keep-alive goes wrong (directive `keepalive_disable`).
fn disabled(x: &Exchange, mask: u32) -> bool {
    // The first bit is about POST requests only, so nearly nobody's name has to be looked at.
    let post = x.main().method == crate::parse::request_line::Method::Post;
    (post || mask & KEEPALIVE_DISABLE_SAFARI != 0) && is_one_of(x.main(), post, mask)
}

#[inline(never)]
fn is_one_of(main: &Request, post: bool, mask: u32) -> bool {
    let Some(agent) = main.headers_in.value(Known::UserAgent) else { return false };
    let has = |word: &[u8]| memchr::memmem::find(agent, word).is_some();
    let version = memchr::memmem::find(agent, b"MSIE ").and_then(|at| agent.get(at + 5));
    let old = match version {
        Some(b'4' | b'5') => true,
        Some(b'6') => !has(b"SV1"),
        _ => false,
    };
    let msie6 = old && !has(b"Opera");
    if mask & KEEPALIVE_DISABLE_MSIE6 != 0 && msie6 && post {
        return true;
    }
    let safari = has(b"Safari/") && has(b"Mac OS X") && !has(b"Chrome");
    mask & KEEPALIVE_DISABLE_SAFARI != 0 && safari
}

/// What becomes of the connection now that the response is out.
pub fn decide(x: &mut Exchange, io: &mut Io) -> Fate {
    let core = &x.main().loc.core;
    let exiting = io.exiting;
    let Some(c) = io.net.table.get(x.client.conn) else { return Fate::Close };
    if c.read.error || c.write.error {
        return Fate::Close;
    }
    if x.client.keepalive && !exiting && !x.client.poisoned && *core.keepalive_timeout > 0 {
        return Fate::KeepAlive;
    }
    // Unread bytes, in the page or in the socket, would make the kernel answer the close with a reset.
    let more = x.client.head.pos < x.client.head.page.len() || c.read.ready;
    match *core.lingering_close {
        LingeringClose::Always => Fate::Linger,
        LingeringClose::On if x.client.lingering || x.client.poisoned || more => Fate::Linger,
        _ => Fate::Close,
    }
}
