//! Output: from a handler's bytes to the client's socket.
//!
//! *In nginx* two chains of filters, linked through static pointers in the order the modules were
//! compiled: header filters, run once by `ngx_http_send_header`, and body filters, run for each chain by
//! `ngx_http_output_filter`.
//!
//! *Here* header filters are a list in the cycle, ordered by [`Stage`]. A body filter exists only where
//! it has something to do: the header filter that finds it does engages it, by putting a value into
//! [`Request::filters`]. A response that no filter wants goes from the handler straight to the three
//! that always run: postpone, chunked, write.
//!
//! ```text
//!   send_header ─▶ header filters ─▶ header.rs (bytes of the head) ──────────────────────┐
//!   output ─▶ engaged filters, copy among them ─▶ postpone ─▶ late filters ─▶ chunked ───┴─▶ write ─▶ …
//! ```
//!
//! A filter never waits. What it cannot hand on yet it keeps, with its bit of [`buffered`]; [`output`] asks
//! again as long as the socket takes what comes.
//!
//! [`Request::filters`]: super::request::Request::filters
//!
//! *Read next*: `header.rs`, `write.rs`.

pub mod chunked;
pub mod copy;
pub mod header;
pub mod postpone;
pub mod write;

use super::exchange::Exchange;
use super::io::Io;
use super::turn::Status;
use crate::buf::{Chain, Slice};
use crate::event::RequestIx;

/// The order of filters: what comes first sees the response first (nginx: the order of
/// `HTTP_FILTER_MODULES`, from its end).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Slices of a large body are joined.
    Slice,
    /// If-Modified-Since and its like.
    NotModified,
    /// Parts of the body are cut out.
    RangeBody,
    /// Files are read, if anybody behind here wants bytes; a fixed step (`copy.rs`).
    Copy,
    /// add_header, expires.
    Headers,
    /// userid.
    Userid,
    /// gunzip.
    Gunzip,
    /// add_before_body, add_after_body.
    Addition,
    /// sub_filter.
    Sub,
    /// charset.
    Charset,
    /// SSI.
    Ssi,
    /// gzip; from here on bodies of subrequests are part of the main one.
    Gzip,
    /// Range.
    Range,
    /// Transfer-Encoding.
    Chunked,
}

/// Looks at the response's head before it is written, and engages body filters.
///
/// Answers `Err(Status::Http(code))` to replace the whole response by that status, `Err(Status::Error)`
/// to give up.
#[derive(Clone, Copy)]
pub struct HeaderFilter {
    /// When it runs.
    pub stage: Stage,
    /// What it does.
    pub run: fn(&mut Exchange, RequestIx, &mut Io) -> Result<(), Status>,
}

/// Changes a body on its way. A value lives as long as its request and keeps what it has to remember.
pub trait BodyFilter {
    /// When it runs.
    fn stage(&self) -> Stage;

    /// Takes what came and leaves in `out` what is to go on. Called with an empty `input` too, when what
    /// was kept back may go on. `input.last` ends the body; a filter passes it on in `out.last` when it
    /// has nothing left. A filter that keeps something back sets its bit of [`buffered`] in the request.
    ///
    /// # Errors
    /// [`Status::Error`]: the connection is closed.
    fn filter(
        &mut self,
        x: &mut Exchange,
        r: RequestIx,
        io: &mut Io,
        input: &mut Chain,
        out: &mut Chain,
    ) -> Result<(), Status>;

    /// True if the filter is to be called again, with an empty `input`, when what it left in `out` has been
    /// passed on: it has something to do that must come behind that, such as a subrequest. Not asked of
    /// filters behind [`Stage::Gzip`].
    fn wants_more(&self) -> bool {
        false
    }
}

/// Who keeps output back; bits of `Request::buffered` (nginx: `NGX_HTTP_*_BUFFERED`).
pub mod buffered {
    /// sub_filter
    pub const SUB: u8 = 1;
    /// gzip, gunzip
    pub const GZIP: u8 = 2;
    /// SSI
    pub const SSI: u8 = 4;
    /// A file is being read for a filter that needs it in memory.
    pub const COPY: u8 = 8;
    /// addition
    pub const ADDITION: u8 = 16;
}

