//! Subrequests: a request inside a request.
//!
//! *In nginx* `ngx_http_subrequest`: a new `ngx_http_request_t` on the same connection, put in line in
//! the parent's postponed list, started by a posted request. When it ends `post_subrequest` is called and
//! the parent is posted, which runs its write handler. Bits say what is special about it (`IN_MEMORY`,
//! `WAITED`, `BACKGROUND`, `CLONE`), and callers change more of it after it was made.
//!
//! *Here* the same within one [`Exchange`], so that parent and child are both in reach; all that may be
//! special is said before it starts, in a [`Subrequest`].
//!
//! ```text
//!   Subrequest::new(uri).in_memory().then(|x, parent, child, io| …).start(x, parent, io)
//!
//!   parent ── start ─▶ child, posted ─▶ phases … finalize ─▶ then ─▶ parent posted ─▶ its write slot
//! ```
//!
//! There are three ways to use a child. Its body belongs into the parent's, at the place where the
//! parent's output is now (the default). Its body is kept for the parent to read:
//! [`in_memory`](Subrequest::in_memory), then `x[child].kept`. Only its status matters:
//! [`head_only`](Subrequest::head_only). A handler that waits for children returns what [`resume_with`]
//! answers.
//!
//! *Read next*: `output/postpone.rs`, `finalize.rs`.

use super::exchange::Exchange;
use super::holds::Why;
use super::io::Io;
use super::output::postpone::Postponed;
use super::request::{PostSubrequest, Request};
use super::slots::ClientWrite;
use super::turn::{Status, Turn};
use super::{body, logging};
use crate::buf::Slice;
use crate::event::RequestIx;
use crate::log::Level;
use crate::parse::request_line::Method;
use std::rc::Rc;

/// How many subrequests one exchange may keep; far above what a page needs.
const MOST: usize = 64_000;

/// A subrequest that is to be made.
#[must_use]
pub struct Subrequest {
    uri: Slice,
    args: Slice,
    in_memory: Option<Option<u64>>,
    waited: bool,
    background: bool,
    head_only: bool,
    without_body: bool,
    same_method: bool,
    clone: bool,
    callback: Option<PostSubrequest>,
}

impl Subrequest {
    /// A GET of `uri` whose body goes where the parent's output is now.
    pub fn new(uri: Slice) -> Subrequest {
        Subrequest {
            uri,
            args: Slice::EMPTY,
            in_memory: None,
            waited: false,
            background: false,
            head_only: false,
            without_body: false,
            same_method: false,
            clone: false,
            callback: None,
        }
    }

    /// The same request again, from the phase where the parent stands: it reaches the same content handler
    /// (slices).
    pub fn clone_of(x: &Exchange, parent: RequestIx) -> Subrequest {
        let from = &x[parent];
        let same = Subrequest::new(from.uri.clone()).args(from.args.clone());
        Subrequest { clone: true, same_method: true, ..same }
    }

    /// Its arguments.
    pub fn args(mut self, args: Slice) -> Subrequest {
        self.args = args;
        self
    }

    /// Its body is kept in `x[child].kept`, at most as much as `subrequest_output_buffer_size` of its
    /// location says; a larger one ends the whole exchange. Children in memory may run side by side.
    pub fn in_memory(mut self) -> Subrequest {
        self.in_memory = Some(None);
        self
    }

    /// As [`in_memory`](Subrequest::in_memory), with a limit of its own in bytes.
    pub fn in_memory_up_to(mut self, limit: u64) -> Subrequest {
        self.in_memory = Some(Some(limit));
        self
    }

    /// It counts as done when it has ended, although its output may still wait for its turn.
    pub fn waited(mut self) -> Subrequest {
        self.waited = true;
        self
    }

    /// Nobody waits for it, and nobody sees its body; the exchange lives until it has ended.
    pub fn background(mut self) -> Subrequest {
        self.background = true;
        self
    }

    /// Its body is thrown away, only the head matters.
    pub fn head_only(mut self) -> Subrequest {
        self.head_only = true;
        self
    }

    /// It has no request body, although the main request has one.
    pub fn without_body(mut self) -> Subrequest {
        self.without_body = true;
        self
    }

    /// It has the parent's method instead of GET.
    pub fn with_parents_method(mut self) -> Subrequest {
        self.same_method = true;
        self
    }

    /// Calls this once, when the child's response is complete: its head is in `x[child].headers_out`, and its
    /// body in `x[child].kept` if it was to be kept. The parent's write slot runs after it.
    pub fn then(self, f: impl Fn(&mut Exchange, RequestIx, RequestIx, &mut Io) + 'static) -> Subrequest {
        self.on_finalize(move |x, child, io, status| {
            // A status that needs a page comes back when the page has been made.
            if !status.is_special() {
                let parent = x[child].parent;
                f(x, parent, child, io);
            }
            status
        })
    }

    /// Calls this each time the child is finalized, with the status; what it answers counts instead. A status
    /// that needs a page (404) comes first as such, and again as Ok when the page has been made (nginx:
    /// `post_subrequest`).
    pub fn on_finalize(
        mut self,
        f: impl Fn(&mut Exchange, RequestIx, &mut Io, Status) -> Status + 'static,
    ) -> Subrequest {
        self.callback = Some(Rc::new(f));
        self
    }

