//! The upstream: one request of a client, one connection to a peer, and the talk between them.
//!
//! *In nginx* `ngx_http_upstream.c`, 7,352 lines: a state machine whose states are the functions stored in
//! `u->read_event_handler` and `u->write_event_handler`, driven by two connections at once.
//!
//! *Here* the same machine in a file for each of its states. The states are the slots of
//! `http/slots.rs`; a function that a slot names ends with a [`Turn`](crate::http::turn::Turn), and what
//! is to be done when a peer fails or all is over is done by `worker/settle.rs`, which calls [`next`]
//! and [`finish`]. The data are in `http/upstreamed.rs`.
//!
//! ```text
//!   init ─▶ connect ─▶ send ─▶ header ─▶ heads ─▶ relay ─┬─ unbuffered ─┐
//!    │         ▲                  │                      ├─ pipe/*      ├─▶ finish
//!    │         └────── next ◀─────┴── early (1xx)        └─ upgraded ───┘
//!    └ body first (http/body/read.rs)      cache/* in front of connect, beside relay
//! ```
//!
//! What each may rely on: `init` has made the request's bytes, so nobody after it asks the protocol for
//! them; `connect` has put a [`Peer`](crate::http::upstreamed::Peer) in place; `header` has a complete
//! head; nobody but `finish` gives the peer back.
//!
//! *Read next*: `init.rs`.

pub mod broken;
pub mod cache;
pub mod check;
pub mod connect;
pub mod deadline;
pub mod directives;
pub mod early;
pub mod fastcgi_vars;
pub mod finish;
pub mod greet;
pub mod header;
pub mod heads;
pub mod init;
pub mod lines;
pub mod modules;
pub mod next;
pub mod pass;
pub mod pipe;
pub mod pool;
pub mod relay;
pub mod resolve;
pub mod send;
pub mod store;
pub mod tls;
pub mod unbuffered;
pub mod upgraded;
pub mod vars;
pub mod view;

use crate::event::{ConnId, RequestIx};
use crate::http::exchange::Exchange;
use crate::http::upstreamed::{State, Upstream};

/// The upstream of a request, while there is one.
pub(crate) fn of(x: &mut Exchange, r: RequestIx) -> Option<&mut Upstream> {
    x[r].upstream.as_deref_mut()
}

/// The connection of the present attempt.
pub(crate) fn peer_conn(x: &Exchange, r: RequestIx) -> Option<ConnId> {
    x[r].upstream.as_ref()?.peer.as_ref().map(|peer| peer.conn)
}

/// The record of the present attempt.
pub(crate) fn state(x: &mut Exchange, r: RequestIx) -> Option<&mut State> {
    x[r].upstream_states.last_mut()
}
