//! Stale: a reply that is too old, and good enough.
//!
//! *In nginx* spread over `ngx_http_upstream_cache`, `ngx_http_upstream_test_next`, `ngx_http_upstream_next`
//! and `ngx_http_upstream_cache_background_update`.
//!
//! *Here* the three cases side by side:
//!
//! ```text
//!   somebody is fetching a new one     use_stale updating, stale-while-revalidate    UPDATING, or STALE
//!   fetching a new one has failed      use_stale error …,  stale-if-error            STALE
//!   the peer says it has not changed   cache_revalidate, 304                         REVALIDATED
//! ```
//!
//! In the first case the client that found it too old need not wait either: with
//! `NAME_cache_background_update` a subrequest fetches the new one, which the request hands its lock to.
//!
//! *Read next*: `http/subrequest.rs`.

use super::{freshness, now, of, serve, use_stale};
use crate::cache::Lock;
use crate::event::RequestIx;
use crate::http::cached::CacheStatus;
use crate::http::exchange::Exchange;
use crate::http::io::Io;
use crate::http::logging;
use crate::http::subrequest::Subrequest;
use crate::http::turn::{Status, Turn};
use crate::http::upstream_conf::next_on;
use crate::log::Level;
use crate::protocol::{Decoder, Framing};
use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::MetadataExt;

/// The right to fetch, on its way from a request to its background subrequest.
pub(super) struct Handed(pub Lock);

/// A stale reply will do while it is being updated.
pub fn while_updating(x: &Exchange, r: RequestIx) -> bool {
    let Some(u) = x[r].upstream.as_deref() else { return false };
    let Some(entry) = u.cache.as_deref().and_then(|c| c.entry.as_ref()) else { return false };
    let allowed = use_stale(&u.conf.cache) & next_on::UPDATING != 0;
    !x[r].flags.background && (allowed || entry.head.stale_while_revalidate_until >= now())
}

/// Has a subrequest fetch a new one; false if it is this request's own business.
pub fn update_behind(x: &mut Exchange, r: RequestIx, io: &mut Io) -> bool {
    let wanted = super::super::of(x, r).is_some_and(|u| *u.conf.cache.background_update);
    if !wanted {
        return false;
    }
    let Ok(child) = Subrequest::clone_of(x, r).background().head_only().start(x, r, io) else { return false };
    if let Some(lock) = of(x, r).and_then(|c| c.lock.take()) {
        x[child].ctx.set(Handed(lock));
    }
    true
}

/// The reply of the peer is not used: something better is there. None if not.
pub fn instead(x: &mut Exchange, r: RequestIx, io: &mut Io, status: u16, class: Option<u32>) -> Option<Turn> {
    let u = super::super::of(x, r)?;
    if u.cache.as_deref()?.status != CacheStatus::Expired {
        return None;
    }
    if status == 304 && *u.conf.cache.revalidate {
        return revalidate(x, r, io);
    }
    after_failure(x, r, io, class?)
}

/// No peer gives an answer, and the last failure is of this class: what is there may be good enough.
pub fn after_failure(x: &mut Exchange, r: RequestIx, io: &mut Io, class: u32) -> Option<Turn> {
    let u = super::super::of(x, r)?;
    let allowed = use_stale(&u.conf.cache) & class != 0;
    let c = u.cache.as_deref_mut().filter(|c| c.status == CacheStatus::Expired)?;
    let entry = c.entry.as_ref()?;
    if !allowed && entry.head.stale_if_error_until < now() {
        return None;
    }
    c.status = CacheStatus::Stale;
    x[r].headers_out = Default::default();
    serve::serve(x, r, io)
}

/// The peer says that what is there has not changed: it is fresh again.
fn revalidate(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Option<Turn> {
    let u = super::super::of(x, r)?;
    // The reply is over with its head, so its connection is as good as before.
    u.decoder = Some(Decoder::new(Framing::Empty));
    u.complete = true;
    let c = u.cache.as_deref_mut()?;
    c.status = CacheStatus::Revalidated;
    let mut said = c.fresh.clone();
    if serve::read_head(x, r, io).is_none() {
        return Some(Status::INTERNAL.finish());
    }
    let u = super::super::of(x, r)?;
    if said.valid_until.is_none() {
        said = freshness::freshness(&u.head.fields, *u.conf.ignore_headers, now());
    }
    let by_rule = || Some(now().saturating_add(u.conf.cache.valid_seconds(u.head.status)?));
    if let Some(until) = said.valid_until.or_else(by_rule) {
        let after = |seconds: u64| if seconds == 0 { 0 } else { until.saturating_add(seconds) };
        let entry = u.cache.as_deref_mut()?.entry.as_mut()?;
        entry.head.valid_until = until;
        entry.head.stale_while_revalidate_until = after(said.updating_sec);
        entry.head.stale_if_error_until = after(said.error_sec);
        entry.head.date = now();
        if let Err(error) = write_over(x, r) {
            logging::log(x, r, io, Level::Crit, Some(&error), format_args!("cannot update a cache file"));
        }
    }
    x[r].headers_out = Default::default();
    Some(serve::send(x, r, io))
}

/// Writes the changed head, unless another file has taken the place of the one that was read.
fn write_over(x: &mut Exchange, r: RequestIx) -> io::Result<()> {
    let Some(c) = of(x, r) else { return Ok(()) };
    let Some(entry) = c.entry.as_ref() else { return Ok(()) };
    let file = OpenOptions::new().write(true).open(c.store.path(&c.key))?;
    if file.metadata()?.ino() == entry.file.metadata()?.ino() {
        entry.head.write_over(&file)?;
        c.store.stored(&c.key, entry.size, entry.head.valid_until);
    }
    Ok(())
}