    /// Makes it. It runs when the present handler has returned.
    ///
    /// # Errors
    /// [`Status::Error`], with a line in the log, when requests are nested too deeply or there are too many.
    pub fn start(self, x: &mut Exchange, parent: RequestIx, io: &mut Io) -> Result<RequestIx, Status> {
        check(x, parent, io, &self.uri)?;
        let mut request = inherit(x, parent, &self);
        request.uri = self.uri;
        request.args = self.args;
        request.set_exten();
        let flags = &mut request.flags;
        flags.in_memory = self.in_memory.is_some();
        flags.waited = self.waited;
        flags.background = self.background;
        flags.header_only = self.head_only;
        request.kept_limit = self.in_memory.flatten();
        request.post_subrequest = self.callback;
        if !self.clone {
            request.phase = io.cycle.phases.server_rewrite();
        }
        request.swap_write(ClientWrite::RunPhases);
        request.hold = Some(x.holds.take(Why::Subrequest));
        let in_line = !self.background && self.in_memory.is_none();
        let ix = x.add(request);
        if in_line {
            // It begins to write at once if nothing is before it.
            if x.active == parent && x[parent].postponed.is_empty() {
                x.active = ix;
            }
            x[parent].postponed.push_back(Postponed::Request(ix));
        }
        x.post(ix);
        Ok(ix)
    }
}

fn check(x: &Exchange, parent: RequestIx, io: &Io, uri: &Slice) -> Result<(), Status> {
    let shown = logging::printable(uri);
    if x[parent].subrequests_left == 0 {
        let text = format_args!("subrequests cycle while processing \"{shown}\"");
        logging::log(x, parent, io, Level::Error, None, text);
        return Err(Status::Error);
    }
    if x.count() > MOST {
        let text = format_args!("request reference counter overflow while processing \"{shown}\"");
        logging::log(x, parent, io, Level::Crit, None, text);
        return Err(Status::Error);
    }
    // What is kept in memory has one place to go; output of another request would have none.
    if x[parent].flags.in_memory {
        let text = format_args!("nested in-memory subrequest \"{shown}\"");
        logging::log(x, parent, io, Level::Error, None, text);
        return Err(Status::Error);
    }
    Ok(())
}

/// A request with what a child has of its parent.
fn inherit(x: &Exchange, parent: RequestIx, how: &Subrequest) -> Request {
    let from = &x[parent];
    let mut request = Request::new(RequestIx::MAIN, from.number, from.server.clone());
    request.parent = parent;
    request.method = if how.same_method { from.method } else { Method::Get };
    request.method_name = if how.same_method { from.method_name.clone() } else { "GET".into() };
    request.http_version = from.http_version;
    request.request_line = from.request_line.clone();
    request.schema = from.schema.clone();
    request.unparsed_uri = from.unparsed_uri.clone();
    request.subrequests_left = from.subrequests_left.saturating_sub(1);
    request.headers_in = from.headers_in.clone();
    request.headers_in.content_length = None;
    request.headers_in.chunked = false;
    request.headers_in.connection = Default::default();
    let flags = &mut request.flags;
    flags.internal = true;
    flags.expect_tested = true;
    // A body that is read after the child was made is none of its business.
    flags.without_body = how.without_body || from.flags.without_body || body::of(x, parent).is_none();
    if !flags.without_body {
        request.headers_in.content_length = from.headers_in.content_length;
    }
    if how.clone {
        request.loc = from.loc.clone();
        request.content_handler = from.content_handler;
        request.phase = from.phase;
        request.captures = from.captures.clone();
        request.flags.valid_unparsed_uri = from.flags.valid_unparsed_uri;
        request.flags.quoted_uri = from.flags.quoted_uri;
    }
    request
}

/// The handler waits for its children: whenever one has ended `resume` is called, and is to answer
/// Ok(()) as long as it misses another. To be returned by a content handler as its own answer.
pub fn resume_with(
    x: &mut Exchange,
    r: RequestIx,
    resume: impl Fn(&mut Exchange, RequestIx, &mut Io) -> Turn + 'static,
) -> Status {
    x[r].resume = Some(Rc::new(resume));
    x[r].swap_write(ClientWrite::Resume);
    Status::Done
}

/// Forgets a child that has ended, so that a response of many parts does not keep them all.
pub fn forget(x: &mut Exchange, child: RequestIx, io: &mut Io) {
    while let Some(cleanup) = x[child].cleanups.pop() {
        cleanup(x, child, io);
    }
    x.forget(child);
}

/// Starts the post action of a main request that is done (directive `post_action`); says whether there
/// is one. The request is used again, without a client: whatever it answers is thrown away.
pub fn post_action(x: &mut Exchange, io: &mut Io) -> bool {
    let r = RequestIx::MAIN;
    // DIFF: nginx repeats an action that its own location inherits until redirects run out.
    if x[r].flags.post_action || x[r].uri_changes == 0 {
        return false;
    }
    let Some(target) = (*x[r].loc.core.post_action).clone() else { return false };
    x[r].flags.post_action = true;
    x[r].flags.done = false;
    x[r].flags.header_only = true;
    x.active = r;
    x[r].postponed.clear();
    x[r].filters.clear();
    x[r].late_filters.clear();
    x[r].buffered = 0;
    x.out.clear();
    let status = if target.starts_with(b"/") {
        super::redirect::redirect_later(x, r, io, target, Slice::EMPTY)
    } else {
        super::redirect::named_later(x, r, io, &target)
    };
    status == Status::Done
}
