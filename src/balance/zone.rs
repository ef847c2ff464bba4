//! Where the numbers of peers are kept: in this worker, or where all workers see them.
//!
//! *In nginx* `zone name size` copies the peers into shared memory in `ngx_http_upstream_init_zone`;
//! without it each worker counts failures, connections and weights for itself.
//!
//! *Here* a zone is a row of [`Words`] made before the workers are forked: a lock, then entries of equal
//! size. An entry belongs to a line and an address (its key), so that workers that resolve a name each for
//! themselves meet in the same entry. A zone that is full gives out private numbers, and balancing goes on.
//!
//! ```text
//!   [lock] [key conns fails …] [key conns fails …] [0 …] …
//!             ▲ line 0, 10.0.0.1:80   ▲ line 1, …      free
//! ```
//!
//! *Read next*: `peers.rs` (what an entry holds).

use super::peers::{FIELDS, Field, State};
use crate::sys::words::{Guard, Words};
use crate::util::address::Address;
use siphasher::sip::SipHasher13;
use std::hash::{Hash, Hasher};
use std::io;

/// Entries beyond the configured peers when a zone has no size: room for addresses that names get later.
const SPARE: usize = 64;

/// Where the numbers are kept.
#[derive(Clone, Debug, Default)]
pub struct Zone {
    words: Option<Words>,
}

impl Zone {
    /// Memory for `peers` or more, `bytes` large if that is more; shared with processes forked from now on.
    ///
    /// # Errors
    /// What mmap(2) said.
    pub fn shared(peers: usize, bytes: u64) -> io::Result<Zone> {
        // Workers compare times with each other: the clock they inherit must have started before the fork.
        let _ = crate::event::clock::now();
        let asked = usize::try_from(bytes).unwrap_or(usize::MAX) / size_of::<u64>();
        let entries = peers.saturating_add(SPARE).saturating_mul(FIELDS).saturating_add(1);
        Ok(Zone { words: Some(Words::shared(asked.max(entries))?) })
    }

    /// Whether all workers see the numbers.
    pub fn is_shared(&self) -> bool {
        self.words.is_some()
    }

    /// Keeps other workers from choosing meanwhile; nothing without a zone.
    pub fn lock(&self) -> Option<Guard> {
        self.words.as_ref().map(|words| words.lock(0))
    }

    /// The numbers of an address of a line: those another worker uses already, or a free entry. `copy` tells
    /// peers of one line apart that have the same address.
    pub fn state(&self, line: usize, address: &Address, copy: usize) -> State {
        let Some(words) = &self.words else { return State::private() };
        let _lock = words.lock(0);
        let mut hasher = SipHasher13::new();
        (line, address, copy).hash(&mut hasher);
        let key = hasher.finish().max(1);
        let entries = words.all().len().saturating_sub(1) / FIELDS;
        for entry in 0..entries {
            let Some(state) = State::inside(words, 1 + entry * FIELDS) else { break };
            match state.get(Field::Key) {
                0 => state.set(Field::Key, key),
                found if found != key => continue,
                _ => {}
            }
            return state;
        }
        State::private()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::balance::round_robin::tests::{once, server};
    use crate::balance::{Group, Verdict, group::Parts};

    #[test]
    fn what_one_worker_learns_of_a_peer_the_others_know() {
        let zone = Zone::shared(2, 0).expect("memory");
        let servers = || vec![server(1, |_| ()), server(2, |_| ())];
        let worker = || Group::new("u", Parts { servers: servers(), zone: zone.clone(), ..Parts::default() });
        let (a, b, other) =
            (worker(), worker(), Group::new("v", Parts { servers: servers(), ..Parts::default() }));
        let now = 86_400_000;
        assert_eq!(once(&a, &mut a.start(), Verdict::FAILED, now), 1);
        let seen: Vec<u16> = (0..3).map(|_| once(&b, &mut b.start(), Verdict::SERVED, now)).collect();
        assert_eq!(seen, [2, 2, 2]);
        assert_eq!(once(&other, &mut other.start(), Verdict::SERVED, now), 1);
    }

    #[test]
    fn a_full_zone_gives_private_numbers() {
        let zone = Zone::shared(0, 0).expect("memory");
        let address = |port| Address::parse("127.0.0.1", port).expect("an address");
        for port in 0..100 {
            zone.state(0, &address(port), 0).set(Field::Fails, u64::from(port) + 1);
        }
        assert_eq!(zone.state(0, &address(3), 0).get(Field::Fails), 4);
        assert_eq!(zone.state(0, &address(99), 0).get(Field::Fails), 0);
    }
}
