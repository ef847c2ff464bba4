//! The test kit: a server under test, a client that hangs on nothing, an origin that misbehaves to order.
//!
//! A test is a configuration, a scripted origin, a client and assertions, and its name is the sentence it
//! asserts:
//!
//! ```ignore
//! let origin = Origin::always(http::ok("hello"));
//! let proxy = "location / { proxy_pass http://%%ORIGIN%%; }";
//! let s = Server::locations(proxy).with("ORIGIN", origin.addr()).start();
//! assert_eq!(s.get("/").text(), "hello");
//! ```
//!
//! Everything waits for an event, with [`DEADLINE`] as the point where waiting becomes a failure; nothing
//! sleeps for a while and hopes. The only loop that looks again after a pause is [`wait::until`].
//!
//! `HEADWATER_BIN=/usr/sbin/nginx cargo test --test suite` runs the same tests against nginx: what a test
//! says of the protocol should hold there as well, and where it does not, the test says why.

#![allow(dead_code)] // each test binary which includes the kit uses a part of it

pub mod client;
pub mod dns;
pub mod http;
pub mod origin;
pub mod ports;
pub mod process;
pub mod real;
pub mod server;
pub mod tls;
pub mod wait;

use std::time::Duration;

pub use client::Client;
pub use dns::{Dns, Reply};
pub use http::Response;
pub use origin::{Act, Origin};
pub use ports::Port;
pub use real::Real;
pub use server::Server;

/// How long anything in a test may take before the test fails instead of hanging.
pub const DEADLINE: Duration = Duration::from_secs(10);
