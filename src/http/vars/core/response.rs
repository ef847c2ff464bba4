//! Variables of the answer.
//!
//! *In nginx* the last part of `ngx_http_core_variables`: fields that are not in the list of response fields,
//! because the last header filter writes them itself, have getters of their own.
//!
//! *Here* the same. All of them change while the answer is made, so none is cached.
//!
//! *Read next*: `families.rs`.

use super::super::table::{Definition, definition};
use super::List;
use crate::buf::{Slice, Texts};
use crate::event::RequestIx;
use crate::http::exchange::Exchange;
use crate::http::io::Io;
use crate::util::numbers;

/// The variables.
pub fn variables() -> List {
    vec![
        ("status", definition(|x, r, io| Some(status_text(status(x, r), &mut io.texts))).volatile()),
        ("bytes_sent", definition(|x, _, io| Some(io.texts.number(bytes_sent(x, io)))).volatile()),
        ("body_bytes_sent", definition(|x, _, io| Some(io.texts.number(body_bytes_sent(x, io)))).volatile()),
        ("pipe", answer(|x, _| Some(if x.client.pipelined { "p".into() } else { ".".into() }))),
        (
            "request_completion",
            answer(|x, _| Some(if x.main().flags.done { "OK".into() } else { Slice::EMPTY })),
        ),
        ("sent_http_content_type", answer(content_type)),
        (
            "sent_http_content_length",
            definition(|x, r, io| x[r].headers_out.content_length.map(|n| io.texts.number(n))).volatile(),
        ),
        ("sent_http_last_modified", answer(last_modified)),
        ("sent_http_connection", answer(connection)),
        ("sent_http_keep_alive", answer(keep_alive)),
        ("sent_http_transfer_encoding", answer(|x, r| x[r].flags.chunked.then(|| "chunked".into()))),
    ]
}

fn answer(get: fn(&Exchange, RequestIx) -> Option<Slice>) -> Definition {
    definition(move |x, r, _| get(x, r)).volatile()
}

/// The status the client sees, or will see.
pub fn status(x: &Exchange, r: RequestIx) -> u16 {
    let request = &x[r];
    match (request.err_status, request.headers_out.status, request.http_version) {
        (0, 0, 9) => 9,
        (0, status, _) => status,
        (status, _, _) => status,
    }
}

/// A status as a text: three digits, also for none and for HTTP/0.9.
fn status_text(status: u16, texts: &mut Texts) -> Slice {
    texts.make(|out| numbers::three_digits(out, status))
}

/// Bytes sent to the client for this request, the head too.
pub fn bytes_sent(x: &Exchange, io: &Io) -> u64 {
    io.net.table.get(x.client.conn).map_or(0, |c| c.sent.saturating_sub(x.client.sent_before))
}

/// The same without the head.
pub fn body_bytes_sent(x: &Exchange, io: &Io) -> u64 {
    bytes_sent(x, io).saturating_sub(x.main().header_size)
}

fn content_type(x: &Exchange, r: RequestIx) -> Option<Slice> {
    let out = &x[r].headers_out;
    let kind = out.content_type.as_ref()?;
    match &out.charset {
        Some(charset) => Some([&**kind, b"; charset=", &**charset].concat().into()),
        None => Some(kind.clone()),
    }
}

fn last_modified(x: &Exchange, r: RequestIx) -> Option<Slice> {
    let out = &x[r].headers_out;
    match out.last_modified {
        Some(seconds) => Some(Slice::copy(crate::log::clock::http_date(seconds).as_bytes())),
        None => out.get(b"Last-Modified").cloned(),
    }
}

fn connection(x: &Exchange, r: RequestIx) -> Option<Slice> {
    Some(match x[r].headers_out.status {
        101 => "upgrade".into(),
        _ if x.client.keepalive => "keep-alive".into(),
        _ => "close".into(),
    })
}

fn keep_alive(x: &Exchange, r: RequestIx) -> Option<Slice> {
    let seconds = *x[r].loc.core.keepalive_header;
    (x.client.keepalive && seconds != 0).then(|| format!("timeout={seconds}").into())
}
