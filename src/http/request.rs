//! A request: what was asked, what will be answered, and where it stands.
//!
//! *In nginx* `ngx_http_request_t`, 140 fields, some for the connection, some for the main request only,
//! some for the one module that wanted a bit. Modules hang their own state on `r->ctx`.
//!
//! *Here* a main request and a subrequest are the same type, as there; what belongs to the client's
//! connection lives in the [`Exchange`](super::exchange::Exchange). Bytes are views of the pages they
//! came in, so a field costs no copy. A module's own state hangs on [`Request::ctx`], found by its type.
//!
//! *Read next*: `exchange.rs`, `phases.rs`.

use super::body::Body;
use super::conf::Location;
use super::exchange::Resume;
use super::headers::{HeadersIn, HeadersOut};
use super::holds::Hold;
use super::limited::Verdict;
use super::output::BodyFilter;
use super::server::Server;
use super::slots::ClientWrite;
use super::upstreamed::Upstream;
use crate::buf::{Chain, Slice};
use crate::event::RequestIx;
use crate::parse::request_line::Method;
use crate::parse::{Bad, uri};
use crate::util::lists::empty;
use std::any::{Any, TypeId};
use std::rc::Rc;

/// nginx's own code for fields that are too large; shown as 400.
pub const TOO_LARGE_FIELDS: u16 = 494;

/// How often a request may be sent elsewhere within the server, and one more.
const URI_CHANGES: u8 = 11;
/// How many subrequests may be made below a main request, and one more.
const SUBREQUESTS: u16 = 51;

/// The content handler of a location (nginx: `ngx_http_handler_pt` in `clcf->handler`).
pub type ContentHandler = super::phases::PhaseHandler;

/// A cached variable: not looked at yet, not found, or its value.
#[derive(Clone, Debug, Default)]
pub enum Cached {
    /// Not asked for yet.
    #[default]
    Unknown,
    /// Asked for, and there is none.
    Missing,
    /// Its value.
    Value(Slice),
}

/// Yes-or-no properties of a request.
#[derive(Debug, Default)]
pub struct RequestFlags {
    /// Made by the server itself: a redirect, an error page, a subrequest; may enter `internal` locations.
    pub internal: bool,
    /// The URI changed and a location is to be found again (nginx: `r->uri_changed`).
    pub uri_changed: bool,
    /// An error page is being made; statuses no longer lead to another one unless recursion is on.
    pub error_page: bool,
    /// The response's head has been handed to the output.
    pub header_sent: bool,
    /// Only the head is to be sent: HEAD, 204, 304.
    pub header_only: bool,
    /// The body goes out in chunks.
    pub chunked: bool,
    /// The end of the response has been handed to the output.
    pub response_sent: bool,
    /// Ranges of this response may be asked for (nginx: `r->allow_ranges`).
    pub allow_ranges: bool,
    /// The range filter is to cut this subrequest's part of the whole (slices).
    pub subrequest_ranges: bool,
    /// Only one range at once is possible.
    pub single_range: bool,
    /// Filters must have the body in memory (nginx: `r->filter_need_in_memory`).
    pub need_in_memory: bool,
    /// Filters write into the body (nginx: `r->filter_need_temporary`).
    pub need_temporary: bool,
    /// A subrequest whose body is kept for its parent (nginx: `subrequest_in_memory`).
    pub in_memory: bool,
    /// A subrequest nobody waits for.
    pub background: bool,
    /// A subrequest the parent waits for before its own output goes on.
    pub waited: bool,
    /// A subrequest that has been finalized.
    pub done: bool,
    /// A subrequest that is to have no request body: there was none when it was made, or its maker wants
    /// none.
    pub without_body: bool,
    /// Some of its body has been handed to the output (nginx: `r->request_output`).
    pub request_output: bool,
    /// Has been logged.
    pub logged: bool,
    /// The rate limit of this request has been worked out.
    pub limit_rate_set: bool,
    /// And how much is sent at full speed first.
    pub limit_rate_after_set: bool,
    /// A path or argument had an escape, so the URI is escaped again when passed on (nginx: `quoted_uri`).
    pub quoted_uri: bool,
    /// The path was changed by normalisation (nginx: `complex_uri`).
    pub complex_uri: bool,
    /// The URI as it came can be passed on, because no rewrite changed it (nginx: `valid_unparsed_uri`).
    pub valid_unparsed_uri: bool,
    /// The path was `http://host` without a slash.
    pub empty_path: bool,
    /// Conditional request fields are not to be looked at again.
    pub disable_not_modified: bool,
    /// The request got its post action already.
    pub post_action: bool,
    /// The upstream's reply switched to another protocol.
    pub upgraded: bool,
    /// The document root has been tested for being there.
    pub root_tested: bool,
    /// Expect: 100-continue is not to be answered (again).
    pub expect_tested: bool,
    /// The client has been told to go on with its body.
    pub expect_answered: bool,
    /// `rewrite … break` changed the path without a new location, so what `alias` replaces is no longer in
    /// front of it (nginx: `!valid_location`).
    pub rewritten_in_place: bool,
    /// `try_files` found a file below the `alias` of a location with a regular expression.
    pub add_uri_to_alias: bool,
    /// What `limit_req` made of the main request, which it looks at once.
    pub limit_req: Verdict,
    /// What `limit_conn` made of the main request, which it looks at once.
    pub limit_conn: Verdict,
    /// The client's address has been replaced by the one a trusted proxy named.
    pub realip_done: bool,
}

