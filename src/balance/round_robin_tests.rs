//! Sequences of choices, failures and recoveries, with the time passed in.

use super::super::group::{Group, Parts, Pick};
use super::super::peers::{Field, Found};
use super::super::server::Server;
use super::super::{Client, Event, Reason, Tried, Verdict};
use crate::buf::Slice;
use crate::conf::error::Place;
use crate::conf::template::Template;
use crate::util::address::Address;

/// A client without properties.
pub struct Nobody;

impl Client for Nobody {
    fn eval(&mut self, text: &Template) -> Slice {
        text.as_constant().cloned().unwrap_or_default()
    }
    fn address(&self) -> Address {
        Address::NONE
    }
    fn cookie(&self, _: &[u8]) -> Option<Vec<u8>> {
        None
    }
}

/// A server `127.0.0.1:PORT`, changed as wanted.
pub fn server(port: u16, change: impl FnOnce(&mut Server)) -> Server {
    let name = format!("127.0.0.1:{port}");
    let addresses = Address::parse(&name, 80).into_iter().collect();
    let mut server = Server::of(&name, addresses, Place::command_line());
    change(&mut server);
    server
}

/// A group of the default method.
pub fn group(servers: Vec<Server>) -> Group {
    Group::new("u", Parts { servers, ..Parts::default() })
}

/// The port of the next choice, 0 for nobody, given back at once with the verdict.
pub fn once(group: &Group, tried: &mut Tried, verdict: Verdict, now_ms: u64) -> u16 {
    match group.choose(tried, &mut Nobody, false, now_ms) {
        Pick::Peer(held) => {
            let port = held.peer().address.port();
            let _ = group.free(held, tried, verdict, now_ms);
            port
        }
        _ => 0,
    }
}

fn ports(group: &Group, count: usize, now_ms: u64) -> Vec<u16> {
    (0..count).map(|_| once(group, &mut group.start(), Verdict::SERVED, now_ms)).collect()
}

const DAY: u64 = 86_400_000;

#[test]
fn only_the_failures_of_one_window_add_up() {
    let window = || vec![server(1, |s| (s.max_fails, s.fail_window_s) = (2, 5)), server(2, |_| ())];
    let group = Group::new("u", Parts { servers: window(), ..Parts::default() });
    let peer = group.roster().primary.peers[0].clone();
    let fail = |second: u64| super::failed(&peer, second * 1000).is_some();
    assert!(!fail(1000) && !fail(1006) && !fail(1012), "one in six seconds");
    assert!(fail(1014), "two in five");
    // It is out: that its probe fails long afterwards leaves it out.
    assert!(fail(1100));
}

#[test]
fn what_counts_as_a_failure_is_for_the_line_to_say() {
    let mut some = server(1, |s| s.fail_on = 1 << 1 | 1 << 3);
    assert!(some.counts(Verdict::FAILED.of_class(1 << 1)) && !some.counts(Verdict::FAILED.of_class(1)));
    assert!(some.counts(Verdict::SERVED.of_class(1 << 3)), "a 500 that was passed on");
    some.fail_on = 0;
    assert!(some.counts(Verdict::FAILED.of_class(1)) && !some.counts(Verdict::SERVED.of_class(1 << 3)));
}

#[test]
fn weights_are_spread_smoothly() {
    let g = group(vec![server(1, |s| s.weight = 5), server(2, |_| ()), server(3, |_| ())]);
    assert_eq!(ports(&g, 14, DAY), [1, 1, 2, 1, 3, 1, 1, 1, 1, 2, 1, 3, 1, 1]);
    let g = group(vec![server(1, |_| ()), server(2, |_| ())]);
    assert_eq!(ports(&g, 4, DAY), [1, 2, 1, 2]);
}

