//! The beginning: from the content handler of a location to the first attempt.
//!
//! *In nginx* `ngx_http_proxy_handler`, `ngx_http_upstream_create`, `ngx_http_upstream_init`,
//! `ngx_http_upstream_init_request`.
//!
//! *Here* [`begin`] is the content handler: it makes the [`Upstream`] and sees to the client's body,
//! which is either read first or handed on as it comes. [`init_request`] then has the protocol write the
//! request, once, and finds out whom to ask.
//!
//! ```text
//!   begin ─▶ body (read whole │ streamed) ─▶ init_request ─▶ create_request ─▶ group ─▶ connect
//! ```
//!
//! *Read next*: `connect.rs`.

use super::modules::UpstreamMain;
use super::view::View;
use super::{cache, connect, lines, next, pass, resolve, tls};
use crate::balance::Group;
use crate::buf::Slice;
use crate::event::{RequestIx, Side};
use crate::http::body::{self, read, unbuffered};
use crate::http::exchange::Exchange;
use crate::http::holds::Why;
use crate::http::io::Io;
use crate::http::logging;
use crate::http::slots::{ClientRead, ClientWrite};
use crate::http::turn::{Leave, Status, Turn};
use crate::http::upstream_conf::{Parts, Passes, Store};
use crate::http::upstreamed::{State, Upstream};
use crate::http::vars::Template;
use crate::log::Level;
use crate::parse::request_line::Method;
use crate::protocol::{Fault, Kind, Out, Target};
use crate::util::address::Address;
use std::rc::Rc;

/// The content handler: makes the upstream and sees to the body.
///
/// The peer is not chosen yet when the body is read first: minutes may pass, and what was known of the
/// peers would be of then. A body that is passed on as it comes needs its peer at once.
pub fn begin(x: &mut Exchange, r: RequestIx, io: &mut Io, kind: &'static Kind) -> Status {
    let loc = x[r].loc.clone();
    let Some(conf) = loc.confs.get::<Passes>().of(kind) else { return Status::INTERNAL };
    let Some(pass) = &conf.pass else { return Status::INTERNAL };
    if kind.tunnels && x[r].method != Method::Connect {
        // Before the pass directive's variables are asked for, which only CONNECT has.
        return Status::Http(405);
    }
    if !x[r].upstream_states.is_empty() {
        // A mark between two rounds.
        // (`error_page`, X-Accel-Redirect): `$upstream_addr` shows it as a colon.
        x[r].upstream_states.push(State::default());
    }
    let hold = x.holds.take(Why::Upstream);
    let u = match x[r].spare_upstream.take() {
        Some(mut u) => {
            u.renew(kind, conf, pass, hold);
            u
        }
        None => Box::new(Upstream::new(kind, conf.clone(), pass.clone(), hold)),
    };
    x[r].upstream = Some(u);
    // An answer in a tunnel or to a body that is not wanted cannot be told from a next request otherwise.
    if !*conf.pass_request_body {
        if let Err(refused) = body::discard::discard_request_body(x, r, io) {
            return refused;
        }
        return status(init_request(x, r, io));
    }
    let chunked = x[r].headers_in.chunked;
    if !*conf.request_buffering && kind.may_stream(&loc.confs, chunked) {
        return unbuffered::begin_unbuffered(x, r, io, init_request);
    }
    read::read_client_request_body(x, r, io, init_request)
}

/// A turn as a content handler's answer; a `Next` has been dealt with.
fn status(turn: Turn) -> Status {
    match turn {
        Ok(()) => Status::Done,
        Err(Leave::Finish(status)) => status,
        Err(Leave::Next(_)) => Status::Http(502),
    }
}

