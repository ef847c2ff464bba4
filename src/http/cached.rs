//! What a request knows of the cache: the data of `upstream/cache/`, without its functions.
//!
//! *In nginx* `ngx_http_cache_t`, which hangs on the request as `r->cache`, and four bits in
//! `ngx_http_upstream_t`: `cacheable`, `cache_status`, `store`, `method`.
//!
//! *Here* one struct that the upstream of a request has if its location keeps replies, and does not have
//! if not, so the cache costs the others a look at an `Option`.
//!
//! ```text
//!   Cached ─┬─ store, text, main, key     where the reply is kept
//!           ├─ entry                      what is there: the file, its head
//!           ├─ keeps, fresh, raw          what comes from a peer: may it be kept, for how long
//!           ├─ fill                       the file it is being written to
//!           └─ lock, wait_until           who fetches it, who waits for that
//! ```
//!
//! *Read next*: `upstream/cache/mod.rs`.

use crate::buf::{Page, Slice, TempFile};
use crate::cache::{FileHead, Key, Lock, Store};
use std::fs::File;
use std::rc::Rc;

/// `$upstream_cache_status`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CacheStatus {
    /// It was not there.
    Miss,
    /// It was not looked for (`NAME_cache_bypass`).
    Bypass,
    /// It was there and too old.
    Expired,
    /// It was too old, and there was nothing better.
    Stale,
    /// It was too old, and somebody is fetching a new one.
    Updating,
    /// It was too old, and the peer said that it has not changed.
    Revalidated,
    /// It was there.
    Hit,
}

impl CacheStatus {
    /// The word that the variable shows.
    pub fn word(self) -> &'static str {
        match self {
            CacheStatus::Miss => "MISS",
            CacheStatus::Bypass => "BYPASS",
            CacheStatus::Expired => "EXPIRED",
            CacheStatus::Stale => "STALE",
            CacheStatus::Updating => "UPDATING",
            CacheStatus::Revalidated => "REVALIDATED",
            CacheStatus::Hit => "HIT",
        }
    }
}

/// What a reply says about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Freshness {
    /// It may not be kept.
    pub forbidden: bool,
    /// Until when it is fresh, in seconds since 1970; None if it does not say.
    pub valid_until: Option<u64>,
    /// For so many seconds after that it may be used while it is being updated.
    pub updating_sec: u64,
    /// For so many seconds after that it may be used when no peer gives a better one.
    pub error_sec: u64,
    /// The request fields that it depends on; empty for none.
    pub vary: Slice,
}

/// A reply that is kept, opened.
pub struct Entry {
    /// The file.
    pub file: Rc<File>,
    /// How many bytes it has.
    pub size: u64,
    /// What stands in front of the reply.
    pub head: FileHead,
    /// The beginning of the file: at least up to the reply's body.
    pub page: Page,
}

/// A reply on its way into the cache.
pub struct Fill {
    /// Where it is written to.
    pub file: TempFile,
    /// Until when it will be fresh, in seconds since 1970.
    pub valid_until: u64,
}

/// A request at the cache.
pub struct Cached {
    /// The keys zone.
    pub store: Rc<Store>,
    /// What became of it.
    pub status: CacheStatus,
    /// The text the main key is made of.
    pub text: Slice,
    /// The key of the request.
    pub main: Key,
    /// The key of the file: the main one, or that of a variant.
    pub key: Key,
    /// What is there; None if nothing that can be used.
    pub entry: Option<Entry>,
    /// The answer comes from the entry.
    pub sends: bool,
    /// When that was fetched or found unchanged, in seconds since 1970.
    pub date: u64,
    /// The request is one whose reply may be kept (nginx: `u->cacheable`).
    pub keeps: bool,
    /// The peer is asked with GET although the client said HEAD, or as good as: its reply has a body.
    pub asks_get: bool,
    /// The head of the peer's reply as it came.
    pub raw: Vec<u8>,
    /// What that head says about being kept.
    pub fresh: Freshness,
    /// The file that the reply is written to.
    pub fill: Option<Fill>,
    /// This request is the one that fetches it, among all workers.
    pub lock: Option<Lock>,
    /// How long another one that fetches it is waited for, in milliseconds of the loop's clock; 0 as long
    /// as it has not been waited for.
    pub wait_until: u64,
}

impl Cached {
    /// The peer's reply is to be kept if it has a time.
    pub fn may_keep(&self) -> bool {
        self.keeps && !self.fresh.forbidden
    }
}