#[test]
fn a_failed_peer_is_out_for_fail_timeout_and_one_request_probes_it() {
    let g = group(vec![server(1, |_| ()), server(2, |_| ())]);
    let mut tried = g.start();
    assert_eq!(tried.tries, 2);
    assert_eq!(once(&g, &mut tried, Verdict::FAILED, DAY), 1);
    assert_eq!(tried.tries, 1);
    assert_eq!(once(&g, &mut tried, Verdict::SERVED, DAY), 2);
    assert_eq!(ports(&g, 3, DAY + 10_000), [2, 2, 2]);
    let (mut probe, held) = loop {
        // Its weight recovers with the rounds in which it takes part, so it is not the first.
        let mut tried = g.start();
        match g.choose(&mut tried, &mut Nobody, false, DAY + 11_000) {
            Pick::Peer(held) if held.peer().address.port() == 1 => break (tried, held),
            Pick::Peer(_) => {}
            other => panic!("a peer, not {other:?}"),
        }
    };
    assert_eq!(ports(&g, 2, DAY + 11_000), [2, 2], "one probe at a time");
    let freed = g.free(held, &mut probe, Verdict::SERVED, DAY + 12_000);
    assert_eq!(freed.event, Some(Event::Back { peer: "127.0.0.1:1".into(), seconds: 12 }));
    let mut after = ports(&g, 4, DAY + 12_000);
    after.sort_unstable();
    assert_eq!(after, [1, 1, 2, 2]);
}

#[test]
fn going_out_is_told_with_numbers() {
    let g = group(vec![server(1, |s| s.max_fails = 2), server(2, |s| s.down = true), server(3, |_| ())]);
    let fail = |now| {
        let mut tried = g.start();
        let Pick::Peer(held) = g.choose(&mut tried, &mut Nobody, false, now) else { return None };
        g.free(held, &mut tried, Verdict::FAILED, now).event
    };
    let mut events: Vec<String> = (0..4).filter_map(|_| fail(DAY)).map(|e| e.to_string()).collect();
    events.sort();
    assert_eq!(
        events,
        [
            "127.0.0.1:1 is out for 10s after 2 failures: upstream server temporarily disabled",
            "127.0.0.1:3 is out for 10s after 1 failure: upstream server temporarily disabled"
        ]
    );
    let Pick::NoLive(nobody) = g.choose(&mut g.start(), &mut Nobody, false, DAY + 3000) else {
        panic!("none")
    };
    assert_eq!(
        nobody.to_string(),
        "127.0.0.1:1 failed 2x, back in 8s; 127.0.0.1:2 down; 127.0.0.1:3 failed 1x, back in 8s"
    );
    assert_eq!(nobody.retry_after, Some(8));
    assert!(matches!(g.choose(&mut g.start(), &mut Nobody, true, DAY + 3000), Pick::Peer(_)), "fail open");
}

#[test]
fn failures_are_not_forgiven_by_successes_in_between() {
    let g = group(vec![server(1, |s| s.max_fails = 3), server(2, |s| s.max_fails = 3)]);
    let mut count = 0;
    let mut seen = [0; 3];
    for round in 0..30 {
        let mut tried = g.start();
        let now = DAY + round * 100;
        let Pick::Peer(held) = g.choose(&mut tried, &mut Nobody, false, now) else { panic!("a peer") };
        let port = held.peer().address.port();
        count += u32::from(port == 1);
        let fails = port == 1 && count.is_multiple_of(3);
        let _ = g.free(held, &mut tried, if fails { Verdict::FAILED } else { Verdict::SERVED }, now);
        if fails {
            seen[usize::from(once(&g, &mut tried, Verdict::SERVED, now))] += 1;
        } else {
            seen[usize::from(port)] += 1;
        }
    }
    assert_eq!(seen, [0, 6, 24], "as in nginx: out after the third of nine has failed");
}

#[test]
fn the_lone_peer_is_always_asked_unless_it_is_down_or_full() {
    let g = group(vec![server(1, |s| s.max_conns = 1), server(2, |s| s.down = true)]);
    for _ in 0..3 {
        let mut tried = g.start();
        assert_eq!(once(&g, &mut tried, Verdict::FAILED, DAY), 1);
        assert_eq!(tried.tries, 0);
    }
    let held = g.choose(&mut g.start(), &mut Nobody, false, DAY);
    let Pick::NoLive(full) = g.choose(&mut g.start(), &mut Nobody, true, DAY) else { panic!("full") };
    assert_eq!(full.peers[0].1, Reason::Full { conns: 1, max: 1 });
    drop(held);
    assert_eq!(ports(&g, 1, DAY), [1], "a peer that is dropped is given back");
}

