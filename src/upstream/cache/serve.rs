//! Serving: an answer from a file.
//!
//! *In nginx* `ngx_http_upstream_cache_send` and `ngx_http_cache_send`.
//!
//! *Here* the same: the head of the reply stands in the file as it came from the peer, so the protocol that
//! read it then reads it once more, with a context of its own. What a client does not get of a peer's head it
//! does not get of this one. The body is a piece of the file, or of the page that was read with the head
//! if it is all there.
//!
//! ```text
//!   file [ head of the file │ head of the reply │ body ]
//!                             process_header ─▶ heads ─▶ send_header      └─▶ output (sendfile)
//! ```
//!
//! *Read next*: `http/output/copy.rs`; `fill.rs`, where it came from.

use super::super::{finish, heads};
use super::of;
use crate::buf::{Chain, FileRange, Slice};
use crate::event::RequestIx;
use crate::http::cached::Entry;
use crate::http::exchange::Exchange;
use crate::http::headers::Known;
use crate::http::io::Io;
use crate::http::logging;
use crate::http::output::{output, send_header};
use crate::http::turn::{Leave, Status, Turn};
use crate::log::Level;
use crate::parse::request_line::Method;
use crate::protocol::{Cursor, Step};

/// Answers from what is open. None if its head cannot be read.
pub fn serve(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Option<Turn> {
    read_head(x, r, io)?;
    Some(send(x, r, io))
}

/// Has the protocol read the head that was kept.
pub(super) fn read_head(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Option<()> {
    let confs = x[r].loc.clone();
    let u = super::super::of(x, r)?;
    let mut module = u.kind.revive(&confs.confs)?;
    let c = u.cache.as_deref_mut()?;
    let entry = c.entry.as_ref()?;
    let mut cursor = Cursor::default();
    let mut input = cursor.input(&entry.page);
    input.consume(entry.head.header_start());
    u.head.clear();
    let step = module.process_header(&mut input, &mut u.head);
    // What was to be logged was logged when it came.
    u.head.notes.clear();
    if step != Ok(Step::Done) {
        let path = c.store.path(&c.key);
        let text = format_args!("cache file \"{}\" contains invalid header", path.display());
        logging::log(x, r, io, Level::Crit, None, text);
        return None;
    }
    u.module = Some(module);
    c.sends = true;
    Some(())
}

/// Sends the head that has been read, and the body.
pub(super) fn send(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Turn {
    x.action = "sending cached response to client";
    if let Some(to) = heads::accel_redirect(x, r) {
        return finish::redirect(x, r, io, to);
    }
    heads::process_headers(x, r, io)?;
    let Some(c) = of(x, r) else { return Status::INTERNAL.finish() };
    let Some(entry) = c.entry.take() else { return Status::INTERNAL.finish() };
    c.date = entry.head.date;
    let mut chain = body(&entry);
    let promised = x[r].headers_out.content_length;
    if x[r].method != Method::Head && promised.is_some_and(|n| n != chain.len()) && x[r].is_main() {
        // The answer to a HEAD that was kept as it was: what is missing shows by the close.
        x.client.keepalive = false;
    }
    let sent = send_header(x, r, io);
    if sent == Status::Error || matches!(sent, Status::Http(_)) || x[r].flags.header_only {
        return sent.finish();
    }
    chain.last = true;
    Err(Leave::Finish(output(x, r, io, chain)))
}

/// The body: from memory if all of it was read with the head.
fn body(entry: &Entry) -> Chain {
    let start = u64::from(entry.head.body_start);
    let len = entry.size.saturating_sub(start);
    if entry.page.len() as u64 == entry.size {
        let at = usize::try_from(start).unwrap_or(usize::MAX);
        return Chain::of(entry.page.slice(at..entry.page.len()));
    }
    let mut chain = Chain::default();
    chain.push_file(FileRange { file: entry.file.clone(), offset: start, len, temporary: false });
    chain
}

/// The validators of what is there, for a peer that is asked whether it has changed: its time, its tag.
pub fn validators(x: &Exchange, r: RequestIx) -> (Option<Slice>, Option<Slice>) {
    let Some(u) = x[r].upstream.as_deref() else { return (None, None) };
    let Some(c) = u.cache.as_deref().filter(|_| *u.conf.cache.revalidate) else { return (None, None) };
    if c.status != crate::http::cached::CacheStatus::Expired {
        return (None, None);
    }
    let Some(head) = c.entry.as_ref().map(|entry| &entry.head) else { return (None, None) };
    let time = i64::try_from(head.last_modified).ok().filter(|time| *time > 0);
    let time = time.map(|time| Slice::from(crate::log::clock::http_date(time).to_string()));
    let tag = (!head.etag.is_empty()).then(|| Slice::copy(&head.etag));
    (time, tag)
}

/// Whether the peer is asked with GET although the client said HEAD.
pub fn asks_get(x: &Exchange, r: RequestIx) -> bool {
    x[r].upstream.as_ref().and_then(|u| u.cache.as_ref()).is_some_and(|c| c.asks_get)
}

/// The fields a peer gets whose reply is to be kept: the conditions and ranges of this client are not for
/// it, because the reply is for others too; those of the cache are.
pub fn request_fields(x: &Exchange, r: RequestIx) -> Vec<(Slice, Slice)> {
    use Known::{IfMatch, IfModifiedSince, IfNoneMatch, IfRange, IfUnmodifiedSince, Range};
    let withheld = [IfModifiedSince, IfUnmodifiedSince, IfNoneMatch, IfMatch, Range, IfRange];
    let passes = x[r].upstream.as_ref().is_some_and(|u| *u.conf.pass_request_headers);
    let headers = &x[r].headers_in;
    let wanted = headers.iter().enumerate().filter(|(_, field)| passes && !withheld.contains(&field.known));
    let mut fields: Vec<_> = wanted.filter_map(|(at, _)| headers.kept_at(at)).collect();
    let (time, tag) = validators(x, r);
    fields.extend(time.map(|time| ("If-Modified-Since".into(), time)));
    fields.extend(tag.map(|tag| ("If-None-Match".into(), tag)));
    fields
}
