//! The peer with the fewest requests under way.
//!
//! *In nginx* `ngx_http_upstream_least_conn_module.c`: `conns / weight` is compared by cross
//! multiplication, and of equally busy peers round robin chooses.
//!
//! *Here* the comparison is a function of two peers, because `random two` asks the same question of two only.
//! Requests of other workers count only in a `zone`.
//!
//! *Read next*: `least_time.rs`, which weighs time as well.

use super::Balancer;
use super::peers::{Field, List, Peer};
use super::round_robin;
use super::tried::Tried;
use std::cmp::Ordering;

/// `least_conn`.
#[derive(Debug, Default)]
pub struct LeastConn;

impl Balancer for LeastConn {
    fn name(&self) -> &'static str {
        "least_conn"
    }

    fn pick(&self, list: &List, tried: &mut Tried, now_ms: u64) -> Option<usize> {
        pick_least(list, tried, now_ms, compare)
    }
}

/// Which has fewer requests for its weight.
pub fn compare(a: &Peer, b: &Peer) -> Ordering {
    let load = |peer: &Peer, other: &Peer| {
        u128::from(peer.state.get(Field::Conns)).saturating_mul(u128::from(other.weight))
    };
    load(a, b).cmp(&load(b, a))
}

/// The least of those that may be asked; round robin among equals.
pub fn pick_least(
    list: &List,
    tried: &Tried,
    now_ms: u64,
    compare: impl Fn(&Peer, &Peer) -> Ordering,
) -> Option<usize> {
    let mut least: Option<(usize, &Peer)> = None;
    let mut equals = false;
    for (at, peer) in list.eligible(tried, now_ms) {
        match least.map(|(_, best)| compare(peer, best)) {
            None | Some(Ordering::Less) => (least, equals) = (Some((at, &**peer)), false),
            Some(Ordering::Equal) => equals = true,
            Some(Ordering::Greater) => {}
        }
    }
    let (at, best) = least?;
    if !equals {
        return Some(at);
    }
    round_robin::pick_among(list, now_ms, |at, peer| {
        list.is_eligible(at, tried, now_ms) && compare(peer, best) == Ordering::Equal
    })
}
