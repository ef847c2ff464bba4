//! A worker's names against a name server of the test, over real sockets of the loopback.
//!
//! The server is played by the test itself: it takes a question when the resolver has asked it, and answers
//! when the test says so.

use super::super::message::{Kind, tests as messages};
use super::*;
use crate::event::RequestIx;
use crate::event::net::Source;
use crate::event::{ExchangeId, timer};
use mio::Events;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};

struct Bench {
    net: Net,
    resolvers: Resolvers,
    server: UdpSocket,
    servers: Rc<Nameservers>,
}

/// A question that has come to the server.
struct Asked {
    bytes: Vec<u8>,
    from: SocketAddr,
}

fn bench() -> Bench {
    let server = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket");
    let address = server.local_addr().expect("its address");
    let servers = Nameservers { ipv6: false, ..Nameservers::new(vec![address]) };
    let net = Net::new(64).expect("a poll");
    Bench { net, resolvers: Resolvers::default(), server, servers: Rc::new(servers) }
}

fn request(number: u32) -> Waiter {
    Waiter::Request(ExchangeId(number), RequestIx::MAIN)
}

impl Bench {
    fn ask(&mut self, host: &str, service: Option<&str>, timeout_ms: u64, waiter: Waiter) -> Resolved {
        let ask = Ask { host: host.as_bytes(), service, port: 80, timeout_ms };
        self.resolvers.resolve(&mut self.net, &self.servers, ask, waiter)
    }

    fn later(&mut self, host: &str, number: u32) -> Ticket {
        match self.ask(host, None, 30_000, request(number)) {
            Resolved::Later(ticket) => ticket,
            Resolved::Now(outcome) => panic!("known already: {outcome:?}"),
        }
    }

    fn asked(&self) -> Asked {
        let mut bytes = [0; 512];
        let (n, from) = self.server.recv_from(&mut bytes).expect("a question");
        Asked { bytes: bytes[..n].to_vec(), from }
    }

    fn say(&mut self, asked: &Asked, flags: u16, records: &[Vec<u8>]) {
        let mut bytes = asked.bytes.clone();
        bytes[2..4].copy_from_slice(&flags.to_be_bytes());
        bytes[7] = records.len() as u8;
        records.iter().for_each(|record| bytes.extend_from_slice(record));
        self.server.send_to(&bytes, asked.from).expect("an answer on its way");
        self.turn();
    }

    /// Waits for what the sockets have to say, and for timers.
    fn turn(&mut self) {
        let mut events = Events::with_capacity(16);
        self.net.poll(&mut events, Some(10_000)).expect("a wait");
        let sources: Vec<Source> = events.iter().filter_map(|event| self.net.note(event)).collect();
        for source in sources {
            let Source::Connection { id, .. } = source else { continue };
            let owner = self.net.table.get(id).map(|c| c.owner);
            if let Some(Owner::Service(Service::Resolver(number))) = owner {
                self.resolvers.event(&mut self.net, number, id, Side::Read);
            }
        }
        while let Some(due) = self.net.expired() {
            if let timer::Due::Key(TimerKey::Resolver, _) = due {
                self.resolvers.expire(&mut self.net);
            }
        }
    }

    fn finished(&mut self) -> Vec<(Waiter, Result<Vec<String>, ResolveError>)> {
        let all: Vec<Finished> = std::iter::from_fn(|| self.resolvers.finished()).collect();
        let texts = |answer: Answer| {
            let mut texts: Vec<String> = answer.addresses().map(|(a, _)| a.to_string()).collect();
            texts.sort();
            texts
        };
        all.into_iter().map(|done| (done.waiter, done.outcome.map(texts))).collect()
    }
}

/// A record of the name that was asked for.
fn record(kind: u16, ttl: u8, data: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0xc0, 12, 0, kind as u8, 0, 1, 0, 0, 0, ttl, 0, data.len() as u8];
    bytes.extend_from_slice(data);
    bytes
}

fn local(last: u8, ttl: u8) -> Vec<u8> {
    record(1, ttl, &[127, 0, 0, last])
}

fn ok(addresses: &[&str]) -> Result<Vec<String>, ResolveError> {
    Ok(addresses.iter().map(|address| address.to_string()).collect())
}

#[test]
fn all_who_wait_for_a_name_get_the_answer_to_one_question_and_sockets_are_closed() {
    let mut b = bench();
    b.later("a.test", 1);
    b.later("A.TEST.", 2);
    let asked = b.asked();
    b.say(&asked, 0x8180, &[local(1, 60), local(2, 60)]);
    let both = || ok(&["127.0.0.1:80", "127.0.0.2:80"]);
    assert_eq!(b.finished(), [(request(1), both()), (request(2), both())]);
    assert_eq!((b.resolvers.in_flight(), b.net.table.iter().count()), (0, 0));
    // From now on it is known; each time another address comes first.
    let mut first = Vec::new();
    for number in 3..5 {
        let Resolved::Now(Ok(answer)) = b.ask("a.test", None, 1, request(number)) else {
            panic!("asked again")
        };
        first.push(answer.addresses().next().expect("an address").0);
    }
    assert_ne!(first[0], first[1]);
}

