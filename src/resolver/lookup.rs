//! What answers mean: from the name that was asked for to its addresses.
//!
//! *In nginx* the middle of `ngx_resolver_process_a`, which asks for A and AAAA at once and starts over when
//! the answer is an alias (`ngx_resolve_name_locked` with `recursion`).
//!
//! *Here* a [`Lookup`] is one or two [`Question`]s. Each follows aliases through its answer, by name. When
//! all are answered, with aliases and no address, all are asked again for the alias. No sockets, no time.
//!
//! ```text
//!   A    www ─▶ CNAME edge ─▶ not in this answer ─┐
//!   AAAA www ─▶ CNAME edge ─▶ not in this answer ─┴─ Again: A, AAAA edge ─▶ 10.0.0.1, 10.0.0.2 ─ Complete
//! ```
//!
//! NGINX: which alias counts when the two answers do not agree is what http_resolver_aaaa.t wants: with an
//! address in one answer none does, and trouble with one question is trouble with the name.
//!
//! *Read next*: `service.rs`.

use super::message::{Data, Kind, Message, Name};
use super::{Host, Nameservers, ResolveError};
use std::net::IpAddr;

/// How many aliases may follow each other (nginx: `NGX_RESOLVER_MAX_RECURSION`).
const ALIASES: u32 = 50;

/// Where a service is, as a SRV record says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Lower ones are asked first.
    pub priority: u16,
    /// The share among those of one priority.
    pub weight: u16,
    /// The port.
    pub port: u16,
    /// The host, to be looked up in turn.
    pub target: Name,
}

/// What has become of a question.
#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    /// It is not answered.
    Open,
    /// It is, with this code and maybe addresses.
    Closed(u8),
    /// The answer ends in another name.
    Alias(Name),
}

/// One thing a server is asked.
#[derive(Debug)]
pub struct Question {
    /// The kind of record.
    pub kind: Kind,
    /// The name now: the one that was asked for, or what it is an alias of.
    pub asked: Name,
    state: State,
}

/// What an answer did to a look-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// It is not an answer to any of its questions.
    Nothing,
    /// It is; another question is open still.
    Waits,
    /// The name is an alias: what is open now is to be asked.
    Again,
    /// Every question has its answer.
    Complete,
}

/// A name on its way to addresses.
#[derive(Debug)]
pub struct Lookup {
    /// What is asked.
    pub questions: Vec<Question>,
    /// Addresses found so far.
    pub ips: Vec<IpAddr>,
    /// Services found.
    pub services: Vec<Service>,
    /// Seconds for which all that has been found may be kept.
    pub ttl: u32,
    /// Seconds for which the absence of an answer may be kept; None if no server said.
    pub negative_ttl: Option<u32>,
    aliases: u32,
}

impl Lookup {
    /// A look for the addresses of a name, or for the places of a service.
    pub fn new(name: &Name, service: bool, servers: &Nameservers) -> Lookup {
        let kinds = match service {
            true => vec![Kind::Srv],
            false => {
                let wanted = [(servers.ipv4, Kind::A), (servers.ipv6, Kind::Aaaa)];
                wanted.into_iter().filter_map(|(wanted, kind)| wanted.then_some(kind)).collect()
            }
        };
        let question = |kind| Question { kind, asked: name.clone(), state: State::Open };
        Lookup {
            questions: kinds.into_iter().map(question).collect(),
            ips: Vec::new(),
            services: Vec::new(),
            ttl: u32::MAX,
            negative_ttl: None,
            aliases: 0,
        }
    }

    /// The questions without an answer, by number.
    pub fn open(&self) -> impl Iterator<Item = (usize, &Question)> {
        self.questions.iter().enumerate().filter(|(_, question)| question.state == State::Open)
    }

    /// Takes an answer to a question.
    pub fn hear(&mut self, number: usize, message: &Message) -> Heard {
        let Some(question) = self.questions.get(number) else { return Heard::Nothing };
        // A server that could not read the question may not repeat it.
        let unreadable = message.question.is_none() && message.code == 1;
        let fits = unreadable || message.answers(&question.asked, question.kind);
        if question.state != State::Open || !fits {
            return Heard::Nothing;
        }
        let (asked, kind) = (question.asked.clone(), question.kind);
        let state = match message.code {
            0 => self.follow(asked, kind, message),
            code => State::Closed(code),
        };
        if matches!(state, State::Closed(3)) {
            self.keep_negative(message.negative_ttl);
        }
        if let Some(question) = self.questions.get_mut(number) {
            question.state = state;
        }
        let waits = self.open().next().is_some();
        match waits {
            true => Heard::Waits,
            false if self.take_alias() => Heard::Again,
            false => Heard::Complete,
        }
    }

