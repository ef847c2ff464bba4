//! The cache: replies that are kept, in front of the peers.
//!
//! *In nginx* the part of `ngx_http_upstream.c` between `#if (NGX_HTTP_CACHE)` lines, and the upper half of
//! `ngx_http_file_cache.c`.
//!
//! *Here* the upstream calls a few functions of this room, each at one of its stages; where a location
//! keeps nothing each of them is a look at an `Option`. Where files are and who may fetch one is the
//! business of [`cache`](crate::cache), below HTTP.
//!
//! ```text
//!   init ────── look_up ─┬─ there ─▶ serve ─▶ client        no peer is asked
//!    │                   ├─ somebody fetches it ─▶ wait ─▶ look_up again
//!    │                   └─ not there, or too old ─┐
//!   header ──── judge      how long is it fresh?   ▼ ask
//!    │  └────── instead    304: the old one is fresh again;  5xx: the old one will do
//!   relay ───── fill       a copy goes to a file ─ whole? ─▶ renamed to its name
//!   finish ──── end        whatever is left: the lock, half a file
//! ```
//!
//! *Read next*: `find.rs`, `serve.rs`, `fill.rs`, `stale.rs`.

pub mod fill;
pub mod find;
pub mod freshness;
pub mod serve;
pub mod stale;
pub mod vars;
pub mod vary;
pub mod wait;

use super::view::View;
use crate::cache::Key;
use crate::conf::template::Template;
use crate::event::RequestIx;
use crate::http::cache_conf::{CacheConf, Zone, methods};
use crate::http::cached::{CacheStatus, Cached, Freshness};
use crate::http::exchange::Exchange;
use crate::http::headers::Known;
use crate::http::io::Io;
use crate::http::logging;
use crate::http::turn::{Status, Turn};
use crate::http::upstream_conf::next_on;
use crate::log::{Level, clock};
use crate::parse::request_line::Method;
use find::Found;

/// What the request has of the cache, if its location keeps replies.
pub(super) fn of(x: &mut Exchange, r: RequestIx) -> Option<&mut Cached> {
    x[r].upstream.as_deref_mut()?.cache.as_deref_mut()
}

/// Now, in seconds since 1970.
fn now() -> u64 {
    u64::try_from(clock::seconds()).unwrap_or(0)
}

