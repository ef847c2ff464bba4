//! Smooth weighted round robin, and what a failure does to a peer.
//!
//! *In nginx* `ngx_http_upstream_round_robin.c`. In each round every eligible peer's running weight grows
//! by its effective weight; the largest wins and pays the sum of all. Weights 5, 1, 1 give a a b a c a a
//! and not five in a row. A failure lowers the effective weight by `weight / max_fails`; each round in
//! which the peer takes part raises it by one.
//!
//! *Here* the same arithmetic on the peers' state, and the two verdicts [`failed`] and [`served`] that all
//! methods share. Times are whole seconds, since `fail_timeout` is.
//!
//! ```text
//!   in ──── max_fails failures ────▶ out ── fail_timeout ──▶ one request probes (checked = now)
//!   ▲                                 ▲                          │ fails        │ ok: fails = 0
//!   │                                 └──────────────────────────┘              │
//!   └─── only a success that began after a quiet fail_timeout forgives ◀────────┘
//! ```
//!
//! DIFF: with `fail_window=` failures count only if they lie in one such stretch of time. In nginx a
//! failure is forgiven after a *quiet* `fail_timeout` only, so that one in nine seconds adds up for
//! ever.
//!
//! *Read next*: `least_conn.rs`; `hash.rs`.

use super::peers::{Field, List, Peer};
use super::tried::Tried;
use super::{Balancer, Event};

/// Round robin (the default method).
#[derive(Debug, Default)]
pub struct RoundRobin;

impl Balancer for RoundRobin {
    fn name(&self) -> &'static str {
        "round_robin"
    }

    fn pick(&self, list: &List, tried: &mut Tried, now_ms: u64) -> Option<usize> {
        pick(list, tried, now_ms)
    }
}

/// One round among all that may be asked.
pub fn pick(list: &List, tried: &Tried, now_ms: u64) -> Option<usize> {
    pick_among(list, now_ms, |at, _| list.is_eligible(at, tried, now_ms))
}

/// One round among those that `may`.
pub fn pick_among(list: &List, now_ms: u64, mut may: impl FnMut(usize, &Peer) -> bool) -> Option<usize> {
    let mut best: Option<(usize, i64)> = None;
    let mut total: i64 = 0;
    for (at, peer) in list.peers.iter().enumerate() {
        if !may(at, peer) {
            continue;
        }
        let effective = peer.effective(now_ms);
        let current = peer.state.current().saturating_add(effective);
        peer.state.set_current(current);
        total = total.saturating_add(effective);
        peer.state.sub(Field::Penalty, 1);
        if best.is_none_or(|(_, most)| current > most) {
            best = Some((at, current));
        }
    }
    let (at, current) = best?;
    list.peers.get(at)?.state.set_current(current.saturating_sub(total));
    Some(at)
}

/// Notes that a peer is going to be asked: after a quiet `fail_timeout` this request is the probe.
pub fn chosen(peer: &Peer, now_ms: u64) {
    let now = now_ms / 1000;
    if now.saturating_sub(peer.state.get(Field::Checked)) > peer.server.fail_timeout_s {
        peer.state.set(Field::Checked, now);
    }
}

/// Holds a failure against a peer; says when that puts it out.
pub fn failed(peer: &Peer, now_ms: u64) -> Option<Event> {
    let (state, server, now) = (&peer.state, &peer.server, now_ms / 1000);
    let window_is_over = now.saturating_sub(state.get(Field::WindowFrom)) > server.fail_window_s;
    // A peer that is out is probed, and a window that has passed meanwhile must not bring it in by failing.
    if server.fail_window_s != 0 && window_is_over && state.get(Field::OutSince) == 0 {
        state.set(Field::Fails, 0);
        state.set(Field::WindowFrom, now);
    }
    state.add(Field::Fails, 1);
    state.add(Field::Failures, 1);
    state.set(Field::Accessed, now);
    state.set(Field::Checked, now);
    if server.max_fails == 0 {
        return None;
    }
    let weight = u64::from(peer.weight);
    let penalty = state.get(Field::Penalty).saturating_add(weight / server.max_fails).min(weight);
    state.set(Field::Penalty, penalty);
    let fails = state.get(Field::Fails);
    if fails < server.max_fails {
        return None;
    }
    if state.get(Field::OutSince) == 0 {
        // Zero means that it is in.
        state.set(Field::OutSince, now.max(1));
    }
    Some(Event::Out { peer: peer.name.clone(), fails, seconds: server.fail_timeout_s })
}

/// Forgives a peer its failures if this success began after a quiet `fail_timeout`; says when that brings
/// it back.
pub fn served(peer: &Peer, now_ms: u64) -> Option<Event> {
    if peer.state.get(Field::Accessed) < peer.state.get(Field::Checked) {
        return forgive(peer, now_ms);
    }
    None
}

/// Forgives all failures.
pub fn forgive(peer: &Peer, now_ms: u64) -> Option<Event> {
    let state = &peer.state;
    state.set(Field::Fails, 0);
    let out = state.get(Field::OutSince);
    if out == 0 {
        return None;
    }
    state.set(Field::OutSince, 0);
    if peer.server.slow_start_ms != 0 {
        state.set(Field::SlowFrom, now_ms.max(1));
    }
    Some(Event::Back { peer: peer.name.clone(), seconds: (now_ms / 1000).saturating_sub(out) })
}

#[cfg(test)]
#[path = "round_robin_tests.rs"]
pub mod tests;