    /// Follows aliases through an answer to its end.
    fn follow(&mut self, asked: Name, kind: Kind, message: &Message) -> State {
        let mut at = asked.clone();
        while !self.collect(&at, kind, message) {
            let alias = message.records.iter().find_map(|record| match &record.data {
                Data::Alias(to) if record.name == at => Some((to.clone(), record.ttl)),
                _ => None,
            });
            let Some((to, ttl)) = alias else {
                if at != asked {
                    return State::Alias(at);
                }
                self.keep_negative(message.negative_ttl);
                return State::Closed(0);
            };
            self.ttl = self.ttl.min(ttl);
            self.aliases = self.aliases.saturating_add(1);
            if self.aliases > ALIASES {
                return State::Closed(3);
            }
            at = to;
        }
        State::Closed(0)
    }

    /// All are answered: opens questions again for an alias, if that is all there is.
    fn take_alias(&mut self) -> bool {
        let is_trouble = |question: &Question| matches!(question.state, State::Closed(1..));
        let found = !self.ips.is_empty() || !self.services.is_empty();
        if found || self.questions.iter().any(is_trouble) {
            return false;
        }
        let last = self.questions.len().saturating_sub(1);
        let mut aliases = self.questions.iter().enumerate().rev().filter_map(|(at, q)| match &q.state {
            State::Alias(to) => Some((at, to.clone())),
            _ => None,
        });
        let Some((from, to)) = aliases.next() else { return false };
        for (at, question) in self.questions.iter_mut().enumerate() {
            // An alias that only the earlier question got is followed for that one.
            if from == last || at == from {
                (question.asked, question.state) = (to.clone(), State::Open);
            }
        }
        true
    }

    /// The records of a name, if there are any.
    fn collect(&mut self, name: &Name, kind: Kind, message: &Message) -> bool {
        let mut found = false;
        for record in message.records.iter().filter(|record| record.name == *name) {
            match (kind, &record.data) {
                (Kind::A, Data::Ip(ip @ IpAddr::V4(_))) | (Kind::Aaaa, Data::Ip(ip @ IpAddr::V6(_))) => {
                    // NGINX: a record that stands there twice is two peers (proxy_next_upstream_tries.t).
                    self.ips.push(*ip);
                }
                (Kind::Srv, Data::Service { priority, weight, port, target }) => {
                    let (priority, weight, port, target) = (*priority, *weight, *port, target.clone());
                    self.services.push(Service { priority, weight, port, target });
                }
                _ => continue,
            }
            self.ttl = self.ttl.min(record.ttl);
            found = true;
        }
        found
    }

    fn keep_negative(&mut self, ttl: Option<u32>) {
        if let Some(ttl) = ttl {
            self.negative_ttl = Some(self.negative_ttl.map_or(ttl, |known| known.min(ttl)));
        }
    }

    /// The code of a complete look-up that found nothing: a server's trouble counts for more than its
    /// statement that there is no such name.
    pub fn code(&self) -> u8 {
        let code = |question: &Question| match question.state {
            State::Closed(code) if code != 0 => Some(code),
            _ => None,
        };
        let codes = || self.questions.iter().filter_map(code);
        codes().find(|code| *code != 3).or_else(|| codes().next()).unwrap_or(0)
    }

    /// The addresses of a complete look-up, IPv4 first.
    ///
    /// # Errors
    /// There are none, or a server had trouble with one of the questions.
    pub fn hosts(&self) -> Result<Vec<Host>, ResolveError> {
        let mut ips = self.ips.clone();
        ips.sort_by_key(IpAddr::is_ipv6);
        let plain = |ip| Host { ip, port: None, weight: 0, backup: false };
        match (ips.is_empty(), self.code()) {
            (false, 0 | 3) => Ok(ips.into_iter().map(plain).collect()),
            (true, 0) => Err(ResolveError::NoAddress),
            (_, code) => Err(ResolveError::Code(code)),
        }
    }
}

#[cfg(test)]
#[path = "lookup_tests.rs"]
mod tests;
