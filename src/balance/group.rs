//! A group of peers under one name, and the rules that every method shares.
//!
//! *In nginx* `ngx_http_upstream_srv_conf_t` and the part of `ngx_http_upstream_round_robin.c` that each
//! method repeats: the test who may be asked, the lone peer, the turn to the backups, the counting.
//!
//! *Here* that part exists once. A request begins with [`Group::start`], and calls [`Group::pick`] and
//! [`Group::free`] in turns. Everything takes `&self`: a group is shared by all requests of a worker (`Rc`),
//! and what changes is in the peers' state, or in a cell whose borrow ends before anybody else is called.
//!
//! ```text
//!   start ─▶ Tried ─▶ pick ─▶ Held ─▶ … connect, talk … ─▶ free(held, verdict) ─▶ Freed: event, waiter
//!              ▲                                            │
//!              └──────────── tried.tries > 0 ◀──────────────┘
//! ```
//!
//! *Read next*: `round_robin.rs`; `directives.rs` (how a block becomes a group).

use super::budget::{Budget, Ledger};
use super::idle::Keepalive;
use super::peers::{Field, Found, Held, Peer, Roster, State};
use super::round_robin::{self, RoundRobin};
use super::server::Server;
use super::sticky::{Moment, Sticky};
use super::tried::Tried;
use super::zone::Zone;
use super::{Balancer, Client, Event, NoLive, Reason, Verdict};
use crate::conf::error::Place;
use crate::event::{ExchangeId, RequestIx};
use crate::util::address::Address;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

/// How long a queued request sleeps at most when other workers share the peers, in milliseconds.
const SHARED_NAP_MS: u64 = 100;

/// Who waits for a peer to have room.
pub type Waiter = (ExchangeId, RequestIx);

/// What [`Group::pick`] found.
#[derive(Debug)]
pub enum Pick {
    /// This one; to be given back with [`Group::free`].
    Peer(Held),
    /// All are at `max_conns` and the group has a `queue`: call [`Group::wait`], sleep for at most so many
    /// milliseconds or until woken, call [`Group::unwait`] and pick again. When the time of the queue is over
    /// the answer is NoLive.
    Wait(u64),
    /// Nobody (nginx: `NGX_BUSY`, "no live upstreams").
    NoLive(NoLive),
}

/// What came of giving a peer back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct Freed {
    /// To be logged at level `warn`.
    pub event: Option<Event>,
    /// A queued request that may pick now; post it.
    pub wake: Option<Waiter>,
}

/// `queue`: how many requests may wait, and how long each, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Queue {
    /// How many.
    pub length: usize,
    /// How long.
    pub timeout_ms: u64,
}

/// An `upstream {}` block, or the group a plain host name makes.
pub struct Group {
    name: Rc<str>,
    implicit: bool,
    servers: Vec<Rc<Server>>,
    roster: RefCell<Rc<Roster>>,
    method: Box<dyn Balancer>,
    zone: Zone,
    sticky: Option<Sticky>,
    /// Something of the request decides the choice.
    asks: bool,
    /// The method wants to know how long peers take.
    measures: bool,
    keepalive: Keepalive,
    queue: Option<Queue>,
    ledger: Ledger,
    waiting: RefCell<VecDeque<Waiter>>,
    generation: Cell<u64>,
    number: u32,
}

thread_local! {
    /// How many groups this worker has made.
    static GROUPS: Cell<u32> = const { Cell::new(0) };
}

/// What a group is made of.
#[derive(Default)]
pub struct Parts {
    /// The lines.
    pub servers: Vec<Server>,
    /// How to choose; None for round robin.
    pub method: Option<Box<dyn Balancer>>,
    /// Where the numbers are kept.
    pub zone: Zone,
    /// `sticky`.
    pub sticky: Option<Sticky>,
    /// `queue`.
    pub queue: Option<Queue>,
    /// `retry_budget`.
    pub budget: Option<Budget>,
    /// `keepalive` and its kin.
    pub keepalive: Keepalive,
}

