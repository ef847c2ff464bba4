//! The phase engine: what a request passes on its way to an answer.
//!
//! *In nginx* `ngx_http_core_run_phases` over an array of (checker, handler, next), built once from the
//! handlers that modules register for each of eleven phases.
//!
//! *Here* the same array; the checker is the [`Phase`] itself and one `match`. A handler answers a
//! [`Status`]; what that means depends on the phase and is said at each arm. nginx calls every handler for
//! every request, and most find that their directives were not given; here each level knows beforehand
//! which of them would ([`Steps`]).
//!
//! ```text
//!   PostRead ─▶ ServerRewrite ─▶ FindConfig ─▶ Rewrite ─▶ PostRewrite ─▶ Preaccess ─▶ Access ─▶ …
//!                                    ▲                        │ changed URI     └─▶ Content
//!                                    └────────────────────────┘
//! ```
//!
//! *Read next*: `location.rs`, `special.rs`, `finalize.rs`.

use super::auth_delay;
use super::body::discard;
use super::conf::Satisfy;
use super::exchange::Exchange;
use super::io::Io;
use super::location::Found;
use super::logging;
use super::module::{HttpModule, Idle};
use super::output::HeaderFilter;
use super::request::Request;
use super::turn::{Leave, Status, Turn};
use crate::conf::merge::Confs;
use crate::event::RequestIx;
use crate::log::Level;
use crate::parse::escape::{Escape, escape};

/// A phase handler, and a location's content handler. What its answer means depends on the phase.
pub type PhaseHandler = fn(&mut Exchange, RequestIx, &mut Io) -> Status;

/// The phases, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Right after the head was read (realip).
    PostRead,
    /// `rewrite` directives of the server.
    ServerRewrite,
    /// A location is found.
    FindConfig,
    /// `rewrite` directives of the location.
    Rewrite,
    /// Back to FindConfig if the URI changed.
    PostRewrite,
    /// Limits.
    Preaccess,
    /// Who may.
    Access,
    /// What `satisfy` makes of it.
    PostAccess,
    /// try_files, mirror.
    Precontent,
    /// The answer.
    Content,
    /// After the answer: the access log.
    Log,
}

/// What one module wants run in which phase.
pub type Registration = (Phase, PhaseHandler);

/// One handler of one phase, in the row that the engine walks along.
struct Entry {
    phase: Phase,
    /// None for the three phases that are the engine's own.
    handler: Option<PhaseHandler>,
    /// Where the handler need not be called.
    idle: Option<Idle>,
    /// The first entry of the next phase.
    next: usize,
}

/// The handlers of all phases, flattened, and the header filters in their order.
#[derive(Default)]
pub struct Engine {
    entries: Vec<Entry>,
    /// Where a location is looked for: a changed path comes back to it.
    find_config: usize,
    /// Where a request starts again with another path.
    server_rewrite: usize,
    /// The handlers of the Log phase.
    log: Vec<(PhaseHandler, Option<Idle>)>,
    filters: Vec<(HeaderFilter, Option<Idle>)>,
}

/// What is to be done at one level: an [`Engine`] without the modules that are idle there. Worked out once,
/// when the level is frozen, so a request is spared some twenty calls that would come to nothing.
#[derive(Default)]
pub struct Steps {
    /// For each entry of the engine the first one from there on that is to be called.
    next: Box<[usize]>,
    /// The header filters.
    pub filters: Box<[HeaderFilter]>,
    /// The handlers of the Log phase.
    pub log: Box<[PhaseHandler]>,
}

