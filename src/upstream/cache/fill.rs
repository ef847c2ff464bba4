//! Filling: a peer's reply becomes a file.
//!
//! *In nginx* the event pipe writes a reply that is to be kept through its temporary file, and sends the
//! client what stands there; `ngx_http_file_cache_set_header`, `ngx_http_file_cache_update`.
//!
//! *Here* a copy goes to a file of its own beside the pipe, as for `NAME_store`. The file has the
//! reply's head as it came and its body without framing. It gets its name when the reply is whole and not
//! before, so nobody is ever served half of one; and then at once, however slow the client is.
//!
//! ```text
//!   peer ─▶ decode ─┬─▶ pipe ─▶ client          gone? the copy goes on
//!                   └─▶ temporary file ─┬─ whole ─▶ publish (rename), stored, lock given back
//!                                       └─ cut ───▶ deleted
//! ```
//!
//! *Read next*: `stale.rs`.

use super::super::init;
use super::{any_holds, give_up, now, of, vary, wait};
use crate::buf::{Chain, FileRange, Slice};
use crate::cache::{FileHead, Key};
use crate::event::{RequestIx, clock};
use crate::http::cached::{CacheStatus, Cached, Fill};
use crate::http::exchange::Exchange;
use crate::http::io::Io;
use crate::http::logging;
use crate::http::upstreamed::{Peer, Upstream};
use crate::log::Level;
use crate::parse::date;
use crate::protocol::Head;

/// The head of a reply goes to the client: begins a file if the reply is to be kept. `relayed`: its body goes
/// through the pipe.
pub fn begin(x: &mut Exchange, r: RequestIx, io: &mut Io, relayed: bool) {
    let Some(u) = super::super::of(x, r) else { return };
    if u.cache.is_none() {
        return;
    }
    let conf = u.conf.clone();
    let refused = any_holds(x, r, io, &conf.cache.no_cache);
    let kept = match valid_until(x, r).filter(|_| relayed && !refused) {
        None => false,
        Some(valid_until) => start(x, r, io, valid_until).map_or_else(
            |error| {
                let text = format_args!("cannot write a file of the cache");
                logging::log(x, r, io, Level::Crit, Some(&error), text);
                false
            },
            |()| true,
        ),
    };
    if !kept && of(x, r).is_some_and(|c| c.keeps) {
        give_up(x, r, io);
        // Nobody but the client wants the reply now, so it matters again whether the client is there.
        init::watch_client(x, r, io, *conf.ignore_client_abort);
    }
}

/// The head could not be sent because the client has gone, and the reply is to be kept. DIFF: nginx gives it
/// up if the client went before its first byte.
pub fn is_wanted_without_client(x: &Exchange, r: RequestIx, io: &Io) -> bool {
    let is_gone = io.net.table.get(x.client.conn).is_some_and(|c| c.write.error);
    is_gone && valid_until(x, r).is_some()
}

/// Until when the reply is fresh: as it says itself, or `NAME_cache_valid`. None if it is not to be kept.
fn valid_until(x: &Exchange, r: RequestIx) -> Option<u64> {
    let u = x[r].upstream.as_deref()?;
    let c = u.cache.as_deref().filter(|c| c.may_keep())?;
    let by_rule = || Some(now().saturating_add(u.conf.cache.valid_seconds(u.head.status)?));
    c.fresh.valid_until.or_else(by_rule)
}

/// Writes the head of the file and that of the reply.
fn start(x: &mut Exchange, r: RequestIx, io: &mut Io, valid_until: u64) -> std::io::Result<()> {
    let variant = variant(x, r);
    choose_key(x, r, io, variant);
    let Some(u) = super::super::of(x, r) else { return Ok(()) };
    let temp = u.conf.temp_path.as_ref().unwrap_or(&u.pass.temp_path);
    let Some(c) = u.cache.as_deref_mut() else { return Ok(()) };
    let head = file_head(c, &u.head, variant, valid_until);
    let mut chain = Chain::of(Slice::from(head.to_bytes()));
    chain.push(Slice::from(std::mem::take(&mut c.raw)));
    let mut file = c.store.temp_file(&c.key, temp)?;
    file.append(&mut chain)?;
    c.fill = Some(Fill { file, valid_until });
    Ok(())
}