impl Group {
    /// A group of an `upstream {}` block.
    pub fn new(name: &str, parts: Parts) -> Group {
        let method = parts.method.unwrap_or_else(|| Box::new(RoundRobin));
        let group = Group {
            name: name.into(),
            implicit: false,
            servers: parts.servers.into_iter().map(Rc::new).collect(),
            roster: RefCell::default(),
            asks: parts.sticky.is_some() || method.has_key(),
            measures: method.measures(),
            method,
            zone: parts.zone,
            sticky: parts.sticky,
            keepalive: parts.keepalive,
            queue: parts.queue,
            ledger: Ledger::new(parts.budget),
            waiting: RefCell::default(),
            generation: Cell::new(0),
            number: GROUPS.replace(GROUPS.get().wrapping_add(1)),
        };
        group.muster(group.servers.iter().map(|s| (s.clone(), s.addresses.clone())).collect());
        group
    }

    /// The group of a name that a variable made and the resolver answered: no block, a peer per address.
    pub fn resolved_name(name: &str, addresses: Vec<Address>, place: Place) -> Group {
        Group::implicit(Server::of(name, addresses, place))
    }

    /// The group of `proxy_pass http://host:port` without an `upstream` block: one line, a peer per address.
    pub fn implicit(server: Server) -> Group {
        let name = server.name.clone();
        let parts = Parts { servers: vec![server], ..Parts::default() };
        Group { implicit: true, ..Group::new(&name, parts) }
    }

    /// Its name.
    pub fn name(&self) -> &Rc<str> {
        &self.name
    }

    /// Its number among the groups of this worker; idle connections are kept under it.
    pub fn number(&self) -> u32 {
        self.number
    }

    /// Whether all workers see the same numbers of its peers.
    pub fn is_shared(&self) -> bool {
        self.zone.is_shared()
    }

    /// How it keeps idle connections.
    pub fn keepalive(&self) -> &Keepalive {
        &self.keepalive
    }

    /// Whether no block declared it.
    pub fn is_implicit(&self) -> bool {
        self.implicit
    }

    /// The lines it was made of.
    pub fn servers(&self) -> &[Rc<Server>] {
        &self.servers
    }