impl Engine {
    /// Flattens the registrations; within a phase the order is that of the modules.
    pub fn build(modules: &[&'static HttpModule]) -> Engine {
        use Phase::*;
        let mut engine = Engine::default();
        for phase in [
            PostRead,
            ServerRewrite,
            FindConfig,
            Rewrite,
            PostRewrite,
            Preaccess,
            Access,
            PostAccess,
            Precontent,
            Content,
        ] {
            // What a phase may skip to is known only when all of its handlers are in place.
            let start = engine.entries.len();
            match phase {
                FindConfig => engine.find_config = start,
                ServerRewrite => engine.server_rewrite = start,
                _ => {}
            }
            if matches!(phase, FindConfig | PostRewrite | PostAccess) {
                engine.entries.push(Entry { phase, handler: None, idle: None, next: start + 1 });
            }
            for (handler, idle) in registered(modules, phase) {
                engine.entries.push(Entry { phase, handler: Some(handler), idle, next: 0 });
            }
            let next = engine.entries.len();
            engine.entries.iter_mut().skip(start).for_each(|entry| entry.next = next);
        }
        engine.log = registered(modules, Log).collect();
        let filters = modules.iter().flat_map(|module| module.filters.iter().map(|f| (*f, module.idle)));
        engine.filters = filters.collect();
        engine.filters.sort_by_key(|(filter, _)| filter.stage);
        engine
    }

    /// What of it is to be done at the level of these configurations.
    pub fn steps(&self, confs: &Confs) -> Steps {
        let is_idle = |idle: &Option<Idle>| idle.is_some_and(|idle| idle(confs));
        let has = |phase| self.entries.iter().any(|entry| entry.phase == phase && !is_idle(&entry.idle));
        // Where nobody guards anything there is no verdict of several to be looked at, and where nobody
        // rewrites the path is what it was.
        let (is_guarded, is_rewritten) = (has(Phase::Access), has(Phase::Rewrite));
        let mut next = vec![self.entries.len(); self.entries.len()];
        let mut wanted = self.entries.len();
        for (at, (place, entry)) in next.iter_mut().zip(&self.entries).enumerate().rev() {
            let is_wanted = match entry.phase {
                Phase::PostAccess => is_guarded,
                Phase::PostRewrite => is_rewritten,
                _ => !is_idle(&entry.idle),
            };
            if is_wanted {
                wanted = at;
            }
            // Who comes to a level without rules from one with them (`if`) is at this entry, and what they
            // did to the path is still to be looked at.
            *place = if entry.phase == Phase::PostRewrite { at } else { wanted };
        }
        Steps {
            next: next.into(),
            filters: self.filters.iter().filter(|(_, idle)| !is_idle(idle)).map(|(f, _)| *f).collect(),
            log: self.log.iter().filter(|(_, idle)| !is_idle(idle)).map(|(f, _)| *f).collect(),
        }
    }

    /// The entry a request is at, after it has been moved past those that are idle at its level.
    fn entry(&self, request: &mut Request) -> Option<&Entry> {
        request.phase = *request.loc.steps.next.get(request.phase)?;
        self.entries.get(request.phase)
    }

    /// Where an internal redirect starts.
    pub fn server_rewrite(&self) -> usize {
        self.server_rewrite
    }

    /// Where a jump to a named location starts.
    pub fn rewrite(&self) -> usize {
        self.find_config + 1
    }
}

/// What the modules registered for a phase.
fn registered(
    modules: &[&'static HttpModule],
    phase: Phase,
) -> impl Iterator<Item = (PhaseHandler, Option<Idle>)> {
    let of_module = move |module: &&'static HttpModule| {
        let (list, idle) = (module.phases, module.idle);
        list.iter().filter(move |(of, _)| *of == phase).map(move |(_, handler)| (*handler, idle))
    };
    modules.iter().flat_map(of_module)
}

/// Runs the phases of a request from where it stands (nginx: `ngx_http_core_run_phases`).
///
/// # Errors
/// [`Leave::Finish`] when a phase has decided the answer.
pub fn run(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Turn {
    // The phase is kept in the request and not here: whoever waits returns from this function, and the
    // write slot calls it again.
    let cycle = io.cycle.clone();
    while let Some(entry) = cycle.phases.entry(&mut x[r]) {
        let went_on = match (entry.phase, entry.handler) {
            (Phase::FindConfig, _) => find_config(x, r, io)?,
            (Phase::PostRewrite, _) => post_rewrite(x, r, io, cycle.phases.find_config)?,
            (Phase::PostAccess, _) => post_access(x, r, io)?,
            (Phase::Content, handler) => return content(x, r, io, handler),
            (Phase::Access, Some(handler)) => access(x, r, io, entry, handler)?,
            (Phase::ServerRewrite | Phase::Rewrite, Some(handler)) => match handler(x, r, io) {
                // All rules have their turn, so only Declined goes on; anything else is the answer.
                Status::Declined => advance(x, r, x[r].phase + 1),
                Status::Done => false,
                status => return status.finish(),
            },
            (_, Some(handler)) => match handler(x, r, io) {
                // Ok speaks for the whole phase, Declined only for this handler.
                Status::Ok => advance(x, r, entry.next),
                Status::Declined => advance(x, r, x[r].phase + 1),
                Status::Again | Status::Done => false,
                status => return status.finish(),
            },
            (_, None) => advance(x, r, entry.next),
        };
        if !went_on {
            return Ok(());
        }
    }
    // No content handler at all is registered; nothing can answer.
    Status::Http(404).finish()
}

fn advance(x: &mut Exchange, r: RequestIx, to: usize) -> bool {
    x[r].phase = to;
    true
}

fn find_config(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Result<bool, Leave> {
    // What another location has left behind must not answer for this one.
    let request = &mut x[r];
    request.content_handler = None;
    request.flags.uri_changed = false;
    let mut redirect = None;
    match request.server.root.inner.find(&request.uri) {
        Found::Nothing => {}
        Found::Location(location) => request.loc = location,
        Found::Matched(location, regex) => {
            request.loc = location;
            let uri = request.uri.clone();
            regex.exec(x, r, &uri);
        }
        Found::Redirect(location) => {
            redirect = Some(location.name.clone());
            request.loc = location;
        }
    }
    let request = &x[r];
    if *request.loc.core.internal && !request.flags.internal {
        return Err(Leave::Finish(Status::Http(404)));
    }
    update_location_config(x, r, io);
    // As soon as the limit is known, and before a byte of the body is asked for.
    let request = &x[r];
    let limit = *request.loc.core.client_max_body_size;
    if let Some(length) = request.headers_in.content_length
        && limit != 0
        && length > limit
    {
        let text = format_args!("client intended to send too large body: {length} bytes");
        logging::log(x, r, io, Level::Error, None, text);
        x[r].flags.expect_tested = true;
        // The answer is an error in any case.
        let _ = discard::discard_request_body(x, r, io);
        return Err(Leave::Finish(Status::Http(413)));
    }
    match redirect {
        Some(path) => Err(redirect_to(&mut x[r], &path)),
        None => Ok(advance(x, r, x[r].phase + 1)),
    }
}

/// `location /a/` was asked for as `/a`.
#[cold]
fn redirect_to(request: &mut Request, path: &[u8]) -> Leave {
    request.headers_out.content_length = None;
    let mut target = Vec::with_capacity(path.len());
    escape(path, Escape::Uri, &mut target);
    if !request.args.is_empty() {
        target.push(b'?');
        target.extend_from_slice(&request.args);
    }
    request.headers_out.set("Location", target);
    Leave::Finish(Status::Http(301))
}

/// Makes the location's choices those of the request and its connection (nginx:
/// `ngx_http_update_location_config`).
pub fn update_location_config(x: &mut Exchange, r: RequestIx, io: &mut Io) {
    let request = &mut x[r];
    if let Some((allowed, cell)) = &request.loc.core.limit_except
        && allowed & request.method.bit() == 0
        && let Some(restricted) = cell.get().cloned()
    {
        request.loc = restricted;
    }
    if let Some(handler) = request.loc.core.handler {
        request.content_handler = Some(handler);
    }
    if request.is_main() {
        super::client::keepalive::update(x, io);
        super::deadline::limit(x, io);
    }
}

fn post_rewrite(x: &mut Exchange, r: RequestIx, io: &mut Io, find_config: usize) -> Result<bool, Leave> {
    if !x[r].flags.uri_changed {
        return Ok(advance(x, r, x[r].phase + 1));
    }
    // Rules that send a request round in a circle are found by counting.
    x[r].uri_changes = x[r].uri_changes.saturating_sub(1);
    if x[r].uri_changes == 0 {
        let uri = x[r].uri.clone();
        let text = format_args!("rewrite or internal redirection cycle while processing \"{uri}\"");
        logging::log(x, r, io, Level::Error, None, text);
        return Err(Leave::Finish(Status::INTERNAL));
    }
    x[r].loc = x[r].server.root.clone();
    Ok(advance(x, r, find_config))
}

fn access(
    x: &mut Exchange,
    r: RequestIx,
    io: &mut Io,
    entry: &Entry,
    handler: PhaseHandler,
) -> Result<bool, Leave> {
    // A part of a page is shown to whom the page is shown.
    if !x[r].is_main() {
        return Ok(advance(x, r, entry.next));
    }
    let status = handler(x, r, io);
    match status {
        Status::Declined => return Ok(advance(x, r, x[r].phase + 1)),
        Status::Again | Status::Done => return Ok(false),
        _ => {}
    }
    match (*x[r].loc.core.satisfy, status) {
        (Satisfy::All, Status::Ok) => Ok(advance(x, r, x[r].phase + 1)),
        (Satisfy::Any, Status::Ok) => {
            x[r].access_code = 0;
            x[r].headers_out.remove(b"WWW-Authenticate");
            Ok(advance(x, r, entry.next))
        }
        (Satisfy::Any, Status::Http(code @ (401 | 403 | 407))) => {
            // Remembered until all have been asked. A 401 stays: with a password it may still go well.
            if x[r].access_code != 401 {
                x[r].access_code = code;
            }
            Ok(advance(x, r, x[r].phase + 1))
        }
        (_, Status::Http(401)) => auth_delay::unauthorized(x, r, io),
        (_, status) => Err(Leave::Finish(status)),
    }
}

fn post_access(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Result<bool, Leave> {
    let code = std::mem::take(&mut x[r].access_code);
    if code == 0 {
        return Ok(advance(x, r, x[r].phase + 1));
    }
    if code == 401 {
        return auth_delay::unauthorized(x, r, io);
    }
    if code == 403 {
        logging::log(x, r, io, Level::Error, None, format_args!("access forbidden by rule"));
    }
    Err(Leave::Finish(Status::Http(code)))
}

fn content(x: &mut Exchange, r: RequestIx, io: &mut Io, handler: Option<PhaseHandler>) -> Turn {
    // A location with a handler of its own (a pass directive) asks nobody else. The handler may take the
    // write slot for itself; if it does not, an event must not run the phases again.
    if let Some(handler) = x[r].content_handler {
        x[r].swap_write(super::slots::ClientWrite::Empty);
        return match handler(x, r, io) {
            // It goes on later by itself, so there is nothing that anybody could settle.
            Status::Done => {
                logging::log(x, r, io, Level::Debug, None, format_args!("http finalize request: Done"));
                Ok(())
            }
            status => status.finish(),
        };
    }
    content_of_phase(x, r, io, handler)
}

/// Asks those who answer where a location has no handler of its own.
#[inline(never)]
fn content_of_phase(x: &mut Exchange, r: RequestIx, io: &mut Io, handler: Option<PhaseHandler>) -> Turn {
    if let Some(handler) = handler {
        match handler(x, r, io) {
            Status::Declined => {}
            status => return status.finish(),
        }
    }
    x[r].phase += 1;
    let more = io.cycle.phases.entries.get(x[r].phase).is_some();
    if more {
        return run(x, r, io);
    }
    if x[r].uri.ends_with(b"/") {
        let folder = super::files::map_uri_to_path(x, r, io).map(|path| path.display().to_string());
        let folder = folder.unwrap_or_default();
        let text = format_args!("directory index of \"{folder}\" is forbidden");
        logging::log(x, r, io, Level::Error, None, text);
        return Status::Http(403).finish();
    }
    logging::log(x, r, io, Level::Error, None, format_args!("no handler found"));
    Status::Http(404).finish()
}
