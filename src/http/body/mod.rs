//! The request body: kept, streamed, or thrown away.
//!
//! *In nginx* `ngx_http_request_body.c`.
//!
//! *Here* three files for three ways: [`read`] keeps it (in memory up to `client_body_buffer_size`, then
//! in a temporary file), [`unbuffered`] hands it on as it comes, [`discard`] throws it away so that the
//! connection can go on.
//!
//! *Read next*: `discard.rs`.

pub mod discard;

use super::holds::Hold;
use super::parse::chunked::Chunked;
use crate::buf::{Chain, TempFile};

/// A request's body, as far as it has been read.
#[derive(Default)]
pub struct Body {
    /// What is in memory, or the file as one piece when it is whole.
    pub chain: Chain,
    /// The file, if one was needed.
    pub file: Option<TempFile>,
    /// Bytes of the body that are still to come; unknown in a chunked body.
    pub rest: u64,
    /// The decoder of a chunked body.
    pub chunked: Option<Chunked>,
    /// The end of the body has been seen.
    pub complete: bool,
    /// Keeps the exchange alive while the body is being read.
    pub hold: Option<Hold>,
    /// The body is being thrown away.
    pub discarding: bool,
}
