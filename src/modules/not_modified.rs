//! Conditions: the client has this already, or wants it only if it is still the same.
//!
//! *In nginx* `ngx_http_not_modified_filter_module`, the first of the header filters.
//!
//! *Here* four request fields are compared with `Last-Modified` and `ETag` of the response. A failed
//! condition of a client that wants to change something replaces the response by 412; a fulfilled one of a
//! client that has a copy makes it a 304 without a body.
//!
//! ```text
//!   If-Unmodified-Since, If-Match        not met ─▶ 412
//!   If-Modified-Since, If-None-Match     both say "same" ─▶ 304
//! ```
//!
//! *Read next*: `range.rs`.

use crate::conf::directive::Module;
use crate::event::RequestIx;
use crate::http::conf::IfModifiedSince;
use crate::http::exchange::Exchange;
use crate::http::headers::Known;
use crate::http::io::Io;
use crate::http::module::HttpModule;
use crate::http::output::{HeaderFilter, Stage};
use crate::http::request::Request;
use crate::http::turn::Status;
use crate::parse::date;

/// The module; its directive `if_modified_since` is among the core's.
pub static MODULE: HttpModule = HttpModule {
    filters: &[HeaderFilter { stage: Stage::NotModified, run: filter }],
    ..HttpModule::new(&TABLE)
};

static TABLE: Module = Module { name: "http_not_modified", directives: &[] };

fn filter(x: &mut Exchange, r: RequestIx, _: &mut Io) -> Result<(), Status> {
    if x[r].flags.disable_not_modified { Ok(()) } else { judge(x, r) }
}

#[inline(never)]
fn judge(x: &mut Exchange, r: RequestIx) -> Result<(), Status> {
    let request = &x[r];
    if request.headers_out.status != 200 || !request.is_main() {
        return Ok(());
    }
    let field = |known| request.headers_in.value(known);
    if field(Known::IfUnmodifiedSince).is_some_and(|since| !is_unmodified(request, since)) {
        return Err(Status::Http(412));
    }
    if field(Known::IfMatch).is_some_and(|list| !matches_tag(request, list, false)) {
        return Err(Status::Http(412));
    }
    let (since, none) = (field(Known::IfModifiedSince), field(Known::IfNoneMatch));
    if since.is_none() && none.is_none()
        || since.is_some_and(|since| is_modified(request, since))
        || none.is_some_and(|list| !matches_tag(request, list, true))
    {
        return Ok(());
    }
    let out = &mut x[r].headers_out;
    out.status = 304;
    out.status_line = None;
    out.content_type = None;
    out.clear_content_length();
    out.clear_accept_ranges();
    out.remove(b"Content-Encoding");
    Ok(())
}

fn is_unmodified(request: &Request, since: &[u8]) -> bool {
    let Some(modified) = request.headers_out.last_modified else { return false };
    date::parse(since).is_some_and(|since| since >= modified)
}

fn is_modified(request: &Request, since: &[u8]) -> bool {
    let Some(modified) = request.headers_out.last_modified else { return true };
    match (*request.loc.core.if_modified_since, date::parse(since)) {
        (IfModifiedSince::Off, _) | (_, None) => true,
        (IfModifiedSince::Exact, Some(since)) => since != modified,
        (IfModifiedSince::Before, Some(since)) => since < modified,
    }
}

/// Whether the response's entity tag is in a list of tags (RFC 9110, sections 8.8.3.2 and 13.1). The weak
/// comparison does not mind a `W/` on either side.
fn matches_tag(request: &Request, list: &[u8], weak: bool) -> bool {
    if list == b"*" {
        return true;
    }
    let Some(tag) = request.headers_out.get(b"ETag") else { return false };
    let bare = |tag| if weak { strip_weak(tag) } else { tag };
    let tag = bare(tag);
    let mut rest = list;
    while !rest.is_empty() {
        if let Some(after) = bare(rest).strip_prefix(tag) {
            let end = after.iter().position(|b| !matches!(b, b' ' | b'\t'));
            if end.is_none_or(|end| after.get(end) == Some(&b',')) {
                return true;
            }
        }
        let comma = memchr::memchr(b',', rest).unwrap_or(rest.len());
        let next = rest.get(comma..).unwrap_or_default();
        let start = next.iter().position(|b| !matches!(b, b',' | b' ' | b'\t')).unwrap_or(next.len());
        rest = next.get(start..).unwrap_or_default();
    }
    false
}

fn strip_weak(tag: &[u8]) -> &[u8] {
    tag.strip_prefix(b"W/").filter(|rest| !rest.is_empty()).unwrap_or(tag)
}
