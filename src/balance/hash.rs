//! The same peer for the same key.
//!
//! *In nginx* `ngx_http_upstream_hash_module.c`. `hash key` computes as Cache::Memcached does, `hash key
//! consistent` as Cache::Memcached::Fast (ketama): each server has 160 points for each unit of weight on a
//! ring, and the next point clockwise of the key's hash names the server.
//!
//! *Here* the same points and sums, so that keys stay where they are when nginx is replaced. The ring hangs
//! on the list of peers it was made of, and is made when first needed. A candidate that may not be asked is
//! passed over, at most twenty times, then round robin takes over.
//!
//! ```text
//!   consistent:  0 ──b──a────c──b─▲─────a── 2^32      plain: (crc32(n key) >> 16 & 0x7fff) + the sum so far,
//!                          key ───┘└─▶ a                     modulo the sum of the weights
//! ```
//!
//! *Read next*: `random.rs`.

use super::ip_hash::LOOKS;
use super::peers::{List, Peer};
use super::round_robin;
use super::tried::Tried;
use super::{Balancer, Client};
use crate::buf::Slice;
use crate::conf::template::Template;
use std::rc::Rc;

/// Points on the ring for each unit of weight.
const POINTS: u64 = 160;

/// `hash key [consistent]`.
#[derive(Debug)]
pub struct Hash {
    /// What is hashed.
    pub key: Template,
    /// On a ring, or modulo.
    pub consistent: bool,
}

impl Balancer for Hash {
    fn name(&self) -> &'static str {
        "hash"
    }

    fn has_key(&self) -> bool {
        true
    }

    fn key(&self, client: &mut dyn Client) -> Option<Slice> {
        Some(client.eval(&self.key))
    }

    fn pick(&self, list: &List, tried: &mut Tried, now_ms: u64) -> Option<usize> {
        let key = tried.key.clone().unwrap_or_default();
        // Requests without a key have nothing in common.
        let hashes = !key.is_empty() && list.peers.len() > 1 && !tried.in_backup;
        let found = match (hashes, self.consistent) {
            (true, true) => on_ring(list, &key, tried, now_ms),
            (true, false) => modulo(list, &key, tried, now_ms),
            _ => None,
        };
        found.or_else(|| round_robin::pick(list, tried, now_ms))
    }
}

fn modulo(list: &List, key: &[u8], tried: &mut Tried, now_ms: u64) -> Option<usize> {
    while tried.memo.looks <= LOOKS {
        let mut crc = crc32fast::Hasher::new();
        if tried.memo.rehash > 0 {
            crc.update(tried.memo.rehash.to_string().as_bytes());
        }
        crc.update(key);
        let sum = tried.memo.hash.unwrap_or(0) + u64::from((crc.finalize() >> 16) & 0x7fff);
        tried.memo.hash = Some(sum);
        tried.memo.rehash += 1;
        let at = list.at_weight(sum % list.total_weight.max(1));
        if let Some(at) = at.filter(|at| list.is_eligible(*at, tried, now_ms)) {
            return Some(at);
        }
        tried.memo.looks += 1;
    }
    None
}

fn on_ring(list: &List, key: &[u8], tried: &mut Tried, now_ms: u64) -> Option<usize> {
    let ring = list.ring();
    let mut place = tried.memo.hash.unwrap_or_else(|| ring.find(crc32fast::hash(key)));
    while tried.memo.looks <= LOOKS {
        let name = ring.at(place)?;
        tried.memo.hash = Some(place);
        let found = round_robin::pick_among(list, now_ms, |at, peer| {
            peer.server.name.as_ref() == name && list.is_eligible(at, tried, now_ms)
        });
        if found.is_some() {
            return found;
        }
        place = place.wrapping_add(1);
        tried.memo.looks += 1;
    }
    None
}

/// The points of a list's servers, in order.
#[derive(Debug, Default)]
pub struct Ring {
    /// Hashes, each with the number of its server.
    points: Vec<(u32, u32)>,
    names: Vec<Rc<str>>,
}

impl Ring {
    /// The ring of these peers. The peers of one line share its points.
    pub fn of(peers: &[Rc<Peer>]) -> Ring {
        let (mut points, mut names) = (Vec::new(), Vec::new());
        for (number, peer) in (0u32..).zip(peers) {
            let name = &peer.server.name;
            names.push(name.clone());
            let (host, port) = split(name);
            let mut base = crc32fast::Hasher::new();
            base.update(host.as_bytes());
            base.update(&[0]);
            base.update(port.as_bytes());
            let mut previous: u32 = 0;
            for _ in 0..u64::from(peer.weight).saturating_mul(POINTS) {
                let mut hasher = base.clone();
                hasher.update(&previous.to_le_bytes());
                previous = hasher.finalize();
                points.push((previous, number));
            }
        }
        points.sort_by_key(|(hash, _)| *hash);
        points.dedup_by_key(|(hash, _)| *hash);
        Ring { points, names }
    }

    /// The place of the first point at or after a hash.
    fn find(&self, hash: u32) -> u64 {
        self.points.partition_point(|(point, _)| *point < hash) as u64
    }

    /// The server of a place; places go round.
    fn at(&self, place: u64) -> Option<&str> {
        let at = place.checked_rem(self.points.len() as u64)?;
        let (_, number) = self.points.get(usize::try_from(at).ok()?)?;
        self.names.get(usize::try_from(*number).ok()?).map(Rc::as_ref)
    }
}

/// Host and port as hashed: what follows the last colon, if that is digits only.
fn split(name: &str) -> (&str, &str) {
    if let Some(path) = name.get(..5).filter(|p| p.eq_ignore_ascii_case("unix:")).and(name.get(5..)) {
        return (path, "");
    }
    match name.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => (host, port),
        _ => (name, ""),
    }
}