/// The body is there: writes the request and asks the first peer.
///
/// # Errors
/// What that came to.
pub fn init_request(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Turn {
    let turn = start(x, r, io);
    next::run(x, r, io, turn)
}

/// Everything up to the choice of a peer.
///
/// In this order: where to, the cache, what the client's going away means, the bytes of the request, the
/// group. Whatever refuses the request does so before anybody is counted as having been asked.
fn start(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Turn {
    let Some(u) = super::of(x, r) else { return Status::INTERNAL.finish() };
    let (pass, kind) = (u.pass.clone(), u.kind);
    let ignores = *u.conf.ignore_client_abort || *u.conf.store != Store::Off;
    let worked_out = match &pass.template {
        Some(template) => Some(target(x, r, io, template)?),
        None => None,
    };
    let parts = worked_out.as_ref().unwrap_or(&pass.parts);
    if let Some(turn) = cache::look_up(x, r, io) {
        return turn;
    }
    let keeps = super::of(x, r).is_some_and(|u| u.keeps_reply());
    watch_client(x, r, io, ignores || keeps);
    if parts.tls {
        let aim = tls::aim(x, r, io, parts)?;
        if let Some(u) = super::of(x, r) {
            u.tls = Some(aim);
        }
    }
    // Before a peer is chosen: what the protocol refuses costs nobody an attempt.
    create_request(x, r, io)?;
    let group = match pass.group.get() {
        Some(group) => Some(group.clone()),
        None => find_group(x, r, io, parts, kind.default_port(parts.tls))?,
    };
    match group {
        Some(group) if lines::await_first(x, r, io, &group) => Ok(()),
        Some(group) => proceed(x, r, io, group),
        None => Ok(()),
    }
}

/// It is known whom to ask: asks the first of them.
///
/// `next_upstream_tries` bounds what the group would allow; a group of one peer has one try whatever it says.
///
/// # Errors
/// As [`connect::connect`].
pub fn proceed(x: &mut Exchange, r: RequestIx, io: &mut Io, group: Rc<Group>) -> Turn {
    let Some(u) = super::of(x, r) else { return Status::INTERNAL.finish() };
    let most = *u.conf.next_upstream_tries;
    let tried = u.tried.insert(group.start());
    if most > 0 {
        tried.tries = tried.tries.min(u32::try_from(most).unwrap_or(u32::MAX));
    }
    u.group = Some(group);
    connect::connect(x, r, io)
}

/// Gives the client's slots to the wait for the upstream: its going away is to be noticed, unless it
/// does not matter.
pub(super) fn watch_client(x: &mut Exchange, r: RequestIx, io: &mut Io, ignores: bool) {
    x[r].swap_write(if ignores { ClientWrite::Empty } else { ClientWrite::CheckBroken });
    // A body that comes while it is passed on has a slot of its own, which notices an end as well.
    let streams = body::of(x, r).is_some_and(|body| !body.complete);
    if streams {
        x.swap_client_read(ClientRead::StreamBody);
    } else if x.client.read != ClientRead::DiscardBody && r == x.active
        || x.client.read == ClientRead::Block && x[r].flags.in_memory
    {
        x.swap_client_read(if ignores { ClientRead::Block } else { ClientRead::CheckBroken });
        io.net.wait_forever(x.client.conn, Side::Read);
    }
}

/// Where to, when the pass directive has variables.
fn target(x: &mut Exchange, r: RequestIx, io: &mut Io, template: &Template) -> Result<Parts, Leave> {
    let url = template.eval(x, r, io);
    let Some(u) = super::of(x, r) else { return Err(Leave::Finish(Status::INTERNAL)) };
    match pass::parse(&url, u.kind) {
        Ok(mut parts) => {
            if let Some(uri) = parts.uri.as_ref().filter(|uri| uri.starts_with(b"?")) {
                parts.uri = Some(Slice::from([b"/", &uri[..]].concat()));
            }
            u.schema = parts.schema.clone();
            u.port = parts.port;
            let (host, uri) = (parts.host.clone(), parts.uri.clone());
            u.target = Rc::new(Target { complete: uri.is_some(), host, uri, ..(*u.pass.target).clone() });
            Ok(parts)
        }
        Err(text) => {
            let text = if text == "invalid URL prefix" { format!("{text} in \"{url}\"") } else { text };
            logging::log(x, r, io, Level::Error, None, format_args!("{text}"));
            Err(Leave::Finish(Status::INTERNAL))
        }
    }
}

/// Has the protocol write the request.
fn create_request(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Turn {
    let loc = x[r].loc.clone();
    let mut out = Out::new();
    // The view lends the whole exchange to the protocol, so nothing of it may be borrowed meanwhile: what is
    // needed of the upstream is taken out before, and what was made is put in afterwards.
    let Some(u) = super::of(x, r) else { return Status::INTERNAL.finish() };
    let (kind, keeps, used) = (u.kind, u.keeps_reply(), u.used_module.take());
    let fields = if keeps { Some(cache::serve::request_fields(x, r)) } else { None };
    let Some(mut view) = View::of(x, r, io) else { return Status::INTERNAL.finish() };
    view.fields = fields;
    let created = kind.create_request_in(used, &mut view, &loc.confs, &mut out);
    match created {
        Ok(module) => {
            let Some(u) = super::of(x, r) else { return Status::INTERNAL.finish() };
            (u.wrapping, u.uri) = out.finish(&mut u.request);
            u.module = Some(module);
            Ok(())
        }
        Err(Fault::Refuse(status)) => Status::Http(status).finish(),
        Err(Fault::Internal(text) | Fault::Invalid(text)) => {
            logging::log(x, r, io, Level::Error, None, format_args!("{text}"));
            Status::INTERNAL.finish()
        }
    }
}

/// The peers of this request; None while a name server is asked.
fn find_group(
    x: &mut Exchange,
    r: RequestIx,
    io: &mut Io,
    parts: &Parts,
    port: u16,
) -> Result<Option<Rc<Group>>, Leave> {
    let authority = parts.authority.to_string();
    let groups = io.cycle.main.get::<UpstreamMain>().groups.clone();
    let known = groups.find(&authority).or_else(|| groups.find_implicit(&authority, port));
    if let Some(group) = known {
        return Ok(Some(group.clone()));
    }
    if let Some(address) = Address::parse(&authority, port) {
        return resolve::literal(x, r, io, &parts.authority, address).map(Some);
    }
    if parts.port == 0 {
        let text = format_args!("no port in upstream \"{authority}\"");
        logging::log(x, r, io, Level::Error, None, text);
        return Err(Leave::Finish(Status::INTERNAL));
    }
    resolve::find(x, r, io, &parts.authority, parts.port)
}