    /// The method's name.
    pub fn method(&self) -> &'static str {
        self.method.name()
    }

    /// The peers now.
    pub fn roster(&self) -> Rc<Roster> {
        self.roster.borrow().clone()
    }

    /// Whether it has no address at all, but may have some when a name has been looked up.
    pub fn is_awaited(&self) -> bool {
        let roster = self.roster.borrow();
        !roster.unresolved.is_empty() && roster.all().next().is_none()
    }

    /// A request begins to choose.
    pub fn start(&self) -> Tried {
        let mut tried = Tried::new(self.roster());
        self.ledger.begin(&mut tried);
        tried
    }

    /// Whether a request that a peer has failed may go on to a further one (directive `retry_budget`).
    pub fn may_repeat(&self, tried: &mut Tried) -> bool {
        self.ledger.may_repeat(tried)
    }

    /// Whether the request has to be [asked](Group::ask) for something before a peer is chosen for it. Most
    /// groups choose without regard to who asks.
    pub fn wants_client(&self, tried: &Tried) -> bool {
        self.asks && !tried.is_asked()
    }

    /// Asks the request for what decides the choice: the method's key, the session. The first call counts.
    pub fn ask(&self, tried: &mut Tried, client: &mut dyn Client, now_ms: u64) {
        if tried.ask() {
            tried.key = self.method.key(client);
            tried.bound = self.sticky.as_ref().and_then(|sticky| sticky.bound(client, now_ms));
        }
    }

    /// Chooses a peer and counts it, for a request that has been asked. With `fail_open` the least bad one is
    /// taken when none is good.
    pub fn pick(&self, tried: &mut Tried, fail_open: bool, now_ms: u64) -> Pick {
        let _lock = self.zone.lock();
        if let Some(held) = self.bound(tried, now_ms) {
            return Pick::Peer(held);
        }
        if let Some(only) = tried.roster.single() {
            let may = only.reason(now_ms).is_none_or(|reason| matches!(reason, Reason::Failed { .. }));
            return match may && !only.server.drain {
                true => Pick::Peer(Held::new(only.clone(), true, now_ms)),
                false => self.nobody(tried, fail_open, now_ms),
            };
        }
        let roster = tried.roster.clone();
        loop {
            let list = if tried.in_backup { &roster.backup } else { &roster.primary };
            if let Some(at) = self.method.pick(list, tried, now_ms)
                && let Some(peer) = list.peers.get(at)
            {
                tried.add(at);
                round_robin::chosen(peer, now_ms);
                return Pick::Peer(Held::new(peer.clone(), false, now_ms));
            }
            if tried.in_backup || roster.backup.peers.is_empty() {
                return self.nobody(tried, fail_open, now_ms);
            }
            tried.in_backup = true;
            tried.forget();
        }
    }

    /// Asks and picks.
    #[cfg(test)]
    pub fn choose(&self, tried: &mut Tried, client: &mut dyn Client, fail_open: bool, now_ms: u64) -> Pick {
        self.ask(tried, client, now_ms);
        self.pick(tried, fail_open, now_ms)
    }

    /// The peer that a session binds the request to, if it may be asked: also when it drains.
    fn bound(&self, tried: &mut Tried, now_ms: u64) -> Option<Held> {
        let (sticky, bound) = (self.sticky.as_ref()?, tried.bound.as_ref()?);
        let list = if tried.in_backup { &tried.roster.backup } else { &tried.roster.primary };
        let may = |at: usize, peer: &Peer| !tried.has(at) && peer.reason(now_ms).is_none();
        let mut candidates = list.peers.iter().enumerate();
        let (at, peer) = candidates.find(|(at, peer)| sticky.is(bound, peer) && may(*at, peer))?;
        let peer = peer.clone();
        tried.add(at);
        round_robin::chosen(&peer, now_ms);
        let single = tried.roster.single().is_some_and(|only| Rc::ptr_eq(only, &peer));
        Some(Held::new(peer, single, now_ms))
    }

    /// Whether replies have to be looked at for sessions.
    pub fn is_sticky(&self) -> bool {
        self.sticky.is_some()
    }

    /// Learns which peer made a session (`sticky learn`). To be called for good replies, at both moments.
    pub fn learn(&self, peer: &Peer, client: &mut dyn Client, moment: Moment, now_ms: u64) {
        if let Some(sticky) = &self.sticky {
            sticky.learn(peer, client, moment, now_ms);
        }
    }

    /// The value of the Set-Cookie field to be added to a reply of that peer (`sticky cookie`); `seconds`
    /// since 1970.
    pub fn set_cookie(&self, peer: &Peer, client: &mut dyn Client, seconds: i64) -> Option<Vec<u8>> {
        match &self.sticky {
            Some(Sticky::Cookie(cookie)) => Some(cookie.field(peer, client, seconds)),
            _ => None,
        }
    }

    /// Takes a peer once more for a request that has it already, as for the retry of a reused connection
    /// that had died.
    pub fn hold(&self, peer: &Rc<Peer>, now_ms: u64) -> Held {
        let single = self.roster.borrow().single().is_some_and(|only| Rc::ptr_eq(only, peer));
        Held::new(peer.clone(), single, now_ms)
    }

    /// Gives a peer back and counts down the tries.
    pub fn free(&self, held: Held, tried: &mut Tried, verdict: Verdict, now_ms: u64) -> Freed {
        let _lock = self.zone.lock();
        let peer = held.peer();
        let counts = peer.server.counts(verdict);
        let event = match (held.is_single(), counts) {
            // NGINX: the lone peer's failures are forgotten, and asking it again at once would win nothing.
            (true, _) => round_robin::forgive(peer, now_ms),
            (false, true) => round_robin::failed(peer, now_ms),
            // A failure that does not count is no success either.
            (false, false) if verdict.failed => None,
            (false, false) => round_robin::served(peer, now_ms),
        };
        tried.tries = if held.is_single() { 0 } else { tried.tries.saturating_sub(1) };
        if self.measures {
            average(&peer.state, Field::HeaderTime, verdict.header_ms);
            average(&peer.state, Field::TotalTime, verdict.total_ms);
        }
        drop(held);
        Freed { event, wake: self.waiting.borrow_mut().pop_front() }
    }

    /// Puts a request into the queue.
    pub fn wait(&self, waiter: Waiter) {
        self.waiting.borrow_mut().push_back(waiter);
    }

    /// The requests in the queue, first come first, which stay there: to be woken when a peer has come back.
    pub fn waiting(&self) -> Vec<Waiter> {
        self.waiting.borrow().iter().copied().collect()
    }

    /// Takes a request out of the queue: its time is over, or its client has gone.
    #[inline]
    pub fn unwait(&self, waiter: Waiter) {
        let mut waiting = self.waiting.borrow_mut();
        if !waiting.is_empty() {
            waiting.retain(|one| *one != waiter);
        }
    }

    /// Lines whose addresses the resolver is to bring, again and again.
    pub fn to_resolve(&self) -> impl Iterator<Item = &Rc<Server>> {
        self.servers.iter().filter(|server| server.resolve)
    }

    /// Whether an address is one of its peers still.
    #[inline]
    pub fn has(&self, address: &Address) -> bool {
        // Groups whose peers never changed are the rule, and need no search.
        self.generation.get() <= 1 || self.roster.borrow().all().any(|peer| peer.address == *address)
    }

    /// New addresses of a `resolve` line. Requests under way keep the peers they began with. Gives back the
    /// peers that left, whose idle connections are to be closed (`Idle::leave`). Not to be called for a
    /// failed look-up: the last good answer stays.
    pub fn resolved(&self, server: &Rc<Server>, found: &[Found]) -> Vec<Rc<Peer>> {
        let old = self.roster();
        let mut peers: Vec<Rc<Peer>> = Vec::new();
        let mut unresolved: Vec<Rc<Server>> = Vec::new();
        for line in &self.servers {
            let own: Vec<&Rc<Peer>> = old.all().filter(|peer| Rc::ptr_eq(&peer.server, line)).collect();
            let from = peers.len();
            if !Rc::ptr_eq(line, server) {
                peers.extend(own.into_iter().cloned());
            } else {
                // An address may be there twice, and is two peers then: each known one is taken once.
                let mut own = own;
                for one in found {
                    let known = own.iter().position(|peer| peer.is(one)).map(|at| own.remove(at).clone());
                    let peer = known.unwrap_or_else(|| self.recruit(line, one, &peers));
                    peers.push(peer);
                }
            }
            if peers.len() == from {
                unresolved.push(line.clone());
            }
        }
        let left = |peer: &&Rc<Peer>| !peers.iter().any(|one| Rc::ptr_eq(one, peer));
        let left: Vec<Rc<Peer>> = old.all().filter(left).cloned().collect();
        self.set_roster(peers, unresolved);
        left
    }

    fn muster(&self, found: Vec<(Rc<Server>, Vec<Address>)>) {
        let mut peers = Vec::new();
        let mut unresolved = Vec::new();
        for (server, addresses) in found {
            if addresses.is_empty() {
                unresolved.push(server.clone());
            }
            for address in addresses {
                peers.push(self.recruit(&server, &address.into(), &peers));
            }
        }
        self.set_roster(peers, unresolved);
    }

    /// A new peer of a line, behind `others`; as many of these as have its address have numbers of their own.
    fn recruit(&self, server: &Rc<Server>, found: &Found, others: &[Rc<Peer>]) -> Rc<Peer> {
        let line = self.servers.iter().position(|one| Rc::ptr_eq(one, server)).unwrap_or_default();
        let is_same = |peer: &&Rc<Peer>| Rc::ptr_eq(&peer.server, server) && peer.address == found.address;
        let copies = others.iter().filter(is_same).count();
        let state = self.zone.state(line, &found.address, copies);
        Rc::new(Peer::new(found, server.clone(), state))
    }

    fn set_roster(&self, peers: Vec<Rc<Peer>>, unresolved: Vec<Rc<Server>>) {
        self.generation.set(self.generation.get().wrapping_add(1));
        *self.roster.borrow_mut() = Rc::new(Roster::new(self.generation.get(), peers, unresolved));
    }

    /// Nobody is good: wait, take the least bad, or say why.
    fn nobody(&self, tried: &mut Tried, fail_open: bool, now_ms: u64) -> Pick {
        let no_live = self.no_live(tried, now_ms);
        let full = no_live.peers.iter().any(|(_, reason)| matches!(reason, Reason::Full { .. }));
        if let Some(queue) = self.queue.filter(|queue| full && self.waiting.borrow().len() < queue.length) {
            let until = *tried.wait_until.get_or_insert(now_ms.saturating_add(queue.timeout_ms));
            // What other workers give back wakes nobody here, so a shared peer is looked at now and then.
            let nap = if self.zone.is_shared() { SHARED_NAP_MS } else { u64::MAX };
            // Nor does it wake anybody that a peer has been out for long enough.
            let nap = no_live.retry_after.map_or(nap, |seconds| nap.min(seconds.saturating_mul(1000)));
            if until > now_ms {
                return Pick::Wait(until.saturating_sub(now_ms).min(nap));
            }
        }
        let rank = |peer: &&Rc<Peer>| match (peer.reason(now_ms), peer.server.drain) {
            (Some(Reason::Failed { seconds, .. }), false) => Some(seconds),
            (None, true) => Some(u64::MAX),
            _ => None,
        };
        let candidates = tried.roster.all().filter(|peer| fail_open && rank(peer).is_some());
        match candidates.min_by_key(|peer| rank(peer)) {
            Some(peer) if tried.tries > 0 => Pick::Peer(Held::new(peer.clone(), false, now_ms)),
            _ => Pick::NoLive(no_live),
        }
    }

    fn no_live(&self, tried: &Tried, now_ms: u64) -> NoLive {
        let roster = &tried.roster;
        let mut peers: Vec<(Rc<str>, Reason)> = Vec::new();
        for (list, current) in [(&roster.primary, !tried.in_backup), (&roster.backup, tried.in_backup)] {
            for (at, peer) in list.peers.iter().enumerate() {
                let drains = peer.server.drain.then_some(Reason::Draining);
                let has_tried = (current && tried.has(at)).then_some(Reason::Tried);
                // The primary ones of a request that went on to the backups were all tried, or not eligible.
                let reason = peer.reason(now_ms).or(drains).or(has_tried).unwrap_or(Reason::Tried);
                peers.push((peer.name.clone(), reason));
            }
        }
        peers.extend(roster.unresolved.iter().map(|server| (server.name.clone(), Reason::Unresolved)));
        let seconds = peers.iter().filter_map(|(_, reason)| match reason {
            Reason::Failed { seconds, .. } => Some(*seconds),
            _ => None,
        });
        let retry_after = seconds.min();
        NoLive { peers, retry_after }
    }
}

/// Moves an average, kept in microseconds, an eighth of the way; the first value is taken as it is.
fn average(state: &State, field: Field, ms: Option<u64>) {
    let Some(new) = ms.map(|ms| ms.saturating_mul(1000)) else { return };
    let old = state.get(field);
    let next = match old {
        0 => new,
        old => old.saturating_sub(old / 8).saturating_add(new / 8),
    };
    // Zero would mean that nothing has been measured.
    state.set(field, next.max(1));
}
