//! The HTTP server: from the first byte of a request to the last byte of its answer.
//!
//! *In nginx* this is `src/http/`: a request is parsed in place, walks through phases, and is answered
//! by a content handler whose output passes through filters.
//!
//! *Here* the same parts have a file each. What only looks at bytes stands in `parse` and knows no
//! socket, no request and no configuration; everything else builds on it.
//!
//! ```text
//!   client/wait ─▶ client/head ─▶ phases ─▶ (a module) ─▶ output ─▶ finalize ─▶ client/keepalive
//! ```
//!
//! Handlers have one shape, `fn(&mut Exchange, RequestIx, &mut Io)`, and are called by
//! `worker/switchboard.rs` alone.
//!
//! *Read next*: `exchange.rs`, `slots.rs`, `phases.rs`.

pub mod access_log;
pub mod auth_delay;
pub mod block;
pub mod body;
pub mod cache_conf;
pub mod cached;
pub mod client;
pub mod conf;
pub mod core_directives;
pub mod counters;
pub mod cycle;
pub mod deadline;
pub mod delay;
pub mod exchange;
pub mod files;
pub mod finalize;
pub mod finish;
pub mod forwarded;
pub mod headers;
pub mod holds;
pub mod io;
pub mod limited;
pub mod listen;
pub mod location;
pub mod logging;
pub mod module;
pub mod output;
pub mod phases;
pub mod redirect;
pub mod request;
pub mod server;
pub mod slots;
pub mod special;
pub mod ssl;
pub mod subrequest;
pub mod turn;
pub mod upstream_conf;
pub mod upstreamed;
pub mod vars;
