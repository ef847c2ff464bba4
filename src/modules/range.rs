//! Ranges: a part of the response instead of the whole.
//!
//! *In nginx* `ngx_http_range_filter_module`: a header filter near the end that decides, and a body filter at
//! the very beginning that cuts. Several ranges work there only if the whole body is in one buffer.
//!
//! *Here* the same two, but the body may come in any number of pieces: one range is cut out of it as it
//! passes; for several, which may be in any order, pieces are kept until all of the body is known. Pieces of
//! files cost nothing to keep.
//!
//! ```text
//!   bytes=2-4            206, Content-Range: bytes 2-4/10, three bytes
//!   bytes=0-1,8-9        206, multipart/byteranges: head, part, head, part, end
//!   bytes=10-            416, Content-Range: bytes */10
//! ```
//!
//! *Read next*: `parse/range.rs`, which reads the field.

use crate::buf::{Chain, Slice};
use crate::conf::directive::Module;
use crate::event::RequestIx;
use crate::http::exchange::Exchange;
use crate::http::headers::Known;
use crate::http::io::Io;
use crate::http::module::HttpModule;
use crate::http::output::{BodyFilter, HeaderFilter, Stage, engage};
use crate::http::request::Request;
use crate::http::turn::Status;
use crate::parse::date;
use crate::parse::range::{Ranges, parse};
use std::cell::Cell;
use std::io::Write;

/// The module; its directive `max_ranges` is among the core's.
pub static MODULE: HttpModule =
    HttpModule { filters: &[HeaderFilter { stage: Stage::Range, run: filter }], ..HttpModule::new(&TABLE) };

static TABLE: Module = Module { name: "http_range", directives: &[] };

fn filter(x: &mut Exchange, r: RequestIx, _: &mut Io) -> Result<(), Status> {
    if x[r].flags.allow_ranges { cut(x, r) } else { Ok(()) }
}

#[inline(never)]
fn cut(x: &mut Exchange, r: RequestIx) -> Result<(), Status> {
    let request = &x[r];
    let Some(length) = request.headers_out.content_length else { return Ok(()) };
    let max = *request.loc.core.max_ranges;
    let out = &request.headers_out;
    let ours = request.is_main() || request.flags.subrequest_ranges;
    let possible = request.http_version >= 1000 && ours;
    if !possible || out.status != 200 || max == 0 {
        return Ok(());
    }
    let mut parts = Vec::new();
    let verdict = match request.headers_in.value(Known::Range) {
        Some(range) if if_range_holds(request) => {
            let max = if request.flags.single_range { 1 } else { max };
            parse(range, length, usize::try_from(max).ok(), &mut parts)
        }
        _ => Ranges::Ignore,
    };
    match (verdict, &parts[..]) {
        (Ranges::NotSatisfiable, _) => {
            // DIFF: nginx leaves the fields of the response that could not be cut; only this one stays here.
            let out = &mut x[r].headers_out;
            out.set("Content-Range", format!("bytes */{length}"));
            out.clear_content_length();
            Err(Status::Http(416))
        }
        (Ranges::Parts, &[(start, end)]) => {
            single(x, r, start, end, length);
            Ok(())
        }
        (Ranges::Parts, _) => {
            multipart(x, r, &parts, length);
            Ok(())
        }
        (Ranges::Ignore, _) => {
            x[r].headers_out.set("Accept-Ranges", "bytes");
            Ok(())
        }
    }
}

/// Whether the condition of `If-Range` holds: the very tag, or the very time (RFC 9110, section 13.1.5).
fn if_range_holds(request: &Request) -> bool {
    let Some(condition) = request.headers_in.value(Known::IfRange) else { return true };
    if condition.len() >= 2 && condition.ends_with(b"\"") {
        return request.headers_out.get(b"ETag").is_some_and(|tag| tag == condition);
    }
    let modified = request.headers_out.last_modified;
    modified.is_some() && date::parse(condition) == modified
}

fn partial(x: &mut Exchange, r: RequestIx, length: u64) {
    let out = &mut x[r].headers_out;
    out.status = 206;
    out.status_line = None;
    out.clear_content_length();
    out.clear_accept_ranges();
    out.content_length = Some(length);
}

