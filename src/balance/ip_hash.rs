//! The same peer for the same network of clients.
//!
//! *In nginx* `ngx_http_upstream_ip_hash_module.c`: the first three bytes of an IPv4 address, or a whole IPv6
//! address, go through a small multiplicative hash; a peer that may not be asked makes the hash go on from
//! where it stands, at most twenty times, then round robin takes over.
//!
//! *Here* the same numbers, so that clients keep their peers when a proxy is replaced. What may not change
//! for that: the multiplier, the modulus, the first value, and that the weights are a row of places.
//!
//! *Read next*: `hash.rs`.

use super::peers::List;
use super::round_robin;
use super::tried::Tried;
use super::{Balancer, Client};
use crate::buf::Slice;
use std::net::IpAddr;

/// Candidates looked at before round robin takes over.
pub const LOOKS: u32 = 20;

/// `ip_hash`.
#[derive(Debug, Default)]
pub struct IpHash;

impl Balancer for IpHash {
    fn name(&self) -> &'static str {
        "ip_hash"
    }

    fn has_key(&self) -> bool {
        true
    }

    fn key(&self, client: &mut dyn Client) -> Option<Slice> {
        let bytes: Vec<u8> = match client.address().ip() {
            Some(IpAddr::V4(ip)) => ip.octets().into_iter().take(3).collect(),
            Some(IpAddr::V6(ip)) => ip.octets().to_vec(),
            None => vec![0; 3],
        };
        Some(Slice::from(bytes))
    }

    fn pick(&self, list: &List, tried: &mut Tried, now_ms: u64) -> Option<usize> {
        let key = tried.key.clone().unwrap_or_default();
        let mut hash = tried.memo.hash.unwrap_or(89);
        while tried.memo.looks <= LOOKS && list.peers.len() > 1 && !tried.in_backup {
            hash = key.iter().fold(hash, |hash, byte| (hash * 113 + u64::from(*byte)) % 6271);
            let at = list.at_weight(hash % list.total_weight.max(1));
            if let Some(at) = at.filter(|at| list.is_eligible(*at, tried, now_ms)) {
                tried.memo.hash = Some(hash);
                return Some(at);
            }
            tried.memo.looks += 1;
        }
        round_robin::pick(list, tried, now_ms)
    }
}
