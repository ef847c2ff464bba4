//! Subrequests: a request inside a request.
//!
//! *In nginx* `ngx_http_subrequest`: a new `ngx_http_request_t` on the same connection, put in line in
//! the parent's postponed list, started by a posted request; when it ends, `post_subrequest` is called
//! and the parent's write handler runs.
//!
//! *Here* the same within one exchange, so that parent and child are both in reach.
//!
//! ```text
//!   parent ── subrequest() ─▶ child, posted ─▶ phases … finalize ─▶ callback(parent) ─▶ parent posted
//! ```
//!
//! *Read next*: `output/postpone.rs`.

use super::exchange::Exchange;
use super::holds::Why;
use super::io::Io;
use super::output::postpone::Postponed;
use super::parse::request_line::Method;
use super::request::{PostSubrequest, Request};
use super::slots::ClientWrite;
use crate::buf::Slice;
use crate::event::RequestIx;

/// How a subrequest is to be made.
#[derive(Default)]
pub struct Options {
    /// Its body is kept in memory for the parent instead of being sent.
    pub in_memory: bool,
    /// The parent waits for it before its own output goes on.
    pub waited: bool,
    /// Nobody waits for it.
    pub background: bool,
    /// It gets the parent's method and body too.
    pub clone: bool,
    /// What to call when it ends.
    pub then: Option<PostSubrequest>,
}

/// Makes a subrequest of `parent` and posts it. None when there are too many.
pub fn subrequest(
    x: &mut Exchange,
    parent: RequestIx,
    io: &mut Io,
    uri: Slice,
    args: Slice,
    options: Options,
) -> Option<RequestIx> {
    let left = x[parent].subrequests_left;
    if left <= 1 || x.main().subrequests_left == 0 {
        let text = format_args!("subrequests cycle while processing \"{uri}\"");
        super::logging::log(x, parent, io, crate::log::Level::Error, None, text);
        return None;
    }
    let mut request = Request::new(RequestIx::MAIN, x[parent].server.clone());
    let from = &x[parent];
    request.parent = parent;
    request.method = if options.clone { from.method } else { Method::Get };
    request.method_name = if options.clone { from.method_name.clone() } else { "GET".into() };
    request.http_version = x.main().http_version;
    request.request_line = x.main().request_line.clone();
    request.schema = from.schema.clone();
    request.uri = uri;
    request.args = args;
    request.unparsed_uri = x.main().unparsed_uri.clone();
    request.subrequests_left = left - 1;
    request.set_exten();
    copy_headers(&mut request, x.main());
    request.flags.internal = true;
    request.flags.in_memory = options.in_memory;
    request.flags.waited = options.waited;
    request.flags.background = options.background;
    request.flags.need_in_memory = from.flags.need_in_memory;
    request.flags.disable_not_modified = true;
    request.post_subrequest = options.then;
    request.phase = io.cycle.phases.server_rewrite();
    request.swap_write(ClientWrite::RunPhases);
    request.hold = Some(x.holds.take(Why::Subrequest));
    let ix = x.add(request);
    if !options.background {
        if x.active == parent && x[parent].postponed.is_empty() && !options.in_memory {
            x.active = ix;
        }
        x[parent].postponed.push_back(Postponed::Request(ix));
    }
    x.post(ix);
    Some(ix)
}

fn copy_headers(request: &mut Request, main: &Request) {
    let from = &main.headers_in;
    request.headers_in.fields = from.fields.clone();
    request.headers_in.server = from.server.clone();
    request.headers_in.port = from.port.clone();
}

/// Starts the post action of a request that is done (directive `post_action`); says whether there is one.
pub fn post_action(x: &mut Exchange, io: &mut Io) -> bool {
    let r = RequestIx::MAIN;
    if x[r].flags.post_action || x[r].uri_changes == 0 {
        return false;
    }
    let Some(target) = (*x[r].loc.core.post_action).clone() else { return false };
    x[r].flags.post_action = true;
    x.client.keepalive = false;
    x[r].flags.header_only = true;
    let _ = io;
    x[r].ctx.set(PostAction(target));
    x[r].swap_write(ClientWrite::Resume);
    x[r].resume = Some(std::rc::Rc::new(|x, r, io| {
        let Some(PostAction(target)) = x[r].ctx.take::<PostAction>() else { return Ok(()) };
        if target.starts_with(b"@") {
            return super::redirect::named_location(x, r, io, &target);
        }
        let (path, args) = super::redirect::split_args(&target);
        super::redirect::internal_redirect(x, r, io, path, args)
    }));
    x.post(r);
    true
}

struct PostAction(Slice);