#[test]
fn backups_are_asked_when_no_primary_peer_may_be() {
    let g = group(vec![server(1, |_| ()), server(2, |s| s.backup = true), server(3, |s| s.backup = true)]);
    let mut tried = g.start();
    assert_eq!(tried.tries, 3);
    let order: Vec<u16> = (0..3).map(|_| once(&g, &mut tried, Verdict::FAILED, DAY)).collect();
    assert_eq!(order, [1, 2, 3]);
    assert_eq!(tried.tries, 0);
}

#[test]
fn a_name_that_resolves_differently_keeps_what_is_known_of_the_peers_that_stay() {
    let mut line = server(1, |s| s.resolve = true);
    line.addresses.clear();
    let g = group(vec![line, server(9, |_| ())]);
    let line = g.to_resolve().next().cloned().expect("a line to resolve");
    let at = |port: u16| Found::from(Address::parse("127.0.0.1", port).expect("an address"));
    assert_eq!(g.resolved(&line, &[at(1), at(2)]).len(), 0);
    let mut old = g.start();
    assert_eq!(once(&g, &mut old, Verdict::FAILED, DAY), 1);
    let left = g.resolved(&line, &[at(1), at(3)]);
    assert_eq!(left.iter().map(|peer| peer.address.port()).collect::<Vec<_>>(), [2]);
    assert_eq!(once(&g, &mut old, Verdict::SERVED, DAY), 2, "a request keeps the peers it began with");
    let mut seen = ports(&g, 4, DAY);
    seen.sort_unstable();
    assert_eq!(seen, [3, 3, 9, 9], "the failure of the first is remembered");
}

#[test]
fn a_peer_that_comes_back_starts_slowly_if_told_so() {
    let slow = |s: &mut Server| (s.weight, s.slow_start_ms, s.fail_timeout_s) = (100, 10_000, 1);
    let g = group(vec![server(1, slow), server(2, |s| s.weight = 100)]);
    assert_eq!(once(&g, &mut g.start(), Verdict::FAILED, DAY), 1);
    let back = loop {
        if once(&g, &mut g.start(), Verdict::SERVED, DAY + 3000) == 1 {
            break DAY + 3000;
        }
    };
    let share = |after| ports(&g, 100, back + after).iter().filter(|port| **port == 1).count();
    let shares = [100, 2500, 5000, 10_000].map(share);
    assert!(shares[0] <= 2 && shares[1] < shares[2] && shares[2] < 40, "{shares:?}");
    assert!((45..=55).contains(&shares[3]), "{shares:?}");
}

#[test]
fn a_peer_that_a_check_takes_out_is_down_until_the_check_brings_it_back() {
    let g = group(vec![server(1, |_| ()), server(2, |_| ())]);
    let one = g.roster().primary.peers[0].clone();
    assert!(one.set_healthy(false, DAY) && !one.set_healthy(false, DAY));
    assert_eq!(ports(&g, 3, DAY), [2, 2, 2]);
    assert!(one.set_healthy(true, DAY));
    let mut seen = ports(&g, 2, DAY);
    seen.sort_unstable();
    assert_eq!(seen, [1, 2]);
}

#[test]
fn a_peer_may_be_held_again_for_a_new_connection() {
    let g = group(vec![server(1, |_| ()), server(2, |_| ())]);
    let mut tried = g.start();
    let Pick::Peer(held) = g.choose(&mut tried, &mut Nobody, false, DAY) else { panic!("a peer") };
    let peer = held.peer().clone();
    let _ = g.free(held, &mut tried, Verdict::SERVED, DAY);
    let again = g.hold(&peer, DAY);
    assert_eq!((again.peer().state.get(Field::Conns), again.is_single()), (1, false));
    drop(again);
    assert_eq!(peer.state.get(Field::Conns), 0);
}

proptest::proptest! {
    #[test]
    fn no_name_of_a_server_panics(name in "[a-z0-9.:/\\[\\]x-]{0,20}", port in 0u16..) {
        let mut server = Server::new(&name, Place::command_line());
        server.resolve = true;
        let _ = server.locate(port);
    }
}