/// The filters that can go on at once, without new input, when there is room again.
const EAGER: u8 = buffered::COPY | buffered::GZIP;
/// How often a response is asked for more in one turn before others have theirs; with `output_buffers` some
/// megabytes.
const ROUNDS: u32 = 64;

/// Engages a body filter for this response.
pub fn engage(x: &mut Exchange, r: RequestIx, filter: Box<dyn BodyFilter>) {
    let late = filter.stage() >= Stage::Gzip;
    let filters = if late { &mut x[r].late_filters } else { &mut x[r].filters };
    let at = filters.partition_point(|other| other.stage() <= filter.stage());
    filters.insert(at, filter);
}

/// Sends the response's head (nginx: `ngx_http_send_header`). Answers Ok, Again, Error, or Http when the
/// response has been replaced and its body must not be sent.
pub fn send_header(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Status {
    if x[r].flags.post_action {
        return Status::Ok;
    }
    if x[r].flags.header_sent {
        super::logging::log(x, r, io, crate::log::Level::Alert, None, format_args!("header already sent"));
        return Status::Error;
    }
    if x[r].err_status != 0 {
        x[r].headers_out.status = x[r].err_status;
        x[r].headers_out.status_line = None;
    }
    let loc = x[r].loc.clone();
    for filter in &loc.steps.filters {
        match (filter.run)(x, r, io) {
            Ok(()) => {}
            Err(Status::Http(code)) => {
                super::special::forget_response(x, r);
                return Status::Http(code);
            }
            Err(status) => return status,
        }
    }
    header::send(x, r, io)
}

/// Hands on a part of the body (nginx: `ngx_http_output_filter`). Answers Ok, Again (not all could be sent)
/// or Error.
pub fn output(x: &mut Exchange, r: RequestIx, io: &mut Io, mut chain: Chain) -> Status {
    if is_straight(x, r) && !copy::is_needed(x, r, &chain) {
        x.main_mut().flags.request_output |= !chain.is_empty();
        return postpone::next(x, io, chain);
    }
    if x[r].flags.header_only && !x[r].flags.in_memory {
        chain = Chain::flags_of(&chain);
    }
    for _ in 0..ROUNDS {
        let status = once(x, r, io, chain);
        if status != Status::Ok || x[r].buffered & EAGER == 0 {
            return status;
        }
        if x[r].buffered & buffered::SSI != 0 || r != x.active && !x[r].flags.in_memory {
            // What is read now would only wait in line: its turn to be sent has not come.
            return Status::Again;
        }
        chain = Chain::default();
    }
    io.net.post_next(x.client.conn, crate::event::Side::Write);
    Status::Again
}

/// Hands on a whole body, or the rest of one. Answers as [`output`].
pub fn output_last(x: &mut Exchange, r: RequestIx, io: &mut Io, body: Slice) -> Status {
    let main = x.main();
    // Nearly all have nothing between here and the socket.
    if is_straight(x, r) && !main.flags.chunked && main.late_filters.is_empty() {
        x.main_mut().flags.request_output |= !body.is_empty();
        x.out.push(body);
        x.out.last = true;
        return write::flush(x, io);
    }
    let mut chain = Chain::of(body);
    chain.last = true;
    output(x, r, io, chain)
}

/// How many bytes of this request have passed the filters and are not sent.
pub fn unsent(x: &Exchange, r: RequestIx) -> u64 {
    // A page that waits for one of its subrequests takes nothing.
    if x[r].buffered & buffered::SSI != 0 {
        return u64::MAX;
    }
    let waits = x[r].postponed.iter().map(|postponed| match postponed {
        postpone::Postponed::Output(chain) => chain.len(),
        postpone::Postponed::Request(_) => 0,
    });
    let waits: u64 = waits.sum();
    if r == x.active { waits.saturating_add(x.out.len()) } else { waits }
}

/// True if nobody on the way would look at what is in memory: most responses engage no filter and have no
/// subrequests.
fn is_straight(x: &Exchange, r: RequestIx) -> bool {
    let main = x.main();
    r == RequestIx::MAIN
        && x.active == r
        && main.buffered == 0
        && main.filters.is_empty()
        && main.postponed.is_empty()
        && !main.flags.header_only
        && !main.flags.in_memory
}

/// Runs a chain through the engaged filters once.
fn once(x: &mut Exchange, r: RequestIx, io: &mut Io, chain: Chain) -> Status {
    x[r].flags.request_output |= !chain.is_empty();
    let mut filters = std::mem::take(&mut x[r].filters);
    let status = pass(x, r, io, &mut filters, false, chain);
    // A filter may have made a response of its own meanwhile, which engages none.
    if x[r].filters.is_empty() {
        x[r].filters = filters;
    }
    status
}

/// Hands a chain to the first of these filters, and what it makes of that to the rest. `copied` says whether
/// the chain has passed the place where files are read.
fn pass(
    x: &mut Exchange,
    r: RequestIx,
    io: &mut Io,
    filters: &mut [Box<dyn BodyFilter>],
    copied: bool,
    mut chain: Chain,
) -> Status {
    match filters.split_first_mut() {
        Some((first, rest)) if copied || first.stage() < Stage::Copy => loop {
            let mut out = Chain::default();
            if let Err(status) = first.filter(x, r, io, &mut chain, &mut out) {
                return status;
            }
            let status = pass(x, r, io, rest, copied, out);
            if status == Status::Error || !first.wants_more() {
                return status;
            }
            chain = Chain::default();
        },
        None if copied => postpone::filter(x, r, io, chain),
        _ => {
            if copy::is_needed(x, r, &chain) {
                chain = match copy::filter(x, r, io, chain) {
                    Ok(chain) => chain,
                    Err(status) => return status,
                };
            }
            pass(x, r, io, filters, true, chain)
        }
    }
}

/// Runs the filters of the main request that see the bodies of subrequests too.
///
/// # Errors
/// [`Status::Error`] when one of them gives up.
#[inline(never)]
pub fn late(x: &mut Exchange, io: &mut Io, mut chain: Chain) -> Result<Chain, Status> {
    if x.main().late_filters.is_empty() || chain.is_nothing() {
        return Ok(chain);
    }
    let mut filters = std::mem::take(&mut x.main_mut().late_filters);
    let mut done = Ok(());
    for filter in &mut filters {
        let mut out = Chain::default();
        done = filter.filter(x, RequestIx::MAIN, io, &mut chain, &mut out);
        if done.is_err() {
            break;
        }
        chain = out;
    }
    x.main_mut().late_filters = filters;
    done.map(|()| chain)
}

/// Sends a whole response kept in memory: the status, the type, the bytes (nginx: `ngx_http_send_response`).
pub fn send_response(
    x: &mut Exchange,
    r: RequestIx,
    io: &mut Io,
    status: u16,
    content_type: Option<Slice>,
    body: Slice,
) -> Status {
    if let Err(status) = super::body::discard::discard_request_body(x, r, io) {
        return status;
    }
    let out = &mut x[r].headers_out;
    out.status = status;
    out.content_length = Some(body.len() as u64);
    match content_type {
        Some(content_type) => out.content_type = Some(content_type),
        None => set_content_type(x, r),
    }
    let sent = send_header(x, r, io);
    if sent == Status::Error || matches!(sent, Status::Http(_)) || x[r].flags.header_only {
        return sent;
    }
    output_last(x, r, io, body)
}

/// Ends the response (nginx: `ngx_http_send_special` with `NGX_HTTP_LAST`).
pub fn send_last(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Status {
    output(x, r, io, Chain::ending())
}

/// Chooses the content type by the path's extension (nginx: `ngx_http_set_content_type`).
pub fn set_content_type(x: &mut Exchange, r: RequestIx) {
    if x[r].headers_out.content_type.is_some() {
        return;
    }
    let core = x[r].loc.core.clone();
    let exten = &x[r].exten;
    let found =
        if exten.is_empty() { None } else { core.types.get(&exten.to_ascii_lowercase()[..]).cloned() };
    x[r].headers_out.content_type = Some(found.unwrap_or_else(|| (*core.default_type).clone()));
}
