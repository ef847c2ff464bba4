//! The head of a response, as bytes.
//!
//! *In nginx* `ngx_http_header_filter`, the last of the header filters: it counts the length of
//! everything, allocates one buffer and writes it.
//!
//! *Here* one page, filled in the same order as nginx fills it: status line, Server, Date, Content-Type,
//! Content-Length, Last-Modified, Location, Transfer-Encoding, Connection, Keep-Alive, then the other
//! fields.
//!
//! *Read next*: `write.rs`.

use super::write;
use crate::buf::{Slice, Writer, chain};
use crate::event::RequestIx;
use crate::http::conf::{Location, ServerTokens};
use crate::http::exchange::Exchange;
use crate::http::io::Io;
use crate::http::request::Request;
use crate::http::turn::Status;
use crate::log::clock;
use crate::parse::request_line::Method;
use crate::util::{numbers, version};
use std::cell::RefCell;
use std::fmt::Write as _;

/// What `Server:` says under these settings, and the line under error pages.
///
/// NGINX: the name is nginx's, because programs behind and in front of a server look for it (WordPress does
/// to choose its rewriting, nginx's own tests do); `server_tokens build` adds ours.
pub fn server_name(location: &Location) -> &'static str {
    match &*location.core.server_tokens {
        ServerTokens::On => version::NGINX_VER,
        ServerTokens::Off => "nginx",
        ServerTokens::Build => version::NGINX_VER_BUILD,
    }
}

/// The words that go with a status.
pub fn reason(status: u16) -> Option<&'static str> {
    Some(match status {
        100 => "100 Continue",
        101 => "101 Switching Protocols",
        103 => "103 Early Hints",
        200 => "200 OK",
        201 => "201 Created",
        202 => "202 Accepted",
        204 => "204 No Content",
        206 => "206 Partial Content",
        301 => "301 Moved Permanently",
        302 => "302 Moved Temporarily",
        303 => "303 See Other",
        304 => "304 Not Modified",
        307 => "307 Temporary Redirect",
        308 => "308 Permanent Redirect",
        400 => "400 Bad Request",
        401 => "401 Unauthorized",
        402 => "402 Payment Required",
        403 => "403 Forbidden",
        404 => "404 Not Found",
        405 => "405 Not Allowed",
        406 => "406 Not Acceptable",
        407 => "407 Proxy Authentication Required",
        408 => "408 Request Time-out",
        409 => "409 Conflict",
        410 => "410 Gone",
        411 => "411 Length Required",
        412 => "412 Precondition Failed",
        413 => "413 Request Entity Too Large",
        414 => "414 Request-URI Too Large",
        415 => "415 Unsupported Media Type",
        416 => "416 Requested Range Not Satisfiable",
        421 => "421 Misdirected Request",
        425 => "425 Too Early",
        429 => "429 Too Many Requests",
        431 => "431 Request Header Fields Too Large",
        500 => "500 Internal Server Error",
        501 => "501 Not Implemented",
        502 => "502 Bad Gateway",
        503 => "503 Service Temporarily Unavailable",
        504 => "504 Gateway Time-out",
        505 => "505 HTTP Version Not Supported",
        507 => "507 Insufficient Storage",
        _ => return None,
    })
}

