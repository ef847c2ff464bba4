//! Asking name servers without stopping the loop.
//!
//! *In nginx* `ngx_resolver.c`: a tree of names, a UDP and a TCP connection for each name server, queues of
//! names to ask again, and contexts (`ngx_resolver_ctx_t`) of those who wait.
//!
//! *Here* four small parts. [`message`] turns bytes into answers, [`lookup`] knows what an answer means for
//! a name, [`attempt`] is one socket to one server, and [`service`] keeps names in flight, those who wait
//! for them, and the cache. Who waits is a value ([`Waiter`]); the worker wakes it when
//! [`Resolvers::finished`] says so. This room knows no requests and no groups.
//!
//! ```text
//!   resolve(name) ─┬─ cached ──────────────────────────────▶ Now(answer)
//!                  └─ Later(ticket)   attempt ⇄ name server
//!                        │               │ A, AAAA, SRV     └─ silence: next server, next socket
//!                        │            lookup ─ CNAME ─▶ ask again
//!                        └── cancel      └─ complete ─▶ cache ─▶ finished() ─▶ the worker wakes the waiters
//! ```
//!
//! *Read next*: `service.rs`.

pub mod attempt;
pub mod board;
pub mod cache;
pub mod directives;
pub mod lookup;
pub mod message;
pub mod service;
pub mod srv;
pub mod system;

pub use service::{Finished, Resolvers};

use crate::event::{ExchangeId, RequestIx};
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;

/// The name servers of one `resolver` line.
#[derive(Debug, PartialEq, Eq)]
pub struct Nameservers {
    /// Its number: answers are cached for each line apart.
    pub number: u32,
    /// Whom to ask, in turn.
    pub servers: Vec<SocketAddr>,
    /// `valid=`: how long answers are kept, in milliseconds, whatever they say.
    pub valid_ms: Option<u64>,
    /// `ipv4=`: A records are asked for.
    pub ipv4: bool,
    /// `ipv6=`: AAAA records are asked for.
    pub ipv6: bool,
}

/// Who waits for an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Waiter {
    /// A request whose upstream is a name made of variables.
    Request(ExchangeId, RequestIx),
    /// A `server … resolve` line; the number is the worker's own.
    Line(u32),
}

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// The host, as written.
    pub host: &'a [u8],
    /// `service=`: look for SRV records of this service first.
    pub service: Option<&'a str>,
    /// The port of addresses that do not come with one.
    pub port: u16,
    /// `resolver_timeout`, in milliseconds.
    pub timeout_ms: u64,
}

/// By what a waiter takes its question back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket {
    pub(crate) query: usize,
    pub(crate) number: u64,
}

/// One address of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Host {
    /// The address.
    pub ip: IpAddr,
    /// Its port, if a SRV record gave one.
    pub port: Option<u16>,
    /// The weight of the SRV record; 0 for none.
    pub weight: u32,
    /// It comes from a SRV record that has not the best priority.
    pub backup: bool,
}

/// All addresses of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The addresses, those of IPv4 first; none if the name exists without.
    pub hosts: Rc<[Host]>,
    /// The port of those without one.
    pub port: u16,
    /// For how many milliseconds from now it may be used.
    pub ttl_ms: u64,
    /// Where in the list to begin, so that everybody begins elsewhere.
    pub from: usize,
}

impl Answer {
    /// The addresses with their ports, from a different one each time the name is asked for.
    pub fn addresses(&self) -> impl Iterator<Item = (SocketAddr, &Host)> {
        let (before, after) = self.hosts.split_at_checked(self.from).unwrap_or((&self.hosts, &[]));
        let rotated = after.iter().chain(before);
        rotated.map(|host| (SocketAddr::new(host.ip, host.port.unwrap_or(self.port)), host))
    }
}

/// Why a name has no addresses; shown as nginx shows it: `3: Host not found`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResolveError {
    /// The server says so, with this code (RFC 1035, RCODE; 3 for a name that does not exist).
    Code(u8),
    /// The name exists and has no address; shown as if it did not.
    NoAddress,
    /// Nobody answered in time.
    TimedOut,
}

impl ResolveError {
    /// The name does not exist.
    pub const NOT_FOUND: ResolveError = ResolveError::Code(3);
}

impl fmt::Display for ResolveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (number, words) = match *self {
            ResolveError::Code(1) => (1, "Format error"),
            ResolveError::Code(2) => (2, "Server failure"),
            ResolveError::Code(3) | ResolveError::NoAddress => (3, "Host not found"),
            ResolveError::Code(4) => (4, "Unimplemented"),
            ResolveError::Code(5) => (5, "Operation refused"),
            ResolveError::Code(other) => (i32::from(other), "Unknown error"),
            ResolveError::TimedOut => (libc::ETIMEDOUT, "Operation timed out"),
        };
        write!(f, "{number}: {words}")
    }
}

/// What came of a question.
pub type Outcome = Result<Answer, ResolveError>;

/// What [`Resolvers::resolve`] says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resolved {
    /// It is known.
    Now(Outcome),
    /// It will be; the ticket is for taking the question back.
    Later(Ticket),
}
