//! What answers mean: from the name that was asked for to its addresses.
//!
//! *In nginx* the middle of `ngx_resolver_process_a`, which asks for A and AAAA at once and starts over when
//! the answer is an alias (`ngx_resolve_name_locked` with `recursion`).
//!
//! *Here* a [`Lookup`] is one or two [`Question`]s. Each follows aliases through the answer by name; if the answer ends in
//! an alias, the question is asked again for that. No sockets, no time.
//!
//! ```text
//!   question A    www ─▶ CNAME edge ─▶ (not in this answer) ─▶ Again: edge ─▶ 10.0.0.1, 10.0.0.2
//!   question AAAA www ─▶ CNAME edge ─▶ …                                       └─ both closed ─▶ result
//! ```
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

/// One thing a server is asked.
#[derive(Debug)]
pub struct Question {
    /// The kind of record.
    pub kind: Kind,
    /// The name now: the one that was asked for, or what it is an alias of.
    pub asked: Name,
    aliases: u32,
    closed: Option<u8>,
}

/// What an answer did to a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// It is not an answer to this.
    Nothing,
    /// The name is an alias: ask again.
    Again,
    /// It is answered.
    Closed,
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
        let question = |kind| Question { kind, asked: name.clone(), aliases: 0, closed: None };
        Lookup {
            questions: kinds.into_iter().map(question).collect(),
            ips: Vec::new(),
            services: Vec::new(),
            ttl: u32::MAX,
            negative_ttl: None,
        }
    }

    /// The questions without an answer, by number.
    pub fn open(&self) -> impl Iterator<Item = (usize, &Question)> {
        self.questions.iter().enumerate().filter(|(_, question)| question.closed.is_none())
    }

    /// Whether every question has its answer.
    pub fn is_complete(&self) -> bool {
        self.questions.iter().all(|question| question.closed.is_some())
    }

    /// Takes an answer to a question.
    pub fn hear(&mut self, number: usize, message: &Message) -> Heard {
        let Some(question) = self.questions.get_mut(number) else { return Heard::Nothing };
        // A server that could not read the question may not repeat it.
        let unreadable = message.question.is_none() && message.code == 1;
        let fits = unreadable || message.answers(&question.asked, question.kind);
        if question.closed.is_some() || !fits {
            return Heard::Nothing;
        }
        if message.code != 0 {
            if message.code == 3 {
                self.keep_negative(message.negative_ttl);
            }
            return self.close(number, message.code);
        }
        let (first, kind) = (question.asked.clone(), question.kind);
        let mut at = first.clone();
        loop {
            if self.collect(&at, kind, message) {
                return self.close(number, 0);
            }
            let alias = message.records.iter().find_map(|record| match &record.data {
                Data::Alias(to) if record.name == at => Some((to.clone(), record.ttl)),
                _ => None,
            });
            let Some((to, ttl)) = alias else { break };
            self.ttl = self.ttl.min(ttl);
            let Some(question) = self.questions.get_mut(number) else { return Heard::Nothing };
            question.aliases = question.aliases.saturating_add(1);
            if question.aliases > ALIASES {
                return self.close(number, 3);
            }
            question.asked = to.clone();
            at = to;
        }
        if at == first {
            self.keep_negative(message.negative_ttl);
            return self.close(number, 0);
        }
        Heard::Again
    }

    /// The records of a name, if there are any.
    fn collect(&mut self, name: &Name, kind: Kind, message: &Message) -> bool {
        let mut found = false;
        for record in message.records.iter().filter(|record| record.name == *name) {
            match (kind, &record.data) {
                (Kind::A, Data::Ip(ip @ IpAddr::V4(_))) | (Kind::Aaaa, Data::Ip(ip @ IpAddr::V6(_))) => {
                    if !self.ips.contains(ip) {
                        self.ips.push(*ip);
                    }
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

    fn close(&mut self, number: usize, code: u8) -> Heard {
        if let Some(question) = self.questions.get_mut(number) {
            question.closed = Some(code);
        }
        Heard::Closed
    }

    /// The code of a complete look-up that found nothing: a server's trouble counts for more than its
    /// statement that there is no such name.
    pub fn code(&self) -> u8 {
        let codes = self.questions.iter().filter_map(|question| question.closed);
        codes.filter(|code| *code != 0 && *code != 3).chain(self.not_found()).next().unwrap_or(0)
    }

    fn not_found(&self) -> Option<u8> {
        self.questions.iter().any(|question| question.closed == Some(3)).then_some(3)
    }

    /// The addresses of a complete look-up, IPv4 first.
    ///
    /// # Errors
    /// There are none.
    pub fn hosts(&self) -> Result<Vec<Host>, ResolveError> {
        let mut ips = self.ips.clone();
        ips.sort_by_key(IpAddr::is_ipv6);
        let plain = |ip| Host { ip, port: None, weight: 0, backup: false };
        match ips.is_empty() {
            false => Ok(ips.into_iter().map(plain).collect()),
            true if self.code() == 0 => Err(ResolveError::NoAddress),
            true => Err(ResolveError::Code(self.code())),
        }
    }
}

#[cfg(test)]
#[path = "lookup_tests.rs"]
mod tests;