/// The variant that the reply is; None if it does not vary.
fn variant(x: &Exchange, r: RequestIx) -> Option<Key> {
    let c = x[r].upstream.as_deref()?.cache.as_deref()?;
    let varies = !c.fresh.vary.is_empty();
    varies.then(|| vary::variant(&c.main, &c.fresh.vary, &x[r].headers_in))
}

/// The reply may vary by other fields than the one in whose place it comes. The file of a variant is only for
/// that variant; any other reply goes to the file of the main key.
fn choose_key(x: &mut Exchange, r: RequestIx, io: &mut Io, variant: Option<Key>) {
    let Some(c) = of(x, r) else { return };
    if c.status == CacheStatus::Bypass {
        // The index has not been asked; it has to know the key.
        c.store.touch(&c.key, 1, clock::now());
    }
    if c.key != c.main && variant != Some(c.key) {
        let left = std::mem::replace(&mut c.key, c.main);
        if c.lock.take().is_some() {
            wait::wake(io, left);
        }
    }
}

fn file_head(c: &Cached, head: &Head, variant: Option<Key>, valid_until: u64) -> FileHead {
    let after = |seconds: u64| if seconds == 0 { 0 } else { valid_until.saturating_add(seconds) };
    // Only of these can a peer say that they have not changed.
    let has_validators = matches!(head.status, 200 | 206);
    let field = |name: &str| head.get(name).filter(|_| has_validators);
    let modified = field("Last-Modified").and_then(date::parse).unwrap_or(0);
    let mut file_head = FileHead {
        valid_until,
        stale_while_revalidate_until: after(c.fresh.updating_sec),
        stale_if_error_until: after(c.fresh.error_sec),
        last_modified: u64::try_from(modified).unwrap_or(0),
        date: now(),
        body_start: 0,
        etag: field("ETag").map(|tag| tag.to_vec()).unwrap_or_default(),
        vary: c.fresh.vary.to_vec(),
        variant: variant.map(|key| key.bytes()).unwrap_or_default(),
        file_len: 0,
        key: c.text.to_vec(),
    };
    let start = file_head.header_start().saturating_add(c.raw.len());
    file_head.body_start = u32::try_from(start).unwrap_or(u32::MAX);
    file_head
}

/// Keeps what the protocol has used of the window; `unread` is how much there was before.
pub fn keep_head(c: &mut Cached, peer: &Peer, unread: usize) {
    if c.keeps {
        let start = peer.page.len().saturating_sub(unread);
        let end = peer.page.len().saturating_sub(peer.cursor.unread(&peer.page).len());
        c.raw.extend_from_slice(peer.page.filled().get(start..end).unwrap_or_default());
    }
}

/// It was not the head of a reply that is kept: an interim one, or that of a peer that has failed.
pub fn forget_head(x: &mut Exchange, r: RequestIx) {
    if let Some(c) = of(x, r) {
        c.raw.clear();
    }
}

/// Adds what was decoded last.
pub fn append(x: &mut Exchange, r: RequestIx, io: &mut Io) {
    let Some(u) = super::super::of(x, r) else { return };
    let Some(fill) = u.cache.as_deref_mut().and_then(|c| c.fill.as_mut()) else { return };
    if let Err(error) = fill.file.append(&mut u.relay.chain.again()) {
        logging::log(x, r, io, Level::Crit, Some(&error), format_args!("write() to a temporary file failed"));
        give_up(x, r, io);
    }
}

/// Where in the file stands what the pipe has in memory; None if nothing is there, or no file.
pub fn tail(u: &Upstream) -> Option<FileRange> {
    let file = &u.cache.as_deref()?.fill.as_ref()?.file;
    let waiting = u.pipe.memory.len();
    (waiting > 0).then(|| file.range(file.len().saturating_sub(waiting), waiting))
}

/// The reply is whole: its file gets its name, and whoever waits for it is told.
pub fn finish(x: &mut Exchange, r: RequestIx, io: &mut Io) {
    let Some(c) = of(x, r) else { return };
    let Some(fill) = c.fill.take() else { return };
    let size = fill.file.len();
    let published = c.store.publish(&c.key, fill.file);
    match published {
        Ok(()) => c.store.stored(&c.key, size, fill.valid_until),
        Err(error) => {
            let path = c.store.path(&c.key);
            let text = format_args!("rename() to \"{}\" failed", path.display());
            logging::log(x, r, io, Level::Crit, Some(&error), text);
        }
    }
    give_up(x, r, io);
}
