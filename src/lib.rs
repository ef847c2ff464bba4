//! Headwater: nginx's upstream machinery, built again in Rust.
//!
//! *In nginx* this is what lies between `ngx_http_upstream.c` and the kernel: the event loop, the
//! configuration language, enough of HTTP to have requests worth passing on, and the processes around it.
//!
//! *Here* it is a library of rooms in layers (`ARCHITECTURE.md` has the map and `tests/tidy` keeps the
//! arrows), and the binary is one call. Each file opens with what the thing is called in nginx, what is
//! different here, and what to read next.
//!
//! *Read next*: `process/mod.rs` if you run servers, `event/mod.rs` if you write them.

pub mod balance;
pub mod buf;
pub mod cache;
pub mod conf;
pub mod event;
pub mod http;
pub mod log;
pub mod manual;
pub mod modules;
pub mod parse;
pub mod process;
pub mod protocol;
pub mod resolver;
pub mod sys;
pub mod tls;
pub mod upstream;
pub mod util;
pub mod worker;
