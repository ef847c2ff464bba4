//! Names in flight, who waits for them, and when to ask again.
//!
//! *In nginx* `ngx_resolve_name_locked`, `ngx_resolver_resend_handler`, `ngx_resolver_timeout_handler`: a
//! name is asked for once, further contexts queue at its node; a list of names is sent again every 5
//! seconds, to the next server.
//!
//! *Here* a [`Query`] is one name in flight with all who wait for it. Silence is answered by a further
//! attempt at the next server, sooner than nginx ([`AGAIN_MS`]); the earlier socket stays open, since its
//! answer may only be late. One timer serves all queries. Who waits is never called: results are collected,
//! and the worker takes them with [`Resolvers::finished`] at the end of its turn.
//!
//! ```text
//!   Query "a.example" ── attempts: [socket to server 0] [socket to server 1] …
//!        ├─ lookup: A ✓, AAAA open            again_at ─▶ next attempt
//!        └─ waiting: request 7 until t1, line 2 until t2 ─▶ TimedOut, each for itself
//!   Query "_http._tcp.a.example" (SRV) ── waits for the queries of its targets
//! ```
//!
//! *Read next*: `srv.rs` for services; `worker/mod.rs`, where results are handed on.

use super::attempt::Attempt;
use super::cache::{Cache, Key, Known, NEGATIVE_MS};
use super::lookup::{Heard, Lookup};
use super::message::{self, Message, Name};
use super::srv::Targets;
use super::{Answer, Ask, Host, Nameservers, Outcome, ResolveError, Resolved, Ticket, Waiter};
use crate::event::owner::Service;
use crate::event::timer::Key as TimerKey;
use crate::event::{ConnId, Net, Owner, Side, clock};
use crate::note;
use slab::Slab;
use std::collections::{HashMap, VecDeque};
use std::io;
use std::rc::Rc;

/// How long each attempt is given before the next one, in milliseconds; the last for all that follow.
pub const AGAIN_MS: [u64; 3] = [2000, 4000, 5000];
/// How many sockets a name has at most: of more, the oldest is given up.
const SOCKETS: usize = 4;

/// Something that came of a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finished {
    /// Who asked.
    pub waiter: Waiter,
    /// By which ticket.
    pub ticket: Ticket,
    /// What came of it.
    pub outcome: Outcome,
}

/// For whom a query works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whom {
    /// Somebody outside, until a time.
    Outside { waiter: Waiter, port: u16, deadline: u64 },
    /// A query for a service, for one of its targets.
    Parent { query: usize, serial: u64, target: usize },
}

#[derive(Clone, Copy, Debug)]
struct Waiting {
    number: u64,
    whom: Whom,
}

/// A name in flight.
#[derive(Debug)]
pub(super) struct Query {
    pub(super) key: Key,
    pub(super) serial: u64,
    pub(super) servers: Rc<Nameservers>,
    pub(super) lookup: Lookup,
    /// Of a service: the look-ups of its targets, once they are known.
    pub(super) targets: Option<Targets>,
    attempts: Vec<Attempt>,
    /// Whom to ask next, counted over all servers.
    turn: usize,
    /// How often it was sent again.
    again: usize,
    again_at: u64,
    /// An answer was cut off: TCP from now on.
    tcp: bool,
    /// Servers that refused since the last silence: when all have, there is nothing but to wait.
    refusals: usize,
    waiting: Vec<Waiting>,
}

/// How long each attempt is given.
#[derive(Clone, Copy, Debug)]
struct Patience([u64; 3]);

impl Default for Patience {
    fn default() -> Patience {
        Patience(AGAIN_MS)
    }
}

impl Patience {
    /// When to ask again after so many repetitions.
    fn until(self, again: usize) -> u64 {
        let ms = self.0.get(again).or(self.0.last()).copied().unwrap_or(5000);
        clock::now().saturating_add(ms)
    }
}

