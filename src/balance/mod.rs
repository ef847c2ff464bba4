//! Which peer, and what when it fails.
//!
//! *In nginx* a balancing method is a pair of function pointers in `ngx_peer_connection_t` (`get`, `free`)
//! and an opaque `data`; methods wrap each other by saving the other's pointers (`keepalive` around
//! `least_conn` around round robin), so their order in the file used to matter.
//!
//! *Here* a [`Group`] is one `upstream {}` block (or one `proxy_pass http://host`), made when the
//! configuration is read. It owns the rules all methods share: who may be asked at all, who has failed,
//! backups, stickiness, the queue. A [`Balancer`] only chooses among those who may be asked. This room
//! knows no HTTP: what a method wants to know of the request it asks a [`Client`].
//!
//! ```text
//!                      ┌────────── Group::pick ──────────┐
//!   request ─ Tried ──▶│ sticky? ─▶ method ─▶ backups    │──▶ Pick::Peer(Held)    counted until free
//!      ▲               │   └─ eligible: not tried, down, │──▶ Pick::Wait          all full, queue
//!      │               │      failed, full, draining     │──▶ Pick::NoLive        each peer with its reason
//!      └── next peer ──└──────── Group::free ◀───────────┘◀── Verdict
//! ```
//!
//! *Read next*: `group.rs`, `peers.rs`, then `round_robin.rs`, which all others fall back to.

pub mod budget;
pub mod directives;
pub mod group;
pub mod groups;
pub mod hash;
pub mod idle;
pub mod ip_hash;
pub mod least_conn;
pub mod least_time;
pub mod peers;
pub mod random;
pub mod round_robin;
pub mod server;
pub mod sticky;
pub mod tried;
pub mod zone;

pub use budget::Budget;
pub use directives::build;
pub use group::{Freed, Group, Pick, Waiter};
pub use groups::Groups;
pub use idle::{Idle, Keepalive};
pub use peers::{Found, Held, List, Peer, Roster};
pub use server::Server;
pub use sticky::Moment;
pub use tried::Tried;

use crate::buf::Slice;
use crate::conf::template::Template;
use crate::util::address::Address;
use std::fmt;
use std::rc::Rc;

/// What a balancer may ask about the request it chooses for. Implemented by the room that knows requests.
pub trait Client {
    /// The value of a text with variables, now.
    fn eval(&mut self, text: &Template) -> Slice;
    /// Where the client is.
    fn address(&self) -> Address;
    /// The value of the client's first cookie of that name.
    fn cookie(&self, name: &[u8]) -> Option<Vec<u8>>;
}

/// A method of choosing (nginx: `peer.init` and `peer.get`). Stateless towards the request: what must be
/// remembered from one try to the next is in [`Tried`].
pub trait Balancer {
    /// The directive's name, for the log and the status page.
    fn name(&self) -> &'static str;

    /// Whether [`Balancer::key`] has anything to ask the request for.
    fn has_key(&self) -> bool {
        false
    }

    /// Whether it wants to know how long peers take ([`Field::HeaderTime`], [`Field::TotalTime`]).
    ///
    /// [`Field::HeaderTime`]: peers::Field::HeaderTime
    /// [`Field::TotalTime`]: peers::Field::TotalTime
    fn measures(&self) -> bool {
        false
    }

    /// What of the request decides the choice. Asked once, before the first choice, and kept in
    /// [`Tried::key`]; nothing is locked meanwhile.
    fn key(&self, _client: &mut dyn Client) -> Option<Slice> {
        None
    }

    /// An index into `list`, or None when nobody there may be asked. Implementations ask
    /// [`List::is_eligible`] and may change the weights kept in the peers' state; counting is the caller's.
    fn pick(&self, list: &List, tried: &mut Tried, now_ms: u64) -> Option<usize>;
}

/// How an attempt ended, as far as the choice of peers cares.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// The peer was at fault (nginx: `NGX_PEER_FAILED`). False also for an answer like 404 that
    /// `next_upstream` takes to the next peer (nginx: `NGX_PEER_NEXT`).
    pub failed: bool,
    /// In what way it failed, or would have if the line of the peer said so: one of [`server::CLASSES`],
    /// 0 for none.
    pub class: u32,
    /// From the choice to the end of the reply's header, in milliseconds; None when it never came.
    pub header_ms: Option<u64>,
    /// From the choice to the end of the reply, in milliseconds; None when it never came.
    pub total_ms: Option<u64>,
}

impl Verdict {
    /// The peer was at fault.
    pub const FAILED: Verdict = Verdict { failed: true, class: 0, header_ms: None, total_ms: None };
    /// Nothing is held against it and nothing was measured.
    pub const SERVED: Verdict = Verdict { failed: false, class: 0, header_ms: None, total_ms: None };

    /// The same of a certain class.
    pub fn of_class(self, class: u32) -> Verdict {
        Verdict { class, ..self }
    }

    /// A reply that took so long.
    pub fn answered(header_ms: u64, total_ms: u64) -> Verdict {
        Verdict { header_ms: Some(header_ms), total_ms: Some(total_ms), ..Verdict::SERVED }
    }
}

/// Something the operator should read about a peer. The caller logs it at level `warn`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// It failed once too often. nginx's wording, with numbers.
    Out {
        /// The peer's address.
        peer: Rc<str>,
        /// How often it failed.
        fails: u64,
        /// For how many seconds it will not be asked.
        seconds: u64,
    },
    /// It answers again.
    Back {
        /// The peer's address.
        peer: Rc<str>,
        /// How many seconds ago it went out.
        seconds: u64,
    },
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Event::Out { peer, fails, seconds } => {
                let s = if *fails == 1 { "" } else { "s" };
                // nginx's words come last, where its `while …` follows them.
                write!(f, "{peer} is out for {seconds}s after {fails} failure{s}: ")?;
                f.write_str("upstream server temporarily disabled")
            }
            Event::Back { peer, seconds } => {
                write!(f, "upstream server enabled again: {peer}, after {seconds}s")
            }
        }
    }
}

/// Why a peer may not be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// This request has asked it already.
    Tried,
    /// `down`, or a health check says so.
    Down,
    /// Failed `fails` times; `seconds` until it is tried again.
    Failed {
        /// How often.
        fails: u64,
        /// Until it is tried again.
        seconds: u64,
    },
    /// At `max_conns`.
    Full {
        /// Requests it is working on.
        conns: u64,
        /// The limit.
        max: u64,
    },
    /// `drain`: only requests bound to it.
    Draining,
    /// Its name has no address.
    Unresolved,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::Tried => f.write_str("tried by this request"),
            Reason::Down => f.write_str("down"),
            Reason::Failed { fails, seconds } => write!(f, "failed {fails}x, back in {seconds}s"),
            Reason::Full { conns, max } => write!(f, "full {conns}/{max}"),
            Reason::Draining => f.write_str("draining"),
            Reason::Unresolved => f.write_str("unresolved"),
        }
    }
}

/// Nobody can be asked: every peer with its reason. Shown as
/// `127.0.0.1:8081 failed 3x, back in 7s; 127.0.0.1:8082 down`; the record is
/// `no live upstreams while connecting to upstream, client: …, upstream: "…", peers: THIS`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoLive {
    /// The peers, primary ones first.
    pub peers: Vec<(Rc<str>, Reason)>,
    /// Seconds until the first of them may be asked again; None when no time helps.
    pub retry_after: Option<u64>,
}

impl fmt::Display for NoLive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (peer, reason)) in self.peers.iter().enumerate() {
            write!(f, "{}{peer} {reason}", if at == 0 { "" } else { "; " })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod methods_tests;