/// One request of an exchange.
pub struct Request {
    /// Its number in the exchange. Given by `Exchange::add`; 0 for the main request.
    pub ix: RequestIx,
    /// The number of the client's connection, for the debug log.
    pub number: u64,
    /// The request it is a part of; the main request is its own parent.
    pub parent: RequestIx,
    /// Which method.
    pub method: Method,
    /// The method as it came.
    pub method_name: Slice,
    /// 9, 1000 or 1001: HTTP/0.9, 1.0, 1.1.
    pub http_version: u16,
    /// The whole request line, for the log.
    pub request_line: Slice,
    /// The path and arguments as they came. A subrequest has its main request's.
    pub unparsed_uri: Slice,
    /// The path, decoded and normalised. Written by the head, then by rewrites and redirects; read by
    /// whoever looks for a location or a file.
    pub uri: Slice,
    /// What follows the question mark, as it came: arguments are not decoded.
    pub args: Slice,
    /// The path's extension, without the dot.
    pub exten: Slice,
    /// `http`; kept for absolute-form requests.
    pub schema: Slice,
    /// The request's fields.
    pub headers_in: HeadersIn,
    /// The response's head. Written by content handlers, the upstream and header filters, in this order;
    /// read once, when it is sent. Emptied when another peer is asked.
    pub headers_out: HeadersOut,
    /// The server that answers: that of the socket, until a host has been read.
    pub server: Rc<Server>,
    /// The location that answers; the server's own level before one is found.
    pub loc: Rc<Location>,
    /// The content handler the location set, until a module replaces it. None while no location is found,
    /// and where files answer.
    pub content_handler: Option<ContentHandler>,
    /// The request body. None until somebody asked for it, and where there is none. A subrequest reads that
    /// of the main request (`body::of`).
    pub body: Option<Box<Body>>,
    /// What happens when the client becomes writable or the request is posted. Changed by
    /// [`Request::swap_write`] alone.
    pub write: ClientWrite,
    /// The phase handler that runs next: where the engine goes on when the request is woken.
    pub phase: usize,
    /// How many internal redirects and rewrites are still allowed.
    pub uri_changes: u8,
    /// How many subrequests may still be made below the main request.
    pub subrequests_left: u16,
    /// Captures of the last regular expression that matched: `$1` … `$9` (index 0 is the whole).
    pub captures: Vec<Option<Slice>>,
    /// Yes-or-no properties.
    pub flags: RequestFlags,
    /// What the access rules said so far (`satisfy any`); 0 for nothing.
    pub access_code: u16,
    /// The status an error page replaced; 0 for none. Written by `special.rs`; what makes the page need not
    /// know that it is one, since this is put in place of its status when the head is sent.
    pub err_status: u16,
    /// Bytes per second, once decided (`limit_rate`, `$limit_rate`, X-Accel-Limit-Rate); 0 for no limit.
    pub limit_rate: u64,
    /// Bytes that are sent at full speed first.
    pub limit_rate_after: u64,
    /// When the request began, in milliseconds of the loop's clock.
    pub started: u64,
    /// The time of day then: seconds and milliseconds.
    pub started_at: (i64, u16),
    /// Empty unless a part of the page is made by a subrequest. Output kept back behind a subrequest, in
    /// order (nginx: `r->postponed`).
    pub postponed: std::collections::VecDeque<super::output::postpone::Postponed>,
    /// Body filters that the header filters engaged, in the order of their stages.
    pub filters: Vec<Box<dyn BodyFilter>>,
    /// Body filters behind the place where subrequests are put in; only the main request has any.
    pub late_filters: Vec<Box<dyn BodyFilter>>,
    /// Output whose files are still to be read (`output/copy.rs`).
    pub unread: Chain,
    /// Which buffers still hold output: bits of [`super::output::buffered`].
    pub buffered: u8,
    /// Bytes of the response's head.
    pub header_size: u64,
    /// The upstream. None until a pass directive's handler has begun; it stays when its work is over, since
    /// `$upstream_…` variables and filters ask it (then its `hold` is None).
    pub upstream: Option<Box<Upstream>>,
    /// One that is over: its memory serves the next.
    pub spare_upstream: Option<Box<Upstream>>,
    /// What became of the upstreams, for `$upstream_*`: an entry for each attempt, the present one last.
    pub upstream_states: Vec<super::upstreamed::State>,
    /// A subrequest's body when it was kept in memory, for the parent to read when it has ended.
    pub kept: Chain,
    /// How many bytes of it may be kept; None for what the location says (`subrequest_output_buffer_size`).
    pub kept_limit: Option<u64>,
    /// What to call when this subrequest ends (nginx: `r->post_subrequest`).
    pub post_subrequest: Option<PostSubrequest>,
    /// What to call when a subrequest of this one has ended and [`ClientWrite::Resume`] runs.
    pub resume: Option<Resume>,
    /// The hold that keeps the exchange alive for this request. None when it has been finalized.
    pub hold: Option<Hold>,
    /// The time this request waits for, if it does ([`super::delay`]).
    pub delay: Option<super::delay::Delay>,
    /// The modules' own state. Emptied by an internal redirect: what was found out about the old path does
    /// not hold for the new one.
    pub ctx: Contexts,
    /// Called when the request is gone for good, in reverse order.
    pub cleanups: Vec<Cleanup>,
}

