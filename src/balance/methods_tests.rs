//! The methods, compared with what Debian's nginx 1.22 chose for the same servers and keys.

use super::group::{Group, Parts, Pick};
use super::hash::Hash;
use super::ip_hash::IpHash;
use super::least_conn::LeastConn;
use super::least_time::{By, LeastTime};
use super::peers::{Field, Held};
use super::random::{Random, Two};
use super::round_robin::tests::{Nobody, group, once, server};
use super::server::Server;
use super::{Balancer, Client, Verdict};
use crate::buf::Slice;
use crate::conf::template::Template;
use crate::util::address::Address;
use proptest::prelude::*;

const DAY: u64 = 86_400_000;

/// A client with an address, whose every template has one value.
struct Somebody(Address, String);

impl Client for Somebody {
    fn eval(&mut self, _: &Template) -> Slice {
        Slice::from(self.1.clone())
    }
    fn address(&self) -> Address {
        self.0.clone()
    }
    fn cookie(&self, _: &[u8]) -> Option<Vec<u8>> {
        None
    }
}

/// Weights 1, 2, 1, 3 on ports 21081 to 21084; the third may be down.
fn four(down: bool) -> Vec<Server> {
    let weights = [1, 2, 1, 3];
    let line =
        |(port, weight): (u16, u32)| server(port, |s| (s.weight, s.down) = (weight, down && port == 21083));
    (21081..).zip(weights).map(line).collect()
}

fn with(method: impl Balancer + 'static, servers: Vec<Server>) -> Group {
    Group::new("u", Parts { servers, method: Some(Box::new(method)), ..Parts::default() })
}

fn pick(group: &Group, client: &mut dyn Client, now_ms: u64) -> Option<Held> {
    match group.choose(&mut group.start(), client, false, now_ms) {
        Pick::Peer(held) => Some(held),
        _ => None,
    }
}

/// The last digits of the ports chosen for each client.
fn digits(group: &Group, clients: impl Iterator<Item = Somebody>) -> String {
    let port = |mut client: Somebody| pick(group, &mut client, DAY).map_or(0, |h| h.peer().address.port());
    clients.map(|client| (port(client) % 10).to_string()).collect()
}

fn keys(count: usize) -> impl Iterator<Item = Somebody> {
    (0..count).map(|n| Somebody(Address::NONE, format!("key{n}")))
}

#[test]
fn keys_go_where_nginx_sends_them() {
    for (consistent, down, expected) in [
        (
            false,
            false,
            "123324434414342441431241422324124134442444444442424224222413234143414411421244421242141141442331\
             433212133222423441244344",
        ),
        (
            false,
            true,
            "122424424414242441421241422224124144442444444442424224222411224142414411421244421242141141442441\
             412212144222424441244444",
        ),
        (
            true,
            false,
            "224431434212424241223214431144442141242334241444444244222321412424422222422412244444424242214444\
             233343242224442442423244",
        ),
        (
            true,
            true,
            "224441444212424241224214441144442141242424241444444244222221412424422222422412244444424242214444\
             214441242224442442424244",
        ),
    ] {
        let g = with(Hash { key: Template::default(), consistent }, four(down));
        assert_eq!(digits(&g, keys(120)), expected, "consistent: {consistent}, one down: {down}");
    }
}

#[test]
fn addresses_go_where_nginx_sends_them() {
    let g = with(IpHash, four(true));
    let from = |text: String| Somebody(Address::parse(&text, 80).expect("an address"), String::new());
    assert_eq!(
        digits(&g, (0..120).map(|n| from(format!("10.{n}.{}.9", n * 7 % 256)))),
        "44441222444122244412214441224441221442144412244441224444122444412244441222122244412214442224441222\
         4441221444\
         124412244441"
    );
    assert_eq!(
        digits(&g, (0..60).map(|n| from(format!("[2001:db8::{n:x}]")))),
        "224441224444122444412244441222444122244412244441224444122144"
    );
}

#[test]
fn without_a_key_requests_take_turns() {
    for consistent in [true, false] {
        let g =
            with(Hash { key: Template::default(), consistent }, vec![server(1, |_| ()), server(2, |_| ())]);
        let chosen = digits(&g, (0..6).map(|_| Somebody(Address::NONE, String::new())));
        assert_eq!(chosen, "121212");
    }
}

#[test]
fn failing_servers_are_passed_over_as_in_nginx() {
    let g = group(vec![
        server(1, |s| s.weight = 4),
        server(9, |s| (s.weight, s.max_fails) = (5, 3)),
        server(3, |s| s.weight = 2),
        server(8, |s| s.max_fails = 2),
    ]);
    let request = || {
        let mut tried = g.start();
        let mut asked = Vec::new();
        loop {
            let Pick::Peer(held) = g.choose(&mut tried, &mut Nobody, false, DAY) else { break };
            let port = held.peer().address.port();
            asked.push(port.to_string());
            let verdict = if port > 3 { Verdict::FAILED } else { Verdict::SERVED };
            let _ = g.free(held, &mut tried, verdict, DAY);
            if !verdict.failed {
                break;
            }
        }
        asked.join("+")
    };
    let chosen: Vec<String> = (0..20).map(|_| request()).collect();
    assert_eq!(chosen.join(" "), "9+1 3 1 9+8+1 1 3 9+1 1 8+1 3 1 1 3 1 1 3 1 1 3 1");
}

#[test]
fn the_least_busy_server_is_chosen_and_equals_take_turns() {
    let three = || vec![server(1, |s| s.weight = 3), server(2, |_| ()), server(3, |s| s.weight = 2)];
    let g = with(LeastConn, three());
    assert_eq!(digits(&g, keys(12)), "131231131231");
    let first = pick(&g, &mut Nobody, DAY);
    let busy: Vec<Held> = (0..5).filter_map(|_| pick(&g, &mut Nobody, DAY)).collect();
    let mut spread: Vec<u16> = busy.iter().chain(&first).map(|held| held.peer().address.port()).collect();
    spread.sort_unstable();
    assert_eq!(spread, [1, 1, 1, 2, 3, 3], "six requests at once, by weight");
}

