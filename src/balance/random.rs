//! Any peer, by weight; or the better of two.
//!
//! *In nginx* `ngx_http_upstream_random_module.c`. With one choice it is the cheapest spread among many
//! proxies that do not know of each other; with `two` the lesser of two random peers, which avoids that all
//! proxies run to the same idle peer at once.
//!
//! *Here* the random numbers come from a small generator of the worker (xorshift): nobody can win anything by
//! guessing them. Candidates that may not be asked are passed over, at most twenty times.
//!
//! *Read next*: `least_conn.rs`, `least_time.rs` (the comparisons).

use super::Balancer;
use super::ip_hash::LOOKS;
use super::least_conn;
use super::least_time::LeastTime;
use super::peers::{List, Peer};
use super::round_robin;
use super::tried::Tried;
use std::cell::Cell;
use std::cmp::Ordering;
use std::hash::{BuildHasher, RandomState};

/// What decides between two.
#[derive(Clone, Copy, Debug)]
pub enum Two {
    /// `two`, `two least_conn`.
    LeastConn,
    /// `two least_time=…`.
    LeastTime(LeastTime),
}

/// `random [two [method]]`.
#[derive(Debug, Default)]
pub struct Random {
    two: Option<Two>,
    state: Cell<u64>,
}

impl Random {
    /// One choice, or the better of two.
    pub fn new(two: Option<Two>) -> Random {
        Random { two, state: Cell::new(0) }
    }

    /// With a first value, for tests.
    pub fn seeded(two: Option<Two>, seed: u64) -> Random {
        Random { two, state: Cell::new(seed.max(1)) }
    }

    fn next(&self) -> u64 {
        let mut x = self.state.get();
        if x == 0 {
            // Taken when first needed, after the fork, so that workers do not choose in step.
            x = RandomState::new().hash_one(std::process::id()).max(1);
        }
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        self.state.set(x);
        x.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11
    }

    /// One that may be asked and is not `other`.
    fn candidate(&self, list: &List, tried: &mut Tried, now_ms: u64, other: Option<usize>) -> Option<usize> {
        while tried.memo.looks <= LOOKS {
            let at = list.at_weight(self.next().checked_rem(list.total_weight)?)?;
            if Some(at) != other && list.is_eligible(at, tried, now_ms) {
                return Some(at);
            }
            tried.memo.looks += 1;
        }
        None
    }

    fn compare(&self, a: &Peer, b: &Peer, now_ms: u64) -> Ordering {
        match self.two {
            Some(Two::LeastTime(by)) => by.compare(a, b, now_ms),
            _ => least_conn::compare(a, b),
        }
    }
}

impl Balancer for Random {
    fn name(&self) -> &'static str {
        "random"
    }

    fn measures(&self) -> bool {
        matches!(self.two, Some(Two::LeastTime(_)))
    }

    fn pick(&self, list: &List, tried: &mut Tried, now_ms: u64) -> Option<usize> {
        if list.peers.len() < 2 || tried.in_backup {
            return round_robin::pick(list, tried, now_ms);
        }
        let first = self.candidate(list, tried, now_ms, None);
        let second = match (first, self.two) {
            (Some(_), Some(_)) => self.candidate(list, tried, now_ms, first),
            _ => None,
        };
        let (Some(a), Some(b)) = (first, second) else {
            return first.or_else(|| round_robin::pick(list, tried, now_ms));
        };
        let (one, other) = (list.peers.get(a)?, list.peers.get(b)?);
        Some(if self.compare(other, one, now_ms) == Ordering::Less { b } else { a })
    }
}
