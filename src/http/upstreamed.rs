//! What a request knows of its upstream: the data of `upstream/`, without its functions.
//!
//! *In nginx* `ngx_http_upstream_t` is declared beside the request that points at it.
//!
//! *Here* the struct stands in this room because a request holds one, and the functions stand in
//! `upstream/`, which knows HTTP; the arrow between the rooms points one way.
//!
//! *Read next*: `upstream/mod.rs`.

use super::holds::Hold;
use std::fmt;

/// What became of one attempt at an upstream, for `$upstream_*` and the log.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// Whom it was.
    pub peer: String,
}

/// The upstream side of a request.
pub struct Upstream {
    /// Keeps the exchange alive.
    pub hold: Option<Hold>,
}

impl Upstream {
    /// The part of an error line that names the upstream.
    pub fn write_context(&self, _f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}
