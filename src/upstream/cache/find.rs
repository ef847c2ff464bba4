//! Finding: from a request to the file of its reply, and whether it is fresh.
//!
//! *In nginx* `ngx_http_file_cache_open`, `_exists`, `_read`, `_reopen`, `_lock`; what they find out is
//! a return code.
//!
//! *Here* [`find`] answers a [`Found`]. The index of the store says what is likely; the file says what is:
//! its head has the text of the key, the fields that the reply varies by, and how long it is fresh.
//!
//! ```text
//!   index ─┬─ not asked for often enough ─▶ Rare
//!          ├─ an error is remembered ─▶ Remembered
//!          ├─ no file ─▶ lock ─┬─ ours ─▶ Nothing          it is ours to fetch
//!          │                   └─ somebody's ─▶ Awaited
//!          └─ file ─▶ of another variant? ─▶ the variant's key, from the top
//!                 └─▶ fresh? ─┬─ yes ─▶ Fresh
//!                             └─ no ─▶ lock ─┬─ ours ─▶ Stale
//!                                            └─ somebody's ─▶ Updating
//! ```
//!
//! *Read next*: `serve.rs`, `wait.rs`.

use super::{now, of, vary, wait};
use crate::buf::Page;
use crate::cache::{Damage, FileHead};
use crate::event::{RequestIx, clock};
use crate::http::cached::Entry;
use crate::http::exchange::Exchange;
use crate::http::io::Io;
use crate::http::logging;
use crate::log::Level;
use crate::sys::file::read_at;
use std::fs::File;
use std::io;
use std::path::Path;
use std::rc::Rc;

/// What is known of a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// It is there.
    Fresh,
    /// It is there, too old, and this request is to fetch a new one.
    Stale,
    /// It is there, too old, and somebody else is fetching a new one.
    Updating,
    /// It is not there, and this request is to fetch it.
    Nothing,
    /// It is not to be kept: it has not been asked for often enough, or another request that fetches it has
    /// been waited for long enough.
    Rare,
    /// Somebody else is fetching it, and is to be waited for.
    Awaited,
    /// The last answer was this status, with a page of ours.
    Remembered(u16),
}