/// What a worker knows of names.
#[derive(Debug, Default)]
pub struct Resolvers {
    pub(super) queries: Slab<Query>,
    in_flight: HashMap<Key, usize>,
    cache: Cache,
    /// Of each line: which server the next name begins with.
    turns: HashMap<u32, usize>,
    finished: VecDeque<Finished>,
    count: u64,
    /// When the timer is set for; 0 when it is not.
    timer_at: u64,
    patience: Patience,
}

impl Resolvers {
    /// Asks for the addresses of a name. The caller keeps the ticket until [`Resolvers::finished`] brings
    /// it back, or cancels it.
    pub fn resolve(
        &mut self,
        net: &mut Net,
        servers: &Rc<Nameservers>,
        ask: Ask<'_>,
        waiter: Waiter,
    ) -> Resolved {
        let service = ask.service.map(|service| service_name(service, ask.host));
        let host = service.as_deref().unwrap_or(ask.host);
        let Some(name) = message::name(host) else { return Resolved::Now(Err(ResolveError::NOT_FOUND)) };
        let deadline = clock::now().saturating_add(ask.timeout_ms);
        let whom = Whom::Outside { waiter, port: ask.port, deadline };
        match self.look(net, servers, &name, service.is_some(), whom) {
            Some((Ok(hosts), ttl_ms)) => Resolved::Now(Ok(self.answer(hosts, ask.port, ttl_ms))),
            Some((Err(error), _)) => Resolved::Now(Err(error)),
            None => {
                let key = Key { servers: servers.number, name, service: service.is_some() };
                let query = self.in_flight.get(&key).copied().unwrap_or(usize::MAX);
                Resolved::Later(Ticket { query, number: self.count })
            }
        }
    }

    /// Takes a question back. What is in flight may still arrive and be kept for the next one.
    pub fn cancel(&mut self, ticket: Ticket) {
        self.finished.retain(|done| done.ticket != ticket);
        if let Some(query) = self.queries.get_mut(ticket.query) {
            query.waiting.retain(|waiting| waiting.number != ticket.number);
        }
    }

    /// The next result, to be handed to who waits for it; [`Net::handover`] says that there may be one.
    pub fn finished(&mut self) -> Option<Finished> {
        self.finished.pop_front()
    }

    /// How many names are in flight.
    pub fn in_flight(&self) -> usize {
        self.queries.len()
    }

    /// What is known, or a place in the queue of a name in flight, which is begun if it is not. The number
    /// of the place is `count`.
    pub(super) fn look(
        &mut self,
        net: &mut Net,
        servers: &Rc<Nameservers>,
        name: &Name,
        service: bool,
        whom: Whom,
    ) -> Option<(Known, u64)> {
        let key = Key { servers: servers.number, name: name.clone(), service };
        if let Some((known, left)) = self.cache.get(&key, clock::now()) {
            return Some((known.clone(), left));
        }
        self.count = self.count.wrapping_add(1);
        let waiting = Waiting { number: self.count, whom };
        if let Some(query) = self.in_flight.get(&key).and_then(|at| self.queries.get_mut(*at)) {
            query.waiting.push(waiting);
        } else {
            let turn = self.turns.entry(servers.number).or_default();
            let lookup = Lookup::new(name, service, servers);
            let at = self.queries.insert(Query {
                key: key.clone(),
                serial: self.count,
                servers: servers.clone(),
                lookup,
                targets: None,
                attempts: Vec::new(),
                turn: *turn,
                again: 0,
                again_at: 0,
                tcp: false,
                refusals: 0,
                waiting: vec![waiting],
            });
            *turn = turn.wrapping_add(1);
            self.in_flight.insert(key, at);
            self.attempt(net, at);
        }
        self.set_timer(net, whom.deadline());
        None
    }

    fn answer(&mut self, hosts: Rc<[Host]>, port: u16, ttl_ms: u64) -> Answer {
        self.count = self.count.wrapping_add(1);
        let turn = usize::try_from(self.count).unwrap_or(0);
        let from = turn.checked_rem(hosts.len()).unwrap_or(0);
        Answer { hosts, port, ttl_ms, from }
    }