#[test]
fn who_takes_a_question_back_hears_nothing() {
    let mut b = bench();
    let first = b.later("a.test", 1);
    let second = b.later("a.test", 2);
    b.resolvers.cancel(first);
    let asked = b.asked();
    b.say(&asked, 0x8180, &[local(1, 60)]);
    b.resolvers.cancel(second);
    assert_eq!(b.finished(), [], "also when the result is there and was not handed over yet");
}

#[test]
fn answers_of_zero_seconds_and_troubles_are_not_kept() {
    let mut b = bench();
    for (flags, records) in [(0x8180, vec![local(1, 0)]), (0x8182, vec![]), (0x8183, vec![])] {
        b.later("a.test", 1);
        let asked = b.asked();
        b.say(&asked, flags, &records);
        assert_eq!(b.finished().len(), 1);
    }
}

#[test]
fn silence_ends_for_each_when_its_own_time_is_over() {
    let mut b = bench();
    b.ask("a.test", None, 5, request(1));
    b.later("a.test", 2);
    while b.resolvers.finished.is_empty() {
        b.turn();
    }
    assert_eq!(b.finished(), [(request(1), Err(ResolveError::TimedOut))]);
    let asked = b.asked();
    b.say(&asked, 0x8180, &[local(1, 60)]);
    assert_eq!(b.finished(), [(request(2), ok(&["127.0.0.1:80"]))]);
}

#[test]
fn what_is_forged_is_passed_over() {
    let mut b = bench();
    b.later("a.test", 1);
    let asked = b.asked();
    let mut wrong_id = Asked { bytes: asked.bytes.clone(), from: asked.from };
    wrong_id.bytes[1] ^= 1;
    b.say(&wrong_id, 0x8180, &[local(66, 60)]);
    let mut wrong_name = Asked { bytes: asked.bytes.clone(), from: asked.from };
    wrong_name.bytes[13] = b'z';
    b.say(&wrong_name, 0x8180, &[local(66, 60)]);
    b.say(&asked, 0x0180, &[local(66, 60)]);
    assert_eq!(b.finished(), []);
    // Somebody else, with everything right but the address it comes from: the kernel drops it.
    let stranger = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket");
    let bytes = messages::answer(0, 0x8180, "a.test", Kind::A, 1, &local(66, 60));
    let _ = stranger.send_to(&[&asked.bytes[..2], &bytes[2..]].concat(), asked.from);
    b.say(&asked, 0x8180, &[local(1, 60)]);
    assert_eq!(b.finished(), [(request(1), ok(&["127.0.0.1:80"]))]);
}

#[test]
fn a_service_waits_for_all_its_targets() {
    let mut b = bench();
    let answer = b.ask("a.test", Some("http"), 30_000, Waiter::Line(7));
    assert!(matches!(answer, Resolved::Later(_)));
    let asked = b.asked();
    let wanted = message::question(0, &message::name(b"_http._tcp.a.test").expect("a name"), Kind::Srv);
    assert_eq!(asked.bytes[2..], wanted[2..]);
    let place = |priority: u8, port: u8, target: &[u8]| {
        record(33, 60, &[&[0, priority, 0, 3, 0, port], target].concat())
    };
    b.say(&asked, 0x8180, &[place(1, 81, b"\x01b\x00"), place(2, 82, b"\x01c\x00"), place(3, 83, b"\x00")]);
    let (first, second) = (b.asked(), b.asked());
    b.say(&second, 0x8180, &[local(2, 60)]);
    assert_eq!(b.finished(), []);
    b.say(&first, 0x8180, &[local(1, 60)]);
    let done = b.resolvers.finished().expect("a result");
    assert_eq!(done.waiter, Waiter::Line(7));
    let hosts = done.outcome.expect("addresses").hosts;
    let seen: Vec<_> =
        hosts.iter().map(|host| (host.ip.to_string(), host.port, host.weight, host.backup)).collect();
    let expected =
        [("127.0.0.1".to_owned(), Some(81), 3, false), ("127.0.0.2".to_owned(), Some(82), 3, true)];
    assert_eq!(seen, expected);
    assert_eq!((b.resolvers.in_flight(), b.net.table.iter().count()), (0, 0));
}

#[test]
fn targets_of_a_service_that_nobody_waits_for_any_more_are_given_up() {
    let mut b = bench();
    b.resolvers.patience = Patience([200; 3]);
    let Resolved::Later(ticket) = b.ask("a.test", Some("http"), 30_000, Waiter::Line(7)) else {
        panic!("it is known already")
    };
    let asked = b.asked();
    b.say(&asked, 0x8180, &[record(33, 60, b"\x00\x01\x00\x03\x00\x50\x01b\x00")]);
    b.resolvers.cancel(ticket);
    while b.resolvers.in_flight() > 0 {
        b.turn();
    }
    assert_eq!((b.finished(), b.net.table.iter().count()), (vec![], 0));
}

#[test]
fn an_impossible_name_is_known_not_to_exist() {
    let mut b = bench();
    for host in ["", "a..b", "a b\\c"] {
        assert_eq!(b.ask(host, None, 1, request(1)), Resolved::Now(Err(ResolveError::NOT_FOUND)), "{host}");
    }
}
