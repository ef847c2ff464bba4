//! `slice`: a large response fetched in parts of one size, so that each part can be cached.
//!
//! *In nginx* `ngx_http_slice_filter_module`: the upstream is asked for the range `$slice_range`; when
//! the first part has been sent a cloned subrequest fetches the next, until the whole, or the range that
//! the client wanted, is there.
//!
//! *Here* likewise. A part that does not fit (another status, range or entity tag) ends the connection:
//! a client must not get a mixture.
//!
//! ```text
//!   client: bytes=3-6, slice 4      main: 0-3 ─▶ "···3"     child: 4-7 ─▶ "456·"     end
//!                                   each part is a 200 of the whole for the range filter, which cuts
//! ```
//!
//! The state belongs to the main request; a child only knows that it is a part.
//!
//! *Read next*: `range.rs`, `http/subrequest.rs`.

use crate::buf::{Chain, Slice};
use crate::conf::directive::{Args, Directive, LEVELS, Module};
use crate::conf::value::parse_number;
use crate::event::RequestIx;
use crate::http::exchange::Exchange;
use crate::http::headers::Known;
use crate::http::io::Io;
use crate::http::logging;
use crate::http::module::HttpModule;
use crate::http::output::{BodyFilter, HeaderFilter, Stage, engage};
use crate::http::subrequest::{self, Subrequest};
use crate::http::turn::Status;
use crate::http::vars::{Definition, definition};
use crate::log::Level;
use crate::settings;

settings! {
    /// `slice`
    pub struct SliceConf: Location {
        /// Bytes of a part; 0 for off.
        pub size: u64 = 0,
    }
}

/// The module.
pub static MODULE: HttpModule = HttpModule {
    filters: &[
        HeaderFilter { stage: Stage::Slice, run: begin_part },
        // When the range filter has decided.
        HeaderFilter { stage: Stage::Chunked, run: choose_end },
    ],
    idle: Some(|confs| *confs.get::<SliceConf>().size == 0),
    variables: Some(variables),
    ..HttpModule::new(&TABLE)
};

static TABLE: Module = Module {
    name: "http_slice",
    directives: &[Directive::of("slice", LEVELS, Args::Exactly(1))
        .default("0")
        .doc(
            "The size of the parts a response is fetched in, with $slice_range as the Range field; 0 \
                 for off.",
        )
        .set(|cx, line| line.size(&mut cx.conf::<SliceConf>().size))],
};

/// How far the response is; kept by the main request.
struct Parts {
    size: u64,
    /// Where the next part begins.
    start: u64,
    /// Where the last byte that the client wants has its successor.
    end: u64,
    etag: Option<Slice>,
    /// The head of the present part has come.
    active: bool,
    child: Option<RequestIx>,
}

impl Parts {
    fn range(&self) -> Slice {
        let last = self.start.saturating_add(self.size).saturating_sub(1);
        format!("bytes={}-{last}", self.start).into()
    }
}

/// A child that fetches a part.
struct IsPart;

fn variables() -> Vec<(&'static str, Definition)> {
    vec![("slice_range", definition(|x, r, _| range(x, r)).volatile())]
}

/// The range of the part that this request is to fetch.
fn range(x: &mut Exchange, r: RequestIx) -> Option<Slice> {
    if !x[r].is_main() {
        x[r].ctx.get::<IsPart>()?;
        return x.main().ctx.get::<Parts>().map(Parts::range);
    }
    if x[r].ctx.get::<Parts>().is_none() {
        let size = *x[r].loc.confs.get::<SliceConf>().size;
        if size == 0 || x[r].headers_out.status != 0 {
            return None;
        }
        let start = wanted_start(x, r) / size * size;
        x[r].ctx.set(Parts { size, start, end: 0, etag: None, active: false, child: None });
    }
    x[r].ctx.get::<Parts>().map(Parts::range)
}

/// The first byte the client asked for, if it asked for one range; all others begin with the first part.
fn wanted_start(x: &Exchange, r: RequestIx) -> u64 {
    let headers = &x[r].headers_in;
    let Some(range) = headers.value(Known::Range).filter(|_| headers.get(Known::IfRange).is_none()) else {
        return 0;
    };
    let unit = range.get(..6).unwrap_or_default();
    if !unit.eq_ignore_ascii_case(b"bytes=") || range.contains(&b',') {
        return 0;
    }
    let text = range.get(6..).unwrap_or_default().trim_ascii_start();
    let digits = text.iter().take_while(|b| b.is_ascii_digit()).count();
    text.get(..digits).and_then(parse_number).filter(|start| *start <= i64::MAX as u64).unwrap_or(0)
}