    /// Asks all that is open at the next server. When that fails at once, the others are tried.
    fn attempt(&mut self, net: &mut Net, at: usize) {
        let Some(query) = self.queries.get_mut(at) else { return };
        query.again_at = self.patience.until(query.again);
        let again_at = query.again_at;
        // Clients come first: a name for which there is no room for a socket is asked for later.
        let crowded = net.table.len() >= net.limit.saturating_sub(net.limit / 4);
        let servers = if crowded { 0 } else { query.servers.servers.len() };
        for _ in 0..servers {
            let Some(server) = query.next_server() else { break };
            match query.start(net, at, server) {
                Ok(()) => break,
                Err(error) => complain(query, server, &error),
            }
        }
        self.set_timer(net, again_at);
    }

    /// A socket has news.
    pub fn event(&mut self, net: &mut Net, number: u32, conn: ConnId, side: Side) {
        let at = usize::try_from(number).unwrap_or(usize::MAX);
        match side {
            Side::Write => {
                let attempt = self.attempt_of(at, conn);
                if let Some(Err(error)) = attempt.map(|attempt| attempt.writable(net)) {
                    self.refused(net, at, conn, &error);
                }
            }
            Side::Read => loop {
                let Some(attempt) = self.attempt_of(at, conn) else { return };
                match attempt.next(net) {
                    Ok(Some(bytes)) => self.heard(net, at, conn, &bytes),
                    Ok(None) => return,
                    Err(error) => return self.refused(net, at, conn, &error),
                }
            },
        }
    }

    fn attempt_of(&mut self, at: usize, conn: ConnId) -> Option<&mut Attempt> {
        let attempts = &mut self.queries.get_mut(at)?.attempts;
        attempts.iter_mut().find(|attempt| attempt.conn == conn)
    }

    /// A server cannot be asked. If it was the last one asked, the next one is, unless all have refused.
    fn refused(&mut self, net: &mut Net, at: usize, conn: ConnId, error: &io::Error) {
        let Some(query) = self.queries.get_mut(at) else { return };
        let Some(place) = query.attempts.iter().position(|attempt| attempt.conn == conn) else { return };
        let attempt = query.attempts.remove(place);
        complain(query, attempt.server, error);
        net.close(conn);
        query.refusals = query.refusals.saturating_add(1);
        if place == query.attempts.len() && query.refusals < query.servers.servers.len() {
            self.attempt(net, at);
        }
    }

    /// A message has come over a socket of a query.
    fn heard(&mut self, net: &mut Net, at: usize, conn: ConnId, bytes: &[u8]) {
        let Some(query) = self.queries.get_mut(at) else { return };
        let Some(place) = query.attempts.iter().position(|attempt| attempt.conn == conn) else { return };
        let message = match message::parse(bytes) {
            Ok(message) => message,
            Err(text) => return query.ignore(place, text),
        };
        let number = query.attempts.get(place).and_then(|attempt| attempt.question_of(&message));
        let Some(number) = number else { return query.ignore(place, "wrong ident in DNS response") };
        if message.truncated {
            return self.truncated(net, at, place, number, &message);
        }
        match query.lookup.hear(number, &message) {
            Heard::Nothing => query.ignore(place, "unexpected DNS response"),
            Heard::Waits => {}
            Heard::Again => {
                if let Err(error) = query.ask(net, place) {
                    self.refused(net, at, conn, &error);
                }
            }
            Heard::Complete => self.complete(net, at),
        }
    }

    /// The answer does not fit into a datagram: the same server is asked over TCP, once, whatever else the
    /// message says.
    fn truncated(&mut self, net: &mut Net, at: usize, place: usize, number: usize, message: &Message) {
        let Some(query) = self.queries.get_mut(at) else { return };
        let asked = query.lookup.questions.get(number);
        let fits = asked.is_some_and(|question| message.answers(&question.asked, question.kind));
        let Some(attempt) = query.attempts.get(place) else { return };
        if !fits || attempt.is_stream() || query.tcp {
            return;
        }
        let server = attempt.server;
        query.tcp = true;
        if let Err(error) = query.start(net, at, server) {
            complain(query, server, &error);
        }
    }