/// Writes the head and hands it to the socket. Answers as [`super::send_header`].
pub fn send(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Status {
    if x[r].flags.header_sent {
        return Status::Ok;
    }
    x[r].flags.header_sent = true;
    // A part of a page has a head for its parent to look at, and none on the wire.
    if !x[r].is_main() {
        return Status::Ok;
    }
    // So it is the main request.
    let (client, request) = x.client_and_main();
    if request.http_version < 1000 {
        // HTTP/0.9 has no heads.
        request.flags.header_only = request.method == Method::Head;
        return Status::Ok;
    }
    if request.body.as_ref().is_some_and(|body| body.unbuffered && !body.complete) {
        // An answer ahead of its request: whether the rest of it will be read is not known, so nothing may
        // follow it.
        client.keepalive = false;
    }
    let out = &mut request.headers_out;
    let status = out.status;
    if request.method == Method::Head || matches!(status, 204 | 304 | 100..=199) && !request.flags.upgraded {
        request.flags.header_only = true;
    }
    // These have no body, so what would describe one must not be there (RFC 9110, section 8.6).
    if status == 204 || (100..200).contains(&status) {
        out.content_type = None;
        out.clear_content_length();
    }
    if !matches!(status, 200 | 206 | 304) {
        // The time is that of an error page, not of what was asked for.
        out.clear_last_modified();
    }
    // DIFF: a worker that is finishing says so in the answer; nginx promises to stay, and closes.
    client.keepalive &= !io.exiting;
    let head = render(x, io);
    x.main_mut().header_size = head.len() as u64;
    x.out.push(head);
    // A head without a body is all there is.
    x.out.last |= x.main().flags.header_only;
    match write::flush(x, io) {
        Status::Error => Status::Error,
        _ if !x.out.is_empty() && x.main().flags.header_only => Status::Again,
        _ => Status::Ok,
    }
}

/// The bytes of the head, in nginx's order of fields.
fn render(x: &Exchange, io: &Io) -> Slice {
    let request = x.main();
    let out = &request.headers_out;
    // A small body, or one that may be small, is to find room behind its head.
    let large = out.content_length.is_some_and(|length| length > chain::SMALL as u64);
    let mut head = Writer::with_capacity(if large { 1024 } else { 4096 });
    let is_ok = out.status == 200 && out.status_line.as_ref().is_none_or(|line| line[..] == *b"200 OK");
    if is_ok && out.server.is_none() && out.date.is_none() {
        usual_beginning(&mut head, server_name(&request.loc));
    } else {
        beginning(&mut head, request);
    }
    content(&mut head, request);
    let absolute = out.get(b"Location").and_then(|location| absolute_location(x, io, location));
    if let Some(location) = &absolute {
        field(&mut head, b"Location", location);
    }
    connection(&mut head, x);
    for other in &out.fields {
        if absolute.is_none() || !other.name.eq_ignore_ascii_case(b"Location") {
            field(&mut head, &other.name, &other.value);
        }
    }
    head.put(b"\r\n");
    head.finish()
}

/// Status line, Server and Date.
fn beginning(head: &mut Writer, request: &Request) {
    let out = &request.headers_out;
    head.put(b"HTTP/1.1 ");
    match (&out.status_line, reason(out.status)) {
        (Some(line), _) => head.put(line),
        (None, Some(reason)) => head.put(reason.as_bytes()),
        // A writer takes everything.
        (None, None) => drop(write!(head, "{:03} ", out.status)),
    }
    head.put(b"\r\n");
    match out.server.as_deref().unwrap_or(server_name(&request.loc).as_bytes()) {
        b"" => {}
        server => field(head, b"Server", server),
    }
    match &out.date {
        Some(date) if date.is_empty() => {}
        Some(date) => field(head, b"Date", date),
        None => clock::with_http_time(|time| field(head, b"Date", time)),
    }
}

/// What most answers of one second begin with, for each name that servers have.
struct Beginnings {
    second: i64,
    texts: Vec<(&'static str, Vec<u8>)>,
}

thread_local! {
    static BEGINNINGS: RefCell<Beginnings> =
        const { RefCell::new(Beginnings { second: i64::MIN, texts: Vec::new() }) };
}

/// The same three lines for status 200 when nobody has given others.
fn usual_beginning(head: &mut Writer, server: &'static str) {
    BEGINNINGS.with_borrow_mut(|Beginnings { second, texts }| {
        let now = clock::seconds();
        if std::mem::replace(second, now) != now {
            texts.clear();
        }
        if let Some((_, text)) = texts.iter().find(|(name, _)| name.as_ptr() == server.as_ptr()) {
            return head.put(text);
        }
        let text = format!("HTTP/1.1 200 OK\r\nServer: {server}\r\nDate: {}\r\n", clock::http_time());
        head.put(text.as_bytes());
        texts.push((server, text.into_bytes()));
    });
}

/// One line of the head.
#[inline]
fn field(head: &mut Writer, name: &[u8], value: &[u8]) {
    head.put(name);
    head.put(b": ");
    head.put(value);
    head.put(b"\r\n");
}

/// Content-Type, Content-Length and Last-Modified.
fn content(head: &mut Writer, request: &Request) {
    let out = &request.headers_out;
    if let Some(content_type) = out.content_type.as_ref().filter(|value| !value.is_empty()) {
        head.put(b"Content-Type: ");
        head.put(content_type);
        if let Some(charset) = &out.charset {
            head.put(b"; charset=");
            head.put(charset);
        }
        head.put(b"\r\n");
    }
    if let Some(length) = out.content_length {
        head.put(b"Content-Length: ");
        head.number(length);
        head.put(b"\r\n");
    }
    // add_header may have given it another text.
    if let Some(time) = out.last_modified.filter(|_| out.get(b"Last-Modified").is_none()) {
        field(head, b"Last-Modified", clock::http_date(time).as_bytes());
    }
}

/// Transfer-Encoding, Connection and Keep-Alive.
fn connection(head: &mut Writer, x: &Exchange) {
    let request = x.main();
    if request.flags.chunked {
        head.put(b"Transfer-Encoding: chunked\r\n");
    }
    if request.headers_out.status == 101 {
        head.put(b"Connection: upgrade\r\n");
    } else if request.flags.upgraded {
        // CONNECT: the connection neither stays for another request nor ends with this answer.
    } else if x.client.keepalive {
        head.put(b"Connection: keep-alive\r\n");
        let seconds = *request.loc.core.keepalive_header;
        if seconds != 0 {
            head.put(b"Keep-Alive: timeout=");
            head.number(seconds);
            head.put(b"\r\n");
        }
    } else {
        head.put(b"Connection: close\r\n");
    }
}

/// Makes a redirect within this server absolute (directives `absolute_redirect`,
/// `server_name_in_redirect`, `port_in_redirect`).
fn absolute_location(x: &Exchange, io: &Io, location: &Slice) -> Option<Slice> {
    let request = x.main();
    let core = &request.loc.core;
    if !location.starts_with(b"/") || !*core.absolute_redirect {
        return None;
    }
    let asked = &request.headers_in.server;
    let host = if *core.server_name_in_redirect {
        request.server.name.clone()
    } else if asked.is_empty() {
        let local = io.net.table.get(x.client.conn).and_then(crate::http::vars::core::local_address);
        local.map(|local| local.host_text().into()).unwrap_or_default()
    } else {
        asked.clone()
    };
    if host.is_empty() {
        return None;
    }
    let https = io.net.table.get(x.client.conn).is_some_and(|c| !c.is_plain());
    let (scheme, default) = if https { ("https://", 443) } else { ("http://", 80) };
    let mut absolute = scheme.as_bytes().to_vec();
    absolute.extend_from_slice(&host);
    let port = x.client.head.local_port;
    if *core.port_in_redirect && port != default && port != 0 {
        absolute.push(b':');
        numbers::decimal(&mut absolute, port.into());
    }
    absolute.extend_from_slice(location);
    Some(Slice::from(absolute))
}