fn answer(group: &Group, total_ms: u64, now_ms: u64) -> u16 {
    let mut tried = group.start();
    let Pick::Peer(held) = group.choose(&mut tried, &mut Nobody, false, now_ms) else { return 0 };
    let port = held.peer().address.port();
    let _ = group.free(held, &mut tried, Verdict::answered(total_ms, total_ms), now_ms + total_ms);
    port
}

#[test]
fn a_slow_server_is_left_alone_until_its_time_has_faded() {
    let by = LeastTime { by: By::LastByte, inflight: false };
    let g = with(by, vec![server(1, |s| s.fail_timeout_s = 0), server(2, |_| ())]);
    assert_eq!(answer(&g, 4000, DAY), 1);
    for second in 4..8 {
        assert_eq!(answer(&g, 5, DAY + second * 1000), 2, "after {second} seconds");
    }
    let chosen: Vec<u16> = (0..10).map(|n| answer(&g, 1, DAY + 8000 + n)).collect();
    assert_eq!(chosen.iter().filter(|port| **port == 1).count(), 1, "one probe: {chosen:?}");
}

#[test]
fn answers_that_do_not_come_count_with_inflight() {
    for (inflight, expected) in [(true, 2), (false, 1)] {
        let by = LeastTime { by: By::Header, inflight };
        let g = with(by, vec![server(1, |s| s.weight = 100), server(2, |_| ())]);
        let hanging = pick(&g, &mut Nobody, DAY);
        assert_eq!(hanging.as_ref().map(|held| held.peer().address.port()), Some(1));
        assert_eq!(answer(&g, 1, DAY + 60_000), expected, "inflight: {inflight}");
    }
}

#[test]
fn random_finds_those_that_may_be_asked_and_two_prefers_the_idle_one() {
    let g = with(Random::seeded(None, 1), four(true));
    let chosen = digits(&g, keys(600));
    assert!(!chosen.contains('3') && !chosen.contains('0'));
    let share = |digit: char| chosen.chars().filter(|c| *c == digit).count();
    assert!((60..140).contains(&share('1')) && (250..350).contains(&share('4')), "{chosen}");
    let two = with(Random::seeded(Some(Two::LeastConn), 7), vec![server(1, |_| ()), server(2, |_| ())]);
    let busy = pick(&two, &mut Nobody, DAY);
    let idle = busy.as_ref().map(|held| 3 - held.peer().address.port());
    for _ in 0..20 {
        let next = pick(&two, &mut Nobody, DAY).map(|held| held.peer().address.port());
        assert_eq!(next, idle);
    }
}

proptest! {
    #[test]
    fn a_full_round_gives_each_server_as_many_requests_as_its_weight(
        weights in proptest::collection::vec(1u32..20, 1..9),
    ) {
        let servers = (1u16..).zip(&weights).map(|(port, weight)| server(port, |s| s.weight = *weight));
        let g = group(servers.collect());
        let mut counts = vec![0; weights.len()];
        for _ in 0..weights.iter().sum::<u32>() {
            let port = once(&g, &mut g.start(), Verdict::SERVED, DAY);
            counts[usize::from(port) - 1] += 1;
        }
        prop_assert_eq!(counts, weights);
    }

    #[test]
    fn whatever_fails_everybody_is_given_back_and_nobody_is_asked_twice(
        lines in proptest::collection::vec((1u32..9, 0u64..4, 0u64..3, any::<bool>(), any::<bool>()), 1..7),
        fails in proptest::collection::vec(any::<bool>(), 1..80),
        method in 0usize..7,
    ) {
        let line = |(port, (weight, max_fails, max_conns, down, backup)): (u16, _)| server(port, |s| {
            (s.weight, s.max_fails, s.max_conns) = (weight, max_fails, max_conns);
            (s.down, s.backup) = (down, backup);
            s.slow_start_ms = u64::from(weight) * 1000;
        });
        let key = Template::default;
        let method: Option<Box<dyn Balancer>> = match method {
            0 => Some(Box::new(LeastConn)),
            1 => Some(Box::new(IpHash)),
            2 => Some(Box::new(Hash { key: key(), consistent: false })),
            3 => Some(Box::new(Hash { key: key(), consistent: true })),
            4 => Some(Box::new(Random::seeded(Some(Two::LeastConn), 3))),
            5 => Some(Box::new(LeastTime { by: By::Header, inflight: true })),
            _ => None,
        };
        let servers = (1u16..).zip(lines).map(line).collect();
        let g = Group::new("u", Parts { servers, method, ..Parts::default() });
        let mut now = DAY;
        for (n, fails) in fails.into_iter().enumerate() {
            let mut client = Somebody(Address::NONE, format!("{n}"));
            let mut tried = g.start();
            let mut asked = Vec::new();
            while let Pick::Peer(held) = g.choose(&mut tried, &mut client, false, now) {
                prop_assert!(!asked.contains(&held.peer().address), "{:?} again", held.peer());
                asked.push(held.peer().address.clone());
                now += 700;
                let verdict = if fails { Verdict::FAILED } else { Verdict::answered(5, 700) };
                let _ = g.free(held, &mut tried, verdict, now);
                if tried.tries == 0 {
                    break;
                }
            }
        }
        for peer in g.roster().all() {
            prop_assert_eq!(peer.state.get(Field::Conns), 0);
            prop_assert_eq!(peer.state.get(Field::Started), 0);
        }
    }
}