/// Called when a subrequest is finalized, with the status; what it answers counts instead.
pub type PostSubrequest = Rc<
    dyn Fn(
        &mut super::exchange::Exchange,
        RequestIx,
        &mut super::io::Io,
        super::turn::Status,
    ) -> super::turn::Status,
>;

/// Called when a request is freed.
pub type Cleanup = Box<dyn FnOnce(&mut super::exchange::Exchange, RequestIx, &mut super::io::Io)>;

/// State that modules keep for a request, found by its type (nginx: `r->ctx[]`).
#[derive(Default)]
pub struct Contexts {
    // The type stands beside the box, as in `Services`.
    list: Vec<(TypeId, Box<dyn Any>)>,
}

impl Contexts {
    /// The state of this type.
    pub fn get<T: Any>(&self) -> Option<&T> {
        let (_, value) = self.list.iter().find(|(id, _)| *id == TypeId::of::<T>())?;
        value.downcast_ref()
    }

    /// The same, to be changed.
    pub fn get_mut<T: Any>(&mut self) -> Option<&mut T> {
        let (_, value) = self.list.iter_mut().find(|(id, _)| *id == TypeId::of::<T>())?;
        value.downcast_mut()
    }

    /// Puts a state in place of an earlier one of its type.
    pub fn set<T: Any>(&mut self, value: T) {
        match self.get_mut() {
            Some(old) => *old = value,
            None => self.list.push((TypeId::of::<T>(), Box::new(value))),
        }
    }

    /// The state of this type, made on first use.
    pub fn or_default<T: Any + Default>(&mut self) -> &mut T {
        if self.get::<T>().is_none() {
            self.list.push((TypeId::of::<T>(), Box::new(T::default())));
        }
        // The list holds one now, if only as its last element; a fresh leak is never reached.
        self.get_mut().unwrap_or_else(|| Box::leak(Box::default()))
    }

    /// Takes a state away.
    pub fn take<T: Any>(&mut self) -> Option<T> {
        let at = self.list.iter().position(|(id, _)| *id == TypeId::of::<T>())?;
        self.list.swap_remove(at).1.downcast().ok().map(|value| *value)
    }

    /// Forgets everything: an internal redirect starts afresh.
    pub fn clear(&mut self) {
        empty(&mut self.list);
    }
}

impl Request {
    /// A request that has not been read yet.
    pub fn new(ix: RequestIx, number: u64, server: Rc<Server>) -> Request {
        Request {
            ix,
            number,
            parent: RequestIx::MAIN,
            method: Method::Unknown,
            method_name: Slice::EMPTY,
            http_version: 1000,
            request_line: Slice::EMPTY,
            unparsed_uri: Slice::EMPTY,
            uri: Slice::EMPTY,
            args: Slice::EMPTY,
            exten: Slice::EMPTY,
            schema: Slice::EMPTY,
            headers_in: HeadersIn::default(),
            headers_out: HeadersOut::default(),
            loc: server.root.clone(),
            server,
            content_handler: None,
            body: None,
            write: ClientWrite::Empty,
            phase: 0,
            uri_changes: URI_CHANGES,
            subrequests_left: SUBREQUESTS,
            captures: Vec::new(),
            flags: RequestFlags::default(),
            access_code: 0,
            err_status: 0,
            limit_rate: 0,
            limit_rate_after: 0,
            started: crate::event::clock::now(),
            started_at: crate::log::clock::msec(),
            postponed: Default::default(),
            filters: Vec::new(),
            late_filters: Vec::new(),
            unread: Chain::default(),
            buffered: 0,
            header_size: 0,
            upstream: None,
            spare_upstream: None,
            upstream_states: Vec::new(),
            kept: Chain::default(),
            kept_limit: None,
            post_subrequest: None,
            resume: None,
            hold: None,
            delay: None,
            ctx: Contexts::default(),
            cleanups: Vec::new(),
        }
    }

