//! The settings of the cache that every upstream module has under its own prefix.
//!
//! *In nginx* about fifteen fields of `ngx_http_upstream_conf_t` between `#if (NGX_HTTP_CACHE)` and its
//! `#endif`, and as many rows in each module's table of directives.
//!
//! *Here* one struct, a part of the settings of its prefix. Where [`CacheConf::zone`] is
//! [`Zone::Off`] nothing else of it is ever looked at.
//!
//! ```text
//!   UpstreamConf ─ cache ─ CacheConf { zone: pages, key: $host$request_uri, valid: 200 302 → 10 m, … }
//! ```
//!
//! *Read next*: `upstream/cache/mod.rs`.

use super::vars::Template;
use crate::cache::Store;
use crate::settings;
use std::rc::Rc;

/// `NAME_cache`: which keys zone replies are kept in.
#[derive(Clone, Default)]
pub enum Zone {
    /// None.
    #[default]
    Off,
    /// The one of this name.
    Store(Rc<Store>),
    /// The one that variables name when a request asks; an empty name or `off` for none.
    Named(Template),
}

/// A line of `NAME_cache_valid`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Valid {
    /// For replies of this status; 0 for `any`.
    pub status: u16,
    /// How many seconds such a reply is fresh; 0 for not at all.
    pub seconds: u64,
}

/// The bits of `NAME_cache_methods`.
pub mod methods {
    /// GET
    pub const GET: u32 = 1;
    /// HEAD
    pub const HEAD: u32 = 2;
    /// POST
    pub const POST: u32 = 4;
}

settings! {
    /// What concerns the cache under one prefix at one level.
    pub struct CacheConf: Location {
        /// `NAME_cache`
        pub zone: Zone = Zone::Off,
        /// `NAME_cache_key`; None for the URL that is asked for
        pub key: Option<Template> = None,
        /// `NAME_cache_valid`
        pub valid: Vec<Valid> = Vec::new(),
        /// `NAME_cache_methods`: bits of [`methods`]
        pub methods: u32 = methods::GET | methods::HEAD,
        /// `NAME_cache_bypass`
        pub bypass: Vec<Template> = Vec::new(),
        /// `NAME_no_cache`
        pub no_cache: Vec<Template> = Vec::new(),
        /// `NAME_cache_min_uses`
        pub min_uses: u64 = 1,
        /// `NAME_cache_use_stale`: bits of [`next_on`](super::upstream_conf::next_on)
        pub use_stale: u32 = 0,
        /// `NAME_cache_background_update`
        pub background_update: bool = false,
        /// `NAME_cache_lock`
        pub lock: bool = false,
        /// `NAME_cache_lock_timeout`, ms
        pub lock_timeout: u64 = 5000,
        /// `NAME_cache_lock_age`, ms
        pub lock_age: u64 = 5000,
        /// `NAME_cache_revalidate`
        pub revalidate: bool = false,
        /// `NAME_cache_max_range_offset`; None for no limit
        pub max_range_offset: Option<u64> = None,
        /// `proxy_cache_convert_head`
        pub convert_head: bool = true,
    }
}

impl CacheConf {
    /// How long a reply of this status is fresh where it does not say so itself; None if it is not to be
    /// kept.
    pub fn valid_seconds(&self, status: u16) -> Option<u64> {
        let row = self.valid.iter().find(|valid| valid.status == 0 || valid.status == status)?;
        (row.seconds > 0).then_some(row.seconds)
    }
}
