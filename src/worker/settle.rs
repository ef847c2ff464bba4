//! Settle: acting on what a handler answered.
//!
//! *In nginx* `ngx_http_upstream_next` and `ngx_http_finalize_request`, each of which may end up in the
//! other, or in itself, by way of a peer that refuses or an error page that redirects.
//!
//! *Here* a loop: each answer leads to one act, whose own answer is looked at next. A row of refusing
//! peers makes a long loop, not a deep stack.
//!
//! ```text
//!   turn ── Ok ─▶ wait
//!     ├── Next(failure)  ─▶ upstream: free the peer, connect to the next ─▶ turn
//!     └── Finish(status) ─▶ finalize ─▶ turn
//! ```
//!
//! *Read next*: `http/finalize.rs`.

use crate::event::RequestIx;
use crate::http::exchange::Exchange;
use crate::http::finalize;
use crate::http::io::Io;
use crate::http::turn::{Leave, Turn};
use crate::upstream::{finish, next};

/// Acts until there is nothing left to act upon.
pub fn settle(x: &mut Exchange, r: RequestIx, io: &mut Io, mut turn: Turn) {
    while let Err(leave) = turn {
        if x.terminated {
            return;
        }
        turn = match leave {
            Leave::Next(failure) => next::next(x, r, io, failure),
            Leave::Finish(status) => {
                let status = finish::finalize(x, r, io, status);
                finalize::finalize_request(x, r, io, status)
            }
        };
    }
}