/// A part's head has come: it is made that of the whole, for the filters behind.
fn begin_part(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Result<(), Status> {
    let is_part = x[r].is_main() || x[r].ctx.get::<IsPart>().is_some();
    if !is_part || x.main().ctx.get::<Parts>().is_none() {
        return Ok(());
    }
    if x[r].headers_out.status != 206 {
        if x[r].is_main() {
            x[r].ctx.take::<Parts>();
            return Ok(());
        }
        let status = x[r].headers_out.status;
        return refuse(x, r, io, &format!("unexpected status code {status} in slice response"));
    }
    let (start, complete) = match check_part(x, r) {
        Ok(found) => found,
        Err(why) => return refuse(x, r, io, &why),
    };
    let request = &mut x[r];
    let out = &mut request.headers_out;
    out.status = 200;
    out.status_line = None;
    out.content_length = Some(complete);
    out.content_offset = start;
    out.remove(b"Content-Range");
    out.clear_accept_ranges();
    request.flags.allow_ranges = true;
    request.flags.subrequest_ranges = true;
    request.flags.single_range = true;
    if request.is_main() {
        engage(x, r, Box::new(Joint { ended: false, again: false }));
    }
    Ok(())
}

fn refuse(x: &Exchange, r: RequestIx, io: &Io, why: &str) -> Result<(), Status> {
    logging::log(x, r, io, Level::Error, None, format_args!("{why}"));
    Err(Status::Error)
}

/// Whether the part is the one that was asked for. Gives where it begins and the length of the whole.
fn check_part(x: &mut Exchange, r: RequestIx) -> Result<(u64, u64), String> {
    let etag = x[r].headers_out.get(b"ETag").cloned();
    let range = x[r].headers_out.get(b"Content-Range").cloned();
    let Some(parts) = x.main_mut().ctx.get_mut::<Parts>() else { return Err(String::new()) };
    if parts.etag.as_ref().is_some_and(|known| Some(known) != etag.as_ref()) {
        return Err("etag mismatch in slice response".to_owned());
    }
    parts.etag = etag.or_else(|| parts.etag.take());
    let Some((start, end, complete)) = range.as_deref().and_then(parse_content_range) else {
        return Err("invalid range in slice response".to_owned());
    };
    let Some(complete) = complete else { return Err("no complete length in slice response".to_owned()) };
    let expected = start.saturating_add(parts.size).min(complete);
    if start != parts.start || end != expected {
        return Err(format!("unexpected range in slice response: {start}-{end}"));
    }
    parts.start = end;
    parts.active = true;
    Ok((start, complete))
}

/// `bytes 0-1/10`: the first byte, the one behind the last, and the length of the whole (None for `*`).
fn parse_content_range(text: &[u8]) -> Option<(u64, u64, Option<u64>)> {
    let rest = text.strip_prefix(b"bytes ")?.trim_ascii();
    let (range, complete) = rest.split_at_checked(memchr::memchr(b'/', rest)?)?;
    let (first, last) = range.split_at_checked(memchr::memchr(b'-', range)?)?;
    let first = parse_number(first.trim_ascii())?;
    let last = parse_number(last.strip_prefix(b"-")?.trim_ascii())?;
    let end = last.checked_add(1).filter(|end| first < *end)?;
    let complete = match complete.strip_prefix(b"/")?.trim_ascii() {
        b"*" => None,
        digits => Some(parse_number(digits)?),
    };
    Some((first, end, complete))
}

/// The range filter has decided how much the client gets.
fn choose_end(x: &mut Exchange, r: RequestIx, _: &mut Io) -> Result<(), Status> {
    if !x[r].is_main() {
        return Ok(());
    }
    let out = &x[r].headers_out;
    let (status, offset, length) = (out.status, out.content_offset, out.content_length.unwrap_or(0));
    let Some(parts) = x[r].ctx.get_mut::<Parts>() else { return Ok(()) };
    parts.end = length;
    if status == 206 {
        // Parts before the range are not fetched.
        if parts.start.saturating_add(parts.size) <= offset {
            parts.start = offset / parts.size * parts.size;
        }
        parts.end = offset.saturating_add(length);
    }
    Ok(())
}

/// The body filter of the main request: one part after the other.
struct Joint {
    /// The main request's own part has ended.
    ended: bool,
    again: bool,
}

impl BodyFilter for Joint {
    fn stage(&self) -> Stage {
        Stage::Slice
    }

    fn filter(
        &mut self,
        x: &mut Exchange,
        r: RequestIx,
        io: &mut Io,
        input: &mut Chain,
        out: &mut Chain,
    ) -> Result<(), Status> {
        self.ended |= std::mem::take(&mut input.last);
        if !self.ended || !input.is_nothing() {
            // What comes behind is put in line when this has been passed on.
            self.again = self.ended;
            out.append(std::mem::take(input));
            return Ok(());
        }
        self.again = false;
        let Some(parts) = x[r].ctx.get::<Parts>() else { return Ok(()) };
        let (child, active, start, end) = (parts.child, parts.active, parts.start, parts.end);
        if child.is_some_and(|child| !x[child].flags.done) {
            return Ok(());
        }
        if !active {
            return refuse(x, r, io, "missing slice response");
        }
        if start >= end {
            x[r].ctx.take::<Parts>();
            out.last = true;
            return Ok(());
        }
        if x[r].buffered != 0 {
            return Ok(());
        }
        if let Some(child) = child {
            subrequest::forget(x, child, io);
        }
        let child = Subrequest::clone_of(x, r).start(x, r, io)?;
        x[child].ctx.set(IsPart);
        if let Some(parts) = x[r].ctx.get_mut::<Parts>() {
            parts.active = false;
            parts.child = Some(child);
        }
        Ok(())
    }

    fn wants_more(&self) -> bool {
        self.again
    }
}