    /// Lets go of everything but the memory of its lists: what was asked, what was answered, and who was at
    /// work on it.
    ///
    /// Field by field: to build a new request and move it here would write every byte twice, and most were
    /// never touched. A field of [`Request::new`] that is not here is one that [`Request::renew`] sets.
    pub fn retire(&mut self) {
        self.forget_question();
        self.forget_answer();
        self.flags = RequestFlags::default();
        self.content_handler = None;
        self.swap_write(ClientWrite::Empty);
        self.phase = 0;
        self.uri_changes = URI_CHANGES;
        self.subrequests_left = SUBREQUESTS;
        if let Some(u) = self.upstream.as_mut() {
            u.retire();
            // Nearly always it was made in the memory of the one before, so that nothing is spare.
            if self.spare_upstream.is_none() {
                std::mem::swap(&mut self.upstream, &mut self.spare_upstream);
            } else {
                self.upstream = None;
            }
        }
        empty(&mut self.upstream_states);
        self.post_subrequest = None;
        self.resume = None;
        self.hold = None;
        self.delay = None;
        self.ctx.clear();
        empty(&mut self.cleanups);
    }

    fn forget_question(&mut self) {
        self.method_name.clear();
        self.request_line.clear();
        self.unparsed_uri.clear();
        self.uri.clear();
        self.args.clear();
        self.exten.clear();
        self.schema.clear();
        self.method = Method::Unknown;
        self.http_version = 1000;
        self.headers_in.clear();
        self.body = None;
        empty(&mut self.captures);
    }

    fn forget_answer(&mut self) {
        self.headers_out.clear();
        (self.access_code, self.err_status) = (0, 0);
        (self.limit_rate, self.limit_rate_after) = (0, 0);
        if !self.postponed.is_empty() {
            self.postponed.clear();
        }
        empty(&mut self.filters);
        empty(&mut self.late_filters);
        self.unread.clear();
        self.buffered = 0;
        self.header_size = 0;
        self.kept.clear();
        self.kept_limit = None;
    }

    /// Makes a retired request that of a server, now.
    pub fn renew(&mut self, number: u64, server: Rc<Server>) {
        self.number = number;
        self.loc = server.root.clone();
        self.server = server;
        self.started = crate::event::clock::now();
        self.started_at = crate::log::clock::msec();
    }

    /// True for the request the client made.
    pub fn is_main(&self) -> bool {
        self.ix == RequestIx::MAIN
    }

    /// Swaps the write slot, with a line in the debug log.
    pub fn swap_write(&mut self, slot: ClientWrite) {
        if self.write != slot {
            if log::log_enabled!(log::Level::Trace) {
                self.tell_of_swap(slot);
            }
            self.write = slot;
        }
    }

    #[cold]
    fn tell_of_swap(&self, slot: ClientWrite) {
        let (number, ix) = (self.number, self.ix.0);
        log::trace!("*{number} request {ix} write {:?} -> {slot:?}", self.write);
    }

    /// Makes a path with escapes, dots or double slashes the one that is meant, and an empty one a
    /// slash. Only such paths are copied.
    ///
    /// # Errors
    /// A path that cannot be one.
    #[cold]
    pub fn normalise(&mut self) -> Result<(), Bad> {
        let raw = self.unparsed_uri.clone();
        if self.flags.empty_path {
            self.uri = "/".into();
            self.unparsed_uri = Slice::from([b"/", &*raw].concat());
            return Ok(());
        }
        let mut decoded = Vec::with_capacity(raw.len());
        self.uri = Slice::EMPTY;
        let args = uri::parse_complex_uri(&raw, *self.server.core.merge_slashes, &mut decoded)?;
        self.args = args.map(|span| raw.slice(span.start as usize..span.end as usize)).unwrap_or_default();
        self.uri = Slice::from(decoded);
        self.set_exten();
        Ok(())
    }

    /// Sets the path's extension from the path (nginx: `ngx_http_set_exten`).
    pub fn set_exten(&mut self) {
        self.exten = match crate::parse::uri::extension(&self.uri) {
            Some(span) => self.uri.slice(span.start as usize..span.end as usize),
            None => Slice::EMPTY,
        };
    }
}