    /// All questions of a query have their answers.
    fn complete(&mut self, net: &mut Net, at: usize) {
        let Some(query) = self.queries.get_mut(at) else { return };
        query.close(net);
        if query.key.service && query.lookup.code() == 0 && !query.lookup.services.is_empty() {
            return self.begin_targets(net, at);
        }
        let known = query.lookup.hosts();
        let ms = match &known {
            Ok(_) => query.valid_ms(query.lookup.ttl),
            Err(_) => u64::from(query.lookup.negative_ttl.unwrap_or(0)).saturating_mul(1000).min(NEGATIVE_MS),
        };
        self.finish(net, at, known, ms);
    }

    /// A query is over: its result is kept for `ms` and given to all who wait.
    pub(super) fn finish(
        &mut self,
        net: &mut Net,
        at: usize,
        known: Result<Vec<Host>, ResolveError>,
        ms: u64,
    ) {
        let Some(mut query) = self.queries.try_remove(at) else { return };
        query.close(net);
        self.in_flight.remove(&query.key);
        let known = known.map(Rc::<[Host]>::from);
        self.cache.put(query.key, known.clone(), ms, clock::now());
        for Waiting { number, whom } in query.waiting {
            match whom {
                Whom::Outside { waiter, port, .. } => {
                    let outcome = match &known {
                        Ok(hosts) => Ok(self.answer(hosts.clone(), port, ms)),
                        Err(error) => Err(*error),
                    };
                    net.handover = true;
                    self.finished.push_back(Finished {
                        waiter,
                        ticket: Ticket { query: at, number },
                        outcome,
                    });
                }
                Whom::Parent { query, serial, target } => {
                    self.target_done(net, query, serial, target, &known, ms);
                }
            }
        }
    }

    /// The timer has fired: waiters whose time is over are told so, silence is answered by asking again.
    pub fn expire(&mut self, net: &mut Net) {
        let now = clock::now();
        self.timer_at = 0;
        let serials: HashMap<usize, u64> = self.queries.iter().map(|(at, q)| (at, q.serial)).collect();
        for at in serials.keys() {
            self.expire_query(net, *at, &serials, now);
        }
        if let Some(next) = self.queries.iter().map(|(_, query)| query.next_at()).min() {
            self.set_timer(net, next);
        }
    }

    fn expire_query(&mut self, net: &mut Net, at: usize, serials: &HashMap<usize, u64>, now: u64) {
        let Some(query) = self.queries.get_mut(at) else { return };
        // A service that nobody waits for any more has gone, and does not wait for its targets either.
        query.waiting.retain(|waiting| match waiting.whom {
            Whom::Parent { query, serial, .. } => serials.get(&query) == Some(&serial),
            Whom::Outside { .. } => true,
        });
        let (over, waiting) = query.waiting.iter().partition(|waiting| waiting.whom.deadline() <= now);
        query.waiting = waiting;
        let over: Vec<Waiting> = over;
        let (again, nobody) = (query.again_at <= now, query.waiting.is_empty());
        for Waiting { number, whom } in over {
            if let Whom::Outside { waiter, .. } = whom {
                let (ticket, outcome) = (Ticket { query: at, number }, Err(ResolveError::TimedOut));
                net.handover = true;
                self.finished.push_back(Finished { waiter, ticket, outcome });
            }
        }
        match (again, nobody) {
            // Nobody waits, and the answer had its time to come.
            (true, true) => self.give_up(net, at),
            (true, false) => self.ask_again(net, at),
            (false, _) => {}
        }
    }

    fn give_up(&mut self, net: &mut Net, at: usize) {
        if let Some(mut query) = self.queries.try_remove(at) {
            query.close(net);
            self.in_flight.remove(&query.key);
        }
    }

