//! Whom a connection works for.
//!
//! *In nginx* `c->data` is a `void *` whose type depends on which handler was installed last, and reading it
//! wrongly is a classic bug.
//!
//! *Here* the pointer has its type back. The owner decides the first dispatch of an event: a client's
//! connection goes to the client's slots, an upstream's to the peer's slots of one request, an idle one to
//! the pool.
//!
//! *Read next*: `worker/switchboard.rs`, which reads it.

/// The key of an exchange in the worker's slab. An exchange outlives its connections' owner fields, so the
/// key needs no generation of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ExchangeId(pub u32);

/// The number of a request within its exchange: 0 is the main request, the others are subrequests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequestIx(pub u16);

impl RequestIx {
    /// The main request (nginx: `r->main`).
    pub const MAIN: RequestIx = RequestIx(0);
}

/// Whom a connection works for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// A client that has not sent the first byte of its (next) request: no exchange, no page.
    Waiting,
    /// A client that shakes hands for TLS, before its first request.
    Handshake,
    /// The client of an exchange.
    Client(ExchangeId),
    /// The upstream connection of one request.
    Upstream(ExchangeId, RequestIx),
    /// An idle upstream connection in a keepalive pool; the number is that of its spot there.
    Pooled(u32),
    /// A client whose last answer is out and whose remaining bytes are read away before the close
    /// (lingering close); how many milliseconds may pass between two reads.
    Lingering(u32),
    /// Something else that a part of the worker talks over: a name server, a syslog, a health check.
    Service(Service),
}

/// Users of sockets that are neither client nor upstream of an exchange. The number is the user's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// A name server.
    Resolver(u32),
    /// An active health check.
    Check(u32),
}