/// Looks for the reply. What is there stays open in the request.
pub fn find(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Found {
    let Some(u) = x[r].upstream.as_deref() else { return Found::Rare };
    let min_uses = *u.conf.cache.min_uses;
    // A file of a main key sends to that of a variant, which sends nowhere else.
    for _ in 0..2 {
        let Some(c) = of(x, r) else { return Found::Rare };
        let touched = c.store.touch(&c.key, min_uses, clock::now());
        if touched.remembered_status != 0 {
            return Found::Remembered(touched.remembered_status);
        }
        if !touched.may_exist && !touched.uses_reached {
            return Found::Rare;
        }
        let entry = if touched.may_exist { open(x, r, io) } else { None };
        let Some(entry) = entry else {
            return if touched.uses_reached { lock(x, r) } else { Found::Rare };
        };
        if !touched.exists
            && let Some(c) = of(x, r)
        {
            c.store.stored(&c.key, entry.size, entry.head.valid_until);
        }
        if is_other_variant(x, r, &entry) {
            continue;
        }
        let fresh = entry.head.valid_until >= now();
        if let Some(c) = of(x, r) {
            c.entry = Some(entry);
        }
        return if fresh { Found::Fresh } else { lock_stale(x, r) };
    }
    lock(x, r)
}

/// Whether the file is of another variant than the request wants; then the key is that variant's.
fn is_other_variant(x: &mut Exchange, r: RequestIx, entry: &Entry) -> bool {
    if entry.head.vary.is_empty() {
        return false;
    }
    let Some(main) = of(x, r).map(|c| c.main) else { return false };
    let wanted = vary::variant(&main, &entry.head.vary, &x[r].headers_in);
    let is_other = wanted.bytes() != entry.head.variant;
    if is_other && let Some(c) = of(x, r) {
        c.key = wanted;
    }
    is_other
}

/// Asks to be the one who fetches what is not there (directive `NAME_cache_lock`).
fn lock(x: &mut Exchange, r: RequestIx) -> Found {
    let Some(u) = super::super::of(x, r) else { return Found::Rare };
    let (wanted, age) = (*u.conf.cache.lock, *u.conf.cache.lock_age);
    let has_waited = wait::is_over(u);
    let Some(c) = u.cache.as_deref_mut() else { return Found::Rare };
    if !wanted || c.lock.is_some() {
        return Found::Nothing;
    }
    c.lock = c.store.lock(&c.key, age, clock::now());
    match c.lock {
        Some(_) => Found::Nothing,
        None if has_waited => Found::Rare,
        None => Found::Awaited,
    }
}

/// Asks to be the one who fetches what is too old. A background request comes with the lock.
fn lock_stale(x: &mut Exchange, r: RequestIx) -> Found {
    let Some(u) = super::super::of(x, r) else { return Found::Rare };
    // Nobody waits for this lock, so a peer that takes its time is no reason to ask it a second time.
    let age = (*u.conf.cache.lock_age).max(*u.conf.read_timeout);
    let Some(c) = u.cache.as_deref_mut() else { return Found::Rare };
    if c.lock.is_none() {
        c.lock = c.store.lock(&c.key, age, clock::now());
    }
    if c.lock.is_some() { Found::Stale } else { Found::Updating }
}

/// Opens the file of the key; None if there is none, or none that can be used.
fn open(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Option<Entry> {
    let u = x[r].upstream.as_deref()?;
    let wanted = usize::try_from(*u.conf.buffer_size).unwrap_or(4096).max(1024);
    let c = u.cache.as_deref()?;
    let path = c.store.path(&c.key);
    let read = File::open(&path).and_then(|file| read(file, wanted));
    match read {
        Ok(Ok(entry)) if entry.head.key == c.text[..] => Some(entry),
        Ok(Ok(_)) => {
            let text = format_args!("cache file \"{}\" has md5 collision", path.display());
            logging::log(x, r, io, Level::Crit, None, text);
            None
        }
        Ok(Err(damage)) => {
            // It would be found bad with every request, and is of use to nobody.
            c.store.remove(&c.key);
            log_damage(x, r, io, &path, damage);
            None
        }
        Err(error) if matches!(error.raw_os_error(), Some(libc::ENOENT | libc::ENOTDIR)) => {
            c.store.forget(&c.key);
            None
        }
        Err(error) => {
            let text = format_args!("open() \"{}\" failed", path.display());
            logging::log(x, r, io, Level::Crit, Some(&error), text);
            None
        }
    }
}

fn log_damage(x: &Exchange, r: RequestIx, io: &Io, path: &Path, damage: Damage) {
    let path = path.display();
    match damage {
        // Written over by somebody at this very moment, too.
        Damage::Broken => {
            let text = format_args!("cache file \"{path}\" is broken");
            logging::log(x, r, io, Level::Error, None, text);
        }
        Damage::Version(_) => {
            let text = format_args!("cache file \"{path}\" version mismatch");
            logging::log(x, r, io, Level::Info, None, text);
        }
        Damage::Cut(whole) => {
            let text = format_args!("cache file \"{path}\" had {whole} bytes and was cut");
            logging::log(x, r, io, Level::Crit, None, text);
        }
        Damage::Short(_) | Damage::Foreign => {
            let text = format_args!("cache file \"{path}\" is too small or not of this cache");
            logging::log(x, r, io, Level::Crit, None, text);
        }
    }
}

/// Reads the beginning of a file, as much as is `wanted` and at least up to the reply's body.
fn read(file: File, wanted: usize) -> io::Result<Result<Entry, Damage>> {
    let size = file.metadata()?.len();
    let mut wanted = wanted;
    loop {
        let mut page = Page::with_capacity(wanted);
        loop {
            let offset = page.len() as u64;
            // Most files end within their first page: no read is needed to find that out.
            if page.room() == 0 || offset >= size || read_at(&file, &mut page, offset, usize::MAX)? == 0 {
                break;
            }
        }
        let more = match FileHead::parse(page.filled()) {
            Ok(head) => {
                let head = match head.checked(size) {
                    Ok(head) => head,
                    Err(damage) => return Ok(Err(damage)),
                };
                let whole = usize::try_from(head.body_start).unwrap_or(usize::MAX);
                if whole <= page.len() {
                    return Ok(Ok(Entry { file: Rc::new(file), size, head, page }));
                }
                whole
            }
            Err(Damage::Short(whole)) => whole,
            Err(damage) => return Ok(Err(damage)),
        };
        if more <= wanted || more as u64 > size {
            return Ok(Err(Damage::Short(more)));
        }
        wanted = more;
    }
}
