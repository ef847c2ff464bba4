//! What the fields of a head mean for the server itself, and whether they agree with each other.
//!
//! *In nginx* `ngx_http_process_request_header` and the handlers of single fields.
//!
//! *Here* one judgement at the end of the head, over the fields as they came. Framing is strict (RFC
//! 9112 section 6): what two hops could read in two ways is refused and the connection closed.
//!
//! *Read next*: `parse/framing.rs`.

use super::head::refuse;
use super::host;
use crate::event::RequestIx;
use crate::http::exchange::Exchange;
use crate::http::headers::{ConnectionType, Known};
use crate::http::io::Io;
use crate::http::logging;
use crate::http::turn::{Status, Turn};
use crate::log::Level;
use crate::parse::framing::{self, Body};
use crate::parse::request_line::Method;
use crate::parse::{Bad, list};

/// A Host field has come, the first one.
///
/// # Errors
/// 400 for one that cannot be a host.
pub fn host(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Turn {
    // The host of an absolute request line has been chosen already; this one must still be a host.
    if !x[r].headers_in.server.is_empty() && !x[r].schema.is_empty() {
        let value = x[r].headers_in.value(Known::Host).unwrap_or_default();
        return match crate::parse::host::validate_host(value) {
            Ok(_) => Ok(()),
            Err(bad) => refuse(x, r, io, bad),
        };
    }
    if host::set_again(x) {
        return host::choose_server(x, r, io);
    }
    let value = x[r].headers_in.kept(Known::Host).unwrap_or_default();
    host::set(x, r, io, &value)
}

/// A field that may come once has come before: says so in the log and gives the connection up.
pub fn refuse_second(x: &mut Exchange, r: RequestIx, io: &mut Io, known: Known, name: &[u8], value: &[u8]) {
    x.client.poisoned = true;
    if known == Known::Host {
        logging::log(x, r, io, Level::Info, None, format_args!("client sent duplicate host header"));
        return;
    }
    let Some(first) = x[r].headers_in.get(known) else { return };
    let text = format_args!(
        "client sent duplicate header line: \"{}: {}\", previous value: \"{}: {}\"",
        logging::printable(name),
        logging::printable(value),
        logging::printable(first.name),
        logging::printable(first.value)
    );
    logging::log(x, r, io, Level::Info, None, text);
}

/// Judges a complete head.
///
/// # Errors
/// The status of what is wrong with it.
pub fn judge(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Turn {
    let version = x[r].http_version;
    let headers = &x[r].headers_in;
    if !headers.has(Known::Host) && version > 1000 {
        let text = format_args!("client sent HTTP/1.1 request without \"Host\" header");
        logging::log(x, r, io, Level::Info, None, text);
        x.client.poisoned = true;
        return Status::Http(400).finish();
    }
    if headers.server.is_empty() {
        host::choose_server(x, r, io)?;
    }
    let headers = &x[r].headers_in;
    // Most heads have nothing more to be judged.
    let said = [Known::ContentLength, Known::TransferEncoding, Known::Connection];
    if !headers.has_any(&said) && x[r].method != Method::Connect {
        return Ok(());
    }
    let (lengths, encodings) = (headers.all(Known::ContentLength), headers.all(Known::TransferEncoding));
    match framing::body(lengths, encodings, u32::from(version)) {
        Ok(Body::Unstated) => {}
        Ok(Body::Length(length)) => x[r].headers_in.content_length = Some(length),
        Ok(Body::Chunked) => x[r].headers_in.chunked = true,
        Err(bad) => return refuse(x, r, io, bad),
    }
    if x[r].method == Method::Connect && (x[r].headers_in.chunked || x[r].headers_in.content_length.is_some())
    {
        // What follows the head belongs to the tunnel; whoever sees a body there sees another message.
        return refuse(x, r, io, Bad::InvalidRequest);
    }
    let mut wish = ConnectionType::Unsaid;
    for field in x[r].headers_in.all(Known::Connection) {
        for token in list::tokens(field) {
            if token.eq_ignore_ascii_case(b"close") {
                wish = ConnectionType::Close;
            } else if token.eq_ignore_ascii_case(b"keep-alive") && wish == ConnectionType::Unsaid {
                wish = ConnectionType::KeepAlive;
            }
        }
    }
    x[r].headers_in.connection = wish;
    Ok(())
}
