//! The peer that answers soonest and has the least to do.
//!
//! *In nginx* `least_time header | last_byte [inflight]`, in the free edition since 1.31: the average time
//! to the header or to the last byte, times the number of requests under way, by weight.
//!
//! *Here* the averages are kept by `Group::free`, an eighth of each new value. Two rules keep a slow answer
//! from banning a peer for ever: times below 20 ms are all the same, and the average of a peer that has not
//! been asked for more than `fail_timeout` halves each second, until it is asked once more. With `inflight`
//! the requests that have no answer yet count with the time they have waited so far.
//!
//! ```text
//!   average 4 s ── asked at 0 s ── 4000 2000 1000 500 250 125 62 31 15 ─▶ below 20: probed at 8 s
//! ```
//!
//! *Read next*: `least_conn.rs`.

use super::Balancer;
use super::least_conn::pick_least;
use super::peers::{Field, List, Peer};
use super::tried::Tried;
use std::cmp::Ordering;

/// Times up to this, in microseconds, are equally good.
const FLOOR: u64 = 20_000;

/// Which time counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// To the end of the reply's header.
    Header,
    /// To the end of the reply.
    LastByte,
}

/// `least_time`.
#[derive(Clone, Copy, Debug)]
pub struct LeastTime {
    /// Which time counts.
    pub by: By,
    /// Requests without an answer count as well.
    pub inflight: bool,
}

impl Balancer for LeastTime {
    fn name(&self) -> &'static str {
        "least_time"
    }

    fn measures(&self) -> bool {
        true
    }

    fn pick(&self, list: &List, tried: &mut Tried, now_ms: u64) -> Option<usize> {
        pick_least(list, tried, now_ms, |a, b| self.compare(a, b, now_ms))
    }
}

impl LeastTime {
    /// Which is likely to answer sooner.
    pub fn compare(&self, a: &Peer, b: &Peer, now_ms: u64) -> Ordering {
        let cost = |peer: &Peer, other: &Peer| {
            let load = u128::from(peer.state.get(Field::Conns).saturating_add(1));
            let time = u128::from(self.time(peer, now_ms));
            load.saturating_mul(time).saturating_mul(u128::from(other.weight))
        };
        cost(a, b).cmp(&cost(b, a))
    }

    /// The time expected of a peer, in microseconds.
    fn time(&self, peer: &Peer, now_ms: u64) -> u64 {
        let state = &peer.state;
        let average = match self.by {
            By::Header => state.get(Field::HeaderTime),
            By::LastByte => state.get(Field::TotalTime),
        };
        let unasked = (now_ms / 1000).saturating_sub(state.get(Field::Selected));
        let halvings = unasked.saturating_sub(peer.server.fail_timeout_s);
        let average = average.checked_shr(u32::try_from(halvings).unwrap_or(u32::MAX)).unwrap_or(0);
        average.max(self.waited(peer, now_ms)).max(FLOOR)
    }

    /// How long the requests under way have waited on average, in microseconds.
    fn waited(&self, peer: &Peer, now_ms: u64) -> u64 {
        let conns = peer.state.get(Field::Conns);
        if !self.inflight || conns == 0 {
            return 0;
        }
        let sum = now_ms.saturating_mul(conns).saturating_sub(peer.state.get(Field::Started));
        sum.saturating_mul(1000) / conns
    }
}
