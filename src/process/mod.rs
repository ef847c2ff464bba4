//! Processes: the command line, the master, its workers, and the signals between them.
//!
//! *In nginx* this is `nginx.c`, `ngx_cycle.c` and `ngx_process_cycle.c`. A cycle is one reading of the
//! configuration with all that hangs on it; a reload makes a new one beside the old.
//!
//! *Here* the same parts, and nothing of what workers do: the program hands in an [`App`] that turns files
//! into a [`Cycle`], and a [`Cycle`] that can run as a worker. So the whole of this room can be tested with a
//! cycle that does nothing.
//!
//! ```text
//!   argv ─▶ args ─▶ App::load ─▶ Cycle ─▶ sockets ─▶ pid file ─▶ master ─ fork ─▶ Cycle::run_worker
//!                      ▲                                           │
//!                      └────────────────── HUP ────────────────────┘
//! ```
//!
//! *Read next*: `run.rs` for the order of a start, then `master.rs`; `listen.rs` for the sockets.

pub mod args;
pub mod cycle;
pub mod daemon;
pub mod helper;
pub mod listen;
pub mod master;
pub mod pidfile;
pub mod run;
pub mod signal;
pub mod upgrade;
pub mod version;
pub mod worker_process;
pub mod workers;

pub use cycle::{App, ConfigSource, Cycle, Listener, Purpose, WorkerContext};
pub use run::run;