fn single(x: &mut Exchange, r: RequestIx, start: u64, end: u64, length: u64) {
    partial(x, r, end - start);
    let out = &mut x[r].headers_out;
    out.add("Content-Range", format!("bytes {start}-{}/{length}", end.saturating_sub(1)));
    let offset = out.content_offset;
    out.content_offset = start;
    engage(x, r, Box::new(Cut { start, end, offset }));
}

thread_local! {
    static BOUNDARIES: Cell<u64> = const { Cell::new(0) };
}

/// Twenty digits that no other response of this worker has.
fn boundary() -> String {
    let n = BOUNDARIES.get();
    BOUNDARIES.set(n.wrapping_add(1));
    let seed = u64::from(std::process::id()) << 32;
    format!("{:020}", seed.wrapping_add(n).wrapping_add(1))
}

fn multipart(x: &mut Exchange, r: RequestIx, ranges: &[(u64, u64)], length: u64) {
    let boundary = boundary();
    let out = &mut x[r].headers_out;
    let mut head = format!("\r\n--{boundary}\r\n").into_bytes();
    if let Some(content_type) = &out.content_type {
        head.extend_from_slice(b"Content-Type: ");
        head.extend_from_slice(content_type);
        if let Some(charset) = &out.charset {
            head.extend_from_slice(b"; charset=");
            head.extend_from_slice(charset);
        }
        head.extend_from_slice(b"\r\n");
    }
    let mut parts = Vec::with_capacity(ranges.len());
    let end: Slice = format!("\r\n--{boundary}--\r\n").into();
    let mut size = end.len() as u64;
    for &(start, end) in ranges {
        let mut head = head.clone();
        let last = end.saturating_sub(1);
        // Writing to a vector cannot fail.
        let _ = write!(head, "Content-Range: bytes {start}-{last}/{length}\r\n\r\n");
        size = size.saturating_add(head.len() as u64).saturating_add(end - start);
        parts.push(Part { head: head.into(), start, end });
    }
    out.content_type = Some(format!("multipart/byteranges; boundary={boundary}").into());
    out.charset = None;
    partial(x, r, size);
    engage(x, r, Box::new(Multipart { parts, end, whole: Chain::default(), length, done: false }));
}

/// Cuts one range out of a body that passes.
struct Cut {
    start: u64,
    end: u64,
    /// Where the next byte that comes stands in the whole.
    offset: u64,
}

impl BodyFilter for Cut {
    fn stage(&self) -> Stage {
        Stage::RangeBody
    }

    fn filter(
        &mut self,
        _: &mut Exchange,
        _: RequestIx,
        _: &mut Io,
        input: &mut Chain,
        out: &mut Chain,
    ) -> Result<(), Status> {
        let size = input.len();
        let after = self.offset.saturating_add(size);
        input.consume(self.start.saturating_sub(self.offset).min(size));
        let wanted = self.end.saturating_sub(self.offset.max(self.start));
        out.append(input.split_to(wanted));
        out.flush = input.flush;
        out.last = input.last;
        self.offset = after;
        Ok(())
    }
}

struct Part {
    head: Slice,
    start: u64,
    end: u64,
}

/// Collects a body and puts it together anew, as parts.
struct Multipart {
    parts: Vec<Part>,
    end: Slice,
    whole: Chain,
    length: u64,
    done: bool,
}

impl BodyFilter for Multipart {
    fn stage(&self) -> Stage {
        Stage::RangeBody
    }

    fn filter(
        &mut self,
        _: &mut Exchange,
        _: RequestIx,
        _: &mut Io,
        input: &mut Chain,
        out: &mut Chain,
    ) -> Result<(), Status> {
        if self.done {
            *out = Chain::flags_of(input);
            return Ok(());
        }
        self.whole.append(std::mem::take(input));
        if self.whole.len() < self.length {
            // A body that ends early cannot keep the length that was promised.
            return if self.whole.last { Err(Status::Error) } else { Ok(()) };
        }
        for part in &self.parts {
            out.push(part.head.clone());
            let mut copy = Chain::default();
            self.whole.pieces().cloned().for_each(|piece| copy.push_piece(piece));
            copy.consume(part.start);
            out.append(copy.split_to(part.end - part.start));
        }
        out.push(self.end.clone());
        out.set_flags_of(&self.whole);
        self.whole.clear();
        self.done = true;
        Ok(())
    }
}
