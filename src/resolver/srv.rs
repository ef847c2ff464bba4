//! Services: SRV records, and the addresses of the hosts they name.
//!
//! *In nginx* `ngx_resolver_process_srv` and `ngx_resolver_srv_names_handler`, which makes a context for
//! each target and counts them down.
//!
//! *Here* a query whose SRV question is answered becomes a parent: each target is a look-up like any other,
//! cached for itself, and its result comes back by the parent's number and serial. Records of the lowest
//! priority become servers, the others backups, in nginx's way.
//!
//! ```text
//!   _http._tcp.a ─▶ 10 1 8001 b, 20 1 8002 c ─┬─ query b ─▶ 10.0.0.1 ─┐
//!                                             └─ query c ─▶ 10.0.0.2 ─┴─▶ 10.0.0.1:8001, backup :8002
//! ```
//!
//! *Read next*: `service.rs`.

use super::cache::Known;
use super::lookup::Service;
use super::service::{Resolvers, Whom};
use super::{Host, ResolveError};
use crate::event::Net;

/// How many places of a service are looked up; more than that is no answer to work with.
const MOST: usize = 256;

/// The targets of a service.
#[derive(Debug)]
pub struct Targets {
    services: Vec<Service>,
    found: Vec<Option<Known>>,
    /// For how many milliseconds all that was found may be kept.
    valid_ms: u64,
}

impl Targets {
    /// Whether all have been looked up.
    fn is_complete(&self) -> bool {
        self.found.iter().all(Option::is_some)
    }

    fn hosts(&self) -> Result<Vec<Host>, ResolveError> {
        let answered = || self.services.iter().zip(self.found.iter().flatten());
        let best = answered().filter(|(_, found)| found.is_ok()).map(|(service, _)| service.priority).min();
        let mut hosts = Vec::new();
        for (service, found) in answered() {
            for host in found.iter().flat_map(|hosts| hosts.iter()) {
                let port = Some(service.port);
                let backup = Some(service.priority) != best;
                hosts.push(Host { port, weight: u32::from(service.weight), backup, ..*host });
            }
        }
        let failure = self.found.iter().flatten().find_map(|found| found.as_ref().err());
        match hosts.is_empty() {
            true => Err(failure.copied().unwrap_or(ResolveError::NOT_FOUND)),
            false => Ok(hosts),
        }
    }
}

impl Resolvers {
    /// The services are known: looks their hosts up.
    pub(super) fn begin_targets(&mut self, net: &mut Net, at: usize) {
        let Some(query) = self.queries.get_mut(at) else { return };
        let mut services = std::mem::take(&mut query.lookup.services);
        services.truncate(MOST);
        let valid_ms = query.valid_ms(query.lookup.ttl);
        let (servers, serial) = (query.servers.clone(), query.serial);
        let names: Vec<_> = services.iter().map(|service| service.target.clone()).collect();
        query.targets = Some(Targets { found: vec![None; services.len()], services, valid_ms });
        for (target, name) in names.into_iter().enumerate() {
            // A single dot: the service is decidedly not offered (RFC 2782).
            let known = match name.is_empty() {
                true => Some((Err(ResolveError::NOT_FOUND), u64::MAX)),
                false => {
                    let whom = Whom::Parent { query: at, serial, target };
                    self.look(net, &servers, &name, false, whom)
                }
            };
            if let Some((known, ms)) = known {
                self.note_target(at, serial, target, &known, ms);
            }
        }
        self.end_targets(net, at, serial);
    }

    /// A target has been looked up.
    pub(super) fn target_done(
        &mut self,
        net: &mut Net,
        at: usize,
        serial: u64,
        target: usize,
        known: &Known,
        ms: u64,
    ) {
        self.note_target(at, serial, target, known, ms);
        self.end_targets(net, at, serial);
    }

    fn note_target(&mut self, at: usize, serial: u64, target: usize, known: &Known, ms: u64) {
        let query = self.queries.get_mut(at).filter(|query| query.serial == serial);
        let Some(targets) = query.and_then(|query| query.targets.as_mut()) else { return };
        if known.is_ok() {
            targets.valid_ms = targets.valid_ms.min(ms);
        }
        if let Some(found) = targets.found.get_mut(target) {
            *found = Some(known.clone());
        }
    }

    fn end_targets(&mut self, net: &mut Net, at: usize, serial: u64) {
        let query = self.queries.get(at).filter(|query| query.serial == serial);
        let Some(targets) = query.and_then(|query| query.targets.as_ref()) else { return };
        if targets.is_complete() {
            let (hosts, ms) = (targets.hosts(), targets.valid_ms);
            let ms = if hosts.is_ok() { ms } else { 0 };
            self.finish(net, at, hosts, ms);
        }
    }
}
