//! Bytes and readiness: the part of the loop that knows sockets and timers and nothing of HTTP.
//!
//! *In nginx* this is `src/event`: `ngx_epoll_module.c`, the timer tree, posted events,
//! `ngx_event_connect_peer`, `ngx_event_accept`.
//!
//! *Here* [`Net`] owns what nginx keeps in globals: the table of connections, the timers, the posted events
//! and the poll. A connection says whom it works for ([`Owner`]), never what to call: calling is the
//! worker's business.
//!
//! ```text
//!   Poll ──event──▶ Table[ConnId] ──▶ ready flags ──▶ owner ──▶ (worker/switchboard)
//!   Timers ─due──▶ timed_out flag ──┘
//!   Posted ────────────────────────┘
//! ```
//!
//! Two rules of this room make stalls impossible: only `recv`/`send` clear a ready flag (`stream.rs`), and
//! only [`Net::wait`] goes to sleep, which posts an event if the flag is still set (`wait.rs`).
//!
//! *Read next*: `net.rs`, then `conn.rs`.

pub mod accept;
pub mod clock;
pub mod congestion;
pub mod conn;
pub mod connect;
pub mod datagram;
pub mod directives;
pub mod inbox;
pub mod listening;
pub mod net;
pub mod owner;
pub mod posted;
pub mod reusable;
pub mod room;
pub mod secure;
pub mod stream;
pub mod table;
pub mod timer;
pub mod wait;

pub use conn::{ConnId, Connection, Side};
pub use net::Net;
pub use owner::{ExchangeId, Owner, RequestIx};