    fn ask_again(&mut self, net: &mut Net, at: usize) {
        let Some(query) = self.queries.get_mut(at) else { return };
        query.refusals = 0;
        query.again = query.again.saturating_add(1);
        if query.targets.is_some() {
            query.again_at = self.patience.until(query.again);
            return;
        }
        if query.attempts.len() >= SOCKETS {
            let oldest = query.attempts.remove(0);
            net.close(oldest.conn);
        }
        self.attempt(net, at);
    }

    /// Makes sure that the timer fires at `at` or before.
    fn set_timer(&mut self, net: &mut Net, at: u64) {
        if at != u64::MAX && (self.timer_at == 0 || at < self.timer_at) {
            self.timer_at = at;
            net.set_key_timer(TimerKey::Resolver, at.saturating_sub(clock::now()));
        }
    }
}

impl Query {
    fn next_server(&mut self) -> Option<std::net::SocketAddr> {
        let servers = &self.servers.servers;
        let server = servers.get(self.turn.checked_rem(servers.len())?).copied();
        self.turn = self.turn.wrapping_add(1);
        server
    }

    /// Opens a socket to a server and asks all that is open.
    fn start(&mut self, net: &mut Net, at: usize, server: std::net::SocketAddr) -> io::Result<()> {
        let owner = Owner::Service(Service::Resolver(u32::try_from(at).unwrap_or(u32::MAX)));
        let attempt = Attempt::start(net, server, self.tcp, owner)?;
        let (place, conn) = (self.attempts.len(), attempt.conn);
        self.attempts.push(attempt);
        self.ask(net, place).inspect_err(|_| {
            self.attempts.truncate(place);
            net.close(conn);
        })
    }

    /// Asks all that is open over one of the sockets.
    fn ask(&mut self, net: &mut Net, place: usize) -> io::Result<()> {
        let Some(attempt) = self.attempts.get_mut(place) else { return Ok(()) };
        self.lookup.open().try_for_each(|(number, question)| attempt.ask(net, number, question))
    }

    fn close(&mut self, net: &mut Net) {
        for attempt in self.attempts.drain(..) {
            net.close(attempt.conn);
        }
    }

    /// For how long an answer is kept, in milliseconds, that may be for so many seconds.
    pub(super) fn valid_ms(&self, ttl: u32) -> u64 {
        self.servers.valid_ms.unwrap_or_else(|| u64::from(ttl).saturating_mul(1000))
    }

    fn next_at(&self) -> u64 {
        self.waiting.iter().map(|waiting| waiting.whom.deadline()).fold(self.again_at, u64::min)
    }

    /// Says that a message was not believed; a better one may still come.
    fn ignore(&self, place: usize, text: &str) {
        let Some(attempt) = self.attempts.get(place) else { return };
        let name = String::from_utf8_lossy(&self.key.name);
        let log = crate::log::process();
        note!(log, Error, 0, "{text} while resolving {name}, resolver: {}", attempt.server);
    }
}

impl Whom {
    fn deadline(self) -> u64 {
        match self {
            Whom::Outside { deadline, .. } => deadline,
            Whom::Parent { .. } => u64::MAX,
        }
    }
}

fn complain(query: &Query, server: std::net::SocketAddr, error: &io::Error) {
    let name = String::from_utf8_lossy(&query.key.name);
    let log = crate::log::process();
    note!(log, Error, 0, error; "name server cannot be asked while resolving {name}, resolver: {server}");
}

/// The name of a service: `http` of `a` is `_http._tcp.a`; one with a dot stands in front as it is.
fn service_name(service: &str, host: &[u8]) -> Vec<u8> {
    let front = match service.contains('.') {
        true => service.to_owned(),
        false => format!("_{service}._tcp"),
    };
    [front.as_bytes(), b".", host].concat()
}

#[cfg(test)]
#[path = "service_tests.rs"]
mod tests;
