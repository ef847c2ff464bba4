//! `$upstream_cache_…`
//!
//! *In nginx* `ngx_http_upstream_cache_status`, `_key`, `_age`, `_last_modified` and `_etag`.
//!
//! *Here* the same. The last two have a value only while a peer is asked whether what is there has
//! changed (`NAME_cache_revalidate`), and the age only if the answer comes from the cache.
//!
//! *Read next*: `serve.rs: validators`.

use super::now;
use super::serve::validators;
use crate::buf::Slice;
use crate::http::vars::{Definition, definition};

/// The variables.
pub fn variables() -> Vec<(&'static str, Definition)> {
    vec![
        (
            "upstream_cache_status",
            definition(|x, r, _| {
                let c = x[r].upstream.as_ref()?.cache.as_ref()?;
                Some(Slice::from(c.status.word()))
            })
            .volatile(),
        ),
        (
            "upstream_cache_key",
            definition(|x, r, _| Some(x[r].upstream.as_ref()?.cache.as_ref()?.text.clone())).volatile(),
        ),
        (
            "upstream_cache_age",
            definition(|x, r, _| {
                let c = x[r].upstream.as_ref()?.cache.as_ref().filter(|c| c.sends)?;
                Some(Slice::from(now().saturating_sub(c.date).to_string()))
            })
            .volatile(),
        ),
        ("upstream_cache_last_modified", definition(|x, r, _| validators(x, r).0).volatile()),
        ("upstream_cache_etag", definition(|x, r, _| validators(x, r).1).volatile()),
    ]
}