/// Looks for a reply before a peer is asked. None: ask one.
pub fn look_up(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Option<Turn> {
    let u = super::of(x, r)?;
    if u.cache.is_none() {
        if matches!(*u.conf.cache.zone, Zone::Off) {
            return None;
        }
        match begin(x, r, io) {
            Ok(true) => {}
            Ok(false) => return None,
            Err(status) => return Some(status.finish()),
        }
    }
    if of(x, r)?.status == CacheStatus::Bypass {
        return ask(x, r);
    }
    match find::find(x, r, io) {
        Found::Fresh => answer(x, r, io, CacheStatus::Hit),
        Found::Remembered(status) => {
            of(x, r)?.status = CacheStatus::Hit;
            Some(Status::Http(status).finish())
        }
        Found::Awaited => Some(wait::begin(x, r, io)),
        // A background request is the one that was sent to fetch it.
        Found::Stale if stale::while_updating(x, r) && stale::update_behind(x, r, io) => {
            answer(x, r, io, CacheStatus::Stale)
        }
        Found::Updating if stale::while_updating(x, r) => answer(x, r, io, CacheStatus::Updating),
        Found::Stale | Found::Updating => {
            of(x, r)?.status = CacheStatus::Expired;
            ask(x, r)
        }
        Found::Nothing => ask(x, r),
        Found::Rare => {
            of(x, r)?.keeps = false;
            ask(x, r)
        }
    }
}

/// Answers with what is there, or asks a peer if that cannot be read.
fn answer(x: &mut Exchange, r: RequestIx, io: &mut Io, status: CacheStatus) -> Option<Turn> {
    of(x, r)?.status = status;
    let served = serve::serve(x, r, io);
    if served.is_none() {
        let c = of(x, r)?;
        c.status = CacheStatus::Miss;
        c.entry = None;
        return ask(x, r);
    }
    served
}

/// A peer is asked.
fn ask(x: &mut Exchange, r: RequestIx) -> Option<Turn> {
    let most = super::of(x, r).and_then(|u| *u.conf.cache.max_range_offset);
    if most.is_some_and(|most| begins_behind(x, r, most)) {
        of(x, r)?.keeps = false;
    }
    None
}

/// The client wants a range that begins at this byte or later, or counts from the end.
fn begins_behind(x: &Exchange, r: RequestIx, most: u64) -> bool {
    let Some(range) = x[r].headers_in.value(Known::Range) else { return false };
    let Some((unit, rest)) = range.split_at_checked(6).filter(|(_, rest)| !rest.is_empty()) else {
        return false;
    };
    if !unit.eq_ignore_ascii_case(b"bytes=") {
        return false;
    }
    let digits = rest.trim_ascii_start();
    let start = digits.iter().take_while(|b| b.is_ascii_digit());
    let start = start.fold(0u64, |sum, b| sum.saturating_mul(10).saturating_add(u64::from(b - b'0')));
    digits.starts_with(b"-") || start >= most
}

/// Whether one of these is neither empty nor 0.
fn any_holds(x: &mut Exchange, r: RequestIx, io: &mut Io, conditions: &[Template]) -> bool {
    conditions.iter().any(|condition| {
        let value = condition.eval(x, r, io);
        !value.is_empty() && value != b"0"
    })
}

/// The request comes to the cache: finds out which, and makes the key. False if it is none of the cache's
/// business.
///
/// # Errors
/// 500 when there is no such zone or no key.
fn begin(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Result<bool, Status> {
    let Some(u) = super::of(x, r) else { return Ok(false) };
    let (conf, kind, schema) = (u.conf.clone(), u.kind, u.schema.clone());
    if method_bit(x[r].method) & (*conf.cache.methods | methods::GET | methods::HEAD) == 0 {
        return Ok(false);
    }
    let store = match &*conf.cache.zone {
        Zone::Off => return Ok(false),
        Zone::Store(store) => store.clone(),
        Zone::Named(template) => {
            let name = template.eval(x, r, io);
            if name.is_empty() || name == b"off" {
                return Ok(false);
            }
            let stores = io.cycle.main.get::<crate::cache::Stores>().all();
            match stores.into_iter().find(|store| store.name().as_bytes() == &name[..]) {
                Some(store) => store,
                None => {
                    logging::log(x, r, io, Level::Error, None, format_args!("cache \"{name}\" not found"));
                    return Err(Status::INTERNAL);
                }
            }
        }
    };
    let text = match &*conf.cache.key {
        Some(key) => key.eval(x, r, io),
        None => {
            let Some(mut view) = View::of(x, r, io) else { return Err(Status::INTERNAL) };
            let key = kind.cache_key(&mut view);
            match key.map_err(|_| Status::INTERNAL)? {
                key if key.is_empty() => key,
                key => crate::buf::Slice::from([&schema[..], &key].concat()),
            }
        }
    };
    let main = Key::of(&text);
    let bypass = any_holds(x, r, io, &conf.cache.bypass);
    let lock = x[r].ctx.take::<stale::Handed>().map(|handed| handed.0);
    // Others than HTTP are told the method by the configuration; what matters is how the reply is read.
    let asks_get = x[r].method == Method::Head && (*conf.cache.convert_head || kind.name != "proxy");
    if let Some(u) = super::of(x, r) {
        u.cache = Some(Box::new(Cached {
            store,
            status: if bypass { CacheStatus::Bypass } else { CacheStatus::Miss },
            text,
            main,
            key: main,
            entry: None,
            sends: false,
            date: 0,
            keeps: true,
            asks_get,
            raw: Vec::new(),
            fresh: Freshness::default(),
            fill: None,
            lock,
            wait_until: 0,
        }));
    }
    Ok(true)
}

fn method_bit(method: Method) -> u32 {
    match method {
        Method::Get => methods::GET,
        Method::Head => methods::HEAD,
        Method::Post => methods::POST,
        _ => 0,
    }
}

/// Which failures of a peer make a stale reply good enough: bits of [`next_on`].
fn use_stale(conf: &CacheConf) -> u32 {
    if *conf.use_stale & next_on::OFF != 0 { 0 } else { *conf.use_stale }
}

/// The head of a peer's reply is complete: what does it say about being kept?
pub fn judge(x: &mut Exchange, r: RequestIx) {
    let Some(u) = super::of(x, r) else { return };
    let ignoring = *u.conf.ignore_headers;
    if let Some(c) = u.cache.as_deref_mut() {
        c.fresh = freshness::freshness(&u.head.fields, ignoring, now());
    }
}

/// An error page will take the place of a reply: its status is kept in place of it.
pub fn remember(x: &mut Exchange, r: RequestIx, status: u16) {
    let Some(u) = super::of(x, r) else { return };
    let seconds = u.conf.cache.valid_seconds(status);
    let Some(c) = u.cache.as_deref_mut().filter(|c| c.may_keep()) else { return };
    let valid_until = c.fresh.valid_until.or_else(|| Some(now().saturating_add(seconds?)));
    if let Some(until) = valid_until {
        c.store.remember(&c.key, status, until);
    }
}

/// The upstream is over, with this status if no reply came: gives back what is left.
pub fn end(x: &mut Exchange, r: RequestIx, io: &mut Io, failed: Option<u16>) {
    wait::end(x, r, io);
    let Some(u) = super::of(x, r) else { return };
    let Some(c) = u.cache.as_deref_mut() else { return };
    if let Some(status @ (502 | 504)) = failed
        && c.keeps
        && !c.sends
        && let Some(seconds) = u.conf.cache.valid_seconds(status)
    {
        c.store.remember(&c.key, status, now().saturating_add(seconds));
    }
    c.entry = None;
    give_up(x, r, io);
}

/// The reply is not kept, or not by this request: somebody else may fetch it.
pub(super) fn give_up(x: &mut Exchange, r: RequestIx, io: &mut Io) {
    let Some(c) = of(x, r) else { return };
    c.fill = None;
    c.keeps = false;
    c.raw = Vec::new();
    if c.lock.take().is_some() {
        let key = c.key;
        wait::wake(io, key);
    }
}
